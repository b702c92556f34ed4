//! Three questions, for who calls `osimg init` without saying which systems.
//!
//! Enters: lines of a terminal. Leaves: answers, or nothing at the end of input. Plain lines and no drawing: they work on
//! any terminal, for screen readers, and Ctrl-C ends the program with the terminal as it was.

use std::io::{self, BufRead, Write};

use super::wanted;
use crate::base::name::Name;
use crate::emit::starter::{Slot, Starter, System};

/// What no flag has said yet.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    pub name: bool,
    pub size: bool,
}

/// The system of an empty answer.
const FIRST: &str = "debian:trixie";

/// Asks what is open, with the values of `starter` for empty answers. Its name and size are set, its slots returned.
pub fn ask(
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    open: Open,
    starter: &mut Starter,
) -> io::Result<Option<Vec<Slot>>> {
    writeln!(out, "A first manifest. Enter takes what stands in [brackets], Ctrl-C writes nothing.\n")?;
    if open.name {
        let read = |text: &str| text.parse::<Name>().map_err(|e| e.to_string());
        match question(input, out, "Name of the image", starter.name.as_str(), &read)? {
            Some(name) => starter.name = name,
            None => return Ok(None),
        }
    }
    writeln!(out, "Systems, one or more, in the order of the boot menu:")?;
    for family in ["debian", "ubuntu", "el", "fedora"] {
        let of_family = System::known().into_iter().filter(|known| known.starts_with(family));
        writeln!(out, "  {}", of_family.collect::<Vec<_>>().join(" "))?;
    }
    let slots = question(input, out, "Which", FIRST, &systems)?;
    let Some(slots) = slots else { return Ok(None) };
    if open.size {
        match question(input, out, "Size of the disk", &starter.size, &wanted::size)? {
            Some(size) => starter.size = size,
            None => return Ok(None),
        }
    }
    writeln!(out)?;
    Ok(Some(slots))
}

fn systems(text: &str) -> Result<Vec<Slot>, String> {
    let words = text.split([' ', ',', '\t']).filter(|w| !w.is_empty());
    let slots: Vec<Slot> = words.map(|w| wanted::slot(w).map(|s| s.slot())).collect::<Result<_, _>>()?;
    if slots.is_empty() { Err("name at least one".to_string()) } else { Ok(slots) }
}

/// Asks until the answer can be read; nothing at the end of input.
fn question<T>(
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    words: &str,
    default: &str,
    read: &dyn Fn(&str) -> Result<T, String>,
) -> io::Result<Option<T>> {
    loop {
        write!(out, "{words} [{default}]: ")?;
        out.flush()?;
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            writeln!(out)?;
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let answer = match line.trim() {
            "" => default,
            answer => answer,
        };
        match read(answer) {
            Ok(value) => return Ok(Some(value)),
            Err(problem) => writeln!(out, "  {problem}")?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(lines: &str) -> (Option<Vec<String>>, Starter, String) {
        let mut starter = Starter {
            name: "folder".parse().expect("a name"),
            size: "auto".into(),
            slots: vec![],
            schema: None,
        };
        let mut out = Vec::new();
        let open = Open { name: true, size: true };
        let slots = ask(&mut lines.as_bytes(), &mut out, open, &mut starter).expect("memory");
        let titles = slots.map(|slots| slots.into_iter().map(|s| s.system.title).collect());
        (titles, starter, String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn empty_answers_take_what_is_offered() {
        let (slots, starter, _) = answered("\n\n\n");
        assert_eq!(slots.expect("slots"), ["Debian 13 (trixie)"]);
        assert_eq!((starter.name.as_str(), starter.size.as_str()), ("folder", "auto"));
    }

    #[test]
    fn a_wrong_answer_is_asked_again() {
        let (slots, starter, told) = answered("No Name\nweb\ndebain\n,\nold=debian:12, el9\n8G\n8GiB\n");
        assert_eq!(slots.expect("slots"), ["Debian 12 (bookworm)", "AlmaLinux 9"]);
        assert_eq!((starter.name.as_str(), starter.size.as_str()), ("web", "8GiB"));
        insta::assert_snapshot!(told, @"
        A first manifest. Enter takes what stands in [brackets], Ctrl-C writes nothing.

        Name of the image [folder]:   `N` cannot stand in a name
        Name of the image [folder]: Systems, one or more, in the order of the boot menu:
          debian:trixie debian:bookworm debian:bullseye debian:forky
          ubuntu:noble ubuntu:jammy ubuntu:focal
          el7 el8 el9
          fedora
        Which [debian:trixie]:   `debain` is no distribution that osimg knows; did you mean `debian`?
        Which [debian:trixie]:   name at least one
        Which [debian:trixie]: Size of the disk [auto]:   write `auto`, or a number and `MiB`, `GiB` or `TiB`, such as `8GiB`
        Size of the disk [auto]:
        ");
    }

    #[test]
    fn the_end_of_input_ends_it() {
        for lines in ["", "web\n", "web\n\n"] {
            assert!(answered(lines).0.is_none(), "{lines:?}");
        }
    }
}
