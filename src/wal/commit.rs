//! The log's own thread: gathers what waits into groups, seals the collector's own life between them, and says when nothing
//! can be taken. It alone writes; `Log` has the rules of writing, this file those of time.

use std::io;
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sealtrail_chain::{Sequence, UnixNanos};

use super::intake::{Gate, Intake, Submission};
use super::log::Log;
use super::shelf::Shelf;
use super::time::{Step, Watch};
use super::{Batch, Config, Durable, Error, Refused};
use crate::host::Clock;
use crate::mask::{self, Masked};
use crate::observe::{Metrics, event};
use crate::seal::own::{Entry, Event, Kind, NoteKind, Reporter};

/// Makes the record of an entry: `seal::own::Scribe::write`, or a stand-in in a test.
pub type Write = Box<dyn FnMut(&Entry, UnixNanos) -> Result<Masked, mask::Refused> + Send>;

/// What the log's thread is started with.
pub struct Options {
    pub config: Config,
    /// `--accept-clock`: the operator vouches for a clock that is far ahead of the chain.
    pub accept_clock: bool,
    /// `seal.alive_interval`
    pub alive_interval: Duration,
    /// What `started` says; what was cut off the log at this start is added to its reason.
    pub started: Event,
    /// The whole genesis note; needed where the chain holds no record yet.
    pub genesis: Option<String>,
    /// What was cut off, from `Recovered`.
    pub cut: Option<super::Cut>,
    /// The chain goes on from its legs: said behind `started`, and together with it.
    pub continued: Option<Event>,
    /// The keys change: said behind those, and together with them, with the note of it; the file ends there.
    pub rotated: Option<(Event, String)>,
}

/// The log at work.
pub struct Running {
    pub intake: Intake,
    /// Progress, releases, and what the legs have confirmed.
    pub shelf: Arc<Shelf>,
    inbox: Sender<Message>,
    fence: Fence,
    writer: JoinHandle<()>,
    keeper: JoinHandle<()>,
}

/// Whether another collector has, or may have, taken the chain over. Set, nothing more is sealed: neither senders' records
/// nor own ones; what is held stays for `wal import`.
#[derive(Clone, Default)]
pub struct Fence(Arc<AtomicBool>);

