//! How a tree would boot, as plain values for people and programs: what the rules look at, told whether they find anything
//! or not.

use serde::Serialize;

use super::rules::{Case, login};
use crate::base::Bytes;
use crate::rootfs::inspect::accounts::Password;
use crate::rootfs::inspect::units::Found;
use crate::rootfs::inspect::{Listing, Program, Why};

/// Drivers that are told of where no manifest declares any: of virtual and common disks, of osimg's filesystems.
const WELL_KNOWN: [&str; 6] = ["virtio_blk", "virtio_scsi", "nvme", "ahci", "ext4", "xfs"];

#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// As the distribution calls itself.
    pub system: Option<String>,
    /// The kernel that boots.
    pub kernel: Option<Kernel>,
    /// Why none does.
    pub no_kernel: Option<String>,
    /// The versions that do not boot, the newest first.
    pub other_kernels: Vec<String>,
    pub rescue_images: Vec<String>,
    pub initramfs: Option<Initramfs>,
    pub drivers: Vec<Driver>,
    pub init: Program,
    /// The unit that systemd boots into, aliases followed; nothing where there is none.
    pub boots_into: Option<String>,
    /// Consoles that show a login prompt.
    pub prompts: Vec<Prompt>,
    pub logins: Vec<Login>,
    pub inodes: u64,
    /// File data, in bytes.
    pub data: Bytes,
}

#[derive(Clone, Debug, Serialize)]
pub struct Kernel {
    pub version: String,
    pub image: String,
    pub why: Why,
}

#[derive(Clone, Debug, Serialize)]
pub struct Initramfs {
    pub path: String,
    /// What each of its pieces is packed by, `cpio` where it is not; empty where it could not be read.
    pub packing: Vec<&'static str>,
    /// Bytes of all pieces.
    pub size: Bytes,
    pub unpacked: Bytes,
    /// Of the kernel that boots.
    pub modules: usize,
    pub dracut: bool,
    /// Why it cannot be unpacked.
    pub problem: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Driver {
    pub name: String,
    pub place: Whereabouts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Whereabouts {
    Initramfs,
    Kernel,
    Missing,
}

#[derive(Clone, Debug, Serialize)]
pub struct Prompt {
    pub console: String,
    pub unit: String,
    pub shows: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Login {
    pub user: String,
    /// `password`, `no password`, `ssh key`.
    pub by: &'static str,
}

impl Summary {
    pub fn of(case: &Case<'_>) -> Summary {
        let survey = case.survey;
        let used = case.choice.as_ref().ok().map(|c| c.kernel.version.as_str());
        let others = survey.kernels.iter().map(|k| k.version.as_str()).filter(|v| Some(*v) != used);
        Summary {
            system: survey.os_release.as_ref().map(|os| os.pretty_name.clone()),
            kernel: case.choice.as_ref().ok().map(|choice| Kernel {
                version: choice.kernel.version.clone(),
                image: choice.kernel.image.clone(),
                why: choice.why,
            }),
            no_kernel: case.choice.as_ref().err().map(ToString::to_string),
            other_kernels: others.map(String::from).collect(),
            rescue_images: survey.rescue.clone(),
            initramfs: initramfs(case),
            drivers: drivers(case),
            init: survey.init.clone(),
            boots_into: match survey.units.find(case.boots_into()) {
                Found::There(unit) => Some(unit.to_string()),
                _ => None,
            },
            prompts: prompts(case),
            logins: logins(case),
            inodes: survey.inodes,
            data: survey.data,
        }
    }
}

fn initramfs(case: &Case<'_>) -> Option<Initramfs> {
    let choice = case.choice.as_ref().ok()?;
    let path = choice.kernel.initramfs.clone();
    let nothing = Initramfs {
        path: path.clone(),
        packing: Vec::new(),
        size: Bytes(0),
        unpacked: Bytes(0),
        modules: 0,
        dracut: false,
        problem: None,
    };
    Some(match case.survey.initramfs.get(&path) {
        None => {
            Initramfs { problem: Some("it is another name of a file that was not read".into()), ..nothing }
        }
        Some(Listing::Unreadable(why)) => Initramfs { problem: Some(why.clone()), ..nothing },
        Some(Listing::Read(found)) => Initramfs {
            packing: found
                .pieces
                .iter()
                .map(|p| p.packing.map_or("cpio", |packing| packing.as_str()))
                .collect(),
            size: Bytes(found.pieces.iter().map(|p| p.size.0).sum()),
            unpacked: Bytes(found.pieces.iter().map(|p| p.unpacked.0).sum()),
            modules: found.modules.get(&choice.kernel.version).map_or(0, std::collections::BTreeSet::len),
            dracut: found.dracut,
            ..nothing
        },
    })
}

fn drivers(case: &Case<'_>) -> Vec<Driver> {
    let Some((_, found)) = case.initramfs() else { return Vec::new() };
    let Ok(choice) = &case.choice else { return Vec::new() };
    let names = if case.stated.is_some() { case.drivers() } else { WELL_KNOWN.to_vec() };
    let driver = |name: &str| Driver {
        name: name.to_string(),
        place: if found.has(&choice.kernel.version, name) {
            Whereabouts::Initramfs
        } else if case.has(found, name) {
            Whereabouts::Kernel
        } else {
            Whereabouts::Missing
        },
    };
    names.into_iter().map(driver).collect()
}

fn prompts(case: &Case<'_>) -> Vec<Prompt> {
    let units = &case.survey.units;
    let Found::There(target) = units.find(case.boots_into()) else { return Vec::new() };
    let getty = units.reached(target).contains("getty.target");
    let prompt = |(console, unit): (String, String)| {
        let shows = getty && matches!(units.find(&unit), Found::There(_));
        Prompt { console, unit, shows }
    };
    case.consoles().into_iter().map(prompt).collect()
}

fn logins(case: &Case<'_>) -> Vec<Login> {
    let accounts = &case.survey.accounts;
    let mut logins: Vec<Login> = accounts
        .by_password()
        .map(|user| Login {
            user: user.name.clone(),
            by: if user.password == Password::Empty { "no password" } else { "password" },
        })
        .collect();
    if login::sshd_starts(case) {
        logins.extend(accounts.by_key().map(|user| Login { user: user.name.clone(), by: "ssh key" }));
    }
    logins
}
