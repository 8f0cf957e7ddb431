//! What each leg costs on its way out of the log, alone and without a network: CPU-microseconds a record (user + system).
//!
//! `cargo bench --bench legs [-- RECORDS]`. For a profile, one step at a time on a log that stays:
//! `legs -- log DIR RECORDS`, then `valgrind --tool=callgrind legs -- archive DIR`, `… read DIR`, `… stream DIR`,
//! `… kafka DIR` (the client talks to the brokers that it brings for tests, in this process).
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a bench reads the clock, writes files and prints"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prost::Message as _;
use rdkafka::mocking::MockCluster;
use sealtrail::archive::Promotions;
use sealtrail::cli::payments::Payments;
use sealtrail::deliver::{Build as _, ParquetBuild};
use sealtrail::host::SystemDisk;
use sealtrail::mask::{Config, Engine, Masked, MaskedContext, Received, Session};
use sealtrail::stream::kafka::{KafkaStream, Settings};
use sealtrail::stream::{Batch, Builder, Directory, DirectoryStream, StreamLeg};
use sealtrail::wal::reader::Reader;
use sealtrail::wal::{self, FileState, Rebuild};
use sealtrail_chain::content::otlp::{Malformed, Visit, read};
use sealtrail_chain::content::{Auth, By, Context, LogRecord, Origin};
use sealtrail_chain::{ChainName, CompactRange, Hash, Head, Run, Sequence, UnixNanos};

const START: u64 = 1_800_014_400_000_000_000;
/// Bytes of messages that go out in one transaction, as in the stream's task.
const BATCH: usize = 8 << 20;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["log", dir, records] => make_log(Path::new(dir), records.parse().expect("a number")),
        ["read", dir] => step("read", Path::new(dir), read_log),
        ["archive", dir] => step("archive", Path::new(dir), archive),
        ["stream", dir] => step("stream", Path::new(dir), stream),
        ["kafka", dir] => step("kafka", Path::new(dir), kafka),
        ref rest => {
            let records = rest.first().map_or(200_000, |text| text.parse().expect("a number"));
            let dir = tempfile::tempdir().expect("a directory");
            make_log(dir.path(), records);
            step("read the log alone", dir.path(), read_log);
            step("archive", dir.path(), archive);
            step("stream, directory", dir.path(), stream);
            step("stream, Kafka", dir.path(), kafka);
        }
    }
}

fn chain() -> ChainName {
    "bench".parse().expect("a name")
}

/// Payments as the collector would have sealed them, in one file of the log.
fn make_log(dir: &Path, records: usize) {
    let chain = chain();
    let head = Head::resume(chain.clone(), Sequence::ZERO, UnixNanos(0), Hash([7; 32]), CompactRange::empty(0));
    let vacant = wal::open(Arc::new(SystemDisk), &dir.join("wal"), &chain).expect("opened").vacate().expect("read");
    let vacant = vacant.unwrap_or_else(|_| panic!("{} holds a log already", dir.display()));
    let mut config = wal::Config::default();
    config.segment.max_mib = 1 << 20;
    let mut log = Rebuild::begin(vacant, &config, head.clone()).expect("begun");
    let (mut payments, mut sealing) = (Payments::new(7, START), head);
    let engine = Engine::load(&Config::default(), Path::new("."), &chain).unwrap_or_else(|errors| panic!("{errors:?}"));
    let origin =
        Origin { auth: Auth::Token, by: By::Sender, peer: Some("127.0.0.1".into()), subject: Some("till-4".into()) };
    while log.records() < records as u64 {
        let mut masking = Masking { session: engine.session(), context: None, records: Vec::new() };
        read(&payments.request(1_000).0.encode_to_vec(), &origin, &mut masking).expect("a request");
        for record in masking.records {
            let observed = UnixNanos(START + 20_000 * log.records());
            let link = sealing.seal(observed, record.checksum());
            log.push(&link, record.content().as_str()).expect("it follows");
        }
    }
    log.finish(None, None).expect("a log");
    wal::rebuilt(&SystemDisk, &dir.join("wal")).expect("done");
}

struct Masking<'e> {
    session: Session<'e>,
    context: Option<MaskedContext>,
    records: Vec<Masked>,
}

