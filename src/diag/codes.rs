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

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub code: Code,
    pub level: Level,
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
}

/// The row of a code as people write it: whole, or without `osimg::`.
pub fn find(words: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.code.0 == words || row.code.0.strip_prefix("osimg::") == Some(words))
}

macro_rules! codes {
    ($($name:ident = $code:literal, $level:ident, $about:literal, $page:literal;)*) => {
        $(#[doc = $about] pub const $name: Code = Code($code);)*
        /// Every code with what it means, in the order of the table.
        pub const TABLE: &[Row] = &[$(Row {
            code: $name,
            level: Level::$level,
            about: $about,
            page: include_str!(concat!("explain/", $page, ".md")),
        },)*];
    };
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
    BASE_DIGEST_MISMATCH = "osimg::base::digest-mismatch", Error, "an archive with another digest than stated", "base-digest-mismatch";
    BASE_NAME_TAKEN = "osimg::base::name-taken", Error, "a base whose name an image of somebody else has", "base-name-taken";
    BASE_BOOTSTRAP = "osimg::base::bootstrap", Error, "mmdebstrap could not make a base", "base-bootstrap";
    SLOT_NONE = "osimg::slot::none", Error, "a manifest without slots", "slot-none";
    SLOT_NAME = "osimg::slot::name", Error, "a name that a slot cannot have", "slot-name";
    SLOT_DUPLICATE = "osimg::slot::duplicate", Error, "two slots of one name", "slot-duplicate";
    SLOT_TITLE = "osimg::slot::title", Error, "a title that the boot menu cannot show", "slot-title";
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
    BUILD_FAILED = "osimg::build::failed", Error, "a Dockerfile's build failed", "build-failed";
    DISTRO_UNKNOWN = "osimg::distro::unknown", Error, "a distribution that osimg has no fragments for", "distro-unknown";
    DISTRO_MISMATCH = "osimg::distro::mismatch", Error, "the built image is of another distribution than stated", "distro-mismatch";
    KERNEL_VERSION_SYNTAX = "osimg::kernel::version-syntax", Error, "a text that is no kernel version", "kernel-version-syntax";
    KERNEL_VERSION = "osimg::kernel::version", AllowableError, "a kernel version that the distribution cannot have", "kernel-version";
    KERNEL_ARGUMENT = "osimg::kernel::argument", Error, "a text that is no kernel argument", "kernel-argument";
    KERNEL_ARGUMENT_TAKEN = "osimg::kernel::argument-taken", Error, "a kernel argument that osimg sets itself", "kernel-argument-taken";
    KERNEL_COMMAND_LINE = "osimg::kernel::command-line", Error, "a command line longer than the kernel reads", "kernel-command-line";
    KERNEL_MISSING = "osimg::kernel::missing", Error, "no kernel in the built tree", "kernel-missing";
    INITRAMFS_MISSING = "osimg::kernel::initramfs-missing", Error, "no initramfs for the kernel in the built tree", "kernel-initramfs-missing";
    DRACUT_MODULE_NAME = "osimg::dracut::module-name", Error, "a text that is no kernel module or filesystem", "dracut-module-name";
    DRACUT_CONFLICT = "osimg::dracut::conflict", Error, "a kernel module both added and left out", "dracut-conflict";
    DRIVER_MISSING = "osimg::dracut::driver-missing", AllowableError, "the root filesystem's driver is not in the initramfs", "dracut-driver-missing";
    SYSTEMD_UNIT_NAME = "osimg::systemd::unit-name", Error, "a text that is no unit's full name", "systemd-unit-name";
    SYSTEMD_TARGET_NAME = "osimg::systemd::target-name", Error, "a default target that is no target's full name", "systemd-target-name";
    UNIT_CONFLICT = "osimg::systemd::conflict", Error, "a unit that two lists pull both ways", "systemd-conflict";
    PACKAGE_NAME = "osimg::package::name", Error, "a text that is no package", "package-name";
    USER_NAME = "osimg::user::name", Error, "a name that a user cannot have", "user-name";
    USER_DUPLICATE = "osimg::user::duplicate", Error, "two users of one name in a slot", "user-duplicate";
    USER_GROUP = "osimg::user::group", Error, "a name that a group cannot have", "user-group";
    USER_SHELL = "osimg::user::shell", Error, "a login shell that is no absolute path", "user-shell";
    USER_PASSWORD_HASH = "osimg::user::password-hash", Error, "a password hash that crypt(5) does not know", "user-password-hash";
    USER_CLEAR_PASSWORD = "osimg::user::clear-password", Error, "a password written in clear", "user-clear-password";
    USER_SSH_KEY = "osimg::user::ssh-key", Error, "a text that is no public ssh key", "user-ssh-key";
    USER_PRIVATE_KEY = "osimg::user::private-key", Error, "a private ssh key", "user-private-key";
    FILE_PATH = "osimg::file::path", Error, "a text that is no file's path in a slot", "file-path";
    FILE_PATH_TAKEN = "osimg::file::path-taken", Error, "a file that osimg writes itself", "file-path-taken";
    FILE_DUPLICATE = "osimg::file::duplicate", Error, "two files of one path in a slot", "file-duplicate";
    FILE_CONTENT = "osimg::file::content", Error, "a file with both a content and a source", "file-content";
    FILE_SOURCE = "osimg::file::source", Error, "a file's source that is not there", "file-source";
    FILE_MODE = "osimg::file::mode", Error, "a text that is no file mode", "file-mode";
    FILE_OWNER = "osimg::file::owner", Error, "a number that no owner can have", "file-owner";
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
