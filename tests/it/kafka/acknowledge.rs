//! Promise 1 in its second form, `acknowledge: stream`: what was acknowledged is in Kafka already, whatever becomes of the
//! machine; and while Kafka can't take it, nothing is acknowledged.

use tonic::Code;
use tonic_types::StatusExt as _;

use super::{Chain, Load, Topic, name};
use crate::harness::{Collector, attributes, get, until};
use crate::parts::{brokers, brokers_to_break};
use sealtrail::cli::payments::Payments;

fn start(chain: &Chain) -> Collector {
    let config = chain.config("") + "acknowledge: stream\nacknowledge_timeout: 2s\n";
    Collector::start(chain.dir.path(), &config)
}

/// Sends one request of one record: its id, and what was said.
async fn send(collector: &Collector, load: &Load) -> (String, Result<(), tonic::Status>) {
    let mut request = Payments::new(99, 1_800_000_000_000_000_000).request(1).0;
    let id = name(&mut request, &load.number).remove(0);
    (id, collector.client().await.export(request).await.map(drop))
}

/// Killed in full flow, and all that it had is gone: what its senders were told is kept stands in the topic.
#[test]
fn what_is_acknowledged_outlives_the_machine() {
    let part = brokers();
    for round in 0..crate::harness::length("SEALTRAIL_KILLS", 3) {
        let chain = Chain::new(&part, &format!("kafka-ack-{round}"));
        let collector = start(&chain);
        let mut load = Load::new();
        load.onto(&collector);
        load.onto(&collector);
        load.wait_for(200 + 37 * round as usize);
        let data = collector.data.clone();
        collector.kill();
        std::fs::remove_dir_all(data).expect("removed");
        load.end();
        // Readers see a commit a moment after Kafka has confirmed it.
        until("all that was acknowledged stands in the topic", || {
            let records = Topic::read(&chain.brokers, &chain.topic()).records(&chain.name);
            let found = attributes(&records, "test.id").into_iter().collect::<std::collections::HashSet<_>>();
            load.acknowledged.lock().expect("no sender panicked").iter().all(|id| found.contains(id))
        });
        let records = Topic::read(&chain.brokers, &chain.topic()).records(&chain.name);
        assert!(load.end_and_find(&records) >= 200);
    }
}

/// Refused at once and before the log, said by the health page, counted and sealed; taken again when Kafka is back.
#[test]
fn nothing_is_taken_while_kafka_is_away() {
    let part = brokers_to_break();
    let chain = Chain::new(&part, "kafka-ack-away");
    let collector = start(&chain);
    let mut load = Load::new();
    load.onto(&collector);
    load.wait_for(100);
    part.run(&["kill", "kafka:all"]);
    until("the health page says that nothing is taken", || {
        let (status, body) = get(&collector.health, "/");
        status == 503 && body.contains("the stream does not answer")
    });
    let (refused, answer) = load.runtime.block_on(send(&collector, &load));
    let status = answer.expect_err("nothing is acknowledged");
    assert_eq!((status.code(), status.message().contains("the stream does not answer")), (Code::Unavailable, true));
    assert!(status.get_details_retry_info().is_some(), "{status:?}");
    let page = collector.scrape();
    let circuit = |state: &str| page.contains(&format!("sealtrail_leg_circuit_state{{leg=\"stream\"}} {state}\n"));
    assert!(circuit("1") || circuit("2"), "{page}");
    assert!(page.contains("reason=\"stream_down\""), "{page}");
    part.run(&["start", "kafka:all"]);
    until("records are taken again", || get(&collector.health, "/").0 == 200);
    until("the circuit is closed", || collector.scrape().contains("sealtrail_leg_circuit_state{leg=\"stream\"} 0\n"));
    load.wait_for(100);
    load.end();
    let records = chain.stop_and_compare(collector);
    assert!(!attributes(&records, "test.id").contains(&refused), "it was refused before the log");
    assert!(records[0].1.contains("acknowledge stream"), "{}", records[0].1);
    assert!(records.iter().any(|(_, text)| text.contains("sealtrail.sender.refused")), "the refusals are sealed");
    load.end_and_find(&records);
}

/// Kafka takes the connection and answers nothing: the sender hears in time that its records are not acknowledged. They are
/// in the log by then, and come later.
#[test]
fn what_is_not_committed_in_time_is_refused_and_comes_later() {
    let part = brokers_to_break();
    let chain = Chain::new(&part, "kafka-ack-late");
    let collector = start(&chain);
    let load = Load::new();
    let (first, answer) = load.runtime.block_on(send(&collector, &load));
    answer.expect("Kafka answers");
    part.run(&["pause", "kafka:all"]);
    let (late, answer) = load.runtime.block_on(send(&collector, &load));
    part.run(&["resume", "kafka:all"]);
    let status = answer.expect_err("no commit was heard of");
    assert_eq!((status.code(), status.message().contains("did not commit in time")), (Code::Unavailable, true));
    assert!(status.get_details_retry_info().is_some(), "{status:?}");
    assert!(collector.scrape().contains("reason=\"stream_timeout\""));
    until("records are taken again", || load.runtime.block_on(send(&collector, &load)).1.is_ok());
    // Its followers must be whole again before another test breaks one.
    part.run(&["start", "kafka:all"]);
    let records = chain.stop_and_compare(collector);
    let found = attributes(&records, "test.id");
    assert!(found.starts_with(&[first, late]), "{found:?}");
}
