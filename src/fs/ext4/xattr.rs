//! Extended attributes: in the inode's last 96 bytes, and in one block more.
//!
//! Kernel documentation, "Extended Attributes". POSIX ACLs come in the portable form (version 2, 8 bytes an entry,
//! linux/posix_acl_xattr.h) and are stored in ext4's own (version 1, 4 bytes where the entry has no id).

use std::collections::BTreeMap;

use super::checksum::crc;
use super::{BLOCK, Block};

/// Bytes of an inode for attributes.
pub const IN_INODE: usize = 96;
const MAGIC: u32 = 0xEA02_0000;
/// Bytes of an entry before its name.
const ENTRY: usize = 16;
/// Bytes of the block's header.
const HEADER: usize = 32;

/// One inode's attributes as stored.
#[derive(Debug, Default)]
pub struct Stored {
    pub body: Option<[u8; IN_INODE]>,
    /// Without its checksum: see [`seal`].
    pub block: Option<Box<Block>>,
}

struct Attribute<'a> {
    index: u8,
    name: &'a [u8],
    value: Vec<u8>,
}

impl Attribute<'_> {
    /// Bytes that entry and value take.
    fn cost(&self) -> usize {
        (ENTRY + self.name.len()).next_multiple_of(4) + self.value.len().next_multiple_of(4)
    }
}

/// Prefixes that are stored as a number.
const PREFIXES: [(&[u8], u8); 5] =
    [(b"user.", 1), (b"trusted.", 4), (b"security.", 6), (b"system.richacl", 8), (b"system.", 7)];

fn attribute<'a>(name: &'a [u8], value: &[u8]) -> Result<Attribute<'a>, String> {
    let shown = String::from_utf8_lossy(name);
    match name {
        b"system.posix_acl_access" => return Ok(Attribute { index: 2, name: b"", value: acl(value)? }),
        b"system.posix_acl_default" => return Ok(Attribute { index: 3, name: b"", value: acl(value)? }),
        b"system.data" => return Err(format!("ext4 keeps the attribute {shown} for itself")),
        _ => {}
    }
    let (prefix, index) = PREFIXES
        .iter()
        .find(|(prefix, _)| name.starts_with(prefix))
        .ok_or_else(|| format!("ext4 has no place for the attribute {shown}"))?;
    let rest = &name[prefix.len()..];
    if rest.len() > 255 || rest.contains(&0) || (rest.is_empty() && *index != 8) {
        return Err(format!("the attribute name {shown} is not valid"));
    }
    Ok(Attribute { index: *index, name: rest, value: value.to_vec() })
}

/// An ACL from the portable form to ext4's.
fn acl(portable: &[u8]) -> Result<Vec<u8>, String> {
    let bad = || "the POSIX ACL is not in the portable form".to_string();
    let entries = portable.strip_prefix(&2u32.to_le_bytes()).ok_or_else(bad)?;
    if entries.len() % 8 != 0 {
        return Err(bad());
    }
    let mut out = 1u32.to_le_bytes().to_vec();
    for entry in entries.chunks_exact(8) {
        match u16::from_le_bytes([entry[0], entry[1]]) {
            0x02 | 0x08 => out.extend_from_slice(entry),
            0x01 | 0x04 | 0x10 | 0x20 => out.extend_from_slice(&entry[..4]),
            _ => return Err(bad()),
        }
    }
    Ok(out)
}

/// The hash of an entry in a block. Names are signed characters, as on x86.
fn entry_hash(attribute: &Attribute<'_>) -> u32 {
    let name =
        attribute.name.iter().fold(0u32, |hash, byte| (hash << 5) ^ (hash >> 27) ^ (*byte as i8 as u32));
    attribute.value.chunks(4).fold(name, |hash, chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        (hash << 16) ^ (hash >> 16) ^ u32::from_le_bytes(word)
    })
}

