//! Programs that work only with more rights than their caller's have them: an engine or archive without extended attributes
//! loses capabilities, a copy as another user loses setuid bits.

use super::Case;
use crate::diag::{Diagnostics, codes};

/// setuid and setgid.
const SET_ID: u16 = 0o6000;
const SET_UID: u16 = 0o4000;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let privileges = &case.survey.privileges;
    for program in &privileges.programs {
        let ping = program.path.ends_with("/ping");
        if program.capabilities || (ping && privileges.ping_for_all) {
            continue;
        }
        let problem = if program.mode & SET_ID == 0 {
            "has neither a setuid bit nor capabilities"
        } else if program.mode & SET_UID != 0 && program.uid != 0 {
            "has a setuid bit, but is not root's"
        } else {
            continue;
        };
        let message = format!("{} {problem}: it works for root only", program.path);
        let mend = match ping {
            true => format!("setcap cap_net_raw+ep {}", program.path),
            false => format!("chown root {0} && chmod u+s {0}", program.path),
        };
        let finding = case.about_file(codes::TREE_PRIVILEGE, &message, &program.path);
        let otherwise = match ping {
            true => {
                "or open its sockets to all by `net.ipv4.ping_group_range` (Debian 13: linux-sysctl-defaults)"
            }
            false => "or allow it where that is meant",
        };
        found.push(finding.help(format!("`RUN {mend}` in the Dockerfile, {otherwise}")));
    }
}
