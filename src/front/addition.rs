//! Where words of a slot's settings stand in the text of a manifest, and where one more would: what findings about a built
//! tree point at, and what their fixes insert.
//!
//! Enters: the manifest's text and the places of a slot and of `defaults`. Leaves: [`Places`]. What holds: an insertion
//! keeps the way in which the text is written, flow or block, and there is none where that cannot be told.

use super::model::{Insertion, Place, Places};
use super::spans::{Entry, Kind, Node};
use crate::diag::{Source, Span, Spanned};

/// The places of the slot at `index`.
pub fn places(source: &Source, tree: &Node, index: usize, name: Span) -> Places {
    let own = tree.get("slots").and_then(|slots| slots.items().nth(index));
    let text = Text { source, own, defaults: tree.get("defaults"), name };
    Places {
        default_target: text.place("systemd", "default_target"),
        unmask: text.place("systemd", "unmask"),
        mask: text.place("systemd", "mask"),
        drivers: text.place("dracut", "drivers"),
        args: text.place("kernel", "args"),
        users: text.own_or_default("users").map_or(name, |node| node.span),
        files: text.files(),
    }
}

struct Text<'t> {
    source: &'t Source,
    own: Option<&'t Node>,
    defaults: Option<&'t Node>,
    /// The slot's name.
    name: Span,
}

impl<'t> Text<'t> {
    fn own_or_default(&self, key: &str) -> Option<&'t Node> {
        [self.own, self.defaults]
            .into_iter()
            .flatten()
            .find_map(|node| node.get(key))
            .filter(|n| !n.is_null())
    }

    fn place(&self, section: &str, key: &str) -> Place {
        let sections = [self.own, self.defaults].into_iter().flatten().filter_map(|node| node.get(section));
        let sections: Vec<&Node> = sections.filter(|node| !node.is_null()).collect();
        if let Some(value) = sections.iter().find_map(|s| s.get(key)).filter(|v| !v.is_null()) {
            let items = value.items().filter_map(|node| match &node.kind {
                Kind::Scalar { text, .. } => Some(Spanned::new(text.clone(), node.span)),
                _ => None,
            });
            let items: Vec<Spanned<String>> = items.collect();
            let add = match &value.kind {
                Kind::List(_) => one_more(self.source, value.span, &items),
                _ => None,
            };
            return Place { span: value.span, stated: true, items, add };
        }
        let (span, add) = match sections.first() {
            Some(found) => (found.span, self.in_section(found, key)),
            None => (self.name, self.beside_the_name(section, key)),
        };
        Place { span, stated: false, items: Vec::new(), add }
    }

    /// Puts `key: [word]` in front of a section's first key.
    fn in_section(&self, section: &Node, key: &str) -> Option<Insertion> {
        let Kind::Map(entries) = &section.kind else { return None };
        let flow = self.source.text[section.span.start..].starts_with('{');
        let Some(first) = entries.first() else {
            let at = section.span.start + 1;
            return flow.then(|| Insertion { at, before: format!("{key}: ["), after: "]".into() });
        };
        let at = first.key_span.start;
        // an alias shows entries that stand elsewhere
        if at < section.span.start || at > section.span.end {
            return None;
        }
        let after =
            if flow { "], ".to_string() } else { format!("]{}{}", self.ending(at), self.indent(at)?) };
        Some(Insertion { at, before: format!("{key}: ["), after })
    }

    /// Puts `section: {key: [word]}` behind the slot's name.
    fn beside_the_name(&self, section: &str, key: &str) -> Option<Insertion> {
        let slot = self.own?;
        let Entry { key_span, value, .. } = slot.entry("name")?;
        let end = value.span.end;
        if key_span.start < slot.span.start || end > slot.span.end.max(end) {
            return None;
        }
        let inner = format!("{section}: {{{key}: [");
        if self.source.text[slot.span.start..].starts_with('{') {
            return Some(Insertion { at: end, before: format!(", {inner}"), after: "]}".into() });
        }
        let indent = self.indent(key_span.start)?;
        let rest = self.source.text[end..].split('\n').next().unwrap_or_default();
        let rest = rest.strip_suffix('\r').unwrap_or(rest);
        // behind a comment
        let before = format!("{}{indent}{inner}", self.ending(end));
        Some(Insertion { at: end + rest.len(), before, after: "]}".into() })
    }

    /// The blanks in front of what stands at `at`, a list's dash among them as a blank.
    fn indent(&self, at: usize) -> Option<String> {
        let line = self.source.text[..at].rfind('\n').map_or(0, |n| n + 1);
        let before = &self.source.text[line..at];
        before.chars().all(|c| matches!(c, ' ' | '-')).then(|| " ".repeat(before.len()))
    }

    /// The end of the line of `at`.
    fn ending(&self, at: usize) -> &'static str {
        let rest = self.source.text[at..].split_inclusive('\n').next().unwrap_or_default();
        if rest.ends_with("\r\n") { "\r\n" } else { "\n" }
    }

    /// The paths of `files`.
    fn files(&self) -> Vec<Spanned<String>> {
        let path = |node: &Node| match node.get("path").map(|n| (&n.kind, n.span)) {
            Some((Kind::Scalar { text, .. }, span)) => Some(Spanned::new(text.clone(), span)),
            _ => None,
        };
        self.own_or_default("files").map(|files| files.items().filter_map(path).collect()).unwrap_or_default()
    }
}

