//! The records of a pax extended header, both ways.
//!
//! POSIX.1-2017 pax, "pax Extended Header": `<length> <keyword>=<value>\n`, the length counting itself. star(1) for
//! `SCHILY.*`. GNU tar writes `%` and `=` of an attribute's name as `%25` and `%3D`; so do we.

use std::collections::BTreeMap;

use super::tree::Timestamp;

const XATTR: &[u8] = b"SCHILY.xattr.";

/// What an extended header adds to the header behind it; `None` where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pax {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u64>,
    pub gid: Option<u64>,
    pub mtime: Option<Timestamp>,
    pub major: Option<u64>,
    pub minor: Option<u64>,
    /// star's word for the kind, which we write for sockets: tar has no type flag for them.
    pub filetype: Option<Vec<u8>>,
    pub acl_access: Option<Vec<u8>>,
    pub acl_default: Option<Vec<u8>>,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The first `GNU.sparse.*` keyword.
    pub sparse: Option<String>,
}

/// Why an extended header cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaxError {
    #[error("the extended header is damaged")]
    Record,
    #[error("the extended header's `{0}` cannot be read")]
    Value(&'static str),
}

impl Pax {
    /// Reads a header's records; keywords that we do not know are passed over, a later record wins.
    pub fn parse(mut bytes: &[u8]) -> Result<Pax, PaxError> {
        let mut pax = Pax::default();
        while !bytes.is_empty() {
            let space = bytes.iter().take(20).position(|b| *b == b' ').ok_or(PaxError::Record)?;
            let length: usize = decimal(&bytes[..space])
                .and_then(|n| usize::try_from(n).ok())
                .filter(|n| *n > space + 2 && *n <= bytes.len())
                .ok_or(PaxError::Record)?;
            let record = bytes[space + 1..length].strip_suffix(b"\n").ok_or(PaxError::Record)?;
            let equals = record.iter().position(|b| *b == b'=').ok_or(PaxError::Record)?;
            pax.record(&record[..equals], &record[equals + 1..])?;
            bytes = &bytes[length..];
        }
        Ok(pax)
    }

    fn record(&mut self, keyword: &[u8], value: &[u8]) -> Result<(), PaxError> {
        // an empty value takes an earlier one back
        let some = (!value.is_empty()).then(|| value.to_vec());
        let number = |what| match &some {
            None => Ok(None),
            Some(value) => decimal(value).map(Some).ok_or(PaxError::Value(what)),
        };
        match keyword {
            b"path" => self.path = some,
            b"linkpath" => self.link = some,
            b"size" => self.size = number("size")?,
            b"uid" => self.uid = number("uid")?,
            b"gid" => self.gid = number("gid")?,
            b"SCHILY.devmajor" => self.major = number("SCHILY.devmajor")?,
            b"SCHILY.devminor" => self.minor = number("SCHILY.devminor")?,
            b"SCHILY.filetype" => self.filetype = some,
            b"SCHILY.acl.access" => self.acl_access = some,
            b"SCHILY.acl.default" => self.acl_default = some,
            b"mtime" => {
                self.mtime = match &some {
                    None => None,
                    Some(value) => Some(parse_time(value).ok_or(PaxError::Value("mtime"))?),
                }
            }
            _ if keyword.starts_with(b"GNU.sparse.") => {
                self.sparse.get_or_insert_with(|| String::from_utf8_lossy(keyword).into_owned());
            }
            _ => {
                if let Some(name) = keyword.strip_prefix(XATTR) {
                    if name.is_empty() || name.contains(&0) {
                        return Err(PaxError::Value("SCHILY.xattr"));
                    }
                    self.xattrs.insert(decode_name(name), value.to_vec());
                }
            }
        }
        Ok(())
    }

    /// The records in a fixed order; empty when there is nothing to say.
    pub fn build(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut put = |keyword: &[u8], value: &[u8]| record(&mut out, keyword, value);
        let number = |n: u64| n.to_string().into_bytes();
        for (keyword, value) in [
            (&b"path"[..], self.path.clone()),
            (b"linkpath", self.link.clone()),
            (b"size", self.size.map(number)),
            (b"uid", self.uid.map(number)),
            (b"gid", self.gid.map(number)),
            (b"mtime", self.mtime.map(format_time)),
            (b"SCHILY.devmajor", self.major.map(number)),
            (b"SCHILY.devminor", self.minor.map(number)),
            (b"SCHILY.filetype", self.filetype.clone()),
        ] {
            if let Some(value) = value {
                put(keyword, &value);
            }
        }
        for (name, value) in &self.xattrs {
            put(&[XATTR, &encode_name(name)].concat(), value);
        }
        out
    }
}

