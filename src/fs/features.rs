//! Optional features as a superblock says them: beside each row of [`base::features`](crate::base::features) its bit, and the
//! switch that the writer looks at.

use crate::base::features::{Decision, Feature, Readers, Stated, Table};

/// The superblock's bit: what a reader that does not know it must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Nothing.
    Compatible(u32),
    /// Write.
    ReadOnly(u32),
    /// Read.
    Incompatible(u32),
}

/// One optional feature of a writer whose switches are `F`.
#[derive(Clone, Copy, Debug)]
pub struct Row<F> {
    pub feature: &'static Feature,
    pub flag: Flag,
    pub get: fn(&F) -> bool,
    pub set: fn(&mut F, bool),
}

/// A writer's switches.
pub trait Switches: Sized + Copy + Default + 'static {
    /// The facts that the rows below are of.
    const TABLE: &'static Table;
    /// A row for each optional feature of the table, in its order.
    const ROWS: &'static [Row<Self>];

    /// The features that were decided on, and no others.
    fn decided(decisions: &[Decision]) -> Self {
        let mut features = Self::none();
        for row in Self::ROWS {
            let on = decisions.iter().any(|d| d.on && d.feature.name == row.feature.name);
            (row.set)(&mut features, on);
        }
        features
    }

    /// What is usual for `readers` and all of them read, but for what is stated.
    fn chosen(readers: &Readers, stated: &Stated) -> Self {
        Self::decided(&Self::TABLE.decide(readers, stated))
    }

    /// What is usual for Linux `kernel` (as `uname -r` says it) and osimg's GRUB reads. A version that cannot be read counts
    /// as a new one.
    fn for_kernel(kernel: &str) -> Self {
        Self::chosen(&Readers::of_kernel(kernel), &Stated::new())
    }

    /// No optional feature.
    fn none() -> Self {
        Self::with_each(false)
    }

    /// Every feature there is.
    fn all() -> Self {
        Self::with_each(true)
    }

    /// Every feature on, or off.
    fn with_each(on: bool) -> Self {
        let mut features = Self::default();
        for row in Self::ROWS {
            (row.set)(&mut features, on);
        }
        features
    }

    /// With the feature `name` on or off; `None` where the table has no such feature.
    fn with(mut self, name: &str, on: bool) -> Option<Self> {
        let row = Self::ROWS.iter().find(|row| row.feature.name == name)?;
        (row.set)(&mut self, on);
        Some(self)
    }

    /// The rows that are on.
    fn rows(&self) -> impl Iterator<Item = &'static Row<Self>> {
        let features = *self;
        Self::ROWS.iter().filter(move |row| (row.get)(&features))
    }

    /// The first feature that is on without the one it needs, and that one's name.
    fn incomplete(&self) -> Option<(&'static str, &'static str)> {
        self.rows().find_map(|row| {
            let needs = row.feature.needs?;
            (!self.rows().any(|other| other.feature.name == needs)).then_some((row.feature.name, needs))
        })
    }

    /// The bits of the compatible, read-only compatible and incompatible words.
    fn bits(&self) -> [u32; 3] {
        self.rows().fold([0; 3], |mut words, row| {
            let (word, bit) = match row.flag {
                Flag::Compatible(bit) => (0, bit),
                Flag::ReadOnly(bit) => (1, bit),
                Flag::Incompatible(bit) => (2, bit),
            };
            words[word] |= bit;
            words
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::{ext4, xfs};

    /// Each row turns its own switch and no other, in the order of the facts.
    fn is_whole<F: Switches + PartialEq + std::fmt::Debug>() {
        let names: Vec<&str> = F::ROWS.iter().map(|row| row.feature.name).collect();
        assert_eq!(names, F::TABLE.names().collect::<Vec<_>>());
        for row in F::ROWS {
            let mut only = F::none();
            (row.set)(&mut only, true);
            assert!(only.rows().map(|row| row.feature.name).eq([row.feature.name]));
            assert_eq!(only.incomplete(), row.feature.needs.map(|needs| (row.feature.name, needs)));
            (row.set)(&mut only, false);
            assert_eq!(only, F::none());
        }
        assert_eq!(F::all().incomplete(), None);
    }

    #[test]
    fn every_feature_has_its_bit_and_its_switch() {
        is_whole::<xfs::Features>();
        is_whole::<ext4::Features>();
        assert_eq!(xfs::Features::all().bits(), [0, 0xF, 0x2A]);
        assert_eq!(ext4::Features::all().bits(), [0x4, 0x400, 0x80]);
    }

    #[test]
    fn the_kernel_and_what_is_stated_decide() {
        let old = ext4::Features::for_kernel("3.10.0-1160.11.1.el7.x86_64");
        assert_eq!(old, ext4::Features { metadata_csum: false, bit64: false, journal: true });
        assert_eq!(ext4::Features::for_kernel("6.1.0-56-amd64"), ext4::Features::default());
        let stated = [("64bit", true), ("has_journal", false)].into_iter().collect();
        let mended = ext4::Features::chosen(&Readers::of_kernel("3.10"), &stated);
        assert_eq!(mended, ext4::Features { metadata_csum: false, bit64: true, journal: false });
        let names = |f: xfs::Features| f.rows().map(|row| row.feature.name).collect::<Vec<_>>();
        assert_eq!(
            names(xfs::Features::for_kernel("4.18.0-240.el8.x86_64")),
            ["finobt", "sparse", "reflink"]
        );
    }
}
