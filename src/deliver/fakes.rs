//! Stand-ins for the tests: a log in memory, legs that fail when told to, a disk whose calls can fail.
#![allow(clippy::disallowed_methods, reason = "tests work on temporary directories")]

mod disk;
mod legs;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealtrail_chain::checkpoint::Cosigner;
use sealtrail_chain::content::{Auth, By, Content, Context, KeyValue, LogRecord, Origin, Resource, Scope, Tail, Value};
use sealtrail_chain::note::Ed25519Signer;
use sealtrail_chain::{CompactRange, Genesis, Head, Link, Segment, Sequence, UnixNanos};
use tokio::sync::watch;

use super::{Build, Cursor, Failure, Keys, Pair, Wal};
use crate::archive::Links;
use crate::host::Clock;
use crate::stream::End;
use crate::wal::{FileState, Leg, Progress, ReleaseError, reader};

pub(crate) use disk::{DiskFault, TestDisk};
pub(crate) use legs::{ArchiveState, Fault, MemoryArchive, MemoryStream};

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
