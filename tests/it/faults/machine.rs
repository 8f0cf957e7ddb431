//! The collector's own machine: its disk, its clock, its log's last bytes, senders that dawdle, and more in the log than memory
//! would hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::load::{NAME, Outcome};
use super::scene::{RECOVERY, Scene};
use super::{Kafka, Row, Wal, run};
use crate::harness::{files, get, length, until, until_for};

const REFUSALS: &[&str] = &["sealtrail.refusing", "sealtrail.accepting"];

/// Refused with a status that says when to come again, and taken again once there is room, without a restart.
#[test]
fn the_disk_is_full() {
    run(Row {
        name: "WAL disk full",
        wal: Wal::Small(96),
        sealed: REFUSALS,
        fault: Some(|scene| {
            let disk = scene.small_disk.as_ref().expect("a small disk");
            disk.fill();
            refuses(scene);
            scene.hold();
            disk.empty();
            takes_again(scene);
        }),
        ..Row::default()
    });
}

/// What is written goes well, and its sync fails: nothing of it is acknowledged.
#[test]
fn the_disk_fails() {
    run(Row {
        name: "WAL I/O error",
        wal: Wal::Failing(96),
        sealed: REFUSALS,
        fault: Some(|scene| {
            let disk = scene.failing_disk.as_ref().expect("a failing disk");
            let failed = || !scene.collector().scrape().contains("sealtrail_wal_sync_failures_total 0\n");
            disk.fail();
            refuses(scene);
            // Where it was the next file that could not be made, no group's sync has failed yet: once more.
            for _ in 0..10 {
                if failed() {
                    break;
                }
                disk.mend();
                takes_again(scene);
                disk.fail();
                refuses(scene);
            }
            assert!(failed(), "no sync has failed");
            scene.hold();
            disk.mend();
            takes_again(scene);
        }),
        ..Row::default()
    });
}

fn refuses(scene: &Scene) {
    until("senders are refused", || scene.load.attempts(Outcome::Refused) > 0);
    until("readiness is off", || get(&scene.collector().health, "/").0 == 503);
}

fn takes_again(scene: &Scene) {
    until("readiness is on again", || get(&scene.collector().health, "/").0 == 200);
    scene.load.wait_for(100);
}

/// What a power cut leaves behind the last sync: a beginning of frames, or pages of anything. It is cut off, and said.
#[test]
fn the_logs_tail_is_torn() {
    run(Row {
        name: "torn WAL tail",
        fault: Some(|scene| {
            for round in 0..4 {
                scene.kill();
                let file = newest(scene);
                let mut bytes = std::fs::read(&file).expect("readable");
                let (end, torn) = (bytes.len(), 1 + scene.random.below(9_000) as usize);
                let from = scene.random.below(end as u64) as usize;
                bytes.extend(bytes.clone().into_iter().cycle().skip(from).take(torn));
                bytes[end] ^= scene.random.below(255) as u8 | 1;
                std::fs::write(&file, bytes).expect("written");
                scene.start();
                scene.load.wait_for(100 + round);
            }
        }),
        ..Row::default()
    });
}

/// A bit of the last group has flipped, which the stream holds already: no torn end, but damage. The start is refused, says where,
/// and changes nothing.
#[test]
fn the_logs_tail_has_a_flipped_bit() {
    run(Row {
        name: "flipped bit in the WAL tail",
        fault: Some(|scene| {
            scene.load.rest();
            until("the stream has all", || scene.lag("stream") == 0);
            scene.kill();
            let file = newest(scene);
            let sound = std::fs::read(&file).expect("readable");
            let mut bytes = sound.clone();
            let at = bytes.windows(NAME.len()).rposition(|found| found == NAME.as_bytes()).expect("a sender's record");
            bytes[at] ^= 1 << scene.random.below(8);
            std::fs::write(&file, &bytes).expect("written");
            let Err(log) = scene.try_start() else { panic!("started over damage") };
            assert!(log.contains("remedy"), "{log}");
            assert!(std::fs::read(&file).expect("readable") == bytes, "a refused start has changed the log");
            std::fs::write(&file, &sound).expect("written");
            scene.start();
        }),
        ..Row::default()
    });
}

