//! GRUB for hosts that have none: a Dockerfile whose image holds nothing but the files of [`super::files`].
//!
//! The packages come first, in a layer that every manifest shares; the core images, which name the boot partition,
//! come after. The last stage is empty but for the result, so that its export is a few megabytes.

use std::fmt::Write;
use std::path::Path;

use super::{PartitionMap, Platform, files, mkimage};
use crate::base::shell;

/// The folder of the image that holds the files.
pub const FOLDER: &str = "/osimg-grub";

/// The Dockerfile. `base` is an image of the Debian family with package lists to be had; `early` is
/// [`super::early::configuration`].
pub fn dockerfile(base: &str, early: &str, platforms: &[Platform], map: PartitionMap) -> String {
    let mut packages = vec!["grub-common"];
    packages.extend(platforms.iter().map(|platform| match platform {
        Platform::I386Pc => "grub-pc-bin",
        Platform::X86_64Efi => "grub-efi-amd64-bin",
    }));
    let lines: Vec<String> = early.lines().map(shell::quote).collect();
    let mut steps = vec![
        format!("mkdir {FOLDER}"),
        format!("grub-mkimage --version | sed 's/.* //' > {FOLDER}/{}", files::VERSION),
        format!("printf '%s\\n' {} > /early.cfg", lines.join(" ")),
    ];
    for platform in platforms {
        let library = format!("/usr/lib/grub/{}", platform.as_str());
        let folder = format!("{FOLDER}/{}", platform.as_str());
        let call = mkimage::Call {
            platform: *platform,
            map,
            directory: Path::new(&library),
            configuration: Path::new("/early.cfg"),
            output: &Path::new(&folder).join(mkimage::output(*platform)),
        };
        let arguments: Vec<String> =
            call.arguments().iter().map(|a| shell::quote(&a.to_string_lossy())).collect();
        let boot_img =
            if *platform == Platform::I386Pc { format!("{library}/boot.img ") } else { String::new() };
        steps.push(format!("mkdir {folder}"));
        steps.push(format!("cp {boot_img}{library}/*.mod {library}/*.lst {folder}/"));
        steps.push(format!("grub-mkimage {}", arguments.join(" ")));
    }
    let mut text = String::new();
    // writing to a string does not fail
    let _ = write!(
        text,
        "FROM {base} AS grub\n\
         RUN apt-get update && \\\n    \
         DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends {} && \\\n    \
         rm -rf /var/lib/apt/lists/*\n\
         RUN {}\n\
         FROM scratch\n\
         COPY --from=grub {FOLDER} {FOLDER}\n",
        packages.join(" "),
        steps.join(" && \\\n    "),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dockerfile() {
        let early = crate::boot::early::configuration(0x1a2b_3c4d);
        insta::assert_snapshot!(dockerfile("debian:bookworm", &early, &Platform::ALL, PartitionMap::Msdos));
    }
}
