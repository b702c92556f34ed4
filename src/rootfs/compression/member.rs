//! One packed member of a stream that goes on behind it, in the packings that Linux takes for an initramfs
//! (`lib/decompress.c`): the bytes behind the member stay unread.
//!
//! Enters: a packing and a reader that stands at its mark. Leaves: the unpacked bytes, whose end is the member's end. What
//! holds: memory is bounded whatever the stream says. An lzma member has no mark at its end and its decoder reads ahead, so
//! what stands behind one is lost.
//!
//! RFC 1952, the .xz file format 1.2, RFC 8878, the .lzma format, bzip2 1.0; LZ4's legacy frame (`doc/lz4_Frame_format.md`)
//! as Linux reads it: a mark, then blocks of at most 8 MiB, each behind its packed size, until none follows.

use std::io::{self, BufRead, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use lzma_rust2::{LzmaReader, XzReader};
use serde::{Deserialize, Serialize};

use super::XZ_MEMORY;

/// What a member is packed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Packing {
    Gzip,
    Xz,
    Zstd,
    Lz4,
    Bzip2,
    Lzma,
}

/// LZ4's legacy mark, 0x184C2102 from its low byte on.
const LZ4: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
/// What a block of LZ4's legacy frame holds at most, in bytes.
const LZ4_BLOCK: usize = 8 << 20;

const MARKS: [(&[u8], Packing); 6] = [
    (b"\x1f\x8b", Packing::Gzip),
    (b"\xfd7zXZ\0", Packing::Xz),
    (b"\x28\xb5\x2f\xfd", Packing::Zstd),
    (&LZ4, Packing::Lz4),
    (b"BZh", Packing::Bzip2),
    // the properties byte that every program writes, and the low bytes of a dictionary's size
    (b"\x5d\0\0", Packing::Lzma),
];

impl Packing {
    /// The packing whose mark `head` begins with.
    pub fn of(head: &[u8]) -> Option<Packing> {
        MARKS.into_iter().find(|(mark, _)| head.starts_with(mark)).map(|(_, packing)| packing)
    }

    /// The program's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Xz => "xz",
            Packing::Zstd => "zstd",
            Packing::Lz4 => "lz4",
            Packing::Bzip2 => "bzip2",
            Packing::Lzma => "lzma",
        }
    }

    /// The unpacked bytes of the member that `input` stands at.
    ///
    /// # Errors
    /// The member's header is damaged, or asks for more memory than any in good faith.
    pub fn member<'r, R: BufRead>(self, input: &'r mut R) -> io::Result<Box<dyn Read + 'r>> {
        Ok(match self {
            Packing::Gzip => Box::new(GzDecoder::new(input)),
            Packing::Xz => Box::new(XzReader::new_mem_limit(input, false, XZ_MEMORY)),
            Packing::Zstd => Box::new(zstd::Decoder::with_buffer(input)?.single_frame()),
            Packing::Lz4 => Box::new(Lz4::new(input)?),
            Packing::Bzip2 => Box::new(BzDecoder::new(input)),
            Packing::Lzma => Box::new(LzmaReader::new_mem_limit(input, XZ_MEMORY, None)?),
        })
    }
}

/// LZ4's legacy frame.
struct Lz4<R> {
    input: R,
    packed: Vec<u8>,
    block: Vec<u8>,
    /// The part of `block` that was handed out.
    given: usize,
    ended: bool,
}

impl<R: BufRead> Lz4<R> {
    fn new(mut input: R) -> io::Result<Lz4<R>> {
        input.read_exact(&mut [0; LZ4.len()])?;
        Ok(Lz4 { input, packed: Vec::new(), block: Vec::new(), given: 0, ended: false })
    }

