//! Promises 1 and 2 with real senders: the OpenTelemetry SDK's records are in both legs, once, in order, and nothing planted
//! is found anywhere.

use std::process::Command;

use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, archived, attributes, export, files, python, streamed, text, verify};

const RECORDS: usize = 1_000;

#[test]
fn the_sdks_records_arrive_once_in_order_and_masked() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let mut planted = Vec::new();
    for (protocol, endpoint) in [("grpc", collector.grpc.clone()), ("http", format!("http://{}", collector.http))] {
        let output = Command::new(python())
            .args(["tests/senders/sdk.py", protocol, &endpoint, &RECORDS.to_string(), "7"])
            .output()
            .expect("Python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
            let values = serde_json::from_str::<serde_json::Value>(line).expect("a JSON line");
            planted.extend(
                values
                    .as_object()
                    .expect("an object")
                    .values()
                    .map(|value| value.as_str().expect("a string").to_owned()),
            );
        }
    }
    let (archive, stream, data) = (collector.archive(), collector.stream(), collector.data.clone());
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");

    let expected = ["grpc", "http"]
        .iter()
        .flat_map(|protocol| (0..RECORDS).map(move |number| format!("{protocol}-{number}")))
        .collect::<Vec<_>>();
    let (archived, streamed) = (archived(&archive), streamed(&stream));
    assert_eq!(attributes(&archived, "test.id"), expected);
    assert!(archived == streamed, "the legs differ");

    let decoded = archived.iter().map(|(_, content)| content.as_str()).collect::<String>();
    let raw = files(&data).into_iter().map(|file| std::fs::read(file).expect("readable")).collect::<Vec<_>>();
    assert!(planted.len() >= 8 * RECORDS);
    let finder = aho_corasick::AhoCorasick::new(&planted).expect("a few thousand words");
    assert!(finder.find(&decoded).is_none(), "a planted value is in the archive");
    assert!(finder.find(&log).is_none(), "a planted value is in the log");
    assert!(raw.iter().all(|bytes| finder.find(bytes).is_none()), "a planted value is in the data directory");
    assert!(!decoded.contains(r#"{"key":"cvv""#), "a verification code's attribute was kept");

    let output = verify(&data);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

/// `acknowledge: stream`: when the answer comes, the stream has the records; the collector's disk may be gone by then.
#[tokio::test]
async fn with_acknowledge_stream_the_stream_has_it_before_the_answer() {
    for round in 1..=5 {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let stream = dir.path().join("stream");
        let config = format!("acknowledge: stream\nstream: {{ directory: {{ path: '{}' }} }}\n", stream.display());
        let collector = Collector::start(dir.path(), &config);
        let mut client = collector.client().await;
        let mut payments = Payments::new(round, 1_800_000_000_000_000_000);
        for _ in 0..round {
            assert!(export(&mut client, &payments.request(100).0).await.partial_success.is_none());
        }
        let data = collector.data.clone();
        collector.kill();
        std::fs::remove_dir_all(data).expect("removed");
        let records = streamed(&stream);
        assert!(records[0].1.contains("acknowledge stream"), "the start says so");
        assert_eq!(attributes(&records, "transaction_id").len() as u64, round * 100);
    }
}
