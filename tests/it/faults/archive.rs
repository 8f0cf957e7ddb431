//! An S3 server that dies, freezes, is busy, full, or trusts nobody; and answers that get lost.

use super::scene::Scene;
use super::{Kafka, OUTAGE, Row, S3, run};
use crate::harness::until;
use crate::s3::proxy::{Fault, Rule};
use crate::s3::server::{ACCESS_KEY, Kind, SECRET_KEY, credentials};

const KMS: &[&str] = &["--kms"];

fn server_is_killed(name: &'static str, kind: Kind, options: &'static [&'static str]) {
    run(Row {
        name,
        s3: S3::Own(kind, options),
        sealed: OUTAGE,
        fault: Some(|scene| {
            let server = scene.server.as_ref().expect("its own");
            server.kill();
            scene.leg("archive", false);
            scene.hold();
            server.start_again();
        }),
        ..Row::default()
    });
}

#[test]
fn the_server_is_killed() {
    server_is_killed("S3 killed", Kind::Minio, KMS);
}

#[test]
#[ignore = "`make test-faults` runs it"]
fn the_other_server_is_killed() {
    server_is_killed("S3 killed (versitygw)", Kind::Versitygw, &[]);
}

/// A collector that is started meanwhile takes records: its chain is known.
fn server_freezes(name: &'static str, kind: Kind, options: &'static [&'static str]) {
    run(Row {
        name,
        s3: S3::Own(kind, options),
        sealed: OUTAGE,
        fault: Some(|scene| {
            scene.server.as_ref().expect("its own").pause();
            scene.leg("archive", false);
            until("a call has met its limit", || scene.collector().log().contains("it gave no answer in time"));
            scene.hold();
            scene.kill();
            scene.start();
            assert!(scene.collector().log().contains("the archive is away"), "{}", scene.collector().log());
            scene.leg("archive", false);
            scene.load.wait_for(200);
            scene.server.as_ref().expect("its own").resume();
            until("the bucket is checked before the first upload", || {
                scene.collector().log().contains("the archive's bucket is fit")
            });
        }),
        ..Row::default()
    });
}

#[test]
fn the_server_freezes() {
    server_freezes("S3 paused", Kind::Minio, KMS);
}

#[test]
#[ignore = "`make test-faults` runs it"]
fn the_other_server_freezes() {
    server_freezes("S3 paused (versitygw)", Kind::Versitygw, &[]);
}

/// First every call is told to slow down; then every other one fails, as on a server that is overloaded.
#[test]
fn the_server_is_busy() {
    run(Row {
        name: "S3 answers 503 and slow-down",
        s3: S3::Proxied(Kind::Minio),
        sealed: OUTAGE,
        fault: Some(|scene| {
            let say =
                |status, code| Rule { method: "", word: "/", fault: Fault::Say { status, code }, times: usize::MAX };
            scene.proxy().add(say("503 Slow Down", "SlowDown"));
            scene.leg("archive", false);
            scene.hold();
            scene.proxy().heal();
            scene.proxy().add(say("503 Service Unavailable", "ServiceUnavailable"));
            let hits = scene.proxy().hits();
            until("it was asked again", || scene.proxy().hits() > hits);
            scene.proxy().heal();
        }),
        ..Row::default()
    });
}

/// A disk that is full answers 500.
#[test]
fn the_servers_disk_is_full() {
    run(Row {
        name: "S3 disk full",
        s3: S3::Own(Kind::Minio, &["--kms", "--size", "96m"]),
        sealed: OUTAGE,
        fault: Some(|scene| {
            let junk = scene.block_on(fill(scene));
            scene.leg("archive", false);
            until("it says why", || scene.collector().log().contains("the server failed (50"));
            scene.hold();
            scene.block_on(async {
                for (key, version) in junk {
                    let delete = scene.bucket.client.delete_object().bucket(&scene.bucket.name).key(key);
                    delete.set_version_id(version).send().await.expect("without a lock");
                }
            });
        }),
        ..Row::default()
    });
}

/// Junk without a lock, ever smaller pieces, until nothing fits.
async fn fill(scene: &Scene) -> Vec<(String, Option<String>)> {
    let mut junk = Vec::new();
    for size in [8 << 20, 1 << 20, 1 << 16, 1 << 12] {
        for number in 0..200 {
            let key = format!("junk/{size}-{number}");
            let put = scene.bucket.client.put_object().bucket(&scene.bucket.name).key(&key);
            match put.body(vec![number as u8; size].into()).send().await {
                Ok(stored) => junk.push((key, stored.version_id)),
                Err(_) => break,
            }
        }
    }
    junk
}

/// The server forgets the key and knows another one; the collector finds the new one in its file by itself.
#[test]
fn the_credentials_are_revoked() {
    run(Row {
        name: "S3 credentials revoked and replaced",
        s3: S3::Own(Kind::Minio, KMS),
        sealed: OUTAGE,
        fault: Some(|scene| {
            const NEW: &str = "sealtrail-test-next";
            let server = scene.server.as_ref().expect("its own");
            server.change_secret(NEW);
            scene.bucket.client = server.client_with(NEW);
            scene.leg("archive", false);
            until("it says why", || scene.collector().log().contains("it is not allowed (403"));
            assert!(!scene.collector().log().contains(SECRET_KEY));
            scene.hold();
            credentials(scene.dir(), ACCESS_KEY, NEW);
        }),
        ..Row::default()
    });
}

/// A clock that is an hour slow at the start: the server refuses every request, for its time is too far off. Set right, all goes
/// in. (The stream asks for no time.)
#[test]
#[ignore = "`make test-faults` runs it"]
fn the_clock_is_wrong() {
    run(Row {
        name: "S3 refuses a wrong clock",
        clock: true,
        sealed: &["sealtrail.leg.down"],
        fault: Some(|scene| {
            scene.kill();
            scene.clock.as_ref().expect("a clock").set(-3_600);
            scene.start();
            scene.leg("archive", false);
            until("it says why", || scene.collector().log().contains("clock"));
            scene.hold();
            scene.kill();
            scene.clock.as_ref().expect("a clock").set(0);
            scene.start();
        }),
        ..Row::default()
    });
}

const fn lose(word: &'static str, times: usize) -> Rule {
    Rule { method: "PUT", word, fault: Fault::LoseAnswer, times }
}

const LOSE_ANSWERS: &[Rule] = &[lose(".note", 1), lose(".parquet", 3), lose(".checkpoint", 3), lose(".range", 3)];

fn answers_are_lost(name: &'static str, kind: Kind) {
    run(Row {
        name,
        s3: S3::Proxied(kind),
        // The genesis note's too, which is the chain's beginning.
        rules: LOSE_ANSWERS,
        sealed: OUTAGE,
        fault: Some(|scene| until("the answers were lost", || scene.proxy().hits() == 10)),
        ..Row::default()
    });
}

#[test]
fn answers_to_uploads_are_lost() {
    answers_are_lost("S3 answers lost after the upload", Kind::Minio);
}

#[test]
#[ignore = "`make test-faults` runs it"]
fn the_other_servers_answers_to_uploads_are_lost() {
    answers_are_lost("S3 answers lost after the upload (versitygw)", Kind::Versitygw);
}

/// Both legs away at once, and the collector killed meanwhile: the log alone holds what was acknowledged.
#[test]
fn both_legs_are_away() {
    run(Row {
        name: "network to Kafka cut and S3 killed",
        kafka: Kafka::Proxied,
        s3: S3::Own(Kind::Minio, KMS),
        sealed: OUTAGE,
        fault: Some(|scene| {
            scene.network().cut();
            scene.server.as_ref().expect("its own").kill();
            scene.leg("stream", false);
            scene.hold();
            scene.kill();
            scene.start();
            scene.leg("stream", false);
            scene.load.wait_for(200);
            scene.server.as_ref().expect("its own").start_again();
            scene.network().heal();
        }),
        ..Row::default()
    });
}
