//! `sealtrail rules bench`: what each rule costs.

use std::hint::black_box;
use std::time::Instant;

use clap::Args;
use prost::Message as _;
use sealtrail_chain::content::otlp::{self, Malformed, Visit};
use sealtrail_chain::content::{Auth, By, Context, KeyValue, LogRecord, Origin, Value};

use super::{Which, say};
use crate::cli::exit::Exit;
use crate::cli::payments::Payments;
use crate::mask::Engine;

/// Measures what each rule costs, alone and with all others, over made-up payments and over a text without a value.
///
/// Nanoseconds of one thread a record, the least of several rounds, beyond what no rule at all costs. What rules share (finding
/// numbers, reading escapes) is in the cost of each that asks for it, so the sum is more than all of them together.
#[derive(Args)]
#[command(after_help = "\
Example:
  sealtrail rules bench payment my-rules.yaml

Exit codes: 0 measured; 2 could not run.")]
pub(super) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Rounds over all records.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
}

const RECORDS: usize = 100;
/// Unix nanoseconds of the first payment.
const TIME: u64 = 1_800_000_000_000_000_000;
const CLEAN: &str = "routing table reloaded in 12 ms: upstream pool is healthy, connections drained, cache warmed; nothing else \
                     happened during this interval, so the next check follows after the usual pause";

pub(super) fn run(arguments: &Arguments) -> Exit {
    let engine = match arguments.which.load_or_say() {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let request = Payments::new(1, TIME).request(RECORDS).0.encode_to_vec();
    let mut payments = Loads(Vec::new());
    let origin = Origin { auth: Auth::None, by: By::Sender, peer: None, subject: None };
    otlp::read(&request, &origin, &mut payments).expect("what was just written can be read");
    let clean = vec![vec![(None, Value::String(CLEAN.into()))]; RECORDS];
    let say_row = |name: &str, rules: u64| {
        let [payments, clean] = [&payments.0, &clean].map(|records| cost(&engine, records, rules, arguments.rounds));
        say(format_args!("{name:<24} {payments:>12} {clean:>12}"));
    };
    say(format_args!("{:<24} {:>12} {:>12}", "rule, ns a record", "payments", "clean text"));
    for (place, id) in engine.rule_ids().enumerate() {
        say_row(id, 1 << place);
    }
    say_row("all", u64::MAX);
    Exit::Ok
}

type Record<'r> = Vec<(Option<&'r str>, Value<'r>)>;

/// Nanoseconds a record that `rules` cost: rounds with them and without any by turns, so that a busy machine is busy for both.
fn cost(engine: &Engine, records: &[Record<'_>], rules: u64, rounds: u32) -> u64 {
    let mut trial = engine.trial();
    let mut round = |rules| {
        trial.only(rules);
        let start = Instant::now();
        for (key, value) in records.iter().flatten() {
            black_box(trial.mask(*key, value.clone()));
        }
        start.elapsed().as_nanos()
    };
    let (mut with, mut without) = (u128::MAX, u128::MAX);
    for _ in 0..rounds {
        with = with.min(round(rules));
        without = without.min(round(0));
    }
    with.saturating_sub(without) as u64 / RECORDS as u64
}

/// Records as the values that they hold.
struct Loads<'r>(Vec<Record<'r>>);

impl<'r> Visit<'r> for Loads<'r> {
    fn scope(&mut self, _: Result<Context<'r>, Malformed>) {}

    fn record(&mut self, record: Result<LogRecord<'r>, Malformed>) {
        let Ok(LogRecord { body, attributes, .. }) = record else { return };
        let borrowed = |KeyValue { key, value }| match key {
            std::borrow::Cow::Borrowed(key) => Some((Some(key), value)),
            std::borrow::Cow::Owned(_) => None,
        };
        self.0.push([(None, body)].into_iter().chain(attributes.into_iter().filter_map(borrowed)).collect());
    }

    fn unknown_fields(&mut self, _: u64) {}
}
