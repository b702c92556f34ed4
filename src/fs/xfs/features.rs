//! Optional features of xfs: which kernel and which GRUB read each, and which bit says that it is there.
//!
//! What is not in [`TABLE`] is either always on (CRC32c, file types in directories, 32-bit project ids, version 2 logs)
//! or not implemented (parent pointers, exchange-range, realtime, quota).

/// One optional feature.
#[derive(Clone, Copy, Debug)]
pub struct FeatureRow {
    /// As `mkfs.xfs` names it.
    pub name: &'static str,
    /// The first Linux that mounts it read-write.
    pub kernel: (u32, u32),
    /// The first GRUB that reads it; `None` where GRUB does not look: it refuses unknown incompatible bits only.
    pub grub: Option<(u32, u32)>,
    pub flag: Flag,
    /// The first Linux that does not call it experimental when it mounts it: from there on it is used unasked, where GRUB
    /// reads it. `None` if only on demand.
    pub usual: Option<(u32, u32)>,
    /// Must be on too.
    pub needs: Option<&'static str>,
    /// Where the versions come from.
    pub source: &'static str,
    get: fn(&Features) -> bool,
    set: fn(&mut Features, bool),
}

/// The superblock's bit: what a reader that does not know it must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Write (`sb_features_ro_compat`).
    ReadOnly(u32),
    /// Read (`sb_features_incompat`).
    Incompatible(u32),
}

/// The optional features, oldest kernel first.
pub const TABLE: &[FeatureRow] = &[
    FeatureRow {
        name: "finobt",
        kernel: (3, 16),
        grub: None,
        flag: Flag::ReadOnly(1),
        usual: Some((3, 16)),
        needs: None,
        source: "linux 3.16: \"xfs: enable the finobt feature on v5 superblocks\"; mounted read-write by 4.4",
        get: |f| f.finobt,
        set: |f, on| f.finobt = on,
    },
    FeatureRow {
        name: "sparse",
        kernel: (4, 2),
        grub: Some((2, 4)),
        flag: Flag::Incompatible(2),
        usual: Some((4, 15)),
        needs: None,
        source: "linux 4.2: \"xfs: enable sparse inode chunks for v5 superblocks\"; GRUB 2.04: \"xfs: Accept filesystem with sparse inodes\"; 4.4 calls it experimental, 4.15 does not; el7 and GRUB 2.02 refuse it",
        get: |f| f.sparse_inodes,
        set: |f, on| f.sparse_inodes = on,
    },
    FeatureRow {
        name: "rmapbt",
        kernel: (4, 8),
        grub: None,
        flag: Flag::ReadOnly(2),
        usual: None,
        needs: None,
        source: "linux 4.8: \"xfs: enable the rmap btree functionality\"; experimental before 4.16; mkfs.xfs leaves it off before 6.5",
        get: |f| f.rmapbt,
        set: |f, on| f.rmapbt = on,
    },
    FeatureRow {
        name: "reflink",
        kernel: (4, 9),
        grub: None,
        flag: Flag::ReadOnly(4),
        usual: Some((4, 16)),
        needs: None,
        source: "linux 4.9: \"xfs: recognize the reflink feature bit\"; experimental before 4.16; 4.4 mounts it read-only, 4.15 read-write",
        get: |f| f.reflink,
        set: |f, on| f.reflink = on,
    },
    FeatureRow {
        name: "bigtime",
        kernel: (5, 10),
        grub: Some((2, 6)),
        flag: Flag::Incompatible(8),
        usual: Some((5, 15)),
        needs: None,
        source: "linux 5.10: \"xfs: enable big timestamps\"; GRUB 2.06: \"fs/xfs: Add bigtime incompat feature support\"; 4.4 and 4.15 refuse it, 5.10 calls it experimental; on by default since xfsprogs 5.15",
        get: |f| f.bigtime,
        set: |f, on| f.bigtime = on,
    },
    FeatureRow {
        name: "inobtcount",
        kernel: (5, 10),
        grub: None,
        flag: Flag::ReadOnly(8),
        usual: Some((5, 15)),
        needs: Some("finobt"),
        source: "linux 5.10: \"xfs: enable new inode btree counters feature\"; 4.4 and 4.15 refuse to write it, 5.10 calls it experimental; on by default since xfsprogs 5.15",
        get: |f| f.inobtcount,
        set: |f, on| f.inobtcount = on,
    },
    FeatureRow {
        name: "nrext64",
        kernel: (5, 19),
        grub: Some((2, 12)),
        flag: Flag::Incompatible(0x20),
        usual: Some((6, 5)),
        needs: None,
        source: "linux 5.19: \"xfs: Add XFS_SB_FEAT_INCOMPAT_NREXT64 to the list of supported flags\"; experimental before 6.5; GRUB 2.12: \"fs/xfs: Add large extent counters incompat feature support\"",
        get: |f| f.nrext64,
        set: |f, on| f.nrext64 = on,
    },
];

