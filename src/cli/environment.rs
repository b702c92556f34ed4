//! The process's environment, read once into a value: nothing else in the program asks for a variable.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

/// What the surroundings say. A variable that is set but empty counts as not set.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    pub path: Option<OsString>,
    pub home: Option<PathBuf>,
    /// The login name, of `USER` or `LOGNAME`.
    pub user: Option<String>,
    /// The effective user id.
    pub uid: u32,
    pub docker: Docker,
    /// `OSIMG_CACHE_DIR` is read by the command line's parser; these are what its default is made of.
    pub xdg: Xdg,
    /// Seconds since 1970 that every new time stamp should be (reproducible-builds.org); the text as it stands.
    pub source_date_epoch: Option<String>,
    pub terminal: Terminal,
}

/// Where an engine is, as the engine's own programs read it.
#[derive(Clone, Debug, Default)]
pub struct Docker {
    /// `DOCKER_HOST`.
    pub host: Option<String>,
    /// `DOCKER_TLS_VERIFY`: any value but none means yes.
    pub tls_verify: bool,
    /// `DOCKER_CERT_PATH`.
    pub cert_path: Option<PathBuf>,
    /// `DOCKER_BUILDKIT`.
    pub buildkit: Option<String>,
    /// `CONTAINER_HOST`, which Podman's own program reads.
    pub container_host: Option<String>,
}

/// Folders of the XDG Base Directory Specification; relative ones are ignored, as it demands.
#[derive(Clone, Debug, Default)]
pub struct Xdg {
    pub cache_home: Option<PathBuf>,
    pub runtime_dir: Option<PathBuf>,
}

/// What is known of the terminal before anybody asks for colours.
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    /// Whether standard input, standard output and standard error are terminals.
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    pub term: Option<String>,
    pub no_color: bool,
    /// `CLICOLOR_FORCE`: anything but `0`.
    pub clicolor_force: bool,
    /// `CLICOLOR=0`.
    pub clicolor_off: bool,
    /// The locale's words: the first that is set of `LC_ALL`, `LC_CTYPE`, `LANG`.
    pub locale: Option<String>,
}

impl Environment {
    /// Reads the environment of this process.
    pub fn read() -> Environment {
        Environment::from_variables(&|name| std::env::var_os(name)).with_process()
    }

    fn with_process(mut self) -> Environment {
        self.uid = rustix::process::geteuid().as_raw();
        self.terminal.stdin = std::io::stdin().is_terminal();
        self.terminal.stdout = std::io::stdout().is_terminal();
        self.terminal.stderr = std::io::stderr().is_terminal();
        self
    }

    fn from_variables(variable: &dyn Fn(&str) -> Option<OsString>) -> Environment {
        let os = |name: &str| variable(name).filter(|v| !v.is_empty());
        let text = |name: &str| os(name).map(|v| v.to_string_lossy().into_owned());
        let folder = |name: &str| os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        Environment {
            path: os("PATH"),
            home: folder("HOME"),
            user: text("USER").or_else(|| text("LOGNAME")),
            uid: 0,
            docker: Docker {
                host: text("DOCKER_HOST"),
                tls_verify: os("DOCKER_TLS_VERIFY").is_some(),
                cert_path: os("DOCKER_CERT_PATH").map(PathBuf::from),
                buildkit: text("DOCKER_BUILDKIT"),
                container_host: text("CONTAINER_HOST"),
            },
            xdg: Xdg { cache_home: folder("XDG_CACHE_HOME"), runtime_dir: folder("XDG_RUNTIME_DIR") },
            source_date_epoch: text("SOURCE_DATE_EPOCH"),
            terminal: Terminal {
                stdin: false,
                stdout: false,
                stderr: false,
                term: text("TERM"),
                no_color: os("NO_COLOR").is_some(),
                clicolor_force: text("CLICOLOR_FORCE").is_some_and(|v| v != "0"),
                clicolor_off: text("CLICOLOR").is_some_and(|v| v == "0"),
                locale: text("LC_ALL").or_else(|| text("LC_CTYPE")).or_else(|| text("LANG")),
            },
        }
    }

    /// Where the cache lies unless the user says otherwise; nothing when there is no home either.
    pub fn default_cache_dir(&self) -> Option<PathBuf> {
        let base = self.xdg.cache_home.clone().or_else(|| self.home.as_ref().map(|h| h.join(".cache")))?;
        Some(base.join("osimg"))
    }
}

impl Terminal {
    /// Whether the cursor can be moved: live lines need it.
    pub fn is_live(&self) -> bool {
        self.stderr && self.term.as_deref().is_some_and(|t| t != "dumb")
    }

    /// Whether to colour a stream, when the user left it to us (no-color.org, bixense.com/clicolors).
    pub fn wants_color(&self, is_terminal: bool) -> bool {
        if self.no_color {
            return false;
        }
        if self.clicolor_force {
            return true;
        }
        is_terminal && !self.clicolor_off && self.term.as_deref().is_some_and(|t| t != "dumb")
    }

    /// Whether more than ASCII can be shown: unless the locale or the terminal says no.
    pub fn is_unicode(&self) -> bool {
        let locale = self.locale.as_deref().is_none_or(|l| {
            let l = l.to_ascii_lowercase();
            l.contains("utf-8") || l.contains("utf8")
        });
        locale && self.term.as_deref() != Some("dumb")
    }
}

/// Columns and rows of the terminal that standard error is; 80 and 24 where it does not say.
pub fn terminal_size() -> (u16, u16) {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => (80, 24),
    }
}

/// Columns of a terminal, where it says.
pub fn columns(terminal: impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    (size.ws_col > 0).then_some(size.ws_col.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Environment {
        Environment::from_variables(&|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v))
        })
    }

    #[test]
    fn the_cache_follows_xdg_then_home() {
        let dir = |v: &[(&str, &str)]| with(v).default_cache_dir();
        assert_eq!(dir(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/c")]), Some("/c/osimg".into()));
        assert_eq!(dir(&[("HOME", "/h"), ("XDG_CACHE_HOME", "relative")]), Some("/h/.cache/osimg".into()));
        assert_eq!(dir(&[("HOME", "/h"), ("XDG_CACHE_HOME", "")]), Some("/h/.cache/osimg".into()));
        assert_eq!(dir(&[]), None);
    }

    #[test]
    fn colour_is_forced_forbidden_or_follows_the_terminal() {
        let color = |v: &[(&str, &str)], terminal| with(v).terminal.wants_color(terminal);
        assert!(color(&[("TERM", "xterm")], true));
        assert!(!color(&[("TERM", "xterm")], false));
        assert!(!color(&[("TERM", "dumb")], true));
        assert!(!color(&[], true));
        assert!(color(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!color(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!color(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true));
        assert!(color(&[("TERM", "xterm"), ("NO_COLOR", "")], true), "an empty NO_COLOR says nothing");
        assert!(!color(&[("TERM", "xterm"), ("CLICOLOR", "0")], true));
    }

    #[test]
    fn unicode_unless_the_locale_says_no() {
        let unicode = |v: &[(&str, &str)]| with(v).terminal.is_unicode();
        assert!(unicode(&[]));
        assert!(unicode(&[("LANG", "de_DE.utf8")]));
        assert!(!unicode(&[("LC_ALL", "C"), ("LANG", "C.UTF-8")]));
        assert!(!unicode(&[("TERM", "dumb")]));
    }
}
