//! The table of codes: each stable, each with its level, the sentence that names the mistake, and the page that explains
//! it (a file of `explain/`, named as the code without `osimg::`).

use std::fmt;

use super::Severity;

/// A diagnostic's stable code, `osimg::<area>::<mistake>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(&'static str);

impl Code {
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// What the mistake is in: `slot` of `osimg::slot::duplicate`.
    pub fn area(self) -> &'static str {
        self.0.split("::").nth(1).expect("every code of the table has an area")
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What a finding of a code does to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The manifest is refused.
    Error,
    /// The manifest is refused, unless its `allow` names the code with a reason.
    AllowableError,
    /// The manifest is taken; `allow` silences it, `--deny warnings` makes it an error.
    Warning,
}

impl Level {
    /// As people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::AllowableError => "error, can be allowed",
            Level::Warning => "warning, can be allowed",
        }
    }

    pub fn is_allowable(self) -> bool {
        self != Level::Error
    }

    pub fn severity(self) -> Severity {
        match self {
            Level::Error | Level::AllowableError => Severity::Error,
            Level::Warning => Severity::Warning,
        }
    }
}

/// What has to be there for a code to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The manifest and the files beside it.
    Check,
    /// What is built of them.
    Build,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub code: Code,
    pub level: Level,
    pub stage: Stage,
    /// The sentence that names the mistake.
    pub about: &'static str,
    /// What `osimg explain` prints, in Markdown: why it is refused, how to mend it, a wrong and a right example.
    pub page: &'static str,
}

impl Code {
    /// The code's row.
    pub fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.code == self).expect("codes are made by the table only")
    }

    /// Whether only a build can find it.
    pub fn is_of_a_build(self) -> bool {
        self.row().stage == Stage::Build
    }
}

/// The row of a code as people write it: whole, or without `osimg::`.
pub fn find(words: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.code.0 == words || row.code.0.strip_prefix("osimg::") == Some(words))
}

