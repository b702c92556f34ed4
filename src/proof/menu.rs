//! The ids of a GRUB menu's entries, read from the text of a grub.cfg.
//!
//! A reader of the forms that menus are written in, not of GRUB's whole language: `menuentry TITLE … --id ID … {` with
//! `'…'` and `"…"` quotes. Entries inside submenus count as well; an entry without an id has its title for one, as in
//! GRUB (manual, "menuentry").

/// The ids in the order of the menu.
pub fn entry_ids(config: &str) -> Vec<String> {
    config
        .lines()
        .filter_map(|line| {
            let words = words(line);
            if words.first()? != "menuentry" {
                return None;
            }
            let after = words.iter().position(|w| w == "--id" || w == "$menuentry_id_option");
            let joined = words.iter().find_map(|w| w.strip_prefix("--id="));
            let id = joined.map(str::to_string).or_else(|| words.get(after? + 1).cloned());
            id.or_else(|| words.get(1).cloned())
        })
        .collect()
}

/// A line's words up to an opening brace, quotes removed.
fn words(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '{') => break,
            (None, c) if c.is_whitespace() => out.extend(word.take()),
            (None, '#') if word.is_none() => break,
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_ids_in_the_usual_forms() {
        let config = r#"
set default=a
# menuentry 'comment' --id no {
menuentry 'CentOS 7.9' --id centos7 --unrestricted {
    linux /boot/vmlinuz
}
menuentry "it's \"8\"" --class x --id=centos8 {
}
submenu 'more' {
    menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple' {
    }
}
menuentry Plain {
"#;
        assert_eq!(entry_ids(config), ["centos7", "centos8", "gnulinux-simple", "Plain"]);
    }
}
