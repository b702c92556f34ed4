//! Extended attributes to names and values of xfs, and those that fit into the inode.
//!
//! XFS Algorithms & Data Structures, "Extended Attributes". POSIX ACLs come in the portable form (version 2, 8 bytes an
//! entry, linux/posix_acl_xattr.h) and are stored in xfs's own, as root attributes `SGI_ACL_FILE` and `SGI_ACL_DEFAULT`.

use std::collections::BTreeMap;

use super::inode::MOST_SHORT_ATTRIBUTES;

/// Namespaces: user attributes have no bit, `trusted.` and ACLs the root's, `security.` its own.
const ROOT: u8 = 2;
const SECURE: u8 = 4;
/// The longest value (`XATTR_SIZE_MAX`).
const LONGEST: usize = 64 << 10;

/// One attribute as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub namespace: u8,
    pub name: Vec<u8>,
    pub value: Vec<u8>,
}

/// An inode's attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    None,
    /// Bytes for the attribute fork in the inode.
    Short(Vec<u8>),
    /// Too much for that.
    Long(Vec<Attribute>),
}

fn attribute(name: &[u8], value: &[u8]) -> Result<Attribute, String> {
    let shown = String::from_utf8_lossy(name);
    let own =
        |namespace: u8, name: &[u8], value: Vec<u8>| Attribute { namespace, name: name.to_vec(), value };
    let stored = match name {
        b"system.posix_acl_access" => own(ROOT, b"SGI_ACL_FILE", acl(value)?),
        b"system.posix_acl_default" => own(ROOT, b"SGI_ACL_DEFAULT", acl(value)?),
        _ => {
            let prefixes = [(&b"user."[..], 0), (b"trusted.", ROOT), (b"security.", SECURE)];
            let (rest, namespace) = prefixes
                .iter()
                .find_map(|(prefix, namespace)| Some((name.strip_prefix(*prefix)?, *namespace)))
                .ok_or_else(|| format!("xfs has no place for the attribute {shown}"))?;
            own(namespace, rest, value.to_vec())
        }
    };
    if stored.name.is_empty() || stored.name.len() > 255 || stored.name.contains(&0) {
        return Err(format!("the attribute name {shown} is not valid"));
    }
    if stored.value.len() > LONGEST {
        return Err(format!("the value of {shown} has {} bytes, 65,536 are allowed", stored.value.len()));
    }
    Ok(stored)
}

/// An ACL from the portable form to that of xfs: a count, then tag, id and permissions in 12 bytes each.
fn acl(portable: &[u8]) -> Result<Vec<u8>, String> {
    let bad = || "the POSIX ACL is not in the portable form".to_string();
    let entries = portable.strip_prefix(&2u32.to_le_bytes()).ok_or_else(bad)?;
    if entries.len() % 8 != 0 {
        return Err(bad());
    }
    let mut out = ((entries.len() / 8) as u32).to_be_bytes().to_vec();
    for entry in entries.chunks_exact(8) {
        let [tag, permissions] = [0, 2].map(|at| u16::from_le_bytes([entry[at], entry[at + 1]]));
        let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
        // Only entries of a named user or group have an id.
        let id = match tag {
            0x02 | 0x08 => id,
            0x01 | 0x04 | 0x10 | 0x20 => 0,
            _ => return Err(bad()),
        };
        out.extend(u32::from(tag).to_be_bytes());
        out.extend(id.to_be_bytes());
        out.extend(permissions.to_be_bytes());
        out.extend([0; 2]);
    }
    Ok(out)
}

