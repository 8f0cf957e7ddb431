//! Finds where an old log parts from the chain, and how far imports before this one have come: from the chain alone.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use sealtrail_chain::{Checksum, Hash, Link, Sequence};

use super::Refusal;
use super::part::Range;
use crate::wal::import::{OldLog, OldRecord, OldRecords, Stretch};

/// Goes through the chain and the old log side by side.
pub(super) struct Search<'o> {
    old: &'o OldLog,
    stretch: &'o Stretch,
    /// Where the stretch begins; the record before that the chain must know.
    begin: (Sequence, Hash),
    records: OldRecords,
    /// The last record in common.
    fork: Option<Sequence>,
    /// The fork lies behind us.
    parted: bool,
    /// Last old record that stands in the chain: from the beginning, or again.
    done: Sequence,
    sealed: u64,
    own: u64,
    part: Option<Following>,
    error: Option<Refusal>,
}

/// Old records that should follow the record that names them.
struct Following {
    last: Sequence,
    expected: VecDeque<Expected>,
    /// Own records behind the last of those.
    own: u64,
}

struct Expected {
    sequence: Sequence,
    checksum: Checksum,
    /// Own records between the one before and this one.
    own: u64,
}

pub(super) struct Searched {
    pub(super) fork: Sequence,
    pub(super) done: Sequence,
    pub(super) sealed: u64,
    pub(super) own: u64,
}

impl<'o> Search<'o> {
    pub(super) fn new(old: &'o OldLog, stretch: &'o Stretch, begin: (Sequence, Hash)) -> Result<Self, Refusal> {
        let records = old.records(stretch, begin.0)?;
        let (fork, parted, done) = (None, false, Sequence::ZERO);
        Ok(Self { old, stretch, begin, records, fork, parted, done, sealed: 0, own: 0, part: None, error: None })
    }

    pub(super) fn see(&mut self, link: &Link, content: &str) -> ControlFlow<()> {
        self.try_see(link, content).unwrap_or_else(|refusal| {
            self.error = Some(refusal);
            ControlFlow::Break(())
        })
    }

    fn try_see(&mut self, link: &Link, content: &str) -> Result<ControlFlow<()>, Refusal> {
        let (first, before) = self.begin;
        let known = if link.sequence.next() == first { link.hash } else { link.previous };
        if link.sequence.next() == first || link.sequence == first {
            // Behind another record than the chain's, whatever stands there is none of its history.
            if known != before {
                return Ok(ControlFlow::Break(()));
            }
        }
        if link.sequence < first {
            self.fork = Some(link.sequence);
            return Ok(ControlFlow::Continue(()));
        }
        if !self.parted {
            match self.records.next()? {
                Some(record) if record.link.hash == link.hash => {
                    self.fork = Some(link.sequence);
                    return Ok(ControlFlow::Continue(()));
                }
                _ => self.part_ways(),
            }
        }
        self.look_for_parts(link, content)?;
        Ok(ControlFlow::Continue(()))
    }

    fn part_ways(&mut self) {
        self.parted = true;
        self.done = self.fork.unwrap_or(Sequence::ZERO);
    }

    /// Whether a record behind the fork belongs to the part that was named last, or names one.
    fn look_for_parts(&mut self, link: &Link, content: &str) -> Result<(), Refusal> {
        if let Some(mut part) = self.part.take()
            && let Some(expected) = part.expected.pop_front_if(|expected| expected.checksum == link.checksum)
        {
            (self.done, self.sealed, self.own) = (expected.sequence, self.sealed + 1, self.own + expected.own);
            self.part = Some(part);
        } else if let Some(range) = Range::read(content).filter(|range| range.first == self.done.next()) {
            self.part = self.follow(&range)?;
        }
        if let Some(part) = self.part.take_if(|part| part.expected.is_empty()) {
            (self.done, self.own) = (part.last, self.own + part.own);
        }
        Ok(())
    }

    /// What should follow, if the range is one of this old log, and not of another that was imported, too.
    fn follow(&self, range: &Range) -> Result<Option<Following>, Refusal> {
        let mut records = self.old.records(self.stretch, range.first)?;
        let mut part = Following { last: range.last, expected: VecDeque::new(), own: 0 };
        while let Some(OldRecord { link, masked, .. }) = records.next()? {
            match masked {
                Some(masked) => {
                    let own = std::mem::take(&mut part.own);
                    let (sequence, checksum) = (link.sequence, masked.checksum());
                    part.expected.push_back(Expected { sequence, checksum, own });
                }
                None => part.own += 1,
            }
            if link.sequence == range.last {
                return Ok((link.hash == range.hash).then_some(part));
            }
        }
        Ok(None)
    }

    /// `None`: the chain does not know where this stretch begins.
    pub(super) fn finish(mut self) -> Result<Option<Searched>, Refusal> {
        if let Some(refusal) = self.error {
            return Err(refusal);
        }
        if !self.parted {
            self.part_ways();
        }
        let Self { fork, done, sealed, own, .. } = self;
        Ok(fork.map(|fork| Searched { fork, done, sealed, own }))
    }
}
