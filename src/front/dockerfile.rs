//! As much of a Dockerfile as a manifest refers to: its stages, and the images it is made from.
//!
//! Enters: the text and the build arguments of the manifest. Leaves: [`Dockerfile`]. The grammar is `parse-dockerfile`'s; the
//! substitution of `ARG`s in `FROM` follows the Dockerfile reference, "Environment replacement" and "Understand how ARG and
//! FROM interact": only what stands before the first `FROM`, with the manifest's build arguments above its defaults.

use std::collections::BTreeMap;

use parse_dockerfile::{Flag, Instruction};

/// What the manifest needs to know of a Dockerfile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// The named stages, in order, lower-case: names are compared so.
    pub stages: Vec<String>,
    /// How many stages there are: a target can be a number.
    pub stage_count: usize,
    /// The images it takes from elsewhere (`FROM`, `COPY --from`, `RUN --mount=from=`), each once, in order. Not its
    /// own stages, not `scratch`.
    pub images: Vec<String>,
    /// Every `ARG` it declares.
    pub args: Vec<String>,
}

/// Why a Dockerfile tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DockerfileError {
    #[error("{0}")]
    Syntax(String),
    /// After substitution nothing is left of a `FROM`'s image.
    #[error("`FROM {0}` names no image: an `ARG` in it has no value")]
    Blank(String),
}

impl Dockerfile {
    /// Whether `target` is one of the stages, by name or by number.
    pub fn has_stage(&self, target: &str) -> bool {
        self.stages.contains(&target.to_lowercase())
            || target.parse::<usize>().is_ok_and(|number| number < self.stage_count)
    }
}

