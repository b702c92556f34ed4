//! A machine made of folders: the boot partition, two slots' trees, /proc and /sys, and commands that note what they are
//! asked and do it to the folders. `osimg-switch` runs on it under any shell.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use osimg::boot::BootFiles;
use osimg::boot::partition;
use osimg::emit::grub_cfg::{Entry, GrubCfg, grub_cfg};
use osimg::emit::{command_line, switch};
use osimg::front::model::{FilesystemKind, Health};
use tempfile::TempDir;
use uuid::Uuid;

use crate::grub;

/// Every shell the script must run under, as a command line that runs a file.
pub const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

pub const VOLUME: u32 = 0x0a2b_3c4d;

/// A command that a test puts in the place of the real one.
const COMMANDS: &[(&str, &str)] = &[
    ("id", "echo 0"),
    ("unshare", "shift 2; exec $shell \"$@\""),
    (
        "mount",
        r#"case "$1 $2" in
  '--make-rprivate /') exit 0 ;;
  '-t vfat')
    case $4 in ro,*) [ ! -e "$m/no-ro" ] || exit 32; echo ro >"$m/mode" ;; *) echo rw >"$m/mode" ;; esac
    [ "$5" = "$m/root/dev/vda1" ] || exit 32
    rmdir "$6" && ln -s "$m/fat" "$6" ;;
  '-o remount,rw') [ ! -e "$m/no-rw" ] || exit 32; echo rw >"$m/mode" ;;
  '-o remount,ro') [ "$3" = / ] || echo ro >"$m/mode" ;;
  '-t '*)
    [ ! -e "$m/no-tree" ] || exit 32
    case $4 in ro,*) ;; *) exit 32 ;; esac
    rmdir "$6" && ln -s "$m/trees/${5##*/}" "$6" ;;
  *) exit 64 ;;
esac"#,
    ),
    ("umount", r#"rm "$1" && mkdir "$1"; case $1 in */boot) echo none >"$m/mode" ;; esac"#),
    (
        "blkid",
        r#"case $* in
  '-c /dev/null -s UUID -o value '*) cat "$m/uuids/${7##*/}" ;;
  '-c /dev/null -o device -t UUID='*)
    for f in "$m"/uuids/* "$m"/copies/*; do
      if [ -e "$f" ] && [ "$(cat "$f")" = "${6#UUID=}" ]; then echo "$m/root/dev/${f##*/}"; fi
    done ;;
  *) exit 64 ;;
esac"#,
    ),
    (
        "findmnt",
        r#"case $* in
  '-n -o SOURCE /') cat "$m/root-device" ;;
  '-n -f -o TARGET -S '*) if [ "${6##*/}" = "$(sed 's,.*/,,' "$m/root-device")" ]; then echo /; else exit 1; fi ;;
  *) exit 64 ;;
esac"#,
    ),
    (
        "kexec",
        r#"case $1 in
  -l|-s)
    [ ! -e "$m/no-kexec" ] || exit 1
    for a; do case $a in --command-line=*) printf '%s\n' "${a#--command-line=}" >"$m/loaded" ;; esac; done
    [ -e "$m/forgets" ] || echo 1 >"$m/root/sys/kernel/kexec_loaded" ;;
  -u) echo 0 >"$m/root/sys/kernel/kexec_loaded" ;;
  -e) ;;
esac"#,
    ),
    (
        "systemctl",
        r#"case $1 in
  is-active) cat "$m/units/$2" 2>/dev/null || { echo inactive; exit 3; } ;;
  kexec) [ ! -e "$m/no-jump" ] && [ "$(cat "$m/root/sys/kernel/kexec_loaded")" = 1 ] ;;
  reboot) [ "$SYSTEMCTL_SKIP_AUTO_KEXEC" = 1 ] && [ "$(cat "$m/root/sys/kernel/kexec_loaded")" = 0 ] ;;
esac"#,
    ),
    (
        "dd",
        // what is written is kept, to be put together again up to any sector
        r#"[ "$(cat "$m/mode")" = rw ] || exit 1
seek=0
for a; do case $a in of=*) of=${a#of=} ;; bs=*) bs=${a#bs=} ;; seek=*) seek=${a#seek=} ;; esac; done
n=$(ls "$m/writes" | wc -l); n=$(printf '%04d' "$n")
cat >"$m/data"
mkdir "$m/writes/$n"
cp "$m/data" "$m/writes/$n/data"
printf '%s %s' "${of#"$m/root/run/osimg/boot/"}" "$((seek * bs))" >"$m/writes/$n/place"
/bin/dd "$@" <"$m/data""#,
    ),
    // time goes by in no time
    (
        "sleep",
        r#"read -r up rest <"$m/root/proc/uptime"; echo "$((${up%%.*} + $1)).00 0" >"$m/root/proc/uptime""#,
    ),
    ("sync", ":"),
];

pub struct Machine {
    folder: TempDir,
    shell: &'static [&'static str],
    pub grub_cfg: String,
    /// The slot that runs.
    pub running: String,
}

