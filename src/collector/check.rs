//! `config check`: judges what a start would judge, and changes nothing.

use super::{StartError, load};
use crate::config::Config;
use crate::receive;
use crate::seal::keys;
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
    let keys = match keys::Keys::read(&config.keys_dir(), &log)? {
        Some(_) => format!("in {}", config.keys_dir().display()),
        None => format!("would be made in {}", config.keys_dir().display()),
    };
    let listeners = receive::check(&config.receivers.otlp)?;
    let mut lines = vec![("chain", log), ("keys", keys)];
    lines.extend(listeners);
    lines.push(("rules", format!("{} ({})", config.mask.rules.join(", "), sealtrail_chain::Checksum(engine.digest()))));
    lines.push(("log", format!("{}, at most {} MiB", config.wal_dir().display(), config.wal.max_size_mib)));
    lines.push(("stream", config.stream.describe(&config.data_dir)));
    lines.push(("archive", format!("directory {}", config.archive.directory.resolve(&config.data_dir).display())));
    lines.push(("health", format!("http://{}/", config.health_check.endpoint)));
    lines.push(("metrics", format!("http://{}/metrics", config.telemetry.metrics.endpoint)));
    Ok(Checked { lines })
}
