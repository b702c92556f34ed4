//! `osimg schema`.

use crate::harness::osimg;

#[test]
fn prints_json_and_nothing_else() {
    let ran = osimg(&["schema"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    serde_json::from_str::<serde_json::Value>(&ran.out).expect("the schema is JSON");
    assert!(ran.out.ends_with("}\n"));
}
