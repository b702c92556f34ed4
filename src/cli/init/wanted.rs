//! What the flags of `osimg init` ask for, read from their words.

use std::path::Path;

use crate::base::name::{NAME_MAX, Name};
use crate::emit::starter::{Origin, Slot, System, SystemError};
use crate::front::model::Distro;
use crate::front::suggest;
use crate::front::words;

/// `[NAME=]SYSTEM`.
#[derive(Clone, Debug)]
pub struct WantedSlot {
    name: Name,
    system: System,
}

impl WantedSlot {
    pub fn slot(&self) -> Slot {
        Slot { name: self.name.clone(), system: self.system.clone(), kernel: None }
    }
}

/// `[NAME=]IMAGE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedImage {
    pub name: Name,
    pub reference: String,
}

/// Reads `[NAME=]SYSTEM`.
pub fn slot(text: &str) -> Result<WantedSlot, String> {
    let (name, system) = named(text)?;
    let text = system;
    let system = System::parse(text).map_err(|e| format!("{e}; {}", meant(text, &e)))?;
    slip(text, &system)?;
    let name = match name {
        Some(name) => name,
        None => name_like(&system.name),
    };
    Ok(WantedSlot { name, system })
}

/// Reads `[NAME=]IMAGE`.
pub fn image(text: &str) -> Result<WantedImage, String> {
    let (name, reference) = named(text)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@');
    if !reference.starts_with(|c: char| c.is_ascii_alphanumeric()) || !reference.chars().all(fits) {
        return Err("an image is named like `registry/name:tag`".to_string());
    }
    // builders look for an id as if it were a name, and find none
    let is_id = reference.starts_with("sha256:")
        || (reference.len() >= 12 && reference.chars().all(|c| c.is_ascii_hexdigit()));
    if is_id {
        return Err("a Dockerfile cannot start from an image's id: tag it, and name the tag".to_string());
    }
    let last = reference.rsplit('/').next().unwrap_or(reference);
    let name = name.unwrap_or_else(|| name_like(last.split([':', '@']).next().unwrap_or(last)));
    Ok(WantedImage { name, reference: reference.to_string() })
}

/// Reads a disk's size; whether the slots fit is not known here.
pub fn size(text: &str) -> Result<String, String> {
    if words::fits(words::DISK_SIZE, text) {
        return Ok(text.to_string());
    }
    Err("write `auto`, or a number and `MiB`, `GiB` or `TiB`, such as `8GiB`".to_string())
}

fn named(text: &str) -> Result<(Option<Name>, &str), String> {
    let Some((name, rest)) = text.split_once('=') else { return Ok((None, text)) };
    let name = name.parse().map_err(|e| format!("the slot's name `{name}`: {e}"))?;
    Ok((Some(name), rest))
}

/// What the writer of `text` may have had in mind.
fn meant(text: &str, error: &SystemError) -> String {
    // a release alone, or before its family
    let first = text.split(':').next().unwrap_or(text);
    if let Some(system) = System::known().iter().find(|k| k.split_once(':').is_some_and(|(_, r)| r == first))
    {
        return format!("did you mean `{system}`?");
    }
    match error {
        SystemError::Family(family) => {
            let families: Vec<String> = Distro::ALL.iter().map(|d| d.as_str().to_string()).collect();
            suggest::words(family, &families)
        }
        SystemError::Release { family, release } => {
            let known = releases(family);
            match suggest::nearest(release, &known) {
                Some(near) => format!("did you mean `{family}:{near}`?"),
                None if known.is_empty() => format!("write `{family}` alone for the one that fits most"),
                None => format!("its releases are {}", known.join(", ")),
            }
        }
    }
}

/// The releases of a family that have a name.
fn releases(family: &str) -> Vec<String> {
    let of_family = |known: String| {
        known.split_once(':').filter(|(f, _)| *f == family).map(|(_, release)| release.to_string())
    };
    System::known().into_iter().filter_map(of_family).collect()
}

