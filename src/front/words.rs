//! What a word of a manifest may be: one pattern each, which the schema shows and the rules apply.
//!
//! The patterns are the part of ECMA-262 that Rust's `regex` reads alike. Many of these words end in a shell line of a
//! Dockerfile, in grub.cfg or in fstab: none of the patterns lets through white space, quotes, `$`, a backtick, `;`,
//! `&`, `|`, `<`, `>`, parentheses, a backslash, a control character, or an option's leading dash.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use regex::Regex;

/// RFC 1123, section 2.1: labels of at most 63 letters, digits and inner hyphens.
pub const HOSTNAME: &str =
    "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$";
/// Package names of deb and rpm, with a version (`=1.2-3` for apt, `-1.2-3` for rpm), an architecture (`:amd64`, `.x86_64`) or a
/// group's `@`.
pub const PACKAGE: &str = "^@?[A-Za-z0-9][A-Za-z0-9+._:~=^/-]*$";
/// systemd.unit(5): a prefix of letters, digits and `:-_.`, with an instance after `@`; backslash escapes are left out.
pub const UNIT: &str = "^[A-Za-z0-9:_.][A-Za-z0-9:_.-]*(@[A-Za-z0-9:_.-]*)?\\.(service|socket|target|timer|path|mount|automount|swap|slice|scope|device)$";
/// A menu title: one line that a screen of 80 columns shows.
pub const TITLE: &str = "^[^\\x00-\\x1f\\x7f]{1,70}$";
/// A path of the host: something, without control characters.
pub const PATH: &str = "^[^\\x00-\\x1f\\x7f-\\x9f]+$";
/// A path of the host that names no folder.
pub const FILE: &str = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\x00-\\x1f\\x7f-\\x9f/]$";
/// A stage of a Dockerfile by its name or its number (BuildKit's `instructions` package).
pub const STAGE: &str = "^([a-zA-Z][a-zA-Z0-9_.-]*|[0-9]{1,4})$";
/// Something is said.
pub const REASON: &str = "[^ \\t\\r\\n]";
/// A systemd unit that is a target.
pub const TARGET: &str = "^[A-Za-z0-9:_.][A-Za-z0-9:_.-]*(@[A-Za-z0-9:_.-]*)?\\.target$";
/// useradd(8), the portable part.
pub const USER: &str = "^[a-z_][a-z0-9_-]{0,31}$";
/// crypt(5): `$id$…` with the methods that today's libcrypt reads, or a lock (`!`, `*`).
pub const PASSWORD_HASH: &str =
    "^(\\$(1|2[abxy]?|5|6|7|y|gy|md5|sha1|3|sm3|sm3-yescrypt)\\$[A-Za-z0-9./$=,+-]{8,}|!!?|\\*)$";
