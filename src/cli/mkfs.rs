//! `osimg mkfs`: a filesystem out of a tar archive, without a manifest, an engine or root.

mod features;
mod order;
pub mod source;
mod target;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, Problem};
use super::flags::MessageFormat;
use super::session::Session;
use super::{interrupt, run};
use crate::base::event::{Event, NodeId, NodeReporter, Sink};
use crate::base::{Bytes, units::SizeError};
use crate::fs::fat::loss::Watched;
use crate::fs::{FsError, Written};
use crate::plan::layout::auto_size;
use crate::plan::pins;
use crate::report::duration;
use crate::report::paint::Paint;
use crate::rootfs::finish::census;
use features::Switch;
use order::{Format, Identity, Order, Size};
use source::Source;
use target::Place;

/// Make a filesystem out of a tar archive
///
/// The archive's files, owners, links, devices and extended attributes become an xfs, ext4 or FAT32 filesystem in one
/// pass, without root. The same archive and flags give the same bytes. A new file appears under its name when it is
/// whole; SOURCE_DATE_EPOCH bounds its times.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  osimg mkfs --type xfs --size 2GiB --output root.img tree.tar.zst
  osimg mkfs --type fat --size 64MiB --offset 1MiB --output disk.img efi.tar
  docker export web | osimg mkfs --type ext4 --size 4GiB --output root.img -")]
pub struct Mkfs {
    /// The format
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    format: Format,
    /// How large it is; auto: what the tree takes, and some room
    #[arg(long, value_name = "SIZE", default_value = "auto", value_parser = size)]
    size: Size,
    /// The oldest Linux that must mount it, such as 3.10 [default: a new one]
    #[arg(long, value_name = "VERSION", value_parser = order::kernel)]
    kernel: Option<String>,
    /// Features to turn on or off, such as reflink=off,rmapbt=on
    #[arg(long, value_name = "FEATURE=on|off", value_delimiter = ',')]
    features: Vec<Switch>,
    /// Its UUID, 1234-ABCD for FAT [default: from type, size and label]
    #[arg(long, value_name = "UUID")]
    uuid: Option<Identity>,
    /// Its label: 12 bytes for xfs, 16 for ext4, 11 for FAT
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    label: String,
    /// Write into an image that is there, from this byte on
    #[arg(long, value_name = "BYTES")]
    offset: Option<Bytes>,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// A tar archive, plain or packed by gzip, xz or zstd; - is standard input
    #[arg(value_name = "TREE.tar")]
    tree: PathBuf,
}

fn size(text: &str) -> Result<Size, String> {
    text.parse().map_err(|e: SizeError| format!("{e}; such as 2GiB, 512MiB or auto"))
}

/// A finished filesystem.
#[derive(Clone, Debug)]
struct Made {
    size: Bytes,
    written: Written,
    /// What the tree had and the format does not keep, a line each.
    losses: Vec<String>,
}

/// Everything that the work needs; it goes to a thread that may block.
struct Work {
    order: Order,
    size: Size,
    place: Place,
    source: Source,
    reporter: NodeReporter,
    cancel: CancellationToken,
}

impl Mkfs {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let started = Instant::now();
        let epoch = run::source_date_epoch(session)?;
        let (features, warnings) = features::choose(self.format, self.kernel.as_deref(), &self.features)?;
        let order = Order {
            format: self.format,
            features,
            identity: self.uuid,
            label: self.label.clone(),
            offset: self.offset.unwrap_or_default(),
            created: pins::created(epoch),
        }
        .checked()?;
        let place = Place { path: self.output.clone(), offset: self.offset };
        place.check()?;
        let source = Source::open(&self.tree, session, epoch, "mkfs")?;
        self.check(&source)?;
        let sink = session.sink();
        for text in warnings {
            sink.emit(Event::Note { text });
        }
        let label = format!("{} {}", self.format.as_str(), self.output.display());
        let made = interrupt::run(&sink, |cancel| {
            let reporter = NodeReporter::new(NodeId(0), sink.clone());
            let work = Work { order: order.clone(), size: self.size, place, source, reporter, cancel };
            told(&*sink, label, work)
        })?;
        for text in &made.losses {
            sink.emit(Event::Note { text: text.clone() });
        }
        drop(sink);
        match session.flags.message_format {
            MessageFormat::Json => session.print(&format!("{}\n", self.object(&order, &made))),
            _ => session.say(&self.summary(&order, &made, started.elapsed(), session.stdout_paint())),
        }
    }

    /// What flags and archive must not be together.
    fn check(&self, source: &Source) -> Result<(), Failure> {
        let usage = |what: &str, how: &str| Err(Failure::Usage(Problem::new(what).help(how)));
        if source.is(&self.output) {
            return usage("the archive itself would be overwritten", "name another file with `--output`");
        }
        if self.size == Size::Auto && self.offset.is_some() {
            return usage(
                "the size within the image is not given",
                "`--offset` wants a `--size`, such as 2GiB: nothing after it is touched",
            );
        }
        if self.size == Size::Auto && !source.is_rewindable() {
            return usage(
                "the size is not given, and the archive can be read only once",
                "give a `--size`, such as 2GiB, or an archive that is a file",
            );
        }
        Ok(())
    }

    fn object(&self, order: &Order, made: &Made) -> serde_json::Value {
        json!({
            "output": self.output.display().to_string(),
            "type": self.format.as_str(),
            "offset": self.offset.unwrap_or_default(),
            "size": made.size,
            "uuid": order.identity_text(made.size),
            "label": self.label,
            "inodes": made.written.inodes,
            "data": made.written.data,
            "free": made.written.free,
        })
    }

    /// What was made, for people.
    fn summary(&self, order: &Order, made: &Made, took: Duration, paint: Paint) -> String {
        let output = self.output.display();
        let place = match self.offset {
            None => output.to_string(),
            Some(offset) => format!("{output} from byte {} on", offset.0),
        };
        let Written { inodes, data, free } = made.written;
        format!(
            "{} {} in {}\n  {} of {}, UUID {}\n  {inodes} inodes, {data} in files, {free} free",
            paint.good(paint.tick()),
            paint.bold(place),
            duration::exact(took),
            self.format.as_str(),
            made.size,
            order.identity_text(made.size),
        )
    }
}

