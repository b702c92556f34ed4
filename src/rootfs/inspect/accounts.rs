//! Who can log in: passwd(5), shadow(5), the keys that sshd(8) looks for, and whether sshd starts.
//!
//! No password and no hash leaves this file: only whether there is one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::outline::What;
use super::{Notes, Program};

/// Shells that let nobody in, and accounts that only run one program.
const NO_SHELLS: [&str; 6] = ["nologin", "false", "true", "sync", "halt", "shutdown"];

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Whether there is an `/etc/passwd`.
    pub listed: bool,
    /// Those of `/etc/passwd` who have a password or keys, in its order.
    pub users: Vec<User>,
    /// Whether sshd is installed.
    pub sshd: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub name: String,
    pub password: Password,
    /// Whether `~/.ssh/authorized_keys` holds something.
    pub keys: bool,
    pub shell: String,
    pub shell_state: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Password {
    /// A hash: the right password lets in.
    Set,
    /// None is asked for.
    Empty,
    /// No password lets in.
    Locked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shell {
    Good,
    /// One of those that end at once, such as `nologin`.
    NoLogin,
    /// The tree has no such program.
    Missing,
}

impl Accounts {
    /// Users who get a shell by a password.
    pub fn by_password(&self) -> impl Iterator<Item = &User> {
        self.users.iter().filter(|u| u.shell_state == Shell::Good && u.password != Password::Locked)
    }

    /// Users who get a shell by a key, if sshd runs.
    pub fn by_key(&self) -> impl Iterator<Item = &User> {
        self.users.iter().filter(|u| u.shell_state == Shell::Good && u.keys)
    }
}

pub(super) fn of(notes: &Notes) -> Accounts {
    let Some(passwd) = notes.text("etc/passwd") else { return Accounts::default() };
    let shadow: BTreeMap<&str, &str> = notes
        .text("etc/shadow")
        .unwrap_or_default()
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            Some((fields.next()?, fields.next()?))
        })
        .collect();
    let user = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, password, _, _, _, home, shell] = fields.as_slice() else { return None };
        // `x` says that the hash is in the shadow file
        let hash = if *password == "x" { shadow.get(name).copied().unwrap_or("*") } else { password };
        let keys = notes.what(&format!("{home}/.ssh/authorized_keys")) == Some(What::File);
        let user = User {
            name: name.to_string(),
            password: self::password(hash),
            keys,
            shell: if shell.is_empty() { "/bin/sh".into() } else { shell.to_string() },
            shell_state: self::shell(notes, shell),
        };
        (user.password != Password::Locked || user.keys).then_some(user)
    };
    Accounts {
        listed: true,
        users: passwd.lines().filter_map(user).collect(),
        sshd: matches!(notes.program("usr/sbin/sshd"), Program::There(_)),
    }
}

/// What the second field of the shadow file means: crypt(5) makes no hash with `!` or `*` in it.
fn password(field: &str) -> Password {
    match field {
        "" => Password::Empty,
        _ if field.starts_with(['!', '*']) || field.len() < 13 => Password::Locked,
        _ => Password::Set,
    }
}

fn shell(notes: &Notes, shell: &str) -> Shell {
    let shell = if shell.is_empty() { "/bin/sh" } else { shell };
    if NO_SHELLS.contains(&shell.rsplit('/').next().unwrap_or_default()) {
        return Shell::NoLogin;
    }
    match notes.program(shell) {
        Program::There(_) => Shell::Good,
        _ => Shell::Missing,
    }
}
