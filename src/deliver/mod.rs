//! Delivery: what the write-ahead log holds goes to the stream, and from there to the archive, each record once and in
//! chain order.
//!
//! Each leg has a thread and a small runtime of its own, so that one that blocks holds up nobody else:
//! - the *stream* task tails the log's files up to their synced marks and commits batches; what it has committed is
//!   decided by the leg alone (`end`), never by what we remember;
//! - the *archive* task turns each closed file whose last record is committed in the stream into one object.
//!
//! A file of the log is released only when both legs have confirmed it and a checkpoint that covers it is signed and
//! synced, oldest first, and never the last one. There is no second path to a leg through memory.

mod archive;
mod checkpoint;
mod held;
mod intake;
mod leg;
mod parquet;
mod resume;
mod room;
mod signing;
mod stream;
mod tail;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fmt, io, thread};

use sealtrail_chain::content::ParseError;
use sealtrail_chain::{Break, Head, Segment, Sequence};
use tokio::sync::{mpsc, watch};

use crate::archive::{ArchiveLeg, Error as ArchiveError};
use crate::host::{Aside, Clock, Disk, guard};
use crate::seal::own;
use crate::stream::{End, StreamLeg};
use crate::wal::{Leg, Progress, ReleaseError, reader};

use leg::{Lag, Oldest};

pub use checkpoint::{Error as CheckpointError, Kept, Keys, Pair, Store};
pub use held::Held;
pub use intake::{Intake, Streamed};
pub use parquet::ParquetBuild;
pub use resume::{Known, Refusal, Resume, compare, take_over};
pub use stream::Committed;

/// What the legs need of the write-ahead log.
pub trait Wal: Send + Sync + 'static {
    type Cursor: Cursor;
    /// Reads the file that begins with record `first`.
    fn open(&self, first: Sequence) -> Result<Self::Cursor, reader::Error>;
    /// Notes that `leg` holds everything up to `end`; may be written down later, but before a file is released.
    fn confirm(&self, leg: Leg, end: End);
    /// Deletes the file that begins with record `first`: both legs hold it, and it is the oldest.
    fn release(&self, first: Sequence) -> Result<(), ReleaseError>;
    /// Whether another collector has, or may have, taken the chain over: then nothing more is sealed.
    fn fence(&self, fenced: bool);
}

/// The records of one file of the log, in order.
pub trait Cursor: Send + 'static {
    /// The chain's head before the first record of the file.
    fn head(&self) -> &Head;
    /// SHA-256 over the masking rules in force for all of the file.
    fn rules(&self) -> [u8; 32];
    /// The next record whose frame ends at or below `synced`.
    fn next(&mut self, synced: u64) -> Result<Option<reader::Stored<'_>>, reader::Error>;
}

/// Makes the object of one closed file; checks every record against its link. Called on a thread that may block.
pub trait Build: Send + Sync + 'static {
    /// Writes the object of the records from `from` on, up to `synced`, as a new file at `path`, synced.
    fn build<C: Cursor>(&self, cursor: C, from: Sequence, synced: u64, path: &Path) -> Result<Segment, Failure>;
}

/// Takes own records into the chain; never blocks.
pub type Report = Arc<dyn Fn(own::Event) + Send + Sync>;

/// All that delivery is made of.
pub struct Parts<W, S, A, B> {
    pub wal: Arc<W>,
    pub progress: watch::Receiver<Progress>,
    pub stream: S,
    pub attach: Attach,
    /// How long a collector that may have been fenced waits for the other one to show itself.
    pub doubt: Duration,
    /// How long records gather for one transaction.
    pub window: Duration,
    pub archive: A,
    /// What the archive was last known to hold.
    pub archived: Option<End>,
    pub build: B,
    pub checkpoints: Store,
    /// Longest time that committed records go without a signed checkpoint.
    pub checkpoint_interval: Duration,
    pub clock: Arc<dyn Clock>,
    pub disk: Arc<dyn Disk>,
    /// Ends all signing when it is set.
    pub halt: Halt,
    /// Where building and signing go, which may take long.
    pub aside: Aside,
    /// Where objects are built when the archive names no place.
    pub scratch: PathBuf,
    pub report: Report,
}

/// Ends the signing of checkpoints for good: set when another history of the chain has been seen. Records are delivered all the
/// same; but no file of the log is released that no checkpoint covers, so the log fills up, and then refuses.
#[derive(Debug, Clone, Default)]
pub struct Halt(Arc<AtomicBool>);

