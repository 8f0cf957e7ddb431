//! Where the files of a leg lie: below a local directory, or in a bucket. Verification asks both in the same few ways, and
//! judges what they give by the same code.
//!
//! What a bucket holds has a path too, `s3://bucket/prefix/key`: it names the place in findings, and is taken apart again
//! here alone.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sealtrail_chain::ChainName;

use super::Error;
use super::archive::first_line;
use super::finding::{Code, Finding};
use super::leg::Entry;
use crate::archive::s3::{self, S3Archive, Version};
use crate::archive::{self, Links, Objects as _};
use crate::host::{SystemClock, regular};

/// Files by their paths.
pub(super) trait Store: Send + Sync {
    /// Sees what was added since. A directory is asked each time.
    fn refresh(&self) -> Result<(), Error>;
    /// Names in `dir`, sorted.
    fn entries(&self, dir: &Path) -> Result<Vec<Entry>, Error>;
    fn is_dir(&self, path: &Path) -> bool;
    fn is_file(&self, path: &Path) -> bool;
    fn bytes(&self, path: &Path) -> u64;
    /// A small file, whole.
    fn read(&self, path: &Path) -> Result<Vec<u8>, Unreadable>;
    /// A file to be read here and there.
    fn open(&self, path: &Path) -> Result<fs::File, archive::Error>;
    /// What the store keeps of its files beside the bytes and is not as it must be.
    fn oddities(&self) -> Vec<Oddity> {
        Vec::new()
    }
    /// Whether there may be versions that nobody here may see.
    fn versions_unseen(&self) -> bool {
        false
    }
    /// The lock that a file should have and the one that it has, where that is weaker.
    fn weaker_lock(&self, path: &Path) -> Result<Option<(String, String)>, archive::Error> {
        let _ = path;
        Ok(None)
    }
    /// Of a file that has to be restored before anyone can read it: what its metadata claim, where they claim anything.
    fn frozen(&self, path: &Path) -> Option<Option<Links>> {
        let _ = path;
        None
    }
    /// Whether a part of a file can be read without fetching all of it.
    fn is_near(&self) -> bool;
    /// Small files to be read side by side, by so many threads that judge.
    fn lanes(&self, threads: usize) -> usize;
}

/// Says where the lock of an object that is about this record is weaker than it must be.
pub(super) fn lock(store: &dyn Store, path: &Path, chain: &ChainName, sequence: u64) -> Option<Finding> {
    // What can be read can be asked for its lock; where that fails all the same, reading tells why.
    let (expected, found) = store.weaker_lock(path).ok()??;
    let place = path.display().to_string().into();
    Some(Finding::at(Code::Lock, chain, sequence, &place).expected(expected, found))
}

/// Versions of a file that should be one.
#[derive(Clone)]
pub(super) struct Oddity {
    pub(super) path: PathBuf,
    pub(super) code: Code,
    pub(super) expected: &'static str,
    pub(super) found: String,
}

/// Why a file can't be read.
pub(super) enum Unreadable {
    /// The file system said so.
    Io(io::Error),
    /// The server did not answer, or not as it must: nothing is known of the file.
    Away(archive::Error),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Away(error) => f.write_str(&first_line(error)),
        }
    }
}

impl Unreadable {
    /// Whether that says something about what lies there; else it was only not asked.
    pub(super) fn of_file(self) -> Result<io::ErrorKind, String> {
        match self {
            Self::Io(error) => Ok(error.kind()),
            Self::Away(error) => Err(first_line(&error)),
        }
    }
}

/// Notes, ranges, cosignatures and time stamps have some kilobytes.
const LONGEST: u64 = 1 << 20;
const LONGEST_LIST: u64 = 64 << 20;

/// The local file system.
pub(super) struct Local;

