//! A first manifest and its Dockerfiles, as `osimg init` writes them.
//!
//! Enters: a [`Starter`]: the image's name, its size, a [`System`] for each slot. Leaves: texts by the path they go to.
//! They pass `osimg check` without a warning, and belong to the user from then on.

mod system;

pub use system::{Origin, System, SystemError};

use minijinja::context;

use super::{EmitError, printable, templates};
use crate::base::name::Name;
use crate::front::model::{Distro, FilesystemKind};

/// crypt(5) of `osimg`, the password of the examples.
const PASSWORD_HASH: &str =
    "$6$osimgexample$o1rdygQbraO9nIlS0oeFeQEKNuF5cxcUEkAZ63MIeE3HplZSAEquVqXTDBOsKr/IRhF7/2WREft1o.nxLygGx0";
/// Where the packages of CentOS 7 are kept for good.
const VAULT: &str = "7.9.2009";

/// What the first manifest says.
#[derive(Clone, Debug)]
pub struct Starter {
    /// Of the image and of the manifest's file.
    pub name: Name,
    /// `auto`, or a size as manifests write it.
    pub size: String,
    /// At least one.
    pub slots: Vec<Slot>,
    /// The schema's file beside the manifest, where an editor is to find one.
    pub schema: Option<&'static str>,
}

/// One slot of it.
#[derive(Clone, Debug)]
pub struct Slot {
    pub name: Name,
    pub system: System,
    /// The kernel that the image has, as `uname -r` says it.
    pub kernel: Option<String>,
}

impl Starter {
    /// The manifest's file name.
    pub fn manifest(&self) -> String {
        format!("{}.osimg.yaml", self.name)
    }

    /// Texts by their path: the manifest first, then each slot's Dockerfile.
    ///
    /// # Errors
    ///
    /// A title or an image's name that no line can carry.
    pub fn files(&self) -> Result<Vec<(String, String)>, EmitError> {
        let mut files = vec![(self.manifest(), self.manifest_text()?)];
        for slot in &self.slots {
            files.push((format!("{}/Dockerfile", slot.name), slot.dockerfile()?));
        }
        Ok(files)
    }

    fn manifest_text(&self) -> Result<String, EmitError> {
        let mut bases: Vec<(String, &str)> = Vec::new();
        for slot in &self.slots {
            if let Origin::Bootstrap { suite } = &slot.system.origin
                && !bases.iter().any(|(_, known)| known == suite)
            {
                bases.push((slot.system.image(), suite));
            }
        }
        let bases: Vec<_> = bases.iter().map(|(name, suite)| context! { name, suite => *suite }).collect();
        // the first slot's stands for all, those that differ say so
        let filesystem = self.slots.first().map_or(FilesystemKind::Ext4, |slot| slot.system.filesystem());
        let slots: Vec<_> = self
            .slots
            .iter()
            .map(|slot| {
                context! {
                    name => slot.name.as_str(),
                    title => &slot.system.title,
                    distro => slot.system.distro.as_str(),
                    kernel => slot.kernel.as_deref(),
                    filesystem => Some(slot.system.filesystem())
                        .filter(|own| *own != filesystem)
                        .map(FilesystemKind::as_str),
                }
            })
            .collect();
        templates::render(
            "starter-manifest.j2",
            context! {
                schema => self.schema,
                file => self.manifest(),
                name => self.name.as_str(),
                // without a unit it would be a number
                size => if self.size.ends_with('B') { self.size.clone() } else { scalar(&self.size) },
                filesystem => filesystem.as_str(),
                password_hash => PASSWORD_HASH,
                bases,
                slots,
            },
        )
    }
}

impl Slot {
    fn dockerfile(&self) -> Result<String, EmitError> {
        printable("title", &self.system.title, None)?;
        let from = self.system.image();
        printable("image", &from, None)?;
        let manager = match self.system.distro {
            Distro::Debian | Distro::Ubuntu => "apt",
            Distro::El7 => "yum",
            Distro::El8 | Distro::El9 | Distro::Fedora => "dnf",
        };
        // a base made here has the component main alone; an image of a registry has what its makers chose
        let universe =
            self.system.distro == Distro::Ubuntu && !matches!(self.system.origin, Origin::Image(_));
        let vault = from.starts_with("centos:7").then_some(VAULT);
        templates::render(
            "starter-dockerfile.j2",
            context! { title => &self.system.title, from, manager, universe, vault },
        )
    }
}

