//! Inodes: held in memory in short form until the pass is over, then 512 bytes each in their chunk.
//!
//! XFS Algorithms & Data Structures, "On-disk Inode". The core is 176 bytes; behind it lie the data fork and, from
//! [`Inode::fork_offset`] on, the attribute fork.

use uuid::Uuid;

use crate::rootfs::tree::{Meta, Timestamp};

use super::super::names::Type;
use super::INODE_SIZE;
use super::bytes::{put, put16, put32, put64, seal};
use super::features::Features;

/// Bytes of the core.
const CORE: usize = 176;
/// Bytes of both forks.
pub const FORKS: usize = INODE_SIZE - CORE;
/// The fewest bytes of a fork: two extents, or the smallest root of an extent tree that the kernel makes (4 bytes and two
/// keys and pointers, in units of 8). A smaller attribute fork overflows into the next inode once the kernel gives its
/// attributes a block of their own.
const SMALLEST_FORK: usize = 40;
/// The most bytes attributes may take inside the inode.
pub const MOST_SHORT_ATTRIBUTES: usize = FORKS - SMALLEST_FORK;
/// Bytes of the data fork where attributes have blocks of their own: the kernel leaves about as much.
const DATA_BESIDE_BLOCKS: usize = 136;
/// Bytes of the data fork of a device: the kernel wants exactly this where attributes follow.
const DATA_OF_DEVICE: usize = 8;

/// Neither content nor blocks: a device number, or nothing.
fn is_special(kind: Type) -> bool {
    matches!(kind, Type::CharDevice | Type::BlockDevice | Type::Fifo | Type::Socket)
}

/// How a fork's bytes are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Device = 0,
    /// The content itself.
    Local = 1,
    Extents = 2,
    /// The root of an extent tree.
    Tree = 3,
}

/// What stands in the inode for data or attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    pub form: Form,
    pub bytes: Box<[u8]>,
    /// In the whole fork, wherever they are listed.
    pub extents: u64,
}

impl Fork {
    pub fn local(bytes: impl Into<Box<[u8]>>) -> Fork {
        Fork { form: Form::Local, bytes: bytes.into(), extents: 0 }
    }

    /// No extents.
    pub fn empty() -> Fork {
        Fork { form: Form::Extents, bytes: Box::default(), extents: 0 }
    }
}

/// An inode in use.
#[derive(Clone, Debug)]
pub struct Inode {
    pub kind: Type,
    mode: u16,
    uid: u32,
    gid: u32,
    mtime: Timestamp,
    pub links: u32,
    /// In bytes.
    pub size: u64,
    /// Blocks of both forks, those of extent trees included.
    pub blocks: u64,
    pub data: Fork,
    pub attributes: Option<Fork>,
    /// The realtime bitmap's inode has a flag (`XFS_DIFLAG_NEWRTBM`) and a time of 0 that says no realtime section.
    realtime: bool,
}

/// What all inodes share.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub uuid: Uuid,
    pub features: Features,
    /// Change and birth time.
    pub created: Timestamp,
}

impl Inode {
    /// Without links, data and attributes. A symlink's mode is always 0777, as the kernel makes it.
    pub fn new(kind: Type, meta: &Meta) -> Inode {
        let data = if is_special(kind) {
            Fork { form: Form::Device, bytes: [0; 4].into(), extents: 0 }
        } else {
            Fork::empty()
        };
        let mode = if kind == Type::Symlink { 0o777 } else { meta.mode & 0o7777 };
        Inode {
            kind,
            mode,
            uid: meta.uid,
            gid: meta.gid,
            mtime: meta.mtime,
            links: 1,
            size: 0,
            blocks: 0,
            data,
            attributes: None,
            realtime: false,
        }
    }

    /// One of the two inodes that a realtime section would use; there is none.
    pub fn realtime(bitmap: bool, created: Timestamp) -> Inode {
        let meta = Meta { mtime: created, ..Meta::default() };
        Inode { realtime: bitmap, ..Inode::new(Type::File, &meta) }
    }

    /// Puts in what the tree says of an inode that was only implied so far.
    pub fn set_meta(&mut self, meta: &Meta) {
        *self = Inode {
            mode: meta.mode & 0o7777,
            uid: meta.uid,
            gid: meta.gid,
            mtime: meta.mtime,
            ..self.clone()
        };
    }

    /// Bytes that the data fork has.
    pub fn data_room(&self) -> usize {
        match &self.attributes {
            None => FORKS,
            Some(_) if is_special(self.kind) => DATA_OF_DEVICE,
            Some(fork) if fork.form == Form::Local => {
                FORKS - fork.bytes.len().next_multiple_of(8).max(SMALLEST_FORK)
            }
            Some(_) => DATA_BESIDE_BLOCKS,
        }
    }

    /// Bytes that an attribute fork with blocks of its own has.
    pub fn attribute_room(&self) -> usize {
        FORKS - if is_special(self.kind) { DATA_OF_DEVICE } else { DATA_BESIDE_BLOCKS }
    }

