//! A manifest in a temporary folder, a fake engine whose images hold a small bootable-looking Debian tree, and a run of
//! the two.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use osimg::base::event::{Event, Sink};
use osimg::base::{Digest, identity};
use osimg::boot::early;
use osimg::diag::Diagnostics;
use osimg::engine::fake::{FakeEngine, FakeImage, Fault, Operation};
use osimg::engine::{BuildContext, BuildRequest, Engine};
use osimg::exec::explain::explain;
use osimg::exec::{Cx, ExecError, Outputs, Store, pins};
use osimg::front::model::Model;
use osimg::front::{self, Probe};
use osimg::plan::lower::{checksum, lower};
use osimg::plan::{Explanation, Op, Plan, Why};
use osimg::rootfs::ArchiveWriter;
use osimg::rootfs::tree::{Kind, Meta, Node, TreePath};
use tokio_util::sync::CancellationToken;

use crate::specimen::Tree;

/// A slot of the manifest, and what its built tree holds.
#[derive(Clone)]
pub struct Slot {
    pub name: &'static str,
    pub distro: Option<&'static str>,
    pub size: Option<&'static str>,
    pub kernel: Option<&'static str>,
    pub initramfs: bool,
    /// The GRUB of the toolbox.
    pub grub: &'static str,
    /// What else is other in its tree, as pages of `osimg explain` write it.
    pub changes: &'static [&'static str],
    /// Lines of its entry in the manifest.
    pub settings: &'static [&'static str],
    /// Bytes that are not zeros, beside the kernel.
    pub payload: usize,
}

impl Slot {
    pub fn new(name: &'static str) -> Slot {
        Slot {
            name,
            distro: None,
            size: None,
            kernel: Some("6.1.0-9-amd64"),
            initramfs: true,
            grub: "2.06",
            changes: &[],
            settings: &[],
            payload: 0,
        }
    }
}

pub struct Bench {
    folder: Arc<tempfile::TempDir>,
    slots: Vec<Slot>,
    pub engine: Arc<FakeEngine>,
    jobs: usize,
    deny_warnings: bool,
    events: Arc<Events>,
}

#[derive(Default)]
struct Events {
    all: Mutex<Vec<Event>>,
    /// Cancels the run when the node of this label starts.
    trap: Mutex<Option<(String, CancellationToken)>>,
}

impl Sink for Events {
    fn emit(&self, event: Event) {
        if let (Event::NodeStarted { label, .. }, Some((at, cancel))) =
            (&event, &*self.trap.lock().expect("lock"))
            && label == at
        {
            cancel.cancel();
        }
        self.all.lock().expect("lock").push(event);
    }
}

impl Bench {
    pub fn new(slots: &[Slot]) -> Bench {
        let folder = tempfile::tempdir().expect("folder");
        let base = b"a base".as_slice();
        fs::write(folder.path().join("base.tar"), base).expect("base");
        // xfs takes no partition under 300 MiB
        let xfs = slots.iter().any(|slot| slot.settings.iter().any(|line| line.contains("{type: xfs")));
        let disk = if xfs { "512MiB" } else { "192MiB" };
        let mut text = format!(
            "version: 1\nname: m\ndisk: {{path: out/disk.img, size: {disk}}}\nboot: {{firmware: [uefi]}}\n\
             bases:\n  - {{name: base, archive: base.tar, sha256: {}}}\nslots:\n",
            Digest::of(base)
        );
        for slot in slots {
            let name = slot.name;
            fs::create_dir(folder.path().join(name)).expect("context");
            fs::write(folder.path().join(name).join("Dockerfile"), "FROM base\n").expect("Dockerfile");
            text += &format!(
                "  - name: {name}\n    dockerfile: {name}/Dockerfile\n    hostname: {name}\n    packages: [tool-{name}]\n"
            );
            if let Some(distro) = slot.distro {
                text += &format!("    distro: {distro}\n");
            }
            if let Some(size) = slot.size {
                text += &format!("    size: {size}\n");
            }
            for line in slot.settings {
                text += &format!("    {line}\n");
            }
        }
        fs::write(folder.path().join("m.yaml"), text).expect("manifest");
        Bench {
            folder: Arc::new(folder),
            slots: slots.to_vec(),
            engine: Arc::new(engine(slots)),
            jobs: 2,
            deny_warnings: false,
            events: Arc::default(),
        }
    }

    /// The same manifest and cache with an engine that holds nothing.
    pub fn with_fresh_engine(self) -> Bench {
        self.with_fresh_engine_and(&[])
    }

    pub fn with_fresh_engine_and(mut self, faults: &[(Operation, usize, Fault)]) -> Bench {
        let mut engine = engine(&self.slots);
        for (operation, nth, fault) in faults {
            engine = engine.with_fault(*operation, *nth, fault.clone());
        }
        self.engine = Arc::new(engine);
        self
    }

