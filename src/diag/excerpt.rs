//! The lines of a source that a drawing needs, fit to be drawn.
//!
//! Enters: a source, the places to underline, and places that hold secrets. Leaves: the lines around the places and where the
//! places are in them. Lines of thousands of columns are cut to what surrounds a place; control characters, which a
//! terminal would obey, and marks that reorder text (Unicode TR 36, "bidirectional text spoofing") are shown as pictures.

use super::{Source, Span};

/// Lines above the first place and below the last.
const CONTEXT: usize = 1;
/// A line of more characters is cut.
const LONG: usize = 400;
/// Characters that stay on each side of a place in a cut line.
const AROUND: usize = 60;
/// Characters that stay of a place in a cut line.
const INSIDE: usize = 120;

/// Lines of a source.
pub struct Excerpt {
    pub text: String,
    /// The places in `text`, in the order they were asked for.
    pub spans: Vec<Span>,
    /// Lines of the source above `text`.
    pub skipped: usize,
}

impl Excerpt {
    pub fn new(source: &Source, places: &[Span], secrets: &[Span]) -> Excerpt {
        let text = source.text.as_str();
        let first = places.iter().map(|p| p.start).min().unwrap_or(0);
        let last = places.iter().map(|p| p.end).max().unwrap_or(0);
        let (start, end) = (lines_up(text, first, CONTEXT), lines_down(text, last, CONTEXT));
        let mut wanted: Vec<usize> = places.iter().flat_map(|p| [p.start, p.end]).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut writer = Writer { out: String::new(), found: Vec::new(), wanted, next: 0 };
        let mut at = start;
        for line in text[start..end].split_inclusive('\n') {
            writer.line(line, at, places, secrets);
            at += line.len();
        }
        writer.pass(usize::MAX);
        let place = |offset: usize| {
            let found = writer.found.iter().find(|(original, _)| *original == offset);
            found.map_or(writer.out.len(), |(_, new)| *new)
        };
        let spans = places.iter().map(|p| Span::new(place(p.start), place(p.end))).collect();
        let skipped = text.as_bytes()[..start].iter().filter(|b| **b == b'\n').count();
        Excerpt { spans, skipped, text: writer.out }
    }
}

/// Where the line begins that is `count` above the one at `offset`.
fn lines_up(text: &str, offset: usize, count: usize) -> usize {
    let mut breaks = text.as_bytes()[..offset.min(text.len())].iter().enumerate().rev();
    let newline = breaks.by_ref().filter(|(_, b)| **b == b'\n').nth(count);
    newline.map_or(0, |(at, _)| at + 1)
}

/// Where the line ends that is `count` below the one at `offset`.
fn lines_down(text: &str, offset: usize, count: usize) -> usize {
    let offset = offset.min(text.len());
    let mut breaks = text.as_bytes()[offset..].iter().enumerate().filter(|(_, b)| **b == b'\n');
    breaks.nth(count).map_or(text.len(), |(at, _)| offset + at + 1)
}

struct Writer {
    out: String,
    /// Offsets of the source that are asked for, in order, and how many are found.
    wanted: Vec<usize>,
    next: usize,
    found: Vec<(usize, usize)>,
}

impl Writer {
    /// The source is written up to `offset`.
    fn pass(&mut self, offset: usize) {
        while let Some(wanted) = self.wanted.get(self.next).filter(|wanted| **wanted <= offset) {
            self.found.push((*wanted, self.out.len()));
            self.next += 1;
        }
    }

    fn line(&mut self, line: &str, start: usize, places: &[Span], secrets: &[Span]) {
        let body = line.trim_end_matches(['\n', '\r']);
        let long = body.chars().nth(LONG).is_some();
        let windows = if long { windows(body, start, places) } else { vec![(0, body.len())] };
        let mut cut = false;
        for (at, c) in body.char_indices() {
            let shown = windows.iter().any(|(from, to)| (*from..*to).contains(&at));
            if shown {
                self.pass(start + at);
                let secret = secrets.iter().any(|s| (s.start..s.end).contains(&(start + at)));
                self.out.push(if secret { '*' } else { picture(c) });
            } else if !cut {
                self.out.push('…');
            }
            cut = !shown;
        }
        self.pass(start + line.len().saturating_sub(1).max(body.len()));
        if line.ends_with('\n') {
            self.out.push('\n');
        }
    }
}

