//! What can die: the collector, in the middle of a transaction; brokers, one or all. `SEALTRAIL_KILLS` and
//! `SEALTRAIL_OUTAGE_SECONDS` ask for the full length.

use std::time::Duration;

use super::{Chain, Load};
use crate::harness::{Collector, length, until};
use crate::parts::{brokers, brokers_to_break};

/// Killed wherever it is: sealing, writing a transaction, waiting for a commit, signing, releasing.
#[test]
fn kill_9_in_the_middle_of_transactions_loses_and_repeats_nothing() {
    let part = brokers();
    let chain = Chain::new(&part, "kafka-kill");
    let mut load = Load::new();
    for round in 0..length("SEALTRAIL_KILLS", 6) {
        let collector = chain.start();
        load.onto(&collector);
        // Anywhere between two commits, which are some 150 ms apart.
        std::thread::sleep(Duration::from_millis(400 + round * 137 % 900));
        collector.kill();
    }
    let collector = chain.start();
    load.onto(&collector);
    load.wait_for(100);
    load.end();
    let records = chain.stop_and_compare(collector);
    assert!(load.end_and_find(&records) > 200, "almost nothing was acknowledged: the test proves nothing");
}

#[test]
fn the_leader_killed_under_load_loses_and_repeats_nothing() {
    let part = brokers_to_break();
    let chain = Chain::new(&part, "kafka-leader");
    let collector = chain.start();
    let mut load = Load::new();
    load.onto(&collector);
    load.wait_for(300);
    let leader = format!("kafka:{}", part.run(&["leader", &chain.topic(), "0"]));
    part.run(&["kill", &leader]);
    load.wait_for(300);
    until("the stream has caught up without the old leader", || lag(&collector) < 1_000);
    part.run(&["start", &leader]);
    load.wait_for(300);
    load.end();
    let records = chain.stop_and_compare(collector);
    load.end_and_find(&records);
}

/// The log takes what comes while no broker is there; a collector that is started meanwhile does the same.
#[test]
fn all_brokers_down_costs_nothing_acknowledged() {
    let part = brokers_to_break();
    let chain = Chain::new(&part, "kafka-outage");
    let collector = chain.start();
    let mut load = Load::new();
    load.onto(&collector);
    load.wait_for(300);
    part.run(&["kill", "kafka:all"]);
    until("the leg is down", || collector.scrape().contains("sealtrail_leg_up{leg=\"stream\"} 0\n"));
    load.wait_for(300);
    let at_least = load.count();
    collector.kill();
    let collector = chain.start();
    load.onto(&collector);
    load.wait_for(300);
    until("what comes is held for the stream", || lag(&collector) > 300);
    std::thread::sleep(Duration::from_secs(length("SEALTRAIL_OUTAGE_SECONDS", 5)));
    part.run(&["start", "kafka:all"]);
    until("the stream has caught up", || {
        collector.scrape().contains("sealtrail_leg_up{leg=\"stream\"} 1\n") && lag(&collector) < 1_000
    });
    load.wait_for(100);
    load.end();
    let records = chain.stop_and_compare(collector);
    assert!(load.end_and_find(&records) > at_least);
    let events = |name: &str| records.iter().filter(|(_, text)| text.contains(name)).count();
    assert!(events("sealtrail.leg.down") > 0 && events("sealtrail.leg.up") > 0, "the outage is sealed");
}

/// A frozen broker keeps its connections and answers nothing.
#[test]
fn a_frozen_leader_costs_nothing_acknowledged() {
    let part = brokers_to_break();
    let chain = Chain::new(&part, "kafka-frozen");
    let collector = chain.start();
    let mut load = Load::new();
    load.onto(&collector);
    load.wait_for(300);
    let leader = format!("kafka:{}", part.run(&["leader", &chain.topic(), "0"]));
    part.run(&["pause", &leader]);
    std::thread::sleep(Duration::from_secs(length("SEALTRAIL_OUTAGE_SECONDS", 12)));
    load.wait_for(300);
    until("the stream has caught up without the frozen leader", || lag(&collector) < 1_000);
    part.run(&["resume", &leader]);
    load.wait_for(300);
    load.end();
    let records = chain.stop_and_compare(collector);
    load.end_and_find(&records);
    // Its followers must be whole again before another test breaks one.
    part.run(&["start", "kafka:all"]);
}

/// A chain's first record is in the stream before a sender's is taken; without the stream there is no start.
#[test]
fn a_chain_does_not_begin_without_its_stream() {
    let part = brokers();
    let chain = Chain::new(&part, "kafka-begin");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").to_string();
    let config = chain.config("").replace(&chain.brokers.replace(',', "', '"), &nobody);
    let Err(log) = Collector::try_start(chain.dir.path(), &config, &[]) else { panic!("begun without a stream") };
    assert!(log.contains("no broker of") && log.contains(&nobody), "{log}");
    assert!(!chain.dir.path().join("data/keys").exists(), "no key is made for a chain that has not begun");
    let records = chain.stop_and_compare(chain.start());
    assert!(records[0].1.contains("sealtrail genesis v1"));
}

/// Records that the stream does not hold yet, as the metrics page last said.
fn lag(collector: &Collector) -> u64 {
    let page = collector.scrape();
    let line = page.lines().find_map(|line| line.strip_prefix("sealtrail_leg_lag_records{leg=\"stream\"} "));
    line.and_then(|number| number.parse().ok()).expect("the lag is on the page from the start")
}