/// What a run of the script came to.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub out: String,
    pub err: String,
    /// The commands that were called, in order.
    pub log: Vec<String>,
}

/// A write to a file of the boot partition.
#[derive(Clone, Debug)]
pub struct Write {
    pub file: String,
    pub offset: usize,
    pub data: Vec<u8>,
}

pub fn health(units: &[&str], command: Option<&str>) -> Health {
    Health {
        units: units.iter().map(|u| u.to_string()).collect(),
        command: command.map(str::to_string),
        timeout: Duration::from_secs(100),
    }
}

pub fn entry(id: &str, title: &str, number: u128, args: &[&str]) -> Entry {
    let uuid = Uuid::from_u128(number);
    let args: Vec<String> = args.iter().map(|a| a.to_string()).collect();
    Entry {
        id: id.to_string(),
        title: title.to_string(),
        fs: if number == 2 { FilesystemKind::Ext4 } else { FilesystemKind::Xfs },
        uuid,
        kernel: format!("/boot/vmlinuz-{number}"),
        initrd: format!("/boot/initrd.img-{number}"),
        version: format!("6.{number}.0-amd64"),
        kexec: true,
        command_line: command_line::command_line(uuid, &[], &args).expect("fits"),
    }
}

pub fn menu(entries: Vec<Entry>) -> GrubCfg {
    GrubCfg {
        timeout: Duration::from_secs(1),
        default: entries[0].id.clone(),
        serial: None,
        trial: switch::trial_arguments(Duration::from_secs(100)),
        entries,
    }
}

/// The two slots of most tests; `a` runs and is the manifest's default.
pub fn pair() -> Vec<Entry> {
    vec![
        entry("a", "Debian 12", 2, &["quiet"]),
        entry("b", "It's \"b\" \\ $HOME — ü", 3, &["dyndbg=\"file x +p\""]),
    ]
}

