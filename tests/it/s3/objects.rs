//! The archive's own interface on a real bucket, without a collector: what a taken key means, uploads in parts, reading.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_s3::types::{ChecksumAlgorithm, ObjectLockMode};
use sealtrail::archive::s3::{self, S3Archive};
use sealtrail::archive::{ArchiveLeg, Error, Links, Objects, Promotions, SegmentWriter, Written};
use sealtrail::host::SystemClock;
use sealtrail_chain::content::{Auth, By, Content, Context, KeyValue, LogRecord, Origin, Resource, Scope, Tail, Value};
use sealtrail_chain::{Checksum, CompactRange, Hash, Head, Sequence, UnixNanos};

use super::on_both;
use super::server::{ACCESS_KEY, Bucket, Kind, SECRET_KEY, Server, credentials};
use crate::harness::text;

on_both!(a_taken_key_is_judged_by_its_links, a_large_object_goes_up_and_comes_back_in_parts);

/// The library reads credentials as the collector does, from its environment. A test can't change its own, so it runs itself
/// once more in one that has them; says whether this is that run.
fn in_environment(kind: Kind, name: &str) -> bool {
    const INNER: &str = "SEALTRAIL_TEST_S3_INNER";
    if std::env::var_os(INNER).is_some() {
        return true;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let output = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", &format!("s3::objects::{}::{name}", kind.name())])
        .envs(credentials(dir.path(), ACCESS_KEY, SECRET_KEY))
        .env(INNER, "1")
        .output()
        .expect("it runs");
    let text = text(&output);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}

fn archive(bucket: &Bucket, workdir: &Path) -> S3Archive {
    let json = serde_json::json!({
        "bucket": bucket.name, "region": super::server::REGION, "endpoint": bucket.endpoint, "prefix": "p",
        "encryption": bucket.kind.encryption(), "object_lock": { "retention_days": 3 }, "part_mib": 5,
    });
    let config: s3::Config = serde_json::from_value(json).expect("a configuration");
    S3Archive::new(&config, workdir, Arc::new(SystemClock::new())).expect("nothing is asked yet")
}

/// A segment of records that don't compress, in a file.
fn segment(dir: &Path, seed: u64, records: u64, length: usize) -> (PathBuf, Written<std::fs::File>, Vec<String>) {
    let head = Head::resume(
        "test".parse().expect("a name"),
        Sequence::ZERO,
        UnixNanos(0),
        Hash([7; 32]),
        CompactRange::empty(0),
    );
    let mut next = head.clone();
    let path = dir.join(format!("segment-{seed}-{records}"));
    let file = std::fs::File::create(&path).expect("made");
    let mut writer = SegmentWriter::new(head, &Promotions::default(), [0; 32], file).expect("a writer");
    let mut noise = seed;
    let contents: Vec<_> = (0..records)
        .map(|_| {
            let text = (0..length / 16).map(|_| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                format!("{noise:016x}")
            });
            content(text.collect())
        })
        .collect();
    for content in &contents {
        let link = next.seal(UnixNanos(1_800_000_000_000_000_000), Checksum::of(content.as_bytes()));
        writer.push(&link, content).expect("follows");
    }
    (path, writer.finish().expect("a segment"), contents)
}

fn content(text: String) -> String {
    let attributes = vec![KeyValue { key: "noise".into(), value: Value::String(text.into()) }];
    let context = Context {
        received: Origin { auth: Auth::None, by: By::Sender, peer: None, subject: None },
        resource: Resource::default(),
        resource_schema_url: "".into(),
        scope: Scope::default(),
        scope_schema_url: "".into(),
    };
    Content::write(&LogRecord { attributes, ..LogRecord::default() }, &Tail::write(&context)).as_str().to_owned()
}

