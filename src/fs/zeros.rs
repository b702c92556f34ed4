//! Blocks of zeros, which become holes.

use super::BLOCK;

fn is_zero(block: &[u8]) -> bool {
    // Most blocks differ in their first bytes; the rest goes in strides that compile to vectors.
    block[..16] == [0; 16] && block.chunks_exact(64).all(|c| c.iter().fold(0, |all, b| all | b) == 0)
}

/// What becomes of a file's first block where it is of zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Hole,
    Kept,
}

/// Moves the blocks that are not all zeros to the front, notes them in `runs` (first block in the file and count, the
/// first byte being of block `offset`) and returns how many they are.
pub fn squeeze(bytes: &mut [u8], offset: u64, start: Start, runs: &mut Vec<(u64, u64)>) -> usize {
    let mut kept = 0;
    for i in 0..bytes.len() / BLOCK {
        let from = i * BLOCK;
        let number = offset + i as u64;
        let must_stay = number == 0 && start == Start::Kept;
        if !must_stay && is_zero(&bytes[from..from + BLOCK]) {
            continue;
        }
        if kept < i {
            bytes.copy_within(from..from + BLOCK, kept * BLOCK);
        }
        kept += 1;
        match runs.last_mut() {
            Some((first, count)) if *first + *count == number => *count += 1,
            _ => runs.push((number, 1)),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_squeezed_out() {
        let mut bytes = Vec::new();
        for n in [0u8, 1, 2, 0, 0, 3] {
            bytes.extend([n; BLOCK]);
        }
        let mut runs = Vec::new();
        assert_eq!(squeeze(&mut bytes, 10, Start::Kept, &mut runs), 3);
        assert_eq!(runs, [(11, 2), (15, 1)]);
        assert_eq!([bytes[0], bytes[BLOCK], bytes[2 * BLOCK]], [1, 2, 3]);
        runs.clear();
        assert_eq!(squeeze(&mut [0; 3 * BLOCK], 0, Start::Hole, &mut runs), 0);
        assert_eq!(squeeze(&mut [0; 3 * BLOCK], 0, Start::Kept, &mut runs), 1);
        assert_eq!(runs, [(0, 1)]);
    }

    #[test]
    fn one_byte_is_not_zero() {
        for at in [0, 15, 16, 63, 64, 4095] {
            let mut block = [0; BLOCK];
            assert!(is_zero(&block));
            block[at] = 1;
            assert!(!is_zero(&block));
        }
    }
}
