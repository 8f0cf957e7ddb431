//! What is said of the settings: in the chain's `started` record, and where a change of them needs a restart.

use sealtrail_chain::Genesis;
use tracing::warn;

use crate::archive::Place;
use crate::config::{Acknowledge, Config};
use crate::mask::{self, Engine};
use crate::seal::keys;
use crate::seal::own::{Event, Kind};

/// The sections that differ, of those that are read at a start only.
pub(super) fn needs_restart(current: &Config, new: &Config) -> Vec<String> {
    let mut settled = new.clone();
    // What a reload has taken over, and what the level's own signal does.
    settled.mask = mask::Config { token_limit: new.mask.token_limit, ..current.mask.clone() };
    settled.telemetry.logs = current.telemetry.logs.clone();
    let (before, after) = (current.show(), settled.show());
    let (before, after) = (sections(&before), sections(&after));
    // What is not shown may differ all the same.
    let hidden = |key: &str| key == "stream" && current.stream != new.stream;
    let differs = |(key, text): &&(String, String)| hidden(key) || !before.contains(&(key.clone(), text.clone()));
    after.iter().filter(differs).map(|(key, _)| key.clone()).collect()
}

/// Top-level keys of a configuration as `show` prints it, each with its lines.
fn sections(text: &str) -> Vec<(String, String)> {
    let mut sections = Vec::<(String, String)>::new();
    for line in text.lines() {
        match line.split_once(':').filter(|_| !line.starts_with([' ', '-', '#'])) {
            Some((key, _)) => sections.push((key.to_owned(), line.to_owned())),
            None => sections.iter_mut().last().into_iter().for_each(|(_, lines)| *lines += line),
        }
    }
    sections
}

/// What the chain's own records say of this start.
pub(super) fn started_event(config: &Config, engine: &Engine, accept_clock: bool) -> Event {
    let mut event = Event::new(Kind::Started);
    let protocols = &config.receivers.otlp.protocols;
    let insecure = [("grpc", &protocols.grpc), ("http", &protocols.http)]
        .into_iter()
        .filter(|(_, protocol)| protocol.as_ref().is_some_and(|protocol| protocol.insecure))
        .map(|(name, _)| name)
        .chain(config.stream.is_insecure().then_some("kafka"))
        .map(|name| format!("insecure {name}"));
    let accepted = accept_clock.then(|| "clock accepted".to_owned());
    let acknowledge = match config.acknowledge {
        Acknowledge::Wal => None,
        Acknowledge::Stream => Some("acknowledge stream".to_owned()),
    };
    let weaknesses = match &config.archive.place {
        Place::Directory(_) => Vec::new(),
        Place::S3(s3) => s3.weaknesses(),
    };
    for weakness in &weaknesses {
        warn!(weakness, "the archive proves less than it could");
    }
    let notes = insecure
        .chain(accepted)
        .chain(acknowledge)
        .chain(weaknesses.into_iter().map(str::to_owned))
        .collect::<Vec<_>>();
    event.reason = (!notes.is_empty()).then(|| notes.join(", "));
    event.resource =
        Some(format!("sealtrail {}{}{}", env!("CARGO_PKG_VERSION"), statements(config), masking_keys(engine)));
    event
}

/// The masking keys and what tells each from another: a key that was exchanged under its id shows, though nobody can say then
/// which values were closed with which.
fn masking_keys(engine: &Engine) -> String {
    let keys = engine.key_checks();
    let keys: Vec<_> = keys.iter().map(|(id, check)| format!("{id} {}", const_hex::encode(check))).collect();
    if keys.is_empty() { String::new() } else { format!(", masking keys {}", keys.join(" ")) }
}

/// The ids whose key is another one than before: tokens would no longer join, envelopes no longer open.
pub(super) fn exchanged_keys(before: &Engine, after: &Engine) -> Vec<String> {
    let (before, after) = (before.key_checks(), after.key_checks());
    let exchanged = |(id, check): &(&&str, &[u8; 4])| before.get(**id).is_some_and(|before| before != *check);
    after.iter().filter(exchanged).map(|(id, _)| (*id).to_owned()).collect()
}

/// The key that signs statements about this chain, which its own records introduce. A chain goes on without one: then no
/// statement is made either.
fn statements(config: &Config) -> String {
    let log = Genesis::origin(&config.seal.origin, &config.chain);
    match log.map(|log| keys::statement(&config.keys_dir(), &log)) {
        Ok(Ok((signer, _))) => format!(", statements by {}", signer.vkey()),
        Ok(Err(error)) => {
            warn!(%error, "the key for statements can't be used");
            String::new()
        }
        Err(_) => String::new(),
    }
}
