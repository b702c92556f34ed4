//! The schema that editors read and the reader of `osimg check` agree: what one accepts the other accepts, as far as a
//! schema can say.
//!
//! Manifests are made from the schema itself and then spoilt here and there; `jsonschema` stands for the editor.

use std::io;
use std::path::Path;
use std::sync::LazyLock;

use jsonschema::Validator;
use osimg::diag::render::{Look, render_all};
use osimg::diag::{Diagnostics, Severity};
use osimg::front::{Probe, load, schema};
use proptest::prelude::*;
use proptest::string::string_regex;
use serde_json::{Map, Value, json};

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&schema()).expect("the schema is JSON"));
static VALIDATOR: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::draft7::new(&SCHEMA).expect("the schema is one"));

/// Every file is there, and is a Dockerfile.
struct Plenty;

impl Probe for Plenty {
    fn read(&self, _: &Path) -> io::Result<Option<Vec<u8>>> {
        Ok(Some(b"FROM scratch\n".to_vec()))
    }

    fn is_file(&self, _: &Path) -> bool {
        true
    }

    fn is_dir(&self, _: &Path) -> bool {
        true
    }

    fn list(&self, _: &Path) -> Option<Vec<String>> {
        None
    }
}

/// What needs more than one field, or a file, or a count: a schema cannot say it.
const BEYOND: &[&str] = &[
    "osimg::allow::unused",
    "osimg::base::duplicate",
    "osimg::base::unused",
    "osimg::boot::console-duplicate",
    "osimg::boot::default-unknown",
    "osimg::disk::partitions",
    "osimg::disk::too-large",
    "osimg::dockerfile::arg-unused",
    "osimg::dockerfile::target-unknown",
    "osimg::dracut::conflict",
    "osimg::dracut::driver-missing",
    "osimg::feature::not-yet",
    "osimg::file::duplicate",
    "osimg::filesystem::feature-checker",
    "osimg::filesystem::feature-elsewhere",
    "osimg::filesystem::feature-grub",
    "osimg::filesystem::feature-kernel",
    "osimg::filesystem::feature-needs",
    "osimg::file::path-taken",
    "osimg::kernel::argument-taken",
    "osimg::kernel::command-line",
    "osimg::kernel::version",
    "osimg::size::does-not-fit",
    "osimg::size::nothing-left",
    "osimg::size::shares",
    "osimg::size::too-small",
    "osimg::slot::duplicate",
    "osimg::systemd::conflict",
    "osimg::user::duplicate",
];

/// Messages of a wider code that say what a pattern cannot.
const BEYOND_WORDS: &[&str] = &[
    // the host name defaults to the slot's name, which may hold more
    "cannot be its host name",
    // no `..` in a path
    "cannot be a file's path",
];

fn open(at: &'static Value) -> &'static Value {
    let reference = at.get("$ref").or_else(|| at.pointer("/allOf/0/$ref")).and_then(Value::as_str);
    reference.map_or(at, |r| SCHEMA.pointer(&r[1..]).expect("a definition"))
}

/// Values that `schema` accepts.
fn instance(schema: &'static Value) -> BoxedStrategy<Value> {
    let schema = open(schema);
    let choices = |list: &'static [Value]| prop::sample::select(list).boxed();
    if let Some(Value::Array(words)) = schema.get("enum") {
        return choices(words);
    }
    let constants: Vec<Value> = schema
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|choice| choice.get("const").cloned())
        .collect();
    if !constants.is_empty() {
        return prop::sample::select(constants).boxed();
    }
    match schema["type"].as_str().expect("one type") {
        "string" => text(schema),
        "integer" => {
            let bound = |key: &str| schema[key].as_u64().expect("a range");
            prop_oneof![Just(bound("minimum")), Just(bound("maximum")), bound("minimum")..=bound("maximum")]
                .prop_map(Value::from)
                .boxed()
        }
        "array" => {
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0) as usize;
            let unique = schema.get("uniqueItems").is_some();
            prop::collection::vec(instance(&schema["items"]), least..3)
                .prop_map(move |mut list| {
                    if unique {
                        list.dedup();
                    }
                    Value::from(list)
                })
                .boxed()
        }
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "object" => object(schema),
        other => panic!("no strategy for {other}"),
    }
}

