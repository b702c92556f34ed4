//! Checksums of metadata: CRC32c (`metadata_csum`), and the CRC16 that group descriptors have without it.
//!
//! Every CRC32c but the superblock's is seeded with the filesystem's UUID, those of an inode's blocks with its number
//! and generation too, so that a block of another filesystem or file never passes.

use uuid::Uuid;

/// CRC32c continued from `seed`, without the final inversion: the form ext4 stores.
pub fn crc(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}

/// CRC16 (polynomial 0x8005, reflected) continued from `seed`.
pub fn crc16(seed: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(seed, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xA001 } else { c >> 1 })
    })
}

/// The seeds of one filesystem.
#[derive(Clone, Copy, Debug)]
pub struct Checksums {
    uuid: Uuid,
    seed: u32,
    on: bool,
}

impl Checksums {
    pub fn new(uuid: Uuid, metadata_csum: bool) -> Checksums {
        Checksums { uuid, seed: crc(!0, uuid.as_bytes()), on: metadata_csum }
    }

    /// The seed of filesystem-wide structures; `None` without `metadata_csum`.
    pub fn filesystem(&self) -> Option<u32> {
        self.on.then_some(self.seed)
    }

    /// The seed of an inode and of its blocks (generation 0); `None` without `metadata_csum`.
    pub fn inode(&self, number: u32) -> Option<u32> {
        self.on.then(|| crc(crc(self.seed, &number.to_le_bytes()), &[0; 4]))
    }

    /// The checksum of a group descriptor whose checksum field at 0x1e is zero.
    pub fn descriptor(&self, group: u32, descriptor: &[u8]) -> u16 {
        if self.on {
            crc(crc(self.seed, &group.to_le_bytes()), descriptor) as u16
        } else {
            // The CRC16 leaves the field out instead of taking it as zero.
            let start = crc16(crc16(!0, self.uuid.as_bytes()), &group.to_le_bytes());
            crc16(crc16(start, &descriptor[..0x1E]), &descriptor[0x20..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // The check values of CRC-32C/ISCSI and CRC-16/MODBUS; the former with its final inversion taken back.
        assert_eq!(crc(!0, b"123456789"), !0xE306_9283);
        assert_eq!(crc16(!0, b"123456789"), 0x4B37);
    }
}
