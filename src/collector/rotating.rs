//! A rotation of the chain's keys, as a start meets it (`seal::keys::rotation` is what lies on the disk): settled, when the
//! keys before have signed their last checkpoint; under way, when the log holds its record; else sealed by this start.

use std::path::PathBuf;
use std::sync::Arc;

use sealtrail_chain::content::{self, Value};
use sealtrail_chain::rotation::Cause;
use sealtrail_chain::{KeySet, Sequence};
use tracing::info;

use super::StartError;
use super::identity::{log, named, pair};
use crate::config::Config;
use crate::deliver::Keys;
use crate::host::Disk;
use crate::seal::keys::rotation::{self, Pending};
use crate::seal::own::{Event, Kind, NoteKind};
use crate::wal::reader::Reader;
use crate::wal::{self, Recovered};

/// A rotation that is not over.
pub(super) struct Rotating {
    pending: Pending,
    dir: PathBuf,
    /// The record that carries its note, where the log holds it.
    at: Option<Sequence>,
}

/// A rotation that this start seals.
pub(super) struct Rotated {
    event: Event,
    note: String,
    /// The record that will carry it.
    at: Sequence,
}

impl Rotating {
    /// What is under way. The next keys take their place here, once those before are needed no more.
    pub(super) fn find(
        config: &Config,
        recovered: &Recovered,
        disk: &Arc<dyn Disk>,
    ) -> Result<Option<Self>, StartError> {
        let dir = config.keys_dir();
        rotation::finish(&dir)?;
        let Some(pending) = Pending::read(&dir, &log(config)?, config.seal.pkcs11.as_ref())? else { return Ok(None) };
        let at = match pending.sealed {
            Some(at) => Some(at),
            None => sealed(config, recovered, disk, pending.note.note())?,
        };
        let planned = pending.note.statement().cause == Cause::Planned;
        // The checkpoint over the record is the last one by the keys before; after a loss there are none to wait for.
        let over = at.is_some_and(|at| !planned || signed(config) > at.get());
        if over {
            Pending::settle(&dir)?;
            info!(size = pending.note.statement().size, "the keys have changed: destroy the retired ones");
            return Ok(None);
        }
        Ok(Some(Self { pending, dir, at }))
    }

    /// The next keys, where no others are needed any more.
    pub(super) fn next_alone(&self, config: &Config) -> Result<Option<Keys>, StartError> {
        if self.pending.note.statement().cause == Cause::Planned {
            return Ok(None);
        }
        let log = log(config)?;
        let older = rotation::older(&self.dir)?;
        let next = crate::seal::keys::Keys::read(&self.dir.join("next"), &log, config.seal.pkcs11.as_ref())?;
        Ok(next.map(|next| named(config, log, next, older)))
    }

    /// Gives the next keys to those that sign; what is to be sealed, where the log doesn't hold it yet.
    pub(super) fn take(
        self,
        recovered: &Recovered,
        continued: bool,
        keys: &mut Keys,
    ) -> Result<Option<Rotated>, StartError> {
        let Self { pending: Pending { keys: next, note, who, .. }, dir, at } = self;
        let rotation = note.statement().clone();
        let refused = |problem: String| StartError::Rotation { dir: dir.join("next"), problem };
        let Some(head) = recovered.head() else {
            return Err(refused("the chain has not begun".to_owned()));
        };
        if rotation.cause == Cause::Planned {
            let [ed25519, ml_dsa_44] = [keys.pair.ed25519.vkey(), keys.pair.ml_dsa_44.vkey()].map(Clone::clone);
            let before = KeySet { ed25519, ml_dsa_44, recovery: None };
            note.follows(&keys.origin, &before).map_err(|error| refused(error.to_string()))?;
        }
        if next.vkeys() != [&rotation.keys.ed25519, &rotation.keys.ml_dsa_44] {
            return Err(refused("the next keys are not those that the note names".to_owned()));
        }
        // Behind `started`, and what says that the chain goes on from its legs.
        let will_be = Sequence::new(head.next().get() + 1 + u64::from(continued));
        let last = at.unwrap_or(will_be).get() + 1;
        match rotation.cause {
            Cause::Planned => keys.next = Some((last, pair(next))),
            Cause::Lost | Cause::Compromised => {
                keys.pair = pair(next);
                keys.older.extend(rotation::replaced(&dir)?);
            }
        }
        if at.is_some() {
            return Ok(None);
        }
        let id = |key: &sealtrail_chain::note::Vkey| const_hex::encode(key.id());
        let names = (id(&rotation.keys.ed25519), id(&rotation.keys.ml_dsa_44));
        let (user, reason) = who.split_once('\n').unwrap_or(("", &who));
        let event = Event {
            user: Some(user.to_owned()).filter(|user| !user.is_empty()),
            outcome: Some(rotation.cause.as_str().to_owned()),
            resource: Some(format!("keys {} {}", names.0, names.1)),
            reason: Some(reason.to_owned()),
            ..Event::new(Kind::KeyRotated)
        };
        Ok(Some(Rotated { event, note: note.note().to_owned(), at: will_be }))
    }
}

impl Rotated {
    /// The record of it.
    pub(super) fn sealed_as(&self) -> (Event, String) {
        (self.event.clone(), self.note.clone())
    }

    /// The log holds it.
    pub(super) fn is_sealed(&self, config: &Config) -> Result<(), StartError> {
        info!(record = %self.at, "the rotation of the keys is sealed; after the next start the new keys are the keys");
        Ok(Pending::sealed(&config.keys_dir(), self.at)?)
    }
}

/// The record that carries the note, where the log holds it: among the first ones of a file, for a start seals them together.
/// No file is released before that is known.
fn sealed(
    config: &Config,
    recovered: &Recovered,
    disk: &Arc<dyn Disk>,
    note: &str,
) -> Result<Option<Sequence>, StartError> {
    for file in recovered.files() {
        let mut reader = Reader::open(&**disk, &wal::path(&config.wal_dir(), file.first))?;
        for _ in 0..3 {
            let Some(stored) = reader.next(file.synced)? else { break };
            let carried = content::read(stored.content).ok().is_some_and(|record| {
                record.log.event_name == Kind::KeyRotated.event_name()
                    && record.log.attributes.iter().any(|attribute| {
                        attribute.key == NoteKind::Rotation.key() && attribute.value == Value::String(note.into())
                    })
            });
            if carried {
                return Ok(Some(stored.link.sequence));
            }
        }
    }
    Ok(None)
}

/// Size of the newest checkpoint that was kept, by its name.
fn signed(config: &Config) -> u64 {
    let entries = std::fs::read_dir(config.wal_dir().join("checkpoints")).into_iter().flatten().flatten();
    let size = |name: &str| name.split_once('-')?.0.parse::<u64>().ok();
    entries.filter_map(|entry| size(entry.file_name().to_str()?)).max().unwrap_or(0)
}
