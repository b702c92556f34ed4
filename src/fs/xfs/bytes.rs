//! Big-endian words in a buffer, as xfs stores them, and its checksum, the one word that is little-endian.

pub fn put16(out: &mut [u8], at: usize, value: u16) {
    out[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

pub fn put32(out: &mut [u8], at: usize, value: u32) {
    out[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

pub fn put64(out: &mut [u8], at: usize, value: u64) {
    out[at..at + 8].copy_from_slice(&value.to_be_bytes());
}

pub fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    out[at..at + bytes.len()].copy_from_slice(bytes);
}

pub fn get16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

pub fn get32(bytes: &[u8], at: usize) -> u32 {
    u32::from(get16(bytes, at)) << 16 | u32::from(get16(bytes, at + 2))
}

pub fn get64(bytes: &[u8], at: usize) -> u64 {
    u64::from(get32(bytes, at)) << 32 | u64::from(get32(bytes, at + 4))
}

/// The CRC32c of a structure whose four bytes at `at`, for the sum itself, count as zeros.
pub fn checksum(bytes: &[u8], at: usize) -> u32 {
    let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..at]), &[0; 4]);
    crc32c::crc32c_append(sum, &bytes[at + 4..])
}

/// Puts in the checksum of a whole structure.
pub fn seal(bytes: &mut [u8], at: usize) {
    let sum = checksum(bytes, at);
    bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        let mut out = [0; 16];
        put64(&mut out, 3, 0x0102_0304_0506_0708);
        assert_eq!(
            (get64(&out, 3), get32(&out, 7), get16(&out, 9)),
            (0x0102_0304_0506_0708, 0x0506_0708, 0x0708)
        );
    }

    #[test]
    fn the_sum_ignores_what_stood_in_its_place() {
        let mut bytes = *b"123456789----987654321";
        seal(&mut bytes, 9);
        let once = bytes;
        seal(&mut bytes, 9);
        assert_eq!(once, bytes);
        // The check value of CRC32c.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xE306_9283);
    }
}
