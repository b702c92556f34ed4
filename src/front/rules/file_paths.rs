//! Files have absolute, normal paths, each once in a slot, and stay off what osimg itself writes.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::words;

/// What osimg writes into every tree.
const OURS: &[(&str, &str)] = &[
    ("/etc/fstab", "osimg writes it from the disk's layout"),
    ("/etc/hostname", "osimg writes it from `hostname`"),
    ("/etc/machine-id", "osimg leaves it empty, so that each machine makes its own"),
];

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for slot in case.slots() {
        for file in slot.files.iter() {
            let path = file.path.value.as_str();
            let odd = path.split('/').skip(1).any(|part| matches!(part, "" | "." | "..") || part.len() > 255);
            if !words::fits(words::ABSOLUTE_PATH, path) || odd {
                let shown = path.escape_debug().to_string();
                let message = format!("`{shown}` cannot be a file's path in the slot");
                let help = "write an absolute path without `.`, `..` and doubled slashes: `/etc/motd`";
                found.push(case.error(codes::FILE_PATH, message, case.line(file.path.span), "").help(help));
            }
            if let Some((_, why)) = OURS.iter().find(|(ours, _)| *ours == path) {
                let message = format!("`{path}` cannot be set under `files`");
                found.push(
                    case.error(codes::FILE_PATH_TAKEN, message, file.path.span, why)
                        .help("remove this entry"),
                );
            }
        }
        let paths = slot.files.iter().map(|f| &f.path);
        case.duplicates(paths, codes::FILE_DUPLICATE, "files of this slot are", "keep one of them", found);
    }
}
