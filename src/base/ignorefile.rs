//! `.dockerignore`: which paths of a build context stay at home.
//!
//! Enters: the file's text, and paths relative to the context root with `/` between components. Leaves: whether a
//! path is excluded. The rules are Docker's (the reference of `.dockerignore` and moby's `patternmatcher`), not
//! gitignore's: every pattern is anchored at the root, the last pattern that applies wins, `!` takes a path back,
//! a pattern that matches a folder matches what is in it, `**` spans any number of components.

/// A pattern that `.dockerignore` does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{pattern}`: {problem}")]
pub struct PatternError {
    /// Counted from 1.
    pub line: usize,
    pub pattern: String,
    pub problem: &'static str,
}

/// The patterns of one file, in order.
#[derive(Clone, Debug, Default)]
pub struct IgnoreFile {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    /// Counted from 1.
    line: usize,
    takes_back: bool,
    pattern: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Literal(char),
    /// `?`: one character, not `/`.
    One,
    /// `*`: any characters, no `/`.
    Star,
    /// `**` or `**/` in front of more: nothing, or anything that ends with `/`.
    Folders,
    /// `**` at the end: anything.
    Rest,
    /// `[a-z]` or `[^a-z]`.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl IgnoreFile {
    pub fn parse(text: &str) -> Result<IgnoreFile, PatternError> {
        let mut rules = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let error = |problem| PatternError { line: index + 1, pattern: line.to_string(), problem };
            let (takes_back, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            if pattern.is_empty() {
                return Err(error("`!` needs a pattern"));
            }
            let pattern = clean(pattern);
            let pattern =
                if pattern.len() > 1 { pattern.strip_prefix('/').unwrap_or(&pattern) } else { &pattern };
            let pattern = compile(pattern).map_err(error)?;
            rules.push(Rule { line: index + 1, takes_back, pattern });
        }
        Ok(IgnoreFile { rules })
    }

    /// Whether `path` stays out of the context. The root itself never does.
    pub fn excludes(&self, path: &str) -> bool {
        self.excluded_by(path).is_some()
    }

    /// The line, counted from 1, of the pattern that keeps `path` out; `None` where it stays in.
    pub fn excluded_by(&self, path: &str) -> Option<usize> {
        let whole: Vec<char> = path.chars().collect();
        let ends: Vec<usize> = whole
            .iter()
            .enumerate()
            .filter(|(_, c)| **c == '/')
            .map(|(at, _)| at)
            .chain([whole.len()])
            .collect();
        let mut excluded = None;
        for rule in &self.rules {
            // a rule that could not change the answer need not be tried
            let matters = rule.takes_back == excluded.is_some();
            if matters && ends.iter().any(|end| matches(&rule.pattern, &whole[..*end])) {
                excluded = (!rule.takes_back).then_some(rule.line);
            }
        }
        excluded
    }

    /// Whether a `!` pattern may take back something inside an excluded folder, so that it must be walked.
    pub fn takes_back(&self) -> bool {
        self.rules.iter().any(|r| r.takes_back)
    }
}

/// The shortest path that means the same, as Go's `path.Clean` does it.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(last) if *last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(".."),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_string(),
        (false, false) => joined,
    }
}

fn compile(pattern: &str) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                chars.next_if_eq(&'/');
                if chars.peek().is_none() { Token::Rest } else { Token::Folders }
            }
            '*' => Token::Star,
            '?' => Token::One,
            '\\' => Token::Literal(chars.next().ok_or("a lone `\\` at the end")?),
            '[' => class(&mut chars)?,
            c => Token::Literal(c),
        });
    }
    Ok(tokens)
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Token, &'static str> {
    const OPEN: &str = "`[` without its `]`";
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match chars.next().ok_or(OPEN)? {
            ']' if ranges.is_empty() => return Err("an empty `[]`"),
            ']' => return Ok(Token::Class { negated, ranges }),
            '\\' => chars.next().ok_or(OPEN)?,
            c => c,
        };
        let high = if chars.peek() == Some(&'-') {
            chars.next();
            match chars.next().ok_or(OPEN)? {
                ']' => return Err("a range without its end"),
                '\\' => chars.next().ok_or(OPEN)?,
                c => c,
            }
        } else {
            low
        };
        ranges.push((low, high));
    }
}

/// Follows all ways through the pattern at once, so that no pattern is slow.
fn matches(pattern: &[Token], path: &[char]) -> bool {
    // at[i]: the tokens before i match what was read so far
    let mut at = vec![false; pattern.len() + 1];
    at[0] = true;
    skip_empty(pattern, &mut at);
    // inside[i]: token i is `Folders` and is in the middle of a name
    let mut inside = vec![false; pattern.len()];
    for &c in path {
        let mut next = vec![false; pattern.len() + 1];
        for (i, token) in pattern.iter().enumerate() {
            if let Token::Folders = token {
                inside[i] |= at[i];
                if inside[i] && c == '/' {
                    next[i + 1] = true;
                }
                continue;
            }
            if !at[i] {
                continue;
            }
            match token {
                Token::Literal(l) => next[i + 1] |= *l == c,
                Token::One => next[i + 1] |= c != '/',
                Token::Star => next[i] |= c != '/',
                Token::Rest => next[i] = true,
                Token::Class { negated, ranges } => {
                    next[i + 1] |= ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated;
                }
                Token::Folders => {}
            }
        }
        skip_empty(pattern, &mut next);
        at = next;
    }
    at[pattern.len()]
}

