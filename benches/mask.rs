//! What masking costs: nanoseconds of one thread per record, without and with canonical text and checksum, and the bytes of
//! text of several kinds a second in which there is nothing to find. Beside it what the OpenTelemetry Collector's own processors
//! need for the same records (`benches/peers`).
//!
//! `make bench`, or `cargo bench --bench mask` with `SEALTRAIL_PEERS` naming that program. Each figure is the least of many short rounds: the machine may be busy with other things.
#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "a benchmark prints its result, and keeps no promise"
)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use prost::Message;
use sealtrail::cli::payments::Payments;
use sealtrail::mask::{Config, Engine, Received};
use sealtrail_chain::content::otlp::{self, Malformed, Visit};
use sealtrail_chain::content::{Auth, By, Context, KeyValue, LogRecord, Origin, Resource, Scope, Tail, Value};

const RECORDS: u64 = 100;
const ROUNDS: u64 = 1000;

fn main() {
    let chain = "bench".parse().expect("a chain's name");
    let engine = Engine::load(&Config::default(), Path::new("."), &chain).unwrap_or_else(|errors| panic!("{errors:?}"));
    let texts: Vec<_> = (0..RECORDS).map(Texts::new).collect();
    // The load of `benches/collect.rs`, read from the wire as the collector reads it.
    let request = Payments::new(1, 1_800_000_000_000_000_000).request(RECORDS as usize).0.encode_to_vec();
    let mut payments = 0;
    for (name, records) in [
        ("five findings and more", (&|| texts.iter().map(|texts| texts.record(true)).collect()) as &Load<'_>),
        ("nothing to find", &|| texts.iter().map(|texts| texts.record(false)).collect()),
        ("payments of `collect`", &|| read(&request)),
    ] {
        let (all, write) = (best(|| mask(&engine, records())), best(|| write(records())));
        payments = all.saturating_sub(write);
        println!("{name}: {all} ns a record, of it {write} for canonical text and checksum, so {payments} for masking");
    }
    compare(&request, payments);
    for (name, write_text) in [
        ("ordinary lines", lines as fn(u64) -> String),
        ("Chinese text", chinese),
        ("JSON text", json),
        ("stack traces", stack),
    ] {
        let texts: Vec<_> = (0..RECORDS).map(write_text).collect();
        let bytes = texts.iter().map(String::len).sum::<usize>() as u64;
        let records: &Load<'_> = &|| texts.iter().map(|text| record(text, Vec::new())).collect();
        let masking = best(|| mask(&engine, records())).saturating_sub(best(|| write(records()))).max(1);
        println!("{name}, nothing to find: {} MB/s", bytes * 1000 / (masking * RECORDS));
    }
}

/// What the processors of the OpenTelemetry Collector need for the records whose masking takes us so many nanoseconds.
fn compare(request: &[u8], ours: u64) {
    let Some(peers) = std::env::var_os("SEALTRAIL_PEERS").filter(|peers| Path::new(peers).exists()) else {
        println!("not compared with OTTL: SEALTRAIL_PEERS names no program (`make bench` builds it where there is Go)");
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("request");
    std::fs::write(&path, request).expect("written");
    let output = Command::new(peers).arg("cost").arg(&path).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let costs: BTreeMap<String, f64> = serde_json::from_slice(&output.stdout).expect("microseconds by processor");
    for (processor, cost) in costs {
        println!(
            "the Collector's {processor}: {:.0} ns a record; ours are {:.3} of it",
            cost * 1e3,
            ours as f64 / cost / 1e3
        );
    }
}

type Load<'a> = dyn Fn() -> Vec<LogRecord<'a>> + 'a;

/// The least nanoseconds a record of many rounds; a round says how long it took.
fn best(round: impl Fn() -> u128) -> u64 {
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default() as u64 / RECORDS
}

fn mask(engine: &Engine, records: Vec<LogRecord<'_>>) -> u128 {
    let mut session = engine.session();
    let context = session.context(context()).expect("small");
    let start = Instant::now();
    for record in records {
        black_box(session.mask(&context, Received::new(record)).is_ok());
    }
    start.elapsed().as_nanos()
}

fn write(records: Vec<LogRecord<'_>>) -> u128 {
    let tail = Tail::write(&context());
    let start = Instant::now();
    for record in records {
        black_box(sealtrail_chain::Content::write(&record, &tail).checksum());
    }
    start.elapsed().as_nanos()
}

fn read(request: &[u8]) -> Vec<LogRecord<'_>> {
    struct Gather<'a>(Vec<LogRecord<'a>>);
    impl<'a> Visit<'a> for Gather<'a> {
        fn scope(&mut self, _: Result<Context<'a>, Malformed>) {}
        fn record(&mut self, record: Result<LogRecord<'a>, Malformed>) {
            self.0.extend(record);
        }
        fn unknown_fields(&mut self, _: u64) {}
    }
    let mut gather = Gather(Vec::new());
    otlp::read(request, &context().received, &mut gather).expect("sound");
    gather.0
}

