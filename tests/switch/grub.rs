//! The part of GRUB that decides what boots: its environment block, and as much of its shell as grub.cfg uses (GRUB
//! manual, "The GRUB environment block", "Shell-like scripting"). A word it does not know is a panic, so that the model
//! cannot fall behind the template.

use std::collections::BTreeMap;

pub const HEADER: &[u8] = b"# GRUB Environment Block\n";

/// What a boot came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// The id of the entry that starts when nobody chooses.
    pub entry: String,
    /// What its kernel finds in /proc/cmdline.
    pub command_line: String,
}

/// Boots with the environment in `block`, into which GRUB writes as it goes; `writable` is whether it can.
pub fn boot(config: &str, block: &mut Vec<u8>, writable: bool) -> Boot {
    boot_entry(config, block, writable, None)
}

/// The same with `chosen` in the menu.
pub fn boot_entry(config: &str, block: &mut Vec<u8>, writable: bool, chosen: Option<&str>) -> Boot {
    let lines: Vec<&str> = config.lines().map(str::trim).collect();
    let mut grub = Grub { block, writable, variables: BTreeMap::new(), entries: Vec::new(), linux: None };
    grub.run(&lines);
    let default = grub.variable("default");
    let by_id = |id: &str| grub.entries.iter().position(|(i, _)| i == id).expect("an entry of this id");
    // GRUB takes what begins with a digit for a number, whatever follows
    let number: usize = default.parse().expect("the default is a number and nothing else");
    let (id, body) = grub.entries[chosen.map_or(number, by_id)].clone();
    grub.run(&body.iter().map(String::as_str).collect::<Vec<_>>());
    Boot { entry: id, command_line: grub.linux.expect("an entry loads a kernel") }
}

struct Grub<'b> {
    block: &'b mut Vec<u8>,
    writable: bool,
    variables: BTreeMap<String, String>,
    entries: Vec<(String, Vec<String>)>,
    linux: Option<String>,
}

impl Grub<'_> {
    fn variable(&self, name: &str) -> String {
        self.variables.get(name).cloned().unwrap_or_default()
    }

    fn run(&mut self, lines: &[&str]) {
        let mut at = 0;
        while at < lines.len() {
            let line = lines[at];
            if line.is_empty() || line.starts_with('#') {
                at += 1;
            } else if let Some(rest) = line.strip_prefix("if ") {
                at = self.branch(lines, at, rest);
            } else if let Some(rest) = line.strip_prefix("for ") {
                let end = matching(lines, at, "for ", "done");
                let (name, list) = rest.split_once(" in ").expect("for NAME in LIST");
                for word in self.words(list.strip_suffix("; do").expect("; do")) {
                    self.variables.insert(name.to_string(), word);
                    self.run(&lines[at + 1..end]);
                }
                at = end + 1;
            } else if line.starts_with("menuentry ") {
                let end = at + lines[at..].iter().position(|l| *l == "}").expect("a closing brace");
                let words = self.words(line.strip_suffix(" {").expect("an opening brace"));
                let id = words.iter().position(|w| w == "--id").expect("an id");
                let body = lines[at + 1..end].iter().map(|l| l.to_string()).collect();
                self.entries.push((words[id + 1].clone(), body));
                at = end + 1;
            } else {
                let words = self.words(line);
                self.command(&words);
                at += 1;
            }
        }
    }

    /// Runs the branch of the `if` at `at` whose condition holds; gives the line after its `fi`.
    fn branch(&mut self, lines: &[&str], at: usize, condition: &str) -> usize {
        let end = matching(lines, at, "if ", "fi");
        let mut marks = vec![at];
        let mut depth = 0;
        for (i, line) in lines.iter().enumerate().take(end).skip(at + 1) {
            match *line {
                l if l.starts_with("if ") => depth += 1,
                "fi" => depth -= 1,
                l if depth == 0 && (l.starts_with("elif ") || l == "else") => marks.push(i),
                _ => {}
            }
        }
        marks.push(end);
        for pair in marks.windows(2) {
            let line = lines[pair[0]];
            let holds = match line {
                "else" => true,
                _ => {
                    let text = line.strip_prefix("elif ").unwrap_or(condition);
                    let words = self.words(text.strip_suffix("; then").expect("; then"));
                    self.command(&words)
                }
            };
            if holds {
                self.run(&lines[pair[0] + 1..pair[1]]);
                break;
            }
        }
        end + 1
    }

    /// Runs a command; gives whether it succeeded.
    fn command(&mut self, words: &[String]) -> bool {
        match words[0].as_str() {
            "set" => {
                let (name, value) = words[1].split_once('=').expect("NAME=VALUE");
                self.variables.insert(name.to_string(), value.to_string());
                true
            }
            "[" => test(&words[1..words.len() - 1]),
            "load_env" => {
                for (name, value) in variables(self.block) {
                    if words[1..].contains(&name) {
                        self.variables.insert(name, value);
                    }
                }
                self.block.starts_with(HEADER)
            }
            "save_env" => {
                for name in &words[1..] {
                    let value = self.variable(name);
                    if self.writable {
                        save(self.block, name, &value);
                    }
                }
                self.writable
            }
            "linux" => {
                self.linux = Some(kernel_gets(&words[1..]));
                true
            }
            "insmod" | "serial" | "terminal_input" | "terminal_output" | "search" | "initrd" => true,
            other => panic!("the model of GRUB does not know `{other}`"),
        }
    }

    /// The words of a line: quotes, variables, and division of unquoted variables at blanks.
    fn words(&self, line: &str) -> Vec<String> {
        let mut out = Vec::new();
        let mut word: Option<String> = None;
        let mut quote = None;
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match (quote, c) {
                (Some(q), c) if c == q => quote = None,
                (Some('\''), c) => word.get_or_insert_default().push(c),
                (None, '\\') => word.get_or_insert_default().extend(chars.next()),
                (None, '\'' | '"') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (_, '$') => {
                    let mut name = String::new();
                    while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                        name.push(c);
                    }
                    let value = match name.as_str() {
                        "prefix" => "(hd0,msdos1)/grub".to_string(),
                        "grub_platform" => "pc".to_string(),
                        _ => self.variable(&name),
                    };
                    if quote.is_some() {
                        word.get_or_insert_default().push_str(&value);
                        continue;
                    }
                    for (i, part) in value.split(' ').enumerate() {
                        if i > 0 {
                            out.extend(word.take());
                        }
                        if !part.is_empty() {
                            word.get_or_insert_default().push_str(part);
                        }
                    }
                }
                (None, c) if c.is_whitespace() => out.extend(word.take()),
                (_, c) => word.get_or_insert_default().push(c),
            }
        }
        assert!(quote.is_none(), "a quote is open in: {line}");
        out.extend(word);
        out
    }
}