/// sshd(8), "AUTHORIZED_KEYS FILE FORMAT", without options: type, base64, comment.
pub const SSH_KEY: &str = "^(ssh-(ed25519|rsa|dss)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\\.com) [A-Za-z0-9+/]{16,}={0,3}( [^\\x00-\\x1f\\x7f]*)?$";
/// An absolute path of a program.
pub const SHELL: &str = "^(/[A-Za-z0-9_+][A-Za-z0-9._+-]*)+$";
/// An absolute path without control characters and not ending in a slash; normality is checked beside it.
pub const ABSOLUTE_PATH: &str = "^/[^\\x00-\\x1f\\x7f]*[^/\\x00-\\x1f\\x7f]$|^/[^/\\x00-\\x1f\\x7f]$";
/// A kernel module, or a filesystem as the kernel names it.
pub const MODULE: &str = "^[A-Za-z0-9_][A-Za-z0-9_.-]*$";
/// What `uname -r` can say (a folder of `/lib/modules`).
pub const KERNEL_VERSION: &str = "^[0-9]+\\.[0-9]+[A-Za-z0-9._+~-]*$";
/// One argument of the kernel's command line; quotes may hold spaces, as the kernel's own parser has them.
pub const KERNEL_ARG: &str = "^[A-Za-z0-9_][A-Za-z0-9_.-]*(=([A-Za-z0-9_.,:/@%+=!?*~^\\[\\]-]*|\"[ A-Za-z0-9_.,:/@%+=!?*~^\\[\\]-]*\"))?$";
/// A console: a device of `/dev` and, for a serial one, its line settings (speed, parity, bits, flow control).
pub const CONSOLE: &str = "^(tty[0-9]{1,2}|(tty(S|AMA|USB|PS|mxc|SAC|LP)|hvc|xvc|ttysclp)[0-9]{1,3}(,[0-9]{2,7}([noe]([5-8]r?)?)?)?)$";
/// A name of a Dockerfile's `ARG`.
pub const BUILD_ARG: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
/// A Debian or Ubuntu release.
pub const SUITE: &str = "^[a-z][a-z0-9-]*$";
/// A package mirror's address.
pub const MIRROR: &str = "^(https?|file)://[A-Za-z0-9._~:/@%+=-]+$";
/// A digest as `sha256sum` prints it.
pub const SHA256: &str = "^[0-9a-fA-F]{64}$";
/// A disk's size.
pub const DISK_SIZE: &str = "^(auto|[0-9]+(\\.[0-9]{1,6})? ?(B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)?)$";
/// A slot's size.
pub const SLOT_SIZE: &str = "^([0-9]+(\\.[0-9]{1,6})? ?(B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)?|(100(\\.0{1,6})?|[0-9]{1,2}(\\.[0-9]{1,6})?) ?%)$";
/// How long the menu waits.
pub const TIMEOUT: &str = "^[0-9]{1,5}(s|m)$";
/// How long a slot on trial may take: half a minute to a day.
pub const TRIAL_TIME: &str = "^(([3-9][0-9]|[1-9][0-9]{2,3}|[1-7][0-9]{4}|8[0-5][0-9]{3}|86[0-3][0-9]{2}|86400)s|([1-9][0-9]{0,2}|1[0-3][0-9]{2}|14[0-3][0-9]|1440)m)$";
/// A hardware watchdog's time: ten seconds to ten minutes.
pub const WATCHDOG_TIME: &str = "^(([1-9][0-9]|[1-5][0-9]{2}|600)s|([1-9]|10)m)$";
/// A command of the shell on one line.
pub const COMMAND: &str = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^ \\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$";
/// Permission bits.
pub const MODE: &str = "^[0-7]{3,4}$";

