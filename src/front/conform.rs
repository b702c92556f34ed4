//! What the schema forbids and no rule has found: so that whatever a manifest's reader accepts, an editor accepts too.
//!
//! Enters: the tree, and what was found so far. Leaves: findings for values that break the schema where nothing was found
//! yet. The rules speak better, but look only at what comes to be used: a list in `defaults` that every slot replaces is
//! nobody's. Types, enums and unknown fields are serde's; this knows the rest of what the schema says (JSON Schema draft 7,
//! validation).

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::parse::first_line;
use super::spans::{Kind, Node, Step};
use super::{schema, suggest, words};
use crate::diag::{Diagnostic, Diagnostics, Source, Span, codes};

/// Adds to `found` what breaks the schema and is not in it.
pub fn check(source: &Arc<Source>, tree: &Node, found: &mut Diagnostics) {
    let said: Vec<Span> = found
        .iter()
        .flat_map(|finding| &finding.labels)
        .filter(|label| label.source.name == source.name)
        .map(|label| label.span)
        .collect();
    let mut conform = Conform { source, tree, said, path: Vec::new(), found: Diagnostics::new() };
    conform.node(tree, schema::value());
    found.extend(conform.found);
}

struct Conform<'a> {
    source: &'a Arc<Source>,
    tree: &'a Node,
    said: Vec<Span>,
    path: Vec<Step>,
    found: Diagnostics,
}

impl Conform<'_> {
    fn node(&mut self, node: &Node, schema: &'static Value) {
        let schema = schema::open(schema);
        if node.dropped {
            return;
        }
        match &node.kind {
            Kind::Scalar { text, .. } => self.scalar(node, text, schema),
            Kind::List(_) => self.list(node, schema),
            Kind::Map(_) => self.map(node, schema),
        }
    }

    fn scalar(&mut self, node: &Node, text: &str, schema: &'static Value) {
        let length = text.chars().count() as u64;
        let number = |key: &str| schema.get(key).and_then(Value::as_u64);
        let pattern = schema.get("pattern").and_then(Value::as_str);
        let beyond = |limit: Option<u64>, over: fn(u64, u64) -> bool, value: u64| {
            limit.is_some_and(|limit| over(value, limit))
        };
        let too_long = beyond(number("maxLength"), |value, limit| value > limit, length);
        let range = text.parse::<u64>().is_ok_and(|value| {
            beyond(number("maximum"), |value, limit| value > limit, value)
                || beyond(number("minimum"), |value, limit| value < limit, value)
        });
        let problem = match pattern {
            _ if range => "is out of range",
            _ if too_long => "is too long",
            Some(pattern) if !words::fits(pattern, text) => "is not what belongs here",
            _ => return,
        };
        self.say(node, problem, schema);
    }

    fn list(&mut self, node: &Node, schema: &'static Value) {
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        let mut seen = BTreeSet::new();
        let empty = node.items().next().is_none() && schema.get("minItems").is_some();
        if empty {
            self.say(node, "is empty", schema);
        }
        let Some(items) = schema.get("items") else { return };
        for (index, item) in node.items().enumerate() {
            self.path.push(Step::Item(index));
            if unique && !seen.insert(item.to_yaml()) {
                self.say(item, "stands here twice", schema);
            }
            self.node(item, items);
            self.path.pop();
        }
    }

    fn map(&mut self, node: &Node, schema: &'static Value) {
        let Kind::Map(entries) = &node.kind else { return };
        self.members(node, schema);
        let names = schema.pointer("/propertyNames/pattern").and_then(Value::as_str);
        for entry in entries.iter().filter(|e| !e.value.dropped) {
            self.path.push(Step::Key(entry.key.clone()));
            if names.is_some_and(|pattern| !words::fits(pattern, &entry.key)) {
                self.at(entry.key_span, "has a name that cannot be", None);
            }
            if let Some(below) = schema::member(schema, &entry.key) {
                self.node(&entry.value, below);
            }
            self.path.pop();
        }
    }

    /// Fields that must be there, and sets of fields of which exactly one must be.
    fn members(&mut self, node: &Node, schema: &Value) {
        let has = |key: &str| match &node.kind {
            // a field that was meant to be this one has been found already
            Kind::Map(entries) => entries.iter().any(|e| e.key == key || e.meant.as_deref() == Some(key)),
            _ => false,
        };
        let keys = |schema: &Value| -> Vec<String> {
            let list = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(String::from).collect()
        };
        let line = first_line(self.source, node.span);
        for missing in keys(schema).into_iter().filter(|key| !has(key)) {
            self.at(line, &format!("needs `{missing}`"), None);
        }
        let sets: Vec<Vec<String>> =
            schema.get("oneOf").and_then(Value::as_array).into_iter().flatten().map(keys).collect();
        let sets: Vec<Vec<String>> = sets.into_iter().filter(|set| !set.is_empty()).collect();
        let touched = sets.iter().filter(|set| set.iter().any(|key| has(key))).count();
        let whole = sets.iter().filter(|set| set.iter().all(|key| has(key))).count();
        // a rule that knows the fields has underlined one of them
        let key = |key: &String| node.entry(key).map(|entry| entry.key_span);
        let said = sets.iter().flatten().filter_map(key).any(|span| self.said.contains(&span));
        if !sets.is_empty() && (touched != 1 || whole != 1) && !said {
            let choice: Vec<String> = sets.iter().map(|set| set.join("` and `")).collect();
            self.at(line, &format!("needs either {}", suggest::list(&choice)), None);
        }
    }

    fn say(&mut self, node: &Node, problem: &str, schema: &Value) {
        let examples = schema.get("examples").and_then(Value::as_array).into_iter().flatten();
        let examples: Vec<String> = examples.filter_map(Value::as_str).map(String::from).collect();
        let help = (!examples.is_empty()).then(|| format!("write such as {}", suggest::list(&examples)));
        self.at(first_line(self.source, node.span), problem, help);
    }

    fn at(&mut self, span: Span, problem: &str, help: Option<String>) {
        if self.said.iter().any(|said| said.start <= span.end && span.start <= said.end) {
            return;
        }
        let message = format!("`{}` {problem}", self.tree.show(&self.path));
        let finding = Diagnostic::error(codes::VALUE_INVALID, message).at(self.source, span, "");
        self.found.push(match help {
            Some(help) => finding.help(help),
            None => finding,
        });
    }
}
