//! Puts a disk image together: partition table, GRUB's core image behind it, each filesystem at its partition.
//!
//! Enters: the finished pieces, filesystems as sparse files. Leaves: a sparse raw image under its name, synced. What
//! holds: the image appears whole or not at all, whatever was there before stays until then, and holes of the sources
//! are holes of the image.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::checksum;
use super::copy::{self, Piece, Source};
use super::extents;
use super::layout::{Layout, Partition};
use super::partial::{Partial, PartialError};
use super::table::TableBytes;
use crate::base::{Bytes, Lba, Sectors};

/// What an image is made of.
#[derive(Clone, Debug)]
pub struct Assembly {
    pub target: PathBuf,
    pub layout: Layout,
    /// From [`super::table::table`].
    pub table: TableBytes,
    /// GRUB's core image for BIOSes, which goes where the layout has a place for it; may be empty.
    pub core_image: Vec<u8>,
    /// For each partition of the layout that has a filesystem its number and a file with its bytes, at most its length.
    pub partitions: Vec<(u8, PathBuf)>,
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("GRUB's core image has {} bytes, its place on the disk {}", have.0, room.0)]
    CoreImage { have: Bytes, room: Bytes },
    #[error("the filesystem for partition {number} has {have}, the partition {room}")]
    Partition { number: u8, have: Bytes, room: Bytes },
    #[error("the layout has no partition {number}")]
    Unknown { number: u8 },
    #[error("partition {number} has {count} filesystems, not {wanted}")]
    Filesystems { number: u8, count: usize, wanted: usize },
    #[error("{path}: there is something that is no file, an image cannot take its place")]
    NotAFile { path: PathBuf },
    #[error("{path} is being written by another run")]
    Busy { path: PathBuf },
    #[error("{path}: the disk is full: the image takes {need}, {free} were free")]
    Full { path: PathBuf, need: Bytes, free: Bytes },
    #[error("{doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("interrupted")]
    Cancelled,
}

/// Writes the image. `cancelled` is asked, and `progress` told bytes done of bytes that are data, every few megabytes.
/// A checksum that stands beside the target is of the image before, and goes with it. On any error the target is as it
/// was and nothing is left beside it.
pub fn assemble(
    assembly: &Assembly,
    cancelled: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), ImageError> {
    let sources = open(assembly)?;
    let pieces = pieces(assembly, &sources)?;
    let data = data(&pieces);
    if cancelled() {
        return Err(ImageError::Cancelled);
    }
    let io = |doing| move |source| ImageError::Io { doing, path: assembly.target.clone(), source };
    let partial = partial(&assembly.target)?;
    let whole = partial
        .file()
        .set_len(assembly.layout.total.bytes().0)
        .and_then(|()| {
            copy::write(&pieces, partial.file(), &mut |done| {
                progress(done, data.0);
                !cancelled()
            })
        })
        .map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => full(assembly, data, &partial),
            _ => io("writing")(error),
        })?;
    if !whole || cancelled() {
        return Err(ImageError::Cancelled);
    }
    checksum::remove(&assembly.target)?;
    partial.publish().map_err(io("finishing"))
}

/// A file that is to have the name `target` once it is whole.
pub(super) fn partial(target: &Path) -> Result<Partial, ImageError> {
    let path = target.to_path_buf();
    Partial::create(target).map_err(|error| match error {
        PartialError::Busy => ImageError::Busy { path },
        PartialError::NotAFile => ImageError::NotAFile { path },
        PartialError::Io(source) => ImageError::Io { doing: "creating", path, source },
    })
}

/// The partitions in the order of the disk, each with its open filesystem.
fn open(assembly: &Assembly) -> Result<Vec<(&Partition, File, u64)>, ImageError> {
    let mut partitions: Vec<&Partition> = assembly.layout.partitions.iter().collect();
    partitions.sort_by_key(|p| p.start);
    let known = |number: u8| partitions.iter().any(|p| p.number == number);
    if let Some((number, _)) = assembly.partitions.iter().find(|(number, _)| !known(*number)) {
        return Err(ImageError::Unknown { number: *number });
    }
    let files = |number: u8| assembly.partitions.iter().filter(move |(n, _)| *n == number);
    for Partition { number, role, .. } in &partitions {
        let (count, wanted) = (files(*number).count(), usize::from(role.has_filesystem()));
        if count != wanted {
            return Err(ImageError::Filesystems { number: *number, count, wanted });
        }
    }
    partitions
        .into_iter()
        .filter_map(|partition| Some((partition, &files(partition.number).next()?.1)))
        .map(|(partition, path)| {
            let number = partition.number;
            let io = |source| ImageError::Io { doing: "reading", path: path.clone(), source };
            let file = File::open(path).map_err(io)?;
            let have = Bytes(file.metadata().map_err(io)?.len());
            let room = partition.length.bytes();
            if have > room {
                return Err(ImageError::Partition { number, have, room });
            }
            Ok((partition, file, have.0))
        })
        .collect()
}

