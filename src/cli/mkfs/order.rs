//! What is asked for, in words that the writers understand: format, features, identity, label.
//!
//! Enters: flags, parsed one by one. Leaves: a writer and its request, once the size is known.

use std::str::FromStr;

use clap::ValueEnum;
use uuid::Uuid;

use super::features::Features;
use crate::base::features::Version;
use crate::base::identity::{self, Role};
use crate::base::units::SizeError;
use crate::base::{Bytes, Lba};
use crate::cli::failure::{Failure, Problem};
use crate::fs::ext4::Ext4;
use crate::fs::fat::{self, Fat};
use crate::fs::xfs::Xfs;
use crate::fs::{Formatter, Request};
use crate::rootfs::tree::Timestamp;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Xfs,
    Ext4,
    Fat,
}

impl Format {
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Xfs => "xfs",
            Format::Ext4 => "ext4",
            Format::Fat => "fat",
        }
    }

    /// What its label may be, for messages; `None` where `label` is fine.
    fn label_problem(self, label: &str) -> Option<&'static str> {
        let (fits, rule) = match self {
            Format::Xfs => (label.len() <= 12, "an xfs label has at most 12 bytes"),
            Format::Ext4 => (label.len() <= 16, "an ext4 label has at most 16 bytes"),
            Format::Fat => (
                fat::is_label(label),
                "a FAT label has at most 11 letters without accents, digits, blanks and few other characters",
            ),
        };
        (!fits).then_some(rule)
    }
}

/// How large the filesystem becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// What the tree takes, and some room.
    Auto,
    Fixed(Bytes),
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Size, SizeError> {
        if text == "auto" { Ok(Size::Auto) } else { text.parse().map(Size::Fixed) }
    }
}

/// What other programs find the filesystem by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    Uuid(Uuid),
    /// The volume id of a FAT, `1234-ABCD`.
    Volume(u32),
}

impl FromStr for Identity {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Identity, &'static str> {
        let half = |part: &str| {
            let digits = part.len() == 4 && part.bytes().all(|b| b.is_ascii_hexdigit());
            u32::from_str_radix(part, 16).ok().filter(|_| digits)
        };
        if let Some((high, low)) = text.split_once('-')
            && let (Some(high), Some(low)) = (half(high), half(low))
        {
            return Ok(Identity::Volume(high << 16 | low));
        }
        match Uuid::parse_str(text) {
            Ok(uuid) if uuid.is_nil() => Err("zeros mean that there is no UUID"),
            Ok(uuid) => Ok(Identity::Uuid(uuid)),
            Err(_) => Err("a UUID has 32 hexadecimal digits, a FAT's volume id 8: 1234-ABCD"),
        }
    }
}

/// A kernel's version as `uname -r` says it, or its first two numbers.
pub fn kernel(text: &str) -> Result<String, &'static str> {
    match Version::parse(text) {
        Some(_) => Ok(text.to_string()),
        None => Err("a version starts with two numbers, such as 3.10"),
    }
}

/// Everything but the size, for the size is known late.
#[derive(Clone, Debug)]
pub struct Order {
    pub format: Format,
    pub features: Features,
    pub identity: Option<Identity>,
    pub label: String,
    /// Where it starts on its disk, in bytes.
    pub offset: Bytes,
    pub created: Timestamp,
}

impl Order {
    /// Refuses what the format cannot have.
    pub fn checked(self) -> Result<Order, Failure> {
        if let Some(rule) = self.format.label_problem(&self.label) {
            let problem = Problem::new(format!("`{}` cannot be the label", self.label));
            return Err(Failure::Usage(problem.help(rule)));
        }
        if matches!(self.identity, Some(Identity::Volume(_))) && self.format != Format::Fat {
            let what = format!("{} has no volume id but a UUID", self.format.as_str());
            let how = "give `--uuid` 32 hexadecimal digits, or leave it out";
            return Err(Failure::Usage(Problem::new(what).help(how)));
        }
        if !self.offset.0.is_multiple_of(crate::base::units::SECTOR) {
            let problem = Problem::new(format!("byte {} is not where a sector starts", self.offset.0));
            return Err(Failure::Usage(problem.help("`--offset` is a multiple of 512")));
        }
        Ok(self)
    }

    /// The UUID of a filesystem of `size`: the one that was given, or one that derives from the rest.
    fn uuid(&self, size: Bytes) -> Uuid {
        match self.identity {
            Some(Identity::Uuid(uuid)) => uuid,
            _ => identity::alone(self.format.as_str(), size.0, &self.label, Role::Filesystem),
        }
    }

    fn volume_id(&self, size: Bytes) -> u32 {
        match self.identity {
            Some(Identity::Volume(id)) => id,
            _ => identity::volume_id(self.uuid(size)),
        }
    }

    /// The UUID as other programs show it.
    pub fn identity_text(&self, size: Bytes) -> String {
        match self.format {
            Format::Fat => identity::volume_id_text(self.volume_id(size)),
            Format::Xfs | Format::Ext4 => self.uuid(size).to_string(),
        }
    }

    pub fn request(&self, size: Bytes) -> Request {
        Request {
            size,
            uuid: self.uuid(size),
            hash_seed: identity::alone(self.format.as_str(), size.0, &self.label, Role::HashSeed),
            label: self.label.clone(),
            created: self.created,
        }
    }

    pub fn formatter(&self, size: Bytes) -> Box<dyn Formatter> {
        match self.features {
            Features::Xfs(features) => Box::new(Xfs { features }),
            Features::Ext4(features) => Box::new(Ext4 { features }),
            Features::None => {
                Box::new(Fat { volume_id: self.volume_id(size), start: Lba(self.offset.sectors().0) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities() {
        let uuid = "6b1d5e3c-0a4f-5c2b-9d8e-7f6a5b4c3d2e";
        assert_eq!(uuid.parse(), Ok(Identity::Uuid(Uuid::parse_str(uuid).expect("a UUID"))));
        assert_eq!("1a2b-3C4D".parse(), Ok(Identity::Volume(0x1a2b_3c4d)));
        for wrong in ["", "1a2b", "+a2b-3c4d", "1a2b-3c4", "00000000-0000-0000-0000-000000000000"] {
            assert!(wrong.parse::<Identity>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_and_kernels() {
        assert_eq!("auto".parse(), Ok(Size::Auto));
        assert_eq!("2GiB".parse(), Ok(Size::Fixed(Bytes::gib(2))));
        assert!("2G".parse::<Size>().is_err());
        for good in ["3.10", "3.10.0-1160.el7.x86_64", "6.1.0-28-amd64"] {
            assert_eq!(kernel(good).as_deref(), Ok(good));
        }
        for wrong in ["", "3", "el7", "v6.1"] {
            assert!(kernel(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_fat_takes_the_start_of_a_uuid() {
        let mut order = Order {
            format: Format::Fat,
            features: Features::None,
            identity: "6b1d5e3c-0a4f-5c2b-9d8e-7f6a5b4c3d2e".parse().ok(),
            label: "EFI".into(),
            offset: Bytes(0),
            created: Timestamp::default(),
        };
        assert_eq!(order.identity_text(Bytes(1)), "6B1D-5E3C");
        order.identity = Some(Identity::Volume(1));
        assert_eq!(order.identity_text(Bytes(1)), "0000-0001");
        order.identity = None;
        assert_ne!(order.identity_text(Bytes(1)), order.identity_text(Bytes(2)));
    }
}
