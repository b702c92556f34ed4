//! One 512-byte tar header, both ways: numbers in octal or base 256, names in their fixed fields.
//!
//! POSIX.1-2017 pax, "ustar Interchange Format"; the GNU tar manual, "Basic Tar Format", for base-256 numbers and the
//! GNU magic.

/// The unit of a tar archive, in bytes.
pub const BLOCK: usize = 512;

/// Longest name and link name in the header's own fields, in bytes.
pub const NAME: usize = 100;

/// The largest number in an octal field of `width` bytes, its terminator left out.
pub const fn octal_max(width: usize) -> u64 {
    (1 << (3 * (width - 1))) - 1
}

/// What a header says, as it stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub name: Vec<u8>,
    pub mode: u64,
    pub uid: u64,
    pub gid: u64,
    /// Bytes of data that follow, before padding.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    pub flag: u8,
    pub link: Vec<u8>,
    pub major: u64,
    pub minor: u64,
}

/// Why a block is no header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("the header's checksum is wrong: this is no tar archive, or a damaged one")]
    Checksum,
    #[error("the header's {0} is no number")]
    Number(&'static str),
}

impl Header {
    /// Reads a block that is not all zeros.
    pub fn parse(block: &[u8; BLOCK]) -> Result<Header, HeaderError> {
        let stated = number(&block[148..156]).ok_or(HeaderError::Checksum)?;
        // old tars summed signed bytes
        let (unsigned, signed) = sums(block);
        if stated != i128::from(unsigned) && stated != i128::from(signed) {
            return Err(HeaderError::Checksum);
        }
        let unsigned = |at: std::ops::Range<usize>, what| {
            number(&block[at]).and_then(|n| u64::try_from(n).ok()).ok_or(HeaderError::Number(what))
        };
        let posix = &block[257..263] == b"ustar\0";
        let mut name = text(&block[0..NAME]).to_vec();
        if posix {
            // star keeps times at the end of the prefix field and says so in the block's last bytes
            let end = if &block[508..512] == b"tar\0" { 345 + 131 } else { 500 };
            let prefix = text(&block[345..end]);
            if !prefix.is_empty() {
                name = [prefix, b"/", &name].concat();
            }
        }
        // Version 7 had no device fields
        let devices = &block[257..262] == b"ustar" && matches!(block[156], b'3' | b'4');
        let device = |at, what| if devices { unsigned(at, what) } else { Ok(0) };
        Ok(Header {
            name,
            mode: unsigned(100..108, "mode")?,
            uid: unsigned(108..116, "owner")?,
            gid: unsigned(116..124, "group")?,
            size: unsigned(124..136, "size")?,
            mtime: number(&block[136..148])
                .and_then(|n| i64::try_from(n).ok())
                .ok_or(HeaderError::Number("time"))?,
            flag: block[156],
            link: text(&block[157..157 + NAME]).to_vec(),
            major: device(329..337, "device number")?,
            minor: device(337..345, "device number")?,
        })
    }

    /// The block. Whatever does not fit its field must have been taken out before: names are cut, numbers become zero.
    pub fn build(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let cut = |name: &[u8]| name.len().min(NAME);
        block[..cut(&self.name)].copy_from_slice(&self.name[..cut(&self.name)]);
        octal(&mut block[100..108], self.mode);
        octal(&mut block[108..116], self.uid);
        octal(&mut block[116..124], self.gid);
        octal(&mut block[124..136], self.size);
        octal(&mut block[136..148], u64::try_from(self.mtime).unwrap_or(0));
        block[156] = self.flag;
        block[157..157 + cut(&self.link)].copy_from_slice(&self.link[..cut(&self.link)]);
        block[257..265].copy_from_slice(b"ustar\x0000");
        octal(&mut block[329..337], self.major);
        octal(&mut block[337..345], self.minor);
        let (sum, _) = sums(&block);
        // six digits, NUL, space: the form every tar writes
        octal(&mut block[148..155], u64::from(sum));
        block[155] = b' ';
        block
    }
}

/// The sum of the header's bytes, its checksum field taken as spaces: bytes unsigned, and signed.
fn sums(block: &[u8; BLOCK]) -> (u32, i32) {
    let mut unsigned = 0;
    let mut signed = 0;
    for (at, byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&at) { b' ' } else { *byte };
        unsigned += u32::from(byte);
        signed += i32::from(byte.cast_signed());
    }
    (unsigned, signed)
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    &field[..field.iter().position(|b| *b == 0).unwrap_or(field.len())]
}

/// A numeric field: octal among spaces and NULs, or base 256 with the first bit set (two's complement).
fn number(field: &[u8]) -> Option<i128> {
    let first = *field.first()?;
    if first & 0x80 != 0 {
        let negative = first & 0x40 != 0;
        let mut value: i128 = if negative { -1 } else { 0 };
        for (at, byte) in field.iter().enumerate() {
            let byte = if at == 0 && !negative { byte & 0x7f } else { *byte };
            value = (value << 8) | i128::from(byte);
        }
        return Some(value);
    }
    let digits = field.iter().skip_while(|b| **b == b' ').take_while(|b| !matches!(b, 0 | b' '));
    let mut value = 0;
    for digit in digits {
        if !(b'0'..=b'7').contains(digit) {
            return None;
        }
        value = value * 8 + i128::from(digit - b'0');
    }
    Some(value)
}

/// Writes `value` with leading zeros and a NUL, or zero where it does not fit.
fn octal(field: &mut [u8], value: u64) {
    let value = if value > octal_max(field.len()) { 0 } else { value };
    let digits = field.len() - 1;
    for (at, byte) in field[..digits].iter_mut().enumerate() {
        *byte = b'0' + u8::try_from((value >> (3 * (digits - 1 - at))) & 7).expect("three bits");
    }
    field[digits] = 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_read() {
        let header = Header {
            name: b"etc/\xff\n".to_vec(),
            mode: 0o4755,
            uid: 1000,
            gid: octal_max(8),
            size: octal_max(12),
            mtime: 1,
            flag: b'3',
            link: vec![b'x'; NAME],
            major: 5,
            minor: 1,
        };
        assert_eq!(Header::parse(&header.build()), Ok(header));
    }

    #[test]
    fn numbers_in_every_form() {
        assert_eq!(number(b"0000755\0"), Some(0o755));
        assert_eq!(number(b"   755 \0"), Some(0o755));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(number(b"00x0755\0"), None);
        assert_eq!(number(b"\x80\0\0\0\0\x20\0\0"), Some(1 << 21));
        assert_eq!(number(&[0xff; 12]), Some(-1));
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let good = Header { name: b"a".to_vec(), flag: b'0', ..Header::default() }.build();
        for at in [0, 99, 148, 156, 300, 511] {
            let mut bad = good;
            bad[at] ^= 1;
            assert!(Header::parse(&bad).is_err(), "byte {at}");
        }
    }
}
