//! The walls of the article "Docker-based images on baremetal", run into on purpose: each is refused by rule; where `allow`
//! takes the rule away, or the image is damaged after its build, the boot stalls in QEMU and the answer names the reason, the
//! manifest's words and the entry of `allow`. `tests/exec/rules.rs` has the rules by themselves.
//!
//! | wall | slot | how it is broken | rule | stall |
//! |---|---|---|---|---|
//! | 1 no init | `no-init` | systemd is an empty file | `init::missing` | `init` |
//! | 1 no kernel | `no-init` | the menu names another file: osimg builds no slot without a kernel | | `grub` |
//! | 2 no virtio | `no-virtio` | an initramfs of the image's own | `initramfs::driver` | `root` |
//! | 3 no xfs | `no-xfs` | an initramfs of the image's own | `initramfs::driver` | `driver` |
//! | 4 a newer mkfs.xfs | `no-init` | a bit of the superblock: osimg writes nothing that Linux 6.1 refuses | | `filesystem-refused` |
//! | 5 no default target | `no-target` | `multi-user.target` is an empty file | `unit::default-target` | `target` |
//! | 6 no getty | `no-getty` | masked | `unit::getty` | `getty` |

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use osimg::base::{Name, identity};
use serde_json::Value;

use crate::ONE;

const MANIFEST: &str = include_str!("walls/walls.yaml");
const DOCKERFILE: &str = include_str!("walls/Dockerfile");

/// Seconds for a boot that only its time ends. A quiet machine is through with it in the first; in the second a busy one.
const PATIENCE: [&str; 2] = ["60", "240"];

/// A folder with the manifest, the cache that stays between test runs, and the image.
struct Lab(PathBuf);

impl Lab {
    fn new() -> Lab {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("walls");
        fs::create_dir_all(folder.join("walls")).expect("a folder in the target folder");
        fs::write(folder.join("walls/Dockerfile"), DOCKERFILE).expect("written");
        fs::write(folder.join("walls.yaml"), MANIFEST).expect("written");
        fs::write(folder.join("refused.yaml"), without_allow(MANIFEST)).expect("written");
        Lab(folder)
    }

    fn osimg(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_osimg"))
            .args(["--message-format", "json", "--cache-dir", "cache"])
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .output()
            .expect("the binary starts")
    }

    /// The findings of a test of these slots, which must all fail, by the slots' names.
    fn stalls(&self, slots: &[&str], timeout: &str) -> BTreeMap<String, Finding> {
        let named = slots.iter().flat_map(|slot| ["--slot", slot]);
        let arguments = ["test", "walls.yaml", "--no-kexec", "--accel", "tcg", "--timeout", timeout];
        let out = self.osimg(&arguments.into_iter().chain(named).collect::<Vec<_>>());
        assert_eq!(out.status.code(), Some(1), "{}{}", text(&out.stdout), text(&out.stderr));
        let found: BTreeMap<String, Finding> =
            findings(&out).into_iter().map(|finding| (finding.slot(), finding)).collect();
        assert!(found.keys().eq(slots), "{found:?}");
        found
    }

    fn image(&self) -> File {
        File::options().read(true).write(true).open(self.0.join("walls.img")).expect("the image")
    }
}

/// The image, applied once, and what stands beside it.
fn lab() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LAB.get_or_init(|| {
        let lab = Lab::new();
        let out = lab.osimg(&["apply", "walls.yaml"]);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        assert!(findings(&out).is_empty(), "{}", text(&out.stderr));
        lab
    })
}

