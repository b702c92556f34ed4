//! What every room shares: digests, byte and sector units, validated names, derived identities, events,
//! words of the shell, the patterns of `.dockerignore`, features of filesystems, the variables of GRUB's environment block.
//!
//! Nothing enters but plain values; nothing here imports another room or touches the outside world.

pub mod digest;
pub mod event;
pub mod features;
pub mod grubenv;
pub mod identity;
pub mod ignorefile;
pub mod name;
pub mod partitioning;
pub mod shell;
pub mod units;

pub use digest::{Digest, DigestBuilder};
pub use event::{Event, NodeReporter, Sink};
pub use ignorefile::IgnoreFile;
pub use name::Name;
pub use units::{Bytes, Lba, Sectors};
