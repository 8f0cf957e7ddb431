//! Promise 4: what can't be made durable is refused with a retryable status, and taken again as soon as it can be.

use std::path::{Path, PathBuf};
use std::process::Command;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;
use sealtrail::cli::payments::Payments;

use crate::disk::SmallDisk;
use crate::harness::{Collector, archived, export, files, get, http, sealtrail, streamed, text, until, verify};

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

    disk.fill();
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

    disk.empty();
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

/// Sends `requests` requests of `records` each, and counts what was acknowledged.
fn pour(collector: &Collector, seed: u64, requests: usize, records: usize) -> (u64, Option<tonic::Status>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(collector.client());
    let mut payments = Payments::new(seed, 1_800_000_000_000_000_000);
    let (mut accepted, mut refused) = (0, None);
    for _ in 0..requests {
        match runtime.block_on(client.export(payments.request(records).0)) {
            Ok(_) => accepted += records as u64,
            Err(status) => {
                refused = Some(status);
                break;
            }
        }
    }
    (accepted, refused)
}

/// Senders' records among those.
fn payments(records: &[(u64, String)]) -> u64 {
    records.iter().filter(|(_, content)| !content.contains(r#""by":"self""#)).count() as u64
}

/// Stops the collector; both legs must hold these many of the senders' records, alike, and be intact.
fn whole_in_both_legs(collector: Collector, accepted: u64) -> String {
    let (archive, stream, data) = (collector.archive(), collector.stream(), collector.data.clone());
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    let (archived, streamed) = (archived(&archive), streamed(&stream));
    assert!(archived == streamed, "the legs differ: {} archived, {} streamed", archived.len(), streamed.len());
    assert_eq!(payments(&archived), accepted);
    let output = verify(&data);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    archived.iter().map(|(_, content)| content.as_str()).collect()
}

/// Promise 3: an absent archive holds up nobody; what it lacks goes in once it is back, and its way down and up is sealed.
#[test]
fn an_archive_that_goes_away_catches_up_when_it_is_back() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "wal: { segment: { max_age: 1s } }\n");
    let (archive, away) = (collector.archive(), dir.path().join("away"));
    let mut accepted = pour(&collector, 1, 5, 20).0;
    until("the first object is there", || !parquet(&archive).is_empty());
    std::fs::rename(&archive, &away).expect("moved");
    // In its place what no directory can be made in.
    std::fs::write(&archive, "").expect("written");
    accepted += pour(&collector, 2, 5, 20).0;
    until("the leg is down", || collector.scrape().contains("sealtrail_leg_up{leg=\"archive\"} 0\n"));
    let (more, refused) = pour(&collector, 3, 5, 20);
    assert!(refused.is_none(), "an archive that is down holds up nobody");
    accepted += more;
    assert_eq!(get(&collector.health, "/").0, 200);
    std::fs::remove_file(&archive).expect("there");
    std::fs::rename(&away, &archive).expect("moved back");
    until("the leg is up", || collector.scrape().contains("sealtrail_leg_up{leg=\"archive\"} 1\n"));
    assert_eq!(accepted, 300);
    let sealed = whole_in_both_legs(collector, accepted);
    assert!(sealed.contains("sealtrail.leg.down") && sealed.contains("sealtrail.leg.up"), "not in the chain");
}

#[test]
fn a_full_archive_holds_up_nobody_and_catches_up() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let Some(disk) = SmallDisk::mount(&dir.path().join("data/archive"), 2) else {
        eprintln!("NOT PROVED: a full archive needs the right to mount a tmpfs");
        return;
    };
    let collector = Collector::start(dir.path(), "wal: { segment: { max_age: 1s } }\n");
    disk.fill();
    let accepted = pour(&collector, 1, 10, 100).0;
    until("the leg is down", || collector.scrape().contains("sealtrail_leg_up{leg=\"archive\"} 0\n"));
    disk.empty();
    until("the leg is up", || collector.scrape().contains("sealtrail_leg_up{leg=\"archive\"} 1\n"));
    assert_eq!(accepted, 1000);
    whole_in_both_legs(collector, accepted);
}

fn parquet(archive: &Path) -> Vec<PathBuf> {
    files(archive).into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "parquet")).collect()
}

