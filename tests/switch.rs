//! `osimg-switch` under every shell it must run under, on a machine made of folders, against a model of GRUB that reads the
//! very grub.cfg: what boots after each command, after each failure, and after a power cut between any two sectors.

#[path = "switch/grub.rs"]
mod grub;
#[path = "switch/machine.rs"]
mod machine;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use machine::{Machine, SHELLS, entry, health, menu, pair};
use osimg::emit::grub_cfg::grub_cfg;
use osimg::emit::switch;
use proptest::prelude::*;

/// What a test does to a machine beforehand.
type Spoil<'a> = &'a dyn Fn(&Machine);

/// Runs `test` under each shell.
fn everywhere(test: impl Fn(&'static [&'static str])) {
    for shell in SHELLS {
        test(shell);
    }
}

/// Where `call` is in the log; it must be there.
fn at(log: &[String], call: &str) -> usize {
    log.iter().position(|l| l.starts_with(call)).unwrap_or_else(|| panic!("no `{call}` in {log:#?}"))
}

#[test]
fn the_script_is_clean() {
    let script = switch::script("bookworm", machine::VOLUME, "").expect("renders");
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), &script).expect("written");
    let out = Command::new("shellcheck").args(["-s", "sh"]).arg(file.path()).stdin(Stdio::null()).output();
    let out = out.expect("shellcheck is installed");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    for shell in SHELLS {
        let ok =
            Command::new(shell[0]).args(&shell[1..]).arg("-n").arg(file.path()).status().expect("a shell");
        assert!(ok.success(), "{shell:?}");
    }
    assert_eq!(script.matches("root=''").count(), 1, "an image's script reads the machine's own files");
}

#[test]
fn grub_reads_the_menu() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), grub_cfg(&menu(pair())).expect("renders")).expect("written");
    let out =
        Command::new("grub-script-check").arg(file.path()).output().expect("grub-script-check is installed");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// `args=` of each slot in the description.
fn described(text: &str) -> Vec<String> {
    text.lines().filter_map(|l| l.strip_prefix("args=")).map(str::to_string).collect()
}

proptest! {
    #[test]
    fn grub_and_the_description_give_one_command_line(
        args in proptest::collection::vec("[a-z_][a-z.]{0,5}(=([A-Za-z0-9_.,:/@%+=!?*~^\\[\\]-]{0,9}|\"[ A-Za-z0-9.,=!*\\[-]{0,9}\"))?", 0..5),
        title in "[^\\p{C}-][^\\p{C}]{0,20}", trial in any::<bool>(),
    ) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let entries = vec![entry("a", &title, 2, &args), entry("b", "B", 3, &[])];
        let menu = menu(entries);
        let (config, trials) = (
            grub_cfg(&menu).expect("renders"),
            switch::Trials { image: "x".into(), health: health(&[], None), tries: 1 },
        );
        let text = switch::slots(&menu, &trials).expect("renders");
        let mut block = [grub::HEADER, b"next_entry=\ntrial_entry="].concat();
        block.extend_from_slice(if trial { b"a\ntrial_left=1\n" } else { b"\ntrial_left=\n" });
        block.resize(1024, b'#');
        for (id, mut expected) in ["a", "b"].into_iter().zip(described(&text)) {
            if trial && id == "a" {
                expected = format!("{expected} {}", menu.trial.join(" "));
            }
            let boot = grub::boot_entry(&config, &mut block.clone(), true, Some(id));
            prop_assert_eq!(boot.command_line, expected);
        }
        let line = format!("\ntitle={title}\n");
        prop_assert!(text.contains(&line));
    }
}

