//! Whether records of senders are taken: promise 4, fail closed.
//!
//! It is asked before each group and at each tick, and nothing of a sender's is written while the answer is no. The gate, at
//! which receivers turn requests away, follows it, and so does an own record that says since when and why.

use std::io;

use sealtrail_chain::UnixNanos;

use super::{RESERVE, Writer};
use crate::seal::own::{Event, Kind};
use crate::wal::Refused;
use crate::wal::time::Step;

impl Writer {
    /// The time to seal at, or why nothing of senders is sealed now.
    pub(super) fn admit(&mut self, bytes: usize) -> Result<UnixNanos, Refused> {
        let observed = self.observe();
        let state = self.judge(bytes as u64);
        self.turn(state);
        state.map(|()| observed)
    }

    /// Whether `bytes` more of senders' records may be written.
    pub(super) fn judge(&self, bytes: u64) -> Result<(), Refused> {
        if self.fence.is_set() {
            return Err(Refused::Fenced);
        }
        if self.watch.is_ahead() {
            return Err(Refused::Clock);
        }
        if !self.log.is_writable() {
            return Err(self.trouble.unwrap_or(Refused::Disk));
        }
        let limit = self.limit.saturating_sub(RESERVE);
        // A full log opens again with room for more than the next group: it would else refuse and accept by turns.
        let needed = bytes.saturating_add(if self.state == Err(Refused::Full) { RESERVE.min(limit / 8) } else { 0 });
        if self.log.shelf().bytes().saturating_add(needed) > limit {
            return Err(Refused::Full);
        }
        // What can't be asked is found out by writing.
        let free = || self.log.available().unwrap_or(u64::MAX);
        let needed = needed.saturating_add(2 * RESERVE);
        // The room of a file that waits to be written again is whoever's needs it.
        let room = free() >= needed || (self.log.forget_reusable().unwrap_or(false) && free() >= needed);
        if room { Ok(()) } else { Err(Refused::Full) }
    }

    /// Says so when records are taken no longer, or again.
    pub(super) fn turn(&mut self, state: Result<(), Refused>) {
        if state == self.state {
            return;
        }
        self.gate.set(state);
        let (kind, reason) = match state {
            Ok(()) => (Kind::Accepting, None),
            Err(refused) => (Kind::Refusing, Some(refused.to_string())),
        };
        self.reporter.report(Event { reason, ..Event::new(kind) });
        self.state = state;
    }

    /// The disk did not take what it should: nothing is taken until it does.
    pub(super) fn failed(&mut self, error: &io::Error) -> Refused {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let refused = if full { Refused::Full } else { Refused::Disk };
        self.trouble = Some(refused);
        self.turn(Err(refused));
        refused
    }

    /// The time to seal at. A step is reported; while the clock is too far ahead it is not believed.
    pub(super) fn observe(&mut self) -> UnixNanos {
        let (now, step) = self.watch.look(self.clock.as_ref());
        if let Some(step) = step {
            let reason = match step {
                Step::Forward(by) => format!("forward by {} ms", by.as_millis()),
                Step::Back(by) => format!("back by {} ms", by.as_millis()),
            };
            self.reporter.report(Event { reason: Some(reason), ..Event::new(Kind::ClockStepped) });
        }
        now
    }
}