/// Promises 3 and 4: without the stream the log holds all, up to its limit; then it refuses. When the stream is back, all goes
/// out once and records are taken again, without a restart.
#[test]
fn without_the_stream_the_log_fills_refuses_and_recovers() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let Some(disk) = SmallDisk::mount(&dir.path().join("data/stream"), 64) else {
        eprintln!("NOT PROVED: a full stream needs the right to mount a tmpfs");
        return;
    };
    let config = "wal: { max_size_mib: 40, segment: { max_mib: 4, max_age: 2s } }\n";
    let collector = Collector::start(dir.path(), config);
    disk.fill();
    let (mut accepted, refused) = pour(&collector, 1, 400, 200);
    let refused = refused.expect("the log's limit is reached");
    assert!(matches!(refused.code(), tonic::Code::Unavailable | tonic::Code::ResourceExhausted), "{refused:?}");
    assert!(!refused.details().is_empty(), "the refusal carries RetryInfo");
    until("readiness is off", || {
        get(&collector.health, "/")
            == (503, "{\"status\":\"not ready\",\"reason\":\"the write-ahead log is full\"}\n".into())
    });
    assert!(collector.scrape().contains("sealtrail_leg_up{leg=\"stream\"} 0\n"));
    disk.empty();
    // Room for a small request comes and goes while the log is full; what tells is the leg.
    until("the leg is up", || collector.scrape().contains("sealtrail_leg_up{leg=\"stream\"} 1\n"));
    until("readiness is on again", || get(&collector.health, "/").0 == 200);
    accepted += pour(&collector, 2, 1, 10).0;
    let sealed = whole_in_both_legs(collector, accepted);
    for name in ["leg.down", "leg.up", "refusing", "accepting"] {
        assert!(sealed.contains(&format!("\"sealtrail.{name}\"")), "{name} is not in the chain");
    }
}

/// Promise 1: what is written into a deleted file is not kept, and so not acknowledged.
#[test]
fn a_deleted_data_directory_refuses() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    assert!(pour(&collector, 1, 1, 10).1.is_none());
    std::fs::remove_dir_all(collector.data.join("wal")).expect("there");
    let refused = pour(&collector, 2, 1, 10).1.expect("nothing is acknowledged into a deleted file");
    assert!(matches!(refused.code(), tonic::Code::Unavailable | tonic::Code::ResourceExhausted), "{refused:?}");
    assert_eq!(get(&collector.health, "/").0, 503);
    until("the log says why", || collector.log().contains("deleted"));
    collector.kill();
}

/// An object that is not what the log would write is an alarm, and is never written over.
#[test]
fn an_object_that_differs_is_an_alarm_and_stays() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    pour(&collector, 1, 2, 10);
    let (archive, data) = (collector.archive(), collector.data.clone());
    // Killed with the first segment still open: its key is known, and someone takes it.
    until("the stream has it", || !files(&data.join("stream/audit-logs")).is_empty());
    let other = tempfile::tempdir().expect("a temporary directory");
    let stranger = Collector::start(other.path(), "");
    let theirs = stranger.archive();
    assert!(stranger.stop().0.success());
    let theirs = parquet(&theirs).remove(0);
    let key = theirs.strip_prefix(other.path().join("data/archive")).expect("below");
    collector.kill();
    let place = archive.join(key);
    std::fs::create_dir_all(place.parent().expect("a key has folders")).expect("made");
    std::fs::copy(&theirs, &place).expect("copied");
    let collector = Collector::start(dir.path(), "");
    until("the alarm is raised", || collector.log().contains("leg stopped"));
    let (status, log) = collector.stop();
    assert!(status.success() && log.contains("archive: "), "the leg that lacks records is named:\n{log}");
    assert_eq!(std::fs::read(&theirs).expect("there"), std::fs::read(&place).expect("there"), "not written over");
}

/// A data directory from a backup: the stream has gone on, and so this log is not the chain's end.
#[test]
fn an_older_copy_of_the_log_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    pour(&collector, 1, 1, 10);
    let data = collector.data.clone();
    assert!(collector.stop().0.success());
    let copy = dir.path().join("copy");
    assert!(Command::new("cp").arg("-a").arg(data.join("wal")).arg(&copy).status().expect("cp runs").success());
    let collector = Collector::start(dir.path(), "");
    pour(&collector, 2, 1, 10);
    assert!(collector.stop().0.success());
    std::fs::remove_dir_all(data.join("wal")).expect("there");
    std::fs::rename(&copy, data.join("wal")).expect("moved");
    let before = files(&data).into_iter().map(|file| std::fs::read(file).expect("readable")).collect::<Vec<_>>();
    let Err(log) = Collector::try_start(dir.path(), "", &[]) else { panic!("went on from an older copy") };
    assert!(log.contains("older copy") && log.contains("remedy"), "{log}");
    let after = files(&data).into_iter().map(|file| std::fs::read(file).expect("readable")).collect::<Vec<_>>();
    assert!(before == after, "a refused start has changed something");
}

/// Damage before what is known to be synced is no torn tail: the start is refused and says where.
#[test]
fn a_log_that_is_damaged_in_the_middle_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    pour(&collector, 1, 20, 50);
    let data = collector.data.clone();
    collector.kill();
    let file = files(&data.join("wal")).into_iter().rfind(|file| file.extension().is_some_and(|kind| kind == "wal"));
    let file = file.expect("a file of the log");
    let mut bytes = std::fs::read(&file).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    std::fs::write(&file, &bytes).expect("written");
    let Err(log) = Collector::try_start(dir.path(), "", &[]) else { panic!("started over damage") };
    assert!(log.contains(".wal") && log.contains("byte") && log.contains("remedy"), "{log}");
    assert!(std::fs::read(&file).expect("readable") == bytes, "a refused start has changed the log");
}

