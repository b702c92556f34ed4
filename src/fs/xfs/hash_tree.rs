//! Nodes over the leaves of a hash index: directories and attribute lists share them.
//!
//! What holds: the root is the index's first block, leaves follow, then the nodes between; each block knows its
//! neighbours. XFS Algorithms & Data Structures, "Directory/Attribute Internal Nodes".

use super::bytes::{put16, put32};
use super::{BLOCK, Block};

/// Bytes before the entries of a node.
const ENTRIES: usize = 64;
/// Entries of a node, 8 bytes each.
const IN_NODE: usize = (BLOCK - ENTRIES) / 8;
const NODE: u16 = 0x3EBE;

/// One block of an index, by its place relative to the index's first block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: u32,
    /// Neighbours on the same level; 0 means none, as on disk.
    pub left: u32,
    pub right: u32,
}

/// The places of `leaves` leaves.
pub fn leaf_places(leaves: usize) -> Vec<Place> {
    // A lone leaf is the root itself.
    places(leaves, u32::from(leaves > 1))
}

fn places(count: usize, first: u32) -> Vec<Place> {
    let place = |i: usize| first + i as u32;
    (0..count)
        .map(|i| Place {
            at: place(i),
            left: if i > 0 { place(i - 1) } else { 0 },
            right: if i + 1 < count { place(i + 1) } else { 0 },
        })
        .collect()
}

/// Puts the neighbours and the magic number of an index block into its header. `base` is the index's first block.
pub fn head(out: &mut [u8], place: Place, base: u32, magic: u16) {
    for (at, neighbour) in [(0, place.right), (4, place.left)] {
        put32(out, at, if neighbour > 0 { base + neighbour } else { 0 });
    }
    put16(out, 8, magic);
}

/// The nodes over leaves with these highest hashes, with their places; none over a lone leaf. `base` is the index's
/// first block.
pub fn nodes(highest: &[u32], base: u32) -> Vec<(u32, Box<Block>)> {
    let mut out = Vec::new();
    if highest.len() < 2 {
        return out;
    }
    let mut children: Vec<(u32, u32)> =
        highest.iter().zip(leaf_places(highest.len())).map(|(hash, place)| (*hash, place.at)).collect();
    let mut next = 1 + children.len() as u32;
    for level in 1u16.. {
        let count = children.len().div_ceil(IN_NODE);
        let here = if count == 1 { places(1, 0) } else { places(count, next) };
        let mut above = Vec::new();
        for (place, part) in here.iter().zip(children.chunks(IN_NODE)) {
            let mut block: Box<Block> = Box::new([0; BLOCK]);
            head(&mut block[..], *place, base, NODE);
            put16(&mut block[..], 56, part.len() as u16);
            put16(&mut block[..], 58, level);
            for (i, (hash, child)) in part.iter().enumerate() {
                put32(&mut block[..], ENTRIES + 8 * i, *hash);
                put32(&mut block[..], ENTRIES + 8 * i + 4, base + child);
            }
            above.push((part[part.len() - 1].0, place.at));
            out.push((place.at, block));
        }
        if count == 1 {
            break;
        }
        next += count as u32;
        children = above;
    }
    out.sort_by_key(|(at, _)| *at);
    out
}

#[cfg(test)]
mod tests {
    use super::super::bytes::{get16, get32};
    use super::*;

    #[test]
    fn a_lone_leaf_is_the_root() {
        assert_eq!(leaf_places(1), [Place { at: 0, left: 0, right: 0 }]);
        assert!(nodes(&[7], 0).is_empty());
    }

    #[test]
    fn nodes_of_two_levels() {
        let highest: Vec<u32> = (0..505).collect();
        let nodes = nodes(&highest, 1000);
        let at: Vec<u32> = nodes.iter().map(|(at, _)| *at).collect();
        assert_eq!(at, [0, 506, 507]);
        let root = &nodes[0].1;
        assert_eq!((get16(&root[..], 56), get16(&root[..], 58)), (2, 2));
        assert_eq!((get32(&root[..], 64), get32(&root[..], 68)), (503, 1506));
        // Forward, then back.
        assert_eq!((get32(&nodes[1].1[..], 0), get32(&nodes[2].1[..], 4)), (1507, 1506));
    }
}
