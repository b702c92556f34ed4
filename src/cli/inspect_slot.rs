//! `osimg inspect-slot`: how a slot's built tree would boot, and what the rules find.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::failure::{self, Failure};
use super::flags::MessageFormat;
use super::manifest::Manifest;
use super::mkfs::source::Source;
use super::session::Session;
use super::{interrupt, run, slots};
use crate::base::event::{Event, NodeId, NodeReporter};
use crate::diag::{Diagnostics, Severity, json};
use crate::exec::{self, ops};
use crate::front::model::{Model, Slot};
use crate::plan::Op;
use crate::proof::rules::{Case, judge, look};
use crate::proof::summary::{Initramfs, Summary, Whereabouts};
use crate::report::paint::Paint;
use crate::rootfs::inspect::{InspectError, Program, Survey, inspect};

/// Show how a slot would boot, and what is wrong with it
///
/// Builds the slots as far as their trees, writes no filesystem, and says what is in them: kernel, initramfs, init,
/// logins. The findings are those that `apply` stops at or warns of. Nothing is booted.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  osimg inspect-slot examples/debian-dual.yaml trixie
  osimg inspect-slot --tar tree.tar.zst
  docker export web | osimg inspect-slot --tar -")]
pub struct InspectSlot {
    /// The manifest, a YAML file
    #[arg(value_name = "MANIFEST", required_unless_present = "tar", conflicts_with = "tar")]
    manifest: Option<PathBuf>,
    /// The slots; all, when none is named
    #[arg(value_name = "SLOT")]
    slots: Vec<String>,
    /// Look at a tree by itself: a tar archive, plain or packed by gzip, xz or
    /// zstd; - is standard input
    #[arg(long, value_name = "TREE.tar")]
    tar: Option<PathBuf>,
}

impl InspectSlot {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        match (&self.manifest, &self.tar) {
            (Some(manifest), _) => self.slots(&Manifest { path: manifest.clone() }, session),
            (None, Some(tar)) => tree(tar.clone(), session),
            (None, None) => unreachable!("clap demands one of the two"),
        }
    }

    fn slots(&self, manifest: &Manifest, session: &Session) -> Result<(), Failure> {
        let model = Arc::new(manifest.load(session)?);
        let known: Vec<&str> = model.slots.iter().map(|s| s.name.as_str()).collect();
        if let Some(unknown) = self.slots.iter().find(|s| !known.contains(&s.as_str())) {
            return Err(slots::unknown(unknown, "the manifest", &known));
        }
        let is_wanted =
            |slot: &&Slot| self.slots.is_empty() || self.slots.iter().any(|s| s == slot.name.as_str());
        let wanted: Vec<&Slot> = model.slots.iter().filter(is_wanted).collect();
        let surveys = surveys(&model, &wanted, session)?;
        let trees: Vec<(&Slot, &Survey)> = wanted.into_iter().zip(&surveys).collect();
        let found = judge(&model, &trees, trees.len() == model.slots.len()).sorted(&model.source.name);
        let told = trees.iter().map(|(slot, survey)| {
            let summary = Summary::of(&Case::new(Some((&*model, *slot)), survey));
            (slot.name.to_string(), summary)
        });
        report(told.collect(), found, session)
    }
}

/// The surveys of slots: from the cache, or made as far as they are not there.
fn surveys(model: &Arc<Model>, wanted: &[&Slot], session: &Session) -> Result<Vec<Survey>, Failure> {
    let plan = run::plan(model, session)?;
    let node = |slot: &&Slot| {
        let found = plan.find(|op| matches!(op, Op::Inspect(i) if i.slot == slot.name.as_str()));
        found.expect("lowering inspects every slot")
    };
    let goals: Vec<NodeId> = wanted.iter().map(node).collect();
    let store = run::store(session)?;
    let sink = session.sink();
    interrupt::run(&sink, |cancel| {
        let (sink, model, plan, goals) = (sink.clone(), model.clone(), &plan, &goals);
        async move {
            let _lock = run::lock(&store, &sink, &cancel).await?;
            let cx = run::cx(model, store, session, &sink, &cancel);
            let results = exec::run(plan, goals, &cx).await?;
            goals.iter().map(|goal| Ok(ops::facts(&results[goal].outcome)?)).collect()
        }
    })
}

/// A tree by itself.
fn tree(path: PathBuf, session: &Session) -> Result<(), Failure> {
    let source = Source::open(&path, session, None, "inspect-slot --tar")?;
    let sink = session.sink();
    let label = format!("inspect {}", path.display());
    let survey = interrupt::run(&sink, |cancel| {
        let (sink, node, started) = (sink.clone(), NodeId(0), Instant::now());
        let reporter = NodeReporter::new(node, sink.clone());
        async move {
            sink.emit(Event::RunStarted { total: 1 });
            sink.emit(Event::NodeStarted { node, label: label.clone(), why: String::new() });
            let read = tokio::task::spawn_blocking(move || {
                let mut tree = source.tree(&reporter, &cancel)?;
                inspect(&mut tree).map_err(|error| match error {
                    InspectError::Read(error) => source.unreadable(&error),
                    InspectError::Clash { .. } => failure::Problem::of(&error).into(),
                })
            });
            let read = read.await.unwrap_or(Err(Failure::Interrupted));
            let took = started.elapsed();
            sink.emit(match &read {
                Ok(_) => Event::NodeFinished { node, label, took },
                Err(_) => Event::NodeFailed { node, label },
            });
            sink.emit(Event::RunFinished { took });
            read
        }
    })?;
    drop(sink);
    let case = Case::new(None, &survey);
    report(vec![(path.display().to_string(), Summary::of(&case))], look(&case), session)
}

