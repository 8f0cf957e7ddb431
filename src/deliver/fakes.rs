//! Stand-ins for the tests: a log in memory, legs that fail when told to, a disk whose calls can fail.
#![allow(clippy::disallowed_methods, reason = "tests work on temporary directories")]

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;
use sealtrail_chain::checkpoint::Cosigner;
use sealtrail_chain::content::otlp;
use sealtrail_chain::content::{Auth, By, Content, Context, KeyValue, LogRecord, Origin, Resource, Scope, Tail, Value};
use sealtrail_chain::note::Ed25519Signer;
use sealtrail_chain::{CompactRange, Genesis, Head, Link, Segment, Sequence, UnixNanos};
use tokio::sync::watch;

use super::{Build, Cursor, Failure, Keys, Pair, Wal};
use crate::archive::{self, ArchiveLeg, Links};
use crate::host::{Clock, Disk, File, Lock, SystemDisk};
use crate::stream::{self, Batch, End, StreamLeg, Tail as StreamTail};
use crate::wal::{FileState, Leg, Progress, ReleaseError, reader};

pub(crate) const ORIGIN: &str = "localhost/test";

pub(crate) fn keys() -> Arc<Keys> {
    Arc::new(Keys {
        origin: ORIGIN.to_owned(),
        chain: "test".parse().unwrap(),
        pair: pair(),
        next: None,
        older: Vec::new(),
    })
}

pub(crate) fn pair() -> Pair {
    Pair { ed25519: Box::new(Ed25519Signer::new(ORIGIN, &[1; 32])), ml_dsa_44: Cosigner::new(ORIGIN, &[2; 32]) }
}

/// The note and the head of a chain that holds no record yet.
pub(crate) fn genesis() -> (String, Head) {
    let keys = keys();
    let genesis = Genesis {
        origin: ORIGIN.to_owned(),
        chain: keys.chain.clone(),
        created: 1_700_000_000,
        partition: 0,
        ed25519: keys.pair.ed25519.vkey().clone(),
        ml_dsa_44: keys.pair.ml_dsa_44.vkey().clone(),
        recovery: None,
        predecessor: None,
    };
    let signed = genesis.sign_with(&*keys.pair.ed25519).expect("the key is here");
    (signed.note().to_owned(), Head::genesis(&signed))
}

/// Canonical text of a record with one attribute.
pub(crate) fn content(key: &str, value: &str) -> String {
    let log = LogRecord {
        attributes: vec![KeyValue { key: key.into(), value: Value::String(value.into()) }],
        ..LogRecord::default()
    };
    let context = Context {
        received: Origin { auth: Auth::None, by: By::Sender, peer: None, subject: None },
        resource: Resource::default(),
        resource_schema_url: "".into(),
        scope: Scope::default(),
        scope_schema_url: "".into(),
    };
    Content::write(&log, &Tail::write(&context)).as_str().to_owned()
}

/// A log in memory; a record takes 100 bytes of its file.
pub(crate) struct MemoryLog {
    state: Arc<Mutex<LogState>>,
    pub(crate) progress: watch::Sender<Progress>,
}

struct LogState {
    head: Head,
    files: BTreeMap<Sequence, MemoryFile>,
    confirmed: BTreeMap<&'static str, End>,
    released: Vec<Sequence>,
    /// Every time the fence was set or lifted.
    fences: Vec<bool>,
}

#[derive(Clone)]
struct MemoryFile {
    head: Head,
    records: Vec<(Link, String)>,
}

impl MemoryLog {
    pub(crate) fn new() -> Arc<Self> {
        let state = LogState {
            head: genesis().1,
            files: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            released: Vec::new(),
            fences: Vec::new(),
        };
        let progress = watch::Sender::new(Progress { files: Vec::new(), finished: false });
        Arc::new(Self { state: Arc::new(Mutex::new(state)), progress })
    }

    /// Adds `records` to the open file and tells of them.
    pub(crate) fn add(&self, records: u64) {
        self.add_with(records, |n| n.to_string());
    }

