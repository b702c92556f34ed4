//! A way into a slot that leaves the slot as it is: a root shell on a serial port that only the test's machine has.
//!
//! Leaves: an initramfs segment (cpio, format "newc"; Linux, `Documentation/driver-api/early-userspace/buffer-format.rst`)
//! that GRUB or kexec loads behind the slot's own initramfs. It holds one hook of dracut (dracut.modules(7), "pre-pivot"),
//! which writes a unit to `/run` right before systemd takes over the real root; `/run` moves along, so nothing is written
//! to the slot's filesystem. Where the initramfs is not dracut's, the hook lies where nobody looks and does nothing.
//!
//! The shell starts as early as systemd does, so that it answers in a system that comes to no login prompt as well, and
//! the login prompt on the console stays the slot's own.

use crate::base::shell::single_quoted;

/// What the shell says before it reads.
const GREETING: &str = "@osimg shell";
/// Where dracut looks for hooks. Since release 104 the folder is a link to `/var/lib/dracut/hooks`.
const HOOK: &str = "lib/dracut/hooks/pre-pivot/99-osimg-test.sh";
/// The unit of the shell.
pub const UNIT: &str = "osimg-test-shell.service";

/// The unit's text; `sysinit.target` wants it.
pub fn unit(port: u8) -> String {
    format!(
        "[Unit]
Description=Shell of osimg test
DefaultDependencies=no
After=systemd-tmpfiles-setup-dev.service
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/bin/sh -c 'stty -echo; echo \"{GREETING}\"; exec /bin/sh'
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS{port}
Environment=HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb PS1=
WorkingDirectory=/
KillMode=process
KillSignal=SIGKILL
Restart=always
RestartSec=1
"
    )
}

/// The hook. It is sourced by dracut's shell, so it must not `exit`.
fn hook(port: u8) -> String {
    format!(
        "mkdir -p /run/systemd/system/sysinit.target.wants
printf '%s' {} >/run/systemd/system/{UNIT}
ln -sf ../{UNIT} /run/systemd/system/sysinit.target.wants/{UNIT}
",
        single_quoted(&unit(port))
    )
}

/// The segment for a shell on `/dev/ttyS<port>`.
pub fn segment(port: u8) -> Vec<u8> {
    let mut out = Vec::new();
    // no folders: an entry for one that is a link in the slot's initramfs would replace the link
    record(&mut out, HOOK, 0o100_755, hook(port).as_bytes());
    record(&mut out, "TRAILER!!!", 0, b"");
    // a multiple of 512, so that a segment behind it would start at a multiple of 4
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn record(out: &mut Vec<u8>, name: &str, mode: u32, data: &[u8]) {
    let name_size = name.len() + 1;
    let inode = u32::from(!data.is_empty());
    // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    let fields = [inode, mode, 0, 0, 1, 0, data.len() as u32, 0, 0, 0, 0, name_size as u32, 0];
    out.extend_from_slice(b"070701");
    for field in fields {
        out.extend_from_slice(format!("{field:08X}").as_bytes());
    }
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::base::NodeReporter;
    use crate::host::command::Call;

    #[test]
    fn the_segment_is_a_cpio_archive() {
        let bytes = segment(1);
        assert_eq!(bytes.len() % 512, 0);
        assert!(bytes.starts_with(b"070701"));
        // the archive's own names: hook and trailer, each with its NUL
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(&format!("{HOOK}\0")) && text.contains("TRAILER!!!\0"));
        let size = u32::from_str_radix(&text[6 + 6 * 8..6 + 7 * 8], 16).expect("hexadecimal");
        assert_eq!(size as usize, hook(1).len());
    }

    #[tokio::test]
    async fn the_hook_writes_the_unit() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = hook(2).replace("/run/", &format!("{}/", folder.path().display()));
        let call = Call::new("sh").args(["-euc", &script]);
        call.run(&NodeReporter::silent(), &CancellationToken::new()).await.expect("it runs");
        let units = folder.path().join("systemd/system");
        let text = std::fs::read_to_string(units.join("sysinit.target.wants").join(UNIT)).expect("the link");
        assert!(text.contains("TTYPath=/dev/ttyS2\n"), "{text}");
        let start = text.lines().find(|l| l.starts_with("ExecStart=")).expect("it starts something");
        assert_eq!(start, "ExecStart=/bin/sh -c 'stty -echo; echo \"@osimg shell\"; exec /bin/sh'");
    }
}
