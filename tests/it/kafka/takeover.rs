//! A collector with nothing but the keys goes on with the chain while the old one is not dead: frozen, or cut off from Kafka
//! and not from the archive. Afterwards what only the old log held is sealed again.

use std::path::Path;

use super::topic::Topic;
use super::{Chain, Load};
use crate::harness::{Collector, archived, get, sealtrail, text, until};
use crate::parts::{Part, brokers};

/// Archive and keys lie where both collectors reach them.
struct Shared(tempfile::TempDir);

impl Shared {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    fn config(&self, chain: &Chain) -> String {
        let path = |name: &str| self.0.path().join(name).display().to_string();
        let seal = format!("seal: {{ checkpoint_interval: 1s, keys_dir: '{}' }}", path("keys"));
        chain.config("").replace("seal: { checkpoint_interval: 1s }", &seal)
            + &format!("archive: {{ directory: {{ path: '{}' }} }}\n", path("archive"))
    }

    /// Both legs hold the same, whole and in order, and the archive is intact.
    fn compare(&self, chain: &Chain) -> Vec<(u64, String)> {
        chain.compare(&self.0.path().join("archive"), self.0.path())
    }
}

fn import(old: &Path, new: &Path) -> std::process::Output {
    let path = |path: &Path| path.display().to_string();
    let (wal, data) = (path(&old.join("data/wal")), path(&new.join("data")));
    sealtrail(&[
        "wal",
        "import",
        &wal,
        "--reason",
        "the old one woke up",
        "--config",
        &path(&new.join("sealtrail.yaml")),
        "--data-dir",
        &data,
    ])
}

/// What the old one had acknowledged and not sent is in its log alone; it is sealed again, once, however often that is asked.
fn imports_once(old: &Path, new: &Path) {
    let output = import(old, new);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let again = import(old, new);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
    assert!(text(&again).contains("sealed again 0 now"), "{}", text(&again));
}

fn refused(dir: &Path, config: &str, arguments: &[&str]) -> String {
    match Collector::try_start(dir, config, arguments) {
        Ok(_) => panic!("started beside the other"),
        Err(log) => log,
    }
}

/// The old one is frozen under load, between any two of its steps, and wakes up when the chain has gone on elsewhere.
#[test]
fn an_old_collector_that_wakes_up_takes_nothing_and_its_log_is_imported() {
    let part = brokers();
    let chain = Chain::new(&part, "kafka-takeover");
    let shared = Shared::new();
    let config = shared.config(&chain);
    let old = Collector::start(chain.dir.path(), &config);
    let mut load = Load::new();
    load.onto(&old);
    load.wait_for(300);
    old.signal("-STOP");

    let place = tempfile::tempdir().expect("a temporary directory");
    let new = Collector::try_start(place.path(), &config, &["--continue-from-legs", "--reason", "frozen"]);
    let new = new.unwrap_or_else(|log| panic!("not gone on:\n{log}"));
    let mut new_load = Load { number: load.number.clone(), ..Load::new() };
    new_load.onto(&new);
    new_load.wait_for(200);
    old.signal("-CONT");
    // Senders that still know the old one: what it takes before it knows stays in its log alone.
    let mut late = Load { number: load.number.clone(), ..Load::new() };
    late.onto(&old);
    until("the old one says that it is fenced", || get(&old.health, "/").1.contains("fenced"));
    until("it knows that by the other one's records", || old.scrape().contains("sealtrail_fenced 1\n"));
    let taken = late.count() + load.count();
    new_load.wait_for(200);
    assert_eq!(late.count() + load.count(), taken, "a fenced collector takes nothing");
    late.end();
    load.end();
    let (status, log) = old.stop();
    assert!(status.success(), "{log}");

    // Two supervisors: each starts its own again, and only one of them can.
    new.kill();
    let log = refused(chain.dir.path(), &config, &[]);
    assert!(log.contains("`sealtrail wal import`") || log.contains("`--continue-from-legs`"), "{log}");
    let log = refused(place.path(), &config, &["--continue-from-legs"]);
    assert!(log.contains("start without `--continue-from-legs`"), "{log}");
    let new = Collector::start(place.path(), &config);
    refused(chain.dir.path(), &config, &[]);
    new_load.onto(&new);
    new_load.wait_for(100);

    imports_once(chain.dir.path(), place.path());
    new_load.end();
    let (status, log) = new.stop();
    assert!(status.success(), "{log}");
    let records = shared.compare(&chain);
    for load in [load, late, new_load] {
        load.end_and_find(&records);
    }
}

/// The archive takes only what the stream has committed, also from one that can't know that it was replaced.
#[test]
fn an_old_collector_cut_off_from_kafka_alone_archives_nothing_uncommitted() {
    let part = Part::up(&["kafka", "--proxy"]);
    let chain = Chain::new(&part, "kafka-cut");
    let shared = Shared::new();
    let config = shared.config(&chain);
    let (clear, proxied) = (part.get("KAFKA_BOOTSTRAP"), part.get("KAFKA_BOOTSTRAP_PROXIED"));
    let pairs = clear.split(',').zip(proxied.split(','));
    let behind = pairs.fold(config.clone(), |config, (clear, proxied)| config.replace(clear, proxied));
    assert_ne!(behind, config);
    let old = Collector::start(chain.dir.path(), &behind);
    let mut load = Load::new();
    load.onto(&old);
    load.wait_for(300);
    part.run(&["kill", "toxiproxy"]);
    until("the old one's leg is down", || old.scrape().contains("sealtrail_leg_up{leg=\"stream\"} 0\n"));
    load.wait_for(300);

    let place = tempfile::tempdir().expect("a temporary directory");
    let new = Collector::try_start(place.path(), &config, &["--continue-from-legs"]);
    let new = new.unwrap_or_else(|log| panic!("not gone on:\n{log}"));
    let mut new_load = Load { number: load.number.clone(), ..Load::new() };
    new_load.onto(&new);
    new_load.wait_for(300);
    load.wait_for(100);
    // A topic that grows has no end to read to.
    new_load.end();
    // The archive first: whatever it takes afterwards, the stream has had it before.
    let held = archived(&shared.0.path().join("archive"));
    let streamed = Topic::read(clear, &chain.topic()).records(&chain.name);
    assert!(streamed.starts_with(&held), "the archive holds what the stream doesn't");

    part.run(&["start", "toxiproxy"]);
    until("the old one says that it is fenced", || get(&old.health, "/").1.contains("fenced"));
    load.end();
    let (status, log) = old.stop();
    assert!(status.success(), "{log}");
    imports_once(chain.dir.path(), place.path());
    new_load.end();
    let (status, log) = new.stop();
    assert!(status.success(), "{log}");
    let records = shared.compare(&chain);
    assert!(load.end_and_find(&records) > 600);
    new_load.end_and_find(&records);
}
