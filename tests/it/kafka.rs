//! Promise 3 on the real Kafka: three brokers, a real OTLP client, and whatever dies, every acknowledged record stands in the
//! topic once, in chain order, as in the archive. What reads the topic is a plain consumer and another decoder than ours.

mod acknowledge;
mod faults;
mod late_put;
pub mod scan;
mod settings;
mod takeover;
mod tampered;
pub mod topic;
mod zombie;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, archived, attributes, sealtrail, text};
use crate::parts::{Part, brokers};
use topic::Topic;

/// A chain of its own, with topics of its own, on the brokers that all tests share.
struct Chain {
    name: String,
    dir: tempfile::TempDir,
    brokers: String,
}

impl Chain {
    fn new(part: &Part, name: &str) -> Self {
        let chain = Self {
            name: name.to_owned(),
            dir: tempfile::tempdir().expect("a temporary directory"),
            brokers: part.get("KAFKA_BOOTSTRAP").to_owned(),
        };
        part.topic(&chain.topic(), &[]);
        part.topic(&chain.checkpoint_topic(), &[]);
        chain
    }

    fn topic(&self) -> String {
        format!("{}-logs", self.name)
    }

    fn checkpoint_topic(&self) -> String {
        format!("{}-checkpoints", self.name)
    }

    /// Small segments, so that faults also meet rotation and the archive; `more` goes into `stream.kafka`.
    fn config(&self, more: &str) -> String {
        let brokers = self.brokers.split(',').map(|broker| format!("'{broker}'")).collect::<Vec<_>>().join(", ");
        format!(
            "chain: {}\nwal: {{ segment: {{ max_mib: 1, max_age: 2s }} }}\nseal: {{ checkpoint_interval: 1s }}\n\
             stream: {{ kafka: {{ brokers: [{brokers}], topic: {}, checkpoint_topic: {}{more} }} }}\n",
            self.name,
            self.topic(),
            self.checkpoint_topic(),
        )
    }

    fn start(&self) -> Collector {
        Collector::start(self.dir.path(), &self.config(""))
    }

    /// Stops the collector; stream and archive must hold the same, whole, in order, and the archive be intact.
    fn stop_and_compare(&self, collector: Collector) -> Vec<(u64, String)> {
        let (archive, data) = (collector.archive(), collector.data.clone());
        let (status, log) = collector.stop();
        assert!(status.success(), "{log}");
        self.compare(&archive, &data)
    }

    fn compare(&self, archive: &Path, data: &Path) -> Vec<(u64, String)> {
        let (archived, streamed) = (archived(archive), Topic::read(&self.brokers, &self.topic()).records(&self.name));
        assert!(archived == streamed, "the legs differ: {} archived, {} streamed", archived.len(), streamed.len());
        assert!(archived.iter().enumerate().all(|(place, (at, _))| place as u64 == *at), "a gap or a repeat");
        let keys = data.join("keys/log.vkey").display().to_string();
        let output = sealtrail(&["verify", "--public-key", &keys, &archive.display().to_string()]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        archived
    }
}

/// Senders that go on, over any number of collectors, until they are stopped; they remember what was acknowledged.
struct Load {
    stop: Arc<AtomicBool>,
    number: Arc<AtomicU64>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    runtime: tokio::runtime::Runtime,
    senders: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn new() -> Self {
        Self {
            stop: Arc::default(),
            number: Arc::default(),
            acknowledged: Arc::default(),
            runtime: tokio::runtime::Runtime::new().expect("a runtime"),
            senders: Vec::new(),
        }
    }

    /// Two more senders, to this collector.
    fn onto(&mut self, collector: &Collector) {
        self.stop.store(false, Ordering::Relaxed);
        for _ in 0..2 {
            let seed = self.senders.len() as u64;
            let (address, stop) = (collector.grpc.clone(), Arc::clone(&self.stop));
            let (number, acknowledged) = (Arc::clone(&self.number), Arc::clone(&self.acknowledged));
            self.senders.push(self.runtime.spawn(send(address, seed, number, acknowledged, stop)));
        }
    }

    fn count(&self) -> usize {
        self.acknowledged.lock().expect("no sender panicked").len()
    }

    /// Waits until so many more were acknowledged.
    fn wait_for(&self, more: usize) {
        let enough = self.count() + more;
        crate::harness::until("records are acknowledged", || self.count() >= enough);
    }

