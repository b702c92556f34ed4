//! The variables of GRUB's environment block that hold the disk's boot state, named here once for those who make the
//! block (`boot`), read it in GRUB and change it in the running system (`emit`). `docs/boot.md` tells what each means.

/// In the order they stand in the block. All are always there, the unset ones empty: GRUB changes a variable where it
/// stands and appends one that is missing, so these stay together in the block's first sector.
pub const VARIABLES: [&str; 7] =
    ["saved_entry", "next_entry", "trial_entry", "trial_left", "trial_from", "previous_entry", "jump_entry"];

/// The most boots that a trial can have: GRUB cannot count, so its configuration names every number.
pub const TRIES_MAX: u8 = 9;
