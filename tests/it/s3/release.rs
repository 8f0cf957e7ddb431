//! `scan --release`: segments in which nothing was found are locked for the full term, those with a value are left to run out.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use aws_sdk_s3::primitives::ByteStream;
use parquet::arrow::ArrowWriter;

use crate::harness::{sealtrail_with, text};

use super::server::{ACCESS_KEY, Bucket, Kind, SECRET_KEY, Server, credentials};
use super::{DAY, load, now, on_both, start};

on_both!(clean_segments_are_locked_for_the_full_term, a_scan_that_cannot_be_trusted_releases_nothing);

const TERMS: &str = "object_lock: { mode: COMPLIANCE, retention_days: 30, first_days: 2 }";

/// Days from now until which each segment is locked.
async fn locked(bucket: &Bucket) -> Vec<i64> {
    let mut days = Vec::new();
    for key in bucket.keys("audit-logs/").await {
        let until = bucket.head(&key).await.object_lock_retain_until_date.expect("locked").secs();
        days.push((until - now() + DAY / 2) / DAY);
    }
    days
}

fn release(dir: &Path, expected: i32) -> String {
    let (config, data) = (dir.join("sealtrail.yaml").display().to_string(), dir.join("data").display().to_string());
    let arguments = ["scan", "--release", "--config", &config, "--data-dir", &data];
    let output = sealtrail_with(&arguments, &credentials(dir, ACCESS_KEY, SECRET_KEY));
    assert_eq!(output.status.code(), Some(expected), "{}", text(&output));
    text(&output)
}

async fn clean_segments_are_locked_for_the_full_term(kind: Kind) {
    let dir = tempfile::tempdir().expect("a directory");
    let bucket = Server::shared(kind).bucket("release");
    let collector = start(dir.path(), &bucket.config(TERMS));
    load(&collector, 81, 30).await;
    let (status, log) = collector.stop();
    assert!(status.success() && log.contains("\"complete\":true"), "{log}");
    let before = locked(&bucket).await;
    assert!(!before.is_empty() && before.iter().all(|days| *days == 2), "{before:?}");

    let count = before.len();
    let said = release(dir.path(), 0);
    assert!(said.contains(&format!("{count} extended to the full term, 0 had it, 0 left")), "{said}");
    assert!(locked(&bucket).await.iter().all(|days| *days == 30));
    let again = release(dir.path(), 0);
    assert!(again.contains(&format!("0 extended to the full term, {count} had it, 0 left")), "{again}");

    let unmasked = tempfile::tempdir().expect("a directory");
    let bucket = Server::shared(kind).bucket("release-unmasked");
    std::fs::write(unmasked.path().join("none.yaml"), crate::kafka::scan::NONE).expect("written");
    let collector = start(unmasked.path(), &format!("{}mask: {{ rules: [none.yaml] }}\n", bucket.config(TERMS)));
    load(&collector, 82, 30).await;
    let (status, log) = collector.stop();
    assert!(status.success() && log.contains("\"complete\":true"), "{log}");
    let said = release(unmasked.path(), 1);
    assert!(said.starts_with("FOUND") && said.contains("cardholder.pan"), "{said}");
    let days = locked(&bucket).await;
    assert!(days.contains(&2) && said.contains(" left to run out"), "{days:?} {said}");
}

/// An object without a column of text: there the scan can't plant, and so not test itself.
fn blind() -> Vec<u8> {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("number", column)]).expect("one column");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("begun");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    bytes
}

/// A lock can't be taken back, so not one is extended before the whole scan has proved that it finds what it planted: here it
/// learns that it can't at the last object of the bucket, behind all segments.
async fn a_scan_that_cannot_be_trusted_releases_nothing(kind: Kind) {
    let dir = tempfile::tempdir().expect("a directory");
    let bucket = Server::shared(kind).bucket("release-blind");
    let collector = start(dir.path(), &bucket.config(TERMS));
    load(&collector, 83, 30).await;
    let (status, log) = collector.stop();
    assert!(status.success() && log.contains("\"complete\":true"), "{log}");
    let before = locked(&bucket).await;
    assert!(!before.is_empty() && before.iter().all(|days| *days == 2), "{before:?}");

    let client = bucket.client.clone();
    let put = client.put_object().bucket(&bucket.name).key("zz/other.parquet").body(ByteStream::from(blind()));
    put.send().await.expect("put");
    let said = release(dir.path(), 2);
    assert!(said.contains("the scan could not test itself"), "{said}");
    assert_eq!(locked(&bucket).await, before);

    client.delete_object().bucket(&bucket.name).key("zz/other.parquet").send().await.expect("deleted");
    let said = release(dir.path(), 0);
    assert!(said.contains(&format!("{} extended to the full term, 0 had it, 0 left", before.len())), "{said}");
}
