//! The variables of a Dockerfile: `$name`, `${name:-word}` and their kin, quotes and escapes.
//!
//! Enters: a word as it is written. Leaves: what BuildKit's `shell/lex.go` makes of it (Dockerfile reference, "Environment
//! replacement"), or `None` where a value decides that only the build knows.

use std::collections::BTreeMap;

/// What is known of variables at a place.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
    /// Whether a name without a value may get one from elsewhere, such as the base image's `ENV`.
    open: bool,
}

/// Variables that the engine sets in front of the first `FROM` (Dockerfile reference, "Automatic platform ARGs").
const PLATFORM: &[&str] = &[
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
];

/// The longest word that is looked into, in bytes: so nesting stays shallow, and nonsense cheap.
const MOST: usize = 1024;

/// The most variables that a stage takes over from another.
const MOST_INHERITED: usize = 500;

impl Variables {
    /// Those in front of the first `FROM`: what is not declared is empty.
    pub fn global() -> Variables {
        Variables::default()
    }

    /// Those of a stage, which begins with the `ENV` of its base.
    pub fn stage(from: Option<&Variables>) -> Variables {
        // more than anybody needs would only be copied from stage to stage
        let from = from.filter(|v| v.values.len() <= MOST_INHERITED);
        Variables { values: from.map(|v| v.values.clone()).unwrap_or_default(), open: true }
    }

    /// `None`: the name has some value, but which is not known.
    pub fn set(&mut self, name: &str, value: Option<String>) {
        match value {
            Some(value) => self.values.insert(name.to_string(), value),
            None => self.values.remove(name),
        };
    }

    pub fn get(&self, name: &str) -> Option<&String> {
        self.values.get(name)
    }

    fn is_unknown(&self, name: &str) -> bool {
        !self.values.contains_key(name) && (self.open || PLATFORM.contains(&name))
    }
}

/// `word` with its variables replaced, its quotes and escapes taken away.
pub fn expand(word: &str, vars: &Variables, escape: char) -> Option<String> {
    if word.len() > MOST {
        return None;
    }
    let mut out = String::new();
    let mut rest = word;
    let mut double = false;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c == '\'' && !double {
            let (literal, after) = rest.split_once('\'')?;
            out.push_str(literal);
            rest = after;
        } else if c == '"' {
            double = !double;
        } else if c == escape {
            let Some(next) = rest.chars().next() else {
                out.push(c);
                break;
            };
            if double && next != '"' && next != '$' && next != escape {
                out.push(c);
            }
            out.push(next);
            rest = &rest[next.len_utf8()..];
        } else if c == '$' {
            let (value, after) = dollar(rest, vars, escape)?;
            out.push_str(&value);
            rest = after;
        } else {
            out.push(c);
        }
    }
    // an open quote fails the build; what it would have meant is nobody's guess
    (!double).then_some(out)
}

/// The value of what follows a `$`, and what is left.
fn dollar<'t>(text: &'t str, vars: &Variables, escape: char) -> Option<(String, &'t str)> {
    if let Some(body) = text.strip_prefix('{') {
        let end = closing(body)?;
        return Some((braced(&body[..end], vars, escape)?, &body[end + 1..]));
    }
    let end = name_end(text);
    if end == 0 {
        return Some(("$".to_string(), text));
    }
    let name = &text[..end];
    if vars.is_unknown(name) {
        return None;
    }
    Some((vars.get(name).cloned().unwrap_or_default(), &text[end..]))
}

/// The brace that closes what was opened just before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn name_end(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len())
}

fn braced(body: &str, vars: &Variables, escape: char) -> Option<String> {
    let (name, operator) = body.split_at(name_end(body));
    if vars.is_unknown(name) {
        return None;
    }
    let value = vars.get(name).cloned();
    let filled = value.clone().filter(|v| !v.is_empty());
    let word = |prefix: usize| expand(&operator[prefix..], vars, escape);
    match operator {
        "" => Some(value.unwrap_or_default()),
        o if o.starts_with(":-") => filled.or_else(|| word(2)),
        o if o.starts_with(":+") => filled.map_or(Some(String::new()), |_| word(2)),
        o if o.starts_with(":?") => filled,
        o if o.starts_with('-') => value.or_else(|| word(1)),
        o if o.starts_with('+') => value.map_or(Some(String::new()), |_| word(1)),
        o if o.starts_with('?') => value,
        // `#`, `%` and `/` cut and replace by patterns, which are left to the build
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_operators_quotes_and_escapes() {
        let mut vars = Variables::global();
        vars.set("A", Some("x".into()));
        vars.set("E", Some(String::new()));
        let told = |word: &str| expand(word, &vars, '\\');
        for (word, value) in [
            ("$A/${A}b", "x/xb"),
            ("${A:-y}${E:-y}${E-y}${Q:-${A}z}", "xyxz"),
            ("${A:+y}${E:+y}${E+y}", "yy"),
            ("'$A'\"$A\"\\$A", "$Ax$A"),
            ("\"a\\b\\\"\"", "a\\b\""),
            ("$Q", ""),
            ("$ 5", "$ 5"),
        ] {
            assert_eq!(told(word).as_deref(), Some(value), "{word}");
        }
        for word in ["${A", "\"a", "'a", "${A#x}", "${Q:?no}", "$TARGETARCH"] {
            assert_eq!(told(word), None, "{word}");
        }
        let stage = Variables::stage(Some(&vars));
        assert_eq!(expand("$A", &stage, '\\').as_deref(), Some("x"));
        assert_eq!(expand("$Q", &stage, '\\'), None);
    }
}
