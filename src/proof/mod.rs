//! Boots an image and looks: QEMU over a throw-away overlay, a console that is read like a person reads it, a login.
//!
//! - [`grubenv`], [`menu`]: GRUB's environment block and the ids of its menu, as text
//! - [`partition`]: both, on an image's boot partition
//! - [`rules`]: what a built tree must hold, before anything boots; [`summary`]: how it would boot
//! - [`entrance`], [`remake`]: a shell for the test, on a boot partition that is written anew for it
//! - [`console`]: the serial console; [`boot`]: until the login prompt, on a [`disk`] that outlives the machine;
//!   [`host_fault`]: whether this host was to blame; [`lab`]: what proofs are made with; [`session`]: commands behind it
//! - [`prove`]: every slot, every firmware, every jump ([`route`], [`jump`]), with the checks of [`look`]; [`verdict`]: what
//!   came of it; [`switch`]: osimg-switch, through every way that a trial can end; [`record`]: the logs; [`stall`]: why a boot stopped

pub mod boot;
pub mod console;
pub mod disk;
pub mod entrance;
pub mod grubenv;
pub mod host_fault;
pub mod jump;
pub mod lab;
pub mod look;
pub mod menu;
pub mod partition;
pub mod port;
pub mod prove;
pub mod record;
pub mod remake;
pub mod route;
pub mod rules;
pub mod session;
pub mod stall;
pub mod summary;
pub mod switch;
pub mod verdict;
