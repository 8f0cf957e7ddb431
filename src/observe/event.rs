//! The events: `observe::event::Refused { … }.emit()`. Fields are numbers, names from the configuration and closed lists.

use std::path::Path;
use std::time::Duration;

use sealtrail_chain::Sequence;
use tracing::{debug, error, info, warn};

use super::Metrics;
use super::metrics::{Leg, Refusal, Transport, Witness, WitnessFailure};

/// A request was acknowledged.
pub struct Accepted {
    pub transport: &'static str,
    pub records: u64,
}

impl Accepted {
    pub fn emit(self) {
        Metrics::get().accepted.get_or_create(&Transport { transport: self.transport }).inc_by(self.records);
        debug!(transport = self.transport, records = self.records, "accepted");
    }
}

/// Records were not taken. `reason` is from a closed list.
pub struct Refused {
    pub transport: &'static str,
    pub reason: &'static str,
    pub records: u64,
}

impl Refused {
    pub fn emit(self) {
        let labels = Refusal { transport: self.transport, reason: self.reason };
        Metrics::get().refused.get_or_create(&labels).inc_by(self.records);
        debug!(transport = self.transport, reason = self.reason, records = self.records, "refused");
    }
}

/// A group became durable.
pub struct Synced {
    pub records: u64,
    pub took: Duration,
}

impl Synced {
    pub fn emit(self) {
        let metrics = Metrics::get();
        metrics.sealed.inc_by(self.records);
        metrics.group_records.observe(self.records as f64);
        metrics.sync_seconds.observe(self.took.as_secs_f64());
    }
}

/// The log could not write or sync; nothing of the group was acknowledged.
pub struct SyncFailed<'a> {
    pub file: Sequence,
    pub error: &'a std::io::Error,
}

impl SyncFailed<'_> {
    pub fn emit(self) {
        Metrics::get().sync_failures.inc();
        error!(file = %self.file, error = %self.error, "the write-ahead log could not be written; its file ends here and a new one takes over");
    }
}

/// A leg confirmed records.
pub struct Delivered {
    pub leg: &'static str,
    pub first: Sequence,
    pub last: Sequence,
}

impl Delivered {
    pub fn emit(self) {
        let records = self.last.get() - self.first.get() + 1;
        Metrics::get().leg_records.get_or_create(&Leg { leg: self.leg }).inc_by(records);
        debug!(leg = self.leg, first = %self.first, last = %self.last, "delivered");
    }
}

/// A leg did not take what it was given; it is tried again.
pub struct LegFailed<'a> {
    pub leg: &'static str,
    pub error: &'a dyn std::error::Error,
    pub retry_in: Duration,
}

impl LegFailed<'_> {
    pub fn emit(self) {
        let metrics = Metrics::get();
        metrics.leg_failures.get_or_create(&Leg { leg: self.leg }).inc();
        metrics.leg_up.get_or_create(&Leg { leg: self.leg }).set(0);
        warn!(leg = self.leg, error = %self.error, retry_in_ms = self.retry_in.as_millis() as u64, "leg down");
    }
}

/// A leg takes what it is given (again).
pub struct LegUp {
    pub leg: &'static str,
}

impl LegUp {
    pub fn emit(self) {
        Metrics::get().leg_up.get_or_create(&Leg { leg: self.leg }).set(1);
        info!(leg = self.leg, "leg up");
    }
}

/// Whether a leg is given anything: the states of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Circuit {
    /// It takes what it is given.
    Closed,
    /// The attempt that is under way decides.
    HalfOpen,
    /// It failed: nothing before the next attempt.
    Open,
}

/// A leg's circuit breaker has changed.
pub struct LegCircuit {
    pub leg: &'static str,
    pub circuit: Circuit,
}

impl LegCircuit {
    pub fn emit(self) {
        Metrics::get().leg_circuit.get_or_create(&Leg { leg: self.leg }).set(self.circuit as i64);
        debug!(leg = self.leg, circuit = ?self.circuit, "circuit breaker");
    }
}

/// A leg won't be tried again before a restart.
pub struct LegStopped<'a> {
    pub leg: &'static str,
    pub error: &'a dyn std::error::Error,
}

impl LegStopped<'_> {
    pub fn emit(self) {
        let (metrics, labels) = (Metrics::get(), Leg { leg: self.leg });
        metrics.leg_failures.get_or_create(&labels).inc();
        metrics.leg_up.get_or_create(&labels).set(0);
        error!(
            leg = self.leg, error = %self.error,
            "leg stopped: it is not tried again before a restart; what it lacks stays in the write-ahead log"
        );
    }
}