/// A pattern without its anchors, which `proptest` cannot make texts of; they stand at the ends of whole alternatives only.
fn bare(pattern: &str) -> String {
    pattern.replace("$|^", "|").trim_start_matches('^').trim_end_matches('$').to_string()
}

fn text(schema: &'static Value) -> BoxedStrategy<Value> {
    let most = schema.get("maxLength").and_then(Value::as_u64).unwrap_or(200) as usize;
    let pattern = schema.get("pattern").and_then(Value::as_str).unwrap_or("^[ -~]{0,20}$");
    let made = string_regex(&bare(pattern))
        .expect("a pattern")
        .prop_filter("too long", move |text| text.chars().count() <= most);
    let examples: Vec<String> = schema
        .get("examples")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|e| e.as_str().map(String::from))
        .collect();
    if examples.is_empty() {
        return made.prop_map(Value::from).boxed();
    }
    prop_oneof![made, prop::sample::select(examples)].prop_map(Value::from).boxed()
}

fn object(schema: &'static Value) -> BoxedStrategy<Value> {
    if let Some(values) = schema.get("additionalProperties").filter(|v| v.is_object()) {
        let names = schema.pointer("/propertyNames/pattern").and_then(Value::as_str).unwrap_or("[a-z]+");
        let names = string_regex(&bare(names)).expect("a pattern");
        return prop::collection::btree_map(names, instance(values), 0..3)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
            .boxed();
    }
    let list = |value: &'static Value| value.as_array().into_iter().flatten().filter_map(Value::as_str);
    let required: Vec<&str> = schema.get("required").into_iter().flat_map(list).collect();
    let sets: Vec<Vec<&str>> = schema
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|set| list(&set["required"]).collect())
        .collect();
    let fields: Vec<_> = schema["properties"]
        .as_object()
        .expect("properties")
        .iter()
        .map(|(name, field)| {
            let must = required.contains(&name.as_str());
            let maybe = if must {
                instance(field).prop_map(Some).boxed()
            } else {
                prop::option::weighted(0.3, instance(field)).boxed()
            };
            (Just(name.as_str()), maybe, instance(field))
        })
        .collect();
    (fields, any::<prop::sample::Index>())
        .prop_map(move |(fields, pick)| {
            let chosen = (!sets.is_empty()).then(|| pick.get(&sets));
            let mut map = Map::new();
            for (name, maybe, surely) in fields {
                let in_a_set = sets.iter().any(|set| set.contains(&name));
                match chosen {
                    Some(set) if set.contains(&name) => drop(map.insert(name.to_string(), surely)),
                    Some(_) if in_a_set => {}
                    _ => drop(maybe.map(|value| map.insert(name.to_string(), value))),
                }
            }
            fitting(schema, Value::Object(map))
        })
        .boxed()
}

/// Without the features that the filesystem's type does not have (`if` and `then` of the schema).
fn fitting(schema: &Value, mut value: Value) -> Value {
    for rule in schema["allOf"].as_array().into_iter().flatten() {
        let kind = &rule["if"]["properties"]["type"]["const"];
        let names = rule["then"]["properties"]["features"]["propertyNames"]["enum"].as_array();
        let Some(names) = names.filter(|_| value["type"] == *kind) else { continue };
        if let Some(Value::Object(features)) = value.get_mut("features") {
            features.retain(|name, _| names.iter().any(|known| known == name));
        }
    }
    value
}

/// A change that may or may not spoil a manifest.
#[derive(Clone, Debug)]
enum Slip {
    Replace(Value),
    Remove,
    Add,
    Double,
}

fn slip() -> impl Strategy<Value = Slip> {
    let odd = prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(7),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("a b"),
        json!("A"),
        json!("0s"),
        json!("x".repeat(300)),
        json!([]),
        json!({}),
        json!(["a", "a"]),
        json!({"a": "b"}),
        json!(4294967295u64),
    ]);
    prop_oneof![3 => odd.prop_map(Slip::Replace), 1 => Just(Slip::Remove), 1 => Just(Slip::Add), 1 => Just(Slip::Double)]
}

