//! The known ways to stop: what the console says of each, what it means for the manifest, and which rules would have
//! found it before the boot.
//!
//! Rows go from the particular to the general: the first of them that has a sign on the console is the reason. A new one
//! needs its page in `diag/explain`, which names the same rules, and their pages name the stall.

use super::{Place, REACH, Rule};
use crate::diag::codes;

/// GRUB's and the firmware's words count only at the very end: a system that boots has many of them behind it.
const NEAR: usize = 15;

/// A message that says the boot will come to nothing, and what it means.
pub(super) const MESSAGES: &[(&str, &str)] = &[
    ("Kernel panic - not syncing", "the kernel panicked"),
    ("You are in emergency mode", "systemd went into emergency mode"),
    ("You are in rescue mode", "systemd went into rescue mode"),
    // systemd 219, of el7
    ("Welcome to emergency mode", "systemd went into emergency mode"),
    ("Welcome to rescue mode", "systemd went into rescue mode"),
    ("Entering emergency mode", "the initramfs went into emergency mode"),
    ("Freezing execution", "systemd gave up"),
    ("No bootable device", "the firmware found nothing to boot"),
    ("BdsDxe: No bootable option or device was found", "the firmware found nothing to boot"),
    ("error: you need to load the kernel first", "GRUB could not load the kernel"),
];

/// Prompts that nobody should be asked at, at the start of a line.
pub(super) const PROMPTS: &[(&str, &str)] = &[
    ("(initramfs)", "the initramfs did not find the root filesystem"),
    ("grub rescue>", "GRUB did not find its files"),
    ("grub>", "GRUB found no menu"),
];

