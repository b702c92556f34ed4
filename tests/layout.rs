//! Partition arithmetic, from a manifest's words to the bytes of its table.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use osimg::base::{Bytes, Lba, Sectors};
use osimg::disk::layout::{Layout, Role, Table};
use osimg::disk::table::table;
use osimg::front::model::Model;
use osimg::front::{Probe, load};
use osimg::plan::layout::layout;
use proptest::prelude::*;

/// A disk on which every Dockerfile is there.
struct Everything;

impl Probe for Everything {
    fn read(&self, _: &Path) -> io::Result<Option<Vec<u8>>> {
        Ok(Some(b"FROM debian:bookworm\n".to_vec()))
    }

    fn list(&self, _: &Path) -> Option<Vec<String>> {
        Some(vec!["Dockerfile".to_string()])
    }

    fn is_file(&self, _: &Path) -> bool {
        true
    }

    fn is_dir(&self, _: &Path) -> bool {
        true
    }
}

fn text(disk: &str, firmware: &str, sizes: &[&str]) -> String {
    let mut text = format!("version: 1\nname: demo\ndisk: {disk}\nboot: {{firmware: {firmware}}}\nslots:\n");
    for (i, size) in sizes.iter().enumerate() {
        text += &format!("  - {{name: s{i}, dockerfile: Dockerfile{size}}}\n");
    }
    text
}

fn model(disk: &str, firmware: &str, sizes: &[&str]) -> Result<Model, Vec<String>> {
    let text = text(disk, firmware, sizes);
    let (model, found) = load("m.yaml", text.as_bytes(), Path::new("/dir"), &Everything);
    model.ok_or_else(|| found.iter().map(|d| format!("{}: {}", d.code, d.message)).collect())
}

fn laid_out(disk: &str, firmware: &str, sizes: &[&str]) -> Layout {
    let model = model(disk, firmware, sizes).expect("a valid manifest");
    layout(&model, &BTreeMap::new()).expect("fits")
}

#[test]
fn the_table_follows_from_slots_and_size_unless_stated() {
    let gpt = |layout: &Layout| matches!(layout.table, Table::Gpt(_));
    assert!(!gpt(&laid_out("{size: 4GiB}", "[bios, uefi]", &[""; 3])));
    assert!(gpt(&laid_out("{size: 4GiB}", "[bios, uefi]", &[""; 4])));
    assert!(!gpt(&laid_out("{size: 2TiB}", "[bios, uefi]", &[""])));
    assert!(gpt(&laid_out("{size: 3TiB}", "[bios, uefi]", &[""])));
    assert!(gpt(&laid_out("{size: 4GiB, table: gpt}", "[bios, uefi]", &[""])));
    let stated = model("{size: 4GiB, table: mbr}", "[bios]", &[""; 4]).expect_err("four are too many");
    assert_eq!(
        stated,
        ["osimg::disk::partitions: 4 slots and the boot partition are more than an MBR's four partitions"]
    );
    let stated = model("{size: 3TiB, table: mbr}", "[bios]", &[""]).expect_err("too large");
    assert_eq!(stated, ["osimg::disk::too-large: an MBR disk ends at 2 TiB, this one has 3 TiB"]);
}

#[test]
fn both_tables_put_boot_partition_and_slots_at_the_same_place() {
    let of = |kind: &str| {
        let layout =
            laid_out(&format!("{{table: {kind}}}"), "[bios, uefi]", &[", size: 1GiB", ", size: 2GiB"]);
        let partitions = layout.partitions.iter().filter(|p| p.role != Role::BiosBoot).cloned();
        (partitions.collect::<Vec<_>>(), layout.total)
    };
    let ((mbr, mbr_total), (gpt, gpt_total)) = (of("mbr"), of("gpt"));
    assert_eq!(mbr, gpt);
    assert_eq!(gpt_total.bytes(), mbr_total.bytes() + Bytes::MIB, "the copy of the table");
}

#[test]
fn only_a_bios_needs_a_bios_boot_partition() {
    let roles = |firmware| -> Vec<Role> {
        let layout = laid_out("{size: 4GiB, table: gpt}", firmware, &[""]);
        layout.partitions.into_iter().map(|p| p.role).collect()
    };
    let slot = Role::Slot("s0".into());
    assert_eq!(roles("[uefi]"), [Role::Boot, slot.clone()]);
    assert_eq!(roles("[bios]"), [Role::Boot, slot, Role::BiosBoot]);
    let core = |disk: &str, firmware| laid_out(disk, firmware, &[""]).core_image();
    assert_eq!(core("{size: 4GiB, table: mbr}", "[bios]"), Some((Lba(1), Sectors(2047))));
    assert_eq!(core("{size: 4GiB, table: gpt}", "[bios]"), Some((Lba(40), Sectors(2008))));
    assert_eq!(core("{size: 4GiB, table: gpt}", "[uefi]"), None);
}

#[test]
fn a_disk_too_small_by_its_tables_copy_is_told() {
    assert!(model("{size: 1089MiB, table: mbr}", "[uefi]", &[", size: 1GiB"]).is_ok());
    assert!(model("{size: 1090MiB, table: gpt}", "[uefi]", &[", size: 1GiB"]).is_ok());
    let found = model("{size: 1089MiB, table: gpt}", "[uefi]", &[", size: 1GiB"]).expect_err("a MiB short");
    assert_eq!(
        found,
        ["osimg::size::does-not-fit: the slots need a disk of 1090 MiB, this one has 1089 MiB"]
    );
}

proptest! {
    /// The encoders refuse what overlaps or lies outside.
    #[test]
    fn every_layout_has_its_table(
        size_kib in (1u64 << 21)..(1 << 32),
        gpt: bool,
        bios: bool,
        slots in prop::collection::vec(prop_oneof![
            Just(String::new()),
            (1u32..20).prop_map(|p| format!(", size: {p}%")),
            (16u32..600).prop_map(|m| format!(", size: {m}MiB")),
        ], 1..9),
    ) {
        let kind = if gpt { ", table: gpt" } else { "" };
        let firmware = if bios { "[bios, uefi]" } else { "[uefi]" };
        let sizes: Vec<&str> = slots.iter().map(String::as_str).collect();
        let Ok(model) = model(&format!("{{size: {size_kib}KiB{kind}}}"), firmware, &sizes) else {
            return Ok(());
        };
        let Ok(layout) = layout(&model, &BTreeMap::new()) else { return Ok(()) };
        prop_assert_eq!(layout.total.bytes(), Bytes(size_kib << 10));
        for partition in layout.partitions.iter().filter(|p| p.role.has_filesystem()) {
            prop_assert_eq!(partition.start.0 % 2048, 0);
            prop_assert_eq!(partition.length.0 % 2048, 0);
        }
        let bytes = table(&layout, &[0; 440]).expect("a layout is a table");
        prop_assert_eq!(bytes.tail.is_empty(), matches!(layout.table, Table::Mbr(_)));
        prop_assert!(!bios || layout.core_image().is_some());
    }
}
