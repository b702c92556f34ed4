//! Runs a command's asynchronous work so that it can be interrupted: the first SIGINT or SIGTERM cancels, the second
//! leaves at once.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit;
use super::failure::{Failure, Problem};
use crate::base::event::{Event, Sink};

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
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
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
                exit::now();
            }
            cancel.cancel();
            sink.emit(Event::Note { text: "interrupted, cleaning up".into() });
        }
    });
    Ok(())
}
