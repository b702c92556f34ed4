//! The disk: its layout as values, its partition table, and the image file that holds it;
//! [`checksum`]: its digest in a file beside it; [`partial`] and [`region`]: a new file that appears whole, a stretch of one that is there.

pub mod checksum;
mod copy;
mod extents;
mod gpt;
pub mod image;
pub mod layout;
mod mbr;
pub mod partial;
pub mod region;
pub mod table;

pub use image::{Assembly, ImageError, assemble};