/// The GRUB that osimg puts on its disks is at least this.
pub const OSIMG_GRUB: (u32, u32) = (2, 6);

/// A choice of optional features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// A B+tree of inode chunks with free inodes.
    pub finobt: bool,
    /// Inode chunks may have holes, so that inodes can be made where free space is in pieces.
    pub sparse_inodes: bool,
    /// A B+tree that says who owns each block.
    pub rmapbt: bool,
    /// Files may share blocks; counted in a B+tree, which is empty in a new filesystem.
    pub reflink: bool,
    /// Times until 2486 and not 2038.
    pub bigtime: bool,
    /// The inode B+trees' sizes stand in the AG header.
    pub inobtcount: bool,
    /// Extent counters of 47 bits.
    pub nrext64: bool,
}

/// The first two numbers of a version as `uname -r` says it, or GRUB (2.06 is 2 and 6). `None` where it has none.
pub fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}

impl Features {
    /// What is usual for Linux `kernel` (as `uname -r` says it) and osimg's GRUB reads. A version that cannot be read
    /// counts as a new one.
    pub fn for_kernel(kernel: &str) -> Features {
        Features::readable(version(kernel).unwrap_or((u32::MAX, 0)), OSIMG_GRUB)
    }

    /// The features that are usual for Linux `kernel` and that GRUB `grub` reads.
    pub fn readable(kernel: (u32, u32), grub: (u32, u32)) -> Features {
        let mut features = Features::default();
        for row in TABLE {
            let usual = row.usual.is_some_and(|first| kernel >= first);
            (row.set)(&mut features, usual && row.refused_by(kernel, grub).is_none());
        }
        features
    }

    /// Every feature there is.
    pub fn all() -> Features {
        let mut features = Features::default();
        for row in TABLE {
            (row.set)(&mut features, true);
        }
        features
    }

    /// Turns a feature on or off.
    ///
    /// # Errors
    /// The name is not in [`TABLE`].
    pub fn with(mut self, name: &str, on: bool) -> Result<Features, UnknownFeature> {
        let row =
            TABLE.iter().find(|row| row.name == name).ok_or_else(|| UnknownFeature(name.to_string()))?;
        (row.set)(&mut self, on);
        Ok(self)
    }

    /// The rows that are on.
    pub fn rows(&self) -> impl Iterator<Item = &'static FeatureRow> + use<> {
        let features = *self;
        TABLE.iter().filter(move |row| (row.get)(&features))
    }

    /// The first feature that is on without the one it needs, and that one's name.
    pub fn incomplete(&self) -> Option<(&'static str, &'static str)> {
        self.rows().find_map(|row| {
            let needs = row.needs?;
            (!self.rows().any(|other| other.name == needs)).then_some((row.name, needs))
        })
    }

    /// `sb_features_ro_compat` and `sb_features_incompat`.
    pub(super) fn bits(&self) -> (u32, u32) {
        // File types in directory entries are always on.
        self.rows().fold((0, 1), |(ro, incompatible), row| match row.flag {
            Flag::ReadOnly(bit) => (ro | bit, incompatible),
            Flag::Incompatible(bit) => (ro, incompatible | bit),
        })
    }
}

/// No optional feature has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("xfs has no optional feature \"{0}\"")]
pub struct UnknownFeature(pub String);

/// Who could not use a filesystem with the feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Kernel,
    Grub,
}

