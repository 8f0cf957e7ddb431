//! Finds the chains under a path: local archives, stream directories, or a data directory that holds both; an archive in a
//! bucket, a chain in Kafka.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::ChainName;
use serde::Serialize;

use super::Error;
use super::Source;
use super::finding::Findings;
use super::scope::Outside;
use super::store::{Bucket, Local, Store};
use super::strays;
use super::stream;
use super::topic::Topic;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Archive,
    Stream,
}

/// All that one place holds of one chain.
pub(super) struct Leg {
    pub(super) kind: Kind,
    pub(super) chain: ChainName,
    /// What the path holds it under, for reports.
    pub(super) place: Arc<str>,
    pub(super) store: Arc<dyn Store>,
    /// In Kafka: then the messages come from there, and no file has any.
    pub(super) topic: Option<Arc<Topic>>,
    /// What stood at the stream's beginning has passed its retention.
    pub(super) cut: bool,
    /// What is not read because nobody asked for it.
    pub(super) outside: Outside,
    /// In the order of their names; the first sequences, when nobody has touched them.
    pub(super) files: Vec<File>,
    /// Where the files lie.
    pub(super) dir: PathBuf,
    /// The directory of checkpoints, whether or not it exists.
    pub(super) checkpoints: PathBuf,
    /// Where the genesis note lies (archive).
    pub(super) genesis: Option<PathBuf>,
    /// Where the notes of rotations lie (archive).
    pub(super) rotations: Option<PathBuf>,
    /// The partition that holds the records (stream).
    pub(super) partition: Option<u32>,
    /// What lies among the records, or above them, and is none of the format's.
    pub(super) foreign: Vec<PathBuf>,
    pub(super) findings: Findings,
}

/// What lies under the given paths.
#[derive(Default)]
pub(super) struct Found {
    pub(super) legs: Vec<Leg>,
    /// A data directory's `archive` or `stream` in which there is no chain, although the other has one.
    pub(super) empty: Vec<PathBuf>,
}

impl Leg {
    /// Lists the files once more. The collector may be running: whoever has read the checkpoints first, then the names of
    /// the archive, then those of the stream, finds all records that each of them speaks of.
    pub(super) fn list(&mut self) -> Result<(), Error> {
        self.store.refresh()?;
        match (self.kind, &self.topic) {
            (Kind::Archive, _) => {
                let (files, foreign) = objects(&*self.store, &self.dir)?;
                self.files = files;
                self.foreign.retain(|path| !path.starts_with(&self.dir) || *path == self.dir);
                self.foreign.extend(foreign);
            }
            (Kind::Stream, Some(topic)) => (self.files, self.cut) = topic.ranges()?,
            (Kind::Stream, None) if self.dir.is_dir() => self.files = messages(&self.dir)?,
            (Kind::Stream, None) => {}
        }
        Ok(())
    }
}

/// A file with records.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) place: Arc<str>,
    /// By its name; `u64::MAX` when that is not 20 digits, so that such a file comes last and is judged all the same.
    pub(super) first: u64,
    /// The last file of a stream: only there a message may be cut short.
    pub(super) newest: bool,
    pub(super) bytes: u64,
    /// No file, but so many offsets of a partition in Kafka: from the first up to the second, which is not among them.
    pub(super) offsets: Option<(u64, u64)>,
}

/// Why a file was not read to its end.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is damaged; a finding says so.
    Damaged,
    /// It may be sound, but this release does not know its format, or the machine could not read it.
    Unchecked(String),
}

/// Adds the legs of a source. Nothing there at all is an error, so that a wrong path is never "intact".
pub(super) fn find(source: &Source, checkpoint_topic: Option<&str>, found: &mut Found) -> Result<(), Error> {
    match source {
        Source::Path(path) => find_path(path, checkpoint_topic, found),
        Source::Leg(dir) => {
            let before = found.legs.len();
            if dir.is_dir() {
                under(dir, checkpoint_topic, &mut found.legs)?;
            }
            if found.legs.len() == before {
                found.empty.push(dir.clone());
            }
            Ok(())
        }
        Source::Bucket(config) => {
            let bucket = Arc::new(Bucket::open(config)?);
            let (root, before) = (bucket.root().to_owned(), found.legs.len());
            let store: Arc<dyn Store> = bucket;
            archives(&store, &root, &mut found.legs)?;
            if found.legs.len() == before {
                found.empty.push(root);
            }
            Ok(())
        }
        Source::Topic { settings, chain } => {
            let topic = Arc::new(Topic::new(settings, chain));
            let (files, cut) = topic.ranges()?;
            let partition = Some(settings.partition);
            let leg = stream_leg(topic.place(), files, partition, &topic.checkpoints_place(), chain.clone());
            found.legs.push(Leg { topic: Some(topic), cut, ..leg });
            Ok(())
        }
    }
}

