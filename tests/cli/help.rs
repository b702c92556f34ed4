//! The help of every command, as it stands in 80 columns.

use crate::harness::osimg;

/// The commands that the program itself lists.
pub fn commands() -> Vec<String> {
    let help = osimg(&["-h"]).out;
    let listed = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    // a wrapped description is indented further than a name
    listed.filter_map(|l| l.strip_prefix("  ").filter(|l| !l.starts_with(' '))).map(first_word).collect()
}

fn first_word(line: &str) -> String {
    line.split_whitespace().next().expect("a line of the list has a word").to_string()
}

#[test]
fn of_every_command() {
    let mut asked = vec![Vec::new()];
    asked.extend(commands().into_iter().map(|c| vec![c]));
    assert!(asked.len() > 4, "{asked:?}");
    for path in asked {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let ran = osimg(&arguments);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        let name = if path.is_empty() { "help".to_string() } else { format!("help_{}", path.join("_")) };
        insta::assert_snapshot!(name, ran.out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn fits_80_columns() {
    for command in commands() {
        for flag in ["-h", "--help"] {
            let ran = osimg(&[&command, flag]);
            // an example is to be copied, so it is not broken
            let body = ran.out.split("\nExample").next().expect("text before the examples");
            for line in body.lines() {
                assert!(line.chars().count() <= 80, "{command} {flag}: {line}");
            }
        }
    }
}

#[test]
fn every_command_has_an_example() {
    for command in commands() {
        let ran = osimg(&[&command, "--help"]);
        assert!(ran.out.contains(&format!("osimg {command}")), "{command}");
        assert!(ran.out.contains("\nExample"), "{command}");
    }
}

#[test]
fn no_command_shows_help_and_is_a_usage_error() {
    let ran = osimg(&[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("Usage: osimg [OPTIONS] <COMMAND>"), "{}", ran.err);
    assert_eq!(ran.out, "");
}

#[test]
fn version_is_the_package_s() {
    assert_eq!(osimg(&["--version"]).out, format!("osimg {}\n", env!("CARGO_PKG_VERSION")));
}
