//! The features of xfs version 5, as mkfs.xfs names them.

use super::{Feature, Fixed, Table, Version};

/// xfs's features.
///
/// `usual` is the first Linux that does not call the feature experimental when it mounts it.
pub static XFS: Table = Table {
    filesystem: "xfs",
    optional: &[
        Feature {
            name: "finobt",
            about: "A B+tree of inode chunks with free inodes: files are made faster where many were removed",
            kernel: Version(3, 16),
            grub: None,
            e2fsprogs: None,
            usual: Some(Version(3, 16)),
            needs: None,
            source: "linux 3.16: \"xfs: enable the finobt feature on v5 superblocks\"; mounted read-write by 4.4",
        },
        Feature {
            name: "sparse",
            about: "Inode chunks with holes, so that files can be made where free space is in pieces",
            kernel: Version(4, 2),
            grub: Some(Version(2, 4)),
            e2fsprogs: None,
            usual: Some(Version(4, 15)),
            needs: None,
            source: "linux 4.2: \"xfs: enable sparse inode chunks for v5 superblocks\"; GRUB 2.04: \"xfs: Accept filesystem with sparse inodes\"; 4.4 calls it experimental, 4.15 does not; el7 and GRUB 2.02 refuse it",
        },
        Feature {
            name: "rmapbt",
            about: "A B+tree that says who owns each block, for `xfs_scrub`; it costs room and time",
            kernel: Version(4, 8),
            grub: None,
            e2fsprogs: None,
            usual: None,
            needs: None,
            source: "linux 4.8: \"xfs: enable the rmap btree functionality\"; experimental before 4.16; mkfs.xfs leaves it off before 6.5",
        },
        Feature {
            name: "reflink",
            about: "Files may share blocks: `cp --reflink`",
            kernel: Version(4, 9),
            grub: None,
            e2fsprogs: None,
            usual: Some(Version(4, 16)),
            needs: None,
            source: "linux 4.9: \"xfs: recognize the reflink feature bit\"; experimental before 4.16; 4.4 mounts it read-only, 4.15 read-write",
        },
        Feature {
            name: "bigtime",
            about: "Times until 2486 and not 2038",
            kernel: Version(5, 10),
            grub: Some(Version(2, 6)),
            e2fsprogs: None,
            usual: Some(Version(5, 15)),
            needs: None,
            source: "linux 5.10: \"xfs: enable big timestamps\"; GRUB 2.06: \"fs/xfs: Add bigtime incompat feature support\"; 4.4 and 4.15 refuse it, 5.10 calls it experimental; on by default since xfsprogs 5.15",
        },
        Feature {
            name: "inobtcount",
            about: "The sizes of the inode B+trees in the headers, so that a mount is faster",
            kernel: Version(5, 10),
            grub: None,
            e2fsprogs: None,
            usual: Some(Version(5, 15)),
            needs: Some("finobt"),
            source: "linux 5.10: \"xfs: enable new inode btree counters feature\"; 4.4 and 4.15 refuse to write it, 5.10 calls it experimental; on by default since xfsprogs 5.15",
        },
        Feature {
            name: "nrext64",
            about: "Extent counters of 47 bits, for files in thousands of millions of pieces",
            kernel: Version(5, 19),
            grub: Some(Version(2, 14)),
            e2fsprogs: None,
            usual: Some(Version(6, 5)),
            needs: None,
            source: "linux 5.19: \"xfs: Add XFS_SB_FEAT_INCOMPAT_NREXT64 to the list of supported flags\"; experimental before 6.5; GRUB 2.12 lets it through and misreads some directories, mended for 2.14: \"fs/xfs: fix large extent counters incompat feature support\"",
        },
    ],
    fixed: &[
        Fixed {
            name: "crc",
            on: true,
            about: "CRC32c over every structure, without which there is no version 5",
            source: "GRUB 2.02: \"xfs: V5 filesystem format support\"; mounted read-write by 4.4, tried",
        },
        Fixed {
            name: "ftype",
            on: true,
            about: "file types in directories",
            source: "GRUB 2.02's fs/xfs.c has its bit; mounted read-write by 4.4, tried",
        },
        Fixed {
            name: "projid32bit",
            on: true,
            about: "project ids of 32 bits",
            source: "mkfs.xfs(8): no version 5 without it",
        },
        Fixed {
            name: "lazy-count",
            on: true,
            about: "the superblock's counters are made right at unmount",
            source: "mkfs.xfs(8): no version 5 without it",
        },
        Fixed {
            name: "exchange",
            on: false,
            about: "files that exchange their blocks (linux 6.1 and GRUB 2.12 refuse it)",
            source: "6.1 refuses what mkfs.xfs 7.2 makes, 6.12 mounts it, tried; not among the bits of GRUB 2.12's fs/xfs.c",
        },
        Fixed {
            name: "metadir",
            on: false,
            about: "a folder of metadata (linux 6.13; GRUB 2.12 refuses it)",
            source: "linux 6.13: merge of xfs-6.13-merge-1, \"xfs: enable metadata directory feature\"; not among the bits of GRUB 2.12's fs/xfs.c",
        },
        Fixed {
            name: "parent",
            on: false,
            about: "files know the folders that hold them (linux 6.1 and GRUB 2.12 refuse it)",
            source: "6.1 refuses what mkfs.xfs 7.2 makes, 6.12 mounts it, tried; not among the bits of GRUB 2.12's fs/xfs.c",
        },
        Fixed {
            name: "quota",
            on: false,
            about: "quota (the mount option `uquota` on the machine turns it on)",
            source: "mkfs.xfs(8)",
        },
    ],
};
