//! Promises 3 and 5 on real S3 servers: objects stand under their keys once, locked and whole, and nobody, the collector
//! included, can take them away. Each test runs against both servers.

mod faults;
mod objects;
pub mod proxy;
mod release;
pub mod server;
mod versions;

use std::path::{Path, PathBuf};
use std::process::Command;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode, ServerSideEncryption};
use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, PATIENCE, archived, export, python, sealtrail, sealtrail_with, streamed, text};
use server::{ACCESS_KEY, Bucket, Kind, SECRET_KEY, Server, credentials};

/// Small segments, each an object.
const CONFIG: &str = "wal: { segment: { max_mib: 1, max_age: 1s } }\nseal: { checkpoint_interval: 1s }\n";

/// A short lock: what a test leaves behind dies with its server.
const LOCK: &str = "object_lock: { mode: COMPLIANCE, retention_days: 30 }";

const DAY: i64 = 86_400;

/// Starts a collector with the right credentials.
fn start(dir: &Path, config: &str) -> Collector {
    let environment = credentials(dir, ACCESS_KEY, SECRET_KEY);
    let started = Collector::try_start_with(dir, &format!("{CONFIG}{config}"), &[], &environment);
    started.unwrap_or_else(|log| panic!("the collector did not start:\n{log}"))
}

/// Sends so many requests of 100 payments.
async fn load(collector: &Collector, seed: u64, requests: usize) {
    let mut client = collector.client().await;
    let mut payments = Payments::new(seed, 1_800_000_000_000_000_000);
    for _ in 0..requests {
        export(&mut client, &payments.request(100).0).await;
    }
}

/// Waits for a condition that the server is asked for.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !condition().await {
        assert!(std::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The end of every test: no version of any key stands twice, `verify` finds stream and bucket intact, and both hold the same.
async fn judge(bucket: &Bucket, data: &Path) -> Vec<(u64, String)> {
    let versions = bucket.versions().await;
    let mut keys: Vec<_> = versions.iter().map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), versions.len(), "a key has two versions: {versions:?}");
    let copy = data.with_file_name("copy");
    let _ = std::fs::remove_dir_all(&copy);
    bucket.download(&copy).await;
    let path = |path: PathBuf| path.display().to_string();
    let key = path(data.join("keys/log.vkey"));
    let output = sealtrail(&["verify", "--public-key", &key, &path(copy.clone()), &path(data.join("stream"))]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let archived = archived(&copy);
    assert!(archived == streamed(&data.join("stream")), "the legs differ");
    archived
}

