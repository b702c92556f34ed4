//! Whether a boot failed because of the machine that it ran on, and not of its system: a console's end enters, a judgement
//! leaves.

use super::boot::{Failure, Outcome, Why};
use crate::host::qemu::Accel;

/// How often a boot is tried whose machine, and not its system, failed.
pub const TRIES: u32 = 4;
/// What Linux says when ten ticks of the emulated timer do not come in time: the host did not run QEMU for so long
/// (`check_timer`, arch/x86/kernel/apic/io_apic.c). On a processor of its own it never does.
const TIMER: &str = "IO-APIC + timer doesn't work";
/// What it says when it meets a breakpoint that nobody has set: it changes its own code by way of one
/// (`smp_text_poke_bp_handler`, arch/x86/kernel/alternative.c), and QEMU's translation on another processor's thread came late.
const BREAKPOINT: &str = "int3: 0000 [#1]";
/// What a user is told then.
pub const BUSY_NOTE: &str = "this host is too busy for the emulated machine: starting again";

/// Whether a line of the console is this host's fault, which has no time for the machine. A breakpoint is that of QEMU's
/// translation only: where a processor runs the kernel itself, it is the kernel's own.
pub fn is_hosts_fault_line(line: &str, accel: Accel) -> bool {
    line.contains(TIMER) || (accel == Accel::Tcg && line.contains(BREAKPOINT))
}

/// Whether a boot failed because of it.
pub fn is_hosts_fault(outcome: &Outcome, accel: Accel) -> bool {
    let is_fault = |line: &String| is_hosts_fault_line(line, accel);
    matches!(outcome, Outcome::Failed(failure) if failure.tail.iter().any(is_fault))
}

/// Why an accelerator, and not the guest, may be to blame for an outcome.
pub fn unfit(outcome: &Outcome) -> Option<&Why> {
    match outcome {
        Outcome::Failed(Failure {
            why: why @ (Why::Stalled { .. } | Why::Exited { clean: false, .. }),
            ..
        }) => Some(why),
        _ => None,
    }
}

/// What a user is told when KVM gives way to TCG.
pub fn fallback_note(why: &Why) -> String {
    format!("KVM does not work here ({why}): starting again with TCG, which is slower")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::proof::boot::KVM_SILENCE;

    #[test]
    fn only_hangs_and_crashes_blame_the_accelerator() {
        let failed = |why| Outcome::Failed(Failure { why, tail: Vec::new() });
        assert!(unfit(&failed(Why::Stalled { silence: KVM_SILENCE })).is_some());
        let exit = |clean| Why::Exited { clean, status: String::new(), errors: Vec::new() };
        assert!(unfit(&failed(exit(false))).is_some());
        assert!(unfit(&failed(exit(true))).is_none());
        assert!(unfit(&failed(Why::Panic { sign: "x" })).is_none());
        assert!(unfit(&Outcome::Login { took: Duration::ZERO }).is_none());
    }

    #[test]
    fn a_busy_host_is_no_fault_of_the_systems() {
        let failed = |line: &str| {
            let why = Why::Panic { sign: "the kernel panicked" };
            Outcome::Failed(Failure { why, tail: vec![line.to_string()] })
        };
        let timer =
            "[    0.068000] Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug";
        let breakpoint = "[    8.090066] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI";
        for (line, tcg, kvm) in [
            (timer, true, true),
            (breakpoint, true, false),
            ("Kernel panic - not syncing: Attempted to kill init!", false, false),
        ] {
            assert_eq!(is_hosts_fault(&failed(line), Accel::Tcg), tcg, "{line}");
            assert_eq!(is_hosts_fault(&failed(line), Accel::Kvm), kvm, "{line}");
        }
    }
}
