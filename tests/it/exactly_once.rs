//! Promises 1 and 3: whatever moment the process is killed at, every acknowledged record is in both legs, once, in order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, archived, attributes, export, files, length, streamed, text, verify};

/// Small segments, so that kills also hit rotation, Parquet and release.
const CONFIG: &str = "wal: { segment: { max_mib: 1, max_age: 2s } }\nseal: { checkpoint_interval: 1s }\n";

/// The same, with segments so short that each round meets several.
const TINY: &str = "wal: { segment: { max_mib: 1, max_age: 1s } }\nseal: { checkpoint_interval: 1s }\n";

/// When the process is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Under load.
    Load(u64),
    /// During the start; milliseconds after the spawn.
    Start(u64),
    /// During a graceful stop under load; milliseconds after the signal.
    Stop(u64),
    /// Under load, after it was frozen and woken up.
    Frozen(u64),
}

#[test]
fn kill_9_at_random_moments_loses_and_repeats_nothing_acknowledged() {
    let moments = (0..length("SEALTRAIL_KILLS", 10)).map(|round| Moment::Load(150 + round * 397 % 1_900));
    survives(CONFIG, moments.collect());
}

/// Kills that fall into the start, the stop, a freeze, or onto one another.
#[test]
fn kill_9_during_start_stop_and_freeze_loses_and_repeats_nothing_acknowledged() {
    let moments = (0..length("SEALTRAIL_KILLS", 10)).map(|round| match round % 5 {
        0 => Moment::Load(round * 131 % 900),
        1 => Moment::Start(round * 37 % 300),
        2 => Moment::Start(round * 61 % 60),
        3 => Moment::Stop(round * 29 % 400),
        _ => Moment::Frozen(round * 173 % 1_200),
    });
    survives(TINY, moments.collect());
}

/// Kills so often on one chain: all of it is verified after each, so one chain for all would take its square in time.
const KILLS_A_CHAIN: usize = 20;

fn survives(config: &str, moments: Vec<Moment>) {
    moments.chunks(KILLS_A_CHAIN).for_each(|moments| chain_survives(config, moments));
}

fn chain_survives(config: &str, moments: &[Moment]) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let rounds = moments.len() as u64;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let number = Arc::new(AtomicU64::new(0));
    for (round, &moment) in moments.iter().enumerate() {
        if let Moment::Start(after) = moment {
            Collector::kill_starting(dir.path(), config, Duration::from_millis(after));
        } else {
            let collector = Collector::start(dir.path(), config);
            let stop = Arc::new(AtomicBool::new(false));
            let senders = (0..4u64)
                .map(|sender| {
                    runtime.spawn(send(
                        collector.grpc.clone(),
                        round as u64 * 4 + sender,
                        Arc::clone(&number),
                        Arc::clone(&acknowledged),
                        Arc::clone(&stop),
                    ))
                })
                .collect::<Vec<_>>();
            // The moment differs by round and machine; what matters is that it falls anywhere in groups, rotations and
            // uploads.
            let pause = |milliseconds| std::thread::sleep(Duration::from_millis(milliseconds));
            match moment {
                Moment::Load(after) | Moment::Start(after) => pause(after),
                Moment::Stop(after) => {
                    pause(500);
                    collector.signal("-TERM");
                    pause(after);
                }
                Moment::Frozen(after) => {
                    pause(after);
                    collector.signal("-STOP");
                    pause(300);
                    collector.signal("-CONT");
                    pause(after % 50);
                }
            }
            collector.kill();
            stop.store(true, Ordering::Relaxed);
            for sender in senders {
                runtime.block_on(sender).expect("a sender does not panic");
            }
        }
        // What the dead process left is sound, though its end may not be under a checkpoint yet (exit 3). Before the first
        // object there is no archive to judge.
        if !files(&dir.path().join("data/archive/audit-logs")).is_empty() {
            let output = verify(&dir.path().join("data"));
            assert!(matches!(output.status.code(), Some(0 | 3)), "round {round} ({moment:?}): {}", text(&output));
        }
        if round % 4 == 3 {
            let (status, log) = Collector::start(dir.path(), config).stop();
            assert!(status.success(), "{log}");
            let output = verify(&dir.path().join("data"));
            assert_eq!(output.status.code(), Some(0), "round {round} ({moment:?}): {}", text(&output));
        }
    }
    let collector = Collector::start(dir.path(), config);
    let (archive, stream, data) = (collector.archive(), collector.stream(), collector.data.clone());
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    let output = verify(&data);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));

    let (archived, streamed) = (archived(&archive), streamed(&stream));
    assert!(archived == streamed, "the legs differ: {} records archived, {} streamed", archived.len(), streamed.len());
    assert!(archived.iter().enumerate().all(|(place, (sequence, _))| place as u64 == *sequence), "a gap or a repeat");
    let mut found = HashMap::<String, u32>::new();
    for id in attributes(&archived, "test.id") {
        *found.entry(id).or_default() += 1;
    }
    let acknowledged = acknowledged.lock().expect("no sender panicked");
    assert!(acknowledged.len() as u64 > rounds, "almost nothing was acknowledged: the test proves nothing");
    for id in acknowledged.iter() {
        assert_eq!(found.get(id), Some(&1), "{id} was acknowledged");
    }
}

