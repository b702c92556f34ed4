//! Reads which distribution a built image is, and holds it against what the manifest states.

use super::{Work, image};
use crate::diag::{Diagnostic, codes};
use crate::exec::cx::engine_error;
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::plan::op::Release;
use crate::rootfs::os_release::OsRelease;

pub async fn run(op: &Release, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let slot = cx.slot(&op.slot);
    let engine = cx.engine().await?;
    let text = tokio::select! {
        text = engine.read_file(image(work.inputs, 0), "/etc/os-release") => text.map_err(engine_error)?,
        () = cx.cancel.cancelled() => return Err(ExecError::Cancelled),
    };
    let Some(text) = text else {
        return Err(Diagnostic::error(
            codes::DISTRO_UNKNOWN,
            format!("slot `{}`: its image has no /etc/os-release", op.slot),
        )
        .at(&cx.model.source, slot.dockerfile.span, "the image of this Dockerfile")
        .help("build it FROM an image of Debian, Ubuntu, CentOS/RHEL 7 to 9 or Fedora")
        .into());
    };
    let found = OsRelease::parse(&String::from_utf8_lossy(&text));
    let release = super::pure::release_of(&found);
    match (release, &slot.distro) {
        (None, _) => Err(Diagnostic::error(
            codes::DISTRO_UNKNOWN,
            format!("slot `{}`: osimg has no fragments for {}", op.slot, found.describe()),
        )
        .at(&cx.model.source, slot.dockerfile.span, "the image of this Dockerfile")
        .help("supported are Debian, Ubuntu, CentOS/RHEL and their rebuilds 7 to 9, and Fedora")
        .into()),
        (Some(release), Some(stated)) if release != stated.value => Err(Diagnostic::error(
            codes::DISTRO_MISMATCH,
            format!("slot `{}` states `{}`, its image is {}", op.slot, stated.as_str(), found.describe()),
        )
        .at(&cx.model.source, stated.span, "stated here")
        .help(format!("write `distro: {}`, or leave the field out", release.as_str()))
        .into()),
        (Some(_), _) => Ok(Outcome::value(found)),
    }
}
