//! Diagnostics on a terminal narrower than the source they show.
//!
//! Enters: what [`crate::diag::render`] drew. Leaves: the same, its lines of source cut to the terminal's columns around
//! what is underlined. A terminal breaks a line that is too long, and the words below would underline something else.
//! What surrounds the source is text: the terminal may break it.

use unicode_width::UnicodeWidthChar;

use super::fit;

/// What stands left of an underlined word when the line's beginning is cut off, in columns.
const LEAD: usize = 4;
/// The least that is left of a line, in columns.
const LEAST: usize = 8;

/// What a line of a drawing is; the columns of its margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A numbered line of source.
    Source(usize),
    /// What is drawn below one: underlines and their texts.
    Marks(usize),
    Other,
}

/// One line of a drawing.
struct Line<'a> {
    /// With escape sequences.
    text: &'a str,
    kind: Kind,
    /// Behind the margin: the columns of the first character and of the end.
    first: usize,
    end: usize,
}

/// `drawn` with its source cut to `columns`; `mark` (one column) stands for what is cut off.
pub fn narrow(drawn: &str, columns: usize, mark: char) -> String {
    let lines: Vec<Line<'_>> = drawn.split_inclusive('\n').map(Line::read).collect();
    let mut out = String::new();
    for (line, from) in lines.iter().zip(starts(&lines, columns)) {
        match line.kind {
            Kind::Source(margin) | Kind::Marks(margin) => {
                let window = Window { margin, from, room: room(columns, margin), mark, kind: line.kind };
                window.cut(line.text, line.end, &mut out);
            }
            Kind::Other => out.push_str(line.text),
        }
    }
    out
}

fn room(columns: usize, margin: usize) -> usize {
    columns.saturating_sub(margin).max(LEAST)
}

