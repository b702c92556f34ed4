//! SELinux as the tree sets it up (selinux_config(5)).

use serde::{Deserialize, Serialize};

use super::super::tree::TreePath;
use super::Notes;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selinux {
    /// `SELINUX=`: `enforcing`, `permissive`, `disabled`; nothing without a configuration.
    pub mode: Option<String>,
    /// Whether the policy that the configuration names is there.
    pub policy: bool,
    /// Nodes that have a label.
    pub labelled: u64,
    /// Whether `/.autorelabel` asks for labels at the first boot.
    pub autorelabel: bool,
}

/// The policy that a path is a part of: `etc/selinux/targeted/policy/policy.31`.
pub(super) fn policy(path: &TreePath) -> Option<String> {
    let text = std::str::from_utf8(path.as_bytes()).ok()?;
    let (name, file) = text.strip_prefix("etc/selinux/")?.split_once('/')?;
    file.starts_with("policy/policy.").then(|| name.to_string())
}

pub(super) fn of(notes: &Notes) -> Selinux {
    let config = notes.text("etc/selinux/config");
    let value = |name: &str| {
        let mut lines = config?.lines().filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
        lines.next_back().map(|value| value.trim().to_ascii_lowercase())
    };
    let kind = value("SELINUXTYPE").unwrap_or_else(|| "targeted".into());
    Selinux {
        mode: value("SELINUX"),
        policy: notes.policies.contains(&kind),
        labelled: notes.labelled,
        autorelabel: notes.what(".autorelabel").is_some(),
    }
}