#[test]
fn kexec_loads_what_grub_would_boot() {
    everywhere(|shell| {
        let awkward =
            ["dyndbg=\"file a.c +p; x\"", "a=*[b]~", "b=\"  \"", "c=!?^", "d=\"\"", "printk.time=1"];
        let entries = vec![entry("a", "A", 2, &[]), entry("b", "B", 3, &awkward)];
        let machine = Machine::with(shell, entries, health(&[], None), 1);
        let of_grub = |block: &[u8]| {
            grub::boot_entry(&machine.grub_cfg, &mut block.to_vec(), true, Some("b")).command_line
        };
        let plain = of_grub(&machine.block());
        assert!(plain.contains("\"dyndbg=file a.c +p; x\""), "{plain}");
        machine.ok(&["to", "b"]);
        assert_eq!(fs::read_to_string(machine.path("loaded")).expect("loaded").trim_end(), plain);
        machine.ok(&["to", "b", "--trial"]);
        let trial = of_grub(&machine.block());
        assert!(trial.ends_with(" panic=10 rd.shell=0 rd.emergency=reboot osimg.trial=100"), "{trial}");
        assert_eq!(fs::read_to_string(machine.path("loaded")).expect("loaded").trim_end(), trial);
    });
}

#[test]
fn the_list_and_the_status() {
    everywhere(|shell| {
        let machine = Machine::new(shell);
        insta::with_settings!({ snapshot_path => "switch", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::allow_duplicates! {
                insta::assert_snapshot!("list", machine.ok(&["list"]).out);
                insta::assert_snapshot!("list_json", machine.ok(&["list", "--json"]).out);
                insta::assert_snapshot!("status", machine.ok(&["status"]).out);
            }
        });
        let json: serde_json::Value =
            serde_json::from_str(&machine.ok(&["list", "--json"]).out).expect("JSON");
        assert_eq!(json[1]["title"], pair()[1].title);
        let log = machine.ok(&["list"]).log;
        assert!(
            log.iter().all(|l| !l.contains("rw") && !l.starts_with("dd")),
            "to look is not to write: {log:#?}"
        );
    });
}

#[test]
fn a_kexec_comes_back_to_the_old_slot_when_it_hangs() {
    everywhere(|shell| {
        let mut machine = Machine::new(shell);
        machine.ok(&["set-default", "b"]);
        let run = machine.ok(&["to", "b"]);
        // nothing stops before the way back is recorded, nothing is mounted when it stops
        assert!(at(&run.log, "kexec -l") < at(&run.log, "dd"), "{:#?}", run.log);
        assert!(at(&run.log, "dd") < at(&run.log, "systemctl kexec"));
        assert!(at(&run.log, "systemctl stop kexec-load.service") < at(&run.log, "kexec -l"));
        assert_eq!(run.log.last().map(String::as_str), Some("systemctl kexec"));
        assert_eq!(machine.status("default"), "b");
        // it hangs, and somebody presses reset: `a`, which ran, and not the default
        assert_eq!(machine.power_on(), "a");
        machine.ok(&["check"]);
        assert_eq!(machine.health("b"), "bad");
        assert_eq!(machine.status("jump"), "");
        assert_eq!(machine.power_on(), "b", "once only");
    });
}

#[test]
fn a_kexec_that_arrives_leaves_the_default_alone() {
    everywhere(|shell| {
        let mut machine = Machine::new(shell);
        machine.ok(&["to", "b"]);
        machine.jump("b");
        machine.ok(&["check"]);
        assert_eq!((machine.status("running"), machine.status("default")), ("b".into(), "a".into()));
        assert_eq!((machine.status("next"), machine.status("jump")), (String::new(), String::new()));
        assert_eq!(machine.history(), ["b started: by kexec from a", "b arrived"]);
        assert_eq!(machine.power_on(), "a");
        machine.ok(&["check"]);
        assert_eq!(machine.health("b"), "untested");
    });
}

#[test]
fn through_the_firmware() {
    everywhere(|shell| {
        let mut machine = Machine::new(shell);
        let run = machine.ok(&["to", "b", "--reboot"]);
        assert_eq!(run.log.last().map(String::as_str), Some("systemctl reboot"));
        assert!(!run.log.iter().any(|l| l.starts_with("kexec -l")));
        assert_eq!(machine.power_on(), "b");
        machine.ok(&["check"]);
        assert_eq!(machine.power_on(), "a");
        assert_eq!(machine.status("default"), "a");
    });
}