    /// The same, with a text of each one's number in it.
    pub(crate) fn add_with(&self, records: u64, text: impl Fn(u64) -> String) {
        let mut state = self.state.lock().unwrap();
        for _ in 0..records {
            let n = state.head.next().get();
            let text = if n == 0 { content("sealtrail.genesis", &genesis().0) } else { content("n", &text(n)) };
            let before = state.head.clone();
            let checksum = sealtrail_chain::Checksum::of(text.as_bytes());
            let link = state.head.seal(UnixNanos(1_700_000_000_000_000_000 + n), checksum);
            let open = self.progress.borrow().files.last().is_some_and(|file| !file.closed);
            if !open {
                state.files.insert(before.next(), MemoryFile { head: before.clone(), records: Vec::new() });
            }
            state.files.last_entry().unwrap().get_mut().records.push((link, text));
            self.progress.send_modify(|progress| {
                let state =
                    FileState { first: before.next(), synced: 0, records: 0, last_hash: before.hash(), closed: false };
                if !open {
                    progress.files.push(state);
                }
                let file = progress.files.last_mut().unwrap();
                (file.records, file.synced, file.last_hash) = (file.records + 1, file.synced + 100, link.hash);
            });
        }
    }

    /// Key and links of an object of these records, as another collector of the chain may have cut it.
    pub(crate) fn object(&self, first: usize, last: usize) -> (String, Links) {
        let state = self.state.lock().unwrap();
        let links: Vec<Link> = state.files.values().flat_map(|file| &file.records).map(|(link, _)| *link).collect();
        let (from, to) = (links[first], links[last]);
        let key = sealtrail_chain::segment::object_key(state.head.chain(), from.observed, from.sequence);
        (key, Links { first: from.sequence, last: to.sequence, before: from.previous, after: to.hash })
    }

    /// Links of records that another collector would seal behind those that are here.
    pub(crate) fn foreign(&self, records: u64) -> Vec<Link> {
        let mut head = self.state.lock().unwrap().head.clone();
        let checksum = sealtrail_chain::Checksum::of(b"another's");
        (0..records).map(|_| head.seal(UnixNanos(1_700_000_001_000_000_000), checksum)).collect()
    }

    pub(crate) fn close(&self) {
        self.progress.send_modify(|progress| progress.files.last_mut().unwrap().closed = true);
    }

    pub(crate) fn finish(&self) {
        self.close();
        self.progress.send_modify(|progress| progress.finished = true);
    }

    pub(crate) fn confirmed(&self, leg: Leg) -> Option<u64> {
        self.state.lock().unwrap().confirmed.get(leg.name()).map(|end| end.last.get())
    }

    /// Whether records are taken, and how often that has changed.
    pub(crate) fn fences(&self) -> Vec<bool> {
        let mut fences = self.state.lock().unwrap().fences.clone();
        fences.dedup();
        fences
    }

    pub(crate) fn released(&self) -> Vec<u64> {
        self.state.lock().unwrap().released.iter().map(|first| first.get()).collect()
    }
}

impl Wal for MemoryLog {
    type Cursor = MemoryCursor;

    fn open(&self, first: Sequence) -> Result<MemoryCursor, reader::Error> {
        let head = self.state.lock().unwrap().files[&first].head.clone();
        Ok(MemoryCursor { head, first, state: self.state.clone(), at: 0, record: None })
    }

    fn confirm(&self, leg: Leg, end: End) {
        self.state.lock().unwrap().confirmed.insert(leg.name(), end);
    }

    fn release(&self, first: Sequence) -> Result<(), ReleaseError> {
        let end = {
            let progress = self.progress.borrow();
            assert_eq!(progress.files[0].first, first, "files are released oldest first");
            assert!(progress.files.len() > 1, "the last file is never released");
            first.get() + progress.files[0].records
        };
        for leg in Leg::ALL {
            assert!(self.confirmed(leg).is_some_and(|last| last + 1 >= end), "{leg:?} has not confirmed the file");
        }
        self.state.lock().unwrap().released.push(first);
        self.progress.send_modify(|progress| {
            progress.files.remove(0);
        });
        Ok(())
    }

    fn fence(&self, fenced: bool) {
        self.state.lock().unwrap().fences.push(fenced);
    }
}

pub(crate) struct MemoryCursor {
    head: Head,
    first: Sequence,
    state: Arc<Mutex<LogState>>,
    at: usize,
    record: Option<(Link, String)>,
}

impl Cursor for MemoryCursor {
    fn head(&self) -> &Head {
        &self.head
    }

    fn rules(&self) -> [u8; 32] {
        [0; 32]
    }

