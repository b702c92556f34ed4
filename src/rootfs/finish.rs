//! From a raw engine export to the tree that goes on the disk, in one pass.
//!
//! Enters: a tree as an engine gives it, and what osimg writes into it. Leaves: the same tree without what belongs to a
//! container or to one machine only ([`scrub`]), with host name, hosts, fstab, machine id and the manifest's files, every
//! directory named; and a [`Census`] of it.
//!
//! What holds: the output is a tree as [`super::tree`] promises it, and depends on nothing but the input. An injected file
//! lands where a program would open it: links in its directories are followed, its last component is replaced. Since a
//! link may stream by after the file it hides, files *named* like an injected one wait until the end. What a hard link
//! needs of a file that is dropped moves to that link. Only files that are dropped or wait are held in memory, within
//! limits beyond which such a link or such a late symbolic link is an error.

mod census;
mod pass;
mod scrub;

use std::io::{self, Write};

pub use census::Census;

use super::archive_writer::{AppendError, ArchiveWriter};
use super::outline::{OutlineError, ResolveError};
use super::tree::{Timestamp, TreePath, TreeSource};

/// A file that osimg writes into the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    pub path: TreePath,
    /// At most 07777.
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub content: Vec<u8>,
}

/// What is done to a tree.
#[derive(Clone, Debug, Default)]
pub struct Finish {
    /// For `/etc/hostname`, without a newline.
    pub hostname: String,
    /// `/etc/hosts`.
    pub hosts: String,
    /// `/etc/fstab`.
    pub fstab: String,
    /// The manifest's `files`; one at `/etc/hosts` and kin wins over the above.
    pub files: Vec<Injected>,
    /// Directories that `fstab` mounts on, made 0755 where the tree lacks them.
    pub mount_points: Vec<TreePath>,
    /// The time of what is made here.
    pub created: Timestamp,
    /// Later times than this second become it: a build leaves its own time on what it touches.
    pub clamp: Option<i64>,
}

/// Why a tree could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    #[error("reading the exported tree: {0}")]
    Read(#[source] io::Error),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("{path}: {source}")]
    Clash { path: TreePath, source: OutlineError },
    #[error("{path} cannot be written: {source}")]
    Resolve { path: TreePath, source: ResolveError },
    #[error("{path} cannot be written: the image has a directory there")]
    DirectoryInTheWay { path: TreePath },
    #[error("{path} cannot be written: the image reaches the large file {file} under this name")]
    FileInTheWay { path: TreePath, file: TreePath },
    #[error("{first} and {second} are one file, {path}, through the image's symbolic links")]
    SameFile { first: TreePath, second: TreePath, path: TreePath },
    #[error(
        "{path} is a hard link to {target}, which does not belong into an image and is too large to move"
    )]
    LinkToDropped { path: TreePath, target: TreePath },
    #[error("the root cannot be written as a file")]
    Root,
}

/// Reads `source` to its end and writes the finished tree to `out`, which the caller finishes.
pub fn finish<W: Write>(
    source: &mut dyn TreeSource,
    finish: &Finish,
    out: &mut ArchiveWriter<W>,
) -> Result<Census, FinishError> {
    let mut pass = pass::Pass::new(finish, out)?;
    while let Some(item) = source.next_item().map_err(FinishError::Read)? {
        pass.offer(item.node, item.data)?;
    }
    pass.end()
}