/// What stays of a long line: around each place that begins or ends in it, or its beginning.
fn windows(body: &str, start: usize, places: &[Span]) -> Vec<(usize, usize)> {
    let back = |at: usize, n: usize| body[..at].char_indices().rev().take(n).last().map_or(at, |(i, _)| i);
    let ahead = |at: usize, n: usize| body[at..].char_indices().nth(n).map_or(body.len(), |(i, _)| at + i);
    let inside = |offset: usize| offset.checked_sub(start).filter(|at| body.is_char_boundary(*at));
    let mut out: Vec<(usize, usize)> = places
        .iter()
        .flat_map(|place| {
            let head = inside(place.start).map(|at| (back(at, AROUND), ahead(at, INSIDE)));
            let tail = inside(place.end).map(|at| (back(at, AROUND), ahead(at, AROUND)));
            [head, tail]
        })
        .flatten()
        .collect();
    if out.is_empty() {
        out.push((0, ahead(0, AROUND + INSIDE)));
    }
    out
}

/// A character as it may be drawn.
fn picture(c: char) -> char {
    match c {
        '\t' => c,
        // Unicode, block "Control Pictures"
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
            '\u{fffd}'
        }
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(excerpt: &Excerpt, index: usize) -> &str {
        let span = excerpt.spans[index];
        &excerpt.text[span.start..span.end]
    }

    #[test]
    fn only_the_lines_around_stay() {
        let source = Source::new("m", "one\ntwo\nthree\r\nfour\nfive\n");
        let at = source.text.find("three").expect("a word");
        let excerpt = Excerpt::new(&source, &[Span::new(at, at + 5)], &[]);
        assert_eq!((excerpt.text.as_str(), excerpt.skipped), ("two\nthree\nfour\n", 1));
        assert_eq!(words(&excerpt, 0), "three");
        let end = source.text.len();
        assert_eq!(Excerpt::new(&source, &[Span::new(end, end)], &[]).spans, [Span::new(5, 5)]);
    }

    #[test]
    fn long_lines_are_cut_and_places_found_again() {
        let text = format!("{}here{}\n{}\n", "é".repeat(50_000), "x".repeat(50_000), "y".repeat(5_000));
        let source = Source::new("m", text);
        let at = source.text.find("here").expect("a word");
        let excerpt = Excerpt::new(&source, &[Span::new(at, at + 4), Span::new(at, source.text.len())], &[]);
        assert!(excerpt.text.chars().count() < 1000, "{}", excerpt.text);
        assert!(excerpt.text.starts_with("…é") && excerpt.text.contains("x…\n"), "{}", excerpt.text);
        assert_eq!(words(&excerpt, 0), "here");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_and_no_secret() {
        let source = Source::new("m", "a\x1b[31m\u{202e}b: geheim\n");
        let at = source.text.find("geheim").expect("a word");
        let secret = Span::new(at, at + 6);
        let excerpt = Excerpt::new(&source, &[secret], &[secret]);
        assert_eq!(excerpt.text, "a␛[31m\u{fffd}b: ******\n");
        assert_eq!(words(&excerpt, 0), "******");
    }

    proptest::proptest! {
        #[test]
        fn spans_lie_in_the_text(text in "(a|é|\\n|\\r\\n|\\t|\x1b|b{500}){0,12}", a in 0usize..4000, b in 0usize..4000) {
            let source = Source::new("m", text.as_str());
            let fit = |at: usize| (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            let (a, b) = (fit(a), fit(b));
            let place = Span::new(a.min(b), a.max(b));
            let excerpt = Excerpt::new(&source, &[place], &[]);
            let span = excerpt.spans[0];
            proptest::prop_assert!(excerpt.text.get(span.start..span.end).is_some(), "{span:?} in {:?}", excerpt.text);
        }
    }
}
