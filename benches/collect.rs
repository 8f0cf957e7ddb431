//! The real binary over gRPC on loopback: records a second, CPU time a record, latency of acknowledgements, memory, bytes stored.
//!
//! `cargo bench --bench collect` (or `make bench`). The sender runs on the same cores; its own CPU time is not counted. CPU time
//! is that of the collector's process (user + system), apart for the threads that carry the two legs. Absolute figures depend
//! on the machine: beside them stands what one core here needs for SHA-256 and for decoding the same bytes with `prost`.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a bench reads the clock, writes files and prints"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;
use sealtrail::cli::payments::Payments;
use sha2::{Digest, Sha256};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;

const RECORDS: usize = 1_000;
const DISTINCT: usize = 32;
const SATURATED_REQUESTS: usize = 1_500;
const RATE_REQUESTS: usize = 200;
const RATE: f64 = 20_000.0;

fn main() {
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
    let collector = Collector::start(dir.path());

    runtime.block_on(saturate(&collector.grpc, &requests, 50));
    let before = collector.cpu();
    let started = Instant::now();
    let mut latencies = runtime.block_on(saturate(&collector.grpc, &requests, SATURATED_REQUESTS));
    let took = started.elapsed();
    let acknowledged = collector.cpu().since(&before);
    collector.drained();
    let drained = collector.cpu().since(&before);
    let records = (SATURATED_REQUESTS * RECORDS) as f64;
    println!("\nsaturated       2 connections with 2 requests in flight each");
    println!("records/s       {:.0} durable, sender on the same cores", records / took.as_secs_f64());
    println!(
        "to the answer   {:.2} CPU-us a record (receive, mask, seal, write-ahead log)",
        drained.intake * 1e6 / records
    );
    println!(
        "both legs       {:.2} CPU-us a record on top; {:.2} in all",
        drained.legs * 1e6 / records,
        drained.total() * 1e6 / records
    );
    println!("system          {:.2} of them", drained.system * 1e6 / records);
    println!(
        "legs in time    {:.0} % of the legs' work was done when the last answer came",
        100.0 * acknowledged.legs / drained.legs
    );
    print_latencies("answer", &mut latencies);

    let mut latencies = runtime.block_on(at_rate(&collector.grpc, &requests));
    println!("\nat {RATE:.0}/s     open loop, latency from the moment a request was due");
    print_latencies("answer", &mut latencies);
    collector.drained();
    println!("\npeak memory     {} MiB", collector.peak_mib());

    let data = collector.data.clone();
    let accepted = (50 + SATURATED_REQUESTS + RATE_REQUESTS) * RECORDS;
    collector.stop();
    for leg in ["archive", "stream"] {
        let stored = size(&data.join(leg)) as f64 / accepted as f64;
        println!("{leg:<15} {stored:.0} bytes a record, {:.2} of the OTLP bytes", stored / bytes);
    }
    let started = Instant::now();
    let path = |name: &str| data.join(name).display().to_string();
    let verify = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
        .args(["verify", "--public-key", &path("keys/log.vkey"), &path("archive")])
        .output()
        .expect("it runs");
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stdout));
    let took = started.elapsed().as_secs_f64();
    let floor = read_unpack_hash(&data.join("archive"));
    println!(
        "verify          {:.0} records/s; {:.2} of the time of reading, unpacking and hashing alone",
        accepted as f64 / took,
        took / floor
    );
}

/// CPU-microseconds a record of one thread doing only this.
fn alone(requests: &[Bytes], work: impl Fn(&Bytes)) -> f64 {
    let started = Instant::now();
    for request in requests {
        work(request);
    }
    started.elapsed().as_secs_f64() * 1e6 / (requests.len() * RECORDS) as f64
}

async fn saturate(address: &str, requests: &[Bytes], count: usize) -> Vec<Duration> {
    let mut senders = Vec::new();
    for connection in 0..2 {
        let channel = connect(address).await;
        for sender in 0..2 {
            let (channel, requests) = (channel.clone(), requests.to_vec());
            senders.push(tokio::spawn(async move {
                let mut latencies = Vec::new();
                for number in 0..count / 4 {
                    let started = Instant::now();
                    send(&channel, requests[(number * 4 + connection * 2 + sender) % requests.len()].clone()).await;
                    latencies.push(started.elapsed());
                }
                latencies
            }));
        }
    }
    let mut all = Vec::new();
    for sender in senders {
        all.extend(sender.await.expect("a sender ends well"));
    }
    all
}

async fn at_rate(address: &str, requests: &[Bytes]) -> Vec<Duration> {
    let channels = [connect(address).await, connect(address).await];
    let start = Instant::now() + Duration::from_millis(100);
    let mut sent = Vec::new();
    for number in 0..RATE_REQUESTS {
        let due = start + Duration::from_secs_f64(number as f64 * RECORDS as f64 / RATE);
        tokio::time::sleep_until(due.into()).await;
        let (channel, request) = (channels[number % 2].clone(), requests[number % requests.len()].clone());
        sent.push(tokio::spawn(async move {
            send(&channel, request).await;
            due.elapsed()
        }));
    }
    let mut all = Vec::new();
    for latency in sent {
        all.push(latency.await.expect("a sender ends well"));
    }
    all
}

async fn connect(address: &str) -> Channel {
    Channel::from_shared(format!("http://{address}"))
        .expect("an address")
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(8 << 20)
        .connect()
        .await
        .expect("it listens")
}