/// Counts what `source` holds as it is, its data passed over.
pub fn census(source: &mut dyn TreeSource) -> io::Result<Census> {
    let mut count = census::Count::default();
    while let Some(item) = source.next_item()? {
        count.add(&item.node);
    }
    Ok(count.end())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Archive;
    use super::super::specimen::{self, Tree, dir, entry, file, hard, listing, pack, path, symlink, unpack};
    use super::super::tree::Kind;
    use super::*;

    fn injected(at: &str, content: &str) -> Injected {
        Injected { path: path(at), mode: 0o600, uid: 7, gid: 8, content: content.into() }
    }

    fn plan(files: Vec<Injected>) -> Finish {
        Finish {
            hostname: "node-a".into(),
            hosts: "127.0.0.1 localhost\n".into(),
            fstab: "UUID=x / ext4 defaults 0 1\n".into(),
            files,
            mount_points: vec![TreePath::new("/boot/osimg").expect("path")],
            created: Timestamp { secs: 2000, nanos: 0 },
            clamp: None,
        }
    }

    fn run(bytes: &[u8], plan: &Finish) -> Result<(Tree, Census), FinishError> {
        let mut out = ArchiveWriter::new(Vec::new());
        let census = finish(&mut Archive::new(bytes), plan, &mut out)?;
        let bytes = out.finish().expect("memory");
        Ok((unpack(&bytes).expect("a tree again"), census))
    }

    fn finished(tree: &[(super::super::tree::Node, Vec<u8>)], files: Vec<Injected>) -> String {
        listing(&run(&pack(tree), &plan(files)).expect("finishes").0)
    }

    fn problem(tree: &[(super::super::tree::Node, Vec<u8>)], files: Vec<Injected>) -> String {
        run(&pack(tree), &plan(files)).expect_err("refused").to_string()
    }

    /// What `docker export` sends, made with another tar writer.
    fn docker_export() -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut put = |name: &str, kind: tar::EntryType, mode: u32, data: &[u8], link: &str| {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(1500);
            header.set_size(data.len() as u64);
            if !link.is_empty() {
                header.set_link_name(link).expect("fits");
            }
            tar.append_data(&mut header, name, data).expect("memory");
        };
        use tar::EntryType::{Directory as D, Link as H, Regular as F, Symlink as S};
        for (name, kind, mode, data, link) in [
            (".dockerenv", F, 0o100755, "", ""),
            ("bin", S, 0o777, "", "usr/bin"),
            ("boot/", D, 0o755, "", ""),
            ("boot/vmlinuz-6.1", F, 0o644, "kernel", ""),
            ("dev/", D, 0o755, "", ""),
            ("dev/console", F, 0o755, "", ""),
            ("dev/pts/", D, 0o755, "", ""),
            ("etc/", D, 0o755, "", ""),
            ("etc/hostname", F, 0o755, "", ""),
            ("etc/hosts", F, 0o755, "", ""),
            ("etc/machine-id", F, 0o444, "0123456789abcdef0123456789abcdef\n", ""),
            ("etc/mtab", S, 0o777, "", "/proc/mounts"),
            ("etc/resolv.conf", F, 0o755, "", ""),
            ("etc/ssh/", D, 0o755, "", ""),
            ("etc/ssh/ssh_host_ed25519_key", F, 0o600, "secret", ""),
            ("etc/ssh/ssh_host_ed25519_key.pub", F, 0o644, "public", ""),
            ("etc/ssh/sshd_config", F, 0o644, "UsePAM yes\n", ""),
            ("lib", S, 0o777, "", "usr/lib"),
            ("proc/", D, 0o755, "", ""),
            ("run/", D, 0o755, "", ""),
            ("run/.containerenv", F, 0o644, "", ""),
            ("run/lock/", D, 0o1777, "", ""),
            ("sys/", D, 0o755, "", ""),
            ("tmp/", D, 0o1777, "", ""),
            ("tmp/build.log", F, 0o644, "left over", ""),
            ("usr/bin/", D, 0o755, "", ""),
            ("usr/bin/perl", F, 0o755, "elf", ""),
            ("usr/bin/perl5.36", H, 0o100755, "", "usr/bin/perl"),
            ("usr/lib/systemd/", D, 0o755, "", ""),
            ("usr/lib/systemd/systemd-resolved", F, 0o755, "elf", ""),
            ("usr/lib/systemd/system/a.service", F, 0o644, "old", ""),
            ("var/lib/dbus/", D, 0o755, "", ""),
            ("var/lib/dbus/machine-id", F, 0o644, "0123", ""),
            ("var/lib/systemd/random-seed", F, 0o600, "seed", ""),
        ] {
            put(name, kind, mode, data.as_bytes(), link);
        }
        tar.into_inner().expect("memory")
    }

    #[test]
    fn a_docker_export_becomes_an_image_tree() {
        let files = vec![injected("lib/systemd/system/a.service", "new"), injected("opt/site/key", "k")];
        let (tree, census) = run(&docker_export(), &plan(files)).expect("finishes");
        insta::assert_snapshot!(listing(&tree));
        insta::assert_debug_snapshot!(census);
    }

    #[test]
    fn a_hard_link_keeps_what_was_dropped() {
        let tree = [
            file("dev/data", "kept"),
            hard("dev/other", "dev/data"),
            hard("srv/one", "dev/other"),
            hard("srv/two", "dev/data"),
            file("etc/hosts", "theirs"),
            hard("srv/hosts", "etc/hosts"),
        ];
        let out = finished(&tree, vec![]);
        assert!(out.contains("/srv/one file 4 \"kept\"\n"), "{out}");
        assert!(out.contains("/srv/two hard /srv/one\n"), "{out}");
        assert!(out.contains("/srv/hosts file 6 \"theirs\"\n"), "{out}");
        assert!(out.contains("/etc/hosts file 20"), "{out}");
        assert!(!out.contains("/dev/"), "{out}");
    }

    #[test]
    fn a_link_to_something_large_and_dropped_is_refused() {
        let tree = [file("tmp/big", &"x".repeat(2 << 20)), hard("srv/big", "tmp/big")];
        assert_eq!(
            problem(&tree, vec![]),
            "/srv/big is a hard link to /tmp/big, which does not belong into an image and is too large to move"
        );
        assert!(!finished(&tree[..1], vec![]).contains("big"));
    }

    #[test]
    fn injected_files_go_where_links_lead_even_late_ones() {
        let tree = [
            file("usr/lib/x.conf", "old"),
            hard("usr/share/x.conf.orig", "usr/lib/x.conf"),
            file("usr/other/x.conf", "stays"),
            hard("usr/other/y", "usr/other/x.conf"),
            symlink("lib", "usr/lib"),
        ];
        let out = finished(&tree, vec![injected("lib/x.conf", "new")]);
        assert!(out.contains("0600 7:8 @2000 /usr/lib/x.conf file 3 \"new\"\n"), "{out}");
        assert!(out.contains("/usr/share/x.conf.orig file 3 \"old\"\n"), "{out}");
        assert!(out.contains("/usr/other/x.conf file 5 \"stays\"\n"), "{out}");
        assert!(out.contains("/usr/other/y hard /usr/other/x.conf\n"), "{out}");
    }

    #[test]
    fn injected_files_replace_links_themselves() {
        let out = finished(&[symlink("etc/motd", "../run/motd")], vec![injected("etc/motd", "hi")]);
        assert!(out.contains("/etc/motd file 2 \"hi\"\n"), "{out}");
        assert!(!out.contains("/run/motd"), "{out}");
    }

    #[test]
    fn machine_ids_linked_under_another_name_do_not_collide() {
        let tree = [file("var/lib/dbus/machine-id", "1"), symlink("dbus", "var/lib/dbus")];
        let out = finished(&tree, vec![injected("dbus/machine-id", "mine")]);
        assert!(out.contains("/var/lib/dbus/machine-id file 4 \"mine\"\n"), "{out}");
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let to = |at: &str| vec![injected(at, "x")];
        assert_eq!(
            problem(&[dir("srv/www")], to("srv/www")),
            "/srv/www cannot be written: the image has a directory there"
        );
        assert_eq!(
            problem(&[file("srv", "")], to("srv/a")),
            "/srv/a cannot be written: /srv is no directory"
        );
        assert_eq!(
            problem(&[symlink("a", "b"), symlink("b", "a")], to("a/x")),
            "/a/x cannot be written: /a/x leads through too many symbolic links"
        );
        let two = vec![injected("lib/x", "1"), injected("usr/lib/x", "2")];
        assert_eq!(
            problem(&[symlink("lib", "usr/lib")], two),
            "/lib/x and /usr/lib/x are one file, /usr/lib/x, through the image's symbolic links"
        );
        let late = [file("usr/lib/x", &"x".repeat(2 << 20)), symlink("lib", "usr/lib")];
        assert_eq!(
            problem(&late, to("lib/x")),
            "/lib/x cannot be written: the image reaches the large file /usr/lib/x under this name"
        );
        assert_eq!(problem(&[], to("")), "the root cannot be written as a file");
    }

    #[test]
    fn the_manifests_files_win_over_osimgs() {
        let out = finished(&[], vec![injected("etc/hosts", "10.0.0.1 a\n")]);
        assert!(out.contains("/etc/hosts file 11 "), "{out}");
        assert_eq!(out.matches("/etc/hosts ").count(), 1);
    }

    #[test]
    fn a_resolver_configuration_of_the_image_stays() {
        let resolved = file("lib/systemd/systemd-resolved", "elf");
        let out = finished(&[resolved.clone(), file("etc/resolv.conf", "nameserver 10.0.0.1\n")], vec![]);
        assert!(out.contains("/etc/resolv.conf file 20"), "{out}");
        assert!(finished(&[resolved], vec![]).contains("/etc/resolv.conf link ../run/systemd/resolve/stub"));
        assert!(!finished(&[file("etc/resolv.conf", "")], vec![]).contains("resolv.conf"));
    }

    #[test]
    fn late_times_are_clamped() {
        let plan = Finish { clamp: Some(900), ..plan(vec![]) };
        let (tree, _) = run(&pack(&[file("a", "")]), &plan).expect("finishes");
        assert_eq!(tree[0].0.meta.mtime.secs, 900);
    }

    #[test]
    fn a_cut_export_is_an_error() {
        let bytes = docker_export();
        let error = run(&bytes[..bytes.len() - 2048], &plan(vec![])).expect_err("cut");
        assert!(matches!(error, FinishError::Read(_)), "{error}");
    }

    #[test]
    fn files_take_whole_blocks() {
        let one = run(&pack(&[]), &plan(vec![])).expect("finishes").1;
        let long = symlink("long", &"x".repeat(100));
        let two = run(&pack(&[file("a", &"x".repeat(4097)), long]), &plan(vec![])).expect("finishes").1;
        assert_eq!((two.inodes - one.inodes, two.data.0 - one.data.0), (2, 4097));
        assert_eq!(two.blocks.0 - one.blocks.0, 3 * 4096);
    }

    proptest! {
        #[test]
        fn any_tree_can_be_finished_or_is_refused(tree in specimen::tree(), at in "[a-d]/[a-d]{1,2}") {
            let bytes = pack(&tree);
            if let Ok((out, census)) = run(&bytes, &plan(vec![injected(&at, "x")])) {
                let links = out.iter().filter(|(n, _)| matches!(n.kind, Kind::HardLink { .. })).count() as u64;
                prop_assert_eq!(census.inodes, out.len() as u64 - links);
                prop_assert_eq!(census.hard_links, links);
                prop_assert_eq!(census.data.0, out.iter().map(|(_, d)| d.len() as u64).sum::<u64>());
                // once finished, only times and what is written anew differ
                let again = run(&pack(&out), &plan(vec![injected(&at, "x")])).expect("finishes again");
                let sorted = |mut tree: Tree| { tree.sort_by(|a, b| a.0.path.cmp(&b.0.path)); listing(&tree) };
                prop_assert_eq!(sorted(out), sorted(again.0));
            }
        }
    }

    #[test]
    fn devices_and_sockets_of_the_image_stay() {
        let node = entry("srv/null", Kind::CharDevice { major: 1, minor: 3 }, 0o666, b"");
        assert!(finished(&[node], vec![]).contains("/srv/null CharDevice"));
    }
}
