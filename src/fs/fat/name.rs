//! Names on a FAT: which can be said at all, and the 8.3 name that goes with a long one.
//!
//! Sections "Long Directory Entries" and "Basis-Name Generation Algorithm" of the specification.

use std::collections::{BTreeMap, BTreeSet};

use crate::rootfs::tree::TreePath;

/// UTF-16 units in a long name at most.
const LONGEST: usize = 255;
/// UTF-16 units that one long entry holds.
pub const UNITS: usize = 13;

/// The last component of `path`, if a FAT can hold it; else why not.
pub fn checked(path: &TreePath) -> Result<String, String> {
    let name = std::str::from_utf8(path.name()).map_err(|_| "FAT names are Unicode, this is no UTF-8")?;
    if let Some(c) = name.chars().find(|c| c.is_control() || "\"*/:<>?\\|".contains(*c)) {
        return Err(format!("{c:?} cannot stand in a FAT name"));
    }
    if name.ends_with(['.', ' ']) {
        return Err("a FAT name does not end in a dot or a space".into());
    }
    if name.starts_with(' ') {
        return Err("readers of FAT drop a space at the start of a name".into());
    }
    if name.encode_utf16().count() > LONGEST {
        return Err("a FAT name has at most 255 UTF-16 units".into());
    }
    Ok(name.to_string())
}

/// What two names share that are one to a reader who ignores case.
pub fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Directory entries that a name takes, its long ones and its short one.
pub fn entries(name: &str) -> u64 {
    let long = if plain(name).is_some() { 0 } else { name.encode_utf16().count().div_ceil(UNITS) };
    long as u64 + 1
}

/// A volume label as directory entry and boot sector hold it: upper case, padded with spaces. `None` where it is
/// empty.
pub fn label(text: &str) -> Option<[u8; 11]> {
    let mut out = [b' '; 11];
    for (place, c) in out.iter_mut().zip(text.trim().chars()) {
        let c = c.to_ascii_uppercase();
        *place = if c == ' ' || allowed(c) { c as u8 } else { b'_' };
    }
    (out != [b' '; 11]).then_some(out)
}

/// Whether a character may stand in a short name.
pub fn allowed(c: char) -> bool {
    matches!(c, 'A'..='Z' | '0'..='9') || "!#$%&'()-@^_`{}~".contains(c)
}

/// The short name of a name that needs no long one: upper case, 8.3, allowed characters only.
fn plain(name: &str) -> Option<[u8; 11]> {
    let (base, extension) = name.split_once('.').unwrap_or((name, ""));
    let fits = (1..=8).contains(&base.len())
        && extension.len() <= 3
        && name.contains('.') != extension.is_empty()
        && base.chars().chain(extension.chars()).all(allowed);
    fits.then(|| join(base.as_bytes(), extension.as_bytes()))
}

fn join(base: &[u8], extension: &[u8]) -> [u8; 11] {
    let mut out = [b' '; 11];
    out[..base.len()].copy_from_slice(base);
    out[8..8 + extension.len()].copy_from_slice(extension);
    out
}

/// Gives each name of one directory its short name.
#[derive(Default)]
pub struct ShortNames {
    taken: BTreeSet<[u8; 11]>,
    /// The next number to try for a base and extension.
    next: BTreeMap<(Vec<u8>, Vec<u8>), u32>,
}

impl ShortNames {
    /// Takes the short names that plain names claim, so that no generated one gets in their way.
    pub fn reserve<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        self.taken.extend(names.filter_map(plain));
    }

    /// The short name, and whether a long one has to stand beside it. `None` when all numbers are used up.
    pub fn short(&mut self, name: &str) -> Option<([u8; 11], bool)> {
        if let Some(short) = plain(name) {
            return Some((short, false));
        }
        let (base, extension, changed) = basis(name);
        let whole = join(&base[..base.len().min(8)], &extension);
        if !changed && base.len() <= 8 && self.taken.insert(whole) {
            return Some((whole, true));
        }
        // counted per beginning, so that thousands of alike names do not each start from 1
        let stem: Vec<u8> = base.iter().copied().take(6).collect();
        let next = self.next.entry((stem.clone(), extension.clone())).or_insert(1);
        while *next <= 999_999 {
            let tail = format!("~{next}");
            *next += 1;
            let mut numbered = stem[..stem.len().min(8 - tail.len())].to_vec();
            numbered.extend_from_slice(tail.as_bytes());
            let short = join(&numbered, &extension);
            if self.taken.insert(short) {
                return Some((short, true));
            }
        }
        None
    }
}

