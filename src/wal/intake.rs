//! The way into the log for the receivers, and the word on whether it is open.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::commit::Message;
use super::{Batch, Durable, Refused};
use crate::observe::Metrics;

/// Where receivers hand records to, and with it, when a sender is told that they are kept. There is one for each value of
/// `acknowledge`; which it is is decided once, at the start, and is part of the receivers' type from there on.
pub trait Keep: Clone + Send + Sync + 'static {
    /// What a success is answered with.
    type Proof: Proof;
    /// Whether records would be taken now, and if not, why (readiness, and early refusal before a body is read).
    fn state(&self) -> Result<(), Refused>;
    /// Takes records, as [`Intake::submit`] does, and comes back when they are kept. `held` is dropped when the records have
    /// left memory and nobody waits for this any more.
    fn keep(
        &self,
        records: Batch,
        rules: [u8; 32],
        held: impl Send + Sync + 'static,
    ) -> impl Future<Output = Result<Self::Proof, Refused>> + Send;
    /// How long an answer may be waited for that this machine alone can't give.
    fn patience(&self) -> Duration;
}

/// What a success may be answered with: proof that records are kept. Made by a sync (`Durable`) and by a commit of the stream
/// (`deliver::Streamed`), and by nothing else: a test counts.
pub trait Proof: Send + 'static {}

/// The way into the log, for the receivers: one bounded channel, a batch in, `Result<Durable, Refused>` back.
#[derive(Clone)]
pub struct Intake {
    inbox: Sender<Message>,
    room: Arc<Semaphore>,
    gate: Arc<Gate>,
}

/// Records that wait for their group, and where the answer goes.
pub(super) struct Submission {
    pub records: Batch,
    /// Digest of the rules that the records were masked under: they lie in a file whose header says the same.
    pub rules: [u8; 32],
    /// Dropped without an answer, it says `Stopping`.
    pub reply: oneshot::Sender<Result<Durable, Refused>>,
    /// Held for as long as the records are in memory, whether or not the sender still waits.
    pub _room: OwnedSemaphorePermit,
    /// What the caller wants held for as long.
    pub _held: Box<dyn Send>,
}

/// What may wait at most, in KiB of content; a submission takes one at least, so their number is bounded too. When it is
/// full, submitting waits: the receivers' memory limiter bounds what can wait there.
const ROOM_KIB: u32 = 64 << 10;

impl Intake {
    pub(super) fn new(inbox: Sender<Message>, gate: Arc<Gate>) -> Self {
        Self { inbox, room: Arc::new(Semaphore::new(ROOM_KIB as usize)), gate }
    }

    /// Seals the records next to each other, syncs them together with whatever else waits, and answers. Never called with
    /// none. `rules`: digest of the rules that they were masked under. `held` is dropped when the records have left memory,
    /// which may be long after the caller has given up waiting.
    pub async fn submit(&self, records: Batch, rules: [u8; 32], held: impl Send + 'static) -> Result<Durable, Refused> {
        self.state()?;
        let permits = u32::try_from(records.bytes() / 1024 + 1).unwrap_or(ROOM_KIB).min(ROOM_KIB);
        let room = Arc::clone(&self.room).acquire_many_owned(permits).await.map_err(|_| Refused::Stopping)?;
        let (reply, answer) = oneshot::channel();
        let submission = Submission { records, rules, reply, _room: room, _held: Box::new(held) };
        self.inbox.send(Message::Submit(submission)).map_err(|_| Refused::Stopping)?;
        answer.await.unwrap_or(Err(Refused::Stopping))
    }

    /// Whether records would be taken now, and if not, why (readiness, and early refusal before a body is read).
    pub fn state(&self) -> Result<(), Refused> {
        self.gate.state()
    }
}

/// `acknowledge: wal`.
impl Keep for Intake {
    type Proof = Durable;

    fn state(&self) -> Result<(), Refused> {
        self.state()
    }

    async fn keep(
        &self,
        records: Batch,
        rules: [u8; 32],
        held: impl Send + Sync + 'static,
    ) -> Result<Durable, Refused> {
        self.submit(records, rules, held).await
    }

    fn patience(&self) -> Duration {
        Duration::ZERO
    }
}

/// What the log's thread last said of itself.
#[derive(Default)]
pub(super) struct Gate(AtomicU8);

/// In the order of their codes, behind 0 for open.
const REASONS: [Refused; 5] = [Refused::Full, Refused::Disk, Refused::Clock, Refused::Stopping, Refused::Fenced];

impl Gate {
    pub(super) fn state(&self) -> Result<(), Refused> {
        match self.0.load(Ordering::Acquire) {
            0 => Ok(()),
            code => Err(REASONS.get(usize::from(code) - 1).copied().unwrap_or(Refused::Stopping)),
        }
    }

    pub(super) fn set(&self, state: Result<(), Refused>) {
        let code = state.err().and_then(|reason| REASONS.iter().position(|known| *known == reason));
        self.0.store(code.map_or(0, |index| index as u8 + 1), Ordering::Release);
        Metrics::get().wal_writable.set(i64::from(state.is_ok()));
    }
}
