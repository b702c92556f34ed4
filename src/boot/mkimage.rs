//! The calls of grub-mkimage as values.

use std::ffi::OsString;
use std::path::Path;

use super::{PartitionMap, Platform, modules};

/// The file in a platform's folder that its call makes.
pub fn output(platform: Platform) -> &'static str {
    match platform {
        Platform::I386Pc => "core.img",
        Platform::X86_64Efi => "BOOTX64.EFI",
    }
}

/// What a call is told.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub platform: Platform,
    /// The disk's partition table.
    pub map: PartitionMap,
    /// The folder with the platform's modules.
    pub directory: &'a Path,
    /// The file with [`super::early::configuration`].
    pub configuration: &'a Path,
    /// The image to write.
    pub output: &'a Path,
}

impl Call<'_> {
    /// The arguments of grub-mkimage.
    pub fn arguments(&self) -> Vec<OsString> {
        // where GRUB looks when the search fails: the first partition of the disk that the BIOS booted from, or the
        // partition that the UEFI binary lies on
        let prefix = match self.platform {
            Platform::I386Pc => format!("(,{}1)/grub", self.map.as_str()),
            Platform::X86_64Efi => "/grub".to_string(),
        };
        let mut arguments: Vec<OsString> = vec![
            "--format".into(),
            self.platform.as_str().into(),
            "--directory".into(),
            self.directory.into(),
            "--config".into(),
            self.configuration.into(),
            "--prefix".into(),
            prefix.into(),
            "--output".into(),
            self.output.into(),
        ];
        arguments.extend(modules::core(self.platform).into_iter().map(OsString::from));
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls() {
        let line = |platform, map| {
            let call = Call {
                platform,
                map,
                directory: Path::new("/lib/grub"),
                configuration: Path::new("early.cfg"),
                output: Path::new("out"),
            };
            call.arguments().join(std::ffi::OsStr::new(" ")).into_string().expect("UTF-8")
        };
        assert_eq!(
            line(Platform::I386Pc, PartitionMap::Msdos),
            "--format i386-pc --directory /lib/grub --config early.cfg --prefix (,msdos1)/grub --output out \
             biosdisk part_msdos part_gpt fat search_fs_uuid normal configfile"
        );
        assert_eq!(
            line(Platform::X86_64Efi, PartitionMap::Gpt),
            "--format x86_64-efi --directory /lib/grub --config early.cfg --prefix /grub --output out \
             part_msdos part_gpt fat search_fs_uuid normal configfile"
        );
        assert!(line(Platform::I386Pc, PartitionMap::Gpt).contains(" (,gpt1)/grub "));
    }
}
