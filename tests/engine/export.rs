//! Exporting a tree: what each way keeps, and what it leaves behind when it is stopped.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use osimg::base::event::NodeReporter;
use osimg::engine::{EngineChoice, EngineError, Environment, ImageId, connect};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::base;
use crate::way::{ALL, Lab, Way, forwarded};

/// An entry as far as the tests look at it.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    kind: tar::EntryType,
    mode: u32,
    owner: u64,
    link: Option<String>,
    content: Vec<u8>,
    xattrs: BTreeMap<String, Vec<u8>>,
    /// In seconds, as the archive's extension says it.
    time: Option<String>,
    device: Option<(u32, u32)>,
}

async fn export(lab: &Lab, id: &ImageId) -> BTreeMap<String, Seen> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(4);
    let cancel = CancellationToken::new();
    let collect = async {
        let mut all = Vec::new();
        while let Some(piece) = receiver.recv().await {
            all.extend_from_slice(&piece);
        }
        all
    };
    let (sent, bytes) = tokio::join!(lab.engine.export(id, sender, &cancel), collect);
    sent.expect("exported");
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut entries = BTreeMap::new();
    for entry in archive.entries().expect("a tar") {
        let mut entry = entry.expect("an entry");
        let (mut xattrs, mut time) = (BTreeMap::new(), None);
        for pair in entry.pax_extensions().expect("readable").into_iter().flatten() {
            let pair = pair.expect("a pair");
            if pair.key() == Ok("mtime") {
                time = pair.value().ok().map(str::to_string);
            }
            if let Some(name) = pair.key().expect("text").strip_prefix("SCHILY.xattr.") {
                xattrs.insert(name.to_string(), pair.value_bytes().to_vec());
            }
        }
        let path = entry.path_bytes().escape_ascii().to_string();
        let path = path.trim_start_matches("./").trim_end_matches('/').to_string();
        let header = entry.header();
        let device = header.entry_type().is_character_special().then(|| {
            let number = |n: std::io::Result<Option<u32>>| n.expect("readable").expect("a number");
            (number(header.device_major()), number(header.device_minor()))
        });
        let (kind, mode, owner) =
            (header.entry_type(), header.mode().expect("mode"), header.uid().expect("uid"));
        let link = entry
            .link_name()
            .expect("a link")
            .map(|l| l.to_string_lossy().trim_start_matches('/').to_string());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("content");
        entries.insert(path, Seen { kind, mode: mode & 0o7777, owner, link, content, xattrs, time, device });
    }
    entries
}

#[tokio::test]
async fn every_way_keeps_what_it_can() {
    for way in ALL {
        let lab = way.lab("export").await;
        let (tag, id) = lab.base().await;
        let tree = export(&lab, &id).await;
        let at = |path: &str| {
            tree.get(path).unwrap_or_else(|| panic!("{way:?}: no {path:?} in {:?}", tree.keys()))
        };
        assert_eq!(at("etc/name").content, b"up\n");
        assert_eq!(at("etc/name").mode, 0o600);
        assert_eq!(at("data/new\\nline").content, b"nl");
        assert_eq!(at("data/\\xff\\xfe").content, b"bytes", "{way:?}");
        assert_eq!(at(&format!("data/{}", base::LONG)).content, b"long", "{way:?}");
        assert_eq!(at("data/far").link, Some(format!("nowhere/{}", base::LONG)), "{way:?}");
        assert_eq!(at("etc/os-release").link.as_deref(), Some("../usr/lib/os-release"));
        assert_eq!(
            at("data/capable").xattrs.get("security.capability").map(Vec::as_slice),
            Some(base::CAPABILITY),
            "{way:?}"
        );
        // of two names for one file, the one that comes first holds the content
        let (first, second) = (at("data/second"), at("data/setuid"));
        let (whole, link) = if first.kind.is_file() { (first, second) } else { (second, first) };
        assert_eq!((whole.mode, whole.owner, whole.content.as_slice()), (0o4755, 77, &b"s"[..]), "{way:?}");
        assert!(
            link.kind.is_hard_link() && link.link.as_deref().is_some_and(|l| l.starts_with("data/")),
            "{way:?}"
        );
        assert!(at("data/fifo").kind.is_fifo(), "{way:?}");
        assert_eq!(at("data/null").device, Some((1, 3)), "{way:?}");
        assert_eq!(at("tmp").mode, 0o1777);
        let note = at("data/noted").xattrs.get("user.note").map(Vec::as_slice);
        let acl = at("data/listed").xattrs.get("system.posix_acl_access").map(Vec::as_slice);
        match way {
            Way::BuildKit => {
                assert_eq!(note, Some(&b"hello"[..]));
                assert_eq!(acl, Some(base::ACL));
                assert_eq!(at("data/precise").time.as_deref(), Some(base::PRECISE));
                assert_eq!(at("data/capable").time, None, "a whole second");
                for injected in INJECTED {
                    assert!(!tree.contains_key(injected), "{injected}");
                }
            }
            Way::Podman => assert_eq!(note, Some(&b"hello"[..])),
            Way::Classic => {}
        }
        lab.clean(&[&tag]).await;
        assert_eq!(lab.traces(), Vec::<String>::new(), "{way:?}");
    }
}

