//! What others say of the stored checkpoints: witnesses by cosignatures, authorities by time stamps.
//!
//! Each word is judged beside the checkpoint that it is about; how far all of them together reach is told once, over all
//! legs. A word by a stranger is counted, never believed and never a finding.

use sealtrail_chain::UnixNanos;

use super::{Auditor, Read};
use crate::verify::checkpoints::{Loaded, key_id};
use crate::verify::leg::{Kind, Leg};
use crate::verify::pool;
use crate::verify::report::{Note, Second, StampReport, Time, Unchecked, WitnessReport};
use crate::verify::trust::Witness;
use crate::verify::vouched::{self, Words};

impl<'a> Auditor<'a> {
    /// The witnesses that were given, and those of them that are the log itself: its own word says nothing new. (Where its key was
    /// given as the trusted one, too, that is refused before anything is read.)
    fn witnesses(&self) -> (Vec<&'a Witness>, Vec<&'a Witness>) {
        let own = self.epochs.keys();
        self.options.trust.witnesses().iter().partition(|witness| !witness.is_among(&own))
    }

    /// Judges what others say of the stored checkpoints.
    pub(super) fn hear(&self, leg: &Leg, lying: &[vouched::Lying], loaded: &mut Loaded) {
        let Loaded { anchors, findings, words, unread, .. } = loaded;
        let (witnesses, _) = self.witnesses();
        let judge = vouched::Judge {
            chain: self.chain,
            epochs: &self.epochs,
            witnesses: &witnesses,
            now: self.options.now.0 / 1_000_000_000,
            authorities: self.options.trust.authorities(),
            anchors,
            store: &*leg.store,
        };
        let threads = leg.store.lanes(self.options.threads);
        pool::ordered(
            lying,
            threads,
            |object| (judge.judge(object), judge.locks(object)),
            |(verdict, locks)| {
                locks.into_iter().for_each(|weak| findings.add(weak));
                match verdict {
                    vouched::Verdict::Cosigned { witness, size, unix_seconds, impossible } => {
                        words.add(witness, size, unix_seconds, impossible)
                    }
                    vouched::Verdict::Unknown => words.unknown += 1,
                    vouched::Verdict::Stamped { signer, size, unix_seconds } => {
                        words.add_stamp(signer, size, unix_seconds)
                    }
                    vouched::Verdict::UnknownStamp => words.unknown_stamps += 1,
                    vouched::Verdict::UntrustedStamp => words.untrusted_stamps += 1,
                    vouched::Verdict::Finding(finding) => findings.add(*finding),
                    vouched::Verdict::Unread(path, reason) => unread.push((path, reason)),
                }
            },
        );
    }

    /// How far the given witnesses vouch for the chain; what lies behind is not folded into a pass.
    pub(super) fn judge_witnesses(&mut self, read: &[Read<'_>]) -> (Vec<WitnessReport>, Option<u64>) {
        let chain = || self.chain.clone();
        let unknown: u64 = read.iter().map(|read| read.loaded.words.unknown).sum();
        if unknown > 0 {
            self.notes.push(Note::Cosignatures { chain: chain(), count: unknown });
        }
        let unknown: u64 = read.iter().map(|read| read.loaded.words.unknown_stamps).sum();
        if unknown > 0 {
            self.notes.push(Note::Stamps { chain: chain(), count: unknown });
        }
        let untrusted: u64 = read.iter().map(|read| read.loaded.words.untrusted_stamps).sum();
        if untrusted > 0 {
            self.unchecked.push(Unchecked::UntrustedStamps { chain: chain(), count: untrusted });
        }
        if self.options.trust.authorities().is_some() && read.iter().all(|read| read.loaded.words.stamp.is_none()) {
            self.unchecked.push(Unchecked::NoStamp { chain: chain() });
        }
        let Some(quorum) = self.options.trust.quorum() else { return (Vec::new(), None) };
        let (witnesses, own) = self.witnesses();
        for witness in own {
            let witness = witness.keys().iter().map(key_id).collect::<Vec<_>>().join(", ");
            self.unchecked.push(Unchecked::OwnWitness { chain: chain(), witness });
        }
        let archive = read.iter().find(|read| read.leg.kind == Kind::Archive);
        let Some(Read { loaded: Loaded { anchors, words, .. }, .. }) = archive else {
            self.unchecked.push(Unchecked::NoArchive { chain: chain() });
            return (Vec::new(), Some(0));
        };
        for (witness, word) in &words.witnesses {
            if let Some((count, size, unix_seconds)) = word.impossible {
                let (witness, at) = (witness.clone(), Second(unix_seconds));
                self.notes.push(Note::WitnessClock { chain: chain(), witness, count, size, at });
            }
        }
        let size = words.quorum(quorum, &witnesses);
        let mut behind = anchors.iter().map(|anchor| anchor.size).filter(|stored| *stored > size);
        match (size, behind.next(), behind.next_back()) {
            (0, ..) => self.unchecked.push(Unchecked::NoQuorum { chain: chain(), quorum }),
            (_, None, _) => {}
            // A collector asks after it has stored a checkpoint, so the newest one may be on its way.
            (_, Some(newest), None) => {
                let (first, last) = (size, newest.saturating_sub(1));
                self.notes.push(Note::NotYetWitnessed { chain: chain(), first, last, quorum });
            }
            (_, Some(_), Some(newest)) => {
                let last = newest.saturating_sub(1);
                self.unchecked.push(Unchecked::BehindQuorum { chain: chain(), quorum, size, last });
            }
        }
        (reports(words), Some(size))
    }
}

fn reports(words: &Words) -> Vec<WitnessReport> {
    let report = |(witness, word): (&String, &vouched::Word)| WitnessReport {
        witness: witness.clone(),
        checkpoints: word.checkpoints,
        size: word.size,
        at: Time(UnixNanos(word.unix_seconds.saturating_mul(1_000_000_000))),
    };
    words.witnesses.iter().map(report).collect()
}

pub(super) fn stamp_report(stamp: &vouched::Stamped) -> StampReport {
    StampReport {
        authority: stamp.signer.clone(),
        stamps: stamp.stamps,
        size: stamp.size,
        at: Time(UnixNanos(stamp.unix_seconds.saturating_mul(1_000_000_000))),
    }
}
