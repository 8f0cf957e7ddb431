//! Who speaks for the chain: the keys of its genesis note and of each rotation, and what the caller trusts of them.
//!
//! Checkpoints are judged by keys that are known before a record is read; what the records then say of the keys is compared
//! with that, and rotations that only they know are handed back, for another reading.

use super::{Auditor, Read};
use crate::verify::checkpoints::key_id;
use crate::verify::finding::{Code, Finding};
use crate::verify::fold::Anchor;
use crate::verify::keys::{self, Beside, Epochs, Met};
use crate::verify::leg::Leg;
use crate::verify::report::{LegReport, Note, Unchecked};
use crate::verify::trust::{Kept, Standing};

impl Auditor<'_> {
    /// All keys that speak for the chain, as far as they are known before the records are read, and how the given ones stand
    /// to them.
    pub(super) fn find_keys(&mut self, legs: &[Leg], carried: Vec<Met>) {
        let mut met = carried;
        for (leg, dir) in legs.iter().filter_map(|leg| Some((leg, leg.rotations.as_deref()?))) {
            let Beside { notes, findings, unchecked } = keys::beside(&*leg.store, dir, self.chain);
            met.extend(notes);
            findings.into_iter().for_each(|finding| self.findings.add(finding));
            self.unchecked.extend(unchecked);
        }
        if let Some(genesis) = &self.genesis {
            let (epochs, findings) = Epochs::of(genesis.statement(), self.chain, met);
            self.epochs = epochs;
            findings.into_iter().for_each(|finding| self.findings.add(finding));
        }
        self.standing = self.options.trust.of(self.chain, &self.epochs.sets());
    }

    /// Compares what checkpoints were signed by with what the records say of the keys; the rotations that only the records know.
    pub(super) fn check_rotations(&mut self, read: &[Read<'_>]) -> Vec<Met> {
        let carried: Vec<Met> = read.iter().flat_map(|read| read.folded.rotations.iter().cloned()).collect();
        self.epochs.seal(&carried);
        for Read { leg, loaded, folded } in read {
            self.unchecked.extend(keys::missing(leg, self.chain, &folded.rotations));
            let whole = (folded.first.unwrap_or(u64::MAX), folded.end);
            let (findings, unchecked) = self.epochs.judge(self.chain, leg, &loaded.anchors, whole);
            findings.into_iter().for_each(|finding| self.findings.add(finding));
            self.unchecked.extend(unchecked);
        }
        let (notes, unchecked) = self.epochs.told(self.chain);
        self.notes.extend(notes);
        self.unchecked.extend(unchecked);
        let mut unknown = carried;
        unknown.retain(|met| self.genesis.is_some() && !self.epochs.know(&met.text));
        unknown
    }

    /// What the caller kept, and what the notes of rotations say.
    pub(super) fn pinned(&self) -> Vec<Anchor> {
        let trusted = match &self.standing {
            Standing::Trusted(keys) => keys.as_slice(),
            Standing::Foreign(_) | Standing::NoKey => &[],
        };
        let mut pinned = self.kept();
        pinned.extend(self.epochs.anchors(trusted));
        pinned
    }

    pub(super) fn kept(&self) -> Vec<Anchor> {
        let anchor = |Kept { path, checkpoint, .. }: &Kept| Anchor {
            size: checkpoint.size,
            root: checkpoint.root,
            trusted: true,
            binding: true,
            place: path.display().to_string().into(),
            epoch: None,
            range: None,
            kept: true,
            cosigned: None,
        };
        self.options.trust.kept(self.chain).map(anchor).collect()
    }

    /// What was kept is believed without its signature, but whoever kept it should know that nobody of the chain signed it.
    pub(super) fn check_kept(&mut self) {
        let keys = self.epochs.keys();
        let unsigned = |kept: &&Kept| !keys.is_empty() && !kept.is_signed_by(&keys);
        for kept in self.options.trust.kept(self.chain).filter(unsigned) {
            let (chain, place) = (self.chain.clone(), kept.path.display().to_string());
            self.notes.push(Note::KeptUnsigned { chain, place });
        }
    }

    pub(super) fn judge_trust(&mut self, legs: &mut [LegReport]) {
        let kept = self.options.trust.kept(self.chain).map(|kept| kept.checkpoint.size).max();
        for leg in &mut *legs {
            // A kept checkpoint that matches pins record 0 and so the genesis, which names the keys of all others.
            if kept.is_some_and(|size| size > 0 && leg.covered >= size) {
                leg.covered = leg.covered.max(leg.signed);
            }
        }
        let covered = |leg: &&mut LegReport| leg.covered > 0;
        match &self.standing {
            Standing::Foreign(keys) => {
                let place = legs.first().map_or_else(String::new, |leg| leg.place.clone()).into();
                let ours = keys.iter().map(key_id).collect::<Vec<_>>().join(", ");
                let genesis = self.genesis.as_ref().map(|note| key_id(&note.statement().ed25519));
                let finding = Finding::at(Code::Key, self.chain, 0, &place);
                self.findings.add(finding.expected(ours, genesis.unwrap_or_default()));
            }
            Standing::NoKey if !legs.iter_mut().any(|leg| covered(&leg)) => {
                self.unchecked.push(Unchecked::NoKey { chain: self.chain.clone() });
            }
            Standing::NoKey | Standing::Trusted(_) => {
                for leg in legs.iter().filter(|leg| leg.covered == 0) {
                    self.unchecked.push(Unchecked::NoCheckpoint { chain: self.chain.clone(), leg: leg.leg });
                }
            }
        }
    }
}
