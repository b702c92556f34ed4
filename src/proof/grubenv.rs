//! GRUB's environment block: 1,024 bytes, a header line, `name=value` lines, the rest filled with `#` (GRUB manual,
//! "Environment block"; in values a backslash escapes a backslash or a newline).
//!
//! Bytes enter and leave; the length never changes, because GRUB rewrites the block in place.

const HEADER: &[u8] = b"# GRUB Environment Block\n";
/// The size that `grub-editenv` makes and GRUB expects.
pub const SIZE: usize = 1024;

/// Why a block could not be edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrubenvError {
    #[error("grubenv has {0} bytes, not 1024")]
    Size(usize),
    #[error("grubenv does not start with GRUB's header")]
    Header,
    #[error("grubenv has no room for another variable")]
    Full,
}

/// The block with each of `variables` set, others as they were. Names are letters, digits and `_`.
pub fn set(block: &[u8], variables: &[(&str, &str)]) -> Result<Vec<u8>, GrubenvError> {
    if block.len() != SIZE {
        return Err(GrubenvError::Size(block.len()));
    }
    let body = block.strip_prefix(HEADER).ok_or(GrubenvError::Header)?;
    let mut out = HEADER.to_vec();
    for line in lines(body) {
        let ours = variables.iter().any(|(name, _)| {
            line.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'='))
        });
        if !ours {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
    for (name, value) in variables {
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        for byte in value.bytes() {
            if matches!(byte, b'\\' | b'\n') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'\n');
    }
    if out.len() > SIZE {
        return Err(GrubenvError::Full);
    }
    out.resize(SIZE, b'#');
    Ok(out)
}

/// The `name=value` lines without their newline; an escaped newline does not end one, and the filling is none.
fn lines(body: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < body.len() {
        match body[at] {
            b'\\' => at += 1,
            b'\n' => {
                let line = &body[start..at];
                if !line.is_empty() && line[0] != b'#' {
                    out.push(line);
                }
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        out.extend_from_slice(text.as_bytes());
        out.resize(SIZE, b'#');
        out
    }

    #[test]
    fn sets_and_replaces_and_keeps() {
        let empty = set(&block(""), &[("next_entry", "a")]).expect("room");
        assert_eq!(empty, block("next_entry=a\n"));
        let full = block("saved_entry=x\nnext_entry_old=1\nnext_entry=q\nother=a\\\nnext_entry=in\n");
        let edited = set(&full, &[("next_entry", "b"), ("saved_entry", "b")]).expect("room");
        assert_eq!(
            edited,
            block("next_entry_old=1\nother=a\\\nnext_entry=in\nnext_entry=b\nsaved_entry=b\n")
        );
    }

    #[test]
    fn refuses_what_is_no_block() {
        assert_eq!(set(b"short", &[]), Err(GrubenvError::Size(5)));
        assert_eq!(set(&[b'#'; SIZE], &[]), Err(GrubenvError::Header));
        let long = "x".repeat(SIZE);
        assert_eq!(set(&block(""), &[("a", &long)]), Err(GrubenvError::Full));
    }

    proptest::proptest! {
        #[test]
        fn the_size_never_changes_and_setting_twice_is_setting_once(
            a in "[ -~\n]{0,80}", b in "[ -~\n]{0,80}",
        ) {
            let once = set(&block("keep=1\n"), &[("a", &a), ("b", &b)]).expect("room");
            proptest::prop_assert_eq!(once.len(), SIZE);
            let twice = set(&once, &[("a", &a), ("b", &b)]).expect("room");
            proptest::prop_assert_eq!(once, twice);
        }
    }
}
