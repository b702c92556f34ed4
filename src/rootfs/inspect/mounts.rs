//! `/etc/fstab` (fstab(5)).

use serde::{Deserialize, Serialize};

use super::super::outline::What;
use super::Notes;

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// `UUID=…`, `LABEL=…`, `/dev/…`, `tmpfs`.
    pub device: String,
    /// `none` for swap space.
    pub point: String,
    pub kind: String,
    pub options: Vec<String>,
    /// Whether the tree has a folder at the mount point.
    pub point_is_there: bool,
}

pub(super) fn of(notes: &Notes, text: &str) -> Vec<Mount> {
    let line = |line: &str| {
        let mut words = line.split_whitespace().map(unescaped);
        let (device, point, kind) = (words.next()?, words.next()?, words.next()?);
        if device.starts_with('#') {
            return None;
        }
        let options = words.next().unwrap_or_default().split(',').map(String::from).collect();
        let point_is_there =
            matches!(notes.what(&point), Some(What::Directory | What::Implied)) || point == "/";
        Some(Mount { device, point, kind, options, point_is_there })
    };
    text.lines().filter_map(line).collect()
}

/// A word with blanks and backslashes in its place: `\040` is a blank.
fn unescaped(word: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(word.to_string(), |word, (escape, plain)| word.replace(escape, plain))
}

impl Mount {
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|o| o == option)
    }
}
