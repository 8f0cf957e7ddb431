//! Promise 5, with what the real collector wrote: tampering shows, and a sender's forged names change nothing.
//! `attacks` is the matrix; `src/verify/tests` holds more tamperings, on a chain made in memory.

mod asked;
mod attacks;
#[allow(dead_code, reason = "made for the unit tests of `verify`, too")]
#[path = "../../src/verify/tests/built.rs"]
mod built;
mod intact;
mod matrix;
mod pages;
#[allow(dead_code, reason = "made for the unit tests of `verify`, too")]
#[path = "../../src/verify/tests/rewrite.rs"]
mod rewrite;
mod scene;
mod scope;

use std::fs;
use std::path::{Path, PathBuf};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::harness::{Collector, export, text, verify};

#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_what_the_collector_wrote_shows() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = sealed(dir.path()).await;
    let sound = verify(&data);
    assert_eq!(sound.status.code(), Some(0), "{}", text(&sound));
    assert!(text(&sound).starts_with("INTACT"), "{}", text(&sound));

    type Tamper = fn(&Path);
    let cases: [(&str, Tamper, &str); 5] = [
        ("a byte of the stream", |data| flip(&one(data, "stream/audit-logs", "messages")), "SEAL-015"),
        ("a byte of an object", |data| flip(&one(data, "archive/audit-logs", "parquet")), "SEAL-"),
        ("the last object deleted", |data| remove(&one(data, "archive/audit-logs", "parquet")), "SEAL-021"),
        ("the genesis note deleted", |data| remove(&one(data, "archive/audit-genesis", "note")), "SEAL-030"),
        (
            "a checkpoint emptied",
            |data| fs::write(one(data, "archive/audit-checkpoints", "checkpoint"), "").expect("written"),
            "SEAL-022",
        ),
    ];
    for (index, (name, tamper, code)) in cases.into_iter().enumerate() {
        let copy = dir.path().join(format!("copy-{index}"));
        copy_all(&data, &copy);
        tamper(&copy);
        let output = verify(&copy);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", text(&output));
        assert!(
            text(&output).starts_with("TAMPERED: what lies here is not what was sealed\nfirst: ")
                && text(&output).contains(code),
            "{name}: {}",
            text(&output)
        );
    }
}

/// Whoever verifies while the collector works sees a chain that grows: that is no tampering, and neither is what a kill leaves.
#[tokio::test(flavor = "multi_thread")]
async fn verification_beside_a_running_collector_finds_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = "wal: { segment: { max_mib: 1, max_age: 1s } }\nseal: { checkpoint_interval: 1s }\n";
    let rounds = crate::harness::length("SEALTRAIL_KILLS", 10).div_ceil(5);
    for round in 0..rounds {
        let collector = Collector::start(dir.path(), config);
        let mut client = collector.client().await;
        let sender = tokio::spawn(async move {
            let sent = request("payment.authorised");
            while client.export(sent.clone()).await.is_ok() {}
        });
        let data = collector.data.clone();
        for time in 0..8 {
            let data = data.clone();
            let output = tokio::task::spawn_blocking(move || verify(&data)).await.expect("it runs");
            // 2: the first record is not there yet.
            let early = (round, output.status.code()) == (0, Some(2));
            assert!(early || matches!(output.status.code(), Some(0 | 3)), "round {round}.{time}: {}", text(&output));
        }
        collector.kill();
        sender.await.expect("the sender ends");
        let output = verify(&data);
        let early = (round, output.status.code()) == (0, Some(2));
        assert!(early || matches!(output.status.code(), Some(0 | 3)), "killed in round {round}: {}", text(&output));
    }
}

/// Without a key nothing is called intact, and a path without a chain is an error.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_signer_is_unknown() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = sealed(dir.path()).await;
    let archive = data.join("archive").display().to_string();
    let output = crate::harness::sealtrail(&["verify", &archive]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).starts_with("CONSISTENT, SIGNER UNKNOWN"), "{}", text(&output));

    let nothing = crate::harness::sealtrail(&["verify", &data.join("keys").display().to_string()]);
    assert_eq!(nothing.status.code(), Some(2), "{}", text(&nothing));
}

/// What is given by hand may be a pipe, as a shell makes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_come_through_a_pipe() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = sealed(dir.path()).await;
    let line = "\"$1\" verify --public-key <(sleep 0.1; cat \"$2\") \"$3\"";
    let (keys, data) = (data.join("keys/log.vkey").display().to_string(), data.display().to_string());
    let arguments = ["-c", line, "bash", env!("CARGO_BIN_EXE_sealtrail"), &keys, &data];
    let output = std::process::Command::new("bash").args(arguments).output().expect("a shell");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

/// A collector's data after a sender sent payments, and records that call themselves the collector's, and a stop.
async fn sealed(dir: &Path) -> PathBuf {
    let collector = Collector::start(dir, "");
    let mut client = collector.client().await;
    for event in ["payment.authorised", "sealtrail.stopped", "sealtrail.started", "sealtrail.key.rotated"] {
        export(&mut client, &request(event)).await;
    }
    let data = collector.data.clone();
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    data
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) }),
        ..KeyValue::default()
    }
}

/// Payments whose numbers begin with `from`.
fn payments(from: u32, count: u32) -> ExportLogsServiceRequest {
    let record = |n: u32| LogRecord {
        time_unix_nano: 1_795_478_400_000_000_000 + u64::from(n),
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        event_name: "payment.authorised".to_owned(),
        attributes: vec![attribute("transaction_id", &format!("tx-{n}")), attribute("outcome", "approved")],
        trace_id: vec![n as u8 + 1; 16],
        span_id: vec![n as u8 + 1; 8],
        ..LogRecord::default()
    };
    let resource = Resource { attributes: vec![attribute("service.name", "till")], ..Resource::default() };
    let scope_logs =
        vec![ScopeLogs { log_records: (from..from + count).map(record).collect(), ..ScopeLogs::default() }];
    let logs = ResourceLogs { resource: Some(resource), scope_logs, ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![logs] }
}

fn request(event: &str) -> ExportLogsServiceRequest {
    let record = |n: u32| LogRecord {
        time_unix_nano: 1_795_478_400_000_000_000,
        event_name: event.to_owned(),
        attributes: vec![
            attribute("transaction_id", &format!("tx-{n}")),
            attribute("sealtrail.genesis", "a forged note"),
            attribute("sealtrail.sequence", "0"),
        ],
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: (0..100).map(record).collect(), ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

/// The last file of that kind below a directory, by name.
fn one(data: &Path, below: &str, extension: &str) -> PathBuf {
    let mut found = Vec::new();
    find(&data.join(below), extension, &mut found);
    found.sort();
    found.pop().unwrap_or_else(|| panic!("no .{extension} below {below}"))
}

fn find(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, extension, found);
        } else if path.extension().is_some_and(|other| other == extension) {
            found.push(path);
        }
    }
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).expect("it is there");
    // In the first third lie records, in an object and in a file of messages alike.
    let at = bytes.len() / 3;
    bytes[at] ^= 0x10;
    fs::write(path, bytes).expect("it is written");
}

fn remove(path: &Path) {
    fs::remove_file(path).expect("it is there");
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("it is made");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(&path, &target).expect("it is copied");
        }
    }
}
