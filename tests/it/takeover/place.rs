//! One chain whose legs and keys lie outside the data directory, which may be lost.

use std::path::{Path, PathBuf};
use std::process::Output;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use sealtrail::cli::payments::Payments;

use sealtrail_chain::{Checksum, Hash, Link, Sequence, UnixNanos};

use crate::harness::{Collector, archived, attributes, export, files, sealtrail, streamed, text};

pub struct Place {
    dir: tempfile::TempDir,
    /// When a file of the log is closed.
    pub segment: &'static str,
    sent: std::cell::Cell<u64>,
}

/// The ids that senders gave, in order.
pub fn ids(records: &[(u64, String)]) -> Vec<String> {
    attributes(records, "test.id")
}

impl Place {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a temporary directory"),
            segment: "max_mib: 1, max_age: 1s",
            sent: Default::default(),
        }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
    pub fn data(&self) -> PathBuf {
        self.dir().join("data")
    }
    pub fn archive(&self) -> PathBuf {
        self.dir().join("archive")
    }
    pub fn stream(&self) -> PathBuf {
        self.dir().join("stream")
    }

    /// Small segments, so that there are some.
    pub fn config(&self) -> String {
        let path = |name: &str| self.dir().join(name).display().to_string();
        format!(
            "wal: {{ segment: {{ {} }} }}\nseal: {{ checkpoint_interval: 1s, keys_dir: '{}' }}\n\
             stream: {{ directory: {{ path: '{}' }} }}\narchive: {{ directory: {{ path: '{}' }} }}\n",
            self.segment,
            path("keys"),
            path("stream"),
            path("archive"),
        )
    }

    /// A copy of all of it, as if it went on in another world, with these segments in its log.
    pub fn copy(&self, segment: &'static str) -> Self {
        let copy = Self { segment, sent: self.sent.clone(), ..Self::new() };
        copy.sent.set(self.sent.get() + 1_000_000);
        for name in ["data", "keys", "archive", "stream"] {
            let (from, to) = (self.dir().join(name), copy.dir().join(name));
            let status = std::process::Command::new("cp").arg("-a").args([from, to]).status();
            assert!(status.expect("cp runs").success());
        }
        copy
    }

    /// `sealtrail wal import` of a directory into the collector that runs here.
    pub fn import(&self, wal: &Path) -> Output {
        self.import_command(wal).output().expect("the binary runs")
    }

    pub fn import_command(&self, wal: &Path) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sealtrail"));
        command
            .args(["wal", "import"])
            .arg(wal)
            .args(["--reason", "the disk was found", "--data-dir"])
            .arg(self.data());
        command.stdin(std::process::Stdio::null());
        command
    }

    pub fn start(&self, arguments: &[&str]) -> Collector {
        let started = Collector::try_start(self.dir(), &self.config(), arguments);
        started.unwrap_or_else(|log| panic!("the collector did not start:\n{log}"))
    }

    /// Sends so many payments; the ids that they were given, all acknowledged.
    pub fn send(&self, collector: &Collector, records: usize) -> Vec<String> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let mut client = collector.client().await;
            let mut payments = Payments::new(self.sent.get(), 1_800_000_000_000_000_000);
            let mut sent = Vec::new();
            while sent.len() < records {
                let mut request = payments.request(50.min(records - sent.len())).0;
                let logs = request.resource_logs.iter_mut().flat_map(|logs| &mut logs.scope_logs);
                for record in logs.flat_map(|logs| &mut logs.log_records) {
                    let id = format!("takeover-{}", self.sent.replace(self.sent.get() + 1));
                    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(id.clone())) });
                    record.attributes.push(KeyValue { key: "test.id".into(), value, ..KeyValue::default() });
                    sent.push(id);
                }
                export(&mut client, &request).await;
            }
            sent
        })
    }

    pub fn lose_data(&self) {
        std::fs::remove_dir_all(self.data()).expect("removed");
    }

    /// From now on nothing can be archived: a file lies where a directory must be made.
    pub fn block_archive(&self) {
        let dir = self.archive().join("audit-logs");
        std::fs::rename(&dir, self.dir().join("blocked")).ok();
        std::fs::write(&dir, "").expect("written");
    }

    pub fn unblock_archive(&self) {
        let dir = self.archive().join("audit-logs");
        std::fs::remove_file(&dir).expect("blocked before");
        std::fs::rename(self.dir().join("blocked"), &dir).ok();
    }

    pub fn empty_archive(&self) {
        std::fs::remove_dir_all(self.archive()).expect("removed");
        let _ = std::fs::remove_dir_all(self.dir().join("blocked"));
    }

    /// Both legs hold the same, whole and in order, and verify finds nothing; what they hold.
    pub fn compare(&self) -> Vec<(u64, String)> {
        let (archived, streamed) = (archived(&self.archive()), streamed(&self.stream()));
        assert!(archived == streamed, "the legs differ: {} archived, {} streamed", archived.len(), streamed.len());
        assert!(archived.iter().enumerate().all(|(place, (at, _))| place as u64 == *at), "a gap or a repeat");
        let output = self.verify();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        archived
    }

    pub fn verify(&self) -> Output {
        let path = |name: &str| self.dir().join(name).display().to_string();
        sealtrail(&["verify", "--public-key", &path("keys/log.vkey"), &path("archive"), &path("stream")])
    }

    /// Archive and stream under this key.
    pub fn verify_with(&self, key: &Path) -> Output {
        let path = |name: &str| self.dir().join(name).display().to_string();
        sealtrail(&["verify", "--public-key", &key.display().to_string(), &path("archive"), &path("stream")])
    }

    /// What was handed out of the keys in force.
    pub fn keep_key(&self, name: &str) -> PathBuf {
        let to = self.dir().join(name);
        std::fs::copy(self.dir().join("keys/log.vkey"), &to).expect("copied");
        to
    }

    pub fn rotate_keys(&self) {
        let (config, data) = (self.dir().join("sealtrail.yaml"), self.data());
        let (config, data) = (config.display().to_string(), data.display().to_string());
        let words = ["keys", "rotate", "--config", &config, "--data-dir", &data, "--reason", "x", "--no-recovery"];
        let output = sealtrail(&words);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }

    /// The keys that sign now, from a backup of them alone.
    pub fn lose_but_the_keys(&self) {
        let (keys, all) = (self.dir().join("keys"), self.dir().join("all-keys"));
        std::fs::rename(&keys, &all).expect("moved");
        std::fs::create_dir(&keys).expect("made");
        for name in ["ed25519.key", "ml-dsa-44.key", "log.vkey"] {
            std::fs::copy(all.join(name), keys.join(name)).expect("copied");
        }
        std::fs::remove_dir_all(all).expect("removed");
    }

    /// Hash of a record, as the archive has it.
    pub fn hash(&self, sequence: u64) -> String {
        let mut hash = None;
        for file in
            files(&self.archive()).into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "parquet"))
        {
            let mut reader = sealtrail::archive::Reader::open(&file).expect("an object");
            let rows = reader.rows(&mut |row| {
                if row.sequence.get() == sequence {
                    hash = Some(row.hash.to_string());
                }
                std::ops::ControlFlow::Continue(())
            });
            rows.expect("rows");
        }
        hash.expect("the record is archived")
    }

    /// `--continue-from-legs` is refused in these words, and leaves no log behind.
    pub fn refuses(&self, words: &[&str]) {
        let Err(log) = Collector::try_start(self.dir(), &self.config(), &["--continue-from-legs"]) else {
            panic!("gone on with although {words:?}")
        };
        for word in words {
            assert!(log.contains(word), "`{word}` is not in {log}");
        }
        let left = files(&self.data().join("wal"));
        assert!(left.iter().all(|file| file.ends_with("lock")), "{left:?}");
    }

    pub fn aside(&self, name: &str, to: &Path) {
        let to = to.with_file_name(format!("kept-{name}"));
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("made");
        std::fs::rename(self.dir().join(name), to).expect("moved");
    }

    pub fn put_back(&self, name: &str, from: &Path) {
        let _ = std::fs::remove_dir_all(self.dir().join(name));
        std::fs::rename(from.with_file_name(format!("kept-{name}")), self.dir().join(name)).expect("moved back");
    }

    pub fn take_keys_of(&self, other: &Self) {
        let (from, to) = (other.dir().join("keys"), self.dir().join("keys"));
        let _ = std::fs::remove_dir_all(&to);
        let status = std::process::Command::new("cp").arg("-a").args([from, to]).status();
        assert!(status.expect("cp runs").success());
    }

    /// Whoever has the old log's disk changes `id` in it into another one, and makes its checksums anew (src/wal/FORMAT.md);
    /// `reseal`: the links too, from there on.
    pub fn edit_wal(&self, id: &str, other: &str, reseal: bool) {
        let files = files(&self.data().join("wal"));
        for path in files.iter().filter(|path| path.extension().is_some_and(|kind| kind == "wal")) {
            let mut bytes = std::fs::read(path).expect("readable");
            if edit_frames(&mut bytes, id, other, reseal) {
                return std::fs::write(path, bytes).expect("written");
            }
        }
        panic!("{id} is in none of {files:?}");
    }

    /// The oldest file of the stream goes, as by retention; one is added so that there is another.
    pub fn cut_stream(&self) {
        let dir = self.stream().join("audit-logs/0");
        let files = sealtrail::stream::reader::files(&dir).expect("a partition");
        let mut messages = sealtrail::stream::reader::Messages::open(&files[0]).expect("messages");
        messages.next().expect("sound").expect("a first message");
        let at = messages.at() as usize;
        let bytes = std::fs::read(&files[0].path).expect("readable");
        let first = messages.next().expect("sound").expect("a second").span().expect("headers").first.get();
        std::fs::write(dir.join(format!("{first:020}.messages")), &bytes[at..]).expect("written");
        std::fs::remove_file(&files[0].path).expect("removed");
    }
}

