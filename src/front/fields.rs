//! Fields that manifests do not have: what the user may have meant, from the schema, the only list of fields there is.
//!
//! Enters: the path of an unknown field. Leaves: a finding with the nearest name, and a note in the tree that it was
//! meant.

use std::sync::Arc;

use serde_json::Value;

use super::spans::{Kind, Node, Step};
use super::{schema, suggest};
use crate::diag::{Diagnostic, Source, codes};

/// What to say of a field that is not in the schema; notes in the tree which field was meant.
pub fn unknown(source: &Arc<Source>, tree: &mut Node, path: &[Step]) -> Option<Diagnostic> {
    let (Step::Key(key), parent) = path.split_last()? else { return None };
    let owner = match parent {
        [] => "a manifest".to_string(),
        _ => format!("`{}`", tree.show(parent)),
    };
    let Kind::Map(entries) = &mut tree.walk_mut(parent)?.kind else { return None };
    let taken: Vec<String> = entries.iter().map(|e| e.key.clone()).collect();
    let entry = entries.iter_mut().find(|e| e.key == *key)?;
    let in_users = matches!(parent, [.., Step::Key(list), Step::Item(_)] if list == "users");
    if in_users && matches!(key.as_str(), "password" | "passwd" | "pass") {
        return Some(
            Diagnostic::error(codes::USER_CLEAR_PASSWORD, "a password written in clear")
                .at(source, entry.key_span, "a manifest is no place for a password")
                .secret(entry.value.span)
                .help(
                    "write `password_hash:` with the output of `mkpasswd -m sha-512` or `openssl passwd -6`",
                ),
        );
    }
    let known = known_fields(parent);
    let free: Vec<String> = known.iter().filter(|k| !taken.contains(k)).cloned().collect();
    entry.meant = suggest::nearest(key, &free).cloned();
    // a slot is likelier meant than `defaults`, which has most of its fields
    let elsewhere = || {
        let mut places: Vec<String> = places(key).into_iter().filter(|p| *p != generic(parent)).collect();
        places.sort_by_key(|place| place.starts_with("defaults"));
        places.into_iter().next()
    };
    let near = suggest::nearest(key, &free);
    let help = match near.or_else(|| suggest::nearest(key, &known)) {
        Some(word) => format!("did you mean `{word}`?"),
        None => match elsewhere() {
            Some(other) if other.is_empty() => {
                format!("`{key}` belongs to the manifest itself: indent it less")
            }
            Some(other) if other == "slots" => {
                format!("`{key}` belongs into a slot: indent it as far as the slot's `name`")
            }
            Some(other) => format!("`{key}` belongs into `{other}`"),
            None => format!("the fields here are {}", suggest::list(&known).replace(" or ", " and ")),
        },
    };
    let message = format!("{owner} has no field `{}`", key.escape_debug());
    let finding = Diagnostic::error(codes::FIELD_UNKNOWN, message)
        .at(source, entry.key_span, "unknown field")
        .help(help);
    Some(match near {
        Some(word) => finding.fix(format!("write `{word}`"), entry.key_span, word),
        None => finding,
    })
}

/// A path without list positions: `slots.kernel`.
fn generic(path: &[Step]) -> String {
    let keys: Vec<&str> = path
        .iter()
        .filter_map(|s| match s {
            Step::Key(key) => Some(key.as_str()),
            Step::Item(_) => None,
        })
        .collect();
    keys.join(".")
}

fn known_fields(path: &[Step]) -> Vec<String> {
    let at = path.iter().try_fold(schema::value(), |at, step| match step {
        Step::Key(key) => schema::member(at, key),
        Step::Item(_) => schema::open(at).get("items"),
    });
    let properties = at.map(schema::open).and_then(|s| s.get("properties")).and_then(Value::as_object);
    properties.map(|p| p.keys().cloned().collect()).unwrap_or_default()
}

/// The places, as generic paths, that have a field of this name.
fn places(field: &str) -> Vec<String> {
    fn look(schema: &'static Value, path: &str, field: &str, out: &mut Vec<String>) {
        let schema = schema::open(schema);
        if let Some(items) = schema.get("items") {
            return look(items, path, field, out);
        }
        for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if name == field {
                out.push(path.to_string());
            }
            let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            look(inner, &below, field, out);
        }
    }
    let mut out = Vec::new();
    look(schema::value(), "", field, &mut out);
    out
}
