//! What an editor's hover box says of a field: the schema's own words, as Markdown.
//!
//! Enters: the way to a field. Leaves: its description, the words it allows, its default and examples. The schema is the
//! only source, so the box and yaml-language-server's say the same.

use serde_json::Value;

use super::schema::{self, open};
use super::spans::Step;

/// The text for the field that `path` leads to, or for the nearest field around it that the schema describes.
pub fn hover(path: &[Step]) -> Option<String> {
    (1..=path.len()).rev().find_map(|length| {
        let path = &path[..length];
        let (Step::Key(name), parent) = path.split_last()? else { return None };
        let owner = descend(parent)?;
        let field = owner.get("properties")?.get(name)?;
        Some(describe(name, field, is_required(owner, name)))
    })
}

/// The schema of the value that `path` leads to.
fn descend(path: &[Step]) -> Option<&'static Value> {
    let at = path.iter().try_fold(schema::value(), |at, step| match step {
        Step::Key(key) => schema::member(at, key),
        Step::Item(_) => open(at).get("items"),
    })?;
    Some(open(at))
}

fn is_required(owner: &Value, name: &str) -> bool {
    owner.get("required").and_then(Value::as_array).is_some_and(|r| r.iter().any(|n| n == name))
}

fn describe(name: &str, field: &'static Value, required: bool) -> String {
    let target = open(field);
    let own = |key: &str| field.get(key).or_else(|| target.get(key));
    let mut out = format!("**`{name}`**");
    if required {
        out.push_str(" (required)");
    }
    let description = own("description").and_then(Value::as_str).unwrap_or_default();
    if !description.is_empty() {
        out.push_str(&format!("\n\n{description}"));
    }
    let item = target.get("items").map_or(target, open);
    let words = allowed(item);
    if !words.is_empty() {
        out.push_str("\n\nAllowed:\n");
        out.push_str(&words.join("\n"));
    }
    // most descriptions say the default in words
    if let Some(default) = own("default").filter(|_| !description.contains("Default:")) {
        out.push_str(&format!("\n\nDefault: `{}`", written(default)));
    }
    if let Some(examples) = own("examples").and_then(Value::as_array).filter(|e| !e.is_empty()) {
        let examples: Vec<String> = examples.iter().map(|e| format!("`{}`", written(e))).collect();
        let word = if examples.len() == 1 { "Example" } else { "Examples" };
        out.push_str(&format!("\n\n{word}: {}", examples.join(", ")));
    }
    out
}

/// The words that a value may be, a list line each.
fn allowed(schema: &Value) -> Vec<String> {
    let words = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let about =
        |at: usize| schema.get("markdownEnumDescriptions")?.get(at)?.as_str().filter(|a| !a.is_empty());
    words
        .enumerate()
        .map(|(at, word)| match about(at) {
            Some(about) => format!("- `{}`: {about}", written(word)),
            None => format!("- `{}`", written(word)),
        })
        .collect()
}

/// A value on one line of YAML.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains('\n') => value.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> String {
        let steps: Vec<Step> = path
            .split('.')
            .map(|word| word.parse().map_or_else(|_| Step::Key(word.into()), Step::Item))
            .collect();
        hover(&steps).unwrap_or_default()
    }

    #[test]
    fn says_what_the_schema_says() {
        let table = of("disk.table");
        assert!(table.starts_with("**`table`**\n\nThe partition table."), "{table}");
        assert!(table.contains("\n- `mbr`: Master boot record"), "{table}");
        assert!(of("slots.0.name").starts_with("**`name`** (required)\n\n"));
        assert!(of("boot.firmware").contains("\n- `uefi`: UEFI"));
        assert!(of("slots.3.dracut.drivers").contains("Example: `[virtio_blk, virtio_scsi, xfs]`"));
        assert!(of("slots.0.filesystem.type").contains("- `xfs`"));
        let reflink = of("slots.0.filesystem.features.reflink");
        assert!(reflink.starts_with("**`reflink`**\n\nxfs: Files may share blocks"), "{reflink}");
        assert!(reflink.contains("linux 4.9 and later. Default: on from linux 4.16 on"), "{reflink}");
    }

    #[test]
    fn a_word_in_a_list_shows_its_field_and_an_unknown_one_what_holds_it() {
        assert_eq!(of("slots.3.dracut.drivers.1"), of("slots.3.dracut.drivers"));
        assert_eq!(of("slots.0.build_args.RELEASE"), of("slots.0.build_args"));
        assert_eq!(of("slots.0"), of("slots"));
        assert_eq!(of("nonsense"), "");
    }
}
