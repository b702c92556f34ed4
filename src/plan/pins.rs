//! What lies outside the manifest and yet decides a product, pinned by digest before lowering.

use std::collections::BTreeMap;

use crate::base::Digest;
use crate::rootfs::tree::Timestamp;

/// The time that filesystems say they were made when nobody gives one: 1980-01-01, the first that FAT can write.
pub const DEFAULT_CREATED: Timestamp = Timestamp { secs: 315_532_800, nanos: 0 };

/// Facts gathered from the outside, enough to lower a model without looking there again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    /// Per slot name.
    pub slots: BTreeMap<String, SlotPins>,
    /// The digest of the GRUB files of this host, when it has them all.
    pub host_grub: Option<Digest>,
    /// `SOURCE_DATE_EPOCH`, in seconds since 1970.
    pub source_date_epoch: Option<i64>,
}

/// What one slot's files look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotPins {
    pub dockerfile: Digest,
    pub context: Digest,
    /// One for each of the slot's `files` that names a source, in the manifest's order.
    pub sources: Vec<Digest>,
}

impl Pins {
    /// When filesystems say they were made.
    pub fn created(&self) -> Timestamp {
        created(self.source_date_epoch)
    }
}

/// When filesystems say they were made, with `SOURCE_DATE_EPOCH` in seconds since 1970.
pub fn created(source_date_epoch: Option<i64>) -> Timestamp {
    source_date_epoch
        .map_or(DEFAULT_CREATED, |secs| Timestamp { secs: secs.max(DEFAULT_CREATED.secs), nanos: 0 })
}
