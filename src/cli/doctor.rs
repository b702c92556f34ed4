//! `osimg doctor`: what of this machine osimg can use, what is missing, and the command that installs it.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use futures_util::future::join_all;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::session::Session;
use super::{engine, interrupt};
use crate::base::event::{Silent, Sink};
use crate::engine::{EngineError, EngineInfo, EngineKind};
use crate::host::doctor::packages::{Manager, Need};
use crate::host::doctor::{Facts, Finding, Machine, State, judge, look, together, versions};
use crate::report::fit;
use crate::report::paint::Paint;

/// Look for what is missing on this machine, and how to install it
///
/// Exits with 0 when `apply` has all it needs, else with 1. What only `boot` needs, or `apply` can do without, is a
/// warning.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  osimg doctor
  osimg doctor --format json | jq -r '.findings[] | select(.fix) | .fix'")]
pub struct Doctor {
    /// A table for people, or a JSON object: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_possible_values = true)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Doctor {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let machine = Machine {
            root: "/".into(),
            path: session.environment.path.clone(),
            uid: session.environment.uid,
            user: session.environment.user.clone(),
            cache_dir: session.cache_dir().ok(),
        };
        let mut facts = look(&machine);
        let sink: Arc<dyn Sink> = Arc::new(Silent);
        let engine = interrupt::run(&sink, |cancel| async move {
            let asked = ask_versions(&mut facts, &cancel);
            let connected = engine::connect(session);
            let ((), connected) = tokio::select! {
                both = async { tokio::join!(asked, connected) } => both,
                () = cancel.cancelled() => return Err(Failure::Interrupted),
            };
            Ok((facts, connected.map(|e| e.info().clone())))
        });
        let (facts, engine) = engine?;
        let mut findings = vec![engine_finding(engine, &facts)];
        findings.extend(judge(&facts));
        let ready = findings.iter().all(|f| f.state != State::Missing);
        match self.format {
            Format::Json => {
                session.print(&format!("{:#}\n", json!({"ready": ready, "findings": findings})))?
            }
            Format::Text => {
                session.print(&table(&findings, ready, session.stdout_paint(), session.stdout_columns()))?
            }
        }
        if ready { Ok(()) } else { Err(Failure::Told) }
    }
}

async fn ask_versions(facts: &mut Facts, cancel: &CancellationToken) {
    let programs = facts.programs();
    let asked = join_all(programs.iter().map(|p| versions::version(p, cancel))).await;
    facts.versions = programs.into_iter().zip(asked).filter_map(|(p, v)| Some((p, v?))).collect();
}

/// What the answer of the engine means.
fn engine_finding(engine: Result<EngineInfo, EngineError>, facts: &Facts) -> Finding {
    match engine {
        Ok(info) => {
            let name = match info.kind {
                EngineKind::Docker => "Docker",
                EngineKind::Podman => "Podman",
            };
            let builder = if info.buildkit { " with BuildKit" } else { "" };
            Finding::new("engine", State::Ok, format!("{name} {}{builder}, {}", info.version, info.endpoint))
        }
        Err(EngineError::Unreachable { problem, hint }) => {
            let detail = format!("no container engine answers: {problem}\n{hint}");
            let manager = Manager::of(&facts.os_release);
            let fix = manager.map(|m| m.install(&[Need::Engine], facts.is_root));
            // an engine that is there and does not answer is not mended by installing one
            Finding::new("engine", State::Missing, detail).fix(fix.filter(|_| !facts.has_engine))
        }
        Err(error) => Finding::new("engine", State::Missing, error.to_string()),
    }
}

/// Columns of the subject.
const SUBJECT: usize = 16;

/// The least that details get beside the subjects, in columns; with less they go below.
const DETAIL: usize = 32;

