//! What the form of a value can't say: bounds, and settings that don't go together.
//!
//! A value that starts but can't work (a log that is full before its first record) is refused here, at the start, and not
//! found at the first outage.

use std::borrow::Cow;

use sealtrail_chain::Genesis;
use sealtrail_chain::note::Vkey;

use super::{Config, Duration};
use crate::archive::Place;

/// A setting that can't work: its key, why, and what would.
pub(super) struct Problem {
    pub(super) key: Cow<'static, str>,
    pub(super) what: String,
    pub(super) remedy: &'static str,
}

/// The log keeps 16 MiB free for the collector's own records; below this nothing would be left for senders.
const LEAST_LOG_MIB: u64 = 18;
/// 1 PiB: more than any disk here, and far from where MiB overflow as bytes.
const MOST_MIB: u64 = 1 << 30;

/// The first problem, in the order of the file's keys.
pub(super) fn problem(config: &Config) -> Option<Problem> {
    keys(config)
        .or_else(|| answer(config))
        .or_else(|| log(config))
        .or_else(|| times(config))
        .or_else(|| witnesses(config))
        .or_else(|| stream(config))
        .or_else(|| bucket(config))
        .or_else(|| paths(config))
        .or_else(|| endpoints(config))
}

fn keys(config: &Config) -> Option<Problem> {
    let problem = |(id, key): (&String, &crate::mask::MaskKey)| Some((id.clone(), key.problem()?));
    let (id, (key, what, remedy)) = config.mask.keys.iter().find_map(problem)?;
    Some(Problem { key: format!("mask.keys.{id}.aws_kms.{key}").into(), what: what.into(), remedy })
}

/// An answer that takes longer has no sender left; and the stop waits for it.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);

fn answer(config: &Config) -> Option<Problem> {
    let sensible = Duration::from_millis(100)..=LONGEST_ANSWER;
    (!sensible.contains(&config.acknowledge_timeout)).then(|| Problem {
        key: "acknowledge_timeout".into(),
        what: "the time for an answer is out of range".into(),
        remedy: "100ms to 30s; 4s is the default, and less than most senders wait",
    })
}

fn log(config: &Config) -> Option<Problem> {
    let wal = &config.wal;
    if !(LEAST_LOG_MIB..=MOST_MIB).contains(&wal.max_size_mib) {
        return Some(Problem {
            key: "wal.max_size_mib".into(),
            what: "the write-ahead log's size is out of range".into(),
            remedy: "18 to 1073741824 (16 MiB are kept free for the collector's own records)",
        });
    }
    if !(1..=MOST_MIB).contains(&wal.segment.max_mib) {
        return Some(Problem {
            key: "wal.segment.max_mib".into(),
            what: "a segment's size is out of range".into(),
            remedy: "1 to 1073741824; 512 is the default",
        });
    }
    None
}

fn times(config: &Config) -> Option<Problem> {
    for (key, time) in [
        ("wal.segment.max_age", config.wal.segment.max_age),
        ("seal.checkpoint_interval", config.seal.checkpoint_interval),
        ("seal.alive_interval", config.seal.alive_interval),
        ("seal.witness_interval", config.seal.witness_interval),
        ("seal.timestamp_interval", config.seal.timestamp_interval),
    ] {
        if time < Duration::from_millis(1) {
            return Some(Problem {
                key: key.into(),
                what: "the time is zero".into(),
                remedy: "write a time above zero, such as `10s`",
            });
        }
    }
    None
}