/// Puts sorted attributes into `out` from `first` on, values from its end down; value offsets count from `base`.
fn pack(attributes: &[&Attribute<'_>], out: &mut [u8], first: usize, base: usize, hashed: bool) {
    let (mut at, mut values) = (first, out.len());
    for attribute in attributes {
        let length = attribute.value.len();
        values -= length.next_multiple_of(4);
        out[values..values + length].copy_from_slice(&attribute.value);
        let entry = &mut out[at..at + ENTRY + attribute.name.len()];
        entry[0] = attribute.name.len() as u8;
        entry[1] = attribute.index;
        if length > 0 {
            entry[2..4].copy_from_slice(&((values - base) as u16).to_le_bytes());
        }
        entry[8..12].copy_from_slice(&(length as u32).to_le_bytes());
        if hashed {
            entry[12..16].copy_from_slice(&entry_hash(attribute).to_le_bytes());
        }
        entry[ENTRY..].copy_from_slice(attribute.name);
        at += (ENTRY + attribute.name.len()).next_multiple_of(4);
    }
}

/// Lays out attributes (full names to values): the inode takes those that fit, in their stored order, the block the
/// rest. The error says what is wrong, without the path.
pub fn store(attributes: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Stored, String> {
    if attributes.is_empty() {
        return Ok(Stored::default());
    }
    let mut all =
        attributes.iter().map(|(n, v)| attribute(n, v)).collect::<Result<Vec<Attribute<'_>>, String>>()?;
    // The order that blocks must have.
    all.sort_by(|a, b| (a.index, a.name.len(), a.name).cmp(&(b.index, b.name.len(), b.name)));
    // Four zero bytes end the entries.
    let (mut in_inode, mut in_block) = (Vec::new(), Vec::new());
    let mut left = IN_INODE - 4 - 4;
    for attribute in &all {
        if attribute.cost() <= left {
            left -= attribute.cost();
            in_inode.push(attribute);
        } else {
            in_block.push(attribute);
        }
    }
    let room = BLOCK - HEADER - 4;
    let cost: usize = in_block.iter().map(|a| a.cost()).sum();
    if cost > room {
        return Err(format!(
            "its extended attributes take {cost} bytes, and the block that ext4 has for them {room}; a larger one would be \
             an inode of its own (ea_inode), and GRUB reads no filesystem with such"
        ));
    }
    let mut stored = Stored::default();
    if !in_inode.is_empty() {
        let mut body = [0; IN_INODE];
        body[..4].copy_from_slice(&MAGIC.to_le_bytes());
        pack(&in_inode, &mut body, 4, 4, false);
        stored.body = Some(body);
    }
    if !in_block.is_empty() {
        let mut block: Box<Block> = Box::new([0; BLOCK]);
        pack(&in_block, &mut block[..], HEADER, 0, true);
        let hashes: Vec<u32> = in_block.iter().map(|a| entry_hash(a)).collect();
        let hash = if hashes.contains(&0) {
            0
        } else {
            hashes.iter().fold(0u32, |hash, entry| (hash << 16) ^ (hash >> 16) ^ entry)
        };
        for (at, value) in [(0, MAGIC), (4, 1), (8, 1), (12, hash)] {
            block[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        stored.block = Some(block);
    }
    Ok(stored)
}

/// Puts in the checksum of an attribute block that will be block `number`; `seed` is the filesystem's.
pub fn seal(block: &mut Block, number: u64, seed: u32) {
    let sum = crc(crc(seed, &number.to_le_bytes()), block);
    block[16..20].copy_from_slice(&sum.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(list: &[(&str, usize)]) -> BTreeMap<Vec<u8>, Vec<u8>> {
        list.iter().map(|(n, l)| (n.as_bytes().to_vec(), vec![7; *l])).collect()
    }

    #[test]
    fn acls_lose_the_ids_they_have_not() {
        let mut portable = 2u32.to_le_bytes().to_vec();
        for (tag, perm, id) in [(1u16, 6u16, u32::MAX), (2, 4, 1000), (4, 4, u32::MAX), (0x20, 0, u32::MAX)] {
            portable.extend(tag.to_le_bytes());
            portable.extend(perm.to_le_bytes());
            portable.extend(id.to_le_bytes());
        }
        let own = acl(&portable).expect("valid");
        assert_eq!(hex::encode(own), "010000000100060002000400e80300000400040020000000");
        assert!(acl(&portable[..portable.len() - 1]).is_err());
        assert!(acl(&[1, 0, 0, 0]).is_err());
        assert!(acl(&[2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn what_fits_stays_in_the_inode() {
        // 88 bytes: 16 + 1 rounded up to 20, then 68 of value.
        let fits = store(&map(&[("user.a", 68)])).expect("fits");
        assert!(fits.body.is_some() && fits.block.is_none());
        let not = store(&map(&[("user.a", 69)])).expect("fits the block");
        assert!(not.body.is_none() && not.block.is_some());
        let both = store(&map(&[("user.big", 3000), ("user.a", 3)])).expect("fits both");
        assert!(both.body.is_some() && both.block.is_some());
    }

    #[test]
    fn what_fits_nowhere_is_refused() {
        // 4096 less 32 of header, 4 of end mark and 20 of entry.
        assert!(store(&map(&[("user.a", 4040)])).is_ok());
        assert!(store(&map(&[("user.a", 4041)])).expect_err("too long").contains("4064 bytes"));
        assert!(store(&map(&[("other.a", 1)])).expect_err("unknown").contains("other.a"));
        assert!(store(&map(&[("user.", 1)])).is_err());
    }
}
