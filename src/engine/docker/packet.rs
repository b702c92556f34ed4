//! The packets by which BuildKit sends a tree: a stat of each entry, and the contents that were asked for.
//!
//! Enters: the bytes of gRPC messages, cut anywhere. Leaves: packets; and the messages that ask and that end. Spec:
//! fsutil's `wire.proto` and `stat.proto`, gRPC's "PROTOCOL-HTTP2", the protocol buffers' "Encoding".

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes as Chunk, BytesMut};

/// The largest message, in bytes: room for the extended attributes of one entry. Contents come in much smaller ones.
const LARGEST: usize = 16 << 20;
/// What stands before a gRPC message: whether it is compressed, its length.
const PREFIX: usize = 5;

/// What the engine sent that is no such message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine sent {0}")]
pub(super) struct Malformed(pub &'static str);

/// An entry of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stat {
    /// From the root, without a leading slash.
    pub path: Vec<u8>,
    /// Go's `fs.FileMode`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// In bytes; means nothing where there is a `link`.
    pub size: u64,
    /// Nanoseconds since 1970.
    pub mtime: i64,
    /// A symbolic link's text; of anything else, the path that named it first.
    pub link: Vec<u8>,
    pub major: u64,
    pub minor: u64,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// One packet of the engine's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// The next entry. Entries are numbered from 0 as they come.
    Stat(Box<Stat>),
    /// There are no more entries.
    Listed,
    /// The next bytes of the entry of that number; none at its end.
    Content(u32, Chunk),
    /// The engine has seen that we have all.
    Ended,
    Failed(String),
}

/// Cuts a stream of gRPC messages into packets.
#[derive(Default)]
pub(super) struct Packets {
    buffer: BytesMut,
}

impl Packets {
    pub(super) fn push(&mut self, frame: &[u8]) {
        self.buffer.extend_from_slice(frame);
    }

    /// The next packet that is there as a whole.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, Malformed> {
        let Some((&[flag, a, b, c, d], rest)) = self.buffer.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if flag != 0 {
            return Err(Malformed("a compressed message"));
        }
        if length > LARGEST {
            return Err(Malformed("a message that is too large"));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX);
        packet(self.buffer.split_to(length).freeze()).map(Some)
    }
}

fn packet(message: Chunk) -> Result<Packet, Malformed> {
    let (mut kind, mut stat, mut id, mut data) = (0, None, 0, Chunk::new());
    for field in Fields(message) {
        match field? {
            (1, Value::Number(n)) => kind = n,
            (2, Value::Bytes(bytes)) => stat = Some(bytes),
            (3, Value::Number(n)) => id = n as u32,
            (4, Value::Bytes(bytes)) => data = bytes,
            _ => {}
        }
    }
    match (kind, stat) {
        (0, Some(bytes)) => Ok(Packet::Stat(Box::new(read_stat(bytes)?))),
        (0, None) => Ok(Packet::Listed),
        (2, _) => Ok(Packet::Content(id, data)),
        (3, _) => Ok(Packet::Ended),
        (4, _) => Ok(Packet::Failed(String::from_utf8_lossy(&data).into_owned())),
        _ => Err(Malformed("a packet of another kind")),
    }
}

fn read_stat(message: Chunk) -> Result<Stat, Malformed> {
    let mut stat = Stat::default();
    for field in Fields(message) {
        match field? {
            (1, Value::Bytes(path)) => stat.path = path.to_vec(),
            (2, Value::Number(n)) => stat.mode = n as u32,
            (3, Value::Number(n)) => stat.uid = n as u32,
            (4, Value::Number(n)) => stat.gid = n as u32,
            (5, Value::Number(n)) => stat.size = n,
            (6, Value::Number(n)) => stat.mtime = n as i64,
            (7, Value::Bytes(link)) => stat.link = link.to_vec(),
            (8, Value::Number(n)) => stat.major = n,
            (9, Value::Number(n)) => stat.minor = n,
            (10, Value::Bytes(pair)) => {
                let (mut name, mut value) = (Vec::new(), Vec::new());
                for field in Fields(pair) {
                    match field? {
                        (1, Value::Bytes(bytes)) => name = bytes.to_vec(),
                        (2, Value::Bytes(bytes)) => value = bytes.to_vec(),
                        _ => {}
                    }
                }
                stat.xattrs.insert(name, value);
            }
            _ => {}
        }
    }
    Ok(stat)
}

/// A message that asks for the content of an entry.
pub(super) fn request(id: u32) -> Chunk {
    let mut packet = vec![1 << 3, 1, 3 << 3];
    let mut rest = id;
    while rest >= 0x80 {
        packet.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    packet.push(rest as u8);
    framed(&packet)
}

/// The message that says that we have all.
pub(super) fn end() -> Chunk {
    framed(&[1 << 3, 3])
}

fn framed(packet: &[u8]) -> Chunk {
    let mut message = BytesMut::with_capacity(PREFIX + packet.len());
    message.put_u8(0);
    message.put_u32(packet.len() as u32);
    message.put_slice(packet);
    message.freeze()
}

#[derive(Debug)]
enum Value {
    Number(u64),
    Bytes(Chunk),
}

/// The fields of a protocol buffer by their numbers.
struct Fields(Chunk);

impl Iterator for Fields {
    type Item = Result<(u64, Value), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0.clear();
        }
        Some(field)
    }
}