fn find_path(path: &Path, checkpoint_topic: Option<&str>, found: &mut Found) -> Result<(), Error> {
    let before = found.legs.len();
    under(path, checkpoint_topic, &mut found.legs)?;
    if found.legs.len() == before {
        for leg in ["archive", "stream"] {
            let (inner, before) = (path.join(leg), found.legs.len());
            if inner.is_dir() {
                under(&inner, checkpoint_topic, &mut found.legs)?;
                if found.legs.len() == before {
                    found.empty.push(inner);
                }
            }
        }
    }
    if found.legs.len() == before { Err(Error::Nothing { path: path.into() }) } else { Ok(()) }
}

fn under(path: &Path, checkpoint_topic: Option<&str>, legs: &mut Vec<Leg>) -> Result<(), Error> {
    let local: Arc<dyn Store> = Arc::new(Local);
    archives(&local, path, legs)?;
    streams(path, checkpoint_topic, legs)
}

/// A chain is there when it has records, checkpoints or a genesis note: one whose records were all deleted must not look like
/// none.
fn archives(store: &Arc<dyn Store>, root: &Path, legs: &mut Vec<Leg>) -> Result<(), Error> {
    let mut names: Vec<ChainName> = Vec::new();
    let mut foreign = Vec::new();
    for parent in ["audit-logs", "audit-checkpoints"] {
        let dir = root.join(parent);
        if !store.is_dir(&dir) {
            continue;
        }
        for entry in store.entries(&dir)? {
            match entry.name.strip_prefix("chain=").and_then(|name| name.parse().ok()) {
                Some(chain) if entry.is_dir => names.push(chain),
                // A stream may share the directory.
                _ if entry.is_dir && strays::partition(&entry.name).is_some() => {
                    strays::of_partition(&**store, &dir.join(entry.name), &mut foreign)?
                }
                _ => foreign.push(dir.join(entry.name)),
            }
        }
    }
    let notes = root.join("audit-genesis");
    if store.is_dir(&notes) {
        for entry in store.entries(&notes)? {
            match entry.name.strip_suffix(".note").and_then(|name| name.parse().ok()) {
                Some(chain) if entry.is_file => names.push(chain),
                _ => foreign.push(notes.join(entry.name)),
            }
        }
    }
    names.sort();
    names.dedup();
    if !names.is_empty() {
        foreign.extend(strays::beside(&**store, root)?);
    }
    for chain in names {
        let mut leg = archive_leg(store, root, chain)?;
        // What belongs to no chain is said once, with the first.
        leg.foreign.append(&mut foreign);
        legs.push(leg);
    }
    Ok(())
}

fn archive_leg(store: &Arc<dyn Store>, root: &Path, chain: ChainName) -> Result<Leg, Error> {
    let dir = root.join(format!("audit-logs/chain={chain}"));
    let (files, foreign) = objects(&**store, &dir)?;
    Ok(Leg {
        kind: Kind::Archive,
        place: root.display().to_string().into(),
        store: Arc::clone(store),
        topic: None,
        cut: false,
        outside: Outside::default(),
        files,
        dir,
        checkpoints: root.join(format!("audit-checkpoints/chain={chain}")),
        genesis: Some(root.join(sealtrail_chain::segment::genesis_key(&chain))),
        rotations: Some(root.join(format!("audit-keys/chain={chain}"))),
        partition: None,
        foreign,
        findings: Findings::default(),
        chain,
    })
}

/// The objects of a chain, and what lies among them: whoever reads the directory with an engine reads that too.
fn objects(store: &dyn Store, dir: &Path) -> Result<(Vec<File>, Vec<PathBuf>), Error> {
    let (mut files, mut foreign) = (Vec::new(), Vec::new());
    if !store.is_dir(dir) {
        return Ok((files, foreign));
    }
    for date in store.entries(dir)? {
        let path = dir.join(&date.name);
        if !date.is_dir || !date.name.starts_with("date=") {
            foreign.push(path);
            continue;
        }
        for entry in store.entries(&path)? {
            let path = path.join(&entry.name);
            match entry.name.strip_suffix(".parquet").and_then(number) {
                Some(first) if entry.is_file => files.push(file(store, path, first)),
                _ => foreign.push(path),
            }
        }
    }
    files.sort_by(|a, b| (a.first, &a.path).cmp(&(b.first, &b.path)));
    Ok((files, foreign))
}

pub(super) fn number(stem: &str) -> Option<u64> {
    let digits = stem.len() == 20 && stem.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| stem.parse().ok()).flatten()
}

fn file(store: &dyn Store, path: PathBuf, first: u64) -> File {
    let bytes = store.bytes(&path);
    File { place: path.display().to_string().into(), first, newest: false, bytes, offsets: None, path }
}

