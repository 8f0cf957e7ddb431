//! Promises 1, 3 and 4: what stops the archive, and what a start without it does. (Outages are rows of `faults`.)

use super::server::{ACCESS_KEY, Bucket, Kind, SECRET_KEY, Server, credentials};
use super::{CONFIG, LOCK, judge, load, on_both, start, until};
use crate::harness::{Collector, export};
use sealtrail::cli::payments::Payments;

on_both!(another_object_under_the_key_is_an_alarm, credentials_that_are_put_back_are_found,);

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
