//! Which keys speak for the chain: those of its genesis, and those that each rotation's note has brought. The notes lie in the
//! archive and with the keys; a backup of the keys alone has none, and those of before are none of the keys that sign now.
//!
//! A note proves itself (by the key before, or the recovery key), so it counts wherever it was found. What the legs know is
//! written beside the keys again, once the chain is gone on with.

use std::collections::BTreeMap;

use sealtrail_chain::note::{Signed as SignedNote, Vkey};
use sealtrail_chain::rotation::Cause;
use sealtrail_chain::{Genesis, KeySet, Rotation};

use super::super::StartError;
use super::{Legs, Refusal};
use crate::archive::Objects as _;
use crate::seal::keys::rotation;

/// The keys of a chain, in the order in which they were in force.
pub(super) struct Lineage {
    genesis: KeySet,
    notes: Vec<SignedNote<Rotation>>,
}

impl Legs<'_> {
    /// Follows the notes from the genesis on.
    pub(super) async fn lineage(&self, genesis: &Genesis) -> Result<Lineage, Refusal> {
        let wrong = |problem: String| Refusal::Keys { problem };
        let kept = rotation::kept(&self.config.keys_dir()).map_err(|error| wrong(error.to_string()))?;
        let mut notes: BTreeMap<u64, SignedNote<Rotation>> =
            kept.into_iter().map(|note| (note.statement().size, note)).collect();
        let below = format!("audit-keys/chain={}/", self.config.chain);
        for listed in self.asked(self.archive.list(&below).await)? {
            let Some(text) = self.text(&listed.key).await? else { continue };
            let note = Rotation::read(&text).map_err(|error| wrong(format!("{}: {error}", listed.key)))?;
            let size = note.statement().size;
            if notes.insert(size, note).is_some_and(|kept| kept.note() != text) {
                return Err(wrong(format!("{} is not the note that was kept beside the keys", listed.key)));
            }
        }
        let mut keys = KeySet::from(genesis);
        for (size, note) in &notes {
            note.follows(&genesis.origin, &keys).map_err(|error| wrong(format!("the note of size {size}: {error}")))?;
            keys = note.statement().keys.clone();
        }
        Ok(Lineage { genesis: KeySet::from(genesis), notes: notes.into_values().collect() })
    }
}

impl Lineage {
    /// All of them, each with the note that ended its time.
    fn sets(&self) -> impl Iterator<Item = (&KeySet, Option<&Rotation>)> {
        let sets = std::iter::once(&self.genesis).chain(self.notes.iter().map(|note| &note.statement().keys));
        let ends = self.notes.iter().map(|note| Some(note.statement())).chain([None]);
        sets.zip(ends)
    }

    /// The keys in force.
    pub(super) fn last(&self) -> &KeySet {
        self.notes.last().map_or(&self.genesis, |note| &note.statement().keys)
    }

    /// The keys before these, where `note` is the one that has brought these.
    pub(super) fn before(&self, note: &str) -> Option<&KeySet> {
        self.notes.last().filter(|last| last.note() == note)?;
        self.sets().nth(self.notes.len() - 1).map(|(keys, _)| keys)
    }

    pub(super) fn keys(&self) -> Vec<Vkey> {
        self.sets().flat_map(|(keys, _)| [keys.ed25519.clone(), keys.ml_dsa_44.clone()]).collect()
    }

    /// Whether this Ed25519 key may have signed a checkpoint of the size. Behind a loss or a compromise its word ends with what
    /// the note calls good.
    pub(super) fn speaks(&self, key: &Vkey, size: u64) -> bool {
        self.sets().any(|(keys, end)| {
            keys.ed25519 == *key && end.is_none_or(|end| end.cause == Cause::Planned || size <= end.size)
        })
    }

    /// Writes beside the keys what a backup of them may lack. `pending`: the note of a rotation that is under way there.
    pub(super) fn keep(&self, legs: &Legs<'_>, pending: Option<&str>) -> Result<(), StartError> {
        let settled = self.notes.iter().filter(|note| Some(note.note()) != pending);
        let notes: Vec<_> = settled.collect();
        let older: Vec<Vkey> =
            self.sets().take(notes.len()).flat_map(|(keys, _)| [&keys.ed25519, &keys.ml_dsa_44]).cloned().collect();
        Ok(rotation::restore(&legs.config.keys_dir(), &notes, &older)?)
    }
}
