//! A start without the stream, and what waiting for it costs. (Outages are rows of `faults`.)

use std::time::{Duration, Instant};

use super::{Chain, Load};
use crate::harness::Collector;
use crate::parts::{brokers, brokers_to_break};

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

/// While frozen brokers hold a transaction, the leg sleeps: an outage must not cost the machine a core.
#[test]
fn waiting_for_the_stream_costs_no_processor() {
    let part = brokers_to_break();
    let chain = Chain::new(&part, "kafka-wait");
    let collector = chain.start();
    let mut load = Load::new();
    load.onto(&collector);
    load.wait_for(300);
    part.run(&["pause", "kafka:all"]);
    load.wait_for(300);
    load.end();
    let (before, started) = (processor_time(&collector), Instant::now());
    std::thread::sleep(Duration::from_secs(4));
    let (spent, took) = (processor_time(&collector) - before, started.elapsed());
    part.run(&["resume", "kafka:all"]);
    assert!(spent < took / 4, "{spent:?} of processor time in {took:?}");
    let records = chain.stop_and_compare(collector);
    load.end_and_find(&records);
}

/// User and system time of the process so far (proc(5), `stat`, fields 14 and 15), in ticks of 10 ms.
fn processor_time(collector: &Collector) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", collector.pid())).expect("it runs");
    let behind_name = stat.rsplit_once(") ").expect("a name in brackets").1;
    let ticks =
        behind_name.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum::<u64>();
    Duration::from_millis(ticks * 10)
}
