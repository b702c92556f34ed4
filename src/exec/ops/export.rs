//! Takes a slot's tree out of the engine in one pass: scrubbed, finished, hashed and kept as a tar archive.

use std::io::BufWriter;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::pure::Settings;
use super::stream::{Appended, ChannelReader, Watched};
use super::{Work, blocking, image, value};
use crate::base::digest::HashWriter;
use crate::exec::cx::engine_error;
use crate::exec::error::ExecError;
use crate::exec::product::{Outcome, Product};
use crate::plan::op::Export;
use crate::rootfs::archive::Archive;
use crate::rootfs::archive_writer::ArchiveWriter;
use crate::rootfs::finish::finish;

/// Pieces of the stream under way between the engine and the writer; each is at most some hundred KiB.
const IN_FLIGHT: usize = 32;

pub async fn run(op: &Export, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let settings: Settings = value(work.inputs, 1)?;
    let settings = settings.read(op, cx)?;
    let engine = cx.engine().await?;
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let (reader, sender_ended) = ChannelReader::new(receiver);
    let reader = Watched::new(reader, None, work.reporter, &cx.cancel);
    let store = cx.store.clone();
    let doing = format!("exporting slot `{}`", op.slot);
    let writing = {
        let doing = doing.clone();
        blocking(move || {
            let io = |e| ExecError::failed(&doing, e);
            let staged = store.stage().map_err(io)?;
            // gathered before it is hashed: BLAKE3 is fast on many kibibytes at once
            let hashed = HashWriter::fast(Appended::new(staged.as_file()));
            let mut archive = ArchiveWriter::new(BufWriter::with_capacity(1 << 20, hashed));
            let census = finish(&mut Archive::new(reader), &settings, &mut archive)
                .map_err(|e| ExecError::failed(&doing, e))?;
            let hashed = archive.finish().map_err(io)?.into_inner().map_err(|e| io(e.into_error()))?;
            let (_, digest, _) = hashed.finish();
            store.publish(staged, &digest).map_err(io)?;
            Ok((digest, census))
        })
    };
    let (sent, written) = tokio::join!(engine.export(image(work.inputs, 0), sender, &cx.cancel), writing);
    match (sent, written) {
        (Ok(()), Ok((digest, census))) => Ok(Outcome {
            product: Product::Object(digest),
            facts: serde_json::to_value(census).expect("numbers"),
        }),
        // a writer that fails closes the channel, which fails the sender; a sender that fails ends the stream, which
        // fails the writer: the one that failed first is what the user should see
        (Err(error), Ok(_)) => Err(engine_error(error)),
        (Err(error), Err(_)) if sender_ended.load(Ordering::SeqCst) => Err(engine_error(error)),
        (_, Err(error)) => Err(error),
    }
}
