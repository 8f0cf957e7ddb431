//! Which keys speak for a chain, and when: those of the genesis, and behind each rotation the next ones (FORMAT.md, "Rotation of
//! keys").
//!
//! A rotation counts when its note follows from the keys before and a record of the chain carries it. The notes that lie beside
//! the archive's objects are read first, so that the signatures of all checkpoints can be judged before the records are; what
//! the records carry decides in the end. A leg that has no such notes (a stream alone) is read a second time with those that its
//! own records were found to carry.
//!
//! Let a note name the size `g`, and record `r` carry it. The keys before may sign checkpoints of at most `r + 1` records; the
//! next ones of more than `g`. Behind a loss or a compromise, what the keys before have signed beyond `g` is not trusted.

use std::path::Path;
use std::sync::Arc;

use sealtrail_chain::note::{Signed, Vkey};
use sealtrail_chain::rotation::Cause;
use sealtrail_chain::{ChainName, Genesis, KeySet, Rotation};

use super::finding::{Code, Finding};
use super::fold::Anchor;
use super::leg::{Kind, Leg};
use super::report::{Note, Unchecked};
use super::store::{self, Store};

/// A chain has fewer rotations than this, or somebody wants to fill our memory.
pub(super) const MOST: usize = 1_000;

/// The note of a rotation, as it was met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Met {
    pub(super) place: Arc<str>,
    pub(super) text: String,
    /// The record that carries it; `None`: it lies beside the objects.
    pub(super) record: Option<u64>,
}

/// The keys of one stretch of a chain.
struct Epoch {
    keys: KeySet,
    /// The rotation that brought them; `None`: the genesis did.
    by: Option<By>,
}

struct By {
    rotation: Signed<Rotation>,
    place: Arc<str>,
    /// The record that carries it, once one is known.
    sealed: Option<u64>,
}

/// All keys that speak for a chain, in their order.
#[derive(Default)]
pub(super) struct Epochs(Vec<Epoch>);

impl Epochs {
    /// From the genesis on; what does not follow is a finding, and brings no keys.
    pub(super) fn of(genesis: &Genesis, chain: &ChainName, mut met: Vec<Met>) -> (Self, Vec<Finding>) {
        let mut epochs = Self(vec![Epoch { keys: KeySet::from(genesis), by: None }]);
        let mut findings = Vec::new();
        let size = |met: &Met| Rotation::read(&met.text).ok().map(|note| note.statement().size);
        // What a record carries is bound by the chain, so it goes before what lies beside the objects.
        met.sort_by_key(|met| (size(met), met.record.is_none(), met.record));
        for Met { place, text, record } in met {
            if epochs.0.iter().filter_map(|epoch| epoch.by.as_ref()).any(|by| by.rotation.note() == text) {
                continue;
            }
            if record.is_none() && epochs.states(&text) {
                let finding = Finding::at(Code::Rotation, chain, size_of(&text), &place);
                findings
                    .push(finding.expected("the note that a record carries, byte for byte", "other signature lines"));
                continue;
            }
            let read = Rotation::read(&text).and_then(|note| match epochs.0.last() {
                Some(last) => note.follows(&genesis.origin, &last.keys).map(|()| note),
                None => Ok(note),
            });
            match read {
                Ok(rotation) => {
                    let keys = rotation.statement().keys.clone();
                    epochs.0.push(Epoch { keys, by: Some(By { rotation, place, sealed: None }) });
                }
                Err(error) => {
                    let at = record.unwrap_or_else(|| size_of(&text));
                    let finding = Finding::at(Code::Rotation, chain, at, &place);
                    findings.push(finding.expected("a rotation that the keys before let happen", error));
                }
            }
        }
        (epochs, findings)
    }

    pub(super) fn sets(&self) -> Vec<&KeySet> {
        self.0.iter().map(|epoch| &epoch.keys).collect()
    }

    /// Every key.
    pub(super) fn keys(&self) -> Vec<Vkey> {
        self.0.iter().flat_map(|epoch| [&epoch.keys.ed25519, &epoch.keys.ml_dsa_44]).cloned().collect()
    }

    /// Whether a note is among those that count.
    pub(super) fn know(&self, text: &str) -> bool {
        self.0.iter().filter_map(|epoch| epoch.by.as_ref()).any(|by| by.rotation.note() == text)
    }