    /// The inode's record. `number` is the one on disk.
    pub fn encode(&self, number: u64, style: &Style) -> [u8; INODE_SIZE] {
        let mut out = empty(number, style);
        put16(&mut out, 2, self.kind.mode() | self.mode);
        out[5] = self.data.form as u8;
        put32(&mut out, 8, self.uid);
        put32(&mut out, 12, self.gid);
        put32(&mut out, 16, self.links);
        let big = style.features.bigtime;
        // The bitmap's access time is a counter at 0.
        let accessed = time(if self.realtime { Timestamp::default() } else { self.mtime }, big);
        for (at, value) in [
            (32, accessed),
            (40, time(self.mtime, big)),
            (48, time(style.created, big)),
            (56, self.size),
            (64, self.blocks),
            (104, 1), // changes
            (144, time(style.created, big)),
        ] {
            put64(&mut out, at, value);
        }
        self.encode_extents(&mut out, style.features.nrext64);
        out[83] = self.attributes.as_ref().map_or(Form::Extents, |fork| fork.form) as u8;
        put16(&mut out, 90, u16::from(self.realtime) << 2);
        put64(&mut out, 120, u64::from(big) << 3 | u64::from(style.features.nrext64) << 4);
        put(&mut out, CORE, &self.data.bytes);
        if let Some(fork) = &self.attributes {
            let room = self.data_room();
            out[82] = (room / 8) as u8;
            put(&mut out, CORE + room, &fork.bytes);
        }
        seal(&mut out, 100);
        out
    }

    fn encode_extents(&self, out: &mut [u8], wide: bool) {
        let attributes = self.attributes.as_ref().map_or(0, |fork| fork.extents);
        if wide {
            put64(out, 24, self.data.extents);
            put32(out, 76, attributes as u32);
        } else {
            put32(out, 76, self.data.extents as u32);
            put16(out, 80, attributes as u16);
        }
    }
}

/// The record of a free inode.
pub fn free(number: u64, style: &Style) -> [u8; INODE_SIZE] {
    let mut out = empty(number, style);
    seal(&mut out, 100);
    out
}

/// What free inodes have and others too.
fn empty(number: u64, style: &Style) -> [u8; INODE_SIZE] {
    let mut out = [0; INODE_SIZE];
    put(&mut out, 0, b"IN");
    out[4] = 3; // version
    // The generation tells a number's inodes apart over time; any start will do, so it comes from UUID and number.
    let generation = crc32c::crc32c_append(crc32c::crc32c(style.uuid.as_bytes()), &number.to_be_bytes());
    put32(&mut out, 92, generation);
    put32(&mut out, 96, u32::MAX); // not in a list of unlinked inodes
    put64(&mut out, 152, number);
    put(&mut out, 160, style.uuid.as_bytes());
    out
}

/// A time as stored: seconds and nanoseconds of 32 bits each, or with `bigtime` nanoseconds since 1901-12-13 20:45:52.
/// Times outside 1901-12-13 to 2038-01-19 (or 2486-07-02) become the range's ends.
fn time(t: Timestamp, big: bool) -> u64 {
    const FIRST: i64 = i32::MIN as i64;
    const LAST: i64 = i32::MAX as i64;
    // `XFS_BIGTIME_TIME_MAX`: the multiple of four seconds below 2^64 ns.
    const LAST_BIG: i64 = 18_446_744_072 + FIRST;
    let secs = t.secs.clamp(FIRST, if big { LAST_BIG } else { LAST });
    let nanos = if secs == t.secs { u64::from(t.nanos.min(999_999_999)) } else { 0 };
    if big {
        (secs - FIRST) as u64 * 1_000_000_000 + nanos
    } else {
        u64::from(secs as i32 as u32) << 32 | nanos
    }
}

/// A device's number in the data fork: major above 18 bits of minor (`sysv_encode_dev`). There is room for 14 bits of
/// major, but the kernel reads 9. `None` above.
pub fn device(major: u32, minor: u32) -> Option<u32> {
    (major < 1 << 9 && minor < 1 << 18).then_some(major << 18 | minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_clamped() {
        let at = |secs, nanos, big| time(Timestamp { secs, nanos }, big);
        assert_eq!(at(0, 5, false), 5);
        assert_eq!(at(-1, 0, false), 0xFFFF_FFFF << 32);
        assert_eq!(at(1 << 31, 5, false), 0x7FFF_FFFF << 32);
        assert_eq!(at(-(1 << 31), 5, true), 5);
        assert_eq!(at(0, 5, true), (1 << 31) * 1_000_000_000 + 5);
        assert_eq!(at(i64::MAX, 5, true), 18_446_744_072_000_000_000);
        assert_eq!(at(i64::MIN, 5, true), 0);
    }

    #[test]
    fn device_numbers() {
        assert_eq!(device(8, 1), Some(0x0020_0001));
        assert_eq!(device(511, (1 << 18) - 1), Some(511 << 18 | 0x3_FFFF));
        assert_eq!(device(512, 1), None);
        assert_eq!(device(1, 1 << 18), None);
    }

    #[test]
    fn forks_share_the_inode() {
        let mut inode = Inode::new(Type::File, &Meta::default());
        assert_eq!(inode.data_room(), 336);
        inode.attributes = Some(Fork::local(vec![0; 45]));
        assert_eq!(inode.data_room(), 288);
        inode.attributes = Some(Fork::local(vec![0; 8]));
        assert_eq!(inode.data_room(), 296);
        inode.attributes = Some(Fork::local(vec![0; MOST_SHORT_ATTRIBUTES]));
        assert_eq!(inode.data_room(), 40);
        inode.attributes = Some(Fork::empty());
        assert_eq!((inode.data_room(), inode.attribute_room()), (136, 200));
    }
}
