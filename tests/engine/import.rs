//! Importing a root filesystem, and reading files out of the image.

use std::collections::BTreeMap;

use osimg::base::event::NodeReporter;
use osimg::engine::EngineError;
use tokio_util::sync::CancellationToken;

use crate::base;
use crate::way::{ALL, Record};

#[tokio::test]
async fn an_import_is_tagged_and_labelled() {
    for way in ALL {
        let lab = way.lab("import").await;
        let (record, reporter) = Record::reporter();
        let tag = lab.tag("base");
        let labels = BTreeMap::from([
            ("osimg.base".to_string(), lab.mark.clone()),
            ("osimg.note".to_string(), "two \"words\" $HOME \\ =".to_string()),
        ]);
        let cancel = CancellationToken::new();
        let id =
            lab.engine.import(base::archive(), &tag, &labels, &reporter, &cancel).await.expect("imported");
        let found = lab.engine.image(&tag).await.expect("asked").expect("there");
        assert_eq!(found.id, id, "{way:?}");
        assert_eq!(found.labels, labels, "{way:?}");
        assert_eq!(lab.engine.image(&id.0).await.expect("asked").expect("there").id, id);
        let size = std::fs::metadata(base::archive()).expect("a file").len();
        assert_eq!(record.progress(), Some((size, Some(size))));
        lab.clean(&[&tag]).await;
        assert_eq!(lab.engine.image(&tag).await.expect("asked"), None);
        assert_eq!(lab.traces(), Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test]
async fn a_second_import_leaves_no_nameless_image() {
    for way in ALL {
        let lab = way.lab("reimport").await;
        let (tag, first) = lab.base().await;
        let labels = BTreeMap::from([("osimg.base".to_string(), format!("{}-again", lab.mark))]);
        let (silent, cancel) = (NodeReporter::silent(), CancellationToken::new());
        let second =
            lab.engine.import(base::archive(), &tag, &labels, &silent, &cancel).await.expect("imported");
        assert_ne!(first, second);
        assert_eq!(lab.traces().len(), 1, "{way:?}: {:?}", lab.traces());
        lab.clean(&[&tag]).await;
    }
}

#[tokio::test]
async fn a_broken_archive_leaves_nothing() {
    for way in ALL {
        let lab = way.lab("broken").await;
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("broken.tar");
        let whole = std::fs::read(base::archive()).expect("the base");
        std::fs::write(&archive, &whole[..whole.len() / 2]).expect("written");
        let (silent, cancel) = (NodeReporter::silent(), CancellationToken::new());
        let labels = BTreeMap::from([("osimg.base".to_string(), lab.mark.clone())]);
        let failed = lab.engine.import(archive, &lab.tag("base"), &labels, &silent, &cancel).await;
        assert!(matches!(failed, Err(EngineError::Request { .. })), "{way:?}: {failed:?}");
        assert_eq!(lab.traces(), Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test]
async fn a_cancelled_import_leaves_nothing() {
    for way in ALL {
        let lab = way.lab("cancelimport").await;
        let cancel = CancellationToken::new();
        cancel.cancel();
        let labels = BTreeMap::from([("osimg.base".to_string(), lab.mark.clone())]);
        let silent = NodeReporter::silent();
        let stopped = lab.engine.import(base::archive(), &lab.tag("base"), &labels, &silent, &cancel).await;
        assert!(matches!(stopped, Err(EngineError::Cancelled)), "{way:?}: {stopped:?}");
        assert_eq!(lab.traces(), Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test]
async fn files_are_read_through_links() {
    for way in ALL {
        let lab = way.lab("read").await;
        let (tag, id) = lab.base().await;
        for (path, content) in [
            ("/usr/lib/os-release", Some("ID=osimgtest\n")),
            ("/etc/os-release", Some("ID=osimgtest\n")),
            ("/etc/alias", Some("ID=osimgtest\n")),
            ("/lib/os-release", Some("ID=osimgtest\n")),
            ("/lib/up", Some("up\n")),
            ("/etc/none", None),
            ("/none/none", None),
            ("/etc", None),
            ("/etc/name/below", None),
            ("/etc/dangling", None),
            ("/etc/loop", None),
        ] {
            let read = lab.engine.read_file(&id, path).await;
            let read = read.unwrap_or_else(|e| panic!("{way:?} {path}: {e}"));
            assert_eq!(read.as_deref(), content.map(str::as_bytes), "{way:?} {path}");
        }
        lab.clean(&[&tag]).await;
        assert_eq!(lab.traces(), Vec::<String>::new(), "{way:?}");
    }
}
