//! The real binary over gRPC on loopback: records a second, CPU time a record, latency of acknowledgements, memory, bytes stored.
//!
//! `make bench`, of the binary that is shipped, or `cargo bench --bench collect`, of one that cargo builds. The sender runs on the same cores; its own CPU time is not counted. CPU time
//! is that of the collector's process (user + system), apart for the threads that carry the two legs: on the embedded default,
//! then over HTTP, and, where they are in the cache, on real Kafka brokers and a real S3 server. Absolute figures depend
//! on the machine: beside them stands what one core here needs for SHA-256 and for decoding the same bytes with `prost`.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a bench reads the clock, writes files and prints"
)]

mod collector;
mod load;
mod over_http;
mod real;
mod verified;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;
use sealtrail::cli::payments::Payments;
use sha2::{Digest, Sha256};

use collector::{Collector, Cpu, size};
use load::{at_rate, saturate};

const RECORDS: usize = 1_000;
const DISTINCT: usize = 32;
const SATURATED_REQUESTS: usize = 1_500;
const RATE_REQUESTS: usize = 200;
const RATE: f64 = 20_000.0;

/// What is measured: `SEALTRAIL_BENCH_BINARY`, else what cargo built beside this bench.
pub fn binary() -> OsString {
    std::env::var_os("SEALTRAIL_BENCH_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_sealtrail").into())
}

fn main() {
    println!("binary          {}", binary().display());
    let mut payments = Payments::new(1, 1_800_000_000_000_000_000);
    let requests = (0..DISTINCT).map(|_| Bytes::from(payments.request(RECORDS).0.encode_to_vec())).collect::<Vec<_>>();
    let bytes = requests.iter().map(Bytes::len).sum::<usize>() as f64 / (DISTINCT * RECORDS) as f64;
    println!("load            {RECORDS} records a request, {bytes:.0} OTLP bytes a record");
    let others = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("machine         load average {} before the run", others.split(' ').next().unwrap_or_default());
    println!(
        "sha256 alone    {:.2} CPU-us a record of OTLP bytes",
        alone(&requests, |request| {
            std::hint::black_box(Sha256::digest(request));
        })
    );
    println!(
        "prost decode    {:.2} CPU-us a record",
        alone(&requests, |request| {
            drop(std::hint::black_box(ExportLogsServiceRequest::decode(request.clone()).expect("sound")));
        })
    );

    let dir =
        tempfile::tempdir_in(std::env::var_os("SEALTRAIL_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from))
            .expect("a directory");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let home = dir.path().join("embedded");
    std::fs::create_dir(&home).expect("made");
    let collector = Collector::start(&home, "", &[]);

    runtime.block_on(saturate(&collector.grpc, &requests, 48, 2));
    let before = collector.cpu();
    let started = Instant::now();
    let mut latencies = runtime.block_on(saturate(&collector.grpc, &requests, SATURATED_REQUESTS, 2));
    let took = started.elapsed();
    let acknowledged = collector.cpu().since(&before);
    let delivered = (SATURATED_REQUESTS * RECORDS) as f64 / (collector.delivered() - started).as_secs_f64();
    collector.drained();
    let drained = collector.cpu().since(&before);
    let records = (SATURATED_REQUESTS * RECORDS) as f64;
    println!("\nsaturated       2 connections with 2 requests in flight each");
    println!(
        "records/s       {:.0} durable, sender on the same cores; {delivered:.0} in both legs",
        records / took.as_secs_f64()
    );
    print_cpu(&drained, records);
    println!(
        "legs in time    {:.0} % of the legs' work was done when the last answer came",
        100.0 * acknowledged.legs / drained.legs
    );
    print_latencies("answer", &mut latencies);

    let mut latencies = runtime.block_on(at_rate(&collector.grpc, &requests, RATE, RATE_REQUESTS, Arc::default()));
    println!("\nat {RATE:.0}/s     open loop, latency from the moment a request was due");
    print_latencies("answer", &mut latencies);
    collector.drained();
    println!("\npeak memory     {} MiB", collector.peak_mib());

    let data = collector.data.clone();
    let accepted = (48 + SATURATED_REQUESTS + RATE_REQUESTS) * RECORDS;
    collector.stop();
    for leg in ["archive", "stream"] {
        let stored = size(&data.join(leg), "") as f64 / accepted as f64;
        println!("{leg:<15} {stored:.0} bytes a record, {:.2} of the OTLP bytes", stored / bytes);
    }
    verified::run(&data, accepted);
    over_http::run(&runtime, dir.path(), &requests);
    real::run(&runtime, dir.path(), &requests, bytes, delivered);
}

fn print_cpu(cpu: &Cpu, records: f64) {
    println!(
        "to the answer   {:.2} CPU-us a record (receive, mask, seal, write-ahead log)",
        cpu.intake * 1e6 / records
    );
    println!(
        "both legs       {:.2} CPU-us a record on top; {:.2} in all",
        cpu.legs * 1e6 / records,
        cpu.total() * 1e6 / records
    );
    println!("system          {:.2} of them", cpu.system * 1e6 / records);
}

/// CPU-microseconds a record of one thread doing only this: the least of a few rounds.
fn alone(requests: &[Bytes], work: impl Fn(&Bytes)) -> f64 {
    const ROUNDS: usize = 4;
    let round = |_| {
        let before = thread_seconds();
        requests.iter().for_each(&work);
        thread_seconds() - before
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min) * 1e6 / (requests.len() * RECORDS) as f64
}

/// Seconds that this thread has been on a processor.
fn thread_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).expect("a number") / 1e9
}

fn print_latencies(name: &str, latencies: &mut [Duration]) {
    latencies.sort();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!("{name:<15} p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms", at(0.5), at(0.99), at(1.0));
}