/// Reads `text` with the manifest's `build_args`.
pub fn read(text: &str, build_args: &BTreeMap<String, String>) -> Result<Dockerfile, DockerfileError> {
    let parsed = parse_dockerfile::parse(text).map_err(|e| DockerfileError::Syntax(e.to_string()))?;
    let escape = parsed.parser_directives.escape.as_ref().map_or('\\', |e| e.value.value);
    let mut out = Dockerfile::default();
    let mut global: BTreeMap<String, String> = BTreeMap::new();
    for instruction in &parsed.instructions {
        match instruction {
            Instruction::Arg(arg) => {
                for word in split(&arg.arguments.value, escape) {
                    let (name, default) = match word.split_once('=') {
                        Some((name, value)) => (name, Some(value)),
                        None => (word.as_str(), None),
                    };
                    if !out.args.iter().any(|a| a == name) {
                        out.args.push(name.to_string());
                    }
                    if out.stage_count == 0 {
                        let default = default.map(|d| expand(&unquote(d, escape), &global, escape));
                        if let Some(value) = build_args.get(name).cloned().or(default) {
                            global.insert(name.to_string(), value);
                        }
                    }
                }
            }
            Instruction::From(from) => {
                let image = expand(&unquote(&from.image.value, escape), &global, escape);
                if image.trim().is_empty() {
                    return Err(DockerfileError::Blank(from.image.value.to_string()));
                }
                add(&mut out, &image);
                if let Some((_, name)) = &from.as_ {
                    out.stages.push(name.value.to_lowercase());
                }
                out.stage_count += 1;
            }
            Instruction::Copy(copy) => {
                for image in flag(&copy.options, "from") {
                    add(&mut out, &image);
                }
            }
            Instruction::Run(run) => {
                for mount in flag(&run.options, "mount") {
                    for image in mount.split(',').filter_map(|part| part.strip_prefix("from=")) {
                        add(&mut out, image);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

fn flag(flags: &[Flag<'_>], name: &str) -> Vec<String> {
    let values = flags.iter().filter(|f| f.name.value == name).filter_map(|f| f.value.as_ref());
    values.map(|v| v.value.to_string()).collect()
}

/// Notes an image, unless it is a stage so far, a stage's number, `scratch` or noted.
fn add(out: &mut Dockerfile, image: &str) {
    let own = out.stages.contains(&image.to_lowercase()) || image.parse::<usize>().is_ok();
    if !own && image != "scratch" && !out.images.iter().any(|known| known == image) {
        out.images.push(image.to_string());
    }
}

/// Words at white space, quotes and escapes kept in them.
fn split(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, _) if c == escape => {
                word.push(c);
                word.extend(chars.next());
                continue;
            }
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => {
                words.push(std::mem::take(&mut word));
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    words.push(word);
    words.retain(|w| !w.is_empty());
    words
}

/// Without the quotes around it. `$` within single quotes stays literal, said with the escape character.
fn unquote(text: &str, escape: char) -> String {
    let inner = |quote: char| text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote));
    match (inner('"'), inner('\'')) {
        (Some(inner), _) => inner.to_string(),
        (None, Some(inner)) => inner.replace('$', &format!("{escape}$")),
        (None, None) => text.to_string(),
    }
}

/// Replaces `$name`, `${name}` and the forms with `:-`, `-`, `:+` and `+`. A name without a value is empty.
fn expand(text: &str, vars: &BTreeMap<String, String>, escape: char) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c == escape {
            if let Some(next) = rest.chars().next() {
                out.push(next);
                rest = &rest[next.len_utf8()..];
            }
        } else if c != '$' {
            out.push(c);
        } else if let Some(body) = rest.strip_prefix('{') {
            let Some(end) = closing(body) else {
                out.push_str("${");
                rest = body;
                continue;
            };
            out.push_str(&braced(&body[..end], vars, escape));
            rest = &body[end + 1..];
        } else {
            let end = name_end(rest);
            if end == 0 {
                out.push('$');
            }
            out.push_str(vars.get(&rest[..end]).map_or("", String::as_str));
            rest = &rest[end..];
        }
    }
    out
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

fn braced(body: &str, vars: &BTreeMap<String, String>, escape: char) -> String {
    let (name, operator) = body.split_at(name_end(body));
    let value = vars.get(name).map(String::as_str);
    let filled = value.filter(|v| !v.is_empty());
    let word = |prefix: usize| expand(&operator[prefix..], vars, escape);
    match operator {
        o if o.starts_with(":-") => filled.map_or_else(|| word(2), str::to_string),
        o if o.starts_with(":+") => filled.map_or_else(String::new, |_| word(2)),
        o if o.starts_with('-') => value.map_or_else(|| word(1), str::to_string),
        o if o.starts_with('+') => value.map_or_else(String::new, |_| word(1)),
        // `:?`, `#`, `%`, `/` change nothing about which image is meant when the value fits
        _ => value.unwrap_or_default().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(text: &str, args: &[(&str, &str)]) -> Vec<String> {
        let args = args.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        read(text, &args).expect("a Dockerfile").images
    }

    #[test]
    fn stages_are_not_images() {
        let text = "FROM debian-bookworm AS Build\nRUN true\nFROM scratch\nCOPY --from=build /a /a\nCOPY --from=0 /a /b\n\
                    COPY --from=golden:1 /a /c\nFROM build\nRUN --mount=type=bind,from=tools,target=/t true\n";
        assert_eq!(images(text, &[]), ["debian-bookworm", "golden:1", "tools"]);
        let d = read(text, &BTreeMap::new()).expect("a Dockerfile");
        assert!(d.has_stage("BUILD") && d.has_stage("2") && !d.has_stage("3") && !d.has_stage("run"));
    }

    #[test]
    fn arguments_are_substituted() {
        let text = "ARG A=centos\nARG T\nARG B=\"${A}-x\" C=7\nFROM --platform=linux/amd64 ${A}:${T:-7.9}\nARG A=late\nFROM $B:$C\n";
        assert_eq!(images(text, &[]), ["centos:7.9", "centos-x:7"]);
        assert_eq!(images(text, &[("T", "8"), ("A", "rocky")]), ["rocky:8", "rocky-x:7"]);
        assert_eq!(images("ARG X=${Y:-${Z-deep}}\nfrom a${X:+b}$X\n", &[]), ["abdeep"]);
        // an argument that the Dockerfile does not declare before FROM is not its own
        assert_eq!(
            read("FROM $Q\n", &[("Q".to_string(), "x".to_string())].into()),
            Err(DockerfileError::Blank("$Q".into()))
        );
    }

    #[test]
    fn comments_continuations_heredocs_and_the_escape_directive() {
        let text =
            "# escape=`\n# FROM no\nfrom `\n  # in between\n  a:1 as one\nRUN <<EOF\nFROM no\nEOF\nFROM b\n";
        assert_eq!(images(text, &[]), ["a:1", "b"]);
        assert_eq!(images("FROM a:1\r\nRUN x \\\r\n  y\r\nFROM b\r\n", &[]), ["a:1", "b"]);
    }

    #[test]
    fn what_is_no_dockerfile_says_why() {
        assert!(matches!(read("# nothing\n", &BTreeMap::new()), Err(DockerfileError::Syntax(_))));
        assert!(matches!(read("FRM a\n", &BTreeMap::new()), Err(DockerfileError::Syntax(_))));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(FROM|ARG|RUN|COPY|# escape=`|<<EOF|EOF|[ \\n\"'$\\{}:=+a-cé\\\\`-]|--from=|\\n){0,40}") {
            let _ = read(&text, &BTreeMap::from([("a".to_string(), "$b".to_string())]));
        }
    }
}
