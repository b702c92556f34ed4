//! A slot that a flag names and the manifest does not have.

use super::failure::{Failure, Problem};
use crate::front::suggest::{list, nearest};

/// The failure for a slot's name that `place` lacks, with the name that may have been meant.
pub fn unknown(slot: &str, place: &str, known: &[&str]) -> Failure {
    let known: Vec<String> = known.iter().map(|name| name.to_string()).collect();
    let all = match known.as_slice() {
        [] => "it has none".to_string(),
        [only] => format!("its only slot is `{only}`"),
        _ => format!("its slots are {}", list(&known).replace(" or ", " and ")),
    };
    let help = match nearest(slot, &known) {
        Some(near) => format!("did you mean `{near}`? {all}"),
        None => all,
    };
    Failure::Usage(Problem::new(format!("{place} has no slot `{slot}`")).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(slot: &str, known: &[&str]) -> String {
        match unknown(slot, "`m.yaml`", known) {
            Failure::Usage(problem) => format!("{}; {}", problem.message, problem.help.unwrap_or_default()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_slip_suggests_and_all_slots_are_named() {
        assert_eq!(
            help("trixe", &["bookworm", "trixie"]),
            "`m.yaml` has no slot `trixe`; did you mean `trixie`? its slots are `bookworm` and `trixie`"
        );
        assert_eq!(help("x", &["bookworm"]), "`m.yaml` has no slot `x`; its only slot is `bookworm`");
    }
}
