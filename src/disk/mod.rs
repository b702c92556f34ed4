//! The disk: its layout as values, its partition table, and the image file that holds it;
//! [`partial`] and [`region`]: a new file that appears whole, a stretch of one that is there.

mod copy;
mod extents;
pub mod image;
pub mod layout;
pub mod mbr;
pub mod partial;
pub mod region;

pub use image::{Assembled, Assembly, Head, ImageError, assemble, digest_of_sparse};
