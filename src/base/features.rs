//! Features of the root filesystems that not every kernel, GRUB or checker reads: what each is, who reads it from when
//! on, and which of them a filesystem gets.
//!
//! Nothing enters but versions and what a user wrote; what leaves is a [`Decision`] for each optional feature, with its
//! reason. The rules that judge a manifest, the writers and `mkfs` all ask here; the bits of a superblock are the writers'.
//! Names are those of `mke2fs` (ext4(5)) and `mkfs.xfs`.
//!
//! Adding a feature: a row here with its sources, a row of bits in `fs/<filesystem>/features.rs`, which does not compile
//! without this one. A feature that is always on, or that osimg does not write, is a row too: so that there are words for
//! whoever asks.

use std::collections::BTreeMap;
use std::fmt;

mod ext4;
mod xfs;

pub use ext4::EXT4;
pub use xfs::XFS;

/// The first two numbers of a version: 3 and 10 of Linux 3.10, 2 and 6 of GRUB 2.06.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl Version {
    /// Newer than any.
    pub const NEWEST: Version = Version(u32::MAX, 0);

    /// The first two numbers of `text`, such as what `uname -r` says. `None` where it does not begin with two.
    pub fn parse(text: &str) -> Option<Version> {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Some(Version(major, minor)),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// An optional feature.
#[derive(Debug)]
pub struct Feature {
    pub name: &'static str,
    /// What it is, in a phrase.
    pub about: &'static str,
    /// The first Linux that mounts it read-write.
    pub kernel: Version,
    /// The first GRUB that reads it; `None` where GRUB does not look: it refuses unknown incompatible bits only.
    pub grub: Option<Version>,
    /// The first e2fsprogs whose e2fsck checks it: a system whose root it refuses to check stops there as it boots. `None`
    /// where each does, and for xfs, which nobody checks at boot.
    pub e2fsprogs: Option<Version>,
    /// The first Linux for which it is used unasked, where the others read it too. `None` if only on demand.
    pub usual: Option<Version>,
    /// Must be on too.
    pub needs: Option<&'static str>,
    /// Where the versions come from.
    pub source: &'static str,
}

/// A feature that nobody can choose.
#[derive(Debug)]
pub struct Fixed {
    pub name: &'static str,
    /// Always on, or never.
    pub on: bool,
    /// What it is, in a phrase.
    pub about: &'static str,
    /// What is known of its readers, and from where.
    pub source: &'static str,
}

impl Fixed {
    /// In words, that it cannot be otherwise.
    pub fn refusal(&self, filesystem: &str) -> String {
        let Fixed { name, about, .. } = self;
        match self.on {
            true => format!("osimg writes {filesystem} with {name} always: {about}"),
            false => format!("osimg does not write {filesystem} with {name}: {about}"),
        }
    }
}

/// The features of a filesystem.
#[derive(Debug)]
pub struct Table {
    /// As the manifest names it.
    pub filesystem: &'static str,
    /// Oldest kernel first.
    pub optional: &'static [Feature],
    pub fixed: &'static [Fixed],
}

/// Every filesystem that has features.
pub static TABLES: [&Table; 2] = [&EXT4, &XFS];

/// What a name means.
#[derive(Clone, Copy, Debug)]
pub enum Known {
    Optional(&'static Feature),
    Fixed(&'static Fixed),
}

/// The GRUB that osimg counts on: Debian 12's. What it puts on a disk, the host's own or that of its toolbox, is mostly
/// newer; an older one is noticed as the disk is put together.
pub const OSIMG_GRUB: Version = Version(2, 6);

/// Who must be able to use a filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readers {
    pub kernel: Version,
    pub grub: Version,
    /// Where the slot's e2fsck comes from.
    pub e2fsprogs: Version,
}

impl Readers {
    /// Of a slot with Linux `version`, as `uname -r` says it: osimg's GRUB, and the e2fsprogs of the kernel's time. A version
    /// that cannot be read counts as a new one.
    ///
    /// Every kernel that is built for el7, old or new, finds e2fsprogs 1.42 beside it; so do kernels before 4.4, the first
    /// that came out after e2fsprogs 1.43 and was tried.
    pub fn of_kernel(version: &str) -> Readers {
        let kernel = Version::parse(version).unwrap_or(Version::NEWEST);
        let old = kernel < Version(4, 4) || version.contains(".el7");
        let e2fsprogs = if old { Version(1, 42) } else { Version::NEWEST };
        Readers { kernel, grub: OSIMG_GRUB, e2fsprogs }
    }

    /// Of a slot whose kernel nobody named.
    pub fn newest() -> Readers {
        Readers::of_kernel("")
    }
}

/// Who could not use a filesystem with a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Kernel,
    Grub,
    /// e2fsck.
    Checker,
}

/// What somebody asked for: features by name, on or off.
pub type Stated = BTreeMap<&'static str, bool>;

/// Whether a filesystem gets an optional feature.
#[derive(Clone, Copy, Debug)]
pub struct Decision {
    pub feature: &'static Feature,
    pub on: bool,
    pub why: Why,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The user.
    Stated,
    /// It is usual for the kernel, and all read it.
    Usual,
    /// It would be usual for the kernel, but one of the others cannot read it.
    Refused(Refusal),
    /// It is usual only from a later Linux on.
    Later(Version),
    /// It is never used unasked.
    OnDemand,
    /// The user turned off what it needs.
    Lacks(&'static str),
    /// The user turned on what needs it.
    NeededBy(&'static str),
}

impl Feature {
    /// Who of `readers` refuses it.
    pub fn refused_by(&self, readers: &Readers) -> impl Iterator<Item = Refusal> + use<> {
        let late = |have: Version, first: Option<Version>| first.is_some_and(|first| have < first);
        let refusals = [
            (Refusal::Kernel, late(readers.kernel, Some(self.kernel))),
            (Refusal::Grub, late(readers.grub, self.grub)),
            (Refusal::Checker, late(readers.e2fsprogs, self.e2fsprogs)),
        ];
        refusals.into_iter().filter(|(_, late)| *late).map(|(who, _)| who)
    }

    /// In words, that `who` of `readers` refuses a `filesystem` with it.
    pub fn refusal(&self, who: Refusal, filesystem: &str, readers: &Readers) -> String {
        let name = self.name;
        let grub = |version: Version| format!("{}.{:02}", version.0, version.1);
        let or_none = |first: Option<Version>| first.unwrap_or(Version::NEWEST);
        match who {
            Refusal::Kernel => format!(
                "linux {} cannot mount {filesystem} with {name}; it came with {}",
                readers.kernel, self.kernel
            ),
            Refusal::Grub => format!(
                "GRUB {} cannot read {filesystem} with {name}; it came with {}",
                grub(readers.grub),
                grub(or_none(self.grub))
            ),
            Refusal::Checker => format!(
                "e2fsck {} cannot check {filesystem} with {name}; it came with {}",
                readers.e2fsprogs,
                or_none(self.e2fsprogs)
            ),
        }
    }
}

impl Decision {
    /// Whether the user decided, whatever the kernel.
    pub fn is_stated(&self) -> bool {
        matches!(self.why, Why::Stated | Why::Lacks(_) | Why::NeededBy(_))
    }

    /// What decided, in words: `usual since linux 4.16`.
    pub fn reason(&self) -> String {
        match self.why {
            Why::Stated => "stated".to_string(),
            Why::Usual => match self.feature.usual {
                Some(first) if first > Version(2, 6) => format!("usual since linux {first}"),
                _ => "usual".to_string(),
            },
            Why::Refused(Refusal::Kernel) => format!("linux {} is the first with it", self.feature.kernel),
            Why::Refused(Refusal::Grub) => match self.feature.grub {
                Some(Version(major, minor)) => format!("GRUB {major}.{minor:02} is the first that reads it"),
                None => String::new(),
            },
            Why::Refused(Refusal::Checker) => match self.feature.e2fsprogs {
                Some(first) => format!("e2fsck {first} is the first that checks it"),
                None => String::new(),
            },
            Why::Later(first) => format!("usual from linux {first} on"),
            Why::OnDemand => "on demand only".to_string(),
            Why::Lacks(other) => format!("needs {other}, which is off"),
            Why::NeededBy(other) => format!("{other} needs it"),
        }
    }
}

impl Table {
    /// The table of the filesystem that a manifest calls so.
    pub fn of(filesystem: &str) -> Option<&'static Table> {
        TABLES.into_iter().find(|table| table.filesystem == filesystem)
    }

    /// What `name` means here.
    pub fn find(&self, name: &str) -> Option<Known> {
        let optional = self.optional.iter().find(|row| row.name == name).map(Known::Optional);
        optional.or_else(|| self.fixed.iter().find(|row| row.name == name).map(Known::Fixed))
    }

    /// The optional features' names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.optional.iter().map(|row| row.name)
    }

    /// Which features a filesystem gets that `readers` must be able to use: the usual ones that all of them read, but for
    /// what is stated. What a feature needs comes and goes with it. In the table's order.
    ///
    /// Does not judge what is stated: [`Table::contradiction`] and [`Feature::refused_by`] do.
    pub fn decide(&self, readers: &Readers, stated: &Stated) -> Vec<Decision> {
        let asked = |name: &str| stated.get(name).copied();
        let decide = |feature: &'static Feature| {
            let needing = |row: &&Feature| row.needs == Some(feature.name) && asked(row.name) == Some(true);
            let (on, why) = if let Some(on) = asked(feature.name) {
                (on, Why::Stated)
            } else if let Some(row) = self.optional.iter().find(needing) {
                (true, Why::NeededBy(row.name))
            } else if let Some(off) = feature.needs.filter(|needs| asked(needs) == Some(false)) {
                (false, Why::Lacks(off))
            } else {
                match (feature.usual, feature.refused_by(readers).next()) {
                    (None, _) => (false, Why::OnDemand),
                    (_, Some(who)) => (false, Why::Refused(who)),
                    (Some(first), None) if readers.kernel < first => (false, Why::Later(first)),
                    (Some(_), None) => (true, Why::Usual),
                }
            };
            Decision { feature, on, why }
        };
        self.optional.iter().map(decide).collect()
    }

    /// The first feature that is stated on although the one that it needs is stated off, and that one's name.
    pub fn contradiction(&self, stated: &Stated) -> Option<(&'static Feature, &'static str)> {
        self.optional.iter().find_map(|row| {
            let needs = row.needs?;
            (stated.get(row.name) == Some(&true) && stated.get(needs) == Some(&false)).then_some((row, needs))
        })
    }

    /// The row of an optional feature, found as the crate is compiled: a name that no row has is no program.
    pub const fn row(&'static self, name: &str) -> &'static Feature {
        let mut at = 0;
        while at < self.optional.len() {
            if same(self.optional[at].name, name) {
                return &self.optional[at];
            }
            at += 1;
        }
        panic!("no feature has this name")
    }
}

/// Text compared where `==` is not to be had.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    a.len() == b.len() && at == a.len()
}

#[cfg(test)]
mod tests;
