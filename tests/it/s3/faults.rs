//! Promises 1, 3 and 4: whatever the server or the network does, every record that was acknowledged is archived once, and
//! an archive that is away stops no sender.

use super::proxy::{Fault, Proxy, Rule};
use super::server::{ACCESS_KEY, Bucket, Kind, SECRET_KEY, Server, credentials};
use super::{CONFIG, LOCK, judge, load, on_both, start, until};
use crate::harness::{Collector, export};
use sealtrail::cli::payments::Payments;

on_both!(
    an_answer_that_is_lost_after_the_upload_is_no_second_object,
    a_kill_between_upload_and_release_leaves_one_object,
    another_object_under_the_key_is_an_alarm,
    a_server_that_is_killed_and_paused_costs_time_alone,
    credentials_that_are_put_back_are_found,
);

/// Lines of the log that say so of the archive.
fn said(collector: &Collector, words: &str) -> usize {
    collector.log().lines().filter(|line| line.contains(words) && line.contains("\"leg\":\"archive\"")).count()
}

/// Stops in order, and judges; at least `least` records are there.
async fn finish(collector: Collector, bucket: &Bucket, least: usize) -> String {
    let data = collector.data.clone();
    let (status, log) = collector.stop();
    assert!(status.success() && log.contains("\"complete\":true"), "{log}");
    let archived = judge(bucket, &data).await;
    assert!(archived.len() >= least, "{} records", archived.len());
    log
}

async fn an_answer_that_is_lost_after_the_upload_is_no_second_object(kind: Kind) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut bucket = Server::shared(kind).bucket("lost");
    let lose = |word| Rule { method: "PUT", word, fault: Fault::LoseAnswer, times: 1 };
    let proxy = Proxy::start(&bucket.endpoint, vec![lose(".note"), lose(".parquet"), lose(".checkpoint")]).await;
    bucket.endpoint.clone_from(&proxy.endpoint);
    let collector = start(dir.path(), &bucket.config(LOCK));
    load(&collector, 41, 20).await;
    let log = finish(collector, &bucket, 2_000).await;
    assert_eq!(proxy.hits(), 3, "the faults were met:\n{log}");
    assert!(log.contains("it can't be reached"), "{log}");
}

async fn a_kill_between_upload_and_release_leaves_one_object(kind: Kind) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut bucket = Server::shared(kind).bucket("killed");
    // The upload goes through; the look at what was uploaded does not, so nothing is released.
    let blind = Rule { method: "HEAD", word: ".parquet", fault: Fault::Refuse, times: usize::MAX };
    let proxy = Proxy::start(&bucket.endpoint, vec![blind]).await;
    bucket.endpoint.clone_from(&proxy.endpoint);
    let collector = start(dir.path(), &bucket.config(LOCK));
    load(&collector, 42, 20).await;
    until("an object is uploaded and not looked at", async || {
        proxy.hits() > 0 && bucket.keys("audit-logs/").await.len() == 1
    })
    .await;
    collector.kill();
    proxy.heal();
    let collector = start(dir.path(), &bucket.config(LOCK));
    load(&collector, 43, 5).await;
    let leftovers = collector.data.join("upload");
    finish(collector, &bucket, 2_500).await;
    assert_eq!(crate::harness::files(&leftovers), Vec::<std::path::PathBuf>::new(), "nothing is left of the first run");
}

async fn another_object_under_the_key_is_an_alarm(kind: Kind) {
    let bucket = Server::shared(kind).bucket("taken");
    for (chain, links, reason) in [("forged", true, "object_differs"), ("garbage", false, "object_unreadable")] {
        let dir = tempfile::tempdir().expect("a directory");
        // Today, and tomorrow, should the test run over midnight.
        for hours in [0, 24] {
            let day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours);
            let key = format!("audit-logs/chain={chain}/date={}/{:020}.parquet", day.strftime("%Y-%m-%d"), 0);
            let hash = "7".repeat(64);
            let mut put = bucket.client.put_object().bucket(&bucket.name).key(key).body(b"not ours".to_vec().into());
            if links {
                for (name, value) in
                    [("first", "0"), ("last", "5"), ("prev-hash", &hash), ("hash", &hash), ("format", "1")]
                {
                    put = put.metadata(name, value);
                }
            }
            put.object_lock_mode(aws_sdk_s3::types::ObjectLockMode::Compliance)
                .object_lock_retain_until_date(aws_sdk_s3::primitives::DateTime::from_secs(
                    super::now() + 40 * super::DAY,
                ))
                .checksum_algorithm(aws_sdk_s3::types::ChecksumAlgorithm::Sha256)
                .send()
                .await
                .expect("stored");
        }
        let collector = start(dir.path(), &format!("chain: {chain}\n{}", bucket.config(LOCK)));
        let mut client = collector.client().await;
        let mut payments = Payments::new(44, 1_800_000_000_000_000_000);
        export(&mut client, &payments.request(100).0).await;
        until("the leg stops", async || collector.log().contains("leg stopped")).await;
        // The collector goes on, and what happened is sealed.
        export(&mut client, &payments.request(100).0).await;
        assert!(collector.scrape().contains("sealtrail_leg_up{leg=\"archive\"} 0"), "{}", collector.scrape());
        let stream = collector.stream();
        until("the alarm is sealed", async || {
            let streamed = crate::harness::streamed(&stream);
            streamed.iter().any(|(_, text)| text.contains("sealtrail.leg.down") && text.contains(reason))
        })
        .await;
        collector.kill();
    }
}

