//! Boots what osimg builds in QEMU.

mod console;
mod grub;
mod tiny;
