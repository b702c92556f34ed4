//! Text in columns of a terminal: measured by Unicode's East Asian Width (UAX #11), cut and padded.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `columns`, its end replaced by `mark` (one column) where it is longer.
pub fn cut(text: &str, columns: usize, mark: char) -> String {
    if width(text) <= columns {
        return text.to_string();
    }
    if columns == 0 {
        return String::new();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > columns {
            break;
        }
        used += w;
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out.push(mark);
    out
}

/// `text` in lines of at most `columns`, broken at spaces; a word that is longer is broken anywhere.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word = word.to_string();
        if !line.is_empty() && width(&line) + 1 + width(&word) <= columns {
            line.push(' ');
        } else if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        while width(&word) > columns {
            let mut used = 0;
            let fits = word.char_indices().find(|(_, c)| {
                used += c.width().unwrap_or(0);
                used > columns
            });
            // at least one character, for a line that is narrower than it
            let at = fits.map_or(word.len(), |(at, c)| at.max(if at == 0 { c.len_utf8() } else { 0 }));
            let rest = word.split_off(at);
            lines.push(std::mem::replace(&mut word, rest));
        }
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

/// `text` with spaces after it up to `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `text` with spaces before it up to `columns`.
pub fn pad_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_by_columns_and_not_by_characters() {
        assert_eq!(cut("abcdef", 6, '…'), "abcdef");
        assert_eq!(cut("abcdef", 5, '…'), "abcd…");
        assert_eq!(cut("世界世界", 5, '…'), "世界…");
        assert_eq!(cut("世界世界", 4, '…'), "世…");
        assert_eq!(cut("ab cdef", 4, '…'), "ab…");
        assert_eq!(cut("abc", 0, '…'), "");
        assert_eq!(pad("世", 4), "世  ");
        assert_eq!(pad_left("12 s", 6), "  12 s");
    }

    #[test]
    fn wraps_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a verylongword b", 6), ["a", "verylo", "ngword", "b"]);
        assert_eq!(wrap("世界世 x", 4), ["世界", "世 x"]);
        assert_eq!(wrap("世界", 1), ["世", "界", ""]);
        assert_eq!(wrap("", 5), [""]);
    }

    proptest::proptest! {
        #[test]
        fn wrapping_loses_nothing(text in "[a-z 世]{0,40}", columns in 2usize..30) {
            let lines = wrap(&text, columns);
            proptest::prop_assert!(lines.iter().all(|l| width(l) <= columns), "{lines:?}");
            let letters = |t: &str| t.replace(' ', "");
            proptest::prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }

        #[test]
        fn never_wider_than_asked(text in "\\PC{0,30}", columns in 0usize..30) {
            proptest::prop_assert!(width(&cut(&text, columns, '…')) <= columns);
        }
    }
}
