//! The name of a manifest, a slot or a base: safe as an image tag, a file name, a GRUB entry id and a host name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// 1 to 63 characters of `a-z 0-9 . _ -`, a letter or digit first and last, never two separators in a row (the rule
/// of image references: a component is alphanumerics joined by single separators).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

/// The rule above as an ECMA-262 pattern, for the schema.
pub const NAME_PATTERN: &str = "^[a-z0-9]+([._-][a-z0-9]+)*$";
/// The longest name, in characters.
pub const NAME_MAX: usize = 63;

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a name cannot be empty")]
    Empty,
    #[error("a name has at most 63 characters, this one has {0}")]
    Long(usize),
    #[error("`{0}` cannot stand in a name")]
    Character(char),
    #[error("a name starts and ends with a letter or digit, and has no two of `.`, `_`, `-` in a row")]
    Separator,
}

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Name, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if let Some(c) = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-')) {
            return Err(NameError::Character(c));
        }
        if text.len() > NAME_MAX {
            return Err(NameError::Long(text.len()));
        }
        let separator = |c: u8| matches!(c, b'.' | b'_' | b'-');
        let bytes = text.as_bytes();
        if separator(bytes[0])
            || separator(bytes[bytes.len() - 1])
            || bytes.windows(2).any(|w| separator(w[0]) && separator(w[1]))
        {
            return Err(NameError::Separator);
        }
        Ok(Name(text.to_string()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Name, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_refuses() {
        for good in ["a", "centos7", "debian-bookworm", "el8.3", "a_b-c"] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        assert_eq!("".parse::<Name>(), Err(NameError::Empty));
        assert_eq!("A".parse::<Name>(), Err(NameError::Character('A')));
        assert_eq!("-a".parse::<Name>(), Err(NameError::Separator));
        assert_eq!("a..b".parse::<Name>(), Err(NameError::Separator));
        assert_eq!("a".repeat(64).parse::<Name>(), Err(NameError::Long(64)));
    }
}
