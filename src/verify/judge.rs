//! Judges one file of a leg on its own, record by record: an archive object, a stream file. What lies before and behind it
//! is the fold's question (`fold`), so that files can be judged in parallel.
//!
//! The tree is built over the hashes as they are stored: a content that doesn't match is then one finding at its record,
//! and the checkpoints still prove all others.

use std::sync::Arc;

use sealtrail_chain::{ChainName, Checksum, CompactRange, Hash, Link, Sequence, UnixNanos};

use super::finding::{Code, Finding, Findings};
use super::keys::{MOST, Met};
use super::lag::{Event, Events};
use super::scope::Asked;

/// A record as a leg holds it; nothing about it is believed yet.
pub(super) struct Seen {
    pub(super) sequence: Sequence,
    pub(super) observed: UnixNanos,
    /// `None`: the leg doesn't hold it; it is the hash of the record before (a row of an object but the first).
    pub(super) previous: Option<Hash>,
    pub(super) checksum: Checksum,
    pub(super) hash: Hash,
    /// SHA-256 of the content.
    pub(super) computed: Checksum,
    /// Row of the object, or message of the file.
    pub(super) row: u64,
    pub(super) own: Option<Own>,
}

/// What a record of the collector itself (`received.by` is `self`) says about the chain's life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Own {
    Started {
        genesis: Option<String>,
    },
    Stopped,
    Rotated {
        note: Option<String>,
    },
    /// The archive doesn't take what it is given, or does again.
    Archive {
        up: bool,
        /// Several in a minute are one record: since when, where that is said, and how many.
        since: Option<UnixNanos>,
        count: u64,
    },
    /// Somebody else's word about a checkpoint is stored under this key.
    Vouched {
        key: String,
        /// Digest of the lists of revoked certificates beside a time stamp, where there were any.
        revoked: Option<String>,
    },
    Other,
}

/// The records of a file that follow each other without a gap.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) first: u64,
    /// One past the last.
    pub(super) end: u64,
    /// What the first record says (or the object's metadata, for its first row) about the hash before it; `None` behind a
    /// gap within an object.
    pub(super) before: Option<Hash>,
    pub(super) after: Hash,
    pub(super) from: UnixNanos,
    pub(super) to: UnixNanos,
    /// Compact ranges that tile `[first, end)`; one ends at each cut.
    pub(super) pieces: Vec<CompactRange>,
    /// The last record says that the collector stopped.
    pub(super) stopped: bool,
}

/// A stretch in which the collector, by its own rule, should have said that it was alive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Silence {
    /// The record behind the stretch.
    pub(super) sequence: u64,
    pub(super) from: UnixNanos,
    pub(super) to: UnixNanos,
}

/// What record 0 binds: the genesis digest before it, and the note that it carries.
#[derive(Debug)]
pub(super) struct Zero {
    pub(super) previous: Option<Hash>,
    pub(super) genesis: Option<String>,
}

/// What one file says.
#[derive(Default, Debug)]
pub(super) struct Judged {
    pub(super) runs: Vec<Run>,
    pub(super) records: u64,
    /// Of these, in the range that was asked for.
    pub(super) asked: u64,
    pub(super) zero: Option<Zero>,
    /// Notes of rotations that records carry.
    pub(super) rotations: Vec<Met>,
    pub(super) silences: Vec<Silence>,
    pub(super) events: Events,
    pub(super) findings: Findings,
}

pub(super) struct Judge<'a> {
    chain: &'a ChainName,
    /// The name that stands in the links.
    sealed_under: &'a ChainName,
    place: &'a Arc<str>,
    /// Sizes at which a piece ends, ascending.
    cuts: &'a [u64],
    /// Longest stretch without a record, in nanoseconds.
    silence: u64,
    asked: Asked,
    run: Option<Run>,
    /// The first of `cuts` behind the last record.
    cut: u64,
    done: Judged,
}

/// Silences kept of one file: a few tell as much as thousands.
const SILENCES: usize = 16;

impl<'a> Judge<'a> {
    pub(super) fn new(chain: &'a ChainName, place: &'a Arc<str>, cuts: &'a [u64], silence: u64) -> Self {
        let asked = Asked::default();
        Self { chain, sealed_under: chain, place, cuts, silence, asked, run: None, cut: 0, done: Judged::default() }
    }

    /// Counts the records of a range.
    pub(super) fn ask(&mut self, asked: Asked) {
        self.asked = asked;
    }

    /// The file says that its links are another chain's.
    pub(super) fn seal_under(&mut self, chain: &'a ChainName) {
        self.sealed_under = chain;
    }

    /// Sequence of the record that should come next; `None` before the first.
    pub(super) fn expected(&self) -> Option<u64> {
        self.run.as_ref().map(|run| run.end)
    }

    pub(super) fn find(&mut self, finding: Finding) {
        self.done.findings.add(finding);
    }

