//! Runs a program of the host: the only place that spawns a process.
//!
//! The child gets its own process group, which is asked to end and then killed when the run is cancelled; it sees a
//! plain `LC_ALL=C.UTF-8` environment, and its output is reported line by line as it comes.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio_util::sync::CancellationToken;

use crate::base::event::NodeReporter;

/// Lines of output kept for an error message.
const TAIL: usize = 20;
/// What a program gets to take away its own temporary files when the run is cancelled: mmdebstrap has a whole tree, and
/// without root only itself can remove it.
const GRACE: Duration = Duration::from_secs(10);

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("`{program}` is not installed")]
    Missing { program: String },
    #[error("`{program}` could not be started: {source}")]
    Start { program: String, source: std::io::Error },
    #[error("`{program}` failed ({status})")]
    Failed { program: String, status: std::process::ExitStatus, tail: Vec<String> },
    #[error("`{program}`: {source}")]
    Io { program: String, source: std::io::Error },
    #[error("interrupted")]
    Cancelled,
}

/// A program call under construction.
pub struct Call {
    program: OsString,
    command: tokio::process::Command,
    input: Option<Vec<u8>>,
}

impl Call {
    pub fn new(program: impl AsRef<OsStr>) -> Call {
        let mut command = tokio::process::Command::new(program.as_ref());
        command.env("LC_ALL", "C.UTF-8").process_group(0).kill_on_drop(true);
        Call { program: program.as_ref().to_owned(), command, input: None }
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Call {
        self.command.arg(arg);
        self
    }

    pub fn args<I, S>(mut self, args: I) -> Call
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.command.args(args);
        self
    }

    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Call {
        self.command.env(key, value);
        self
    }

    pub fn directory(mut self, path: &Path) -> Call {
        self.command.current_dir(path);
        self
    }

    /// Bytes for standard input, which is empty otherwise.
    pub fn input(mut self, bytes: Vec<u8>) -> Call {
        self.input = Some(bytes);
        self
    }

    /// Runs to the end; both outputs go to `reporter` line by line. Gives standard output's lines joined by newlines.
    pub async fn run(
        mut self,
        reporter: &NodeReporter,
        cancel: &CancellationToken,
    ) -> Result<String, CommandError> {
        let program = self.program.to_string_lossy().into_owned();
        self.command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|source| not_started(&program, source))?;
        let group = child.id();
        let input = self.input.take();
        let stdin = child.stdin.take();
        let feed = async move {
            if let (Some(bytes), Some(mut pipe)) = (input, stdin) {
                // a program that does not read all of its input is judged by its exit status
                let _ = pipe.write_all(&bytes).await;
            }
        };
        let stdout = lines(child.stdout.take(), reporter, usize::MAX);
        let stderr = lines(child.stderr.take(), reporter, TAIL);
        let work = async {
            let ((), out, err) = tokio::join!(feed, stdout, stderr);
            (out, err, child.wait().await)
        };
        tokio::pin!(work);
        let (out, err, status) = tokio::select! {
            done = &mut work => done,
            () = cancel.cancelled() => {
                if let Some(group) = group {
                    signal_group(group, Signal::TERM);
                    // how it ended does not matter, nor whether it did
                    let _ = tokio::time::timeout(GRACE, work).await;
                    signal_group(group, Signal::KILL);
                }
                return Err(CommandError::Cancelled);
            }
        };
        let io = |source| CommandError::Io { program: program.clone(), source };
        let (out, err, status) = (out.map_err(io)?, err.map_err(io)?, status.map_err(io)?);
        if status.success() {
            return Ok(Vec::from(out).join("\n"));
        }
        let tail = if err.is_empty() { out.into_iter().rev().take(TAIL).rev().collect() } else { err.into() };
        Err(CommandError::Failed { program, status, tail })
    }

    /// Starts a program that runs beside us, with pipes to its standard input and output. The last lines of its
    /// standard error are kept for messages. Its group is killed when the [`Child`] is dropped.
    pub fn spawn(mut self) -> Result<Child, CommandError> {
        let program = self.program.to_string_lossy().into_owned();
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|source| not_started(&program, source))?;
        let stderr = child.stderr.take();
        let errors = tokio::spawn(async move { lines(stderr, &NodeReporter::silent(), TAIL).await });
        Ok(Child { program, group: child.id(), child, errors: Some(errors) })
    }
}

fn not_started(program: &str, source: std::io::Error) -> CommandError {
    let program = program.to_string();
    match source.kind() {
        std::io::ErrorKind::NotFound => CommandError::Missing { program },
        _ => CommandError::Start { program, source },
    }
}

/// A program that runs beside us; dropping it kills its whole group.
pub struct Child {
    program: String,
    child: tokio::process::Child,
    /// The process group to kill; nothing once the program has ended.
    group: Option<u32>,
    errors: Option<tokio::task::JoinHandle<std::io::Result<VecDeque<String>>>>,
}

