//! The second Dockerfile of a slot: what the manifest asks for on top of the user's own image.
//!
//! Enters: a slot, its distribution, the reference of the image to start from. Leaves: the Dockerfile's text, the few
//! files it copies, and which of its lines each of the manifest's concerns made. Holds: one fragment per concern, each a
//! layer of its own, those that change often after those that take long; no heredoc and no `--mount`, which the
//! classic builder and old BuildKit lack.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use minijinja::context;

use super::family::{Family, family};
use super::{EmitError, printable, templates, word};
use crate::base::shell;
use crate::diag::Span;
use crate::front::model::{Distro, Slot, User};

/// Where dracut's configuration goes: late in the order, so that it has the last word.
const DRACUT_CONFIGURATION: &str = "/etc/dracut.conf.d/90-osimg.conf";

/// What a fragment is about, in the order of the layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Concern {
    DracutConfiguration,
    Kernel,
    Initramfs,
    Kexec,
    Packages,
    SshHostKeys,
    Users,
    DefaultTarget,
    Units,
}

impl Concern {
    pub const ALL: [Concern; 9] = [
        Concern::DracutConfiguration,
        Concern::Kernel,
        Concern::Initramfs,
        Concern::Kexec,
        Concern::Packages,
        Concern::SshHostKeys,
        Concern::Users,
        Concern::DefaultTarget,
        Concern::Units,
    ];

    /// Whether this concern made a build step, by the step's name as an engine shows it (`Step 3/9 : RUN : 'osimg: …'; …`).
    pub fn made(self, step: &str) -> bool {
        step.contains(&format!("'osimg: {}'", self.as_str()))
    }

    /// For people, and for the mark at the head of the fragment's `RUN` line: the engine shows it as the step's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Concern::DracutConfiguration => "dracut configuration",
            Concern::Kernel => "kernel",
            Concern::Initramfs => "initramfs",
            Concern::Kexec => "kexec",
            Concern::Packages => "packages",
            Concern::SshHostKeys => "ssh host keys",
            Concern::Users => "users",
            Concern::DefaultTarget => "default target",
            Concern::Units => "units",
        }
    }
}

/// A fragment in the finished text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub concern: Concern,
    /// Lines of the Dockerfile, from 1.
    pub lines: RangeInclusive<usize>,
    /// The manifest's words that asked for it.
    pub span: Span,
}

/// A generated Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    pub text: String,
    /// The build context: path to content. Holds password hashes.
    pub files: BTreeMap<String, Vec<u8>>,
    /// In the order of the lines.
    pub fragments: Vec<Placed>,
}

impl Generated {
    /// The fragment of a build step, by the step's name as an engine shows it (`Step 3/9 : RUN : 'osimg: kernel'; …`).
    pub fn blame(&self, step: &str) -> Option<&Placed> {
        self.fragments.iter().find(|f| f.concern.made(step))
    }
}

/// Makes the Dockerfile of `slot`, whose own image is `from` (a reference that the engine has) and of `distro`.
pub fn dockerfile(slot: &Slot, distro: Distro, from: &str) -> Result<Generated, EmitError> {
    word("image reference", from, None)?;
    let version = slot.kernel.version.as_ref();
    if let Some(version) = version {
        word("kernel version", version, Some(version.span))?;
    }
    let family = family(distro, version.map(|v| v.as_str()));
    let mut out = Generated {
        text: templates::render("prelude.j2", context! { slot => slot.name.as_str(), from })?,
        files: BTreeMap::new(),
        fragments: Vec::new(),
    };
    for concern in Concern::ALL {
        let Some((text, span)) = fragment(concern, slot, &family, &mut out.files)? else { continue };
        out.text.push('\n');
        let first = out.text.lines().count() + 1;
        out.text.push_str(&text);
        out.fragments.push(Placed { concern, lines: first..=out.text.lines().count(), span });
    }
    Ok(out)
}