/// Where and how a list at `span` as it is written gets one word more. `None` for a list that an alias repeats.
pub fn one_more(source: &Source, span: Span, items: &[Spanned<String>]) -> Option<Insertion> {
    let insert = |at: usize, before: String| Some(Insertion { at, before, after: String::new() });
    let flow = source.text[span.start..].starts_with('[');
    let (Some(first), Some(last)) = (items.first(), items.last()) else {
        return flow.then(|| insert(span.start + 1, String::new())).flatten();
    };
    if first.span.start < span.start || last.span.end > span.end {
        return None;
    }
    if flow {
        return insert(last.span.end, ", ".into());
    }
    // a dash that follows another one (`- - a`) begins no line
    let line = source.text[..first.span.start].rfind('\n').map_or(0, |at| at + 1);
    let (indent, _) =
        source.text[line..first.span.start].split_once('-').filter(|parts| parts.1.trim().is_empty())?;
    // behind a comment of the last item
    let rest = source.text[last.span.end..].split('\n').next().unwrap_or_default();
    let (rest, ending) = rest.strip_suffix('\r').map_or((rest, "\n"), |rest| (rest, "\r\n"));
    let at = last.span.end + rest.len();
    indent.trim().is_empty().then(|| insert(at, format!("{ending}{indent}- "))).flatten()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::super::{Probe, load};
    use crate::front::model::{Model, Slot};

    struct Anywhere;

    impl Probe for Anywhere {
        fn read(&self, _: &Path) -> io::Result<Option<Vec<u8>>> {
            Ok(Some(b"FROM a\n".to_vec()))
        }

        fn is_file(&self, _: &Path) -> bool {
            true
        }

        fn is_dir(&self, _: &Path) -> bool {
            true
        }

        fn list(&self, _: &Path) -> Option<Vec<String>> {
            None
        }
    }

    fn model(text: &str) -> Model {
        let (model, found) = load("m", text.as_bytes(), Path::new("/m"), &Anywhere);
        let told: Vec<_> = found.iter().map(|f| f.message.clone()).collect();
        model.unwrap_or_else(|| panic!("{told:?}\n{text}"))
    }

    /// The manifest after `logind` was added to the slot's `systemd.unmask`, which must have it then.
    fn mended(text: &str) -> Option<String> {
        let logind = "systemd-logind.service";
        let before = model(text);
        let slot = |model: &Model| -> Slot { model.slots.last().expect("a slot").clone() };
        let add = slot(&before).places.unmask.add?;
        let mut after = text.to_string();
        after.insert_str(add.at, &add.text(logind));
        let unmask = &slot(&model(&after)).systemd.unmask;
        assert!(unmask.iter().any(|unit| unit == logind), "{after}");
        assert_eq!(model(&after).slots.len(), before.slots.len(), "{after}");
        Some(after)
    }

    const HEAD: &str = "version: 1\nname: n\n";

    fn added(rest: &str) -> String {
        let after = mended(&format!("{HEAD}{rest}")).unwrap_or_else(|| panic!("no insertion: {rest}"));
        after.strip_prefix(HEAD).expect("the head stays").to_string()
    }

    #[test]
    fn a_list_that_is_there_gets_one_word_more() {
        assert_eq!(
            added("slots:\n  - {name: a, dockerfile: d, systemd: {unmask: [x.service]}}\n"),
            "slots:\n  - {name: a, dockerfile: d, systemd: {unmask: [x.service, systemd-logind.service]}}\n"
        );
        assert_eq!(
            added(
                "defaults:\n  systemd:\n    unmask:\n    - x.service # why\nslots:\n- name: a\n  dockerfile: d\n"
            ),
            "defaults:\n  systemd:\n    unmask:\n    - x.service # why\n    - systemd-logind.service\n\
             slots:\n- name: a\n  dockerfile: d\n"
        );
        assert_eq!(
            added("slots:\n- name: a\n  dockerfile: d\n  systemd: {unmask: []}\n"),
            "slots:\n- name: a\n  dockerfile: d\n  systemd: {unmask: [systemd-logind.service]}\n"
        );
    }

    #[test]
    fn a_section_without_the_list_gets_it() {
        assert_eq!(
            added("slots:\n- name: a\n  dockerfile: d\n  systemd:\n    # why\n    enable: [x.service]\n"),
            "slots:\n- name: a\n  dockerfile: d\n  systemd:\n    # why\n    unmask: [systemd-logind.service]\n    \
             enable: [x.service]\n"
        );
        assert_eq!(
            added("slots:\n- {name: a, dockerfile: d, systemd: {enable: [x.service]}}\n"),
            "slots:\n- {name: a, dockerfile: d, systemd: {unmask: [systemd-logind.service], enable: [x.service]}}\n"
        );
    }

    #[test]
    fn a_slot_without_the_section_gets_it_behind_its_name() {
        assert_eq!(
            added("slots:\n  - name: a # the one\n    dockerfile: d\n"),
            "slots:\n  - name: a # the one\n    systemd: {unmask: [systemd-logind.service]}\n    dockerfile: d\n"
        );
        assert_eq!(
            added("slots:\n  - dockerfile: d\n    name: \"a\""),
            "slots:\n  - dockerfile: d\n    name: \"a\"\n    systemd: {unmask: [systemd-logind.service]}"
        );
        assert_eq!(
            added("slots:\r\n- name: a\r\n  dockerfile: d\r\n"),
            "slots:\r\n- name: a\r\n  systemd: {unmask: [systemd-logind.service]}\r\n  dockerfile: d\r\n"
        );
        assert_eq!(
            added("slots: [{name: a, dockerfile: d}]\n"),
            "slots: [{name: a, systemd: {unmask: [systemd-logind.service]}, dockerfile: d}]\n"
        );
    }

    #[test]
    fn what_an_alias_repeats_is_mended_where_it_stands_or_left_alone() {
        let slots = |first: &str, second: &str| {
            format!(
                "slots:\n- {{name: a, dockerfile: d, systemd: {first}}}\n- {{name: b, dockerfile: d, systemd: {second}}}\n"
            )
        };
        assert_eq!(
            added(&slots("&s {unmask: [x.service]}", "*s")),
            slots("&s {unmask: [x.service, systemd-logind.service]}", "*s")
        );
        let list = slots("{unmask: &l [x.service]}", "{unmask: *l}");
        assert_eq!(mended(&format!("{HEAD}{list}")), None);
        let section = slots("&s {enable: [x.service]}", "*s");
        assert_eq!(mended(&format!("{HEAD}{section}")), None);
    }
}
