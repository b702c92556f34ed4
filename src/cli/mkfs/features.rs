//! Which optional features a filesystem gets: those that the kernel reads, but for what `--features` turns on or off.

use std::str::FromStr;

use super::order::Format;
use crate::cli::failure::{Failure, Problem};
use crate::fs::{ext4, xfs};

/// The optional features of ext4, as `mke2fs` names them.
const EXT4: [&str; 3] = ["metadata_csum", "64bit", "has_journal"];

/// One word of `--features`, `reflink=off`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    name: String,
    on: bool,
}

impl FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Switch, &'static str> {
        match text.split_once('=') {
            Some((name, "on")) if !name.is_empty() => Ok(Switch { name: name.into(), on: true }),
            Some((name, "off")) if !name.is_empty() => Ok(Switch { name: name.into(), on: false }),
            _ => Err("a feature is turned on or off: reflink=off"),
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
/// would not read of those that `switches` turn on.
pub fn choose(
    format: Format,
    kernel: Option<&str>,
    switches: &[Switch],
) -> Result<(Features, Vec<String>), Failure> {
    match format {
        Format::Xfs => xfs_features(kernel, switches),
        Format::Ext4 => {
            let mut features = kernel.map_or_else(ext4::Features::default, ext4::Features::for_kernel);
            for Switch { name, on } in switches {
                let field = match name.as_str() {
                    "metadata_csum" => &mut features.metadata_csum,
                    "64bit" => &mut features.bit64,
                    "has_journal" => &mut features.journal,
                    _ => return Err(unknown(format, name, &EXT4)),
                };
                *field = *on;
            }
            Ok((Features::Ext4(features), Vec::new()))
        }
        Format::Fat => match switches.first() {
            Some(switch) => Err(unknown(format, &switch.name, &[])),
            None => Ok((Features::None, Vec::new())),
        },
    }
}

fn xfs_features(kernel: Option<&str>, switches: &[Switch]) -> Result<(Features, Vec<String>), Failure> {
    let mut features = xfs::Features::for_kernel(kernel.unwrap_or_default());
    let version = kernel.and_then(xfs::version).unwrap_or((u32::MAX, 0));
    let mut warnings = Vec::new();
    for Switch { name, on } in switches {
        let Some(row) = xfs::TABLE.iter().find(|row| row.name == name) else {
            let known: Vec<&str> = xfs::TABLE.iter().map(|row| row.name).collect();
            return Err(unknown(Format::Xfs, name, &known));
        };
        // the name is one of the table's
        features = features.with(name, *on).map_err(|e| Failure::Usage(Problem::of(&e)))?;
        match (row.refusal(version, xfs::OSIMG_GRUB), row.refused_by(version, xfs::OSIMG_GRUB)) {
            (Some(why), Some(xfs::Refusal::Kernel)) if *on => {
                let how = format!("leave `{name}=on` out of `--features`, or name a newer `--kernel`");
                return Err(Failure::Usage(Problem::new(why).help(how)));
            }
            // no matter unless it is booted from
            (Some(why), Some(xfs::Refusal::Grub)) if *on => warnings.push(why),
            _ => {}
        }
    }
    match features.incomplete() {
        Some((name, needs)) => {
            let problem = Problem::new(format!("xfs with {name} needs {needs} too"));
            Err(Failure::Usage(problem.help(format!("`--features {name}=off`, or `{needs}=on`"))))
        }
        None => Ok((Features::Xfs(features), warnings)),
    }
}

fn unknown(format: Format, name: &str, known: &[&str]) -> Failure {
    let problem = Problem::new(format!("{} has no optional feature `{name}`", format.as_str()));
    Failure::Usage(match known {
        [] => problem.help("leave `--features` out"),
        _ => problem.help(format!("it has {}", known.join(", "))),
    })
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
            Ok((Features::Xfs(features), warnings)) => {
                (features.rows().map(|row| row.name).collect::<Vec<_>>().join(" "), warnings.join(" "))
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(xfs(Some("3.10"), &[]), (String::new(), String::new()));
        assert_eq!(xfs(Some("4.18"), &["reflink=off"]).0, "finobt sparse");
        assert_eq!(xfs(None, &["rmapbt=on"]).0, "finobt sparse rmapbt reflink bigtime inobtcount");
        let why = "GRUB 2.06 cannot read xfs with nrext64; it came with 2.12";
        assert_eq!(xfs(None, &["nrext64=on"]).1, why);
        let off = |words: &[&str]| match chosen(Format::Ext4, Some("6.1"), words) {
            Ok((Features::Ext4(f), _)) => [f.metadata_csum, f.bit64, f.journal],
            other => panic!("{other:?}"),
        };
        assert_eq!(off(&["has_journal=off"]), [true, true, false]);
        assert_eq!(off(&["64bit=off", "metadata_csum=off"]), [false, false, true]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let says = |format, kernel, word| chosen(format, kernel, &[word]).expect_err("refused");
        assert_eq!(
            says(Format::Xfs, Some("3.10"), "reflink=on"),
            "linux 3.10 cannot mount xfs with reflink; it came with 4.9; leave `reflink=on` out of `--features`, \
             or name a newer `--kernel`"
        );
        assert_eq!(
            says(Format::Xfs, None, "finobt=off"),
            "xfs with inobtcount needs finobt too; `--features inobtcount=off`, or `finobt=on`"
        );
        assert!(
            says(Format::Xfs, None, "crc=off")
                .starts_with("xfs has no optional feature `crc`; it has finobt,")
        );
        assert!(says(Format::Ext4, None, "reflink=on").ends_with("it has metadata_csum, 64bit, has_journal"));
        assert!(says(Format::Fat, None, "x=on").starts_with("fat has no optional feature `x`"));
        for wrong in ["", "reflink", "=on", "reflink=yes"] {
            assert!(wrong.parse::<Switch>().is_err(), "{wrong}");
        }
    }
}
