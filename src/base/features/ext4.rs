//! The features of ext4, as ext4(5) names them.
//!
//! The kernels are ext4(5)'s, "Kernel support", and the bits' commits where it is silent. GRUB's are the incompatible bits
//! that its driver lets through (`EXT2_DRIVER_SUPPORTED_INCOMPAT` and `EXT2_DRIVER_IGNORED_INCOMPAT` of
//! grub-core/fs/ext2.c); of the others it knows nothing.

use super::{Feature, Fixed, Table, Version};

/// ext4's features.
pub static EXT4: Table = Table {
    filesystem: "ext4",
    optional: &[
        Feature {
            name: "has_journal",
            about: "A journal, of the size that mke2fs would choose: after a power cut the filesystem is whole again",
            kernel: Version(2, 6),
            grub: None,
            e2fsprogs: None,
            usual: Some(Version(2, 6)),
            needs: None,
            source: "ext4(5): linux 2.4.15, as ext3",
        },
        Feature {
            name: "64bit",
            about: "Block numbers of 64 bits: the filesystem can grow past 16 TiB",
            kernel: Version(2, 6),
            grub: Some(Version(2, 2)),
            e2fsprogs: Some(Version(1, 42)),
            usual: Some(Version(4, 4)),
            needs: None,
            source: "ext4(5): linux 2.6.28; e2fsprogs 1.42 release notes; read by GRUB 2.02, tried; left off for older kernels, whose slots have no use for it and whose tools were young",
        },
        Feature {
            name: "metadata_csum",
            about: "CRC32c over every structure, so that damage is noticed",
            kernel: Version(3, 18),
            grub: None,
            e2fsprogs: Some(Version(1, 43)),
            usual: Some(Version(4, 4)),
            needs: None,
            source: "ext4(5): linux 3.18; e2fsprogs 1.43 release notes: el7's 1.42.9 refuses to check it; mounted read-write by 4.4, read by GRUB 2.02, both tried",
        },
    ],
    fixed: &[
        Fixed { name: "ext_attr", on: true, about: "extended attributes", source: "ext4(5): linux 2.6.0" },
        Fixed {
            name: "resize_inode",
            on: true,
            about: "room for the group descriptors of a larger filesystem",
            source: "ext4(5): linux 2.6.10",
        },
        Fixed { name: "dir_index", on: true, about: "hashed directories", source: "ext4(5): linux 2.6.0" },
        Fixed {
            name: "filetype",
            on: true,
            about: "file types in directories",
            source: "ext4(5): linux 2.2.0",
        },
        Fixed { name: "extent", on: true, about: "files as runs of blocks", source: "ext4(5): linux 2.6.28" },
        Fixed {
            name: "flex_bg",
            on: true,
            about: "the metadata of several groups in one place",
            source: "ext4(5): linux 2.6.28",
        },
        Fixed {
            name: "sparse_super",
            on: true,
            about: "copies of the superblock in few groups",
            source: "ext4(5): linux 2.2.0",
        },
        Fixed { name: "large_file", on: true, about: "files over 2 GiB", source: "ext4(5): linux 2.2.0" },
        Fixed { name: "huge_file", on: true, about: "files over 2 TiB", source: "ext4(5): linux 2.6.28" },
        Fixed {
            name: "dir_nlink",
            on: true,
            about: "more than 65,000 folders in a folder",
            source: "ext4(5): linux 2.6.28",
        },
        Fixed {
            name: "extra_isize",
            on: true,
            about: "times in nanoseconds",
            source: "ext4(5): linux 2.6.28",
        },
        Fixed {
            name: "uninit_bg",
            on: false,
            about: "checksums of group descriptors (they are there where metadata_csum is off)",
            source: "ext4(5): linux 2.6.28",
        },
        Fixed {
            name: "metadata_csum_seed",
            on: false,
            about: "a UUID that can change while mounted (linux 4.4; GRUB reads it since 2.12)",
            source: "ext4(5): linux 4.4; e2fsprogs 1.43 release notes; GRUB 2.12: \"fs/ext2: Ignore checksum seed incompat feature\"; GRUB 2.02 refuses it, tried",
        },
        Fixed {
            name: "orphan_file",
            on: false,
            about: "the list of files that are deleted while open (linux 5.15)",
            source: "ext4(5): linux 5.15; e2fsprogs 1.47.0 release notes; compatible, so that no GRUB looks",
        },
        Fixed { name: "bigalloc", on: false, about: "clusters of blocks", source: "ext4(5): linux 3.2" },
        Fixed {
            name: "casefold",
            on: false,
            about: "folders that ignore the case of names",
            source: "ext4(5): linux 5.2; e2fsprogs 1.45.1 release notes; not among the bits of GRUB 2.12",
        },
        Fixed {
            name: "ea_inode",
            on: false,
            about: "extended attributes over 4 KiB",
            source: "ext4(5): linux 4.13; e2fsprogs 1.44.0 release notes; not among the bits of GRUB 2.12",
        },
        Fixed {
            name: "encrypt",
            on: false,
            about: "encrypted folders (`tune2fs -O encrypt` on the machine turns it on)",
            source: "ext4(5): linux 4.1; e2fsprogs 1.43 release notes; GRUB 2.04: \"Allow GRUB to mount ext2/3/4 filesystems that have the encryption feature\"",
        },
        Fixed {
            name: "fast_commit",
            on: false,
            about: "a shorter way to fsync (`tune2fs -O fast_commit` on the machine turns it on)",
            source: "ext4(5): linux 5.10; e2fsprogs 1.46.0 release notes; compatible, so that no GRUB looks",
        },
        Fixed {
            name: "inline_data",
            on: false,
            about: "small files inside their inodes",
            source: "ext4(5): linux 3.8; e2fsprogs 1.43 release notes; not among the bits of GRUB 2.12",
        },
        Fixed {
            name: "large_dir",
            on: false,
            about: "folders over 2 GiB",
            source: "ext4(5): linux 4.13; e2fsprogs 1.44.0 release notes; GRUB 2.12: \"fs/ext2: Ignore the large_dir incompat feature\"",
        },
        Fixed {
            name: "meta_bg",
            on: false,
            about: "group descriptors spread over the disk",
            source: "ext4(5): linux 2.6.28; GRUB 2.02: \"ext2: Support META_BG\"",
        },
        Fixed {
            name: "mmp",
            on: false,
            about: "a guard against two machines that mount one disk",
            source: "ext4(5): linux 3.0; GRUB 2.02: \"ext2: Ignore INCOMPAT_MMP\"",
        },
        Fixed {
            name: "project",
            on: false,
            about: "quota by project (`tune2fs -O project` on the machine turns it on)",
            source: "ext4(5): linux 4.5; e2fsprogs 1.43 release notes",
        },
        Fixed {
            name: "quota",
            on: false,
            about: "quota in hidden files (`tune2fs -O quota` on the machine turns it on)",
            source: "ext4(5): linux 3.6",
        },
        Fixed {
            name: "sparse_super2",
            on: false,
            about: "two copies of the superblock",
            source: "ext4(5): linux 3.16; e2fsprogs 1.42 release notes",
        },
        Fixed {
            name: "stable_inodes",
            on: false,
            about: "inode numbers that never change",
            source: "ext4(5): linux 5.5; e2fsprogs 1.46.0 release notes",
        },
        Fixed {
            name: "verity",
            on: false,
            about: "files that cannot change (`tune2fs -O verity` on the machine turns it on)",
            source: "ext4(5): linux 5.4; e2fsprogs 1.44.4 release notes",
        },
    ],
};
