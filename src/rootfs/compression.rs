//! What a tar archive is packed in: gzip, xz, zstd or nothing, told by its first bytes and never by its name.
//!
//! Enters: the bytes as they are stored. Leaves: the archive's own bytes. What holds: members that follow each other are
//! one stream; the end of the stream is reached only after every checksum that the format has was found right.
//! RFC 1952 (gzip), the .xz file format 1.2, RFC 8878 (zstd).
//!
//! [`member`]: one packed piece of an initramfs, in more formats than an archive has.

pub mod member;

use std::io::{self, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;

/// The longest of the marks below, in bytes.
const LONGEST: usize = 6;
/// What is read from a packed stream at once.
const BUFFER: usize = 256 << 10;
/// The most memory an xz stream may ask for, in KiB: `xz -9` takes 65 MiB, a damaged header up to 4 GiB. zstd's own limit,
/// a window of 128 MiB, is what its program has too.
const XZ_MEMORY: u32 = 512 << 10;

const GZIP: &[u8] = b"\x1f\x8b";
const XZ: &[u8] = b"\xfd7zXZ\0";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
/// A frame that zstd skips: sixteen marks that differ in the low half of their first byte.
const ZSTD_SKIPPED: &[u8] = b"\x2a\x4d\x18";

/// Formats that are known and not read, with the program that unpacks each.
const OTHERS: [(&[u8], &str, &str); 3] = [
    (b"BZh", "bzip2", "bzip2 -dc"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4 -dc"),
    (b"PK\x03\x04", "zip, which is no tar archive", "unzip"),
];

/// Why a stream cannot be unpacked. Comes inside an [`io::Error`].
#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    #[error("it is empty")]
    Empty,
    #[error("it is packed by {format}; gzip, xz and zstd are read, `{program}` unpacks it")]
    Unknown { format: &'static str, program: &'static str },
}

/// The unpacked bytes of `reader`.
///
/// # Errors
/// The first bytes cannot be read, there are none, or they are those of a format that is not read.
pub fn unpacked<R: Read + Send + 'static>(mut reader: R) -> io::Result<Box<dyn Read + Send>> {
    let mut head = Vec::with_capacity(LONGEST);
    (&mut reader).take(LONGEST as u64).read_to_end(&mut head)?;
    if head.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, CompressionError::Empty));
    }
    if let Some((_, format, program)) = OTHERS.into_iter().find(|(mark, ..)| head.starts_with(mark)) {
        let error = CompressionError::Unknown { format, program };
        return Err(io::Error::new(io::ErrorKind::Unsupported, error));
    }
    let (gzip, xz) = (head.starts_with(GZIP), head.starts_with(XZ));
    let skipped = head.get(1..4) == Some(ZSTD_SKIPPED) && head[0] & 0xf0 == 0x50;
    let zstd = head.starts_with(ZSTD) || skipped;
    let whole = Cursor::new(head).chain(reader);
    if !(gzip || xz || zstd) {
        return Ok(Box::new(whole));
    }
    let buffered = BufReader::with_capacity(BUFFER, whole);
    Ok(if gzip {
        Box::new(MultiGzDecoder::new(buffered))
    } else if xz {
        Box::new(XzReader::new_mem_limit(buffered, true, XZ_MEMORY))
    } else {
        Box::new(zstd::Decoder::with_buffer(buffered)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `printf hello | gzip -n`, `| xz` and `| zstd` write.
    const PACKED: [(&str, &str); 3] = [
        ("gzip", "1f8b0800000000000003cb48cdc9c9070086a6103605000000"),
        (
            "xz",
            "fd377a585a000004e6d6b4460200210116000000742fe5a301000468656c6c6f00000000b137b9dbe5da1e9b00011d05b82d80af1fb6f37d010000000004595a",
        ),
        ("zstd", "28b52ffd045829000068656c6c6fa36d9f88"),
    ];

    fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        unpacked(Cursor::new(bytes))?.read_to_end(&mut out)?;
        Ok(out)
    }

    fn packed(hex: &str) -> Vec<u8> {
        hex::decode(hex).expect("hex")
    }

    #[test]
    fn other_programs_streams_are_read_one_after_the_other() {
        for (name, hex) in PACKED {
            assert_eq!(read(packed(hex)).expect(name), b"hello", "{name}");
            assert_eq!(read([packed(hex), packed(hex)].concat()).expect(name), b"hellohello", "{name}");
        }
        let skipped = [&b"\x5a\x2a\x4d\x18\x01\0\0\0x"[..], &packed(PACKED[2].1)].concat();
        assert_eq!(read(skipped).expect("a frame to skip"), b"hello");
    }

    #[test]
    fn anything_else_is_as_it_is() {
        for plain in [&b"h"[..], b"hello", b"\x1fhello, world", &[0; 1024]] {
            assert_eq!(read(plain.to_vec()).expect("plain"), plain);
        }
    }

    #[test]
    fn damage_is_found() {
        for (name, hex) in PACKED {
            let whole = packed(hex);
            for length in 6..whole.len() {
                assert!(read(whole[..length].to_vec()).is_err(), "{name} cut to {length}");
            }
            for at in 0..whole.len() {
                let mut bytes = whole.clone();
                bytes[at] ^= 0x10;
                // a mark that is damaged makes it a plain stream; what is in no checksum says nothing about the content
                if let Ok(out) = read(bytes.clone()) {
                    assert!(out == b"hello" || out == bytes, "{name} at {at}: {out:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_read_is_named() {
        let problem = |bytes: &[u8]| read(bytes.to_vec()).expect_err("refused").to_string();
        assert_eq!(problem(b""), "it is empty");
        assert_eq!(
            problem(b"BZh91AY"),
            "it is packed by bzip2; gzip, xz and zstd are read, `bzip2 -dc` unpacks it"
        );
    }
}
