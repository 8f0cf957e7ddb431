//! Promise 4: what can't be made durable is refused with a retryable status, and taken again as soon as it can be.

use std::path::{Path, PathBuf};
use std::process::Command;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;
use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, archived, export, files, get, http, sealtrail, streamed, text, until, verify};

/// A small file system of its own, for as long as the test runs.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this user may not mount: then nothing can be proved here.
    fn mount(dir: &Path, mib: u32) -> Option<Self> {
        std::fs::create_dir_all(dir).expect("a directory");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]).arg(dir).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(dir.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_and_recovers_without_a_restart() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let Some(disk) = SmallDisk::mount(&dir.path().join("disk"), 96) else {
        eprintln!("NOT PROVED: a full disk needs the right to mount a tmpfs");
        return;
    };
    let collector = Collector::start(&disk.0, "");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(collector.client());
    let mut payments = Payments::new(3, 1_800_000_000_000_000_000);
    runtime.block_on(export(&mut client, &payments.request(100).0));

    let ballast = disk.0.join("ballast");
    let _ = Command::new("dd")
        .args(["if=/dev/zero", "bs=1M", "count=200"])
        .arg(format!("of={}", ballast.display()))
        .output();
    let mut refused = None;
    for _ in 0..200 {
        if let Err(status) = runtime.block_on(client.export(payments.request(500).0)) {
            refused = Some(status);
            break;
        }
    }
    let refused = refused.expect("a full disk refuses");
    assert!(
        matches!(refused.code(), tonic::Code::Unavailable | tonic::Code::ResourceExhausted),
        "{:?}",
        refused.code()
    );
    assert!(!refused.details().is_empty(), "the refusal carries RetryInfo");
    until("readiness is off", || get(&collector.health, "/").0 == 503);
    let request = payments.request(1).0.encode_to_vec();
    let (status, _) = http(&collector.http, "POST /v1/logs HTTP/1.1\r\ncontent-type: application/x-protobuf", &request);
    assert!(matches!(status, 429 | 503), "{status}");

    std::fs::remove_file(&ballast).expect("there");
    until("readiness is on again", || get(&collector.health, "/").0 == 200);
    runtime.block_on(export(&mut client, &payments.request(100).0));
    let (archive, stream, data) = (collector.archive(), collector.stream(), collector.data.clone());
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    assert!(archived(&archive) == streamed(&stream), "the legs differ");
    let output = verify(&data);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let sealed = archived(&archive).iter().map(|(_, content)| content.as_str()).collect::<String>();
    assert!(
        sealed.contains("sealtrail.refusing") && sealed.contains("sealtrail.accepting"),
        "the outage is not in the chain"
    );
}

#[test]
fn readiness_and_metrics_tell_what_happens() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    assert_eq!(get(&collector.health, "/").0, 200);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(collector.client());
    runtime.block_on(export(&mut client, &Payments::new(5, 1_800_000_000_000_000_000).request(10).0));
    let page = collector.scrape();
    assert!(page.contains("otelcol_receiver_accepted_log_records_total{transport=\"grpc\"} 10"), "{page}");
    for name in [
        "sealtrail_masked_values_total",
        "sealtrail_sealed_records_total",
        "sealtrail_wal_sync_seconds",
        "sealtrail_wal_bytes",
        "sealtrail_leg_lag_records",
        "sealtrail_leg_lag_seconds",
    ] {
        assert!(page.contains(name), "{name} is missing");
    }
}

#[test]
fn a_request_whose_every_record_is_refused_is_no_success() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    // A log record cut short inside a sound request.
    let broken = [0x0a, 0x08, 0x12, 0x06, 0x12, 0x04, 0x1a, 0x7f, 0x30, 0x31];
    let (status, body) =
        http(&collector.http, "POST /v1/logs HTTP/1.1\r\ncontent-type: application/x-protobuf", &broken);
    assert_eq!(status, 400, "{body}");
    let empty = ExportLogsServiceRequest::default().encode_to_vec();
    assert_eq!(http(&collector.http, "POST /v1/logs HTTP/1.1\r\ncontent-type: application/x-protobuf", &empty).0, 200);
}

#[test]
fn one_data_directory_has_one_collector() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let _first = Collector::start(dir.path(), "");
    let Err(log) = Collector::try_start(dir.path(), "", &[]) else {
        panic!("a second collector took the same directory")
    };
    assert!(log.contains("another process holds") && log.contains("remedy"), "{log}");
}

#[test]
fn a_foreign_key_refuses_the_start() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let data = collector.data.clone();
    assert!(collector.stop().0.success());
    for key in files(&data.join("keys")) {
        std::fs::remove_file(key).expect("there");
    }
    let Err(log) = Collector::try_start(dir.path(), "", &[]) else { panic!("started without the chain's keys") };
    assert!(log.contains("key") && log.contains("remedy"), "{log}");
    let elsewhere = dir.path().join("elsewhere").display().to_string();
    assert_eq!(sealtrail(&["keys", "generate", "--data-dir", &elsewhere]).status.code(), Some(0));
    for name in ["ed25519.key", "ml-dsa-44.key", "log.vkey"] {
        std::fs::copy(Path::new(&elsewhere).join("keys").join(name), data.join("keys").join(name)).expect("copied");
    }
    let Err(log) = Collector::try_start(dir.path(), "", &[]) else { panic!("started with another chain's keys") };
    assert!(log.contains("key") && log.contains("remedy"), "{log}");
}
