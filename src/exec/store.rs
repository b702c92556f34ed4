//! The content-addressed store: `objects/<digest>`, `by-key/<key>`, `runs/<manifest>`, and `tmp/` for what is in the
//! making.
//!
//! What holds: an object or record under its final name is whole (written to a temporary name, synced, renamed). Only
//! the holder of the lock writes. A filesystem image is named by the key that made it instead of by its bytes: its
//! writer is deterministic, and hashing gigabytes of holes would cost more than writing them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::product::{Product, Record};
use crate::base::{Digest, DigestBuilder};

/// A store in a folder.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// Held while a run writes; released when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// What a node looked like when it last ran, to say why it must run again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastRun {
    pub definition: Digest,
    /// Labels of the inputs and the content digests of what they gave.
    pub inputs: Vec<(String, Digest)>,
    pub key: Digest,
    /// The key of the run before, whose product is kept too: going back to the last version of a manifest is cheap.
    pub previous: Option<Digest>,
}

/// All nodes of a manifest, by label.
pub type LastRuns = BTreeMap<String, LastRun>;

const FOLDERS: [&str; 4] = ["objects", "by-key", "runs", "tmp"];

impl Store {
    /// The store in `root`, whose folders are made where they lack.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Store> {
        let store = Store { root: root.into() };
        for folder in FOLDERS {
            fs::create_dir_all(store.root.join(folder))?;
        }
        Ok(store)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Takes the lock, or gives nothing where another run holds it. Whoever has it clears what a killed run left in
    /// `tmp/`.
    pub fn try_lock(&self) -> io::Result<Option<Lock>> {
        let file = File::options().create(true).truncate(false).write(true).open(self.root.join("lock"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            Err(fs::TryLockError::Error(e)) => return Err(e),
        }
        for entry in fs::read_dir(self.root.join("tmp"))? {
            let path = entry?.path();
            if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
        }
        Ok(Some(Lock { _file: file }))
    }

    pub fn object(&self, digest: &Digest) -> PathBuf {
        self.root.join("objects").join(digest.to_string())
    }

    pub fn has(&self, digest: &Digest) -> bool {
        self.object(digest).is_file()
    }

    /// A new file in `tmp/`, gone when dropped unless published.
    pub fn stage(&self) -> io::Result<tempfile::NamedTempFile> {
        tempfile::NamedTempFile::new_in(self.root.join("tmp"))
    }

    /// A new folder in `tmp/`, gone when dropped.
    pub fn stage_folder(&self) -> io::Result<tempfile::TempDir> {
        tempfile::TempDir::new_in(self.root.join("tmp"))
    }

    /// Syncs a staged file and gives it its final name.
    pub fn publish(&self, staged: tempfile::NamedTempFile, digest: &Digest) -> io::Result<()> {
        staged.as_file().sync_all()?;
        self.persist(staged, &self.object(digest))
    }

    fn persist(&self, staged: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
        staged.persist(path).map_err(|e| e.error)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    /// What was recorded under `key`. A record that cannot be read counts as none: it is made again.
    pub fn lookup(&self, key: &Digest) -> Option<Record> {
        read_json(&self.record_path(key))
    }

    pub fn record(&self, key: &Digest, record: &Record) -> io::Result<()> {
        self.write_json(&self.record_path(key), record)
    }

    fn record_path(&self, key: &Digest) -> PathBuf {
        self.root.join("by-key").join(key.to_string())
    }

    /// The last runs of the manifest that writes `output`.
    pub fn last_runs(&self, output: &Path) -> LastRuns {
        read_json(&self.runs_path(output)).unwrap_or_default()
    }

    pub fn save_last_runs(&self, output: &Path, runs: &LastRuns) -> io::Result<()> {
        self.write_json(&self.runs_path(output), runs)
    }

    fn runs_path(&self, output: &Path) -> PathBuf {
        let id =
            DigestBuilder::new("osimg runs").field("output", output.as_os_str().as_encoded_bytes()).finish();
        self.root.join("runs").join(id.to_string())
    }

    fn write_json(&self, path: &Path, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(value).map_err(io::Error::other)?;
        if fs::read(path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        let mut staged = self.stage()?;
        staged.write_all(&text)?;
        staged.as_file().sync_all()?;
        self.persist(staged, path)
    }

    /// Removes records that no manifest's last two runs name, and objects that no record left names. Gives the bytes
    /// of disk space won.
    pub fn collect(&self) -> io::Result<u64> {
        let mut keys = BTreeSet::new();
        for entry in fs::read_dir(self.root.join("runs"))? {
            let runs: LastRuns = read_json(&entry?.path()).unwrap_or_default();
            for run in runs.into_values() {
                keys.insert(run.key);
                keys.extend(run.previous);
            }
        }
        let mut objects = BTreeSet::new();
        for (name, path) in self.entries("by-key")? {
            let Ok(key) = name.parse::<Digest>() else { continue };
            if !keys.contains(&key) {
                fs::remove_file(path)?;
            } else if let Some(Record { outcome, .. }) = self.lookup(&key)
                && let Product::Object(digest) = outcome.product
            {
                objects.insert(digest.to_string());
            }
        }
        let mut won = 0;
        for (name, path) in self.entries("objects")? {
            if !objects.contains(&name) {
                use std::os::unix::fs::MetadataExt;
                won += path.metadata()?.blocks() * 512;
                fs::remove_file(path)?;
            }
        }
        Ok(won)
    }

    fn entries(&self, folder: &str) -> io::Result<Vec<(String, PathBuf)>> {
        fs::read_dir(self.root.join(folder))?
            .map(|entry| entry.map(|e| (e.file_name().to_string_lossy().into_owned(), e.path())))
            .collect()
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::product::Outcome;
    use std::time::Duration;

    fn put(store: &Store, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let mut staged = store.stage().expect("stage");
        staged.write_all(bytes).expect("write");
        store.publish(staged, &digest).expect("publish");
        digest
    }

    #[test]
    fn publishes_whole_objects_and_drops_staged_ones() {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(folder.path()).expect("open");
        let digest = put(&store, b"abc");
        assert_eq!(fs::read(store.object(&digest)).expect("object"), b"abc");
        drop(store.stage().expect("stage"));
        assert_eq!(store.entries("tmp").expect("tmp"), []);
    }

    #[test]
    fn one_lock_and_a_clean_tmp_for_its_holder() {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(folder.path()).expect("open");
        fs::write(folder.path().join("tmp/left"), "x").expect("left by a killed run");
        let lock = store.try_lock().expect("lock");
        assert!(lock.is_some());
        assert!(!folder.path().join("tmp/left").exists());
        assert!(store.try_lock().expect("lock").is_none());
        drop(lock);
        assert!(store.try_lock().expect("lock").is_some());
    }

    #[test]
    fn collect_keeps_what_the_last_two_runs_name() {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(folder.path()).expect("open");
        let mut keys = Vec::new();
        for bytes in [b"one", b"two", b"old"] {
            let digest = put(&store, bytes);
            let key = Digest::of(&digest.0);
            let record =
                Record { label: "x".into(), outcome: Outcome::object(digest), took: Duration::from_secs(1) };
            store.record(&key, &record).expect("record");
            keys.push((key, digest));
        }
        let run = LastRun {
            definition: Digest::of(b""),
            inputs: vec![],
            key: keys[0].0,
            previous: Some(keys[1].0),
        };
        store.save_last_runs(Path::new("/x.img"), &[("x".to_string(), run)].into()).expect("save");
        assert!(store.collect().expect("collect") > 0);
        assert!(store.has(&keys[0].1) && store.has(&keys[1].1) && !store.has(&keys[2].1));
        assert!(store.lookup(&keys[2].0).is_none());
    }

    #[test]
    fn a_damaged_record_is_no_record() {
        let folder = tempfile::tempdir().expect("folder");
        let store = Store::open(folder.path()).expect("open");
        let key = Digest::of(b"k");
        fs::write(store.record_path(&key), "{").expect("write");
        assert!(store.lookup(&key).is_none());
    }
}
