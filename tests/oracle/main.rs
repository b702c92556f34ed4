//! Checks what osimg writes with other programs' eyes: e2fsck, fsck.vfat, sfdisk, the kernel's own mount. Needs root.

mod disk;
mod emit;
mod ext4;
mod fat;
mod fat_read;
mod grub;
mod mkfs;
mod program;
mod rootfs;
mod xfs;
