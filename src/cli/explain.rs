//! `osimg explain`: what a code of a finding means, from the table of codes.

use clap::Args;
use serde_json::json;

use super::environment;
use super::failure::{Failure, Problem};
use super::flags::MessageFormat;
use super::session::Session;
use crate::diag::codes::{self, Row, TABLE};
use crate::diag::json::VERSION;
use crate::front::suggest;
use crate::report::paint::Paint;

/// Explain a code that `check` reports
///
/// Prints why osimg refuses it, how to mend it, and a wrong and a right example. Without a code it lists all of them.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  osimg explain osimg::slot::duplicate
  osimg explain slot::duplicate
  osimg explain slot
  osimg explain")]
pub struct Explain {
    /// A code, with or without `osimg::`, or the area of some
    code: Option<String>,
}

/// Columns of text that is not for a terminal, and the most that reads well on one.
const WIDTH: std::ops::Range<usize> = 40..96;

impl Explain {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let Some(words) = &self.code else { return list(session, TABLE.iter()) };
        if let Some(row) = codes::find(words) {
            return match session.flags.message_format {
                MessageFormat::Json => session.print(&object(row)),
                _ => session.print(&page(row, session.stdout_paint(), width(session))),
            };
        }
        let area = words.strip_prefix("osimg::").unwrap_or(words);
        let mut rows = TABLE.iter().filter(|row| row.code.area() == area).peekable();
        if rows.peek().is_some() {
            return list(session, rows);
        }
        let problem = Problem::new(format!("there is no code `{}`", words.escape_debug()));
        Err(Failure::Usage(problem.help(match near(words) {
            Some(code) => format!("did you mean `{code}`?"),
            None => "`osimg explain` without a code lists all of them".to_string(),
        })))
    }
}

fn width(session: &Session) -> usize {
    let columns = match session.environment.terminal.stdout {
        true => usize::from(environment::terminal_size().0),
        false => WIDTH.end,
    };
    columns.clamp(WIDTH.start, WIDTH.end)
}

/// The nearest code, as people write it: whole, or without `osimg::`.
fn near(words: &str) -> Option<String> {
    let whole = words.starts_with("osimg::");
    let known: Vec<String> =
        TABLE.iter().map(|row| if whole { row.code.as_str() } else { short(row) }.into()).collect();
    suggest::nearest(words, &known).cloned()
}

fn short(row: &Row) -> &'static str {
    row.code.as_str().trim_start_matches("osimg::")
}

fn list<'r>(session: &Session, rows: impl Iterator<Item = &'r Row>) -> Result<(), Failure> {
    let rows: Vec<&Row> = rows.collect();
    if session.flags.message_format == MessageFormat::Json {
        return session.print(&rows.into_iter().map(object).collect::<String>());
    }
    let paint = session.stdout_paint();
    let columns = rows.iter().map(|row| short(row).len()).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        let name = format!("{:columns$}", short(row));
        text += &format!("{}  {}  {}\n", paint.bold(name), level(row, paint), row.about);
    }
    text += "\nA warning and an error* can be allowed in the manifest, with a reason.\n";
    session.print(&text)
}

/// `warning`, `error` or `error*`, in eight columns.
fn level(row: &Row, paint: Paint) -> String {
    match row.level {
        codes::Level::Error => paint.bad(format!("{:8}", "error")),
        codes::Level::AllowableError => paint.bad(format!("{:8}", "error*")),
        codes::Level::Warning => paint.warn(format!("{:8}", "warning")),
    }
}

/// One line of JSON.
fn object(row: &Row) -> String {
    let object = json!({
        "event": "explanation",
        "version": VERSION,
        "code": row.code.as_str(),
        "severity": row.level.severity().as_str(),
        "allowable": row.level.is_allowable(),
        "about": row.about,
        "page": row.page,
    });
    format!("{object}\n")
}

/// The page as text: paragraphs filled to `width`, examples indented and never broken.
fn page(row: &Row, paint: Paint, width: usize) -> String {
    let mut out = String::new();
    let mut paragraph = Vec::new();
    let mut lines = row.page.lines();
    while let Some(line) = lines.next() {
        if !line.is_empty() && !line.starts_with('#') && !line.starts_with("```") {
            paragraph.push(line);
            continue;
        }
        out += &filled(&std::mem::take(&mut paragraph).join(" "), paint, width);
        if let Some(heading) = line.strip_prefix("## ") {
            out += &format!("{}\n\n", paint.bold(heading));
        } else if let Some(code) = line.strip_prefix("# ") {
            out += &format!("{} ({})\n{}\n\n", paint.bold(code), row.level.as_str(), row.about);
        } else if let Some(info) = line.strip_prefix("```") {
            out += &fence(info, lines.by_ref().take_while(|l| *l != "```"), paint);
        }
    }
    format!("{}\n", out.trim_end())
}

/// Words in lines of at most `width` columns, an empty line behind them; what stands in backticks is painted.
fn filled(text: &str, paint: Paint, width: usize) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    format!("{}\n\n", painted(&lines.join("\n"), paint))
}

/// Code in colour where there is colour, in its backticks where there is none.
fn painted(text: &str, paint: Paint) -> String {
    if !paint.color {
        return text.to_string();
    }
    let paint_code = |(i, part): (usize, &str)| if i % 2 == 1 { paint.busy(part) } else { part.to_string() };
    text.split('`').enumerate().map(paint_code).collect()
}

/// An example, with the name of the file that it is.
fn fence<'l>(info: &str, lines: impl Iterator<Item = &'l str>, paint: Paint) -> String {
    let name = match info.split_once(' ') {
        Some((_, attribute)) => attribute.trim_start_matches("path=").replace("encoding=", "encoding: "),
        None if matches!(info, "yaml") => String::new(),
        None => info.to_string(),
    };
    let mut out = match name.as_str() {
        "" => String::new(),
        name => format!("    {}\n", paint.dim(format!("# {name}"))),
    };
    for line in lines {
        out += format!("    {line}").trim_end();
        out.push('\n');
    }
    out + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_text() {
        let row = codes::find("slot::context").expect("a code");
        insta::assert_snapshot!(page(row, Paint::BARE, 72));
    }

    #[test]
    fn no_text_of_a_page_is_lost() {
        for row in TABLE {
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            let text = squeezed(&page(row, Paint::BARE, 40));
            for line in row.page.lines().filter(|l| !l.starts_with('#') && !l.starts_with("```")) {
                assert!(text.contains(&squeezed(line)), "{}: {line}", row.code);
            }
        }
    }

    #[test]
    fn words_in_backticks_are_painted() {
        let colored = Paint { color: true, unicode: true };
        let text = filled("write `a b` there", colored, 80);
        assert!(!text.contains('`') && text.contains("\x1b[36ma b\x1b[0m there"), "{text:?}");
        assert_eq!(filled("write `a`", Paint::BARE, 80), "write `a`\n\n");
    }

    #[test]
    fn near_codes_are_found_in_both_forms() {
        assert_eq!(near("slot::duplciate").as_deref(), Some("slot::duplicate"));
        assert_eq!(near("osimg::yaml::taab").as_deref(), Some("osimg::yaml::tab"));
        assert_eq!(near("zzzz"), None);
    }
}
