//! Both legs on the real systems: three Kafka brokers and an S3 server on the same machine, which `tests/parts` starts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::runtime::Runtime;

use crate::collector::{Collector, cpu_of, size};
use crate::load::{at_rate, saturate};
use crate::{RATE, RATE_REQUESTS, RECORDS, print_cpu, print_latencies};

const REQUESTS: usize = 800;
const BUCKET: &str = "bench";
/// Records that wait for the stream when it comes back.
const BACKLOG_REQUESTS: usize = 400;

/// Brokers and S3 server, ended with this.
pub struct Parts {
    dir: PathBuf,
    variables: HashMap<String, String>,
}

impl Parts {
    /// `None`: the cache doesn't hold what they are made of, and a bench is no time to fetch it.
    pub fn up(dir: &Path) -> Option<Self> {
        let cache = std::env::var_os("SEALTRAIL_CACHE").map_or_else(
            || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/sealtrail"),
            PathBuf::from,
        );
        if !["kafka", "minio"].iter().all(|part| cache.join("parts").join(part).is_dir()) {
            return None;
        }
        let mut parts = Self { dir: dir.join("parts"), variables: HashMap::new() };
        let pid = std::process::id().to_string();
        for up in [vec!["up", "kafka", "--parent", &pid], vec!["up", "minio", "--kms", "--parent", &pid]] {
            let said = parts.run(&up);
            let pairs = said.lines().filter_map(|line| line.split_once('='));
            parts.variables.extend(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
        }
        parts.run(&["bucket", BUCKET, "--part", "minio"]);
        Some(parts)
    }

    fn run(&self, words: &[&str]) -> String {
        let (command, rest) = words.split_first().expect("a command");
        let (part, options) = if *command == "up" { rest.split_at(1) } else { (&[][..], rest) };
        let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parts/parts"))
            .arg(command)
            .args(part)
            .arg("--dir")
            .arg(&self.dir)
            .args(options)
            .stdin(Stdio::null())
            .output()
            .expect("tests/parts/parts runs");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// CPU seconds of brokers and S3 server so far.
    fn cpu(&self) -> [f64; 2] {
        let status = self.run(&["status"]);
        ["kafka:", "minio:"].map(|part| {
            let lines = status.lines().filter(|line| line.starts_with(part));
            let pids = lines.filter_map(|line| line.split("pid ").nth(1)?.split(',').next()?.parse().ok());
            pids.map(cpu_of).sum()
        })
    }

    /// A collector with topics of its own.
    fn collector(&self, dir: &Path, name: &str, acknowledge: &str) -> Collector {
        let dir = dir.join(name);
        std::fs::create_dir(&dir).expect("made");
        for topic in ["logs", "checkpoints"] {
            self.run(&["topic", &format!("{name}-{topic}")]);
        }
        let [brokers, region, endpoint] =
            ["KAFKA_BOOTSTRAP", "S3_REGION", "S3_ENDPOINT"].map(|key| self.variables[key].as_str());
        let config = format!(
            "chain: {name}\nacknowledge: {acknowledge}\n\
             stream: {{ kafka: {{ brokers: [{brokers}], topic: {name}-logs, checkpoint_topic: {name}-checkpoints }} }}\n\
             archive: {{ s3: {{ bucket: {BUCKET}, prefix: {name}, region: {region}, endpoint: '{endpoint}', \
             object_lock: {{ mode: COMPLIANCE, retention_days: 1 }} }} }}\n"
        );
        let credentials = [("AWS_ACCESS_KEY_ID", "S3_ACCESS_KEY"), ("AWS_SECRET_ACCESS_KEY", "S3_SECRET_KEY")];
        let credentials = credentials.map(|(name, key)| (name.to_owned(), self.variables[key].clone()));
        Collector::start(&dir, &config, &credentials)
    }

    /// Bytes of a topic's log on one broker, and of what a prefix of the bucket holds.
    fn stored(&self, name: &str) -> [u64; 2] {
        let topic = self.dir.join(format!("kafka/node1/data/{name}-logs-0"));
        [size(&topic, ".log"), size(&self.dir.join(format!("minio/data/{BUCKET}/{name}/audit-logs")), "part.1")]
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}

/// `embedded`: records a second that the embedded default has delivered in this run.
pub fn run(runtime: &Runtime, dir: &Path, requests: &[Bytes], bytes: f64, embedded: f64) {
    let Some(parts) = Parts::up(dir) else {
        return println!("\nreal legs       not measured: Kafka and MinIO are not in the cache (`make parts`)");
    };
    for (acknowledge, in_flight) in [("wal", 2), ("stream", 8)] {
        saturated(runtime, &parts, dir, requests, bytes, embedded, acknowledge, in_flight);
    }
    backlog(runtime, &parts, dir, requests);
}

#[expect(clippy::too_many_arguments, reason = "one run, told what it is")]
fn saturated(
    runtime: &Runtime,
    parts: &Parts,
    dir: &Path,
    requests: &[Bytes],
    bytes: f64,
    embedded: f64,
    acknowledge: &str,
    in_flight: usize,
) {
    let name = format!("bench-{acknowledge}");
    let collector = parts.collector(dir, &name, acknowledge);
    runtime.block_on(saturate(&collector.grpc, requests, 48, in_flight));
    collector.delivered();
    let (before, theirs) = (collector.cpu(), parts.cpu());
    let started = Instant::now();
    let mut latencies = runtime.block_on(saturate(&collector.grpc, requests, REQUESTS, in_flight));
    let took = started.elapsed().as_secs_f64();
    let delivered = (collector.delivered() - started).as_secs_f64();
    collector.drained();
    let (cpu, after) = (collector.cpu().since(&before), parts.cpu());
    let records = (REQUESTS * RECORDS) as f64;
    println!("\nreal legs       acknowledge: {acknowledge}; three Kafka brokers and MinIO on the same cores");
    println!("saturated       2 connections with {in_flight} requests in flight each");
    println!(
        "records/s       {:.0} acknowledged; {:.0} in both legs, {:.2} of the embedded default's",
        records / took,
        records / delivered,
        records / delivered / embedded
    );
    print_cpu(&cpu, records);
    println!(
        "beside it       {:.2} CPU-us a record of the brokers, {:.2} of MinIO",
        (after[0] - theirs[0]) * 1e6 / records,
        (after[1] - theirs[1]) * 1e6 / records
    );
    for (thread, seconds) in collector.threads().into_iter().filter(|(_, seconds)| *seconds * 1e6 / records > 0.1) {
        println!("                {:.2} {thread}", seconds * 1e6 / records);
    }
    print_latencies("answer", &mut latencies);
    let mut latencies = runtime.block_on(at_rate(&collector.grpc, requests, RATE, RATE_REQUESTS, Arc::default()));
    println!("at {RATE:.0}/s     open loop, latency from the moment a request was due");
    print_latencies("answer", &mut latencies);
    collector.delivered();
    println!("refused         {} records, sent again; peak memory {} MiB", collector.refused(), collector.peak_mib());
    collector.stop();
    let sent = ((48 + REQUESTS + RATE_REQUESTS) * RECORDS) as f64;
    for (place, stored) in ["kafka", "parquet"].into_iter().zip(parts.stored(&name)) {
        let stored = stored as f64 / sent;
        println!("{place:<15} {stored:.0} bytes a record, {:.2} of the OTLP bytes", stored / bytes);
    }
}

/// The stream was away for a while: how fast it catches up, and what that costs those who send meanwhile.
fn backlog(runtime: &Runtime, parts: &Parts, dir: &Path, requests: &[Bytes]) {
    let collector = parts.collector(dir, "bench-backlog", "wal");
    runtime.block_on(saturate(&collector.grpc, requests, 48, 2));
    collector.delivered();
    let mut latencies = runtime.block_on(at_rate(&collector.grpc, requests, RATE, RATE_REQUESTS, Arc::default()));
    println!("\nbacklog         acknowledge: wal, {RATE:.0} records/s all the while");
    print_latencies("all is well", &mut latencies);
    parts.run(&["pause", "kafka:all"]);
    let mut latencies = runtime.block_on(at_rate(&collector.grpc, requests, RATE, BACKLOG_REQUESTS, Arc::default()));
    print_latencies("stream away", &mut latencies);
    let caught_up = Arc::new(AtomicBool::new(false));
    let sending = {
        let (address, requests, enough) = (collector.grpc.clone(), requests.to_vec(), Arc::clone(&caught_up));
        runtime.spawn(async move { at_rate(&address, &requests, RATE, 60 * RATE as usize / RECORDS, enough).await })
    };
    parts.run(&["resume", "kafka:all"]);
    let (began, lag) = (Instant::now(), collector.stream_lag());
    // What the next transaction takes of the live traffic is no backlog.
    while collector.stream_lag() > RATE {
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    let took = began.elapsed().as_secs_f64();
    caught_up.store(true, Ordering::Relaxed);
    let mut latencies = runtime.block_on(sending).expect("the sender ends well");
    print_latencies("catching up", &mut latencies);
    println!("caught up       {lag:.0} records behind, level after {took:.1} s: {:.0} records/s", lag / took + RATE);
    collector.delivered();
    collector.stop();
}
