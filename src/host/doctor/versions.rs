//! The versions of programs, as they say themselves.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::base::event::NodeReporter;
use crate::host::command::Call;

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// What `program --version` says; nothing when it does not answer in time, or without a number.
pub async fn version(program: &Path, cancel: &CancellationToken) -> Option<String> {
    let reporter = NodeReporter::silent();
    let call = Call::new(program).args(["--version"]);
    let asked = tokio::time::timeout(PATIENCE, call.run(&reporter, cancel)).await.ok()?;
    number(&asked.ok()?)
}

/// The first word of the first line that starts with a digit.
fn number(text: &str) -> Option<String> {
    let mut words = text.lines().next()?.split_whitespace();
    let word = words.find(|w| w.starts_with(|c: char| c.is_ascii_digit()))?;
    Some(word.trim_end_matches([',', ')']).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_number() {
        for (text, expected) in [
            ("mmdebstrap 1.3.5", Some("1.3.5")),
            ("grub-mkimage (GRUB) 2.06-13+deb12u1", Some("2.06-13+deb12u1")),
            ("QEMU emulator version 7.2.15 (Debian 1:7.2+dfsg-7)\nCopyright 2003", Some("7.2.15")),
            ("no number", None),
            ("", None),
        ] {
            assert_eq!(number(text).as_deref(), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_has_none() {
        assert_eq!(version(Path::new("/no/such/program"), &CancellationToken::new()).await, None);
    }
}