/// Changes a record in the bytes of a log's file; whether it is there.
fn edit_frames(bytes: &mut [u8], id: &str, other: &str, reseal: bool) -> bool {
    assert_eq!(id.len(), other.len());
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes")) as usize;
    let long = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    let hash = |bytes: &[u8], at: usize| -> [u8; 32] { bytes[at..at + 32].try_into().expect("32 bytes") };
    let (mut at, mut sequence, mut previous) = (number(bytes, 12), Sequence::new(long(bytes, 32)), hash(bytes, 48));
    let file: [u8; 16] = bytes[16..32].try_into().expect("16 bytes");
    let (chain, mut edited) = ("local".parse().expect("a name"), false);
    // Records, and marks.
    while let Some(kind @ (1 | 2)) = bytes.get(at + 12).copied() {
        let end = at + 16 + number(bytes, at + 4);
        if kind == 1 {
            let (payload, content) = (at + 16, at + 16 + 72);
            let found = bytes[content..end].windows(id.len()).position(|text| text == id.as_bytes());
            if let Some(found) = found.filter(|_| !edited) {
                bytes[content + found..content + found + id.len()].copy_from_slice(other.as_bytes());
                edited = true;
            }
            if edited && reseal {
                let checksum = Checksum::of(&bytes[content..end]);
                let observed = UnixNanos(long(bytes, payload));
                let hash = Link::compute(&chain, sequence, observed, Hash(previous), checksum);
                bytes[payload + 8..payload + 40].copy_from_slice(&checksum.0);
                bytes[payload + 40..payload + 72].copy_from_slice(&hash.0);
            }
            previous = hash(bytes, payload + 40);
            sequence = sequence.next();
        }
        if edited {
            let covered = [&file[..], &(at as u64).to_le_bytes(), &bytes[at + 4..end]].concat();
            bytes[at..at + 4].copy_from_slice(&crc_fast::crc32_iscsi(&covered).to_le_bytes());
        }
        at = end;
    }
    edited
}