    fn next(&mut self, synced: u64) -> Result<Option<reader::Stored<'_>>, reader::Error> {
        let end = (self.at as u64 + 1) * 100;
        if end > synced {
            return Ok(None);
        }
        self.record = Some(self.state.lock().unwrap().files[&self.first].records[self.at].clone());
        self.at += 1;
        Ok(self.record.as_ref().map(|(link, content)| reader::Stored { link: *link, content, end }))
    }
}

/// How a commit goes wrong.
pub(crate) enum Fault {
    /// It has no effect.
    Before,
    /// Its records stand, and nobody is told; its checkpoints don't.
    After,
    /// Somebody else has cut the stream.
    Cut,
    /// It has no effect, or nobody is told of it, and the producer is fenced; another one has written these.
    Fenced { stands: bool, theirs: Vec<Link> },
}

fn down() -> stream::Error {
    stream::Error::Io { doing: "reach", path: "memory".into(), source: io::Error::other("down") }
}

/// A stream in memory.
#[derive(Clone, Default)]
pub(crate) struct MemoryStream {
    pub(crate) state: Arc<Mutex<StreamState>>,
}

#[derive(Default)]
pub(crate) struct StreamState {
    pub(crate) records: Vec<Link>,
    pub(crate) checkpoints: Vec<(u64, String)>,
    pub(crate) faults: VecDeque<Fault>,
    /// So many times it doesn't answer when it is asked for its end.
    pub(crate) absent: u32,
    /// A batch of more bytes does not pass before its transaction has to end.
    pub(crate) passes: Option<usize>,
    pub(crate) taken_over: u32,
}

impl StreamState {
    pub(crate) fn end(&self) -> Option<End> {
        self.records.last().map(|link| End { last: link.sequence, hash: link.hash })
    }
}

impl StreamLeg for MemoryStream {
    async fn end(&mut self) -> Result<StreamTail, stream::Error> {
        let mut state = self.state.lock().unwrap();
        if state.absent > 0 {
            state.absent -= 1;
            return Err(down());
        }
        Ok(StreamTail::settled(state.end()))
    }

    async fn take_over(&mut self) -> Result<(), stream::Error> {
        self.state.lock().unwrap().taken_over += 1;
        Ok(())
    }

    async fn commit(&mut self, batch: &Batch) -> Result<(), stream::Error> {
        let mut state = self.state.lock().unwrap();
        if state.passes.is_some_and(|most| batch.bytes() > most) {
            return Err(stream::kafka::Error::TakenBack { code: RDKafkaErrorCode::OperationTimedOut }.into());
        }
        let fault = state.faults.pop_front();
        let fault = match fault {
            Some(Fault::Before) => return Err(down()),
            Some(Fault::Fenced { stands: false, theirs }) => {
                state.records.extend(theirs);
                return Err(stream::kafka::Error::Fenced.into());
            }
            Some(Fault::Cut) => {
                state.records.pop();
                return Err(down());
            }
            other => other,
        };
        for message in &batch.messages {
            otlp::read_stream(&message.value, &mut |streamed| state.records.push(streamed.link)).unwrap();
            assert_eq!(state.end(), Some(End { last: message.last, hash: message.head }));
        }
        match fault {
            Some(Fault::Fenced { .. }) => return Err(stream::kafka::Error::Fenced.into()),
            Some(_) => return Err(down()),
            None => {}
        }
        for note in &batch.checkpoints {
            if state.checkpoints.last().is_none_or(|(size, text)| note.size >= *size && note.note != *text) {
                state.checkpoints.push((note.size, note.note.clone()));
            }
        }
        Ok(())
    }
}

/// An archive in memory.
#[derive(Clone, Default)]
pub(crate) struct MemoryArchive {
    pub(crate) state: Arc<Mutex<ArchiveState>>,
}

#[derive(Default)]
pub(crate) struct ArchiveState {
    pub(crate) down: bool,
    /// Objects that are stored although the put fails.
    pub(crate) deaf: u32,
    pub(crate) objects: BTreeMap<String, Links>,
    pub(crate) notes: BTreeMap<String, Vec<u8>>,
    /// Keys in the order in which they came.
    pub(crate) order: Vec<String>,
}

impl MemoryArchive {
    fn reach(&self) -> Result<std::sync::MutexGuard<'_, ArchiveState>, archive::Error> {
        let state = self.state.lock().unwrap();
        if state.down { Err(unreachable()) } else { Ok(state) }
    }
}

fn unreachable() -> archive::Error {
    archive::Error::Io { doing: "reach", path: "memory".into(), source: io::Error::other("down") }
}

