//! A tree as a canonical tar stream: the same nodes and data always give the same bytes.
//!
//! Enters: nodes with their data. Leaves: ustar headers, each with a pax header before it only where ustar cannot say
//! it (POSIX.1-2017 pax). No user names, no times of writing. A socket is a FIFO's header with `SCHILY.filetype=socket`, for
//! tar has no flag for it. A hard link carries no metadata, its target has it.

use std::io::{self, Read, Write};

use super::header::{BLOCK, Header, NAME, octal_max};
use super::pax::Pax;
use super::tree::{Kind, Node, Timestamp};

/// What is copied at once.
const BUFFER: usize = 256 << 10;
/// The name of every extended header.
const PAX_NAME: &[u8] = b"././@PaxHeader";

/// Why a node could not be written.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("reading {path}: {source}")]
    Read { path: String, source: io::Error },
    #[error("writing the archive: {0}")]
    Write(#[from] io::Error),
    #[error("{path} has {came} bytes and not the {promised} that were promised")]
    Short { path: String, promised: u64, came: u64 },
    /// What tar has no way to say.
    #[error("{path}: {problem}")]
    Unrepresentable { path: String, problem: &'static str },
}

/// Writes a tar stream; [`ArchiveWriter::finish`] must be called for it to be whole.
pub struct ArchiveWriter<W> {
    out: W,
    buffer: Vec<u8>,
}

impl<W: Write> ArchiveWriter<W> {
    /// `out` gets pieces of 512 bytes and of up to 256 KiB: what is slow with small ones should be buffered.
    pub fn new(out: W) -> ArchiveWriter<W> {
        ArchiveWriter { out, buffer: vec![0; BUFFER] }
    }

    /// Appends a node and, for a regular file, exactly its size of bytes from `data`.
    pub fn append(&mut self, node: &Node, data: &mut dyn Read) -> Result<(), AppendError> {
        let (header, pax) = describe(node)?;
        let records = pax.build();
        if !records.is_empty() {
            let extension = Header {
                name: PAX_NAME.to_vec(),
                mode: 0o644,
                size: records.len() as u64,
                flag: b'x',
                ..Header::default()
            };
            self.out.write_all(&extension.build())?;
            self.out.write_all(&records)?;
            self.pad(records.len() as u64)?;
        }
        self.out.write_all(&header.build())?;
        if let Kind::File { size } = node.kind {
            self.copy(node, size, data)?;
            self.pad(size)?;
        }
        Ok(())
    }

    fn copy(&mut self, node: &Node, size: u64, data: &mut dyn Read) -> Result<(), AppendError> {
        let mut left = size;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            let n = match data.read(&mut self.buffer[..want]) {
                Ok(0) => {
                    let path = node.path.to_string();
                    return Err(AppendError::Short { path, promised: size, came: size - left });
                }
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(AppendError::Read { path: node.path.to_string(), source }),
            };
            self.out.write_all(&self.buffer[..n])?;
            left -= n as u64;
        }
        Ok(())
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let rest = usize::try_from(size % BLOCK as u64).expect("below a block");
        if rest == 0 { Ok(()) } else { self.out.write_all(&[0; BLOCK][rest..]) }
    }

    /// Writes the end mark, flushes, and gives the writer back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A node as a header and what the header has no room for.
fn describe(node: &Node) -> Result<(Header, Pax), AppendError> {
    let wrong = |problem| AppendError::Unrepresentable { path: node.path.to_string(), problem };
    let mut header = Header::default();
    let mut pax = Pax::default();
    header.name = if node.path.is_root() { b".".to_vec() } else { node.path.as_bytes().to_vec() };
    match &node.kind {
        Kind::Directory => {
            header.flag = b'5';
            header.name.push(b'/');
        }
        Kind::File { size } => {
            header.flag = b'0';
            (header.size, pax.size) = fit(*size, 12);
        }
        Kind::HardLink { target } => {
            header.flag = b'1';
            header.link = target.as_bytes().to_vec();
        }
        Kind::Symlink { target } => {
            header.flag = b'2';
            header.link = target.clone();
        }
        Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
            header.flag = if matches!(node.kind, Kind::CharDevice { .. }) { b'3' } else { b'4' };
            (header.major, pax.major) = fit(u64::from(*major), 8);
            (header.minor, pax.minor) = fit(u64::from(*minor), 8);
        }
        Kind::Fifo => header.flag = b'6',
        Kind::Socket => {
            header.flag = b'6';
            pax.filetype = Some(b"socket".to_vec());
        }
    }
    if node.path.is_root() && node.kind != Kind::Directory {
        return Err(wrong("the root is no directory"));
    }
    if matches!(node.kind, Kind::Symlink { .. }) && (header.link.is_empty() || header.link.contains(&0)) {
        return Err(wrong("a symbolic link without a target, or with a NUL in it"));
    }
    if header.name.len() > NAME {
        pax.path = Some(header.name.clone());
    }
    if header.link.len() > NAME {
        pax.link = Some(header.link.clone());
    }
    if matches!(node.kind, Kind::HardLink { .. }) {
        return Ok((header, pax));
    }
    let meta = &node.meta;
    header.mode = u64::from(meta.mode & 0o7777);
    (header.uid, pax.uid) = fit(u64::from(meta.uid), 8);
    (header.gid, pax.gid) = fit(u64::from(meta.gid), 8);
    match meta.mtime {
        Timestamp { secs, nanos: 0 } if u64::try_from(secs).is_ok_and(|s| s <= octal_max(12)) => {
            header.mtime = secs;
        }
        // pax times are signed decimal numbers: this one has no positive counterpart
        Timestamp { secs: i64::MIN, .. } => return Err(wrong("a time before everything")),
        time => pax.mtime = Some(time),
    }
    if meta.xattrs.keys().any(|name| name.is_empty() || name.contains(&0)) {
        return Err(wrong("an extended attribute without a name, or with a NUL in it"));
    }
    pax.xattrs = meta.xattrs.clone();
    Ok((header, pax))
}

