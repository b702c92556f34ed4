//! Gets GRUB's boot code, core images and modules: from this host, or out of a small image built through the engine.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::stream::{ChannelReader, Watched};
use super::{Work, blocking, object};
use crate::base::digest::HashWriter;
use crate::boot::files::{BootError, BootFiles as Loaded};
use crate::boot::toolbox;
use crate::boot::{PartitionMap, Platform};
use crate::engine::{BuildContext, BuildRequest, ImageId};
use crate::exec::cx::engine_error;
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::exec::store::Store;
use crate::front::model::{Firmware, Table};
use crate::host::command::CommandError;
use crate::host::grub::{self, GrubError};
use crate::plan::op::{BootFiles, BootFilesFrom};
use crate::rootfs::archive::Archive;
use crate::rootfs::archive_writer::ArchiveWriter;
use crate::rootfs::tree::{Kind, Meta, Node, TreePath, TreeSource};

const DOING: &str = "getting GRUB's files";

/// GRUB's platforms for the firmware that a manifest lists.
pub fn platforms(firmware: &[Firmware]) -> Vec<Platform> {
    firmware
        .iter()
        .map(|f| match f {
            Firmware::Bios => Platform::I386Pc,
            Firmware::Uefi => Platform::X86_64Efi,
        })
        .collect()
}

fn map(op: &BootFiles) -> PartitionMap {
    match op.table {
        Table::Mbr => PartitionMap::Msdos,
        Table::Gpt => PartitionMap::Gpt,
    }
}

pub async fn run(op: &BootFiles, work: &Work<'_>) -> Result<Outcome, ExecError> {
    match &op.from {
        BootFilesFrom::Host { .. } => from_host(op, work).await,
        BootFilesFrom::Toolbox { from } => from_toolbox(op, from, work).await,
    }
}

async fn from_host(op: &BootFiles, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let host = grub::locate(cx.path.as_deref(), Path::new("/"), &platforms(&op.firmware))
        .map_err(|e| ExecError::failed(DOING, e))?;
    let folder = cx.store.stage_folder().map_err(|e| ExecError::failed(DOING, e))?;
    host.make(&op.early, map(op), folder.path(), work.reporter, &cx.cancel).await.map_err(
        |error| match error {
            GrubError::Command(CommandError::Cancelled) => ExecError::Cancelled,
            GrubError::Command(CommandError::Failed { program, status, tail }) => {
                ExecError::failed(DOING, format!("`{program}` failed ({status})")).output(tail)
            }
            other => ExecError::failed(DOING, other),
        },
    )?;
    let store = cx.store.clone();
    blocking(move || {
        keep(&store, |archive| pack(folder.path(), archive)).map_err(|e| ExecError::failed(DOING, e))
    })
    .await
}

/// Keeps an archive that `fill` writes.
fn keep(
    store: &Store,
    fill: impl FnOnce(&mut ArchiveWriter<HashWriter<BufWriter<&File>>>) -> io::Result<()>,
) -> io::Result<Outcome> {
    let staged = store.stage()?;
    let mut archive = ArchiveWriter::new(HashWriter::new(BufWriter::new(staged.as_file())));
    fill(&mut archive)?;
    let (mut out, digest, _) = archive.finish()?.finish();
    out.flush()?;
    drop(out);
    store.publish(staged, &digest)?;
    Ok(Outcome::object(digest))
}

/// A folder's regular files, sorted, with nothing of this machine but names and bytes.
fn pack<W: Write>(folder: &Path, archive: &mut ArchiveWriter<W>) -> io::Result<()> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    for path in files {
        let name = path.strip_prefix(folder).map_err(io::Error::other)?.as_os_str().as_encoded_bytes();
        let path_in_tree = TreePath::new(name).ok_or_else(|| io::Error::other("a name no tree can hold"))?;
        let mut file = File::open(&path)?;
        append(archive, path_in_tree, file.metadata()?.len(), &mut file)?;
    }
    Ok(())
}

fn append<W: Write>(
    archive: &mut ArchiveWriter<W>,
    path: TreePath,
    size: u64,
    data: &mut dyn Read,
) -> io::Result<()> {
    let meta = Meta { mode: 0o644, ..Meta::default() };
    archive.append(&Node { path, kind: Kind::File { size }, meta }, data).map_err(io::Error::other)
}

async fn from_toolbox(op: &BootFiles, from: &str, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let engine = cx.engine().await?;
    // a name of the manifest's own: another manifest's run must not take this one's toolbox away
    let tag = format!("osimg/{}/grub:toolbox", cx.model.name);
    let request = BuildRequest {
        context: BuildContext::Text {
            dockerfile: toolbox::dockerfile(from, &op.early, &platforms(&op.firmware), map(op)),
            files: Default::default(),
        },
        build_args: Default::default(),
        target: None,
        tag: tag.clone(),
        labels: [("osimg.toolbox".to_string(), "grub".to_string())].into(),
        fresh: work.fresh,
        images: vec![from.to_string()],
    };
    let image = engine.build(&request, work.reporter, &cx.cancel).await.map_err(engine_error)?;
    let taken = take(&image, work).await;
    // the files are kept in the store; the image has done its work either way
    let removed = engine.remove(&tag).await.map_err(engine_error);
    let outcome = taken?;
    removed?;
    Ok(outcome)
}

/// The toolbox's files, out of its exported tree.
async fn take(image: &ImageId, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let (sender, receiver) = mpsc::channel(8);
    let (reader, sender_ended) = ChannelReader::new(receiver);
    let reader = Watched::new(reader, None, work.reporter, &cx.cancel);
    let store = cx.store.clone();
    let folder = TreePath::new(toolbox::FOLDER).expect("a constant path");
    let writing = blocking(move || {
        keep(&store, |archive| {
            let mut tree = Archive::new(reader);
            while let Some(item) = tree.next_item()? {
                let Kind::File { size } = item.node.kind else { continue };
                if item.node.path.starts_with(&folder) {
                    let inner = &item.node.path.as_bytes()[folder.as_bytes().len()..];
                    let path = TreePath::new(inner).expect("part of a valid path");
                    append(archive, path, size, item.data)?;
                }
            }
            Ok(())
        })
        .map_err(|e| ExecError::failed(DOING, e))
    });
    let engine = cx.engine().await?;
    match tokio::join!(engine.export(image, sender, &cx.cancel), writing) {
        (Ok(()), written) => written,
        (Err(error), Err(_)) if sender_ended.load(Ordering::SeqCst) => Err(engine_error(error)),
        (Err(_), Err(written)) => Err(written),
        (Err(error), Ok(_)) => Err(engine_error(error)),
    }
}

/// The files of an input.
pub async fn load(work: &Work<'_>, position: usize, firmware: &[Firmware]) -> Result<Loaded, ExecError> {
    let path = work.cx.store.object(object(work.inputs, position));
    let platforms = platforms(firmware);
    blocking(move || {
        let file = File::open(&path).map_err(|e| ExecError::failed(DOING, e))?;
        Loaded::from_tree(&mut Archive::new(file), &TreePath::root(), &platforms).map_err(|error| {
            let failed = ExecError::failed(DOING, &error);
            match error {
                BootError::TooLarge { .. } => failed.help(
                    "no GRUB that osimg knows is so large: install the distribution's own GRUB, or list one firmware in \
                     `boot.firmware`",
                ),
                _ => failed,
            }
        })
    })
    .await
}