#[test]
fn where_kexec_is_denied_the_firmware_must_be_asked_for() {
    everywhere(|shell| {
        let denials: [(&str, Spoil<'_>); 4] = [
            ("the file /etc/osimg/no-kexec denies it", &|m| m.write("root/etc/osimg/no-kexec", "")),
            ("osimg/no-kexec on the boot partition denies it", &|m| m.write("fat/osimg/no-kexec", "")),
            ("kernel.kexec_load_disabled is on", &|m| {
                m.write("root/proc/sys/kernel/kexec_load_disabled", "1\n")
            }),
            ("this kernel cannot do it", &|m| m.remove("root/sys/kernel/kexec_loaded")),
        ];
        for (why, deny) in denials {
            let machine = Machine::new(shell);
            deny(&machine);
            let (before, run) = (machine.block(), machine.run(&["to", "b"]));
            assert_eq!(run.status, 3, "{}", run.err);
            assert!(run.err.contains(why) && run.err.contains("--reboot"), "{}", run.err);
            assert_eq!(machine.block(), before);
        }
        let mut entries = pair();
        entries[1].kexec = false;
        let mut machine = Machine::with(shell, entries, health(&[], None), 1);
        let run = machine.run(&["to", "b"]);
        assert!(run.status == 3 && run.err.contains("`kexec: never` for slot `b`"), "{}", run.err);
        machine.ok(&["to", "b", "--cold"]);
        assert_eq!(machine.power_on(), "b");
        let run = machine.run(&["to", "a"]);
        assert!(run.status == 3 && run.err.contains("slot `b`, which runs"), "{}", run.err);
        // the host's own policy
        machine.write("root/etc/osimg/no-kexec", "cold\n");
        machine.ok(&["to", "a"]);
        assert_eq!(machine.power_on(), "a");
    });
}

#[test]
fn a_kexec_that_cannot_be_changes_nothing() {
    everywhere(|shell| {
        let breaks: [(&str, Spoil<'_>); 5] = [
            ("kexec does not take its kernel", &|m| m.write("no-kexec", "")),
            ("it is not loaded", &|m| m.write("forgets", "")),
            ("/boot/initrd.img-3 is not in slot `b`", &|m| m.write("trees/vda3/boot/initrd.img-3", "")),
            ("no partition has the filesystem", &|m| m.write("uuids/vda3", "gone")),
            ("cannot mount", &|m| m.write("no-tree", "")),
        ];
        for (why, spoil) in breaks {
            let mut machine = Machine::new(shell);
            spoil(&machine);
            let before = machine.block();
            let run = machine.run(&["to", "b"]);
            assert_eq!(run.status, 1, "{why}: {}", run.err);
            assert!(run.err.contains(why), "{why}: {}", run.err);
            assert_eq!(machine.block(), before);
            let run = machine.ok(&["to", "b", "--cold"]);
            assert_eq!(run.log.last().map(String::as_str), Some("systemctl reboot"));
            assert_eq!(machine.power_on(), "b");
        }
        // loaded and recorded, and then systemd refuses
        let mut machine = Machine::new(shell);
        machine.write("no-jump", "");
        let before = machine.block();
        let run = machine.run(&["to", "b", "--trial"]);
        assert_eq!(run.status, 1, "{}", run.err);
        assert_eq!(grub::variables(&machine.block()), grub::variables(&before));
        assert_eq!(run.log.iter().filter(|l| *l == "kexec -u").count(), 1);
        assert_eq!(machine.power_on(), "a");
    });
}

#[test]
fn a_trial_that_passes_becomes_the_default() {
    everywhere(|shell| {
        for way in [&["to", "b", "--trial"][..], &["to", "b", "--trial", "--reboot"]] {
            let mut machine = Machine::with(
                shell,
                pair(),
                health(&["sshd.service", "x.service"], Some("test -e $HOME")),
                1,
            );
            machine.ok(way);
            assert_eq!(machine.status("trial"), "b");
            match way.len() {
                3 => machine.jump("b"),
                _ => assert_eq!(machine.power_on(), "b"),
            }
            machine.write("units/sshd.service", "active\n");
            machine.write("units/x.service", "active\n");
            machine.ok(&["check"]);
            assert_eq!((machine.status("default"), machine.status("previous")), ("b".into(), "a".into()));
            assert_eq!((machine.status("trial"), machine.health("b")), (String::new(), "good".into()));
            assert!(machine.path("root/run/osimg/settled").exists(), "the watch over the trial may end");
            assert_eq!(machine.power_on(), "b");
            machine.ok(&["rollback", "--reboot"]);
            assert_eq!(machine.power_on(), "a");
            assert_eq!((machine.status("default"), machine.status("previous")), ("a".into(), "b".into()));
        }
    });
}

#[test]
fn a_trial_that_fails_its_check_goes_back() {
    everywhere(|shell| {
        let cases: [(&[&str], Option<&str>, &str); 3] = [
            (&["sshd.service"], None, "sshd.service is inactive"),
            (&[], Some("exit 7"), "the command ended with 7"),
            (&[], Some("echo \"it's\" 'not'; false"), "the command ended with 1"),
        ];
        for (units, command, why) in cases {
            let mut machine = Machine::with(shell, pair(), health(units, command), 1);
            machine.ok(&["set-default", "b"]);
            machine.ok(&["set-default", "a"]);
            machine.ok(&["to", "b", "--trial"]);
            machine.jump("b");
            let run = machine.run(&["check"]);
            assert_eq!(run.status, 6, "{}", run.err);
            assert!(run.err.contains(why), "{}", run.err);
            assert_eq!(run.log.last().map(String::as_str), Some("systemctl reboot"));
            assert!(!machine.path("root/run/osimg/settled").exists(), "the watch goes on until it is down");
            assert_eq!(machine.power_on(), "a");
            machine.ok(&["check"]);
            assert_eq!((machine.status("default"), machine.status("trial")), ("a".into(), String::new()));
            assert_eq!(machine.health("b"), "bad");
            assert_eq!(machine.power_on(), "a");
        }
    });
}

#[test]
fn a_trial_waits_for_what_takes_its_time() {
    let command = "n=$(cat ../n 2>/dev/null); test \"$n\" = xxx || { printf 'x%s' \"$n\" >../n; false; }";
    let mut machine = Machine::with(SHELLS[0], pair(), health(&[], None), 1);
    let slots = fs::read_to_string(machine.path("fat/osimg/slots")).expect("slots");
    let command = command.replace("../n", &machine.path("n").display().to_string());
    machine.write("fat/osimg/slots", &slots.replace("slot=a", &format!("health_command={command}\nslot=a")));
    machine.ok(&["to", "b", "--trial"]);
    machine.jump("b");
    machine.ok(&["check"]);
    assert_eq!(machine.status("default"), "b");
}

#[test]
fn a_trial_has_its_tries_and_no_more() {
    everywhere(|shell| {
        // panics: nobody writes anything
        for (how, jumps) in [("--cold", 1), ("--reboot", 0)] {
            let mut machine = Machine::with(shell, pair(), health(&[], None), 3);
            machine.ok(&["to", "b", "--trial", how]);
            for _ in 0..3 - jumps {
                assert_eq!(machine.power_on(), "b");
                assert!(
                    fs::read_to_string(machine.path("root/proc/cmdline")).expect("line").contains("panic=10")
                );
            }
            for _ in 0..2 {
                assert_eq!(machine.power_on(), "a", "{how}");
                assert!(
                    !fs::read_to_string(machine.path("root/proc/cmdline"))
                        .expect("line")
                        .contains("panic=10")
                );
            }
            machine.ok(&["check"]);
            assert_eq!(machine.status("trial"), "");
            assert_eq!(machine.history().last().expect("one"), "b trial over: not passed, back in a");
        }
        // a failed check uses up a try as well, and the next may pass
        let mut machine = Machine::with(shell, pair(), health(&["x.service"], None), 1);
        machine.ok(&["to", "b", "--trial", "--tries", "2"]);
        machine.jump("b");
        assert_eq!(machine.run(&["check"]).status, 6);
        assert_eq!(machine.power_on(), "b");
        machine.write("units/x.service", "active\n");
        machine.ok(&["check"]);
        assert_eq!(machine.power_on(), "b");
        assert_eq!(machine.status("default"), "b");
    });
}

#[test]
fn the_slot_before_comes_back_even_when_it_is_not_the_default() {
    let entries = || [pair(), vec![entry("c", "C", 4, &[])]].concat();
    let mut machine = Machine::with(SHELLS[0], entries(), health(&[], None), 1);
    machine.ok(&["to", "b", "--reboot"]);
    assert_eq!(machine.power_on(), "b");
    machine.ok(&["to", "c", "--trial"]);
    assert_eq!(machine.power_on(), "b", "`a` is the default, but `b` ran");
    machine.ok(&["check"]);
    assert_eq!(machine.power_on(), "a");
}

/// GRUB takes a default that begins with a digit for the number of an entry.
#[test]
fn slots_may_be_called_as_numbers_are() {
    let entries = vec![entry("7.9", "A", 2, &[]), entry("0", "B", 3, &[])];
    let mut machine = Machine::with(SHELLS[0], entries, health(&[], None), 1);
    assert_eq!(machine.running, "7.9");
    machine.ok(&["set-default", "0"]);
    assert_eq!(machine.power_on(), "0");
    machine.ok(&["to", "7.9", "--trial", "--reboot"]);
    assert_eq!(machine.power_on(), "7.9");
    assert_eq!(machine.power_on(), "0");
}

#[test]
fn a_trial_ends_by_hand() {
    everywhere(|shell| {
        let mut machine = Machine::new(shell);
        machine.ok(&["to", "b", "--trial", "--tries", "5"]);
        machine.jump("b");
        let run = machine.ok(&["rollback"]);
        assert_eq!(run.log.last().map(String::as_str), Some("systemctl kexec"));
        assert_eq!(machine.power_on(), "a", "the kexec hung");
        machine.ok(&["to", "b", "--trial", "--tries", "5"]);
        machine.jump("b");
        machine.ok(&["bad"]);
        assert_eq!(machine.power_on(), "a");
        machine.ok(&["to", "b", "--trial"]);
        machine.jump("b");
        machine.ok(&["good"]);
        assert_eq!(machine.power_on(), "b");
        assert_eq!(machine.health("b"), "good");
    });
}

#[test]
fn a_boot_that_never_ends_is_ended() {
    everywhere(|shell| {
        let mut machine = Machine::new(shell);
        machine.ok(&["to", "b", "--trial"]);
        machine.jump("b");
        let watch = |machine: &Machine| {
            let mut command = Command::new(shell[0]);
            command.args(&shell[1..]);
            let script = machine.path("switch-b");
            if shell[0] == "busybox" {
                let text = format!(". '{}'; . '{}'", machine.path("functions").display(), script.display());
                command.arg("-c").arg(text);
            }
            machine.call(command.arg(script).arg("deadline"))
        };
        let run = watch(&machine);
        assert!(run.log.iter().any(|l| l == "systemctl --force --force reboot"), "{:#?}", run.log);
        assert_eq!(fs::read_to_string(machine.path("root/proc/sysrq-trigger")).expect("written"), "b\n");
        machine.jump("b");
        machine.ok(&["check"]);
        let run = watch(&machine);
        assert!(run.status == 0 && run.log.is_empty(), "{run:?}");
    });
}

#[test]
fn rollback_needs_something_to_go_back_to() {
    everywhere(|shell| {
        let machine = Machine::new(shell);
        assert_eq!(machine.run(&["rollback"]).status, 7);
        machine.ok(&["set-default", "b"]);
        let run = machine.ok(&["rollback"]);
        assert!(!run.log.iter().any(|l| l.starts_with("systemctl")), "it runs already: {:#?}", run.log);
        assert_eq!((machine.status("default"), machine.status("previous")), ("a".into(), "b".into()));
    });
}

#[test]
fn wrong_words_are_refused() {
    everywhere(|shell| {
        let machine = Machine::new(shell);
        let before = machine.block();
        for words in [
            &["to"][..],
            &["to", "nowhere"],
            &["to", "b", "a"],
            &["to", "--tried", "b"],
            &["to", "b", "--tries", "2"],
            &["to", "b", "--trial", "--tries", "0"],
            &["to", "b", "--trial", "--tries"],
            &["to", "a", "--trial"],
            &["to", "b", "--cold", "--reboot"],
            &["set-default"],
            &["set-default", "*"],
            &["set-default", "a", "b"],
            &["rollback", "--hard"],
            &["list", "--xml"],
            &["to", "a b"],
            &["to", ""],
        ] {
            let run = machine.run(words);
            assert_eq!(run.status, 2, "{words:?}: {}", run.err);
            assert!(run.err.starts_with("osimg-switch: error: "), "{words:?}: {}", run.err);
        }
        assert_eq!(machine.block(), before);
    });
}

#[test]
fn it_takes_a_mount_namespace_of_its_own() {
    let machine = Machine::new(SHELLS[0]);
    let script = machine.path("switch-a");
    let call = |words: &[&str]| machine.call(Command::new("dash").arg(&script).args(words));
    let run = call(&["status"]);
    assert_eq!(run.status, 0, "{}", run.err);
    assert_eq!(at(&run.log, "unshare -m -- "), 1, "{:#?}", run.log);
    assert!(at(&run.log, "mount --make-rprivate /") < at(&run.log, "mount -t vfat"));
    assert_eq!(call(&["--help"]).status, 0);
    assert_eq!((call(&[]).status, call(&["fly"]).status), (2, 2));
}

#[test]
fn two_at_once_do_not_meet() {
    everywhere(|shell| {
        let machine = Machine::new(shell);
        fs::create_dir_all(machine.path("root/run/osimg")).expect("a folder");
        let lock = fs::File::create(machine.path("root/run/osimg/lock")).expect("a file");
        lock.lock().expect("locked");
        for words in [&["to", "b"][..], &["set-default", "b"], &["rollback"]] {
            assert_eq!(machine.run(words).status, 4, "{words:?}");
        }
        machine.ok(&["list"]);
        drop(lock);
        machine.ok(&["set-default", "b"]);
    });
}

#[test]
fn the_boot_partition_is_that_of_this_disk() {
    everywhere(|shell| {
        let machine = Machine::new(shell);
        // a copy of the disk is in the machine too
        machine.write("copies/vdb1", "0A2B-3C4D");
        machine.ok(&["list"]);
        machine.write("root-device", "/dev/mapper/root\n");
        let run = machine.run(&["list"]);
        assert!(run.status == 5 && run.err.contains("several disks"), "{}", run.err);
        machine.remove("copies/vdb1");
        machine.ok(&["list"]);
        machine.write("uuids/vda1", "other");
        assert_eq!(machine.run(&["set-default", "b"]).status, 5);
    });
}

#[test]
fn a_boot_partition_that_somebody_else_uses() {
    everywhere(|shell| {
        let machine = Machine::new(shell);
        // mounted for writing by somebody: read-only is refused then, and it must stay writable
        machine.write("no-ro", "");
        let run = machine.ok(&["set-default", "b"]);
        assert!(!run.log.iter().any(|l| l.contains("remount")), "{:#?}", run.log);
        assert_eq!(machine.status("default"), "b");
        machine.remove("no-ro");
        machine.write("no-rw", "");
        let run = machine.run(&["set-default", "a"]);
        assert_eq!(run.status, 5, "{}", run.err);
        machine.remove("no-rw");
        assert_eq!(machine.status("default"), "b");
        let slots = fs::read_to_string(machine.path("fat/osimg/slots")).expect("slots");
        machine.write("fat/osimg/slots", &slots.replace("format=1", "format=2"));
        let run = machine.run(&["list"]);
        assert!(run.status == 5 && run.err.contains("format `2`"), "{}", run.err);
    });
}

#[test]
fn what_others_keep_in_the_block_stays() {
    everywhere(|shell| {
        let machine = Machine::new(shell);
        let mut block = machine.block();
        grub::save(&mut block, "kernelopts", "root=x \\\\ y");
        grub::save(&mut block, "odd", "1\\\nnext_entry=b");
        fs::write(machine.path("fat/grub/grubenv"), &block).expect("written");
        machine.ok(&["set-default", "b"]);
        let variables = grub::variables(&machine.block());
        for (name, value) in [
            ("kernelopts", "root=x \\ y"),
            ("odd", "1\nnext_entry=b"),
            ("saved_entry", "b"),
            ("next_entry", ""),
        ] {
            assert!(variables.contains(&(name.to_string(), value.to_string())), "{name}: {variables:?}");
        }
        let free = block.iter().rev().take_while(|b| **b == b'#').count();
        grub::save(&mut block, "large", &"x".repeat(free - "large=\n".len()));
        fs::write(machine.path("fat/grub/grubenv"), &block).expect("written");
        let run = machine.run(&["set-default", "b"]);
        assert!(run.status == 5 && run.err.contains("no room"), "{}", run.err);
        assert_eq!(machine.block(), block);
    });
}

#[test]
fn a_block_of_nonsense_is_a_block_of_nothing() {
    everywhere(|shell| {
        let long = "saved_entry=".repeat(100);
        for nonsense in
            ["", "# GRUB Environment Block\nsaved_entry=../x\ntrial_entry=b\ntrial_left=x\nnext_entry", &long]
        {
            let mut machine = Machine::new(shell);
            machine.write("fat/grub/grubenv", nonsense);
            assert_eq!(machine.power_on(), "a", "{nonsense}");
            machine.ok(&["check"]);
            machine.ok(&["set-default", "b"]);
            assert_eq!(machine.block().len(), 1024.max(nonsense.len()));
            assert_eq!(machine.power_on(), "b");
        }
    });
}

#[test]
fn what_cannot_be_written_back_is_not_done() {
    let machine = Machine::new(SHELLS[0]);
    machine.ok(&["to", "b", "--reboot"]);
    assert_eq!(grub::boot(&machine.grub_cfg, &mut machine.block(), false).entry, "a");
    machine.ok(&["to", "b", "--trial", "--reboot", "--tries", "9"]);
    assert_eq!(grub::boot(&machine.grub_cfg, &mut machine.block(), false).entry, "a");
}

#[test]
fn the_history_keeps_the_newest() {
    let machine = Machine::new(SHELLS[0]);
    let before = fs::metadata(machine.path("fat/osimg/history")).expect("there").len();
    // the ring has gone round once and is about to begin anew, one of its records is nonsense
    let mut ring: String = (64..128).map(|n| format!("{:<511}\n", format!("{n} then b event-{n}"))).collect();
    ring.replace_range(512 * 9..512 * 10, &format!("{:<511}\n", "?? #"));
    machine.write("fat/osimg/history", &ring);
    machine.ok(&["set-default", "b"]);
    machine.ok(&["set-default", "a"]);
    let history = machine.history();
    assert_eq!(history.len(), 63);
    assert_eq!(history[0], "b event-66");
    assert_eq!(history[61..], ["b default: instead of a", "a default: instead of b"]);
    assert_eq!(fs::metadata(machine.path("fat/osimg/history")).expect("there").len(), before);
}

/// Every state that a power cut can leave of `writes` on `files`: the first ones done, of the next any of its sectors.
fn cuts(machine: &Machine, writes: &[machine::Write]) -> Vec<Vec<(String, Vec<u8>)>> {
    let names: BTreeSet<&str> = writes.iter().map(|w| w.file.as_str()).collect();
    let mut files: Vec<(String, Vec<u8>)> = names
        .into_iter()
        .map(|n| (n.to_string(), fs::read(machine.path(&format!("before/{n}"))).expect("a file")))
        .collect();
    let mut out = vec![files.clone()];
    for write in writes {
        let sectors: Vec<&[u8]> = write.data.chunks(512).collect();
        assert!(write.offset % 512 == 0 && write.data.len() % 512 == 0, "whole sectors: {write:?}");
        for done in 1..1u32 << sectors.len() {
            let mut state = files.clone();
            let (_, bytes) =
                state.iter_mut().find(|(n, _)| *n == write.file).expect("a file that is written");
            for (i, sector) in sectors.iter().enumerate().filter(|(i, _)| done >> i & 1 == 1) {
                bytes[write.offset + i * 512..][..512].copy_from_slice(sector);
            }
            out.push(state);
        }
        files = out.last().expect("all of its sectors").clone();
    }
    out
}

/// What the machine boots from here on, boot by boot, nothing else happening.
fn boots(machine: &Machine, block: &[u8]) -> Vec<String> {
    let mut block = block.to_vec();
    (0..5).map(|_| grub::boot(&machine.grub_cfg, &mut block, true).entry).collect()
}

#[test]
fn a_power_cut_leaves_the_old_choice_or_the_new_one() {
    type Prepare = fn(&mut Machine);
    let cases: [(&str, Prepare, &[&str]); 9] = [
        ("to", |_| (), &["to", "b"]),
        ("to through the firmware", |_| (), &["to", "b", "--reboot"]),
        ("trial", |_| (), &["to", "b", "--trial"]),
        ("trial of three", |_| (), &["to", "b", "--trial", "--reboot", "--tries", "3"]),
        ("set-default", |_| (), &["set-default", "b"]),
        ("rollback", |m| drop(m.ok(&["set-default", "b"])), &["rollback"]),
        (
            "commit",
            |m| {
                m.ok(&["to", "b", "--trial"]);
                m.jump("b");
            },
            &["check"],
        ),
        (
            "failure",
            |m| {
                m.ok(&["to", "b", "--trial", "--tries", "2"]);
                m.jump("b");
            },
            &["bad"],
        ),
        (
            "the slot before notes it",
            |m| {
                m.ok(&["to", "b", "--trial"]);
                m.power_on();
            },
            &["check"],
        ),
    ];
    let mut states = 0;
    for (name, prepare, command) in cases {
        let mut machine = Machine::new(SHELLS[0]);
        prepare(&mut machine);
        let _ = fs::remove_dir_all(machine.path("before"));
        let copied =
            Command::new("cp").arg("-r").arg(machine.path("fat")).arg(machine.path("before")).status();
        assert!(copied.expect("cp").success());
        let old = boots(&machine, &machine.block());
        machine.forget_writes();
        machine.ok(command);
        let writes = machine.writes();
        assert_eq!(writes[0].file, "grub/grubenv", "{name}: the choice is written first");
        let new = boots(&machine, &machine.block());
        for state in cuts(&machine, &writes) {
            states += 1;
            for (file, bytes) in &state {
                fs::write(machine.path(&format!("fat/{file}")), bytes).expect("written");
            }
            let block = machine.block();
            assert_eq!(block.len(), 1024);
            let then = boots(&machine, &block);
            assert!(then == old || then == new, "{name}: {then:?} is neither {old:?} nor {new:?}");
            // the system that comes up finds its way with what is left
            machine.power_on();
            machine.ok(&["check"]);
            machine.ok(&["list"]);
        }
    }
    assert!(states > 40, "{states} states were tried");
}

#[test]
fn grubs_own_write_may_be_cut_as_well() {
    let machine = Machine::new(SHELLS[0]);
    for command in [&["to", "b", "--reboot"][..], &["to", "b", "--trial", "--reboot", "--tries", "3"]] {
        machine.ok(command);
        let old = machine.block();
        let mut new = old.clone();
        assert_eq!(grub::boot(&machine.grub_cfg, &mut new, true).entry, "b");
        assert_ne!(old, new);
        assert_eq!(old[512..], new[512..], "what changes is in the first sector");
    }
}
