//! What must not outlive a call: a temporary container or tag, removed when its owner is done, also when the owner is
//! dropped half way.

use bollard::Docker;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateImageOptions, RemoveContainerOptions, RemoveImageOptions, TagImageOptions,
};
use futures_util::StreamExt;
use tokio::runtime::Handle;

use crate::engine::{EngineError, ImageId};

use super::{request, split_tag};

/// The label of containers that live for one call only.
const TEMPORARY: &str = "osimg.temporary";

/// A tar without entries: two blocks of zeros.
static EMPTY_TAR: [u8; 1024] = [0; 1024];

/// Something in the engine that goes with this value.
pub(super) struct Leftover {
    docker: Docker,
    kind: Kind,
    name: String,
    gone: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Container,
    Tag,
    /// A tag that is the image's only name.
    OnlyTag,
}

impl Leftover {
    /// A container of `image` that is never started.
    pub(super) async fn container(docker: &Docker, image: &ImageId) -> Result<Leftover, EngineError> {
        let body = ContainerCreateBody {
            image: Some(image.0.clone()),
            // an image without a command could not be created otherwise
            cmd: Some(vec!["/nothing".to_string()]),
            network_disabled: Some(true),
            labels: Some([(TEMPORARY.to_string(), "1".to_string())].into()),
            ..ContainerCreateBody::default()
        };
        let client = docker.clone();
        let work = async move {
            let made = client.create_container(None, body).await?;
            Ok(Leftover { docker: client, kind: Kind::Container, name: made.id, gone: false })
        };
        own(work).await?.map_err(|e| request(format!("creating a container of {}", image.0), &e))
    }

    /// One more name for `image`; `only` where it has no other.
    pub(super) async fn tag(
        docker: &Docker,
        image: &ImageId,
        name: &str,
        tag: &str,
        only: bool,
    ) -> Result<Leftover, EngineError> {
        let kind = if only { Kind::OnlyTag } else { Kind::Tag };
        let client = docker.clone();
        let options = TagImageOptions { repo: Some(name.to_string()), tag: Some(tag.to_string()) };
        let (id, full) = (image.0.clone(), format!("{name}:{tag}"));
        let work = async move {
            client.tag_image(&id, Some(options)).await?;
            Ok(Leftover { docker: client, kind, name: full, gone: false })
        };
        own(work).await?.map_err(|e| request(format!("tagging {}", image.0), &e))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Removes it now. What fails here is tried no second time: it would fail again.
    pub(super) async fn remove(mut self) {
        self.gone = true;
        remove(self.docker.clone(), self.kind, self.name.clone()).await;
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        if !self.gone
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(remove(self.docker.clone(), self.kind, self.name.clone()));
        }
    }
}

async fn remove(docker: Docker, kind: Kind, name: String) {
    // the work is done or has failed already; a second error about the cleaning would hide the first
    match kind {
        Kind::Container => {
            let options = RemoveContainerOptions { force: true, v: true, link: false };
            let _ = docker.remove_container(&name, Some(options)).await;
        }
        Kind::Tag => untag(&docker, &name).await,
        // to remove an image's only name is to remove the image: an empty image takes the name over, and goes with it
        Kind::OnlyTag => {
            let (repo, tag) = split_tag(&name);
            let options = CreateImageOptions {
                from_src: Some("-".to_string()),
                repo: Some(repo.to_string()),
                tag: Some(tag.to_string()),
                ..CreateImageOptions::default()
            };
            let body = bollard::body_full(EMPTY_TAR.as_slice().into());
            let answers = docker.create_image(Some(options), Some(body), None).collect::<Vec<_>>().await;
            if answers.iter().all(Result::is_ok) {
                untag(&docker, &name).await;
            }
        }
    }
}

async fn untag(docker: &Docker, name: &str) {
    let options = RemoveImageOptions { force: false, noprune: true, platforms: None };
    let _ = docker.remove_image(name, Some(options), None).await;
}

/// Makes a leftover in a task of its own: when the caller is dropped meanwhile, the task still finishes, and what it
/// made is dropped, and so removed.
async fn own<E: Send + 'static>(
    work: impl Future<Output = Result<Leftover, E>> + Send + 'static,
) -> Result<Result<Leftover, E>, EngineError> {
    tokio::spawn(work)
        .await
        .map_err(|e| EngineError::Request { doing: "asking the engine".to_string(), problem: e.to_string() })
}