    /// Ends the senders; all that they were told is kept must stand in these records, once.
    fn end_and_find(mut self, records: &[(u64, String)]) -> usize {
        self.end();
        let mut found = std::collections::HashMap::<String, u32>::new();
        for id in attributes(records, "test.id") {
            *found.entry(id).or_default() += 1;
        }
        let acknowledged = self.acknowledged.lock().expect("no sender panicked");
        for id in acknowledged.iter() {
            assert_eq!(found.get(id), Some(&1), "{id} was acknowledged");
        }
        acknowledged.len()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for sender in self.senders.drain(..) {
            self.runtime.block_on(sender).expect("a sender does not panic");
        }
    }
}

async fn send(
    address: String,
    seed: u64,
    number: Arc<AtomicU64>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
) {
    let mut payments = Payments::new(seed, 1_800_000_000_000_000_000);
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut client) = LogsServiceClient::connect(format!("http://{address}")).await else { return };
        while !stop.load(Ordering::Relaxed) {
            let mut request = payments.request(10).0;
            let ids = name(&mut request, &number);
            // A collector that is frozen answers nobody; its senders must end all the same.
            match tokio::time::timeout(Duration::from_secs(20), client.export(request)).await {
                Ok(Ok(_)) => acknowledged.lock().expect("no sender panicked").extend(ids),
                Ok(Err(status)) if status.code() == tonic::Code::ResourceExhausted => {}
                Ok(Err(_)) | Err(_) => break,
            }
            // Steady, not as much as this machine can take: the faults are what is tested.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Gives every record of the request an id of its own.
fn name(request: &mut ExportLogsServiceRequest, number: &AtomicU64) -> Vec<String> {
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
    let mut ids = Vec::new();
    let logs = request.resource_logs.iter_mut().flat_map(|logs| &mut logs.scope_logs);
    for record in logs.flat_map(|logs| &mut logs.log_records) {
        let id = format!("kafka-{}", number.fetch_add(1, Ordering::Relaxed));
        let value = Some(AnyValue { value: Some(any_value::Value::StringValue(id.clone())) });
        record.attributes.push(KeyValue { key: "test.id".into(), value, ..KeyValue::default() });
        ids.push(id);
    }
    ids
}

/// Runs of a collector, and so messages at least, of the test below.
const RUNS: usize = 4;

/// The whole way, without a fault; checkpoints too, each once and signed by the chain's key.
#[test]
fn records_reach_kafka_once_and_in_order() {
    let part = brokers();
    let chain = Chain::new(&part, "kafka-way");
    let mut load = Load::new();
    // How many records share a message is up to the machine; those of one run share none with those of the next.
    let mut run = || {
        let collector = chain.start();
        load.onto(&collector);
        load.wait_for(150);
        load.end();
        let data = collector.data.clone();
        (data, chain.stop_and_compare(collector))
    };
    for _ in 1..RUNS {
        run();
    }
    let (data, records) = run();
    assert!(load.end_and_find(&records) >= 150 * RUNS);
    assert!(records[0].1.contains("sealtrail genesis v1"), "record 0 holds the genesis note");

    let topic = Topic::read(&chain.brokers, &chain.topic());
    let mut next = 0;
    for message in &topic.messages {
        assert_eq!(message.key, chain.name.as_bytes());
        assert_eq!(message.header("sealtrail.first"), next.to_string());
        next = message.header("sealtrail.last").parse::<u64>().expect("a number") + 1;
    }
    assert_eq!(next, records.len() as u64);

    let keys = std::fs::read_to_string(data.join("keys/log.vkey")).expect("the public keys");
    let keys = keys.lines().map(|line| line.parse().expect("a key")).collect::<Vec<_>>();
    let notes = Topic::read(&chain.brokers, &chain.checkpoint_topic()).messages;
    let mut sizes = Vec::new();
    for note in &notes {
        let note = std::str::from_utf8(&note.value).expect("text");
        let (signed, _) = sealtrail_chain::Checkpoint::verify(note, &keys).expect("signed by this chain");
        sizes.push(signed.statement().size);
    }
    assert!(sizes.is_sorted() && sizes.last() == Some(&(records.len() as u64)), "{sizes:?}");
    let distinct = notes.iter().map(|note| &note.value).collect::<std::collections::HashSet<_>>();
    assert_eq!(distinct.len(), notes.len(), "no checkpoint twice");

    topic::read_back(&part, &chain, &topic, &data, &records);
}

/// Chains that share a partition don't meet: each finds its own end, and goes on behind it.
#[test]
fn chains_may_share_a_partition() {
    let part = brokers();
    let one = Chain::new(&part, "kafka-shared");
    let other = Chain {
        name: "kafka-other".to_owned(),
        dir: tempfile::tempdir().expect("a directory"),
        ..Chain::new(&part, "kafka-unused")
    };
    let config = one.config("").replace("chain: kafka-shared", "chain: kafka-other");
    let collector = one.start();
    let mut load = Load::new();
    load.onto(&collector);
    load.wait_for(100);
    load.end();
    drop(one.stop_and_compare(collector));
    // Far more than the first look at the partition's end would show.
    for _ in 0..12 {
        let collector = Collector::start(other.dir.path(), &config);
        let (status, log) = collector.stop();
        assert!(status.success(), "{log}");
    }
    let records = one.stop_and_compare(one.start());
    load.end_and_find(&records);
    let streamed = Topic::read(&one.brokers, &one.topic()).records("kafka-other");
    assert_eq!(archived(&other.dir.path().join("data/archive")), streamed);
}
