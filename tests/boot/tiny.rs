//! A disk of 80 MiB that boots in seconds: GRUB by hand, Debian's kernel, an initramfs of busybox whose `init` does what
//! the chosen menu entry says. It stands in for an image of osimg's where the boot runs themselves are under test.
//!
//! Kernel and busybox are Debian packages, downloaded once and unpacked in the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use osimg::base::{Name, identity};

pub const PASSWORD: &str = "secret";

const INIT: &str = r#"#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
hostname tiny
case $(cat /proc/cmdline) in
*osimg=whole*)
    # what dracut and systemd would do of the hook that a test adds
    hook=/lib/dracut/hooks/pre-pivot/99-osimg-test.sh
    if [ -f $hook ]; then
        mkdir -p /run
        . $hook
        unit=$(echo /run/systemd/system/sysinit.target.wants/*.service)
        tty=$(sed -n 's/^TTYPath=//p' $unit)
        start=$(sed -n 's/^ExecStart=//p' $unit)
        (while :; do eval "PS1= setsid $start" <$tty >$tty 2>&1; sleep 1; done) &
    fi ;;
*osimg=panic*) exit 1 ;;
*osimg=stall*) echo sleeping; while :; do sleep 1000; done ;;
*osimg=busy*) while :; do echo working; sleep 1; done ;;
*osimg=off*) echo leaving; poweroff -f ;;
*osimg=noisy*) while sleep 0.1; do echo '<0>noise from the kernel' >/dev/kmsg; done & ;;
esac
while :; do setsid getty -L 115200 ttyS0 vt100; done
"#;

/// Menu entries, each passed to `init` on the kernel command line.
pub const ENTRIES: [&str; 8] = ["login", "panic", "stall", "busy", "off", "noisy", "whole", "noroot"];

/// The name of the manifest that the menu's roots belong to.
pub const MANIFEST: &str = "tiny";

/// The programs that a look into a system asks, as far as `init` alone has answers.
const FINDMNT: &str = "#!/bin/sh\nsed -n 's/.*root=UUID=\\([^ ]*\\).*/\\1/p' /proc/cmdline\n";
const SYSTEMCTL: &str = "#!/bin/sh\necho running\n";

/// What `uname -r` says in it.
pub fn release() -> String {
    let (kernel, _) = packages(&folder());
    let name = kernel.file_name().expect("a file's name").to_string_lossy().into_owned();
    name.strip_prefix("vmlinuz-").expect("Debian's name of a kernel").to_string()
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tiny");
    fs::create_dir_all(&folder).expect("a folder in the target folder");
    folder
}

/// The root's UUID that a slot of the manifest has.
pub fn root(entry: &str) -> String {
    let name = |text: &str| text.parse::<Name>().expect("a name");
    identity::filesystem(&name(MANIFEST), &name(entry)).to_string()
}

fn run(program: &str, args: &[&str], folder: &Path) -> String {
    let out = Command::new(program)
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// The image, made once.
pub fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(make)
}

fn make() -> PathBuf {
    let folder = folder();
    let (kernel, busybox) = packages(&folder);
    initramfs(&folder, &busybox);
    fs::write(folder.join("grub.cfg"), menu()).expect("grub.cfg");
    fs::write(folder.join("early.cfg"), "set root=(hd0,msdos1)\nset prefix=($root)/grub\n")
        .expect("early.cfg");
    let image = folder.join("tiny.img");
    let _ = fs::remove_file(&image);
    let file = fs::File::create(&image).expect("the image");
    file.set_len(80 << 20).expect("a sparse file");
    let sh = |script: &str| run("sh", &["-ec", script], &folder);
    sh("echo 'start=2048, type=ef, bootable' | sfdisk -q tiny.img");
    sh("mkfs.vfat -F 32 -s 1 -n TINY --offset 2048 tiny.img $((79 * 1024)) >/dev/null");
    let modules = "part_msdos fat normal configfile linux serial terminal loadenv test echo";
    sh(&format!(
        "grub-mkimage -O i386-pc -c early.cfg -p '(hd0,msdos1)/grub' -o core.img biosdisk {modules}"
    ));
    sh(&format!("grub-mkimage -O x86_64-efi -c early.cfg -p '(hd0,msdos1)/grub' -o boot.efi {modules}"));
    sh("dd if=/usr/lib/grub/i386-pc/boot.img of=tiny.img bs=440 count=1 conv=notrunc status=none");
    sh("dd if=core.img of=tiny.img bs=512 seek=1 conv=notrunc status=none");
    sh("rm -f grubenv; grub-editenv grubenv create");
    sh("export MTOOLS_SKIP_CHECK=1; i=tiny.img@@1M; mmd -i $i ::grub ::EFI ::EFI/BOOT; \
        mcopy -i $i grub.cfg grubenv ::grub/; mcopy -i $i boot.efi ::EFI/BOOT/BOOTX64.EFI; \
        mcopy -i $i initrd ::initrd");
    sh(&format!("mcopy -i tiny.img@@1M '{}' ::vmlinuz-{}", kernel.display(), release()));
    image
}

fn menu() -> String {
    let mut out = String::from(
        "serial --unit=0 --speed=115200\nterminal_input serial console\nterminal_output serial console\n\
         set timeout=0\nload_env\nif [ \"$saved_entry\" ]; then set default=\"$saved_entry\"; fi\n\
         if [ \"$next_entry\" ]; then set default=\"$next_entry\"; set next_entry=; save_env next_entry; fi\n",
    );
    for entry in ENTRIES {
        // what the kernel cannot run in the initramfs lets it look for a disk
        let more = if entry == "noroot" { " rdinit=/none" } else { "" };
        out += &format!(
            "menuentry 'Tiny {entry}' --id {entry} {{\n  linux /vmlinuz-{} root=UUID={} console=ttyS0,115200 \
             osimg={entry}{more}\n  initrd /initrd\n}}\n",
            release(),
            root(entry)
        );
    }
    out
}

/// Kernel and busybox.
fn packages(folder: &Path) -> (PathBuf, PathBuf) {
    let find = || {
        let boot = fs::read_dir(folder.join("root/boot")).ok()?;
        let kernel =
            boot.flatten().map(|e| e.path()).find(|p| p.display().to_string().contains("vmlinuz-"))?;
        let busybox = ["bin", "usr/bin"].map(|d| folder.join("root").join(d).join("busybox"));
        Some((kernel, busybox.into_iter().find(|p| p.is_file())?))
    };
    if let Some(found) = find() {
        return found;
    }
    // the package of the current kernel is named by one that is always there: Debian's name, then Ubuntu's
    let names = run(
        "sh",
        &["-c", "apt-cache depends linux-image-cloud-amd64 linux-image-virtual 2>/dev/null"],
        folder,
    );
    let kernel = names
        .split_whitespace()
        .find(|w| {
            w.starts_with("linux-image-")
                && w.chars().any(|c| c.is_ascii_digit())
                && *w != "linux-image-cloud-amd64"
        })
        .expect("apt knows a kernel package");
    run("apt-get", &["download", "-q", "busybox-static", kernel], folder);
    run("sh", &["-ec", "rm -rf root; for p in *.deb; do dpkg -x $p root; done; rm -f *.deb"], folder);
    find().expect("the packages hold a kernel and busybox")
}

fn initramfs(folder: &Path, busybox: &Path) {
    let tree = folder.join("tree");
    let _ = fs::remove_dir_all(&tree);
    for dir in ["bin", "dev", "etc", "lib/dracut/hooks/pre-pivot", "proc", "root", "sys", "tmp"] {
        fs::create_dir_all(tree.join(dir)).expect("a folder");
    }
    fs::copy(busybox, tree.join("bin/busybox")).expect("busybox");
    fs::write(tree.join("init"), INIT).expect("init");
    // the hash of `PASSWORD`, by md5-crypt, which every busybox knows
    fs::write(tree.join("etc/passwd"), "root:$1$osimg$M0v1ZP3dGhSuXRulsx9jg0:0:0:root:/root:/bin/sh\n")
        .expect("passwd");
    fs::write(tree.join("bin/findmnt"), FINDMNT).expect("findmnt");
    fs::write(tree.join("bin/systemctl"), SYSTEMCTL).expect("systemctl");
    fs::write(tree.join("etc/os-release"), "ID=tiny\nNAME=\"it's tiny\"\n").expect("os-release");
    let script = format!(
        "chmod 755 init bin/*; find . | '{}' cpio -o -H newc 2>/dev/null | gzip -1 >../initrd",
        busybox.display()
    );
    run("sh", &["-ec", &script], &tree);
}
