//! POSIX ACLs from the text that tar writes to the bytes of an extended attribute.
//!
//! Enters: the value of `SCHILY.acl.access` or `SCHILY.acl.default` (star(1), "SCHILY.acl.access"; the short text form of acl(5),
//! joined by commas or newlines, ids as numbers or as a fourth field). Leaves: the portable form of
//! `system.posix_acl_*`, little endian (`include/uapi/linux/posix_acl_xattr.h`).

/// `POSIX_ACL_XATTR_VERSION`.
const VERSION: u32 = 2;
/// The id of an entry that names nobody.
const NOBODY: u32 = u32::MAX;

/// The attribute of the ACL that `text` describes; `None` where it is none or names a user without a number.
pub fn from_text(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut entries: Vec<(u16, u32, u16)> = Vec::new();
    for entry in text.split([',', '\n']).map(str::trim).filter(|e| !e.is_empty() && !e.starts_with('#')) {
        entries.push(parse_entry(entry)?);
    }
    // the kernel wants them ordered by tag, then by id
    entries.sort_unstable();
    let mut out = VERSION.to_le_bytes().to_vec();
    for (tag, id, permissions) in entries {
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&permissions.to_le_bytes());
        out.extend_from_slice(&id.to_le_bytes());
    }
    Some(out)
}

fn parse_entry(entry: &str) -> Option<(u16, u32, u16)> {
    let mut fields = entry.split(':').map(str::trim);
    let (tag, mut name, mut rights) = (fields.next()?, fields.next()?, fields.next().unwrap_or_default());
    if matches!(tag, "mask" | "m" | "other" | "o") && rights.is_empty() {
        // `other:r--` is allowed beside `other::r--`
        (name, rights) = ("", name);
    }
    let id = match (name, fields.next()) {
        ("", _) => NOBODY,
        (_, Some(number)) => number.parse().ok()?,
        (name, None) => name.parse().ok()?,
    };
    let tag = match (tag, name.is_empty()) {
        ("user" | "u", true) => 0x01,
        ("user" | "u", false) => 0x02,
        ("group" | "g", true) => 0x04,
        ("group" | "g", false) => 0x08,
        ("mask" | "m", true) => 0x10,
        ("other" | "o", true) => 0x20,
        _ => return None,
    };
    let rights = rights.split_whitespace().next().unwrap_or_default();
    let mut permissions = 0;
    for c in rights.chars() {
        permissions |= match c {
            'r' => 4,
            'w' => 2,
            'x' => 1,
            '-' => 0,
            _ => return None,
        };
    }
    Some((tag, id, permissions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_the_kernels_bytes() {
        let bytes = from_text(b"user::rw-,group::r--,user:1000:rwx,mask::rwx,other::r--").expect("an ACL");
        assert_eq!(
            hex::encode(bytes),
            "020000000100060\
             0ffffffff02000700e803000004000400ffffffff10000700ffffffff20000400ffffffff"
        );
        assert_eq!(from_text(b"user:bin:r--:1,other:---"), from_text(b"o::---\nu:1:r\n"));
    }

    #[test]
    fn what_is_no_acl_is_refused() {
        for bad in ["user:bin:r--", "user::q", "nobody::r--", "user", "mask:1:r--"] {
            assert_eq!(from_text(bad.as_bytes()), None, "{bad}");
        }
    }
}
