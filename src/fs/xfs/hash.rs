//! The hash by which directories and attribute lists find a name: XFS Algorithms & Data Structures, "Directories".

/// Each byte is rotated in by seven bits.
pub fn hash(name: &[u8]) -> u32 {
    name.iter().fold(0u32, |hash, byte| hash.rotate_left(7) ^ u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn as_xfs_db_hashes() {
        // `xfs_db -c 'hash NAME'`.
        for (name, value) in
            [(".", 0x2e), ("..", 0x172e), ("vmlinuz", 0xcd3a_6194), ("lost+found", 0x021a_a60c)]
        {
            assert_eq!(hash(name.as_bytes()), value, "{name}");
        }
    }
}