    pub fn with_foreign_image(mut self, tag: &str) -> Bench {
        self.engine = Arc::new(engine(&self.slots).with_image(tag, BTreeMap::new(), FakeImage::default()));
        self
    }

    pub fn with_jobs(mut self, jobs: usize) -> Bench {
        self.jobs = jobs;
        self
    }

    pub fn denying_warnings(mut self) -> Bench {
        self.deny_warnings = true;
        self
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn cache(&self) -> PathBuf {
        self.folder().join("cache")
    }

    pub fn image(&self) -> PathBuf {
        self.folder().join("out/disk.img")
    }

    pub fn events(&self) -> Vec<Event> {
        self.events.all.lock().expect("lock").clone()
    }

    /// Labels of the nodes that began to work.
    pub fn started(&self) -> BTreeSet<String> {
        let label = |event| match event {
            Event::NodeStarted { label, .. } => Some(label),
            _ => None,
        };
        self.events().into_iter().filter_map(label).collect()
    }

    pub fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.folder().join(file);
        let before = fs::read_to_string(&path).expect("readable");
        let after = change(before.clone());
        assert_ne!(before, after, "the edit of {file} changes nothing");
        fs::write(path, after).expect("writable");
    }

    pub fn nothing_staged(&self) {
        let left: Vec<_> = fs::read_dir(self.cache().join("tmp")).expect("tmp").collect();
        assert!(left.is_empty(), "left in the cache: {left:?}");
    }

    /// Where a partition starts, from the image's own table.
    pub fn partition_start(&self, number: u8) -> u64 {
        let mut sector = [0; 512];
        fs::File::open(self.image()).expect("image").read_exact(&mut sector).expect("sector");
        let entry = 446 + 16 * (usize::from(number) - 1);
        u64::from(u32::from_le_bytes(sector[entry + 8..entry + 12].try_into().expect("four bytes"))) * 512
    }

    pub async fn apply(&self) -> Result<Outputs, ExecError> {
        self.run(&[], None).await
    }

    /// A run that computes the image's checksum too.
    pub async fn apply_with_checksum(&self) -> Result<Outputs, ExecError> {
        let (mut plan, cx) = self.set_up();
        let goals = [plan.goal().expect("goal"), checksum(&mut plan, &cx.model)];
        let results = osimg::exec::run(&plan, &goals, &cx).await?;
        Outputs::of(&plan, &cx.model, &results)
    }

    /// The digest of the image's bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&fs::read(self.image()).expect("image"))
    }

    pub async fn refresh(&self, slots: &[&str]) -> Result<Outputs, ExecError> {
        self.run(slots, None).await
    }

    pub async fn interrupted_after(&self, time: Duration) -> Result<Outputs, ExecError> {
        self.run(&[], Some(time)).await
    }

    /// A run that is interrupted as the node of this label starts.
    pub async fn interrupted_at(&self, label: &str) -> Result<Outputs, ExecError> {
        let (mut plan, cx) = self.set_up();
        *self.events.trap.lock().expect("lock") = Some((label.to_string(), cx.cancel.clone()));
        let goals = [plan.goal().expect("goal"), checksum(&mut plan, &cx.model)];
        let results = osimg::exec::run(&plan, &goals, &cx).await?;
        Outputs::of(&plan, &cx.model, &results)
    }

    /// What the plan says of a node: why it runs, or nothing.
    pub async fn explain(&self, label: &str) -> Option<Why> {
        let (plan, cx) = self.set_up();
        let nodes = explain(&plan, &cx).await.expect("explained");
        let node = nodes.into_iter().find(|n| n.label == label).expect("the plan has such a node");
        match node.explanation {
            Explanation::Run(why) => Some(why),
            _ => None,
        }
    }

    /// The features that the plan says a filesystem will have, or not have (`!`).
    pub async fn features(&self, label: &str) -> Vec<String> {
        let (plan, cx) = self.set_up();
        let nodes = explain(&plan, &cx).await.expect("explained");
        let node = nodes.into_iter().find(|n| n.label == label).expect("the plan has such a node");
        node.features.iter().map(|f| format!("{}{}", if f.on { "" } else { "!" }, f.name)).collect()
    }

    fn set_up(&self) -> (Plan, Cx) {
        let model = Arc::new(self.model());
        let mut pins = pins::gather(&model, None, None).expect("pinned");
        // whether this host has GRUB must make no difference to the test
        pins.host_grub = None;
        let early = early::configuration(identity::boot_volume(&model.name));
        let plan = lower(&model, &pins, &early).expect("lowered");
        let store = Store::open(self.cache()).expect("store");
        let engine = self.engine.clone();
        let mut cx = Cx::new(
            model,
            store,
            Box::new(move || {
                let engine: Arc<dyn Engine> = engine.clone();
                Box::pin(async move { Ok(engine) })
            }),
        );
        cx.jobs = self.jobs;
        cx.deny_warnings = self.deny_warnings;
        cx.sink = self.events.clone();
        (plan, cx)
    }

    async fn run(&self, refresh: &[&str], interrupt: Option<Duration>) -> Result<Outputs, ExecError> {
        let (plan, mut cx) = self.set_up();
        for (id, node) in plan.nodes() {
            let named = node.op.slot().is_some_and(|s| refresh.contains(&s));
            if named && matches!(node.op, Op::ImageBuild(_) | Op::FragmentBuild(_)) {
                cx.refresh.insert(id);
                if matches!(node.op, Op::ImageBuild(_)) {
                    cx.refresh.extend(plan.inputs(id));
                }
            }
        }
        if let Some(time) = interrupt {
            let cancel = cx.cancel.clone();
            tokio::spawn(async move {
                tokio::time::sleep(time).await;
                cancel.cancel();
            });
        }
        let lock = cx.store.try_lock().expect("lock");
        assert!(lock.is_some());
        let goal = plan.goal().expect("goal");
        let results = osimg::exec::run(&plan, &[goal], &cx).await?;
        Outputs::of(&plan, &cx.model, &results)
    }

    /// What is found without a build.
    pub fn check(&self) -> Diagnostics {
        self.load().1
    }

    fn load(&self) -> (Option<Model>, Diagnostics) {
        let bytes = fs::read(self.folder().join("m.yaml")).expect("manifest");
        front::load("m.yaml", &bytes, self.folder(), &Disk)
    }

    fn model(&self) -> Model {
        let (model, found) = self.load();
        model.unwrap_or_else(|| {
            panic!("{}", osimg::diag::render::render_all(&found, osimg::diag::render::Look::PLAIN))
        })
    }
}

