//! What of an exported tree does not belong into an image, by path: an engine's leftovers, and what must differ between
//! two machines made of one image.

use crate::rootfs::tree::{Kind, Node};

/// Directories that the running system mounts over, or empties at boot: they stay, what is in them goes.
///
/// `/dev` too: the initramfs mounts devtmpfs there before the root is used, and what an engine or a bootstrap leaves in it
/// (a regular file at `/dev/console`) only hides. FHS 3.0 lets nobody rely on `/tmp` across a boot; `/var/tmp` stays.
pub const EMPTIED: [(&str, u16); 5] =
    [("dev", 0o755), ("proc", 0o555), ("run", 0o755), ("sys", 0o555), ("tmp", 0o1777)];

/// `/etc/mtab` as systemd's own tmpfiles.d writes it.
pub const MTAB: &str = "../proc/self/mounts";
/// `/etc/resolv.conf` where systemd-resolved is installed (systemd-resolved(8), "/etc/resolv.conf").
pub const STUB_RESOLVER: &str = "../run/systemd/resolve/stub-resolv.conf";
/// Where systemd-resolved is, before and after the merge of `/usr`.
pub const RESOLVED: [&str; 2] = ["usr/lib/systemd/systemd-resolved", "lib/systemd/systemd-resolved"];

/// What becomes of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Keep,
    Drop,
    /// A symbolic link to this takes its place.
    Link(&'static str),
}

/// Judges a node of the export.
pub fn judge(node: &Node) -> Verdict {
    let path = node.path.as_bytes();
    let regular = matches!(node.kind, Kind::File { .. } | Kind::HardLink { .. });
    let below =
        |directory: &str| path.strip_prefix(directory.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"));
    if EMPTIED.iter().any(|(directory, _)| below(directory)) {
        return Verdict::Drop;
    }
    match path {
        b".dockerenv" | b".dockerinit" => Verdict::Drop,
        // an engine mounts its own over these and leaves empty files as mount points
        b"etc/resolv.conf" if node.kind == (Kind::File { size: 0 }) => Verdict::Drop,
        // a regular mtab lists the mounts of the machine that built the image
        b"etc/mtab" if regular => Verdict::Link(MTAB),
        // D-Bus reads systemd's, so both are made together at the first boot
        b"var/lib/dbus/machine-id" if regular => Verdict::Link("/etc/machine-id"),
        // the same seed on every server is no seed
        b"var/lib/systemd/random-seed"
        | b"var/lib/systemd/credential.secret"
        | b"var/lib/urandom/random-seed"
            if regular =>
        {
            Verdict::Drop
        }
        // the same key on every server lets each pass for any other
        _ if path.starts_with(b"etc/ssh/ssh_host_") && regular => Verdict::Drop,
        _ => Verdict::Keep,
    }
}
