//! What an image of the engine holds: its distribution, its kernel, the processor it is for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::wanted::WantedImage;
use crate::cli::failure::{Failure, Problem};
use crate::emit::family::{self, Unsupported};
use crate::emit::starter::{Origin, Slot, System};
use crate::engine::{Engine, EngineKind, ImageId};
use crate::exec::ops::stream::ChannelReader;
use crate::rootfs::Archive;
use crate::rootfs::inspect::{Survey, inspect};

/// The processor of the disks that osimg makes.
const PROCESSORS: [&str; 2] = ["amd64", "x86_64"];
/// Pieces of the stream under way between the engine and the reader.
const IN_FLIGHT: usize = 32;

/// The slot that starts from an image.
pub async fn look(
    engine: Arc<dyn Engine>,
    wanted: &WantedImage,
    cancel: &CancellationToken,
) -> Result<Slot, Failure> {
    let reference = &wanted.reference;
    let found = tokio::select! {
        found = engine.image(reference) => found?,
        () = cancel.cancelled() => return Err(Failure::Interrupted),
    };
    let Some(info) = found else {
        let program = match engine.info().kind {
            EngineKind::Docker => "docker",
            EngineKind::Podman => "podman",
        };
        let problem = Problem::new(format!("the engine has no image `{reference}`"));
        return Err(problem.help(format!("pull it: `{program} pull {reference}`")).into());
    };
    if let Some(other) = info.architecture.filter(|a| !PROCESSORS.contains(&a.as_str())) {
        let problem = Problem::new(format!("the image `{reference}` is for {other}"));
        return Err(problem.help("osimg makes disks for amd64 (x86-64)").into());
    }
    let found = read(engine.as_ref(), &info.id, reference, cancel).await?;
    let system = system(
        reference,
        found.os_release.as_ref().ok_or_else(|| {
            Problem::new(format!(
                "the image `{reference}` has no /etc/os-release, so its distribution is not known"
            ))
            .help(Unsupported::help())
        })?,
    )?;
    Ok(Slot {
        name: wanted.name.clone(),
        system,
        kernel: found.kernels.into_iter().next().map(|kernel| kernel.version),
    })
}

fn system(reference: &str, release: &crate::rootfs::os_release::OsRelease) -> Result<System, Failure> {
    let distro = family::release(&release.id, &release.id_like, release.version_id.as_deref())
        .map_err(|e| Problem::new(format!("the image `{reference}`: {e}")).help(Unsupported::help()))?;
    // a title is a line of at most 70 characters
    let title = release.pretty_name.chars().filter(|c| !c.is_control()).take(70).collect::<String>();
    let title = if title.trim().is_empty() { release.id.clone() } else { title };
    Ok(System { distro, title, name: release.id.clone(), origin: Origin::Image(reference.to_string()) })
}

/// Reads the image's whole tree once.
async fn read(
    engine: &dyn Engine,
    image: &ImageId,
    reference: &str,
    cancel: &CancellationToken,
) -> Result<Survey, Failure> {
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let (reader, sender_ended) = ChannelReader::new(receiver);
    let reading = tokio::task::spawn_blocking(move || inspect(&mut Archive::new(reader)));
    let (sent, read) = tokio::join!(engine.export(image, sender, cancel), reading);
    let read = read.map_err(|e| Problem::new(format!("reading the image `{reference}`")).caused_by(&e))?;
    match (sent, read) {
        (Ok(()), Ok(found)) => Ok(found),
        // the one that failed first is what the user should see
        (Err(error), Ok(_)) => Err(error.into()),
        (Err(error), Err(_)) if sender_ended.load(Ordering::SeqCst) => Err(error.into()),
        (_, Err(error)) => {
            Err(Problem::new(format!("reading the image `{reference}`")).caused_by(&error).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::fake::{FakeEngine, FakeImage, Fault, Operation};
    use crate::front::model::Distro;

    fn tar(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, text.as_bytes()).expect("memory");
        }
        builder.into_inner().expect("memory")
    }

    fn engine(files: &[(&str, &str)]) -> FakeEngine {
        let image = FakeImage { files: BTreeMap::new(), tar: tar(files) };
        FakeEngine::default().with_image("mine:1", BTreeMap::new(), image)
    }

    async fn looked(engine: FakeEngine, reference: &str) -> Result<Slot, Failure> {
        let wanted = crate::cli::init::wanted::image(reference).expect("an image");
        look(Arc::new(engine), &wanted, &CancellationToken::new()).await
    }

    const ROCKY: &str =
        "ID=rocky\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=9.4\nPRETTY_NAME=\"Rocky Linux 9.4\"\n";

    #[tokio::test]
    async fn an_image_with_a_kernel() {
        let engine = engine(&[
            ("usr/lib/os-release", ROCKY),
            ("boot/vmlinuz-5.14.0-427.13.1.el9_4.x86_64", "k"),
            ("boot/vmlinuz-5.14.0-70.el9.x86_64", "k"),
        ]);
        let slot = looked(engine, "mine:1").await.expect("a slot");
        assert_eq!((slot.name.as_str(), slot.system.title.as_str()), ("mine", "Rocky Linux 9.4"));
        assert_eq!(slot.system.distro, Distro::El9);
        assert_eq!(slot.kernel.as_deref(), Some("5.14.0-427.13.1.el9_4.x86_64"));
        assert_eq!(slot.system.origin, Origin::Image("mine:1".into()));
    }

    #[tokio::test]
    async fn an_image_without_a_kernel() {
        let slot = looked(engine(&[("etc/os-release", "ID=debian\n")]), "d=mine:1").await.expect("a slot");
        assert_eq!((slot.name.as_str(), slot.kernel), ("d", None));
        assert_eq!(slot.system.title, "Linux");
    }

    #[tokio::test]
    async fn what_is_no_base_is_said_so() {
        let message = |outcome: Result<Slot, Failure>| match outcome {
            Err(Failure::Error(problem)) => {
                format!("{} / {}", problem.message, problem.help.unwrap_or_default())
            }
            other => panic!("{other:?}"),
        };
        let none = message(looked(engine(&[]), "other:1").await);
        assert_eq!(none, "the engine has no image `other:1` / pull it: `docker pull other:1`");
        let bare = message(looked(engine(&[("a", "b")]), "mine:1").await);
        assert!(bare.contains("has no /etc/os-release"), "{bare}");
        let alpine =
            message(looked(engine(&[("etc/os-release", "ID=alpine\nVERSION_ID=3.20\n")]), "mine:1").await);
        assert!(
            alpine.starts_with("the image `mine:1`: no fragments for `alpine` 3.20 / osimg has"),
            "{alpine}"
        );
    }

    #[tokio::test]
    async fn an_export_that_fails_says_why() {
        let fault = Fault::Break { after: 700, problem: "the daemon died".into() };
        let engine = engine(&[("etc/os-release", ROCKY)]).with_fault(Operation::Export, 0, fault);
        let Err(Failure::Error(problem)) = looked(engine, "mine:1").await else { panic!("it failed") };
        assert!(problem.message.contains("the daemon died"), "{problem:?}");
    }
}
