//! A file out of an image, through a container that is never started.
//!
//! Enters: an image and a path. Leaves: the bytes of the regular file it leads to, or nothing; the container is gone.

use std::io::Read;

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{ContainerArchiveInfoOptions, DownloadFromContainerOptions};
use futures_util::StreamExt;

use crate::engine::{EngineError, ImageId};

use super::leftover::Leftover;
use super::{DockerEngine, is_missing, request};

/// As many links as Linux follows (`path_resolution(7)`).
const LINKS: usize = 40;
/// The largest file that is read into memory, in bytes.
const LARGEST: usize = 64 << 20;
/// Go's bit for a folder in a file mode.
const GO_DIRECTORY: u32 = 1 << 31;

/// What an archive of one path held.
enum Found {
    File(Vec<u8>),
    Link(String),
    Nothing,
}

pub(super) async fn read_file(
    engine: &DockerEngine,
    image: &ImageId,
    path: &str,
) -> Result<Option<Vec<u8>>, EngineError> {
    let container = Leftover::container(&engine.docker, image).await?;
    let read = follow(&engine.docker, container.name(), path).await;
    container.remove().await;
    read
}

/// Both engines resolve the folders of a path inside the image; the last component is followed here.
async fn follow(docker: &Docker, container: &str, path: &str) -> Result<Option<Vec<u8>>, EngineError> {
    let mut path = path.to_string();
    for _ in 0..LINKS {
        let options = ContainerArchiveInfoOptions { path: path.clone() };
        match docker.get_container_archive_info(container, Some(options)).await {
            Ok(stat) if stat.file_mode & GO_DIRECTORY != 0 => return Ok(None),
            // the engines give the link's target evaluated inside the image
            Ok(stat) if !stat.link_target.is_empty() && stat.link_target != path => {
                path = absolute(&path, &stat.link_target);
                continue;
            }
            Ok(_) => {}
            Err(e) if is_absent(&e) => return Ok(None),
            // the answer to a HEAD request has no text; the download's has
            Err(_) => {}
        }
        match download(docker, container, &path).await? {
            Found::File(bytes) => return Ok(Some(bytes)),
            Found::Link(target) => path = absolute(&path, &target),
            Found::Nothing => return Ok(None),
        }
    }
    Ok(None)
}

async fn download(docker: &Docker, container: &str, path: &str) -> Result<Found, EngineError> {
    let options = DownloadFromContainerOptions { path: path.to_string() };
    let mut stream = std::pin::pin!(docker.download_from_container(container, Some(options)));
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(e) if is_absent(&e) => return Ok(Found::Nothing),
            Err(e) => return Err(request(format!("reading {path}"), &e)),
        }
        if bytes.len() > LARGEST {
            return Err(EngineError::Request {
                doing: format!("reading {path}"),
                problem: format!("larger than {} MiB", LARGEST >> 20),
            });
        }
    }
    unpack(&bytes).map_err(|source| EngineError::Io { doing: format!("reading {path}"), source })
}

/// The one entry of an archive.
fn unpack(bytes: &[u8]) -> std::io::Result<Found> {
    let mut archive = tar::Archive::new(bytes);
    let Some(entry) = archive.entries()?.next() else { return Ok(Found::Nothing) };
    let mut entry = entry?;
    match entry.header().entry_type() {
        tar::EntryType::Regular | tar::EntryType::Continuous => {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            Ok(Found::File(content))
        }
        tar::EntryType::Symlink => Ok(match entry.link_name()? {
            Some(target) => Found::Link(target.to_string_lossy().into_owned()),
            None => Found::Nothing,
        }),
        _ => Ok(Found::Nothing),
    }
}

/// A path that is not there, also because a folder on its way is a file, or because its links lead nowhere.
fn is_absent(error: &Error) -> bool {
    const WORDS: [&str; 4] = ["not a directory", "no such file", "too many links", "too many levels"];
    let Error::DockerResponseServerError { message, .. } = error else { return false };
    let message = message.to_ascii_lowercase();
    is_missing(error) || WORDS.iter().any(|words| message.contains(words))
}

/// `target` as seen from the link at `path`.
fn absolute(path: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.to_string();
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{target}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_targets_start_at_the_links_folder() {
        assert_eq!(absolute("/etc/os-release", "../usr/lib/os-release"), "/etc/../usr/lib/os-release");
        assert_eq!(absolute("/a/b", "/c"), "/c");
        assert_eq!(absolute("/a", "b"), "/b");
    }
}