/// Whether `text` is as `pattern`, one of the above or of a rule, says.
pub fn fits(pattern: &'static str, text: &str) -> bool {
    static COMPILED: Mutex<BTreeMap<&str, Regex>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let regex = compiled
        .entry(pattern)
        .or_insert_with(|| Regex::new(pattern).expect("every pattern compiles: the tests apply each"));
    regex.is_match(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// pattern, what fits, what does not
    const CASES: &[(&str, &[&str], &[&str])] = &[
        (REASON, &["why", " a b\n"], &["", " \n\t"]),
        (PATH, &["a", "../a b/", "/ä"], &["", "a\tb", "a\n"]),
        (FILE, &["a", "../a b", "/ä"], &["", "a/", "/", "a\n"]),
        (STAGE, &["runtime", "Build-2.x_y", "0"], &["", "a b", "-a", "1a"]),
        (HOSTNAME, &["node-a", "a", "N1.example.org"], &["", "-a", "a-", "a..b", "a_b", "a b"]),
        (
            PACKAGE,
            &[
                "openssh-server",
                "libstdc++6",
                "linux-image-6.1.0-28-amd64",
                "@core",
                "vim=2:9.0-1",
                "gcc:amd64",
            ],
            &["", "-y", "a b", "a;b", "$(id)", "`id`", "a\nb", "a&&b", "a|b", "a>b", "'a'", "a\\", "--allow"],
        ),
        (
            UNIT,
            &["sshd.service", "getty@tty1.service", "getty@.service", "a:b_c-d.timer"],
            &["sshd", "-a.service", "a b.service", "a;b.service", ".service\n", "x.conf", "a/b.service"],
        ),
        (TARGET, &["multi-user.target"], &["multi-user", "a.service"]),
        (USER, &["root", "_apt", "a-b"], &["", "Root", "-a", "a b", "0a", "a:b"]),
        (
            PASSWORD_HASH,
            &["$6$abc$0123456789abcdef/.", "$y$j9T$abc$defghijk", "!", "*", "$2b$12$abcdefghijklmnopqrstuv"],
            &["secret", "", "$6$", "$9$abc$0123456789", "$6$a:b$0123456789", "$6$a'b$01234567"],
        ),
        (
            SSH_KEY,
            &["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA me@host", "ssh-rsa AAAAB3NzaC1yc2EAAA=="],
            &[
                "ssh-ed25519",
                "AAAAC3NzaC1lZDI1NTE5AAAAIA",
                "ssh-rsa AAAAB3NzaC1yc2EAAA\nx",
                "rsa AAAAB3NzaC1yc2EAAA",
            ],
        ),
        (SHELL, &["/bin/bash", "/usr/bin/zsh-5.9"], &["bash", "/bin/", "/bin/ba sh", "/bin/../sh"]),
        (ABSOLUTE_PATH, &["/etc/motd", "/a", "/ä b"], &["", "/", "etc", "/etc/", "/a\nb"]),
        (MODULE, &["virtio_blk", "xfs", "nls_iso8859-1"], &["", "-a", "a b", "a,b"]),
        (
            KERNEL_VERSION,
            &["3.10.0-1160.el7.x86_64", "6.1.0-28-amd64"],
            &["", "latest", "6", "6.1 x", "6.1;x"],
        ),
        (
            KERNEL_ARG,
            &["quiet", "modprobe.blacklist=floppy", "a=1,2:3", "dyndbg=\"file a.c +p\"", "x="],
            &["", "a b", "a=$b", "a=`b`", "a\nb", "a='b'", "a={b}", "-a", "a=\"b"],
        ),
        (
            CONSOLE,
            &["tty0", "ttyS0", "ttyS0,115200", "ttyS1,115200n8", "ttyAMA0,9600n8r", "hvc0"],
            &["", "tty", "ttyS0,fast", "ttyS0 115200", "/dev/ttyS0", "tty0,115200", "com1"],
        ),
        (BUILD_ARG, &["RELEASE", "_a1"], &["", "1a", "A-B", "A B"]),
        (SUITE, &["bookworm", "stable-updates"], &["", "Bookworm", "a b", "-x"]),
        (
            MIRROR,
            &["http://mirror.example/debian"],
            &["mirror.example", "ftp://a", "http://a b", "http://$(x)"],
        ),
        (SHA256, &["0f1e0f1e0f1e0f1e0f1e0f1e0f1e0f1e0f1e0f1e0f1e0f1e0f1e0f1e0f1e0f1e"], &["", "0f1e"]),
        (DISK_SIZE, &["auto", "4GiB", "1.5 GiB", "4096"], &["", "4G", "50%", "GiB"]),
        (
            SLOT_SIZE,
            &["50%", "2GiB", "33.3%", "100 %", "100.0%"],
            &["", "2G", "auto", "-1%", "101%", "100.1%"],
        ),
        (TIMEOUT, &["0s", "5s", "1m"], &["", "5", "1h", "-1s", "123456s"]),
        (
            TRIAL_TIME,
            &["30s", "99s", "100s", "9999s", "79999s", "86399s", "86400s", "1m", "999m", "1399m", "1440m"],
            &["29s", "0s", "86401s", "86500s", "90000s", "0m", "1441m", "1500m", "030s", "5"],
        ),
        (
            WATCHDOG_TIME,
            &["10s", "99s", "100s", "599s", "600s", "1m", "9m", "10m"],
            &["9s", "601s", "700s", "0m", "11m", "010s", "60"],
        ),
        (COMMAND, &["true", " test -e /a && b 'c'"], &["", " ", "a\nb", "a\n"]),
        (MODE, &["0644", "755", "4755"], &["", "0999", "64", "00644", "rw-"]),
    ];

    #[test]
    fn patterns_let_through_what_they_should() {
        for (pattern, good, bad) in CASES {
            for text in *good {
                assert!(fits(pattern, text), "{text:?} should fit {pattern}");
            }
            for text in *bad {
                assert!(!fits(pattern, text), "{text:?} should not fit {pattern}");
            }
        }
    }

    #[test]
    fn nothing_that_a_shell_reads_as_more_than_a_word() {
        for pattern in
            [HOSTNAME, PACKAGE, UNIT, TARGET, USER, SHELL, MODULE, KERNEL_VERSION, SUITE, MIRROR, BUILD_ARG]
        {
            for c in " \t\n\r'\"`$;&|<>(){}[]\\*?!#\0".chars() {
                for text in [
                    format!("a{c}b"),
                    format!("/a{c}b"),
                    format!("6.1{c}b"),
                    format!("a{c}.service"),
                    format!("a{c}.target"),
                    format!("http://a{c}"),
                ] {
                    assert!(!fits(pattern, &text), "{text:?} fits {pattern}");
                }
            }
        }
    }
}
