//! `osimg init --from-image` against real engines: what an image holds goes into the manifest, and nothing is left.

use std::path::Path;
use std::process::{Command, Output};

use osimg::base::event::NodeReporter;
use tokio_util::sync::CancellationToken;

use crate::way::{Lab, Way};

/// What makes an image of the test base look like one of Debian with a kernel.
const DEBIAN: &str = "RUN [\"/bin/sh\", \"-c\", \"rm /etc/os-release && mkdir /boot \
     && echo ID=debian >/etc/os-release && echo 'PRETTY_NAME=\\\"A: lab\\\"' >>/etc/os-release \
     && echo k >/boot/vmlinuz-6.1.0-28-amd64 && echo k >/boot/vmlinuz-6.1.0-9-amd64\"]";

fn init(lab: &Lab, folder: &Path, reference: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_osimg"))
        .args(["init", "--name", "lab", "--from-image"])
        .arg(format!("one={reference}"))
        .env("DOCKER_HOST", format!("unix://{}", lab.socket.display()))
        .current_dir(folder)
        .output()
        .expect("the binary starts")
}

#[tokio::test]
async fn an_image_fills_the_manifest() {
    for way in [Way::BuildKit, Way::Podman] {
        let lab = way.lab("init").await;
        let (base, _) = lab.base().await;
        let request = lab.request(&base, "debian", DEBIAN);
        let (silent, cancel) = (NodeReporter::silent(), CancellationToken::new());
        lab.engine.build(&request, &silent, &cancel).await.expect("the image is built");
        let before = lab.traces();
        let folder = tempfile::tempdir().expect("a folder");
        let ran = init(&lab, folder.path(), &lab.tag("debian"));
        assert!(ran.status.success(), "{way:?}: {ran:?}");
        let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("written");
        let manifest = text("lab.osimg.yaml");
        assert!(manifest.contains("title: \"A: lab\"\n"), "{way:?}: {manifest}");
        assert!(manifest.contains("distro: debian\n"), "{way:?}: {manifest}");
        assert!(manifest.contains("kernel: {version: \"6.1.0-28-amd64\"}"), "{way:?}: {manifest}");
        assert!(text("one/Dockerfile").contains(&format!("\nFROM {}\n", lab.tag("debian"))), "{way:?}");
        assert_eq!(lab.traces(), before, "{way:?}: something is left in the engine");

        // the base itself is of no distribution that osimg knows, and there is no third image
        for (name, words) in [("base", "no fragments for `osimgtest`"), ("none", "the engine has no image `")]
        {
            let empty = tempfile::tempdir().expect("a folder");
            let ran = init(&lab, empty.path(), &lab.tag(name));
            let told = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert_eq!(ran.status.code(), Some(1), "{way:?} {name}: {told}");
            assert!(told.contains(words), "{way:?} {name}: {told}");
            assert_eq!(empty.path().read_dir().expect("readable").count(), 0);
        }
        lab.clean(&[&lab.tag("debian"), &base]).await;
    }
}
