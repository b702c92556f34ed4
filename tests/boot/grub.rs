//! GRUB on a disk of osimg's own making, without any system: firmware finds it, it finds its boot partition by UUID,
//! loads modules from there, and its environment keeps what it saves.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use osimg::base::{Bytes, Lba, NodeReporter, Sectors};
use osimg::boot::partition::{self, Content};
use osimg::boot::{BootFiles, PartitionMap, Platform, early};
use osimg::disk::layout::{Layout, Partition, Role, Table};
use osimg::disk::table::table;
use osimg::disk::{Assembly, assemble};
use osimg::fs::fat::Fat;
use osimg::fs::{Formatter, Request, Window};
use osimg::host::grub;
use osimg::rootfs::tree::Timestamp;
use tokio_util::sync::CancellationToken;

const VOLUME: u32 = 0x0051_a9e5;
/// Most of these commands are in no core image: they come from the boot partition. `DISK` becomes the disk's name.
const MENU: &str = "\
serial --unit=0 --speed=115200
terminal_output serial
load_env
set boots=${boots}i
save_env boots
echo \"MARK DISK platform=$grub_platform root=$root prefix=$prefix boots=$boots end\"
halt
";

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

async fn host_files(folder: &Path, platforms: &[Platform], map: PartitionMap) -> BootFiles {
    let path = std::env::var_os("PATH");
    let grub = grub::locate(path.as_deref(), Path::new("/"), platforms).expect("GRUB is installed");
    let (reporter, cancel) = (NodeReporter::silent(), CancellationToken::new());
    grub.make(&early::configuration(VOLUME), map, folder, &reporter, &cancel).await.expect("makes");
    BootFiles::from_folder(folder, platforms).expect("all is there")
}

/// A disk of 80 MiB with the boot partition alone and what GRUB needs beside it.
fn disk(folder: &Path, name: &str, grub: &BootFiles, map: PartitionMap) -> PathBuf {
    let partition = |number: u8, role, start, length| Partition {
        number,
        role,
        start: Lba(start),
        length: Sectors(length),
        guid: uuid::Uuid::from_u128(u128::from(number) + 1),
    };
    let boot = partition(1, Role::Boot, 2048, 64 * 2048);
    let (kind, partitions) = match map {
        PartitionMap::Msdos => (Table::Mbr(0x0b00_7ed1), vec![boot]),
        PartitionMap::Gpt => {
            let core = partition(2, Role::BiosBoot, 40, 2008);
            (Table::Gpt(uuid::Uuid::from_u128(9)), vec![boot, core])
        }
    };
    let layout = Layout { table: kind, total: Sectors(80 * 2048), partitions };
    let size = layout.partitions[0].length.bytes();
    let fat = folder.join("boot.fat");
    let file = File::create(&fat).expect("file");
    file.set_len(size.0).expect("length");
    let created = Timestamp { secs: 1_700_000_000, nanos: 0 };
    let request = Request {
        size,
        uuid: uuid::Uuid::nil(),
        hash_seed: uuid::Uuid::nil(),
        label: "osimg".into(),
        created,
    };
    let menu = MENU.replace("DISK", name);
    let texts = partition::Texts { grub_cfg: &menu, slots: "", count: 0 };
    let mut content = Content::new(partition::files(grub, texts), created);
    Fat { volume_id: VOLUME, start: Lba(2048) }
        .format(&request, &mut content, &mut Window::new(&file, Bytes(0), size))
        .expect("formats");
    let (core, _) = layout.core_image().expect("a place");
    let table = table(&layout, &grub.boot_code(core)).expect("a table");
    let target = folder.join(format!("{name}.img"));
    let core_image = grub.core_image(core);
    let assembly = Assembly { target: target.clone(), layout, table, core_image, partitions: vec![(1, fat)] };
    assemble(&assembly, &|| false, &mut |_, _| {}).expect("assembles");
    target
}

