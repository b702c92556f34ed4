//! Logical lines to a [`Dockerfile`], instruction by instruction.
//!
//! `ARG` and `ENV` are followed as far as the text tells: what stands before the first `FROM`, with the manifest's build
//! arguments above its defaults, and in each stage what it declares itself (Dockerfile reference, "Understand how ARG and FROM
//! interact" and "Using ARG variables").

use std::collections::{BTreeMap, BTreeSet};

use super::expand::{Variables, expand};
use super::lines::{self, Line};
use super::words::{self, Flag, Word};
use super::{Dockerfile, Fault, Misplaced, Problem, Stage, Syntax, Take, Wanted};
use crate::diag::{Span, Spanned};

/// Every instruction with its flags.
pub const INSTRUCTIONS: &[(&str, &[&str])] = &[
    ("ADD", &["chown", "chmod", "link", "keep-git-dir", "checksum", "unpack", "exclude"]),
    ("ARG", &[]),
    ("CMD", &[]),
    ("COPY", &["from", "chown", "chmod", "link", "parents", "exclude"]),
    ("ENTRYPOINT", &[]),
    ("ENV", &[]),
    ("EXPOSE", &[]),
    ("FROM", &["platform"]),
    ("HEALTHCHECK", &["interval", "timeout", "start-period", "start-interval", "retries"]),
    ("LABEL", &[]),
    ("MAINTAINER", &[]),
    ("ONBUILD", &[]),
    ("RUN", &["mount", "network", "security", "device"]),
    ("SHELL", &[]),
    ("STOPSIGNAL", &[]),
    ("USER", &[]),
    ("VOLUME", &[]),
    ("WORKDIR", &[]),
];

/// The most stages that are followed in their variables.
const MOST_INHERITING: usize = 500;

/// The most of each kind of mistake that is kept: whoever has more of them has another file than they think.
const MOST_MISTAKES: usize = 50;

/// Reads `text`, which has no byte order mark, with the manifest's `build_args`.
pub fn read(text: &str, build_args: &BTreeMap<String, String>) -> Dockerfile {
    let script = lines::read(text);
    let mut reader = Reader {
        out: Dockerfile { problems: script.problems, ..Dockerfile::default() },
        build_args,
        escape: script.escape,
        // another front end than Docker's may have instructions and flags of its own
        tolerant: script.syntax.is_some_and(|s| !is_stock(&s)),
        global: Variables::global(),
        lasting: Vec::new(),
        names: BTreeMap::new(),
        args: BTreeSet::new(),
        now: Variables::global(),
        froms: Vec::new(),
    };
    for line in &script.lines {
        reader.instruction(line);
    }
    reader.finish(text)
}

/// Whether a `# syntax=` names Docker's own front end, and no try-out of it.
fn is_stock(syntax: &str) -> bool {
    let rest = syntax.strip_prefix("docker.io/").unwrap_or(syntax).strip_prefix("docker/dockerfile");
    rest.is_some_and(|r| (r.is_empty() || r.starts_with([':', '@'])) && !r.contains("labs"))
}

struct Reader<'a> {
    out: Dockerfile,
    build_args: &'a BTreeMap<String, String>,
    escape: char,
    tolerant: bool,
    global: Variables,
    /// The `ENV` of each stage, which a stage made from it begins with.
    lasting: Vec<Variables>,
    /// The stages of each name, in order.
    names: BTreeMap<String, Vec<usize>>,
    /// The names in `out.args`.
    args: BTreeSet<String>,
    /// The variables of the stage so far.
    now: Variables,
    /// Each `--from` with its stage: judged when all stages are known.
    froms: Vec<(usize, Spanned<String>)>,
}

