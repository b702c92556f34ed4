//! Writes the FAT boot partition: GRUB's modules, grub.cfg, grubenv, the UEFI binary, the slots' description.

use super::pure::Menu;
use super::{Work, blocking, boot_files, value};
use crate::base::{Bytes, Lba};
use crate::boot::partition;
use crate::exec::error::ExecError;
use crate::exec::product::Outcome;
use crate::fs::fat::Fat;
use crate::fs::{Formatter, Request, Window};
use crate::plan::op::BootPartition;

/// The inputs in lowering's order: grub.cfg, GRUB's files.
const GRUB_CFG: usize = 0;
const BOOT_FILES: usize = 1;

const DOING: &str = "writing the boot partition";

pub async fn run(op: &BootPartition, work: &Work<'_>) -> Result<Outcome, ExecError> {
    let cx = work.cx;
    let menu: Menu = value(work.inputs, GRUB_CFG)?;
    let count = cx.model.slots.len();
    let grub = boot_files::load(work, BOOT_FILES, &op.firmware).await?;
    let request = Request {
        size: op.size,
        uuid: Default::default(),
        hash_seed: Default::default(),
        label: op.label.clone(),
        created: op.created,
    };
    let formatter = Fat { volume_id: op.volume_id, start: Lba(op.start) };
    let (store, key) = (cx.store.clone(), work.key);
    blocking(move || {
        let io = |e| ExecError::failed(DOING, e);
        let staged = store.stage().map_err(io)?;
        staged.as_file().set_len(request.size.0).map_err(io)?;
        let texts = partition::Texts { grub_cfg: &menu.grub_cfg, slots: &menu.slots, count };
        let mut content = partition::Content::new(partition::files(&grub, texts), request.created);
        let mut window = Window::new(staged.as_file(), Bytes(0), request.size);
        formatter.format(&request, &mut content, &mut window).map_err(|e| ExecError::failed(DOING, e))?;
        store.publish(staged, &key).map_err(io)?;
        Ok(Outcome::object(key))
    })
    .await
}
