//! Runs a command's asynchronous work so that it can be interrupted: the first SIGINT or SIGTERM cancels, the second
//! leaves at once.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit;
use super::failure::{Failure, Problem};
use crate::base::event::{Event, Sink};

/// How long threads that still block may take to end, once the work has returned.
const UNWIND: Duration = Duration::from_secs(5);

/// Runs `work` to its end. It gets a token that the first signal cancels, and is expected to clean up and return
/// soon after; `sink` is told. Whatever it returns after that, it was interrupted, unless it had succeeded already.
pub fn run<T, F, W>(sink: &Arc<dyn Sink>, work: W) -> Result<T, Failure>
where
    W: FnOnce(CancellationToken) -> F,
    F: Future<Output = Result<T, Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Problem::new("the threads that do the work cannot be started").caused_by(&e))?;
    let cancel = CancellationToken::new();
    let result = runtime.block_on(async {
        watch(cancel.clone(), sink.clone())
            .map_err(|e| Problem::new("signals cannot be listened to").caused_by(&e))?;
        work(cancel.clone()).await
    });
    // a blocking task that hangs, such as a read of a dead network disk, must not hold the program
    runtime.shutdown_timeout(UNWIND);
    match result {
        Err(_) if cancel.is_cancelled() => Err(Failure::Interrupted),
        result => result,
    }
}

fn watch(cancel: CancellationToken, sink: Arc<dyn Sink>) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if cancel.is_cancelled() {
                clear(&sink);
                exit::now();
            }
            cancel.cancel();
            sink.emit(Event::Note { text: "interrupted, cleaning up".into() });
        }
    });
    Ok(())
}

/// Takes live lines off the terminal, unless it does not take any bytes now (Ctrl-S): leaving comes first.
fn clear(sink: &Arc<dyn Sink>) {
    let (done, wait) = mpsc::channel();
    let sink = sink.clone();
    std::thread::spawn(move || {
        sink.emit(Event::RunFinished { took: Duration::ZERO });
        // nobody waits any more when the terminal was too slow
        let _ = done.send(());
    });
    let _ = wait.recv_timeout(Duration::from_millis(200));
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use rustix::process::{Signal, getpid, kill_process};

    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Sink for Notes {
        fn emit(&self, event: Event) {
            if let Event::Note { text } = event {
                self.0.lock().expect("no test panics here").push(text);
            }
        }
    }

    /// One test, for signals go to the whole process.
    #[test]
    fn a_signal_cancels_and_is_told() {
        let notes = Arc::new(Notes::default());
        let sink: Arc<dyn Sink> = notes.clone();
        let result: Result<(), Failure> = run(&sink, |cancel| async move {
            kill_process(getpid(), Signal::TERM).expect("a process may signal itself");
            cancel.cancelled().await;
            Err(Problem::new("what came of it").into())
        });
        assert!(matches!(result, Err(Failure::Interrupted)));
        let result = run(&sink, |cancel| async move {
            kill_process(getpid(), Signal::INT).expect("a process may signal itself");
            cancel.cancelled().await;
            Ok("finished all the same")
        });
        assert!(matches!(result, Ok("finished all the same")));
        assert_eq!(*notes.0.lock().expect("unpoisoned"), ["interrupted, cleaning up"; 2]);
        let result: Result<(), Failure> = run(&sink, |_| async { Err(Problem::new("x").into()) });
        assert!(matches!(result, Err(Failure::Error(_))));
    }
}
