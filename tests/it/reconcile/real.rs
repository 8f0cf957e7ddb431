//! On the real Kafka and the real S3 server.

use super::Legs;
use crate::harness::{Collector, export, text};
use crate::parts::brokers;
use crate::s3::server::{ACCESS_KEY, Bucket, Kind, SECRET_KEY, Server, credentials};
use sealtrail::cli::payments::Payments;

/// A chain with topics and a bucket of its own.
struct Chain {
    dir: tempfile::TempDir,
    bucket: Bucket,
    legs: Legs,
    text: String,
}

impl Chain {
    fn new(name: &str, part: &crate::parts::Part, bucket: Bucket, more: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let brokers = part.get("KAFKA_BOOTSTRAP").split(',').map(|broker| format!("'{broker}'"));
        let stream = format!(
            "chain: {name}\nwal: {{ segment: {{ max_mib: 1, max_age: 1s }} }}\nseal: {{ checkpoint_interval: 1s }}\n\
             stream: {{ kafka: {{ brokers: [{}], topic: {name}-logs, checkpoint_topic: {name}-checkpoints }} }}\n",
            brokers.collect::<Vec<_>>().join(", "),
        );
        let mut legs = Legs::below(dir.path());
        legs.environment = credentials(dir.path(), ACCESS_KEY, SECRET_KEY);
        let text = format!("{stream}{}", bucket.config(more));
        Self { dir, bucket, legs, text }
    }

    /// Seals so many requests of 100 payments, and stops.
    fn seal(&self, requests: usize) {
        let collector = Collector::try_start_with(self.dir.path(), &self.text, &[], &self.legs.environment);
        let collector = collector.unwrap_or_else(|log| panic!("the collector did not start:\n{log}"));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let mut client = runtime.block_on(collector.client());
        let mut payments = Payments::new(21, 1_800_000_000_000_000_000);
        for _ in 0..requests {
            runtime.block_on(export(&mut client, &payments.request(100).0));
        }
        let (status, log) = collector.stop();
        assert!(status.success() && log.contains("\"complete\":true"), "{log}");
    }

    fn keys(&self) -> Vec<String> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(self.bucket.keys("audit-logs/"))
    }

    fn days(&self) -> Vec<String> {
        let mut days: Vec<String> = self
            .keys()
            .iter()
            .filter_map(|key| Some(key.split("/date=").nth(1)?.split('/').next()?.to_owned()))
            .collect();
        days.dedup();
        days
    }
}

fn verified(legs: &Legs, code: i32, expected: &str) {
    let output = legs.verify();
    assert_eq!(output.status.code(), Some(code), "{}", text(&output));
    assert!(text(&output).contains(expected), "{}", text(&output));
}

/// Both legs agree, `verify` finds them intact where they lie; what is taken away from either is named.
fn both_legs_are_compared_where_they_lie(kind: Kind) {
    let part = brokers();
    let name = format!("agree-{}", kind.name());
    part.topic(&format!("{name}-logs"), &[]);
    part.topic(&format!("{name}-checkpoints"), &[]);
    // Without a lock, so that a test can delete what nobody else could.
    let bucket = Server::shared(kind).plain_bucket(&name);
    let chain = Chain::new(&name, &part, bucket, "object_lock: { mode: NONE }, allow: [no_versioning]");
    chain.seal(60);
    chain.legs.agree(&chain.days());
    verified(&chain.legs, 0, "INTACT");
    let in_bucket = chain.legs.run("verify", &["--leg", "archive"]);
    assert_eq!(in_bucket.status.code(), Some(3), "no key was given: {}", text(&in_bucket));

    let gone = chain.keys().swap_remove(1);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let delete = chain.bucket.client.delete_object().bucket(&chain.bucket.name).key(&gone).send();
    runtime.block_on(delete).expect("deleted");
    let outputs: Vec<_> = chain.days().iter().map(|day| chain.legs.reconcile(day, &[])).collect();
    let named = |output: &&std::process::Output| {
        output.status.code() == Some(1) && text(output).contains(" missing in the archive\n")
    };
    assert!(outputs.iter().any(|output| named(&output)), "{}", outputs.iter().map(text).collect::<String>());
    verified(&chain.legs, 1, &format!("s3://{name}/"));

    let repaired = super::repair(&chain.legs, &chain.days());
    assert!(repaired.contains(" copied into the archive\n"), "{repaired}");
    assert!(chain.keys().contains(&gone), "under its key");
    chain.legs.agree(&chain.days());
    verified(&chain.legs, 0, "INTACT");
}

#[test]
fn both_legs_are_compared_where_they_lie_on_minio() {
    both_legs_are_compared_where_they_lie(Kind::Minio);
}

#[test]
fn both_legs_are_compared_where_they_lie_on_versitygw() {
    both_legs_are_compared_where_they_lie(Kind::Versitygw);
}

/// What the stream's retention has taken is said, and is no agreement; it is no tampering either.
#[test]
fn a_stream_whose_retention_has_passed_is_said() {
    let part = brokers();
    let name = "retention";
    part.topic(&format!("{name}-logs"), &[]);
    part.topic(&format!("{name}-checkpoints"), &[]);
    let chain = Chain::new(
        name,
        &part,
        Server::shared(Kind::Minio).bucket(name),
        "object_lock: { mode: COMPLIANCE, retention_days: 1 }",
    );
    chain.seal(40);
    delete_records(part.get("KAFKA_BOOTSTRAP"), &format!("{name}-logs"), 3);
    let outputs: Vec<_> = chain.days().iter().map(|day| chain.legs.reconcile(day, &[])).collect();
    let said = |output: &std::process::Output| {
        output.status.code() == Some(3)
            && text(output).contains(": the stream's retention has passed, not compared\n")
            && text(output).contains("unchecked the stream's retention has passed for records of the day\n")
    };
    assert!(outputs.iter().any(said), "{}", outputs.iter().map(text).collect::<String>());
    assert!(outputs.iter().all(|output| output.status.code() != Some(1)));
    verified(&chain.legs, 3, "what the partition held before has passed its retention");
    // All of it.
    delete_records(part.get("KAFKA_BOOTSTRAP"), &format!("{name}-logs"), -1);
    for day in chain.days() {
        let output = chain.legs.reconcile(&day, &[]);
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        assert!(text(&output).contains("\nstream no records\n"), "{}", text(&output));
    }
    verified(&chain.legs, 3, "no record is left");
}

/// Deletes what lies before an offset, as retention does; -1: all.
fn delete_records(brokers: &str, topic: &str, before: i64) {
    use rdkafka::admin::{AdminClient, AdminOptions};
    use rdkafka::{ClientConfig, Offset, TopicPartitionList};
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a client");
    let mut offsets = TopicPartitionList::new();
    let offset = if before < 0 { Offset::End } else { Offset::Offset(before) };
    offsets.add_partition_offset(topic, 0, offset).expect("an offset");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let deleted = runtime.block_on(admin.delete_records(&offsets, &AdminOptions::new()));
    deleted.expect("the brokers answer");
}