    /// Whether a note among those that count says the same, signed in another way.
    fn states(&self, text: &str) -> bool {
        let Ok(note) = Rotation::read(text) else { return false };
        let mut known = self.0.iter().filter_map(|epoch| epoch.by.as_ref());
        known.any(|by| by.rotation.statement() == note.statement())
    }

    /// The keys that a checkpoint of this size owes its signatures to, given those that have signed it: the latest ones that
    /// did, else the latest that may.
    pub(super) fn owed(&self, size: u64, held: &[Vkey]) -> Option<(usize, &KeySet)> {
        let has = |epoch: &Epoch| held.contains(&epoch.keys.ed25519) || held.contains(&epoch.keys.ml_dsa_44);
        let at = self.0.iter().rposition(has).or_else(|| self.0.iter().rposition(|epoch| epoch.begins() < size));
        let at = at.unwrap_or(0);
        self.0.get(at).map(|epoch| (at, &epoch.keys))
    }

    /// Whether keys may sign so few records: theirs begin later.
    pub(super) fn is_early(&self, epoch: usize, size: u64) -> bool {
        self.0.get(epoch).is_some_and(|epoch| epoch.by.is_some() && size <= epoch.begins())
    }

    /// Whether the keys of an epoch were lost or compromised by then.
    pub(super) fn is_distrusted(&self, epoch: usize, size: u64) -> bool {
        let next = self.0.get(epoch + 1).and_then(|next| next.by.as_ref());
        next.is_some_and(|by| {
            let rotation = by.rotation.statement();
            rotation.cause != Cause::Planned && size > rotation.size
        })
    }

    /// What the notes themselves say of the chain: a size and its root. `trusted`: the keys that are believed.
    pub(super) fn anchors(&self, trusted: &[Vkey]) -> Vec<Anchor> {
        let anchor = |epoch: &Epoch| {
            let by = epoch.by.as_ref()?;
            let rotation = by.rotation.statement();
            Some(Anchor {
                size: rotation.size,
                root: rotation.root,
                trusted: trusted.contains(&rotation.keys.ed25519),
                binding: false,
                place: Arc::clone(&by.place),
                range: None,
                epoch: None,
                kept: false,
                cosigned: None,
            })
        };
        self.0.iter().filter_map(anchor).collect()
    }

    /// Takes in what the records of a leg carry.
    pub(super) fn seal(&mut self, carried: &[Met]) {
        for by in self.0.iter_mut().filter_map(|epoch| epoch.by.as_mut()) {
            let records = carried.iter().filter(|met| met.text == by.rotation.note()).filter_map(|met| met.record);
            by.sealed = by.sealed.into_iter().chain(records).min();
        }
    }

    /// What a leg's checkpoints say against the rotations, once all records are known. `whole`: up to which size the leg's
    /// records were read, from which record on.
    pub(super) fn judge(
        &self,
        chain: &ChainName,
        leg: &Leg,
        anchors: &[Anchor],
        whole: (u64, u64),
    ) -> (Vec<Finding>, Vec<Unchecked>) {
        let (mut findings, mut unchecked) = (Vec::new(), Vec::new());
        for anchor in anchors {
            let Some(epoch) = anchor.epoch else { continue };
            let at = |code| Finding::at(code, chain, anchor.size.saturating_sub(1), &anchor.place);
            if let Some(next) = self.0.get(epoch + 1).and_then(|next| next.by.as_ref())
                && let Some(record) = next.sealed
                && anchor.size > record + 1
            {
                let expected = format!("the keys of the rotation in record {record}");
                findings.push(at(Code::Epoch).expected(expected, "those before"));
            }
            let Some(by) = self.0.get(epoch).and_then(|epoch| epoch.by.as_ref()) else { continue };
            if by.sealed.is_some() {
                continue;
            }
            let begins = by.rotation.statement().size;
            if whole.0 <= begins && whole.1 >= anchor.size {
                let expected = "a record of the chain that carries the rotation to this key";
                findings.push(at(Code::Unsealed).expected(expected, "none"));
            } else {
                let (chain, place) = (chain.clone(), anchor.place.to_string());
                unchecked.push(Unchecked::Unsealed { chain, place, size: anchor.size });
            }
        }
        if leg.kind == Kind::Archive {
            findings.extend(self.last_words(chain, anchors));
        }
        (findings, unchecked)
    }