struct Disk;

impl Probe for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Option<Vec<u8>>> {
        Ok(fs::read(path).ok())
    }
    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }
    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn list(&self, path: &Path) -> Option<Vec<String>> {
        let entries = fs::read_dir(path).ok()?;
        let mut names: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        Some(names)
    }
}

pub fn read_at(path: &Path, (start, length): (u64, usize)) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fs::File::open(path).expect("image").read_exact_at(&mut bytes, start).expect("inside the image");
    bytes
}

fn engine(slots: &[Slot]) -> FakeEngine {
    let slots = slots.to_vec();
    FakeEngine::new(move |request| made(&slots, request))
}

/// What a build gives: the user's image says it is Debian, the slot's holds a tree, the toolbox holds GRUB.
fn made(slots: &[Slot], request: &BuildRequest) -> FakeImage {
    if request.tag.ends_with(":toolbox") {
        return FakeImage { tar: toolbox(slots[0].grub), ..FakeImage::default() };
    }
    let release = b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n".to_vec();
    let slot = slots.iter().find(|s| request.tag.contains(&format!("/{}:", s.name))).expect("a slot's tag");
    let text = match &request.context {
        BuildContext::Text { dockerfile, .. } => dockerfile.clone(),
        BuildContext::Folder { .. } => String::new(),
    };
    FakeImage { files: BTreeMap::from([("/etc/os-release".to_string(), release)]), tar: tree(slot, &text) }
}

fn tree(slot: &Slot, dockerfile: &str) -> Vec<u8> {
    let version = slot.kernel.unwrap_or("6.1.0-9-amd64");
    let mut tree = Tree::debian(version);
    if slot.kernel.is_none() {
        tree.remove("/boot");
    } else if !slot.initramfs {
        tree.remove(&format!("/boot/initrd.img-{version}"));
    }
    for line in slot.changes {
        tree.change(line);
    }
    tree.file("/usr/share/built-from", dockerfile);
    tree.file("/usr/share/payload", (0..slot.payload).map(|i| (i % 251 + 1) as u8).collect::<Vec<u8>>());
    tree.pack()
}

fn toolbox(version: &str) -> Vec<u8> {
    archive(&[
        ("osimg-grub/version", version.into()),
        ("osimg-grub/x86_64-efi/BOOTX64.EFI", b"MZ a binary".to_vec()),
        ("osimg-grub/x86_64-efi/command.lst", b"*linux: linux".to_vec()),
        ("osimg-grub/x86_64-efi/normal.mod", b"a module".to_vec()),
    ])
}

fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Vec::new());
    for (path, content) in files {
        let node = Node {
            path: TreePath::new(path).expect("path"),
            kind: Kind::File { size: content.len() as u64 },
            meta: Meta { mode: 0o644, ..Meta::default() },
        };
        writer.append(&node, &mut content.as_slice()).expect("memory");
    }
    writer.finish().expect("memory")
}
