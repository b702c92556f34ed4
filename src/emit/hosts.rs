//! `/etc/hosts` of a slot (hosts(5)): the engine binds its own over it while building, so the image has none.
//!
//! Enters: the host name. Leaves: the file's text, in which the machine finds itself without a name server.

use minijinja::context;

use super::{EmitError, templates, word};

/// A host name with a domain is entered with its short form too.
pub fn hosts(hostname: &str) -> Result<String, EmitError> {
    word("host name", hostname, None)?;
    let names = match hostname.split_once('.') {
        _ if hostname == "localhost" => String::new(),
        Some((short, _)) => format!("{hostname} {short}"),
        None => hostname.to_string(),
    };
    templates::render("hosts.j2", context! { names })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_finds_itself() {
        assert!(hosts("node-a").expect("renders").contains("\n127.0.1.1 node-a\n"));
        assert!(hosts("a.example.org").expect("renders").contains("\n127.0.1.1 a.example.org a\n"));
        assert!(!hosts("localhost").expect("renders").contains("127.0.1.1"));
        assert!(hosts("a\n6.6.6.6 b").is_err());
        insta::assert_snapshot!(hosts("node-a").expect("renders"));
    }
}
