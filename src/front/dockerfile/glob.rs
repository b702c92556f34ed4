//! Patterns of `COPY` sources: Go's `filepath.Match`, one path component at a time.

/// A pattern of one component.
#[derive(Clone, Debug)]
pub struct Glob(Vec<Token>);

#[derive(Clone, Debug)]
enum Token {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Any,
    /// `[a-z]` or `[^a-z]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// Whether a path has a `*`, `?` or `[` that is not escaped: without one, BuildKit looks for it by name.
pub fn is_pattern(path: &str) -> bool {
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '*' | '?' | '[' => return true,
            _ => {}
        }
    }
    false
}

impl Glob {
    /// `None` for what Go calls a syntax error in the pattern.
    pub fn parse(text: &str) -> Option<Glob> {
        let mut tokens = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' => Token::Any,
                '?' => Token::One,
                '\\' => Token::Literal(chars.next()?),
                '[' => {
                    let negated = chars.next_if_eq(&'^').is_some();
                    let mut ranges = Vec::new();
                    while ranges.is_empty() || chars.next_if_eq(&']').is_none() {
                        let low = end_of_range(&mut chars)?;
                        let high = match chars.next_if_eq(&'-') {
                            Some(_) => end_of_range(&mut chars)?,
                            None => low,
                        };
                        ranges.push((low, high));
                    }
                    Token::Class { negated, ranges }
                }
                c => Token::Literal(c),
            });
        }
        Some(Glob(tokens))
    }

    pub fn matches(&self, name: &str) -> bool {
        // at[i]: the tokens before i match what was read; all ways at once, so that no pattern is slow
        let mut at = vec![false; self.0.len() + 1];
        at[0] = true;
        self.skip_stars(&mut at);
        for c in name.chars() {
            let mut next = vec![false; at.len()];
            for (i, token) in self.0.iter().enumerate().filter(|(i, _)| at[*i]) {
                match token {
                    Token::Any => next[i] = true,
                    Token::One => next[i + 1] = true,
                    Token::Literal(l) => next[i + 1] |= *l == c,
                    Token::Class { negated, ranges } => {
                        let within = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                        next[i + 1] |= within != *negated;
                    }
                }
            }
            self.skip_stars(&mut next);
            at = next;
        }
        at[self.0.len()]
    }

    fn skip_stars(&self, at: &mut [bool]) {
        for (i, token) in self.0.iter().enumerate() {
            at[i + 1] |= at[i] && matches!(token, Token::Any);
        }
    }
}

/// As Go's `getEsc`: a bare `-` or `]` is no character of a class.
fn end_of_range(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_matches() {
        for (pattern, name, matches) in [
            ("*.txt", "a.txt", true),
            ("*.txt", ".txt", true),
            ("*", ".hidden", true),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("[\\]]", "]", true),
            ("ab*", "a", false),
        ] {
            assert_eq!(Glob::parse(pattern).expect("a pattern").matches(name), matches, "{pattern} {name}");
        }
        for bad in ["[", "[]", "[a-", "a\\", "[-x]", "[x-]"] {
            assert!(Glob::parse(bad).is_none(), "{bad}");
        }
        assert!(is_pattern("a*") && is_pattern("[") && !is_pattern("a\\*") && !is_pattern("a]"));
    }
}