/// `columns` are those of a terminal; text for a file is not broken.
fn table(findings: &[Finding], ready: bool, paint: Paint, columns: Option<usize>) -> String {
    let mut out = String::new();
    let beside = columns.is_none_or(|c| c >= SUBJECT + 3 + DETAIL);
    let indent = if beside { SUBJECT + 3 } else { 4 };
    let room = columns.map_or(usize::MAX, |c| c - indent);
    for f in findings {
        let glyph = match f.state {
            State::Ok => paint.good(paint.tick()),
            State::Warning => paint.warn('!'),
            State::Missing => paint.bad(paint.cross()),
        };
        let lines: Vec<String> = f.detail.trim_end().lines().flat_map(|l| fit::wrap(l, room)).collect();
        let margin = " ".repeat(indent);
        let detail = lines.join(&format!("\n{margin}"));
        let detail = if f.state == State::Ok { paint.dim(detail) } else { detail };
        match beside {
            true => out.push_str(&format!("{glyph} {} {detail}\n", fit::pad(&f.subject, SUBJECT))),
            false => out.push_str(&format!("{glyph} {}\n{margin}{detail}\n", f.subject)),
        }
    }
    let fixes = |states: &[State]| {
        let of = findings.iter().filter(|f| states.contains(&f.state)).filter_map(|f| f.fix.clone());
        together(&of.collect::<Vec<_>>())
    };
    let said = |text: &str| fit::wrap(text, columns.unwrap_or(usize::MAX)).join("\n") + "\n";
    let (title, commands) = if ready {
        ("To have the rest as well:", fixes(&[State::Warning]))
    } else {
        ("To mend this:", fixes(&[State::Missing, State::Warning]))
    };
    out.push('\n');
    if ready {
        out.push_str(&said("`osimg apply` has all it needs."));
    }
    if !commands.is_empty() {
        out.push_str(&said(title));
    }
    for command in commands {
        out.push_str(&format!("  {}\n", paint.bold(command)));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Paint = Paint { color: false, unicode: true };

    fn docker() -> EngineInfo {
        EngineInfo {
            kind: EngineKind::Docker,
            version: "20.10.24".into(),
            endpoint: "unix:///var/run/docker.sock".into(),
            buildkit: true,
        }
    }

    #[test]
    fn a_table_for_people() {
        let facts = Facts { os_release: "ID=debian\n".into(), is_root: true, ..Facts::default() };
        let mut findings = vec![engine_finding(Ok(docker()), &facts)];
        findings.extend(judge(&facts));
        insta::assert_snapshot!(table(&findings, false, PLAIN, None), @r#"
        ✓ engine           Docker 20.10.24 with BuildKit, unix:///var/run/docker.sock
        ✗ mmdebstrap       not installed; makes the bases that `bootstrap` asks for
        ! grub-mkimage     not installed; an image that has it is built instead
        ! GRUB for BIOS    not installed; an image that has it is built instead
        ! GRUB for UEFI    not installed; an image that has it is built instead
        ✗ cache            no place: HOME is not set, use --cache-dir
        ! QEMU             not installed; `osimg boot` needs it
        ! qemu-img         not installed; `osimg boot` needs it
        ! qemu-io          not installed; `osimg boot` needs it
        ! UEFI firmware    not installed; `osimg boot` needs it for UEFI
        ! KVM              no /dev/kvm: `osimg boot` emulates the processor, which is slow

        To mend this:
          apt-get install -y mmdebstrap grub-common grub-pc-bin grub-efi-amd64-bin qemu-system-x86 qemu-utils ovmf
        "#);
        insta::assert_snapshot!(table(&findings[..3], false, PLAIN, Some(30)));
        let fine = vec![
            engine_finding(Ok(docker()), &facts),
            Finding::new("QEMU", State::Warning, "not installed").fix(Some("dnf install -y qemu".into())),
        ];
        insta::assert_snapshot!(table(&fine, true, PLAIN, None), @r#"
        ✓ engine           Docker 20.10.24 with BuildKit, unix:///var/run/docker.sock
        ! QEMU             not installed

        `osimg apply` has all it needs.
        To have the rest as well:
          dnf install -y qemu
        "#);
    }

    #[test]
    fn an_engine_that_does_not_answer_is_installed_only_where_there_is_none() {
        let silent = || EngineError::Unreachable { problem: "refused".into(), hint: "start it".into() };
        let facts = |has_engine| Facts { os_release: "ID=fedora\n".into(), has_engine, ..Facts::default() };
        assert_eq!(
            engine_finding(Err(silent()), &facts(false)).fix.as_deref(),
            Some("sudo dnf install -y podman")
        );
        assert_eq!(engine_finding(Err(silent()), &facts(true)).fix, None);
    }
}
