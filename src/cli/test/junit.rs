//! The verdict as JUnit XML, in the form that Jenkins, GitLab and the actions of GitHub read: a suite per firmware, a case
//! per check, `failure` and `skipped` within. Text is escaped by XML 1.0 (fifth edition), section 2.2 and 2.4.

use std::time::Duration;

use crate::proof::verdict::{Check, State, Step, Verdict, Way};

/// The whole document.
pub fn document(verdict: &Verdict, name: &str) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all: Vec<&Step> = verdict.steps.iter().collect();
    out.push_str(&format!("<testsuites {}>\n", totals(name, &all)));
    let mut firmware: Vec<_> = all.iter().map(|s| s.firmware).collect();
    firmware.dedup();
    for firmware in firmware {
        let steps: Vec<&Step> = all.iter().filter(|s| s.firmware == firmware).copied().collect();
        let suite = format!("{name}.{}", firmware.as_str());
        out.push_str(&format!("  <testsuite {}>\n", totals(&suite, &steps)));
        for step in steps {
            for (at, check) in step.checks.iter().enumerate() {
                out.push_str(&case(&suite, step, at, check));
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn totals(name: &str, steps: &[&Step]) -> String {
    let checks = || steps.iter().flat_map(|s| &s.checks);
    let count = |state| checks().filter(|c| c.state == state).count();
    let took: Duration = steps.iter().map(|s| s.took).sum();
    format!(
        "name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{}\"",
        escaped(name),
        checks().count(),
        count(State::Failed),
        count(State::Unproven),
        seconds(took),
    )
}

/// `at` is the check's place in its step.
fn case(suite: &str, step: &Step, at: usize, check: &Check) -> String {
    let subject = check.subject.as_str();
    let (class, name) = match &step.way {
        Way::Boot => (format!("{suite}.{}", step.slot), subject.to_string()),
        Way::Kexec { from } => (format!("{suite}.{from}-to-{}", step.slot), subject.to_string()),
        // a scenario checks the same more than once
        Way::Switch { from, scenario } => {
            (format!("{suite}.{from}-to-{}.{scenario}", step.slot), format!("{} {subject}", at + 1))
        }
    };
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
        escaped(&class),
        name,
        seconds(check.took)
    );
    let detail = escaped(&check.detail);
    match check.state {
        State::Passed => format!("{head}/>\n"),
        State::Unproven => format!("{head}>\n      <skipped message=\"{detail}\"/>\n    </testcase>\n"),
        State::Failed => {
            let text = escaped(&body(step, check));
            format!("{head}>\n      <failure message=\"{detail}\">{text}</failure>\n    </testcase>\n")
        }
    }
}

/// What a person wants to read of a failure.
fn body(step: &Step, check: &Check) -> String {
    let mut out = check.detail.clone();
    if let Some(stall) = step.stall_of(check) {
        out.push_str(&format!(
            "\n{}: {}\nhelp: {}",
            stall.rule.code,
            stall.rule.code.row().about,
            stall.rule.help
        ));
        for line in &stall.tail {
            out.push_str(&format!("\n| {line}"));
        }
    }
    if let Some(log) = &step.log {
        out.push_str(&format!("\nlog: {}", log.display()));
    }
    out
}

/// With three decimals.
fn seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

/// Text for an element or an attribute; a character that no XML document may hold becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::verdict::tests::{sample, scenarios};

    #[test]
    fn a_suite_per_firmware_and_a_case_per_check() {
        let verdict = sample();
        let text = document(&verdict, "dual");
        insta::assert_snapshot!(text);
        let parsed = roxmltree::Document::parse(&text).expect("well-formed XML");
        let root = parsed.root_element();
        assert_eq!(root.tag_name().name(), "testsuites");
        let named = |name: &str| root.descendants().filter(|n| n.has_tag_name(name)).count();
        let checks: usize = verdict.steps.iter().map(|s| s.checks.len()).sum();
        assert_eq!((named("testsuite"), named("testcase")), (2, checks));
        assert_eq!(named("failure"), verdict.count(State::Failed));
        assert_eq!(named("skipped"), verdict.count(State::Unproven));
        assert_eq!(root.attribute("tests"), Some(checks.to_string().as_str()));
        let failure = root.descendants().find(|n| n.has_tag_name("failure")).expect("one failed");
        assert_eq!(
            failure.attribute("message"),
            Some(verdict.steps[1].checks[0].detail.replace('\u{1b}', "\u{fffd}").as_str())
        );
    }

    #[test]
    fn each_check_of_a_scenario_has_a_name_of_its_own() {
        let text = document(&scenarios(), "dual");
        let parsed = roxmltree::Document::parse(&text).expect("well-formed XML");
        let cases = parsed.root_element().descendants().filter(|n| n.has_tag_name("testcase"));
        let names: Vec<String> =
            cases.map(|n| ["classname", "name"].map(|a| n.attribute(a).unwrap_or("")).join(" ")).collect();
        assert_eq!(
            names,
            [
                "dual.uefi.bookworm-to-trixie.trial 1 switch",
                "dual.uefi.bookworm-to-trixie.trial 2 arrival",
                "dual.uefi.bookworm-to-trixie.trial-panic 1 switch",
                "dual.uefi.bookworm-to-trixie.trial-panic 2 arrival",
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC*|[ -~\\t\\n\\r<>&\"'\\x00-\\x1f]{0,60}") {
            let xml = format!("<a b=\"{0}\">{0}</a>", escaped(&text));
            let parsed = roxmltree::Document::parse(&xml).expect("well-formed XML");
            let bad = |c: char| matches!(c, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
            let wanted: String = text.chars().map(|c| if bad(c) { '\u{fffd}' } else { c }).collect();
            proptest::prop_assert_eq!(parsed.root_element().attribute("b"), Some(wanted.as_str()));
            proptest::prop_assert_eq!(parsed.root_element().text().unwrap_or_default(), wanted.as_str());
        }
    }
}
