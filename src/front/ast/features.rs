//! The schema of `filesystem.features`: a name for each row of [`base::features`](crate::base::features), so that an editor
//! offers and explains them.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::base::features::{Feature, Fixed, TABLES, Table, Version};

/// A mapping of names to `true` or `false`; what cannot be chosen may be stated as it is.
pub fn schema(_: &mut SchemaGenerator) -> Schema {
    let mut properties = Map::new();
    for table in TABLES {
        for feature in table.optional {
            properties.insert(feature.name.to_string(), property(table, feature));
        }
    }
    let fixed = |on: bool| {
        let rows = TABLES.into_iter().flat_map(|table| table.fixed).filter(move |row: &&Fixed| row.on == on);
        let names: Vec<&str> = rows.map(|row| row.name).collect();
        format!("^({})$", names.join("|"))
    };
    let schema = json!({
        "type": "object",
        "properties": properties,
        "patternProperties": {fixed(true): {"enum": [true]}, fixed(false): {"enum": [false]}},
        "additionalProperties": false,
    });
    Schema::try_from(schema).expect("an object is a schema")
}

fn property(table: &Table, feature: &Feature) -> Value {
    let Feature { name, about, kernel, grub, e2fsprogs, usual, .. } = feature;
    let mut read = vec![format!("linux {kernel}")];
    read.extend(grub.map(|Version(major, minor)| format!("GRUB {major}.{minor:02}")));
    read.extend(e2fsprogs.map(|first| format!("e2fsck {first}")));
    let default = match usual {
        Some(first) if first > kernel => format!("on from linux {first} on, where all of them read it"),
        Some(_) => "on where all of them read it".to_string(),
        None => "off".to_string(),
    };
    let description =
        format!("{}: {about}. Read by {} and later. Default: {default}.", table.filesystem, read.join(", "));
    let example = if *name == "rmapbt" { json!(true) } else { json!(false) };
    json!({ "description": description, "type": "boolean", "examples": [example] })
}

/// Beside a `type` its own features only.
pub fn by_type() -> Value {
    let of = |table: &Table| {
        let names: Vec<&str> = table.names().chain(table.fixed.iter().map(|row| row.name)).collect();
        json!({
            "if": {"properties": {"type": {"const": table.filesystem}}, "required": ["type"]},
            "then": {"properties": {"features": {"propertyNames": {"enum": names}}}},
        })
    };
    TABLES.into_iter().map(of).collect()
}
