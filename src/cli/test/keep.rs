//! `--keep`: a proof's machine, joined to the terminal when the proof is over.

use std::io;

use tokio_util::sync::CancellationToken;

use crate::base::event::{Event, Sink};
use crate::cli::attach::{LEAVE, RawMode, typed};
use crate::cli::boot::{ENDLESS, Keyboard};
use crate::cli::failure::{Failure, Problem};
use crate::proof::boot::Guest;
use crate::proof::record::Recorder;

/// Refuses where nobody could look.
pub fn possible() -> Result<(), Failure> {
    if rustix::termios::isatty(io::stdin()) && rustix::termios::isatty(io::stdout()) {
        return Ok(());
    }
    let problem = Problem::new("`--keep` needs a terminal on standard input and output")
        .help("`osimg boot` starts a slot by itself; the consoles of a test are kept as files");
    Err(Failure::Usage(problem))
}

/// Joins both until the machine ends or the user leaves.
pub async fn join(
    mut guest: Guest,
    recorder: &Recorder,
    sink: &dyn Sink,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let text = format!("the machine goes on; press Enter for its console. {LEAVE}");
    sink.emit(Event::Note { text });
    let raw = RawMode::enter().map_err(|e| Problem::new("the terminal cannot be used").caused_by(&e))?;
    recorder.show(io::stdout());
    let mut typed = typed();
    let mut keyboard = Keyboard::new(raw.is_some());
    let input = guest.console.input();
    tokio::select! {
        end = guest.wait_end(ENDLESS, cancel) => {
            end?;
        }
        () = keyboard.pump(&mut typed, &input) => {}
    }
    drop(raw);
    Ok(guest.stop().await?)
}
