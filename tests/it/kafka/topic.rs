//! Reads a topic with a plain consumer, and once with the broker's own program and a decoder that is not ours.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value;
use prost::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sealtrail::stream::kafka::Settings;
use sealtrail::stream::kafka::reader::{From, Partition};
use sealtrail::stream::reader::{Source as _, Span};
use sealtrail_chain::content;

use super::Chain;
use crate::harness::{PATIENCE, python};
use crate::parts::Part;

/// What is committed in partition 0.
pub struct Topic {
    pub messages: Vec<Message>,
}

pub struct Message {
    pub offset: i64,
    pub millis: i64,
    pub key: Vec<u8>,
    pub headers: Vec<(String, String)>,
    pub value: Vec<u8>,
}

impl Message {
    pub fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("no header {name}")).1
    }
}

impl Topic {
    pub fn read(brokers: &str, topic: &str) -> Self {
        let mut messages = Vec::new();
        Self::each(brokers, topic, |message| messages.push(message));
        Self { messages }
    }

    /// Hands over one message after another, for a topic that would not fit into memory.
    pub fn each(brokers: &str, topic: &str, mut take: impl FnMut(Message)) {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "test")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .create()
            .expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning).expect("a partition");
        consumer.assign(&list).expect("assigned");
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            match consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => take(Message {
                    offset: message.offset(),
                    millis: message.timestamp().to_millis().expect("a time"),
                    key: message.key().unwrap_or_default().to_vec(),
                    headers: message
                        .headers()
                        .into_iter()
                        .flat_map(|headers| headers.iter())
                        .map(|header| {
                            let value = String::from_utf8(header.value.unwrap_or_default().to_vec()).expect("text");
                            (header.key.to_owned(), value)
                        })
                        .collect(),
                    value: message.payload().unwrap_or_default().to_vec(),
                }),
                Some(Err(KafkaError::PartitionEOF(_))) => return,
                _ => assert!(std::time::Instant::now() < deadline, "the topic can't be read to its end"),
            }
        }
    }

    /// Sequence and content of a chain's records, in the order of the messages.
    pub fn records(&self, chain: &str) -> Vec<(u64, String)> {
        let mut records = Vec::new();
        for message in self.messages.iter().filter(|message| message.key == chain.as_bytes()) {
            decode(&message.value, chain, &mut |sequence, text| records.push((sequence, text.to_owned())));
        }
        records
    }
}

/// Sequence and content of each record of a message. A decoder that is not ours must find the same records, each with the
/// seven attributes at its end.
pub fn decode(value: &[u8], chain: &str, take: &mut dyn FnMut(u64, &str)) {
    let mut others = sequences(value, chain).into_iter();
    content::otlp::read_stream(value, &mut |streamed| {
        let tail = content::Tail::write(&streamed.record.context);
        let sequence = streamed.link.sequence.get();
        assert_eq!(others.next(), Some(sequence), "the decoders differ");
        take(sequence, content::Content::write(&streamed.record.log, &tail).as_str());
    })
    .expect("records of a chain");
    assert_eq!(others.next(), None, "the decoders differ");
}

fn sequences(value: &[u8], chain: &str) -> Vec<u64> {
    let request = ExportLogsServiceRequest::decode(value).expect("an OTLP request");
    let logs = request.resource_logs.into_iter().flat_map(|logs| logs.scope_logs).flat_map(|logs| logs.log_records);
    logs.map(|record| {
        let [.., name, sequence, observed, previous, checksum, hash, received] = record.attributes.as_slice() else {
            panic!("fewer than seven attributes");
        };
        let keys = [name, sequence, observed, previous, checksum, hash, received].map(|pair| pair.key.as_str());
        let expected = ["chain", "sequence", "observed", "prev_hash", "checksum", "hash", "received"];
        assert_eq!(keys, expected.map(|key| format!("sealtrail.{key}")));
        let value = |pair: &opentelemetry_proto::tonic::common::v1::KeyValue| {
            pair.value.as_ref().and_then(|value| value.value.clone()).expect("a value")
        };
        assert!(matches!(value(name), any_value::Value::StringValue(found) if found == chain));
        match value(sequence) {
            any_value::Value::IntValue(sequence) => u64::try_from(sequence).expect("a sequence"),
            other => panic!("the sequence is {other:?}"),
        }
    })
    .collect()
}

/// Our own reader gives what the plain consumer gave, from wherever it begins; and so does a program that is not ours.
pub(super) fn read_back(part: &Part, chain: &Chain, topic: &Topic, data: &Path, records: &[(u64, String)]) {
    let settings = Settings {
        brokers: chain.brokers.split(',').map(str::to_owned).collect(),
        topic: chain.topic(),
        ..Settings::default()
    };
    let partition = Partition { settings, topic: chain.topic(), partition: 0, limit: PATIENCE };
    let read = |from| {
        partition.read(from, |messages| {
            let mut spans = Vec::new();
            while let Some(message) = messages.next()? {
                assert_eq!(message.key, chain.name.as_bytes());
                spans.push((message.span().expect("headers"), message.value.to_vec()));
            }
            Ok(spans)
        })
    };
    let all = read(From::Beginning).expect("read");
    assert!(all.len() >= super::RUNS && all.len() == topic.messages.len(), "{} messages", all.len());
    let same = |(span, value): &(Span, Vec<u8>), message: &super::topic::Message| {
        span.first.to_string() == message.header("sealtrail.first") && *value == message.value
    };
    assert!(all.iter().zip(&topic.messages).all(|(ours, plain)| same(ours, plain)));
    let middle = all.len() / 2;
    let from = &topic.messages[middle];
    assert!(read(From::Offset(from.offset as u64)).expect("read") == all[middle..]);
    let first = topic.messages.iter().position(|message| message.millis >= from.millis).expect("itself");
    assert!(read(From::Time(from.millis)).expect("read") == all[first..]);
    assert!(read(From::Time(i64::MAX / 2)).expect("read").is_empty(), "nothing is that young");
    read_by_others(part, chain, data, records.len());
}

/// Kafka's own console consumer, and Python's OTLP messages.
fn read_by_others(part: &Part, chain: &Chain, data: &Path, records: usize) {
    const BEGIN: &str = "--begin-of-message--";
    const END: &str = "--end-of-message--";
    let mut list = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parts/parts"));
    let consumer = list.args(["tool", "org.apache.kafka.tools.consumer.ConsoleConsumer"]).args([
        "--bootstrap-server",
        part.get("KAFKA_BOOTSTRAP"),
        "--topic",
        &chain.topic(),
        "--partition",
        "0",
        "--offset",
        "earliest",
        "--isolation-level",
        "read_committed",
        "--timeout-ms",
        "10000",
        "--formatter-property",
        "print.key=true",
        "--formatter-property",
        &format!("key.separator={BEGIN}"),
        "--formatter-property",
        &format!("line.separator={END}"),
    ]);
    let output = consumer.stdin(Stdio::null()).output().expect("the console consumer runs");
    let file = data.join("console");
    std::fs::write(&file, &output.stdout).expect("written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stream_otlp.py");
    let output = Command::new(python())
        .arg(script)
        .arg(file)
        .args([BEGIN, END, &chain.name, &records.to_string()])
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", crate::harness::text(&output));
}
