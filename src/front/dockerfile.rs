//! As much of a Dockerfile as can be judged before a build: its grammar, its stages, the images it is made from, and
//! what it takes from its context.
//!
//! Enters: the text and the build arguments of the manifest. Leaves: [`Dockerfile`], with every place a span of the text.
//! [`lines`] joins what belongs together, [`words`] splits it, [`expand`] replaces variables, [`read`] puts it together;
//! [`reference`] and [`glob`] are the grammars of image names and of patterns. The models are BuildKit's own parser and the
//! Dockerfile reference. What only the build knows (a base image's `ENV`, `# syntax=` of somebody else) is not guessed at.

mod expand;
pub mod glob;
mod lines;
mod read;
pub mod reference;
mod words;

use std::collections::BTreeSet;

use crate::diag::{Span, Spanned};
pub use read::{INSTRUCTIONS, read};

/// What the manifest needs to know of a Dockerfile.
#[derive(Clone, Debug, Default)]
pub struct Dockerfile {
    /// Where it is not one.
    pub problems: Vec<Problem>,
    pub stages: Vec<Stage>,
    /// The images it takes from elsewhere (`FROM`, `COPY --from`, `RUN --mount=from=`) wherever it names them, in order. Not
    /// its own stages, not `scratch`.
    pub images: Vec<Spanned<String>>,
    /// Stages named where they cannot be.
    pub misplaced: Vec<Misplaced>,
    /// Every `ARG` it declares, each once.
    pub args: Vec<Spanned<String>>,
    /// What it takes from its context.
    pub takes: Vec<Take>,
    /// Whether it may name images that are not in `images`: the build alone knows which.
    pub more_images: bool,
}

#[derive(Clone, Debug)]
pub struct Stage {
    /// Lower-case: names are compared so.
    pub name: Option<Spanned<String>>,
    /// The words of `FROM` that say what it begins with.
    pub from: Span,
    /// The stages it takes from.
    pub needs: BTreeSet<usize>,
}

/// Words that are no Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub kind: Syntax,
    pub span: Span,
}

/// Why words are no Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Syntax {
    #[error("the Dockerfile has no `FROM`")]
    NoStage,
    #[error("`{0}` is no instruction")]
    Unknown(String),
    #[error("`{0}` takes no flag `--{1}`")]
    Flag(&'static str, String),
    #[error("`{0}` stands before the first `FROM`")]
    BeforeFrom(&'static str),
    #[error("`{0}` needs something behind it")]
    NoArgument(&'static str),
    #[error("`ENV` needs a name and a value")]
    NoValue,
    #[error("`{0}` needs a source and a destination")]
    NoDestination(&'static str),
    #[error("`FROM` takes an image, and `AS` with a name for the stage")]
    FromWords,
    #[error("`{0}` is no name of a stage")]
    StageName(String),
    #[error("the here-document `{0}` has no end")]
    HereDocument(String),
    #[error("`{0}` is no escape character")]
    Escape(String),
    /// After substitution nothing is left of a `FROM`'s image.
    #[error("`FROM {0}` names no image: an `ARG` in it has no value")]
    Blank(String),
    #[error("`COPY` takes nothing from the network")]
    Remote,
}

impl Syntax {
    /// What to do about it, where nothing nearer can be said.
    pub fn help(&self) -> &'static str {
        match self {
            Syntax::NoStage => "begin with `FROM` and an image or a base of the manifest",
            Syntax::Unknown(_) => "write an instruction of the Dockerfile reference",
            Syntax::Flag(..) => "remove the flag",
            Syntax::BeforeFrom(_) => "only `ARG` may stand there; move it below `FROM`",
            Syntax::NoArgument(_) => "complete it, or remove it",
            Syntax::NoValue => "write `ENV NAME=value`",
            Syntax::NoDestination(_) => "write what to copy and where to",
            Syntax::FromWords => "write `FROM image AS name`; comments have lines of their own",
            Syntax::StageName(_) => "a letter, then letters, digits, `-`, `_` and `.`",
            Syntax::HereDocument(_) => {
                "end it with that word alone on a line, without spaces before or behind it"
            }
            Syntax::Escape(_) => "write `\\` or a backtick",
            Syntax::Blank(_) => {
                "give the `ARG` a default in front of the first `FROM`, or a value in `build_args`"
            }
            Syntax::Remote => "write `ADD` instead",
        }
    }
}

/// A `--from=` that cannot be.
#[derive(Clone, Debug)]
pub struct Misplaced {
    pub fault: Fault,
    /// The stage that says it.
    pub stage: usize,
    /// As it is written.
    pub name: Spanned<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A stage cannot take from itself.
    Itself,
    /// The stage of that number comes later.
    Later(usize),
    /// There are not that many stages.
    OutOfRange,
    /// Variables are not replaced there.
    Variable,
}

/// An instruction that takes files from the context.
#[derive(Clone, Debug)]
pub struct Take {
    /// `COPY`, `ADD` or `RUN --mount`.
    pub instruction: &'static str,
    /// The stage it stands in.
    pub stage: usize,
    /// With variables replaced.
    pub sources: Vec<Wanted>,
    /// Whether all its sources are known here.
    pub whole: bool,
    /// `--parents`: patterns reach into folders there.
    pub parents: bool,
}

/// One source of a [`Take`].
#[derive(Clone, Debug)]
pub struct Wanted {
    pub path: Spanned<String>,
    /// Whether the words at the span are the path itself: without quotes, escapes and variables.
    pub literal: bool,
}

impl Dockerfile {
    /// The stage that `target` means, by name or by number.
    pub fn stage(&self, target: &str) -> Option<usize> {
        let target = target.to_lowercase();
        let named = |s: &Stage| s.name.as_ref().is_some_and(|n| n.value == target);
        self.stages
            .iter()
            .rposition(named)
            .or_else(|| target.parse::<usize>().ok().filter(|number| *number < self.stages.len()))
    }

    /// Whether a slip may hide stages, images and arguments.
    pub fn is_cut(&self) -> bool {
        let hides = |kind: &Syntax| {
            matches!(
                kind,
                Syntax::Unknown(_)
                    | Syntax::Escape(_)
                    | Syntax::HereDocument(_)
                    | Syntax::NoArgument("FROM" | "ARG")
            )
        };
        self.problems.iter().any(|p| hides(&p.kind))
    }

    /// The names of stages, in order.
    pub fn stage_names(&self) -> Vec<String> {
        self.stages.iter().filter_map(|s| s.name.as_ref()).map(|n| n.value.clone()).collect()
    }

    /// The stages that a build of `target` needs, itself included: the last one where there is no target. Nothing where the
    /// target is no stage. An engine leaves the others out.
    pub fn needed(&self, target: Option<&str>) -> BTreeSet<usize> {
        let goal = match target {
            Some(target) => self.stage(target),
            None => self.stages.len().checked_sub(1),
        };
        let mut needed = BTreeSet::new();
        let mut ahead: Vec<usize> = goal.into_iter().collect();
        while let Some(stage) = ahead.pop() {
            if needed.insert(stage) {
                ahead.extend(self.stages[stage].needs.iter().copied());
            }
        }
        needed
    }

    /// The images it takes from elsewhere, each once, in order.
    pub fn image_names(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let new = self.images.iter().filter(|image| seen.insert(&image.value));
        new.map(|image| image.value.clone()).collect()
    }
}