/// A wrong one is found here, and not by its silence for an hour.
fn witnesses(config: &Config) -> Option<Problem> {
    let seal = &config.seal;
    let problem =
        |key: &str, what: &str, remedy| Some(Problem { key: key.to_owned().into(), what: what.into(), remedy });
    let mut known: Vec<Vkey> = Vec::new();
    for (at, witness) in seal.witnesses.iter().enumerate() {
        if !guarded(&witness.url) {
            let key = format!("seal.witnesses[{at}].url");
            return problem(&key, "a witness is asked over TLS", URL);
        }
        let Some(key) = witness.key() else {
            let key = format!("seal.witnesses[{at}].vkey");
            return problem(
                &key,
                "this is no verifier key of a witness",
                "the vkey that the witness publishes: name, key id, key",
            );
        };
        let same = |other: &Vkey| other.name() == key.name() || other.key() == key.key() || other.id() == key.id();
        if known.iter().any(same) {
            let key = format!("seal.witnesses[{at}].vkey");
            return problem(
                &key,
                "another witness has the same name or key",
                "name each witness once, by one of its keys",
            );
        }
        if Genesis::origin(&seal.origin, &config.chain).is_ok_and(|log| log == key.name()) {
            let key = format!("seal.witnesses[{at}].vkey");
            return problem(&key, "this is the log itself, and no witness of it", "the vkey of somebody else");
        }
        known.push(key);
    }
    if !seal.witnesses.is_empty() && !(1..=seal.witnesses.len()).contains(&seal.quorum()) {
        return problem("seal.witness_quorum", "the witnesses can't reach this quorum", "1 to the number of witnesses");
    }
    if seal.timestamp_url.as_deref().is_some_and(|url| !is_url(url)) {
        return problem(
            "seal.timestamp_url",
            "this is no URL",
            "such as `http://timestamp.example/tsr`; a stamp is signed, so it needs no TLS",
        );
    }
    if seal.timestamp_interval > LONGEST_STAMP {
        return problem(
            "seal.timestamp_interval",
            "the time is too long",
            "1h at most: a stamp proves no time before it",
        );
    }
    None
}

const URL: &str = "a URL that begins with `https://`; on this machine `http://127.0.0.1:PORT` will do";

/// So much later than it was sealed may a record be proved to have existed.
const LONGEST_STAMP: Duration = Duration::from_secs(3600);

fn guarded(url: &str) -> bool {
    url.parse().is_ok_and(|url| crate::client::is_guarded(&url))
}

fn is_url(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some())
}

fn stream(config: &Config) -> Option<Problem> {
    let crate::stream::Invalid { key, what, remedy } = config.stream.check().err()?;
    Some(Problem { key: key.into(), what: what.to_owned(), remedy })
}

fn paths(config: &Config) -> Option<Problem> {
    let stream = config.stream.directory(&config.data_dir)?;
    let archive = config.archive.directory(&config.data_dir)?;
    (stream == archive).then(|| Problem {
        key: "archive.directory.path".into(),
        what: "the stream and the archive both go to the same directory".into(),
        remedy: "give each a directory of its own",
    })
}

fn bucket(config: &Config) -> Option<Problem> {
    let Place::S3(s3) = &config.archive.place else { return None };
    let (key, what, remedy) = s3.problem()?;
    Some(Problem { key: format!("archive.s3.{key}").into(), what: what.into(), remedy })
}

fn endpoints(config: &Config) -> Option<Problem> {
    let protocols = &config.receivers.otlp.protocols;
    let mut seen: Vec<&str> = Vec::new();
    for (key, endpoint) in [
        ("receivers.otlp.protocols.grpc.endpoint", protocols.grpc.as_ref().map(|grpc| &grpc.endpoint)),
        ("receivers.otlp.protocols.http.endpoint", protocols.http.as_ref().map(|http| &http.endpoint)),
        ("health_check.endpoint", Some(&config.health_check.endpoint)),
        ("telemetry.metrics.endpoint", Some(&config.telemetry.metrics.endpoint)),
    ] {
        let Some(endpoint) = endpoint else { continue };
        let Some(port) = port(endpoint) else {
            return Some(Problem {
                key: key.into(),
                what: "the endpoint is not `host:port`".into(),
                remedy: "such as `127.0.0.1:4317`, with a port of 0 to 65535; an IPv6 address in brackets",
            });
        };
        // Port 0 is a free one, another each time.
        if port != 0 && seen.contains(&endpoint.as_str()) {
            return Some(Problem {
                key: key.into(),
                what: "another listener has the same endpoint".into(),
                remedy: "give each listener a port of its own",
            });
        }
        seen.push(endpoint);
    }
    None
}

fn port(endpoint: &str) -> Option<u16> {
    let (host, port) = endpoint.rsplit_once(':')?;
    if host.is_empty() || (host.contains(':') && !host.starts_with('[')) {
        return None;
    }
    port.parse().ok()
}
