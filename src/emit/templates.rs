//! The templates of `templates/`, compiled in, and the one environment that renders them.
//!
//! Enters: a template's name and its values. Leaves: text. Holds: an undefined value is an error, never an empty text;
//! nothing is escaped on its own, a template says which quoting a value needs (`sh`, `words`, `grub`, `grub_words`,
//! `yaml`).

use std::sync::OnceLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use super::{EmitError, grub_cfg, starter};
use crate::base::{Digest, DigestBuilder, shell};

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        const TEMPLATES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $name)))),*];
    };
}

templates! {
    "apt-kernel.j2",
    "apt-kexec.j2",
    "apt-packages.j2",
    "default-target.j2",
    "dnf-kernel.j2",
    "dnf-kexec.j2",
    "dnf-packages.j2",
    "dracut-configuration.j2",
    "fstab.j2",
    "grub.cfg.j2",
    "hosts.j2",
    "initramfs.j2",
    "kernel-check.j2",
    "kernel-present.j2",
    "osimg-health.service.j2",
    "osimg-ssh-host-keys.service",
    "osimg-switch.j2",
    "osimg-trial.service.j2",
    "prelude.j2",
    "ssh-host-keys.j2",
    "starter-dockerfile.j2",
    "starter-manifest.j2",
    "units.j2",
    "users.j2",
    "watchdog.conf.j2",
    "yum-kernel.j2",
    "yum-kexec.j2",
    "yum-packages.j2",
}

/// Templates of texts that are the user's own from then on, so that no key depends on them.
const STARTER: &str = "starter-";

/// The digest of all templates: part of the key of whatever is made from them.
pub fn digest() -> Digest {
    let mut builder = DigestBuilder::new("osimg templates");
    for (name, text) in TEMPLATES.iter().filter(|(name, _)| !name.starts_with(STARTER)) {
        builder.add(name, text);
    }
    builder.finish()
}

/// A file that is sent as it is.
pub fn verbatim(name: &str) -> &'static str {
    let found = TEMPLATES.iter().find(|(n, _)| *n == name);
    found.expect("callers name a file of the list above").1
}

/// Renders a template. The text ends with a line break.
pub fn render(name: &'static str, values: Value) -> Result<String, EmitError> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    let environment = ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        // a line that holds a block tag alone leaves nothing behind
        let mut layout = SyntaxConfig::builder();
        layout.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
        environment.set_syntax(layout.build().expect("the delimiters are the default ones"));
        environment.add_filter("sh", |value: String| shell::quote(&value));
        environment.add_filter("words", |values: Vec<String>| shell::words(&values));
        environment.add_filter("grub", |value: String| grub_cfg::quote(&value));
        environment.add_filter("grub_words", |values: Vec<String>| {
            values.iter().map(|v| grub_cfg::quote(v)).collect::<Vec<_>>().join(" ")
        });
        environment.add_filter("yaml", |value: String| starter::scalar(&value));
        for (name, text) in TEMPLATES.iter().filter(|(name, _)| name.ends_with(".j2")) {
            environment.add_template(name, text).expect("the templates parse, by a test");
        }
        environment
    });
    let template = environment.get_template(name);
    template.and_then(|t| t.render(values)).map_err(|source| EmitError::Template { name, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_compiled_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("templates is readable")
            .map(|e| e.expect("entry").file_name().into_string().expect("UTF-8"))
            .collect();
        files.sort();
        assert_eq!(files, TEMPLATES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn a_missing_value_is_an_error() {
        let error = render("default-target.j2", minijinja::context! {}).expect_err("target is not given");
        assert!(error.to_string().contains("default-target.j2"), "{error}");
    }

    #[test]
    fn the_digest_is_stable() {
        assert_eq!(digest(), digest());
    }
}