/// Another collector of the same chain has gone on with it. Nothing more is taken here, so it can't be sealed either.
pub struct Fenced<'a> {
    pub error: &'a dyn std::error::Error,
}

impl Fenced<'_> {
    pub fn emit(self) {
        Metrics::get().fenced.set(1);
        error!(
            error = %self.error,
            "fenced: another collector has taken this chain over; no more records are taken, and what only this one's write-ahead log holds stays there"
        );
    }
}

/// A witness has cosigned a stored checkpoint, and that is stored, too.
pub struct Witnessed<'a> {
    pub witness: &'a str,
    pub size: u64,
    /// By the witness's clock.
    pub unix_seconds: u64,
}

impl Witnessed<'_> {
    pub fn emit(self) {
        let labels = Witness { witness: self.witness.to_owned() };
        Metrics::get().witness_size.get_or_create(&labels).set(i64::try_from(self.size).unwrap_or(i64::MAX));
        info!(witness = self.witness, size = self.size, unix_seconds = self.unix_seconds, "checkpoint cosigned");
    }
}

/// A witness has not cosigned what it was asked about; it is asked again.
pub struct WitnessFailed<'a> {
    pub witness: &'a str,
    pub error: &'a dyn std::error::Error,
    pub reason: &'static str,
    pub retry_in: Duration,
}

impl WitnessFailed<'_> {
    pub fn emit(self) {
        let labels = WitnessFailure { witness: self.witness.to_owned(), reason: self.reason };
        Metrics::get().witness_failures.get_or_create(&labels).inc();
        warn!(witness = self.witness, error = %self.error, retry_in_ms = self.retry_in.as_millis() as u64, "checkpoint not cosigned");
    }
}

/// A stored checkpoint has a time stamp, and that is stored, too.
pub struct Stamped {
    pub size: u64,
    /// By the authority's clock.
    pub unix_seconds: u64,
}

impl Stamped {
    pub fn emit(self) {
        Metrics::get().timestamp_size.set(i64::try_from(self.size).unwrap_or(i64::MAX));
        info!(size = self.size, unix_seconds = self.unix_seconds, "checkpoint time stamped");
    }
}

/// A time stamping authority has given no stamp, or none that holds; it is asked again.
pub struct StampFailed<'a> {
    pub error: &'a dyn std::error::Error,
    pub retry_in: Duration,
}

impl StampFailed<'_> {
    pub fn emit(self) {
        Metrics::get().timestamp_failures.inc();
        warn!(error = %self.error, retry_in_ms = self.retry_in.as_millis() as u64, "checkpoint not time stamped");
    }
}

/// A quorum of witnesses has been missing for too long.
pub struct WitnessesOverdue {
    pub needed: usize,
    pub lag: Duration,
}

impl WitnessesOverdue {
    pub fn emit(self) {
        Metrics::get().witness_overdue.inc();
        error!(
            needed = self.needed,
            lag_seconds = self.lag.as_secs(),
            "no quorum of witnesses has cosigned the newest checkpoints: another history of this chain would not be noticed"
        );
    }
}

/// A witness has seen another history of this chain.
pub struct Forked<'a> {
    pub witness: &'a str,
    pub why: &'a str,
    pub mark: &'a Path,
}

impl Forked<'_> {
    pub fn emit(self) {
        Metrics::get().forked.set(1);
        error!(
            witness = self.witness, why = self.why, mark = %self.mark.display(),
            "FORK: a witness has seen another history of this chain; no checkpoint is signed any more. Compare what it has \
             with the archive (`sealtrail verify --since-checkpoint`), and take the mark away only when it is understood"
        );
    }
}

/// Signing is off since a witness saw another history, before this start.
pub struct StillForked<'a> {
    pub mark: &'a Path,
}

impl StillForked<'_> {
    pub fn emit(self) {
        Metrics::get().forked.set(1);
        error!(
            mark = %self.mark.display(),
            "no checkpoint is signed: a witness has seen another history of this chain, as the mark says; take it away only \
             when that is understood, and start again"
        );
    }
}

/// Rules that were to be taken over are wrong.
pub struct RulesRefused<'a> {
    pub error: &'a dyn std::error::Error,
}

impl RulesRefused<'_> {
    pub fn emit(self) {
        warn!(error = %self.error, "rules refused; the old ones stay in force");
    }
}
