//! An instruction's words with their places in the logical line: flags, the JSON form, words between spaces.
//!
//! As BuildKit's `line_parsers.go` and `split_command.go` do it: `COPY` splits at spaces whatever quotes say, flags and
//! `ARG` heed quotes.

/// A word of a logical line, as it is written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub start: usize,
    pub end: usize,
}

/// `--name=value` with quotes taken off. `start..end` is the value's place, or the whole flag's where it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    pub name: String,
    /// Where its dashes begin.
    pub dashes: usize,
    pub value: Option<String>,
    pub start: usize,
    pub end: usize,
}

/// What BuildKit splits at.
const SPACES: [char; 5] = ['\t', '\u{b}', '\u{c}', '\r', ' '];

/// The words from `from` on, split at spaces alone.
pub fn plain(line: &str, from: usize) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = from;
    for part in line[from..].split(SPACES) {
        if !part.trim().is_empty() {
            words.push(Word { text: part.to_string(), start, end: start + part.len() });
        }
        start += part.len() + 1;
    }
    words
}

/// The line's first word, and where what follows begins.
pub fn instruction(line: &str) -> (Word, usize) {
    let start = line.len() - line.trim_start().len();
    let end = line[start..].find(SPACES).map_or(line.len(), |at| start + at);
    let word = Word { text: line[start..end].to_string(), start, end };
    (word, end)
}

/// The flags in front, from `from` on, and where the arguments begin.
pub fn flags(line: &str, from: usize) -> (Vec<Flag>, usize) {
    let mut flags = Vec::new();
    let mut at = from;
    loop {
        at += line[at..].len() - line[at..].trim_start().len();
        if !line[at..].starts_with("--") {
            return (flags, at);
        }
        let end = at + word_end(&line[at..], '\\');
        let raw = &line[at..end];
        if raw == "--" {
            return (flags, end);
        }
        let (name, value) = raw[2..].split_once('=').map_or((&raw[2..], None), |(n, v)| (n, Some(v)));
        let start = value.map_or(at, |v| end - v.len());
        flags.push(Flag {
            name: name.to_string(),
            dashes: at,
            value: value.map(|v| bare(v, '\\')),
            start,
            end,
        });
        at = end;
    }
}

/// Where the word at the start of `text` ends, quotes and escapes heeded.
fn word_end(text: &str, escape: char) -> usize {
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match quote {
            None if c.is_whitespace() => return at,
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            // nothing is escaped between single quotes
            _ if c == escape && quote != Some('\'') => {
                chars.next();
            }
            _ => {}
        }
    }
    text.len()
}

/// The words of `line` with quotes and escapes heeded, by their places; `None` where a quote stays open.
pub fn quoted(line: &str, escape: char) -> Option<Vec<(usize, usize)>> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        at += line[at..].len() - line[at..].trim_start().len();
        if at == line.len() {
            return Some(words);
        }
        let end = at + word_end(&line[at..], escape);
        if end == line.len() && is_open(&line[at..], escape) {
            return None;
        }
        words.push((at, end));
        at = end;
    }
}

fn is_open(word: &str, escape: char) -> bool {
    let mut quote = None;
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match quote {
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape && quote != Some('\'') => {
                chars.next();
            }
            _ => {}
        }
    }
    quote.is_some()
}

/// A word without its quotes and escapes.
pub fn bare(word: &str, escape: char) -> String {
    let mut out = String::new();
    let mut quote = None;
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match quote {
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape && quote != Some('\'') => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

/// Whether the instruction's arguments are a JSON array of strings.
pub fn is_json(line: &str) -> bool {
    let (_, from) = instruction(line);
    let (_, from) = flags(line, from);
    json(line, from).is_some()
}

/// The strings of a JSON array that begins at `from` and is all there is. Their places are without the quotes.
pub fn json(line: &str, from: usize) -> Option<Vec<Word>> {
    let text = line[from..].trim();
    if !text.starts_with('[') {
        return None;
    }
    let strings: Vec<String> = serde_json::from_str(text).ok()?;
    // an array of strings has no quotes but theirs
    let mut places = Vec::new();
    let mut open = None;
    let mut escaped = false;
    for (at, c) in line[from..].char_indices() {
        match (open, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(start), '"') => {
                places.push((start, from + at));
                open = None;
            }
            (None, '"') => open = Some(from + at + 1),
            _ => {}
        }
    }
    Some(strings.into_iter().zip(places).map(|(text, (start, end))| Word { text, start, end }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_quotes_and_what_follows() {
        let line = "COPY --from=a  --chown=\"b c\" --link [\"x y\", \"z\\\"\"]";
        let (word, from) = instruction(line);
        assert_eq!((word.text.as_str(), from), ("COPY", 4));
        let (flags, from) = flags(line, from);
        let told: Vec<_> = flags.iter().map(|f| (f.name.as_str(), f.value.as_deref())).collect();
        assert_eq!(told, [("from", Some("a")), ("chown", Some("b c")), ("link", None)]);
        assert_eq!(&line[flags[0].start..flags[0].end], "a");
        let words = json(line, from).expect("an array");
        assert_eq!(words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>(), ["x y", "z\""]);
        assert_eq!(&line[words[1].start..words[1].end], "z\\\"");
        assert!(json("[a, b]", 0).is_none() && json("[\"a\", 1]", 0).is_none());
    }

    #[test]
    fn words_between_spaces_and_between_quotes() {
        let words = plain("COPY  a \"b c\" d", 4);
        assert_eq!(words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>(), ["a", "\"b", "c\"", "d"]);
        assert_eq!(quoted("a=\"b c\" d\\ e", '\\'), Some(vec![(0, 7), (8, 12)]));
        assert_eq!(quoted("it's", '\\'), None);
        assert_eq!(bare("a\"b c\"'$d'\\ e", '\\'), "ab c$d e");
    }
}
