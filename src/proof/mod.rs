//! Boots an image and looks: QEMU over a throw-away overlay, a console that is read like a person reads it, a login.
//!
//! - [`grubenv`], [`menu`]: GRUB's environment block and the ids of its menu, as text
//! - [`partition`]: both, on an image's boot partition
//! - [`rules`]: what a built tree must hold, before anything boots; [`summary`]: how it would boot
//! - [`console`]: the serial console; [`boot`]: until the login prompt; [`session`]: commands behind it

pub mod boot;
pub mod console;
pub mod grubenv;
pub mod menu;
pub mod partition;
pub mod rules;
pub mod session;
pub mod summary;
