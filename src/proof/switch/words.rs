//! What a console and osimg-switch say, read: lines enter, facts leave.

use super::scenario::Route;

/// Whether a line of the console says that the slot is being left: systemd's words of 219 and later, and the next kernel's
/// first.
pub fn is_shutdown(line: &str) -> bool {
    const SIGNS: [&str; 7] = [
        "shutdown.target",
        "umount.target",
        "Reached target Shutdown",
        "Reached target Unmount All Filesystems",
        "Starting new kernel",
        "Restarting system",
        "] Linux version ",
    ];
    SIGNS.iter().any(|sign| line.contains(sign))
}

/// A mark before the exit status of a command that nobody may be left to hear of.
const MARK: &str = "@switch ended ";

/// `command` of a shell, which says its exit status with a mark.
pub fn with_status(command: &str) -> String {
    format!("{command}; echo \"{MARK}$?.\"")
}

/// The exit status that a line says; its full stop shows that all of it has come.
pub fn status(line: &str) -> Option<u8> {
    line.split_once(MARK)?.1.split_once('.')?.0.parse().ok()
}

/// A route in a word.
pub fn way(route: Route) -> &'static str {
    match route {
        Route::Kexec => "kexec",
        Route::Firmware => "firmware",
    }
}

/// Whether `status` has each `name=value` of `wanted`.
pub fn held(status: &str, wanted: &str) -> Result<String, String> {
    let differs: Vec<String> = wanted
        .split_whitespace()
        .filter(|pair| !status.lines().any(|line| line == *pair))
        .map(|pair| {
            let name = pair.split_inclusive('=').next().unwrap_or(pair);
            let found = status.lines().find(|line| line.starts_with(name)).unwrap_or("nothing");
            format!("{found}, not {pair}")
        })
        .collect();
    if differs.is_empty() { Ok(wanted.to_string()) } else { Err(differs.join("; ")) }
}

/// What `osimg-switch list` says of a slot's health: after the slot's line comes one with `kernel VERSION, HEALTH, …`.
pub fn health<'l>(list: &'l str, slot: &str) -> Option<&'l str> {
    let name = |line: &'l str| line.strip_prefix("* ").or(line.strip_prefix("  "))?.split(' ').next();
    let mut lines = list.lines().skip_while(|line| name(line) != Some(slot));
    lines.nth(1)?.split(", ").nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_held_line_by_line() {
        let status = "running=a\ndefault=a\nnext=\ntrial=\n";
        assert!(held(status, "running=a next=").is_ok());
        let text = held(status, "running=b next= default=a jump=").expect_err("a difference");
        assert_eq!(text, "running=a, not running=b; nothing, not jump=");
        // no value is taken for the beginning of another
        assert!(held("default=ab\n", "default=a").is_err());
    }

    #[test]
    fn a_status_is_read_when_it_is_whole() {
        assert_eq!((status("x @switch ended 0."), status("@switch ended 130.")), (Some(0), Some(130)));
        assert_eq!((status("@switch ended "), status("@switch ended 1"), status("")), (None, None, None));
        assert!(with_status("true").ends_with("\"@switch ended $?.\""));
    }

    #[test]
    fn the_health_of_a_slot_in_the_list() {
        let list = include_str!("../../../tests/switch/list.snap");
        assert_eq!((health(list, "a"), health(list, "b")), (Some("untested"), Some("untested")));
        let list = "* kernel          x\n                  kernel 6.1, bad, running\n";
        assert_eq!((health(list, "kernel"), health(list, "6.1"), health("", "a")), (Some("bad"), None, None));
    }
}
