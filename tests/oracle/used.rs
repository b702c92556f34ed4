//! The mounted filesystem is used, filled to its end, and is clean again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use osimg::base::Bytes;
use rustix::io::Errno;

use crate::filesystem::{Filesystem, MIB, format, mount, prove};
use crate::tree::Sample;

/// Numbers that look random and are the same each time.
pub struct Dice(pub u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

fn files(root: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root).expect("a directory") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            files(&entry.path(), out);
        } else if kind.is_file() {
            out.push(entry.path());
        }
    }
}

/// Whether a file's attributes may be in node form. A kernel that stops while it takes such a file away cannot recover: it
/// cancels the child blocks in one transaction and lets go of the root in another ("xfs: close crash window in attr
/// dabtree inactivation", Linux 7.0). That is no matter of who made the filesystem.
fn has_many_attributes(path: &Path) -> bool {
    let mut names = vec![0u8; 1 << 16];
    rustix::fs::llistxattr(path, &mut names)
        .is_ok_and(|length| names[..length].iter().filter(|b| **b == 0).count() > 3)
}

/// So many creates, renames, appends, deletes and attributes, on what was written and on what is new.
pub fn exercise<F: Filesystem>(root: &Path, steps: usize, dice: &mut Dice) {
    exercise_sparing::<F>(root, steps, dice, |_| false);
}

/// As [`exercise`], but files that `spared` says yes to are never removed.
fn exercise_sparing<F: Filesystem>(root: &Path, steps: usize, dice: &mut Dice, spared: fn(&Path) -> bool) {
    fs::write(root.join("always there"), "a file").expect("a file");
    let mut all = Vec::new();
    files(root, &mut all);
    let first = dice.roll(1 << 20) * 10_000;
    for step in first..first + steps {
        let at = dice.roll(all.len());
        let path = all[at].clone();
        match dice.roll(8) {
            0 | 1 => {
                let parent = path.parent().expect("a parent");
                let new = parent.join(format!("new {step} {}", "n".repeat(dice.roll(200))));
                fs::write(&new, vec![step as u8; dice.roll(30_000)]).expect("a file");
                all.push(new);
            }
            2 => {
                let target =
                    all[dice.roll(all.len())].parent().expect("a parent").join(format!("moved {step}"));
                fs::rename(&path, &target).expect("renamed");
                all[at] = target;
            }
            3 => {
                let mut file = OpenOptions::new().append(true).open(&path).expect("a file");
                file.write_all(&vec![7; dice.roll(20_000)]).expect("appended");
            }
            4 => {
                let file = OpenOptions::new().write(true).open(&path).expect("a file");
                file.write_all_at(b"overwritten", dice.roll(1 << 22) as u64).expect("into a hole or not");
            }
            5 if all.len() > 1 && !spared(&path) => {
                fs::remove_file(&path).expect("removed");
                all.swap_remove(at);
            }
            6 => {
                let name = format!("user.{}", dice.roll(9));
                let most = if step % 9 == 0 { F::LARGEST_VALUE } else { 300 };
                let value = vec![1; dice.roll(most)];
                let set = rustix::fs::setxattr(&path, name, &value, rustix::fs::XattrFlags::empty());
                // Where all of a file's attributes share a block, that may be full.
                let shared = F::LARGEST_VALUE < 4096;
                assert!(set.is_ok() || (shared && set == Err(Errno::NOSPC)), "{set:?}");
            }
            _ => {
                let folder = path.parent().expect("a parent").join(format!("folder {step}"));
                fs::create_dir(&folder).expect("a folder");
                let new = folder.join("inside");
                File::create(&new).expect("a file").set_len(dice.roll(1 << 30) as u64).expect("sparse");
                all.push(new);
            }
        }
    }
}

/// Writes one file until nothing more fits; how many bytes that were.
fn fill(root: &Path) -> u64 {
    let mut filled = 0;
    let mut file = File::create(root.join("fill")).expect("a file");
    let full = loop {
        match file.write(&[1; 4096]) {
            Ok(n) => filled += n as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    filled
}

pub fn it_can_be_used<F: Filesystem>() {
    for (i, fs) in (0..).zip(F::every()) {
        let (image, _) = format(&fs, &fs.zoo(), Bytes((F::ROOMY + 100) * MIB)).expect("it fits");
        let mounted = mount::<F>(&image);
        exercise::<F>(&mounted.point, 2500, &mut Dice(i));
        drop(mounted);
        F::check_used(&image);
        let mounted = mount::<F>(&image);
        fill(&mounted.point);
        // Full of small files too: inodes and directories until nothing is left.
        let full = (0..).find_map(|n| fs::create_dir(mounted.point.join(format!("last {n}"))).err());
        assert_eq!(full.map(|e| e.kind()), Some(io::ErrorKind::StorageFull));
        drop(mounted);
        F::check_used(&image);
        let mounted = mount::<F>(&image);
        fs::remove_file(mounted.point.join("fill")).expect("removed");
        fs::remove_dir_all(mounted.point.join("names")).expect("removed");
        exercise::<F>(&mounted.point, 2500, &mut Dice(1000 + i));
        drop(mounted);
        F::check_used(&image);
    }
}

/// All that was promised as free can be written at once, by root.
pub fn what_is_free_can_be_filled<F: Filesystem>() {
    for fs in F::some() {
        for mib in [F::LEAST, F::LEAST + 22, F::LEAST + 700, 3000] {
            let mut s = Sample::default();
            s.pattern("x", if mib < 100 { 1 } else { 50 } * MIB, 1, 1);
            let (image, written) = format(&fs, &s, Bytes(mib * MIB)).expect("it fits");
            let mounted = mount::<F>(&image);
            let filled = fill(&mounted.point);
            let expected = F::fillable(written.free.0, mib);
            assert!(expected.contains(&filled), "{filled} of {expected:?} in {mib} MiB: {written:?}");
            drop(mounted);
            F::check_used(&image);
        }
    }
}

/// The machine goes down in the middle of work: the journal that we began is replayed over what we wrote.
pub fn a_crash_is_recovered_from<F: Filesystem>() {
    for (i, fs) in (0..).zip(F::every()).filter(|(_, fs)| fs.has_journal()) {
        let (image, _) = format(&fs, &fs.zoo(), Bytes(F::ROOMY * MIB)).expect("it fits");
        // With the log flushed, and without.
        for (seed, shutdown) in [(50, "shutdown -f"), (60, "shutdown")] {
            let mounted = mount::<F>(&image);
            exercise_sparing::<F>(&mounted.point, 700, &mut Dice(seed + i), has_many_attributes);
            mounted.run(&["xfs_io", "-x", "-c", shutdown, "{}"]);
            drop(mounted);
            drop(mount::<F>(&image));
            F::check_used(&image);
        }
    }
}

/// Without its first superblock it is rescued from the others.
pub fn a_lost_superblock_is_rescued<F: Filesystem>() {
    for fs in F::every() {
        let sample = fs.zoo();
        let (image, _) = format(&fs, &sample, Bytes((F::ROOMY + 100) * MIB)).expect("it fits");
        let file = OpenOptions::new().write(true).open(&image.path).expect("the image");
        file.write_all_at(&[0; 512], F::MAGIC.0 as u64 & !511).expect("written");
        drop(file);
        F::rescue(&image);
        prove::<F>(&image, &sample);
    }
}
