//! The hash of names in an indexed directory: half MD4 over signed characters, as mke2fs sets it up on x86.
//!
//! Kernel: fs/ext4/hash.c describes it; the result's low bit is free for the index to mark collisions.

use uuid::Uuid;

/// The number of half MD4 in the superblock and a directory's root block.
pub const HALF_MD4: u8 = 1;

/// The starting value: the filesystem's hash seed, or MD4's own where that is nil.
pub fn seed(uuid: Uuid) -> [u32; 4] {
    if uuid.is_nil() {
        return [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476];
    }
    let bytes = uuid.as_bytes();
    std::array::from_fn(|i| {
        u32::from_le_bytes([bytes[4 * i], bytes[4 * i + 1], bytes[4 * i + 2], bytes[4 * i + 3]])
    })
}

/// Up to 32 bytes of the name as eight words, filled up with the length of what is left.
fn words(rest: &[u8]) -> [u32; 8] {
    let length = rest.len() as u32;
    let half = length | length << 8;
    let pad = half | half << 16;
    let mut out = [pad; 8];
    for (word, chunk) in out.iter_mut().zip(rest.chunks(4)) {
        *word = chunk.iter().fold(pad, |value, byte| {
            // A char is signed on x86, and so its sign runs through the upper bits.
            (value << 8).wrapping_add(*byte as i8 as u32)
        });
    }
    out
}

type Round = fn(u32, u32, u32) -> u32;

fn transform(state: &mut [u32; 4], input: &[u32; 8]) {
    const ROUNDS: [(Round, u32, [usize; 8], [u32; 4]); 3] = [
        (|x, y, z| z ^ (x & (y ^ z)), 0, [0, 1, 2, 3, 4, 5, 6, 7], [3, 7, 11, 19]),
        (|x, y, z| (x & y).wrapping_add((x ^ y) & z), 0x5A82_7999, [1, 3, 5, 7, 0, 2, 4, 6], [3, 5, 9, 13]),
        (|x, y, z| x ^ y ^ z, 0x6ED9_EBA1, [3, 7, 2, 6, 1, 5, 0, 4], [3, 9, 11, 15]),
    ];
    let [mut a, mut b, mut c, mut d] = *state;
    for (mix, constant, order, shifts) in ROUNDS {
        for (i, word) in order.iter().enumerate() {
            let sum = a.wrapping_add(mix(b, c, d)).wrapping_add(input[*word]).wrapping_add(constant);
            // The four variables trade places after each step.
            (a, b, c, d) = (d, sum.rotate_left(shifts[i % 4]), b, c);
        }
    }
    for (slot, value) in state.iter_mut().zip([a, b, c, d]) {
        *slot = slot.wrapping_add(value);
    }
}

/// The hash of `name`: even, and never the value that means the end of a directory.
pub fn half_md4(name: &[u8], seed: [u32; 4]) -> u32 {
    let mut state = seed;
    let mut rest = name;
    while !rest.is_empty() {
        transform(&mut state, &words(rest));
        rest = &rest[rest.len().min(32)..];
    }
    match state[1] & !1 {
        0xFFFF_FFFE => 0xFFFF_FFFC,
        hash => hash,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_debugfs_dx_hash_says() {
        let seeded = seed(uuid::uuid!("6ba7b810-9dad-11d1-80b4-00c04fd430c8"));
        let nil = seed(Uuid::nil());
        let long = b"aVeryLongNameThatGoesOverThirtyTwoBytesSurely.txt";
        for (name, with_seed, without) in [
            (&b"a"[..], 0xa7e8_b272, 0xd5fa_7d7a),
            (b"lib", 0x7e64_ae56, 0xc597_209c),
            (b"ld-linux-x86-64.so.2", 0x7082_8a64, 0x2530_6cca),
            (long, 0xa76a_f20c, 0x0a84_242a),
        ] {
            assert_eq!(half_md4(name, seeded), with_seed);
            assert_eq!(half_md4(name, nil), without);
        }
        // Signed characters.
        assert_eq!(half_md4(b"caf\xc3\xa9-\xff\xfe\x80x", seeded), 0x3b5d_9560);
    }
}
