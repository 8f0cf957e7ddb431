//! The genesis note: found wherever it lies, and held against record 0.
//!
//! It names the keys that all else is judged by, so it is read before anything else. Of several notes that hold, a trusted
//! key decides; a note by nobody's key can only contradict, never speak for the chain.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use sealtrail_chain::note::Signed;
use sealtrail_chain::{Genesis, KeySet};

use super::Auditor;
use crate::verify::finding::{Code, Finding};
use crate::verify::fold::Folded;
use crate::verify::leg::{Kind, Leg};
use crate::verify::report::Unchecked;
use crate::verify::store::{self, Store, Unreadable};
use crate::verify::trust::Standing;
use crate::verify::{archive, stream};

impl Auditor<'_> {
    /// Reads the genesis note wherever it lies. Of several that hold, the one by a trusted key is the chain's; the others
    /// then don't match record 0, or it doesn't match them.
    pub(super) fn find_genesis(&mut self, legs: &[Leg]) {
        let mut sound = Vec::new();
        for leg in legs {
            if let Some(path) = &leg.genesis {
                sound.extend(self.read_genesis(&*leg.store, path));
            }
            let carried = genesis(leg);
            sound.extend(carried.and_then(|note| Genesis::read(&note).ok()));
        }
        sound.retain(|note| note.statement().chain() == self.chain);
        let trusted = |note: &Signed<Genesis>| {
            matches!(self.options.trust.of(self.chain, &[&KeySet::from(note.statement())]), Standing::Trusted(_))
        };
        self.genesis = sound.iter().find(|note| trusted(note)).or(sound.first()).cloned();
        if let Some(genesis) = self.genesis.clone() {
            let notes = legs.iter().filter_map(|leg| Some((&*leg.store, leg.genesis.as_deref()?)));
            notes.for_each(|(store, path)| self.check_note(store, path, &genesis));
        }
    }

    /// Record 0 continues the genesis note, and carries the same.
    pub(super) fn check_zero(&mut self, leg: &Leg, folded: &Folded) {
        let Some(zero) = &folded.zero else {
            if let (Some(first), None) = (folded.first, &self.genesis) {
                self.unchecked.push(Unchecked::NoGenesis { chain: self.chain.clone(), leg: leg.kind, first });
            }
            return;
        };
        let at = |code| Finding::at(code, self.chain, 0, &leg.place);
        let Some(genesis) = &self.genesis else {
            self.findings.add(at(Code::Genesis).expected("a genesis note that holds, in record 0", "none"));
            return;
        };
        let digest = genesis.statement().digest();
        if let Some(previous) = zero.previous.filter(|previous| *previous != digest) {
            self.findings.add(at(Code::GenesisRecord).expected(format_args!("previous hash {digest}"), previous));
        }
        if zero.genesis.as_deref() != Some(genesis.note()) {
            let found = if zero.genesis.is_some() { "another note" } else { "no note" };
            self.findings.add(at(Code::GenesisRecord).expected("the chain's genesis note", found));
        }
    }

    fn read_genesis(&mut self, store: &dyn Store, path: &Path) -> Option<Signed<Genesis>> {
        let place: Arc<str> = path.display().to_string().into();
        let at = |code| Finding::at(code, self.chain, 0, &place);
        let text = |bytes| String::from_utf8(bytes).map_err(|_| Unreadable::Io(ErrorKind::InvalidData.into()));
        let note = match store.read(path).and_then(text) {
            Ok(note) => note,
            Err(error) => {
                match error.of_file() {
                    Ok(kind) => self.findings.add(at(Code::Genesis).expected("the chain's genesis note", kind)),
                    Err(reason) => self.unchecked.push(Unchecked::Unread { place: place.to_string(), reason }),
                }
                return None;
            }
        };
        match Genesis::read(&note) {
            Ok(signed) if signed.statement().chain() != self.chain => {
                self.findings.add(at(Code::Chain).expected(self.chain, signed.statement().chain()));
                None
            }
            Ok(signed) => Some(signed),
            Err(error) => {
                self.findings.add(at(Code::Genesis).expected("a note that holds", error));
                None
            }
        }
    }

    /// A note object that holds, but is not the chain's, was put there by someone else. (One that can't be read was said.)
    fn check_note(&mut self, store: &dyn Store, path: &Path, genesis: &Signed<Genesis>) {
        store::lock(store, path, self.chain, 0).into_iter().for_each(|weak| self.findings.add(weak));
        if store.read(path).is_ok_and(|note| note != genesis.note().as_bytes()) {
            let finding = Finding::at(Code::Genesis, self.chain, 0, &path.display().to_string().into());
            self.findings.add(finding.expected("the note that record 0 carries", "another"));
        }
    }
}

/// The genesis note that a leg's first record carries.
fn genesis(leg: &Leg) -> Option<String> {
    match (leg.kind, &leg.topic) {
        (Kind::Archive, _) => archive::genesis(&*leg.store, leg.files.first()?),
        (Kind::Stream, Some(topic)) => topic.genesis(),
        (Kind::Stream, None) => stream::genesis(leg.files.first()?),
    }
}
