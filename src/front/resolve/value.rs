//! Words read as the values they mean; what cannot be read becomes a finding.
//!
//! Enters: text with its place. Leaves: a value in any case, a stand-in beside the finding, so that reading goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::base::units::SizeError;
use crate::base::{Bytes, Name};
use crate::diag::{Code, Diagnostic, Diagnostics, Source, Spanned, codes};
use crate::front::model::{DiskSize, SlotSize, TRIES_MAX};
use crate::front::place::Place;
use crate::front::resolved::Words;
use crate::front::words;

/// What every reading needs, and the findings so far.
pub struct Reader<'s> {
    pub source: &'s Arc<Source>,
    /// The manifest's folder.
    pub dir: &'s Path,
    pub found: Diagnostics,
}

/// Limits of a time, and the seconds that stand in for one beyond them.
#[derive(Clone, Copy)]
pub struct Times {
    pub what: &'static str,
    /// What it may be, and the same for people.
    pub pattern: &'static str,
    pub range: &'static str,
    pub otherwise: u64,
}

/// `5s` or `1m`; nothing when `text` is no such time.
fn seconds(text: &str) -> Option<Duration> {
    words::fits(words::TIMEOUT, text).then(|| {
        let (number, unit) = text.split_at(text.len() - 1);
        let seconds: u64 = number.parse().expect("the pattern lets through at most five digits");
        Duration::from_secs(if unit == "m" { seconds * 60 } else { seconds })
    })
}

const SIZES: &str = "write a number and a unit: `4GiB`, `512MiB`, `700MB`";

