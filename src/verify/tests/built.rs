//! A small sound chain in both legs, made from fixed seeds, and the means to write any other one.

use std::fs;
use std::path::{Path, PathBuf};

use sealtrail_chain::checkpoint::Cosigner;
use sealtrail_chain::content::{Auth, By, Content, Context, KeyValue, LogRecord, Origin, Resource, Scope, Tail, Value};
use sealtrail_chain::note::{Ed25519Signer, Signed, Vkey};
use sealtrail_chain::segment::{self, Ranges};
use sealtrail_chain::{ChainName, Checkpoint, CompactRange, Genesis, Head, Link, UnixNanos};

// By the crate's own name: `tests/it/tamper` is made of the same code.
use sealtrail::archive::{Promotions, SegmentWriter};
use sealtrail::stream::{Builder, Message};

pub(super) const CHAIN: &str = "payments-eu-1";
pub(super) const RECORDS: u64 = 60;
/// A segment's last 2 seconds before midnight of 2026-11-23 are records 38 and 39: the third segment has the next day.
const FIRST_OBSERVED: u64 = 1_795_478_400_000_000_000 - 40_000_000_000;

/// The keys of a collector.
pub(super) struct Keys {
    pub(super) ed25519: Ed25519Signer,
    pub(super) ml_dsa_44: Cosigner,
}

impl Keys {
    pub(super) fn of(origin: &str, seed: u8) -> Self {
        Self { ed25519: Ed25519Signer::new(origin, &[seed; 32]), ml_dsa_44: Cosigner::new(origin, &[seed; 32]) }
    }
}

/// A chain as its collector knows it, before it is written to any leg.
pub(super) struct Built {
    pub(super) keys: Keys,
    pub(super) genesis: Signed<Genesis>,
    pub(super) records: Vec<(Link, String)>,
    /// First records of the archive's objects.
    pub(super) segments: Vec<u64>,
    /// Sizes of the stream's checkpoints; those of the archive are the ends of its segments.
    pub(super) checkpoints: Vec<u64>,
    /// Unix seconds of all signatures; `None`: of the last record that each covers.
    pub(super) signed: Option<u64>,
    /// Digest of the rules, for the objects' metadata.
    pub(super) rules: [u8; 32],
}

/// 60 records in three segments over two days; the last one says that the collector stopped.
pub(super) fn payments() -> Built {
    built(CHAIN, 7, |_, content| content)
}

/// As `payments`, with keys of another seed, and each content passed through `change` before it is sealed.
pub(super) fn built(chain: &str, seed: u8, change: impl Fn(u64, String) -> String) -> Built {
    recoverable(chain, seed, None, change)
}

/// As `built`, with a recovery key.
pub(super) fn recoverable(
    chain: &str,
    seed: u8,
    recovery: Option<Vkey>,
    change: impl Fn(u64, String) -> String,
) -> Built {
    let chain: ChainName = chain.parse().expect("a chain's name");
    let origin = Genesis::origin("audit.example.com", &chain).expect("an origin");
    let keys = Keys::of(&origin, seed);
    let genesis = Genesis {
        origin,
        chain,
        created: FIRST_OBSERVED / 1_000_000_000,
        partition: 0,
        ed25519: keys.ed25519.vkey().clone(),
        ml_dsa_44: keys.ml_dsa_44.vkey().clone(),
        recovery,
        predecessor: None,
    };
    let genesis = genesis.sign(&keys.ed25519);
    let mut head = Head::genesis(&genesis);
    let records = (0..RECORDS).map(|n| {
        let content = change(n, content(n, genesis.note()));
        let observed = UnixNanos(FIRST_OBSERVED + n * 1_000_000_000);
        (head.seal(observed, sealtrail_chain::Checksum::of(content.as_bytes())), content)
    });
    let records = records.collect();
    Built {
        keys,
        genesis,
        records,
        segments: vec![0, 20, 40],
        checkpoints: vec![10, 20, 35, 40, 50, 60],
        signed: Some(1_795_478_400),
        rules: [5; 32],
    }
}

