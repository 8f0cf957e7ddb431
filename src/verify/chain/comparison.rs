//! The legs of a chain against each other: the same records, as far as both go, and no end where the other leg's order of work
//! says that there can be none.
//!
//! Roots are compared, never records: at each size that both legs were asked for, the first that differs names the stretch.

use super::{Auditor, Read, nanos};
use crate::verify::finding::{Code, Finding};
use crate::verify::fold::{Folded, hex};
use crate::verify::leg::Kind;
use crate::verify::report::{Begin, Note, Unchecked};

impl Auditor<'_> {
    /// Finds the first stretch in which the legs differ; gives the size up to which they agree.
    pub(super) fn compare(&mut self, read: &[Read<'_>]) -> Option<u64> {
        let (base, others) = read.split_first()?;
        let mut agree = None;
        for other in others {
            agree = self.compare_roots(&base.folded, other).max(agree);
            if base.leg.outside.behind.is_some() || other.leg.outside.behind.is_some() {
                continue;
            }
            self.compare_ends(base, other);
            // Archives come first.
            if (base.leg.kind, other.leg.kind) == (Kind::Archive, Kind::Stream) {
                self.compare_segments(base, other);
            }
        }
        agree
    }

    /// Two copies of one leg hold the same. Of one that ends earlier somebody has cut off the end, or it was copied before the other
    /// went on: the age that a copy may have is all that excuses it.
    pub(super) fn compare_copies(&mut self, read: &[Read<'_>]) {
        for kind in [Kind::Archive, Kind::Stream] {
            let whole = |copy: &&Read<'_>| {
                copy.leg.kind == kind && copy.leg.outside.behind.is_none() && copy.folded.first.is_some()
            };
            let copies = || read.iter().filter(whole);
            let Some(longest) = copies().max_by_key(|copy| copy.folded.end) else { continue };
            let end = longest.folded.end;
            let now = longest.folded.to.map_or(0, |to| to.0).max(self.options.now.0);
            for Read { leg, folded, .. } in copies().filter(|copy| copy.folded.end < end) {
                let (first, last) = (folded.end, end - 1);
                let age = now.saturating_sub(folded.to.map_or(0, |to| to.0));
                if age > nanos(self.options.max_copy_age) {
                    let finding = Finding::at(Code::Shorter, self.chain, first, &leg.place).to(last);
                    let expected = format_args!("{end} records, as in {}", longest.leg.place).to_string();
                    self.findings.add(finding.expected(expected, format_args!("{first} records")));
                } else {
                    let (place, other) = (leg.place.to_string(), longest.leg.place.to_string());
                    let chain = self.chain.clone();
                    self.unchecked.push(Unchecked::ShorterCopy { chain, place, first, last, other });
                }
            }
        }
    }

    fn compare_roots(&mut self, base: &Folded, Read { leg, folded: other, .. }: &Read<'_>) -> Option<u64> {
        let mut agree = None;
        let mut theirs = other.roots.iter().peekable();
        for (size, root) in &base.roots {
            while theirs.next_if(|(other, _)| other < size).is_some() {}
            let Some((_, found)) = theirs.next_if(|(other, _)| other == size) else { continue };
            if found != root {
                let first = agree.or(base.first).unwrap_or(0);
                let finding = Finding::at(Code::Legs, self.chain, first, &leg.place).to(size - 1);
                self.findings.add(finding.expected(hex(root), hex(found)));
                break;
            }
            agree = Some(*size);
        }
        agree
    }

    /// The archive takes only what the stream has committed, so it can't hold more.
    fn compare_ends(&mut self, base: &Read<'_>, other: &Read<'_>) {
        let (archive, stream) = match (base.leg.kind, other.leg.kind) {
            (Kind::Archive, Kind::Stream) => (base, other),
            (Kind::Stream, Kind::Archive) => (other, base),
            _ => return,
        };
        let (archive, stream, stream_leg) = (&archive.folded, &stream.folded, stream.leg);
        if archive.end > stream.end && stream_leg.cut && stream.first.is_none() {
            if stream.expired.is_none() {
                self.unchecked.push(Unchecked::Expired { chain: self.chain.clone(), first: Begin(None) });
            }
        } else if archive.end > stream.end {
            let finding = Finding::at(Code::Shorter, self.chain, stream.end, &stream_leg.place).to(archive.end - 1);
            self.findings.add(finding.expected(format_args!("{} records (the archive)", archive.end), stream.end));
        } else if archive.end < stream.end {
            let (chain, first, last) = (self.chain.clone(), archive.end, stream.end - 1);
            // A stop ends the segment: all of it is on its way, and no clock of the chain goes on to say for how long.
            if stream.stopped {
                self.unchecked.push(Unchecked::StoppedUnarchived { chain, first, last });
            } else {
                self.notes.push(Note::NotYetArchived { chain, first, last });
            }
        }
    }

    /// The stream tells where segments ended, and when: their objects and checkpoints belong into the archive soon after.
    fn compare_segments(&mut self, archive: &Read<'_>, stream: &Read<'_>) {
        let Read { leg, loaded: archived, folded: archive } = archive;
        let Read { loaded: streamed, folded: stream, .. } = stream;
        let ends = || streamed.anchors.iter().filter_map(|anchor| Some((anchor.size, anchor.cosigned?)));
        let newest = archived.anchors.last().map_or(0, |anchor| anchor.size);
        let pending: Vec<u64> =
            ends().map(|(size, _)| size).filter(|size| *size > newest && *size <= archive.end).collect();
        if let [first, .., last] = pending[..] {
            let (chain, count) = (self.chain.clone(), pending.len() as u64);
            self.unchecked.push(Unchecked::CheckpointsPending { chain, count, first, last });
        }
        let Some((_, ended)) = ends().find(|(size, _)| *size > archive.end) else { return };
        let (Some(to), end) = (stream.to, archive.end) else { return };
        // An outage, and time in which the collector did not run, excuse as long as they took, and no more.
        let Some(due) = stream.events.due(ended.saturating_mul(1_000_000_000), nanos(self.options.max_lag)) else {
            return;
        };
        if to.0 > due {
            let last = ends().next_back().map_or(end, |(size, _)| size - 1);
            let finding = Finding::at(Code::Shorter, self.chain, end, &leg.place).to(last);
            let expected = format!("records up to {last}, whose segments ended (the stream)");
            self.findings.add(finding.expected(expected, format_args!("{end} records")));
        }
    }
}
