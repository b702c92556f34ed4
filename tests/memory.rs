//! The bound on memory: a filesystem of 100,000 files is written in less than 100 MiB, whatever the files hold.
//!
//! One test in a program of its own: what others take at the same time would count too.

use std::fs;
use std::io::{self, Read};

use osimg::base::Bytes;
use osimg::fs::ext4::Ext4;
use osimg::fs::features::Switches;
use osimg::fs::xfs::{Features, Xfs};
use osimg::fs::{Formatter, Request, WriteAt};
use osimg::rootfs::tree::{Item, Kind, Meta, Node, Timestamp, TreePath, TreeSource};

const FILES: u64 = 100_000;
/// A file in pieces: every other block is of zeros.
const LARGE: u64 = 512 << 20;

/// 100 files in each directory, with the label of SELinux and names as long as those of a distribution; then a large
/// file. Made one by one: nothing of it stays.
struct Tree(u64, Stripes);

struct Stripes(u64, u64);

impl Read for Stripes {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = (out.len() as u64).min(self.1 - self.0).min(4096 - self.0 % 4096) as usize;
        out[..n].fill((self.0 / 4096 % 2) as u8);
        self.0 += n as u64;
        Ok(n)
    }
}

impl TreeSource for Tree {
    fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        let i = self.0;
        self.0 += 1;
        let size = match i {
            0..FILES => 1000,
            FILES => LARGE,
            _ => return Ok(None),
        };
        self.1 = Stripes(4096, 4096 + size);
        let path = TreePath::new(format!("usr/share/directory-{:04}/a file of it {i:06}", i / 100));
        let label = (b"security.selinux".to_vec(), b"system_u:object_r:usr_t:s0\0".to_vec());
        let meta = Meta { mode: 0o644, xattrs: [label].into(), ..Meta::default() };
        let node = Node { path: path.expect("a path"), kind: Kind::File { size }, meta };
        Ok(Some(Item { node, data: &mut self.1 }))
    }
}

/// Counts, and keeps nothing.
struct Nowhere(u64);

impl WriteAt for Nowhere {
    fn write_at(&mut self, _: u64, bytes: &[u8]) -> io::Result<()> {
        self.0 += bytes.len() as u64;
        Ok(())
    }
}

/// A field of `/proc/self/status`, which says KiB.
fn status(field: &str) -> Bytes {
    let text = fs::read_to_string("/proc/self/status").expect("Linux says it");
    let line = text.lines().find_map(|l| l.strip_prefix(field)).expect("the field");
    Bytes(line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>().expect("a number") << 10)
}

#[test]
fn a_hundred_thousand_files_take_less_than_100_mib() {
    let before = status("VmRSS");
    let xfs = |features| Box::new(Xfs { features }) as Box<dyn Formatter>;
    for (name, formatter) in [
        ("ext4", Box::new(Ext4::default()) as Box<dyn Formatter>),
        ("xfs", xfs(Features::for_kernel("6.1"))),
        ("xfs with all features", xfs(Features::all())),
    ] {
        let request = Request {
            size: Bytes::gib(8),
            uuid: uuid::Uuid::from_u128(1),
            hash_seed: uuid::Uuid::from_u128(2),
            label: String::new(),
            created: Timestamp::default(),
        };
        // Sets the peak back to what is in use now; what a pass before has left counts.
        fs::write("/proc/self/clear_refs", "5").expect("our own process");
        let mut out = Nowhere(0);
        let mut tree = Tree(0, Stripes(0, 0));
        let written = formatter.format(&request, &mut tree, &mut out).expect("it fits");
        let taken = Bytes(status("VmHWM").0 - before.0);
        println!("{name}: {taken} for {} inodes", written.inodes);
        assert!(written.inodes > FILES && out.0 > FILES * 4096 + LARGE / 2);
        assert!(taken < Bytes::mib(100), "{name}: {taken}");
        // A measure that always says little would hold nothing.
        assert!(taken > Bytes::mib(5), "{name}: {taken}");
    }
}