fn record(out: &mut Vec<u8>, keyword: &[u8], value: &[u8]) {
    // the space, the equals sign and the newline
    let rest = keyword.len() + value.len() + 3;
    // the length's own digits may add one
    let mut length = rest + rest.to_string().len();
    length = rest + length.to_string().len();
    out.extend_from_slice(length.to_string().as_bytes());
    for part in [b" ", keyword, b"=", value, b"\n"] {
        out.extend_from_slice(part);
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Decimal seconds with an optional sign and fraction; digits beyond nanoseconds are dropped.
fn parse_time(text: &[u8]) -> Option<Timestamp> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match text.iter().position(|b| *b == b'.') {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &b""[..]),
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let secs = i64::try_from(decimal(whole)?).ok()?;
    let mut nanos = 0;
    for at in 0..9 {
        nanos = nanos * 10 + fraction.get(at).map_or(0, |d| u32::from(d - b'0'));
    }
    Some(match (negative, nanos) {
        (false, nanos) => Timestamp { secs, nanos },
        (true, 0) => Timestamp { secs: -secs, nanos },
        // nanoseconds count forward from the second before
        (true, nanos) => Timestamp { secs: (-secs).checked_sub(1)?, nanos: 1_000_000_000 - nanos },
    })
}

fn format_time(time: Timestamp) -> Vec<u8> {
    let total = i128::from(time.secs) * 1_000_000_000 + i128::from(time.nanos);
    let sign = if total < 0 { "-" } else { "" };
    let (secs, nanos) = (total.unsigned_abs() / 1_000_000_000, total.unsigned_abs() % 1_000_000_000);
    if nanos == 0 {
        return format!("{sign}{secs}").into_bytes();
    }
    format!("{sign}{secs}.{nanos:09}").trim_end_matches('0').as_bytes().to_vec()
}

fn encode_name(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'%' => out.extend_from_slice(b"%25"),
            b'=' => out.extend_from_slice(b"%3D"),
            _ => out.push(*byte),
        }
    }
    out
}

fn decode_name(mut name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    while let Some((first, rest)) = name.split_first() {
        name = rest;
        if let Some(rest) = rest.strip_prefix(b"25").filter(|_| *first == b'%') {
            out.push(b'%');
            name = rest;
        } else if let Some(rest) = rest.strip_prefix(b"3D").filter(|_| *first == b'%') {
            out.push(b'=');
            name = rest;
        } else {
            out.push(*first);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_count_themselves() {
        // 9 and 99 bytes without the length's own digits are where the digits change
        for length in 0..1100 {
            let pax = Pax { path: Some(vec![b'x'; length + 1]), ..Pax::default() };
            assert_eq!(Pax::parse(&pax.build()), Ok(pax));
        }
        let pax = Pax { path: Some(b"ab".to_vec()), ..Pax::default() };
        assert_eq!(pax.build(), b"11 path=ab\n");
    }

    #[test]
    fn times_before_and_after_1970() {
        let t = |secs, nanos| Some(Timestamp { secs, nanos });
        assert_eq!(parse_time(b"1.5"), t(1, 500_000_000));
        assert_eq!(parse_time(b"-1.5"), t(-2, 500_000_000));
        assert_eq!(parse_time(b"-1"), t(-1, 0));
        assert_eq!(parse_time(b"-0.000000001"), t(-1, 999_999_999));
        assert_eq!(parse_time(b"1350244992.0239601089"), t(1_350_244_992, 23_960_108));
        for bad in ["", "-", ".5", "1.x", "1e3", "99999999999999999999"] {
            assert_eq!(parse_time(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn damage_is_refused() {
        for bad in ["5 a=b", "6 a=b", "4 ab\n", "0 a=b\n", "x a=b\n", "99 a=b\n", "6a=b\n"] {
            assert_eq!(Pax::parse(bad.as_bytes()), Err(PaxError::Record), "{bad:?}");
        }
        assert_eq!(Pax::parse(b"9 uid=-1\n"), Err(PaxError::Value("uid")));
    }

    #[test]
    fn an_empty_value_takes_back_but_an_empty_attribute_stays() {
        let pax =
            Pax::parse(b"11 path=ab\n8 path=\n23 SCHILY.xattr.user.a=\n").map(|p| (p.path, p.xattrs.len()));
        assert_eq!(pax, Err(PaxError::Record), "a wrong length is no record");
        let pax = Pax::parse(b"11 path=ab\n8 path=\n24 SCHILY.xattr.user.a=\n").expect("records");
        assert_eq!(pax.path, None);
        assert_eq!(pax.xattrs.get(&b"user.a"[..]), Some(&Vec::new()));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Pax::parse(&bytes);
        }

        #[test]
        fn times_round_trip(secs in any::<i64>(), nanos in 0u32..1_000_000_000) {
            // i64::MIN itself has no positive counterpart to read back
            let time = Timestamp { secs: secs.max(-i64::MAX), nanos };
            prop_assert_eq!(parse_time(&format_time(time)), Some(time));
        }

        #[test]
        fn names_round_trip(name in "[%=25Da.]{1,12}") {
            prop_assert_eq!(decode_name(&encode_name(name.as_bytes())), name.as_bytes());
        }
    }
}
