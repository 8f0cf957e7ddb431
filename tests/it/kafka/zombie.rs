//! Two collectors of one chain: the older one that wakes up is fenced, and no record stands twice.

use std::path::Path;
use std::process::Command;

use super::{Chain, Load};
use crate::harness::{Collector, get, until};
use crate::parts::brokers;

/// The chain goes on elsewhere, from a copy of the frozen collector's data. When that wakes up it must not write behind the
/// other, nor take records that nobody would ever see.
#[test]
fn an_older_collector_that_wakes_up_is_fenced() {
    let part = brokers();
    let chain = Chain::new(&part, "kafka-zombie");
    let old = chain.start();
    let mut load = Load::new();
    load.onto(&old);
    load.wait_for(200);
    load.end();
    until("the stream has all of it", || old.scrape().contains("sealtrail_leg_lag_records{leg=\"stream\"} 0\n"));
    old.signal("-STOP");

    let place = tempfile::tempdir().expect("a temporary directory");
    copy(&chain.dir.path().join("data"), &place.path().join("data"));
    let new = Collector::start(place.path(), &chain.config(""));
    let mut new_load = Load { number: load.number.clone(), acknowledged: load.acknowledged.clone(), ..Load::new() };
    new_load.onto(&new);
    new_load.wait_for(200);

    let before = load.count();
    old.signal("-CONT");
    // Senders that still know the old one: what it takes before it knows stays in its log alone, so it isn't counted.
    let mut lost = Load { number: load.number.clone(), ..Load::new() };
    lost.onto(&old);
    until("the old one says that it is fenced", || {
        let (status, body) = get(&old.health, "/");
        status == 503 && body.contains("fenced")
    });
    until("it knows that by the other one's records", || old.scrape().contains("sealtrail_fenced 1\n"));
    let log = old.log();
    assert!(log.contains("another collector has taken this chain over"), "{log}");
    let taken = lost.count();
    new_load.wait_for(200);
    assert_eq!(lost.count(), taken, "a fenced collector takes nothing");
    assert!(load.count() > before);
    lost.end();
    new_load.end();
    let (status, log) = old.stop();
    assert!(status.success() && log.contains("stream: "), "what it holds is named: {log}");

    // Started again, it finds the chain elsewhere, and says how that is told.
    let Err(log) = Collector::try_start(chain.dir.path(), &chain.config(""), &[]) else {
        panic!("started behind the other")
    };
    assert!(log.contains("--continue-from-legs") || log.contains("wal import"), "{log}");
    let records = chain.stop_and_compare(new);
    load.end_and_find(&records);
}

/// A collector that was frozen for so long that Kafka gave its transaction up is no zombie: nobody else has gone on.
#[test]
fn a_collector_that_was_frozen_and_is_alone_goes_on() {
    let part = brokers();
    let chain = Chain::new(&part, "kafka-alone");
    let collector = Collector::start(chain.dir.path(), &chain.config(", transaction_timeout: 10s"));
    let mut load = Load::new();
    load.onto(&collector);
    load.wait_for(200);
    // Kafka looks for transactions that have run out every 10 s. Whether one was open at this moment is chance: then the
    // producer is fenced and must find out that it is alone, else it just goes on.
    for _ in 0..crate::harness::length("SEALTRAIL_FREEZES", 1) {
        collector.signal("-STOP");
        std::thread::sleep(std::time::Duration::from_secs(25));
        collector.signal("-CONT");
        until("records are taken again", || get(&collector.health, "/").0 == 200);
        load.wait_for(200);
    }
    load.end();
    let records = chain.stop_and_compare(collector);
    load.end_and_find(&records);
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(status.success());
    // The lock is the frozen process's; a copy has one of its own.
    let _ = std::fs::remove_file(to.join("wal/lock"));
}