impl<'a> Visit<'a> for Masking<'_> {
    fn scope(&mut self, context: Result<Context<'a>, Malformed>) {
        self.context = context.ok().and_then(|context| self.session.context(context).ok());
    }
    fn record(&mut self, record: Result<LogRecord<'a>, Malformed>) {
        if let (Some(context), Ok(log)) = (&self.context, record) {
            self.records.extend(self.session.mask(context, Received::new(log)));
        }
    }
    fn unknown_fields(&mut self, _: u64) {}
}

/// Does it and says what it cost, by thread where there are several: what it leaves lives until then.
fn step<T>(what: &str, dir: &Path, work: impl FnOnce(&Path, &FileState) -> T) {
    let file = {
        let recovered = wal::open(Arc::new(SystemDisk), &dir.join("wal"), &chain()).expect("a log");
        *recovered.files().last().expect("a file")
    };
    let before = cpu();
    let left = work(dir, &file);
    let records = file.records as f64;
    for (thread, micros) in cpu() {
        let micros = (micros - before.get(&thread).copied().unwrap_or(0.0)) / records;
        if micros >= 0.01 {
            println!("{what:<20} {micros:6.2} CPU-us a record in {thread}");
        }
    }
    drop(left);
}

fn open(dir: &Path, file: &FileState) -> Reader {
    Reader::open(&SystemDisk, &wal::path(&dir.join("wal"), file.first)).expect("a file of the log")
}

/// What both legs do first: read each record, and follow it from the one before.
fn read_log(dir: &Path, file: &FileState) {
    let mut reader = open(dir, file);
    let mut run = Run::from_start(reader.head().clone());
    while let Some(stored) = reader.next(file.synced).expect("sound") {
        run.follow_link(&stored.link).expect("it follows");
    }
}

fn archive(dir: &Path, file: &FileState) {
    let path = fresh(dir, "object.parquet");
    let build = ParquetBuild::new(Arc::new(SystemDisk), Promotions::default());
    build.build(open(dir, file), file.first, file.synced, &path).expect("an object");
    println!(
        "archive: {:.1} bytes a record",
        std::fs::metadata(path).expect("a file").len() as f64 / file.records as f64
    );
}

fn stream(dir: &Path, file: &FileState) {
    let (disk, data) = (Arc::new(SystemDisk), fresh(dir, "data"));
    send(&mut DirectoryStream::new(disk, &Directory::default(), &data, 0, chain()), dir, file);
}

fn kafka(dir: &Path, file: &FileState) -> impl Sized + use<> {
    let cluster = MockCluster::new(1).expect("brokers");
    let brokers = vec![cluster.bootstrap_servers()];
    let settings = Settings { brokers, ..Settings::default() };
    for topic in [&settings.topic, &settings.checkpoint_topic] {
        cluster.create_topic(topic, 1, 1).expect("a topic");
    }
    let mut leg = KafkaStream::new(settings, chain());
    send(&mut leg, dir, file);
    (leg, cluster)
}

/// As the stream's task: read, build, commit.
fn send(leg: &mut impl StreamLeg, dir: &Path, file: &FileState) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(leg.take_over()).expect("ours");
    let mut reader = open(dir, file);
    let (chain, mut run) = (chain(), Run::from_start(reader.head().clone()));
    let mut builder = Builder::default();
    loop {
        let stored = reader.next(file.synced).expect("sound");
        let ends = stored.is_none();
        if let Some(stored) = stored {
            run.follow_link(&stored.link).expect("it follows");
            builder.push(&chain, &stored.link, stored.content).expect("canonical");
        }
        if ends || builder.bytes() >= BATCH {
            let batch = Batch { messages: builder.take(), checkpoints: Vec::new() };
            runtime.block_on(leg.commit(&batch)).expect("committed");
            builder.give_back(batch.messages);
        }
        if ends {
            return;
        }
    }
}

/// A name in `dir` under which nothing is left of an earlier run.
fn fresh(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    let _ = std::fs::remove_dir_all(&path);
    let _ = std::fs::remove_file(&path);
    path
}

/// CPU-microseconds of this process so far, by the names of its threads.
fn cpu() -> BTreeMap<String, f64> {
    let mut named = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").expect("Linux").map_while(Result::ok) {
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let nanos = read("schedstat").split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0);
        *named.entry(read("comm").trim().to_owned()).or_default() += nanos / 1_000.0;
    }
    named
}