/// Where a directory can't be made, the text names it and what to do.
#[test]
fn a_directory_that_cannot_be_made_is_named() {
    for name in ["wal", "stream", "archive", "keys"] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir_all(dir.path().join("data")).expect("made");
        std::fs::write(dir.path().join("data").join(name), "").expect("written");
        let Err(log) = Collector::try_start(dir.path(), "", &[]) else { panic!("{name}: started") };
        assert!(log.contains(&format!("data/{name}")) && log.contains("remedy"), "{name}: {log}");
    }
}

/// All that was in hand at the stop is answered, and what was acknowledged is in both legs.
#[test]
fn a_stop_under_load_answers_everyone() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let address = format!("http://{}", collector.grpc);
    let started = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let senders = (0..64u64)
        .map(|seed| {
            let (address, started) = (address.clone(), started.clone());
            runtime.spawn(async move {
                use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
                let mut client = LogsServiceClient::connect(address).await.expect("it listens");
                let mut payments = Payments::new(seed, 1_800_000_000_000_000_000);
                let mut accepted = 0;
                loop {
                    started.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    match client.export(payments.request(20).0).await {
                        Ok(_) => accepted += 20,
                        // Tonic says `Unknown` or `Cancelled` for a connection that ended before a request went out.
                        Err(status) => return (accepted, status),
                    }
                }
            })
        })
        .collect::<Vec<_>>();
    until("all senders send", || started.load(std::sync::atomic::Ordering::Relaxed) > 256);
    let (archive, stream, data) = (collector.archive(), collector.stream(), collector.data.clone());
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    let mut accepted = 0;
    for sender in senders {
        let (of_it, status) = runtime.block_on(sender).expect("a sender does not panic");
        assert!(
            matches!(status.code(), tonic::Code::Unavailable | tonic::Code::ResourceExhausted)
                || status.details().is_empty(),
            "{status:?}"
        );
        accepted += of_it;
    }
    let (archived, streamed) = (archived(&archive), streamed(&stream));
    assert!(archived == streamed, "the legs differ");
    // An answer may be lost with its connection; nothing that was acknowledged is.
    assert!(payments(&archived) >= accepted, "{} of {accepted}", payments(&archived));
    assert_eq!(verify(&data).status.code(), Some(0));
}

/// A second signal ends the stop at once; what was acknowledged goes out after the next start.
#[test]
fn a_second_signal_stops_at_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut collector = Collector::start(dir.path(), "");
    let accepted = pour(&collector, 1, 5, 20).0;
    let (archive, away) = (collector.archive(), dir.path().join("away"));
    std::fs::rename(&archive, &away).expect("moved");
    std::fs::write(&archive, "").expect("written");
    collector.signal("-TERM");
    until("it stops", || collector.log().contains("stopping"));
    until("the archive can't take it", || collector.log().contains("leg down"));
    collector.signal("-TERM");
    assert!(collector.wait().success());
    assert!(collector.log().contains("stopped at once"), "{}", collector.log());
    std::fs::remove_file(&archive).expect("there");
    std::fs::rename(&away, &archive).expect("moved back");
    drop(collector);
    whole_in_both_legs(Collector::start(dir.path(), ""), accepted);
}

/// A leg that can't take what is left within the grace is named; the stop is a stop all the same.
#[test]
fn a_leg_that_cannot_finish_is_named_at_the_stop() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let accepted = pour(&collector, 1, 5, 20).0;
    let (archive, away) = (collector.archive(), dir.path().join("away"));
    std::fs::rename(&archive, &away).expect("moved");
    std::fs::write(&archive, "").expect("written");
    let (status, log) = collector.stop();
    assert!(status.success() && log.contains("archive: ") && log.contains("stay in the write-ahead log"), "{log}");
    std::fs::remove_file(&archive).expect("there");
    std::fs::rename(&away, &archive).expect("moved back");
    whole_in_both_legs(Collector::start(dir.path(), ""), accepted);
}

/// A receiver's port that is taken refuses the start, and what the start had sealed by then ends in a stop.
#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = taken.local_addr().expect("bound").to_string();
    for extra in [
        format!("receivers: {{ otlp: {{ protocols: {{ grpc: {{ endpoint: '{endpoint}' }} }} }} }}\n"),
        format!("health_check: {{ endpoint: '{endpoint}' }}\n"),
    ] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let Err(log) = Collector::try_start(dir.path(), &extra, &[]) else { panic!("started on a port that is taken") };
        assert!(log.contains(&endpoint) && log.contains("remedy"), "{log}");
        whole_in_both_legs(Collector::start(dir.path(), ""), 0);
    }
}
