//! The log at work, as those hold it who started it: they hear of its progress, tell it of new rules and of another collector
//! that has the chain, and stop it.
//!
//! Nothing runs before `started` is durable: a start that fails has started no thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sealtrail_chain::Sequence;

use super::commit::{Message, Write, Writer};
use super::intake::{Gate, Intake};
use super::log::Log;
use super::shelf::Shelf;
use super::{Config, Error};
use crate::host::Clock;
use crate::seal::own::{Event, Reporter};

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

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

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
