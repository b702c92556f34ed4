//! The ops that are text or arithmetic: computed at each run, in no time, from the model and their inputs' values.
//!
//! Enters: an op, the model, the outcomes of its inputs. Leaves: an outcome whose product is a value. Nothing is read
//! or written, but for [`Settings::read`], which takes in the files that a manifest names when the export needs them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{facts, rules, value};
use crate::base::{Digest, identity};
use crate::diag::{Diagnostic, Span, codes};
use crate::emit;
use crate::emit::dockerfile::Concern;
use crate::exec::cx::{Cx, slot_of};
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::front::model::{Distro, FileContent, Model, Slot};
use crate::plan::layout::{is_auto, layout};
use crate::plan::op::{Export, Finish, Fragments, GrubCfg};
use crate::plan::{Op, op};
use crate::rootfs::finish::{Census, Finish as TreeFinish, Injected};
use crate::rootfs::inspect::Kernel;
use crate::rootfs::os_release::OsRelease;
use crate::rootfs::tree::TreePath;

/// The product of a pure op.
pub fn compute(op: &Op, inputs: &[Arc<Outcome>], cx: &Cx) -> Result<Outcome, ExecError> {
    let model = &cx.model;
    match op {
        Op::Fragments(op) => fragments(op, inputs, model),
        Op::Finish(op) => settings(op, model),
        Op::Rules(_) => rules::run(inputs, cx),
        Op::Layout(op) => partitions(op, inputs, model),
        Op::GrubCfg(op) => grub_cfg(op, inputs, model),
        other => unreachable!("`{}` is not pure", other.label()),
    }
}

/// The generated Dockerfile as a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    pub text: String,
    /// Files beside it in the build's context.
    pub files: BTreeMap<String, String>,
}

fn fragments(op: &Fragments, inputs: &[Arc<Outcome>], model: &Model) -> Result<Outcome, ExecError> {
    let found: OsRelease = value(inputs, 0)?;
    let slot = slot_of(model, &op.slot);
    let distro = release_of(&found).ok_or_else(|| {
        ExecError::failed(format!("rendering slot `{}`", op.slot), "its distribution is not known")
    })?;
    render_fragments(slot, distro, &op.from)
}

/// The generated Dockerfile of a slot, `FROM` this reference.
pub fn render_fragments(slot: &Slot, distro: Distro, from: &str) -> Result<Outcome, ExecError> {
    let generated = emit::dockerfile::dockerfile(slot, distro, from).map_err(|e| emitting(slot, e))?;
    let files = generated
        .files
        .into_iter()
        .map(|(path, bytes)| {
            let text = String::from_utf8(bytes).expect("templates and manifests are UTF-8");
            (path, text)
        })
        .collect();
    // spans move with every edit of the manifest, so they are facts beside the product and in no key
    let places: Vec<Place> = generated
        .fragments
        .iter()
        .map(|f| Place { concern: f.concern.as_str().into(), start: f.span.start, end: f.span.end })
        .collect();
    let facts = serde_json::to_value(places).expect("words and numbers");
    Ok(Outcome { facts, ..Outcome::value(Generated { text: generated.text, files }) })
}

/// Which words of the manifest a fragment comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Place {
    concern: String,
    start: usize,
    end: usize,
}

/// The manifest's words that made a failing step of the generated Dockerfile, and the concern they state.
pub fn blame(fragments: &Outcome, step: &str) -> Option<(Span, Concern)> {
    let places: Vec<Place> = facts(fragments).ok()?;
    let concern = Concern::ALL.into_iter().find(|c| c.made(step))?;
    let place = places.iter().find(|p| p.concern == concern.as_str())?;
    Some((Span::new(place.start, place.end), concern))
}

fn emitting(slot: &Slot, error: emit::EmitError) -> ExecError {
    ExecError::failed(format!("rendering slot `{}`", slot.name.as_str()), error)
}

/// The distribution that an os-release file names, if osimg knows it.
pub fn release_of(found: &OsRelease) -> Option<Distro> {
    emit::family::release(&found.id, &found.id_like, found.version_id.as_deref()).ok()
}

