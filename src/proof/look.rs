//! The checks of a running slot, asked behind its login.

use std::time::{Duration, Instant};

use super::session::{Session, SessionError};
use super::verdict::{Check, State, Subject};

/// What a slot must turn out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// As `uname -r` says it; nothing where the menu does not tell.
    pub release: Option<String>,
    /// The root filesystem's UUID.
    pub root: String,
}

/// For a question whose answer is at hand.
const SHORT: Duration = Duration::from_secs(60);
/// Between two looks at a system that still starts.
const PAUSE: Duration = Duration::from_secs(1);

/// Makes all of them; `patience` is for units that still start after the login prompt.
pub async fn look(
    session: &mut Session<'_>,
    expected: &Expected,
    patience: Duration,
) -> Result<Vec<Check>, SessionError> {
    Ok(vec![
        kernel(session, expected).await?,
        root(session, expected).await?,
        units(session, patience).await?,
    ])
}

async fn kernel(session: &mut Session<'_>, expected: &Expected) -> Result<Check, SessionError> {
    let start = Instant::now();
    let runs = session.run("uname -r", SHORT).await?.text();
    let (state, detail) = match &expected.release {
        Some(release) if *release == runs => (State::Passed, runs),
        Some(release) => (State::Failed, format!("{runs} runs, the menu starts {release}")),
        None => (State::Unproven, format!("{runs} runs; the menu does not tell the release")),
    };
    Ok(Check::new(Subject::Kernel, state, detail, start.elapsed()))
}

async fn root(session: &mut Session<'_>, expected: &Expected) -> Result<Check, SessionError> {
    let start = Instant::now();
    let answer = session.run("findmnt -n -o UUID /", SHORT).await?;
    let uuid = answer.text();
    let (state, detail) = if uuid == expected.root {
        (State::Passed, uuid)
    } else if answer.status == 0 {
        let found = if uuid.is_empty() { "a filesystem without a UUID" } else { &uuid };
        (State::Failed, format!("the root is {found}, not {}", expected.root))
    } else {
        (State::Failed, format!("findmnt does not tell the root's UUID: {uuid}"))
    };
    Ok(Check::new(Subject::Root, state, detail, start.elapsed()))
}

async fn units(session: &mut Session<'_>, patience: Duration) -> Result<Check, SessionError> {
    let start = Instant::now();
    let check = |state, detail: String| Check::new(Subject::Units, state, detail, start.elapsed());
    if session.run("command -v systemctl", SHORT).await?.status != 0 {
        return Ok(check(State::Unproven, "no systemd in this slot".to_string()));
    }
    loop {
        let state = session.run("systemctl is-system-running", SHORT).await?.text();
        match state.as_str() {
            "running" => return Ok(check(State::Passed, state)),
            // `--wait` would do, but systemd has it from 240 on
            "starting" | "initializing" | "unknown" | "" if start.elapsed() < patience => {
                tokio::time::sleep(PAUSE).await;
            }
            "degraded" => {
                let failed = names(session, "systemctl --failed --no-legend --no-pager").await?;
                return Ok(check(State::Failed, format!("failed: {failed}")));
            }
            _ => {
                let jobs = names(session, "systemctl list-jobs --no-legend --no-pager").await?;
                return Ok(check(State::Failed, format!("{state} after {} s: {jobs}", patience.as_secs())));
            }
        }
    }
}

/// The units that a list of systemd's names.
async fn names(session: &mut Session<'_>, command: &str) -> Result<String, SessionError> {
    let list = session.run(command, SHORT).await?.text();
    Ok(unit_names(&list).join(", "))
}

/// The first word of each line that is a unit's name; a state's mark or a job's number may stand before it.
fn unit_names(list: &str) -> Vec<&str> {
    list.lines().filter_map(|line| line.split_whitespace().find(|word| word.contains('.'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_units_in_the_lists_of_old_and_new() {
        let old = "a.service loaded failed failed A\nboot-efi.mount loaded failed failed /boot/efi";
        assert_eq!(unit_names(old), ["a.service", "boot-efi.mount"]);
        let new = "● a.service loaded failed failed A";
        assert_eq!(unit_names(new), ["a.service"]);
        assert_eq!(unit_names("12 b.service start running\n"), ["b.service"]);
        assert!(unit_names("").is_empty());
    }
}