/// What Docker puts into the containers that it makes.
const INJECTED: [&str; 9] = [
    ".dockerenv",
    "dev",
    "dev/console",
    "etc/hostname",
    "etc/hosts",
    "etc/mtab",
    "etc/resolv.conf",
    "proc",
    "sys",
];

#[tokio::test]
async fn both_ways_out_of_docker_give_one_tree() {
    let lab = Way::BuildKit.lab("same").await;
    let (base, _) = lab.base().await;
    // many small files, one that is larger than what is asked for ahead, empty ones, hard links to both
    let lines = "RUN mkdir /many && cd /many && for i in $(seq 300); do \
        dd if=/dev/urandom of=$i bs=777 count=$i; touch empty$i; done && \
        dd if=/dev/urandom of=100-large bs=1M count=20 && ln 100-large linked && ln empty7 linked-empty";
    let request = lab.request(&base, "many", lines);
    let (silent, cancel) = (NodeReporter::silent(), CancellationToken::new());
    let id = lab.engine.build(&request, &silent, &cancel).await.expect("built");
    let container = Way::Classic.lab("same").await;
    let plain = |tree: BTreeMap<String, Seen>| -> BTreeMap<String, Seen> {
        let kept = tree
            .into_iter()
            .filter(|(path, _)| !INJECTED.iter().any(|i| path == i) && !path.starts_with("dev/"));
        // the other way loses most attributes, and parts of seconds
        let less = |seen: Seen| Seen { xattrs: BTreeMap::new(), time: None, ..seen };
        kept.map(|(path, seen)| (path, less(seen))).collect()
    };
    let (ours, theirs) = (plain(export(&lab, &id).await), plain(export(&container, &id).await));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (path, seen) in &ours {
        let other = &theirs[path];
        assert!(seen == other, "{path}: {:?} {:?}", (seen.kind, &seen.link), (other.kind, &other.link));
    }
    assert!(ours.len() > 600 && ours["many/linked"].link.as_deref() == Some("many/100-large"));
    lab.clean(&[&request.tag, &base]).await;
    assert_eq!(lab.traces(), Vec::<String>::new());
}

#[tokio::test]
async fn over_tcp_a_tree_keeps_all_too() {
    let mut lab = Way::BuildKit.lab("overtcp").await;
    let (tag, id) = lab.base().await;
    let here = export(&lab, &id).await;
    let (address, forward) = forwarded().await;
    let environment = Environment { docker_host: Some(address), ..Environment::default() };
    lab.engine = connect(EngineChoice::Docker, &environment).await.expect("an engine");
    let there = export(&lab, &id).await;
    assert_eq!(there["data/precise"].time.as_deref(), Some(base::PRECISE));
    assert_eq!(there, here);
    lab.clean(&[&tag]).await;
    assert_eq!(lab.traces(), Vec::<String>::new());
    forward.abort();
}

