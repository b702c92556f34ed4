//! Which optional features a filesystem gets: those that the kernel reads, but for what `--features` turns on or off.

use std::str::FromStr;

use super::order::Format;
use crate::base::features::{Known, Readers, Refusal, Stated, TABLES, Table};
use crate::cli::failure::{Failure, Problem};
use crate::front::suggest;
use crate::fs::features::Switches;
use crate::fs::{ext4, xfs};

/// One word of `--features`: `reflink=off`, or as mkfs.xfs (`reflink=0`) and mke2fs (`^64bit`) write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    name: String,
    on: bool,
}

impl FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Switch, &'static str> {
        let (name, on) = match text.split_once('=') {
            Some((name, "on" | "1")) => (name, true),
            Some((name, "off" | "0")) => (name, false),
            Some(_) => ("", false),
            None => text.strip_prefix('^').map_or((text, true), |name| (name, false)),
        };
        let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        match is_name && !name.is_empty() {
            true => Ok(Switch { name: name.into(), on }),
            false => Err("a feature is turned on or off: reflink=off"),
        }
    }
}

/// The features of one filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Features {
    Xfs(xfs::Features),
    Ext4(ext4::Features),
    /// FAT has none.
    None,
}

/// The features for `format` and the oldest `kernel` that must mount it, the newest where nobody says; and what GRUB
/// or an e2fsck of the kernel's time would not read of those that `switches` turn on.
pub fn choose(
    format: Format,
    kernel: Option<&str>,
    switches: &[Switch],
) -> Result<(Features, Vec<String>), Failure> {
    let Some(table) = Table::of(format.as_str()) else {
        return match switches.first() {
            Some(switch) => Err(unknown(format, &switch.name)),
            None => Ok((Features::None, Vec::new())),
        };
    };
    let readers = kernel.map_or_else(Readers::newest, Readers::of_kernel);
    let mut stated = Stated::new();
    let mut warnings = Vec::new();
    for Switch { name, on } in switches {
        let feature = match table.find(name) {
            None => return Err(unknown(format, name)),
            Some(Known::Fixed(fixed)) if fixed.on == *on => continue,
            Some(Known::Fixed(fixed)) => return Err(refused(fixed.refusal(table.filesystem), name)),
            Some(Known::Optional(feature)) => feature,
        };
        stated.insert(feature.name, *on);
        for who in feature.refused_by(&readers).filter(|_| *on) {
            let why = feature.refusal(who, table.filesystem, &readers);
            if who == Refusal::Kernel {
                let how = format!("leave `{name}` out of `--features`, or name a newer `--kernel`");
                return Err(Failure::Usage(Problem::new(why).help(how)));
            }
            // no matter unless it is booted from
            warnings.push(why);
        }
    }
    if let Some((feature, needs)) = table.contradiction(&stated) {
        let name = feature.name;
        let problem = Problem::new(format!("{} with {name} needs {needs} too", table.filesystem));
        return Err(Failure::Usage(problem.help(format!("`--features {name}=off`, or `{needs}=on`"))));
    }
    let features = match format {
        Format::Xfs => Features::Xfs(xfs::Features::chosen(&readers, &stated)),
        Format::Ext4 => Features::Ext4(ext4::Features::chosen(&readers, &stated)),
        Format::Fat => Features::None,
    };
    Ok((features, warnings))
}

fn refused(why: String, name: &str) -> Failure {
    Failure::Usage(Problem::new(why).help(format!("leave `{name}` out of `--features`")))
}