fn newest(scene: &Scene) -> std::path::PathBuf {
    let mut wal = files(&scene.data().join("wal")).into_iter();
    wal.rfind(|file| file.extension().is_some_and(|kind| kind == "wal")).expect("a file of the log")
}

/// Set back by an hour under load, and set right again. The chain's time stands still meanwhile, the stream goes on; S3 refuses
/// requests that are an hour old.
#[test]
fn the_clock_is_set_back() {
    run(Row {
        name: "clock set back an hour",
        clock: true,
        fault: Some(|scene| {
            let clock = scene.clock.as_ref().expect("a clock");
            clock.set(-3_600);
            scene.leg("archive", false);
            scene.load.wait_for(200);
            scene.hold();
            clock.set(0);
            scene.leg("archive", true);
            scene.load.wait_for(200);
        }),
        ..Row::default()
    });
}

/// Connections that never finish a request, on both listeners: whoever has one goes on as before.
#[test]
#[ignore = "`make test-faults` runs it"]
fn thousands_of_senders_are_slow() {
    run(Row {
        name: "slow connections, 2,000",
        fault: Some(|scene| {
            let stop = Arc::new(AtomicBool::new(false));
            let open = Arc::new(AtomicUsize::new(0));
            // The beginning of what each listener understands.
            let places = [
                (scene.collector().grpc.clone(), &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..]),
                (
                    scene.collector().http.clone(),
                    &b"POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n"[..],
                ),
            ];
            let slow = (0..length("SEALTRAIL_CONNECTIONS", 2_000) as usize)
                .map(|number| scene.spawn(dawdle(places[number % 2].clone(), Arc::clone(&open), Arc::clone(&stop))));
            let slow = slow.collect::<Vec<_>>();
            until("most of them are in at once", || open.load(Ordering::Relaxed) > slow.len() * 3 / 4);
            scene.load.wait_for(300);
            scene.hold();
            scene.load.wait_for(300);
            stop.store(true, Ordering::Relaxed);
            for one in slow {
                scene.block_on(one).expect("it ends");
            }
        }),
        ..Row::default()
    });
}

/// A byte a second; anew when the collector has had enough of it.
async fn dawdle((address, head): (String, &'static [u8]), open: Arc<AtomicUsize>, stop: Arc<AtomicBool>) {
    use tokio::io::AsyncWriteExt as _;
    while !stop.load(Ordering::Relaxed) {
        if let Ok(mut socket) = tokio::net::TcpStream::connect(&address).await {
            open.fetch_add(1, Ordering::Relaxed);
            for byte in head {
                if stop.load(Ordering::Relaxed) || socket.write_all(&[*byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            open.fetch_sub(1, Ordering::Relaxed);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The stream is away while the log grows; then the collector is killed before, and in the middle of, the catching up.
#[test]
fn a_backlog_is_caught_up_over_restarts() {
    run(Row {
        name: "restart in the middle of a backlog",
        kafka: Kafka::Proxied,
        config: "wal: { segment: { max_mib: 32, max_age: 5s } }\n",
        fault: Some(|scene| {
            let bytes = length("SEALTRAIL_BACKLOG_MIB", 48) << 20;
            scene.network().cut();
            scene.leg("stream", false);
            let poured = [(); 2].map(|()| scene.load.sender(500, Duration::ZERO));
            let held = || {
                files(&scene.data().join("wal"))
                    .iter()
                    .filter_map(|file| Some(file.metadata().ok()?.len()))
                    .sum::<u64>()
            };
            until_for(Duration::from_secs(1_800), "the log is full enough", || held() > bytes);
            poured.iter().for_each(|sender| sender.store(true, Ordering::Relaxed));
            scene.kill();
            scene.start();
            let all = scene.lag("stream");
            scene.network().heal();
            until_for(RECOVERY, "a part of it is through", || scene.lag("stream") < all * 3 / 4);
            scene.kill();
            scene.start();
        }),
        ..Row::default()
    });
}