impl System {
    /// The root filesystem that the family's own installer chooses; of several, the one that every family's kernel knows.
    fn filesystem(&self) -> FilesystemKind {
        match self.distro {
            Distro::El7 | Distro::El8 | Distro::El9 => FilesystemKind::Xfs,
            Distro::Debian | Distro::Ubuntu | Distro::Fedora => FilesystemKind::Ext4,
        }
    }

    /// What the Dockerfile's `FROM` names.
    fn image(&self) -> String {
        match &self.origin {
            Origin::Bootstrap { suite } => format!("{}-{suite}", self.distro.as_str()),
            Origin::Image(reference) => reference.clone(),
        }
    }
}

/// `text` as a YAML scalar that is a string to every reader: bare where that is beyond doubt, else as JSON writes it.
pub(super) fn scalar(text: &str) -> String {
    // words that YAML 1.1 takes for something else
    const TAKEN: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let harmless =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ' | '(' | ')' | '/');
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(harmless)
        && !text.ends_with(' ')
        && !TAKEN.contains(&text.to_ascii_lowercase().as_str());
    if bare { text.to_string() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(name: &str, system: &str) -> Slot {
        Slot {
            name: name.parse().expect("a name"),
            system: System::parse(system).expect("a system"),
            kernel: None,
        }
    }

    fn starter(slots: Vec<Slot>) -> Starter {
        Starter {
            name: "web".parse().expect("a name"),
            size: "auto".into(),
            slots,
            schema: Some("osimg.schema.json"),
        }
    }

    #[test]
    fn two_debians_and_an_image() {
        let mut mine = slot("mine", "el9");
        mine.system.title = "Rocky: \"mine\"".into();
        mine.system.origin = Origin::Image("registry:5000/mine:1".into());
        mine.kernel = Some("5.14.0-427.el9.x86_64".into());
        let files = starter(vec![slot("bookworm", "debian:12"), slot("no", "debian:12"), mine]).files();
        let text: Vec<String> =
            files.expect("texts").into_iter().map(|(path, text)| format!("==> {path} <==\n{text}")).collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn no_base_no_schema_a_size() {
        let starter = Starter { size: "8GiB".into(), schema: None, ..starter(vec![slot("el7", "el7")]) };
        let text: Vec<String> = starter.files().expect("texts").into_iter().map(|(_, text)| text).collect();
        insta::assert_snapshot!(text.join("---\n"));
    }

    #[test]
    fn a_bootstrapped_ubuntu_gets_universe() {
        let text = |slot: Slot| starter(vec![slot]).files().expect("texts").remove(1).1;
        assert!(text(slot("a", "ubuntu")).contains("universe/' /etc/apt/sources.list\n"));
        assert!(!text(slot("a", "debian")).contains("universe"));
        let mut image = slot("a", "ubuntu");
        image.system.origin = Origin::Image("ubuntu:24.04".into());
        assert!(!text(image).contains("universe"));
    }

    #[test]
    fn what_no_line_carries_is_refused() {
        let mut bad = slot("bad", "el9");
        bad.system.title = "a\nRUN evil".into();
        assert!(matches!(starter(vec![bad]).files(), Err(EmitError::Value { what: "title", .. })));
    }

    proptest! {
        #[test]
        fn scalars_are_read_back_as_they_were(text in "\\PC{0,20}") {
            let read: serde_json::Value = serde_yaml::from_str(&format!("a: {}\n", scalar(&text))).expect("YAML");
            prop_assert_eq!(&read["a"], &serde_json::Value::from(text));
        }
    }

    #[test]
    fn words_that_yaml_would_take_are_quoted() {
        for text in ["no", "On", "12", "6.10", "", "a: b", "x #y", "null", "~", "- a", "a "] {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
        for text in ["trixie", "Debian 13 (trixie)", "debian-trixie"] {
            assert_eq!(scalar(text), text);
        }
    }
}