/// A module with each test as one of its own for both servers.
macro_rules! on_both {
    ($($(#[$meta:meta])* $name:ident),* $(,)?) => {
        mod minio { $( $(#[$meta])* #[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::Kind::Minio).await } )* }
        mod versitygw { $( $(#[$meta])* #[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::Kind::Versitygw).await } )* }
    };
}
use on_both;

on_both!(every_object_is_locked_whole_and_readable, a_bucket_that_is_not_fit_is_refused_by_name);

async fn every_object_is_locked_whole_and_readable(kind: Kind) {
    let dir = tempfile::tempdir().expect("a directory");
    let bucket = Server::shared(kind).bucket("whole");
    let before = now();
    let collector = start(dir.path(), &bucket.config(&format!("prefix: ledger, {LOCK}")));
    load(&collector, 31, 60).await;
    let data = collector.data.clone();
    let (status, log) = collector.stop();
    assert!(status.success() && log.contains("\"complete\":true"), "{log}");
    let after = now();

    let keys = bucket.keys("").await;
    let kinds = [
        "ledger/audit-logs/chain=local/date=",
        "ledger/audit-genesis/local.note",
        "ledger/audit-checkpoints/chain=local/",
    ];
    for kind in kinds {
        assert!(keys.iter().any(|key| key.starts_with(kind)), "{kind}: {keys:?}");
    }
    assert!(keys.iter().all(|key| kinds.iter().any(|kind| key.starts_with(kind))), "{keys:?}");
    let segments: Vec<_> = keys.iter().filter(|key| key.ends_with(".parquet")).collect();
    assert!(segments.len() > 1, "{keys:?}");
    for key in &keys {
        let head = bucket.head(key).await;
        assert_eq!(head.object_lock_mode, Some(ObjectLockMode::Compliance), "{key}");
        let until = head.object_lock_retain_until_date.expect("a date").secs();
        assert!((before + 30 * DAY..=after + 1 + 30 * DAY).contains(&until), "{key}: {until}");
        assert!(head.checksum_sha256.is_some(), "{key}");
        let expected = (bucket.kind == Kind::Minio).then_some(ServerSideEncryption::Aes256);
        assert_eq!(head.server_side_encryption, expected, "{key}");
        if key.ends_with(".parquet") {
            let metadata = head.metadata.expect("metadata");
            let mut names: Vec<_> = metadata.keys().map(|name| name.to_lowercase()).collect();
            names.sort();
            assert_eq!(names, ["first", "format", "hash", "last", "prev-hash"], "{key}");
            assert!(key.ends_with(&format!("{:0>20}.parquet", metadata["first"])), "{key}");
        }
    }
    nobody_can_take_it_away(&bucket, segments[0]).await;
    assert_eq!(bucket.keys("").await, keys);
    evidence_names_the_locked_version(&bucket, dir.path(), segments[0]).await;

    let copy = dir.path().join("copy");
    bucket.download(&copy).await;
    let archive = copy.join("ledger");
    let path = |path: PathBuf| path.display().to_string();
    let key = path(data.join("keys/log.vkey"));
    let output = sealtrail(&["verify", "--public-key", &key, &path(archive.clone()), &path(data.join("stream"))]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(archived(&archive) == streamed(&data.join("stream")), "the legs differ");
    let output = Command::new(python()).arg("tests/archive_sql.py").arg(&archive).output().expect("Python runs");
    assert!(output.status.success(), "{}", text(&output));
    let output = Command::new(python())
        .args(["tests/archive_s3.py", &bucket.endpoint, &bucket.name, "ledger", ACCESS_KEY, SECRET_KEY])
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", text(&output));
    let rows = String::from_utf8_lossy(&output.stdout).trim().parse::<usize>().expect("a number");
    assert_eq!(rows, archived(&archive).len());
}

/// With the collector's own credentials, which here may do anything: what refuses is the lock.
async fn nobody_can_take_it_away(bucket: &Bucket, key: &str) {
    let (client, name) = (&bucket.client, &bucket.name);
    let (sound, head) = (bucket.get(key).await, bucket.head(key).await);
    let version = head.version_id.expect("versions");
    let until = head.object_lock_retain_until_date.expect("a date");

    let delete = client.delete_object().bucket(name).key(key).version_id(&version);
    assert!(delete.clone().send().await.is_err(), "the version was deleted");
    let bypassed = delete.bypass_governance_retention(true).send().await;
    assert!(bypassed.is_err(), "the version was deleted past its lock");

    let retain = |mode, until| {
        let retention = ObjectLockRetention::builder().mode(mode).retain_until_date(until).build();
        client.put_object_retention().bucket(name).key(key).version_id(&version).retention(retention).send()
    };
    let earlier = DateTime::from_secs(until.secs() - DAY);
    assert!(retain(ObjectLockRetentionMode::Compliance, earlier).await.is_err(), "the term was shortened");
    assert!(retain(ObjectLockRetentionMode::Governance, until).await.is_err(), "the lock was weakened");

    // A conditional upload is refused; an unconditional one is another version, and ours stays.
    let put = || client.put_object().bucket(name).key(key).body(b"forged".to_vec().into());
    let refused = put().if_none_match("*").send().await.expect_err("the key is taken");
    assert_eq!(refused.raw_response().map(|raw| raw.status().as_u16()), Some(412));
    let forged = put().send().await.expect("S3 takes another version").version_id.expect("a version");
    let ours = client.get_object().bucket(name).key(key).version_id(&version).send().await.expect("still there");
    assert!(ours.body.collect().await.expect("whole").to_vec() == sound, "our version has changed");
    client.delete_object().bucket(name).key(key).version_id(forged).send().await.expect("the forged one has no lock");
}

/// What `prove` takes out of a bucket says which version it was, and until when that is locked; both verifiers take it.
async fn evidence_names_the_locked_version(bucket: &Bucket, dir: &Path, key: &str) {
    let path = |name: &str| dir.join(name).display().to_string();
    let (config, data, out) = (path("sealtrail.yaml"), path("data"), path("evidence"));
    let arguments = ["prove", "--chain", "local", "--sequence", "0", "--reason", "a test", "--config", &config];
    let environment = credentials(dir, ACCESS_KEY, SECRET_KEY);
    let output = sealtrail_with(&[&arguments[..], &["--data-dir", &data, "--out", &out]].concat(), &environment);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let statement = std::fs::read(dir.join("evidence/statement.json")).expect("a statement");
    let stored = &serde_json::from_slice::<serde_json::Value>(&statement).expect("JSON")["stored"];
    let head = bucket.head(key).await;
    assert_eq!(stored["key"].as_str(), Some(key));
    assert_eq!(stored["bucket"].as_str(), Some(bucket.name.as_str()));
    assert_eq!(stored["version_id"].as_str(), head.version_id.as_deref());
    assert_eq!(stored["sha256"].as_str(), head.checksum_sha256.as_deref());
    assert_eq!(stored["lock_mode"].as_str(), Some("COMPLIANCE"));
    assert!(stored["locked_until"].as_str().is_some_and(|time| time.ends_with('Z')), "{stored}");
    let keys = path("data/keys/log.vkey");
    let ours = sealtrail(&["verify", "--public-key", &keys, "--bundle", &out]);
    assert_eq!(ours.status.code(), Some(0), "{}", text(&ours));
    let theirs = Command::new(python()).args([&path("evidence/verify.py"), "--public-key", &keys, &out]).output();
    let theirs = theirs.expect("Python runs");
    assert_eq!(theirs.status.code(), Some(0), "{}", text(&theirs));
}

async fn a_bucket_that_is_not_fit_is_refused_by_name(kind: Kind) {
    let dir = tempfile::tempdir().expect("a directory");
    let bucket = Server::shared(kind).plain_bucket("plain");
    let environment = credentials(dir.path(), ACCESS_KEY, SECRET_KEY);
    let refused = |config: &str| {
        Collector::try_start_with(dir.path(), config, &[], &environment).err().expect("the start is refused")
    };
    let log = refused(&bucket.config(LOCK));
    assert!(log.contains("the bucket `plain` is not fit for the archive: it has no versioning"), "{log}");
    assert!(log.contains("it has no Object Lock") && log.contains("remedy"), "{log}");
    let log = refused(&bucket.config(LOCK).replace("bucket: plain", "bucket: absent"));
    assert!(log.contains("the bucket `absent` is not fit for the archive: it does not exist"), "{log}");
    assert!(bucket.keys("").await.is_empty(), "nothing is written to a bucket that is not fit");
    assert!(!dir.path().join("data/keys").exists(), "nothing is changed before the bucket is found fit");

    let weak = bucket.config("object_lock: { mode: NONE }, allow: [no_versioning]");
    let collector = start(dir.path(), &weak);
    let log = collector.log();
    assert!(log.contains("archive without object lock"), "{log}");
    load(&collector, 32, 2).await;
    let data = collector.data.clone();
    let (status, log) = collector.stop();
    assert!(status.success() && log.contains("\"complete\":true"), "{log}");
    let archived = judge(&bucket, &data).await;
    let started = archived.iter().find(|(_, content)| content.contains("sealtrail.started")).expect("a start");
    assert!(started.1.contains("archive without object lock, "), "{}", started.1);
    assert!(started.1.contains("archive may lack versioning"), "{}", started.1);
}

/// Over TLS, with an authority that the system doesn't know.
#[tokio::test(flavor = "multi_thread")]
async fn the_servers_certificate_is_checked() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(Kind::Minio, &["--tls", "--kms"]);
    let bucket = server.bucket("tls");
    let config = bucket.config(LOCK);
    let environment = credentials(dir.path(), ACCESS_KEY, SECRET_KEY);
    let without = config.replace(&format!("ca_file: {}, ", bucket.ca_file.as_ref().expect("one").display()), "");
    let log = Collector::try_start_with(dir.path(), &without, &[], &environment).err().expect("the start is refused");
    assert!(log.contains("invalid peer certificate: UnknownIssuer"), "{log}");
    let collector = start(dir.path(), &config);
    load(&collector, 33, 2).await;
    let data = collector.data.clone();
    let (status, log) = collector.stop();
    assert!(status.success() && log.contains("\"complete\":true"), "{log}");
    judge(&bucket, &data).await;
}

/// With a key of the server's key management.
#[tokio::test(flavor = "multi_thread")]
async fn objects_are_encrypted_with_the_key_that_was_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let bucket = Server::shared(Kind::Minio).bucket("kms");
    let collector = start(dir.path(), &bucket.config(&format!("encryption: {{ kms_key_id: sealtrail-test }}, {LOCK}")));
    load(&collector, 34, 2).await;
    let data = collector.data.clone();
    let (status, log) = collector.stop();
    assert!(status.success() && log.contains("\"complete\":true"), "{log}");
    for key in bucket.keys("").await {
        let head = bucket.head(&key).await;
        assert_eq!(head.server_side_encryption, Some(ServerSideEncryption::AwsKms), "{key}");
        assert!(head.ssekms_key_id.is_some_and(|id| id.ends_with("sealtrail-test")), "{key}");
    }
    judge(&bucket, &data).await;
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the end of time")
}
