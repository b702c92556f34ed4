//! [`Resolved`] to [`Model`]: the rules applied, then the places that later stages do not need left behind.
//!
//! Enters: bound names with their places, and a [`Probe`] of the files beside the manifest. Leaves: the model, where no
//! rule found an error, and all findings. A model holds valid values only.

use std::collections::BTreeMap;

use super::model::{self, Console, Model};
use super::probe::Probe;
use super::resolved::{Boot, Resolved, Slot, Words};
use super::rules::{self, Case, Reading};
use super::spans::Node;
use super::{allow, conform, dockerfile};
use crate::diag::{Diagnostics, Spanned};

/// `tree` is the manifest as it stands, `found` what was found before. All findings leave that the manifest does not allow; the model is `None` beside
/// errors.
pub fn check(
    resolved: Resolved,
    tree: &Node,
    mut found: Diagnostics,
    probe: &dyn Probe,
) -> (Option<Model>, Diagnostics) {
    let dockerfiles: Vec<Reading> = resolved.slots.iter().map(|slot| look(slot, probe)).collect();
    found.extend(rules::apply(&Case { resolved: &resolved, probe, dockerfiles: &dockerfiles }));
    conform::check(&resolved.source, tree, &mut found);
    let found = allow::apply(&resolved, found);
    if found.has_errors() {
        return (None, found);
    }
    (model(resolved, dockerfiles), found)
}

fn look(slot: &Slot, probe: &dyn Probe) -> Reading {
    let bytes = match probe.read(&slot.dockerfile.value) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Reading::Missing,
        Err(error) => return Reading::Unreadable(error.to_string()),
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => match dockerfile::read(text, &args(slot)) {
            Ok(dockerfile) => Reading::Done(dockerfile),
            Err(error) => Reading::Broken(error),
        },
        Err(_) => Reading::Unreadable("it is not UTF-8 text".to_string()),
    }
}

fn args(slot: &Slot) -> BTreeMap<String, String> {
    slot.build_args.iter().map(|(name, value)| (name.value.clone(), value.value.clone())).collect()
}

fn plain(words: Words) -> Vec<String> {
    words.into_iter().map(|w| w.value).collect()
}

fn model(resolved: Resolved, dockerfiles: Vec<Reading>) -> Option<Model> {
    let names: Vec<&str> = resolved.slots.iter().map(|s| s.name.as_str()).collect();
    let default = match &resolved.boot.default {
        Some(name) => names.iter().position(|n| *n == name.value)?,
        None => 0,
    };
    let boot = boot(resolved.boot, default);
    let slots = resolved.slots.into_iter().zip(dockerfiles).map(|(s, look)| slot(s, look)).collect();
    Some(Model {
        name: resolved.name.value,
        source: resolved.source,
        dir: resolved.dir,
        disk: resolved.disk,
        boot,
        bases: resolved.bases.into_iter().map(base).collect(),
        slots,
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
    model::Boot { firmware: boot.firmware, timeout: boot.timeout, default, consoles: consoles.collect() }
}

fn slot(slot: Slot, look: Reading) -> model::Slot {
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
            Reading::Done(dockerfile) => dockerfile.images,
            _ => Vec::new(),
        },
        distro: slot.distro,
        size: slot.size,
        filesystem: slot.filesystem,
        kernel: model::Kernel {
            version: slot.kernel.version,
            args: plain(slot.kernel.args),
            span: slot.kernel.span,
        },
        dracut: Spanned::new(dracut, slot.dracut.span),
        systemd: Spanned::new(systemd, slot.systemd.span),
        packages: slot.packages.map(plain),
        hostname: slot.hostname.value,
        users,
        files,
        span: slot.span,
    }
}
