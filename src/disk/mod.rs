//! The disk: its layout as values, its partition table, and the image file that holds it.

mod copy;
mod extents;
pub mod image;
pub mod layout;
pub mod mbr;
mod partial;

pub use image::{Assembled, Assembly, Head, ImageError, assemble, digest_of_sparse};