/// Every place in a value, as a JSON pointer.
fn places(value: &Value) -> Vec<String> {
    fn walk(value: &Value, path: &str, out: &mut Vec<String>) {
        out.push(path.to_string());
        match value {
            Value::Array(list) => {
                for (i, item) in list.iter().enumerate() {
                    walk(item, &format!("{path}/{i}"), out);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    walk(item, &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), out);
                }
            }
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(value, "", &mut out);
    out
}

fn spoil(mut manifest: Value, slips: Vec<(prop::sample::Index, Slip)>) -> Value {
    for (at, slip) in slips {
        let places = places(&manifest);
        let place = at.get(&places).clone();
        match slip {
            Slip::Replace(value) => *manifest.pointer_mut(&place).expect("a place") = value,
            Slip::Remove => {
                let Some((parent, key)) = place.rsplit_once('/') else { continue };
                match manifest.pointer_mut(parent) {
                    Some(Value::Object(map)) => drop(map.remove(&key.replace("~1", "/").replace("~0", "~"))),
                    Some(Value::Array(list)) => drop(list.remove(key.parse::<usize>().expect("an index"))),
                    _ => {}
                }
            }
            Slip::Add => {
                if let Some(Value::Object(map)) = manifest.pointer_mut(&place) {
                    map.insert("addition".to_string(), json!("x"));
                }
            }
            Slip::Double => {
                if let Some(Value::Array(list)) = manifest.pointer_mut(&place) {
                    list.extend(list.first().cloned());
                }
            }
        }
    }
    manifest
}

/// A value as YAML in flow style, text in double quotes with YAML's own escapes.
fn yaml(value: &Value) -> String {
    let quoted = |text: &str| {
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                ' '..='~' => out.push(c),
                _ => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            }
        }
        out + "\""
    };
    match value {
        Value::String(text) => quoted(text),
        Value::Array(list) => format!("[{}]", list.iter().map(yaml).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {}", quoted(key), yaml(value));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(",\n"))
        }
        other => other.to_string(),
    }
}

fn found(manifest: &Value) -> Diagnostics {
    load("m.yaml", yaml(manifest).as_bytes(), Path::new("/m"), &Plenty).1
}

/// Holds the two against each other.
fn agree(manifest: &Value) -> Result<(), TestCaseError> {
    let found = found(manifest);
    let shown = || format!("{}\n{}", yaml(manifest), render_all(&found, Look::PLAIN));
    if !VALIDATOR.is_valid(manifest) {
        let why: Vec<String> =
            VALIDATOR.iter_errors(manifest).map(|e| format!("{}: {e}", e.instance_path())).collect();
        prop_assert!(found.has_errors(), "the schema alone refuses it: {why:#?}\n{}", shown());
        return Ok(());
    }
    for finding in found.iter().filter(|f| f.severity == Severity::Error) {
        let known = BEYOND.contains(&finding.code.as_str())
            || BEYOND_WORDS.iter().any(|words| finding.message.contains(words));
        prop_assert!(known, "the reader alone refuses it: {}\n{}", finding.message, shown());
    }
    Ok(())
}

/// `PROPTEST_CASES` asks for a longer run.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(160);
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        max_local_rejects: u32::MAX,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_the_schema_makes_the_reader_takes(manifest in instance(&SCHEMA)) {
        let errors: Vec<String> = VALIDATOR.iter_errors(&manifest).map(|e| e.to_string()).collect();
        prop_assert!(errors.is_empty(), "{errors:?}");
        agree(&manifest)?;
    }

    #[test]
    fn what_the_schema_refuses_the_reader_refuses(
        manifest in instance(&SCHEMA),
        slips in prop::collection::vec((any::<prop::sample::Index>(), slip()), 1..4),
    ) {
        agree(&spoil(manifest, slips))?;
    }
}

#[test]
fn fixtures_and_examples_pass_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in ["tests/manifests/valid", "examples"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|e| e != "yaml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a text");
            let value: Value = serde_yaml::from_str(text.trim_start_matches('\u{feff}')).expect("YAML");
            let errors: Vec<String> =
                VALIDATOR.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 8, "{seen}");
}
