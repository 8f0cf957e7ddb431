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

    fn start(&self) -> Collector {
        let collector = Collector::try_start_with(self.dir.path(), &self.text, &[], &self.legs.environment);
        collector.unwrap_or_else(|log| panic!("the collector did not start:\n{log}"))
    }

    /// Seals so many requests of 100 payments, and stops, once all of it is in both legs.
    fn seal(&self, requests: usize) {
        let collector = self.start();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let mut client = runtime.block_on(collector.client());
        let mut payments = Payments::new(21, 1_800_000_000_000_000_000);
        for _ in 0..requests {
            runtime.block_on(export(&mut client, &payments.request(100).0));
        }
        let (mut status, mut log) = collector.stop();
        // A crowded machine may not be done within the time that a stop takes; the next one goes on with it.
        for _ in 0..5 {
            assert!(status.success(), "{log}");
            if log.contains("\"complete\":true") {
                return;
            }
            (status, log) = self.start().stop();
        }
        panic!("the legs do not get it all:\n{log}");
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
    // The rest of it is under the checkpoints all the same.
    let key = chain.legs.data.join("keys/log.vkey").display().to_string();
    let report = chain.legs.run("verify", &["--public-key", &key, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).expect("JSON");
    let legs = report["chains"][0]["legs"].as_array().expect("legs");
    let stream = legs.iter().find(|leg| leg["leg"] == "stream").expect("a stream");
    let end = stream["last"].as_u64().expect("a record") + 1;
    assert!(stream["first"].as_u64() > Some(0) && stream["covered"].as_u64() == Some(end), "{stream}");
    // All of it.
    delete_records(part.get("KAFKA_BOOTSTRAP"), &format!("{name}-logs"), -1);
    for day in chain.days() {
        let output = chain.legs.reconcile(&day, &[]);
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        assert!(text(&output).contains("\nstream no records\n"), "{}", text(&output));
    }
    verified(&chain.legs, 3, "no record is left");
}

/// A topic that was lost whole is filled again from the archive, in the chain's own name, and its collector goes on.
#[test]
fn a_topic_that_was_lost_is_filled_again() {
    let part = brokers();
    let name = "lost";
    for topic in ["logs", "checkpoints", "logs-again", "checkpoints-again"] {
        part.topic(&format!("{name}-{topic}"), &[]);
    }
    let lock = "object_lock: { mode: COMPLIANCE, retention_days: 1 }";
    let mut chain = Chain::new(name, &part, Server::shared(Kind::Minio).bucket("lost-topic"), lock);
    chain.seal(40);
    let again = |text: String| {
        text.replace("lost-logs", "lost-logs-again").replace("lost-checkpoints", "lost-checkpoints-again")
    };
    let config = std::fs::read_to_string(&chain.legs.config).expect("a configuration");
    std::fs::write(&chain.legs.config, again(config)).expect("written");
    let said = super::repair(&chain.legs, &chain.days());
    assert!(said.contains("records 0 to ") && said.contains(" copied into the stream\n"), "{said}");
    chain.legs.agree(&chain.days());
    verified(&chain.legs, 0, "INTACT");
    chain.text = again(chain.text);
    chain.seal(10);
    chain.legs.agree(&chain.days());
    verified(&chain.legs, 0, "INTACT");
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
