//! A start without the stream. (Outages are rows of `faults`.)

use super::Chain;
use crate::harness::Collector;
use crate::parts::brokers;

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
