//! What a Dockerfile takes from its context is there.
//!
//! Only stages that the slot's target needs are looked at: an engine leaves the others out, so that what they lack fails no
//! build. What only the build knows is not judged: variables of a base image, addresses, sources with a backslash. A path that
//! is not there fails with every engine. A pattern that nothing matches is another matter: BuildKit copies nothing, Podman
//! fails unless the instruction has another source, so that the instruction is warned of when it has none; and a `..` above
//! the context's root is dropped by both, while Docker's classic builder refuses it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{Case, MOST_FINDINGS};
use crate::diag::{Diagnostic, Diagnostics, Source, Span, codes};
use crate::front::context::{self, Context, Found, Listings};
use crate::front::dockerfile::{Dockerfile, Take, Wanted};
use crate::front::resolved::Slot;

/// A build as the findings show it.
struct Build<'a> {
    case: &'a Case<'a>,
    slot: &'a Slot,
    source: &'a Arc<Source>,
    /// The context as messages call it.
    shown: String,
    ignore: Option<Arc<Source>>,
}

/// A context and its ignore file; `None` where that has a pattern that none can be.
type Opened<'l> = (Option<Context<'l>>, Option<Arc<Source>>);

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let listings = Listings::new(case.probe);
    let mut opened: BTreeMap<(&Path, &Path), Opened<'_>> = BTreeMap::new();
    for (slot, source, dockerfile) in case.read_dockerfiles() {
        let (root, path) = (slot.context.value.as_path(), slot.dockerfile.value.as_path());
        // a context that is not there has been told of
        if !case.probe.is_dir(root) {
            continue;
        }
        let (context, ignore) =
            opened.entry((root, path)).or_insert_with(|| open(case, &listings, slot, found));
        let Some(context) = context else { continue };
        let shown = match case.resolved.shown(root) {
            shown if shown.is_empty() => ".".to_string(),
            shown => shown,
        };
        Build { case, slot, source, shown, ignore: ignore.clone() }.check(context, dockerfile, found);
    }
}

fn open<'l>(case: &Case<'_>, listings: &'l Listings<'l>, slot: &Slot, found: &mut Diagnostics) -> Opened<'l> {
    let (root, path) = (&slot.context.value, &slot.dockerfile.value);
    let ignore = context::ignore_text(case.probe, root, path);
    let source = ignore.as_ref().map(|i| Arc::new(Source::new(case.resolved.shown(&i.path), i.text.clone())));
    match (Context::open(listings, root, path, ignore.as_ref()), &source) {
        (Ok(context), _) => (Some(context), source),
        (Err(error), Some(place)) => {
            let message = format!("`{}` is no pattern: {}", error.pattern.escape_debug(), error.problem);
            let finding = Diagnostic::error(codes::IGNORE_PATTERN, message);
            let finding = finding.at(place, line_of(place, error.line), "");
            found.push(finding.help("mend the pattern, or remove the line"));
            (None, source)
        }
        (Err(_), None) => (None, None),
    }
}

