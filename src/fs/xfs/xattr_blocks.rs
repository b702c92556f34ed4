//! Extended attributes that need blocks: leaves of names sorted by hash, nodes over several leaves, and values of their
//! own blocks where they are long.
//!
//! XFS Algorithms & Data Structures, "Leaf Attributes", "Remote Attribute Values". What holds: the first block is the
//! root; leaves follow, then nodes, then values.

use super::super::FsError;
use super::bytes::{put, put16, put32, put64};
use super::directory::Emit;
use super::format::Header;
use super::hash::hash;
use super::hash_tree::{self, leaf_places};
use super::xattr::Attribute;
use super::{BLOCK, Block};

/// Bytes before a leaf's entries, and of one.
const ENTRIES: usize = 80;
const ENTRY: usize = 8;
const LEAF: u16 = 0x3BEE;
/// The flag of an entry whose value stands beside its name.
const LOCAL: u8 = 1;
/// From this many bytes on a name and its value part (`xfs_attr_leaf_entsize_local_max`): three quarters of a block.
const LARGE: usize = BLOCK / 2 + BLOCK / 4;
/// Bytes of a value in one of its blocks, behind the header.
const VALUE_HEADER: usize = 56;
const IN_VALUE: usize = BLOCK - VALUE_HEADER;

/// Bytes that name and value take in the leaf. The kernel's size of a remote entry counts two bytes more than it needs.
fn size(attribute: &Attribute) -> usize {
    let (name, value) = (attribute.name.len(), attribute.value.len());
    if is_local(attribute) { (3 + name + value).next_multiple_of(4) } else { (11 + name).next_multiple_of(4) }
}

fn is_local(attribute: &Attribute) -> bool {
    (3 + attribute.name.len() + attribute.value.len()).next_multiple_of(4) < LARGE
}

fn value_blocks(attribute: &Attribute) -> u32 {
    if is_local(attribute) { 0 } else { attribute.value.len().div_ceil(IN_VALUE) as u32 }
}

/// Writes the attributes' blocks in order.
pub fn write(mut attributes: Vec<Attribute>, emit: Emit<'_>) -> Result<(), FsError> {
    attributes.sort_by_cached_key(|a| (hash(&a.name), a.namespace, a.name.clone()));
    let leaves = cut(&attributes);
    let highest: Vec<u32> =
        leaves.iter().map(|leaf| leaf.last().map_or(0, |attribute| hash(&attribute.name))).collect();
    let nodes = hash_tree::nodes(&highest, 0);
    let mut next_value = (leaves.len() + nodes.len()) as u32;
    let mut nodes = nodes.into_iter();
    if let Some((at, mut root)) = nodes.next() {
        emit(at.into(), &mut root, Header::HASH_TREE)?;
    }
    for (leaf, place) in leaves.iter().zip(leaf_places(leaves.len())) {
        let mut block: Block = [0; BLOCK];
        hash_tree::head(&mut block, place, 0, LEAF);
        fill(&mut block, leaf, &mut next_value);
        emit(place.at.into(), &mut block, Header::HASH_TREE)?;
    }
    for (at, mut node) in nodes {
        emit(at.into(), &mut node, Header::HASH_TREE)?;
    }
    let mut at = (leaves.len() + hash_tree::nodes(&highest, 0).len()) as u64;
    for attribute in attributes.iter().filter(|a| !is_local(a)) {
        for (i, part) in attribute.value.chunks(IN_VALUE).enumerate() {
            let mut block: Block = [0; BLOCK];
            put(&mut block, 0, b"XARM");
            put32(&mut block, 4, (i * IN_VALUE) as u32);
            put32(&mut block, 8, part.len() as u32);
            // Values are not logged, which all ones say.
            put64(&mut block, 48, u64::MAX);
            put(&mut block, VALUE_HEADER, part);
            emit(at, &mut block, Header::REMOTE)?;
            at += 1;
        }
    }
    Ok(())
}

/// Cuts sorted attributes into leaves as full as they get.
fn cut(attributes: &[Attribute]) -> Vec<&[Attribute]> {
    let (mut leaves, mut start, mut used) = (Vec::new(), 0, ENTRIES);
    for (i, attribute) in attributes.iter().enumerate() {
        let cost = ENTRY + size(attribute);
        if used + cost > BLOCK {
            leaves.push(&attributes[start..i]);
            (start, used) = (i, ENTRIES);
        }
        used += cost;
    }
    leaves.push(&attributes[start..]);
    leaves
}

/// Fills a leaf: entries from its start, names and values from its end down.
fn fill(block: &mut Block, attributes: &[Attribute], next_value: &mut u32) {
    let mut at = BLOCK;
    for (i, attribute) in attributes.iter().enumerate() {
        at -= size(attribute);
        let entry = ENTRIES + ENTRY * i;
        let local = is_local(attribute);
        put32(block, entry, hash(&attribute.name));
        put16(block, entry + 4, at as u16);
        block[entry + 6] = attribute.namespace | if local { LOCAL } else { 0 };
        let name = attribute.name.len();
        if local {
            put16(block, at, attribute.value.len() as u16);
            block[at + 2] = name as u8;
            put(block, at + 3, &attribute.name);
            put(block, at + 3 + name, &attribute.value);
        } else {
            put32(block, at, *next_value);
            put32(block, at + 4, attribute.value.len() as u32);
            block[at + 8] = name as u8;
            put(block, at + 9, &attribute.name);
            *next_value += value_blocks(attribute);
        }
    }
    let end = ENTRIES + ENTRY * attributes.len();
    put16(block, 56, attributes.len() as u16);
    put16(block, 58, (BLOCK - at) as u16);
    put16(block, 60, at as u16);
    // The one free run.
    put16(block, 64, end as u16);
    put16(block, 66, (at - end) as u16);
}