fn fragment(
    concern: Concern,
    slot: &Slot,
    family: &Family,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<Option<(String, Span)>, EmitError> {
    match concern {
        Concern::DracutConfiguration => dracut_configuration(slot).map(Some),
        Concern::Kernel => kernel(slot, family).map(Some),
        Concern::Initramfs => initramfs(slot, family).map(Some),
        Concern::Kexec => kexec(slot, family),
        Concern::Packages => packages(slot, family),
        Concern::SshHostKeys => ssh_host_keys(slot, family, files),
        Concern::Users => users(slot, files),
        Concern::DefaultTarget => default_target(slot),
        Concern::Units => units(slot),
    }
}

/// What dracut is told, with the root filesystem's driver always among the drivers: without it no list boots.
struct DracutLists {
    drivers: Vec<String>,
    /// Empty: every filesystem, which is dracut's own default.
    filesystems: Vec<String>,
    omit_drivers: Vec<String>,
}

fn dracut_lists(slot: &Slot) -> Result<DracutLists, EmitError> {
    let span = Some(slot.dracut.span);
    let root = slot.filesystem.kind.as_str().to_string();
    let mut lists = DracutLists {
        drivers: slot.dracut.drivers.clone(),
        filesystems: slot.dracut.filesystems.clone(),
        omit_drivers: slot.dracut.omit_drivers.clone(),
    };
    if !lists.drivers.contains(&root) {
        lists.drivers.push(root.clone());
    }
    if !lists.filesystems.is_empty() && !lists.filesystems.contains(&root) {
        lists.filesystems.push(root);
    }
    for name in lists.drivers.iter().chain(&lists.filesystems).chain(&lists.omit_drivers) {
        word("driver", name, span)?;
        if name.contains([' ', '"', '$', '`', '\\']) {
            let (value, problem) = (name.clone(), "no driver's name has this in it");
            return Err(EmitError::Value { what: "driver", value, problem, span });
        }
    }
    Ok(lists)
}

fn dracut_configuration(slot: &Slot) -> Result<(String, Span), EmitError> {
    let lists = dracut_lists(slot)?;
    // dracut sources the file with bash; its lists want a blank at both ends
    let list = |key: &str, names: &[String]| {
        (!names.is_empty()).then(|| format!("{key}+=\" {} \"", names.join(" ")))
    };
    let mut lines = vec![
        "# made by osimg from the manifest".to_string(),
        // this container is not the machine that will boot
        "hostonly=\"no\"".to_string(),
        // a second, rescue initramfs would take as long again
        "dracut_rescue_image=\"no\"".to_string(),
    ];
    lines.extend(list("add_drivers", &lists.drivers));
    lines.extend(list("filesystems", &lists.filesystems));
    lines.extend(list("omit_drivers", &lists.omit_drivers));
    let text =
        templates::render("dracut-configuration.j2", context! { lines, path => DRACUT_CONFIGURATION })?;
    Ok((text, slot.dracut.span))
}

fn kernel(slot: &Slot, family: &Family) -> Result<(String, Span), EmitError> {
    let version = slot.kernel.version.as_ref();
    let pinned = version.map(|v| v.as_str()).unwrap_or_default();
    let text = templates::render(
        family.kernel_template,
        context! {
            version => version.map(|v| v.as_str()),
            userland => &family.userland,
            kernel => &family.kernel,
            modules => format!("/lib/modules/{pinned}"),
            message => format!("osimg: the packages brought no kernel {pinned}"),
        },
    )?;
    Ok((text, version.map_or(slot.kernel.span, |v| v.span)))
}

fn initramfs(slot: &Slot, family: &Family) -> Result<(String, Span), EmitError> {
    let lists = dracut_lists(slot)?;
    let modules = match &slot.kernel.version {
        Some(version) => shell::quote(&format!("/lib/modules/{}", version.as_str())),
        None => "/lib/modules/*".to_string(),
    };
    let text = templates::render(
        "initramfs.j2",
        context! {
            modules,
            configuration => DRACUT_CONFIGURATION,
            initramfs => family.initramfs,
            drivers => &lists.drivers,
            filesystems => &lists.filesystems,
            omit_drivers => &lists.omit_drivers,
        },
    )?;
    Ok((text, slot.dracut.span))
}

/// kexec, for `osimg-switch`. After the initramfs, which must not get what kexec-tools brings for crash dumps.
fn kexec(slot: &Slot, family: &Family) -> Result<Option<(String, Span)>, EmitError> {
    if !slot.kexec {
        return Ok(None);
    }
    Ok(Some((templates::render(family.kexec_template, context! {})?, slot.span)))
}

fn packages(slot: &Slot, family: &Family) -> Result<Option<(String, Span)>, EmitError> {
    let (packages, span) = (&slot.packages.value, slot.packages.span);
    if packages.is_empty() {
        return Ok(None);
    }
    for name in packages {
        word("package", name, Some(span))?;
    }
    Ok(Some((templates::render(family.packages_template, context! { packages })?, span)))
}

/// The unit goes in whatever the manifest's packages are: the user's own Dockerfile may have installed sshd.
fn ssh_host_keys(
    slot: &Slot,
    family: &Family,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<Option<(String, Span)>, EmitError> {
    if !family.ssh_host_keys {
        return Ok(None);
    }
    let unit = "osimg-ssh-host-keys.service";
    files.insert(unit.to_string(), templates::verbatim(unit).as_bytes().to_vec());
    let span = if slot.packages.is_empty() { slot.span } else { slot.packages.span };
    Ok(Some((templates::render("ssh-host-keys.j2", context! {})?, span)))
}

fn users(slot: &Slot, files: &mut BTreeMap<String, Vec<u8>>) -> Result<Option<(String, Span)>, EmitError> {
    let (users, span) = (&slot.users.value, slot.users.span);
    if users.is_empty() {
        return Ok(None);
    }
    let mut passwords = String::new();
    let mut values = Vec::new();
    for user in users {
        check_user(user, span)?;
        if let Some(hash) = &user.password_hash {
            passwords.push_str(&format!("{}:{hash}\n", user.name));
        }
        let keys = (!user.ssh_keys.is_empty()).then(|| {
            files.insert(
                format!("osimg-users/keys/{}", user.name),
                format!("{}\n", user.ssh_keys.join("\n")).into_bytes(),
            );
            format!("/.osimg/users/keys/{}", user.name)
        });
        values.push(context! {
            name => &user.name,
            shell => &user.shell,
            groups => &user.groups,
            keys,
        });
    }
    let has_passwords = !passwords.is_empty();
    // COPY fails on a folder without files
    let has_files = has_passwords || users.iter().any(|u| !u.ssh_keys.is_empty());
    if has_passwords {
        files.insert("osimg-users/passwords".to_string(), passwords.into_bytes());
    }
    let text = templates::render(
        "users.j2",
        context! { users => values, passwords => has_passwords, files => has_files },
    )?;
    Ok(Some((text, span)))
}

/// Names and hashes become fields of a line that colons divide, and file names.
fn check_user(user: &User, span: Span) -> Result<(), EmitError> {
    let span = Some(span);
    word("user", &user.name, span)?;
    let refuse =
        |what, value: &str, problem| Err(EmitError::Value { what, value: value.to_string(), problem, span });
    if user.name.contains([':', '/', ' ']) || user.name == "." || user.name == ".." {
        return refuse("user", &user.name, "this is no user name");
    }
    for group in &user.groups {
        word("group", group, span)?;
        if group.contains(',') {
            return refuse("group", group, "a name has no comma: write a list");
        }
    }
    for key in &user.ssh_keys {
        printable("ssh key", key, span)?;
    }
    if let Some(shell) = &user.shell {
        word("shell", shell, span)?;
    }
    match &user.password_hash {
        // the value is a secret, even refused
        Some(hash) if hash.contains(':') || hash.chars().any(char::is_control) => {
            refuse("password hash of", &user.name, "a hash has no colon and no control character")
        }
        _ => Ok(()),
    }
}

fn default_target(slot: &Slot) -> Result<Option<(String, Span)>, EmitError> {
    let Some(target) = &slot.systemd.default_target else { return Ok(None) };
    word("target", target, Some(slot.systemd.span))?;
    Ok(Some((templates::render("default-target.j2", context! { target })?, slot.systemd.span)))
}

fn units(slot: &Slot) -> Result<Option<(String, Span)>, EmitError> {
    let systemd = &slot.systemd.value;
    let lists = [&systemd.unmask, &systemd.disable, &systemd.enable, &systemd.mask];
    if lists.iter().all(|l| l.is_empty()) {
        return Ok(None);
    }
    for unit in lists.into_iter().flatten() {
        word("unit", unit, Some(slot.systemd.span))?;
    }
    let text = templates::render(
        "units.j2",
        context! {
            unmask => &systemd.unmask,
            disable => &systemd.disable,
            enable => &systemd.enable,
            mask => &systemd.mask,
        },
    )?;
    Ok(Some((text, slot.systemd.span)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Spanned;
    use crate::front::model::{Dracut, Filesystem, FilesystemKind, Kernel, SlotSize, Systemd};

    /// A slot that asks for nothing.
    fn plain() -> Slot {
        let at = Span::default();
        Slot {
            name: Spanned::new("a".parse().expect("name"), at),
            title: "A".to_string(),
            dockerfile: Spanned::new("a/Dockerfile".into(), at),
            context: Spanned::new("a".into(), at),
            build_args: BTreeMap::new(),
            target: None,
            from: Vec::new(),
            distro: None,
            size: Spanned::new(SlotSize::Equal, at),
            filesystem: Spanned::new(Filesystem::of(FilesystemKind::Ext4), at),
            kernel: Kernel { version: None, args: Vec::new(), span: Span::new(10, 20) },
            kexec: true,
            dracut: Spanned::new(Dracut::default(), Span::new(30, 40)),
            systemd: Spanned::new(Systemd::default(), Span::new(50, 60)),
            packages: Spanned::new(Vec::new(), Span::new(70, 80)),
            hostname: "a".to_string(),
            users: Spanned::new(Vec::new(), Span::new(90, 100)),
            files: Spanned::new(Vec::new(), at),
            span: Span::new(0, 200),
            places: Default::default(),
        }
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| w.to_string()).collect()
    }

    fn user(name: &str) -> User {
        User { name: name.into(), password_hash: None, ssh_keys: Vec::new(), groups: Vec::new(), shell: None }
    }

    /// A slot that asks for everything, with an xfs root.
    fn full(version: &str) -> Slot {
        let mut slot = plain();
        slot.filesystem.value.kind = FilesystemKind::Xfs;
        slot.kernel.version = Some(Spanned::new(version.to_string(), Span::new(12, 18)));
        slot.dracut.value = Dracut {
            drivers: strings(&["virtio_blk", "virtio_scsi", "xfs"]),
            filesystems: strings(&["xfs"]),
            omit_drivers: strings(&["floppy"]),
        };
        slot.systemd.value = Systemd {
            default_target: Some("multi-user.target".to_string()),
            unmask: strings(&["getty.target"]),
            enable: strings(&["sshd.service"]),
            disable: strings(&["postfix.service"]),
            mask: strings(&["kdump.service"]),
        };
        slot.packages.value = strings(&["openssh-server", "vim"]);
        slot.users.value = vec![
            User { password_hash: Some("$6$salt$ha/sh.".into()), ..user("root") },
            User {
                ssh_keys: strings(&["ssh-ed25519 AAAA ada's \"key\" $HOME"]),
                groups: strings(&["wheel", "adm"]),
                shell: Some("/bin/bash".into()),
                ..user("ada")
            },
        ];
        slot
    }

    fn text(slot: &Slot, distro: Distro) -> String {
        dockerfile(slot, distro, "osimg/x/a:0").expect("renders").text
    }

    #[test]
    fn every_family_pinned() {
        insta::assert_snapshot!("debian_pinned", text(&full("6.1.0-13-amd64"), Distro::Debian));
        insta::assert_snapshot!("ubuntu_pinned", text(&full("6.8.0-31-generic"), Distro::Ubuntu));
        insta::assert_snapshot!("el7_pinned", text(&full("3.10.0-1160.11.1.el7.x86_64"), Distro::El7));
        insta::assert_snapshot!("el8_pinned", text(&full("4.18.0-240.10.1.el8_3.x86_64"), Distro::El8));
        insta::assert_snapshot!("el9_pinned", text(&full("5.14.0-427.13.1.el9_4.x86_64"), Distro::El9));
        insta::assert_snapshot!("fedora_pinned", text(&full("6.11.4-301.fc41.x86_64"), Distro::Fedora));
    }

    #[test]
    fn every_family_unpinned() {
        for distro in Distro::ALL {
            insta::assert_snapshot!(format!("{}_unpinned", distro.as_str()), text(&plain(), distro));
        }
    }

    #[test]
    fn a_step_is_blamed_on_the_words_that_asked_for_it() {
        let made = dockerfile(&full("6.1.0-13-amd64"), Distro::Debian, "a").expect("renders");
        assert_eq!(made.fragments.iter().map(|f| f.concern).collect::<Vec<_>>(), Concern::ALL);
        let lines: Vec<&str> = made.text.lines().collect();
        for placed in &made.fragments {
            let own = &lines[placed.lines.start() - 1..*placed.lines.end()];
            assert!(own[0].starts_with("# "), "a fragment opens with its reason: {}", own[0]);
            let run = own.iter().find(|l| l.starts_with("RUN ")).expect("a fragment runs something");
            assert_eq!(made.blame(&format!("Step 7/20 : {run}")), Some(placed));
        }
        let kernel = made.blame("[3/9] RUN : 'osimg: kernel'; set -eu;").expect("there is a kernel");
        assert_eq!(kernel.span, Span::new(12, 18));
        assert_eq!(made.blame("Step 1/20 : FROM a"), None);
    }

    #[test]
    fn what_nobody_asks_for_makes_no_fragment() {
        let made = dockerfile(&plain(), Distro::Fedora, "a").expect("renders");
        let concerns: Vec<Concern> = made.fragments.iter().map(|f| f.concern).collect();
        let needed = [Concern::DracutConfiguration, Concern::Kernel, Concern::Initramfs];
        assert_eq!(concerns, [&needed[..], &[Concern::Kexec]].concat());
        assert!(made.files.is_empty());
        let made = dockerfile(&Slot { kexec: false, ..plain() }, Distro::Fedora, "a").expect("renders");
        assert_eq!(made.fragments.iter().map(|f| f.concern).collect::<Vec<_>>(), needed);
    }

    #[test]
    fn secrets_are_in_files_only() {
        let made = dockerfile(&full("6.1.0-13-amd64"), Distro::Debian, "a").expect("renders");
        assert!(!made.text.contains("$6$"), "a build log shows the Dockerfile's lines");
        assert_eq!(made.files["osimg-users/passwords"], b"root:$6$salt$ha/sh.\n");
        assert_eq!(made.files["osimg-users/keys/ada"], b"ssh-ed25519 AAAA ada's \"key\" $HOME\n");
    }

    #[test]
    fn the_root_filesystem_is_always_in_the_initramfs() {
        let mut slot = plain();
        slot.dracut.value.filesystems = strings(&["xfs"]);
        let text = text(&slot, Distro::Debian);
        assert!(text.contains("--add-drivers ext4"), "{text}");
        assert!(text.contains("--filesystems 'xfs ext4'"), "{text}");
    }

    #[test]
    fn what_a_line_cannot_carry_is_refused_with_its_place() {
        let refused = |change: &dyn Fn(&mut Slot)| {
            let mut slot = full("1");
            change(&mut slot);
            match dockerfile(&slot, Distro::Debian, "a") {
                Err(EmitError::Value { span: Some(span), .. }) => span,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(&|s| s.packages.value.push("vim\nRUN evil".into())), Span::new(70, 80));
        assert_eq!(refused(&|s| s.packages.value.push("--purge".into())), Span::new(70, 80));
        assert_eq!(refused(&|s| s.systemd.value.mask.push(String::new())), Span::new(50, 60));
        assert_eq!(refused(&|s| s.users.value.push(user("a:b"))), Span::new(90, 100));
        assert_eq!(refused(&|s| s.users.value.push(user("../x"))), Span::new(90, 100));
        assert_eq!(refused(&|s| s.users.value[0].password_hash = Some("a\nb".into())), Span::new(90, 100));
        assert_eq!(refused(&|s| s.dracut.value.drivers.push("a b".into())), Span::new(30, 40));
    }
}
