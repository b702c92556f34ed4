//! What the header of a kernel image says (`Documentation/arch/x86/boot.rst`): that it is one, and its version.

use serde::{Deserialize, Serialize};

/// Bytes of an image that hold its header and its version, which lies in the setup code: at most 64 sectors.
pub const HEAD: u64 = 64 * 512 + 512;

/// A header that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// As `uname -r` will say; nothing where the image keeps it elsewhere.
    pub version: Option<String>,
}

/// The header of an x86 image ("bzImage") that begins with `head`.
pub fn header(head: &[u8]) -> Option<Header> {
    let u16_at = |at: usize| Some(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?));
    if u16_at(0x1fe)? != 0xaa55 || head.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let version = u16_at(0x20e).filter(|pointer| *pointer != 0).and_then(|pointer| {
        let text = head.get(usize::from(pointer) + 0x200..)?;
        // `6.1.0-28-amd64 (debian-kernel@…) #1 SMP …`
        let end = text.iter().take(256).position(|b| matches!(b, 0 | b' '))?;
        std::str::from_utf8(&text[..end]).ok().filter(|v| !v.is_empty()).map(String::from)
    });
    Some(Header { version })
}

#[cfg(test)]
mod tests {
    use super::super::super::specimen::kernel;
    use super::*;

    #[test]
    fn the_version_is_the_first_word_of_its_text() {
        let version = |bytes: &[u8]| header(bytes).map(|h| h.version);
        assert_eq!(version(&kernel("6.1.0-28-amd64")), Some(Some("6.1.0-28-amd64".into())));
        assert_eq!(version(b"a kernel"), None);
        let mut image = kernel("6.1");
        image[0x20f] = 0xff;
        assert_eq!(version(&image), Some(None), "beyond the image");
        image[0x20e..0x210].fill(0);
        assert_eq!(version(&image), Some(None), "none");
        image[0x202] = b'h';
        assert_eq!(version(&image), None);
    }
}
