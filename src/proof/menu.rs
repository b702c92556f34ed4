//! A GRUB menu's entries, read from the text of a grub.cfg, and the same text with something added to each.
//!
//! A reader of the forms that menus are written in, not of GRUB's whole language: `menuentry TITLE … --id ID … {` with
//! `'…'` and `"…"` quotes, and the commands `linux` and `initrd` within. Entries inside submenus count as well; an entry
//! without an id has its title for one, as in GRUB (manual, "menuentry").

/// What an entry starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    pub id: String,
    /// The kernel's path in the filesystem that the entry chose.
    pub kernel: Option<String>,
    /// The kernel's command line, its words as the kernel gets them; GRUB's variables are left out.
    pub arguments: Vec<String>,
    /// The initramfs, in one or more files.
    pub initrd: Vec<String>,
}

impl Entry {
    /// What `uname -r` says of the kernel, as its file's name or folder tells: `/boot/vmlinuz-6.1.0-28-amd64`,
    /// `/boot/<machine id>/6.1.0/linux` (Boot Loader Specification).
    pub fn release(&self) -> Option<&str> {
        let path = self.kernel.as_deref()?;
        let (folder, name) = path.rsplit_once('/')?;
        match name.split_once('-') {
            Some((_, release)) => Some(release),
            None if name == "linux" => folder.rsplit_once('/').map(|(_, release)| release),
            None => None,
        }
    }
}

/// The entries in the order of the menu.
pub fn entries(config: &str) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::new();
    for line in config.lines() {
        let mut words = words(line).into_iter();
        let command = words.next().unwrap_or_default();
        match (command.as_str(), out.last_mut()) {
            ("menuentry", _) => {
                out.extend(entry_id(words.collect()).map(|id| Entry { id, ..Entry::default() }))
            }
            ("linux" | "linux16" | "linuxefi", Some(entry)) => {
                entry.kernel = words.next();
                entry.arguments = words.filter(|w| !w.starts_with('$')).collect();
            }
            ("initrd" | "initrd16" | "initrdefi", Some(entry)) => entry.initrd = words.collect(),
            _ => {}
        }
    }
    out
}

/// The id of an entry from the words after `menuentry`.
fn entry_id(words: Vec<String>) -> Option<String> {
    let after = words.iter().position(|w| w == "--id" || w == "$menuentry_id_option");
    let joined = words.iter().find_map(|w| w.strip_prefix("--id="));
    let id = joined.map(str::to_string).or_else(|| words.get(after? + 1).cloned());
    id.or_else(|| words.first().cloned())
}

/// The ids in the order of the menu.
pub fn entry_ids(config: &str) -> Vec<String> {
    entries(config).into_iter().map(|entry| entry.id).collect()
}

/// The menu with `file` (a word of GRUB's shell) loaded behind the initramfs of each entry.
pub fn with_initrd(config: &str, file: &str) -> String {
    let mut out = String::with_capacity(config.len() + 64);
    for line in config.split_inclusive('\n') {
        let text = line.trim_end();
        let first = text.split_whitespace().next();
        if matches!(first, Some("initrd" | "initrd16" | "initrdefi")) {
            out.push_str(text);
            out.push(' ');
            out.push_str(file);
            out.push_str(&line[text.len()..]);
        } else {
            out.push_str(line);
        }
    }
    out
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

    #[test]
    fn reads_what_an_entry_starts_and_adds_to_it() {
        let config = "menuentry 'A' --id a {\n\tsearch --fs-uuid --set=root 1\n\tlinux /boot/vmlinuz-6.1.0-56-amd64 \
                      root=UUID=1 rw 'dyndbg=file a +p' $more\n\tinitrd /boot/initrd.img-6.1.0-56-amd64\n}\n";
        let entry = &entries(config)[0];
        assert_eq!(entry.release(), Some("6.1.0-56-amd64"));
        assert_eq!(entry.arguments, ["root=UUID=1", "rw", "dyndbg=file a +p"]);
        assert_eq!(entry.initrd, ["/boot/initrd.img-6.1.0-56-amd64"]);
        let more = with_initrd(config, "$prefix/x.img");
        assert_eq!(entries(&more)[0].initrd, ["/boot/initrd.img-6.1.0-56-amd64", "$prefix/x.img"]);
        assert_eq!(more.replace(" $prefix/x.img", ""), config);
    }

    #[test]
    fn a_kernel_tells_its_release() {
        let release = |kernel: &str| {
            let entry = Entry { kernel: Some(kernel.to_string()), ..Entry::default() };
            entry.release().map(str::to_string)
        };
        assert_eq!(
            release("/boot/vmlinuz-3.10.0-1160.el7.x86_64").as_deref(),
            Some("3.10.0-1160.el7.x86_64")
        );
        assert_eq!(release("/boot/0123/6.1.0-9/linux").as_deref(), Some("6.1.0-9"));
        assert_eq!(release("/boot/vmlinuz"), None);
    }
}