impl Halt {
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Whether the stream is ours already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attach {
    /// Taken over, and its end compared with the log.
    Done(Resume),
    /// It did not answer when the collector started: it is compared and taken over when it does.
    Later { confirmed: Option<End> },
}

/// Starts both legs.
pub fn start<W, S, A, B>(parts: Parts<W, S, A, B>) -> Result<Handle, StartError>
where
    W: Wal,
    S: StreamLeg,
    A: ArchiveLeg,
    B: Build,
{
    let progress = parts.progress.clone();
    let clock = Arc::clone(&parts.clock);
    let (stream, archive) = tasks(parts)?;
    let panicked = Arc::new(AtomicBool::new(false));
    let handle = Handle {
        progress,
        committed: stream.committed(),
        archived: archive.archived(),
        oldest: [stream.oldest(), archive.oldest()],
        clock,
        panicked: Arc::clone(&panicked),
    };
    spawn("deliver-stream", stream.run(), Arc::clone(&panicked))?;
    spawn("deliver-archive", archive.run(), panicked)?;
    Ok(handle)
}

/// Both legs' tasks.
type Tasks<W, S, A, B> = (stream::Task<W, S>, archive::Task<W, A, B>);

fn tasks<W, S, A, B>(parts: Parts<W, S, A, B>) -> Result<Tasks<W, S, A, B>, CheckpointError>
where
    W: Wal,
    S: StreamLeg,
    A: ArchiveLeg,
    B: Build,
{
    let (objects, to_archive) = mpsc::unbounded_channel();
    let stream = stream::Task::new(stream::Setup {
        wal: parts.wal.clone(),
        leg: parts.stream,
        progress: parts.progress.clone(),
        attach: parts.attach,
        doubt: parts.doubt,
        window: parts.window,
        checkpoints: parts.checkpoints.clone(),
        interval: parts.checkpoint_interval,
        objects,
        aside: parts.aside,
        clock: parts.clock.clone(),
        halt: parts.halt,
        report: parts.report.clone(),
    })?;
    let workdir = parts.archive.workdir().unwrap_or(parts.scratch);
    let archive = archive::Task::new(archive::Setup {
        wal: parts.wal,
        leg: parts.archive,
        build: parts.build,
        progress: parts.progress,
        committed: stream.committed(),
        objects: to_archive,
        confirmed: parts.archived,
        checkpoints: parts.checkpoints,
        disk: parts.disk,
        aside: parts.aside,
        workdir,
        clock: parts.clock,
        report: parts.report,
    });
    Ok((stream, archive))
}

/// Longer than any two segments lie apart.
const KEEP_ALIVE: Duration = Duration::from_secs(24 * 3600);

/// A thread that ends when the task does; the process doesn't wait for it.
fn spawn(name: &str, task: impl Future<Output = ()> + Send + 'static, panicked: Arc<AtomicBool>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // What blocks runs beside the task: under its name, and on a thread that stays, so that whoever looks at the
        // process finds a leg's whole work by name.
        .thread_name(name)
        .thread_keep_alive(KEEP_ALIVE)
        .build()?;
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _tells = TellsPanic(panicked);
        // Every thread that this one starts takes it over. A machine that won't have it costs the senders time, no more.
        if let Err(error) = guard::behind_the_intake() {
            tracing::warn!(%error, "a leg's thread could not be put behind those that answer senders");
        }
        runtime.block_on(task);
    })?;
    Ok(())
}

/// Leaves word when its thread ends by a panic.
struct TellsPanic(Arc<AtomicBool>);

impl Drop for TellsPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}

/// The running legs.
pub struct Handle {
    progress: watch::Receiver<Progress>,
    committed: watch::Receiver<Committed>,
    archived: watch::Receiver<archive::Archived>,
    oldest: [Oldest; 2],
    clock: Arc<dyn Clock>,
    panicked: Arc<AtomicBool>,
}

impl Handle {
    /// Whether both legs are carried on: not so after a panic in one, though all else goes on.
    pub fn carried(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let panicked = Arc::clone(&self.panicked);
        move || !panicked.load(Ordering::Acquire)
    }

