//! Promises 1 and 3: whatever moment the process is killed at, every acknowledged record is in both legs, once, in order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, archived, attributes, length, streamed, text, verify};

/// Small segments, so that kills also hit rotation, Parquet and release.
const CONFIG: &str = "wal: { segment: { max_mib: 1, max_age: 2s } }\nseal: { checkpoint_interval: 1s }\n";

#[test]
fn kill_9_at_random_moments_loses_and_repeats_nothing_acknowledged() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let rounds = length("SEALTRAIL_KILLS", 10);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let number = Arc::new(AtomicU64::new(0));
    for round in 0..rounds {
        let collector = Collector::start(dir.path(), CONFIG);
        let stop = Arc::new(AtomicBool::new(false));
        let senders = (0..4u64)
            .map(|sender| {
                runtime.spawn(send(
                    collector.grpc.clone(),
                    round * 4 + sender,
                    Arc::clone(&number),
                    Arc::clone(&acknowledged),
                    Arc::clone(&stop),
                ))
            })
            .collect::<Vec<_>>();
        // The moment differs by round and machine; what matters is that it falls anywhere in groups, rotations and uploads.
        std::thread::sleep(Duration::from_millis(150 + round * 397 % 1_900));
        collector.kill();
        stop.store(true, Ordering::Relaxed);
        for sender in senders {
            runtime.block_on(sender).expect("a sender does not panic");
        }
        // What the dead process left is sound, though its end may not be under a checkpoint yet (exit 3).
        let output = verify(&dir.path().join("data"));
        assert!(matches!(output.status.code(), Some(0 | 3)), "round {round}: {}", text(&output));
        if round % 2 == 1 {
            let (status, log) = Collector::start(dir.path(), CONFIG).stop();
            assert!(status.success(), "{log}");
            let output = verify(&dir.path().join("data"));
            assert_eq!(output.status.code(), Some(0), "round {round}: {}", text(&output));
        }
    }
    let collector = Collector::start(dir.path(), CONFIG);
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
