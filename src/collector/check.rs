//! `config check`: judges what a start would judge, and changes nothing.

use std::sync::Arc;

use super::StartError;
use super::reloading::load;
use crate::archive::Place;
use crate::archive::s3::Mode;
use crate::config::{Acknowledge, Config};
use crate::host::SystemClock;
use crate::seal::keys;
use crate::{archive, receive};
use sealtrail_chain::Genesis;

/// What would start: pairs of what and how.
pub struct Checked {
    pub lines: Vec<(&'static str, String)>,
}

/// Reads rules, keys, certificates and tokens as a start would.
pub fn check(config: &Config) -> Result<Checked, StartError> {
    config.stream.check()?;
    let log = Genesis::origin(&config.seal.origin, &config.chain).map_err(StartError::Origin)?;
    let engine = load(config)?;
    let keys = match keys::Keys::read(&config.keys_dir(), &log, config.seal.pkcs11.as_ref())? {
        Some(keys::Keys { token: Some((place, _)), .. }) => format!("{place}, and in {}", config.keys_dir().display()),
        Some(_) => format!("in {}", config.keys_dir().display()),
        None => format!("would be made in {}", config.keys_dir().display()),
    };
    let listeners = receive::check(&config.receivers.otlp)?;
    let mut lines = vec![("chain", log), ("keys", keys)];
    lines.extend(listeners);
    lines.push(("rules", format!("{} ({})", config.mask.rules.join(", "), sealtrail_chain::Checksum(engine.digest()))));
    // They have been opened with the rules: a key that does not open is no start.
    lines.extend(config.mask.keys.iter().map(|(id, key)| ("masking key", format!("{id}, {}", key.place()))));
    lines.push(("log", format!("{}, at most {} MiB", config.wal_dir().display(), config.wal.max_size_mib)));
    lines.push(("acknowledge", acknowledge(config)));
    lines.push(("stream", config.stream.describe(&config.data_dir)));
    lines.extend(archive(config)?);
    lines.push(("health", format!("http://{}/", config.health_check.endpoint)));
    lines.push(("metrics", format!("http://{}/metrics", config.telemetry.metrics.endpoint)));
    Ok(Checked { lines })
}

fn acknowledge(config: &Config) -> String {
    match config.acknowledge {
        Acknowledge::Wal => "when the write-ahead log is synced".to_owned(),
        Acknowledge::Stream => {
            format!("when the stream has committed, refused after {}", config.acknowledge_timeout)
        }
    }
}

/// The bucket itself is not asked: a configuration can be right while its server is away.
fn archive(config: &Config) -> Result<Vec<(&'static str, String)>, StartError> {
    let s3 = match &config.archive.place {
        Place::Directory(directory) => {
            return Ok(vec![("archive", format!("directory {}", directory.resolve(&config.data_dir).display()))]);
        }
        Place::S3(s3) => s3,
    };
    archive::Target::find(&config.archive, &config.data_dir, Arc::new(SystemClock::new()))?;
    let how = match (s3.object_lock.mode, s3.object_lock.retention_days, s3.object_lock.first_days) {
        (Mode::None, ..) => "no object lock".to_owned(),
        (mode, days, 0) => format!("object lock {mode} {days} days"),
        (mode, days, first) => format!("object lock {mode} {days} days, {first} at first"),
    };
    let mut lines = vec![("archive", format!("{} in {}, {how}", s3.place(), s3.region))];
    lines.extend(s3.weaknesses().into_iter().map(|weakness| ("warning", weakness.to_owned())));
    Ok(lines)
}