fn matching(lines: &[&str], at: usize, open: &str, close: &str) -> usize {
    let mut depth = 0;
    for (i, line) in lines.iter().enumerate().skip(at) {
        if line.starts_with(open) {
            depth += 1;
        } else if *line == close {
            depth -= 1;
            if depth == 0 {
                return i;
            }
        }
    }
    panic!("no `{close}` for line {at}: {}", lines[at]);
}

/// `[ … ]` with as much as is used; `-a` joins.
fn test(words: &[String]) -> bool {
    words.split(|w| w == "-a").all(|part| {
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        match part[..] {
            ["-n", text] => !text.is_empty(),
            ["-z", text] => text.is_empty(),
            ["-s", _] => true,
            [a, "=", b] => a == b,
            _ => panic!("the model of GRUB does not know the test {part:?}"),
        }
    })
}

/// `BOOT_IMAGE` and the words, one with a blank in double quotes, three characters behind a backslash.
fn kernel_gets(words: &[String]) -> String {
    let word = |w: &String| {
        let mut text = String::new();
        for c in w.chars() {
            if matches!(c, '\\' | '\'' | '"') {
                text.push('\\');
            }
            text.push(c);
        }
        if w.contains(' ') { format!("\"{text}\"") } else { text }
    };
    format!("BOOT_IMAGE={}", words.iter().map(word).collect::<Vec<_>>().join(" "))
}

/// Each line's start and end in the block, its line break left out; a backslash hides the character after it.
fn lines(block: &[u8]) -> Vec<(usize, usize)> {
    if !block.starts_with(HEADER) {
        return Vec::new();
    }
    let (mut out, mut start, mut at) = (Vec::new(), HEADER.len(), HEADER.len());
    while at < block.len() {
        match block[at] {
            b'\\' => at += 1,
            b'\n' => {
                out.push((start, at));
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    out
}

/// The variables of a block, as `load_env` sees them: none of a block without its header.
pub fn variables(block: &[u8]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    lines(block)
        .into_iter()
        .map(|(start, end)| &block[start..end])
        .filter(|line| !line.starts_with(b"#"))
        .filter_map(|line| {
            let at = line.iter().position(|b| *b == b'=')?;
            Some((text(&line[..at]), text(&line[at + 1..]).replace("\\\\", "\\").replace("\\\n", "\n")))
        })
        .collect()
}

/// Changes a variable where it stands, or appends it; the length stays.
pub fn save(block: &mut Vec<u8>, name: &str, value: &str) {
    let length = block.len();
    let wanted = format!("{name}={value}");
    let found = lines(block).into_iter().find(|(start, end)| {
        block[*start..*end].strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'='))
    });
    match found {
        Some((start, end)) => drop(block.splice(start..end, wanted.into_bytes())),
        None => {
            let end = lines(block).iter().filter(|(s, _)| block[*s] != b'#').map(|(_, e)| e + 1).max();
            let at = end.unwrap_or(HEADER.len());
            block.splice(at..at, format!("{wanted}\n").into_bytes());
        }
    }
    assert!(block[length.min(block.len())..].iter().all(|b| *b == b'#'), "GRUB refuses what has no room");
    block.resize(length, b'#');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_changed_in_place() {
        let mut block = [HEADER, b"a=1\nb=\\\\x\nc="].concat();
        block.push(b'\n');
        block.resize(80, b'#');
        save(&mut block, "a", "long value");
        save(&mut block, "d", "4");
        let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
        assert_eq!(
            variables(&block),
            [pair("a", "long value"), pair("b", "\\x"), pair("c", ""), pair("d", "4")]
        );
        assert_eq!(block.len(), 80);
        block[0] = b'!';
        assert!(variables(&block).is_empty());
    }
}
