//! The old collector is frozen between Kafka's commit and its PUT, on real brokers and a real S3 server, and wakes up when the
//! new one has gone on with the chain: before the new one's own PUT of these records, and after it.

use std::path::Path;

use super::topic::Topic;
use super::{Chain, Load};
use crate::harness::{Collector, archived, sealtrail, text, until};
use crate::parts::brokers;
use crate::s3::proxy::{Fault, Proxy, Rule};
use crate::s3::server::{ACCESS_KEY, Bucket, Kind, SECRET_KEY, Server, credentials};

const LOCK: &str = "object_lock: { mode: COMPLIANCE, retention_days: 30 }";

/// A way to the bucket on which no segment gets through until it is healed.
async fn closed(endpoint: &str) -> Proxy {
    let refuse = Rule { method: "PUT", word: ".parquet", fault: Fault::Refuse, times: usize::MAX };
    Proxy::start(endpoint, vec![refuse]).await
}

struct Setting {
    runtime: tokio::runtime::Runtime,
    chain: Chain,
    bucket: Bucket,
    keys: tempfile::TempDir,
}

impl Setting {
    fn config(&self, proxy: &Proxy) -> String {
        let seal =
            format!("seal: {{ checkpoint_interval: 1s, keys_dir: '{}' }}", self.keys.path().join("keys").display());
        let archive = self.bucket.config(LOCK).replace(&self.bucket.endpoint, &proxy.endpoint);
        self.chain.config("").replace("seal: { checkpoint_interval: 1s }", &seal) + &archive
    }

    fn start(&self, dir: &Path, config: &str, arguments: &[&str]) -> Collector {
        let environment = credentials(dir, ACCESS_KEY, SECRET_KEY);
        let started = Collector::try_start_with(dir, config, arguments, &environment);
        started.unwrap_or_else(|log| panic!("the collector did not start:\n{log}"))
    }

    fn segments(&self) -> Vec<String> {
        self.runtime.block_on(self.bucket.keys("audit-logs/"))
    }
}

fn streamed(setting: &Setting) -> usize {
    Topic::read(&setting.chain.brokers, &setting.chain.topic()).records(&setting.chain.name).len()
}

#[test]
fn a_segment_that_is_put_late_stands_once_before_or_after_the_new_collectors() {
    let part = brokers();
    for old_first in [true, false] {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let chain = Chain::new(&part, if old_first { "kafka-late-first" } else { "kafka-late-second" });
        let bucket = Server::shared(Kind::Minio).bucket(&chain.name);
        let keys = tempfile::tempdir().expect("a directory");
        let setting = Setting { runtime, chain, bucket, keys };
        let (old_way, new_way) = setting
            .runtime
            .block_on(async { (closed(&setting.bucket.endpoint).await, closed(&setting.bucket.endpoint).await) });
        let old = setting.start(setting.chain.dir.path(), &setting.config(&old_way), &[]);
        let mut load = Load::new();
        load.onto(&old);
        load.wait_for(500);
        load.end();
        until("the stream has all of it", || old.scrape().contains("sealtrail_leg_lag_records{leg=\"stream\"} 0\n"));
        until("a PUT was tried", || old_way.hits() > 0);
        old.signal("-STOP");
        assert_eq!(setting.segments(), Vec::<String>::new());

        let place = tempfile::tempdir().expect("a temporary directory");
        let new = setting.start(place.path(), &setting.config(&new_way), &["--continue-from-legs"]);
        let mut new_load = Load { number: load.number.clone(), ..Load::new() };
        new_load.onto(&new);
        new_load.wait_for(300);
        old_way.heal();
        if old_first {
            old.signal("-CONT");
            until("the old one has put a segment", || !setting.segments().is_empty());
            until("the new one has tried to", || new_way.hits() > 0);
            new_way.heal();
        } else {
            new_way.heal();
            until("the new one has put what the stream held", || setting.segments().len() > 1);
            old.signal("-CONT");
        }
        new_load.wait_for(300);
        new_load.end();
        let (status, log) = new.stop();
        assert!(status.success() && log.contains("\"complete\":true"), "{log}");
        // What the old one still has to say is that it was replaced; it writes nothing.
        let before = streamed(&setting);
        drop(old.stop());
        assert_eq!(streamed(&setting), before, "a fenced collector writes nothing");

        let versions = setting.runtime.block_on(setting.bucket.versions());
        let keys = versions.iter().map(|(key, _)| key).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(keys.len(), versions.len(), "a key has two versions: {versions:?}");
        let copy = place.path().join("copy");
        setting.runtime.block_on(setting.bucket.download(&copy));
        let vkey = setting.keys.path().join("keys/log.vkey").display().to_string();
        let output = sealtrail(&["verify", "--public-key", &vkey, &copy.display().to_string()]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let (archived, streamed) =
            (archived(&copy), Topic::read(&setting.chain.brokers, &setting.chain.topic()).records(&setting.chain.name));
        assert!(archived == streamed, "{} archived, {} streamed", archived.len(), streamed.len());
        load.end_and_find(&archived);
        new_load.end_and_find(&archived);
    }
}
