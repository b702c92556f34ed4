//! One entry of `slots`, with `defaults` merged under it.
//!
//! Enters: both as they are written, and their places. Leaves: a slot with every value from one of the two or osimg's
//! own choice, each with the words to blame for it. What is missing becomes a finding and a stand-in.

use std::path::Path;

use super::value::Reader;
use crate::diag::{Diagnostic, Span, Spanned, codes};
use crate::front::ast;
use crate::front::model::{Distro, FileContent, FilesystemKind, SlotSize};
use crate::front::place::Place;
use crate::front::resolved::{Dracut, Feature, File, Filesystem, Kernel, Slot, Systemd, User, Words};

/// Where a slot's settings stand: its own entry, and `defaults`.
#[derive(Clone, Copy)]
pub struct Places<'t> {
    pub own: Place<'t>,
    pub defaults: Place<'t>,
}

impl<'t> Places<'t> {
    fn key(self, key: &str) -> Places<'t> {
        Places { own: self.own.key(key), defaults: self.defaults.key(key) }
    }

    /// The slot's own value of `key` or else the default one, with its place.
    fn pick<T: Clone>(self, key: &str, own: &Option<T>, defaults: &Option<T>) -> Option<(T, Place<'t>)> {
        match (own, defaults) {
            (Some(value), _) => Some((value.clone(), self.own.key(key))),
            (None, Some(value)) => Some((value.clone(), self.defaults.key(key))),
            (None, None) => None,
        }
    }

    /// Where the settings of a section are: the slot's own section, else the default one, else `near`.
    fn span(self, near: Span) -> Span {
        [self.own, self.defaults].into_iter().find(|p| p.is_there()).map_or(near, Place::span)
    }
}

/// A section of settings as the slot and as `defaults` have it, with the places of both.
struct Section<'t, T> {
    own: T,
    defaults: T,
    at: Places<'t>,
}

