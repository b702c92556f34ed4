//! `osimg explain`.

use serde_json::Value;

use crate::harness::osimg;

#[test]
fn prints_the_page_of_a_code_in_either_form() {
    let ran = osimg(&["explain", "osimg::slot::duplicate"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(ran.out.starts_with("osimg::slot::duplicate (error)\ntwo slots of one name\n\n"), "{}", ran.out);
    assert!(ran.out.contains("\nRight\n\n"), "{}", ran.out);
    assert_eq!(ran, osimg(&["explain", "slot::duplicate"]));
}

#[test]
fn lists_all_codes_and_those_of_an_area() {
    let all = osimg(&["explain"]);
    assert_eq!((all.code, all.err.as_str()), (Some(0), ""));
    for row in osimg::diag::codes::TABLE {
        let short = row.code.as_str().strip_prefix("osimg::").expect("every code begins so");
        assert!(all.out.lines().any(|l| l.starts_with(short) && l.ends_with(row.about)), "{short}");
    }
    let area = osimg(&["explain", "slot"]).out;
    assert!(area.contains("slot::title") && !area.contains("yaml::"), "{area}");
}

#[test]
fn a_code_that_is_none_is_a_usage_error_with_the_nearest() {
    let ran = osimg(&["explain", "slot::dupliacte"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("did you mean `slot::duplicate`?"), "{}", ran.err);
}

#[test]
fn tells_programs_in_json() {
    let ran = osimg(&["explain", "base::unused", "--message-format", "json"]);
    let object: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(object["code"], "osimg::base::unused");
    assert_eq!((&object["severity"], &object["allowable"]), (&"warning".into(), &true.into()));
    assert!(object["page"].as_str().is_some_and(|p| p.contains("## Right")));
    let lines = osimg(&["explain", "--message-format", "json"]).out;
    assert_eq!(lines.lines().count(), osimg::diag::codes::TABLE.len());
}
