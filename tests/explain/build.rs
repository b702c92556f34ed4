//! Runs an example through the fake engine: its files in a temporary folder, its built image as the fences say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use osimg::base::identity;
use osimg::boot::early;
use osimg::diag::Diagnostics;
use osimg::engine::fake::{FakeEngine, FakeImage, Fault, Operation};
use osimg::engine::{BuildRequest, Engine};
use osimg::exec::{Cx, ExecError, Outputs, Store, pins};
use osimg::front::load;
use osimg::front::model::{Firmware, Model};
use osimg::plan::lower::lower;
use osimg::proof::rules::judge;
use osimg::rootfs::inspect::inspect;
use osimg::rootfs::tree::{Kind, Meta, Node, TreePath};
use osimg::rootfs::{Archive, ArchiveWriter};

use super::page::Example;
use super::specimen::Tree;

/// The kernel of the tree that the pages change.
const VERSION: &str = "6.1.0-28-amd64";
const DEBIAN: &str = "ID=debian\nVERSION_ID=\"12\"\n";
/// Knows two suites, and writes something for an archive.
const MMDEBSTRAP: &str = "#!/bin/sh\nwhile [ \"${1#--}\" != \"$1\" ]; do shift; done\n\
    case $1 in bookworm|trixie) echo made > \"$2\" ;; *) echo \"no suite $1\" >&2; exit 25 ;; esac\n";

/// What applying a manifest finds: nothing, or why it was refused. Panics where the failure is the test's own.
pub async fn apply(example: &Example) -> Diagnostics {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let mut model = set_up(example, path);
    // GRUB's files for the BIOS would have to be real ones
    model.boot.firmware = BTreeSet::from([Firmware::Uefi]);
    match run(Arc::new(model), example, path).await {
        Ok(outputs) => outputs.findings,
        Err(ExecError::Diagnosed { diagnostics, .. }) => diagnostics,
        Err(other) => panic!("no finding but a failure: {other}"),
    }
}

/// What the rules find in the example's tree as it is, where osimg's own export would have mended it.
pub fn look(example: &Example) -> Diagnostics {
    let folder = tempfile::tempdir().expect("a folder");
    let model = set_up(example, folder.path());
    let survey = inspect(&mut Archive::new(tree(example).pack().as_slice())).expect("a tree");
    let trees: Vec<_> = model.slots.iter().map(|slot| (slot, &survey)).collect();
    judge(&model, &trees, true)
}

/// Writes the files, and loads the manifest from there.
fn set_up(example: &Example, folder: &Path) -> Model {
    let (model, _) = load("m.yaml", &example.manifest, Path::new(""), example);
    let dockerfiles =
        model.expect("a manifest that `check` takes").slots.into_iter().map(|s| s.dockerfile.value);
    for file in example.files.keys().cloned().chain(dockerfiles) {
        let to = folder.join(&file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        fs::write(to, example.file(&file).expect("a file of the example")).expect("written");
    }
    let (model, _) = load("m.yaml", &example.manifest, folder, &Disk);
    model.expect("the same manifest")
}

struct Disk;

impl osimg::front::Probe for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Option<Vec<u8>>> {
        Ok(fs::read(path).ok())
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn list(&self, path: &Path) -> Option<Vec<String>> {
        let names = fs::read_dir(path).ok()?.filter_map(|e| e.ok()?.file_name().into_string().ok());
        let names: BTreeSet<String> = names.collect();
        Some(names.into_iter().collect())
    }
}

async fn run(model: Arc<Model>, example: &Example, folder: &Path) -> Result<Outputs, ExecError> {
    let mut pins = pins::gather(&model, None, None)?;
    // whether this host has GRUB must make no difference to the test
    pins.host_grub = None;
    let early = early::configuration(identity::boot_volume(&model.name));
    let plan = lower(&model, &pins, &early)?;
    let programs = folder.join("programs");
    fs::create_dir(&programs).expect("made");
    fs::write(programs.join("mmdebstrap"), MMDEBSTRAP).expect("written");
    fs::set_permissions(programs.join("mmdebstrap"), fs::Permissions::from_mode(0o755)).expect("allowed");
    let engine: Arc<FakeEngine> = Arc::new(engine(example));
    let connect = move || {
        let engine: Arc<dyn Engine> = engine.clone();
        Box::pin(async move { Ok(engine) }) as _
    };
    let store = Store::open(folder.join("cache")).expect("a cache");
    let mut cx = Cx::new(model.clone(), store, Box::new(connect));
    cx.path = Some(programs.into_os_string());
    let results = osimg::exec::run(&plan, &[plan.goal().expect("a goal")], &cx).await?;
    Outputs::of(&plan, &model, &results)
}

fn engine(example: &Example) -> FakeEngine {
    let mut files = BTreeMap::from([("/etc/os-release".to_string(), DEBIAN.as_bytes().to_vec())]);
    files.extend(example.built.iter().map(|(path, text)| (path.clone(), text.as_bytes().to_vec())));
    let tar = tree(example).pack();
    let mut engine = FakeEngine::new(move |request: &BuildRequest| match request.tag.ends_with(":toolbox") {
        true => FakeImage { tar: toolbox(), ..FakeImage::default() },
        false => FakeImage { files: files.clone(), tar: tar.clone() },
    });
    for image in &example.images {
        engine = engine.with_image(image, BTreeMap::new(), FakeImage::default());
    }
    match &example.console {
        Some(said) => engine.with_fault(Operation::Build, 0, Fault::Fail(said.clone())),
        None => engine,
    }
}

/// The built image's tree.
fn tree(example: &Example) -> Tree {
    let mut tree = Tree::debian(VERSION);
    if let Some(names) = &example.initramfs {
        tree.initramfs(VERSION, names.iter().map(String::as_str));
    }
    for line in &example.tree {
        tree.change(line);
    }
    for (path, text) in &example.built {
        tree.file(path, text.as_str());
    }
    tree
}

fn toolbox() -> Vec<u8> {
    archive([
        ("osimg-grub/version", "2.06"),
        ("osimg-grub/x86_64-efi/BOOTX64.EFI", "MZ a binary"),
        ("osimg-grub/x86_64-efi/command.lst", "*linux: linux"),
        ("osimg-grub/x86_64-efi/normal.mod", "a module"),
    ])
}

fn archive<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Vec::new());
    for (path, content) in files {
        let node = Node {
            path: TreePath::new(path).expect("a path"),
            kind: Kind::File { size: content.len() as u64 },
            meta: Meta { mode: 0o644, ..Meta::default() },
        };
        writer.append(&node, &mut content.as_bytes()).expect("memory");
    }
    writer.finish().expect("memory")
}
