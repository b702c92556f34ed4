//! What may stand for an image: the grammar of `distribution/reference`, as engines apply it to `FROM`.
//!
//! `[registry[:port]/]path[:tag][@algorithm:hex]`; the path in lower case.

/// Why `text` names no image; `None` when it may.
pub fn fault(text: &str) -> Option<&'static str> {
    // Podman's transports, `docker://` and its kin, are its own business
    if text.contains("://") {
        return None;
    }
    let (rest, digest) = text.split_once('@').map_or((text, None), |(r, d)| (r, Some(d)));
    if !digest.is_none_or(is_digest) {
        return Some("a digest is `sha256:` and 64 hexadecimal digits");
    }
    let slash = rest.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match rest[slash..].find(':') {
        Some(at) => (&rest[..slash + at], Some(&rest[slash + at + 1..])),
        None => (rest, None),
    };
    if !tag.is_none_or(is_tag) {
        return Some("a tag is at most 128 letters, digits, `_`, `.` and `-`, the first no `.` or `-`");
    }
    let (domain, path) = match name.split_once('/') {
        Some((first, path)) if is_domain_like(first) => (Some(first), path),
        _ => (None, name),
    };
    if !domain.is_none_or(is_domain) {
        return Some("a registry is a host's name, and `:port` where it has one");
    }
    if path.is_empty() {
        return Some("there is no name in it");
    }
    if path.chars().any(|c| c.is_ascii_uppercase()) {
        return Some("images have lower-case names");
    }
    if name.len() > 255 {
        return Some("a name has at most 255 characters");
    }
    if !path.split('/').all(is_component) {
        return Some("a name is letters, digits and single `.`, `_`, `__` or `-` between them");
    }
    if domain.is_none() && path.len() == 64 && path.chars().all(|c| c.is_ascii_hexdigit()) {
        return Some("an image's id is no name");
    }
    None
}

/// What Docker takes for a registry in front of the first slash.
fn is_domain_like(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.chars().any(|c| c.is_ascii_uppercase())
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(inner) => match inner.split_once(']') {
            Some((address, port)) => {
                let digits = address.chars().all(|c| c.is_ascii_hexdigit() || c == ':');
                return digits && !address.is_empty() && (port.is_empty() || is_port(port));
            }
            None => return false,
        },
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let label = |l: &str| {
        !l.is_empty()
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    host.split('.').all(label) && (port.is_empty() || is_port(port))
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_digit()))
}

/// Letters and digits, and between them one `.`, one or two `_`, or any number of `-`.
fn is_component(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = text.split(plain).filter(|s| !s.is_empty());
    text.starts_with(plain)
        && text.ends_with(plain)
        && separators.into_iter().all(|s| matches!(s, "." | "_" | "__") || s.chars().all(|c| c == '-'))
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128 && text.starts_with(word) && text.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let digits = match algorithm {
        "sha256" => hex.len() == 64,
        "sha384" => hex.len() == 96,
        "sha512" => hex.len() == 128,
        _ => return false,
    };
    digits && hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for good in [
            "debian",
            "debian:bookworm-slim",
            "localhost/golden:latest",
            "registry.example:5000/a/b-c__d.e:v1",
            "localhost:5000/a",
            "[::1]:5000/a",
            "Host/a",
            &format!("debian@{digest}"),
            &format!("registry.example/debian:12@{digest}"),
            "a---b",
            "docker://debian",
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in [
            "Debian",
            "a/B",
            "debian:",
            "debian:-x",
            "debian:a b",
            "debian@sha256:12",
            "-a",
            "a..b",
            "a___b",
            "a//b",
            "ex..ample.org/a",
            "example.org:port/a",
            "example.org/",
            "größe",
            &"0a".repeat(32),
            &"a/".repeat(200),
        ] {
            assert!(fault(bad).is_some(), "{bad}");
        }
    }
}
