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

    proptest::proptest! {
        #[test]
        fn never_wider_than_asked(text in "\\PC{0,30}", columns in 0usize..30) {
            proptest::prop_assert!(width(&cut(&text, columns, '…')) <= columns);
        }
    }
}
