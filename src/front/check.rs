//! [`Resolved`] to [`Model`]: the rules applied, then the places that later stages do not need left behind.
//!
//! Enters: bound names with their places, and a [`Probe`] of the files beside the manifest. Leaves: the model, where no
//! rule found an error, and all findings. A model holds valid values only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::model::{self, Console, Model};
use super::probe::Probe;
use super::resolved::{Boot, Resolved, Slot, Words};
use super::rules::{self, Case, Reading};
use super::spans::Node;
use super::{MAX_BYTES, addition, allow, conform, dockerfile};
use crate::diag::{Diagnostics, Source, Span, Spanned};

/// `tree` is the manifest as it stands, `found` what was found before. All findings leave that the manifest does not allow; the model is `None` beside
/// errors.
pub fn check(
    resolved: Resolved,
    tree: &Node,
    mut found: Diagnostics,
    probe: &dyn Probe,
) -> (Option<Model>, Diagnostics) {
    let mut looks = Looks { probe, resolved: &resolved, texts: BTreeMap::new() };
    let dockerfiles: Vec<Reading> = resolved.slots.iter().map(|slot| looks.look(slot)).collect();
    found.extend(rules::apply(&Case { resolved: &resolved, probe, dockerfiles: &dockerfiles }));
    conform::check(&resolved.source, tree, &mut found);
    let found = allow::apply(&resolved, found);
    if found.has_errors() {
        return (None, found);
    }
    (model(resolved, tree, dockerfiles), found)
}

/// The Dockerfiles of the slots. One that several slots share is one source.
struct Looks<'p> {
    probe: &'p dyn Probe,
    resolved: &'p Resolved,
    texts: BTreeMap<PathBuf, Text>,
}

/// What became of a Dockerfile's bytes.
#[derive(Clone)]
enum Text {
    Missing,
    Unreadable(String),
    NotUtf8(Arc<Source>, Span),
    Good(Arc<Source>),
}

impl Looks<'_> {
    fn look(&mut self, slot: &Slot) -> Reading {
        let path = &slot.dockerfile.value;
        if !self.texts.contains_key(path) {
            self.texts.insert(path.clone(), self.read(path));
        }
        match self.texts[path].clone() {
            Text::Missing => Reading::Missing,
            Text::Unreadable(why) => Reading::Unreadable(why),
            Text::NotUtf8(source, span) => Reading::NotUtf8(source, span),
            Text::Good(source) => {
                let dockerfile = dockerfile::read(&source.text, &args(slot));
                Reading::Done(source, dockerfile)
            }
        }
    }

    fn read(&self, path: &Path) -> Text {
        let bytes = match self.probe.read(path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Text::Missing,
            Err(error) => return Text::Unreadable(error.to_string()),
        };
        if bytes.len() > MAX_BYTES {
            return Text::Unreadable(format!("it has {} bytes, at most {MAX_BYTES} are read", bytes.len()));
        }
        // engines read one with a byte order mark as well
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let source = Arc::new(Source::new(self.resolved.shown(path), String::from_utf8_lossy(bytes)));
        match std::str::from_utf8(bytes) {
            Ok(_) => Text::Good(source),
            Err(error) => {
                let at = error.valid_up_to();
                Text::NotUtf8(source, Span::new(at, at + char::REPLACEMENT_CHARACTER.len_utf8()))
            }
        }
    }
}

fn args(slot: &Slot) -> BTreeMap<String, String> {
    slot.build_args.iter().map(|(name, value)| (name.value.clone(), value.value.clone())).collect()
}

fn plain(words: Words) -> Vec<String> {
    words.into_iter().map(|w| w.value).collect()
}

fn model(resolved: Resolved, tree: &Node, dockerfiles: Vec<Reading>) -> Option<Model> {
    let names: Vec<&str> = resolved.slots.iter().map(|s| s.name.as_str()).collect();
    let default = match &resolved.boot.default {
        Some(name) => names.iter().position(|n| *n == name.value)?,
        None => 0,
    };
    let boot = boot(resolved.boot, default);
    let source = &resolved.source;
    let slots = resolved.slots.into_iter().zip(dockerfiles).enumerate().map(|(index, (read, look))| {
        let places = addition::places(source, tree, index, read.name.span);
        slot(read, look, places)
    });
    let slots = slots.collect();
    Some(Model {
        name: resolved.name.value,
        source: resolved.source,
        dir: resolved.dir,
        disk: resolved.disk,
        boot,
        bases: resolved.bases.into_iter().map(base).collect(),
        slots,
        allow: resolved.allow,
    })
}

fn base(base: super::resolved::Base) -> model::Base {
    model::Base { name: base.name, from: base.from.value, span: base.span }
}

fn boot(boot: Boot, default: usize) -> model::Boot {
    let consoles = boot.consoles.into_iter().map(|console| match console.value.split_once(',') {
        Some((device, options)) => Console { device: device.into(), options: Some(options.into()) },
        None => Console { device: console.value, options: None },
    });
    let health = model::Health {
        units: plain(boot.health.units),
        command: boot.health.command.map(|c| c.value),
        timeout: boot.health.timeout,
    };
    model::Boot {
        firmware: boot.firmware,
        timeout: boot.timeout,
        default,
        consoles: consoles.collect(),
        health,
        tries: boot.tries,
        watchdog: boot.watchdog,
    }
}

fn slot(slot: Slot, look: Reading, places: model::Places) -> model::Slot {
    let build_args = args(&slot);
    let users = slot.users.map(|users| {
        let user = |u: super::resolved::User| model::User {
            name: u.name.value,
            password_hash: u.password_hash.map(|h| h.value),
            ssh_keys: u.ssh_keys.into_iter().map(|k| k.value.trim_end().to_string()).collect(),
            groups: plain(u.groups),
            shell: u.shell.map(|s| s.value),
        };
        users.into_iter().map(user).collect()
    });
    let files = slot.files.map(|files| {
        let file = |f: super::resolved::File| model::File {
            path: f.path.value,
            content: f.content.value,
            mode: f.mode,
            uid: f.uid,
            gid: f.gid,
        };
        files.into_iter().map(file).collect()
    });
    let dracut = model::Dracut {
        drivers: plain(slot.dracut.drivers.value),
        filesystems: plain(slot.dracut.filesystems.value),
        omit_drivers: plain(slot.dracut.omit_drivers),
    };
    let systemd = model::Systemd {
        default_target: Some(slot.systemd.default_target.value),
        unmask: plain(slot.systemd.unmask),
        enable: plain(slot.systemd.enable),
        disable: plain(slot.systemd.disable),
        mask: plain(slot.systemd.mask),
    };
    model::Slot {
        name: slot.name,
        title: slot.title.value,
        dockerfile: slot.dockerfile,
        context: slot.context,
        build_args,
        target: slot.target,
        from: match look {
            Reading::Done(_, dockerfile) => dockerfile.image_names(),
            _ => Vec::new(),
        },
        distro: slot.distro,
        size: slot.size,
        filesystem: slot.filesystem.map(|filesystem| filesystem.known()),
        kernel: model::Kernel {
            version: slot.kernel.version,
            args: plain(slot.kernel.args),
            span: slot.kernel.span,
        },
        kexec: slot.kexec,
        dracut: Spanned::new(dracut, slot.dracut.span),
        systemd: Spanned::new(systemd, slot.systemd.span),
        packages: slot.packages.map(plain),
        hostname: slot.hostname.value,
        users,
        files,
        span: slot.span,
        places,
    }
}
