//! Makes a line of a foreign program fit to be shown: no escape sequences, no control characters.
//!
//! Programs draw progress with carriage returns; what a terminal would show last is kept. Whatever could move the
//! cursor or change colours is dropped, so that neither a build's output nor a name can disturb the screen or a log.

/// The visible words of `line`, tabs as spaces, trailing blanks dropped.
pub fn clean(line: &str) -> String {
    let stripped = anstream::adapter::strip_str(line).to_string();
    let last = stripped.split(['\r', '\n']).rev().find(|part| !part.trim().is_empty()).unwrap_or("");
    let mut out = String::with_capacity(last.len());
    for c in last.chars() {
        match c {
            '\t' => out.push_str("  "),
            // right-to-left overrides and their kin reorder what stands around them
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_move_the_cursor() {
        assert_eq!(clean("\x1b[1;31mred\x1b[0m text\x07"), "red text");
        assert_eq!(clean("10%\r50%\r100%\r\n"), "100%");
        assert_eq!(clean("a\tb  "), "a  b");
        assert_eq!(clean("\x1b]0;title\x07x\u{202e}y"), "xy");
        assert_eq!(clean("Grüße, 世界"), "Grüße, 世界");
        assert_eq!(clean("\r\n"), "");
    }

    proptest::proptest! {
        #[test]
        fn never_a_control_character(line in "\\PC*|(.|[\\x00-\\x1f]){0,40}") {
            proptest::prop_assert!(!clean(&line).chars().any(char::is_control));
        }
    }
}