/// The topics below a directory. A stream of which only checkpoints are left is a leg all the same: its records are missing.
fn streams(root: &Path, checkpoint_topic: Option<&str>, legs: &mut Vec<Leg>) -> Result<(), Error> {
    let mut topics = Vec::new();
    let mut notes = None;
    let entries = Local.entries(root)?;
    // Whoever puts a link in place of a topic moves it out of sight.
    let links: Vec<PathBuf> =
        entries.iter().filter(|entry| !entry.is_dir).map(|entry| root.join(&entry.name)).collect();
    for topic in entries.into_iter().filter(|entry| entry.is_dir).map(|entry| entry.name) {
        let dir = root.join(&topic);
        let named = checkpoint_topic.map_or(topic == "audit-checkpoints", |name| topic == name);
        if named || (checkpoint_topic.is_none() && holds_notes(&dir)) {
            notes = notes.filter(|_| !named).or(Some(dir.join("0")));
        } else {
            topics.push(dir);
        }
    }
    let topic = checkpoint_topic.unwrap_or("audit-checkpoints");
    let notes = notes.unwrap_or_else(|| root.join(topic).join("0"));
    let before = legs.len();
    for topic in topics {
        partitions(&topic, &notes, legs)?;
    }
    if legs.len() == before && notes.is_dir() {
        let files = messages(&notes)?;
        if let Some(chain) = stream::chain(&files) {
            legs.push(stream_leg(root.join("audit-logs/0"), Vec::new(), None, &notes, chain));
        }
    }
    let Some((first, more)) = legs.get_mut(before..).and_then(<[Leg]>::split_first_mut) else { return Ok(()) };
    let mut seen: Vec<PathBuf> = Vec::new();
    let of_records = first.dir.parent().map(Path::to_owned);
    for topic in of_records.iter().map(PathBuf::as_path).chain(notes.parent()) {
        seen.push(topic.to_owned());
        first.foreign.extend(links.iter().filter(|link| *link == topic).cloned());
        first.foreign.extend(strays::of_topic(topic)?);
    }
    // A chain lies in one topic: a consumer of another one would take a copy for the chain.
    for leg in more {
        let Some(topic) = leg.dir.parent().filter(|topic| !seen.iter().any(|known| known == topic)) else { continue };
        let (topic, chain) = (topic.to_owned(), leg.chain.clone());
        leg.foreign.extend(strays::of_topic(&topic)?);
        if chain == first.chain {
            leg.foreign.push(topic.clone());
        }
        seen.push(topic);
    }
    Ok(())
}

/// Whether the first message that can be read is a checkpoint, whatever the topic is called.
fn holds_notes(topic: &Path) -> bool {
    let dir = topic.join("0");
    dir.is_dir() && messages(&dir).is_ok_and(|files| stream::begins_with_note(&files))
}

fn partitions(topic: &Path, notes: &Path, legs: &mut Vec<Leg>) -> Result<(), Error> {
    for entry in Local.entries(topic)? {
        let dir = topic.join(&entry.name);
        let Some(partition) = strays::partition(&entry.name) else { continue };
        let files = if entry.is_dir { messages(&dir)? } else { Vec::new() };
        if files.is_empty() {
            continue;
        }
        let chain = stream::chain(&files)
            .or_else(|| stream::chain(&messages(notes).unwrap_or_default()))
            .or_else(|| the_one(legs))
            .ok_or_else(|| Error::NoChain { path: dir.clone() })?;
        legs.push(stream_leg(dir, files, Some(partition), notes, chain));
    }
    Ok(())
}

fn stream_leg(dir: PathBuf, files: Vec<File>, partition: Option<u32>, notes: &Path, chain: ChainName) -> Leg {
    Leg {
        kind: Kind::Stream,
        place: dir.display().to_string().into(),
        store: Arc::new(Local),
        topic: None,
        cut: false,
        outside: Outside::default(),
        files,
        dir,
        checkpoints: notes.to_owned(),
        genesis: None,
        rotations: None,
        partition,
        foreign: Vec::new(),
        findings: Findings::default(),
        chain,
    }
}

/// The chain of all legs that were found so far, when it is one.
fn the_one(legs: &[Leg]) -> Option<ChainName> {
    let (first, rest) = legs.split_first()?;
    rest.iter().all(|leg| leg.chain == first.chain).then(|| first.chain.clone())
}

/// The files of a partition, oldest first; one whose name is not its first sequence comes last, and is judged.
pub(super) fn messages(dir: &Path) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    for entry in Local.entries(dir)? {
        if let Some(stem) = entry.name.strip_suffix(".messages").filter(|_| entry.is_file) {
            files.push(file(&Local, dir.join(&entry.name), number(stem).unwrap_or(u64::MAX)));
        }
    }
    files.sort_by(|a, b| (a.first, &a.path).cmp(&(b.first, &b.path)));
    if let Some(file) = files.last_mut() {
        file.newest = true;
    }
    Ok(files)
}

/// A name in a directory, and what it stands for; a link is neither a directory nor a file.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) is_dir: bool,
    pub(super) is_file: bool,
}
