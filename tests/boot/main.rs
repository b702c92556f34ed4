//! Boots what osimg builds in QEMU.
