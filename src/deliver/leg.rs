//! What both legs have in common: going down and up, waiting between attempts, and how far they lag.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sealtrail_chain::{Sequence, UnixNanos};

use super::{Failure, Report};
use crate::host::Backoff;
use crate::observe::event::{Circuit, LegCircuit, LegFailed, LegStopped, LegUp};
use crate::observe::{Metrics, metrics};
use crate::seal::own::{Event, Kind};
use crate::wal::{FileState, Leg, Progress};

/// Whether a leg takes what it is given.
pub(super) struct Standing {
    leg: Leg,
    /// `None`: not tried yet.
    up: Option<bool>,
    circuit: Circuit,
    backoff: Backoff,
    report: Report,
}

impl Standing {
    /// A leg counts as up until it fails: its numbers stand on the metrics page from the start. `reached`: whether it answered
    /// when the collector started; else the first attempt decides.
    pub(super) fn new(leg: Leg, reached: bool, report: Report, seed: u64) -> Self {
        let (metrics, labels) = (Metrics::get(), metrics::Leg { leg: leg.name() });
        metrics.leg_up.get_or_create(&labels).set(1);
        drop(metrics.leg_failures.get_or_create(&labels));
        drop(metrics.leg_records.get_or_create(&labels));
        let circuit = if reached { Circuit::Closed } else { Circuit::HalfOpen };
        LegCircuit { leg: leg.name(), circuit }.emit();
        Self { leg, up: None, circuit, backoff: Backoff::new(seed), report }
    }

    /// Whether nothing says that it would take what it is given now.
    pub(super) fn is_down(&self) -> bool {
        self.circuit != Circuit::Closed
    }

    /// The wait behind a failure is over: the attempt that comes now decides.
    pub(super) fn tries(&mut self) {
        if self.circuit == Circuit::Open {
            self.turn(Circuit::HalfOpen);
        }
    }

    /// It did not take what it was given; says how long to wait before the next attempt.
    pub(super) fn failed(&mut self, failure: &Failure) -> Duration {
        let retry_in = self.backoff.failed();
        LegFailed { leg: self.leg.name(), error: failure, retry_in }.emit();
        self.down(failure.reason());
        retry_in
    }

    /// It did not take what it was given and won't be tried again until a person has looked at it.
    pub(super) fn stopped(&mut self, failure: &Failure) {
        LegStopped { leg: self.leg.name(), error: failure }.emit();
        // A new reason, although the leg may be down already.
        self.up = None;
        self.down(failure.reason());
    }

    /// It took what it was given.
    pub(super) fn succeeded(&mut self) {
        self.backoff.succeeded();
        self.turn(Circuit::Closed);
        if self.up == Some(true) {
            return;
        }
        if self.up == Some(false) {
            self.tell(Kind::LegUp, "success", None);
        }
        self.up = Some(true);
        LegUp { leg: self.leg.name() }.emit();
    }

    fn turn(&mut self, circuit: Circuit) {
        if self.circuit != circuit {
            self.circuit = circuit;
            LegCircuit { leg: self.leg.name(), circuit }.emit();
        }
    }

    fn down(&mut self, reason: &'static str) {
        self.turn(Circuit::Open);
        if self.up != Some(false) {
            self.up = Some(false);
            self.tell(Kind::LegDown, "failure", Some(reason));
        }
    }

    /// Own records are merged by kind and origin: the leg is the origin, so that one leg's doesn't hide the other's.
    fn tell(&self, kind: Kind, outcome: &str, reason: Option<&str>) {
        let mut event = Event::new(kind);
        event.origin = Some(self.leg.name().to_owned());
        event.resource = Some(self.leg.name().to_owned());
        event.outcome = Some(outcome.to_owned());
        event.reason = reason.map(str::to_owned);
        (self.report)(event);
    }
}

/// When the first record was observed that a leg doesn't hold, as far as the leg has looked. Whoever shows the lag reads it, for
/// a leg that hangs in a call shows nothing by itself.
#[derive(Clone, Default)]
pub(super) struct Oldest(Arc<AtomicU64>);

