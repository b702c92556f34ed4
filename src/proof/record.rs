//! Keeps what a guest's console says: each step of a proof in a file of its own, and line by line for whoever watches.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::console::{Screen, Watcher};
use crate::base::NodeReporter;

/// The places of a console. Clones share them.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<Places>>);

struct Places {
    folder: PathBuf,
    log: Option<File>,
    /// Why a log is not whole.
    failed: Option<(PathBuf, io::Error)>,
    path: PathBuf,
    screen: Screen,
    shown: usize,
    reporter: NodeReporter,
    /// Every byte, once a terminal is the guest's.
    live: Option<Box<dyn Write + Send>>,
}

impl Recorder {
    /// Logs go to `folder`, which is made.
    pub fn new(folder: &Path) -> io::Result<Recorder> {
        std::fs::create_dir_all(folder)?;
        Ok(Recorder(Arc::new(Mutex::new(Places {
            folder: folder.to_path_buf(),
            log: None,
            failed: None,
            path: PathBuf::new(),
            screen: Screen::default(),
            shown: 0,
            reporter: NodeReporter::silent(),
            live: None,
        }))))
    }

    /// From now on into the file `name`, which starts empty; gives its path.
    pub fn turn(&self, name: &str, reporter: NodeReporter) -> io::Result<PathBuf> {
        let mut places = self.places();
        let path = places.folder.join(name);
        places.log = Some(File::create(&path)?);
        places.path = path.clone();
        places.reporter = reporter;
        Ok(path)
    }

    /// Hands every further byte to `out` as well.
    pub fn show(&self, out: impl Write + Send + 'static) {
        self.places().live = Some(Box::new(out));
    }

    pub fn watcher(&self) -> Watcher {
        let recorder = self.clone();
        Arc::new(move |bytes| recorder.places().take(bytes))
    }

    /// The first log that could not be written.
    pub fn failed(&self) -> Option<(PathBuf, io::Error)> {
        self.places().failed.take()
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // nothing here is half done when a writer panics
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    fn take(&mut self, bytes: &[u8]) {
        if let Some(out) = &mut self.live {
            // a terminal that is gone does not end the run
            let _ = out.write_all(bytes).and_then(|()| out.flush());
        }
        self.screen.feed(bytes);
        for line in self.screen.finished(self.shown).iter().filter(|l| !l.trim().is_empty()) {
            self.reporter.output(line.clone());
        }
        self.shown += self.screen.finished(self.shown).len();
        if let Some(log) = &mut self.log
            && let Err(error) = log.write_all(bytes)
        {
            self.failed.get_or_insert((self.path.clone(), error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("logs");
        let recorder = Recorder::new(&place).expect("a folder in it");
        let watcher = recorder.watcher();
        let first = recorder.turn("a.log", NodeReporter::silent()).expect("a file");
        watcher(b"\x1b[2Jone\r\n");
        recorder.turn("b.log", NodeReporter::silent()).expect("a file");
        watcher(b"two");
        assert_eq!(std::fs::read(first).expect("the log"), b"\x1b[2Jone\r\n");
        assert_eq!(std::fs::read(place.join("b.log")).expect("the log"), b"two");
        assert!(recorder.failed().is_none());
    }
}