fn pieces<'a>(
    assembly: &'a Assembly,
    sources: &'a [(&Partition, File, u64)],
) -> Result<Vec<Piece<'a>>, ImageError> {
    let bytes = |at, bytes: &'a [u8]| Piece { at, length: bytes.len() as u64, source: Source::Bytes(bytes) };
    let mut pieces = vec![bytes(0, &assembly.table.head)];
    let core = &assembly.core_image;
    if !core.is_empty() {
        let (at, room) = assembly.layout.core_image().unwrap_or((Lba(0), Sectors(0)));
        let (have, room) = (Bytes(core.len() as u64), room.bytes());
        if have > room {
            return Err(ImageError::CoreImage { have, room });
        }
        pieces.push(bytes(at.offset().0, core));
    }
    for (partition, file, length) in sources {
        let start = partition.start.offset().0;
        let extents = extents::data(file, *length).map_err(|source| {
            let number = |(n, _): &&(u8, PathBuf)| *n == partition.number;
            let path = assembly.partitions.iter().find(number).map(|(_, path)| path.clone());
            ImageError::Io { doing: "reading", path: path.unwrap_or_default(), source }
        })?;
        pieces.extend(extents.into_iter().map(|e| Piece {
            at: start + e.start,
            length: e.end - e.start,
            source: Source::File { file, at: e.start },
        }));
    }
    let tail = &assembly.table.tail;
    if !tail.is_empty() {
        pieces.push(bytes(assembly.layout.total.bytes().0 - tail.len() as u64, tail));
    }
    Ok(pieces)
}