/// Boots the first of `disks` until GRUB has said its line or two minutes are over; gives the serial port's text.
fn boot(folder: &Path, disks: &[&Path], firmware: &[String]) -> String {
    let serial = folder.join("serial");
    // what an earlier boot said is not this one's
    let _ = fs::remove_file(&serial);
    let mut drives = Vec::new();
    // the first comes last on the bus, so that only its boot index makes it the first
    for (index, disk) in disks.iter().enumerate().rev() {
        drives.push("-drive".to_string());
        drives.push(format!("file={},format=raw,if=none,id=d{index}", text(disk)));
        drives.push("-device".to_string());
        drives.push(format!("virtio-blk-pci,drive=d{index},bootindex={index}"));
    }
    let mut qemu = Command::new("qemu-system-x86_64")
        .args([
            "-accel",
            "tcg",
            "-m",
            "256",
            "-display",
            "none",
            "-monitor",
            "none",
            "-nic",
            "none",
            "-no-reboot",
        ])
        .args(drives)
        .args(["-serial", &format!("file:{}", text(&serial))])
        .args(firmware)
        .stdin(Stdio::null())
        .spawn()
        .expect("qemu-system-x86_64");
    let start = Instant::now();
    let read = || String::from_utf8_lossy(&fs::read(&serial).unwrap_or_default()).into_owned();
    while qemu.try_wait().expect("a child").is_none() {
        if start.elapsed() > Duration::from_secs(120) || read().contains(" end\r") {
            // `halt` does not end every firmware
            qemu.kill().expect("a child");
            qemu.wait().expect("a child");
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    read()
}

/// OVMF's code and a copy of its variables.
fn ovmf(folder: &Path) -> Vec<String> {
    let find = |names: [&str; 2]| {
        names
            .iter()
            .map(|n| Path::new("/usr/share/OVMF").join(n))
            .find(|p| p.is_file())
            .expect("OVMF is installed")
    };
    let (code, from) = (find(["OVMF_CODE_4M.fd", "OVMF_CODE.fd"]), find(["OVMF_VARS_4M.fd", "OVMF_VARS.fd"]));
    let variables = folder.join("vars.fd");
    fs::copy(from, &variables).expect("copy");
    vec![
        "-drive".into(),
        format!("if=pflash,format=raw,unit=0,readonly=on,file={}", text(&code)),
        "-drive".into(),
        format!("if=pflash,format=raw,unit=1,file={}", text(&variables)),
    ]
}

#[tokio::test]
async fn boots_under_bios_and_uefi_and_remembers() {
    boots_and_remembers(PartitionMap::Msdos).await;
}

#[tokio::test]
async fn boots_a_gpt_under_bios_and_uefi_and_remembers() {
    boots_and_remembers(PartitionMap::Gpt).await;
}

async fn boots_and_remembers(map: PartitionMap) {
    let folder = tempfile::tempdir().expect("folder");
    let folder = folder.path();
    let grub = host_files(&folder.join("grub"), &Platform::ALL, map).await;
    let disk = disk(folder, "one", &grub, map);

    let place = format!("root=hd0,{0}1 prefix=(hd0,{0}1)/grub", map.as_str());
    let bios = boot(folder, &[&disk], &[]);
    assert!(bios.contains(&format!("MARK one platform=pc {place} boots=i end")), "{bios}");
    let uefi = boot(folder, &[&disk], &ovmf(folder));
    assert!(uefi.contains(&format!("MARK one platform=efi {place} boots=ii end")), "{uefi}");
    // what GRUB wrote did no harm to the filesystem
    let fat = folder.join("after.fat");
    let image = fs::read(&disk).expect("image");
    fs::write(&fat, &image[1 << 20..65 << 20]).expect("write");
    let fsck =
        Command::new("fsck.vfat").args([OsStr::new("-n"), fat.as_os_str()]).output().expect("fsck.vfat");
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stdout));
}

#[tokio::test]
async fn boots_itself_beside_a_disk_with_the_same_uuid() {
    let folder = tempfile::tempdir().expect("folder");
    let folder = folder.path();
    for map in [PartitionMap::Msdos, PartitionMap::Gpt] {
        let grub = host_files(&folder.join(map.as_str()), &Platform::ALL, map).await;
        let (one, two) = (disk(folder, "one", &grub, map), disk(folder, "two", &grub, map));
        for firmware in [Vec::new(), ovmf(folder)] {
            let serial = boot(folder, &[&one, &two], &firmware);
            assert!(serial.contains("MARK one "), "{map:?} {serial}");
            let serial = boot(folder, &[&two, &one], &firmware);
            assert!(serial.contains("MARK two "), "{map:?} {serial}");
        }
    }
}

#[tokio::test]
async fn its_images_are_the_same_each_time() {
    let folder = tempfile::tempdir().expect("folder");
    let one = host_files(&folder.path().join("one"), &Platform::ALL, PartitionMap::Msdos).await;
    let two = host_files(&folder.path().join("another place"), &Platform::ALL, PartitionMap::Msdos).await;
    assert!(one == two);
    let length = one.core_image(Lba(1)).len();
    assert!(length < 200_000, "{length}");
}
