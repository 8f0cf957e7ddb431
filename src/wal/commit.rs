//! The log's own thread: gathers what waits into groups, seals the collector's own life between them (`life`), and says when
//! nothing can be taken (`admission`). It alone writes; `Log` has the rules of writing, these files those of time.

mod admission;
mod life;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use sealtrail_chain::{Sequence, UnixNanos};

use super::intake::{Gate, Submission};
use super::log::Log;
use super::time::Watch;
use super::{Batch, Durable, Fence, Options, Refused};
use crate::host::Clock;
use crate::mask::{self, Masked};
use crate::observe::{Metrics, event};
use crate::seal::own::{Entry, Event, Kind, Reporter};

/// Makes the record of an entry: `seal::own::Scribe::write`, or a stand-in in a test.
pub type Write = Box<dyn FnMut(&Entry, UnixNanos) -> Result<Masked, mask::Refused> + Send>;

pub(super) enum Message {
    Submit(Submission),
    Rules { digest: [u8; 32], event: Event, write: Write },
    Stop,
}

/// A group closes when it holds this many bytes of content, whatever else waits.
const GROUP_BYTES: usize = 4 << 20;
/// Kept free for own records, both of the limit and of the disk.
const RESERVE: u64 = 16 << 20;
/// How often time-bound things are looked at.
const TICK: Duration = Duration::from_millis(250);
/// After so much quiet, and at the stop, a mark is written.
const QUIET: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    log: Log,
    clock: Arc<dyn Clock>,
    watch: Watch,
    reporter: Reporter,
    write: Write,
    /// Digest of the rules that `write` masks under.
    rules: [u8; 32],
    gate: Arc<Gate>,
    fence: Fence,
    /// Bytes that may be held.
    limit: u64,
    alive_interval: Duration,
    /// Monotonic time of the last record.
    last_flow: Duration,
    last_tick: Duration,
    /// Met while a group was gathered.
    held_back: Option<Message>,
    /// What the disk last answered, while there is no file to write.
    trouble: Option<Refused>,
    state: Result<(), Refused>,
}

/// However the thread ends, the gate is shut: a receiver must not take in what nobody will answer.
struct Shut(Arc<Gate>);

impl Drop for Shut {
    fn drop(&mut self) {
        self.0.set(Err(Refused::Stopping));
    }
}

impl Writer {
    pub(super) fn new(
        log: Log,
        clock: Arc<dyn Clock>,
        reporter: Reporter,
        write: Write,
        options: &Options,
        gate: Arc<Gate>,
        fence: Fence,
    ) -> Self {
        let now = clock.monotonic();
        Self {
            watch: Watch::new(clock.as_ref()),
            limit: options.config.max_size_mib << 20,
            alive_interval: options.alive_interval,
            last_flow: now,
            last_tick: now,
            held_back: None,
            trouble: None,
            state: Ok(()),
            rules: log.rules(),
            log,
            clock,
            reporter,
            write,
            gate,
            fence,
        }
    }

