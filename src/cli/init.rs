//! `osimg init`: a first manifest with its Dockerfiles, from flags, from a short dialogue, or after an image.
//!
//! What it writes has passed the front end before a file is made, and never takes the place of a file that is there.

mod dialogue;
mod image;
mod place;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::failure::{Failure, Problem};
use super::session::Session;
use super::{engine, interrupt};
use crate::base::event::{Event, Sink};
use crate::base::name::Name;
use crate::diag::Diagnostics;
use crate::emit::starter::{Slot, Starter};
use crate::front::{self, Probe};
use wanted::{WantedImage, WantedSlot};

/// The schema's file beside the manifest.
const SCHEMA: &str = "osimg.schema.json";

/// Write a first manifest and its Dockerfiles
///
/// Writes DIR/NAME.osimg.yaml, a Dockerfile in a folder for each slot, and the
/// JSON Schema that the manifest's first line leads editors to: with it they
/// complete, explain and check. No file that is there is overwritten. Asks when
/// no slot is named and there is a terminal.
///
/// A SYSTEM is a distribution, with a release after a colon if you like:
/// debian:trixie, ubuntu:24.04, el7, el8, el9:9.4, fedora:43. Systems of the
/// Debian family are bootstrapped with mmdebstrap; the others start from an
/// image of a registry.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  osimg init
  osimg init web --slot debian:bookworm --slot next=debian:trixie
  osimg init --name node --size 8GiB --from-image registry/node:1.4")]
pub struct Init {
    /// The folder to write to; made if need be [default: the current one]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The image's name [default: the folder's]
    #[arg(long)]
    name: Option<Name>,
    /// An operating system, built from a new Dockerfile; can be repeated
    #[arg(long = "slot", value_name = "[NAME=]SYSTEM", value_parser = wanted::slot)]
    slots: Vec<WantedSlot>,
    /// An image that the engine has, asked for its distribution and kernel
    #[arg(long = "from-image", value_name = "[NAME=]IMAGE", value_parser = wanted::image)]
    images: Vec<WantedImage>,
    /// The disk's size, such as 8GiB [default: auto]
    #[arg(long, value_parser = wanted::size)]
    size: Option<String>,
    /// Leave out the schema's file, and the line that leads editors to it
    #[arg(long)]
    no_schema: bool,
}

impl Init {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let folder = self.folder.clone().unwrap_or_else(|| PathBuf::from("."));
        let absolute = std::path::absolute(&folder)
            .map_err(|e| Problem::new("the current folder is not known").caused_by(&e))?;
        let mut starter = Starter {
            name: self.name.clone().unwrap_or_else(|| wanted::name_of(&absolute)),
            size: self.size.clone().unwrap_or_else(|| "auto".to_string()),
            slots: self.slots.iter().map(WantedSlot::slot).collect(),
            schema: (!self.no_schema).then_some(SCHEMA),
        };
        if starter.slots.is_empty() && self.images.is_empty() {
            self.ask(session, &mut starter)?;
        }
        if !self.images.is_empty() {
            starter.slots.extend(look(session, &self.images)?);
        }
        different(&starter.slots)?;
        for (slot, kernel) in without_foreign_kernels(&mut starter, &absolute)? {
            let text =
                format!("slot {slot}: kernel {kernel} is of no package of its family, so it is not pinned");
            session.notes().emit(Event::Note { text });
        }
        let files = checked(&starter, &absolute)?;
        place::write(&folder, &files)?;
        tell(session, &folder, &starter, &files)
    }

    /// Fills in what no flag said.
    fn ask(&self, session: &Session, starter: &mut Starter) -> Result<(), Failure> {
        let terminal = &session.environment.terminal;
        if !(terminal.stdin && terminal.stderr) {
            let problem = Problem::new("no operating system is named, and there is no terminal to ask on");
            let help = "name one or more: `osimg init --slot debian:trixie`";
            return Err(Failure::Usage(problem.help(help)));
        }
        let open = dialogue::Open { name: self.name.is_none(), size: self.size.is_none() };
        let asked = dialogue::ask(&mut io::stdin().lock(), &mut io::stderr().lock(), open, starter);
        match asked.map_err(|e| Problem::new("the terminal cannot be used").caused_by(&e))? {
            Some(slots) => starter.slots = slots,
            None => return Err(Failure::Interrupted),
        }
        Ok(())
    }
}

/// Asks the engine what the images hold.
fn look(session: &Session, images: &[WantedImage]) -> Result<Vec<Slot>, Failure> {
    let sink: Arc<dyn Sink> = session.notes();
    interrupt::run(&sink, |cancel| {
        let sink = sink.clone();
        async move {
            let engine = tokio::select! {
                engine = engine::connect(session) => engine?,
                () = cancel.cancelled() => return Err(Failure::Interrupted),
            };
            let mut slots = Vec::new();
            for wanted in images {
                sink.emit(Event::Note { text: format!("looking into {}", wanted.reference) });
                slots.push(image::look(engine.clone(), wanted, &cancel).await?);
            }
            Ok(slots)
        }
    })
}

/// Each slot has a folder and a partition of its own.
fn different(slots: &[Slot]) -> Result<(), Failure> {
    for (i, slot) in slots.iter().enumerate() {
        if slots[..i].iter().any(|before| before.name == slot.name) {
            let problem = Problem::new(format!("two slots would be called `{}`", slot.name));
            let help = "give them names: `--slot old=debian:bookworm --slot new=debian:trixie`";
            return Err(Failure::Usage(problem.help(help)));
        }
    }
    Ok(())
}

