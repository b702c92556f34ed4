//! Digests of 256 bits and an unambiguous way to build one from several fields.
//!
//! SHA-256 (FIPS 180-4) for all that people and other programs compare. A tree that only osimg's own store names is hashed
//! with BLAKE3 (the specification of 2020), in a fifth of the time. A [`DigestBuilder`] frames each field with its name and
//! length, so that two different sequences of fields never hash alike.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A digest, SHA-256 unless it is said otherwise, shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// The digest of all that `reader` still yields.
    pub fn of_reader(reader: &mut dyn Read) -> io::Result<Digest> {
        let mut hasher = HashWriter::new(io::sink());
        let mut buffer = vec![0; 256 << 10];
        loop {
            let n = reader.read(&mut buffer)?;
            if n == 0 {
                return Ok(hasher.finish().1);
            }
            hasher.write_all(&buffer[..n])?;
        }
    }

    /// The first 12 digits: enough for people, never for a key.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sha256 digest is 64 hexadecimal digits")]
pub struct NotADigest;

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Digest, NotADigest> {
        let bytes = hex::decode(text).map_err(|_| NotADigest)?;
        bytes.try_into().map(Digest).map_err(|_| NotADigest)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Digest, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Builds a digest from named fields; order counts, and is the caller's to keep stable.
pub struct DigestBuilder(Sha256);

impl DigestBuilder {
    /// `domain` keeps digests of different kinds of thing apart.
    pub fn new(domain: &str) -> DigestBuilder {
        let mut builder = DigestBuilder(Sha256::new());
        builder.frame(domain.as_bytes());
        builder
    }

    fn frame(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> DigestBuilder {
        self.add(name, value);
        self
    }

    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.frame(name.as_bytes());
        self.frame(value.as_ref());
    }

    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// A writer that hashes and counts what passes through it.
pub struct HashWriter<W> {
    inner: W,
    hasher: Hasher,
    written: u64,
}

enum Hasher {
    Sha256(Sha256),
    Blake3(Box<blake3::Hasher>),
}

impl<W: Write> HashWriter<W> {
    /// Hashes with SHA-256.
    pub fn new(inner: W) -> HashWriter<W> {
        HashWriter { inner, hasher: Hasher::Sha256(Sha256::new()), written: 0 }
    }

    /// Hashes with BLAKE3: for names that nobody but osimg compares.
    pub fn fast(inner: W) -> HashWriter<W> {
        HashWriter { inner, hasher: Hasher::Blake3(Box::default()), written: 0 }
    }

    /// The inner writer, the digest, and how many bytes passed.
    pub fn finish(self) -> (W, Digest, u64) {
        let digest = match self.hasher {
            Hasher::Sha256(hasher) => hasher.finalize().into(),
            Hasher::Blake3(hasher) => hasher.finalize().into(),
        };
        (self.inner, Digest(digest), self.written)
    }
}

impl<W: Write> Write for HashWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        match &mut self.hasher {
            Hasher::Sha256(hasher) => hasher.update(&bytes[..n]),
            Hasher::Blake3(hasher) => {
                hasher.update(&bytes[..n]);
            }
        }
        self.written += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer() {
        assert_eq!(
            Digest::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(Digest::of_reader(&mut &b"abc"[..]).expect("memory"), Digest::of(b"abc"));
    }

    /// BLAKE3's own test vector of 1,025 bytes that count up to 250 again and again.
    #[test]
    fn known_answer_of_the_fast_one() {
        let mut writer = HashWriter::fast(Vec::new());
        let bytes: Vec<u8> = (0..1025).map(|n| (n % 251) as u8).collect();
        for part in bytes.chunks(100) {
            writer.write_all(part).expect("memory");
        }
        let (written, digest, length) = writer.finish();
        assert_eq!((written, length), (bytes, 1025));
        assert_eq!(digest.to_string(), "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444");
    }

    #[test]
    fn fields_are_framed() {
        let a = DigestBuilder::new("t").field("a", "bc").finish();
        let b = DigestBuilder::new("t").field("ab", "c").finish();
        assert_ne!(a, b);
    }

    #[test]
    fn text_form_round_trips() {
        let d = Digest::of(b"x");
        assert_eq!(d.to_string().parse(), Ok(d));
        assert_eq!("12".parse::<Digest>(), Err(NotADigest));
    }
}