    /// Sets the gauges of how far each leg lags behind the log: for whoever is about to show them, since a leg that hangs in a
    /// call can't.
    pub fn lag(&self) -> impl Fn() + Send + Sync + 'static {
        let (progress, committed, archived) = (self.progress.clone(), self.committed.clone(), self.archived.clone());
        let ([stream, archive], clock) = (self.oldest.clone(), Arc::clone(&self.clock));
        move || {
            // What the legs hold before what the log has: a lag is never negative.
            let held =
                [(Leg::Stream, committed.borrow().next, &stream), (Leg::Archive, archived.borrow().next, &archive)];
            let (progress, now) = (progress.borrow(), clock.now());
            for (leg, next, oldest) in held {
                Lag::of(&progress, next).show(leg, oldest.get(), now);
            }
        }
    }

    /// How far the stream has come, for those who wait for its commit.
    pub fn committed(&self) -> watch::Receiver<Committed> {
        self.committed.clone()
    }

    /// The way into `log` for receivers whose senders are answered after the stream's commit; without one within `timeout`
    /// they are refused.
    pub fn intake(&self, log: crate::wal::Intake, timeout: Duration) -> Intake {
        Intake::new(log, self.committed.clone(), timeout)
    }

    /// Waits, after the log has said that it is `finished`, until both legs hold all of it, at most for `grace`; says
    /// what they don't hold then. It stays in the log.
    pub async fn stop(mut self, grace: Duration) -> Vec<Left> {
        let both = async {
            // A leg that has stopped for good drops its end: nothing more will come of it.
            let _ = self.committed.wait_for(|committed| committed.finished).await;
            let _ = self.archived.wait_for(|archived| archived.finished).await;
        };
        let _ = tokio::time::timeout(grace, both).await;
        self.left()
    }

    fn left(&self) -> Vec<Left> {
        let (committed, archived) = (*self.committed.borrow(), *self.archived.borrow());
        [(Leg::Stream, committed.next, committed.finished), (Leg::Archive, archived.next, archived.finished)]
            .into_iter()
            .filter(|(_, _, finished)| !finished)
            .map(|(leg, next, _)| {
                let lag = Lag::of(&self.progress.borrow(), next);
                Left { leg, records: lag.records, bytes: lag.bytes }
            })
            .collect()
    }
}

/// What a leg does not hold at the stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    pub leg: Leg,
    pub records: u64,
    /// Of the write-ahead log.
    pub bytes: u64,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { leg, records, bytes } = self;
        let leg = leg.name();
        write!(f, "{leg}: {records} records ({bytes} bytes) and what belongs to them stay in the write-ahead log")
    }
}

/// Why delivery can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("can't start a thread for delivery: {0}")]
    Thread(#[from] io::Error),
}

/// Why a leg doesn't get on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Wal(#[from] reader::Error),
    #[error("the write-ahead log ends before record {next}, which it should hold")]
    Short { next: Sequence },
    #[error("the write-ahead log does not follow its own chain: {0}")]
    Break(#[from] Break),
    #[error("record {sequence} of the write-ahead log is not canonical: {source}")]
    Content { sequence: Sequence, source: ParseError },
    #[error("checkpoint {size} was signed over another root than the chain's")]
    Contradiction { size: u64 },
    #[error(transparent)]
    Stream(#[from] crate::stream::Error),
    #[error(
        "the stream ends before record {found} after a batch that goes to {expected} (exclusive) was sent: it is written by someone else, or has lost records"
    )]
    Elsewhere { expected: Sequence, found: Sequence },
    #[error(transparent)]
    Resume(#[from] Refusal),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Release(#[from] ReleaseError),
    #[error("can't {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("object {key} does not hold the records of the write-ahead log's file")]
    OtherObject { key: String },
    #[error(
        "object {key} reaches past what this collector knows to be committed in the stream: another collector of the chain has put it"
    )]
    Further { key: String },
    #[error(
        "object {key} was confirmed and is gone\n  remedy  see who could delete it; `sealtrail reconcile --day DAY --repair --reason TEXT` puts it back from the stream"
    )]
    Gone { key: String },
    #[error("building an object panicked")]
    Panic,
}

impl Failure {
    /// Whether the same may succeed later. All else stops the leg, with an alarm: trying it again would hide it.
    fn is_passing(&self) -> bool {
        match self {
            Self::Wal(reader::Error::Io { .. }) | Self::Release(_) | Self::Io { .. } => true,
            // The stream tells soon which of the two this collector is: behind, or replaced.
            Self::Further { .. } => true,
            Self::Stream(error) => error.is_passing(),
            Self::Archive(error) => error.is_passing(),
            _ => false,
        }
    }

    /// Whether another collector has gone on with the chain.
    fn is_overtaken(&self) -> bool {
        matches!(self, Self::Resume(refusal) if refusal.is_overtaken())
    }

    /// Whether the stream must be compared and taken over again before anything else.
    fn needs_take_over(&self) -> bool {
        matches!(self, Self::Stream(error) if error.needs_take_over())
    }

    /// One word for own records.
    fn reason(&self) -> &'static str {
        match self {
            Self::Wal(reader::Error::Io { .. }) | Self::Release(_) | Self::Io { .. } => "io",
            Self::Wal(_) | Self::Short { .. } | Self::Break(_) | Self::Content { .. } => "log_damaged",
            Self::Contradiction { .. } => "checkpoint_contradicted",
            Self::Stream(error) => error.reason(),
            Self::Elsewhere { .. } => "stream_differs",
            Self::Resume(refusal) if refusal.is_overtaken() => "fenced",
            Self::Resume(_) => "stream_differs",
            Self::Archive(error) => error.reason(),
            Self::OtherObject { .. } => "object_differs",
            Self::Further { .. } => "object_ahead",
            Self::Gone { .. } => "object_gone",
            Self::Panic => "panic",
        }
    }
}

#[cfg(test)]
pub(crate) mod fakes;
#[cfg(test)]
mod tests;
