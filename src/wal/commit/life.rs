//! The collector's own life, sealed between the groups: how it began, what was reported since, that it is alive, and its stop.
//!
//! Own records are masked and made durable like all others. What the disk does not take is put back and comes again;
//! behind a fence nothing is sealed, not even that it is there.

use std::io;
use std::iter;

use sealtrail_chain::{Sequence, UnixNanos};

use super::{Write, Writer};
use crate::mask::Masked;
use crate::seal::own::{Entry, Event, Kind, NoteKind};
use crate::wal::{Batch, Durable, Options, Refused};

impl Writer {
    /// `started`, and in record 0 the genesis note; then how the chain goes on, where that is not from a log.
    pub(in crate::wal) fn begin(&mut self, options: Options) -> io::Result<()> {
        let observed = self.observe();
        let mut entry = Entry::at(options.started, observed);
        if let Some(cut) = options.cut {
            let cut = format!(
                "{} bytes behind byte {} of the file of record {} were cut off: an unfinished write, not known to have been \
                 acknowledged",
                cut.bytes, cut.at, cut.file
            );
            entry.event.reason = Some(entry.event.reason.map_or(cut.clone(), |reason| format!("{reason}; {cut}")));
        }
        if self.log.head().next() == Sequence::ZERO {
            entry.note = options.genesis.map(|note| (NoteKind::Genesis, note));
        }
        let behind = self.log.head().observed().0.saturating_sub(observed.0);
        if behind > 1_000_000_000 {
            let reason = Some(format!("back by {} ms since the last record", behind / 1_000_000));
            self.reporter.report(Event { reason, ..Event::new(Kind::ClockStepped) });
        }
        let rotated = options.rotated.map(|(event, note)| {
            let note = Some((NoteKind::Rotation, note));
            Entry { note, ..Entry::at(event, observed) }
        });
        let ends = rotated.is_some();
        let continued = options.continued.map(|event| Entry::at(event, observed));
        let entries = iter::once(entry).chain(continued).chain(rotated);
        let records = entries.map(|entry| (self.write)(&entry, observed)).collect::<Result<Batch, _>>();
        let mut records = records.map_err(io::Error::other)?;
        self.log.append(observed, self.clock.monotonic(), &mut [&mut records])?;
        if ends {
            // A segment's end, for there the keys before sign their last.
            self.log.rotate()?;
        }
        let state = self.judge(0);
        self.turn(state);
        self.gate.set(state);
        Ok(())
    }

    /// The own record that says so is the first under the new rules, and so in a new file.
    pub(super) fn change_rules(&mut self, digest: [u8; 32], event: Event, write: Write) {
        let observed = self.observe();
        (self.rules, self.write) = (digest, write);
        self.reporter.report(event);
        self.seal_own(observed, false);
    }

    /// Seals the own records that are due; what can't be sealed now comes again.
    pub(super) fn seal_own(&mut self, observed: UnixNanos, all: bool) {
        if !self.may_write_own() {
            return;
        }
        let entries = self.reporter.take(observed, all);
        if entries.is_empty() {
            return;
        }
        let records: Vec<Masked> = entries.iter().filter_map(|entry| self.write_own(entry, observed)).collect();
        if records.is_empty() {
            return;
        }
        if self.append_own(observed, records).is_err() {
            self.reporter.put_back(entries);
        }
    }

    pub(super) fn append_own(
        &mut self,
        observed: UnixNanos,
        records: impl IntoIterator<Item = Masked>,
    ) -> Result<Durable, Refused> {
        self.append(observed, self.rules, &mut [&mut records.into_iter().collect()])
    }

    pub(super) fn write_own(&mut self, entry: &Entry, observed: UnixNanos) -> Option<Masked> {
        (self.write)(entry, observed)
            .inspect_err(|error| tracing::error!(%error, kind = ?entry.event.kind, "an own record can't be sealed"))
            .ok()
    }

    pub(super) fn may_write_own(&self) -> bool {
        self.log.is_writable() && self.log.shelf().bytes() < self.limit && !self.fence.is_set()
    }
}