/// What is written into a slot's exported tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    hostname: String,
    hosts: String,
    fstab: String,
    mount_points: Vec<String>,
    /// osimg's own: what switches slots.
    own: Vec<OwnFile>,
    files: Vec<SettingsFile>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OwnFile {
    path: String,
    mode: u16,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SettingsFile {
    path: String,
    mode: u16,
    uid: u32,
    gid: u32,
    content: SettingsContent,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SettingsContent {
    Text(String),
    /// A file beside the manifest, by the digest of its bytes.
    Source(Digest),
}

/// A slot's `/etc/fstab`.
pub fn render_fstab(slot: &Slot, model: &Model) -> Result<String, ExecError> {
    let root = identity::filesystem(&model.name, &slot.name);
    emit::fstab::fstab(slot.filesystem.kind, root, identity::boot_volume(&model.name))
        .map_err(|e| emitting(slot, e))
}

/// `osimg-switch` and the units that run it, but for those that the manifest writes itself.
fn switch_files(slot: &Slot, model: &Model) -> Result<Vec<OwnFile>, emit::EmitError> {
    let script = emit::switch::script(slot.name.as_str(), identity::boot_volume(&model.name), "")?;
    let target = slot.systemd.default_target.as_deref().unwrap_or("multi-user.target");
    let mut own = vec![OwnFile { path: emit::switch::SCRIPT.into(), mode: 0o755, text: script }];
    let units = emit::switch::units(target, model.boot.watchdog)?;
    own.extend(units.into_iter().map(|u| OwnFile { path: u.path, mode: 0o644, text: u.text }));
    own.retain(|file| slot.files.iter().all(|f| f.path != file.path));
    Ok(own)
}

/// The switch script of a slot.
pub fn render_switch(slot: &Slot, model: &Model) -> Result<String, ExecError> {
    emit::switch::script(slot.name.as_str(), identity::boot_volume(&model.name), "")
        .map_err(|e| emitting(slot, e))
}

fn settings(op: &Finish, model: &Model) -> Result<Outcome, ExecError> {
    let slot = slot_of(model, &op.slot);
    let fstab = render_fstab(slot, model)?;
    let mut sources = op.sources.iter();
    let files = slot
        .files
        .iter()
        .map(|file| SettingsFile {
            path: file.path.clone(),
            mode: file.mode,
            uid: file.uid,
            gid: file.gid,
            content: match &file.content {
                FileContent::Text(text) => SettingsContent::Text(text.clone()),
                FileContent::Source(_) => {
                    SettingsContent::Source(*sources.next().expect("each source file was pinned"))
                }
            },
        })
        .collect();
    let hosts = emit::hosts::hosts(&slot.hostname).map_err(|e| emitting(slot, e))?;
    let mount_points = vec![emit::fstab::BOOT_MOUNT_POINT.to_string()];
    let own = switch_files(slot, model).map_err(|e| emitting(slot, e))?;
    Ok(Outcome::value(Settings { hostname: slot.hostname.clone(), hosts, fstab, mount_points, own, files }))
}

impl Settings {
    /// The same with the bytes of the source files read and held against their digests.
    pub fn read(self, op: &Export, cx: &Cx) -> Result<TreeFinish, ExecError> {
        let slot = cx.slot(&op.slot);
        let own = |f: OwnFile| Injected {
            path: TreePath::new(&f.path).expect("constants of emit and unit names are normal paths"),
            mode: f.mode,
            uid: 0,
            gid: 0,
            content: f.text.into_bytes(),
        };
        let mut files: Vec<Injected> = self.own.into_iter().map(own).collect();
        for (file, stated) in self.files.into_iter().zip(slot.files.iter()) {
            let content = match (&file.content, &stated.content) {
                (SettingsContent::Source(digest), FileContent::Source(path)) => {
                    let doing = format!("reading {}", path.display());
                    let bytes = std::fs::read(path).map_err(|e| ExecError::failed(&doing, e))?;
                    if Digest::of(&bytes) != *digest {
                        return Err(
                            ExecError::failed(doing, "the file changed while osimg ran").help("run again")
                        );
                    }
                    bytes
                }
                (SettingsContent::Text(text), _) => text.clone().into_bytes(),
                (SettingsContent::Source(_), FileContent::Text(_)) => {
                    unreachable!("settings are computed from the same slot")
                }
            };
            let path = TreePath::new(&file.path).expect("check accepts only normal absolute paths");
            files.push(Injected { path, mode: file.mode, uid: file.uid, gid: file.gid, content });
        }
        Ok(TreeFinish {
            hostname: self.hostname,
            hosts: self.hosts,
            fstab: self.fstab,
            files,
            mount_points: self
                .mount_points
                .iter()
                .map(|p| TreePath::new(p).expect("a constant of emit"))
                .collect(),
            created: op.created,
            clamp: op.clamp,
        })
    }
}

fn partitions(_: &op::Layout, inputs: &[Arc<Outcome>], model: &Model) -> Result<Outcome, ExecError> {
    let mut contents = BTreeMap::new();
    for (slot, input) in model.slots.iter().filter(|s| is_auto(model, s)).zip(inputs) {
        let held: Census = facts(input)?;
        contents.insert(slot.name.to_string(), held.footprint());
    }
    Ok(Outcome::value(layout(model, &contents)?))
}

/// The texts of the boot partition that are made of all slots together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Menu {
    pub grub_cfg: String,
    /// The same for `osimg-switch`.
    pub slots: String,
}

fn grub_cfg(op: &GrubCfg, inputs: &[Arc<Outcome>], model: &Model) -> Result<Outcome, ExecError> {
    let mut kernels = Vec::new();
    for position in 0..op.slots.len() {
        let Some(kernel) = value::<Option<Kernel>>(inputs, position)? else {
            // the same that the rules say, whoever comes first
            return Err(rules::findings(inputs, model)?.into());
        };
        kernels.push(kernel);
    }
    Ok(Outcome::value(render_menu(model, &kernels)?))
}

/// grub.cfg and the description of the slots, whose kernels, in the manifest's order, are these.
pub fn render_menu(model: &Model, kernels: &[Kernel]) -> Result<Menu, ExecError> {
    let too_long = |slot: &Slot, e: emit::EmitError| {
        Diagnostic::error(codes::KERNEL_COMMAND_LINE, format!("slot `{}`: {e}", slot.name.as_str())).at(
            &model.source,
            slot.kernel.span,
            "of this kernel",
        )
    };
    let trial = emit::switch::trial_arguments(model.boot.health.timeout);
    let mut entries = Vec::new();
    for (slot, kernel) in model.slots.iter().zip(kernels) {
        let uuid = identity::filesystem(&model.name, &slot.name);
        let command_line = emit::command_line::command_line(uuid, &model.boot.consoles, &slot.kernel.args)
            .map_err(|e| too_long(slot, e))?;
        emit::command_line::fits(&kernel.image, &command_line, &trial).map_err(|e| too_long(slot, e))?;
        entries.push(emit::grub_cfg::Entry {
            id: slot.name.to_string(),
            title: slot.title.clone(),
            fs: slot.filesystem.kind,
            uuid,
            kernel: kernel.image.clone(),
            initrd: kernel.initramfs.clone(),
            version: kernel.version.clone(),
            kexec: slot.kexec,
            command_line,
        });
    }
    let menu = emit::grub_cfg::GrubCfg {
        timeout: model.boot.timeout,
        default: model.slots[model.boot.default].name.to_string(),
        serial: model.boot.consoles.iter().find_map(|c| c.serial()),
        trial,
        entries,
    };
    let trials = emit::switch::Trials {
        image: model.name.to_string(),
        health: model.boot.health.clone(),
        tries: model.boot.tries,
    };
    Ok(Menu {
        grub_cfg: emit::grub_cfg::grub_cfg(&menu).map_err(|e| ExecError::failed("rendering grub.cfg", e))?,
        slots: emit::switch::slots(&menu, &trials)
            .map_err(|e| ExecError::failed("rendering the description of the slots", e))?,
    })
}
