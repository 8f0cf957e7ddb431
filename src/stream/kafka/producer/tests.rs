//! The producer on the client's own broker for tests, which lives in this process.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use sealtrail_chain::Hash;

use super::*;

const LONG: Duration = Duration::from_secs(60);

struct World {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: Producer,
}

fn world() -> World {
    let cluster = MockCluster::new(1).expect("a broker");
    let settings = Settings { brokers: vec![cluster.bootstrap_servers()], ..Settings::default() };
    for topic in [&settings.topic, &settings.checkpoint_topic] {
        cluster.create_topic(topic, 1, 1).expect("a topic");
    }
    let producer = Producer::take_over(Arc::new(settings), "test", LONG).expect("taken over");
    World { cluster, producer }
}

/// More than may be on their way at once, from record `first` on.
fn messages(first: u64) -> Vec<Message> {
    let message = |number| Message {
        first: Sequence::new(number),
        last: Sequence::new(number),
        head: Hash([number as u8; 32]),
        value: vec![number as u8; 10_000],
    };
    (first..first + 12).map(message).collect()
}

/// Promise 3: whatever is handed over bit by bit is handed over once.
#[test]
fn a_batch_of_many_messages_goes_out_once() {
    let mut world = world();
    let note = CheckpointNote { size: 12, note: "origin\n12\n".to_owned() };
    for first in [0, 12] {
        let messages = messages(first);
        let outgoing = Outgoing { chain: "test", messages: &messages, checkpoints: &[&note] };
        let before = world.producer.context.reports();
        let mark = world.producer.write(outgoing, LONG).expect("committed");
        assert_eq!(mark.end.map(|end| end.last), messages.last().map(|message| message.last));
        assert_eq!(world.producer.context.reports() - before, messages.len() as u64 + 1);
    }
}

/// A broker that falls silent in the middle of a batch is given the rest of it when it answers again, and nothing twice.
#[test]
fn what_waited_in_the_middle_of_a_batch_goes_on_from_there() {
    let mut world = world();
    let messages = messages(0);
    let outgoing = Outgoing { chain: "test", messages: &messages, checkpoints: &[] };
    world.cluster.broker_round_trip_time(1, Duration::from_millis(400)).expect("slow");
    let error = world.producer.write(outgoing, Duration::from_millis(1_000)).err().expect("not in that time");
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(matches!(world.producer.open, Open::Sending { handed, .. } if handed < messages.len()));
    world.cluster.broker_round_trip_time(1, Duration::ZERO).expect("quick again");
    world.producer.write(outgoing, LONG).expect("committed");
    assert_eq!(world.producer.context.reports(), messages.len() as u64);
}

/// Another batch than the one that waited begins anew.
#[test]
fn another_batch_takes_back_what_waited() {
    let mut world = world();
    let (waiting, other) = (messages(0), messages(5));
    world.cluster.broker_round_trip_time(1, Duration::from_millis(400)).expect("slow");
    let outgoing = Outgoing { chain: "test", messages: &waiting, checkpoints: &[] };
    world.producer.write(outgoing, Duration::from_millis(1_000)).err().expect("not in that time");
    world.cluster.broker_round_trip_time(1, Duration::ZERO).expect("quick again");
    let outgoing = Outgoing { chain: "test", messages: &other, checkpoints: &[] };
    let mark = world.producer.write(outgoing, LONG).expect("committed");
    assert_eq!(mark.first, Some(Sequence::new(5)));
}
