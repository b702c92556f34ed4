//! The initramfs can see a disk of some kind: without any driver of one there is no root, wherever it boots.

use super::Case;
use crate::diag::{Diagnostics, codes};
use crate::front::model::{Place, Slot};

/// Drivers of disks, each with what must be there too: one of each group.
///
/// A virtio disk hangs on a bus of its own, and those that speak SCSI need its disk driver.
const DISKS: [(&str, &[&[&str]]); 26] = [
    ("virtio_blk", &[BUS]),
    ("virtio_scsi", &[BUS, SCSI]),
    ("nvme", &[]),
    ("ahci", &[SCSI]),
    ("ata_piix", &[SCSI]),
    ("ata_generic", &[SCSI]),
    ("pata_acpi", &[SCSI]),
    ("sata_nv", &[SCSI]),
    ("sata_sil", &[SCSI]),
    ("sata_svw", &[SCSI]),
    ("hv_storvsc", &[SCSI]),
    ("vmw_pvscsi", &[SCSI]),
    ("mptspi", &[SCSI]),
    ("mptsas", &[SCSI]),
    ("mpt3sas", &[SCSI]),
    ("megaraid_sas", &[SCSI]),
    ("aacraid", &[SCSI]),
    ("hpsa", &[SCSI]),
    ("smartpqi", &[SCSI]),
    ("qla2xxx", &[SCSI]),
    ("lpfc", &[SCSI]),
    ("xen_blkfront", &[]),
    ("usb_storage", &[SCSI]),
    ("uas", &[SCSI]),
    ("mmc_block", &[]),
    ("cciss", &[]),
];
const BUS: &[&str] = &["virtio_pci", "virtio_mmio"];
const SCSI: &[&str] = &["sd_mod"];

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let (Some((path, initramfs)), Some(modules)) = (case.initramfs(), case.modules()) else { return };
    // nothing is known of what such a kernel has built in
    if !modules.listed || modules.builtin.is_empty() && initramfs.modules.is_empty() {
        return;
    }
    let has = |driver: &str| case.has(initramfs, driver);
    let whole = |needs: &[&[&str]]| needs.iter().all(|group| group.iter().any(|d| has(d)));
    if DISKS.iter().any(|(driver, needs)| has(driver) && whole(needs)) {
        return;
    }
    let halves: Vec<String> = DISKS
        .iter()
        .filter(|(driver, _)| has(driver))
        .flat_map(|(driver, needs)| {
            let lacking = needs.iter().filter(|group| !group.iter().any(|d| has(d)));
            lacking.map(move |group| format!("`{driver}` is there, but not `{}`", group[0]))
        })
        .collect();
    let message = format!("the initramfs {path} can see no disk");
    let help = match halves.as_slice() {
        [] => "add the driver of the disk that it will boot from: `virtio_blk` for a virtual machine, `nvme`, `ahci`".into(),
        halves => format!("{}: add that", halves.join("; ")),
    };
    let place: fn(&Slot) -> &Place = |slot| &slot.places.drivers;
    let finding = case.of(codes::INITRAMFS_DISK, message, place, "has no driver of a disk").help(help);
    // osimg's own list has it: then another program made the initramfs
    let lacks =
        |slot: &Slot| slot.places.drivers.stated && !slot.dracut.drivers.iter().any(|d| d == "virtio_blk");
    found.push(match case.slot().is_some_and(lacks) {
        true => case.adding(finding, place, "add `virtio_blk` to `dracut.drivers`", "virtio_blk"),
        false => finding,
    });
}