impl Build<'_> {
    fn check(&self, context: &Context<'_>, dockerfile: &Dockerfile, found: &mut Diagnostics) {
        let needed = dockerfile.needed(self.slot.target.as_ref().map(|t| t.value.as_str()));
        let mut findings = Diagnostics::new();
        for take in dockerfile.takes.iter().filter(|t| needed.contains(&t.stage)) {
            self.take(context, take, &mut findings);
        }
        findings.into_iter().take(MOST_FINDINGS).for_each(|finding| found.push(finding));
    }

    fn take(&self, context: &Context<'_>, take: &Take, found: &mut Diagnostics) {
        let mut unmatched = Vec::new();
        for wanted in &take.sources {
            let (path, out) = context::within(&wanted.path);
            match context.find(&path, take.parents) {
                Found::There if out => found.push(self.clamped(wanted, &path)),
                Found::There => {}
                Found::Missing { near } => found.push(self.missing(wanted, &path, out, near)),
                Found::Ignored { line } => found.push(self.ignored(wanted, &path, line)),
                Found::NoMatch { line } => unmatched.push((wanted, line)),
                Found::BadPattern => {
                    let message = format!("`{}` is no pattern", wanted.path.escape_debug());
                    found.push(self.error(wanted, message, "a `[` needs its `]`, and a range its ends"));
                }
            }
        }
        // a pattern beside something that is there may well be meant to match nothing
        if take.whole && unmatched.len() == take.sources.len() {
            for (wanted, line) in unmatched {
                found.push(self.unmatched(wanted, line));
            }
        }
    }

    fn unmatched(&self, wanted: &Wanted, line: Option<usize>) -> Diagnostic {
        let pattern = wanted.path.escape_debug();
        let message = match line {
            Some(_) => format!("what `{pattern}` matches is kept out of the context `{}`", self.shown),
            None => format!("nothing in the context `{}` matches `{pattern}`", self.shown),
        };
        let finding = Diagnostic::warning(codes::COPY_UNCLEAR, message);
        let finding = finding.at(self.source, wanted.path.span, "BuildKit copies nothing, Podman fails");
        match (line, &self.ignore) {
            (Some(line), Some(source)) => {
                let finding = finding.at(source, line_of(source, line), "by this line");
                finding.help("remove that line, or the instruction")
            }
            _ => self.in_context(finding).help("mend the pattern, or remove the instruction"),
        }
    }

    fn error(&self, wanted: &Wanted, message: String, help: &str) -> Diagnostic {
        Diagnostic::error(codes::COPY_SOURCE, message).at(self.source, wanted.path.span, "").help(help)
    }

    fn missing(&self, wanted: &Wanted, path: &str, out: bool, near: Option<String>) -> Diagnostic {
        let message = format!("there is no `{}` in the context `{}`", path.escape_debug(), self.shown);
        let label =
            if out { "this leads out of the context, which an engine does not follow" } else { "not there" };
        let finding = Diagnostic::error(codes::COPY_SOURCE, message).at(self.source, wanted.path.span, label);
        let finding = self.in_context(finding);
        match near {
            Some(near) => {
                let finding = finding.help(format!("did you mean `{near}`?"));
                self.fixed(finding, wanted, &near)
            }
            None if out => finding.help("set `context` to a folder that holds it, and name it from there"),
            None => finding.help("paths are relative to the context, whatever folder the Dockerfile is in"),
        }
    }

    fn ignored(&self, wanted: &Wanted, path: &str, line: usize) -> Diagnostic {
        let message = format!("`{}` is kept out of the context `{}`", path.escape_debug(), self.shown);
        let finding = Diagnostic::error(codes::COPY_IGNORED, message);
        let finding = finding.at(self.source, wanted.path.span, "the build does not get to see it");
        let finding = match &self.ignore {
            Some(source) => finding.at(source, line_of(source, line), "by this line"),
            None => finding,
        };
        finding.help(format!("remove that line, or take the path back with a line `!{path}` at the end"))
    }

    fn clamped(&self, wanted: &Wanted, path: &str) -> Diagnostic {
        let inside = if path.is_empty() { "." } else { path };
        let message = format!("`{}` leads out of the context `{}`", wanted.path.escape_debug(), self.shown);
        let finding = Diagnostic::warning(codes::COPY_UNCLEAR, message);
        let label = format!("engines read this as `{inside}`, or refuse it");
        let finding = finding.at(self.source, wanted.path.span, label);
        let finding =
            self.in_context(finding).help(format!("write `{inside}`, or set `context` to a folder above"));
        self.fixed(finding, wanted, inside)
    }

    /// With the manifest's words that say what the context is.
    fn in_context(&self, finding: Diagnostic) -> Diagnostic {
        let span = self.slot.context.span;
        let text = match span == self.slot.dockerfile.span {
            true => "its folder is the context",
            false => "the context",
        };
        finding.at(self.case.source(), span, text)
    }

    /// Offers `path`, where the words of the Dockerfile are the path itself.
    fn fixed(&self, finding: Diagnostic, wanted: &Wanted, path: &str) -> Diagnostic {
        let plain = !path.contains(|c: char| c.is_whitespace() || "\"'\\$,".contains(c));
        match wanted.literal && plain {
            true => finding.fix(format!("write `{path}`"), wanted.path.span, path),
            false => finding,
        }
    }
}

/// A line's words, counted from 1.
fn line_of(source: &Source, line: usize) -> Span {
    let mut start = 0;
    for (index, text) in source.text.split_inclusive('\n').enumerate() {
        if index + 1 == line {
            return Span::new(start, start + text.trim_end().len());
        }
        start += text.len();
    }
    Span::new(start, start)
}