/// What was found, on standard output; findings beside it for people, after it for programs.
fn report(told: Vec<(String, Summary)>, found: Diagnostics, session: &Session) -> Result<(), Failure> {
    let found = if session.denies_warnings() { found.denied() } else { found };
    let paint = session.stdout_paint();
    if session.flags.message_format == MessageFormat::Human {
        let texts: Vec<String> = told.iter().map(|(name, summary)| text(name, summary, paint)).collect();
        session.say(texts.join("\n").trim_end())?;
        if found.has_errors() {
            return Err(Failure::Located(found, Vec::new()));
        }
        if !found.is_empty() {
            session.warn(&found);
        }
        return Ok(());
    }
    let mut out = String::new();
    if session.flags.message_format == MessageFormat::Json {
        for (name, summary) in &told {
            let mut object = json!(summary);
            object["event"] = json!("slot");
            object["slot"] = json!(name);
            out.push_str(&format!("{object}\n"));
        }
    }
    out.push_str(&failure::tell_diagnostics(&found, session.telling()));
    if session.flags.message_format == MessageFormat::Json {
        let object = json!({
            "event": "inspected",
            "version": json::VERSION,
            "errors": found.count(Severity::Error),
            "warnings": found.count(Severity::Warning),
        });
        out.push_str(&format!("{object}\n"));
    }
    session.print(&out)?;
    if found.has_errors() { Err(Failure::Told) } else { Ok(()) }
}

/// A tree for people: its name, then a line for each thing.
fn text(name: &str, summary: &Summary, paint: Paint) -> String {
    let system = summary.system.as_deref().unwrap_or("no /etc/os-release");
    let mut out = format!("{}  {system}\n", paint.bold(name));
    for (what, value) in lines(summary) {
        out.push_str(&format!("  {} {value}\n", paint.dim(format!("{what:<13}"))));
    }
    out
}

fn lines(summary: &Summary) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    match (&summary.kernel, &summary.no_kernel) {
        (Some(kernel), _) => {
            lines.push(("kernel", format!("{}: {}", kernel.version, kernel.why.as_str())));
            lines.push(("", kernel.image.clone()));
        }
        (None, why) => lines.push(("kernel", format!("none: {}", why.as_deref().unwrap_or_default()))),
    }
    if !summary.other_kernels.is_empty() {
        lines.push(("not used", summary.other_kernels.join(", ")));
    }
    if !summary.rescue_images.is_empty() {
        lines.push(("rescue", summary.rescue_images.join(", ")));
    }
    if let Some(found) = &summary.initramfs {
        lines.push(("initramfs", initramfs(found)));
        lines.push(("", found.path.clone()));
    }
    let drivers = |place| {
        let names = summary.drivers.iter().filter(|d| d.place == place).map(|d| d.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    for (place, words) in [
        (Whereabouts::Initramfs, "in the initramfs"),
        (Whereabouts::Kernel, "part of the kernel"),
        (Whereabouts::Missing, "not there"),
    ] {
        let names = drivers(place);
        if !names.is_empty() {
            lines.push(("drivers", format!("{words}: {names}")));
        }
    }
    lines.push(("init", init(&summary.init)));
    lines.push(("boots into", summary.boots_into.clone().unwrap_or_else(|| "nothing".into())));
    let shown = summary.prompts.iter().filter(|p| p.shows).map(|p| p.console.as_str());
    lines.push(("prompt on", list(shown.collect())));
    let logins: Vec<String> = summary.logins.iter().map(|l| format!("{} ({})", l.user, l.by)).collect();
    lines.push(("logs in", list(logins.iter().map(String::as_str).collect())));
    lines.push(("holds", format!("{} in {} files and folders", summary.data, summary.inodes)));
    lines
}

fn list(words: Vec<&str>) -> String {
    if words.is_empty() { "none".into() } else { words.join(", ") }
}

fn initramfs(found: &Initramfs) -> String {
    if let Some(problem) = &found.problem {
        return problem.clone();
    }
    let maker = if found.dracut { ", made by dracut" } else { "" };
    format!(
        "{}, {} ({} unpacked), {} modules{maker}",
        found.packing.join(" + "),
        found.size,
        found.unpacked,
        found.modules
    )
}

fn init(init: &Program) -> String {
    match init {
        Program::There(path) => path.clone(),
        Program::Missing => "none".into(),
        Program::Dangling(path) => format!("none: /sbin/init leads to {path}"),
        Program::NotExecutable(path) => format!("{path}, which is not executable"),
        Program::Empty(path) => format!("{path}, which is empty"),
        Program::NoFile(path) => format!("{path}, which is no file"),
    }
}
