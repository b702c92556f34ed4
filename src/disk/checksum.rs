//! The SHA-256 of an image in a file beside it, as `sha256sum` writes it and `sha256sum --check` reads it.
//!
//! Enters: a finished image. Leaves: its digest, and one line in `<image>.sha256`. What holds: such a file is of the image
//! that it stands beside, or is not there: a new image takes that of the one before away.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::extents;
use super::image::{self, ImageError};
use crate::base::Digest;
use crate::base::digest::HashWriter;

/// Bytes hashed between two looks at whether to go on.
const STRIDE: usize = 1 << 20;

/// Where the checksum of `image` stands: `<image>.sha256`.
pub fn path(image: &Path) -> PathBuf {
    let mut name = image.as_os_str().to_owned();
    name.push(".sha256");
    name.into()
}

/// The digest of `image`. `cancelled` is asked, and `progress` told bytes done of bytes in all, every few megabytes.
pub fn digest(
    image: &Path,
    cancelled: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Digest, ImageError> {
    let reading = |source| ImageError::Io { doing: "reading", path: image.to_path_buf(), source };
    let file = File::open(image).map_err(reading)?;
    let total = file.metadata().map_err(reading)?.len();
    let digest = digest_of_sparse(&file, total, &mut |done| {
        progress(done, total);
        !cancelled()
    });
    digest.map_err(reading)?.ok_or(ImageError::Cancelled)
}

/// Writes the checksum beside `image`, unless that is what stands there. The file appears whole or not at all.
pub fn write(image: &Path, digest: &Digest) -> Result<(), ImageError> {
    let (target, line) = (path(image), line(image, digest));
    if fs::read(&target).is_ok_and(|there| there == line) {
        return Ok(());
    }
    let partial = image::partial(&target)?;
    partial.file().write_all(&line).and_then(|()| partial.publish()).map_err(|source| ImageError::Io {
        doing: "writing",
        path: target,
        source,
    })
}

/// Removes the checksum beside `image`, if there is one.
pub(super) fn remove(image: &Path) -> Result<(), ImageError> {
    let path = path(image);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ImageError::Io { doing: "removing", path, source })
        }
        _ => Ok(()),
    }
}

/// The line of `sha256sum`: the digest, two blanks, the file's name. A name with a backslash or an end of line is
/// escaped, and the line then begins with a backslash (GNU coreutils manual, "md5sum invocation").
fn line(image: &Path, digest: &Digest) -> Vec<u8> {
    let name = image.file_name().unwrap_or_default().as_bytes();
    let mut escaped = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'\\' => escaped.extend(b"\\\\"),
            b'\n' => escaped.extend(b"\\n"),
            b'\r' => escaped.extend(b"\\r"),
            other => escaped.push(*other),
        }
    }
    let mark = if escaped.len() > name.len() { "\\" } else { "" };
    let mut line = format!("{mark}{digest}  ").into_bytes();
    line.append(&mut escaped);
    line.push(b'\n');
    line
}