async fn a_server_that_is_killed_and_paused_costs_time_alone(kind: Kind) {
    let dir = tempfile::tempdir().expect("a directory");
    let options: &[&str] = if kind == Kind::Minio { &["--kms"] } else { &[] };
    let server = Server::start(kind, options);
    let bucket = server.bucket("faults");
    let config = bucket.config(LOCK);
    let collector = start(dir.path(), &config);
    load(&collector, 45, 5).await;
    until("the leg is up", async || said(&collector, "leg up") == 1).await;

    server.kill();
    load(&collector, 46, 5).await;
    until("the leg is down", async || said(&collector, "leg down") > 0).await;
    server.start_again();
    load(&collector, 47, 5).await;
    until("the leg is up again", async || said(&collector, "leg up") == 2).await;

    server.pause();
    load(&collector, 48, 5).await;
    until("a call has met its limit", async || collector.log().contains("it gave no answer in time")).await;
    // A start while the server hangs: the chain is known, so records are taken.
    collector.kill();
    let collector = start(dir.path(), &config);
    assert!(collector.log().contains("the archive is away"), "{}", collector.log());
    load(&collector, 49, 5).await;
    server.resume();
    until("the bucket is checked before the first upload", async || {
        collector.log().contains("the archive's bucket is fit")
    })
    .await;
    finish(collector, &bucket, 2_500).await;
}

async fn credentials_that_are_put_back_are_found(kind: Kind) {
    let dir = tempfile::tempdir().expect("a directory");
    let bucket = Server::shared(kind).bucket("credentials");
    let config = bucket.config(LOCK);
    let collector = start(dir.path(), &config);
    load(&collector, 51, 5).await;
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");

    let environment = credentials(dir.path(), ACCESS_KEY, "no-longer-the-secret");
    let collector = Collector::try_start_with(dir.path(), &format!("{CONFIG}{config}"), &[], &environment);
    let collector = collector.unwrap_or_else(|log| panic!("records are taken all the same:\n{log}"));
    load(&collector, 52, 5).await;
    until("the leg is down", async || said(&collector, "leg down") > 0).await;
    let log = collector.log();
    assert!(log.contains("it is not allowed (403") && !log.contains("no-longer-the-secret"), "{log}");
    credentials(dir.path(), ACCESS_KEY, SECRET_KEY);
    until("the credentials are read again", async || said(&collector, "leg up") == 1).await;
    finish(collector, &bucket, 1_000).await;
}

/// A disk that is full answers 500; what was acknowledged waits, and goes up when there is room again.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_waited_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(Kind::Minio, &["--kms", "--size", "64m"]);
    let bucket = server.bucket("full");
    let collector = start(dir.path(), &bucket.config(LOCK));
    load(&collector, 53, 2).await;
    // Junk without a lock, ever smaller pieces, until nothing fits.
    let mut junk = Vec::new();
    for size in [8 << 20, 1 << 20, 1 << 16, 1 << 12] {
        for number in 0..200 {
            let key = format!("junk/{size}-{number}");
            let put = bucket.client.put_object().bucket(&bucket.name).key(&key).body(vec![number as u8; size].into());
            match put.send().await {
                Ok(stored) => junk.push((key, stored.version_id)),
                Err(_) => break,
            }
        }
    }
    load(&collector, 54, 30).await;
    until("the leg is down", async || collector.log().contains("the server failed (50")).await;
    for (key, version) in junk {
        let delete = bucket.client.delete_object().bucket(&bucket.name).key(key).set_version_id(version);
        delete.send().await.expect("without a lock");
    }
    finish(collector, &bucket, 3_200).await;
}
