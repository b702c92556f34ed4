//! A tar stream as a tree: ustar, GNU long names, pax.
//!
//! Enters: an uncompressed tar stream. Leaves: nodes as [`super::tree`] promises them, data streamed, never held.
//! POSIX.1-2017 pax; the GNU tar manual, "Basic Tar Format"; star(1) for `SCHILY.*`.
//!
//! Decisions:
//! - A repeated directory is dropped, its first metadata stays (engines repeat parents). Any other repeat is an error: a
//!   stream cannot take back what has left it.
//! - An entry below something that is no directory is an error; so is a hard link whose target did not come.
//! - An archive ends with a block of zeros; one that stops before is cut off, and an error. Only zeros may follow.
//! - Global extended headers are passed over: they hold comments. Sparse files and parts of other volumes are errors.
//! - Permission bits are masked with 07777: `docker export` puts type bits into hard links' modes.

use std::io::{self, BufReader, Read, Seek};

use super::acl;
use super::header::{BLOCK, Header, HeaderError};
use super::outline::{Outline, OutlineError};
use super::pax::{Pax, PaxError};
use super::tree::{Item, Kind, Meta, Node, Timestamp, TreePath, TreeSource};

/// What is read from the stream at once.
const BUFFER: usize = 256 << 10;
/// The largest extended header or long name: room for many full extended attributes (64 KiB each at most).
const EXTENSION_MAX: u64 = 8 << 20;

/// Stands for the last entry's path before there is one; paths begin with a slash.
const START: &str = "the start";

/// Why a stream is no tree. Comes inside an [`io::Error`].
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the archive is cut off: {0}")]
    CutOff(String),
    #[error("the archive goes on after its end mark")]
    AfterEnd,
    #[error("after {after}: {source}")]
    Header { after: String, source: HeaderError },
    #[error("after {after}: {source}")]
    Pax { after: String, source: PaxError },
    #[error("after {after}: an extended header of {size} bytes")]
    ExtensionTooLarge { after: String, size: u64 },
    #[error("entry `{entry}`: {problem}")]
    Entry { entry: String, problem: String },
    #[error("entry `{entry}`: {source}")]
    Clash { entry: String, source: OutlineError },
    #[error("the archive could not be read before")]
    Failed,
}