/// The manifest without its section `allow`.
fn without_allow(manifest: &str) -> String {
    let (before, rest) = manifest.split_once("allow:\n").expect("the section");
    let (_, after) = rest.split_once("bases:\n").expect("the section behind it");
    format!("{before}bases:\n{after}")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An error that the binary told.
#[derive(Debug)]
struct Finding {
    code: String,
    message: String,
    /// What its labels are at, and say.
    labels: Vec<(String, String)>,
}

impl Finding {
    /// The slot that its message names.
    fn slot(&self) -> String {
        let name = self.message.strip_prefix("slot `").and_then(|rest| rest.split_once('`'));
        name.unwrap_or_else(|| panic!("no slot in: {}", self.message)).0.to_string()
    }

    /// Its code, the words that it is at, and the codes whose entry of `allow` it is at as well.
    fn told(&self) -> (&str, &str, Vec<&str>) {
        let (first, others) = self.labels.split_first().expect("a place");
        for (words, label) in others {
            assert!(label.contains(&format!("the rule `{words}` finds this at apply")), "{label}");
        }
        (&self.code, &first.0, others.iter().map(|(words, _)| words.as_str()).collect())
    }
}

fn findings(out: &Output) -> Vec<Finding> {
    let told = text(&out.stderr);
    let objects =
        told.lines().map(|l| serde_json::from_str::<Value>(l).unwrap_or_else(|e| panic!("{e}: {l}")));
    let word = |o: &Value, key: &str| o[key].as_str().expect("a text").to_string();
    let label = |o: &Value| {
        let source = if o["file"] == "refused.yaml" { without_allow(MANIFEST) } else { MANIFEST.to_string() };
        let [at, length] = ["offset", "length"].map(|key| o[key].as_u64().expect("a number") as usize);
        (source[at..at + length].to_string(), word(o, "text"))
    };
    objects
        .filter(|o| o["event"] == "diagnostic" && o["severity"] == "error")
        .map(|o| Finding {
            code: word(&o, "code"),
            message: word(&o, "message"),
            labels: o["labels"].as_array().expect("a list").iter().map(label).collect(),
        })
        .collect()
}

#[test]
fn each_wall_is_refused_by_rule() {
    let _one = ONE.blocking_lock();
    let lab = lab();
    let out = lab.osimg(&["apply", "refused.yaml"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    let found = findings(&out);
    let told: Vec<(String, &str)> = found.iter().map(|f| (f.slot(), f.code.as_str())).collect();
    let wanted = [
        // in the order of the words that would mend them
        ("no-virtio", "osimg::initramfs::driver"),
        ("no-xfs", "osimg::initramfs::driver"),
        ("no-init", "osimg::init::missing"),
        ("no-target", "osimg::unit::default-target"),
        ("no-getty", "osimg::unit::getty"),
        ("no-getty", "osimg::unit::console"),
    ];
    assert_eq!(told, wanted.map(|(slot, code)| (slot.to_string(), code)), "{found:?}");
}

#[test]
fn each_wall_stalls_by_name_where_its_rule_is_allowed_away() {
    let _one = ONE.blocking_lock();
    let found = lab().stalls(&["no-init", "no-target", "no-virtio", "no-xfs"], "240");
    let dracut = "{drivers: [virtio_blk, ext4, xfs], filesystems: [ext4, xfs]}";
    let driver = vec!["osimg::initramfs::driver"];
    let init = ("osimg::stall::init", "no-init", vec!["osimg::init::missing"]);
    assert_eq!(found["no-init"].told(), init);
    assert_eq!(found["no-virtio"].told(), ("osimg::stall::root", dracut, driver.clone()));
    assert_eq!(found["no-xfs"].told(), ("osimg::stall::driver", dracut, driver));
    let target = ("osimg::stall::target", "no-target", vec!["osimg::unit::default-target"]);
    assert_eq!(found["no-target"].told(), target);
}

#[test]
fn a_masked_getty_is_told_from_a_boot_that_hangs() {
    let _one = ONE.blocking_lock();
    let tries = PATIENCE.into_iter().map(|timeout| lab().stalls(&["no-getty"], timeout));
    let mut found = tries.flat_map(BTreeMap::into_values);
    let found = found.find(|finding| finding.code != "osimg::stall::unknown").expect("a reason");
    let allowed = vec!["osimg::unit::getty", "osimg::unit::console"];
    let words = "{mask: [getty.target, serial-getty@ttyS0.service]}";
    assert_eq!(found.told(), ("osimg::stall::getty", words, allowed), "{}", found.message);
}

/// Bytes of the image that are others until this is dropped.
struct Damage {
    image: File,
    at: u64,
    before: Vec<u8>,
}

impl Damage {
    fn new(image: File, at: u64, bytes: &[u8]) -> Damage {
        let mut before = vec![0; bytes.len()];
        image.read_exact_at(&mut before, at).expect("inside the image");
        assert_ne!(before, bytes, "it changes something");
        image.write_all_at(bytes, at).expect("written");
        Damage { image, at, before }
    }
}

impl Drop for Damage {
    fn drop(&mut self) {
        self.image.write_all_at(&self.before, self.at).expect("written back");
    }
}

/// The byte at which a partition of a GPT begins: its first LBA, of 512 bytes, is at byte 32 of its entry (UEFI 2.10, 5.3.3).
fn partition(image: &File, number: u64) -> u64 {
    let mut lba = [0; 8];
    image.read_exact_at(&mut lba, 2 * 512 + (number - 1) * 128 + 32).expect("the table");
    u64::from_le_bytes(lba) * 512
}

/// The first sector of the slot's filesystem, xfs, and where it is.
fn superblock(image: &File, slot: &str) -> (u64, [u8; 512]) {
    let name = |text: &str| text.parse::<Name>().expect("a name");
    let uuid = identity::filesystem(&name("walls"), &name(slot));
    let sectors = (1..=8).map(|number| {
        let (at, mut sector) = (partition(image, number), [0; 512]);
        image.read_exact_at(&mut sector, at).expect("the partition");
        (at, sector)
    });
    let is_its =
        |(_, sector): &(u64, [u8; 512])| sector.starts_with(b"XFSB") && sector[32..48] == uuid.into_bytes();
    sectors.into_iter().find(is_its).expect("a partition of the slot's")
}

/// osimg builds no slot without a kernel, and no rule of that may be allowed; what is left is a disk that lost it.
#[test]
fn a_kernel_that_is_gone_stalls_in_grub() {
    let _one = ONE.blocking_lock();
    let lab = lab();
    let image = lab.image();
    // the boot partition holds the menu in one piece
    let mut bytes = vec![0; 64 << 20];
    image.read_exact_at(&mut bytes, partition(&image, 1)).expect("the boot partition");
    let find = |bytes: &[u8], what: &str| {
        let found = bytes.windows(what.len()).position(|window| window == what.as_bytes());
        found.unwrap_or_else(|| panic!("no `{what}`"))
    };
    let entry = find(&bytes, "--id no-init ");
    let name = entry + find(&bytes[entry..], "/boot/vmlinuz-") + "/boot/".len();
    let _damage = Damage::new(lab.image(), partition(&image, 1) + name as u64, b"VMLINUZ");
    let found = lab.stalls(&["no-init"], "240");
    assert_eq!(found["no-init"].told(), ("osimg::stall::grub", "no-init", vec![]));
}

/// The article's mkfs.xfs turned on reflink, which Linux 3.10 does not know. All that osimg can write Linux 6.1 knows, so
/// here it is a bit that no kernel knows: the highest of `sb_features_ro_compat` (XFS Algorithms & Data Structures, ch. 13).
/// A kernel that is older than what osimg writes (Debian 11's, xfs with nrext64, a GRUB of 2.12) costs two more bases and a
/// build; its console is a test of `proof::stall`.
#[test]
fn a_filesystem_newer_than_its_kernel_is_refused() {
    const RO_COMPAT: usize = 212;
    const CRC: usize = 224;
    let _one = ONE.blocking_lock();
    let lab = lab();
    let (at, mut superblock) = superblock(&lab.image(), "no-init");
    superblock[RO_COMPAT] |= 0x80;
    superblock[CRC..CRC + 4].fill(0);
    let crc = crc32c::crc32c(&superblock);
    superblock[CRC..CRC + 4].copy_from_slice(&crc.to_le_bytes());
    let _damage = Damage::new(lab.image(), at, &superblock);
    let found = lab.stalls(&["no-init"], "240");
    let (code, words, allowed) = found["no-init"].told();
    assert_eq!((code, words, allowed), ("osimg::stall::filesystem-refused", "xfs", vec![]));
    let said = "Superblock has unknown read-only compatible features (0x80000000)";
    assert!(found["no-init"].message.contains(said), "{}", found["no-init"].message);
}