impl Machine {
    pub fn new(shell: &'static [&'static str]) -> Machine {
        Machine::with(shell, pair(), health(&[], None), 1)
    }

    pub fn with(shell: &'static [&'static str], entries: Vec<Entry>, health: Health, tries: u8) -> Machine {
        let folder = tempfile::tempdir().expect("a folder");
        let m = folder.path();
        for dir in [
            "fat",
            "uuids",
            "copies",
            "units",
            "writes",
            "bin",
            "root/dev",
            "root/etc/osimg",
            "root/run/systemd/system",
            "root/proc/sys/kernel",
            "root/sys/kernel",
            "root/sys/class/block",
            "root/sys/devices/vda/vda1",
        ] {
            fs::create_dir_all(m.join(dir)).expect("a folder");
        }
        let menu = menu(entries);
        let trials = switch::Trials { image: "x".into(), health, tries };
        let text = grub_cfg(&menu).expect("renders");
        let slots = switch::slots(&menu, &trials).expect("renders");
        let files = BootFiles { version: "2.12".into(), bios: None, uefi: None, modules: Default::default() };
        let texts = partition::Texts { grub_cfg: &text, slots: &slots, count: menu.entries.len() };
        for (path, bytes) in partition::files(&files, texts) {
            let path = m.join("fat").join(path.to_string().trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, bytes).expect("a file");
        }
        let uuids =
            std::iter::once("0A2B-3C4D".to_string()).chain(menu.entries.iter().map(|e| e.uuid.to_string()));
        for (i, uuid) in uuids.enumerate() {
            let name = format!("vda{}", i + 1);
            fs::create_dir_all(m.join("root/sys/devices/vda").join(&name)).expect("a folder");
            fs::write(m.join("root/sys/devices/vda").join(&name).join("partition"), "").expect("a file");
            symlink(m.join("root/sys/devices/vda").join(&name), m.join("root/sys/class/block").join(&name))
                .expect("link");
            fs::write(m.join("uuids").join(&name), uuid).expect("a file");
        }
        symlink(m.join("root/sys/devices/vda"), m.join("root/sys/class/block/vda")).expect("a link");
        for (i, entry) in menu.entries.iter().enumerate() {
            let tree = m.join(format!("trees/vda{}", i + 2));
            for file in [&entry.kernel, &entry.initrd] {
                let path = tree.join(file.trim_start_matches('/'));
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(path, "x").expect("a file");
            }
        }
        for (name, body) in COMMANDS {
            let text = format!(
                "#!/bin/dash\nm='{}' shell='{}'\necho \"{name} $*\" >>\"$m/log\"\n{body}\n",
                m.display(),
                shell.join(" ")
            );
            let path = m.join("bin").join(name);
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        }
        // busybox prefers what it has built in to what is in PATH, but not to a function
        let functions =
            COMMANDS.iter().map(|(name, _)| format!("{name}() {{ '{}/bin/{name}' \"$@\"; }}\n", m.display()));
        fs::write(m.join("functions"), functions.collect::<String>()).expect("a file");
        for (name, text) in
            [("mode", "none"), ("log", ""), ("root/proc/sys/kernel/kexec_load_disabled", "0\n")]
        {
            fs::write(m.join(name), text).expect("a file");
        }
        let root = m.join("root").display().to_string();
        let mut machine = Machine { shell, grub_cfg: text, running: String::new(), folder };
        for entry in &menu.entries {
            let script = switch::script(&entry.id, VOLUME, &root).expect("renders");
            fs::write(machine.path(&format!("switch-{}", entry.id)), script).expect("a file");
        }
        machine.power_on();
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("it is there");
    }

    pub fn block(&self) -> Vec<u8> {
        fs::read(self.path("fat/grub/grubenv")).expect("grubenv")
    }

    /// A start through the firmware: GRUB decides.
    pub fn power_on(&mut self) -> String {
        let mut block = self.block();
        let boot = grub::boot(&self.grub_cfg, &mut block, true);
        fs::write(self.path("fat/grub/grubenv"), block).expect("written");
        self.start(&boot.entry, &boot.command_line);
        boot.entry
    }

    /// A jump by kexec with what was loaded last.
    pub fn jump(&mut self, slot: &str) {
        let line = fs::read_to_string(self.path("loaded")).expect("a kernel was loaded");
        self.start(slot, line.trim_end());
    }

    fn start(&mut self, slot: &str, line: &str) {
        self.running = slot.to_string();
        let slots = fs::read_to_string(self.path("fat/osimg/slots")).expect("slots");
        let names: Vec<&str> = slots.lines().filter_map(|l| l.strip_prefix("slot=")).collect();
        let number = 2 + names.iter().position(|n| *n == slot).expect("a slot");
        self.write("root-device", &format!("/dev/vda{number}\n"));
        self.write("root/proc/cmdline", &format!("{line}\n"));
        self.write("root/proc/uptime", "20.00 0.00\n");
        self.write("root/sys/kernel/kexec_loaded", "0\n");
        let _ = fs::remove_dir_all(self.path("root/run/osimg"));
        let _ = fs::remove_file(self.path("root/boot"));
        symlink(self.path(&format!("trees/vda{number}/boot")), self.path("root/boot")).expect("a link");
    }

    /// Runs the running slot's script in its second half, where it has its mounts to itself.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let script = self.path(&format!("switch-{}", self.running));
        let mut command = Command::new(self.shell[0]);
        command.args(&self.shell[1..]);
        if self.shell[0] == "busybox" {
            let text = format!(". '{}'; . '{}'", self.path("functions").display(), script.display());
            command.arg("-c").arg(text).arg(script);
        } else {
            command.arg(script);
        }
        self.call(command.arg("--in-namespace").args(arguments))
    }

    pub fn call(&self, command: &mut Command) -> Run {
        self.write("log", "");
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.path("bin").display());
        let out = command.env("PATH", path).stdin(Stdio::null()).output().expect("the shell starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let log = fs::read_to_string(self.path("log")).expect("a log").lines().map(str::to_string).collect();
        // nothing stays mounted, however it ended
        let mounted = fs::read_to_string(self.path("mode")).expect("a file");
        assert_eq!(mounted.trim(), "none", "the boot partition stays mounted: {}", text(&out.stderr));
        assert!(
            !self.path("root/run/osimg/slot").is_symlink(),
            "a slot stays mounted: {}",
            text(&out.stderr)
        );
        Run { status: out.status.code().unwrap_or(-1), out: text(&out.stdout), err: text(&out.stderr), log }
    }

    /// The same, which must end with 0.
    pub fn ok(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.status, 0, "{:?} {arguments:?}: {}", self.shell, run.err);
        run
    }

    /// A line of `osimg-switch status`.
    pub fn status(&self, key: &str) -> String {
        let out = self.ok(&["status"]).out;
        let line = out.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {key} in {out}")).to_string()
    }

    /// What each slot was found to be, by `list --json`.
    pub fn health(&self, slot: &str) -> String {
        let list: serde_json::Value = serde_json::from_str(&self.ok(&["list", "--json"]).out).expect("JSON");
        let found = list.as_array().expect("a list").iter().find(|s| s["name"] == slot).expect("the slot");
        found["health"].as_str().expect("a text").to_string()
    }

    /// The events of the history with their slot, the oldest first.
    pub fn history(&self) -> Vec<String> {
        let events = self.ok(&["history"]).out;
        events.lines().map(|l| l.split_once(' ').expect("time and event").1.to_string()).collect()
    }

    pub fn forget_writes(&self) {
        fs::remove_dir_all(self.path("writes")).expect("removed");
        fs::create_dir(self.path("writes")).expect("a folder");
    }

    /// The writes since, in order.
    pub fn writes(&self) -> Vec<Write> {
        let mut folders: Vec<PathBuf> =
            fs::read_dir(self.path("writes")).expect("a folder").map(|e| e.expect("entry").path()).collect();
        folders.sort();
        folders.iter().map(|f| read_write(f)).collect()
    }
}

fn read_write(folder: &Path) -> Write {
    let place = fs::read_to_string(folder.join("place")).expect("a place");
    let (file, offset) = place.split_once(' ').expect("file and offset");
    let data = fs::read(folder.join("data")).expect("data");
    Write { file: file.to_string(), offset: offset.parse().expect("a number"), data }
}
