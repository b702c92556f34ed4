//! A root filesystem's tar as an image of one layer.
//!
//! The archive is streamed; the engine itself unpacks it (gzip, bzip2 and xz everywhere, zstd since Docker 23 and in
//! Podman). Podman ignores the tag it is given, so there the image is tagged afterwards.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bollard::query_parameters::{CreateImageOptions, RemoveImageOptions, TagImageOptions};
use futures_util::StreamExt;
use tokio_util::io::ReaderStream;
use tokio_util::sync::CancellationToken;

use crate::base::event::NodeReporter;
use crate::engine::{EngineError, EngineKind, ImageId};

use super::{DockerEngine, full_id, is_trailing_noise, request, split_tag, unless_cancelled};

/// Bytes sent in one piece.
const PIECE: usize = 256 << 10;

pub(super) async fn import(
    engine: &DockerEngine,
    archive: PathBuf,
    tag: &str,
    labels: &BTreeMap<String, String>,
    reporter: &NodeReporter,
    cancel: &CancellationToken,
) -> Result<ImageId, EngineError> {
    let podman = engine.info.kind == EngineKind::Podman;
    let doing = format!("importing {}", archive.display());
    let (name, version) = split_tag(tag);
    let options = CreateImageOptions {
        from_src: Some("-".to_string()),
        repo: (!podman).then(|| name.to_string()),
        tag: (!podman).then(|| version.to_string()),
        changes: changes(labels, podman),
        ..CreateImageOptions::default()
    };
    let io = |source| EngineError::Io { doing: doing.clone(), source };
    let file = tokio::fs::File::open(&archive).await.map_err(io)?;
    let total = file.metadata().await.map_err(io)?.len();
    let (listener, mut sent) = (reporter.clone(), 0);
    let body = ReaderStream::with_capacity(file, PIECE).inspect(move |piece| {
        if let Ok(piece) = piece {
            sent += piece.len() as u64;
            listener.bytes(sent, Some(total));
        }
    });
    let mut answers =
        Box::pin(engine.docker.create_image(Some(options), Some(bollard::body_try_stream(body)), None));
    let mut id = None;
    unless_cancelled(cancel, async {
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(answer) => id = answer.status.or(answer.id).filter(|s| is_id(s)).or(id.take()),
                Err(e) if is_trailing_noise(&e) => {}
                Err(e) => return Err(request(&doing, &e)),
            }
        }
        Ok(())
    })
    .await?;
    let Some(id) = id.map(|id| full_id(&id)) else {
        return Err(EngineError::Request { doing, problem: "the engine named no image".to_string() });
    };
    if podman {
        let options = TagImageOptions { repo: Some(name.to_string()), tag: Some(version.to_string()) };
        if let Err(e) = engine.docker.tag_image(&id, Some(options)).await {
            // nothing names the image, so nothing could find it again
            let _ = engine.docker.remove_image(&id, None::<RemoveImageOptions>, None).await;
            return Err(request(format!("tagging {tag}"), &e));
        }
    }
    Ok(ImageId(id))
}

/// Dockerfile lines that are applied to the imported image. The command lets a container be made without naming one.
fn changes(labels: &BTreeMap<String, String>, podman: bool) -> Vec<String> {
    let mut lines = vec!["CMD [\"/bin/sh\"]".to_string()];
    lines.extend(labels.iter().map(|(key, value)| match podman {
        // Podman takes the value as it stands, spaces and quotes included
        true => format!("LABEL {key}={value}"),
        false => format!("LABEL {}={}", quoted(key), quoted(value)),
    }));
    lines
}

/// A word as the Dockerfile reads it back.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$"))
}

fn is_id(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// One `changes=` parameter for each line: Podman reads one change from each, Docker takes both forms.
pub(super) fn split_changes(uri: &str) -> Option<String> {
    let (start, rest) = uri.split_once("changes=")?;
    let end = rest.find('&').unwrap_or(rest.len());
    Some(format!("{start}changes={}{}", rest[..end].replace("%0A", "&changes="), &rest[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_quoted_changes() {
        let labels = BTreeMap::from([("osimg.base".to_string(), "a \"b\" $c".to_string())]);
        assert_eq!(changes(&labels, false), ["CMD [\"/bin/sh\"]", r#"LABEL "osimg.base"="a \"b\" \$c""#]);
    }

    #[test]
    fn each_change_gets_its_parameter() {
        assert_eq!(
            split_changes("unix://x/v1/images/create?a=1&changes=A+b%0AC&p=").as_deref(),
            Some("unix://x/v1/images/create?a=1&changes=A+b&changes=C&p=")
        );
        assert_eq!(split_changes("unix://x/version"), None);
    }

    #[test]
    fn ids_are_told_from_words() {
        assert!(is_id(&"a".repeat(64)));
        assert!(is_id(&format!("sha256:{}", "0".repeat(64))));
        assert!(!is_id("Importing"));
    }
}
