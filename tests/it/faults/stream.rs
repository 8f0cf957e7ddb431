//! Brokers that die or freeze, and a network that does what networks do.

use super::scene::Scene;
use super::{Kafka, OUTAGE, Row, run};
use crate::harness::until;

fn leader(scene: &Scene) -> String {
    format!("kafka:{}", scene.kafka.run(&["leader", &scene.topic("logs"), "0"]))
}

#[test]
fn the_leader_is_killed() {
    run(Row {
        name: "leader broker killed",
        kafka: Kafka::Broken,
        fault: Some(|scene| {
            let leader = leader(scene);
            scene.kafka.run(&["kill", &leader]);
            scene.hold();
            until("the stream has caught up without the old leader", || scene.lag("stream") < 200);
            scene.kafka.run(&["start", &leader]);
        }),
        ..Row::default()
    });
}

/// The log takes what comes; a collector that is started meanwhile does the same.
#[test]
fn all_brokers_are_down() {
    run(Row {
        name: "all brokers down",
        kafka: Kafka::Broken,
        sealed: OUTAGE,
        fault: Some(|scene| {
            scene.kafka.run(&["kill", "kafka:all"]);
            scene.leg("stream", false);
            scene.hold();
            let at_least = scene.lag("stream");
            scene.kill();
            scene.start();
            scene.leg("stream", false);
            scene.load.wait_for(200);
            assert!(scene.lag("stream") > at_least, "what comes is held for the stream");
            scene.kafka.run(&["start", "kafka:all"]);
        }),
        ..Row::default()
    });
}

/// A frozen broker keeps its connections and answers nothing.
#[test]
fn the_leader_freezes() {
    run(Row {
        name: "leader broker paused",
        kafka: Kafka::Broken,
        fault: Some(|scene| {
            let leader = leader(scene);
            scene.kafka.run(&["pause", &leader]);
            scene.hold();
            scene.load.wait_for(200);
            scene.kafka.run(&["resume", &leader]);
        }),
        ..Row::default()
    });
}

/// (With both legs away, `archive::both_legs_are_away` is the shorter proof of it.)
#[test]
#[ignore = "`make test-faults` runs it"]
fn the_network_is_cut() {
    run(Row {
        name: "network to Kafka cut",
        kafka: Kafka::Proxied,
        sealed: OUTAGE,
        fault: Some(|scene| {
            scene.network().cut();
            scene.leg("stream", false);
            scene.hold();
            scene.network().heal();
        }),
        ..Row::default()
    });
}

#[test]
#[ignore = "`make test-faults` runs it"]
fn the_network_is_slow() {
    run(Row {
        name: "network to Kafka slowed to 1 s",
        kafka: Kafka::Proxied,
        fault: Some(|scene| {
            scene.network().one_way("downstream", "latency", r#"{"latency":1000}"#);
            until("what comes waits for the stream", || scene.lag("stream") > 300);
            scene.hold();
            scene.network().heal();
        }),
        ..Row::default()
    });
}

#[test]
fn the_network_swallows_all() {
    run(Row {
        name: "network to Kafka black-holed",
        kafka: Kafka::Proxied,
        fault: Some(|scene| {
            // Time-out 0: nothing comes through, and nothing is closed.
            scene.network().poison("timeout", r#"{"timeout":0}"#);
            let before = scene.load.acknowledged();
            until("what comes waits for the stream", || scene.lag("stream") > 300);
            scene.hold();
            assert!(scene.load.acknowledged() > before + 300, "senders don't wait for the stream");
            scene.network().heal();
        }),
        ..Row::default()
    });
}

#[test]
fn the_network_resets_in_mid_request() {
    run(Row {
        name: "network to Kafka reset in mid-request",
        kafka: Kafka::Proxied,
        sealed: OUTAGE,
        fault: Some(|scene| {
            // Each connection ends within a request: a produce request is larger than that.
            scene.network().one_way("upstream", "limit_data", r#"{"bytes":20000}"#);
            until("a batch could not be sent", || scene.collector().log().contains("\"leg\":\"stream\""));
            scene.hold();
            scene.network().heal();
            scene.network().one_way("upstream", "reset_peer", r#"{"timeout":20}"#);
            scene.leg("stream", false);
            scene.hold();
            scene.network().heal();
        }),
        ..Row::default()
    });
}