/// Takes out the kernels that `check` would refuse, and says which: without a version the newest of the image is booted.
fn without_foreign_kernels(starter: &mut Starter, folder: &Path) -> Result<Vec<(Name, String)>, Failure> {
    let mut foreign = Vec::new();
    for at in 0..starter.slots.len() {
        let slot = starter.slots[at].clone();
        let Some(kernel) = slot.kernel.clone() else { continue };
        // alone, so that nothing but its kernel can be wrong
        let size = "auto".to_string();
        let alone = Starter { slots: vec![slot.clone()], size, ..starter.clone() };
        if texts(&alone, folder)?.1.has_errors() {
            starter.slots[at].kernel = None;
            foreign.push((slot.name, kernel));
        }
    }
    Ok(foreign)
}

/// The files, whose manifest is known to be valid.
fn checked(starter: &Starter, folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    let (mut files, found) = texts(starter, folder)?;
    if !found.is_empty() {
        return Err(Failure::Invalid(found));
    }
    if starter.schema.is_some() {
        files.push((SCHEMA.to_string(), front::schema()));
    }
    Ok(files)
}

/// The texts, and what `check` says to them.
fn texts(starter: &Starter, folder: &Path) -> Result<(Vec<(String, String)>, Diagnostics), Failure> {
    let files = starter.files().map_err(|e| Failure::Usage(Problem::of(&e)))?;
    let planned = Planned(files.iter().map(|(path, text)| (folder.join(path), text.clone())).collect());
    let (manifest, text) = files.first().expect("a starter has a manifest");
    let (_, found) = front::load(manifest, text.as_bytes(), folder, &planned);
    Ok((files, found))
}

/// Files that are not written yet.
struct Planned(BTreeMap<PathBuf, String>);

impl Probe for Planned {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(path).map(|text| text.as_bytes().to_vec()))
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.0.keys().any(|file| file != path && file.starts_with(path))
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn list(&self, path: &Path) -> Option<Vec<String>> {
        let below = self.0.keys().filter_map(|file| file.strip_prefix(path).ok()?.components().next());
        let names: BTreeSet<String> =
            below.map(|name| name.as_os_str().to_string_lossy().into_owned()).collect();
        (!names.is_empty()).then(|| names.into_iter().collect())
    }
}

/// What was written, and what comes next.
fn tell(
    session: &Session,
    folder: &Path,
    starter: &Starter,
    files: &[(String, String)],
) -> Result<(), Failure> {
    let paint = session.stdout_paint();
    let shown = |path: &str| match folder == Path::new(".") {
        true => path.to_string(),
        false => folder.join(path).display().to_string(),
    };
    let slots: Vec<&str> = starter.slots.iter().map(|s| s.system.title.as_str()).collect();
    let mut text = format!("{} {}: {}\n", paint.good(paint.tick()), starter.name, slots.join(", "));
    for (path, _) in files {
        text.push_str(&format!("  {}\n", shown(path)));
    }
    text.push_str(&format!("\nNext: {}", paint.bold(format!("osimg apply {}", shown(&starter.manifest())))));
    session.say(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::starter::System;
    use crate::front::model::Distro;

    fn starter(slots: Vec<Slot>) -> Starter {
        Starter { name: "web".parse().expect("a name"), size: "auto".into(), slots, schema: None }
    }

    fn slot(name: &str, system: &str, kernel: Option<&str>) -> Slot {
        Slot {
            name: name.parse().expect("a name"),
            system: System::parse(system).expect("a system"),
            kernel: kernel.map(String::from),
        }
    }

    #[test]
    fn every_family_passes_the_front_end_without_a_warning() {
        for distro in Distro::ALL {
            let starter = starter(vec![slot("a", distro.as_str(), None), slot("b", "debian:12", None)]);
            let files = checked(&starter, Path::new("/m")).expect("valid");
            assert_eq!(files.len(), 3);
        }
    }

    #[test]
    fn a_kernel_that_the_family_cannot_have_is_left_out() {
        let kernel = "5.14.0-427.13.1.el9_4.x86_64";
        let slots = vec![slot("a", "el9", Some(kernel)), slot("b", "el9", Some("6.12.0-mine"))];
        let mut starter = starter(slots);
        let foreign = without_foreign_kernels(&mut starter, Path::new("/m")).expect("texts");
        assert_eq!(foreign, [("b".parse().expect("a name"), "6.12.0-mine".to_string())]);
        let text = checked(&starter, Path::new("/m")).expect("valid").remove(0).1;
        assert!(text.contains(&format!("kernel: {{version: \"{kernel}\"}}")), "{text}");
        assert!(!text.contains("mine"), "{text}");
    }

    #[test]
    fn what_check_would_refuse_is_refused() {
        let small = Starter { size: "1MiB".into(), ..starter(vec![slot("a", "debian", None)]) };
        assert!(matches!(checked(&small, Path::new("/m")), Err(Failure::Invalid(_))));
        let twice = [slot("a", "debian", None), slot("a", "el9", None)];
        assert!(matches!(different(&twice), Err(Failure::Usage(_))));
    }
}