    pub(super) fn run(mut self, inbox: &Receiver<Message>) {
        let _shut = Shut(Arc::clone(&self.gate));
        loop {
            let next = self.held_back.take().map_or_else(|| inbox.recv_timeout(TICK), Ok);
            match next {
                Ok(Message::Submit(first)) => self.gather(first, inbox),
                Ok(Message::Rules { digest, event, write }) => self.change_rules(digest, event, write),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.clock.monotonic().saturating_sub(self.last_tick) >= TICK {
                self.tick();
            }
        }
        self.end(inbox);
    }

    /// Takes all that waits, up to the size of a group, and commits it. A group is of one set of rules: the few requests
    /// that were masked before a change and come behind it get a file of their own.
    fn gather(&mut self, first: Submission, inbox: &Receiver<Message>) {
        let (mut bytes, rules) = (first.records.bytes(), first.rules);
        let mut group = vec![first];
        while bytes < GROUP_BYTES {
            match inbox.try_recv() {
                Ok(Message::Submit(more)) if more.rules == rules => {
                    bytes += more.records.bytes();
                    group.push(more);
                }
                Ok(other) => {
                    self.held_back = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        self.commit(group, bytes, rules);
    }

    fn commit(&mut self, mut group: Vec<Submission>, bytes: usize, rules: [u8; 32]) {
        let durable = self.admit(bytes).and_then(|observed| {
            let mut batches: Vec<&mut Batch> = group.iter_mut().map(|submission| &mut submission.records).collect();
            self.append(observed, rules, &mut batches)
        });
        let mut next = durable.map_or(0, |durable| durable.first.get());
        for submission in group {
            let count = submission.records.len() as u64;
            let (first, last) = (Sequence::new(next), Sequence::new((next + count).saturating_sub(1)));
            next += count;
            // A sender that went away doesn't hear of it; its records stay.
            let _ = submission.reply.send(durable.map(|_| Durable { first, last }));
        }
    }

    fn append(&mut self, observed: UnixNanos, rules: [u8; 32], batches: &mut [&mut Batch]) -> Result<Durable, Refused> {
        let began = self.clock.monotonic();
        let appended = self.log.change_rules(rules).and_then(|()| self.log.append(observed, began, batches));
        match appended {
            Ok(durable) => {
                let now = self.clock.monotonic();
                let records = durable.last.get() - durable.first.get() + 1;
                event::Synced { records, took: now.saturating_sub(began) }.emit();
                self.last_flow = now;
                self.rotate_when_due(now);
                Ok(durable)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// What time asks for: the way back after the disk refused, own records, segments that are due, marks, gauges.
    fn tick(&mut self) {
        let now = self.clock.monotonic();
        self.last_tick = now;
        let observed = self.observe();
        match self.log.make_writable() {
            Ok(()) => self.trouble = None,
            Err(error) => {
                self.failed(&error);
            }
        }
        let state = self.judge(0);
        self.turn(state);
        self.seal_own(observed, false);
        if now.saturating_sub(self.last_flow) >= self.alive_interval && self.may_write_own() {
            let alive = Entry::at(Event::new(Kind::Alive), observed);
            // What fails is tried again at the next tick.
            let _ = self.write_own(&alive, observed).map(|record| self.append_own(observed, [record]));
        }
        self.rotate_when_due(now);
        if now.saturating_sub(self.last_flow) >= QUIET
            && let Err(error) = self.log.mark()
        {
            self.failed(&error);
        }
        self.gauges(observed);
    }

    fn rotate_when_due(&mut self, now: Duration) {
        if self.log.is_due(now)
            && let Err(error) = self.log.rotate()
        {
            self.failed(&error);
        }
    }

    /// The end: all that was submitted, what is left to say, `stopped`, a mark.
    fn end(mut self, inbox: &Receiver<Message>) {
        self.gate.set(Err(Refused::Stopping));
        while let Some(message) = self.held_back.take().or_else(|| inbox.try_recv().ok()) {
            match message {
                Message::Submit(submission) => self.gather(submission, inbox),
                Message::Rules { digest, event, write } => self.change_rules(digest, event, write),
                Message::Stop => {}
            }
        }
        // The gate was opened again if the last groups found it so.
        self.gate.set(Err(Refused::Stopping));
        let observed = self.observe();
        self.seal_own(observed, true);
        let stopped = Entry::at(Event::new(Kind::Stopped), observed);
        if self.may_write_own()
            && let Some(record) = self.write_own(&stopped, observed)
            && self.append_own(observed, [record]).is_err()
        {
            tracing::error!("the stop could not be sealed");
        }
        self.log.finish();
    }

    fn gauges(&self, observed: UnixNanos) {
        let metrics = Metrics::get();
        let shelf = self.log.shelf();
        metrics.wal_bytes.set(i64::try_from(shelf.bytes()).unwrap_or(i64::MAX));
        metrics.wal_files.set(shelf.progress().borrow().files.len() as i64);
        metrics
            .wal_oldest_seconds
            .set(shelf.oldest().map_or(0.0, |oldest| observed.0.saturating_sub(oldest.0) as f64 / 1e9));
    }
}

#[cfg(test)]
mod tests;
