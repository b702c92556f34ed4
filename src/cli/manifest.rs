//! Reads and checks the manifest that a command was given: the same way for every command.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::{Failure, Problem};
use super::session::Session;
use crate::diag::Diagnostics;
use crate::front::{self, Probe, model::Model};

/// The most that is read, in bytes: far above what the front end accepts, so that it is the one to refuse, and a
/// device without an end is no trap.
const MOST: u64 = 64 << 20;

/// The manifest as an argument.
#[derive(Args, Clone, Debug)]
pub struct Manifest {
    /// The manifest, a YAML file
    #[arg(value_name = "MANIFEST")]
    pub path: PathBuf,
}

impl Manifest {
    /// The checked model. Warnings are shown at once; errors are the failure.
    pub fn load(&self, session: &Session) -> Result<Model, Failure> {
        let (model, found) = self.findings(session)?;
        match model {
            Some(model) => {
                session.warn(&found);
                Ok(model)
            }
            None => Err(Failure::Invalid(found)),
        }
    }

    /// All that is found, and the model where none of it is an error.
    pub fn findings(&self, session: &Session) -> Result<(Option<Model>, Diagnostics), Failure> {
        let bytes = read(&self.path)?;
        let dir = match self.path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        // absolute, so that the cache knows the manifest from wherever it is named
        let dir = std::path::absolute(dir)
            .map_err(|e| Problem::new("the current folder is not known").caused_by(&e))?;
        let name = self.path.display().to_string();
        let (model, mut found) = front::load(&name, &bytes, &dir, &Disk);
        if session.denies_warnings() {
            found = found.denied();
        }
        Ok((model.filter(|_| !found.has_errors()), found))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let wrong = |error: io::Error| {
        let problem = match error.kind() {
            io::ErrorKind::NotFound => Problem::new(format!("there is no manifest `{shown}`"))
                .help("name the manifest's file, such as `osimg check examples/debian-dual.yaml`"),
            io::ErrorKind::IsADirectory => Problem::new(format!("`{shown}` is a folder, not a manifest"))
                .help("name the YAML file in it"),
            io::ErrorKind::PermissionDenied => {
                Problem::new(format!("the manifest `{shown}` may not be read")).caused_by(&error)
            }
            _ => Problem::new(format!("the manifest `{shown}` cannot be read")).caused_by(&error),
        };
        Failure::Usage(problem)
    };
    let mut bytes = Vec::new();
    File::open(path).and_then(|f| f.take(MOST).read_to_end(&mut bytes)).map_err(wrong)?;
    Ok(bytes)
}

/// Files beside the manifest, as they are on this machine.
pub struct Disk;

impl Probe for Disk {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        // a pipe or a device would keep the reader waiting
        if fs::metadata(path).is_ok_and(|m| !m.is_file()) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        match File::open(path).and_then(|f| f.take(MOST).read_to_end(&mut bytes)) {
            Ok(_) => Ok(Some(bytes)),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn list(&self, path: &Path) -> Option<Vec<String>> {
        let names = fs::read_dir(path).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        Some(names)
    }
}
