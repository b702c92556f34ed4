//! `/etc/os-release`, which says what distribution a tree is.
//!
//! os-release(5): lines of shell assignments, values in quotes or bare, no expansion.

use serde::{Deserialize, Serialize};

/// What osimg wants to know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// `debian`, `centos`; `linux` where the file does not say.
    pub id: String,
    /// The distributions it is like, nearest first.
    pub id_like: Vec<String>,
    /// `12`, `7`, `8.3`.
    pub version_id: Option<String>,
    pub pretty_name: String,
}

impl OsRelease {
    /// The distribution as its own maintainers write it, with the id that tools go by.
    pub fn describe(&self) -> String {
        let version = self.version_id.as_deref().map(|v| format!(" {v}")).unwrap_or_default();
        format!("{} (`{}`{version})", self.pretty_name, self.id)
    }

    /// Reads the file's text. Lines that are no assignment are passed over, as systemd does; the last one of a name counts.
    pub fn parse(text: &str) -> OsRelease {
        let value = |name: &str| {
            text.lines()
                .filter_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix('='))
                .filter_map(unquote)
                .next_back()
                .filter(|v| !v.is_empty())
        };
        OsRelease {
            id: value("ID").unwrap_or_else(|| "linux".into()),
            id_like: value("ID_LIKE").unwrap_or_default().split_whitespace().map(String::from).collect(),
            version_id: value("VERSION_ID"),
            pretty_name: value("PRETTY_NAME").or_else(|| value("NAME")).unwrap_or_else(|| "Linux".into()),
        }
    }
}

/// A shell word without its quotes; `None` where a quote is not closed.
fn unquote(word: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = word.trim_end().chars();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(q), c) if c == q => quote = None,
            (Some('\''), c) => out.push(c),
            (Some(_), '\\') => match chars.next()? {
                c @ ('"' | '\\' | '$' | '`') => out.push(c),
                other => out.extend(['\\', other]),
            },
            (None, '\\') => out.push(chars.next()?),
            // a bare word ends here; the rest could only be a comment
            (None, c) if c.is_whitespace() => break,
            (_, c) => out.push(c),
        }
    }
    quote.is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn distributions() {
        let debian = OsRelease::parse(
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n",
        );
        assert_eq!((debian.id.as_str(), debian.version_id.as_deref()), ("debian", Some("12")));
        assert_eq!(debian.pretty_name, "Debian GNU/Linux 12 (bookworm)");
        let centos = OsRelease::parse(
            "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\nNAME='CentOS Linux'\n",
        );
        assert_eq!(centos.id_like, ["rhel", "fedora"]);
        assert_eq!(centos.pretty_name, "CentOS Linux");
    }

    #[test]
    fn quotes_and_escapes() {
        let text = "# a comment\nID=one\nID=two # last\nnonsense\nPRETTY_NAME=\"a \\\"b\\\" \\$c \\d\"'e'\nVERSION_ID=\"open\n";
        let os = OsRelease::parse(text);
        assert_eq!((os.id.as_str(), os.pretty_name.as_str()), ("two", "a \"b\" $c \\de"));
        assert_eq!(os.version_id, None, "a quote that is not closed is no value");
        assert_eq!(OsRelease::parse("").id, "linux");
    }

    proptest! {
        #[test]
        fn random_text_never_panics(text in ".{0,80}") {
            let _ = OsRelease::parse(&format!("ID={text}"));
        }
    }
}