fn data(pieces: &[Piece<'_>]) -> Bytes {
    Bytes(pieces.iter().map(|p| p.length).sum())
}

fn full(assembly: &Assembly, need: Bytes, partial: &Partial) -> ImageError {
    let left = rustix::fs::fstatvfs(partial.file()).map_or(0, |s| s.f_bavail.saturating_mul(s.f_frsize));
    let free = Bytes(left) + allocated(partial.file()).unwrap_or_default();
    ImageError::Full { path: assembly.target.clone(), need, free }
}

fn allocated(file: &File) -> io::Result<Bytes> {
    use std::os::unix::fs::MetadataExt;
    // st_blocks counts 512 bytes, whatever the filesystem's block
    Ok(Bytes(file.metadata()?.blocks() * 512))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::disk::layout::{Role, Table};

    const MIB: u64 = 1 << 20;

    /// A disk of 64 MiB with two partitions of 20 and 30 MiB, both mostly holes.
    fn assembly(folder: &Path) -> Assembly {
        let partition = |number: u8, start: u64, length: u64| Partition {
            number,
            role: Role::Slot(number.to_string()),
            start: Lba(start * 2048),
            length: Sectors(length * 2048),
            guid: uuid::Uuid::nil(),
        };
        let file = |name: &str, length: u64, data: &[(u64, u8, usize)]| {
            let path = folder.join(name);
            let file = File::create(&path).expect("file");
            file.set_len(length * MIB).expect("length");
            for (at, byte, n) in data {
                file.write_all_at(&vec![*byte; *n], *at).expect("write");
            }
            path
        };
        let a = file("a", 20, &[(0, 1, 70_000), (5 * MIB + 3, 2, 6 * MIB as usize)]);
        let b = file("b", 29, &[(4 * MIB, 3, 4096), (29 * MIB - 1, 4, 1)]);
        Assembly {
            target: folder.join("out/disk.img"),
            layout: Layout {
                table: Table::Mbr(7),
                total: Sectors(64 * 2048),
                partitions: vec![partition(1, 1, 20), partition(2, 21, 30)],
            },
            table: TableBytes { head: vec![9; 512], tail: Vec::new() },
            core_image: vec![8; 1000],
            partitions: vec![(2, b), (1, a)],
        }
    }

    fn expected(assembly: &Assembly) -> Vec<u8> {
        let mut image = vec![0; 64 * MIB as usize];
        image[..512].fill(9);
        image[512..1512].fill(8);
        for (number, path) in &assembly.partitions {
            let bytes = fs::read(path).expect("source");
            let start = if *number == 1 { MIB } else { 21 * MIB } as usize;
            image[start..start + bytes.len()].copy_from_slice(&bytes);
        }
        image
    }

    #[test]
    fn is_the_pieces_over_zeros_and_stays_sparse() {
        let folder = tempfile::tempdir().expect("folder");
        let assembly = assembly(folder.path());
        let mut told = Vec::new();
        assemble(&assembly, &|| false, &mut |a, b| told.push((a, b))).expect("assembles");
        let image = fs::read(&assembly.target).expect("image");
        assert!(image == expected(&assembly));
        let file = File::open(&assembly.target).expect("image");
        assert!(allocated(&file).expect("metadata") < Bytes::mib(8));
        let (written, data) = *told.last().expect("progress");
        assert_eq!(written, data);
        assert!((6 * MIB..8 * MIB).contains(&data), "{data}");
        assert!(told.is_sorted());
        assert_eq!(fs::read_dir(folder.path().join("out")).expect("folder").count(), 1);
    }

    #[test]
    fn a_gpt_has_its_copy_at_the_end_and_the_core_image_in_a_partition() {
        let folder = tempfile::tempdir().expect("folder");
        let mut assembly = assembly(folder.path());
        assembly.layout.table = Table::Gpt(uuid::Uuid::nil());
        assembly.layout.partitions.push(Partition {
            number: 3,
            role: Role::BiosBoot,
            start: Lba(40),
            length: Sectors(2008),
            guid: uuid::Uuid::nil(),
        });
        assembly.table = TableBytes { head: vec![9; 34 * 512], tail: vec![5; 33 * 512] };
        assemble(&assembly, &|| false, &mut |_, _| {}).expect("assembles");
        let image = fs::read(&assembly.target).expect("image");
        assert!(image[..34 * 512].iter().all(|b| *b == 9));
        assert!(image[40 * 512..40 * 512 + 1000].iter().all(|b| *b == 8));
        assert!(image[64 * MIB as usize - 33 * 512..].iter().all(|b| *b == 5));
        assembly.layout.partitions.pop();
        let error = assemble(&assembly, &|| false, &mut |_, _| {}).expect_err("no place for the core image");
        assert!(matches!(error, ImageError::CoreImage { room: Bytes(0), .. }), "{error}");
    }

    #[test]
    fn cancelling_leaves_the_target_as_it_was() {
        let folder = tempfile::tempdir().expect("folder");
        let assembly = assembly(folder.path());
        for asked in [0, 1, 2, 5] {
            let count = Cell::new(0);
            let cancelled = || count.replace(count.get() + 1) >= asked;
            let result = assemble(&assembly, &cancelled, &mut |_, _| {});
            assert!(matches!(result, Err(ImageError::Cancelled)), "{asked}: {result:?}");
            assert!(!assembly.target.exists());
        }
        fs::write(&assembly.target, "previous").expect("write");
        let result = assemble(&assembly, &|| true, &mut |_, _| {});
        assert!(matches!(result, Err(ImageError::Cancelled)));
        assert_eq!(fs::read(&assembly.target).expect("target"), b"previous");
        assert_eq!(fs::read_dir(folder.path().join("out")).expect("folder").count(), 1);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let folder = tempfile::tempdir().expect("folder");
        let good = assembly(folder.path());
        let run =
            |a: &Assembly| assemble(a, &|| false, &mut |_, _| {}).expect_err("does not fit").to_string();

        let mut a = good.clone();
        a.core_image = vec![0; MIB as usize - 511];
        assert_eq!(run(&a), "GRUB's core image has 1048065 bytes, its place on the disk 1048064");
        a.core_image.pop();
        assert!(assemble(&a, &|| false, &mut |_, _| {}).is_ok(), "the gap may be filled to its end");
        let mut a = good.clone();
        a.layout.partitions[1].length = Sectors(28 * 2048);
        assert_eq!(run(&a), "the filesystem for partition 2 has 29 MiB, the partition 28 MiB");
        let mut a = good.clone();
        a.partitions.pop();
        assert_eq!(run(&a), "partition 1 has 0 filesystems, not 1");
        let mut a = good.clone();
        a.partitions.push((3, a.partitions[0].1.clone()));
        assert_eq!(run(&a), "the layout has no partition 3");
        let mut a = good.clone();
        a.layout.partitions[0].role = Role::BiosBoot;
        assert_eq!(run(&a), "partition 1 has 1 filesystems, not 0");
        let mut a = good.clone();
        a.partitions[0].1 = folder.path().join("none");
        assert!(run(&a).starts_with("reading "));
        let mut a = good;
        a.target = folder.path().to_path_buf();
        assert!(run(&a).contains("no file"));
    }
}
