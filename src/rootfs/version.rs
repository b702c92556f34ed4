//! Which of two kernel versions is newer.
//!
//! The order of rpm (`rpmvercmp`) in its main points, which for kernel names is dpkg's too: runs of digits by number, letters by
//! alphabet, digits newer than letters, more parts newer than fewer, `~` older than nothing. Beyond rpm: a release
//! candidate (`-rc1`) is older than its release.

use std::cmp::Ordering;

/// One part of a version, in the order in which different kinds at one place sort.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Tilde,
    /// `rc` before a number.
    Candidate,
    End,
    Letters(&'a str),
    /// Digits without leading zeros: shorter is smaller.
    Number(usize, &'a str),
}

fn parts(version: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let run = |wanted: fn(char) -> bool| rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        let (part, length) = if first == '~' {
            (Some(Part::Tilde), 1)
        } else if first.is_ascii_digit() {
            let end = run(|c| c.is_ascii_digit());
            let digits = rest[..end].trim_start_matches('0');
            (Some(Part::Number(digits.len(), digits)), end)
        } else if first.is_alphabetic() {
            let end = run(char::is_alphabetic);
            let letters = &rest[..end];
            let counted = rest[end..].starts_with(|c: char| c.is_ascii_digit());
            (Some(if letters == "rc" && counted { Part::Candidate } else { Part::Letters(letters) }), end)
        } else {
            (None, first.len_utf8())
        };
        parts.extend(part);
        rest = &rest[length..];
    }
    parts.push(Part::End);
    parts
}

/// Orders kernel versions from old to new; two that differ only in separators, by their bytes.
pub fn compare(a: &str, b: &str) -> Ordering {
    parts(a).cmp(&parts(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn from_old_to_new() {
        let rows: [&[&str]; 5] = [
            &["6.1.0-9-amd64", "6.1.0-28-amd64", "6.1.0-28-cloud-amd64", "6.10.0-1-amd64"],
            &["3.10.0-957.el7.x86_64", "3.10.0-1160.el7.x86_64", "3.10.0-1160.11.1.el7.x86_64"],
            &["4.18.0-240.el8.x86_64", "4.18.0-240.10.1.el8_3.x86_64", "4.18.0-305.el8.x86_64"],
            &["6.12~rc3-amd64", "6.12-rc1", "6.12-rc10", "6.12", "6.12.1"],
            &["5.15.0-9-generic", "5.15.0-101-generic", "6.8.0-7-generic"],
        ];
        for row in rows {
            for pair in row.windows(2) {
                assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_an_order(mut versions in proptest::collection::vec("([0-9]{1,3}|[._~+-]|rc|el|a){0,6}", 3)) {
            prop_assert_eq!(compare(&versions[0], &versions[1]), compare(&versions[1], &versions[0]).reverse());
            versions.sort_by(|a, b| compare(a, b));
            prop_assert_ne!(compare(&versions[0], &versions[2]), Ordering::Greater);
            prop_assert_eq!(compare(&versions[0], &versions[1]) == Ordering::Equal, versions[0] == versions[1]);
        }
    }
}