/// The upper-case base and the extension that a name comes down to, and whether something but case was lost.
fn basis(name: &str) -> (Vec<u8>, Vec<u8>, bool) {
    let stripped: String = name.trim_start_matches('.').chars().filter(|c| *c != ' ').collect();
    let mut changed = stripped.len() != name.len();
    let (base, extension) = stripped.rsplit_once('.').unwrap_or((&stripped, ""));
    let mut clean = |text: &str| -> Vec<u8> {
        let mut out = Vec::new();
        for c in text.chars() {
            match c.to_ascii_uppercase() {
                '.' => changed = true,
                c if allowed(c) => out.push(c as u8),
                _ => {
                    changed = true;
                    out.push(b'_');
                }
            }
        }
        out
    };
    let (base, mut extension) = (clean(base), clean(extension));
    changed |= base.is_empty() || extension.len() > 3;
    extension.truncate(3);
    (base, extension, changed)
}

/// The checksum that ties long entries to their short one.
pub fn checksum(short: &[u8; 11]) -> u8 {
    short.iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shorts(names: &[&str]) -> Vec<(String, bool)> {
        let mut all = ShortNames::default();
        all.reserve(names.iter().copied());
        let show = |s: [u8; 11]| String::from_utf8(s.to_vec()).expect("ascii");
        names
            .iter()
            .map(|n| all.short(n).map(|(s, long)| (show(s), long)).expect("a number is left"))
            .collect()
    }

    #[test]
    fn short_names_follow_the_specification() {
        for (name, short, long) in [
            ("BOOTX64.EFI", "BOOTX64 EFI", false),
            ("EFI", "EFI        ", false),
            ("grub.cfg", "GRUB    CFG", true),
            ("i386-pc", "I386-PC    ", true),
            ("x86_64-efi", "X86_64~1   ", true),
            ("a.b.c", "AB~1    C  ", true),
            (".profile", "PROFIL~1   ", true),
            ("index.html", "INDEX~1 HTM", true),
            ("The quick brown.fox", "THEQUI~1FOX", true),
            ("a+b=c.txt", "A_B_C~1 TXT", true),
            ("ä.txt", "_~1     TXT", true),
            ("...", "~1         ", true),
        ] {
            assert_eq!(shorts(&[name]), [(short.to_string(), long)], "{name}");
        }
    }

    #[test]
    fn numbers_keep_short_names_apart() {
        let names = ["long name 1", "long name 2", "LONGNA~2", "long name 3", "long name 4.c"];
        let got: Vec<String> = shorts(&names).into_iter().map(|(s, _)| s).collect();
        assert_eq!(got, ["LONGNA~1   ", "LONGNA~3   ", "LONGNA~2   ", "LONGNA~4   ", "LONGNA~1C  "]);
        let many: Vec<String> = (0..2000).map(|i| format!("some long name {i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let apart: BTreeSet<String> = shorts(&many).into_iter().map(|(s, _)| s).collect();
        assert_eq!(apart.len(), 2000);
        assert!(apart.contains("SOM~1999   "));
    }

    #[test]
    fn refuses_what_cannot_be_said() {
        let check = |name: &[u8]| checked(&TreePath::new(name).expect("path"));
        assert_eq!(check(b"x/grub.cfg"), Ok("grub.cfg".into()));
        for bad in [&b"a:b"[..], b"a\xff", b"a.", b"a ", b" a", b"a\nb", b"what?"] {
            assert!(check(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(check("ü".repeat(127).as_bytes()).expect("fits").chars().count(), 127);
    }

    #[test]
    fn checksum_of_the_specification_s_algorithm() {
        // sum = ((sum & 1) << 7) + (sum >> 1) + byte, by hand for "A" padded with spaces
        let mut sum = 0u32;
        for byte in *b"A          " {
            sum = (((sum & 1) << 7) + (sum >> 1) + u32::from(byte)) & 0xff;
        }
        assert_eq!(u32::from(checksum(b"A          ")), sum);
    }

    #[test]
    fn labels() {
        assert_eq!(label("osimg boot"), Some(*b"OSIMG BOOT "));
        assert_eq!(label("a.very long label"), Some(*b"A_VERY LONG"));
        assert_eq!(label(" "), None);
    }
}