impl Child {
    /// The pipe to its standard input and the one from its standard output; nothing the second time.
    pub fn pipes(&mut self) -> Option<(tokio::process::ChildStdin, tokio::process::ChildStdout)> {
        Some((self.child.stdin.take()?, self.child.stdout.take()?))
    }

    /// Waits for its end and gives its status with the last lines of its standard error.
    pub async fn wait(&mut self) -> Result<(std::process::ExitStatus, Vec<String>), CommandError> {
        let io = |source| CommandError::Io { program: self.program.clone(), source };
        let status = self.child.wait().await.map_err(io)?;
        self.group = None;
        let tail = match self.errors.take() {
            Some(task) => task.await.map_err(std::io::Error::other).flatten().map_err(io)?,
            None => VecDeque::new(),
        };
        Ok((status, tail.into()))
    }

    /// Kills the whole group and waits until the program is gone.
    pub async fn kill(&mut self) -> Result<(), CommandError> {
        if let Some(group) = self.group {
            signal_group(group, Signal::KILL);
        }
        self.wait().await.map(|_| ())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            signal_group(group, Signal::KILL);
        }
    }
}

async fn lines(
    stream: Option<impl AsyncRead + Unpin>,
    reporter: &NodeReporter,
    keep: usize,
) -> std::io::Result<VecDeque<String>> {
    let mut kept = VecDeque::new();
    let Some(stream) = stream else { return Ok(kept) };
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).await? == 0 {
            return Ok(kept);
        }
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_string();
        reporter.output(text.clone());
        if kept.len() == keep {
            kept.pop_front();
        }
        kept.push_back(text);
    }
}

fn signal_group(leader: u32, signal: Signal) {
    let pid = i32::try_from(leader).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // it may be gone already, which is what is wanted
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}

/// The first of `names` that is a program in `path` (the value of `PATH`) or in the folders of administrators'
/// programs, which users often lack in theirs.
pub fn find_program(names: &[&str], path: Option<&OsStr>) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = path.map(|p| std::env::split_paths(p).collect()).unwrap_or_default();
    folders.extend(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    names.iter().find_map(|name| {
        folders.iter().map(|f| f.join(name)).find(|p| {
            use std::os::unix::fs::PermissionsExt;
            p.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_output_and_status() {
        let (reporter, cancel) = (NodeReporter::silent(), CancellationToken::new());
        let out = Call::new("sh").args(["-c", "cat; echo b"]).input(b"a\n".to_vec());
        assert_eq!(out.run(&reporter, &cancel).await.expect("runs"), "a\nb");
        let bad = Call::new("sh").args(["-c", "echo no >&2; exit 3"]).run(&reporter, &cancel).await;
        assert!(
            matches!(bad, Err(CommandError::Failed { tail, status, .. }) if tail == ["no"] && status.code() == Some(3))
        );
        let missing = Call::new("osimg-no-such-program").run(&reporter, &cancel).await;
        assert!(matches!(missing, Err(CommandError::Missing { .. })));
    }

    #[tokio::test]
    async fn a_child_talks_through_its_pipes_and_tells_how_it_ended() {
        let mut child =
            Call::new("sh").args(["-c", "read x; echo got $x; echo bad >&2; exit 4"]).spawn().expect("sh");
        let (mut input, mut output) = child.pipes().expect("first time");
        input.write_all(b"word\n").await.expect("it reads");
        let mut text = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut output, &mut text).await.expect("it writes");
        let (status, tail) = child.wait().await.expect("it ends");
        assert_eq!((text.as_str(), status.code(), tail), ("got word\n", Some(4), vec!["bad".to_string()]));
    }

    #[tokio::test]
    async fn dropping_a_child_kills_the_whole_group() {
        let folder = tempfile::tempdir().expect("folder");
        let mark = folder.path().join("mark");
        let script = format!("(sleep 1; touch {}) & echo ready; wait", mark.display());
        let mut child = Call::new("sh").args(["-c", &script]).spawn().expect("sh");
        let (_input, output) = child.pipes().expect("first time");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await.expect("it writes");
        assert_eq!(line, "ready\n");
        drop(child);
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        assert!(!mark.exists(), "a grandchild outlived its group");
    }

    #[tokio::test]
    async fn cancelling_kills_the_whole_group() {
        let (reporter, cancel) = (NodeReporter::silent(), CancellationToken::new());
        let folder = tempfile::tempdir().expect("folder");
        let mark = folder.path().join("mark");
        let script = format!("(sleep 2; touch {}) & wait", mark.display());
        let token = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            token.cancel();
        });
        let result = Call::new("sh").args(["-c", &script]).run(&reporter, &cancel).await;
        assert!(matches!(result, Err(CommandError::Cancelled)));
        tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
        assert!(!mark.exists(), "a grandchild outlived its group");
    }
}