/// All that are known by their words.
pub(super) const RULES: &[Rule] = &[
    Rule {
        code: codes::STALL_FILESYSTEM_REFUSED,
        before: &[codes::FEATURE_KERNEL],
        signs: &[
            "Superblock has unknown incompatible features",
            "Superblock has unknown read-only compatible features",
            "Filesystem can not be safely mounted by this kernel",
            "because of unsupported optional features",
            "bad geometry: block count",
        ],
        unless: &[],
        reach: REACH,
        place: Place::Filesystem,
        label: "this filesystem has what the slot's kernel does not know",
        help: "build the image anew: osimg chooses the features by the kernel that it finds in the slot; a kernel put in \
               by hand after that may be older",
    },
    Rule {
        code: codes::STALL_DRIVER,
        before: &[codes::DRIVER_MISSING, codes::INITRAMFS_DRIVER, codes::INITRAMFS_DEPENDENCY],
        signs: &[
            "unknown filesystem type",
            "Module xfs not found",
            "Module ext4 not found",
            // systemd keeps mount's own words to its journal
            "Failed to mount*/sysroot",
        ],
        // a driver that is there says why it does not mount
        unless: &["XFS (", "EXT4-fs ("],
        reach: REACH,
        place: Place::Dracut,
        label: "the initramfs lacks the root filesystem's module",
        help: "add the filesystem's name to `dracut.drivers` and apply again",
    },
    Rule {
        code: codes::STALL_ROOT,
        before: &[
            codes::INITRAMFS_DISK,
            codes::INITRAMFS_DRIVER,
            codes::INITRAMFS_DEPENDENCY,
            codes::INITRAMFS_KERNEL,
        ],
        signs: &[
            "/dev/disk/by-uuid/*does not exist",
            "dracut-initqueue timeout",
            "dracut-initqueue: timeout",
            "dracut-initqueue*Could not boot",
            "Gave up waiting for root",
            "does not exist.  Dropping to a shell!",
        ],
        unless: &[],
        reach: REACH,
        place: Place::Dracut,
        label: "these modules found no disk with the root filesystem",
        help: "add the disk's driver to `dracut.drivers` (virtio_blk, virtio_scsi, ahci, nvme, mpt3sas, …), and let \
               `kernel.args` set no other root",
    },
    Rule {
        code: codes::STALL_TARGET,
        before: &[codes::UNIT_DEFAULT_TARGET, codes::UNIT_GRAPHICAL],
        signs: &[
            "Failed to load default target",
            "Failed to isolate default target",
            "Failed to start default target",
            "Cannot find default.target",
            // where it goes instead; that it failed is said when the kernel takes no more lines of systemd's
            "You are in rescue mode",
            "Welcome to rescue mode",
        ],
        unless: &[],
        reach: REACH,
        place: Place::Systemd,
        label: "the default target is no unit of this slot",
        help: "set `systemd.default_target` to a target that the slot has, such as multi-user.target, and let \
               `kernel.args` name no other by `systemd.unit=`",
    },
    Rule {
        code: codes::STALL_INIT,
        before: &[codes::INIT_MISSING],
        signs: &[
            "No working init found",
            "Requested init ",
            "Cannot find init!",
            "Failed to execute /init",
            "Failed to execute /sbin/init",
        ],
        unless: &[],
        reach: REACH,
        place: Place::Slot,
        label: "this slot has no program that can be init",
        help: "the Dockerfile must leave systemd (or another init) at /sbin/init; `kernel.args` may name no other by `init=`",
    },
    Rule {
        code: codes::STALL_SWITCH_ROOT,
        before: &[codes::INIT_MISSING],
        signs: &[
            "Failed to switch root",
            "Failed to start initrd-switch-root.service",
            "Failed to start Switch Root",
            "switch_root: ",
            "does not seem to be an OS tree",
            "os-release file is missing",
        ],
        unless: &[],
        reach: REACH,
        place: Place::Slot,
        label: "the initramfs did not take this slot's tree for a system",
        help: "the tree needs /etc/os-release (or /usr/lib/os-release) and a program at /sbin/init; `init=` in \
               `kernel.args` must name a file of the slot",
    },
    Rule {
        code: codes::STALL_INITRAMFS,
        before: &[codes::INITRAMFS_MISSING, codes::INITRAMFS_UNREADABLE],
        signs: &[
            "Unable to mount root fs on unknown-block",
            // the kernel itself looks for the root only where no initramfs does
            "Cannot open root device",
            "Initramfs unpacking failed",
            "invalid magic at start of compressed archive",
        ],
        unless: &[],
        reach: REACH,
        place: Place::Kernel,
        label: "this kernel got no initramfs that it can read",
        help: "let dracut make the initramfs for this very kernel (`osimg apply --refresh`), in a packing that the kernel \
               knows",
    },
    Rule {
        code: codes::STALL_SELINUX,
        before: &[codes::SELINUX_ENFORCING],
        signs: &[
            "SELinux targeted policy relabel is required",
            "Failed to load SELinux policy",
            "*** Relabeling",
        ],
        unless: &[],
        reach: REACH,
        place: Place::Slot,
        label: "SELinux is enforcing in a tree without labels",
        help: "set SELINUX=permissive or disabled in /etc/selinux/config, or leave the relabelling its time with a larger \
               `--timeout`",
    },
    Rule {
        code: codes::STALL_MEMORY,
        before: &[],
        signs: &[
            "Out of memory:",
            "error: out of memory",
            "deadlocked on memory",
            "Out of memory and no killable",
        ],
        unless: &[],
        reach: REACH,
        place: Place::Kernel,
        label: "the machine's memory does not do for this kernel and its initramfs",
        help: "give the machine more with `--memory`, or make the initramfs smaller",
    },
    Rule {
        code: codes::STALL_SPACE,
        before: &[],
        signs: &["No space left on device"],
        unless: &[],
        reach: REACH,
        place: Place::Size,
        label: "this filesystem is full",
        help: "give the slot a larger `size`, or the disk",
    },
    Rule {
        code: codes::STALL_GRUB,
        before: &[codes::KERNEL_MISSING, codes::KERNEL_IMAGE, codes::FEATURE_GRUB],
        signs: &[
            "error: file `",
            "error: no such device",
            "error: no such partition",
            "error: unknown filesystem",
            "error: you need to load the kernel first",
            "error: disk `",
            "grub rescue>",
            "grub>",
        ],
        unless: &[],
        reach: NEAR,
        place: Place::Kernel,
        label: "GRUB did not get at this slot's kernel",
        help: "`osimg apply` makes GRUB's files and the menu anew; where only one slot is hit, its filesystem or /boot was \
               changed by hand",
    },
    Rule {
        code: codes::STALL_FIRMWARE,
        before: &[],
        signs: &["No bootable device", "BdsDxe: No bootable option or device was found"],
        unless: &[],
        reach: NEAR,
        place: Place::Slot,
        label: "this slot was not even asked for",
        help: "let `boot.firmware` name the firmware that the machine has, and apply again",
    },
    Rule {
        code: codes::STALL_PANIC,
        before: &[],
        signs: &["Kernel panic - not syncing"],
        unless: &[],
        reach: REACH,
        place: Place::Kernel,
        label: "this kernel panicked",
        help: "the lines before the panic say why; another `kernel.version` may do",
    },
    Rule {
        code: codes::STALL_EMERGENCY,
        before: &[codes::FSTAB_DEVICE, codes::FSTAB_MOUNT_POINT, codes::FEATURE_CHECKER],
        signs: &[
            "You are in emergency mode",
            "Welcome to emergency mode",
            "Entering emergency mode",
            "(initramfs)",
        ],
        unless: &[],
        reach: REACH,
        place: Place::Slot,
        label: "a unit that this slot needs for its start failed",
        help: "the log names it before the emergency shell, often a mount of /etc/fstab; `--keep` lets you look",
    },
];

/// The boot was complete, but nobody can log in: known by what came and by what did not.
pub(super) const GETTY: Rule = Rule {
    code: codes::STALL_GETTY,
    before: &[codes::UNIT_GETTY, codes::UNIT_CONSOLE],
    signs: &[
        "Reached target getty.target",
        "Reached target Login Prompts",
        "Reached target Multi-User",
        "Reached target Graphical",
        "Reached target multi-user.target",
        "Reached target graphical.target",
        "Startup finished in",
        "serial-getty@ttyS0.service is: masked",
    ],
    unless: &[],
    reach: REACH,
    place: Place::Systemd,
    label: "no unit of these gives the console a login",
    help: "unmask getty.target and serial-getty@ttyS0.service with `systemd.unmask`, and list the serial console in \
           `boot.consoles`",
};

/// Nothing of the above.
pub(super) const UNKNOWN: Rule = Rule {
    code: codes::STALL_UNKNOWN,
    before: &[],
    signs: &[],
    unless: &[],
    reach: 0,
    place: Place::Slot,
    label: "this slot",
    help: "the log has the whole console; `--keep` leaves the machine for a look",
};