/// Twenty lines as services write them: times, addresses, ports, durations, ids, a trace; no value that a rule is after.
fn lines(seed: u64) -> String {
    let random = |place: u64| (seed * 31 + place + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let mut text = String::new();
    for line in 0..20 {
        let [a, b, c, d, e] = std::array::from_fn(|place| random(line * 5 + place as u64));
        let written = match line % 5 {
            0 => writeln!(
                text,
                "2026-11-25T08:{:02}:{:02}.{:03}Z INFO [http-nio-8080-exec-{}] c.p.gateway.Controller - GET /v1/merchants/M{:08}/status 200 {} ms",
                a % 60,
                b % 60,
                c % 1000,
                line % 16,
                d % 100_000_000,
                e % 900
            ),
            1 => writeln!(
                text,
                "connection from 10.{}.{}.{}:{} accepted, request id {:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}",
                a % 256,
                b % 256,
                c % 256,
                1024 + d % 60_000,
                a & 0xffff_ffff,
                b & 0xffff,
                c & 0xfff,
                d & 0xfff,
                e & 0xffff_ffff_ffff
            ),
            2 => writeln!(
                text,
                "flushed batch of {} records to segment {:016} in {}.{:03} s, lag 0, checkpoint signed",
                a % 5000,
                b % 1_000_000,
                c % 3,
                d % 1000
            ),
            3 => writeln!(
                text,
                "circuit breaker for issuer gateway closed again after three successful probes; routing resumes with normal priority"
            ),
            _ => writeln!(
                text,
                "retry {} of 5 for order A-{:06}: upstream answered 503, next attempt in {} ms, trace {:016x}{:016x}",
                a % 5,
                b % 1_000_000,
                c % 3000,
                d.wrapping_mul(77_777_777_777),
                e.wrapping_mul(99_999_999_977)
            ),
        };
        written.expect("a String takes it");
    }
    text
}

fn spread(seed: u64, line: u64) -> u64 {
    (seed * 131 + line).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 30
}

/// A report in Chinese: few digits, and punctuation that folds.
fn chinese(seed: u64) -> String {
    let sentence = |line| {
        let n = spread(seed, line);
        let (hour, minute, batch, count) = (n % 24, n % 60, n % 900, n % 5000);
        format!(
            "系统在{hour}时{minute}分完成了第{batch}批对账，共处理{count}笔交易，渠道返回成功，未发现差异；下一批稍后开始，请值班人员关注监控。"
        )
    };
    (0..12).map(sentence).collect()
}

/// A batch as JSON with escapes in it, so that it is looked at twice.
fn json(seed: u64) -> String {
    let item = |line| {
        let n = spread(seed, line);
        let (id, merchant, count, minute) = (n & 0xffff_ffff, n % 100_000_000, n % 5000, n % 60);
        format!(
            r#"{{"id":"{id:08x}-{count:04}","merchant":"M{merchant:08}","status":"OK","count":{count},"note":"one\n\"two\"","at":"2026-11-25T08:{minute:02}:00Z"}}"#
        )
    };
    format!(r#"{{"event":"settlement.batch","items":[{}]}}"#, (0..12).map(item).collect::<Vec<_>>().join(","))
}

/// An exception of 25 frames.
fn stack(seed: u64) -> String {
    let frame = |line| {
        let n = spread(seed, line);
        format!("\n\tat com.example.payments.gateway.Handler{}.process(Handler.java:{})", n % 4, n % 900)
    };
    let head = "java.lang.IllegalStateException: settlement of batch failed: upstream closed the connection";
    (0..25).map(frame).fold(head.to_owned(), |text, frame| text + &frame)
}

fn record<'a>(body: &'a str, attributes: Vec<KeyValue<'a>>) -> LogRecord<'a> {
    LogRecord {
        time_unix_nano: 1_795_449_600_000_000_000,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Value::String(Cow::Borrowed(body)),
        attributes,
        trace_id: Cow::Borrowed(&[7; 16]),
        span_id: Cow::Borrowed(&[7; 8]),
        ..LogRecord::default()
    }
}

/// The texts of one record, owned as the request's bytes would own them.
struct Texts {
    body: String,
    card: String,
    id: String,
    phone: String,
    email: String,
    transaction: String,
    actor: String,
    address: String,
    amount: f64,
}

impl Texts {
    fn new(seed: u64) -> Self {
        let random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let head = format!("411111{:09}", random % 1_000_000_000);
        let card = (0..10).map(|last| format!("{head}{last}")).find(|number| luhn(number)).expect("one of ten");
        let phone = format!("13{:09}", random % 999_999_999);
        let email = "zhang.san@example.com".to_owned();
        let amount = (random % 100_000_000) as f64 / 1000.0;
        Self {
            body: format!(
                "payment authorised card {card} cvv {:03} phone {phone} email {email} amount {amount:.3} merchant M{:08} terminal T{:06} gateway response approved",
                random % 1000,
                random % 100_000_000,
                random % 1_000_000
            ),
            id: format!("110101{}0{}1{}{:04}", 1950 + random % 50, 1 + random % 9, random % 9, random % 10_000),
            transaction: format!("{:08x}-{seed:08x}-{:04x}", random & 0xffff_ffff, random & 0xffff),
            actor: format!("operator-{:04}", random % 10_000),
            address: format!("10.{}.{}.{}", random % 256, seed % 256, random % 199),
            card,
            phone,
            email,
            amount,
        }
    }

    fn record(&self, with_values: bool) -> LogRecord<'_> {
        let text =
            |key: &'static str, value| KeyValue { key: Cow::Borrowed(key), value: Value::String(Cow::Borrowed(value)) };
        let mut attributes = vec![
            text("transaction_id", self.transaction.as_str()),
            text("actor", &self.actor),
            text("action", "payment.authorise"),
            text("outcome", "success"),
            text("client.address", &self.address),
        ];
        if with_values {
            attributes.extend([
                text("card_number", self.card.as_str()),
                text("cvv", "737"),
                text("id_card", &self.id),
                text("phone", &self.phone),
                text("email", &self.email),
                KeyValue { key: "amount".into(), value: Value::Double(self.amount) },
            ]);
        }
        let body = if with_values {
            self.body.as_str()
        } else {
            "payment authorised for order A-17, merchant M00000042, gateway response approved in 12 ms"
        };
        record(body, attributes)
    }
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let digit = u32::from(b - b'0') * (1 + i as u32 % 2);
            digit / 10 + digit % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

fn context() -> Context<'static> {
    Context {
        received: Origin { auth: Auth::None, by: By::Sender, peer: None, subject: None },
        resource: Resource {
            attributes: vec![KeyValue { key: "service.name".into(), value: Value::String("payment-gateway".into()) }],
            ..Resource::default()
        },
        resource_schema_url: "".into(),
        scope: Scope { name: "audit".into(), ..Scope::default() },
        scope_schema_url: "".into(),
    }
}