/// `*`, `**` and `**/` may match nothing.
fn skip_empty(pattern: &[Token], at: &mut [bool]) {
    for (i, token) in pattern.iter().enumerate() {
        if at[i] && matches!(token, Token::Star | Token::Folders | Token::Rest) {
            at[i + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded<'a>(text: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let file = IgnoreFile::parse(text).expect("patterns");
        paths.iter().copied().filter(|p| file.excludes(p)).collect()
    }

    #[test]
    fn patterns_are_anchored_at_the_root() {
        assert_eq!(excluded("*.md", &["a.md", "sub/a.md"]), ["a.md"]);
        assert_eq!(excluded("/a", &["a", "sub/a"]), ["a"]);
        assert_eq!(excluded("./a/", &["a", "a/b", "ab"]), ["a", "a/b"]);
        assert_eq!(excluded("x/../a", &["a", "x"]), ["a"]);
        assert_eq!(
            excluded("*/temp*", &["s/temporary.txt", "s/temp/x", "temp", "s/t/temp"]),
            ["s/temporary.txt", "s/temp/x"]
        );
        assert_eq!(excluded("temp?", &["tempa", "temp", "temp/", "tempé"]), ["tempa", "tempé"]);
    }

    #[test]
    fn two_stars_span_components() {
        assert_eq!(
            excluded("**/*.go", &["a.go", "x/a.go", "x/y/a.go", "ago"]),
            ["a.go", "x/a.go", "x/y/a.go"]
        );
        assert_eq!(excluded("a/**", &["a", "a/b", "a/b/c", "ab"]), ["a/b", "a/b/c"]);
        assert_eq!(excluded("a/**/z", &["a/z", "a/b/z", "a/b/c/z", "az"]), ["a/z", "a/b/z", "a/b/c/z"]);
        assert_eq!(excluded("**", &["a", "a/b"]), ["a", "a/b"]);
        assert_eq!(excluded("**foo", &["foo", "x/foo", "barfoo"]), ["foo", "x/foo"]);
    }

    #[test]
    fn the_last_rule_wins_and_an_exclamation_mark_takes_back() {
        let text = "*.md\n!README*.md\nREADME-secret.md\n";
        assert_eq!(excluded(text, &["a.md", "README.md", "README-secret.md"]), ["a.md", "README-secret.md"]);
        let text = "*.md\nREADME-secret.md\n!README*.md\n";
        assert_eq!(excluded(text, &["a.md", "README.md", "README-secret.md"]), ["a.md"]);
        let text = "*\n!src\n! src2 \nsrc/tmp\n";
        assert_eq!(excluded(text, &["a", "src", "src/a/b", "src2", "src/tmp/x"]), ["a", "src/tmp/x"]);
        assert_eq!(
            excluded("node_modules\n!node_modules/keep", &["node_modules/a", "node_modules/keep/x"]),
            ["node_modules/a"]
        );
    }

    #[test]
    fn the_line_that_keeps_a_path_out_is_known() {
        let file = IgnoreFile::parse("# no\n*\n!a\na/b\n").expect("patterns");
        let lines = ["x", "a", "a/b", "a/c"].map(|path| file.excluded_by(path));
        assert_eq!(lines, [Some(2), None, Some(4), None]);
    }

    #[test]
    fn comments_blanks_and_a_byte_order_mark() {
        let text = "\u{feff}# no\n\n  a  \r\n #b\n";
        assert_eq!(excluded(text, &["a", "#b", "# no", "b"]), ["a", "#b"]);
    }

    #[test]
    fn classes_and_escapes() {
        assert_eq!(excluded("[a-c]x", &["ax", "cx", "dx"]), ["ax", "cx"]);
        assert_eq!(excluded("[^a-c]x", &["ax", "dx"]), ["dx"]);
        assert_eq!(excluded(r"a\*", &["a*", "ab"]), ["a*"]);
        assert_eq!(excluded("a.b$", &["a.b$", "axb$", "a.b"]), ["a.b$"]);
    }

    #[test]
    fn mistakes_have_their_line() {
        let error = IgnoreFile::parse("a\n\n!\n").expect_err("a lone `!`");
        assert_eq!((error.line, error.pattern.as_str()), (3, "!"));
        assert_eq!(IgnoreFile::parse("[a").expect_err("open").problem, "`[` without its `]`");
        assert!(IgnoreFile::parse("a\\").is_err());
    }

    #[test]
    fn a_hostile_pattern_is_not_slow() {
        let pattern = "*a".repeat(200) + "b";
        assert_eq!(excluded(&pattern, &[&"a".repeat(2000)]).len(), 0);
    }
}