impl FeatureRow {
    /// Why a filesystem with the feature is of no use to Linux `kernel` or GRUB `grub`, in words.
    pub fn refusal(&self, kernel: (u32, u32), grub: (u32, u32)) -> Option<String> {
        let (name, first) = (self.name, self.kernel);
        match (self.refused_by(kernel, grub)?, self.grub.unwrap_or_default()) {
            (Refusal::Kernel, _) => Some(format!(
                "linux {}.{} cannot mount xfs with {name}; it came with {}.{}",
                kernel.0, kernel.1, first.0, first.1
            )),
            (Refusal::Grub, first) => Some(format!(
                "GRUB {}.{:02} cannot read xfs with {name}; it came with {}.{:02}",
                grub.0, grub.1, first.0, first.1
            )),
        }
    }

    /// Who refuses the feature: Linux `kernel` or GRUB `grub`.
    pub fn refused_by(&self, kernel: (u32, u32), grub: (u32, u32)) -> Option<Refusal> {
        if kernel < self.kernel {
            Some(Refusal::Kernel)
        } else if self.grub.is_some_and(|first| grub < first) {
            Some(Refusal::Grub)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(features: Features) -> Vec<&'static str> {
        features.rows().map(|row| row.name).collect()
    }

    #[test]
    fn each_kernel_gets_what_it_reads() {
        let with = |kernel| names(Features::for_kernel(kernel));
        assert_eq!(with("3.10.0-1160.11.1.el7.x86_64"), [""; 0]);
        assert_eq!(with("4.4.0-210-generic"), ["finobt"]);
        assert_eq!(with("4.15.0-20-generic"), ["finobt", "sparse"]);
        assert_eq!(with("4.18.0-240.10.1.el8_3.x86_64"), ["finobt", "sparse", "reflink"]);
        assert_eq!(with("5.10.0-30-amd64"), ["finobt", "sparse", "reflink"]);
        let new = ["finobt", "sparse", "reflink", "bigtime", "inobtcount"];
        for kernel in ["5.15.0", "6.1.0-56-amd64", "6.18", "next"] {
            assert_eq!(with(kernel), new, "{kernel}");
        }
    }

    #[test]
    fn grub_decides_too() {
        assert_eq!(names(Features::readable((6, 1), (2, 2))), ["finobt", "reflink", "inobtcount"]);
        assert!(Features::readable((6, 12), (2, 12)).nrext64 && !Features::readable((6, 1), (2, 12)).nrext64);
        let bigtime = TABLE.iter().find(|row| row.name == "bigtime").expect("a row");
        assert_eq!(bigtime.refused_by((5, 9), (2, 12)), Some(Refusal::Kernel));
        assert_eq!(bigtime.refused_by((5, 10), (2, 4)), Some(Refusal::Grub));
        assert_eq!(bigtime.refused_by((5, 10), (2, 6)), None);
    }

    #[test]
    fn a_refusal_says_what_would_do() {
        let says = |name: &str, kernel| {
            let row = TABLE.iter().find(|row| row.name == name).expect("a row");
            row.refusal(kernel, OSIMG_GRUB)
        };
        let reflink = "linux 3.10 cannot mount xfs with reflink; it came with 4.9";
        assert_eq!(says("reflink", (3, 10)).as_deref(), Some(reflink));
        let nrext64 = "GRUB 2.06 cannot read xfs with nrext64; it came with 2.12";
        assert_eq!(says("nrext64", (6, 1)).as_deref(), Some(nrext64));
        assert_eq!(says("finobt", (6, 1)), None);
    }

    #[test]
    fn each_row_turns_its_own_feature() {
        for row in TABLE {
            let only = Features::default().with(row.name, true).expect("known");
            assert_eq!(names(only), [row.name]);
            assert_eq!(only.with(row.name, false), Ok(Features::default()));
            assert_eq!(only.incomplete(), row.needs.map(|needs| (row.name, needs)));
        }
        assert_eq!(Features::all().incomplete(), None);
        assert!(Features::default().with("parent", true).is_err());
        assert_eq!(Features::all().bits(), (0xF, 0x2B));
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(TABLE.windows(2).all(|w| w[0].kernel <= w[1].kernel));
        assert!(TABLE.iter().all(|row| row.usual.is_none_or(|first| row.kernel <= first)));
    }
}
