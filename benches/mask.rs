//! What masking costs: nanoseconds of one thread per typical payment record, without and with canonical text and checksum.
//! `cargo bench --bench mask`
#![allow(clippy::disallowed_macros, reason = "a benchmark prints its result")]

use std::borrow::Cow;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use sealtrail::mask::{Config, Engine, Received};
use sealtrail_chain::content::{Auth, By, Context, KeyValue, LogRecord, Origin, Resource, Scope, Value};

const RECORDS: u64 = 1000;
const ROUNDS: u64 = 200;

fn main() {
    let chain = "bench".parse().expect("a chain's name");
    let engine = Engine::load(&Config::default(), Path::new("."), &chain).unwrap_or_else(|errors| panic!("{errors:?}"));
    let texts: Vec<_> = (0..RECORDS).map(Texts::new).collect();
    for (name, with_values) in [("five findings and more a record", true), ("nothing to find", false)] {
        let mut best = u128::MAX;
        for _ in 0..ROUNDS {
            let records: Vec<_> = texts.iter().map(|texts| texts.record(with_values)).collect();
            let mut session = engine.session();
            let context = session.context(context()).expect("small");
            let start = Instant::now();
            for record in records {
                black_box(session.mask(&context, Received::new(record)).is_ok());
            }
            best = best.min(start.elapsed().as_nanos());
        }
        let mut write = u128::MAX;
        let tail = sealtrail_chain::content::Tail::write(&context());
        for _ in 0..ROUNDS {
            let records: Vec<_> = texts.iter().map(|texts| texts.record(with_values)).collect();
            let start = Instant::now();
            for record in records {
                black_box(sealtrail_chain::Content::write(&record, &tail).checksum());
            }
            write = write.min(start.elapsed().as_nanos());
        }
        let (best, write) = (best / u128::from(RECORDS), write / u128::from(RECORDS));
        println!(
            "{name}: {best} ns a record, of it {write} for canonical text and checksum, so {} for masking",
            best.saturating_sub(write)
        );
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
