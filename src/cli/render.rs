//! `osimg render`: the texts that osimg makes of a manifest, without building an image.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::failure::{Failure, Problem};
use super::manifest::Manifest;
use super::session::Session;
use super::{interrupt, run};
use crate::base::event::{Event, NodeId};
use crate::emit::family;
use crate::exec::explain::foresee;
use crate::exec::ops::pure::{Generated, Menu, render_fragments, render_fstab, render_menu, render_switch};
use crate::exec::product::{Outcome, Product};
use crate::exec::{self, Cx};
use crate::front::model::Model;
use crate::plan::{Op, Plan, lower};
use crate::rootfs::inspect::Kernel;

/// Write the generated Dockerfiles, fstab and grub.cfg
///
/// What the manifest states (`distro`, `kernel.version`) or an earlier `apply` found needs no engine; for the rest the
/// slot is built as far as it must be.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  osimg render examples/centos7-8-dual.yaml
  osimg render examples/centos7-8-dual.yaml --output rendered")]
pub struct Render {
    #[command(flatten)]
    manifest: Manifest,
    /// Write files into this folder instead of standard output
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Rendered texts by the path they would have in the output folder.
type Texts = BTreeMap<String, String>;

impl Render {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let model = Arc::new(self.manifest.load(session)?);
        let texts = match stated(&model)? {
            Some(texts) => texts,
            None => built(&model, session)?,
        };
        match &self.output {
            Some(folder) => write(folder, &texts),
            None => session.print(&shown(&texts)),
        }
    }
}

/// Everything from the manifest's own words; nothing where it does not state enough.
fn stated(model: &Model) -> Result<Option<Texts>, Failure> {
    let mut dockerfiles = Vec::new();
    let mut kernels = Vec::new();
    for slot in &model.slots {
        let (Some(distro), Some(version)) = (&slot.distro, &slot.kernel.version) else { return Ok(None) };
        let outcome = render_fragments(slot, distro.value, &lower::image_tag(model, slot))?;
        dockerfiles.push(generated(&outcome)?);
        let (image, initramfs) = family::family(distro.value, Some(version.as_str())).boot_paths(version);
        kernels.push(Kernel { version: version.value.clone(), image, initramfs });
    }
    texts(model, dockerfiles, render_menu(model, &kernels)?).map(Some)
}

/// Everything from the plan's nodes, those run that an earlier `apply` has not.
fn built(model: &Arc<Model>, session: &Session) -> Result<Texts, Failure> {
    let plan = run::plan(model, session)?;
    let mut goals: Vec<NodeId> = Vec::new();
    for slot in &model.slots {
        let name = slot.name.as_str();
        goals.extend(plan.find(|op| matches!(op, Op::Fragments(f) if f.slot == name)));
    }
    goals.extend(plan.find(|op| matches!(op, Op::GrubCfg(_))));
    let store = run::store(session)?;
    let sink = session.sink();
    let outcomes: Vec<Arc<Outcome>> = interrupt::run(&sink, |cancel| {
        let (sink, plan, goals) = (sink.clone(), &plan, &goals);
        async move {
            let cx = run::cx(model.clone(), store, session, &sink, &cancel);
            if let Some(known) = known(plan, goals, &cx)? {
                return Ok(known);
            }
            sink.emit(Event::Note {
                text:
                    "building as far as the texts depend on what is built; `distro` and `kernel.version` in \
                       each slot make this unnecessary"
                        .into(),
            });
            let _lock = run::lock(&cx.store, &sink, &cancel).await?;
            let results = exec::run(plan, goals, &cx).await?;
            Ok(goals.iter().map(|g| results[g].outcome.clone()).collect())
        }
    })?;
    let (grub_cfg, fragments) = outcomes.split_last().expect("grub.cfg is a goal");
    let dockerfiles = fragments.iter().map(|o| generated(o)).collect::<Result<Vec<_>, Failure>>()?;
    let menu: Menu = read(&grub_cfg.product)?;
    texts(model, dockerfiles, menu)
}

/// The goals' outcomes where all of them follow from the cache.
fn known(plan: &Plan, goals: &[NodeId], cx: &Cx) -> Result<Option<Vec<Arc<Outcome>>>, Failure> {
    let foreseen = foresee(plan, cx)?;
    Ok(goals.iter().map(|g| foreseen[g.0].1.clone()).collect())
}

fn generated(outcome: &Outcome) -> Result<Generated, Failure> {
    read(&outcome.product)
}

fn read<T: for<'de> Deserialize<'de>>(product: &Product) -> Result<T, Failure> {
    let value = match product {
        Product::Value(value) => value,
        _ => &Value::Null,
    };
    T::deserialize(value).map_err(|e| Problem::new("the cache cannot be read").caused_by(&e).into())
}

fn texts(model: &Model, dockerfiles: Vec<Generated>, menu: Menu) -> Result<Texts, Failure> {
    let mut texts =
        Texts::from([("grub.cfg".to_string(), menu.grub_cfg), ("osimg/slots".to_string(), menu.slots)]);
    for (slot, generated) in model.slots.iter().zip(dockerfiles) {
        let put = |texts: &mut Texts, name: &str, text: String| {
            texts.insert(format!("{}/{name}", slot.name.as_str()), text);
        };
        put(&mut texts, "Dockerfile", generated.text);
        for (path, text) in generated.files {
            put(&mut texts, &path, text);
        }
        put(&mut texts, "fstab", render_fstab(slot, model)?);
        put(&mut texts, "osimg-switch", render_switch(slot, model)?);
    }
    Ok(texts)
}

/// All texts one after the other, each under its path.
fn shown(texts: &Texts) -> String {
    let parts: Vec<String> = texts.iter().map(|(path, text)| format!("==> {path} <==\n{text}")).collect();
    parts.join("\n")
}

fn write(folder: &Path, texts: &Texts) -> Result<(), Failure> {
    for (name, text) in texts {
        let path = folder.join(name);
        let parent = path.parent().expect("joined to a folder");
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|e| Problem::new(format!("`{}` cannot be written", path.display())).caused_by(&e))?;
    }
    Ok(())
}