    /// Behind a planned rotation the keys before sign a last checkpoint over its record: by that the old ML-DSA-44 key, which
    /// signs no note, vouches for the next one.
    fn last_words(&self, chain: &ChainName, anchors: &[Anchor]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (at, epoch) in self.0.iter().enumerate().skip(1) {
            let Some(by) = epoch.by.as_ref().filter(|by| by.rotation.statement().cause == Cause::Planned) else {
                continue;
            };
            let Some(record) = by.sealed else { continue };
            let first = anchors.iter().find(|anchor| anchor.epoch == Some(at));
            let last = |anchor: &Anchor| anchor.epoch == Some(at - 1) && anchor.size == record + 1;
            if let Some(first) = first.filter(|_| !anchors.iter().any(last)) {
                let finding = Finding::at(Code::CheckpointMissing, chain, record, &first.place);
                let expected = format!("one of size {} by the keys before the rotation", record + 1);
                findings.push(finding.expected(expected, "none"));
            }
        }
        findings
    }

    /// What an auditor should know of the rotations, and what is still open.
    pub(super) fn told(&self, chain: &ChainName) -> (Vec<Note>, Vec<Unchecked>) {
        let (mut notes, mut unchecked) = (Vec::new(), Vec::new());
        for by in self.0.iter().filter_map(|epoch| epoch.by.as_ref()) {
            let (chain, rotation) = (chain.clone(), by.rotation.statement());
            match by.sealed {
                Some(record) => notes.push(Note::Rotated { chain, record, cause: rotation.cause.as_str() }),
                None => unchecked.push(Unchecked::RotationOpen { chain, size: rotation.size }),
            }
        }
        (notes, unchecked)
    }
}

impl Epoch {
    /// Its keys may sign more records than this.
    fn begins(&self) -> u64 {
        self.by.as_ref().map_or(0, |by| by.rotation.statement().size)
    }
}

/// The size that a note names, signed or not; 0 where it can't be read.
fn size_of(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix("size "));
    line.and_then(|size| size.parse().ok()).unwrap_or(0)
}

/// The notes that an archive's records carry lie beside its objects, too. One that does not was taken away; or the records were
/// brought by a collector that took over, and met the rotation in the middle of a segment.
pub(super) fn missing(leg: &Leg, chain: &ChainName, carried: &[Met]) -> Vec<Unchecked> {
    // Where the notes of a bucket lie is not listed, so none is missed there.
    let Some(dir) = leg.rotations.as_ref().filter(|_| leg.store.is_near()) else { return Vec::new() };
    let missing = carried.iter().filter_map(|met| {
        let size = Rotation::read(&met.text).ok()?.statement().size;
        let path = dir.join(format!("{size:020}.note"));
        let (chain, place, record) = (chain.clone(), path.display().to_string(), met.record?);
        (!leg.store.is_file(&path)).then_some(Unchecked::RotationNote { chain, place, record })
    });
    missing.collect()
}

/// Reads the notes that lie beside an archive's objects.
pub(super) fn beside(store: &dyn Store, dir: &Path, chain: &ChainName) -> Beside {
    let mut beside = Beside::default();
    if !store.is_dir(dir) {
        return beside;
    }
    let entries = match store.entries(dir) {
        Ok(entries) => entries,
        Err(error) => {
            let place = dir.display().to_string();
            beside.unchecked.push(Unchecked::Unread { place, reason: error.to_string() });
            return beside;
        }
    };
    for entry in entries {
        let path = dir.join(&entry.name);
        let place: Arc<str> = path.display().to_string().into();
        let named = entry.name.strip_suffix(".note").filter(|stem| stem.len() == 20).and_then(|stem| stem.parse().ok());
        let Some(named) = named.filter(|_| entry.is_file && beside.notes.len() < MOST) else {
            let finding = Finding::at(Code::Foreign, chain, 0, &place);
            beside.findings.push(finding.expected("notes of rotations", "another name or kind"));
            continue;
        };
        match store.read(&path) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).unwrap_or_default();
                if size_of(&text) != named {
                    let finding = Finding::at(Code::Name, chain, named, &place);
                    beside.findings.push(finding.expected(format_args!("a note of size {named}"), size_of(&text)));
                }
                beside.findings.extend(store::lock(store, &path, chain, named));
                beside.notes.push(Met { place, text, record: None });
            }
            Err(error) => {
                let (place, reason) = (place.to_string(), error.to_string());
                beside.unchecked.push(Unchecked::Unread { place, reason });
            }
        }
    }
    beside
}

/// What lies beside an archive's objects.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) notes: Vec<Met>,
    pub(super) findings: Vec<Finding>,
    pub(super) unchecked: Vec<Unchecked>,
}
