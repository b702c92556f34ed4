//! What the parser objects to, said so that people see what to mend: a tab, a merge conflict, a missing space, a quote.
//!
//! Enters: the source, the byte offset where the parser gave up, and its own words. Leaves: a finding, not always at that offset:
//! the mistake is often on the line before.

use std::sync::Arc;

use crate::diag::{Diagnostic, Source, Span, codes};
use crate::front::parse::first_line;

/// A syntax error of the parser, said so that people see what to mend.
pub fn syntax(source: &Arc<Source>, at: usize, info: &str) -> Diagnostic {
    let text = source.text.as_str();
    let at = at.min(text.len());
    if let Some(span) = tab(text, at) {
        return Diagnostic::error(codes::YAML_TAB, "a tab indents this line")
            .at(source, span, "YAML indents with spaces only")
            .help("replace the tab by two spaces for each level");
    }
    if let Some(finding) = conflict(source).or_else(|| no_space(source, at)) {
        return finding;
    }
    // the end of the text has no words: point at the last ones
    let at = match text[at..].trim().is_empty() {
        true => text.trim_end().char_indices().next_back().map_or(0, |(last, _)| last),
        false => at + (text[at..].len() - text[at..].trim_start_matches(['\n', '\r']).len()),
    };
    let word = text[at..].split([' ', '\t', '\r', '\n', ',', ']', '}']).next().unwrap_or_default();
    let end = at + word.len().max(text[at..].chars().next().map_or(0, char::len_utf8));
    let finding = Diagnostic::error(codes::YAML_SYNTAX, "this is not YAML").at(
        source,
        Span::new(at, end),
        info.to_string(),
    );
    let help = if info.contains("mapping values are not allowed") {
        "quote a value that holds `: `; keys of one mapping begin in the same column"
    } else if info.contains("unknown anchor") {
        "an alias `*name` repeats a value marked `&name` further up; quote a word that begins with `*`"
    } else if info.contains("escape character") {
        "in double quotes a backslash begins an escape: write it twice, or use single quotes"
    } else if info.contains("unexpected character") || info.contains("cannot start any token") {
        "quote a value that begins with `%`, `@` or a backtick"
    } else if info.contains("simple key") {
        "each line of a mapping is `key: value`"
    } else if info.contains("did not find expected") || info.contains("quoted scalar") {
        "see that every bracket and quote is closed, and that keys of one mapping begin in the same column"
    } else {
        return finding;
    };
    finding.help(help)
}

/// What a merge leaves in a file that nobody has mended.
fn conflict(source: &Arc<Source>) -> Option<Diagnostic> {
    let text = source.text.as_str();
    let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let marker = |at: &usize| text[*at..].starts_with("<<<<<<< ") || text[*at..].starts_with(">>>>>>> ");
    let at = starts.into_iter().find(marker)?;
    let finding = Diagnostic::error(codes::YAML_SYNTAX, "a merge conflict stands in the text");
    Some(
        finding
            .at(source, first_line(source, Span::new(at, text.len())), "left by a merge")
            .help("keep what is right of both sides, and remove the marker lines"),
    )
}

/// A `key:value` on the line in front of `at`, which is one word to YAML: the next key then stands inside of it.
fn no_space(source: &Arc<Source>, at: usize) -> Option<Diagnostic> {
    let text = source.text.as_str();
    let here = text[..at].rfind('\n')?;
    let before = text[..here].rfind('\n').map_or(0, |at| at + 1);
    let line = first_line(source, Span::new(before, here));
    let words = text[line.start..line.end].trim_start_matches([' ', '-']);
    let (key, value) = words.split_once(':').filter(|(_, value)| !value.contains(':'))?;
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_key || value.is_empty() || value.starts_with([' ', '/']) {
        return None;
    }
    let finding = Diagnostic::error(codes::YAML_SYNTAX, "a space is missing behind the colon");
    let span = Span::new(line.end - words.len(), line.end);
    let mended = format!("{key}: {value}");
    Some(
        finding
            .at(source, span, "one word to YAML")
            .fix(format!("write `{mended}`"), span, mended.clone())
            .help(format!("write `{mended}`")),
    )
}

/// The tabs that indent the line at `at`, the one before or the one after: where the parser stops is not always where
/// the tab is.
fn tab(text: &str, at: usize) -> Option<Span> {
    let line_start = |at: usize| text.as_bytes()[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let here = line_start(at);
    let before = line_start(here.saturating_sub(1));
    let after = text[here..].find('\n').map_or(text.len(), |n| here + n + 1);
    for start in [here, before, after] {
        let line = text[start..].split('\n').next().unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        if let Some(tab) = indent.find('\t').filter(|_| indent.len() < line.trim_end().len()) {
            let tabs = indent[tab..].bytes().take_while(|b| *b == b'\t').count();
            return Some(Span::new(start + tab, start + tab + tabs));
        }
    }
    None
}
