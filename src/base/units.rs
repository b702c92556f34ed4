//! Sizes and disk addresses as types, so that bytes, sectors and block addresses never mix.
//!
//! A sector is 512 bytes throughout: the unit of the MBR (and of GRUB's block lists), whatever the disk's own
//! logical block size.

use std::fmt;
use std::ops::{Add, Mul, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Bytes in one sector.
pub const SECTOR: u64 = 512;

/// A length in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// A length in sectors of 512 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sectors(pub u64);

/// A logical block address: a sector's number, counted from 0 at the start of the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lba(pub u64);

impl Bytes {
    pub const KIB: Bytes = Bytes(1 << 10);
    pub const MIB: Bytes = Bytes(1 << 20);
    pub const GIB: Bytes = Bytes(1 << 30);

    pub const fn mib(n: u64) -> Bytes {
        Bytes(n << 20)
    }

    pub const fn gib(n: u64) -> Bytes {
        Bytes(n << 30)
    }

    /// The next multiple of `unit`, which must not be zero.
    pub fn round_up(self, unit: Bytes) -> Bytes {
        Bytes(self.0.div_ceil(unit.0) * unit.0)
    }

    /// The largest multiple of `unit` that fits, which must not be zero.
    pub fn round_down(self, unit: Bytes) -> Bytes {
        Bytes(self.0 / unit.0 * unit.0)
    }

    /// Whole sectors in this length, the rest dropped.
    pub fn sectors(self) -> Sectors {
        Sectors(self.0 / SECTOR)
    }

    pub fn saturating_sub(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_sub(other.0))
    }
}

impl Sectors {
    pub fn bytes(self) -> Bytes {
        Bytes(self.0 * SECTOR)
    }
}

impl Lba {
    /// Where this sector starts, in bytes from the start of the disk.
    pub fn offset(self) -> Bytes {
        Bytes(self.0 * SECTOR)
    }
}

impl Add for Bytes {
    type Output = Bytes;
    fn add(self, o: Bytes) -> Bytes {
        Bytes(self.0 + o.0)
    }
}

impl Sub for Bytes {
    type Output = Bytes;
    fn sub(self, o: Bytes) -> Bytes {
        Bytes(self.0 - o.0)
    }
}

impl Mul<u64> for Bytes {
    type Output = Bytes;
    fn mul(self, n: u64) -> Bytes {
        Bytes(self.0 * n)
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Bytes>>(iter: I) -> Bytes {
        iter.fold(Bytes(0), Add::add)
    }
}

impl Add<Sectors> for Lba {
    type Output = Lba;
    fn add(self, o: Sectors) -> Lba {
        Lba(self.0 + o.0)
    }
}

impl Sub<Lba> for Lba {
    type Output = Sectors;
    fn sub(self, o: Lba) -> Sectors {
        Sectors(self.0 - o.0)
    }
}

impl Bytes {
    /// The number itself in the largest binary unit that keeps it whole, for messages that set two sizes against each
    /// other.
    pub fn exact(self) -> String {
        const UNITS: [(&str, u64); 4] =
            [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        let unit = UNITS.iter().find(|(_, unit)| self.0 > 0 && self.0.is_multiple_of(*unit));
        unit.map_or_else(|| format!("{} B", self.0), |(name, unit)| format!("{} {name}", self.0 / unit))
    }
}

impl fmt::Display for Bytes {
    /// The largest binary unit that keeps the number at one or above, one decimal where it is not whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 4] =
            [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        for (name, unit) in UNITS {
            if self.0 >= unit {
                return if self.0.is_multiple_of(unit) {
                    write!(f, "{} {name}", self.0 / unit)
                } else {
                    write!(f, "{:.1} {name}", self.0 as f64 / unit as f64)
                };
            }
        }
        write!(f, "{} B", self.0)
    }
}

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    #[error("a size is a whole number and a unit")]
    NoNumber,
    #[error("`{0}` is no unit of size")]
    Unit(String),
    #[error("the size is larger than 2^64 bytes")]
    TooLarge,
}

impl FromStr for Bytes {
    type Err = SizeError;

    /// `4GiB`, `512 MiB`, `1.5GiB`, `700MB`, `4096` or `4096B`: IEC units (powers of 1024) and SI units (powers
    /// of 1000). A bare `G` or `M` is refused: readers disagree on what it means.
    fn from_str(text: &str) -> Result<Bytes, SizeError> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = (&text[..end], text[end..].trim());
        let factor: u64 = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            "kB" | "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            other => {
                return Err(if number.is_empty() {
                    SizeError::NoNumber
                } else {
                    SizeError::Unit(other.into())
                });
            }
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || (number.contains('.') && fraction.is_empty()) || fraction.len() > 6 {
            return Err(SizeError::NoNumber);
        }
        let whole: u64 = whole.parse().map_err(|_| SizeError::TooLarge)?;
        let mut total = u128::from(whole) * u128::from(factor);
        if !fraction.is_empty() {
            let digits: u128 = fraction.parse().map_err(|_| SizeError::NoNumber)?;
            total += digits * u128::from(factor) / 10u128.pow(fraction.len() as u32);
        }
        u64::try_from(total).map(Bytes).map_err(|_| SizeError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_iec_and_si_units() {
        for (text, bytes) in [
            ("4GiB", 4 << 30),
            ("512 MiB", 512 << 20),
            ("1.5GiB", 3 << 29),
            ("700MB", 700_000_000),
            ("4096", 4096),
            ("0", 0),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_size() {
        assert_eq!("4G".parse::<Bytes>(), Err(SizeError::Unit("G".into())));
        assert_eq!("".parse::<Bytes>(), Err(SizeError::NoNumber));
        assert_eq!("GiB".parse::<Bytes>(), Err(SizeError::NoNumber));
        assert_eq!("1..5GiB".parse::<Bytes>(), Err(SizeError::NoNumber));
        assert_eq!("99999999999TiB".parse::<Bytes>(), Err(SizeError::TooLarge));
        assert_eq!(format!("{}TiB", u128::MAX).parse::<Bytes>(), Err(SizeError::TooLarge));
    }

    #[test]
    fn shows_the_largest_unit() {
        assert_eq!(Bytes::gib(4).to_string(), "4 GiB");
        assert_eq!(Bytes(1_500_000).to_string(), "1.4 MiB");
        assert_eq!(Bytes(12).to_string(), "12 B");
        assert_eq!(Bytes::mib(1089).exact(), "1089 MiB");
        assert_eq!(Bytes::gib(2).exact(), "2 GiB");
        assert_eq!((Bytes(1025).exact(), Bytes(0).exact()), ("1025 B".into(), "0 B".into()));
    }
}