impl Reader<'_> {
    /// `owner` lacks the field `key`. Says nothing when the manifest has it: then it was found wrong already.
    pub fn missing(&mut self, at: Place<'_>, key: &str, owner: &str, help: &str) {
        if !at.has(key) {
            let line = at.line(self.source);
            self.found.push(
                Diagnostic::error(codes::FIELD_MISSING, format!("{owner} needs `{key}`"))
                    .at(self.source, line, format!("`{key}` is missing here"))
                    .help(help),
            );
        }
    }

    pub fn invalid(
        &mut self,
        code: Code,
        at: Place<'_>,
        message: impl Into<String>,
        label: &str,
        help: &str,
    ) {
        let span = at.line(self.source);
        self.found.push(Diagnostic::error(code, message).at(self.source, span, label).help(help));
    }

    pub fn fits(
        &mut self,
        code: Code,
        pattern: &'static str,
        text: &str,
        at: Place<'_>,
        message: &str,
        help: &str,
    ) {
        if !words::fits(pattern, text) {
            self.invalid(code, at, message, "", help);
        }
    }

    pub fn not_empty(&mut self, at: Place<'_>, field: &str, example: &str) {
        if at.is_empty_list() {
            self.invalid(
                codes::FIELD_EMPTY,
                at,
                format!("`{field}` is empty"),
                "nothing to do",
                &format!("write {example}, or leave it out"),
            );
        }
    }

    /// The `name` of `owner`, which stands at `at`; `otherwise` stands in for a missing or wrong one.
    pub fn name(
        &mut self,
        code: Code,
        text: Option<&str>,
        at: Place<'_>,
        owner: &str,
        otherwise: &str,
    ) -> Spanned<Name> {
        let place = at.key("name");
        let span = place.span();
        let stand_in = || otherwise.parse().expect("the stand-in is a valid name");
        let Some(text) = text else {
            self.missing(
                at,
                "name",
                owner,
                "a name is lower-case letters and digits, joined by `.`, `_` or `-`",
            );
            return Spanned::new(stand_in(), at.line(self.source));
        };
        let name = text.parse::<Name>().unwrap_or_else(|error| {
            let fixed: String = text
                .to_lowercase()
                .split(|c: char| !c.is_ascii_alphanumeric())
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("-");
            let unquoted = text.trim_matches(['“', '”', '„', '‘', '’', '«', '»']);
            let help = match fixed.parse::<Name>() {
                _ if text.contains("${") || text.contains("{{") => {
                    "a manifest has no variables: write the name itself".to_string()
                }
                _ if unquoted.parse::<Name>().is_ok() => {
                    format!("only `\"` and `'` are quotes in YAML: write `{unquoted}`")
                }
                Ok(fixed) if text.is_ascii() => format!("`{fixed}` would do"),
                _ => "a name is lower-case letters and digits, joined by `.`, `_` or `-`".to_string(),
            };
            self.invalid(
                code,
                place,
                format!("`{}` cannot be a name", text.escape_debug()),
                &error.to_string(),
                &help,
            );
            stand_in()
        });
        Spanned::new(name, span)
    }

    pub fn words(&mut self, list: &[String], at: Place<'_>) -> Words {
        list.iter().enumerate().map(|(i, word)| Spanned::new(word.clone(), at.item(i).span())).collect()
    }

    /// A path of the host, relative ones joined to the manifest's folder.
    pub fn path(&mut self, text: &str, at: Place<'_>) -> Spanned<PathBuf> {
        if text.is_empty() || text.chars().any(char::is_control) {
            let words = text.trim();
            let (message, help) = match words.is_empty() || words.chars().any(char::is_control) {
                _ if text.is_empty() => (
                    "a path cannot be empty",
                    "name a file or folder, relative to the manifest's".to_string(),
                ),
                true => ("a path has no control characters", "name a file or folder on one line".to_string()),
                false => ("a path has no line break at its end", format!("write it on one line: `{words}`")),
            };
            self.invalid(codes::PATH_INVALID, at, message, "", &help);
            // the folder stands in: the rules know that more is not to be said of it
            return Spanned::new(self.dir.to_path_buf(), at.span());
        }
        // a leading `./` would show in every message
        let path = self.dir.join(text.strip_prefix("./").unwrap_or(text));
        Spanned::new(path, at.span())
    }

    /// `None` when `text` is no size, which has then been said.
    fn size(&mut self, text: &str, at: Place<'_>, help: &str) -> Option<Bytes> {
        let error = match text.parse::<Bytes>() {
            Ok(size) => return Some(size),
            Err(SizeError::TooLarge) => {
                let message = format!("no disk holds {}", text.escape_debug());
                let line = at.line(self.source);
                self.found.push(
                    Diagnostic::error(codes::SIZE_DOES_NOT_FIT, message).at(self.source, line, "").help(help),
                );
                return None;
            }
            Err(error) => error,
        };
        // `4G` is the usual slip, and readers disagree on it
        let unit =
            text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' ')).to_uppercase();
        let help = match unit.strip_suffix("IB").or(unit.strip_suffix('B')).unwrap_or(&unit) {
            "K" => "write `KiB` for 1024 bytes or `kB` for 1000".to_string(),
            unit @ ("M" | "G" | "T") => {
                format!("write `{unit}iB` for powers of 1024 or `{unit}B` for powers of 1000")
            }
            _ => help.to_string(),
        };
        self.found.push(
            Diagnostic::error(codes::SIZE_INVALID, format!("`{}` is no size", text.escape_debug()))
                .at(self.source, at.line(self.source), error.to_string())
                .help(help),
        );
        None
    }

    pub fn disk_size(&mut self, text: &str, at: Place<'_>) -> DiskSize {
        if text == "auto" {
            return DiskSize::Auto;
        }
        self.size(text, at, &format!("{SIZES}, or `auto`")).map_or(DiskSize::Auto, DiskSize::Fixed)
    }

    /// A slot's size; [`SlotSize::Equal`] stands in for one that is wrong.
    pub fn slot_size(&mut self, text: &str, at: Place<'_>) -> SlotSize {
        let Some(share) = text.strip_suffix('%') else {
            let size = self.size(text, at, &format!("{SIZES}, or a share: `50%`"));
            return size.map_or(SlotSize::Equal, SlotSize::Fixed);
        };
        match share.trim().parse::<f64>() {
            Ok(share) if words::fits(words::SLOT_SIZE, text) => SlotSize::Share(share),
            _ => {
                self.found.push(
                    Diagnostic::error(codes::SIZE_INVALID, format!("`{}` is no share", text.escape_debug()))
                        .at(self.source, at.line(self.source), "a share is above 0 % and at most 100 %")
                        .help("write `50%`, or leave `size` out for an equal share"),
                );
                SlotSize::Equal
            }
        }
    }

    /// How many boots a trial has.
    pub fn tries(&mut self, stated: Option<u64>, at: Place<'_>) -> u8 {
        match stated {
            None => 1,
            Some(tries) if (1..=u64::from(TRIES_MAX)).contains(&tries) => tries as u8,
            Some(tries) => {
                let message = format!("a trial cannot have {tries} boots");
                let help = format!("write a number from 1 to {TRIES_MAX}: GRUB counts no further");
                self.invalid(codes::BOOT_TRIES, at, message, "", &help);
                1
            }
        }
    }

    /// A time within limits.
    pub fn span_of_time(&mut self, text: &str, at: Place<'_>, times: Times) -> Duration {
        let Some(time) = seconds(text) else {
            return self.timeout(text, at);
        };
        if words::fits(times.pattern, text) {
            return time;
        }
        self.invalid(
            codes::BOOT_TIMEOUT,
            at,
            format!("{} is {}", times.what, times.range),
            "",
            "write whole seconds or minutes: `90s`, `2m`",
        );
        Duration::from_secs(times.otherwise)
    }

    pub fn timeout(&mut self, text: &str, at: Place<'_>) -> Duration {
        if let Some(time) = seconds(text) {
            return time;
        }
        let help = match text.parse::<u32>() {
            Ok(seconds) => format!("write `{seconds}s`"),
            Err(_) => "write whole seconds or minutes: `5s`, `1m`".to_string(),
        };
        self.invalid(
            codes::BOOT_TIMEOUT,
            at,
            format!("`{}` is no timeout", text.escape_debug()),
            "a number and a unit belong here",
            &help,
        );
        Duration::from_secs(1)
    }

    /// Permission bits in octal.
    pub fn mode(&mut self, text: &str, at: Place<'_>) -> u16 {
        match u16::from_str_radix(text, 8) {
            Ok(mode) if words::fits(words::MODE, text) => mode,
            _ => {
                let help = "write three or four octal digits in quotes: `\"0644\"`";
                self.invalid(
                    codes::FILE_MODE,
                    at,
                    format!("`{}` is no file mode", text.escape_debug()),
                    "permission bits in octal belong here",
                    help,
                );
                0o644
            }
        }
    }
}