macro_rules! codes {
    ($($name:ident = $code:literal, $level:ident $(of $stage:ident)?, $about:literal, $page:literal;)*) => {
        $(#[doc = $about] pub const $name: Code = Code($code);)*
        /// Every code with what it means, in the order of the table.
        pub const TABLE: &[Row] = &[$(Row {
            code: $name,
            level: Level::$level,
            stage: codes!(@stage $($stage)?),
            about: $about,
            page: include_str!(concat!("explain/", $page, ".md")),
        },)*];
    };
    (@stage) => { Stage::Check };
    (@stage $stage:ident) => { Stage::$stage };
}

codes! {
    YAML_SYNTAX = "osimg::yaml::syntax", Error, "the text is not YAML", "yaml-syntax";
    YAML_TAB = "osimg::yaml::tab", Error, "a tab indents a line", "yaml-tab";
    YAML_TAG = "osimg::yaml::tag", Error, "a YAML tag, which means nothing in a manifest", "yaml-tag";
    YAML_DUPLICATE_KEY = "osimg::yaml::duplicate-key", Error, "a mapping has one key twice", "yaml-duplicate-key";
    YAML_MERGE_KEY = "osimg::yaml::merge-key", Error, "`<<` merge keys are not applied", "yaml-merge-key";
    YAML_DOCUMENTS = "osimg::yaml::documents", Error, "a manifest is one YAML document", "yaml-documents";
    YAML_ENCODING = "osimg::yaml::encoding", Error, "a manifest is UTF-8 text", "yaml-encoding";
    YAML_EMPTY = "osimg::yaml::empty", Error, "the manifest is empty", "yaml-empty";
    YAML_TOO_LARGE = "osimg::yaml::too-large", Error, "the manifest is larger than any manifest needs to be", "yaml-too-large";
    YAML_AMBIGUOUS = "osimg::yaml::ambiguous", Warning, "a word that is text to osimg and something else to older YAML readers", "yaml-ambiguous";
    FIELD_UNKNOWN = "osimg::field::unknown", Error, "a field that manifests do not have", "field-unknown";
    FIELD_MISSING = "osimg::field::missing", Error, "a field that must be there is not", "field-missing";
    FIELD_TYPE = "osimg::field::type", Error, "a value of the wrong type", "field-type";
    FIELD_EMPTY = "osimg::field::empty", Error, "a list that is empty and must not be", "field-empty";
    VALUE_UNKNOWN = "osimg::value::unknown", Error, "a word that is none of those allowed here", "value-unknown";
    VALUE_INVALID = "osimg::value::invalid", Error, "a value that the schema forbids, in a place that nothing uses", "value-invalid";
    PATH_INVALID = "osimg::path::invalid", Error, "a text that is no path of this machine", "path-invalid";
    MANIFEST_VERSION = "osimg::manifest::version", Error, "a manifest version that this osimg does not read", "manifest-version";
    MANIFEST_NAME = "osimg::manifest::name", Error, "a name that an image cannot have", "manifest-name";
    ALLOW_UNUSED = "osimg::allow::unused", Warning, "an entry of `allow` that nothing needs", "allow-unused";
    ALLOW_FORBIDDEN = "osimg::allow::forbidden", Error, "a code that cannot be allowed", "allow-forbidden";
    ALLOW_REASON = "osimg::allow::reason", Error, "an entry of `allow` whose reason is empty", "allow-reason";
    DISK_PATH = "osimg::disk::path", Error, "a `disk.path` that names a folder", "disk-path";
    DISK_TOO_LARGE = "osimg::disk::too-large", Error, "a disk beyond what its partition table reaches", "disk-too-large";
    PARTITIONS_TOO_MANY = "osimg::disk::partitions", Error, "more partitions than the table holds", "disk-partitions";
    SIZE_INVALID = "osimg::size::invalid", Error, "a text that is no size", "size-invalid";
    SIZE_SHARES = "osimg::size::shares", Error, "shares that add up to more than the whole", "size-shares";
    SIZE_NOTHING_LEFT = "osimg::size::nothing-left", Error, "a slot for which the others leave no room", "size-nothing-left";
    SIZE_DOES_NOT_FIT = "osimg::size::does-not-fit", Error, "sizes that do not fit the disk", "size-does-not-fit";
    SIZE_TOO_SMALL = "osimg::size::too-small", Error, "a partition too small for what it must hold", "size-too-small";
    BOOT_DEFAULT_UNKNOWN = "osimg::boot::default-unknown", Error, "`boot.default` names no slot", "boot-default-unknown";
    BOOT_CONSOLE = "osimg::boot::console", Error, "a console that is no console", "boot-console";
    BOOT_CONSOLE_DUPLICATE = "osimg::boot::console-duplicate", Error, "two consoles on one device", "boot-console-duplicate";
    BOOT_TIMEOUT = "osimg::boot::timeout", Error, "a text that is no waiting time", "boot-timeout";
    BOOT_TRIES = "osimg::boot::tries", Error, "a number of boots that a trial cannot have", "boot-tries";
    BOOT_HEALTH_COMMAND = "osimg::boot::health-command", Error, "a health command of several lines, or of none", "boot-health-command";
    BASE_NAME = "osimg::base::name", Error, "a name that a base cannot have", "base-name";
    BASE_DUPLICATE = "osimg::base::duplicate", Error, "two bases of one name", "base-duplicate";
    BASE_UNUSED = "osimg::base::unused", Warning, "a base that no Dockerfile names", "base-unused";
    BASE_ORIGIN = "osimg::base::origin", Error, "a base with two origins, or with none", "base-origin";
    BASE_SUITE = "osimg::base::suite", Error, "a text that is no release's name", "base-suite";
    BASE_MIRROR = "osimg::base::mirror", Error, "a text that is no mirror's address", "base-mirror";
    BASE_ARCHIVE = "osimg::base::archive", Error, "a base's archive that is not there", "base-archive";
    BASE_DIGEST = "osimg::base::digest", Error, "a text that is no SHA-256 digest", "base-digest";
    BASE_DIGEST_MISMATCH = "osimg::base::digest-mismatch", Error of Build, "an archive with another digest than stated", "base-digest-mismatch";
    BASE_NAME_TAKEN = "osimg::base::name-taken", Error of Build, "a base whose name an image of somebody else has", "base-name-taken";
    BASE_BOOTSTRAP = "osimg::base::bootstrap", Error of Build, "mmdebstrap could not make a base", "base-bootstrap";
    SLOT_NONE = "osimg::slot::none", Error, "a manifest without slots", "slot-none";
    SLOT_NAME = "osimg::slot::name", Error, "a name that a slot cannot have", "slot-name";
    SLOT_DUPLICATE = "osimg::slot::duplicate", Error, "two slots of one name", "slot-duplicate";
    SLOT_TITLE = "osimg::slot::title", Error, "a title that the boot menu cannot show", "slot-title";
    SLOT_LABEL = "osimg::slot::label", Warning, "two slots whose filesystems get one label", "slot-label";
    SLOT_CONTEXT = "osimg::slot::context", Error, "a build context that is not there", "slot-context";
    HOST_NAME = "osimg::host::name", Error, "a text that is no host name", "host-name";
    DOCKERFILE_MISSING = "osimg::dockerfile::missing", Error, "a Dockerfile that is not there or cannot be read", "dockerfile-missing";
    DOCKERFILE_SYNTAX = "osimg::dockerfile::syntax", AllowableError, "a Dockerfile that no engine can read", "dockerfile-syntax";
    DOCKERFILE_IMAGE = "osimg::dockerfile::image", AllowableError, "a word in a Dockerfile that cannot be an image's name", "dockerfile-image";
    DOCKERFILE_STAGE = "osimg::dockerfile::stage", AllowableError, "a `--from` that names no stage in front of it", "dockerfile-stage";
    BASE_UNKNOWN = "osimg::dockerfile::base-unknown", Warning, "an image that is nearly a base of the manifest", "dockerfile-base-unknown";
    COPY_SOURCE = "osimg::dockerfile::copy-source", AllowableError, "a file that a Dockerfile takes and its context does not have", "dockerfile-copy-source";
    COPY_IGNORED = "osimg::dockerfile::copy-ignored", AllowableError, "a file that a Dockerfile takes and the ignore file keeps out", "dockerfile-copy-ignored";
    COPY_UNCLEAR = "osimg::dockerfile::copy-unclear", Warning, "a source of `COPY` that engines read differently", "dockerfile-copy-unclear";
    IGNORE_PATTERN = "osimg::dockerfile::ignore-pattern", Error, "an ignore file with a pattern that none can be", "dockerfile-ignore-pattern";
    TARGET_UNKNOWN = "osimg::dockerfile::target-unknown", Error, "a target that is no stage of the Dockerfile", "dockerfile-target-unknown";
    BUILD_ARG_NAME = "osimg::dockerfile::arg-name", Error, "a name that no build argument can have", "dockerfile-arg-name";
    BUILD_ARG_UNUSED = "osimg::dockerfile::arg-unused", Warning, "a build argument that the Dockerfile does not declare", "dockerfile-arg-unused";
    BUILD_FAILED = "osimg::build::failed", Error of Build, "a Dockerfile's build failed", "build-failed";
    FEATURE_UNKNOWN = "osimg::filesystem::feature-unknown", Error, "a feature that the filesystem does not have", "filesystem-feature-unknown";
    FEATURE_ELSEWHERE = "osimg::filesystem::feature-elsewhere", Error, "a feature of another filesystem", "filesystem-feature-elsewhere";
    FEATURE_FIXED = "osimg::filesystem::feature-fixed", Error, "a feature that osimg always writes, or never", "filesystem-feature-fixed";
    FEATURE_NEEDS = "osimg::filesystem::feature-needs", Error, "a feature without the one that it needs", "filesystem-feature-needs";
    FEATURE_KERNEL = "osimg::filesystem::feature-kernel", AllowableError, "a feature that the slot's kernel cannot mount", "filesystem-feature-kernel";
    FEATURE_GRUB = "osimg::filesystem::feature-grub", AllowableError, "a feature that GRUB cannot read", "filesystem-feature-grub";
    FEATURE_CHECKER = "osimg::filesystem::feature-checker", AllowableError, "a feature that the slot's fsck refuses", "filesystem-feature-checker";
    DISTRO_UNKNOWN = "osimg::distro::unknown", Error of Build, "a distribution that osimg has no fragments for", "distro-unknown";
    DISTRO_MISMATCH = "osimg::distro::mismatch", Error of Build, "the built image is of another distribution than stated", "distro-mismatch";
    KERNEL_VERSION_SYNTAX = "osimg::kernel::version-syntax", Error, "a text that is no kernel version", "kernel-version-syntax";
    KERNEL_VERSION = "osimg::kernel::version", AllowableError, "a kernel version that the distribution cannot have", "kernel-version";
    KERNEL_ARGUMENT = "osimg::kernel::argument", Error, "a text that is no kernel argument", "kernel-argument";
    KERNEL_ARGUMENT_TAKEN = "osimg::kernel::argument-taken", Error, "a kernel argument that osimg sets itself", "kernel-argument-taken";
    KERNEL_COMMAND_LINE = "osimg::kernel::command-line", Error, "a command line longer than the kernel reads", "kernel-command-line";
    KERNEL_MISSING = "osimg::kernel::missing", Error of Build, "no kernel in the built tree", "kernel-missing";
    INITRAMFS_MISSING = "osimg::kernel::initramfs-missing", Error of Build, "no initramfs for the kernel in the built tree", "kernel-initramfs-missing";
    KERNEL_IMAGE = "osimg::kernel::image", AllowableError of Build, "a kernel image that is not what its name says", "kernel-image";
    KERNEL_MODULES = "osimg::kernel::modules", AllowableError of Build, "a kernel without its modules in the built tree", "kernel-modules";
    KERNEL_MODULE_UNKNOWN = "osimg::kernel::module-unknown", Warning of Build, "a driver that the kernel does not have", "kernel-module-unknown";
    INITRAMFS_UNREADABLE = "osimg::initramfs::unreadable", AllowableError of Build, "an initramfs that the kernel cannot start from", "initramfs-unreadable";
    INITRAMFS_KERNEL = "osimg::initramfs::kernel", AllowableError of Build, "an initramfs made for another kernel", "initramfs-kernel";
    INITRAMFS_DRIVER = "osimg::initramfs::driver", AllowableError of Build, "a driver that the initramfs lacks", "initramfs-driver";
    INITRAMFS_DEPENDENCY = "osimg::initramfs::dependency", AllowableError of Build, "a driver in the initramfs without a module that it needs", "initramfs-dependency";
    INITRAMFS_DISK = "osimg::initramfs::disk", AllowableError of Build, "an initramfs that can see no disk", "initramfs-disk";
    INIT_MISSING = "osimg::init::missing", AllowableError of Build, "no program at `/sbin/init`", "init-missing";
    DRACUT_MODULE_NAME = "osimg::dracut::module-name", Error, "a text that is no kernel module or filesystem", "dracut-module-name";
    DRACUT_CONFLICT = "osimg::dracut::conflict", Error, "a kernel module both added and left out", "dracut-conflict";
    DRIVER_MISSING = "osimg::dracut::driver-missing", AllowableError, "the root filesystem's driver is not in the initramfs", "dracut-driver-missing";
    SYSTEMD_UNIT_NAME = "osimg::systemd::unit-name", Error, "a text that is no unit's full name", "systemd-unit-name";
    SYSTEMD_TARGET_NAME = "osimg::systemd::target-name", Error, "a default target that is no target's full name", "systemd-target-name";
    UNIT_CONFLICT = "osimg::systemd::conflict", Error, "a unit that two lists pull both ways", "systemd-conflict";
    UNIT_DEFAULT_TARGET = "osimg::unit::default-target", AllowableError of Build, "a default target that is not there", "unit-default-target";
    UNIT_GRAPHICAL = "osimg::unit::graphical", Warning of Build, "a graphical default target without a display manager", "unit-graphical";
    UNIT_GETTY = "osimg::unit::getty", AllowableError of Build, "a boot that never shows a login prompt", "unit-getty";
    UNIT_CONSOLE = "osimg::unit::console", AllowableError of Build, "a console without a login prompt", "unit-console";
    UNIT_LOGIND = "osimg::unit::logind", Warning of Build, "logins without systemd-logind", "unit-logind";
    PACKAGE_NAME = "osimg::package::name", Error, "a text that is no package", "package-name";
    USER_NAME = "osimg::user::name", Error, "a name that a user cannot have", "user-name";
    USER_DUPLICATE = "osimg::user::duplicate", Error, "two users of one name in a slot", "user-duplicate";
    USER_GROUP = "osimg::user::group", Error, "a name that a group cannot have", "user-group";
    USER_SHELL = "osimg::user::shell", Error, "a login shell that is no absolute path", "user-shell";
    USER_PASSWORD_HASH = "osimg::user::password-hash", Error, "a password hash that crypt(5) does not know", "user-password-hash";
    USER_CLEAR_PASSWORD = "osimg::user::clear-password", Error, "a password written in clear", "user-clear-password";
    USER_SSH_KEY = "osimg::user::ssh-key", Error, "a text that is no public ssh key", "user-ssh-key";
    USER_PRIVATE_KEY = "osimg::user::private-key", Error, "a private ssh key", "user-private-key";
    LOGIN_NOBODY = "osimg::login::nobody", Warning of Build, "a system that nobody can log in to", "login-nobody";
    FILE_PATH = "osimg::file::path", Error, "a text that is no file's path in a slot", "file-path";
    FILE_PATH_TAKEN = "osimg::file::path-taken", Error, "a file that osimg writes itself", "file-path-taken";
    FILE_DUPLICATE = "osimg::file::duplicate", Error, "two files of one path in a slot", "file-duplicate";
    FILE_CONTENT = "osimg::file::content", Error, "a file with both a content and a source", "file-content";
    FILE_SOURCE = "osimg::file::source", Error, "a file's source that is not there", "file-source";
    FILE_MODE = "osimg::file::mode", Error, "a text that is no file mode", "file-mode";
    FILE_OWNER = "osimg::file::owner", Error, "a number that no owner can have", "file-owner";
    FSTAB_DEVICE = "osimg::fstab::device", AllowableError of Build, "a mount of what is not on the disk", "fstab-device";
    FSTAB_MOUNT_POINT = "osimg::fstab::mount-point", Warning of Build, "a mount on a folder that is not there", "fstab-mount-point";
    TREE_MACHINE_ID = "osimg::tree::machine-id", Warning of Build, "a machine id that all machines would share", "tree-machine-id";
    TREE_HOST_KEY = "osimg::tree::host-key", Warning of Build, "an ssh host key that all machines would share", "tree-host-key";
    TREE_CONTAINER = "osimg::tree::container", AllowableError of Build, "a mark by which the system takes itself for a container", "tree-container";
    TREE_PRIVILEGE = "osimg::tree::privilege", Warning of Build, "a program that has lost the rights it needs", "tree-privilege";
    SELINUX_ENFORCING = "osimg::selinux::enforcing", AllowableError of Build, "SELinux enforcing on a tree that it cannot work with", "selinux-enforcing";
    STALL_FIRMWARE = "osimg::stall::firmware", Error, "the firmware found nothing to boot", "stall-firmware";
    STALL_GRUB = "osimg::stall::grub", Error, "GRUB could not start the kernel", "stall-grub";
    STALL_INITRAMFS = "osimg::stall::initramfs", Error, "the kernel started without its initramfs", "stall-initramfs";
    STALL_ROOT = "osimg::stall::root", Error, "the root filesystem's disk did not appear", "stall-root";
    STALL_DRIVER = "osimg::stall::driver", Error, "the initramfs has no driver of the root filesystem", "stall-driver";
    STALL_FILESYSTEM_REFUSED = "osimg::stall::filesystem-refused", Error, "the kernel refused the root filesystem", "stall-filesystem-refused";
    STALL_SWITCH_ROOT = "osimg::stall::switch-root", Error, "the initramfs could not hand over to the system", "stall-switch-root";
    STALL_INIT = "osimg::stall::init", Error, "no init could be started", "stall-init";
    STALL_TARGET = "osimg::stall::target", Error, "systemd did not find the target to start", "stall-target";
    STALL_SELINUX = "osimg::stall::selinux", Error, "SELinux stopped the boot", "stall-selinux";
    STALL_MEMORY = "osimg::stall::memory", Error, "the machine's memory ran out", "stall-memory";
    STALL_SPACE = "osimg::stall::space", Error, "a filesystem was full", "stall-space";
    STALL_EMERGENCY = "osimg::stall::emergency", Error, "the boot ended in an emergency shell", "stall-emergency";
    STALL_PANIC = "osimg::stall::panic", Error, "a kernel panic without one of the known reasons", "stall-panic";
    STALL_GETTY = "osimg::stall::getty", Error, "the system started and shows no login prompt", "stall-getty";
    STALL_UNKNOWN = "osimg::stall::unknown", Error, "the boot stopped, and its console does not say why", "stall-unknown";
    NOT_YET = "osimg::feature::not-yet", Warning, "planned, but not in this version of osimg", "feature-not-yet";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_well_formed() {
        let mut seen = std::collections::BTreeSet::new();
        for Row { code, about, .. } in TABLE {
            assert!(seen.insert(code), "{code} stands twice");
            assert!(code.as_str().starts_with("osimg::"), "{code}");
            assert!(!about.is_empty());
            assert_eq!(find(code.as_str()).map(|row| row.code), Some(*code));
        }
        assert_eq!(find("slot::duplicate").map(|row| row.code), Some(SLOT_DUPLICATE));
    }
}