/// The digest of the first `total` bytes of `file`; holes are hashed without being read. `go_on` is told the bytes
/// behind us, and ends the pass by saying no: then there is no digest.
fn digest_of_sparse(
    mut file: &File,
    total: u64,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> io::Result<Option<Digest>> {
    let mut hasher = HashWriter::new(io::sink());
    let mut buffer = vec![0; STRIDE];
    let zeros = vec![0; STRIDE];
    let mut done = 0;
    let end = std::iter::once(total..total);
    for data in extents::data(file, total)?.into_iter().chain(end) {
        file.seek(SeekFrom::Start(data.start))?;
        while done < data.end {
            let in_hole = done < data.start;
            let until = if in_hole { data.start } else { data.end };
            let n = (until - done).min(STRIDE as u64) as usize;
            if in_hole {
                hasher.write_all(&zeros[..n])?;
            } else {
                file.read_exact(&mut buffer[..n])?;
                hasher.write_all(&buffer[..n])?;
            }
            done += n as u64;
            if !go_on(done) {
                return Ok(None);
            }
        }
    }
    Ok(Some(hasher.finish().1))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    /// A file of this name and length, with data at these places.
    fn file(folder: &Path, name: &str, length: u64, data: &[(u64, usize)]) -> PathBuf {
        let path = folder.join(name);
        let file = File::create(&path).expect("file");
        file.set_len(length).expect("length");
        for (at, n) in data {
            file.write_all_at(&vec![7; *n], *at).expect("write");
        }
        path
    }

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).expect("folder").count()
    }

    #[test]
    fn holes_count_as_zeros() {
        const S: u64 = STRIDE as u64;
        let folder = tempfile::tempdir().expect("folder");
        let cases: [(u64, &[(u64, usize)]); 6] = [
            (0, &[]),
            (3 * S + 5, &[]),
            (4096, &[(0, 4096)]),
            (5 * S, &[(0, 1), (2 * S, STRIDE + 1), (5 * S - 1, 1)]),
            (S + 1, &[(0, STRIDE + 1)]),
            (3 * S, &[(S, 4096)]),
        ];
        for (n, (length, data)) in cases.iter().enumerate() {
            let path = file(folder.path(), &n.to_string(), *length, data);
            let mut told = Vec::new();
            let sha256 = digest(&path, &|| false, &mut |a, b| told.push((a, b))).expect("a digest");
            assert_eq!(sha256, Digest::of(&fs::read(&path).expect("image")), "{n}");
            assert!(
                told.is_sorted() && told.last().is_none_or(|last| *last == (*length, *length)),
                "{n}: {told:?}"
            );
        }
    }

    #[test]
    fn a_name_is_escaped_as_sha256sum_does() {
        let digest = Digest([0xab; 32]);
        let hex = "ab".repeat(32);
        for (name, expected) in [
            ("disk.img", format!("{hex}  disk.img\n")),
            ("a b*.img", format!("{hex}  a b*.img\n")),
            ("a\\b\nc\rd", format!("\\{hex}  a\\\\b\\nc\\rd\n")),
        ] {
            assert_eq!(
                String::from_utf8(line(&Path::new("/x").join(name), &digest)).expect("text"),
                expected
            );
        }
    }

    #[test]
    fn stands_beside_its_image_until_it_is_removed() {
        let folder = tempfile::tempdir().expect("folder");
        let image = file(folder.path(), "disk.img", 8 << 20, &[(1 << 20, 100)]);
        let error = digest(&image, &|| true, &mut |_, _| {}).expect_err("cancelled");
        assert!(matches!(error, ImageError::Cancelled), "{error}");
        let (one, two) = (Digest([1; 32]), Digest([2; 32]));
        for sha256 in [one, two] {
            write(&image, &sha256).expect("written");
            assert_eq!(fs::read_to_string(path(&image)).expect("sums"), format!("{sha256}  disk.img\n"));
            assert_eq!(names(folder.path()), 2);
        }
        let modified = || fs::metadata(path(&image)).expect("sums").modified().expect("a time");
        let before = modified();
        write(&image, &two).expect("written");
        assert_eq!(modified(), before, "it said so already");
        remove(&image).expect("removed");
        remove(&image).expect("nothing to remove");
        assert_eq!(names(folder.path()), 1);
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let folder = tempfile::tempdir().expect("folder");
        let image = file(folder.path(), "disk.img", 10, &[]);
        fs::create_dir(path(&image)).expect("folder");
        for error in [write(&image, &Digest([1; 32])), remove(&image)] {
            let error = error.expect_err("a folder is in the way").to_string();
            assert!(error.contains("disk.img.sha256"), "{error}");
        }
        let gone = folder.path().join("none");
        let error = digest(&gone, &|| false, &mut |_, _| {}).expect_err("no image").to_string();
        assert!(error.starts_with("reading ") && error.contains("none"), "{error}");
    }
}