    pub(super) fn record(&mut self, seen: &Seen) {
        self.done.records += 1;
        self.done.asked += u64::from(self.asked.holds(seen.sequence, seen.observed));
        let sequence = seen.sequence.get();
        // Everything in the formats is int64; this also keeps `sequence + 1` within bounds.
        if sequence >= i64::MAX as u64 {
            self.find(self.at(Code::Form, seen).expected("a sequence below 2^63", sequence));
            return;
        }
        self.check_content(seen);
        if !self.check_place(seen) {
            return;
        }
        self.check_life(seen);
        self.check_link(seen);
        self.push(seen);
    }

    pub(super) fn finish(mut self) -> Judged {
        self.done.runs.extend(self.run.take());
        self.done
    }

    fn check_content(&mut self, seen: &Seen) {
        if seen.computed != seen.checksum {
            self.find(self.at(Code::Content, seen).expected(seen.checksum, seen.computed));
        }
    }

    /// Whether the record goes on the run, or begins one; a record out of its place does neither.
    fn check_place(&mut self, seen: &Seen) -> bool {
        let sequence = seen.sequence.get();
        let Some(run) = &self.run else { return true };
        if sequence < run.end {
            self.find(self.at(Code::Order, seen).expected(run.end, sequence));
            return false;
        }
        if sequence > run.end {
            let expected = run.end;
            let gap = Finding::at(Code::Missing, self.chain, expected, self.place).to(sequence - 1).row(seen.row);
            self.find(gap.expected(expected, sequence));
            self.done.runs.extend(self.run.take());
        }
        true
    }

    fn check_life(&mut self, seen: &Seen) {
        let observed = seen.observed;
        let Some(run) = &self.run else { return };
        if observed < run.to {
            self.find(self.at(Code::Time, seen).expected(format_args!("{} or later", run.to.0), observed.0));
        } else if !run.stopped && observed.0 - run.to.0 > self.silence && self.done.silences.len() < SILENCES {
            let silence = Silence { sequence: seen.sequence.get(), from: run.to, to: observed };
            self.done.silences.push(silence);
        }
    }

    fn check_link(&mut self, seen: &Seen) {
        let after = self.run.as_ref().map(|run| run.after);
        if let (Some(after), Some(previous)) = (after, seen.previous)
            && after != previous
        {
            self.find(self.at(Code::Previous, seen).expected(after, previous));
        }
        let Some(previous) = seen.previous.or(after) else { return };
        let computed = Link::compute(self.sealed_under, seen.sequence, seen.observed, previous, seen.checksum);
        if computed != seen.hash {
            self.find(self.at(Code::Link, seen).expected(computed, seen.hash));
        }
    }

    fn push(&mut self, seen: &Seen) {
        let sequence = seen.sequence.get();
        if sequence == 0 {
            let genesis = match &seen.own {
                Some(Own::Started { genesis }) => genesis.clone(),
                _ => None,
            };
            self.done.zero = Some(Zero { previous: seen.previous, genesis });
        }
        if let Some(Own::Rotated { note }) = &seen.own
            && self.done.rotations.len() < MOST
        {
            let (place, text) = (Arc::clone(self.place), note.clone().unwrap_or_default());
            self.done.rotations.push(Met { place, text, record: Some(sequence) });
        }
        let before = self.run.as_ref().map(|run| run.to);
        match seen.own {
            Some(Own::Started { .. }) => self.done.events.add(Event::Started { before, at: seen.observed }),
            Some(Own::Archive { up, since, count }) => {
                // Nobody's clock runs ahead of what was sealed.
                let at = since.unwrap_or(seen.observed).min(seen.observed);
                let event = if up { Event::Up { at, count } } else { Event::Down { since: at, count } };
                self.done.events.add(event);
            }
            _ => {}
        }
        let run = self.run.get_or_insert_with(|| Run {
            first: sequence,
            end: sequence,
            before: seen.previous,
            after: seen.hash,
            from: seen.observed,
            to: seen.observed,
            pieces: Vec::new(),
            stopped: false,
        });
        if run.pieces.is_empty() || sequence >= self.cut {
            let behind = self.cuts.partition_point(|cut| *cut <= sequence);
            self.cut = self.cuts.get(behind).copied().unwrap_or(u64::MAX);
            run.pieces.push(CompactRange::empty(sequence));
        }
        if let Some(piece) = run.pieces.last_mut() {
            piece.push(&seen.hash);
        }
        run.end = sequence + 1;
        run.after = seen.hash;
        run.to = run.to.max(seen.observed);
        run.stopped = seen.own == Some(Own::Stopped);
    }

    fn at(&self, code: Code, seen: &Seen) -> Finding {
        Finding::at(code, self.chain, seen.sequence.get(), self.place).row(seen.row)
    }
}
