//! The features of ext4 as mke2fs says them.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use osimg::base::Bytes;
use osimg::base::features::EXT4;
use osimg::fs::ext4::{Ext4, Features};
use osimg::fs::features::Switches;

use crate::filesystem::{MIB, format};
use crate::program::output;
use crate::tree::Sample;

/// Every choice of features gives the feature words that mke2fs gives for the same names; an el7 slot gets those of el7's
/// own mke2fs.conf, but for `64bit`.
#[test]
fn the_feature_words_are_those_of_mke2fs() {
    let words = |path: &Path| {
        let mut bytes = [0; 12];
        File::open(path).expect("the image").read_exact_at(&mut bytes, 1024 + 0x5C).expect("a superblock");
        bytes
    };
    let same = |features: Features, options: &str| {
        let (ours, _) = format(&Ext4 { features }, &Sample::default(), Bytes(64 * MIB)).expect("it fits");
        let theirs = ours.folder.path().join("mke2fs.img");
        File::create(&theirs).expect("a file").set_len(64 * MIB).expect("its size");
        let args = ["-q", "-t", "ext4", "-b", "4096", "-O", options].map(OsStr::new);
        output("mke2fs", &[&args[..], &[theirs.as_os_str()]].concat());
        assert_eq!(words(&ours.path), words(&theirs), "{options}");
    };
    // what osimg never writes, off by name: mke2fs knows each name of the table
    let never = EXT4.fixed.iter().filter(|row| !row.on && row.name != "uninit_bg");
    let never = never.map(|row| format!("^{}", row.name)).collect::<Vec<_>>().join(",");
    for bits in 0..1 << EXT4.optional.len() {
        let (mut features, mut options) = (Features::none(), never.clone());
        for (at, name) in EXT4.names().enumerate() {
            let on = bits & 1 << at != 0;
            features = features.with(name, on).expect("a feature of the table");
            options += &format!(",{}{name}", if on { "" } else { "^" });
        }
        if !features.metadata_csum {
            options += ",uninit_bg";
        }
        same(features, &options);
    }
    let el7 = "none,sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr,has_journal,extent,huge_file,\
               flex_bg,uninit_bg,dir_nlink,extra_isize";
    same(Features::for_kernel("3.10.0-1160.el7.x86_64"), el7);
    // and what it always writes is in that list
    for fixed in EXT4.fixed.iter().filter(|row| row.on) {
        assert!(el7.contains(fixed.name), "{}", fixed.name);
    }
}
