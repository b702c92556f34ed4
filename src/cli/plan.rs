//! `osimg plan`: what `apply` would do, and why.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::failure::Failure;
use super::session::Session;
use super::{interrupt, run};
use crate::exec::explain::explain;
use crate::plan::explain::{Explained, FeatureChoice};
use crate::plan::{Explanation, Plan};
use crate::report::fit;
use crate::report::paint::Paint;

/// Show what `apply` would do, and why
///
/// Every step with its state: cached, to run and why, or dependent on what its inputs turn out to be. Builds nothing.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  osimg plan examples/debian-dual.yaml
  osimg plan examples/debian-dual.yaml --format dot | dot -Tsvg >plan.svg")]
pub struct PlanCommand {
    #[command(flatten)]
    wanted: run::Wanted,
    /// Lines for people, a JSON object, or a graph for Graphviz: text, json or dot
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_possible_values = true)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Dot,
}

impl PlanCommand {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let run::Prepared { model, plan, refresh, store } = self.wanted.prepare(session)?;
        let sink = session.sink();
        let nodes = interrupt::run(&sink, |cancel| {
            let mut cx = run::cx(model.clone(), store, session, &sink, &cancel);
            cx.refresh = refresh;
            let plan = &plan;
            async move { Ok(explain(plan, &cx).await?) }
        })?;
        session.print(&match self.format {
            Format::Text => text(&nodes, session.stdout_paint(), session.stdout_columns()),
            Format::Json => format!("{:#}\n", as_json(&nodes, &plan)),
            Format::Dot => dot(&nodes),
        })
    }
}

/// The least that states get beside the labels, in columns; with less they go below.
const STATE: usize = 24;

/// `columns` are those of a terminal; text for a file is not broken.
fn text(nodes: &[Explained], paint: Paint, columns: Option<usize>) -> String {
    let width = nodes.iter().map(|n| fit::width(&n.label)).max().unwrap_or(0);
    let beside = columns.is_none_or(|c| c >= width + 2 + STATE);
    let indent = if beside { width + 2 } else { 4 };
    let margin = format!("\n{}", " ".repeat(indent));
    let wrapped = |text: &str, indent| fit::wrap(text, columns.map_or(usize::MAX, |c| c - indent));
    let mut out = String::new();
    for node in nodes {
        let state = wrapped(&node.explanation.to_string(), indent).join(&margin);
        let state = match node.explanation {
            Explanation::Cached => paint.good(state),
            Explanation::Computed => paint.dim(state),
            Explanation::Run(_) => paint.busy(state),
            Explanation::Depends { .. } => paint.warn(state),
        };
        match beside {
            true => out.push_str(&format!("{}  {state}\n", fit::pad(&node.label, width))),
            false => out.push_str(&format!("{}{margin}{state}\n", wrapped(&node.label, 0).join("\n"))),
        }
        for line in features(&node.features) {
            let line = paint.dim(wrapped(&line, indent).join(&margin));
            out.push_str(&format!("{}{line}\n", margin.trim_start_matches('\n')));
        }
    }
    let count = |wanted: fn(&Explanation) -> bool| nodes.iter().filter(|n| wanted(&n.explanation)).count();
    let cached = count(|e| matches!(e, Explanation::Cached));
    let run = count(|e| matches!(e, Explanation::Run(_)));
    let depends = count(|e| matches!(e, Explanation::Depends { .. }));
    let sum = format!("{cached} cached, {run} to run, {depends} that depend on those");
    out.push_str(&format!("\n{}\n", wrapped(&sum, 0).join("\n")));
    out
}

/// What a filesystem will have and what not, a line each: `with sparse; rmapbt (stated)`.
fn features(choices: &[FeatureChoice]) -> Vec<String> {
    let line = |on: bool, word: &str| {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for choice in choices.iter().filter(|choice| choice.on == on) {
            // that what is usual is there needs no reason
            let why = if on && choice.why.starts_with("usual") { "" } else { &choice.why };
            match reasons.iter_mut().find(|(reason, _)| *reason == why) {
                Some((_, names)) => names.push(choice.name),
                None => reasons.push((why, vec![choice.name])),
            }
        }
        let said = reasons.iter().map(|(why, names)| match *why {
            "" => names.join(", "),
            why => format!("{} ({why})", names.join(", ")),
        });
        (!reasons.is_empty()).then(|| format!("{word} {}", said.collect::<Vec<_>>().join("; ")))
    };
    [line(true, "with"), line(false, "without")].into_iter().flatten().collect()
}

fn as_json(nodes: &[Explained], plan: &Plan) -> serde_json::Value {
    let nodes: Vec<serde_json::Value> = nodes
        .iter()
        .map(|n| {
            let node = plan.node(n.node);
            let mut object = json!({
                "id": n.node,
                "label": n.label,
                "inputs": n.inputs,
                "state": n.explanation,
                "static_id": node.static_id,
                "definition": node.op,
            });
            if !n.features.is_empty() {
                object["features"] = json!(n.features);
            }
            object
        })
        .collect();
    json!({ "nodes": nodes })
}

fn dot(nodes: &[Explained]) -> String {
    // JSON's string syntax is also that of DOT (the DOT language, "ID"), newline escapes included
    let quoted = |text: &str| json!(text).to_string();
    let mut out = String::from("digraph plan {\n  rankdir=LR;\n  node [shape=box, style=filled];\n");
    for node in nodes {
        let color = match node.explanation {
            Explanation::Cached => "palegreen",
            Explanation::Computed => "white",
            Explanation::Run(_) => "lightsalmon",
            Explanation::Depends { .. } => "khaki",
        };
        let label = quoted(&format!("{}\n{}", node.label, node.explanation));
        out.push_str(&format!("  n{} [label={label}, fillcolor={color}];\n", node.node.0));
    }
    for node in nodes {
        for input in &node.inputs {
            out.push_str(&format!("  n{} -> n{};\n", input.0, node.node.0));
        }
    }
    out.push_str("}\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::model::{Filesystem, FilesystemKind, StatedFeature};

    #[test]
    fn features_are_told_with_their_reasons() {
        let mut filesystem = Filesystem::of(FilesystemKind::Xfs);
        let span = crate::diag::Span::new(0, 0);
        for (name, on) in [("finobt", false), ("rmapbt", true)] {
            filesystem.features.push(StatedFeature { name, on, span });
        }
        assert_eq!(
            features(&FeatureChoice::of(&filesystem, Some("4.18.0-553.el8_10.x86_64"))),
            [
                "with sparse, reflink; rmapbt (stated)",
                "without finobt (stated); bigtime (linux 5.10 is the first with it); inobtcount (needs finobt, which is \
                 off); nrext64 (linux 5.19 is the first with it)",
            ]
        );
        // what follows from a kernel that nobody knows yet is not said
        assert_eq!(
            features(&FeatureChoice::of(&filesystem, None)),
            ["with rmapbt (stated)", "without finobt (stated); inobtcount (needs finobt, which is off)"]
        );
        assert!(features(&[]).is_empty());
    }
}
