//! The table of codes: each stable, each with the sentence that names the mistake.

use std::fmt;

use super::Severity;

/// A diagnostic's stable code, `osimg::<area>::<mistake>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(&'static str);

impl Code {
    pub fn as_str(self) -> &'static str {
        self.0
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
    ($($name:ident = $code:literal, $level:ident, $about:literal;)*) => {
        $(#[doc = $about] pub const $name: Code = Code($code);)*
        /// Every code with what it means, in the order of the table.
        pub const TABLE: &[Row] = &[$(Row { code: $name, level: Level::$level, about: $about },)*];
    };
}

codes! {
    YAML_SYNTAX = "osimg::yaml::syntax", Error, "the text is not YAML";
    YAML_DUPLICATE_KEY = "osimg::yaml::duplicate-key", Error, "a mapping has one key twice";
    YAML_MERGE_KEY = "osimg::yaml::merge-key", Error, "`<<` merge keys are not applied";
    YAML_DOCUMENTS = "osimg::yaml::documents", Error, "a manifest is one YAML document";
    YAML_ENCODING = "osimg::yaml::encoding", Error, "a manifest is UTF-8 text";
    YAML_EMPTY = "osimg::yaml::empty", Error, "the manifest is empty";
    YAML_TOO_LARGE = "osimg::yaml::too-large", Error, "the manifest is larger than any manifest needs to be";
    YAML_AMBIGUOUS = "osimg::yaml::ambiguous", Warning, "a word that is text to osimg and a boolean to older YAML readers";
    FIELD_UNKNOWN = "osimg::field::unknown", Error, "a field that manifests do not have";
    FIELD_MISSING = "osimg::field::missing", Error, "a field that must be there is not";
    FIELD_TYPE = "osimg::field::type", Error, "a value of the wrong type";
    VALUE_UNKNOWN = "osimg::value::unknown", Error, "a word that is none of those allowed here";
    VALUE_INVALID = "osimg::value::invalid", Error, "a value of the right type that cannot be used";
    VERSION_UNSUPPORTED = "osimg::manifest::version", Error, "a manifest version that this osimg does not read";
    SLOT_DUPLICATE = "osimg::slot::duplicate", Error, "two slots of one name";
    SLOT_NONE = "osimg::slot::none", Error, "a manifest without slots";
    BASE_DUPLICATE = "osimg::base::duplicate", Error, "two bases of one name";
    BASE_UNUSED = "osimg::base::unused", Warning, "a base that no Dockerfile names";
    USER_DUPLICATE = "osimg::user::duplicate", Error, "two users of one name in a slot";
    USER_CLEAR_PASSWORD = "osimg::user::clear-password", Error, "a password written in clear";
    FILE_DUPLICATE = "osimg::file::duplicate", Error, "two files of one path in a slot";
    BOOT_DEFAULT_UNKNOWN = "osimg::boot::default-unknown", Error, "`boot.default` names no slot";
    CONSOLE_INVALID = "osimg::boot::console", Error, "a console that is no console";
    SIZE_INVALID = "osimg::size::invalid", Error, "a text that is no size";
    SIZE_SHARES = "osimg::size::shares", Error, "shares that add up to more than the whole";
    SIZE_DOES_NOT_FIT = "osimg::size::does-not-fit", Error, "sizes that do not fit the disk";
    SIZE_TOO_SMALL = "osimg::size::too-small", Error, "a partition too small for what it must hold";
    PARTITIONS_TOO_MANY = "osimg::disk::partitions", Error, "more partitions than the table holds";
    FILE_MISSING = "osimg::file::missing", Error, "a file or folder that is not there";
    KERNEL_VERSION = "osimg::kernel::version", AllowableError, "a kernel version that the distribution cannot have";
    KERNEL_MISSING = "osimg::kernel::missing", Error, "no kernel in the built tree";
    INITRAMFS_MISSING = "osimg::kernel::initramfs-missing", Error, "no initramfs for the kernel in the built tree";
    DRIVER_MISSING = "osimg::dracut::driver-missing", AllowableError, "the root filesystem's driver is not in the initramfs";
    UNIT_CONFLICT = "osimg::systemd::conflict", Error, "a unit that two lists pull both ways";
    DISTRO_UNKNOWN = "osimg::distro::unknown", Error, "a distribution that osimg has no fragments for";
    DISTRO_MISMATCH = "osimg::distro::mismatch", Error, "the built image is of another distribution than stated";
    BUILD_FAILED = "osimg::build::failed", Error, "a Dockerfile's build failed";
    DOCKERFILE_SYNTAX = "osimg::dockerfile::syntax", AllowableError, "a Dockerfile that no engine can read";
    DOCKERFILE_IMAGE = "osimg::dockerfile::image", AllowableError, "a word in a Dockerfile that cannot be an image's name";
    DOCKERFILE_STAGE = "osimg::dockerfile::stage", AllowableError, "a `--from` that names no stage in front of it";
    BASE_UNKNOWN = "osimg::dockerfile::base-unknown", Warning, "an image that is nearly a base of the manifest";
    COPY_SOURCE = "osimg::dockerfile::copy-source", AllowableError, "a file that a Dockerfile takes and its context does not have";
    COPY_IGNORED = "osimg::dockerfile::copy-ignored", AllowableError, "a file that a Dockerfile takes and the ignore file keeps out";
    COPY_UNCLEAR = "osimg::dockerfile::copy-unclear", Warning, "a source of `COPY` that engines read differently";
    IGNORE_PATTERN = "osimg::dockerfile::ignore-pattern", Error, "an ignore file with a pattern that none can be";
    TARGET_UNKNOWN = "osimg::dockerfile::target-unknown", Error, "a target that is no stage of the Dockerfile";
    BUILD_ARG_UNUSED = "osimg::dockerfile::arg-unused", Warning, "a build argument that the Dockerfile does not declare";
    ALLOW_UNUSED = "osimg::allow::unused", Warning, "an entry of `allow` that nothing needs";
    ALLOW_FORBIDDEN = "osimg::allow::forbidden", Error, "a code that cannot be allowed";
    NOT_YET = "osimg::not-yet", Warning, "planned, but not in this version of osimg";
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
