//! A Dockerfile's text as logical lines: comments gone, continued lines joined, here-documents skipped.
//!
//! Enters: the text, without a byte order mark. Leaves: [`Script`]; each byte of a logical line knows where it stood. As BuildKit's
//! `parser.go` does it: parser directives only in front of everything, a comment within a continued line is left out,
//! an escape character at a line's end joins unless it is itself escaped.

use super::{Problem, Syntax};
use crate::diag::Span;

/// One instruction with all its continuation lines.
#[derive(Clone, Debug, Default)]
pub struct Line {
    pub text: String,
    /// Where pieces of `text` begin, in `text` and in the file.
    pieces: Vec<(usize, usize)>,
}

impl Line {
    fn push(&mut self, text: &str, at: usize) {
        self.pieces.push((self.text.len(), at));
        self.text.push_str(text);
    }

    fn place(&self, at: usize) -> usize {
        let after = self.pieces.partition_point(|(start, _)| *start <= at);
        // an empty piece stands where the next one does: the last of them holds the byte
        self.pieces.get(after.saturating_sub(1)).map_or(0, |(start, place)| place + (at - start))
    }

    /// Bytes `start..end` of the line as a place in the file.
    pub fn span(&self, start: usize, end: usize) -> Span {
        match end.checked_sub(1) {
            Some(last) if last >= start => Span::new(self.place(start), self.place(last) + 1),
            _ => Span::new(self.place(start), self.place(start)),
        }
    }
}

/// The lines of a file and what governs them.
#[derive(Clone, Debug)]
pub struct Script {
    pub lines: Vec<Line>,
    pub escape: char,
    /// The image that `# syntax=` names: another one than Docker's may know other instructions.
    pub syntax: Option<String>,
    pub problems: Vec<Problem>,
}

/// Physical lines with their places, line ends kept.
struct Reader<'t> {
    rest: std::str::SplitInclusive<'t, char>,
    at: usize,
}

impl<'t> Iterator for Reader<'t> {
    type Item = (usize, &'t str);
    fn next(&mut self) -> Option<(usize, &'t str)> {
        let line = self.rest.next()?;
        let at = self.at;
        self.at += line.len();
        Some((at, line.trim_end_matches(['\r', '\n'])))
    }
}

pub fn read(text: &str) -> Script {
    let mut reader = Reader { rest: text.split_inclusive('\n'), at: 0 };
    let mut script = Script { lines: Vec::new(), escape: '\\', syntax: None, problems: Vec::new() };
    let mut directives = true;
    while let Some((at, raw)) = reader.next() {
        let first = raw.trim_start();
        let at = at + raw.len() - first.len();
        if let Some(comment) = first.strip_prefix('#') {
            directives = directives && directive(comment, at + 1, &mut script);
            continue;
        }
        directives = false;
        let mut line = Line::default();
        let mut piece = (at, first);
        loop {
            let (text, more) = continued(piece.1, script.escape);
            line.push(text, piece.0);
            if !more {
                break;
            }
            // comments and empty lines between do not end the instruction
            let next =
                reader.by_ref().find(|(_, l)| !l.trim_start().starts_with('#') && !l.trim().is_empty());
            let Some(next) = next else { break };
            piece = next;
        }
        if line.text.trim().is_empty() {
            continue;
        }
        skip_here_documents(&line, &mut reader, &mut script.problems);
        script.lines.push(line);
    }
    script
}

/// Reads a parser directive; no when this is a comment like any other, after which there are none.
fn directive(comment: &str, at: usize, script: &mut Script) -> bool {
    let Some((name, value)) = comment.split_once('=') else { return false };
    let value_at = at + comment.len() - value.trim_start().len();
    let value = value.trim();
    match name.trim().to_ascii_lowercase().as_str() {
        "escape" => match value {
            "\\" => script.escape = '\\',
            "`" => script.escape = '`',
            _ => script.problems.push(Problem {
                kind: Syntax::Escape(value.to_string()),
                span: Span::new(value_at, value_at + value.len()),
            }),
        },
        "syntax" => script.syntax = Some(value.to_string()),
        "check" => {}
        _ => return false,
    }
    true
}

/// The line without the escape character that continues it, and whether one does.
fn continued(line: &str, escape: char) -> (&str, bool) {
    let end = line.trim_end_matches([' ', '\t']);
    match end.strip_suffix(escape) {
        Some(rest) if !rest.ends_with(escape) => (rest, true),
        _ => (line, false),
    }
}

/// Moves behind the here-documents that the line opens.
fn skip_here_documents(line: &Line, reader: &mut Reader<'_>, problems: &mut Vec<Problem>) {
    let text = line.text.trim_start();
    let mut words = text.split_ascii_whitespace();
    let mut instruction = words.next().unwrap_or_default();
    if instruction.eq_ignore_ascii_case("onbuild") {
        instruction = words.next().unwrap_or_default();
    }
    let opens = ["run", "copy", "add"].iter().any(|i| instruction.eq_ignore_ascii_case(i));
    if !opens || !text.contains("<<") || super::words::is_json(&line.text) {
        return;
    }
    for (name, tabs, start, end) in here_documents(&line.text) {
        let trimmed = |l: &str| if tabs { l.trim_start_matches('\t') == name } else { l == name };
        if !reader.by_ref().any(|(_, l)| trimmed(l)) {
            problems.push(Problem { kind: Syntax::HereDocument(name), span: line.span(start, end) });
        }
    }
}

/// The end word of each here-document, whether tabs before it are dropped, and where the line names it.
fn here_documents(line: &str) -> Vec<(String, bool, usize, usize)> {
    let mut out = Vec::new();
    let Some(words) = super::words::quoted(line, '\\') else { return out };
    for (start, end) in words {
        let word = &line[start..end];
        let Some(rest) = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<") else {
            continue;
        };
        let (rest, tabs) = rest.strip_prefix('-').map_or((rest, false), |r| (r, true));
        if !rest.is_empty() && !rest.contains('<') {
            out.push((super::words::bare(rest, '\\'), tabs, start, end));
        }
    }
    out
}

