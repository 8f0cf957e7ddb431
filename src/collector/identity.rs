//! Whose chain this is: its keys and its genesis note. A key is made only for a chain that has neither a log nor legs, and a
//! key that isn't the chain's refuses the start: signing with another would look like a forgery for ever.

use std::path::Path;
use std::sync::Arc;

use sealtrail_chain::content::{self, Value};
use sealtrail_chain::note::{Signed, Vkey};
use sealtrail_chain::{Genesis, Sequence, UnixNanos};
use tracing::{info, warn};

use super::StartError;
use super::rotating::{Rotated, Rotating};
use crate::config::Config;
use crate::deliver::{Keys, Pair, Store};
use crate::host::{Disk, guard};
use crate::seal::keys::Keys as KeyFiles;
use crate::seal::keys::rotation;
use crate::wal::reader::Reader;
use crate::wal::{self, Recovered};

pub(super) struct Identity {
    pub(super) keys: Arc<Keys>,
    /// Of a chain that begins now.
    pub(super) genesis: Option<Signed<Genesis>>,
    /// The note in record 0, where the log still holds that record.
    held: Option<Signed<Genesis>>,
    /// A rotation of the keys that this start seals.
    pub(super) rotated: Option<Rotated>,
    /// The recovery key has put others in the place of the chain's keys, which the kept notes don't say yet.
    replaced: bool,
}

impl Identity {
    /// Reads the chain's keys, or makes them where a chain begins. `in_legs`: a leg holds something of it already.
    pub(super) fn find(
        config: &Config,
        recovered: &Recovered,
        in_legs: bool,
        continued: bool,
        now: UnixNanos,
        disk: &Arc<dyn Disk>,
    ) -> Result<Self, StartError> {
        let dir = config.keys_dir();
        let new = recovered.head().is_none();
        if new && in_legs {
            return Err(StartError::LegsHoldChain { chain: config.chain.clone(), wal: config.wal_dir() });
        }
        let rotating = Rotating::find(config, recovered, disk)?;
        let mut keys = match keys(config)? {
            Some(keys) => keys,
            None if new => {
                let log = log(config)?;
                let pair = KeyFiles::generate(&dir, &log, config.seal.pkcs11.as_ref())?;
                info!(dir = %dir.display(), public = %KeyFiles::public_file(&dir).display(), "signing keys made: back them up");
                named(config, log, pair, Vec::new())
            }
            // The keys are lost: those that the recovery key vouches for take their place at once.
            None => match rotating.as_ref().map(|rotating| rotating.next_alone(config)) {
                Some(next) => next?.ok_or(StartError::NoKeys { dir })?,
                None => return Err(StartError::NoKeys { dir }),
            },
        };
        let before = keys.pair.ed25519.vkey().clone();
        let rotated = match rotating {
            Some(rotating) => rotating.take(recovered, continued, &mut keys)?,
            None => None,
        };
        let replaced = before != *keys.pair.ed25519.vkey();
        let keys = Arc::new(keys);
        if let Err(error) = guard::lock_in_memory(&*keys) {
            warn!(%error, "the signing keys can't be kept out of the swap: raise the limit of locked memory (`ulimit -l`)");
        }
        let genesis = if new { Some(genesis(config, &keys, now)?) } else { None };
        let held = held_genesis(recovered, config, disk)?;
        Ok(Self { keys, genesis, held, rotated, replaced })
    }

    /// Whether the partition is that which the chain began in, and the keys those that it began with and has signed with since.
    pub(super) fn check(&self, config: &Config, checkpoints: &Store) -> Result<(), StartError> {
        if let Some(held) = &self.held {
            let (genesis, keys) = (held.statement(), &self.keys);
            let (expected, found) = (genesis.partition, config.stream.partition());
            if expected != found {
                return Err(StartError::Partition { expected, found });
            }
            let in_force = rotation::in_force(&config.keys_dir(), genesis)?;
            let found = keys.pair.ed25519.vkey();
            let other = in_force.ed25519 != *found || in_force.ml_dsa_44 != *keys.pair.ml_dsa_44.vkey();
            if other && !self.replaced {
                return Err(StartError::ForeignKeys { expected: in_force.ed25519, found: found.clone() });
            }
        }
        // Checkpoints that were kept are verified with our key as they are read.
        checkpoints.newest()?;
        Ok(())
    }
}

/// The chain's keys, where there are any.
pub(super) fn keys(config: &Config) -> Result<Option<Keys>, StartError> {
    let log = log(config)?;
    let older = rotation::older(&config.keys_dir())?;
    Ok(KeyFiles::read(&config.keys_dir(), &log, config.seal.pkcs11.as_ref())?
        .map(|pair| named(config, log, pair, older)))
}

/// `<origin>/<chain>`
pub(super) fn log(config: &Config) -> Result<String, StartError> {
    Genesis::origin(&config.seal.origin, &config.chain).map_err(StartError::Origin)
}

pub(super) fn named(config: &Config, origin: String, files: KeyFiles, older: Vec<Vkey>) -> Keys {
    Keys { origin, chain: config.chain.clone(), pair: pair(files), next: None, older }
}

pub(super) fn pair(KeyFiles { ed25519, ml_dsa_44, .. }: KeyFiles) -> Pair {
    Pair { ed25519, ml_dsa_44 }
}

fn genesis(config: &Config, keys: &Keys, now: UnixNanos) -> Result<Signed<Genesis>, StartError> {
    let recovery = config.seal.recovery_key.as_deref().map(read_recovery).transpose()?;
    let genesis = Genesis {
        origin: keys.origin.clone(),
        chain: keys.chain.clone(),
        created: now.0 / 1_000_000_000,
        partition: config.stream.partition(),
        ed25519: keys.pair.ed25519.vkey().clone(),
        ml_dsa_44: keys.pair.ml_dsa_44.vkey().clone(),
        recovery,
        predecessor: None,
    };
    if !is_empty(&config.wal_dir().join("checkpoints")) {
        return Err(StartError::LegsHoldChain { chain: config.chain.clone(), wal: config.wal_dir() });
    }
    Ok(genesis.sign_with(&*keys.pair.ed25519)?)
}

/// Whether a directory holds anything.
fn is_empty(dir: &Path) -> bool {
    dir.read_dir().map_or(true, |mut entries| entries.next().is_none())
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