impl<'t, T: Clone + Default> Section<'t, T> {
    /// A section that is missing says nothing.
    fn of(own: &Option<T>, defaults: &Option<T>, at: Places<'t>) -> Section<'t, T> {
        let whole = |section: &Option<T>| section.clone().unwrap_or_default();
        Section { own: whole(own), defaults: whole(defaults), at }
    }

    /// As [`Places::pick`], for a value of the section.
    fn pick<V: Clone>(&self, key: &str, value: fn(&T) -> &Option<V>) -> Option<(V, Place<'t>)> {
        self.at.pick(key, value(&self.own), value(&self.defaults))
    }
}

pub fn slot(
    r: &mut Reader<'_>,
    own: &ast::Slot,
    defaults: &ast::Defaults,
    at: Places<'_>,
    index: usize,
) -> Slot {
    let name = r.name(codes::SLOT_NAME, own.name.as_deref(), at.own, "a slot", &format!("slot-{index}"));
    let near = name.span;
    let text = |value: &Option<String>, key: &str| match value {
        Some(text) => Spanned::new(text.clone(), at.own.key(key).span()),
        None => Spanned::new(name.to_string(), near),
    };
    let (title, hostname) = (text(&own.title, "title"), text(&own.hostname, "hostname"));
    let dockerfile = match &own.dockerfile {
        Some(path) => r.path(path, at.own.key("dockerfile")),
        None => {
            r.missing(at.own, "dockerfile", "a slot", "name the Dockerfile of the operating system");
            Spanned::new(r.dir.to_path_buf(), near)
        }
    };
    let context = match &own.context {
        Some(path) => r.path(path, at.own.key("context")),
        None => {
            let folder =
                dockerfile.value.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Spanned::new(folder.to_path_buf(), dockerfile.span)
        }
    };
    let target = at.pick("target", &own.target, &defaults.target).map(|(t, p)| Spanned::new(t, p.span()));
    let distro = at.pick("distro", &own.distro, &defaults.distro);
    let size = match at.pick("size", &own.size, &defaults.size) {
        Some((text, place)) => Spanned::new(r.slot_size(&text, place), place.span()),
        None => Spanned::new(SlotSize::Equal, near),
    };
    let filesystem =
        filesystem(&Section::of(&own.filesystem, &defaults.filesystem, at.key("filesystem")), near);
    let dracut =
        dracut(r, &Section::of(&own.dracut, &defaults.dracut, at.key("dracut")), filesystem.kind, near);
    let packages = match at.pick("packages", &own.packages, &defaults.packages) {
        Some((list, place)) => Spanned::new(r.words(&list, place), place.span()),
        None => Spanned::new(Vec::new(), near),
    };
    Slot {
        title,
        hostname,
        context,
        dockerfile,
        target,
        build_args: build_args(own, defaults, at.key("build_args")),
        distro: distro.map(|(d, p)| Spanned::new(self::distro(d), p.span())),
        size,
        filesystem,
        kexec: !matches!(at.pick("kexec", &own.kexec, &defaults.kexec), Some((ast::Kexec::Never, _))),
        kernel: kernel(r, &Section::of(&own.kernel, &defaults.kernel, at.key("kernel")), near),
        dracut,
        systemd: systemd(r, &Section::of(&own.systemd, &defaults.systemd, at.key("systemd")), near),
        packages,
        users: users(r, own, defaults, at, near),
        files: files(r, own, defaults, at, near),
        span: at.own.span(),
        name,
    }
}

fn distro(distro: ast::Distro) -> Distro {
    match distro {
        ast::Distro::Debian => Distro::Debian,
        ast::Distro::Ubuntu => Distro::Ubuntu,
        ast::Distro::El7 => Distro::El7,
        ast::Distro::El8 => Distro::El8,
        ast::Distro::El9 => Distro::El9,
        ast::Distro::Fedora => Distro::Fedora,
    }
}

fn build_args(
    own: &ast::Slot,
    defaults: &ast::Defaults,
    at: Places<'_>,
) -> Vec<(Spanned<String>, Spanned<String>)> {
    let mut merged = std::collections::BTreeMap::new();
    for (args, place) in [(&defaults.build_args, at.defaults), (&own.build_args, at.own)] {
        for (key, value) in args.iter().flatten() {
            let value = Spanned::new(value.clone(), place.key(key).span());
            merged.insert(key.clone(), (Spanned::new(key.clone(), place.key_of(key)), value));
        }
    }
    merged.into_values().collect()
}

fn filesystem(section: &Section<'_, ast::Filesystem>, near: Span) -> Spanned<Filesystem> {
    let (kind, span) = match section.pick("type", |f| &f.kind) {
        Some((kind, p)) => (self::kind(kind), p.span()),
        None => (FilesystemKind::Ext4, near),
    };
    let mut merged = std::collections::BTreeMap::new();
    let of_which = [&section.own, &section.defaults].into_iter().zip([section.at.own, section.at.defaults]);
    let unread = of_which.take_while(|(f, _)| f.kind.is_none()).any(|(_, place)| place.has("type"));
    if unread {
        // the type was found wrong: what it would have is not known
        return Spanned::new(Filesystem { kind, features: Vec::new() }, span);
    }
    for (filesystem, place, own) in
        [(&section.defaults, section.at.defaults, false), (&section.own, section.at.own, true)]
    {
        merged.extend(features(filesystem, place, own).into_iter().map(|f| (f.name.value.clone(), f)));
    }
    Spanned::new(Filesystem { kind, features: merged.into_values().collect() }, span)
}

pub fn kind(kind: ast::FilesystemType) -> FilesystemKind {
    match kind {
        ast::FilesystemType::Ext4 => FilesystemKind::Ext4,
        ast::FilesystemType::Xfs => FilesystemKind::Xfs,
    }
}

/// The features of a section that stands at `at`; none beside a type that was found wrong.
pub fn features(filesystem: &ast::Filesystem, at: Place<'_>, own: bool) -> Vec<Feature> {
    if filesystem.kind.is_none() && at.has("type") {
        return Vec::new();
    }
    let at = at.key("features");
    let feature = |(name, on): (&String, &bool)| Feature {
        name: Spanned::new(name.clone(), at.key_of(name)),
        on: Spanned::new(*on, at.key(name).span()),
        own,
    };
    filesystem.features.iter().flatten().map(feature).collect()
}

fn kernel(r: &mut Reader<'_>, section: &Section<'_, ast::Kernel>, near: Span) -> Kernel {
    let version = section.pick("version", |k| &k.version);
    let args = section.pick("args", |k| &k.args);
    Kernel {
        version: version.map(|(v, p)| Spanned::new(v, p.span())),
        args: args.map(|(list, p)| r.words(&list, p)).unwrap_or_default(),
        span: section.at.span(near),
    }
}

fn dracut(
    r: &mut Reader<'_>,
    section: &Section<'_, ast::Dracut>,
    root: FilesystemKind,
    near: Span,
) -> Dracut {
    let span = section.at.span(near);
    let drivers = section.pick("drivers", |d| &d.drivers);
    let filesystems = section.pick("filesystems", |d| &d.filesystems);
    let omit = section.pick("omit_drivers", |d| &d.omit_drivers);
    let stated = (drivers.is_some(), filesystems.is_some());
    let own_choice = || {
        let words = ["virtio_blk", "virtio_scsi", root.as_str()];
        Spanned::new(words.map(|w| Spanned::new(w.to_string(), span)).into(), span)
    };
    Dracut {
        drivers: drivers.map_or_else(own_choice, |(list, p)| Spanned::new(r.words(&list, p), p.span())),
        filesystems: filesystems
            .map_or(Spanned::new(Vec::new(), span), |(list, p)| Spanned::new(r.words(&list, p), p.span())),
        omit_drivers: omit.map(|(list, p)| r.words(&list, p)).unwrap_or_default(),
        drivers_stated: stated.0,
        filesystems_stated: stated.1,
        span,
    }
}

fn systemd(r: &mut Reader<'_>, section: &Section<'_, ast::Systemd>, near: Span) -> Systemd {
    let span = section.at.span(near);
    let mut list = |key: &str, value: fn(&ast::Systemd) -> &Option<Vec<String>>| {
        section.pick(key, value).map(|(list, p)| r.words(&list, p))
    };
    let mask: Words = list("mask", |s| &s.mask).unwrap_or_default();
    let unmask = list("unmask", |s| &s.unmask).unwrap_or_else(|| {
        // a default gives way to what the manifest says
        let getty = Spanned::new("getty.target".to_string(), span);
        if mask.contains(&getty) { Vec::new() } else { vec![getty] }
    });
    Systemd {
        unmask,
        enable: list("enable", |s| &s.enable).unwrap_or_default(),
        disable: list("disable", |s| &s.disable).unwrap_or_default(),
        mask,
        default_target: match section.pick("default_target", |s| &s.default_target) {
            Some((target, p)) => Spanned::new(target, p.span()),
            None => Spanned::new("multi-user.target".to_string(), span),
        },
        span,
    }
}

fn users(
    r: &mut Reader<'_>,
    own: &ast::Slot,
    defaults: &ast::Defaults,
    at: Places<'_>,
    near: Span,
) -> Spanned<Vec<User>> {
    let Some((users, list)) = at.pick("users", &own.users, &defaults.users) else {
        return Spanned::new(Vec::new(), near);
    };
    let mut out = Vec::new();
    for (i, user) in users.iter().enumerate() {
        let at = list.item(i);
        let text = |value: &Option<String>, key: &str| {
            value.as_ref().map(|text| Spanned::new(text.clone(), at.key(key).span()))
        };
        let name = text(&user.name, "name");
        if name.is_none() {
            r.missing(at, "name", "a user", "write `name: root`, say");
        }
        out.push(User {
            name: name.unwrap_or_else(|| Spanned::new(format!("user{i}"), at.span())),
            password_hash: text(&user.password_hash, "password_hash"),
            ssh_keys: r.words(user.ssh_keys.as_deref().unwrap_or_default(), at.key("ssh_keys")),
            groups: r.words(user.groups.as_deref().unwrap_or_default(), at.key("groups")),
            shell: text(&user.shell, "shell"),
        });
    }
    Spanned::new(out, list.span())
}

fn files(
    r: &mut Reader<'_>,
    own: &ast::Slot,
    defaults: &ast::Defaults,
    at: Places<'_>,
    near: Span,
) -> Spanned<Vec<File>> {
    let Some((files, list)) = at.pick("files", &own.files, &defaults.files) else {
        return Spanned::new(Vec::new(), near);
    };
    let files = files.iter().enumerate().map(|(i, f)| file(r, f, list.item(i), i)).collect();
    Spanned::new(files, list.span())
}

fn file(r: &mut Reader<'_>, file: &ast::File, at: Place<'_>, index: usize) -> File {
    let path = match &file.path {
        Some(path) => Spanned::new(path.clone(), at.key("path").span()),
        None => {
            r.missing(at, "path", "a file", "write the absolute path that it gets in the slot");
            Spanned::new(format!("/file-{index}"), at.span())
        }
    };
    let nothing = || Spanned::new(FileContent::Text(String::new()), at.span());
    if at.has("content") && at.has("source") {
        r.found.push(
            Diagnostic::error(codes::FILE_CONTENT, "a file has either a `content` or a `source`")
                .at(r.source, at.key_of("source"), "a file to copy")
                .and(at.key_of("content"), "the text itself")
                .help("remove one of them"),
        );
    }
    let content = match (&file.content, &file.source) {
        (Some(text), _) => Spanned::new(FileContent::Text(text.clone()), at.key("content").span()),
        (None, Some(path)) => r.path(path, at.key("source")).map(FileContent::Source),
        (None, None) => {
            if !at.has("source") {
                r.missing(
                    at,
                    "content",
                    "a file",
                    "write its text as `content:`, or `source:` for a file to copy",
                );
            }
            nothing()
        }
    };
    let mode = file.mode.as_deref().map_or(0o644, |text| r.mode(text, at.key("mode")));
    let owner = file.owner.clone().unwrap_or_default();
    for (key, id) in [("uid", owner.uid), ("gid", owner.gid)] {
        if id == Some(u32::MAX) {
            r.invalid(
                codes::FILE_OWNER,
                at.key("owner").key(key),
                "4294967295 is nobody's number",
                "the kernel means \"none\" by this",
                "write at most 4294967294",
            );
        }
    }
    File { path, content, mode, uid: owner.uid.unwrap_or(0), gid: owner.gid.unwrap_or(0) }
}
