//! The metrics table: names, units and help in one place; names of the OpenTelemetry Collector where it has one.

use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram};
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Transport {
    pub transport: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Refusal {
    pub transport: &'static str,
    pub reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Rule {
    pub rule: String,
    pub class: &'static str,
}

/// A witness by the name of its key, which the configuration holds.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Witness {
    pub witness: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct WitnessFailure {
    pub witness: String,
    pub reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Leg {
    pub leg: &'static str,
}

type GaugeF64 = Gauge<f64, AtomicU64>;

/// Every metric of the process. Counters of the receivers count records.
pub struct Metrics {
    registry: Registry,
    pub accepted: Family<Transport, Counter>,
    pub refused: Family<Refusal, Counter>,
    pub requests_in_flight_bytes: Gauge,
    pub connections: Family<Transport, Gauge>,
    pub unknown_fields: Counter,
    pub masked: Family<Rule, Counter>,
    pub masking_fallbacks: Counter,
    pub distinct_tokens: Gauge,
    pub token_limit_exceeded: Counter,
    pub sealed: Counter,
    pub sync_seconds: Histogram,
    pub sync_failures: Counter,
    pub group_records: Histogram,
    pub wal_bytes: Gauge,
    pub wal_files: Gauge,
    pub wal_oldest_seconds: GaugeF64,
    pub wal_writable: Gauge,
    pub leg_records: Family<Leg, Counter>,
    pub leg_failures: Family<Leg, Counter>,
    pub leg_lag_records: Family<Leg, Gauge>,
    pub leg_lag_bytes: Family<Leg, Gauge>,
    pub leg_lag_seconds: Family<Leg, GaugeF64>,
    pub leg_up: Family<Leg, Gauge>,
    pub leg_circuit: Family<Leg, Gauge>,
    pub fenced: Gauge,
    pub checkpoint_size: Gauge,
    pub witness_size: Family<Witness, Gauge>,
    pub witness_failures: Family<WitnessFailure, Counter>,
    pub witness_lag_seconds: GaugeF64,
    pub witness_overdue: Counter,
    pub forked: Gauge,
    pub timestamp_size: Gauge,
    pub timestamp_failures: Counter,
    pub uptime_seconds: GaugeF64,
    pub memory_rss_bytes: Gauge,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

impl Metrics {
    /// The one set of the process.
    pub fn get() -> &'static Self {
        &METRICS
    }

    /// The text that Prometheus scrapes (OpenMetrics).
    pub fn encode(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("writing to a String can't fail");
        text
    }

    fn new() -> Self {
        let sync = || Histogram::new([0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0]);
        let group = || Histogram::new([1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0]);
        let mut registry = Registry::default();
        macro_rules! metric {
            ($name:literal, $help:literal) => {
                metric!($name, $help, Default::default())
            };
            ($name:literal, $help:literal, $new:expr) => {{
                let metric = $new;
                registry.register($name, $help, clone_of(&metric));
                metric
            }};
        }
        let accepted =
            metric!("otelcol_receiver_accepted_log_records", "Log records acknowledged after they were made durable");
        let refused = metric!("otelcol_receiver_refused_log_records", "Log records that were not taken, by reason");
        let requests_in_flight_bytes =
            metric!("sealtrail_receiver_in_flight_bytes", "Bytes of requests that the memory limiter has let in");
        let connections = metric!("sealtrail_receiver_connections", "Open connections");
        let unknown_fields =
            metric!("sealtrail_receiver_unknown_fields", "Fields of records that the format does not know, dropped");
        let masked = metric!("sealtrail_masked_values", "Values masked, by rule and class");
        let masking_fallbacks = metric!(
            "sealtrail_masking_fallbacks",
            "Values that were replaced whole because they could not be inspected within the limits"
        );
        let distinct_tokens = metric!(
            "sealtrail_masking_distinct_tokens",
            "Different tokens this hour, of the sender with the most of them"
        );
        let token_limit_exceeded = metric!(
            "sealtrail_masking_token_limit_exceeded",
            "Times that a sender passed the limit of different tokens in an hour, or doubled what it had passed"
        );
        let sealed = metric!("sealtrail_sealed_records", "Records sealed into the chain, own ones included");
        let sync_seconds = metric!("sealtrail_wal_sync_seconds", "Time of one group's write and fdatasync", sync());
        let sync_failures =
            metric!("sealtrail_wal_sync_failures", "Writes or syncs of the write-ahead log that failed");
        let group_records = metric!("sealtrail_wal_group_records", "Records that shared one fdatasync", group());
        let wal_bytes = metric!("sealtrail_wal_bytes", "Bytes of write-ahead log held for the legs");
        let wal_files = metric!("sealtrail_wal_files", "Files of write-ahead log held for the legs");
        let wal_oldest_seconds =
            metric!("sealtrail_wal_oldest_seconds", "Age of the oldest record that a leg has not confirmed");
        let wal_writable = metric!("sealtrail_wal_writable", "1 when new records are taken, else 0");
        let leg_records = metric!("otelcol_exporter_sent_log_records", "Records that a leg has confirmed");
        let leg_failures = metric!(
            "otelcol_exporter_send_failed_requests",
            "Batches or segments that a leg did not take; they are tried again"
        );
        let leg_lag_records = metric!("sealtrail_leg_lag_records", "Durable records that a leg has not confirmed");
        let leg_lag_bytes = metric!(
            "sealtrail_leg_lag_bytes",
            "Bytes of write-ahead log that a leg has not confirmed; a file held in part counts by its share of records"
        );
        let leg_lag_seconds =
            metric!("sealtrail_leg_lag_seconds", "Age of the oldest record that this leg has not confirmed");
        let leg_up = metric!("sealtrail_leg_up", "1 while the leg takes what it is given, else 0");
        let leg_circuit = metric!(
            "sealtrail_leg_circuit_state",
            "Circuit breaker of the leg: 0 closed (it takes what it is given), 1 half-open (an attempt after a failure is under way), 2 open (the next attempt is waited for)"
        );
        let fenced = metric!("sealtrail_fenced", "1 when another collector has taken the chain over, for good");
        let checkpoint_size = metric!("sealtrail_checkpoint_size", "Records under the newest signed checkpoint");
        let witness_size =
            metric!("sealtrail_witness_size", "Records under the newest checkpoint that this witness has cosigned");
        let witness_failures =
            metric!("sealtrail_witness_failures", "Requests that a witness did not cosign, by reason");
        let witness_lag_seconds = metric!(
            "sealtrail_witness_lag_seconds",
            "Age of the oldest stored checkpoint that no quorum of witnesses has cosigned"
        );
        let witness_overdue = metric!(
            "sealtrail_witness_overdue",
            "Times that a quorum of witnesses was missing for longer than seal.witness_max_lag"
        );
        let forked = metric!(
            "sealtrail_forked",
            "1 when a witness has seen another history of this chain: no checkpoint is signed any more"
        );
        let timestamp_size =
            metric!("sealtrail_timestamp_size", "Records under the newest checkpoint with a time stamp");
        let timestamp_failures =
            metric!("sealtrail_timestamp_failures", "Time stamps that were not given, or not sound");
        let uptime_seconds = metric!("otelcol_process_uptime_seconds", "Time since the start of the process");
        let memory_rss_bytes = metric!("otelcol_process_memory_rss_bytes", "Resident memory of the process");
        Self {
            registry,
            accepted,
            refused,
            requests_in_flight_bytes,
            connections,
            unknown_fields,
            masked,
            masking_fallbacks,
            distinct_tokens,
            token_limit_exceeded,
            sealed,
            sync_seconds,
            sync_failures,
            group_records,
            wal_bytes,
            wal_files,
            wal_oldest_seconds,
            wal_writable,
            leg_records,
            leg_failures,
            leg_lag_records,
            leg_lag_bytes,
            leg_lag_seconds,
            leg_up,
            leg_circuit,
            fenced,
            checkpoint_size,
            witness_size,
            witness_failures,
            witness_lag_seconds,
            witness_overdue,
            forked,
            timestamp_size,
            timestamp_failures,
            uptime_seconds,
            memory_rss_bytes,
        }
    }
}

/// Metrics are handles: a clone counts into the same place.
fn clone_of<M: Clone>(metric: &M) -> M {
    metric.clone()
}
