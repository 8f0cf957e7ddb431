//! What one payment record costs on its way through content, in nanoseconds: `cargo bench -p sealtrail-chain`.
//!
//! The best of many rounds is shown: what the work costs when nothing else disturbs it.
// Numbers for whoever runs it: stdout is what a bench is for.
#![allow(clippy::disallowed_macros)]

use std::hint::black_box;
use std::time::Instant;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord as ProtoLog, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use sealtrail_chain::content::otlp::{Malformed, Visit, Writer, read, read_stream};
use sealtrail_chain::content::{self, Auth, By, Content, Context, LogRecord, Origin, Tail};
use sealtrail_chain::{Checksum, Hash, Link, Sequence, UnixNanos};

const RECORDS: usize = 1000;
const ROUNDS: usize = 200;

fn main() {
    let request = payments();
    let bytes = request.encode_to_vec();
    let received =
        Origin { auth: Auth::Token, by: By::Sender, peer: Some("203.0.113.7".into()), subject: Some("till-7".into()) };
    let mut records = Gathered::default();
    read(&bytes, &received, &mut records).expect("the request is sound");
    let tail = Tail::write(&records.context.expect("the request has a scope"));
    let contents: Vec<Content> = records.logs.iter().map(|log| Content::write(log, &tail)).collect();
    let text: usize = contents.iter().map(|content| content.as_str().len()).sum();
    println!("{} bytes of protobuf, {} of content a record", bytes.len() / RECORDS, text / RECORDS);

    measure("prost decode", || drop(black_box(ExportLogsServiceRequest::decode(bytes.as_slice()))));
    measure("otlp::read", || read(&bytes, &received, &mut Passed).expect("the request is sound"));
    measure("Content::write", || {
        records.logs.iter().for_each(|log| drop(black_box(Content::write(log, &tail))));
    });
    measure("content::read", || {
        contents.iter().for_each(|content| drop(black_box(content::read(content.as_str()).ok())));
    });
    measure("content::read_log", || {
        contents.iter().for_each(|content| drop(black_box(content::read_log(content.as_str()).ok())));
    });
    let mut writer = Writer::default();
    measure("Writer", || drop(black_box(stream(&mut writer, &contents))));
    let message = stream(&mut writer, &contents);
    measure("read_stream", || read_stream(&message, &mut |streamed| drop(black_box(streamed))).expect("as written"));
}

fn measure(name: &str, mut work: impl FnMut()) {
    let mut round = || {
        let start = Instant::now();
        work();
        start.elapsed().as_nanos() / RECORDS as u128
    };
    let best = (0..ROUNDS).map(|_| round()).min().unwrap_or_default();
    println!("{name:20} {best:5} ns a record");
}

fn stream(writer: &mut Writer, contents: &[Content]) -> Vec<u8> {
    let chain = "payments-eu-1".parse().expect("a sound name");
    for (at, content) in contents.iter().enumerate() {
        let link = Link {
            sequence: Sequence::new(at as u64),
            observed: UnixNanos(1_790_000_000_000_000_000),
            previous: Hash([1; 32]),
            checksum: Checksum([2; 32]),
            hash: Hash([3; 32]),
        };
        writer.push(&chain, &link, content.as_str()).expect("a content is canonical");
    }
    writer.finish()
}

struct Passed;

impl<'a> Visit<'a> for Passed {
    fn scope(&mut self, context: Result<Context<'a>, Malformed>) {
        drop(black_box(context));
    }
    fn record(&mut self, record: Result<LogRecord<'a>, Malformed>) {
        drop(black_box(record));
    }
    fn unknown_fields(&mut self, _: u64) {}
}

#[derive(Default)]
struct Gathered<'a> {
    context: Option<Context<'a>>,
    logs: Vec<LogRecord<'a>>,
}

impl<'a> Visit<'a> for Gathered<'a> {
    fn scope(&mut self, context: Result<Context<'a>, Malformed>) {
        self.context = context.ok();
    }
    fn record(&mut self, record: Result<LogRecord<'a>, Malformed>) {
        self.logs.extend(record);
    }
    fn unknown_fields(&mut self, _: u64) {}
}

fn payments() -> ExportLogsServiceRequest {
    let resource = Resource {
        attributes: vec![
            text("service.name", "payment-gateway"),
            text("service.version", "4.2.1"),
            text("host.name", "pay-07"),
        ],
        ..Default::default()
    };
    let scope = InstrumentationScope { name: "payments.audit".into(), version: "1.4.0".into(), ..Default::default() };
    let scoped =
        ScopeLogs { scope: Some(scope), log_records: (0..RECORDS as u64).map(payment).collect(), ..Default::default() };
    let group = ResourceLogs { resource: Some(resource), scope_logs: vec![scoped], ..Default::default() };
    ExportLogsServiceRequest { resource_logs: vec![group] }
}

fn payment(number: u64) -> ProtoLog {
    let time = 1_790_000_000_000_000_000 + number * 12_345_678;
    ProtoLog {
        time_unix_nano: time,
        observed_time_unix_nano: time + 250_000,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(AnyValue {
            value: Some(Value::StringValue(format!("payment authorised for order {number:08} by issuer"))),
        }),
        attributes: vec![
            text("transaction_id", &format!("tx-{number:016x}")),
            text("actor", "merchant:10482"),
            text("action", "payment.authorise"),
            text("outcome", "success"),
            text("card_number", "4111********1111"),
            text("customer.email", "an***@example.com"),
            text("customer.phone", "138****5678"),
            text("currency", "EUR"),
            KeyValue {
                key: "amount".into(),
                value: Some(AnyValue { value: Some(Value::DoubleValue(number as f64 / 100.0)) }),
                ..Default::default()
            },
            KeyValue {
                key: "attempt".into(),
                value: Some(AnyValue { value: Some(Value::IntValue(1)) }),
                ..Default::default()
            },
            text("client.address", "198.51.100.23"),
        ],
        trace_id: vec![0x5b; 16],
        span_id: vec![0xc7; 8],
        flags: 1,
        event_name: "payment.authorised".into(),
        ..Default::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.into())) }),
        ..Default::default()
    }
}