    /// Unpacks the next block; false where none follows.
    fn next_block(&mut self) -> io::Result<bool> {
        loop {
            // the frame has no mark at its end: Linux takes a size of zero, which padding is, for one
            let size = match self.size()? {
                None | Some(0) => return Ok(false),
                Some(size) => size,
            };
            if size.to_le_bytes() == LZ4 {
                continue;
            }
            let size = size as usize;
            if size > lz4_flex::block::get_maximum_output_size(LZ4_BLOCK) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "an lz4 block of more than 8 MiB"));
            }
            self.packed.resize(size, 0);
            self.input.read_exact(&mut self.packed)?;
            self.block.resize(LZ4_BLOCK, 0);
            let length = lz4_flex::block::decompress_into(&self.packed, &mut self.block)
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            self.block.truncate(length);
            self.given = 0;
            if length > 0 {
                return Ok(true);
            }
        }
    }

    /// The four bytes in front of a block; nothing at the end of the stream.
    fn size(&mut self) -> io::Result<Option<u32>> {
        let mut size = Vec::with_capacity(4);
        (&mut self.input).take(4).read_to_end(&mut size)?;
        Ok(size.try_into().ok().map(u32::from_le_bytes))
    }
}

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.block.len() && !self.ended {
            self.ended = !self.next_block()?;
            if self.ended {
                self.block.clear();
                self.given = 0;
            }
        }
        let n = buffer.len().min(self.block.len() - self.given);
        buffer[..n].copy_from_slice(&self.block[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}

/// A gzip member, for this room's tests.
#[cfg(test)]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::Write::write_all(&mut out, bytes).expect("memory");
    out.finish().expect("memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `printf hello |` these programs write: `gzip -n`, `xz`, `zstd`, `lz4 -l`, `bzip2`, `lzma`.
    const PACKED: [(Packing, &str); 6] = [
        (Packing::Gzip, "1f8b0800000000000003cb48cdc9c9070086a6103605000000"),
        (
            Packing::Xz,
            "fd377a585a000004e6d6b4460200210116000000742fe5a301000468656c6c6f00000000b137b9dbe5da1e9b00011d05b82d80af1fb6f37d010000000004595a",
        ),
        (Packing::Zstd, "28b52ffd045829000068656c6c6fa36d9f88"),
        (Packing::Lz4, "02214c18060000005068656c6c6f"),
        (
            Packing::Bzip2,
            "425a68393141592653591931653d00000081000244a000219a68334d07338bb9229c28480c98b29e80",
        ),
        (Packing::Lzma, "5d00008000ffffffffffffffff00341949ee8e6821ffffffb9e00000"),
    ];

    /// Padding, and the start of an archive.
    const FOLLOWS: &[u8] = &[0, 0, 0, 0, b'0', b'7', b'0', b'7', b'0', b'1'];

    fn packed(hex: &str) -> Vec<u8> {
        hex::decode(hex).expect("hex")
    }

    #[test]
    fn what_follows_a_member_stays() {
        for (packing, hex) in PACKED {
            let bytes = packed(hex);
            assert_eq!(Packing::of(&bytes), Some(packing));
            let bytes = [bytes, FOLLOWS.to_vec()].concat();
            let mut input = bytes.as_slice();
            let mut out = Vec::new();
            packing.member(&mut input).expect("a header").read_to_end(&mut out).expect("unpacks");
            assert_eq!(out, b"hello", "{packing:?}");
            match packing {
                Packing::Lzma => {}
                Packing::Lz4 => assert_eq!(input, b"070701"),
                _ => assert_eq!(input, FOLLOWS, "{packing:?}"),
            }
        }
    }

    #[test]
    fn damage_is_an_error_or_says_so() {
        for (packing, hex) in PACKED {
            let whole = packed(hex);
            for length in 0..whole.len() {
                let mut input = &whole[..length];
                let mut out = Vec::new();
                let read = packing.member(&mut input).and_then(|mut r| r.read_to_end(&mut out));
                // LZ4's frame and .lzma end where they end
                let silent = matches!(packing, Packing::Lz4 | Packing::Lzma) && b"hello".starts_with(&out);
                assert!(read.is_err() || silent, "{packing:?} cut to {length}: {out:?}");
            }
        }
    }

    #[test]
    fn an_lz4_frame_of_several_blocks_and_marks() {
        let block = |text: &[u8]| {
            let packed = lz4_flex::block::compress(text);
            [&(packed.len() as u32).to_le_bytes()[..], &packed].concat()
        };
        // a size whose low byte is zero
        let long: Vec<u8> = (0u32..400).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let odd = (0..long.len()).map(|n| block(&long[..n])).find(|b| b[0] == 0).expect("one of 256");
        let bytes = [&LZ4[..], &block(b"one "), &LZ4, &block(b"two "), &odd, &[0; 9]].concat();
        let mut input = bytes.as_slice();
        let mut out = Vec::new();
        Packing::Lz4.member(&mut input).expect("a mark").read_to_end(&mut out).expect("unpacks");
        assert!(out.starts_with(b"one two ") && long.starts_with(&out[8..]), "{}", out.len());
        assert_eq!(input, [0; 5]);
    }
}
