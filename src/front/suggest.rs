//! "Did you mean": the nearest of the allowed words, or all of them.

use crate::diag::{Diagnostic, Span};

/// The allowed word nearest to `given`, if it is near enough to be a slip.
pub fn nearest<'a>(given: &str, allowed: &'a [String]) -> Option<&'a String> {
    let given = given.to_lowercase().replace('-', "_");
    let likeness = |word: &str| {
        let word = word.to_lowercase().replace('-', "_");
        // one slip of the finger in a short word counts for more than Jaro and Winkler think
        let slips = strsim::osa_distance(&given, &word);
        let slip = slips <= 1 && word.len() > 2;
        strsim::jaro_winkler(&given, &word).max(if slip { 0.9 } else { 0.0 })
    };
    allowed
        .iter()
        .map(|word| (likeness(word), word))
        .filter(|(likeness, _)| *likeness >= 0.8)
        // the first of equals, so that the order of the words decides and not chance
        .fold(None, |best: Option<(f64, &String)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        })
        .map(|(_, word)| word)
}

/// A help line: the nearest word when there is one, else all.
pub fn words(given: &str, allowed: &[String]) -> String {
    match nearest(given, allowed) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("write {}", list(allowed)),
    }
}

/// Adds the fix that writes the nearest word at `span`, when there is one.
pub fn fix(finding: Diagnostic, span: Span, given: &str, allowed: &[String]) -> Diagnostic {
    match nearest(given, allowed) {
        Some(word) => finding.fix(format!("write `{word}`"), span, word),
        None => finding,
    }
}

/// `a`, `b` or `c`.
pub fn list(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let words: Vec<String> = ["dockerfile", "context", "target"].map(String::from).into();
        assert_eq!(nearest("dockerFile", &words).map(String::as_str), Some("dockerfile"));
        assert_eq!(nearest("docker-file", &words).map(String::as_str), Some("dockerfile"));
        assert_eq!(nearest("contxt", &words).map(String::as_str), Some("context"));
        assert_eq!(nearest("zzz", &words), None);
        assert_eq!(list(&words), "`dockerfile`, `context` or `target`");
    }
}
