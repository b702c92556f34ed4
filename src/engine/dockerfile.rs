//! The images that a Dockerfile builds on, read from its `FROM` lines.
//!
//! Enters: the Dockerfile's text and build arguments. Leaves: references as the engine would look them up. Follows the
//! Dockerfile reference: `#` directives, continuation lines, here-documents, `ARG` before the first `FROM`, `AS` names.

use std::collections::{BTreeMap, BTreeSet};

/// The images named by `FROM` that are neither `scratch` nor an earlier stage, each once, in order. A reference with a
/// variable that has no value is left out: the build itself will say what is wrong with it.
pub(super) fn base_images(text: &str, build_args: &BTreeMap<String, String>) -> Vec<String> {
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    let mut stages = BTreeSet::new();
    let mut images: Vec<String> = Vec::new();
    let mut before_from = true;
    for line in instructions(text) {
        let mut words = line.split_whitespace();
        let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
        if keyword == "ARG" && before_from {
            for word in words {
                let (name, default) = word.split_once('=').map_or((word, None), |(n, d)| (n, Some(d)));
                let given = build_args.get(name).cloned();
                let value = given.or_else(|| default.and_then(|d| expand(unquote(d), &variables)));
                if let Some(value) = value {
                    variables.insert(name.to_string(), value);
                }
            }
        } else if keyword == "FROM" {
            before_from = false;
            let words: Vec<&str> = words.filter(|w| !w.starts_with("--")).collect();
            let image = words.first().and_then(|w| expand(unquote(w), &variables));
            if let Some(image) = image.filter(|i| !i.is_empty()) {
                let known = image == "scratch" || stages.contains(&image.to_lowercase());
                if !known && !images.contains(&image) {
                    images.push(image);
                }
            }
            if let [_, keyword, name, ..] = words.as_slice()
                && keyword.eq_ignore_ascii_case("as")
            {
                stages.insert(name.to_lowercase());
            }
        }
    }
    images
}

/// Logical lines: comments and blank lines gone, continuations joined, here-documents skipped.
fn instructions(text: &str) -> Vec<String> {
    let escape = escape_character(text);
    let mut out: Vec<String> = Vec::new();
    let mut open = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if let Some(head) = trimmed.strip_suffix(escape) {
            open.push_str(head);
            open.push(' ');
            continue;
        }
        open.push_str(trimmed);
        let whole = std::mem::take(&mut open);
        for (word, strip) in here_documents(&whole) {
            for body in lines.by_ref() {
                let body = if strip { body.trim_start_matches('\t') } else { body };
                if body == word {
                    break;
                }
            }
        }
        out.push(whole);
    }
    if !open.is_empty() {
        out.push(open);
    }
    out
}

/// `# escape=` in the directives at the top.
fn escape_character(text: &str) -> char {
    for line in text.lines() {
        let Some((key, value)) = line.trim().strip_prefix('#').and_then(|d| d.split_once('=')) else { break };
        if key.trim().eq_ignore_ascii_case("escape") {
            return if value.trim() == "`" { '`' } else { '\\' };
        }
    }
    '\\'
}

/// The end words of `RUN <<EOF`, `COPY <<-"A" <<B /x`; and whether leading tabs are stripped.
fn here_documents(line: &str) -> Vec<(String, bool)> {
    let keyword = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    if !matches!(keyword.as_str(), "RUN" | "COPY" | "ADD") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for word in line.split_whitespace() {
        let Some(rest) = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<") else {
            continue;
        };
        let (rest, strip) = rest.strip_prefix('-').map_or((rest, false), |r| (r, true));
        let end = unquote(rest);
        if !end.is_empty() && end.chars().all(|c| c.is_alphanumeric() || c == '_') {
            found.push((end.to_string(), strip));
        }
    }
    found
}

fn unquote(word: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = word.strip_prefix(quote).and_then(|w| w.strip_suffix(quote)) {
            return inner;
        }
    }
    word
}

/// `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}`. `None` when a name has no value.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(inner) = rest.strip_prefix('{') {
            let end = inner.find('}')?;
            let (name, word) = inner[..end].split_once(':').map_or((&inner[..end], ""), |(n, w)| (n, w));
            let value = variables.get(name).filter(|v| !v.is_empty());
            match (word.chars().next(), value) {
                (Some('+'), Some(_)) => out.push_str(&word[1..]),
                (Some('+'), None) => {}
                (_, Some(value)) => out.push_str(value),
                (Some('-'), None) => out.push_str(&expand(&word[1..], variables)?),
                _ => return None,
            }
            rest = &inner[end + 1..];
        } else {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            out.push_str(variables.get(&rest[..end])?);
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(text: &str) -> Vec<String> {
        base_images(text, &BTreeMap::from([("GIVEN".to_string(), "given:1".to_string())]))
    }

    #[test]
    fn stages_scratch_and_repeats_are_no_bases() {
        let text = "FROM --platform=linux/amd64 a:1 AS Build\nFROM scratch\nfrom b\nFROM build\nFROM a:1";
        assert_eq!(bases(text), ["a:1", "b"]);
    }

    #[test]
    fn variables_come_from_arguments_then_defaults() {
        let text = "ARG GIVEN=no\nARG V=9\nARG NAME=\"img:${V}\"\nFROM $GIVEN\nFROM ${NAME}\nFROM ${X:-d:1}\nFROM $X";
        assert_eq!(bases(text), ["given:1", "img:9", "d:1"]);
    }

    #[test]
    fn continuations_comments_and_here_documents() {
        let text = "# escape=`\nFROM `\n# in between\n  a\nRUN <<EOF cat\nFROM no\nEOF\nFROM b";
        assert_eq!(bases(text), ["a", "b"]);
        assert_eq!(bases("FROM a\nCOPY <<-\"X\" /y\n\tFROM no\n\tX\nFROM c"), ["a", "c"]);
        assert_eq!(bases("FROM a\nRUN cat \\\n  FROM no\nFROM d"), ["a", "d"]);
    }
}