impl From<ArchiveError> for io::Error {
    fn from(error: ArchiveError) -> io::Error {
        let kind = match error {
            ArchiveError::CutOff(_) => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

/// A tar stream, read once.
pub struct Archive<R> {
    body: Body<R>,
    outline: Outline,
    state: State,
}

enum State {
    Entries,
    Ended,
    Failed,
}

/// The current entry's data, and the stream behind it.
struct Body<R> {
    input: BufReader<R>,
    /// Passes over so many bytes, or over fewer at the stream's end; says how many.
    pass: fn(&mut BufReader<R>, u64) -> io::Result<u64>,
    /// Bytes of data not read yet.
    left: u64,
    /// Bytes from the end of the data to the next header.
    padding: u64,
    /// The entry's name, for messages.
    name: String,
}

/// What stands before an entry's own header.
#[derive(Default)]
struct Extensions {
    pax: Option<Pax>,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl<R: Read + Seek> Archive<R> {
    /// An archive in a file: data that nobody reads is passed over and not read.
    pub fn of_file(reader: R) -> Archive<R> {
        // past the end of the file it is the next read that finds nothing
        Archive::passing(reader, |input, n| {
            input.seek_relative(i64::try_from(n).map_err(io::Error::other)?).map(|()| n)
        })
    }
}

impl<R: Read> Archive<R> {
    pub fn new(reader: R) -> Archive<R> {
        Archive::passing(reader, |input, n| io::copy(&mut input.take(n), &mut io::sink()))
    }

    fn passing(reader: R, pass: fn(&mut BufReader<R>, u64) -> io::Result<u64>) -> Archive<R> {
        let input = BufReader::with_capacity(BUFFER, reader);
        let body = Body { input, pass, left: 0, padding: 0, name: START.into() };
        Archive { body, outline: Outline::default(), state: State::Entries }
    }

    /// The next node that is no repeated directory; its data is what `body` yields then.
    fn next_node(&mut self) -> io::Result<Option<Node>> {
        let mut before = Extensions::default();
        loop {
            self.body.skip()?;
            let Some(block) = self.body.block()? else {
                if before.pax.is_some() || before.name.is_some() || before.link.is_some() {
                    return Err(ArchiveError::CutOff("no entry follows an extended header".into()).into());
                }
                return self.body.end().map(|()| None);
            };
            let header = Header::parse(&block)
                .map_err(|source| ArchiveError::Header { after: self.body.name.clone(), source })?;
            match header.flag {
                b'x' => {
                    let bytes = self.body.extension(header.size)?;
                    let pax = Pax::parse(&bytes)
                        .map_err(|source| ArchiveError::Pax { after: self.body.name.clone(), source })?;
                    before.pax = Some(pax);
                }
                b'g' => drop(self.body.extension(header.size)?),
                b'L' => before.name = Some(until_nul(self.body.extension(header.size)?)),
                b'K' => before.link = Some(until_nul(self.body.extension(header.size)?)),
                _ => {
                    let node = node(header, std::mem::take(&mut before))?;
                    let size = if let Kind::File { size } = node.kind { size } else { 0 };
                    self.body.enter(size, Some(&node.path));
                    let new = self
                        .outline
                        .note(&node)
                        .map_err(|source| ArchiveError::Clash { entry: node.path.to_string(), source })?;
                    if new {
                        return Ok(Some(node));
                    }
                }
            }
        }
    }
}

impl<R: Read> TreeSource for Archive<R> {
    fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        match self.state {
            State::Entries => {}
            State::Ended => return Ok(None),
            State::Failed => return Err(ArchiveError::Failed.into()),
        }
        // an error leaves the stream somewhere inside an entry: nothing after it can be trusted
        self.state = State::Failed;
        let Some(node) = self.next_node()? else {
            self.state = State::Ended;
            return Ok(None);
        };
        self.state = State::Entries;
        Ok(Some(Item { node, data: &mut self.body }))
    }
}

impl<R: Read> Body<R> {
    fn enter(&mut self, size: u64, path: Option<&TreePath>) {
        self.left = size;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
        if let Some(path) = path {
            self.name = path.to_string();
        }
    }

    fn cut_off(&self) -> io::Error {
        let after = match self.name.as_str() {
            START => "it has not one header".to_string(),
            name => format!("its last entry is `{name}`"),
        };
        ArchiveError::CutOff(after).into()
    }

    /// Passes over what is left of the entry.
    fn skip(&mut self) -> io::Result<()> {
        let rest = self.left + self.padding;
        if rest > 0 {
            let skipped = (self.pass)(&mut self.input, rest)?;
            if skipped < rest {
                return Err(self.cut_off());
            }
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }

    /// The next header block; `None` for a block of zeros.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        self.input.read_exact(&mut block).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.cut_off(),
            _ => error,
        })?;
        Ok(block.iter().any(|b| *b != 0).then_some(block))
    }

    /// Reads on to the end of the stream, so that whoever writes it can finish; finds only zeros there.
    fn end(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            match self.input.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) if buffer[..n].iter().any(|b| *b != 0) => return Err(ArchiveError::AfterEnd.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The data of an extended header or a long name.
    fn extension(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > EXTENSION_MAX {
            return Err(ArchiveError::ExtensionTooLarge { after: self.name.clone(), size }.into());
        }
        self.enter(size, None);
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl<R: Read> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let n = self.input.read(&mut buffer[..want])?;
        if n == 0 {
            return Err(self.cut_off());
        }
        self.left -= n as u64;
        Ok(n)
    }
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|b| *b == 0) {
        bytes.truncate(end);
    }
    bytes
}

/// The node of a header and what stood before it.
fn node(header: Header, before: Extensions) -> Result<Node, ArchiveError> {
    let pax = before.pax.unwrap_or_default();
    let raw = pax.path.or(before.name).unwrap_or(header.name);
    let entry = String::from_utf8_lossy(&raw).into_owned();
    let wrong = |problem: &str| ArchiveError::Entry { entry: entry.clone(), problem: problem.into() };
    if let Some(keyword) = pax.sparse {
        return Err(wrong(&format!(
            "sparse files ({keyword}) are not read; write the archive without --sparse"
        )));
    }
    let path = TreePath::new(&raw)
        .ok_or_else(|| wrong("the path has `..`, a NUL or a name of more than 255 bytes in it"))?;
    if raw.is_empty() {
        return Err(wrong("an entry without a name"));
    }
    let link = pax.link.or(before.link).unwrap_or(header.link);
    let id = |id: u64| u32::try_from(id).map_err(|_| wrong("an owner or group above 4294967295"));
    let device = |n: u64| u32::try_from(n).map_err(|_| wrong("a device number above 4294967295"));
    let (major, minor) =
        (device(pax.major.unwrap_or(header.major))?, device(pax.minor.unwrap_or(header.minor))?);
    let size = pax.size.unwrap_or(header.size);
    if i64::try_from(size).is_err() {
        return Err(wrong("a size above 2^63"));
    }
    let kind = match header.flag {
        // version 7 tars had no flag for directories
        0 if raw.ends_with(b"/") => Kind::Directory,
        0 | b'0' | b'7' => Kind::File { size },
        b'1' => {
            let target = TreePath::new(&link).filter(|t| !t.is_root());
            Kind::HardLink { target: target.ok_or_else(|| wrong("a hard link to no path"))? }
        }
        b'2' if link.is_empty() || link.contains(&0) => {
            return Err(wrong("a symbolic link without a target, or with a NUL in it"));
        }
        b'2' => Kind::Symlink { target: link },
        b'3' => Kind::CharDevice { major, minor },
        b'4' => Kind::BlockDevice { major, minor },
        b'5' => Kind::Directory,
        b'6' if pax.filetype.as_deref() == Some(b"socket") => Kind::Socket,
        b'6' => Kind::Fifo,
        b'S' => return Err(wrong("sparse files are not read; write the archive without --sparse")),
        other => return Err(wrong(&format!("an entry of type `{}`", other.escape_ascii()))),
    };
    if path.is_root() && kind != Kind::Directory {
        return Err(wrong("the root is no directory"));
    }
    if let Kind::HardLink { .. } = kind {
        return Ok(Node { path, kind, meta: Meta::default() });
    }
    let mut xattrs = pax.xattrs;
    for (name, text) in
        [(&b"system.posix_acl_access"[..], pax.acl_access), (b"system.posix_acl_default", pax.acl_default)]
    {
        if let (Some(text), false) = (text, xattrs.contains_key(name)) {
            let value =
                acl::from_text(&text).ok_or_else(|| wrong("an access control list that cannot be read"))?;
            xattrs.insert(name.to_vec(), value);
        }
    }
    let meta = Meta {
        mode: u16::try_from(header.mode & 0o7777).expect("twelve bits"),
        uid: id(pax.uid.unwrap_or(header.uid))?,
        gid: id(pax.gid.unwrap_or(header.gid))?,
        mtime: pax.mtime.unwrap_or(Timestamp { secs: header.mtime, nanos: 0 }),
        xattrs,
    };
    Ok(Node { path, kind, meta })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::specimen::{dir, file, hard, listing, pack, symlink, tree, unpack};
    use super::*;

    /// A header of the ustar form, good in all but what a test spoils.
    fn header(name: &str, flag: u8, size: u64) -> Header {
        Header { name: name.into(), flag, size, mode: 0o644, ..Header::default() }
    }

    fn blocks(parts: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for part in parts {
            out.extend_from_slice(part);
            out.resize(out.len().next_multiple_of(BLOCK), 0);
        }
        out.resize(out.len() + 2 * BLOCK, 0);
        out
    }

    fn error(bytes: &[u8]) -> String {
        unpack(bytes).expect_err("refused").to_string()
    }

    #[test]
    fn gnu_long_names() {
        let long = "d/".repeat(80) + "name";
        let bytes = blocks(&[
            &header("././@LongLink", b'L', 165).build(),
            &[long.as_bytes(), b"\0"].concat(),
            &header("././@LongLink", b'K', 4).build(),
            b"abc\0",
            &header("d/d/d", b'2', 0).build(),
        ]);
        let tree = unpack(&bytes).expect("reads");
        assert_eq!(tree[0].0.path.as_bytes(), long.as_bytes());
        assert_eq!(tree[0].0.kind, Kind::Symlink { target: b"abc".to_vec() });
    }

    #[test]
    fn modes_are_masked_and_global_headers_passed_over() {
        let link = Header { mode: 0o100755, link: b"a".to_vec(), ..header("b", b'1', 99) };
        let first = Header { mode: 0o104755, ..header("./a", b'0', 1) };
        let bytes =
            blocks(&[&header("g", b'g', 11).build(), b"11 path=zz\n", &first.build(), b"x", &link.build()]);
        assert_eq!(
            listing(&unpack(&bytes).expect("reads")),
            "4755 0:0 @0 /a file 1 \"x\"\n0000 0:0 @0 /b hard /a\n"
        );
    }

    #[test]
    fn star_acls_become_attributes() {
        let text = b"40 SCHILY.acl.access=user::r--,other::-\n";
        let bytes =
            blocks(&[&header("x", b'x', text.len() as u64).build(), text, &header("a", b'0', 0).build()]);
        let tree = unpack(&bytes).map(|t| t[0].0.meta.xattrs.clone()).map_err(|e| e.to_string());
        let xattrs = tree.expect("reads");
        assert_eq!(xattrs.keys().collect::<Vec<_>>(), [b"system.posix_acl_access"]);
    }

    #[test]
    fn a_repeated_directory_is_dropped_and_any_other_repeat_refused() {
        let tree = [dir("a"), file("a/b", "x"), dir("a")];
        assert_eq!(unpack(&pack(&tree)).expect("reads").len(), 2);
        assert_eq!(error(&pack(&[file("a", "x"), file("a", "y")])), "entry `/a`: the path comes twice");
        assert_eq!(
            error(&pack(&[symlink("lib", "usr/lib"), file("lib/x", "")])),
            "entry `/lib/x`: it lies below /lib, which is no directory"
        );
        assert_eq!(
            error(&pack(&[hard("a", "b")])),
            "entry `/a`: it is a hard link to /b, which did not come before it"
        );
    }

    #[test]
    fn strange_entries_are_named() {
        let one = |h: Header| error(&blocks(&[&h.build()]));
        assert_eq!(
            one(header("a/../b", b'0', 0)),
            "entry `a/../b`: the path has `..`, a NUL or a name of more than 255 bytes in it"
        );
        assert!(one(header("a", b'S', 0)).contains("sparse files are not read"));
        assert!(one(header("a", b'V', 0)).contains("an entry of type `V`"));
        assert!(one(header(".", b'0', 0)).contains("the root is no directory"));
        assert!(one(header("a", b'2', 0)).contains("a symbolic link without a target"));
        assert!(one(header("a", b'1', 0)).contains("a hard link to no path"));
        let sparse = blocks(&[
            &header("x", b'x', 22).build(),
            b"22 GNU.sparse.major=1\n",
            &header("a", b'0', 0).build(),
        ]);
        assert!(error(&sparse).contains("sparse files (GNU.sparse.major)"));
    }

    #[test]
    fn every_cut_is_noticed() {
        let bytes = pack(&[dir("a"), file("a/b", &"x".repeat(700)), file("c", "")]);
        for end in 0..bytes.len() - 2 * BLOCK + BLOCK {
            assert!(unpack(&bytes[..end]).is_err(), "cut at {end}");
        }
        assert_eq!(
            error(&bytes[..bytes.len() - 2 * BLOCK]),
            "the archive is cut off: its last entry is `/c`"
        );
        assert_eq!(error(&[]), "the archive is cut off: it has not one header");
    }

    #[test]
    fn no_size_is_too_large_to_be_refused() {
        for (flag, expected) in
            [(b'g', "an extended header of 18446744073709551615 bytes"), (b'0', "a size above 2^63")]
        {
            let mut block = header("a", flag, 0).build();
            // base 256
            block[124..136].copy_from_slice(&[0x80, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
            block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
            assert!(error(&blocks(&[&block])).contains(expected));
        }
    }

    #[test]
    fn nothing_follows_the_end_mark() {
        let one = pack(&[dir("a")]);
        assert_eq!(error(&[&one[..], &one].concat()), "the archive goes on after its end mark");
        assert!(unpack(&[&one[..], &[0; 9000]].concat()).is_ok());
    }

    #[test]
    fn after_an_error_there_is_no_end() {
        let bytes = pack(&[file("a", "x")]);
        let mut archive = Archive::new(&bytes[..600]);
        assert!(archive.next_item().expect("the header is whole").is_some());
        for _ in 0..2 {
            assert!(archive.next_item().is_err());
        }
    }

    #[test]
    fn unread_data_is_passed_over() {
        let bytes = pack(&[file("a", &"x".repeat(5000)), file("b", "y")]);
        let mut archive = Archive::new(bytes.as_slice());
        let first = archive.next_item().expect("reads").expect("a node");
        first.data.read_exact(&mut [0; 10]).expect("data");
        assert_eq!(archive.next_item().expect("reads").expect("a node").node.path.as_bytes(), b"b");
    }

    #[test]
    fn in_a_file_it_is_not_read_and_a_cut_is_still_seen() {
        /// Counts what is read.
        struct Counted(io::Cursor<Vec<u8>>, std::rc::Rc<std::cell::Cell<usize>>);
        impl Read for Counted {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let n = self.0.read(buffer)?;
                self.1.set(self.1.get() + n);
                Ok(n)
            }
        }
        impl Seek for Counted {
            fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
                self.0.seek(to)
            }
        }
        let large = "x".repeat(8 * BUFFER);
        let bytes = pack(&[file("a", &large), file("b", "y"), file("c", &large)]);
        let names = |bytes: &[u8]| {
            let read = std::rc::Rc::default();
            let cursor = io::Cursor::new(bytes.to_vec());
            let mut archive = Archive::of_file(Counted(cursor, std::rc::Rc::clone(&read)));
            let mut names = Vec::new();
            loop {
                match archive.next_item() {
                    Ok(Some(item)) => names.push(item.node.path.to_string()),
                    Ok(None) => return Ok((names, read.get())),
                    Err(error) => return Err(error.to_string()),
                }
            }
        };
        let (all, read) = names(&bytes).expect("a tree");
        assert_eq!(all, ["/a", "/b", "/c"]);
        assert!(read < 4 * BUFFER, "{read} bytes");
        for length in [bytes.len() - 1024, bytes.len() - 1536, bytes.len() - 4 * BUFFER, BUFFER, 100] {
            assert!(names(&bytes[..length]).expect_err("cut off").starts_with("the archive is cut off"));
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            prop_assert!(unpack(&bytes).is_err() || bytes.iter().all(|b| *b == 0));
        }

        #[test]
        fn random_headers_never_panic(name in any::<[u8; 20]>(), link in any::<[u8; 20]>(), flag in any::<u8>(),
                                      numbers in any::<[u64; 4]>(), mtime in any::<i64>()) {
            let header = Header {
                name: name.to_vec(), link: link.to_vec(), flag, size: numbers[0] % 2000, mode: numbers[1],
                mtime, major: numbers[2], minor: numbers[3], ..Header::default()
            };
            let _ = unpack(&blocks(&[&header.build(), &[b'1'; 1000]]));
        }

        #[test]
        fn damaged_archives_never_panic(tree in tree(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
            let mut bytes = pack(&tree);
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            let _ = unpack(&bytes);
        }
    }
}
