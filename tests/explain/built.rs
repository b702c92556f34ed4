//! Codes of a built tree that osimg's own export keeps from being found.

/// `osimg apply` writes these files itself; `tests/explain.rs` holds the trees of their pages against the rules as they are.
pub const GUARDED: &[&str] =
    &["osimg::fstab::device", "osimg::fstab::mount-point", "osimg::tree::machine-id"];