/// Sends until it is taken: a refusal is tried again, as a real exporter does.
async fn send(channel: &Channel, request: Bytes) {
    loop {
        let mut client = Grpc::new(channel.clone());
        client.ready().await.expect("connected");
        let path = http::uri::PathAndQuery::from_static("/opentelemetry.proto.collector.logs.v1.LogsService/Export");
        match client.unary(tonic::Request::new(request.clone()), path, Raw).await {
            Ok(_) => return,
            Err(status) if matches!(status.code(), tonic::Code::Unavailable | tonic::Code::ResourceExhausted) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(status) => panic!("{:?}", status.code()),
        }
    }
}

/// Bytes in, bytes out: the load is encoded beforehand.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = tonic::Status;
    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = tonic::Status;
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, tonic::Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

fn print_latencies(name: &str, latencies: &mut [Duration]) {
    latencies.sort();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!("{name:<15} p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms", at(0.5), at(0.99), at(1.0));
}

struct Collector {
    child: Child,
    data: PathBuf,
    grpc: String,
    metrics: String,
}

/// Beginnings of the names of all threads that work for a leg: those of its runtime, where what blocks runs as well, and those
/// of the Kafka client. They live as long as the leg, so none of their time is lost. All others are the intake's.
const LEGS: [&str; 2] = ["deliver-", "rdk:"];

/// CPU seconds of the collector, by what its threads do.
#[derive(Clone, Default)]
struct Cpu {
    intake: f64,
    legs: f64,
    system: f64,
}

impl Cpu {
    fn since(&self, before: &Self) -> Self {
        Self { intake: self.intake - before.intake, legs: self.legs - before.legs, system: self.system - before.system }
    }
    fn total(&self) -> f64 {
        self.intake + self.legs
    }
}

impl Collector {
    fn start(dir: &Path) -> Self {
        let config = dir.join("bench.yaml");
        let text = "receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } } }\n\
                    health_check: { endpoint: '127.0.0.1:0' }\ntelemetry: { metrics: { endpoint: '127.0.0.1:0' } }\n\
                    wal: { segment: { max_mib: 128 } }\n";
        std::fs::write(&config, text).expect("written");
        let data = dir.join("data");
        let mut child = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
            .args([
                "collect".as_ref(),
                "--config".as_ref(),
                config.as_os_str(),
                "--data-dir".as_ref(),
                data.as_os_str(),
            ])
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
        let place = |name: &str| places[name].as_str().expect("an address").to_owned();
        Self { child, data, grpc: place("grpc"), metrics: place("metrics") }
    }

    fn cpu(&self) -> Cpu {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let (user, system, _) = times(Path::new(&format!("/proc/{}/stat", self.child.id())));
        let mut legs = 0.0;
        for (name, seconds) in self.threads() {
            if LEGS.iter().any(|leg| name.starts_with(leg)) {
                legs += seconds;
            }
        }
        Cpu { intake: (user + system) / ticks - legs, legs, system: system / ticks }
    }

    /// CPU seconds by thread name.
    fn threads(&self) -> BTreeMap<String, f64> {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let mut named = BTreeMap::new();
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs").map_while(Result::ok)
        {
            let (user, system, name) = times(&task.path().join("stat"));
            *named.entry(name).or_default() += (user + system) / ticks;
        }
        named
    }

    /// Waits until both legs have all but what the open file keeps back from the archive.
    fn drained(&self) {
        let quiet = |page: &str| {
            page.lines()
                .any(|line| line.starts_with("sealtrail_leg_lag_records{leg=\"stream\"}") && line.ends_with(" 0"))
        };
        let mut before = f64::MAX;
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let now = self.cpu().total();
            if quiet(&self.page()) && now - before < 0.03 {
                return;
            }
            before = now;
        }
    }

    fn page(&self) -> String {
        use std::io::{Read, Write};
        let mut socket = std::net::TcpStream::connect(&self.metrics).expect("it listens");
        socket.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("written");
        let mut page = String::new();
        socket.read_to_string(&mut page).expect("read");
        page
    }

    fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a line");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
    }

    fn stop(mut self) {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(self.child.wait().expect("it ends").success());
    }
}

/// User and system ticks and the name, of a process or thread.
fn times(stat: &Path) -> (f64, f64, String) {
    let text = std::fs::read_to_string(stat).unwrap_or_default();
    let name = text.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map_or("", |(name, _)| name).to_owned();
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect::<Vec<_>>();
    let field = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (field(11), field(12), name)
}

fn size(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .map_while(Result::ok)
        .map(
            |entry| {
                if entry.path().is_dir() { size(&entry.path()) } else { entry.metadata().map_or(0, |data| data.len()) }
            },
        )
        .sum()
}

/// Seconds that all cores need to read the objects, unpack `content`, and hash it: the least that any check of it can cost.
fn read_unpack_hash(archive: &Path) -> f64 {
    let mut objects = Vec::new();
    let mut dirs = vec![archive.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).expect("readable").map_while(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path)
            } else if path.extension().is_some_and(|kind| kind == "parquet") {
                objects.push(path)
            }
        }
    }
    let objects = std::sync::Mutex::new(objects);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(object) = objects.lock().expect("nobody panicked").pop() else { return };
                    let mut reader = sealtrail::archive::Reader::open(&object).expect("a segment");
                    reader
                        .rows(&mut |row| {
                            std::hint::black_box(Sha256::digest(row.content));
                            std::ops::ControlFlow::Continue(())
                        })
                        .expect("sound");
                }
            });
        }
    });
    started.elapsed().as_secs_f64()
}
