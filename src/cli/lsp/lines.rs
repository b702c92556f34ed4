//! Byte offsets to the protocol's positions and back: a line, and a column counted in the units that the editor chose.
//!
//! Lines end with `\n`, `\r\n` or `\r` (LSP 3.17, "Text Documents"). Positions beyond a line's end mean its end.

use gen_lsp_types::{Position, PositionEncodingKind, Range};

use crate::diag::Span;

/// What a column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16,
    Utf32,
}

impl Encoding {
    /// The cheapest of those that the editor offers; UTF-16 where it does not say.
    pub fn choose(offered: Option<&[PositionEncodingKind]>) -> Encoding {
        let offered = offered.unwrap_or_default();
        if offered.contains(&PositionEncodingKind::UTF8) {
            Encoding::Utf8
        } else if !offered.contains(&PositionEncodingKind::UTF16)
            && offered.contains(&PositionEncodingKind::UTF32)
        {
            Encoding::Utf32
        } else {
            Encoding::Utf16
        }
    }

    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    fn width(self, c: char) -> usize {
        match self {
            Encoding::Utf8 => c.len_utf8(),
            Encoding::Utf16 => c.len_utf16(),
            Encoding::Utf32 => 1,
        }
    }
}

/// A text whose line starts are known.
pub struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    encoding: Encoding,
}

impl<'t> Lines<'t> {
    pub fn new(text: &'t str, encoding: Encoding) -> Lines<'t> {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Lines { text, starts, encoding }
    }

    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let before = &self.text[self.starts[line]..offset];
        let column: usize = before.chars().map(|c| self.encoding.width(c)).sum();
        // a manifest has at most a mebibyte, and a longer file's end is good enough
        Position::new(count(line), count(column))
    }

    pub fn range(&self, span: Span) -> Range {
        Range::new(self.position(span.start), self.position(span.end.max(span.start)))
    }

    /// The byte offset of a position, at most the end of its line or of the text.
    pub fn offset(&self, position: Position) -> usize {
        let Some(start) = self.starts.get(position.line as usize) else { return self.text.len() };
        let line = &self.text[*start..];
        let line = &line[..line.find(['\n', '\r']).unwrap_or(line.len())];
        let mut column = 0;
        for (at, c) in line.char_indices() {
            if column >= position.character as usize {
                return start + at;
            }
            column += self.encoding.width(c);
        }
        start + line.len()
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_what_the_editor_counts() {
        let text = "a: é😀x\r\nb\rc\n";
        let x = text.find('x').expect("x");
        for (encoding, column) in [(Encoding::Utf8, 9), (Encoding::Utf16, 6), (Encoding::Utf32, 5)] {
            let lines = Lines::new(text, encoding);
            assert_eq!(lines.position(x), Position::new(0, column));
            assert_eq!(lines.offset(Position::new(0, column)), x);
        }
        let lines = Lines::new(text, Encoding::Utf16);
        assert_eq!(lines.position(text.find('b').expect("b")), Position::new(1, 0));
        assert_eq!(lines.position(text.find('c').expect("c")), Position::new(2, 0));
        assert_eq!(lines.position(text.len()), Position::new(3, 0));
        assert_eq!(lines.offset(Position::new(0, 99)), x + 1);
        assert_eq!(lines.offset(Position::new(99, 0)), text.len());
    }

    #[test]
    fn the_encoding_is_the_cheapest_offered() {
        use PositionEncodingKind as Kind;
        assert_eq!(Encoding::choose(None), Encoding::Utf16);
        assert_eq!(Encoding::choose(Some(&[Kind::UTF16, Kind::UTF8])), Encoding::Utf8);
        assert_eq!(Encoding::choose(Some(&[Kind::UTF32])), Encoding::Utf32);
        assert_eq!(Encoding::choose(Some(&[Kind::UTF32, Kind::UTF16])), Encoding::Utf16);
    }

    proptest::proptest! {
        #[test]
        fn every_offset_comes_back(text in "[a-cé😀\\n\\r :]{0,30}") {
            for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
                let lines = Lines::new(&text, encoding);
                for (at, c) in text.char_indices() {
                    // the halves of `\r\n` are one place
                    if c != '\n' && c != '\r' {
                        proptest::prop_assert_eq!(lines.offset(lines.position(at)), at);
                    }
                }
            }
        }
    }
}