impl Fields {
    fn field(&mut self) -> Result<(u64, Value), Malformed> {
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => Value::Bytes(self.bytes(8)?),
            2 => {
                let length = self.number()?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => Value::Bytes(self.bytes(4)?),
            _ => return Err(Malformed("a field of no known kind")),
        };
        Ok((tag >> 3, value))
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.0.try_get_u8().map_err(|_| CUT)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed("a number of more than ten bytes"))
    }

    fn bytes(&mut self, length: u64) -> Result<Chunk, Malformed> {
        match usize::try_from(length) {
            Ok(length) if length <= self.0.len() => Ok(self.0.split_to(length)),
            _ => Err(CUT),
        }
    }
}

const CUT: Malformed = Malformed("a message without its end");

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put_number(out: &mut Vec<u8>, field: u8, mut value: u64) {
        if value == 0 {
            return;
        }
        out.push(field << 3);
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    fn put_bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
        out.push(field << 3 | 2);
        let mut length = value.len();
        while length >= 0x80 {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(value);
    }

    /// A packet as the engine sends it.
    pub fn message(packet: &Packet) -> Vec<u8> {
        let mut out = Vec::new();
        match packet {
            Packet::Stat(stat) => {
                let mut inner = Vec::new();
                put_bytes(&mut inner, 1, &stat.path);
                put_number(&mut inner, 2, u64::from(stat.mode));
                put_number(&mut inner, 3, u64::from(stat.uid));
                put_number(&mut inner, 4, u64::from(stat.gid));
                put_number(&mut inner, 5, stat.size);
                put_number(&mut inner, 6, stat.mtime as u64);
                put_bytes(&mut inner, 7, &stat.link);
                put_number(&mut inner, 8, stat.major);
                put_number(&mut inner, 9, stat.minor);
                for (name, value) in &stat.xattrs {
                    let mut pair = Vec::new();
                    put_bytes(&mut pair, 1, name);
                    put_bytes(&mut pair, 2, value);
                    put_bytes(&mut inner, 10, &pair);
                }
                put_bytes(&mut out, 2, &inner);
            }
            Packet::Listed => {}
            Packet::Content(id, content) => {
                put_number(&mut out, 1, 2);
                put_number(&mut out, 3, u64::from(*id));
                if !content.is_empty() {
                    put_bytes(&mut out, 4, content);
                }
            }
            Packet::Ended => put_number(&mut out, 1, 3),
            Packet::Failed(text) => {
                put_number(&mut out, 1, 4);
                put_bytes(&mut out, 4, text.as_bytes());
            }
        }
        framed(&out).to_vec()
    }

    fn read(bytes: &[u8], frame: usize) -> Result<Vec<Packet>, Malformed> {
        let mut packets = Packets::default();
        let mut all = Vec::new();
        for frame in bytes.chunks(frame) {
            packets.push(frame);
            while let Some(packet) = packets.next()? {
                all.push(packet);
            }
        }
        Ok(all)
    }

    fn some_packet() -> impl Strategy<Value = Packet> {
        let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
        let stat = (bytes(40), any::<[u32; 3]>(), any::<[u64; 3]>(), any::<i64>(), bytes(40)).prop_flat_map(
            move |(path, [mode, uid, gid], [size, major, minor], mtime, link)| {
                prop::collection::btree_map(bytes(20), bytes(200), 0..3).prop_map(move |xattrs| {
                    let (path, link) = (path.clone(), link.clone());
                    Packet::Stat(Box::new(Stat {
                        path,
                        mode,
                        uid,
                        gid,
                        size,
                        mtime,
                        link,
                        major,
                        minor,
                        xattrs,
                    }))
                })
            },
        );
        prop_oneof![
            stat,
            Just(Packet::Listed),
            (any::<u32>(), bytes(400)).prop_map(|(id, content)| Packet::Content(id, content.into())),
            Just(Packet::Ended),
            "[a-z ]{1,30}".prop_map(Packet::Failed),
        ]
    }

    proptest! {
        #[test]
        fn packets_come_whole_wherever_they_are_cut(
            packets in prop::collection::vec(some_packet(), 0..8),
            frame in 1_usize..500,
        ) {
            let sent: Vec<u8> = packets.iter().flat_map(message).collect();
            prop_assert_eq!(read(&sent, frame).expect("well formed"), packets);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), frame in 1_usize..60) {
            let _ = read(&bytes, frame);
            let _ = read(&framed(&bytes), frame);
        }
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        let refused = |packet: &[u8]| read(&framed(packet), 100).expect_err("refused").to_string();
        assert_eq!(refused(&[0x08]), "the engine sent a message without its end");
        assert_eq!(refused(&[0x12, 9, 1]), "the engine sent a message without its end");
        assert_eq!(refused(&[0x08, 9]), "the engine sent a packet of another kind");
        assert_eq!(refused(&[0x0b]), "the engine sent a field of no known kind");
        assert_eq!(refused(&[0xff; 11]), "the engine sent a number of more than ten bytes");
        let compressed = read(&[1, 0, 0, 0, 1, 0], 100).expect_err("refused").to_string();
        assert_eq!(compressed, "the engine sent a compressed message");
        let large = read(&[0, 255, 0, 0, 0], 100).expect_err("refused").to_string();
        assert_eq!(large, "the engine sent a message that is too large");
    }

    #[test]
    fn a_request_is_what_the_engine_reads() {
        assert_eq!(*request(0), [0, 0, 0, 0, 4, 8, 1, 24, 0]);
        assert_eq!(*request(300), [0, 0, 0, 0, 5, 8, 1, 24, 0xac, 2]);
        assert_eq!(*end(), [0, 0, 0, 0, 2, 8, 3]);
    }
}
