//! Checks what osimg writes with other programs' eyes: e2fsck, fsck.vfat, sfdisk, the kernel's own mount. Needs root.

mod rootfs;
mod ext4;
mod disk;
mod fat;
mod emit;
mod grub;
