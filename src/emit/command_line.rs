//! The kernel's command line (`Documentation/admin-guide/kernel-parameters.rst`).
//!
//! Enters: the root filesystem's UUID, the consoles, the manifest's arguments. Leaves: one line that the kernel reads
//! whole, and the words of it.

use uuid::Uuid;

use super::{EmitError, printable};
use crate::front::model::{COMMAND_LINE_LIMIT, Console};

/// Root by UUID, each console, then `args` as written. The last console becomes `/dev/console`.
pub fn command_line(root: Uuid, consoles: &[Console], args: &[String]) -> Result<String, EmitError> {
    // `rw`: container images mask systemd-remount-fs.service (CentOS does), and nothing else would remount a root
    // that starts read-only; dracut has checked the filesystem before it mounts it
    let mut words = vec![format!("root=UUID={root}"), "rw".to_string()];
    words.extend(consoles.iter().map(|c| format!("console={}", c.argument())));
    for arg in args {
        printable("kernel argument", arg, None)?;
        let refuse = |problem| {
            Err(EmitError::Value { what: "kernel argument", value: arg.clone(), problem, span: None })
        };
        if arg.contains(['\'', '\\']) {
            // grub_create_loader_cmdline puts a backslash before each, and the kernel does not take it away
            return refuse("GRUB cannot pass quotes of this kind or backslashes on to the kernel");
        }
        if arg.matches('"').count() % 2 == 1 {
            return refuse("a double quote is not closed");
        }
        words.push(arg.clone());
    }
    let line = words.join(" ");
    if line.len() > COMMAND_LINE_LIMIT {
        return Err(EmitError::CommandLine { length: line.len(), limit: COMMAND_LINE_LIMIT });
    }
    Ok(line)
}

/// The words of a command line as the kernel divides it: at blanks outside double quotes, the quotes taken away.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut current = String::new();
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => {
                if !current.is_empty() {
                    words.push(std::mem::take(&mut current));
                }
            }
            _ => current.push(c),
        }
    }
    if !current.is_empty() {
        words.push(current);
    }
    words
}

/// What the kernel gets when GRUB's `linux` is given `kernel` and the words of `line` (`grub_cmd_linux` and
/// `grub_create_loader_cmdline` of GRUB 2.02 to 2.12): a word with a blank in it comes in double quotes as a whole.
pub fn passed_by_grub(kernel: &str, line: &str) -> String {
    let quoted = |word: &str| match word.contains(' ') {
        true => format!("\"{word}\""),
        false => word.to_string(),
    };
    let words: Vec<String> = words(line).iter().map(|w| quoted(w)).collect();
    format!("BOOT_IMAGE={} {}", quoted(kernel), words.join(" "))
}

/// Refuses a command line that the kernel would cut once GRUB has put `BOOT_IMAGE` before it and a trial its arguments
/// behind it.
pub fn fits(kernel: &str, line: &str, trial: &[String]) -> Result<(), EmitError> {
    let longest = passed_by_grub(kernel, line).len() + trial.iter().map(|a| a.len() + 1).sum::<usize>();
    match longest > COMMAND_LINE_LIMIT {
        true => Err(EmitError::CommandLine { length: longest, limit: COMMAND_LINE_LIMIT }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::model::command_line_length;

    fn console(device: &str, options: Option<&str>) -> Console {
        Console { device: device.to_string(), options: options.map(str::to_string) }
    }

    #[test]
    fn the_articles_line() {
        let consoles = [console("tty0", None), console("ttyS0", Some("115200"))];
        let line = command_line(Uuid::nil(), &consoles, &["modprobe.blacklist=floppy".into()]).expect("fits");
        assert_eq!(
            line,
            "root=UUID=00000000-0000-0000-0000-000000000000 rw console=tty0 console=ttyS0,115200 \
             modprobe.blacklist=floppy"
        );
    }

    #[test]
    fn the_kernel_reads_it_whole() {
        let long = |n: usize| command_line(Uuid::nil(), &[], &["x".repeat(n)]);
        let base = command_line(Uuid::nil(), &[], &[]).expect("fits").len() + 1;
        assert_eq!(long(COMMAND_LINE_LIMIT - base).expect("fits").len(), COMMAND_LINE_LIMIT);
        assert!(matches!(
            long(COMMAND_LINE_LIMIT - base + 1),
            Err(EmitError::CommandLine { length: 2048, limit: 2047 })
        ));
    }

    #[test]
    fn the_front_end_counts_as_this_writes() {
        let consoles = [console("tty0", None), console("ttyS0", Some("115200"))];
        let args = ["quiet".to_string(), "a=\"b c\"".to_string()];
        let line = command_line(Uuid::nil(), &consoles, &args).expect("fits");
        let words = consoles.each_ref().map(Console::argument);
        let length = command_line_length(words.iter().map(String::as_str), args.iter().map(String::as_str));
        assert_eq!(line.len(), length);
    }

    #[test]
    fn what_would_not_arrive_is_refused() {
        for arg in ["a\nb", "a'b", "a\\b", "a=\"b"] {
            assert!(command_line(Uuid::nil(), &[], &[arg.into()]).is_err(), "{arg:?}");
        }
    }

    #[test]
    fn what_grub_passes_is_what_the_kernel_divides_again() {
        let line = r#"root=UUID=1 rw dyndbg="file a.c +p" x="#;
        let passed = passed_by_grub("/boot/vmlinuz", line);
        assert_eq!(passed, r#"BOOT_IMAGE=/boot/vmlinuz root=UUID=1 rw "dyndbg=file a.c +p" x="#);
        assert_eq!(words(&passed)[1..], words(line));
    }

    #[test]
    fn words_keep_what_quotes_hold() {
        assert_eq!(words(r#"rw  dyndbg="file a +p" x"#), ["rw", "dyndbg=file a +p", "x"]);
    }
}
