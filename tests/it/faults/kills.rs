//! The collector killed in each step of a record's way, at random, and frozen while another one takes its chain over.
//!
//! A step is held open from outside: the network swallows what would end it, the proxy before S3 refuses what comes next, or the
//! log's directory shows that it was taken. (The simulation kills between any two calls.)

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::network::{END_TRANSACTION, Hold};
use super::{Kafka, Row, S3, run};
use crate::harness::{Collector, get, length, until};
use crate::s3::proxy::{Fault, Rule};
use crate::s3::server::Kind;

#[test]
fn after_the_log_and_before_the_stream() {
    run(Row {
        name: "kill -9 after the WAL",
        kafka: Kafka::Proxied,
        fault: Some(|scene| {
            scene.network().poison("timeout", r#"{"timeout":0}"#);
            until("what is acknowledged is in the log alone", || scene.lag("stream") > 300);
            scene.kill();
            scene.network().heal();
            scene.start();
        }),
        ..Row::default()
    });
}

/// The transaction is open, and all of it written: its end never reaches the broker.
#[test]
fn in_a_transaction() {
    run(Row {
        name: "kill -9 in a Kafka transaction",
        kafka: Kafka::Proxied,
        fault: Some(|scene| {
            let wire = scene.block_on(scene.network().listen_in(Hold::Request(END_TRANSACTION)));
            until("a transaction is written and not ended", || wire.hits() > 0);
            scene.kill();
            scene.network().heal();
            scene.start();
        }),
        ..Row::default()
    });
}

/// The transaction is committed, and the collector has not heard of it.
#[test]
fn between_a_commit_and_its_answer() {
    run(Row {
        name: "kill -9 between a Kafka commit and its answer",
        kafka: Kafka::Proxied,
        fault: Some(|scene| {
            let wire = scene.block_on(scene.network().listen_in(Hold::Answer(END_TRANSACTION)));
            until("a transaction is ended and nobody told", || wire.hits() > 0);
            // The broker has it, and needs a moment to act on it; whichever comes first is a case.
            scene.load.wait_for(100);
            scene.kill();
            scene.network().heal();
            scene.start();
        }),
        ..Row::default()
    });
}

fn after_the_upload(name: &'static str, kind: Kind) {
    run(Row {
        name,
        s3: S3::Proxied(kind),
        fault: Some(|scene| {
            // The upload goes through; the look at what was uploaded does not, so nothing is released.
            scene.proxy().add(Rule { method: "HEAD", word: ".parquet", fault: Fault::Refuse, times: usize::MAX });
            until("an object is uploaded and not looked at", || scene.proxy().hits() > 0);
            scene.kill();
            scene.proxy().heal();
            scene.start();
        }),
        ..Row::default()
    });
}

#[test]
fn after_an_upload_and_before_the_release() {
    after_the_upload("kill -9 after an upload, before the release", Kind::Minio);
}

#[test]
#[ignore = "`make test-faults` runs it"]
fn after_an_upload_to_the_other_server() {
    after_the_upload("kill -9 after an upload (versitygw)", Kind::Versitygw);
}

/// Killed as soon as a file of the log is gone.
#[test]
fn in_a_release() {
    run(Row {
        name: "kill -9 in a release",
        fault: Some(|scene| {
            for _ in 0..length("SEALTRAIL_KILLS", 3).min(20) {
                let oldest = scene.log_files().first().copied().expect("a file of the log");
                let path = scene.data().join(format!("wal/{oldest:020}.wal"));
                crate::harness::until_at_once("the file is released", || !path.exists());
                scene.kill();
                scene.start();
            }
        }),
        ..Row::default()
    });
}

/// Wherever it is: starting, sealing, writing a transaction, waiting for a commit, signing, uploading, releasing.
#[test]
fn at_random() {
    run(Row {
        name: "kill -9 at random",
        fault: Some(|scene| {
            for _ in 0..length("SEALTRAIL_KILLS", 6) {
                let (moment, start) = (scene.random.below(1_800), scene.random.below(5));
                std::thread::sleep(Duration::from_millis(moment));
                scene.kill();
                if start == 0 {
                    scene.kill_starting(Duration::from_millis(moment / 2));
                }
                scene.start();
            }
        }),
        ..Row::default()
    });
}

/// The chain goes on elsewhere. When the frozen collector wakes up it must not write behind the other, nor take records that
/// nobody would ever see.
#[test]
fn paused_while_another_takes_over() {
    run(Row {
        name: "collector paused while a second takes over",
        fault: Some(|scene| {
            scene.collector().signal("-STOP");
            let before = scene.home.clone();
            scene.home = scene.dir().join("second");
            std::fs::create_dir(&scene.home).expect("made");
            copy(&before.join("data"), &scene.data());
            let second = scene.try_start().unwrap_or_else(|log| panic!("the second did not start:\n{log}"));
            let old = scene.turn_to(second).expect("the first");
            std::thread::sleep(Duration::from_secs(length("SEALTRAIL_FREEZE_SECONDS", 5)));
            scene.load.wait_for(200);
            old.signal("-CONT");
            until("the old one says that it is fenced", || fenced(&old));
            until("it knows that by the other one's records", || old.scrape().contains("sealtrail_fenced 1\n"));
            scene.load.wait_for(200);
            assert!(old.stop().0.success());
        }),
        ..Row::default()
    });
}

fn fenced(collector: &Collector) -> bool {
    let (status, body) = get(&collector.health, "/");
    status == 503 && body.contains("fenced")
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(status.success());
    // The lock is the frozen process's; a copy has one of its own.
    let _ = std::fs::remove_file(to.join("wal/lock"));
}
