//! What is asked of the brokers, and what is said when it isn't so.

use std::path::Path;

use super::{Chain, Load};
use crate::harness::{Collector, files, sealtrail, text, until};
use crate::parts::brokers;

#[test]
fn over_tls_with_a_password() {
    let part = brokers();
    let mut chain = Chain::new(&part, "kafka-scram");
    let plain = std::mem::replace(&mut chain.brokers, part.get("KAFKA_BOOTSTRAP_SCRAM").to_owned());
    let secrets = |mechanism: &str, password: &str| {
        format!(
            ", tls: {{ ca_file: '{}' }}, sasl: {{ mechanism: {mechanism}, username: '{}', password: '{password}' }}",
            part.get("KAFKA_CA_FILE"),
            part.get("KAFKA_USER"),
        )
    };
    let password = part.get("KAFKA_PASSWORD").to_owned();
    let file = chain.dir.path().join("password");
    std::fs::write(&file, format!("{password}\n")).expect("written");
    let config = chain.config(&secrets("SCRAM-SHA-512", "${file:password}"));
    let mut load = Load::new();
    for config in [&config, &chain.config(&secrets("PLAIN", &password))] {
        let collector = Collector::start(chain.dir.path(), config);
        load.onto(&collector);
        load.wait_for(100);
        let (status, log) = collector.stop();
        assert!(status.success(), "{log}");
        assert!(!log.contains(&password), "the password is in the log");
    }
    load.end();

    // A wrong password is no outage: the start is refused, and says why.
    let wrong = chain.config(&secrets("SCRAM-SHA-512", "not-the-password"));
    let Err(log) = Collector::try_start(chain.dir.path(), &wrong, &[]) else { panic!("started with a wrong password") };
    assert!(log.contains("refuses our name or password") && log.contains("stream.kafka.sasl"), "{log}");
    assert!(!log.contains("not-the-password"), "{log}");
    // Another authority's certificates are none either.
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let ca = chain.dir.path().join("other.pem");
    std::fs::write(&ca, other.cert.pem()).expect("written");
    let untrusted = config.replace(part.get("KAFKA_CA_FILE"), &ca.display().to_string());
    let says = "no TLS connection to Kafka";
    match Collector::try_start(chain.dir.path(), &untrusted, &[]) {
        Err(log) => assert!(log.contains(says), "{log}"),
        // A broker that is slow to show its certificate is taken for absent first.
        Ok(collector) => {
            until("the log says that no broker is trusted", || collector.log().contains(says));
            collector.kill();
        }
    }

    let collector = Collector::start(chain.dir.path(), &config);
    chain.brokers = plain;
    let records = chain.stop_and_compare(collector);
    load.end_and_find(&records);
}

/// Brokers that ask for a certificate: with ours records arrive, without one nothing does.
#[test]
fn over_tls_with_a_certificate() {
    let part = brokers();
    let mut chain = Chain::new(&part, "kafka-mtls");
    let plain = std::mem::replace(&mut chain.brokers, part.get("KAFKA_BOOTSTRAP_MTLS").to_owned());
    let tls = |ours: &str| format!(", tls: {{ ca_file: '{}'{ours} }}", part.get("KAFKA_CA_FILE"));
    let (cert, key) = (part.get("KAFKA_CERT_FILE"), part.get("KAFKA_KEY_FILE"));
    let with = chain.config(&tls(&format!(", cert_file: '{cert}', key_file: '{key}'")));
    let collector = Collector::start(chain.dir.path(), &with);
    let mut load = Load::new();
    load.onto(&collector);
    load.wait_for(100);
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");

    // Brokers that hang up look like brokers that are away: what is taken waits in the log.
    match Collector::try_start(chain.dir.path(), &chain.config(&tls("")), &[]) {
        Err(log) => assert!(log.contains("no TLS connection to Kafka"), "{log}"),
        Ok(collector) => {
            assert!(collector.log().contains("the stream is not there"), "{}", collector.log());
            collector.kill();
        }
    }

    let collector = Collector::start(chain.dir.path(), &with);
    load.onto(&collector);
    load.wait_for(100);
    load.end();
    chain.brokers = plain;
    let records = chain.stop_and_compare(collector);
    load.end_and_find(&records);
}

/// Each codec, one after the other in one topic: readers see no difference, and the broker's files tell that it was used.
#[test]
fn every_compression_is_what_the_broker_stores() {
    let part = brokers();
    let chain = Chain::new(&part, "kafka-codecs");
    let mut load = Load::new();
    let codecs = [("none", 0), ("gzip", 1), ("snappy", 2), ("lz4", 3), ("zstd", 4)];
    for (name, _) in codecs {
        let collector = Collector::start(chain.dir.path(), &chain.config(&format!(", compression: {name}")));
        load.onto(&collector);
        load.wait_for(50);
        let (status, log) = collector.stop();
        assert!(status.success(), "{log}");
    }
    load.end();
    let records = chain.stop_and_compare(chain.start());
    load.end_and_find(&records);
    let mut stored = stored_codecs(&part.path(&format!("kafka/node1/data/{}-0", chain.topic())));
    stored.dedup();
    // The last start, whose records tell of itself, has the default.
    assert_eq!(stored, [0, 1, 2, 3, 4, 2]);
}