impl Reader<'_> {
    fn problem(&mut self, kind: Syntax, span: Span) {
        self.out.problems.push(Problem { kind, span });
    }

    fn instruction(&mut self, line: &Line) {
        let (word, from) = words::instruction(&line.text);
        let Some((name, allowed)) = self.known(line, &word) else { return };
        let (flags, from) = words::flags(&line.text, from);
        self.flags(line, name, allowed, &flags);
        let span = line.span(word.start, word.end);
        let arguments = words::plain(&line.text, from);
        if self.out.stages.is_empty() && name != "FROM" && name != "ARG" {
            return self.problem(Syntax::BeforeFrom(name), span);
        }
        let wants = !matches!(name, "RUN" | "CMD" | "ENTRYPOINT" | "SHELL" | "HEALTHCHECK");
        if arguments.is_empty() && wants {
            return self.problem(Syntax::NoArgument(name), span);
        }
        match name {
            "ARG" => self.arg(line, from),
            "ENV" => self.env(line, from, &arguments),
            "FROM" => self.stage(line, &arguments),
            "COPY" | "ADD" => self.copy(line, name, span, &flags, from),
            "RUN" => self.mounts(line, &flags),
            // `ONBUILD`'s instruction is of other builds: engines do not look at it here
            _ => {}
        }
    }

    fn known(&mut self, line: &Line, word: &Word) -> Option<(&'static str, &'static [&'static str])> {
        let row = INSTRUCTIONS.iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name));
        if row.is_none() && !self.tolerant {
            self.problem(Syntax::Unknown(word.text.clone()), line.span(word.start, word.end));
        }
        row.copied()
    }

    fn flags(&mut self, line: &Line, name: &'static str, allowed: &[&str], flags: &[Flag]) {
        // these hand words that begin with dashes to the shell or keep them
        if self.tolerant || allowed.is_empty() {
            return;
        }
        for flag in flags.iter().filter(|f| !allowed.contains(&f.name.as_str())) {
            let kind = Syntax::Flag(name, flag.name.clone());
            self.problem(kind, line.span(flag.dashes, flag.dashes + 2 + flag.name.len()));
        }
    }

    fn arg(&mut self, line: &Line, from: usize) {
        let text = &line.text[from..];
        for (start, end) in words::quoted(text, self.escape).unwrap_or_default() {
            let word = &text[start..end];
            let (name, default) = word.split_once('=').map_or((word, None), |(n, d)| (n, Some(d)));
            let span = line.span(from + start, from + start + name.len());
            if self.args.insert(name.to_string()) {
                self.out.args.push(Spanned::new(name.to_string(), span));
            }
            let given = self.build_args.get(name).cloned();
            if self.out.stages.is_empty() {
                let default = default.and_then(|d| expand(d, &self.global, self.escape));
                self.global.set(name, given.or(default));
            } else {
                let default = match default {
                    Some(default) => expand(default, &self.now, self.escape),
                    None => self.global.get(name).cloned(),
                };
                self.now.set(name, given.or(default));
            }
        }
    }

    fn env(&mut self, whole: &Line, from: usize, arguments: &[Word]) {
        let line = whole.text.as_str();
        let mut pairs = Vec::new();
        if arguments[0].text.contains('=') {
            let text = &line[from..];
            for (start, end) in words::quoted(text, self.escape).unwrap_or_default() {
                pairs.extend(text[start..end].split_once('='));
            }
        } else if let [name] = arguments {
            self.problem(Syntax::NoValue, whole.span(name.start, name.end));
        } else {
            pairs.push((arguments[0].text.as_str(), line[arguments[0].end..].trim()));
        }
        // one instruction's values do not see each other
        let values: Vec<_> = pairs.iter().map(|(_, value)| expand(value, &self.now, self.escape)).collect();
        for ((name, _), value) in pairs.into_iter().zip(values) {
            self.now.set(name, value.clone());
            if let Some(lasting) = self.lasting.last_mut() {
                lasting.set(name, value);
            }
        }
    }

    fn stage(&mut self, line: &Line, arguments: &[Word]) {
        let name = match arguments {
            [_] => None,
            [_, word, name] if word.text.eq_ignore_ascii_case("as") => Some(name),
            [.., last] => {
                let span = line.span(arguments[0].start, last.end);
                self.problem(Syntax::FromWords, span);
                None
            }
            [] => None,
        };
        let Some(image) = arguments.first() else { return };
        let span = line.span(image.start, image.end);
        let mut base = None;
        match expand(&image.text, &self.global, self.escape) {
            Some(text) if text.trim().is_empty() => {
                self.problem(Syntax::Blank(image.text.clone()), span);
                self.out.more_images = true;
            }
            Some(text) => {
                base = self.named(&text);
                if base.is_none() && text != "scratch" {
                    self.out.images.push(Spanned::new(text, span));
                }
            }
            None => self.out.more_images = true,
        }
        let inherits = base.filter(|_| self.out.stages.len() < MOST_INHERITING);
        self.now = Variables::stage(inherits.map(|b| &self.lasting[b]));
        self.lasting.push(self.now.clone());
        let name = name.map(|n| Spanned::new(n.text.to_lowercase(), line.span(n.start, n.end)));
        if let Some(bad) = name.as_ref().filter(|n| !is_stage_name(n)) {
            self.problem(Syntax::StageName(bad.value.clone()), bad.span);
        }
        if let Some(name) = &name {
            self.names.entry(name.value.clone()).or_default().push(self.out.stages.len());
        }
        self.out.stages.push(Stage { name, from: span, needs: base.into_iter().collect() });
    }

    /// The last stage so far of that name.
    fn named(&self, name: &str) -> Option<usize> {
        self.names.get(&name.to_lowercase())?.last().copied()
    }

    fn copy(&mut self, line: &Line, name: &'static str, span: Span, flags: &[Flag], from: usize) {
        let json = words::json(&line.text, from);
        let is_json = json.is_some();
        let mut sources = json.unwrap_or_else(|| words::plain(&line.text, from));
        if sources.len() < 2 {
            return self.problem(Syntax::NoDestination(name), span);
        }
        sources.pop();
        if let Some(flag) = flags.iter().rfind(|f| f.name == "from") {
            let value = flag.value.clone().unwrap_or_default();
            return self.from(Spanned::new(value, line.span(flag.start, flag.end)));
        }
        let mut take = Take {
            instruction: name,
            stage: self.out.stages.len() - 1,
            sources: Vec::new(),
            whole: true,
            parents: flags.iter().any(|f| f.name == "parents" && f.value.as_deref() != Some("false")),
        };
        for word in sources {
            let span = line.span(word.start, word.end);
            if !is_json && lines::is_here_document(&word.text) {
                take.whole = false;
                continue;
            }
            match expand(&word.text, &self.now, self.escape) {
                Some(path) if is_remote(&path) => {
                    if name == "COPY" && path.starts_with("http") {
                        self.problem(Syntax::Remote, span);
                    }
                    take.whole = false;
                }
                Some(path) => {
                    let literal = path == word.text && span.end - span.start == path.len();
                    take.sources.push(Wanted { path: Spanned::new(path, span), literal });
                }
                None => take.whole = false,
            }
        }
        self.out.takes.push(take);
    }

    /// `RUN --mount=type=bind,from=…,source=…`
    fn mounts(&mut self, line: &Line, flags: &[Flag]) {
        for flag in flags.iter().filter(|f| f.name == "mount") {
            let value = flag.value.clone().unwrap_or_default();
            // quotes and escapes move the words: then the whole flag is the place
            let plain = line.text.get(flag.start..flag.end) == Some(value.as_str());
            let mut at = flag.start;
            let mut parts = BTreeMap::new();
            for part in value.split(',') {
                if let Some((key, value)) = part.split_once('=') {
                    let start = at + key.len() + 1;
                    let (start, end) = if plain { (start, at + part.len()) } else { (flag.start, flag.end) };
                    let key = if key == "src" { "source" } else { key };
                    parts.insert(key, Spanned::new(value.to_string(), line.span(start, end)));
                }
                at += part.len() + 1;
            }
            let binds = parts.get("type").is_none_or(|t| t.value == "bind");
            match (parts.remove("from"), parts.remove("source")) {
                (Some(from), _) => self.from(from),
                (None, Some(source)) if binds && !source.value.contains('$') => {
                    let source = Wanted { path: source, literal: plain };
                    self.out.takes.push(Take {
                        instruction: "RUN --mount",
                        stage: self.out.stages.len() - 1,
                        sources: vec![source],
                        whole: true,
                        parents: false,
                    });
                }
                _ => {}
            }
        }
    }

    fn from(&mut self, name: Spanned<String>) {
        if !name.value.is_empty() {
            self.froms.push((self.out.stages.len() - 1, name));
        }
    }

    /// Judges what each `--from` names, now that all stages are known.
    fn finish(mut self, text: &str) -> Dockerfile {
        let mut elsewhere = Vec::new();
        for (stage, name) in std::mem::take(&mut self.froms) {
            let fault = |fault| Misplaced { fault, stage, name: name.clone() };
            // the nearest stage in front wins where two have one name
            let number = name.value.parse::<usize>().ok();
            let found = match number {
                Some(number) => (number < self.out.stages.len()).then_some(number),
                None => self.before(&name.value, stage).or_else(|| self.named(&name.value)),
            };
            match found {
                _ if name.value.contains('$') => {
                    self.out.misplaced.push(fault(Fault::Variable));
                    self.out.more_images = true;
                }
                Some(other) if other == stage => self.out.misplaced.push(fault(Fault::Itself)),
                Some(other) if other > stage => self.out.misplaced.push(fault(Fault::Later(other))),
                Some(other) => {
                    self.out.stages[stage].needs.insert(other);
                }
                None if number.is_some() => self.out.misplaced.push(fault(Fault::OutOfRange)),
                None if name.value == "scratch" => {}
                None => elsewhere.push(name),
            }
        }
        self.out.images.extend(elsewhere);
        self.out.images.sort_by_key(|image| image.span);
        self.out.problems.sort_by_key(|problem| problem.span);
        self.out.problems.truncate(MOST_MISTAKES);
        self.out.misplaced.truncate(MOST_MISTAKES);
        if self.out.stages.is_empty() && self.out.problems.is_empty() {
            let first = text.lines().next().unwrap_or_default().trim_end();
            self.problem(Syntax::NoStage, Span::new(0, first.len()));
        }
        self.out
    }

    /// The stage of that name that is `stage` or the nearest in front of it.
    fn before(&self, name: &str, stage: usize) -> Option<usize> {
        self.names.get(&name.to_lowercase())?.iter().rfind(|s| **s <= stage).copied()
    }
}