/// A number for an octal field of `width` bytes, or for a pax record.
fn fit(value: u64, width: usize) -> (u64, Option<u64>) {
    if value <= octal_max(width) { (value, None) } else { (0, Some(value)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::specimen::{file, pack, tree, unpack};
    use super::super::tree::TreePath;
    use super::*;

    proptest! {
        #[test]
        fn every_tree_survives(tree in tree()) {
            let bytes = pack(&tree);
            let back = unpack(&bytes).expect("a good archive");
            prop_assert_eq!(&back, &tree);
            prop_assert_eq!(pack(&back), bytes);
        }

        #[test]
        fn another_reader_agrees(mut tree in tree()) {
            // the tar crate takes pax records apart at newlines, which ends a value too early; ours and GNU tar's do not
            let plain = |bytes: &[u8]| bytes.iter().map(|b| if *b == b'\n' { b'N' } else { *b }).collect::<Vec<u8>>();
            for (node, _) in &mut tree {
                node.meta.xattrs.clear();
                node.path = TreePath::new(plain(node.path.as_bytes())).expect("still a path");
                match &mut node.kind {
                    Kind::Symlink { target } => *target = plain(target),
                    Kind::HardLink { target } => {
                        *target = TreePath::new(plain(target.as_bytes())).expect("still a path");
                    }
                    _ => {}
                }
            }
            let bytes = pack(&tree);
            let mut archive = tar::Archive::new(bytes.as_slice());
            let mut seen = 0;
            for (entry, (node, data)) in archive.entries().expect("entries").zip(&tree) {
                let mut entry = entry.expect("an entry");
                let path = TreePath::new(entry.path_bytes());
                prop_assert_eq!(path.as_ref(), Some(&node.path));
                let mut content = Vec::new();
                entry.read_to_end(&mut content).expect("data");
                prop_assert_eq!(&content, data);
                if let Kind::Symlink { target } = &node.kind {
                    let link = entry.link_name_bytes().map(|l| l.into_owned());
                    prop_assert_eq!(link.as_ref(), Some(target));
                }
                if !matches!(node.kind, Kind::HardLink { .. }) {
                    prop_assert_eq!(entry.header().mode().expect("mode"), u32::from(node.meta.mode));
                }
                seen += 1;
            }
            prop_assert_eq!(seen, tree.len());
        }
    }

    #[test]
    fn plain_nodes_need_no_extended_header() {
        let bytes = pack(&[file("etc/motd", "hello")]);
        assert_eq!(bytes.len(), 4 * BLOCK);
        assert_eq!(&bytes[..8], b"etc/motd");
    }

    #[test]
    fn data_must_come_in_full() {
        let (node, _) = file("a", "abc");
        let mut writer = ArchiveWriter::new(Vec::new());
        let error = writer.append(&node, &mut &b"ab"[..]).expect_err("too short");
        assert_eq!(error.to_string(), "/a has 2 bytes and not the 3 that were promised");
    }

    #[test]
    fn sizes_beyond_eight_gibibytes() {
        let (mut node, _) = file("big", "");
        node.kind = Kind::File { size: 9 << 30 };
        let (header, pax) = describe(&node).expect("fits");
        assert_eq!((header.size, pax.size), (0, Some(9 << 30)));
    }
}
