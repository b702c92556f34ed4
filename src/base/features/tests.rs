//! The table of features as kernels, GRUB and the manifest choose from it.

use super::*;

fn on(table: &Table, kernel: &str, stated: &[(&'static str, bool)]) -> Vec<&'static str> {
    let decisions = table.decide(&Readers::of_kernel(kernel), &stated.iter().copied().collect());
    decisions.into_iter().filter(|d| d.on).map(|d| d.feature.name).collect()
}

#[test]
fn each_kernel_gets_what_it_reads() {
    for (kernel, xfs, ext4) in [
        ("2.6.32-754.el6.x86_64", "", "has_journal"),
        ("3.10.0-1160.11.1.el7.x86_64", "", "has_journal"),
        ("4.3.0", "finobt", "has_journal"),
        ("4.4.0-210-generic", "finobt", "has_journal 64bit metadata_csum"),
        ("4.15.0-20-generic", "finobt sparse", "has_journal 64bit metadata_csum"),
        ("4.18.0-240.10.1.el8_3.x86_64", "finobt sparse reflink", "has_journal 64bit metadata_csum"),
        ("5.10.0-30-amd64", "finobt sparse reflink", "has_journal 64bit metadata_csum"),
        ("5.4.278-1.el7.elrepo.x86_64", "finobt sparse reflink", "has_journal 64bit"),
        ("5.15.0", "finobt sparse reflink bigtime inobtcount", "has_journal 64bit metadata_csum"),
        ("6.18", "finobt sparse reflink bigtime inobtcount", "has_journal 64bit metadata_csum"),
        ("next", "finobt sparse reflink bigtime inobtcount", "has_journal 64bit metadata_csum"),
    ] {
        assert_eq!(on(&XFS, kernel, &[]).join(" "), xfs, "{kernel}");
        assert_eq!(on(&EXT4, kernel, &[]).join(" "), ext4, "{kernel}");
    }
}

#[test]
fn what_is_stated_wins_and_takes_along_what_hangs_on_it() {
    assert_eq!(on(&XFS, "4.18", &[("reflink", false), ("rmapbt", true)]), ["finobt", "sparse", "rmapbt"]);
    assert_eq!(on(&XFS, "6.1", &[("finobt", false)]), ["sparse", "reflink", "bigtime"]);
    assert_eq!(on(&XFS, "3.10", &[("inobtcount", true)]), ["finobt", "inobtcount"]);
    assert_eq!(on(&EXT4, "6.1", &[("64bit", false)]), ["has_journal", "metadata_csum"]);
    let both = [("finobt", false), ("inobtcount", true)].into_iter().collect();
    let (feature, needs) = XFS.contradiction(&both).expect("a contradiction");
    assert_eq!((feature.name, needs), ("inobtcount", "finobt"));
    assert!(XFS.contradiction(&[("finobt", false)].into_iter().collect()).is_none());
}

#[test]
fn grub_and_the_checker_decide_too() {
    let readers = |kernel, grub| Readers { kernel, grub, e2fsprogs: Version::NEWEST };
    let on = |readers| -> Vec<&str> {
        let decisions = XFS.decide(&readers, &Stated::new());
        decisions.into_iter().filter(|d| d.on).map(|d| d.feature.name).collect()
    };
    assert_eq!(on(readers(Version(6, 1), Version(2, 2))), ["finobt", "reflink", "inobtcount"]);
    assert!(on(readers(Version(6, 12), Version(2, 14))).contains(&"nrext64"));
    assert!(!on(readers(Version(6, 12), Version(2, 12))).contains(&"nrext64"));
    assert!(!on(readers(Version(6, 1), Version(2, 14))).contains(&"nrext64"));
    let bigtime = XFS.row("bigtime");
    let refused = |readers| bigtime.refused_by(&readers).collect::<Vec<_>>();
    assert_eq!(refused(readers(Version(5, 9), Version(2, 4))), [Refusal::Kernel, Refusal::Grub]);
    assert_eq!(refused(readers(Version(5, 10), Version(2, 6))), []);
}

#[test]
fn a_refusal_says_what_would_do() {
    let says = |row: &Feature, filesystem: &str, kernel| {
        let readers = Readers::of_kernel(kernel);
        let refusals = row.refused_by(&readers).map(|who| row.refusal(who, filesystem, &readers));
        refusals.collect::<Vec<_>>().join("\n")
    };
    let reflink = "linux 3.10 cannot mount xfs with reflink; it came with 4.9";
    assert_eq!(says(XFS.row("reflink"), "xfs", "3.10"), reflink);
    let nrext64 = "GRUB 2.06 cannot read xfs with nrext64; it came with 2.14";
    assert_eq!(says(XFS.row("nrext64"), "xfs", "6.1"), nrext64);
    let elrepo = "e2fsck 1.42 cannot check ext4 with metadata_csum; it came with 1.43";
    assert_eq!(says(EXT4.row("metadata_csum"), "ext4", "5.4.278-1.el7.elrepo.x86_64"), elrepo);
    assert_eq!(says(XFS.row("finobt"), "xfs", "6.1"), "");
}

#[test]
fn every_decision_has_its_reason() {
    let stated = [("finobt", false), ("rmapbt", true)].into_iter().collect();
    let reason = |d: Decision| format!("{} {}: {}", d.feature.name, d.on, d.reason());
    let said: Vec<String> =
        XFS.decide(&Readers::of_kernel("5.10"), &stated).into_iter().map(reason).collect();
    assert_eq!(
        said,
        [
            "finobt false: stated",
            "sparse true: usual since linux 4.15",
            "rmapbt true: stated",
            "reflink true: usual since linux 4.16",
            "bigtime false: usual from linux 5.15 on",
            "inobtcount false: needs finobt, which is off",
            "nrext64 false: linux 5.19 is the first with it",
        ]
    );
}

#[test]
fn the_tables_are_in_order() {
    for table in TABLES {
        assert!(table.optional.windows(2).all(|w| w[0].kernel <= w[1].kernel), "{}", table.filesystem);
        let names: std::collections::BTreeSet<&str> =
            table.names().chain(table.fixed.iter().map(|row| row.name)).collect();
        assert_eq!(names.len(), table.optional.len() + table.fixed.len(), "a name stands twice");
        for row in table.optional {
            assert!(row.usual.is_none_or(|first| row.kernel <= first), "{}", row.name);
            assert!(row.needs.is_none_or(|needs| table.names().any(|name| name == needs)), "{}", row.name);
            assert!(row.source.len() > 10 && row.about.len() > 10, "{}", row.name);
        }
        for row in table.fixed {
            assert!(row.source.len() > 10 && row.about.len() > 10, "{}", row.name);
            // a version in what users read is one of the source's
            let words = row.about.split([' ', '(', ')', ';', ',']);
            let is_version = |word: &&str| word.contains('.') && Version::parse(word).is_some();
            for version in words.filter(is_version) {
                assert!(row.source.contains(version), "{}: {version}", row.name);
            }
        }
        assert_eq!(Table::of(table.filesystem).map(|t| t.optional.len()), Some(table.optional.len()));
    }
}

#[test]
fn versions() {
    assert_eq!(Version::parse("3.10.0-1160.el7.x86_64"), Some(Version(3, 10)));
    assert_eq!(Version::parse("2.06"), Some(Version(2, 6)));
    for wrong in ["", "3", "el7", "v6.1"] {
        assert_eq!(Version::parse(wrong), None, "{wrong}");
    }
}