impl Store for Local {
    fn refresh(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Whoever lists while the collector writes may see a name and miss an earlier one. So the directory is listed twice:
    /// what is older than anything in the first list is in the second, and names behind the first list's last are left out.
    fn entries(&self, dir: &Path) -> Result<Vec<Entry>, Error> {
        let last = list(dir)?.pop().map(|entry| entry.name);
        let mut names = list(dir)?;
        names.retain(|entry| Some(&entry.name) <= last.as_ref());
        Ok(names)
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn bytes(&self, path: &Path) -> u64 {
        path.metadata().map_or(0, |metadata| metadata.len())
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, Unreadable> {
        // A list of revoked certificates may be long. What is longer than it may be is cut, and then it is none of ours.
        let limit = if path.extension().is_some_and(|kind| kind == "crl") { LONGEST_LIST } else { LONGEST };
        regular::read(path, limit).map_err(Unreadable::Io)
    }

    fn open(&self, path: &Path) -> Result<fs::File, archive::Error> {
        regular::open(path).map_err(|source| archive::Error::Io { doing: "open", path: path.to_owned(), source })
    }

    fn is_near(&self) -> bool {
        true
    }

    fn lanes(&self, threads: usize) -> usize {
        threads
    }
}

fn list(dir: &Path) -> Result<Vec<Entry>, Error> {
    let failed = |source| Error::Io { doing: "list", path: dir.into(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            // It was a temporary name, and is gone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        names.push(Entry { name, is_dir: kind.is_dir(), is_file: kind.is_file() });
    }
    names.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(names)
}

/// Keys of an archive in a bucket, as they were listed last: all names of a chain's seven years are some dozen megabytes.
type Keys = BTreeMap<String, Held>;

/// What lies under a key.
#[derive(Clone, Default)]
struct Held {
    bytes: u64,
    /// The version that is read, where a marker hides it.
    version: Option<String>,
}

/// What verification looks for in a bucket.
const BELOW: [&str; 3] = ["audit-logs/", "audit-checkpoints/", "audit-genesis/"];
/// Calls for small objects that are on their way at the same time: they wait for the network, not for a processor.
const LANES: usize = 16;
/// How often a call is made that fails for a passing reason, and how long it waits before each but the first.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

/// An archive in a bucket.
pub(super) struct Bucket {
    root: PathBuf,
    archive: S3Archive,
    runtime: tokio::runtime::Runtime,
    keys: Mutex<Arc<Keys>>,
    oddities: Mutex<Vec<Oddity>>,
    /// The settings say how objects are locked.
    locked: bool,
    /// Whoever asks may not list versions.
    unseen: AtomicBool,
}

impl Bucket {
    /// Lists the bucket.
    pub(super) fn open(config: &s3::Config) -> Result<Self, Error> {
        let root = PathBuf::from(config.place());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime =
            runtime.map_err(|source| Error::Io { doing: "start a runtime for", path: root.clone(), source })?;
        // Objects are read through files without a name.
        let archive = S3Archive::new(config, &std::env::temp_dir(), Arc::new(SystemClock::new()))
            .map_err(|source| Error::Archive(source.into()))?;
        let locked = config.object_lock.mode != s3::Mode::None;
        let bucket = Self {
            root,
            archive,
            runtime,
            keys: Mutex::default(),
            oddities: Mutex::default(),
            locked,
            unseen: AtomicBool::new(false),
        };
        bucket.refresh()?;
        Ok(bucket)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a call, again while it fails for a passing reason.
    fn call<T, F>(&self, call: impl Fn() -> F) -> Result<T, archive::Error>
    where
        F: Future<Output = Result<T, archive::Error>>,
    {
        self.runtime.block_on(async {
            for _ in 1..ATTEMPTS {
                match call().await {
                    Err(error) if error.is_passing() => tokio::time::sleep(PAUSE).await,
                    outcome => return outcome,
                }
            }
            call().await
        })
    }

    /// Of each key the version that is read, and what is odd about the others.
    fn sort_out(&self, versions: &[Version], keys: &mut Keys, oddities: &mut Vec<Oddity>) {
        for of_key in versions.chunk_by(|a, b| a.key == b.key) {
            let real: Vec<&Version> = of_key.iter().filter(|version| !version.marker).collect();
            let (Some(first), Some(read)) = (of_key.first(), real.first()) else { continue };
            let path = self.root.join(&first.key);
            // A marker hides what lies under it from everyone who names no version; it is read all the same.
            let hidden = first.marker.then(|| read.id.clone());
            if let Some(id) = &hidden {
                let found = format!("a delete marker over version {id}");
                let expected = "the object in sight";
                oddities.push(Oddity { path: path.clone(), code: Code::Hidden, expected, found });
            }
            if real.len() > 1 {
                let ids: Vec<_> = real.iter().map(|version| version.id.as_str()).collect();
                let found = format!("{} versions, the newest first: {}", real.len(), ids.join(", "));
                oddities.push(Oddity { path, code: Code::Version, expected: "one version", found });
            }
            keys.insert(first.key.clone(), Held { bytes: read.bytes, version: hidden });
        }
    }

    fn version(&self, path: &Path) -> Option<String> {
        self.keys().get(self.key(path)).and_then(|held| held.version.clone())
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn key<'p>(&self, path: &'p Path) -> &'p str {
        path.strip_prefix(&self.root).ok().and_then(Path::to_str).unwrap_or_default()
    }
}

impl Store for Bucket {
    fn refresh(&self) -> Result<(), Error> {
        let (mut keys, mut oddities) = (Keys::new(), Vec::new());
        for below in BELOW {
            match self.call(|| self.archive.versions(below)).map_err(Error::Archive)? {
                Some(versions) => self.sort_out(&versions, &mut keys, &mut oddities),
                None => {
                    self.unseen.store(true, Ordering::Relaxed);
                    let listed = self.call(|| self.archive.list(below)).map_err(Error::Archive)?;
                    let held = |bytes| Held { bytes, version: None };
                    keys.extend(listed.into_iter().map(|object| (object.key, held(object.bytes))));
                }
            }
        }
        *self.oddities.lock().unwrap_or_else(PoisonError::into_inner) = oddities;
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    fn entries(&self, dir: &Path) -> Result<Vec<Entry>, Error> {
        Ok(children(&self.keys(), self.key(dir)))
    }

    fn is_dir(&self, path: &Path) -> bool {
        let below = format!("{}/", self.key(path));
        self.keys().range(below.clone()..).next().is_some_and(|(key, _)| key.starts_with(&below))
    }

    fn is_file(&self, path: &Path) -> bool {
        self.keys().contains_key(self.key(path))
    }

    fn bytes(&self, path: &Path) -> u64 {
        self.keys().get(self.key(path)).map_or(0, |held| held.bytes)
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, Unreadable> {
        let version = self.version(path);
        match self.call(|| self.archive.note_version(self.key(path), version.as_deref())) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(Unreadable::Io(io::ErrorKind::NotFound.into())),
            Err(error) => Err(Unreadable::Away(error)),
        }
    }

    fn open(&self, path: &Path) -> Result<fs::File, archive::Error> {
        let version = self.version(path);
        self.call(|| self.archive.fetch_version(self.key(path), version.as_deref()))
    }

    fn oddities(&self) -> Vec<Oddity> {
        self.oddities.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn versions_unseen(&self) -> bool {
        self.unseen.load(Ordering::Relaxed)
    }

    fn weaker_lock(&self, path: &Path) -> Result<Option<(String, String)>, archive::Error> {
        if !self.locked {
            return Ok(None);
        }
        let version = self.version(path);
        self.call(|| self.archive.weaker_lock(self.key(path), version.as_deref()))
    }

    fn frozen(&self, path: &Path) -> Option<Option<Links>> {
        let version = self.version(path);
        self.call(|| self.archive.frozen(self.key(path), version.as_deref())).ok().flatten()
    }

    fn is_near(&self) -> bool {
        false
    }

    fn lanes(&self, threads: usize) -> usize {
        threads.max(LANES)
    }
}

/// What lies in a directory of keys: each name once, sorted, however many keys lie below it.
fn children(keys: &Keys, dir: &str) -> Vec<Entry> {
    let below = if dir.is_empty() { String::new() } else { format!("{dir}/") };
    let mut entries: Vec<Entry> = Vec::new();
    let mut from = Bound::Included(below.clone());
    while let Some((key, _)) = keys.range((from, Bound::Unbounded)).next()
        && let Some(rest) = key.strip_prefix(&below)
    {
        let (name, is_dir) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
        entries.push(Entry { name: name.to_owned(), is_dir, is_file: !is_dir });
        // `0` is what comes behind `/`: past all that lies below the name.
        from = if is_dir { Bound::Included(format!("{below}{name}0")) } else { Bound::Excluded(key.clone()) };
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_listed_as_a_directory_is() {
        let keys = ["a/1/x", "a/1/y", "a/1-z", "a/2", "a/b/c/d", "a0", "b"];
        let keys: Keys = keys.into_iter().map(|key| (key.to_owned(), Held::default())).collect();
        let listed = |dir: &str| {
            let names = children(&keys, dir).into_iter();
            names.map(|entry| format!("{}{}", entry.name, if entry.is_dir { "/" } else { "" })).collect::<Vec<_>>()
        };
        assert_eq!(listed("a"), ["1/", "1-z", "2", "b/"]);
        assert_eq!(listed(""), ["a/", "a0", "b"]);
        assert_eq!(listed("a/1"), ["x", "y"]);
        assert_eq!(listed("a/b"), ["c/"]);
        assert_eq!(listed("absent"), [""; 0]);
    }
}
