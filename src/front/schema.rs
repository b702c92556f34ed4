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
