//! Checks what osimg writes with other programs' eyes: e2fsck, fsck.vfat, sfdisk, the kernel's own mount. Needs root.

mod disk;
mod emit;
mod ext4;
mod fat;
mod fat_read;
mod filesystem;
mod grub;
mod image;
mod mkfs;
mod program;
mod random;
mod refused;
mod rootfs;
mod tree;
mod used;
mod whole;
mod xfs;
mod zoo;