/// For each line, the first column of its source that is shown. A line without marks moves along with its neighbours.
fn starts(lines: &[Line<'_>], columns: usize) -> Vec<usize> {
    let mut starts = vec![None; lines.len()];
    let mut at = 0;
    while at < lines.len() {
        let Kind::Source(margin) = lines[at].kind else {
            at += 1;
            continue;
        };
        let below = lines[at + 1..].iter().take_while(|l| matches!(l.kind, Kind::Marks(_))).count();
        let marks = &lines[at + 1..at + 1 + below];
        if let Some(first) = marks.iter().filter(|m| m.end > 0).map(|m| m.first).min() {
            let longest = marks.iter().map(|m| m.end).max().unwrap_or(0);
            // as little as shows the texts whole, never so much that what they belong to is lost
            let from = longest.saturating_sub(room(columns, margin)).min(first.saturating_sub(LEAD));
            starts[at..=at + below].fill(Some(from));
        }
        at += below + 1;
    }
    // the others of a drawing go with what is below, the last ones with what is above
    for at in (1..lines.len()).rev() {
        if lines[at - 1].kind != Kind::Other && starts[at - 1].is_none() {
            starts[at - 1] = starts[at];
        }
    }
    for at in 1..lines.len() {
        if lines[at].kind != Kind::Other && starts[at].is_none() {
            starts[at] = starts[at - 1];
        }
    }
    starts.into_iter().map(Option::unwrap_or_default).collect()
}

impl<'a> Line<'a> {
    fn read(text: &'a str) -> Line<'a> {
        let plain = anstream::adapter::strip_str(text).to_string();
        let plain = plain.trim_end_matches('\n');
        let rest = plain.trim_start_matches(' ');
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let indent = plain.len() - rest.len();
        let kind = match (digits, rest[digits..].chars().next(), rest[digits..].chars().nth(1)) {
            (1.., Some(' '), Some('│' | '|')) => Kind::Source(indent + digits + 3),
            (0, Some('·' | ':'), None | Some(' ')) if indent > 0 => Kind::Marks(indent + 2),
            _ => Kind::Other,
        };
        let content: String = match kind {
            Kind::Source(margin) | Kind::Marks(margin) => plain.chars().skip(margin).collect(),
            Kind::Other => String::new(),
        };
        let trimmed = content.trim_start_matches(' ');
        Line { text, kind, first: content.len() - trimmed.len(), end: fit::width(content.trim_end()) }
    }
}

/// The columns of a line that are shown: its margin, and `room` columns from `from` on.
struct Window {
    margin: usize,
    from: usize,
    room: usize,
    mark: char,
    kind: Kind,
}

impl Window {
    /// Adds the part of `text` that is shown. Escape sequences are kept, so that colours end where they did.
    fn cut(&self, text: &str, end: usize, out: &mut String) {
        let is_source = matches!(self.kind, Kind::Source(_));
        let last = self.margin + self.from + self.room;
        let is_cut = end > self.from + self.room;
        let mut column = 0;
        let mut marked = (false, false);
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c == '\u{1b}' {
                out.push(c);
                // CSI: up to the first letter
                for c in chars.by_ref() {
                    out.push(c);
                    if c.is_ascii_alphabetic() {
                        break;
                    }
                }
                continue;
            }
            if c == '\n' {
                out.push(c);
                continue;
            }
            let wide = c.width().unwrap_or(0);
            let before = column;
            column += wide;
            if before < self.margin {
                out.push(c);
            } else if before < self.margin + self.from + usize::from(is_source && self.from > 0) {
                if is_source && !marked.0 {
                    marked.0 = true;
                    out.push(self.mark);
                }
            } else if is_cut && column >= last {
                if !marked.1 {
                    marked.1 = true;
                    out.push(self.mark);
                }
            } else {
                out.push(c);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::diag::render::{Look, render_all};
    use crate::diag::{Diagnostic, Diagnostics, Source, Span, codes};

    const LINE: &str =
        "  - {name: one, dockerfile: Dockerfile, title: \"世界\", size: 8 furlongs, hostname: x}";

    fn drawn(word: &str, label: &str, look: Look) -> String {
        let text = format!("slots:\n{LINE}\n# a comment that is rather long, as comments come to be\n");
        let start = text.find(word).expect("the word is there");
        let source = Arc::new(Source::new("m.yaml", &text));
        let mut found = Diagnostics::new();
        let wrong = Diagnostic::error(codes::VALUE_INVALID, "this is not what stands here");
        found.push(wrong.at(&source, Span::new(start, start + word.len()), label).help("write another"));
        render_all(&found, look)
    }

    const PLAIN: Look = Look { color: false, unicode: true, width: 40 };

    #[test]
    fn what_fits_stays_as_it_is() {
        let text = drawn("8 furlongs", "no size", Look::PLAIN);
        assert_eq!(narrow(&text, 120, '…'), text);
    }

    #[test]
    fn the_underlined_words_are_kept() {
        insta::assert_snapshot!(narrow(&drawn("8 furlongs", "no size", PLAIN), 40, '…'));
        insta::assert_snapshot!(narrow(&drawn("one", "a text that cannot fit", PLAIN), 20, '…'));
        let ascii = Look { unicode: false, ..PLAIN };
        insta::assert_snapshot!(narrow(&drawn("8 furlongs", "no size", ascii), 30, '~'));
    }

    #[test]
    fn colours_end_where_they_did() {
        let text = drawn("8 furlongs", "no size", Look { color: true, ..PLAIN });
        let cut = narrow(&text, 40, '…');
        assert_eq!(text.matches('\u{1b}').count(), cut.matches('\u{1b}').count());
        let plain = narrow(&drawn("8 furlongs", "no size", PLAIN), 40, '…');
        assert_eq!(anstream::adapter::strip_str(&cut).to_string(), plain);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_line_of_source_is_wider_than_asked(columns in 14usize..120, word in 0usize..4, label in "[a-z ]{0,60}") {
            let word = ["one", "Dockerfile", "8 furlongs", "x}"][word];
            let cut = narrow(&drawn(word, label.trim(), Look { width: columns.max(20), ..PLAIN }), columns, '…');
            for line in cut.lines().map(Line::read).filter(|l| l.kind != Kind::Other) {
                prop_assert!(fit::width(line.text.trim_end()) <= columns, "{columns}: {}", line.text);
            }
        }
    }
}