/// A chain that is killed while it begins begins all the same: keys, genesis note and record 0 belong together.
#[test]
fn a_chain_that_is_killed_at_its_very_start_begins_again() {
    for round in 0..length("SEALTRAIL_KILLS", 10) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for kill in 0..1 + round % 2 {
            Collector::kill_starting(dir.path(), "", Duration::from_millis((round * 17 + kill * 5) % 130));
        }
        let collector = Collector::start(dir.path(), "");
        let (data, archive) = (collector.data.clone(), collector.archive());
        let (status, log) = collector.stop();
        assert!(status.success(), "{log}");
        let output = verify(&data);
        assert_eq!(output.status.code(), Some(0), "round {round}: {}", text(&output));
        assert!(archived(&archive)[0].1.contains("sealtrail genesis v1"), "record 0 holds the genesis note");
    }
}

/// The narrowest moment of a beginning: the first file has its header, and no record yet.
#[test]
fn a_chain_without_a_record_begins_with_its_genesis_note() {
    use sealtrail_chain::{CompactRange, Hash, Head, Sequence, UnixNanos};
    let dir = tempfile::tempdir().expect("a temporary directory");
    let wal = dir.path().join("data/wal");
    let chain = "local".parse().expect("a name");
    let disk = Arc::new(sealtrail::host::SystemDisk);
    let recovered = sealtrail::wal::open(disk, &wal, &chain).expect("an empty directory");
    let head = || Head::resume(chain.clone(), Sequence::ZERO, UnixNanos(0), Hash([7; 32]), CompactRange::empty(0));
    drop(recovered.resume(&sealtrail::wal::Config::default(), [0; 32], head).expect("a first file"));
    let collector = Collector::start(dir.path(), "");
    let (data, archive) = (collector.data.clone(), collector.archive());
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    assert!(archived(&archive)[0].1.contains("sealtrail genesis v1"), "record 0 holds the genesis note");
    let output = verify(&data);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

/// A power cut, as far as one can be played: after the kill, bytes that were never acknowledged vanish from the log's end,
/// or turn to noise. All acknowledged records are there, and the rest is cut off and said.
#[test]
fn a_torn_tail_costs_nothing_acknowledged() {
    for tear in 0..length("SEALTRAIL_KILLS", 10) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let collector = Collector::start(dir.path(), "");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let mut client = runtime.block_on(collector.client());
        let mut payments = Payments::new(tear, 1_800_000_000_000_000_000);
        let number = AtomicU64::new(0);
        let mut request = payments.request(20).0;
        let expected = name(&mut request, &number);
        runtime.block_on(export(&mut client, &request));
        let (wal, data) = (collector.data.join("wal"), collector.data.clone());
        collector.kill();
        // What a group leaves that was being written and never synced: a beginning of frames, or pages of anything.
        let file = files(&wal).into_iter().rfind(|file| file.extension().is_some_and(|kind| kind == "wal"));
        let file = file.expect("a file of the log");
        let mut bytes = std::fs::read(&file).expect("readable");
        let acknowledged = bytes.len();
        let torn = 1 + tear as usize * 977 % 9_000;
        bytes.extend(bytes.clone().into_iter().cycle().skip(tear as usize * 131).take(torn));
        bytes[acknowledged] ^= tear as u8 | 1;
        std::fs::write(&file, bytes).expect("written");
        let collector = Collector::start(dir.path(), "");
        let archive = collector.archive();
        let (status, log) = collector.stop();
        assert!(status.success(), "{log}");
        let archived = archived(&archive);
        assert_eq!(attributes(&archived, "test.id"), expected);
        assert!(archived.iter().any(|(_, content)| content.contains("were cut off")), "the cut is sealed");
        let output = verify(&data);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
}

/// Sends until the collector dies; each request has ids of its own and is sent once.
async fn send(
    address: String,
    seed: u64,
    number: Arc<AtomicU64>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
) {
    let Ok(mut client) = LogsServiceClient::connect(format!("http://{address}")).await else { return };
    let mut payments = Payments::new(seed, 1_800_000_000_000_000_000);
    while !stop.load(Ordering::Relaxed) {
        let (mut request, _) = payments.request(1 + (seed as usize * 7) % 40);
        let ids = name(&mut request, &number);
        match client.export(request).await {
            Ok(response) if response.get_ref().partial_success.is_none() => {
                acknowledged.lock().expect("no sender panicked").extend(ids)
            }
            Ok(_) => panic!("a sound record was refused"),
            Err(_) => {
                if LogsServiceClient::connect(format!("http://{address}")).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Gives every record of the request an id of its own.
fn name(request: &mut ExportLogsServiceRequest, number: &AtomicU64) -> Vec<String> {
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
    let mut ids = Vec::new();
    for record in
        request.resource_logs.iter_mut().flat_map(|logs| &mut logs.scope_logs).flat_map(|logs| &mut logs.log_records)
    {
        let id = format!("kill-{}", number.fetch_add(1, Ordering::Relaxed));
        let value = Some(AnyValue { value: Some(any_value::Value::StringValue(id.clone())) });
        record.attributes.push(KeyValue { key: "test.id".into(), value, ..KeyValue::default() });
        ids.push(id);
    }
    ids
}
