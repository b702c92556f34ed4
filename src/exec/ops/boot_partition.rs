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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::partitioning::{BOOT_GRUB, BOOT_SIZE, GAP, GPT_SLOTS, boot_file_cost};
    use crate::boot::BootFiles;
    use crate::boot::Platform;

    /// More than a slot's lines have: a title of 70 letters, three paths of components of 255 bytes, and twice what Linux
    /// takes as its command line.
    const SLOT: usize = 24 << 10;

    /// The manifest has no size for the boot partition, so nothing that it says may be too much for it.
    #[test]
    fn the_largest_grub_and_the_most_slots_fit() {
        let mut modules: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut left = BOOT_GRUB.0;
        for n in 0.. {
            // small ones, then large ones, a byte over a cluster each
            let length = if n < 2000 { 513 } else { (1 << 20) + 1 };
            let Some(rest) = left.checked_sub(boot_file_cost(length).0) else { break };
            left = rest;
            modules.insert(format!("{n:0>251}.mod"), vec![1; length as usize]);
        }
        let modules = [(Platform::X86_64Efi, modules)].into();
        let grub = BootFiles { version: "2.12".into(), bios: None, uefi: None, modules };
        let text = "x".repeat(GPT_SLOTS * SLOT);
        let texts = partition::Texts { grub_cfg: &text, slots: &text, count: GPT_SLOTS };
        let mut content = partition::Content::new(partition::files(&grub, texts), Default::default());
        let file = tempfile::tempfile().expect("file");
        file.set_len(BOOT_SIZE.0).expect("length");
        let request = Request {
            size: BOOT_SIZE,
            uuid: Default::default(),
            hash_seed: Default::default(),
            label: "OSIMG-BOOT".into(),
            created: Default::default(),
        };
        let formatter = Fat { volume_id: 1, start: Lba(GAP.sectors().0) };
        let mut window = Window::new(&file, Bytes(0), BOOT_SIZE);
        formatter.format(&request, &mut content, &mut window).expect("fits");
    }
}
