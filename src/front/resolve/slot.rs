//! One entry of `slots`, with `defaults` merged under it.

use std::path::Path;

use super::value::Reader;
use crate::diag::{Diagnostic, Span, Spanned, codes};
use crate::front::ast;
use crate::front::model::{Distro, FileContent, Filesystem, FilesystemKind, SlotSize};
use crate::front::place::Place;
use crate::front::resolved::{Dracut, File, Kernel, Slot, Systemd, User, Words};

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

pub fn slot(
    r: &mut Reader<'_>,
    own: &ast::Slot,
    defaults: &ast::Defaults,
    at: Places<'_>,
    index: usize,
) -> Slot {
    let name = r.name(own.name.as_deref(), at.own, "a slot", &format!("slot-{index}"));
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
    let filesystem = filesystem(own, defaults, at.key("filesystem"), near);
    let dracut = dracut(r, own, defaults, at.key("dracut"), filesystem.kind, near);
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
        kernel: kernel(r, own, defaults, at.key("kernel"), near),
        dracut,
        systemd: systemd(r, own, defaults, at.key("systemd"), near),
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

fn filesystem(own: &ast::Slot, defaults: &ast::Defaults, at: Places<'_>, near: Span) -> Spanned<Filesystem> {
    let own = own.filesystem.clone().unwrap_or_default();
    let defaults = defaults.filesystem.clone().unwrap_or_default();
    match at.pick("type", &own.kind, &defaults.kind) {
        Some((ast::FilesystemType::Ext4, p)) => {
            Spanned::new(Filesystem { kind: FilesystemKind::Ext4 }, p.span())
        }
        Some((ast::FilesystemType::Xfs, p)) => {
            Spanned::new(Filesystem { kind: FilesystemKind::Xfs }, p.span())
        }
        None => Spanned::new(Filesystem { kind: FilesystemKind::Ext4 }, near),
    }
}

fn kernel(
    r: &mut Reader<'_>,
    own: &ast::Slot,
    defaults: &ast::Defaults,
    at: Places<'_>,
    near: Span,
) -> Kernel {
    let own = own.kernel.clone().unwrap_or_default();
    let defaults = defaults.kernel.clone().unwrap_or_default();
    let version = at.pick("version", &own.version, &defaults.version);
    let args = at.pick("args", &own.args, &defaults.args);
    Kernel {
        version: version.map(|(v, p)| Spanned::new(v, p.span())),
        args: args.map(|(list, p)| r.words(&list, p)).unwrap_or_default(),
        span: at.span(near),
    }
}

fn dracut(
    r: &mut Reader<'_>,
    own: &ast::Slot,
    defaults: &ast::Defaults,
    at: Places<'_>,
    root: FilesystemKind,
    near: Span,
) -> Dracut {
    let own = own.dracut.clone().unwrap_or_default();
    let defaults = defaults.dracut.clone().unwrap_or_default();
    let span = at.span(near);
    let drivers = at.pick("drivers", &own.drivers, &defaults.drivers);
    let filesystems = at.pick("filesystems", &own.filesystems, &defaults.filesystems);
    let omit = at.pick("omit_drivers", &own.omit_drivers, &defaults.omit_drivers);
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

fn systemd(
    r: &mut Reader<'_>,
    own: &ast::Slot,
    defaults: &ast::Defaults,
    at: Places<'_>,
    near: Span,
) -> Systemd {
    let own = own.systemd.clone().unwrap_or_default();
    let defaults = defaults.systemd.clone().unwrap_or_default();
    let span = at.span(near);
    let mut list = |key: &str, own: &Option<Vec<String>>, defaults: &Option<Vec<String>>| {
        at.pick(key, own, defaults).map(|(list, p)| r.words(&list, p))
    };
    let mask: Words = list("mask", &own.mask, &defaults.mask).unwrap_or_default();
    let unmask = list("unmask", &own.unmask, &defaults.unmask).unwrap_or_else(|| {
        // a default gives way to what the manifest says
        let getty = Spanned::new("getty.target".to_string(), span);
        if mask.contains(&getty) { Vec::new() } else { vec![getty] }
    });
    Systemd {
        unmask,
        enable: list("enable", &own.enable, &defaults.enable).unwrap_or_default(),
        disable: list("disable", &own.disable, &defaults.disable).unwrap_or_default(),
        mask,
        default_target: match at.pick("default_target", &own.default_target, &defaults.default_target) {
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
            Diagnostic::error(codes::VALUE_INVALID, "a file has either a `content` or a `source`")
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
                at.key("owner").key(key),
                "4294967295 is nobody's number",
                "the kernel means \"none\" by this",
                "write at most 4294967294",
            );
        }
    }
    File { path, content, mode, uid: owner.uid.unwrap_or(0), gid: owner.gid.unwrap_or(0) }
}
