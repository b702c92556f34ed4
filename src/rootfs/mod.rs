//! A slot's root filesystem as values: a tree that streams out of a tar archive, what is mended in it, and what is
//! found in it.
//!
//! - [`tree`]: the values; [`outline`]: what stands at each path of a stream
//! - [`compression`] unpacks gzip, xz and zstd; [`archive`] reads a tar stream, [`archive_writer`] writes one; [`header`], [`pax`] and [`acl`] are the format's parts
//! - [`finish`]: from an engine's export to the tree that goes on the disk
//! - [`inspect`]: kernels, initramfs, `os-release`, default target; [`os_release`] and [`version`] serve it

pub mod acl;
pub mod archive;
pub mod archive_writer;
pub mod compression;
pub mod finish;
pub mod header;
pub mod initramfs;
pub mod inspect;
pub mod os_release;
pub mod outline;
pub mod pax;
#[cfg(test)]
mod specimen;
pub mod tree;
pub mod version;

pub use archive::Archive;
pub use archive_writer::ArchiveWriter;