fn unknown(format: Format, name: &str) -> Failure {
    let problem = Problem::new(format!("{} has no optional feature `{name}`", format.as_str()));
    let Some(table) = Table::of(format.as_str()) else {
        return Failure::Usage(problem.help("leave `--features` out"));
    };
    let known: Vec<String> = table.names().map(str::to_string).collect();
    let elsewhere = TABLES.into_iter().find(|other| other.find(name).is_some());
    Failure::Usage(problem.help(match (elsewhere, suggest::nearest(name, &known)) {
        (Some(other), _) => format!("it is a feature of {}", other.filesystem),
        (None, Some(word)) => format!("did you mean `{word}`?"),
        (None, None) => format!("it has {}", known.join(", ")),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        format: Format,
        kernel: Option<&str>,
        words: &[&str],
    ) -> Result<(Features, Vec<String>), String> {
        let switches: Vec<Switch> = words.iter().map(|w| w.parse().expect("a switch")).collect();
        choose(format, kernel, &switches).map_err(|failure| match failure {
            Failure::Usage(problem) => format!("{}; {}", problem.message, problem.help.unwrap_or_default()),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn the_kernel_decides_and_switches_override() {
        let xfs = |kernel, words: &[&str]| match chosen(Format::Xfs, kernel, words) {
            Ok((Features::Xfs(features), warnings)) => (
                features.rows().map(|row| row.feature.name).collect::<Vec<_>>().join(" "),
                warnings.join(" "),
            ),
            other => panic!("{other:?}"),
        };
        assert_eq!(xfs(Some("3.10"), &[]), (String::new(), String::new()));
        assert_eq!(xfs(Some("4.18"), &["reflink=off"]).0, "finobt sparse");
        assert_eq!(xfs(None, &["rmapbt=on"]).0, "finobt sparse rmapbt reflink bigtime inobtcount");
        let why = "GRUB 2.06 cannot read xfs with nrext64; it came with 2.14";
        assert_eq!(xfs(None, &["nrext64=on"]).1, why);
        let off = |words: &[&str]| match chosen(Format::Ext4, Some("6.1"), words) {
            Ok((Features::Ext4(f), _)) => [f.metadata_csum, f.bit64, f.journal],
            other => panic!("{other:?}"),
        };
        assert_eq!(off(&["has_journal=off"]), [true, true, false]);
        assert_eq!(off(&["64bit=off", "metadata_csum=off"]), [false, false, true]);
        assert_eq!(off(&["^64bit", "metadata_csum=0", "extent", "^orphan_file"]), [false, false, true]);
        assert_eq!(xfs(None, &["finobt=0"]).0, "sparse reflink bigtime");
        let e2fsck = chosen(Format::Ext4, Some("3.18"), &["metadata_csum"]).expect("a choice").1;
        assert_eq!(e2fsck, ["e2fsck 1.42 cannot check ext4 with metadata_csum; it came with 1.43"]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let says = |format, kernel, word| chosen(format, kernel, &[word]).expect_err("refused");
        assert_eq!(
            says(Format::Xfs, Some("3.10"), "reflink=on"),
            "linux 3.10 cannot mount xfs with reflink; it came with 4.9; leave `reflink` out of `--features`, \
             or name a newer `--kernel`"
        );
        let both: Vec<Switch> =
            ["finobt=off", "inobtcount=on"].iter().map(|w| w.parse().expect("a switch")).collect();
        assert!(choose(Format::Xfs, None, &both).is_err());
        assert_eq!(
            says(Format::Xfs, None, "crc=off"),
            "osimg writes xfs with crc always: CRC32c over every structure, without which there is no version 5; leave \
             `crc` out of `--features`"
        );
        assert!(
            says(Format::Ext4, None, "orphan_file").starts_with("osimg does not write ext4 with orphan_file")
        );
        assert!(says(Format::Ext4, None, "reflink=on").ends_with("it is a feature of xfs"));
        assert!(says(Format::Ext4, None, "metadata-csum").ends_with("did you mean `metadata_csum`?"));
        assert!(says(Format::Ext4, None, "zzz").ends_with("it has has_journal, 64bit, metadata_csum"));
        assert!(says(Format::Fat, None, "x=on").starts_with("fat has no optional feature `x`"));
        for wrong in ["", "^", "=on", "reflink=yes", "^reflink=on", "a b"] {
            assert!(wrong.parse::<Switch>().is_err(), "{wrong}");
        }
    }
}