/// Whether a source of `COPY` is a here-document.
pub fn is_here_document(word: &str) -> bool {
    !here_documents(word).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        read(text).lines.into_iter().map(|l| l.text).collect()
    }

    #[test]
    fn continuations_comments_and_line_ends() {
        assert_eq!(texts("FROM a\r\nRUN x \\  \r\n # no\n\n  y\nCMD z"), ["FROM a", "RUN x   y", "CMD z"]);
        assert_eq!(texts("# escape=`\nRUN a \\\nRUN b `\nc\n"), ["RUN a \\", "RUN b c"]);
        assert_eq!(texts("# a comment\n# escape=`\nRUN a `\nb"), ["RUN a `", "b"]);
        assert_eq!(texts("RUN a \\\\\nRUN b"), ["RUN a \\\\", "RUN b"]);
        assert_eq!(texts("\\\n  RUN a"), ["  RUN a"]);
    }

    #[test]
    fn here_documents_anywhere_in_a_line() {
        let text =
            "RUN cat <<EOF >/x && cat <<-'E F'\nFRM\nEOF\nno\n\tE F\nCOPY <<\"A\" /x\nB\nA\nCMD a <<EOF\n";
        assert_eq!(texts(text).len(), 3);
        assert_eq!(texts("RUN [\"a\", \"<<EOF\"]\nCMD x").len(), 2);
        assert_eq!(texts("RUN echo $((1<<2)) <<<word\nCMD x").len(), 2);
        assert_eq!(texts("ONBUILD RUN <<E\nx\nE\nCMD x").len(), 2);
        let script = read("RUN <<EOF\nx\n");
        assert_eq!(script.problems.len(), 1);
        assert_eq!(script.problems[0].span, Span::new(4, 9));
    }

    #[test]
    fn places_survive_joining() {
        let text = "# c\nCOPY a \\\n # no\n   bé /x\n";
        let line = &read(text).lines[0];
        let at = line.text.find("bé").expect("the word");
        let span = line.span(at, at + 3);
        assert_eq!(&text[span.start..span.end], "bé");
    }
}
