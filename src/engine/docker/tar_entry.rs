//! An entry of BuildKit's list as the header of a tar.
//!
//! Enters: a [`Stat`]. Leaves: a ustar header, with a pax header before it where ustar cannot say it, and the bytes of
//! content that follow. Spec: POSIX.1-2017 pax, star(1) for `SCHILY.*`; Go's `fs.FileMode`.

use tar::{EntryType, Header};

use super::packet::{Malformed, Stat};

/// The block of tars, in bytes.
pub(super) const BLOCK: u64 = 512;
/// Bytes of a name that fit a header.
const NAME: usize = 100;
/// What fits a header's number of 8 and of 12 bytes.
const OCTAL_8: u64 = 0o777_7777;
const OCTAL_12: u64 = 0o777_7777_7777;

/// Go's bits: what an entry is, and what the permission bits leave out.
const DIRECTORY: u32 = 1 << 31;
const SYMLINK: u32 = 1 << 27;
const DEVICE: u32 = 1 << 26;
const FIFO: u32 = 1 << 25;
const SOCKET: u32 = 1 << 24;
const SETUID: u32 = 1 << 23;
const SETGID: u32 = 1 << 22;
const CHARACTER: u32 = 1 << 21;
const STICKY: u32 = 1 << 20;
const IRREGULAR: u32 = 1 << 19;
const KINDS: u32 = DIRECTORY | SYMLINK | DEVICE | FIFO | SOCKET | CHARACTER | IRREGULAR;

/// The blocks before an entry's content, and the content's length.
pub(super) fn header(stat: &Stat) -> Result<(Vec<u8>, u64), Malformed> {
    let kind = kind(stat)?;
    let size = if kind == EntryType::Regular { stat.size } else { 0 };
    if i64::try_from(size).is_err() {
        return Err(Malformed("a file of a negative size"));
    }
    let mut records = Records::default();
    let mut header = Header::new_ustar();
    let mut path = stat.path.clone();
    if kind == EntryType::Directory {
        path.push(b'/');
    }
    records.name("path", &path, &mut header.as_old_mut().name);
    if kind == EntryType::Link || kind == EntryType::Symlink {
        records.name("linkpath", &stat.link, &mut header.as_old_mut().linkname);
    }
    header.set_entry_type(kind);
    header.set_mode(permissions(stat.mode));
    header.set_uid(records.number("uid", u64::from(stat.uid), OCTAL_8));
    header.set_gid(records.number("gid", u64::from(stat.gid), OCTAL_8));
    header.set_size(records.number("size", size, OCTAL_12));
    if kind == EntryType::Char || kind == EntryType::Block {
        let (major, minor) =
            (records.device("SCHILY.devmajor", stat.major), records.device("SCHILY.devminor", stat.minor));
        header.set_device_major(major).and(header.set_device_minor(minor)).expect("a ustar header has both");
    }
    header.set_mtime(records.time(stat.mtime));
    if kind != EntryType::Link {
        for (name, value) in &stat.xattrs {
            records.put(&[b"SCHILY.xattr.", escaped(name).as_slice()].concat(), value);
        }
    }
    header.set_cksum();
    Ok((records.before(&header), size))
}

fn kind(stat: &Stat) -> Result<EntryType, Malformed> {
    let kind = stat.mode & KINDS;
    Ok(match kind {
        DIRECTORY => EntryType::Directory,
        SYMLINK => EntryType::Symlink,
        _ if !stat.link.is_empty() => EntryType::Link,
        // BuildKit takes the bit of sockets away: they come as empty files
        0 => EntryType::Regular,
        DEVICE => EntryType::Block,
        FIFO => EntryType::Fifo,
        _ if kind == DEVICE | CHARACTER => EntryType::Char,
        _ => return Err(Malformed("an entry of no known kind")),
    })
}

fn permissions(mode: u32) -> u32 {
    let bits = [(SETUID, 0o4000), (SETGID, 0o2000), (STICKY, 0o1000)];
    bits.iter().filter(|(go, _)| mode & go != 0).fold(mode & 0o777, |all, (_, bit)| all | bit)
}

/// GNU tar writes `%` and `=` of an attribute's name so, for `=` ends a keyword.
fn escaped(name: &[u8]) -> Vec<u8> {
    name.iter()
        .flat_map(|b| match b {
            b'%' => b"%25".to_vec(),
            b'=' => b"%3D".to_vec(),
            b => vec![*b],
        })
        .collect()
}

/// The records of a pax header.
#[derive(Default)]
struct Records(Vec<u8>);

impl Records {
    /// `<length> <keyword>=<value>\n`, the length counting itself.
    fn put(&mut self, keyword: &[u8], value: &[u8]) {
        let rest = keyword.len() + value.len() + 3;
        let mut length = rest + 1;
        while length.to_string().len() + rest > length {
            length += 1;
        }
        self.0.extend_from_slice(length.to_string().as_bytes());
        for part in [b" ", keyword, b"=", value, b"\n"] {
            self.0.extend_from_slice(part);
        }
    }

