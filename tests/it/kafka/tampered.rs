//! Promise 5 on a real topic: what somebody with the right to write into it made of the chain, in batches whose checksums the
//! brokers made anew. The codes stand here before anything runs, as in `tamper`.

use std::path::PathBuf;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::topic::{Message, Topic};
use super::{Chain, Load};
use crate::harness::{sealtrail, text, until};
use crate::parts::brokers;

/// Both topics of the chain.
struct Both {
    records: Vec<Message>,
    notes: Vec<Message>,
}

type Tamper = fn(&mut Both);

/// The message that most are about.
const MESSAGE: usize = 2;

/// What is done, and the first finding; none: not all can be checked.
const ATTACKS: [(&str, Tamper, Option<&str>); 15] = [
    ("a content edited", |all| replace(&mut all.records[MESSAGE].value, b"payment", b"Payment"), Some("SEAL-001")),
    ("a message removed", |all| drop(all.records.remove(MESSAGE)), Some("SEAL-003")),
    ("the first message removed", |all| drop(all.records.remove(0)), Some("SEAL-003")),
    ("the last message removed", |all| drop(all.records.pop()), Some("SEAL-021")),
    ("all messages removed", |all| all.records.clear(), Some("SEAL-021")),
    ("a message doubled", |all| doubled(&mut all.records), Some("SEAL-004")),
    ("messages swapped", |all| all.records.swap(MESSAGE, MESSAGE + 1), Some("SEAL-004")),
    // Chains may share a partition: under another key it is none of ours.
    ("a message's key edited", |all| all.records[MESSAGE].key = b"other".to_vec(), Some("SEAL-003")),
    ("a header edited", |all| all.records[MESSAGE].headers[0].1.push('0'), Some("SEAL-014")),
    ("a header added", |all| all.records[MESSAGE].headers.push(("reviewed".into(), "yes".into())), Some("SEAL-014")),
    ("a value emptied", |all| all.records[MESSAGE].value.clear(), Some("SEAL-014")),
    ("an unknown field", |all| all.records[MESSAGE].value.extend_from_slice(&[0x78, 1]), Some("SEAL-007")),
    ("a checkpoint edited", edited_note, Some("SEAL-022")),
    ("a checkpoint's signatures stripped", stripped_note, Some("SEAL-022")),
    ("all checkpoints removed", |all| all.notes.clear(), None),
];

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let at = bytes.windows(from.len()).position(|text| text == from).expect("it stands there");
    bytes[at..at + to.len()].copy_from_slice(to);
}

fn doubled(records: &mut Vec<Message>) {
    let Message { offset, millis, key, headers, value } = &records[MESSAGE];
    let again =
        Message { offset: *offset, millis: *millis, key: key.clone(), headers: headers.clone(), value: value.clone() };
    records.insert(MESSAGE, again);
}

/// Another root.
fn edited_note(all: &mut Both) {
    let value = &mut all.notes[0].value;
    let root = value.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).expect("three lines").0 + 1;
    value[root] = if value[root] == b'A' { b'B' } else { b'A' };
}

fn stripped_note(all: &mut Both) {
    let value = &mut all.notes[0].value;
    let end = value.windows(2).position(|two| two == b"\n\n").expect("a note") + 2;
    value.truncate(end);
}

#[test]
#[ignore = "thirty topics are made on the brokers that others use: `make test` runs it behind them"]
fn a_rewritten_topic_is_found() {
    let part = brokers();
    let chain = Chain::new(&part, "kafka-tampered");
    let collector = chain.start();
    // However slow the brokers are, what one load leaves is in a message before the next one's.
    for _ in 0..MESSAGE + 4 {
        let mut load = Load::new();
        load.onto(&collector);
        load.wait_for(100);
        load.end();
        until("the stream has it", || collector.scrape().contains("sealtrail_leg_lag_records{leg=\"stream\"} 0\n"));
    }
    let data = collector.data.clone();
    drop(chain.stop_and_compare(collector));
    let read = || Both {
        records: Topic::read(&chain.brokers, &chain.topic()).messages,
        notes: Topic::read(&chain.brokers, &chain.checkpoint_topic()).messages,
    };
    assert!(read().records.len() > MESSAGE + 2, "a few messages");

    let verify = |name: &str| {
        let config = chain.dir.path().join("tampered.yaml");
        let ours = chain.config("").replace(&chain.topic(), &format!("{name}-logs"));
        std::fs::write(&config, ours.replace(&chain.checkpoint_topic(), &format!("{name}-checkpoints")))
            .expect("written");
        let path = |path: PathBuf| path.display().to_string();
        let (keys, config, data) = (path(data.join("keys/log.vkey")), path(config), path(data.clone()));
        sealtrail(&["verify", "--public-key", &keys, "--config", &config, "--data-dir", &data, "--leg", "stream"])
    };
    let untouched = |_: &mut Both| {};
    let first: (&str, Tamper, Option<&str>) = ("nothing", untouched, Some("INTACT"));
    let mut wrong = Vec::new();
    for (number, (attack, tamper, expected)) in std::iter::once(first).chain(ATTACKS).enumerate() {
        let name = format!("kafka-tampered-{number}");
        let mut all = read();
        tamper(&mut all);
        for (topic, messages) in [("logs", &all.records), ("checkpoints", &all.notes)] {
            let topic = format!("{name}-{topic}");
            part.topic(&topic, &[]);
            produce(&chain.brokers, &topic, messages);
        }
        let output = verify(&name);
        let said = text(&output);
        let found = match (output.status.code(), expected) {
            (Some(0), Some("INTACT")) => said.starts_with("INTACT"),
            (Some(1), Some(code)) => said.contains(&format!("\nfirst: {code} ")) && said.contains("kafka://"),
            (Some(3), None) => true,
            _ => false,
        };
        if !found {
            let head = said.lines().take(4).collect::<Vec<_>>().join("\n    ");
            wrong.push(format!("{attack}: expected {expected:?}, {:?}\n    {head}", output.status.code()));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

fn produce(brokers: &str, topic: &str, messages: &[Message]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .create()
        .expect("a producer");
    for message in messages {
        let headers = message
            .headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
        let record = BaseRecord::to(topic).partition(0).key(&message.key).payload(&message.value);
        let sent = producer.send(record.timestamp(message.millis).headers(headers));
        sent.unwrap_or_else(|(error, _)| panic!("not sent: {error}"));
        producer.poll(Duration::ZERO);
    }
    producer.flush(crate::harness::PATIENCE).expect("all of it is there");
}