/// Lays out attributes (full names to values). The error says what is wrong, without the path.
pub fn store(attributes: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Stored, String> {
    if attributes.is_empty() {
        return Ok(Stored::None);
    }
    // A tree read from an xfs by root has its ACLs in both forms; the portable one counts.
    let twice = |name: &[u8]| match name {
        b"trusted.SGI_ACL_FILE" => attributes.contains_key(&b"system.posix_acl_access"[..]),
        b"trusted.SGI_ACL_DEFAULT" => attributes.contains_key(&b"system.posix_acl_default"[..]),
        _ => false,
    };
    let once = attributes.iter().filter(|(name, _)| !twice(name));
    let all = once.map(|(n, v)| attribute(n, v)).collect::<Result<Vec<Attribute>, String>>()?;
    Ok(short(&all).map_or(Stored::Long(all), Stored::Short))
}

/// A head of total bytes and count, then each with lengths, namespace, name and value.
fn short(all: &[Attribute]) -> Option<Vec<u8>> {
    let mut out = vec![0; 4];
    for attribute in all {
        let [name, value] = [&attribute.name, &attribute.value].map(|b| u8::try_from(b.len()).ok());
        out.extend([name?, value?, attribute.namespace]);
        out.extend(&attribute.name);
        out.extend(&attribute.value);
    }
    if out.len() > MOST_SHORT_ATTRIBUTES {
        return None;
    }
    let total = (out.len() as u16).to_be_bytes();
    out[..2].copy_from_slice(&total);
    out[2] = all.len() as u8;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(list: &[(&str, usize)]) -> BTreeMap<Vec<u8>, Vec<u8>> {
        list.iter().map(|(n, l)| (n.as_bytes().to_vec(), vec![7; *l])).collect()
    }

    #[test]
    fn acls_lose_the_ids_they_have_not() {
        let mut portable = 2u32.to_le_bytes().to_vec();
        for (tag, perm, id) in [(1u16, 6u16, u32::MAX), (2, 4, 1000), (0x20, 0, u32::MAX)] {
            portable.extend(tag.to_le_bytes());
            portable.extend(perm.to_le_bytes());
            portable.extend(id.to_le_bytes());
        }
        let own = acl(&portable).expect("valid");
        assert_eq!(
            hex::encode(own),
            "00000003000000010000000000060000000000020000 03e80004000000000020000000000000 0000"
                .replace(' ', "")
        );
        assert!(acl(&portable[..portable.len() - 1]).is_err());
        assert!(acl(&[1, 0, 0, 0]).is_err());
        assert!(acl(&[2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn what_fits_stays_in_the_inode() {
        // 4 of head, 3 + 1 of entry, then the value.
        for (length, fits) in [(0, true), (255, true), (256, false)] {
            let stored = store(&map(&[("user.a", length)])).expect("valid");
            assert_eq!(matches!(stored, Stored::Short(_)), fits, "{length}");
        }
        for (length, fits) in
            [(MOST_SHORT_ATTRIBUTES - 16 - 200, true), (MOST_SHORT_ATTRIBUTES - 15 - 200, false)]
        {
            let stored = store(&map(&[("user.a", 200), ("user.bbbbb", length)])).expect("valid");
            assert_eq!(matches!(stored, Stored::Short(_)), fits, "{length}");
        }
    }

    #[test]
    fn an_acl_in_both_forms_is_kept_once() {
        let mut both = map(&[("trusted.SGI_ACL_FILE", 4), ("trusted.SGI_ACL_DEFAULT", 4)]);
        both.insert(b"system.posix_acl_access".to_vec(), vec![2, 0, 0, 0]);
        let Ok(Stored::Short(bytes)) = store(&both) else { panic!("it is short") };
        assert_eq!((bytes[2], bytes.len()), (2, 4 + 3 + 12 + 4 + 3 + 15 + 4));
    }

    #[test]
    fn what_fits_nowhere_is_refused() {
        assert!(store(&map(&[("user.a", LONGEST)])).is_ok());
        assert!(store(&map(&[("user.a", LONGEST + 1)])).expect_err("too long").contains("65537 bytes"));
        assert!(store(&map(&[("other.a", 1)])).expect_err("unknown").contains("other.a"));
        assert!(store(&map(&[("user.", 1)])).is_err());
    }
}