    fn name(&mut self, keyword: &str, value: &[u8], field: &mut [u8; NAME]) {
        let fits = value.len().min(NAME);
        field[..fits].copy_from_slice(&value[..fits]);
        if value.len() > NAME {
            self.put(keyword.as_bytes(), value);
        }
    }

    /// What stands in the header.
    fn number(&mut self, keyword: &str, value: u64, most: u64) -> u64 {
        if value <= most {
            return value;
        }
        self.put(keyword.as_bytes(), value.to_string().as_bytes());
        0
    }

    fn device(&mut self, keyword: &str, value: u64) -> u32 {
        u32::try_from(self.number(keyword, value, OCTAL_8)).expect("seven octal digits")
    }

    /// What stands in the header of a time in nanoseconds.
    fn time(&mut self, time: i64) -> u64 {
        const SECOND: u64 = 1_000_000_000;
        let (whole, part) = (time.unsigned_abs() / SECOND, time.unsigned_abs() % SECOND);
        if time >= 0 && part == 0 {
            return whole;
        }
        let sign = if time < 0 { "-" } else { "" };
        self.put(b"mtime", format!("{sign}{whole}.{part:09}").as_bytes());
        0
    }

    /// The records as a header and blocks of their own, where there are some, then `header`.
    fn before(&self, header: &Header) -> Vec<u8> {
        let mut blocks = Vec::new();
        if !self.0.is_empty() {
            let mut own = Header::new_ustar();
            own.as_old_mut().name[..15].copy_from_slice(b"././@PaxHeaders");
            own.set_entry_type(EntryType::XHeader);
            own.set_mode(0o644);
            own.set_size(self.0.len() as u64);
            own.set_cksum();
            blocks.extend_from_slice(own.as_bytes());
            blocks.extend_from_slice(&self.0);
            blocks.resize(blocks.len().next_multiple_of(BLOCK as usize), 0);
        }
        blocks.extend_from_slice(header.as_bytes());
        blocks
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The header as another reader of tars sees it, with the records before it.
    fn seen(stat: &Stat) -> (Header, BTreeMap<String, Vec<u8>>) {
        let (mut blocks, size) = header(stat).expect("an entry");
        blocks.resize(blocks.len() + size.next_multiple_of(BLOCK) as usize + 1024, 0);
        let mut archive = tar::Archive::new(blocks.as_slice());
        let mut entry = archive.entries().expect("a tar").next().expect("an entry").expect("well formed");
        let records = entry.pax_extensions().expect("readable").into_iter().flatten();
        let pairs =
            records.map(|r| r.map(|r| (r.key().expect("text").to_string(), r.value_bytes().to_vec())));
        let pairs = pairs.collect::<Result<_, _>>().expect("pairs");
        (entry.header().clone(), pairs)
    }

    #[test]
    fn what_fits_a_header_needs_no_records() {
        let stat =
            Stat { path: b"usr/bin/su".into(), mode: SETUID | STICKY | 0o755, uid: 7, ..Stat::default() };
        let (header, records) = seen(&Stat { mtime: 5_000_000_000, size: 3, ..stat });
        assert_eq!(
            (header.mode().ok(), header.uid().ok(), header.mtime().ok()),
            (Some(0o5755), Some(7), Some(5))
        );
        assert_eq!((header.size().ok(), header.entry_type()), (Some(3), EntryType::Regular));
        assert!(records.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_a_record() {
        let path = vec![b'x'; 101];
        let xattrs = BTreeMap::from([(b"user.a=b%".to_vec(), vec![0, 9])]);
        let (_, records) = seen(&Stat {
            path: path.clone(),
            uid: u32::MAX,
            mtime: -1_500_000_000,
            xattrs,
            ..Stat::default()
        });
        assert_eq!(records["path"], path);
        assert_eq!(records["uid"], b"4294967295");
        assert_eq!(records["mtime"], b"-1.500000000");
        assert_eq!(records["SCHILY.xattr.user.a%3Db%25"], [0, 9]);
    }

    #[test]
    fn kinds_are_gos() {
        let kind = |mode, link: &str| {
            let stat = Stat {
                path: b"a".into(),
                mode,
                link: link.into(),
                size: 9,
                major: 8,
                minor: 1,
                ..Stat::default()
            };
            let (header, _) = seen(&stat);
            (header.entry_type(), header.size().expect("a size"))
        };
        assert_eq!(kind(DIRECTORY, ""), (EntryType::Directory, 0));
        assert_eq!(kind(SYMLINK, "b"), (EntryType::Symlink, 0));
        assert_eq!(kind(0, "b"), (EntryType::Link, 0));
        assert_eq!(kind(FIFO, "b"), (EntryType::Link, 0));
        assert_eq!(kind(FIFO, ""), (EntryType::Fifo, 0));
        assert_eq!(kind(DEVICE, ""), (EntryType::Block, 0));
        assert_eq!(kind(DEVICE | CHARACTER, ""), (EntryType::Char, 0));
        assert!(header(&Stat { mode: IRREGULAR, ..Stat::default() }).is_err());
    }
}
