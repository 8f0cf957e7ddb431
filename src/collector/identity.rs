//! Whose chain this is: its keys and its genesis note. A key is made only for a chain that has neither a log nor legs, and a
//! key that isn't the chain's refuses the start: signing with another would look like a forgery for ever.

use std::path::Path;
use std::sync::Arc;

use sealtrail_chain::content::{self, Value};
use sealtrail_chain::note::{Signed, Vkey};
use sealtrail_chain::{Genesis, Sequence, UnixNanos};
use tracing::{info, warn};

use super::{StartError, is_empty};
use crate::config::Config;
use crate::deliver::{Keys, Store};
use crate::host::{Disk, guard};
use crate::seal::keys::Keys as KeyFiles;
use crate::wal::reader::Reader;
use crate::wal::{self, Recovered};

pub(super) struct Identity {
    pub(super) keys: Arc<Keys>,
    /// Of a chain that begins now.
    pub(super) genesis: Option<Signed<Genesis>>,
    /// The note in record 0, where the log still holds that record.
    held: Option<Signed<Genesis>>,
}

impl Identity {
    /// Reads the chain's keys, or makes them where a chain begins. `in_legs`: a leg holds something of it already.
    pub(super) fn find(
        config: &Config,
        recovered: &Recovered,
        in_legs: bool,
        now: UnixNanos,
        disk: &Arc<dyn Disk>,
    ) -> Result<Self, StartError> {
        let dir = config.keys_dir();
        let new = recovered.head().is_none();
        if new && in_legs {
            return Err(StartError::LegsHoldChain { chain: config.chain.clone(), wal: config.wal_dir() });
        }
        let keys = match keys(config)? {
            Some(keys) => keys,
            None if new => {
                let log = log(config)?;
                let pair = KeyFiles::generate(&dir, &log)?;
                info!(dir = %dir.display(), public = %KeyFiles::public_file(&dir).display(), "signing keys made: back them up");
                named(config, log, pair)
            }
            None => return Err(StartError::NoKeys { dir }),
        };
        if let Err(error) = guard::lock_in_memory(&*keys) {
            warn!(%error, "the signing keys can't be kept out of the swap: raise the limit of locked memory (`ulimit -l`)");
        }
        let genesis = if new { Some(genesis(config, &keys, now)?) } else { None };
        let held = held_genesis(recovered, config, disk)?;
        Ok(Self { keys, genesis, held })
    }

    /// Whether the partition is that which the chain began in, and the keys those that it began with and has signed with since.
    pub(super) fn check(&self, config: &Config, checkpoints: &Store) -> Result<(), StartError> {
        if let Some(held) = &self.held {
            let (genesis, keys) = (held.statement(), &self.keys);
            let (expected, found) = (genesis.partition, config.stream.partition());
            if expected != found {
                return Err(StartError::Partition { expected, found });
            }
            if genesis.ed25519 != *keys.ed25519.vkey() || genesis.ml_dsa_44 != *keys.ml_dsa_44.vkey() {
                return Err(StartError::ForeignKeys {
                    expected: genesis.ed25519.clone(),
                    found: keys.ed25519.vkey().clone(),
                });
            }
        }
        // Checkpoints that were kept are verified with our key as they are read.
        checkpoints.newest()?;
        Ok(())
    }
}

/// The chain's keys, where there are any.
pub(super) fn keys(config: &Config) -> Result<Option<Arc<Keys>>, StartError> {
    let log = log(config)?;
    Ok(KeyFiles::read(&config.keys_dir(), &log)?.map(|pair| named(config, log, pair)))
}

/// `<origin>/<chain>`
fn log(config: &Config) -> Result<String, StartError> {
    Genesis::origin(&config.seal.origin, &config.chain).map_err(StartError::Origin)
}

fn named(config: &Config, origin: String, pair: KeyFiles) -> Arc<Keys> {
    let KeyFiles { ed25519, ml_dsa_44 } = pair;
    Arc::new(Keys { origin, chain: config.chain.clone(), ed25519, ml_dsa_44 })
}

fn genesis(config: &Config, keys: &Keys, now: UnixNanos) -> Result<Signed<Genesis>, StartError> {
    let recovery = config.seal.recovery_key.as_deref().map(read_recovery).transpose()?;
    let genesis = Genesis {
        origin: keys.origin.clone(),
        chain: keys.chain.clone(),
        created: now.0 / 1_000_000_000,
        partition: config.stream.partition(),
        ed25519: keys.ed25519.vkey().clone(),
        ml_dsa_44: keys.ml_dsa_44.vkey().clone(),
        recovery,
        predecessor: None,
    };
    if !is_empty(&config.wal_dir().join("checkpoints")) {
        return Err(StartError::LegsHoldChain { chain: config.chain.clone(), wal: config.wal_dir() });
    }
    Ok(genesis.sign(&keys.ed25519))
}

fn read_recovery(path: &Path) -> Result<Vkey, StartError> {
    let wrong = |problem: String| StartError::RecoveryKey { path: path.to_owned(), problem };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    text.trim().parse::<Vkey>().map_err(|error| wrong(error.to_string()))
}

/// The genesis note out of record 0, while the log holds it.
fn held_genesis(
    recovered: &Recovered,
    config: &Config,
    disk: &Arc<dyn Disk>,
) -> Result<Option<Signed<Genesis>>, StartError> {
    let Some(file) = recovered.files().first().filter(|file| file.first == Sequence::ZERO) else { return Ok(None) };
    let mut reader = Reader::open(&**disk, &wal::path(&config.wal_dir(), file.first))?;
    let Some(stored) = reader.next(file.synced)? else { return Ok(None) };
    let note = content::read(stored.content).ok().and_then(|record| {
        record.log.attributes.into_iter().find(|attribute| attribute.key == "sealtrail.genesis").and_then(|attribute| {
            match attribute.value {
                Value::String(note) => Genesis::read(&note).ok(),
                _ => None,
            }
        })
    });
    note.map(Some).ok_or(StartError::NoGenesis { wal: config.wal_dir() })
}
