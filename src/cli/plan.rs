//! `osimg plan`: what `apply` would do, and why.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::failure::Failure;
use super::session::Session;
use super::{interrupt, run};
use crate::exec::explain::explain;
use crate::plan::explain::Explained;
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
            Format::Text => text(&nodes, session.stdout_paint()),
            Format::Json => format!("{:#}\n", as_json(&nodes, &plan)),
            Format::Dot => dot(&nodes),
        })
    }
}

fn text(nodes: &[Explained], paint: Paint) -> String {
    let width = nodes.iter().map(|n| fit::width(&n.label)).max().unwrap_or(0);
    let mut out = String::new();
    for node in nodes {
        let state = node.explanation.to_string();
        let state = match node.explanation {
            Explanation::Cached => paint.good(state),
            Explanation::Computed => paint.dim(state),
            Explanation::Run(_) => paint.busy(state),
            Explanation::Depends { .. } => paint.warn(state),
        };
        out.push_str(&format!("{}  {state}\n", fit::pad(&node.label, width)));
    }
    let count = |wanted: fn(&Explanation) -> bool| nodes.iter().filter(|n| wanted(&n.explanation)).count();
    let cached = count(|e| matches!(e, Explanation::Cached));
    let run = count(|e| matches!(e, Explanation::Run(_)));
    let depends = count(|e| matches!(e, Explanation::Depends { .. }));
    out.push_str(&format!("\n{cached} cached, {run} to run, {depends} that depend on those\n"));
    out
}

fn as_json(nodes: &[Explained], plan: &Plan) -> serde_json::Value {
    let nodes: Vec<serde_json::Value> = nodes
        .iter()
        .map(|n| {
            let node = plan.node(n.node);
            json!({
                "id": n.node,
                "label": n.label,
                "inputs": n.inputs,
                "state": n.explanation,
                "static_id": node.static_id,
                "definition": node.op,
            })
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
