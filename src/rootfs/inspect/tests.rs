//! The survey of small trees, and of one with something of everything.

use super::super::Archive;
use super::super::specimen::{cpio, dir, entry, file, hard, kernel, pack, symlink};
use super::accounts::{Password, Shell};
use super::units::{Found, Generator};
use super::*;

fn survey(tree: &[(Node, Vec<u8>)]) -> Survey {
    inspect(&mut Archive::new(pack(tree).as_slice())).expect("a tree")
}

fn facts(tree: &[(Node, Vec<u8>)], pin: Option<&str>) -> Result<Choice, NoKernel> {
    choose(&survey(tree), pin)
}

fn chosen(tree: &[(Node, Vec<u8>)], pin: Option<&str>) -> (String, String, String, Why) {
    let facts = facts(tree, pin).expect("boots");
    (facts.kernel.version, facts.kernel.image, facts.kernel.initramfs, facts.why)
}

fn debian() -> Vec<(Node, Vec<u8>)> {
    vec![
        symlink("lib", "usr/lib"),
        file("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        symlink("etc/os-release", "../usr/lib/os-release"),
        symlink("usr/lib/systemd/system/default.target", "graphical.target"),
        symlink("etc/systemd/system/default.target", "/lib/systemd/system/multi-user.target"),
        file("boot/vmlinuz-6.1.0-9-amd64", "k"),
        file("boot/initrd.img-6.1.0-9-amd64", "i"),
        file("boot/vmlinuz-6.1.0-28-amd64", "k"),
        file("boot/initrd.img-6.1.0-28-amd64", "i"),
        symlink("vmlinuz", "boot/vmlinuz-6.1.0-28-amd64"),
    ]
}

#[test]
fn the_newest_of_debians() {
    let choice = facts(&debian(), None).expect("boots");
    insta::assert_snapshot!(serde_json::to_string_pretty(&choice).expect("json"));
}

#[test]
fn a_pinned_kernel() {
    let (version, image, _, why) = chosen(&debian(), Some("6.1.0-9-amd64"));
    assert_eq!(
        (version.as_str(), image.as_str(), why),
        ("6.1.0-9-amd64", "/boot/vmlinuz-6.1.0-9-amd64", Why::Pinned)
    );
    assert_eq!(
        facts(&debian(), Some("5.10")).expect_err("not there").to_string(),
        "kernel 5.10 is not in the image, which has 6.1.0-28-amd64, 6.1.0-9-amd64"
    );
}

#[test]
fn enterprise_linux_with_a_rescue_image() {
    let tree = [
        file("boot/vmlinuz-0-rescue-0123456789abcdef0123456789abcdef", "k"),
        file("boot/initramfs-0-rescue-0123456789abcdef0123456789abcdef.img", "i"),
        file("boot/vmlinuz-3.10.0-1160.11.1.el7.x86_64", "k"),
        file("boot/initramfs-3.10.0-1160.11.1.el7.x86_64.img", "i"),
        file("boot/initramfs-3.10.0-1160.11.1.el7.x86_64kdump.img", "i"),
    ];
    let (version, _, initramfs, why) = chosen(&tree, None);
    assert_eq!(version, "3.10.0-1160.11.1.el7.x86_64");
    assert_eq!(initramfs, "/boot/initramfs-3.10.0-1160.11.1.el7.x86_64.img");
    assert_eq!(why, Why::Only);
    let error = facts(&tree[..2], Some("3.10")).expect_err("only a rescue image");
    assert!(matches!(error, NoKernel::None));
}

#[test]
fn boot_loader_specification_and_modules_folder() {
    let id = "0123456789abcdef0123456789abcdef";
    let tree = [
        file("usr/lib/modules/4.18.0/vmlinuz", "k"),
        file(&format!("boot/{id}/4.18.0/linux"), "k"),
        file(&format!("boot/{id}/4.18.0/initrd"), "i"),
        file(&format!("boot/{id}/0-rescue/linux"), "k"),
    ];
    assert_eq!(chosen(&tree, None).1, format!("/boot/{id}/4.18.0/linux"));
    let modules = [file("lib/modules/6.12.1/vmlinuz", "k"), file("boot/initramfs-6.12.1.img", "i")];
    assert_eq!(chosen(&modules, None).1, "/lib/modules/6.12.1/vmlinuz");
}

#[test]
fn links_give_the_file_itself() {
    let tree = [
        symlink("lib", "usr/lib"),
        file("usr/lib/modules/6.12.1/vmlinuz", "k"),
        symlink("boot/vmlinuz-6.12.1", "/lib/modules/6.12.1/vmlinuz"),
        symlink("boot/vmlinuz-6.13.0", "/lib/modules/6.13.0/vmlinuz"),
        file("boot/initrd.img-6.12.1", "i"),
    ];
    let (version, image, _, why) = chosen(&tree, None);
    assert_eq!((version.as_str(), image.as_str()), ("6.12.1", "/usr/lib/modules/6.12.1/vmlinuz"));
    assert_eq!(why, Why::Only, "a link to nothing is no kernel");
    let linked = [
        file("usr/lib/modules/6.1/vmlinuz", "k"),
        hard("boot/vmlinuz-6.1", "usr/lib/modules/6.1/vmlinuz"),
        file("boot/initrd-6.1", "i"),
    ];
    assert_eq!(chosen(&linked, None).1, "/boot/vmlinuz-6.1");
}

#[test]
fn what_cannot_boot_says_why() {
    let error = |tree: &[(Node, Vec<u8>)]| facts(tree, None).expect_err("cannot boot");
    assert!(matches!(error(&[file("etc/motd", "")]), NoKernel::None));
    let kernel = file("boot/vmlinuz-6.1", "k");
    assert_eq!(
        error(std::slice::from_ref(&kernel)).to_string(),
        "kernel 6.1 (/boot/vmlinuz-6.1) has no initramfs"
    );
    assert!(matches!(
        error(&[kernel.clone(), file("boot/initrd.img-6.1", "")]),
        NoKernel::EmptyInitramfs { path, .. } if path == "/boot/initrd.img-6.1"
    ));
    assert!(matches!(
        error(&[file("boot/vmlinuz-6.1", ""), file("boot/initrd.img-6.1", "i")]),
        NoKernel::EmptyImage { .. }
    ));
    assert!(matches!(
        error(&[kernel, symlink("boot/initrd.img-6.1", "nowhere")]),
        NoKernel::NoInitramfs { .. }
    ));
}

#[test]
fn a_survey_survives_json() {
    let survey = survey(&whole());
    let text = serde_json::to_string(&survey).expect("json");
    assert_eq!(serde_json::from_str::<Survey>(&text).expect("a survey"), survey);
    insta::assert_snapshot!(serde_json::to_string_pretty(&survey).expect("json"));
}

#[test]
fn the_order_of_the_stream_makes_no_difference() {
    let mut tree = whole();
    let forwards = survey(&tree);
    tree.reverse();
    assert_eq!(survey(&tree), forwards);
}

/// A tree with something of everything.
fn whole() -> Vec<(Node, Vec<u8>)> {
    let version = "6.1.0-28-amd64";
    let modules = format!("usr/lib/modules/{version}");
    let initramfs = cpio(&[
        "init",
        &format!("{modules}/kernel/fs/xfs/xfs.ko"),
        &format!("{modules}/kernel/drivers/block/virtio_blk.ko"),
    ]);
    let bytes = |at: &str, data: Vec<u8>| entry(at, Kind::File { size: data.len() as u64 }, 0o644, &data);
    let program = |at: &str, mode: u16| entry(at, Kind::File { size: 3 }, mode, b"elf");
    let mut ping = program("usr/bin/ping", 0o755);
    ping.0.meta.xattrs.insert(b"security.capability".to_vec(), vec![1]);
    let mut labelled = dir("srv");
    labelled.0.meta.xattrs.insert(b"security.selinux".to_vec(), vec![1]);
    vec![
        symlink("lib", "usr/lib"),
        symlink("sbin", "usr/sbin"),
        symlink("usr/sbin/init", "/lib/systemd/systemd"),
        program("usr/lib/systemd/systemd", 0o755),
        program("usr/bin/su", 0o4755),
        program("usr/bin/sudo", 0o600),
        program("usr/bin/bash", 0o755),
        ping,
        bytes(&format!("boot/vmlinuz-{version}"), kernel(version)),
        bytes(&format!("boot/initrd.img-{version}"), initramfs),
        file(
            &format!("{modules}/modules.dep"),
            "kernel/fs/xfs/xfs.ko: kernel/lib/libcrc32c.ko kernel/lib/built-in.ko\nkernel/drivers/block/virtio_blk.ko:\nkernel/lib/libcrc32c.ko:\n",
        ),
        file(&format!("{modules}/modules.builtin"), "kernel/lib/built-in.ko\n"),
        file("etc/os-release", "ID=debian\n"),
        file("etc/fstab", "# none\nUUID=1 / xfs defaults 0 0\n/dev/sdb1 /srv\\040data ext4 noauto,ro\n"),
        file(
            "etc/passwd",
            "root:x:0:0::/root:/bin/bash\nadmin:x:1:1::/home/admin:/usr/bin/bash\nn:x:2:2::/:/sbin/nologin\nlost:$6$abcdefghijkl:3:3::/:\n",
        ),
        file("etc/shadow", "root:$6$abcdefghijkl:1::::::\nadmin:!:1::::::\nn:$6$abcdefghijkl:1::::::\n"),
        file("home/admin/.ssh/authorized_keys", "ssh-ed25519 AAAA\n"),
        file("etc/machine-id", "uninitialized\n"),
        file("etc/ssh/ssh_host_rsa_key", "secret"),
        file("etc/ssh/ssh_host_rsa_key.pub", "public"),
        file(".dockerenv", ""),
        file("etc/selinux/config", "# c\nSELINUX=Enforcing\nSELINUXTYPE=targeted\n"),
        file("etc/selinux/targeted/policy/policy.31", "p"),
        file("usr/lib/sysctl.d/50-default.conf", "# x\n-net.ipv4.ping_group_range = 0 2147483647\n"),
        labelled,
        program("usr/lib/systemd/system-generators/systemd-getty-generator", 0o755),
        file("usr/lib/systemd/system/multi-user.target", "[Unit]\nWants=a.service  b.service\n"),
        file("usr/lib/systemd/system/getty.target", "[Unit]\n"),
        file("usr/lib/systemd/system/serial-getty@.service", "[Service]\n"),
        symlink("usr/lib/systemd/system/multi-user.target.wants/getty.target", "../getty.target"),
        symlink("usr/lib/systemd/system/default.target", "multi-user.target"),
        symlink("etc/systemd/system/systemd-logind.service", "/dev/null"),
        file("etc/systemd/system/empty.service", ""),
        symlink("etc/systemd/system/gone.service", "/opt/gone.service"),
        symlink(
            "etc/systemd/system/getty.target.wants/getty@tty1.service",
            "/lib/systemd/system/getty@.service",
        ),
    ]
}

#[test]
fn units_are_what_systemd_makes_of_their_files() {
    let units = survey(&whole()).units;
    assert_eq!(units.find("default.target"), Found::There("multi-user.target"));
    assert_eq!(units.find("serial-getty@ttyS0.service"), Found::There("serial-getty@ttyS0.service"));
    assert_eq!(units.find("getty@tty1.service"), Found::Missing("getty@tty1.service"));
    assert_eq!(
        units.find("systemd-logind.service"),
        Found::Masked("systemd-logind.service", "/etc/systemd/system/systemd-logind.service")
    );
    assert!(matches!(units.find("empty.service"), Found::Masked(..)));
    assert_eq!(
        units.find("gone.service"),
        Found::Dangling("/etc/systemd/system/gone.service", "/opt/gone.service")
    );
    let reached = units.reached("default.target");
    assert!(reached.contains("getty.target") && reached.contains("multi-user.target"), "{reached:?}");
    assert!(!reached.contains("a.service"), "it is not there");
    assert_eq!(units.getty_generator, Generator::There);
    assert!(units.systemd);
    let units = survey(&[file("usr/lib/systemd/system/apt-daily.service", "[Service]\n")]).units;
    assert!(!units.systemd, "a package's unit does not run by itself");
}

#[test]
fn who_can_log_in() {
    let accounts = survey(&whole()).accounts;
    let told: Vec<_> =
        accounts.users.iter().map(|u| (u.name.as_str(), u.password, u.keys, u.shell_state)).collect();
    assert_eq!(
        told,
        [
            ("root", Password::Set, false, Shell::Missing),
            ("admin", Password::Locked, true, Shell::Good),
            ("n", Password::Set, false, Shell::NoLogin),
            ("lost", Password::Set, false, Shell::Missing),
        ]
    );
}

#[test]
fn init_is_what_its_link_leads_to() {
    let init = |tree: &[(Node, Vec<u8>)]| survey(tree).init;
    assert_eq!(init(&whole()), Program::There("/usr/lib/systemd/systemd".into()));
    assert_eq!(init(&[]), Program::Missing);
    assert_eq!(
        init(&[symlink("sbin/init", "../lib/systemd/systemd")]),
        Program::Dangling("/lib/systemd/systemd".into())
    );
    assert_eq!(init(&[file("sbin/init", "x")]), Program::NotExecutable("/sbin/init".into()));
    assert_eq!(init(&[file("sbin/init", "")]), Program::Empty("/sbin/init".into()));
    assert_eq!(init(&[dir("sbin/init")]), Program::NoFile("/sbin/init".into()));
}