#[tokio::test]
async fn exporting_a_nameless_image_keeps_it() {
    for way in ALL {
        let lab = way.lab("nameless").await;
        let (silent, cancel) = (NodeReporter::silent(), CancellationToken::new());
        // without a label of ours, a rebuild leaves the old image alone
        let (tag, labels) = (lab.tag("base"), BTreeMap::new());
        lab.engine.import(base::archive(), &tag, &labels, &silent, &cancel).await.expect("imported");
        let mut request = lab.request(&tag, "x", "RUN echo x > /x");
        request.labels.clear();
        let id = lab.engine.build(&request, &silent, &cancel).await.expect("built");
        request.context = lab.request(&tag, "x", "RUN echo y > /x").context;
        lab.engine.build(&request, &silent, &cancel).await.expect("built");
        let tree = export(&lab, &id).await;
        assert_eq!(tree["x"].content, b"x\n", "{way:?}");
        assert!(lab.engine.image(&id.0).await.expect("asked").is_some(), "{way:?}");
        lab.clean(&[&id.0, &request.tag, &tag]).await;
        assert_eq!(lab.traces(), Vec::<String>::new(), "{way:?}");
    }
}

/// The engine is done with its build while the end of the tree still waits here for whoever writes it down.
#[tokio::test]
async fn a_slow_reader_gets_all_of_the_tree() {
    let lab = Way::BuildKit.lab("slow").await;
    let (base, id) = lab.base().await;
    let cancel = CancellationToken::new();
    let mut length = usize::MAX;
    for slow in [false, true] {
        let (sender, mut receiver) = mpsc::channel::<Bytes>(1);
        let reader = async {
            let mut tar = Vec::new();
            while let Some(piece) = receiver.recv().await {
                tar.extend_from_slice(&piece);
                // the last three pieces: by then the engine has sent all
                if slow && tar.len() + (3 << 18) > length {
                    tokio::time::sleep(Duration::from_millis(2500)).await;
                }
            }
            tar
        };
        let (sent, tar) = tokio::join!(lab.engine.export(&id, sender, &cancel), reader);
        sent.expect("exported");
        // two empty blocks end a tar
        assert!(tar.len() > 1 << 20 && tar.ends_with(&[0; 1024]), "{}", tar.len());
        assert!(!slow || tar.len() == length, "{} of {length}", tar.len());
        length = tar.len();
    }
    lab.clean(&[&base]).await;
}

#[tokio::test]
async fn a_stopped_export_leaves_nothing_and_does_not_hang() {
    for way in ALL {
        let lab = way.lab("stop").await;
        let (base, _) = lab.base().await;
        let request = lab.request(&base, "large", "RUN dd if=/dev/zero of=/large bs=1M count=64");
        let silent = NodeReporter::silent();
        let id = lab.engine.build(&request, &silent, &CancellationToken::new()).await.expect("built");
        for closed in [false, true] {
            let cancel = CancellationToken::new();
            let (sender, mut receiver) = mpsc::channel::<Bytes>(1);
            let reader = async {
                assert!(receiver.recv().await.is_some());
                if closed {
                    receiver.close()
                } else {
                    cancel.cancel()
                }
                while closed && receiver.recv().await.is_some() {}
            };
            let both = async { tokio::join!(lab.engine.export(&id, sender, &cancel), reader) };
            let (stopped, ()) = tokio::time::timeout(Duration::from_secs(20), both).await.expect("an end");
            match (&stopped, closed) {
                (Err(EngineError::Cancelled), false) | (Err(EngineError::Request { .. }), true) => {}
                _ => panic!("{way:?}: {stopped:?}"),
            }
        }
        lab.clean(&[&request.tag, &base]).await;
        for _ in 0..50 {
            if lab.traces().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(lab.traces(), Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test]
async fn a_missing_image_is_an_error() {
    for way in ALL {
        let lab = way.lab("missing").await;
        let id = ImageId(format!("sha256:{}", "0".repeat(64)));
        let (sender, _receiver) = mpsc::channel::<Bytes>(1);
        let failed = lab.engine.export(&id, sender, &CancellationToken::new()).await;
        assert!(matches!(failed, Err(EngineError::Request { .. })), "{way:?}: {failed:?}");
    }
}
