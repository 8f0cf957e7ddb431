//! Promise 4, "memory stays bounded": whatever senders push, the collector takes a bounded share of the machine, answers
//! everyone, and goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, PATIENCE, export};

/// What the limiter is given, what a request may have at most, and what the process may take in all: beside the limit, the
/// one record that each core has in work, the buffers of the connections, and what the allocator keeps. Without a bound on
/// what is read, each of these requests alone takes more.
const LIMIT_MIB: usize = 64;
const REQUEST: usize = 16 << 20;
const PEAK_MIB: u64 = 320;

/// A request: how it is said, and its body.
struct Hostile {
    name: &'static str,
    head: &'static str,
    body: Vec<u8>,
    /// What it is answered when it comes alone.
    status: u16,
}

const PROTOBUF: &str = "POST /v1/logs HTTP/1.1\r\ncontent-type: application/x-protobuf";
const GZIP: &str = "POST /v1/logs HTTP/1.1\r\ncontent-type: application/x-protobuf\r\ncontent-encoding: gzip";
const JSON: &str = "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json";

#[test]
fn hostile_requests_from_many_senders_take_bounded_memory_and_get_answers() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), &format!("memory_limiter: {{ limit_mib: {LIMIT_MIB} }}\n"));
    let hostile = Arc::new(hostile());
    for request in hostile.iter() {
        let status = send(&collector.http, request);
        assert_eq!(status, request.status, "{}", request.name);
    }
    let senders = (0..64).map(|sender| {
        let (hostile, address) = (Arc::clone(&hostile), collector.http.clone());
        std::thread::spawn(move || send(&address, &hostile[sender % hostile.len()]))
    });
    for sender in senders.collect::<Vec<_>>() {
        let status = sender.join().expect("a sender ends well");
        assert!([200, 400, 413, 429, 503].contains(&status), "{status}");
    }
    let peak = peak_mib(collector.pid());
    assert!(peak < PEAK_MIB, "{peak} MiB");

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let request: ExportLogsServiceRequest = Payments::new(1, 1_800_000_000_000_000_000).request(10).0;
    runtime.block_on(async { export(&mut collector.client().await, &request).await });
    assert!(collector.stop().0.success());
}

fn hostile() -> Vec<Hostile> {
    let room = REQUEST - 64;
    let attributes = in_scope(&field(2, &[0x32, 0].repeat(room / 2)));
    let entries = in_scope(&field(2, &field(5, &field(6, &[0x0a, 0].repeat(room / 2)))));
    // Maps of one entry, as deep as they may be, side by side.
    let nested = (0..22).fold(vec![0x0a, 0], |inner, _| field(1, &field(2, &field(6, &inner))));
    let maps = in_scope(&field(2, &field(5, &field(6, &nested.repeat(room / nested.len())))));
    let records = in_scope(&[0x12, 0].repeat(room / 2));
    // A large resource over millions of scopes, with and without a record.
    let resource = field(1, &[0x0a, 0].repeat(90_000));
    let scopes =
        |scope: &[u8]| field(1, &[&resource[..], &scope.repeat((room - resource.len()) / scope.len())].concat());
    let heavy = field(1, &field(1, &field(1, &field(2, &field(1, &vec![b'x'; 899_950])))));
    let heavy = field(1, &[&heavy[4..], &field(2, &[0x12, 0].repeat((room - heavy.len()) / 2))].concat());
    let objects =
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{}}{}]}}]}}]}}"#, ",{}".repeat(room / 3));
    let zipped = |body: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    };
    let request = |name, head, body, status| Hostile { name, head, body, status };
    vec![
        request("gzip of attributes", GZIP, zipped(&attributes), 400),
        request("gzip of records", GZIP, zipped(&records), 429),
        request("attributes", PROTOBUF, attributes, 400),
        request("entries of a map", PROTOBUF, entries, 400),
        request("nested maps", PROTOBUF, maps, 400),
        request("records", PROTOBUF, records, 429),
        request("scopes without records", PROTOBUF, scopes(&[0x12, 0]), 413),
        request("scopes with a record", PROTOBUF, scopes(&[0x12, 2, 0x12, 0]), 413),
        request("malformed scopes", PROTOBUF, scopes(&[0x12, 5, 0x0a, 1, 0x0a, 0x12, 0]), 400),
        request("records under a heavy resource", PROTOBUF, heavy, 413),
        request("records in JSON", JSON, objects.into_bytes(), 429),
    ]
}

/// A length-delimited protobuf field.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push(length as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend_from_slice(bytes);
    field
}

/// A request of one scope with this content.
fn in_scope(content: &[u8]) -> Vec<u8> {
    field(1, &field(2, content))
}

/// The status of the answer; 0 where there is none.
fn send(address: &str, request: &Hostile) -> u16 {
    let mut socket = TcpStream::connect(address).expect("it listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let (head, length) = (request.head, request.body.len());
    let head = format!("{head}\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    // A refusal may come before all is written.
    let _ = socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(&request.body));
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

fn peak_mib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
}
