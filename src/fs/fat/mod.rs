//! FAT32, the boot partition's filesystem.

pub mod read;