impl Fence {
    pub fn set(&self, fenced: bool) {
        self.0.store(fenced, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

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
/// A chain whose head is older than this may have met a wrong clock.
const OLD_HEAD: u64 = 30 * 86_400 * 1_000_000_000;

/// Seals `started`, then takes records. `reporter`: where all parts put what is to be sealed of the collector's own life.
///
/// An error means that nothing was started: the clock is too far ahead, or the first record could not be made durable.
pub fn start(
    log: Log,
    clock: Arc<dyn Clock>,
    reporter: Reporter,
    write: Write,
    options: Options,
) -> Result<Running, Error> {
    let head = log.head().observed();
    let ahead = clock.now().0.saturating_sub(head.0);
    if log.head().next() != Sequence::ZERO && ahead > OLD_HEAD && !options.accept_clock {
        return Err(Error::Clock { days: ahead / (86_400 * 1_000_000_000) });
    }
    let (inbox, messages) = mpsc::channel();
    let (gate, fence) = (Arc::new(Gate::default()), Fence::default());
    let shelf = Arc::clone(log.shelf());
    let intake = Intake::new(inbox.clone(), Arc::clone(&gate));
    let mut writer = Writer::new(log, clock, reporter, write, &options, Arc::clone(&gate), fence.clone());
    writer.begin(options).map_err(|source| Error::Io {
        doing: "seal the start into",
        path: shelf.path(head_path(&shelf)),
        source,
    })?;

    let (alive, ended) = mpsc::channel::<()>();
    let kept = Arc::clone(&shelf);
    let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
    let keeper = spawn("wal-keeper").spawn(move || keep(&kept, &ended)).expect("a thread can be started");
    let writer = spawn("wal").spawn(move || {
        let _ends_the_keeper = alive;
        writer.run(&messages);
    });
    let writer = writer.expect("a thread can be started");
    Ok(Running { intake, shelf, inbox, fence, writer, keeper })
}

fn head_path(shelf: &Shelf) -> Sequence {
    shelf.progress().borrow().files.last().map_or(Sequence::ZERO, |file| file.first)
}

impl Running {
    /// New rules are in force: an own record says so, in a new file. `write` makes own records under them; until this is
    /// heard, they are made under the old ones. What senders sent is told apart by each submission's own digest.
    pub fn rules_changed(&self, digest: [u8; 32], event: Event, write: Write) {
        // A log that has stopped has nothing to say about rules.
        let _ = self.inbox.send(Message::Rules { digest, event, write });
    }

    /// For the stream, which alone learns that another collector has taken the chain over.
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Seals what was submitted, then `stopped`, closes the last file and waits for the thread's end. Blocks: call it
    /// where blocking is allowed. What is submitted from now on is refused.
    pub fn stop(self) {
        // An error means that the thread has ended already.
        let _ = self.inbox.send(Message::Stop);
        for thread in [self.writer, self.keeper] {
            // A panic was reported by the hook; the gate is shut either way.
            let _ = thread.join();
        }
    }
}

/// Writes down what the legs have confirmed, at most once a second: a crash forgets no more, and the legs know the rest.
fn keep(shelf: &Shelf, ended: &Receiver<()>) {
    while matches!(ended.recv_timeout(Duration::from_secs(1)), Err(RecvTimeoutError::Timeout)) {
        persist(shelf);
    }
    persist(shelf);
}

fn persist(shelf: &Shelf) {
    if let Err(error) = shelf.legs().persist() {
        tracing::warn!(%error, "what the legs have confirmed could not be written down; it is tried again");
    }
}

struct Writer {
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
    fn new(
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

    fn run(mut self, inbox: &Receiver<Message>) {
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

    /// The time to seal at, or why nothing of senders is sealed now.
    fn admit(&mut self, bytes: usize) -> Result<UnixNanos, Refused> {
        let observed = self.observe();
        let state = self.judge(bytes as u64);
        self.turn(state);
        state.map(|()| observed)
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

    /// The disk did not take what it should: nothing is taken until it does.
    fn failed(&mut self, error: &io::Error) -> Refused {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let refused = if full { Refused::Full } else { Refused::Disk };
        self.trouble = Some(refused);
        self.turn(Err(refused));
        refused
    }

    /// The time to seal at. A step is reported; while the clock is too far ahead it is not believed.
    fn observe(&mut self) -> UnixNanos {
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

    /// Whether `bytes` more of senders' records may be written.
    fn judge(&self, bytes: u64) -> Result<(), Refused> {
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
    fn turn(&mut self, state: Result<(), Refused>) {
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

    /// Seals the own records that are due; what can't be sealed now comes again.
    fn seal_own(&mut self, observed: UnixNanos, all: bool) {
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

    fn may_write_own(&self) -> bool {
        self.log.is_writable() && self.log.shelf().bytes() < self.limit && !self.fence.is_set()
    }

    fn append_own(
        &mut self,
        observed: UnixNanos,
        records: impl IntoIterator<Item = Masked>,
    ) -> Result<Durable, Refused> {
        self.append(observed, self.rules, &mut [&mut records.into_iter().collect()])
    }

    fn write_own(&mut self, entry: &Entry, observed: UnixNanos) -> Option<Masked> {
        (self.write)(entry, observed)
            .inspect_err(|error| tracing::error!(%error, kind = ?entry.event.kind, "an own record can't be sealed"))
            .ok()
    }

    fn rotate_when_due(&mut self, now: Duration) {
        if self.log.is_due(now)
            && let Err(error) = self.log.rotate()
        {
            self.failed(&error);
        }
    }

    /// The own record that says so is the first under the new rules, and so in a new file.
    fn change_rules(&mut self, digest: [u8; 32], event: Event, write: Write) {
        let observed = self.observe();
        (self.rules, self.write) = (digest, write);
        self.reporter.report(event);
        self.seal_own(observed, false);
    }

    /// `started`, and in record 0 the genesis note; then how the chain goes on, where that is not from a log.
    fn begin(&mut self, options: Options) -> io::Result<()> {
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
