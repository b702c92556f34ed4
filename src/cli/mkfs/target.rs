//! Where the filesystem goes: a file of its own, or a stretch of an image that is there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::Bytes;
use crate::cli::failure::{Failure, Problem};
use crate::disk::partial::{Partial, PartialError};
use crate::disk::region::{Region, RegionError};
use crate::fs::Window;

/// The place, as the user names it.
#[derive(Clone, Debug)]
pub struct Place {
    pub path: PathBuf,
    /// Where in an image that is there; nothing for a file of its own.
    pub offset: Option<Bytes>,
}

/// The place, ready to be written. Dropped before [`Target::finish`] it leaves no filesystem.
pub struct Target {
    at: At,
    size: Bytes,
}

enum At {
    New(Partial),
    Inside(Region, Bytes),
}

impl Place {
    /// Refuses early what [`Place::open`] would refuse after a tree was read.
    pub fn check(&self) -> Result<(), Failure> {
        let shown = self.path.display();
        let usage = |what: String, how: &str| Err(Failure::Usage(Problem::new(what).help(how)));
        match (fs::metadata(&self.path), self.offset) {
            (Ok(there), _) if !there.is_file() => {
                usage(format!("`{shown}` is no regular file"), "name another with `--output`")
            }
            (Err(_), Some(_)) => usage(
                format!("there is no image `{shown}` to write into"),
                "without `--offset` it is made, and holds the filesystem alone",
            ),
            (Err(_), None) if !parent(&self.path).is_dir() => usage(
                format!("there is no folder `{}`", parent(&self.path).display()),
                "make it, or name another place with `--output`",
            ),
            _ => Ok(()),
        }
    }

    /// `size` bytes that read as zeros.
    pub fn open(&self, size: Bytes) -> Result<Target, Failure> {
        let at = match self.offset {
            None => Partial::create(&self.path).map_err(|e| self.no_partial(e)).and_then(|partial| {
                partial.file().set_len(size.0).map_err(|e| self.unwritable(&e))?;
                Ok(At::New(partial))
            }),
            Some(offset) => Region::open(&self.path, offset, size)
                .map(|region| At::Inside(region, offset))
                .map_err(|e| self.no_region(e)),
        };
        Ok(Target { at: at?, size })
    }

    /// The failure for an output that cannot be written.
    pub fn unwritable(&self, error: &io::Error) -> Failure {
        Problem::new(format!("`{}` cannot be written", self.path.display())).caused_by(error).into()
    }

    fn no_partial(&self, error: PartialError) -> Failure {
        let shown = self.path.display();
        match error {
            PartialError::Busy => Problem::new(format!("another osimg is writing `{shown}`")).into(),
            PartialError::NotAFile => Failure::Usage(Problem::new(format!("`{shown}` is no regular file"))),
            PartialError::Io(error) => self.unwritable(&error),
        }
    }

    fn no_region(&self, error: RegionError) -> Failure {
        let problem =
            Problem::new(format!("`{}` cannot be written into", self.path.display())).caused_by(&error);
        match error {
            RegionError::PastEnd { .. } => Failure::Usage(
                problem.help("make the image longer, or choose another `--offset` or `--size`"),
            ),
            RegionError::NotAFile => Failure::Usage(problem),
            RegionError::Busy | RegionError::Io(_) => problem.into(),
        }
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Target {
    pub fn window(&self) -> Window<'_> {
        match &self.at {
            At::New(partial) => Window::new(partial.file(), Bytes(0), self.size),
            At::Inside(region, offset) => Window::new(region.file(), *offset, self.size),
        }
    }

    /// Makes what was written last: under its name, or in its image.
    pub fn finish(self) -> io::Result<()> {
        match self.at {
            At::New(partial) => partial.publish(),
            At::Inside(region, _) => region.keep(),
        }
    }
}
