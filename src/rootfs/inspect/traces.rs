//! What must differ between machines, and what an engine leaves: machine id, ssh host keys, marks of a container.

use serde::{Deserialize, Serialize};

use super::super::tree::{Kind, Node};
use super::Notes;

/// Files by which systemd and others know a container.
const MARKS: [&str; 3] = [".dockerenv", ".dockerinit", "run/.containerenv"];

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traces {
    /// Whether `/etc/machine-id` names a machine (machine-id(5): missing, empty and `uninitialized` do not).
    pub machine_id: bool,
    /// Private ssh host keys, absolute paths.
    pub host_keys: Vec<String>,
    /// Marks of a container, absolute paths.
    pub container: Vec<String>,
}

/// Whether a node is a private host key of sshd(8).
pub(super) fn is_host_key(node: &Node) -> bool {
    let name = node.path.as_bytes().strip_prefix(b"etc/ssh/ssh_host_".as_slice());
    name.is_some_and(|name| name.ends_with(b"_key") && !name.contains(&b'/')) && node.kind != Kind::Directory
}

pub(super) fn of(notes: &Notes) -> Traces {
    let id = notes.text("etc/machine-id").map(str::trim).unwrap_or_default();
    Traces {
        machine_id: !matches!(id, "" | "uninitialized"),
        host_keys: notes.host_keys.iter().map(ToString::to_string).collect(),
        container: MARKS.iter().filter(|m| notes.what(m).is_some()).map(|m| format!("/{m}")).collect(),
    }
}