impl Oldest {
    pub(super) fn get(&self) -> Option<UnixNanos> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(UnixNanos(nanos)),
        }
    }

    pub(super) fn set(&self, observed: Option<UnixNanos>) {
        self.0.store(observed.map_or(0, |observed| observed.0), Ordering::Relaxed);
    }
}

/// How much of the log a leg does not hold yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lag {
    pub(super) records: u64,
    /// Of the log's files; of one that the leg holds in part, its share by records.
    pub(super) bytes: u64,
}

impl Lag {
    /// `next`: first record that the leg doesn't hold.
    pub(super) fn of(progress: &Progress, next: Sequence) -> Self {
        let bytes = progress.files.iter().map(|file| bytes_from(file, next)).sum();
        let end = progress.files.last().map_or(0, |file| file.first.get() + file.records);
        Self { records: end.saturating_sub(next.get()), bytes }
    }

    /// On the metrics page. `oldest`: when the first record was observed that the leg doesn't hold.
    pub(super) fn show(self, leg: Leg, oldest: Option<UnixNanos>, now: UnixNanos) {
        let (metrics, labels) = (Metrics::get(), metrics::Leg { leg: leg.name() });
        let age = oldest.filter(|_| self.records > 0).map_or(0, |oldest| now.0.saturating_sub(oldest.0));
        metrics.leg_lag_records.get_or_create(&labels).set(i64::try_from(self.records).unwrap_or(i64::MAX));
        metrics.leg_lag_bytes.get_or_create(&labels).set(i64::try_from(self.bytes).unwrap_or(i64::MAX));
        metrics.leg_lag_seconds.get_or_create(&labels).set(age as f64 / 1e9);
    }
}

fn bytes_from(file: &FileState, next: Sequence) -> u64 {
    let held = next.get().saturating_sub(file.first.get()).min(file.records);
    let lacking = u128::from(file.synced) * u128::from(file.records - held);
    lacking.checked_div(u128::from(file.records)).map_or(0, |bytes| bytes as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use sealtrail_chain::Hash;

    use super::*;

    #[test]
    fn a_lag_counts_whole_files_and_a_share_of_the_one_that_is_held_in_part() {
        let file = |first, records, synced| FileState {
            first: Sequence::new(first),
            synced,
            records,
            last_hash: Hash([0; 32]),
            closed: true,
        };
        let progress = Progress { files: vec![file(10, 10, 5_000), file(20, 4, 1_000)], finished: false };
        for (next, records, bytes) in
            [(0, 24, 6_000), (10, 14, 6_000), (15, 9, 3_500), (20, 4, 1_000), (23, 1, 250), (24, 0, 0)]
        {
            assert_eq!(Lag::of(&progress, Sequence::new(next)), Lag { records, bytes }, "{next}");
        }
        let empty = Progress { files: vec![file(0, 0, 300)], finished: false };
        assert_eq!(Lag::of(&empty, Sequence::ZERO), Lag { records: 0, bytes: 0 });
    }

    /// Closed while it takes what it is given; open between attempts, half-open in one.
    #[test]
    fn the_circuit_follows_the_attempts() {
        let events = Arc::new(Mutex::new(Vec::new()));
        let report: Report = {
            let events = events.clone();
            Arc::new(move |event: Event| events.lock().unwrap().push(event.kind))
        };
        let failure = Failure::Panic;
        let mut leg = Standing::new(Leg::Archive, false, report, 1);
        assert_eq!((leg.circuit, leg.is_down()), (Circuit::HalfOpen, true), "not reached yet");
        leg.succeeded();
        leg.tries();
        assert_eq!((leg.circuit, leg.is_down()), (Circuit::Closed, false));
        for _ in 0..2 {
            leg.failed(&failure);
            assert_eq!((leg.circuit, leg.is_down()), (Circuit::Open, true));
            leg.tries();
            assert_eq!((leg.circuit, leg.is_down()), (Circuit::HalfOpen, true));
        }
        leg.succeeded();
        assert_eq!(leg.circuit, Circuit::Closed);
        leg.stopped(&failure);
        assert_eq!(leg.circuit, Circuit::Open);
        assert_eq!(*events.lock().unwrap(), [Kind::LegDown, Kind::LegUp, Kind::LegDown]);
    }
}