async fn a_taken_key_is_judged_by_its_links(kind: Kind) {
    if !in_environment(kind, "a_taken_key_is_judged_by_its_links") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let bucket = Server::shared(kind).bucket("links");
    let archive = archive(&bucket, dir.path());
    let ((path, ours, _), (other, theirs, _)) = (segment(dir.path(), 1, 3, 64), segment(dir.path(), 2, 3, 64));
    let key = &ours.key;
    assert_eq!(archive.segment(key).await.expect("asked"), None);
    archive.put_segment(key, &path, &ours.segment).await.expect("stored");
    archive.put_segment(key, &path, &ours.segment).await.expect("the same again");
    assert!(matches!(archive.put_segment(key, &other, &theirs.segment).await, Err(Error::Differs { .. })));
    assert_eq!(archive.segment(key).await.expect("asked"), Some(Links::from(&ours.segment)));

    // Copied by hand, without metadata: the object's own footer says whose it is.
    let put = |key: &'static str, lock: Option<i64>, body: Vec<u8>| {
        let until = lock.map(|days| aws_sdk_s3::primitives::DateTime::from_secs(super::now() + days * super::DAY));
        bucket
            .client
            .put_object()
            .bucket(&bucket.name)
            .key(format!("p/{key}"))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .set_object_lock_mode(lock.map(|_| ObjectLockMode::Compliance))
            .set_object_lock_retain_until_date(until)
            .body(body.into())
            .send()
    };
    let bytes = std::fs::read(&path).expect("readable");
    put("copied", Some(3), bytes.clone()).await.expect("stored");
    assert_eq!(archive.segment("copied").await.expect("asked"), Some(Links::from(&ours.segment)));
    archive.put_segment("copied", &path, &ours.segment).await.expect("recognised by its footer");
    assert!(matches!(archive.put_segment("copied", &other, &theirs.segment).await, Err(Error::Differs { .. })));

    // Without a lock, or with a shorter one, it is not kept as it should be.
    put("unlocked", None, bytes.clone()).await.expect("stored");
    put("brief", Some(1), bytes.clone()).await.expect("stored");
    for key in ["unlocked", "brief"] {
        let error = archive.segment(key).await.expect_err(key);
        assert!(matches!(error, Error::S3(s3::Error::Unkept { .. })) && !error.is_passing(), "{key}: {error}");
    }
    put("garbage", Some(3), b"not Parquet at all".to_vec()).await.expect("stored");
    put("cut", Some(3), bytes[bytes.len() / 2..].to_vec()).await.expect("stored");
    for key in ["garbage", "cut"] {
        assert!(archive.segment(key).await.is_err_and(|error| !error.is_passing()), "{key}");
    }

    archive.put_note("audit-genesis/test.note", b"a").await.expect("stored");
    archive.put_note("audit-genesis/test.note", b"a").await.expect("the same again");
    assert!(matches!(archive.put_note("audit-genesis/test.note", b"b").await, Err(Error::NoteDiffers { .. })));
    assert_eq!(archive.note("audit-genesis/test.note").await.expect("read"), Some(b"a".to_vec()));
    assert_eq!(archive.note("audit-genesis/none.note").await.expect("asked"), None);
    let listed = archive.list("audit-").await.expect("listed");
    let keys: Vec<_> = listed.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["audit-genesis/test.note", key.as_str()]);
    assert_eq!(listed[1].bytes, bytes.len() as u64);
}

async fn a_large_object_goes_up_and_comes_back_in_parts(kind: Kind) {
    if !in_environment(kind, "a_large_object_goes_up_and_comes_back_in_parts") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let bucket = Server::shared(kind).bucket("parts");
    let archive = archive(&bucket, dir.path());
    // Hexadecimal noise packs to half.
    let (path, written, contents) = segment(dir.path(), 3, 400, 64 << 10);
    let length = std::fs::metadata(&path).expect("there").len();
    assert!(length > 11 << 20, "three parts or more: {length}");
    archive.put_segment(&written.key, &path, &written.segment).await.expect("stored");
    archive.put_segment(&written.key, &path, &written.segment).await.expect("the same again");

    let head = bucket.head(&format!("p/{}", written.key)).await;
    assert_eq!(head.object_lock_mode, Some(ObjectLockMode::Compliance));
    assert!(head.checksum_sha256.is_some_and(|sum| sum.ends_with(&format!("-{}", length.div_ceil(5 << 20)))));
    assert_eq!(head.content_length, i64::try_from(length).ok());
    assert_eq!(bucket.versions().await.len(), 1);
    let unfinished = bucket.client.list_multipart_uploads().bucket(&bucket.name).send().await.expect("listed");
    assert!(unfinished.uploads.unwrap_or_default().is_empty(), "the second upload was given up in order");

    let mut reader = archive.object(&written.key).await.expect("opened");
    assert_eq!(reader.footer().segment, written.segment);
    let mut read = Vec::new();
    let rows = reader.rows(&mut |row| {
        read.push(row.content.to_owned());
        ControlFlow::Continue(())
    });
    rows.expect("read");
    assert!(read == contents, "what comes back is what went up");
    let left: Vec<_> = std::fs::read_dir(dir.path()).expect("listed").map(|entry| entry.expect("one").path()).collect();
    assert_eq!(left, [path], "the copy has no name");
}
