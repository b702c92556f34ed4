//! The disk: its layout as values, its partition table, and the image file that holds it.

pub mod layout;
