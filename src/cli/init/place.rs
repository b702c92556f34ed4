//! Puts a set of new files into a folder: all of them whole, or none.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::cli::failure::{Failure, Problem};

/// Writes `files` (path in the folder, text). A file that is there with the same text is left as it is.
///
/// # Errors
///
/// A file that is there with another text: each is named, and nothing is written. A file that cannot be made: those
/// before it, and the folders made for them, are taken away again.
pub fn write(folder: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let missing = missing(folder, files)?;
    let mut made = Made::default();
    let mut staged = Vec::new();
    for (path, text) in missing {
        let file = made.stage(&path, text).map_err(|e| cannot(&path, &e))?;
        staged.push((path, file));
    }
    for (path, file) in staged {
        file.persist_noclobber(&path).map_err(|e| cannot(&path, &e.error))?;
        made.files.push(path);
    }
    made.keep = true;
    Ok(())
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    let problem = Problem::new(format!("`{}` cannot be written", path.display())).caused_by(error);
    problem.help("nothing was written").into()
}

/// The files that are not there yet.
fn missing<'a>(folder: &Path, files: &'a [(String, String)]) -> Result<Vec<(PathBuf, &'a str)>, Failure> {
    let mut missing = Vec::new();
    let mut taken = Vec::new();
    for (name, text) in files {
        let path = if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) };
        match fs::symlink_metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => missing.push((path, text.as_str())),
            Err(e) => return Err(cannot(&path, &e)),
            // such as the schema, after another manifest's `init`
            Ok(_) if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) => {}
            Ok(_) => taken.push(path),
        }
    }
    if taken.is_empty() {
        return Ok(missing);
    }
    let list: Vec<String> = taken.iter().map(|p| format!("`{}`", p.display())).collect();
    let verb = if taken.len() == 1 { "is there" } else { "are there" };
    let problem = Problem::new(format!("{} {verb} already", list.join(", ")));
    Err(Failure::Usage(problem.help("nothing was written: move them away, or choose another folder or name")))
}

/// What has been made so far; taken away again unless all of it is there.
#[derive(Default)]
struct Made {
    /// Outer ones first.
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
    keep: bool,
}

impl Made {
    /// The file beside its place, under a name of chance.
    fn stage(&mut self, path: &Path, text: &str) -> io::Result<NamedTempFile> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let absent = folder.ancestors().take_while(|f| !f.as_os_str().is_empty() && !f.exists());
        for folder in absent.collect::<Vec<_>>().into_iter().rev() {
            fs::create_dir(folder)?;
            self.folders.push(folder.to_path_buf());
        }
        // as any program makes a file: for all, less the umask
        let mut builder = Builder::new();
        builder.prefix(".osimg-").permissions(Permissions::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        Ok(file)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        // what cannot be taken away was not ours, or is not empty any more
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> Vec<(String, String)> {
        paths.iter().map(|p| (p.to_string(), format!("text of {p}\n"))).collect()
    }

    fn all(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            found.push(entry.path());
            found.extend(all(&entry.path()));
        }
        found.sort();
        found
    }

    #[test]
    fn folders_are_made_and_equal_files_left_alone() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("new/er");
        let files = files(&["m.yaml", "a/Dockerfile"]);
        write(&folder, &files).expect("written");
        assert_eq!(fs::read_to_string(folder.join("a/Dockerfile")).expect("there"), files[1].1);
        assert_eq!(all(&folder).len(), 3, "{:?}", all(&folder));
        write(&folder, &files).expect("nothing to do");
    }

    #[test]
    fn every_file_in_the_way_is_named() {
        let place = tempfile::tempdir().expect("a folder");
        fs::write(place.path().join("a"), "mine").expect("written");
        std::os::unix::fs::symlink("nowhere", place.path().join("b")).expect("linked");
        let Err(Failure::Usage(problem)) = write(place.path(), &files(&["a", "b", "c"])) else {
            panic!("a and b are in the way");
        };
        assert!(problem.message.contains("/a`") && problem.message.ends_with("/b` are there already"));
        assert_eq!(all(place.path()).len(), 2);
    }

    #[test]
    fn what_fails_leaves_nothing() {
        let place = tempfile::tempdir().expect("a folder");
        fs::write(place.path().join("blocked"), "a file").expect("written");
        let files = files(&["m.yaml", "deep/er/Dockerfile", "blocked/Dockerfile"]);
        assert!(matches!(write(place.path(), &files), Err(Failure::Error(_))));
        assert_eq!(all(place.path()), [place.path().join("blocked")]);
    }

    #[test]
    fn a_file_that_comes_meanwhile_is_not_replaced() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("f");
        let mut made = Made::default();
        let staged = made.stage(&path, "ours").expect("staged");
        fs::write(&path, "theirs").expect("written");
        staged.persist_noclobber(&path).map(drop).expect_err("it is there");
        drop(made);
        assert_eq!(fs::read_to_string(&path).expect("there"), "theirs");
    }
}
