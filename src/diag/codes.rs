//! The table of codes: each stable, each with the sentence that names the mistake.

use std::fmt;

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

macro_rules! codes {
    ($($name:ident = $code:literal, $about:literal;)*) => {
        $(#[doc = $about] pub const $name: Code = Code($code);)*
        /// Every code with what it means, in the order of the table.
        pub const TABLE: &[(Code, &str)] = &[$(($name, $about),)*];
    };
}

codes! {
    YAML_SYNTAX = "osimg::yaml::syntax", "the text is not YAML";
    YAML_DUPLICATE_KEY = "osimg::yaml::duplicate-key", "a mapping has one key twice";
    YAML_MERGE_KEY = "osimg::yaml::merge-key", "`<<` merge keys are not applied";
    YAML_DOCUMENTS = "osimg::yaml::documents", "a manifest is one YAML document";
    YAML_ENCODING = "osimg::yaml::encoding", "a manifest is UTF-8 text";
    YAML_EMPTY = "osimg::yaml::empty", "the manifest is empty";
    YAML_TOO_LARGE = "osimg::yaml::too-large", "the manifest is larger than any manifest needs to be";
    FIELD_UNKNOWN = "osimg::field::unknown", "a field that manifests do not have";
    FIELD_MISSING = "osimg::field::missing", "a field that must be there is not";
    FIELD_TYPE = "osimg::field::type", "a value of the wrong type";
    VALUE_UNKNOWN = "osimg::value::unknown", "a word that is none of those allowed here";
    VALUE_INVALID = "osimg::value::invalid", "a value of the right type that cannot be used";
    VERSION_UNSUPPORTED = "osimg::manifest::version", "a manifest version that this osimg does not read";
    SLOT_DUPLICATE = "osimg::slot::duplicate", "two slots of one name";
    SLOT_NONE = "osimg::slot::none", "a manifest without slots";
    BASE_DUPLICATE = "osimg::base::duplicate", "two bases of one name";
    BASE_UNUSED = "osimg::base::unused", "a base that no Dockerfile names";
    USER_DUPLICATE = "osimg::user::duplicate", "two users of one name in a slot";
    USER_CLEAR_PASSWORD = "osimg::user::clear-password", "a password written in clear";
    FILE_DUPLICATE = "osimg::file::duplicate", "two files of one path in a slot";
    BOOT_DEFAULT_UNKNOWN = "osimg::boot::default-unknown", "`boot.default` names no slot";
    CONSOLE_INVALID = "osimg::boot::console", "a console that is no console";
    SIZE_INVALID = "osimg::size::invalid", "a text that is no size";
    SIZE_SHARES = "osimg::size::shares", "shares that add up to more than the whole";
    SIZE_DOES_NOT_FIT = "osimg::size::does-not-fit", "sizes that do not fit the disk";
    SIZE_TOO_SMALL = "osimg::size::too-small", "a partition too small for what it must hold";
    PARTITIONS_TOO_MANY = "osimg::disk::partitions", "more partitions than the table holds";
    FILE_MISSING = "osimg::file::missing", "a file or folder that is not there";
    KERNEL_VERSION = "osimg::kernel::version", "a kernel version that the distribution cannot have";
    KERNEL_MISSING = "osimg::kernel::missing", "no kernel in the built tree";
    INITRAMFS_MISSING = "osimg::kernel::initramfs-missing", "no initramfs for the kernel in the built tree";
    DRIVER_MISSING = "osimg::dracut::driver-missing", "the root filesystem's driver is not in the initramfs";
    UNIT_CONFLICT = "osimg::systemd::conflict", "a unit that two lists pull both ways";
    DISTRO_UNKNOWN = "osimg::distro::unknown", "a distribution that osimg has no fragments for";
    DISTRO_MISMATCH = "osimg::distro::mismatch", "the built image is of another distribution than stated";
    BUILD_FAILED = "osimg::build::failed", "a Dockerfile's build failed";
    TARGET_UNKNOWN = "osimg::dockerfile::target-unknown", "a target that is no stage of the Dockerfile";
    NOT_YET = "osimg::not-yet", "planned, but not in this version of osimg";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_well_formed() {
        let mut seen = std::collections::BTreeSet::new();
        for (code, about) in TABLE {
            assert!(seen.insert(code), "{code} stands twice");
            assert!(code.as_str().starts_with("osimg::"), "{code}");
            assert!(!about.is_empty());
        }
    }
}
