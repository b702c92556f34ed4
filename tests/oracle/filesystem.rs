//! What the oracles have to know of a format, and the way of an image through checker and kernel, the same for each.

use std::fmt::Debug;
use std::fs::File;
use std::ops::RangeInclusive;

use osimg::base::Bytes;
use osimg::fs::{Formatter, FsError, Request, Window, Written};
use osimg::rootfs::tree::{Meta, Timestamp};

use crate::image::{Image, Mount, compare};
use crate::tree::Sample;

pub const MIB: u64 = 1 << 20;
pub const CREATED: Timestamp = Timestamp { secs: 1_700_000_000, nanos: 5 };

/// A format with inodes, before all the oracles.
pub trait Filesystem: Formatter + Copy + Debug {
    /// In MiB: the smallest partition, and one that holds the zoo and as much again.
    const LEAST: u64;
    const ROOMY: u64;
    const LABEL: &'static str;
    /// A partition of so many MiB less than a tree is said to need is too small.
    const SPARE_MIB: u64;
    /// Where the superblock says what it is.
    const MAGIC: (usize, &'static [u8]);
    /// Options of mount.
    const MOUNT: &'static str;
    /// Directories that it makes by itself, with their modes.
    const OWN: &'static [(&'static [u8], u16)];
    /// A directory of more links is said to have one.
    const MOST_LINKS: u64;
    const LONGEST_TARGET: usize;
    /// Device numbers begin to be too large here, major and minor.
    const DEVICES: (u32, u32);
    /// Bytes of an extended attribute's value that fit beside a few others.
    const LARGEST_VALUE: usize;

    /// Every set of features worth a test.
    fn every() -> Vec<Self>;

    /// The features of a new kernel, of an old one, and more if there are sets between.
    fn some() -> Vec<Self>;

    /// A set of features from random bits.
    fn from_bits(bits: u8) -> Self;

    /// The last second that an inode's times can say.
    fn last_second(&self) -> i64;

    /// Whether what was lost in a crash can be made good without a checker.
    fn has_journal(&self) -> bool;

    /// One of everything that this format holds.
    fn zoo(&self) -> Sample;

    /// Drops of a random node's attributes what it cannot hold.
    fn fit_attributes(meta: &mut Meta);

    /// The format's checkers find nothing at all.
    fn check(image: &Image);

    /// As [`Filesystem::check`] after the kernel has written.
    fn check_used(image: &Image);

    /// How many bytes can be written into one file where so many were promised.
    fn fillable(promised: u64, mib: u64) -> RangeInclusive<u64>;

    /// Grows it to its device's size while it is mounted, where this machine's kernel lets us.
    fn grow(image: &Image);

    /// Makes it whole again from a copy of the first superblock, which is lost.
    fn rescue(image: &Image);

    /// So many bytes are its own, as its superblock says.
    fn bytes(image: &Image) -> u64;
}

pub fn request<F: Filesystem>(size: Bytes) -> Request {
    Request {
        size,
        uuid: uuid::uuid!("0f3c9a52-7b1e-5d4f-8a60-112233445566"),
        hash_seed: uuid::uuid!("6ba7b810-9dad-51d1-80b4-00c04fd430c8"),
        label: F::LABEL.into(),
        created: CREATED,
    }
}

pub fn format<F: Filesystem>(fs: &F, sample: &Sample, size: Bytes) -> Result<(Image, Written), FsError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("part.img");
    let file = File::create(&path).expect("an image");
    file.set_len(size.0).expect("its size");
    let mut window = Window::new(&file, Bytes(0), size);
    let written = fs.format(&request::<F>(size), &mut sample.stream(), &mut window)?;
    Ok((Image { folder, path }, written))
}

/// Mounts read-write.
pub fn mount<F: Filesystem>(image: &Image) -> Mount {
    image.mount(F::MOUNT)
}

/// Mounts read-write and compares the whole tree.
pub fn look<F: Filesystem>(image: &Image, sample: &Sample) -> Mount {
    let mount = mount::<F>(image);
    compare(&mount.point, &sample.expected(CREATED, F::OWN), F::MOST_LINKS);
    mount
}

/// Checks the image, mounts it, compares the whole tree, unmounts and checks again.
pub fn prove<F: Filesystem>(image: &Image, sample: &Sample) {
    F::check(image);
    drop(look::<F>(image, sample));
    F::check(image);
}

/// All oracles that are the same for every format, as tests of this one.
macro_rules! oracles {
    ($format:ident) => {
        oracles!($format, whole:
            one_of_everything_in_every_feature_set one_of_everything_twice_is_the_same_bytes grub_reads_it
            partitions_of_many_sizes it_grows it_is_remounted_as_it_was_left zeros_take_no_room);
        oracles!($format, used:
            it_can_be_used what_is_free_can_be_filled a_crash_is_recovered_from a_lost_superblock_is_rescued);
        oracles!($format, refused:
            a_tree_too_large_says_how_much_would_do what_no_format_has_is_said a_pass_that_fails_leaves_nothing_to_mount
            data_that_ends_early_is_an_error);
        oracles!($format, random: random_trees);
    };
    ($format:ident, $module:ident: $($oracle:ident)*) => {
        mod $module {
            use super::$format;

            $(#[test]
            fn $oracle() {
                crate::$module::$oracle::<$format>();
            })*
        }
    };
}
pub(crate) use oracles;