/// BuildKit's `validStageName`, on the lower-case name.
fn is_stage_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
}

/// Whether `ADD` fetches a source: an address, or a git repository in one of its spellings.
fn is_remote(source: &str) -> bool {
    let scp_like = source.split_once(':').is_some_and(|(host, _)| host.contains('@') && !host.contains('/'));
    source.contains("://") || source.starts_with("github.com/") || scp_like
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(text: &str, args: &[(&str, &str)]) -> Dockerfile {
        read(text, &args.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect())
    }

    fn images(text: &str, args: &[(&str, &str)]) -> Vec<String> {
        let found = with(text, args);
        assert_eq!(found.problems, []);
        found.image_names()
    }

    fn problems(text: &str) -> Vec<String> {
        let found = with(text, &[]);
        found.problems.iter().map(|p| format!("{}: {}", &text[p.span.start..p.span.end], p.kind)).collect()
    }

    /// The sources as they are looked for, and the words they stand at.
    fn takes(text: &str) -> Vec<(String, &str)> {
        let found = with(text, &[]);
        let sources = found.takes.into_iter().flat_map(|t| t.sources);
        sources.map(|s| (s.path.value, &text[s.path.span.start..s.path.span.end])).collect()
    }

    #[test]
    fn stages_are_not_images() {
        let text = "FROM debian-bookworm AS Build\nRUN true\nFROM scratch\nCOPY --from=build /a /a\nCOPY --from=0 /a /b\n\
                    COPY --from=golden:1 /a /c\nFROM build\nRUN --mount=type=bind,from=tools,target=/t true\n";
        assert_eq!(images(text, &[]), ["debian-bookworm", "golden:1", "tools"]);
        let d = with(text, &[]);
        assert_eq!(["BUILD", "2", "3", "run"].map(|t| d.stage(t)), [Some(0), Some(2), None, None]);
        assert_eq!(d.needed(None), BTreeSet::from([0, 2]));
        assert_eq!(d.needed(Some("1")), BTreeSet::from([0, 1]));
        let tools = d.images.last().expect("the mount's image").span;
        assert_eq!(&text[tools.start..tools.end], "tools");
    }

    #[test]
    fn arguments_are_substituted() {
        let text = "ARG A=centos\nARG T\nARG B=\"${A}-x\" C=7\nFROM --platform=linux/amd64 ${A}:${T:-7.9}\nARG A=late\nFROM $B:$C\n";
        assert_eq!(images(text, &[]), ["centos:7.9", "centos-x:7"]);
        assert_eq!(images(text, &[("T", "8"), ("A", "rocky")]), ["rocky:8", "rocky-x:7"]);
        assert_eq!(images("ARG X=${Y:-${Z-deep}}\nfrom a${X:+b}$X\n", &[]), ["abdeep"]);
        // an argument that the Dockerfile does not declare before FROM is not its own
        let blank = with("FROM $Q\n", &[("Q", "x")]);
        assert_eq!(blank.problems, [Problem { kind: Syntax::Blank("$Q".into()), span: Span::new(5, 7) }]);
        // the engine knows its platform, the text does not
        let platform = with("FROM $TARGETARCH\n", &[]);
        assert!(platform.problems.is_empty() && platform.images.is_empty() && platform.more_images);
    }

    #[test]
    fn comments_continuations_heredocs_and_the_escape_directive() {
        let text =
            "# escape=`\n# FROM no\nfrom `\n  # in between\n  a:1 as one\nRUN <<EOF\nFROM no\nEOF\nFROM b\n";
        assert_eq!(images(text, &[]), ["a:1", "b"]);
        assert_eq!(images("FROM a:1\r\nRUN x \\\r\n  y\r\nFROM b\r\n", &[]), ["a:1", "b"]);
        assert_eq!(images("FROM a\nRUN cat <<EOF >/x\nFRM\nEOF\nFROM b\n", &[]), ["a", "b"]);
    }

    #[test]
    fn what_is_no_dockerfile_says_where() {
        assert_eq!(problems(""), [": the Dockerfile has no `FROM`"]);
        assert_eq!(problems("# nothing\n"), ["# nothing: the Dockerfile has no `FROM`"]);
        assert_eq!(
            problems(
                "RUN x\nFRM a\n  FROM\nFROM a b\nFROM a AS 1\nCOPY x\nCOPY --form=a b c\nENV\nONBUILD CPY a b\nENV A\nCOPY http://a/b /\n"
            ),
            [
                "RUN: `RUN` stands before the first `FROM`",
                "FRM: `FRM` is no instruction",
                "FROM: `FROM` needs something behind it",
                "a b: `FROM` takes an image, and `AS` with a name for the stage",
                "1: `1` is no name of a stage",
                "COPY: `COPY` needs a source and a destination",
                "--form: `COPY` takes no flag `--form`",
                "ENV: `ENV` needs something behind it",
                "A: `ENV` needs a name and a value",
                "http://a/b: `COPY` takes nothing from the network",
            ]
        );
        // what other front ends know is theirs
        assert!(problems("# syntax=example/front:1\nFROM a\nINCLUDE b\nCOPY --new a b\n").is_empty());
        assert_eq!(problems("# syntax=docker.io/docker/dockerfile:1.7\nFROM a\nINCLUDE b\n").len(), 1);
    }

    #[test]
    fn sources_of_the_context() {
        let text = "FROM a AS one\nARG V=1 Q\nENV D=etc/$V\nENV L a b\nCOPY --chown=0:0 --link a.txt $D/x ${Q}y $BASE/z /\n\
                    COPY [\"b c\", \"d\", \"/\"]\nCOPY <<EOF <<X e /\n1\nEOF\n2\nX\nADD https://x/y git@h:r.git f /\n\
                    COPY --from=zero g /\nONBUILD COPY h /\nRUN --mount=source=i,target=/i --mount=type=cache,source=no true\n\
                    FROM one\nCOPY $D/j \"k\" l\\ /\n";
        let told = takes(text);
        let paths: Vec<&str> = told.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["a.txt", "etc/1/x", "b c", "d", "e", "f", "i", "etc/1/j", "k", "l\\"]);
        let words: Vec<&str> = told.iter().map(|(_, words)| *words).collect();
        assert_eq!(words, ["a.txt", "$D/x", "b c", "d", "e", "f", "i", "$D/j", "\"k\"", "l\\"]);
    }

    #[test]
    fn froms_that_cannot_be() {
        let text = "FROM a AS one\nCOPY --from=one a b\nCOPY --from=1 a b\nCOPY --from=two a b\nCOPY --from=9 a b\n\
                    COPY --from=$X a b\nFROM b AS two\nCOPY --from=one a b\nRUN --mount=from=1 true\n";
        let found = with(text, &[]);
        let told: Vec<_> = found.misplaced.iter().map(|m| (m.name.value.as_str(), m.fault)).collect();
        let (itself, later) = (Fault::Itself, Fault::Later(1));
        assert_eq!(
            told,
            [
                ("one", itself),
                ("1", later),
                ("two", later),
                ("9", Fault::OutOfRange),
                ("$X", Fault::Variable),
                ("1", itself)
            ]
        );
        assert_eq!(found.image_names(), ["a", "b"]);
    }

    /// Pieces that Dockerfiles are made of, and some that they are not.
    fn text() -> impl Strategy<Value = String> {
        "(FROM |ARG |ENV |RUN |COPY |ADD |ONBUILD |# escape=`|<<EOF|EOF|AS |[ \\n\r\"'$\\{}:=+a-cé鍵\u{a0}\\\\`,./*\\[\\]-]|--from=|--mount=from=|\\n){0,60}"
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_places_lie_in_it(text in text()) {
            let found = read(&text, &BTreeMap::from([("a".to_string(), "$b".to_string())]));
            let images = found.images.iter().map(|i| i.span);
            let places = images
                .chain(found.problems.iter().map(|p| p.span))
                .chain(found.misplaced.iter().map(|m| m.name.span))
                .chain(found.args.iter().map(|a| a.span))
                .chain(found.takes.iter().flat_map(|t| t.sources.iter().map(|s| s.path.span)))
                .chain(found.stages.iter().flat_map(|s| s.name.iter().map(|n| n.span).chain([s.from])));
            for span in places {
                prop_assert!(text.get(span.start..span.end).is_some(), "{:?}", span);
            }
            found.needed(None);
        }
    }

    #[test]
    fn a_mebibyte_of_nonsense_is_read_at_once() {
        let numbered = |piece: fn(usize) -> String| (0..40_000).map(piece).collect::<String>();
        let repeated = |piece: &str| piece.repeat((1 << 20) / piece.len());
        for text in [
            repeated("${a:-"),
            repeated("FROM a\\\n"),
            repeated("COPY [\"a\","),
            repeated("RUN <<A <<B\n"),
            repeated("'\""),
            repeated("\nFRM"),
            format!("{} {}", repeated("${a:-").split_at(800).0.repeat(200), "}".repeat(800)),
            numbered(|n| format!("\nFROM s{n} AS s{}", n + 1)),
            numbered(|n| format!("\nARG a{n}")),
            numbered(|n| format!("\nENV a{n}=1 b=$a{n}")),
            numbered(|n| format!("\nENV a{n}=1\nFROM x AS y")),
            numbered(|n| format!("\nCOPY --from=s{n} a b\nFROM a AS s{n}")),
        ] {
            let found = read(&format!("FROM x\nCOPY {text}"), &BTreeMap::new());
            assert!(found.problems.len() <= MOST_MISTAKES);
            found.needed(None);
            found.image_names();
        }
    }
}