impl ArchiveLeg for MemoryArchive {
    async fn segment(&self, key: &str) -> Result<Option<Links>, archive::Error> {
        Ok(self.reach()?.objects.get(key).cloned())
    }

    async fn proven(&self, key: &str) -> Result<Option<Links>, archive::Error> {
        self.segment(key).await
    }

    async fn put_segment(&self, key: &str, _: &Path, segment: &Segment) -> Result<(), archive::Error> {
        let mut state = self.reach()?;
        let links = Links { first: segment.first, last: segment.last, before: segment.before, after: segment.after };
        if let Some(found) = state.objects.get(key).filter(|found| **found != links) {
            let (key, expected, found) = (key.to_owned(), Box::new(links), Box::new(found.clone()));
            return Err(archive::Error::Differs { key, expected, found });
        }
        if state.objects.insert(key.to_owned(), links).is_none() {
            state.order.push(key.to_owned());
        }
        if state.deaf > 0 {
            state.deaf -= 1;
            return Err(unreachable());
        }
        Ok(())
    }

    async fn put_note(&self, key: &str, bytes: &[u8]) -> Result<(), archive::Error> {
        let mut state = self.reach()?;
        match state.notes.insert(key.to_owned(), bytes.to_vec()) {
            Some(found) => assert!(found == bytes, "a note is never changed"),
            None => state.order.push(key.to_owned()),
        }
        Ok(())
    }

    fn workdir(&self) -> Option<PathBuf> {
        None
    }
}

/// Makes the segment and no file.
pub(crate) struct SegmentOnly;

impl Build for SegmentOnly {
    fn build<C: Cursor>(&self, mut cursor: C, from: Sequence, synced: u64, _: &Path) -> Result<Segment, Failure> {
        let mut head = super::parquet::pass_over(&mut cursor, from, synced)?;
        let (first, before) = (head.next(), head.hash());
        let mut range = CompactRange::empty(first.get());
        while let Some(stored) = cursor.next(synced)? {
            head.follow(&stored.link, stored.content)?;
            range.push(&stored.link.hash);
        }
        let last = Sequence::new(head.next().get() - 1);
        Ok(Segment { chain: head.chain().clone(), first, last, before, after: head.hash(), range })
    }
}

pub(crate) struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> UnixNanos {
        UnixNanos(1_700_000_100_000_000_000)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// The real disk, whose next calls can be made to fail.
#[derive(Default)]
pub(crate) struct TestDisk {
    faults: Arc<Mutex<VecDeque<DiskFault>>>,
}

pub(crate) enum DiskFault {
    /// The next write keeps that many bytes and fails.
    Write(usize),
    /// The next sync fails; what it should have covered is there to be read.
    Sync,
    /// The next change of a file's length fails.
    SetLen,
}

impl TestDisk {
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = DiskFault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    fn file(&self, file: fs::File) -> Box<dyn File> {
        Box::new(TestFile { file, faults: self.faults.clone() })
    }
}

impl Disk for TestDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(self.file(fs::File::options().read(true).write(true).create_new(true).open(path)?))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(self.file(fs::File::options().read(true).write(true).open(path)?))
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names: Vec<String> =
            fs::read_dir(dir)?.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        Ok(names)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir).map(drop)
    }
    fn lock(&self, path: &Path) -> io::Result<Lock> {
        SystemDisk.lock(path)
    }
    fn available(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

struct TestFile {
    file: fs::File,
    faults: Arc<Mutex<VecDeque<DiskFault>>>,
}

impl TestFile {
    fn fault(&self, which: impl Fn(&DiskFault) -> bool) -> Option<DiskFault> {
        self.faults.lock().unwrap().pop_front_if(|fault| which(fault))
    }
}

impl File for TestFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Some(DiskFault::Write(kept)) = self.fault(|fault| matches!(fault, DiskFault::Write(_))) {
            self.file.write_all_at(&bytes[..kept.min(bytes.len())], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_all_at(bytes, offset)
    }
    fn sync(&self) -> io::Result<()> {
        match self.fault(|fault| matches!(fault, DiskFault::Sync)) {
            Some(_) => Err(io::Error::other("EIO")),
            None => Ok(()),
        }
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        match self.fault(|fault| matches!(fault, DiskFault::SetLen)) {
            Some(_) => Err(io::Error::other("EIO")),
            None => self.file.set_len(len),
        }
    }
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}
