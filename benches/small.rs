//! Small requests from many callers at once: what one request costs beside its records.
//!
//! `cargo bench --bench small`. `SMALL_RECORDS` (10) records a request, `SMALL_CALLERS` (64) callers on 8 connections,
//! `SMALL_REQUESTS` (40,000) requests. The CPU time is the collector's (user + system), apart for the threads of the legs.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a bench reads the clock, writes files and prints"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use sealtrail::cli::payments::Payments;
use tonic::transport::Channel;

const CONNECTIONS: usize = 8;

fn main() {
    let (records, callers) = (setting("SMALL_RECORDS", 10), setting("SMALL_CALLERS", 64));
    let count = setting("SMALL_REQUESTS", 40_000);
    let mut payments = Payments::new(1, 1_800_000_000_000_000_000);
    let requests: Arc<Vec<_>> = Arc::new((0..256).map(|_| payments.request(records).0).collect());
    let dir = tempfile::tempdir().expect("a directory");
    let collector = Collector::start(dir.path());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(send_all(&collector.grpc, &requests, callers, count / 10));
    let before = collector.cpu();
    let started = Instant::now();
    let mut latencies = runtime.block_on(send_all(&collector.grpc, &requests, callers, count));
    let took = started.elapsed().as_secs_f64();
    let after = collector.cpu();
    let sent = (latencies.len() * records) as f64;
    latencies.sort();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!("load            {records} records a request, {callers} callers on {CONNECTIONS} connections");
    println!("records/s       {:.0} durable, sender on the same cores", sent / took);
    println!(
        "to the answer   {:.2} CPU-us a record, {:.0} a request",
        (after.intake - before.intake) * 1e6 / sent,
        (after.intake - before.intake) * 1e6 / latencies.len() as f64
    );
    println!("legs            {:.2} CPU-us a record so far", (after.legs - before.legs) * 1e6 / sent);
    println!("answer          p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms", at(0.5), at(0.99), at(1.0));
    collector.stop();
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

async fn send_all(
    address: &str,
    requests: &Arc<Vec<ExportLogsServiceRequest>>,
    callers: usize,
    count: usize,
) -> Vec<Duration> {
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address");
        channels.push(endpoint.connect().await.expect("it listens"));
    }
    let next = Arc::new(AtomicUsize::new(0));
    let callers = (0..callers).map(|caller| {
        let (requests, next) = (Arc::clone(requests), Arc::clone(&next));
        let mut client = LogsServiceClient::new(channels[caller % CONNECTIONS].clone());
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return latencies;
                }
                let started = Instant::now();
                client.export(requests[number % requests.len()].clone()).await.expect("taken");
                latencies.push(started.elapsed());
            }
        })
    });
    let mut all = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        all.extend(caller.await.expect("a caller ends well"));
    }
    all
}

struct Collector {
    child: Child,
    grpc: String,
}

/// CPU seconds of the collector.
struct Cpu {
    intake: f64,
    legs: f64,
}

impl Collector {
    fn start(dir: &Path) -> Self {
        let config = dir.join("bench.yaml");
        let text = "receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:0' } } } }\n\
                    health_check: { endpoint: '127.0.0.1:0' }\ntelemetry: { metrics: { endpoint: '127.0.0.1:0' } }\n";
        std::fs::write(&config, text).expect("written");
        let data = dir.join("data");
        let binary =
            std::env::var_os("SEALTRAIL_BENCH_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_sealtrail").into());
        let mut child = Command::new(binary)
            .args(["collect".as_ref(), "--config".as_ref(), config.as_os_str()])
            .args(["--data-dir".as_ref(), data.as_os_str()])
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains("\"message\":\"ready\""))
            .expect("it starts");
        std::thread::spawn(move || lines.for_each(drop));
        let places = serde_json::from_str::<serde_json::Value>(&ready).expect("JSON");
        Self { child, grpc: places["grpc"].as_str().expect("an address").to_owned() }
    }

    fn cpu(&self) -> Cpu {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let (all, _) = times(&process.join("stat"));
        let threads = std::fs::read_dir(process.join("task")).expect("it runs").map_while(Result::ok);
        let of_a_leg = |name: &str| name.starts_with("deliver-") || name.starts_with("rdk:");
        let legs = threads.map(|task| times(&task.path().join("stat"))).filter(|(_, name)| of_a_leg(name));
        let legs = legs.map(|(seconds, _)| seconds).sum();
        Cpu { intake: all - legs, legs }
    }

    fn stop(mut self) {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(self.child.wait().expect("it ends").success());
    }
}

/// User and system seconds and the name, of a process or thread.
fn times(stat: &Path) -> (f64, String) {
    let text = std::fs::read_to_string(stat).unwrap_or_default();
    let (head, fields) = text.rsplit_once(')').unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum::<f64>();
    let name = head.split_once('(').map_or("", |(_, name)| name).to_owned();
    (ticks / rustix::param::clock_ticks_per_second() as f64, name)
}
