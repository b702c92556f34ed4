//! A cpio archive as Linux reads an initramfs (`Documentation/driver-api/early-userspace/buffer-format.rst`): "newc" headers,
//! names, data, each padded to four bytes, to the entry `TRAILER!!!`.
//!
//! Enters: the bytes of one archive. Leaves: name, mode and size of each entry; data is passed over.

use std::io::{self, Read};

/// A header's length, in bytes.
const HEADER: usize = 110;
/// The longest name, with its NUL (PATH_MAX).
const NAME_MAX: u32 = 4096;
/// The name of the last entry.
const TRAILER: &[u8] = b"TRAILER!!!";

/// The header's mark, and that of headers with a checksum.
const MARKS: [&[u8]; 2] = [b"070701", b"070702"];

/// Whether an archive begins with `head`.
pub fn begins(head: &[u8]) -> bool {
    MARKS.iter().any(|mark| head.starts_with(mark))
}

/// An entry, without its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As it is written; Linux takes it relative to the root.
    pub name: Vec<u8>,
    /// Type and permission bits (`st_mode`).
    pub mode: u32,
    /// Bytes of data.
    pub size: u32,
}

/// Reads one archive behind its first mark, which was read already, and hands each entry to `take`. Gives how many bytes it took.
///
/// # Errors
/// The archive is cut off or damaged.
pub fn read(input: &mut dyn Read, take: &mut dyn FnMut(&Entry)) -> io::Result<u64> {
    let mut at = MARKS[0].len() as u64;
    loop {
        let entry = entry(input, &mut at)?;
        if entry.name == TRAILER {
            return Ok(at);
        }
        take(&entry);
        pass(input, &mut at, u64::from(entry.size))?;
        pad(input, &mut at)?;
        let mut mark = [0; 6];
        exactly(input, &mut at, &mut mark)?;
        if !begins(&mark) {
            let name = String::from_utf8_lossy(&entry.name).into_owned();
            return Err(damaged(format!("no header follows the entry `{name}`")));
        }
    }
}

fn damaged(problem: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.into())
}

fn entry(input: &mut dyn Read, at: &mut u64) -> io::Result<Entry> {
    let mut header = [0; HEADER - 6];
    exactly(input, at, &mut header)?;
    // inode, mode, uid, gid, links, mtime, size, device (2), device of the node (2), name's length, checksum
    let field = |n: usize| {
        let text = std::str::from_utf8(&header[n * 8..n * 8 + 8]).ok();
        text.and_then(|text| u32::from_str_radix(text, 16).ok())
            .ok_or_else(|| damaged("a header with a field that is no number"))
    };
    let (mode, size, length) = (field(1)?, field(6)?, field(11)?);
    if length == 0 || length > NAME_MAX {
        return Err(damaged(format!("a name of {length} bytes")));
    }
    let mut name = vec![0; length as usize];
    exactly(input, at, &mut name)?;
    if let Some(end) = name.iter().position(|byte| *byte == 0) {
        name.truncate(end);
    }
    pad(input, at)?;
    Ok(Entry { name, mode, size })
}

fn exactly(input: &mut dyn Read, at: &mut u64, buffer: &mut [u8]) -> io::Result<()> {
    input.read_exact(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "it is cut off"),
        _ => error,
    })?;
    *at += buffer.len() as u64;
    Ok(())
}

fn pad(input: &mut dyn Read, at: &mut u64) -> io::Result<()> {
    let rest = at.next_multiple_of(4) - *at;
    pass(input, at, rest)
}

fn pass(input: &mut dyn Read, at: &mut u64, length: u64) -> io::Result<()> {
    let passed = io::copy(&mut input.take(length), &mut io::sink())?;
    *at += passed;
    if passed < length {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut off"));
    }
    Ok(())
}
