//! Words for a POSIX shell.
//!
//! Enters: any text. Leaves: one word that the shell reads back as that text (POSIX.1-2017, XCU 2.2). Words go into
//! `RUN` lines too: a Dockerfile's parser sees a backslash only at a line's end, where a quoted word never has one.

/// `text` as one word: bare where every character is harmless, else in single quotes.
pub fn quote(text: &str) -> String {
    // `~` and `=` are left out: `~` expands at the start, `a=b` would be an assignment before a command
    let bare = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | ',' | '+' | '@' | '%')
    };
    if !text.is_empty() && text.chars().all(bare) {
        return text.to_string();
    }
    single_quoted(text)
}

/// `text` in single quotes, whatever it holds. GRUB's shell reads these as POSIX does.
pub fn single_quoted(text: &str) -> String {
    // a single quote cannot stand in single quotes: close, add it escaped, open again
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The texts as words with a blank between.
pub fn words(texts: &[String]) -> String {
    texts.iter().map(|t| quote(t)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_plain() {
        assert_eq!(quote("linux-image-amd64"), "linux-image-amd64");
        assert_eq!(quote("getty@tty1.service"), "getty@tty1.service");
        assert_eq!(quote("$6$a$b"), "'$6$a$b'");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote(""), "''");
        assert_eq!(single_quoted("a"), "'a'");
        assert_eq!(words(&["a".into(), "b c".into()]), "a 'b c'");
    }
}
