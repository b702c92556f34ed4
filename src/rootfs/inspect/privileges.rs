//! Programs that need more rights than their caller has: a setuid or setgid bit, or capabilities of the file.
//!
//! Only programs that do nothing useful without are in the table, whatever the distribution: shadow's, sudo's, util-linux's
//! and fuse's, and `ping` where no sysctl opens its sockets to everybody (icmp(7), `ping_group_range`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::tree::{Kind, Node};
use super::Notes as Tree;

const PROGRAMS: [&str; 9] =
    ["fusermount", "fusermount3", "newgidmap", "newuidmap", "passwd", "ping", "su", "sudo", "unix_chkpwd"];
const FOLDERS: [&[u8]; 4] = [b"bin", b"sbin", b"usr/bin", b"usr/sbin"];

/// A program of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privileged {
    pub path: String,
    pub mode: u16,
    pub uid: u32,
    /// Whether the file has capabilities.
    pub capabilities: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privileges {
    pub programs: Vec<Privileged>,
    /// Whether everybody may open sockets for `ping`.
    pub ping_for_all: bool,
}

/// What is remembered while the tree streams by.
#[derive(Default)]
pub(super) struct Notes(BTreeMap<String, Privileged>);

impl Notes {
    pub fn take(&mut self, node: &Node) {
        let Kind::File { size: 1.. } = node.kind else { return };
        let known = std::str::from_utf8(node.path.name()).is_ok_and(|name| PROGRAMS.contains(&name));
        let folder = node.path.parent().is_some_and(|folder| FOLDERS.contains(&folder.as_bytes()));
        // one that nobody may run is switched off
        if known && folder && node.meta.mode & 0o111 != 0 {
            let capabilities = node.meta.xattrs.contains_key(b"security.capability".as_slice());
            let path = node.path.to_string();
            let program =
                Privileged { path: path.clone(), mode: node.meta.mode, uid: node.meta.uid, capabilities };
            self.0.insert(path, program);
        }
    }
}

pub(super) fn of(tree: &Tree) -> Privileges {
    let open = tree.texts.iter().filter(|(path, _)| {
        let path = path.to_string();
        path.contains("/sysctl.d/") || path == "/etc/sysctl.conf"
    });
    let opens = |line: &str| {
        let line = line.trim_start().trim_start_matches('-');
        line.starts_with("net.ipv4.ping_group_range") || line.starts_with("net/ipv4/ping_group_range")
    };
    Privileges {
        programs: tree.privileges.0.values().cloned().collect(),
        ping_for_all: open.flat_map(|(_, text)| text.lines()).any(opens),
    }
}
