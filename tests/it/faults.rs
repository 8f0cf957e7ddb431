//! The fault matrix: promises 1, 3 and 4 with both real legs at once, under steady load from a real OTLP client. Whatever dies,
//! no acknowledged record is missing, none stands twice, the order is kept, both legs hold the same, and `verify` says so.
//!
//! A row says what it needs and what breaks and mends; everything before and after is the same for all (`run`). Faults come
//! from outside: signals, Toxiproxy, proxies that know a request, disks that fail. How long they last and how much is done says
//! the environment: `make test` runs the rows short and leaves those out that are marked `ignore`, `make test-faults` runs all
//! at full length. Each run prints its seed; `SEALTRAIL_SEED` gives the same payments and the same chances again, though not the
//! same moments, since the parts are real: exact crash points are the business of `src/deliver/tests/simulation.rs`.

mod archive;
mod clock;
mod judge;
mod kills;
mod load;
mod machine;
mod network;
mod scene;
mod stream;
mod table;

use crate::s3::proxy::Rule;
use crate::s3::server::Kind;
use scene::Scene;

/// One row of the matrix.
#[derive(Default)]
struct Row {
    /// Also the chain's name, its topics' and its bucket's.
    name: &'static str,
    kafka: Kafka,
    s3: S3,
    wal: Wal,
    /// Whether the collector's clock can be set.
    clock: bool,
    /// More of the configuration.
    config: &'static str,
    /// What the proxy before S3 does from the start on.
    rules: &'static [Rule],
    /// Own records that must stand in the chain at the end.
    sealed: &'static [&'static str],
    /// Breaks, shows that it did, and mends.
    fault: Option<fn(&mut Scene)>,
}

/// How the collector reaches the brokers.
#[derive(Default, PartialEq, Eq)]
enum Kafka {
    #[default]
    Shared,
    /// Through Toxiproxy: one row at a time.
    Proxied,
    /// The row breaks brokers: nobody else uses them meanwhile.
    Broken,
}

/// Which S3 server, and how it is reached.
enum S3 {
    Shared(Kind),
    /// Through a proxy that knows the first line of each request.
    Proxied(Kind),
    /// The row breaks it.
    Own(Kind, &'static [&'static str]),
}

impl Default for S3 {
    fn default() -> Self {
        Self::Shared(Kind::Minio)
    }
}

/// What the collector's data directory lies on; sizes in MiB.
#[derive(Default)]
enum Wal {
    #[default]
    Plain,
    Small(u32),
    Failing(u32),
}

/// A leg that was away says so, and that it is back.
const OUTAGE: &[&str] = &["sealtrail.leg.down", "sealtrail.leg.up"];

/// Runs a row and adds its numbers to the table.
fn run(row: Row) {
    let Some(mut scene) = Scene::set(&row) else {
        eprintln!("NOT PROVED: {} needs the right to mount", row.name);
        return;
    };
    scene.load.wait_for(200);
    if let Some(fault) = row.fault {
        fault(&mut scene);
    }
    table::add(&scene.finish(&row));
}

/// What all other rows are compared with.
#[test]
#[ignore = "`make test-faults` runs it"]
fn nothing_breaks() {
    run(Row { name: "none", fault: Some(|scene| scene.hold()), ..Row::default() });
}