fn content(n: u64, genesis: &str) -> String {
    match n {
        0 => own("sealtrail.started", &[("sealtrail.genesis", genesis)]),
        n if n == RECORDS - 1 => own("sealtrail.stopped", &[]),
        n => payment(n, By::Sender, "payment.authorised"),
    }
}

/// A payment as a sender might send it.
pub(super) fn payment(n: u64, by: By, event: &str) -> String {
    let id = format!("tx-{n:06}");
    let attributes = [("transaction_id", id.as_str()), ("actor", "till 4"), ("action", "pay"), ("outcome", "ok")];
    written(by, event, "shop", &attributes)
}

pub(super) fn own(event: &str, attributes: &[(&str, &str)]) -> String {
    written(By::Own, event, "sealtrail", attributes)
}

fn written(by: By, event: &str, service: &str, attributes: &[(&str, &str)]) -> String {
    let log = LogRecord {
        time_unix_nano: FIRST_OBSERVED,
        severity_number: 9,
        event_name: event.into(),
        attributes: attributes.iter().map(|(key, value)| text(key, value)).collect(),
        ..LogRecord::default()
    };
    let context = Context {
        received: Origin { auth: Auth::None, by, peer: None, subject: None },
        resource: Resource { attributes: vec![text("service.name", service)], ..Resource::default() },
        resource_schema_url: "".into(),
        scope: Scope { name: "tests".into(), ..Scope::default() },
        scope_schema_url: "".into(),
    };
    Content::write(&log, &Tail::write(&context)).as_str().to_owned()
}

fn text<'a>(key: &'a str, value: &'a str) -> KeyValue<'a> {
    KeyValue { key: key.into(), value: Value::String(value.into()) }
}

impl Built {
    pub(super) fn chain(&self) -> &ChainName {
        self.genesis.statement().chain()
    }

    /// Reseals from `first` on, as whoever has the records but not the keys can: links hold again, signatures don't.
    pub(super) fn reseal(&mut self, first: u64, change: impl FnOnce(&mut String)) {
        let mut head = self.head(first);
        let mut change = Some(change);
        for (link, content) in &mut self.records[first as usize..] {
            if let Some(change) = change.take() {
                change(content);
            }
            *link = head.seal(link.observed, sealtrail_chain::Checksum::of(content.as_bytes()));
        }
    }

    /// The head before record `n`.
    pub(super) fn head(&self, n: u64) -> Head {
        let mut head = Head::genesis(&self.genesis);
        for (link, _) in &self.records[..n as usize] {
            head.seal(link.observed, link.checksum);
        }
        head
    }

    pub(super) fn checkpoint(&self, size: u64, keys: &Keys, both: bool) -> String {
        let origin = self.genesis.statement().origin.clone();
        let checkpoint = Checkpoint { origin, size, root: self.head(size).root() };
        checkpoint.sign(&keys.ed25519, both.then_some((&keys.ml_dsa_44, self.seconds(size)))).note().to_owned()
    }

    /// When the checkpoint of that size was signed.
    pub(super) fn seconds(&self, size: u64) -> u64 {
        self.signed.unwrap_or_else(|| self.records[size as usize - 1].0.observed.0 / 1_000_000_000)
    }

    /// Messages of seven records.
    pub(super) fn messages(&self) -> Vec<Message> {
        let mut builder = Builder::default();
        let mut messages = Vec::new();
        for some in self.records.chunks(7) {
            for (link, content) in some {
                builder.push(self.chain(), link, content).expect("the content is canonical");
            }
            messages.extend(builder.take());
        }
        messages
    }

    /// The stream's directory below `root`: a file a five messages, and the topic of checkpoints.
    pub(super) fn write_stream(&self, root: &Path) -> PathBuf {
        // Those at segments' ends go out as they go into the archive.
        let ends = self.ends();
        let note = |size: &u64| (*size, self.checkpoint(*size, &self.keys, ends.contains(size)));
        self.write_stream_with(root, &self.checkpoints.iter().map(note).collect::<Vec<_>>())
    }

