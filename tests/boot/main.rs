//! Boots what osimg builds in QEMU.

mod grub;