/// Refuses a release that is none we know and nearly one we know: mmdebstrap would find that out minutes later.
fn slip(text: &str, system: &System) -> Result<(), String> {
    let (Some((family, release)), Origin::Bootstrap { suite }) = (text.split_once(':'), &system.origin)
    else {
        return Ok(());
    };
    let known = releases(family);
    match suggest::nearest(release, &known) {
        Some(near) if !known.contains(suite) => {
            Err(format!("{family} has no release `{release}`; did you mean `{family}:{near}`?"))
        }
        _ => Ok(()),
    }
}

/// The name that a folder gives to the image made in it.
pub fn name_of(folder: &Path) -> Name {
    // `web/.` and `web/sub/..` are `web`; a folder that is not there yet is as it is written
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    name_like(&name)
}

/// A name as near to `text` as the rule of names allows.
fn name_like(text: &str) -> Name {
    let mut name = String::new();
    for c in text.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            _ if name.ends_with('-') || name.is_empty() => {}
            _ => name.push('-'),
        }
    }
    name.truncate(NAME_MAX);
    let name = name.trim_end_matches('-');
    let name = if name.is_empty() { "disk" } else { name };
    name.parse().expect("letters and digits, joined by single hyphens, at most as long as a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_with_and_without_a_name() {
        assert_eq!(slot("debian:12").expect("a slot").name.as_str(), "bookworm");
        assert_eq!(slot("next=debian").expect("a slot").name.as_str(), "next");
        assert!(slot("Next=debian").expect_err("no name").contains("`Next`"));
        for (text, hint) in [
            ("debain", "did you mean `debian`?"),
            ("bookworm", "did you mean `debian:bookworm`?"),
            ("trixie:debian", "did you mean `debian:trixie`?"),
            ("debian:bokworm", "did you mean `debian:bookworm`?"),
            ("ubuntu:nobel", "did you mean `ubuntu:noble`?"),
            ("ubuntu:trixie", "its releases are noble, jammy, focal"),
            ("el8:9", "write `el8` alone"),
            ("windows", "write `debian`, `ubuntu`"),
            ("", "write `debian`"),
        ] {
            let error = slot(text).map(|s| s.name).expect_err("no system");
            assert!(error.contains(hint), "{text}: {error}");
        }
        for text in ["debian:sid", "debian:unstable", "ubuntu:resolute", "debian:duke", "debian:13"] {
            assert!(slot(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn images_and_their_names() {
        let of = |text: &str| image(text).map(|i| (i.name.as_str().to_string(), i.reference));
        let named = |name: &str, reference: &str| Ok((name.to_string(), reference.to_string()));
        assert_eq!(of("registry:5000/team/Web_App:1.2"), named("web-app", "registry:5000/team/Web_App:1.2"));
        assert_eq!(of("web@sha256:00ff"), named("web", "web@sha256:00ff"));
        assert_eq!(of("a=b:1"), named("a", "b:1"));
        for text in ["", "-x", "a b", "a\nRUN b", "a=", "$x", "sha256:00ff", "0123456789ab"] {
            assert!(image(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("8GiB").as_deref(), Ok("8GiB"));
        assert!(size("8G").expect_err("no unit").contains("8GiB"));
    }

    #[test]
    fn names_out_of_anything() {
        for (text, name) in [
            ("web", "web"),
            ("My Disk (1)", "my-disk-1"),
            ("__", "disk"),
            ("", "disk"),
            ("größe", "gr-e"),
            ("İ", "i"),
            (&"x-".repeat(60), ("x-".repeat(31) + "x").as_str()),
        ] {
            assert_eq!(name_like(text).as_str(), name, "{text}");
        }
        assert_eq!(name_of(Path::new("/")).as_str(), "disk");
        assert_eq!(name_of(Path::new("/not/there/Web")).as_str(), "web");
    }
}