    /// … with checkpoints that were signed earlier.
    pub(super) fn write_stream_with(&self, root: &Path, notes: &[(u64, String)]) -> PathBuf {
        let root = root.join("stream");
        let messages: Vec<_> =
            self.messages().into_iter().map(|message| (message.first.get(), self.frame(&message))).collect();
        write_messages(&root.join("audit-logs/0"), &messages);
        self.write_notes(&root, notes);
        root
    }

    pub(super) fn write_notes(&self, stream: &Path, notes: &[(u64, String)]) {
        let frames: Vec<_> =
            notes.iter().map(|(size, note)| (*size, frame(self.chain().as_str(), "", note.as_bytes()))).collect();
        write_messages(&stream.join("audit-checkpoints/0"), &frames);
    }

    pub(super) fn frame(&self, message: &Message) -> Vec<u8> {
        let (first, last, head) = (message.first, message.last, message.head);
        let headers = format!("sealtrail.first: {first}\nsealtrail.last: {last}\nsealtrail.head: {head}\n");
        frame(self.chain().as_str(), &headers, &message.value)
    }

    /// The archive below `root`: three objects and what lies beside them.
    pub(super) fn write_archive(&self, root: &Path) -> PathBuf {
        let root = root.join("archive");
        for (first, end) in self.segments.iter().copied().zip(self.ends()) {
            self.write_object(&root, first, end);
        }
        self.write_siblings(&root);
        root
    }

    /// Writes the object of records `[first, end)` with the product's own writer.
    pub(super) fn write_object(&self, root: &Path, first: u64, end: u64) {
        let mut writer =
            SegmentWriter::new(self.head(first), &Promotions::default(), self.rules, Vec::new()).expect("begins");
        for (link, content) in &self.records[first as usize..end as usize] {
            writer.push(link, content).expect("the record follows");
        }
        let written = writer.finish().expect("ends");
        put(&root.join(written.key), &written.out);
    }

    /// Genesis note and checkpoint objects, as an archive holds them beside its objects.
    pub(super) fn write_siblings(&self, archive: &Path) {
        put(&archive.join(segment::genesis_key(self.chain())), self.genesis.note().as_bytes());
        let mut previous = 0;
        for size in self.ends() {
            self.write_checkpoint(archive, previous, size, &self.keys);
            previous = size;
        }
    }

    pub(super) fn write_checkpoint(&self, archive: &Path, previous: u64, size: u64, keys: &Keys) {
        let path = archive.join(segment::checkpoint_key(self.chain(), size, self.seconds(size)));
        put(&path, self.checkpoint(size, keys, true).as_bytes());
        let mut since = CompactRange::empty(previous);
        self.records[previous as usize..size as usize].iter().for_each(|(link, _)| since.push(&link.hash));
        let ranges = Ranges { whole: self.head(size).tree().clone(), since };
        put(&path.with_extension("range"), ranges.to_text().as_bytes());
    }

    /// Ends of the segments.
    pub(super) fn ends(&self) -> Vec<u64> {
        self.segments.iter().skip(1).copied().chain([self.records.len() as u64]).collect()
    }
}

/// A message as the local twin frames it, written down here once more from FORMAT.md.
pub(super) fn frame(key: &str, headers: &str, value: &[u8]) -> Vec<u8> {
    let mut rest = Vec::new();
    for part in [key.as_bytes(), headers.as_bytes(), value] {
        rest.extend_from_slice(&(part.len() as u32).to_le_bytes());
        rest.extend_from_slice(part);
    }
    let prefix = [rest.len() as u32, crc_fast::crc32_iscsi(&rest)].map(u32::to_le_bytes).concat();
    [prefix, rest].concat()
}

/// Five messages a file, each file named by its first message's number.
pub(super) fn write_messages(dir: &Path, messages: &[(u64, Vec<u8>)]) {
    let _ = fs::remove_dir_all(dir);
    for some in messages.chunks(5) {
        let bytes: Vec<u8> = some.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        put(&dir.join(format!("{:020}.messages", some[0].0)), &bytes);
    }
}

pub(super) fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a file lies in a directory")).expect("the directory is made");
    fs::write(path, bytes).expect("the file is written");
}
