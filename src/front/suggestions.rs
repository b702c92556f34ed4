//! Words that an editor offers in lists which take any word of a kind: kernel modules, units, packages.
//!
//! They go into the schema as `defaultSnippets` of the list's items, which yaml-language-server offers: `examples` of an item
//! would all be written into its hover box, and an `enum` would call every other word wrong.

use serde_json::{Value, json};

/// A list of the schema, by definition and property, and words with what each is.
type Row = (&'static [&'static str], &'static str, &'static [(&'static str, &'static str)]);

const TABLE: &[Row] = &[
    (
        &["Dracut"],
        "drivers",
        &[
            ("virtio_blk", "disks of KVM virtual machines, `/dev/vda`"),
            ("virtio_scsi", "SCSI disks of KVM virtual machines, `/dev/sda`"),
            ("ext4", "an ext4 root"),
            ("xfs", "an xfs root"),
            ("nvme", "NVMe disks"),
            ("ahci", "SATA controllers"),
            ("sd_mod", "SCSI and SATA disks"),
            ("mpt3sas", "Broadcom's SAS controllers"),
            ("megaraid_sas", "MegaRAID controllers, such as Dell's PERC"),
            ("vmw_pvscsi", "disks of VMware virtual machines"),
            ("hv_storvsc", "disks of Hyper-V and Azure virtual machines"),
            ("xen_blkfront", "disks of Xen virtual machines"),
        ],
    ),
    (
        &["Dracut"],
        "filesystems",
        &[("ext4", "an ext4 root"), ("xfs", "an xfs root"), ("vfat", "the boot partition")],
    ),
    (&["Dracut"], "omit_drivers", &[("floppy", "probes for drives that are not there, for seconds")]),
    (
        &["Boot"],
        "consoles",
        &[
            ("tty0", "the screen"),
            ("ttyS0,115200", "the first serial port"),
            ("ttyS1,115200", "the second serial port, often serial over LAN"),
            ("hvc0", "a hypervisor's console"),
        ],
    ),
    (
        &["Kernel"],
        "args",
        &[
            ("quiet", "fewer messages on the console"),
            ("modprobe.blacklist=floppy", "never load this module"),
            ("net.ifnames=0", "network interfaces are called eth0, eth1"),
            ("nomodeset", "keep the firmware's video mode"),
        ],
    ),
    (
        &["Systemd"],
        "enable",
        &[
            ("sshd.service", "OpenSSH on the RHEL family and Fedora"),
            ("ssh.service", "OpenSSH on Debian and Ubuntu"),
            ("systemd-networkd.service", "systemd's network configuration"),
            ("serial-getty@ttyS0.service", "a login on the first serial port"),
            ("chronyd.service", "time from the network"),
        ],
    ),
    (
        &["Systemd"],
        "unmask",
        &[
            ("getty.target", "login prompts, which container images often mask"),
            ("systemd-logind.service", "login sessions, which container images often mask"),
        ],
    ),
    (&["Systemd"], "mask", &[("systemd-firstboot.service", "asks questions at the first boot")]),
    (
        &["Slot", "Defaults"],
        "packages",
        &[("openssh-server", "logins over the network"), ("chrony", "time from the network")],
    ),
];

/// Writes the words into a schema.
pub fn add(schema: &mut Value) {
    for (definitions, property, words) in TABLE {
        for definition in *definitions {
            let pointer = format!("/definitions/{definition}/properties/{property}/items");
            if let Some(Value::Object(items)) = schema.pointer_mut(&pointer) {
                let snippet = |(word, about): &(&str, &str)| json!({ "label": word, "body": word, "markdownDescription": about, "description": about });
                items.insert("defaultSnippets".to_string(), words.iter().map(snippet).collect());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_there_and_takes_its_words() {
        let schema = crate::front::schema::value();
        for (definitions, property, words) in TABLE {
            for definition in *definitions {
                let items = &schema["definitions"][definition]["properties"][property]["items"];
                let pattern = items["pattern"].as_str().unwrap_or_else(|| panic!("{definition}.{property}"));
                let pattern = regex::Regex::new(pattern).expect("a pattern");
                assert_eq!(items["defaultSnippets"].as_array().map(Vec::len), Some(words.len()));
                assert!(words.iter().all(|(word, _)| pattern.is_match(word)), "{definition}.{property}");
            }
        }
    }
}
