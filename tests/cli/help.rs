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

/// Every way to ask for help: of the program and of each command, short and long.
fn every_help() -> Vec<(String, String)> {
    let commands: Vec<String> = std::iter::once(String::new()).chain(commands()).collect();
    let mut all = Vec::new();
    for command in commands {
        for flag in ["-h", "--help"] {
            let words: Vec<&str> = [command.as_str(), flag].into_iter().filter(|w| !w.is_empty()).collect();
            all.push((words.join(" "), osimg(&words).out));
        }
    }
    all
}

#[test]
fn fits_80_columns_with_its_examples() {
    for (asked, help) in every_help() {
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{asked}: {line}");
        }
    }
}

#[test]
fn every_help_has_an_example() {
    for (asked, help) in every_help() {
        let (_, examples) = help.split_once("\nExample").unwrap_or_else(|| panic!("{asked}: {help}"));
        let command = asked.split(' ').next().filter(|w| !w.starts_with('-')).unwrap_or("apply");
        assert!(examples.contains(&format!("\n  osimg {command}")), "{asked}: {examples}");
    }
}

/// Examples are run by nobody, but they must at least be read: each parses, whatever its files hold.
#[test]
fn examples_are_of_this_command_line() {
    let mut seen = 0;
    for (asked, help) in every_help() {
        let (_, examples) = help.split_once("\nExample").expect("tested above");
        for line in examples.lines().filter_map(|l| l.strip_prefix("  osimg ")) {
            // what the shell takes for itself ends the words for osimg
            let words: Vec<&str> = line.split_whitespace().take_while(|w| !["|", ">"].contains(w)).collect();
            let words: Vec<&str> = words.into_iter().filter(|w| !w.starts_with('>')).collect();
            // --help is the last word: whatever is wrong before it is told instead of the help
            let ran = osimg(&[&words[..], &["--help"]].concat());
            assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{asked}: {line}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
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
