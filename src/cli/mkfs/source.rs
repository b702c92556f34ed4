//! The tree: a tar archive from a file or from standard input, read so that it can be interrupted.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio_util::sync::CancellationToken;

use crate::base::NodeReporter;
use crate::cli::failure::{Failure, Problem};
use crate::cli::session::Session;
use crate::exec::ops::stream::Watched;
use crate::rootfs::compression::unpacked;
use crate::rootfs::tree::{Item, Timestamp, TreeSource};
use crate::rootfs::{Archive, compression::CompressionError};

/// How long to wait for bytes before looking at whether to stop.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// An archive that was opened.
pub struct Source {
    file: File,
    /// For messages.
    name: String,
    /// The length, where there is one: of a regular file that has a name.
    length: Option<u64>,
    /// Later times than this second become it.
    clamp: Option<i64>,
}

impl Source {
    /// Opens `path`; `-` is standard input.
    ///
    /// `command` is the one that reads it, for messages.
    pub fn open(
        path: &Path,
        session: &Session,
        clamp: Option<i64>,
        command: &str,
    ) -> Result<Source, Failure> {
        if path.as_os_str() == "-" {
            return Source::standard_input(session, clamp, command);
        }
        let name = format!("`{}`", path.display());
        let wrong = |e: io::Error| {
            Failure::Usage(Problem::new(format!("the archive {name} cannot be opened")).caused_by(&e))
        };
        let metadata = fs::metadata(path).map_err(wrong)?;
        if metadata.is_dir() {
            let how = format!("pack it: `tar -C {} -c . | osimg {command} ... -`", path.display());
            return Err(Failure::Usage(Problem::new(format!("{name} is a folder")).help(how)));
        }
        let file = File::open(path).map_err(wrong)?;
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Source { file, name, length, clamp })
    }

    fn standard_input(session: &Session, clamp: Option<i64>, command: &str) -> Result<Source, Failure> {
        if session.environment.terminal.stdin {
            let problem = Problem::new("standard input is a terminal");
            let how = format!("send an archive into it: `... | osimg {command} ... -`");
            return Err(Failure::Usage(problem.help(how)));
        }
        let input = io::stdin().as_fd().try_clone_to_owned();
        let file = input
            .map_err(|e| Failure::Usage(Problem::new("standard input cannot be read").caused_by(&e)))?
            .into();
        Ok(Source { file, name: "standard input".into(), length: None, clamp })
    }

    /// Whether the tree can be read more than once.
    pub fn is_rewindable(&self) -> bool {
        self.length.is_some()
    }

    /// Whether `path` is this very file.
    pub fn is(&self, path: &Path) -> bool {
        match (self.file.metadata(), fs::metadata(path)) {
            (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
            _ => false,
        }
    }

    /// The tree from its start on. What is read is reported, and fails once `cancel` is set.
    pub fn tree(&self, reporter: &NodeReporter, cancel: &CancellationToken) -> Result<Tree, Failure> {
        let patient = || {
            let mut file = self.file.try_clone()?;
            if self.is_rewindable() {
                file.rewind()?;
            }
            let patient = Patient { file, cancel: cancel.clone() };
            unpacked(Watched::new(patient, self.length, reporter, cancel))
        };
        let reader = patient().map_err(|e| self.unreadable(&e))?;
        Ok(Tree { archive: Archive::new(reader), clamp: self.clamp })
    }

    /// The failure for an archive that cannot be read, or is none.
    pub fn unreadable(&self, error: &io::Error) -> Failure {
        let problem = Problem::new(format!("{} cannot be read as a tar archive", self.name)).caused_by(error);
        let inner = error.get_ref().and_then(|e| e.downcast_ref::<CompressionError>());
        match inner {
            Some(CompressionError::Empty) => {
                problem.help("the program that should have written it may have failed").into()
            }
            _ => problem.into(),
        }
    }
}

/// Waits for bytes for as long as nobody wants to stop.
struct Patient {
    file: File,
    cancel: CancellationToken,
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.cancel.is_cancelled() {
            match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&PATIENCE)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return self.file.read(buffer),
                Err(errno) => return Err(errno.into()),
            }
        }
        Err(io::Error::other("interrupted"))
    }
}

/// The tree that streams out of the archive.
pub struct Tree {
    archive: Archive<Box<dyn Read + Send>>,
    clamp: Option<i64>,
}

impl TreeSource for Tree {
    fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        let Some(mut item) = self.archive.next_item()? else { return Ok(None) };
        if let Some(clamp) = self.clamp.filter(|clamp| item.node.meta.mtime.secs >= *clamp) {
            item.node.meta.mtime = Timestamp { secs: clamp, nanos: 0 };
        }
        Ok(Some(item))
    }
}