/// Codec of each batch of a partition, from the broker's own files (Kafka, "Record Batch").
fn stored_codecs(partition: &Path) -> Vec<u8> {
    let mut codecs = Vec::new();
    for file in files(partition).into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "log")) {
        let bytes = std::fs::read(file).expect("readable");
        let mut rest = bytes.as_slice();
        // Base offset, length of what follows it, leader epoch, magic, checksum, attributes.
        while let Some(length) = rest.get(8..12) {
            let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
            let (Some(attributes), Some(next)) = (rest.get(22), rest.get(12 + length..)) else { break };
            if attributes & 0x20 == 0 {
                codecs.push(attributes & 7);
            }
            rest = next;
        }
    }
    codecs
}

#[test]
fn topics_that_are_missing_or_unfit_are_refused_by_name() {
    let part = brokers();
    let mut chain = Chain::new(&part, "kafka-topics");
    let refused = |config: &str, says: &[&str]| {
        let Err(log) = Collector::try_start(chain.dir.path(), config, &[]) else { panic!("started: {config}") };
        assert!(says.iter().all(|word| log.contains(word)), "{says:?} in {log}");
        assert!(!chain.dir.path().join("data/keys").exists(), "nothing is made");
    };
    let config = chain.config("");
    refused(
        &config.replace("kafka-topics-logs", "kafka-no-such"),
        &["kafka-no-such", "doesn't exist", "create_topics"],
    );
    refused(&chain.config(", require_replication: 4"), &["kafka-topics-logs", "3 copies, 4 are asked for"]);
    refused(&chain.config(", require_min_insync_replicas: 3"), &["confirms what 2 copies have, 3 are asked for"]);
    refused(&chain.config(", require_retention: 90d"), &["keeps records for", "require_retention"]);
    refused(&chain.config(", partition: 1"), &["has 1 partitions, and the chain's is number 1"]);
    part.topic("kafka-compacted", &["cleanup.policy=compact"]);
    refused(&config.replace("kafka-topics-logs", "kafka-compacted"), &["kafka-compacted", "is compacted"]);
    part.topic("kafka-small", &["max.message.bytes=500000"]);
    refused(&config.replace("kafka-topics-logs", "kafka-small"), &["takes messages of 500000 bytes"]);

    // Made only when that is asked for; then as asked for.
    chain.name = "kafka-made".to_owned();
    let made = chain.config(
        ", create_topics: true, require_replication: 3, require_min_insync_replicas: 2, require_retention: 30d",
    );
    let collector = Collector::start(chain.dir.path(), &made);
    let (status, log) = collector.stop();
    assert!(status.success() && log.contains("topic made"), "{log}");
    let records = chain.stop_and_compare(Collector::start(chain.dir.path(), &made));
    assert!(records.len() > 1);
}

#[test]
fn what_the_file_alone_shows_to_be_wrong_is_named_with_its_line() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("sealtrail.yaml");
    for (kafka, says) in [
        ("brokers: []", "no broker is named"),
        ("brokers: ['10.0.0.1:9092']", "off this machine in plain text"),
        ("brokers: ['127.0.0.1:9092'], sasl: { mechanism: PLAIN, username: u, password: p }", "password in plain text"),
        (
            "brokers: ['127.0.0.1:9092'], sasl: { mechanism: GSSAPI, username: u, password: p }",
            "one of: SCRAM-SHA-512, PLAIN",
        ),
        ("brokers: ['127.0.0.1:9092'], topics: x", "did you mean `topic`?"),
        ("brokers: ['127.0.0.1:9092'], compression: brotli", "one of: none, snappy, gzip, lz4, zstd"),
    ] {
        std::fs::write(&file, format!("chain: local\nstream: {{ kafka: {{ {kafka} }} }}\n")).expect("written");
        let output = sealtrail(&["config", "check", "--config", &file.display().to_string()]);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says) && said.contains("sealtrail.yaml:2"), "{says} in {said}");
    }
    let sound = "stream: { kafka: { brokers: ['127.0.0.1:9092'], sasl: { username: u, password: s3cret } } }\n";
    std::fs::write(&file, sound).expect("written");
    let shown = text(&sealtrail(&["config", "show", "--config", &file.display().to_string()]));
    assert!(shown.contains("username: u") && shown.contains("***") && !shown.contains("s3cret"), "{shown}");
}
