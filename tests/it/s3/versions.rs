//! Promise 5 on real buckets: what a plain listing hides is found. Versions over a key, delete markers, locks that are missing.

use std::path::Path;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::ObjectLockMode;

use super::server::{ACCESS_KEY, Bucket, Kind, SECRET_KEY, Server, credentials};
use super::{DAY, LOCK, load, now, on_both};
use crate::harness::{Collector, sealtrail_with, text};
use crate::witness::Authority;

on_both!(versions_and_markers_are_found, objects_without_their_lock_are_found, a_rotations_note_that_is_gone_is_missed);

/// `verify` of both legs as the configuration has them.
fn verify(dir: &Path, data: &Path, config: &Path) -> std::process::Output {
    let path = |path: &Path| path.display().to_string();
    let keys = path(&data.join("keys/log.vkey"));
    let arguments = ["verify", "--public-key", &keys, "--config", &path(config), "--data-dir", &path(data)];
    sealtrail_with(&arguments, &credentials(dir, ACCESS_KEY, SECRET_KEY))
}

/// A chain whose checkpoints are time stamped, too.
async fn sealed(dir: &Path, bucket: &Bucket, seed: u64) -> std::path::PathBuf {
    let authority = Authority::start(&dir.join("tsa"));
    let config = format!(
        "wal: {{ segment: {{ max_mib: 1, max_age: 1s }} }}\n\
         seal: {{ checkpoint_interval: 1s, timestamp_url: 'http://127.0.0.1:{}/', timestamp_interval: 100ms }}\n{}",
        authority.port,
        bucket.config(LOCK)
    );
    let environment = credentials(dir, ACCESS_KEY, SECRET_KEY);
    let collector = Collector::try_start_with(dir, &config, &[], &environment).unwrap_or_else(|log| panic!("{log}"));
    load(&collector, seed, 3).await;
    let data = collector.data.clone();
    let (status, log) = collector.stop();
    assert!(status.success() && log.contains("\"complete\":true"), "{log}");
    data
}

async fn versions_and_markers_are_found(kind: Kind) {
    let dir = tempfile::tempdir().expect("a directory");
    let bucket = Server::shared(kind).bucket("versions");
    let data = sealed(dir.path(), &bucket, 61).await;
    let config = dir.path().join("sealtrail.yaml");
    let sound = verify(dir.path(), &data, &config);
    assert_eq!(sound.status.code(), Some(0), "{}", text(&sound));

    let keys = bucket.keys("").await;
    let find = |end: &str| keys.iter().find(|key| key.ends_with(end)).expect("there is one").clone();
    let (client, name) = (&bucket.client, &bucket.name);
    for end in [".parquet", ".checkpoint", ".range", ".note", ".tsr", ".crl"] {
        let key = find(end);
        let marker = client.delete_object().bucket(name).key(&key).send().await.expect("a marker");
        let output = verify(dir.path(), &data, &config);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{key}: {said}");
        assert!(said.contains("SEAL-061") && said.contains(&key), "{key}: {said}");
        assert!(!said.contains("SEAL-003"), "what is hidden is read all the same: {said}");
        let id = marker.version_id.expect("a version");
        client.delete_object().bucket(name).key(&key).version_id(id).send().await.expect("the marker is gone");
    }
    // The same bytes again: nothing else would show.
    let key = find(".parquet");
    let body = bucket.get(&key).await;
    let put = client.put_object().bucket(name).key(&key).body(body.into()).send().await.expect("another version");
    let output = verify(dir.path(), &data, &config);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("SEAL-060") && text(&output).contains(&key), "{}", text(&output));
    let id = put.version_id.expect("a version");
    client.delete_object().bucket(name).key(&key).version_id(id).send().await.expect("it has no lock");
    assert_eq!(verify(dir.path(), &data, &config).status.code(), Some(0));
}

/// The whole archive, copied into a bucket without a lock on anything, or with one that ends too early, or that can be lifted.
async fn objects_without_their_lock_are_found(kind: Kind) {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::shared(kind);
    let bucket = server.bucket("locked");
    let data = sealed(dir.path(), &bucket, 62).await;
    let written = std::fs::read_to_string(dir.path().join("sealtrail.yaml")).expect("the configuration");
    let locks = [
        ("unlocked", None),
        ("shortened", Some((ObjectLockMode::Compliance, 29))),
        ("liftable", Some((ObjectLockMode::Governance, 60))),
    ];
    for (name, lock) in locks {
        let copy = server.bucket(name);
        for key in bucket.keys("").await {
            let body = bucket.get(&key).await;
            let put = copy.client.put_object().bucket(&copy.name).key(&key).body(body.into());
            let put = match &lock {
                Some((mode, days)) => put
                    .object_lock_mode(mode.clone())
                    .object_lock_retain_until_date(DateTime::from_secs(now() + days * DAY)),
                None => put,
            };
            put.send().await.expect("stored");
        }
        let config = dir.path().join("copy.yaml");
        std::fs::write(&config, written.replace(&bucket.name, &copy.name)).expect("written");
        let output = verify(dir.path(), &data, &config);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", text(&output));
        for kind in [".parquet", ".checkpoint", ".range", ".note", ".tsr", ".crl"] {
            let named = text(&output).lines().any(|line| line.contains("SEAL-062") && line.contains(kind));
            assert!(named, "{name}, {kind}: {}", text(&output));
        }
    }
}

/// The notes by which keys change are looked for in a bucket as in a directory.
async fn a_rotations_note_that_is_gone_is_missed(kind: Kind) {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::shared(kind);
    let bucket = server.bucket("rotated");
    let data = sealed(dir.path(), &bucket, 63).await;
    let config = dir.path().join("sealtrail.yaml");
    let environment = credentials(dir.path(), ACCESS_KEY, SECRET_KEY);
    let place = |path: &Path| path.display().to_string();
    let (named, below) = (place(&config), place(&data));
    let words = ["keys", "rotate", "--config", &named, "--data-dir", &below, "--reason", "yearly", "--no-recovery"];
    let output = sealtrail_with(&words, &environment);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let written = std::fs::read_to_string(&config).expect("the configuration");
    let collector = Collector::try_start_with(dir.path(), &written, &[], &environment);
    let collector = collector.unwrap_or_else(|log| panic!("{log}"));
    load(&collector, 64, 1).await;
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    let sound = verify(dir.path(), &data, &config);
    assert_eq!(sound.status.code(), Some(0), "{}", text(&sound));

    let keys = bucket.keys("").await;
    let note = keys.iter().find(|key| key.starts_with("audit-keys/")).expect("a note");
    bucket.client.delete_object().bucket(&bucket.name).key(note).send().await.expect("a marker");
    let hidden = verify(dir.path(), &data, &config);
    assert_eq!(hidden.status.code(), Some(1), "{}", text(&hidden));
    assert!(text(&hidden).contains("SEAL-061") && text(&hidden).contains(note), "{}", text(&hidden));

    let copy = server.bucket("unrotated");
    for key in keys.iter().filter(|key| *key != note) {
        let body = bucket.get(key).await;
        copy.client.put_object().bucket(&copy.name).key(key).body(body.into()).send().await.expect("stored");
    }
    let unlocked = written.replace(&bucket.name, &copy.name).replace(LOCK, "object_lock: { mode: NONE }");
    let config = dir.path().join("copy.yaml");
    std::fs::write(&config, unlocked).expect("written");
    let missed = verify(dir.path(), &data, &config);
    assert_eq!(missed.status.code(), Some(3), "{}", text(&missed));
    assert!(text(&missed).contains(note) && text(&missed).contains("is not here"), "{}", text(&missed));
}
