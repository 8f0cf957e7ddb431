//! What a leg's records add to the verdict beside their own findings: what could not be checked, what is worth a note, and
//! whether the chain's end is as young as was asked for.

use sealtrail_chain::UnixNanos;

use super::{Auditor, Read, nanos};
use crate::verify::finding::{Code, Finding};
use crate::verify::fold::Folded;
use crate::verify::leg::{Kind, Leg};
use crate::verify::report::{Begin, Bound, NotRead, Note, Time, Unchecked};
use crate::verify::scope::Outside;
use crate::verify::trust::Standing;

impl Auditor<'_> {
    /// What a leg's records add to the verdict beside their own findings.
    pub(super) fn conclude(&mut self, leg: &Leg, folded: &Folded) {
        self.check_zero(leg, folded);
        let (chain, kind) = (self.chain.clone(), leg.kind);
        for (first, last) in folded.frozen.iter().copied() {
            let bound = Bound((folded.covered > last).then_some(folded.covered));
            self.unchecked.push(Unchecked::Frozen { chain: chain.clone(), first, last, bound });
        }
        if leg.outside != Outside::default() {
            let from = leg.outside.behind.and(Some(folded.end));
            let records = NotRead { before: folded.first.filter(|_| leg.outside.before), from };
            self.notes.push(Note::Outside { chain: chain.clone(), leg: kind, records });
        }
        if folded.stopped && folded.anchored < folded.end {
            let (size, found) = (folded.end, folded.anchored);
            self.unchecked.push(Unchecked::StopUncovered { chain: chain.clone(), leg: kind, size, found });
        }
        if folded.unreached > 0 {
            self.unchecked.push(Unchecked::Unreached { chain: chain.clone(), leg: kind, count: folded.unreached });
        }
        for silence in &folded.silences {
            let (from, to) = (Time(silence.from), Time(silence.to));
            let sequence = silence.sequence;
            self.notes.push(Note::Silence { chain: chain.clone(), leg: kind, sequence, from, to });
        }
        if let Some(first) = folded.expired.filter(|_| !leg.outside.before) {
            let first = (first != u64::MAX).then_some(first);
            self.unchecked.push(Unchecked::Expired { chain: chain.clone(), first: Begin(first) });
        }
        let (Some(_), Some(last)) = (folded.first, folded.end.checked_sub(1)) else { return };
        if folded.signed > last {
            return;
        }
        let first = folded.signed;
        if folded.late_files > 1 && kind == Kind::Archive {
            let files = folded.late_files;
            self.unchecked.push(Unchecked::LateSegments { chain, leg: kind, first, last, files });
        } else if folded.signed > 0 {
            self.notes.push(Note::NotYetCovered { chain, leg: kind, first, last });
        }
    }

    /// Of a range without a record nothing was checked.
    pub(super) fn check_asked(&mut self, read: &[Read<'_>]) {
        if self.asked().is_range() && read.iter().all(|read| read.folded.asked == 0) {
            self.unchecked.push(Unchecked::NothingInRange { chain: self.chain.clone() });
        }
    }

    /// The end of the leg that reaches furthest is young, or a stop that a trusted checkpoint covers: anyone can write a record
    /// that says so behind the last checkpoint.
    pub(super) fn check_age(&mut self, read: &[Read<'_>]) {
        let Some(max_age) = self.options.max_age else { return };
        if read.iter().any(|read| read.leg.outside.behind.is_some()) {
            return;
        }
        let Some(Read { leg, folded: newest, .. }) = read.iter().max_by_key(|read| read.folded.end) else { return };
        let to = newest.to.unwrap_or(UnixNanos(0));
        let age = self.options.now.0.saturating_sub(to.0);
        let proved = if self.standing == Standing::NoKey { newest.signed } else { newest.covered };
        let stopped = newest.stopped && proved >= newest.end;
        if age > nanos(max_age) && !stopped {
            let finding = Finding::at(Code::Stale, self.chain, newest.end.saturating_sub(1), &leg.place);
            let oldest = Time(UnixNanos(self.options.now.0.saturating_sub(nanos(max_age))));
            self.findings.add(finding.expected(format_args!("a record of {oldest} or later, or a stop"), Time(to)));
        }
    }
}
