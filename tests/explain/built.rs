//! The codes that only a build can find: what they are about is not in the manifest and the files beside it.

/// `tests/explain.rs` runs the pages of these, and of no others, through the fake engine; `tests/manifests.rs` has a
/// fixture of every other code.
pub const BUILT: &[&str] = &[
    "osimg::base::bootstrap",
    "osimg::base::digest-mismatch",
    "osimg::base::name-taken",
    "osimg::build::failed",
    "osimg::distro::mismatch",
    "osimg::distro::unknown",
    "osimg::kernel::initramfs-missing",
    "osimg::kernel::missing",
];