/// Does the work on a thread that may block, and tells it as a run of one node.
async fn told(sink: &dyn Sink, label: String, work: Work) -> Result<Made, Failure> {
    let (started, node) = (Instant::now(), NodeId(0));
    sink.emit(Event::RunStarted { total: 1 });
    sink.emit(Event::NodeStarted { node, label: label.clone(), why: String::new() });
    let made = match tokio::task::spawn_blocking(move || work.make()).await {
        Ok(made) => made,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Failure::Interrupted),
        },
    };
    let took = started.elapsed();
    sink.emit(match &made {
        Ok(_) => Event::NodeFinished { node, label, took },
        Err(_) => Event::NodeFailed { node, label },
    });
    sink.emit(Event::RunFinished { took });
    made
}

/// What came of one pass.
enum Pass {
    Done(Made),
    /// `need` is sure to do.
    TooSmall {
        need: Bytes,
        have: Bytes,
    },
}

impl Work {
    fn make(&self) -> Result<Made, Failure> {
        let size = match self.size {
            Size::Fixed(size) => size,
            Size::Auto => self.auto()?,
        };
        match (self.write(size)?, self.size) {
            (Pass::Done(made), _) => Ok(made),
            // a tree that takes more than was foreseen: large clusters, directories that the archive does not name
            (Pass::TooSmall { need, .. }, Size::Auto) => match self.write(auto_size(need))? {
                Pass::Done(made) => Ok(made),
                Pass::TooSmall { need, have } => Err(too_small(need, have)),
            },
            (Pass::TooSmall { need, have }, Size::Fixed(_)) => Err(too_small(need, have)),
        }
    }

    /// The size of a first pass that only counts.
    fn auto(&self) -> Result<Bytes, Failure> {
        self.reporter.step("counting what the tree takes");
        let mut tree = self.source.tree(&self.reporter, &self.cancel)?;
        let census = census(&mut tree).map_err(|e| self.source.unreadable(&e))?;
        Ok(auto_size(census.footprint()))
    }

    /// Writes a filesystem of `size`, which is there as a whole afterwards or not at all.
    fn write(&self, size: Bytes) -> Result<Pass, Failure> {
        // opened first: what is no archive makes no file
        let mut tree = self.source.tree(&self.reporter, &self.cancel)?;
        let target = self.place.open(size)?;
        let formatter = self.order.formatter(size);
        let mut watched = Watched::new(&mut tree);
        match formatter.format(&self.order.request(size), &mut watched, &mut target.window()) {
            Ok(written) => {
                let losses = if self.order.format == Format::Fat { watched.losses() } else { Vec::new() };
                target.finish().map_err(|e| self.place.unwritable(&e))?;
                Ok(Pass::Done(Made { size, written, losses }))
            }
            Err(FsError::TooSmall { need, have }) => Ok(Pass::TooSmall { need, have }),
            Err(FsError::Read(error)) => Err(self.source.unreadable(&error)),
            Err(FsError::Write(error)) => Err(self.place.unwritable(&error)),
            Err(FsError::Unrepresentable { path, problem }) => {
                let format = self.order.format.as_str();
                Err(Problem::new(format!("{path} cannot be in a filesystem of type {format}: {problem}"))
                    .into())
            }
        }
    }
}

fn too_small(need: Bytes, have: Bytes) -> Failure {
    let what = format!("the tree needs {need} ({} bytes), and `--size` is {have}", need.0);
    let size = match need.0.is_multiple_of(Bytes::MIB.0) {
        true => format!("{}MiB", need.0 / Bytes::MIB.0),
        false => need.0.to_string(),
    };
    Problem::new(what).help(format!("give `--size {size}` or more")).into()
}
