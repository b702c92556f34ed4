//! The JSON Schema of the manifest, draft 7: what editors read. Generated from [`ast`](super::ast), checked in as
//! `schema/osimg.schema.json`, and held fresh by a test.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::Value;

use super::ast::Manifest;
use super::suggestions;

/// The schema as a value.
pub fn value() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(generate);
    &SCHEMA
}

/// The schema that `schema` refers to, or itself.
pub fn open(schema: &'static Value) -> &'static Value {
    let reference = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref")).and_then(Value::as_str);
    reference.and_then(|r| value().pointer(r.trim_start_matches('#'))).unwrap_or(schema)
}

/// What the schema says of the member `key` of a mapping.
pub fn member(schema: &'static Value, key: &str) -> Option<&'static Value> {
    let schema = open(schema);
    let named = schema.get("properties").and_then(|p| p.get(key));
    named.or_else(|| schema.get("additionalProperties").filter(|s| s.is_object()))
}

fn generate() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Manifest>();
    RecursiveTransform(without_null).transform(&mut schema);
    RecursiveTransform(flowing).transform(&mut schema);
    RecursiveTransform(enumerated).transform(&mut schema);
    let mut schema = schema.to_value();
    only_one_description(&mut schema);
    formatted(&mut schema);
    suggestions::add(&mut schema);
    schema
}

/// The schema as text: pretty JSON, a newline at its end.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(value()).expect("a JSON value has no key that is no text");
    text.push('\n');
    text
}

/// An optional field may be absent, but `field:` with nothing behind it is a slip: `null` is no type here.
fn without_null(schema: &mut schemars::Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_string(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|c| c.get("type").is_none_or(|t| t != "null"));
        if let [only] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            // draft 7 ignores what stands beside a `$ref`, so it goes into an `allOf`
            object.insert("allOf".to_string(), Value::Array(vec![only]));
        }
    }
}

/// A comment's lines are cut for the source; an editor wraps them for its box.
fn flowing(schema: &mut schemars::Schema) {
    if let Some(Value::String(text)) = schema.as_object_mut().and_then(|o| o.get_mut("description")) {
        *text =
            text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
    }
}

/// A choice of words, each with a comment, is an `enum` with a text for each: an editor's hover box then shows all of
/// them, where of a `oneOf` it shows the one that is written.
fn enumerated(schema: &mut schemars::Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let Some(Value::Array(choices)) = object.get("oneOf") else { return };
    let choice = |choice: &Value| {
        let about = choice.get("description").cloned().unwrap_or_else(|| "".into());
        Some((choice.get("const")?.clone(), about))
    };
    let Some(choices) = choices.iter().map(choice).collect::<Option<Vec<_>>>() else { return };
    let (words, about): (Vec<Value>, Vec<Value>) = choices.into_iter().unzip();
    object.remove("oneOf");
    object.insert("type".to_string(), "string".into());
    object.insert("enum".to_string(), words.into());
    object.insert("markdownEnumDescriptions".to_string(), about.into());
}

/// A type that only fields refer to gives up its own description: yaml-language-server would show that one instead of
/// the field's. The items of a list have no other.
fn only_one_description(schema: &mut Value) {
    let mut of_items = Vec::new();
    walk(schema, &mut |object| {
        let reference = object.get("items").and_then(|items| items.get("$ref")).and_then(Value::as_str);
        of_items.extend(reference.and_then(|r| r.strip_prefix("#/definitions/")).map(str::to_string));
    });
    for (name, definition) in
        schema.get_mut("definitions").and_then(Value::as_object_mut).into_iter().flatten()
    {
        if let Some(definition) = definition.as_object_mut().filter(|_| !of_items.contains(name)) {
            definition.remove("description");
        }
    }
}

/// The descriptions are Markdown, which editors show as such only under a name of its own.
fn formatted(schema: &mut Value) {
    walk(schema, &mut |object| {
        if let Some(text @ Value::String(_)) = object.get("description").cloned() {
            object.insert("markdownDescription".to_string(), text);
        }
    });
}

/// Calls `visit` with every object of a value.
fn walk(value: &mut Value, visit: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(object);
            object.values_mut().for_each(|inner| walk(inner, visit));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    /// Every field of the schema with its path.
    fn fields() -> Vec<(String, &'static Value, bool)> {
        fn walk(at: &'static Value, path: &str, out: &mut Vec<(String, &'static Value, bool)>) {
            let at = super::open(at);
            if let Some(items) = at.get("items") {
                return walk(items, &format!("{path}[]"), out);
            }
            for (name, field) in at.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let below = format!("{path}.{name}");
                let required = at
                    .get("required")
                    .and_then(Value::as_array)
                    .is_some_and(|r| r.contains(&name.as_str().into()));
                out.push((below.clone(), field, required));
                walk(field, &below, out);
            }
        }
        let mut out = Vec::new();
        walk(super::value(), "", &mut out);
        out
    }

    /// What an editor's box shows of a field: what it is, what happens without it, and what may be written.
    #[test]
    fn every_field_says_what_it_is() {
        let fields = fields();
        assert!(fields.len() > 70, "{}", fields.len());
        let mut lacks = Vec::new();
        for (path, field, required) in fields {
            let open = super::open(field);
            let text = field.get("description").and_then(Value::as_str).unwrap_or_default();
            let has = |key: &str| field.get(key).is_some() || open.get(key).is_some();
            let is = |kind: &str| open.get("type").is_some_and(|t| t == kind);
            let choice = has("enum") || open.get("oneOf").is_some_and(|o| o.pointer("/0/const").is_some());
            let lack = [
                ("a description", text.len() < 10),
                ("a default", !(required || has("default") || text.contains("Default: "))),
                ("an example", !choice && !has("examples")),
                // a file's content is any text
                ("a pattern", is("string") && !choice && !has("pattern") && !path.ends_with(".content")),
                ("a range", is("integer") && !(has("minimum") && has("maximum"))),
            ];
            for (what, _) in lack.iter().filter(|(_, lacks)| *lacks) {
                lacks.push(format!("{path} lacks {what}"));
            }
        }
        assert!(lacks.is_empty(), "{lacks:#?}");
    }

    #[test]
    fn the_checked_in_schema_is_fresh() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/osimg.schema.json");
        let fresh = super::schema();
        if std::env::var_os("OSIMG_UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, &fresh).expect("the schema folder is writable");
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stored == fresh,
            "schema/osimg.schema.json is stale: run `OSIMG_UPDATE_SCHEMA=1 cargo test --lib schema`"
        );
    }
}
