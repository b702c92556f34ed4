//! `osimg completions`.

use std::process::Command;

use crate::harness::{Place, osimg};

#[test]
fn names_the_commands_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = osimg(&["completions", shell]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{shell}");
        for word in ["check", "doctor", "message-format"] {
            assert!(ran.out.contains(word), "{word} in {shell}");
        }
    }
}

#[test]
fn bash_completes_a_command() {
    let place = Place::new();
    let script = place.file("osimg.bash", &osimg(&["completions", "bash"]).out);
    let asked =
        "source \"$1\"; COMP_WORDS=(osimg doc); COMP_CWORD=1; _osimg osimg doc osimg; echo ${COMPREPLY[@]}";
    let output = Command::new("bash")
        .args(["--norc", "-c", asked, "bash"])
        .arg(script)
        .output()
        .expect("bash is there");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "doctor\n", "{output:?}");
}

#[test]
fn an_unknown_shell_is_refused() {
    let ran = osimg(&["completions", "tcsh"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("[possible values: bash,"), "{}", ran.err);
}
