//! Every manifest under `examples/` gives a model; what the article's own disk compiles to is a snapshot.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use osimg::diag::render::{Look, render_all};
use osimg::emit::dockerfile::{Generated, dockerfile};
use osimg::exec::ops::pure::render_menu;
use osimg::front::model::{Console, Model, Slot};
use osimg::front::{Probe, load};
use osimg::rootfs::inspect::Kernel;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// Looks into `examples`.
struct Examples;

impl Probe for Examples {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let path = folder().join(path);
        if path.is_file() { fs::read(path).map(Some) } else { Ok(None) }
    }

    fn is_file(&self, path: &Path) -> bool {
        folder().join(path).is_file()
    }

    fn is_dir(&self, path: &Path) -> bool {
        folder().join(path).is_dir()
    }

    fn list(&self, path: &Path) -> Option<Vec<String>> {
        let entries = fs::read_dir(folder().join(path)).ok()?;
        let mut names: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        Some(names)
    }
}

fn example(name: &str) -> Model {
    let bytes = fs::read(folder().join(name)).expect("the example is readable");
    let (model, found) = load(name, &bytes, Path::new(""), &Examples);
    assert!(!found.has_errors(), "{name}:\n{}", render_all(&found, Look::PLAIN));
    model.expect("a manifest without errors gives a model")
}

fn generated(slot: &Slot) -> Generated {
    let distro = slot.distro.as_ref().expect("the example states it").value;
    dockerfile(slot, distro, &format!("osimg/{}:user", slot.name.as_str())).expect("renders")
}

#[test]
fn every_example_is_valid() {
    let mut names: Vec<String> = fs::read_dir(folder())
        .expect("examples is readable")
        .map(|e| e.expect("entry").file_name().into_string().expect("UTF-8"))
        .filter(|n| n.ends_with(".yaml"))
        .collect();
    names.sort();
    assert_eq!(names, ["centos7-8-dual.yaml", "debian-dual.yaml"]);
    for name in names {
        for slot in &example(&name).slots {
            generated(slot);
        }
    }
}

#[test]
fn the_articles_disk() {
    let model = example("centos7-8-dual.yaml");
    // where the article's own builds left kernel and initramfs
    let found = [
        ("/boot/vmlinuz-3.10.0-1160.11.1.el7.x86_64", "/boot/initramfs-3.10.0-1160.11.1.el7.x86_64.img"),
        (
            "/boot/a09b09cbf0ce4eea811f98ace1b0f17d/4.18.0-240.10.1.el8_3.x86_64/linux",
            "/boot/a09b09cbf0ce4eea811f98ace1b0f17d/4.18.0-240.10.1.el8_3.x86_64/initrd",
        ),
    ];
    let kernels = model.slots.iter().zip(found).map(|(slot, (image, initramfs))| Kernel {
        version: slot.kernel.version.as_ref().expect("the example pins it").value.clone(),
        image: image.to_string(),
        initramfs: initramfs.to_string(),
    });
    let menu = render_menu(&model, &kernels.collect::<Vec<_>>()).expect("renders");
    insta::with_settings!({ snapshot_path => "examples", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("centos7-8-dual.grub.cfg", menu.grub_cfg);
        insta::assert_snapshot!("centos7-8-dual.slots", menu.slots);
        for slot in &model.slots {
            let name = format!("{}.Dockerfile", slot.name.as_str());
            insta::assert_snapshot!(name, generated(slot).text);
        }
    });
}

/// The article's repairs, in its order, each in the texts that its reader gets.
#[test]
fn every_repair_of_the_article_is_there() {
    let model = example("centos7-8-dual.yaml");
    let text = generated(&model.slots[0]).text;
    for repair in [
        "yum install -y --setopt=skip_missing_names_on_install=False systemd dracut \
         kernel-3.10.0-1160.11.1.el7.x86_64",
        "--kver \"$version\" --kmoddir \"/lib/modules/$version\" --no-hostonly",
        "--add-drivers 'virtio_blk virtio_scsi xfs'",
        "--filesystems xfs",
        "systemctl set-default multi-user.target",
        "systemctl unmask getty.target",
    ] {
        assert!(text.contains(repair), "{repair} is not in\n{text}");
    }
    assert_eq!(model.slots[0].kernel.args, ["modprobe.blacklist=floppy"]);
    let consoles: Vec<String> = model.boot.consoles.iter().map(Console::argument).collect();
    assert_eq!(consoles, ["tty0", "ttyS0,115200"]);
    assert_eq!(model.boot.timeout.as_secs(), 1);
}
