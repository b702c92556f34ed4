//! `osimg apply`: makes the image that a manifest describes.

use std::time::{Duration, Instant};

use clap::Args;

use super::failure::{Failure, Problem};
use super::flags::MessageFormat;
use super::session::Session;
use super::{interrupt, run};
use crate::disk::checksum;
use crate::exec::outputs::ImageOutput;
use crate::exec::{self, Outputs};
use crate::front::model::Model;
use crate::plan::lower;
use crate::report::duration;
use crate::report::fit;
use crate::report::paint::Paint;

/// Build the image that a manifest describes
///
/// Builds what is not there yet: bases, each slot's Dockerfile, what makes it bootable, its filesystem, the boot
/// partition, the disk. The image appears under its name when it is whole; until then the one before stays.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  osimg apply examples/debian-dual.yaml
  osimg apply examples/debian-dual.yaml --refresh trixie
  osimg apply examples/debian-dual.yaml --checksum")]
pub struct Apply {
    #[command(flatten)]
    wanted: run::Wanted,
    /// Also write the image's SHA-256 beside it, into <IMAGE>.sha256
    #[arg(long)]
    checksum: bool,
}

impl Apply {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        let started = Instant::now();
        let run::Prepared { model, mut plan, refresh, store } = self.wanted.prepare(session)?;
        let mut goals = vec![plan.goal().expect("lowering ends with the assembly")];
        if self.checksum {
            goals.push(lower::checksum(&mut plan, &model));
        }
        let sink = session.sink();
        let outputs = interrupt::run(&sink, |cancel| {
            let (sink, model, plan) = (sink.clone(), model.clone(), &plan);
            async move {
                let _lock = run::lock(&store, &sink, &cancel).await?;
                let mut cx = run::cx(model.clone(), store, session, &sink, &cancel);
                cx.refresh = refresh;
                let results = exec::run(plan, &goals, &cx).await?;
                Ok(Outputs::of(plan, &model, &results)?)
            }
        })?;
        drop(sink);
        if let ImageOutput { path, sha256: Some(sha256), .. } = &outputs.image {
            checksum::write(path, sha256)
                .map_err(|e| Problem::new("the image's checksum cannot be written").caused_by(&e))?;
        }
        let text = match session.flags.message_format {
            MessageFormat::Json => format!("{}\n", serde_json::json!(outputs)),
            _ => summary(&outputs, &model, started.elapsed(), session.stdout_paint()),
        };
        match session.flags.message_format {
            MessageFormat::Json => session.print(&text)?,
            _ => session.say(text.trim_end())?,
        }
        if !outputs.findings.is_empty() {
            session.warn(&outputs.findings);
        }
        Ok(())
    }
}

/// What was made, for people.
fn summary(outputs: &Outputs, model: &Model, took: Duration, paint: Paint) -> String {
    let image = &outputs.image;
    let mut out = String::new();
    let path = relative(&image.path);
    if outputs.ran.is_empty() {
        out.push_str(&format!("{} nothing to do: {path} is up to date\n", paint.good(paint.tick())));
    } else {
        out.push_str(&format!(
            "{} {} in {}\n",
            paint.good(paint.tick()),
            paint.bold(&path),
            duration::exact(took)
        ));
    }
    out.push_str(&format!("  {} of which {} take space\n", image.size, image.allocated));
    if let Some(sha256) = &image.sha256 {
        out.push_str(&format!("  sha256 {sha256}\n"));
    }
    out.push('\n');
    let mut rows = vec![["", "slot", "size", "", "kernel", "root UUID", "time"].map(String::from)];
    for slot in &outputs.slots {
        rows.push([
            slot.partition.to_string(),
            slot.name.clone(),
            slot.size.to_string(),
            slot.filesystem.to_string(),
            slot.kernel.clone(),
            slot.uuid.to_string(),
            slot.took.map_or("cached".to_string(), duration::exact),
        ]);
    }
    let widths: Vec<usize> =
        (0..rows[0].len()).map(|c| rows.iter().map(|r| fit::width(&r[c])).max().unwrap_or(0)).collect();
    for (i, row) in rows.iter().enumerate() {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| fit::pad(cell, *width)).collect();
        let line = format!("  {}", cells.join("  ")).trim_end().to_string();
        out.push_str(&if i == 0 { paint.dim(line) } else { line });
        out.push('\n');
    }
    let total = outputs.ran.len() + outputs.cached.len();
    if !outputs.ran.is_empty() && !outputs.cached.is_empty() {
        let cached = outputs.cached.join(", ");
        out.push_str(&format!("\n  {} of {total} steps from the cache: {cached}\n", outputs.cached.len()));
    }
    let default = model.slots[model.boot.default].name.as_str();
    out.push_str(&format!("\n  default slot: {default}\n"));
    out
}

/// A path as seen from the current folder, where that is shorter.
fn relative(path: &std::path::Path) -> String {
    let here = std::env::current_dir().ok();
    let inside = here.and_then(|here| path.strip_prefix(here).ok().map(|p| p.to_path_buf()));
    inside.unwrap_or_else(|| path.to_path_buf()).display().to_string()
}
