//! What of a machine outlives its power: an overlay over the image, and the variables of its firmware.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::boot::{BootError, Host};
use super::partition::Patch;
use crate::front::model;
use crate::host::firmware::Ovmf;
use crate::host::overlay::Overlay;
use crate::host::qemu::Firmware;

/// Dropping it removes both.
pub struct Disk {
    pub overlay: Overlay,
    pub firmware: Firmware,
}

impl Disk {
    /// `image`, which is only read, with `patches` over it.
    pub async fn new(
        host: &Host,
        image: &Path,
        firmware: model::Firmware,
        patches: Vec<Patch>,
        cancel: &CancellationToken,
    ) -> Result<Disk, BootError> {
        let overlay = Overlay::create(&host.tools, image, cancel).await?;
        for patch in patches {
            overlay.write(patch.offset, &patch.bytes, cancel).await?;
        }
        let firmware = match firmware {
            model::Firmware::Bios => Firmware::Bios,
            model::Firmware::Uefi => {
                let ovmf: &Ovmf = host.ovmf.as_ref().ok_or(BootError::NoOvmf)?;
                Firmware::uefi(ovmf, &overlay.copy_in(&ovmf.variables, "variables.fd")?)
            }
        };
        Ok(Disk { overlay, firmware })
    }
}
