//! kexec out of a running slot into another one: kexec(8) of the slot that runs, kernel, initramfs and command line as the
//! menu has them for the other.
//!
//! Only `/run` is written to. The services stop in order (`systemctl kexec`), so that the slot that is left is whole when
//! a later jump comes back to it.

use std::time::Duration;

use super::entrance;
use super::menu::Entry;
use super::session::{Session, SessionError};
use crate::base::shell::single_quoted;

/// Where all of it lies while the kernel is loaded.
const FOLDER: &str = "/run/osimg-test";
/// Reading an initramfs and checking a kernel, emulated.
const LOAD: Duration = Duration::from_secs(180);
/// Bytes of the segment in one command; base64 makes it a third longer, and a terminal takes less than 4,096.
const PIECE: usize = 2_400;

/// Why the jump was not made.
#[derive(Debug, thiserror::Error)]
pub enum JumpError {
    /// The slot that runs has no means of it.
    #[error("{0}")]
    Without(String),
    #[error("{doing}: {said}")]
    Failed { doing: &'static str, said: String },
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// The slot to go to.
pub struct Target<'a> {
    pub entry: &'a Entry,
    /// Its root filesystem's UUID.
    pub root: &'a str,
    /// The port of [`entrance`], to have the same shell there.
    pub port: Option<u8>,
}

/// Loads the target's kernel and checks that it is loaded.
pub async fn load(session: &mut Session<'_>, target: &Target<'_>) -> Result<(), JumpError> {
    let (Some(kernel), [initrd, ..]) = (&target.entry.kernel, target.entry.initrd.as_slice()) else {
        return Err(JumpError::Without(format!("the menu names no kernel for `{}`", target.entry.id)));
    };
    if session.run("command -v kexec", LOAD).await?.status != 0 {
        return Err(JumpError::Without("the slot that runs has no kexec (package kexec-tools)".to_string()));
    }
    let tree = format!("{FOLDER}/tree");
    must(session, "making a folder", &format!("mkdir -p {tree}")).await?;
    let mount = format!("mount -o ro UUID={} {tree}", target.root);
    must(session, "mounting the other slot", &mount).await?;
    let (kernel, initrd) = (format!("{tree}{kernel}"), format!("{tree}{initrd}"));
    let whole = format!("{FOLDER}/initrd");
    must(session, "copying the initramfs", &format!("cat {} >{whole}", single_quoted(&initrd))).await?;
    if let Some(port) = target.port {
        append(session, &whole, &entrance::segment(port)).await?;
    }
    let line = command_line(&target.entry.arguments);
    let load = format!(
        "kexec -l {} --initrd={whole} --command-line={}",
        single_quoted(&kernel),
        single_quoted(&line)
    );
    must(session, "loading the kernel", &load).await?;
    must(session, "putting away", &format!("umount {tree} && rm {whole}")).await?;
    // Debian's unit of kexec-tools would load another kernel, or unload this one, as it stops
    let units =
        "for u in kexec-load.service kexec.service; do systemctl stop $u; systemctl mask --runtime $u; done";
    session.run(units, LOAD).await?;
    let loaded = session.run("cat /sys/kernel/kexec_loaded", LOAD).await?.text();
    if loaded != "1" {
        let said = format!("/sys/kernel/kexec_loaded says `{loaded}`");
        return Err(JumpError::Failed { doing: "loading the kernel", said });
    }
    Ok(())
}

/// Leaves for the loaded kernel; what comes is on the console.
pub fn leave(session: &Session<'_>) {
    session.send("systemctl kexec");
}

async fn must(session: &mut Session<'_>, doing: &'static str, command: &str) -> Result<(), JumpError> {
    let answer = session.run(command, LOAD).await?;
    if answer.status == 0 { Ok(()) } else { Err(JumpError::Failed { doing, said: answer.text() }) }
}

/// Adds `segment` at a multiple of four bytes, where the kernel looks for an uncompressed one.
async fn append(session: &mut Session<'_>, file: &str, segment: &[u8]) -> Result<(), JumpError> {
    let pad = format!("truncate -s %512 {file}");
    must(session, "padding the initramfs", &pad).await?;
    for piece in segment.chunks(PIECE) {
        let command = format!("echo {} | base64 -d >>{file}", base64(piece));
        must(session, "adding to the initramfs", &command).await?;
    }
    Ok(())
}

/// The words as one line that the kernel takes apart again: a value with blanks stands in double quotes.
fn command_line(words: &[String]) -> String {
    let quoted = |word: &String| match word.split_once('=') {
        Some((name, value)) if word.contains(' ') => format!("{name}=\"{value}\""),
        _ if word.contains(' ') => format!("\"{word}\""),
        _ => word.clone(),
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// RFC 4648, section 4, padded.
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_base64() {
        for (text, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("fooba", "Zm9vYmE=")]
        {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xff, 0xef]), "/+8=");
    }

    #[test]
    fn a_line_that_the_kernel_takes_apart_as_before() {
        let words = ["root=UUID=1", "rw", "dyndbg=file a +p"].map(String::from);
        assert_eq!(command_line(&words), "root=UUID=1 rw dyndbg=\"file a +p\"");
    }
}
