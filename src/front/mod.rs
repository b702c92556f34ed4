//! The front end: YAML text in, a checked [`model::Model`] out, every problem located.
//!
//! [`parse`] (text to [`ast`] with places) → [`resolve`] (names bound, defaults merged, values read) → [`check`] (the [`rules`]).
//! Nothing here touches the disk: what must be looked up comes through the caller's [`Probe`].

mod addition;
mod allow;
pub mod ast;
pub mod check;
mod conform;
mod context;
pub mod dockerfile;
mod fields;
pub mod hover;
pub mod model;
pub mod outline;
pub mod parse;
mod place;
pub mod probe;
mod quotes;
pub mod resolve;
pub mod resolved;
pub mod rules;
pub mod schema;
mod spans;
pub mod suggest;
mod suggestions;
pub mod words;

use std::path::Path;

use crate::diag::Diagnostics;
pub use hover::hover;
use model::Model;
pub use outline::Outline;
pub use parse::MAX_BYTES;
pub use probe::Probe;
pub use schema::schema;
pub use spans::Step;

/// The whole front end: `bytes` of the manifest called `name` in messages, whose folder is `dir`. No model beside errors;
/// warnings come either way; all sorted by place.
pub fn load(name: &str, bytes: &[u8], dir: &Path, probe: &dyn Probe) -> (Option<Model>, Diagnostics) {
    let source = match parse::source(name, bytes) {
        Ok(source) => source,
        Err(problem) => return (None, problem),
    };
    let (parsed, mut found) = parse::parse(&source);
    let Some(parsed) = parsed else { return (None, found.sorted(name)) };
    let (resolved, more) = resolve::resolve(&parsed, dir);
    found.extend(more);
    let (model, found) = check::check(resolved, &parsed.tree, found, probe);
    (model, found.sorted(name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io;
    use std::path::PathBuf;
    use std::time::Duration;

    use super::model::{Console, DiskSize, FilesystemKind, Format, Slot, SlotSize, Table};
    use super::*;

    /// Files by path; a folder is there when something lies in it. `None` cannot be read.
    struct Fake(BTreeMap<PathBuf, Option<&'static str>>);

    impl Fake {
        fn new(files: &[(&str, Option<&'static str>)]) -> Fake {
            Fake(files.iter().map(|(path, text)| (PathBuf::from(path), *text)).collect())
        }
    }

    impl Probe for Fake {
        fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
            match self.0.get(path) {
                Some(Some(text)) => Ok(Some(text.as_bytes().to_vec())),
                Some(None) => Err(io::ErrorKind::PermissionDenied.into()),
                None => Ok(None),
            }
        }

        fn is_file(&self, path: &Path) -> bool {
            self.0.contains_key(path)
        }

        fn is_dir(&self, path: &Path) -> bool {
            self.0.keys().any(|file| file != path && file.starts_with(path))
        }

        fn list(&self, path: &Path) -> Option<Vec<String>> {
            let below = self.0.keys().filter_map(|file| file.strip_prefix(path).ok()?.iter().next());
            let names: std::collections::BTreeSet<String> =
                below.map(|name| name.to_string_lossy().into_owned()).collect();
            (!names.is_empty()).then(|| names.into_iter().collect())
        }
    }

    fn model(text: &str) -> Model {
        let probe = Fake::new(&[("/m/os/Dockerfile", Some("ARG V=1\nFROM base:$V\nFROM other\n"))]);
        let (model, found) = load("m.yaml", text.as_bytes(), Path::new("/m"), &probe);
        model.unwrap_or_else(|| panic!("{found:?}"))
    }

    fn slot(text: &str) -> Slot {
        model(text).slots.remove(0)
    }

    const LEAST: &str = "version: 1\nname: least\nslots:\n  - name: one\n    dockerfile: ./os/Dockerfile\n";

    #[test]
    fn defaults_are_as_documented() {
        let model = model(LEAST);
        assert_eq!(model.disk.path, Path::new("/m/build/least.img"));
        assert_eq!(model.disk.size.value, DiskSize::Auto);
        assert_eq!(model.disk.table.value, Table::Mbr);
        assert_eq!(model.disk.formats.value, [Format::Raw]);
        assert_eq!(model.boot.firmware.len(), 2);
        assert_eq!(model.boot.timeout, Duration::from_secs(1));
        assert_eq!(model.boot.default, 0);
        assert_eq!(
            model.boot.consoles.iter().map(Console::argument).collect::<Vec<_>>(),
            ["tty0", "ttyS0,115200"]
        );
        let slot = &model.slots[0];
        assert_eq!(slot.dockerfile.value, Path::new("/m/os/Dockerfile"));
        assert_eq!(slot.context.value, Path::new("/m/os"));
        assert_eq!((slot.title.as_str(), slot.hostname.as_str()), ("one", "one"));
        assert_eq!(slot.size.value, SlotSize::Equal);
        assert_eq!(slot.filesystem.kind, FilesystemKind::Ext4);
        assert_eq!(slot.dracut.drivers, ["virtio_blk", "virtio_scsi", "ext4"]);
        assert_eq!(slot.systemd.default_target.as_deref(), Some("multi-user.target"));
        assert_eq!(slot.systemd.unmask, ["getty.target"]);
        assert_eq!(slot.from, ["base:1", "other"]);
    }

    #[test]
    fn a_slot_wins_over_the_defaults_key_by_key() {
        let slot = slot(
            "version: 1\nname: merged\ndefaults:\n  build_args: {V: '2', W: x}\n  size: 1GiB\n  packages: [a, b]\n  \
             kernel: {args: [quiet]}\n  systemd: {enable: [a.service], mask: [getty.target]}\nslots:\n  - name: one\n    \
             dockerfile: os/Dockerfile\n    build_args: {V: '3'}\n    packages: [c]\n    kernel: {version: 6.1.0-28-amd64}\n    \
             systemd: {enable: []}\n    filesystem: {type: xfs}\n",
        );
        assert_eq!(slot.build_args, BTreeMap::from([("V".into(), "3".into()), ("W".into(), "x".into())]));
        assert_eq!(slot.from, ["base:3", "other"]);
        assert_eq!(slot.size.value, SlotSize::Fixed(crate::base::Bytes::gib(1)));
        assert_eq!(slot.packages.value, ["c"]);
        assert_eq!(slot.kernel.args, ["quiet"]);
        assert_eq!(slot.kernel.version.as_ref().map(|v| v.as_str()), Some("6.1.0-28-amd64"));
        assert!(slot.systemd.enable.is_empty());
        // masked by the manifest, so osimg's own unmask gives way
        assert!(slot.systemd.unmask.is_empty());
        assert_eq!(slot.dracut.drivers, ["virtio_blk", "virtio_scsi", "xfs"]);
    }

    #[test]
    fn a_dockerfile_that_cannot_be_read_is_said_so() {
        let probe = Fake::new(&[("/m/os/Dockerfile", None)]);
        let (model, found) = load("m.yaml", LEAST.as_bytes(), Path::new("/m"), &probe);
        assert!(model.is_none());
        let messages: Vec<&str> = found.iter().map(|f| f.message.as_str()).collect();
        assert_eq!(messages, ["the Dockerfile `/m/os/Dockerfile` cannot be read: permission denied"]);
    }

    #[test]
    fn a_dockerfile_is_called_as_a_user_would_type_it() {
        let text = "FROM base\nCOPY motd /\nCOPY mtd /\n";
        let probe = Fake::new(&[("/m/os/Dockerfile", Some(text)), ("/m/os/motd", Some(""))]);
        let (_, found) = load("examples/m.yaml", LEAST.as_bytes(), Path::new("/m"), &probe);
        let told: Vec<_> = found.iter().collect();
        assert_eq!(told.len(), 1);
        let label = &told[0].labels[0];
        assert_eq!(label.source.name, "examples/os/Dockerfile");
        assert_eq!(&label.source.text[label.span.start..label.span.end], "mtd");
        let edit = &told[0].fixes[0].edits[0];
        assert_eq!(
            (edit.source.name.as_str(), edit.span, edit.text.as_str()),
            ("examples/os/Dockerfile", label.span, "motd")
        );
    }

    #[test]
    fn the_manifests_own_folder_is_no_file() {
        let text = LEAST.replace("./os/Dockerfile", ".") + "    files: [{path: /a, source: .}]\n";
        let probe = Fake::new(&[("/m/os/Dockerfile", None)]);
        let (_, found) = load("m.yaml", text.as_bytes(), Path::new("/m"), &probe);
        let codes: Vec<&str> = found.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(codes, ["osimg::dockerfile::missing", "osimg::file::source"]);
    }
}
