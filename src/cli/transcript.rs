//! Where a guest's console is shown and kept: bytes enter, they go to a stream for people and to a log.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::proof::console::{Screen, Watcher};
use crate::report::clean::clean;

/// The places of one console. Clones share them.
#[derive(Clone)]
pub struct Transcript(Arc<Mutex<Places>>);

struct Places {
    live: Live,
    log: Option<File>,
    /// Why the log is not whole.
    failed: Option<io::Error>,
}

enum Live {
    Unseen,
    /// Every byte, for a terminal that is the guest's.
    Exact(Box<dyn Write + Send>),
    /// Finished lines without escape sequences, for a terminal that the guest must not clear.
    Lines {
        out: Box<dyn Write + Send>,
        screen: Screen,
        shown: usize,
    },
}

impl Transcript {
    fn new(live: Live) -> Transcript {
        Transcript(Arc::new(Mutex::new(Places { live, log: None, failed: None })))
    }

    pub fn unseen() -> Transcript {
        Transcript::new(Live::Unseen)
    }

    pub fn exact(out: impl Write + Send + 'static) -> Transcript {
        Transcript::new(Live::Exact(Box::new(out)))
    }

    pub fn lines(out: impl Write + Send + 'static) -> Transcript {
        Transcript::new(Live::Lines { out: Box::new(out), screen: Screen::default(), shown: 0 })
    }

    /// Keeps every byte in `file` as well.
    pub fn log(self, file: File) -> Transcript {
        self.places().log = Some(file);
        self
    }

    /// What hands the console's bytes over.
    pub fn watcher(&self) -> Watcher {
        let transcript = self.clone();
        Arc::new(move |bytes| transcript.places().take(bytes))
    }

    /// The first error of the log.
    pub fn failed(&self) -> Option<io::Error> {
        self.places().failed.take()
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // nothing here is half done when a writer panics
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    fn take(&mut self, bytes: &[u8]) {
        // a terminal that is gone, or a pipe that nobody reads, does not end the run
        match &mut self.live {
            Live::Unseen => {}
            Live::Exact(out) => {
                let _ = out.write_all(bytes).and_then(|()| out.flush());
            }
            Live::Lines { out, screen, shown } => {
                screen.feed(bytes);
                for line in screen.finished(*shown).iter().filter(|l| !l.trim().is_empty()) {
                    let _ = writeln!(out, "{}", clean(line));
                }
                *shown += screen.finished(*shown).len();
            }
        }
        if let Some(log) = &mut self.log
            && let Err(error) = log.write_all(bytes)
        {
            self.failed.get_or_insert(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that the test reads afterwards.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic while locked").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(transcript: impl FnOnce(Shared) -> Transcript) -> String {
        let out = Shared::default();
        let watcher = transcript(out.clone()).watcher();
        watcher(b"\x1b[2JGRUB\r\n\r\n[  \x1b[32mOK\x1b[0m ");
        watcher(b"] up\r\nlogin: ");
        String::from_utf8(out.0.lock().expect("no panic while locked").clone()).expect("UTF-8")
    }

    #[test]
    fn people_see_lines_or_every_byte() {
        assert_eq!(shown(Transcript::lines), "GRUB\n[  OK ] up\n");
        assert_eq!(shown(Transcript::exact), "\x1b[2JGRUB\r\n\r\n[  \x1b[32mOK\x1b[0m ] up\r\nlogin: ");
        assert_eq!(shown(|_| Transcript::unseen()), "");
    }

    #[test]
    fn a_log_that_cannot_be_written_is_told() {
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let transcript = Transcript::unseen().log(full);
        transcript.watcher()(b"x");
        assert!(transcript.failed().is_some());
    }
}
