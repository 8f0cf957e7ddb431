//! The stream leg's task: tails the log, commits batches, and has checkpoints signed over what is committed.
//!
//! One round: read what is synced, build messages, commit them with the checkpoints that wait, then see whether a
//! checkpoint is due. A crash between any two steps repeats at most a step that can be repeated: where the stream ends is
//! asked at the start, and what was signed is synced before it is sent.

use std::sync::Arc;
use std::time::Duration;

use sealtrail_chain::{Hash, Sequence, UnixNanos};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::checkpoint::{Error as CheckpointError, Kept, Store};
use super::leg::{Oldest, Standing};
use super::resume::{Known, look, take_over};
use super::room::Room;
use super::signing::Signing;
use super::tail::{SignedState, Stop, Tail};
use super::{Attach, Cursor, Failure, Halt, Report, Wal};
use crate::host::{Aside, Clock};
use crate::observe::event;
use crate::stream::{Batch, Builder, End, Message, StreamLeg};
use crate::wal::{FileState, Leg, Progress};

/// How far the stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// First record that is not committed.
    pub next: Sequence,
    /// Size of the newest checkpoint object that is signed and synced.
    pub object: u64,
    /// The log is finished, and all of it is committed with its last checkpoint.
    pub finished: bool,
    /// Another collector has, or may have, taken the chain over: what this one commits is in doubt.
    pub fenced: bool,
    /// The last attempt to reach the stream failed, or there was none yet.
    pub down: bool,
}

pub(super) struct Setup<W, S> {
    pub(super) wal: Arc<W>,
    pub(super) leg: S,
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) attach: Attach,
    pub(super) doubt: Duration,
    pub(super) window: Duration,
    pub(super) checkpoints: Store,
    pub(super) interval: Duration,
    /// Checkpoint objects that the stream has.
    pub(super) objects: mpsc::UnboundedSender<Kept>,
    pub(super) aside: Aside,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) halt: Halt,
    pub(super) report: Report,
}

pub(super) struct Task<W: Wal, S> {
    wal: Arc<W>,
    leg: S,
    progress: watch::Receiver<Progress>,
    /// Whether the stream is ours, its end compared with the log.
    attached: bool,
    doubt: Duration,
    window: Duration,
    /// `None`: to be found again, after a start or a failed read.
    tail: Option<Tail<W>>,
    builder: Builder,
    room: Room,
    committed: watch::Sender<Committed>,
    /// What the stream holds; until it is ours, what it was last known to hold.
    end: Option<End>,
    /// When the first record was observed that is not committed.
    oldest: Oldest,
    signing: Signing,
    /// Signed, and not yet in the stream.
    waiting: Vec<Kept>,
    objects: mpsc::UnboundedSender<Kept>,
    standing: Standing,
}

enum Next {
    Round,
    Wait,
    Done,
}

impl<W: Wal, S: StreamLeg> Task<W, S> {
    pub(super) fn new(setup: Setup<W, S>) -> Result<Self, CheckpointError> {
        let waiting = setup.checkpoints.load()?;
        let state = SignedState {
            newest: waiting.last().map(|kept| (kept.size, kept.root)),
            object: waiting.iter().filter(|kept| kept.is_object()).map(|kept| kept.size).max().unwrap_or(0),
            owed: setup.checkpoints.owed(),
        };
        let (attached, end) = match setup.attach {
            Attach::Done(resume) => (true, resume.end),
            Attach::Later { confirmed } => (false, confirmed),
        };
        let next = end.map_or(Sequence::ZERO, |end| end.last.next());
        let committed = Committed { next, object: state.object, finished: false, fenced: false, down: !attached };
        Ok(Self {
            wal: setup.wal,
            leg: setup.leg,
            progress: setup.progress,
            attached,
            doubt: setup.doubt,
            window: setup.window,
            tail: None,
            builder: Builder::default(),
            room: Room::default(),
            committed: watch::Sender::new(committed),
            end,
            oldest: Oldest::default(),
            signing: Signing::new(
                setup.checkpoints,
                setup.interval,
                setup.aside,
                Arc::clone(&setup.clock),
                setup.halt,
                state,
            ),
            waiting,
            objects: setup.objects,
            standing: Standing::new(Leg::Stream, attached, setup.report, setup.clock.now().0),
        })
    }

    pub(super) fn committed(&self) -> watch::Receiver<Committed> {
        self.committed.subscribe()
    }

    pub(super) fn oldest(&self) -> Oldest {
        self.oldest.clone()
    }

    /// Runs until all of a finished log is committed, or the leg is stopped for good.
    pub(super) async fn run(mut self) {
        loop {
            match self.round().await {
                // A leg that blocks never yields: what waits for the runtime gets its turn here.
                Ok(Next::Round) => tokio::task::yield_now().await,
                Ok(Next::Wait) => self.wait().await,
                Ok(Next::Done) => {
                    self.committed.send_modify(|committed| committed.finished = true);
                    return;
                }
                Err(failure) if failure.is_passing() => {
                    self.tail = None;
                    drop(self.builder.take());
                    if failure.needs_take_over() {
                        self.detach(&failure);
                    }
                    self.failed(&failure).await;
                }
                Err(failure) => {
                    if failure.is_overtaken() {
                        self.fence(true);
                        event::Fenced { error: &failure }.emit();
                    }
                    self.standing.stopped(&failure);
                    return self.tell();
                }
            }
        }
    }

    async fn round(&mut self) -> Result<Next, Failure> {
        let progress = self.progress.borrow_and_update().clone();
        if progress.files.is_empty() {
            // A new chain, whose first group is not synced yet.
            return Ok(if progress.finished { Next::Done } else { Next::Wait });
        }
        self.take_signed().await;
        if !self.attached {
            self.attach(&progress).await?;
        }
        let stop = self.gather(&progress)?;
        let messages = self.builder.take();
        if !messages.is_empty() || !self.waiting.is_empty() {
            self.commit(messages).await?;
        }
        let Some(tail) = &mut self.tail else { return Ok(Next::Round) };
        // At the stop the last file may stay open; it ends here all the same.
        let ends = stop == Stop::SegmentEnd || stop == Stop::CaughtUp && progress.finished;
        self.signing.see(tail, ends);
        let (next, at_end) = (self.next(), self.next() == end_of(&progress));
        Ok(match stop {
            Stop::Full => Next::Round,
            _ if !self.waiting.is_empty() => Next::Round,
            Stop::SegmentEnd if !at_end => {
                let goes_on = progress.files.iter().any(|file| file.first == next);
                if goes_on { Next::Round } else { return Err(Failure::Short { next }) }
            }
            _ if progress.finished && self.signing.is_idle() => Next::Done,
            _ => Next::Wait,
        })
    }

    /// The stream is not ours any more, or may not be: nothing is written before it is compared and taken over again.
    fn detach(&mut self, failure: &Failure) {
        self.attached = false;
        if matches!(failure, Failure::Stream(error) if error.is_fenced()) {
            // Until it is known whether that was another collector, nothing more is sealed.
            self.fence(true);
        }
    }

    fn fence(&self, fenced: bool) {
        self.wal.fence(fenced);
        self.committed.send_if_modified(|committed| std::mem::replace(&mut committed.fenced, fenced) != fenced);
    }

    /// Makes the stream ours, if nobody else has gone on with the chain. After a fence, one who has just begun to is given
    /// time to show it: whoever is shut out for good must be the older of the two.
    async fn attach(&mut self, progress: &Progress) -> Result<(), Failure> {
        let known = Known {
            confirmed: self.end,
            signed: self.signing.newest(),
            oldest: progress.files.first().map_or(Sequence::ZERO, |file| file.first),
            next: end_of(progress),
        };
        let (wal, files) = (self.wal.clone(), &progress.files);
        let hash_at = |sequence| hash_at(&*wal, files, sequence);
        let mut tail = self.leg.end().await?;
        if self.committed.borrow().fenced {
            look(tail, &known, hash_at)?;
            sleep(self.doubt).await;
            tail = self.leg.end().await?;
        }
        let resume = take_over(&mut self.leg, tail, &known, hash_at).await?;
        self.attached = true;
        // A batch whose commit was not answered may stand.
        if let Some(end) = resume.end.filter(|end| self.end.is_none_or(|known| known.last < end.last)) {
            self.advance(self.next(), end);
        }
        self.succeeded();
        self.fence(false);
        Ok(())
    }

    /// Reads what is synced into the builder.
    fn gather(&mut self, progress: &Progress) -> Result<Stop, Failure> {
        let next = self.next();
        let tail = match &mut self.tail {
            Some(tail) => tail,
            none => {
                let tail = none.insert(Tail::seek(self.wal.clone(), &progress.files, self.signing.state, next)?);
                if let Some(due) = tail.missed() {
                    self.signing.add(due);
                }
                tail
            }
        };
        if tail.is_at_end(&progress.files) {
            // The file may have been closed, and followed by another, since the last round: its segment ends here all the same.
            self.signing.see(tail, true);
        }
        tail.enter_next(&progress.files)?;
        let (builder, oldest, room) = (&mut self.builder, &self.oldest, self.room.bytes());
        tail.read(&progress.files, |chain, stored| {
            if oldest.get().is_none() {
                oldest.set(Some(stored.link.observed));
            }
            let pushed = builder.push(chain, &stored.link, stored.content);
            pushed.map_err(|source| Failure::Content { sequence: stored.link.sequence, source })?;
            Ok(builder.bytes() < room)
        })
    }

    /// Sends the messages, with the checkpoints that wait, until the stream has them: by halves, while they don't pass in time.
    async fn commit(&mut self, messages: Vec<Message>) -> Result<(), Failure> {
        // The next stand at the end.
        let mut left = vec![messages];
        while let Some(messages) = left.pop() {
            let mut batch = Batch { messages, checkpoints: self.waiting.iter().map(Kept::for_stream).collect() };
            loop {
                let Err(error) = self.leg.commit(&batch).await else {
                    self.room.grow(&batch);
                    self.confirmed(&batch);
                    self.streamed();
                    self.builder.give_back(batch.messages);
                    break;
                };
                let divided = error.is_overdue() && self.room.shrink(&batch);
                self.again_after(error.into()).await?;
                if batch.end().is_some() && self.stands(&batch).await? {
                    // Whether its checkpoints stand too isn't known; they are sent again.
                    self.confirmed(&batch);
                    break;
                }
                if divided {
                    left.push(batch.messages.split_off(batch.messages.len() / 2));
                }
            }
        }
        Ok(())
    }

    /// Asks the stream whether the batch took effect although its commit failed.
    async fn stands(&mut self, batch: &Batch) -> Result<bool, Failure> {
        let end = loop {
            match self.leg.end().await {
                Ok(tail) => break tail.end(),
                Err(error) => self.again_after(error.into()).await?,
            }
        };
        let next = |end: Option<End>| end.map_or(Sequence::ZERO, |end| end.last.next());
        if end == batch.end() {
            Ok(true)
        } else if end == self.end {
            Ok(false)
        } else {
            Err(Failure::Elsewhere { expected: next(batch.end()), found: next(end) })
        }
    }

    async fn again_after(&mut self, failure: Failure) -> Result<(), Failure> {
        if !failure.is_passing() || failure.needs_take_over() {
            return Err(failure);
        }
        self.failed(&failure).await;
        Ok(())
    }

    /// Waits until the next attempt is due, and says meanwhile that the stream is down.
    async fn failed(&mut self, failure: &Failure) {
        let wait = self.standing.failed(failure);
        self.tell();
        self.look_for_oldest();
        sleep(wait).await;
        self.standing.tries();
    }

    /// A stream that has not answered since the start has been given nothing yet. Only a gauge hangs on it.
    fn look_for_oldest(&mut self) {
        if self.oldest.get().is_none() {
            let files = self.progress.borrow().files.clone();
            self.oldest.set(observed_at(&*self.wal, &files, self.next()).ok().flatten());
        }
    }

    fn succeeded(&mut self) {
        self.standing.succeeded();
        self.tell();
    }

    /// Lets those know who wait for commits whether there is any use in it.
    fn tell(&self) {
        let down = self.standing.is_down();
        self.committed.send_if_modified(|committed| std::mem::replace(&mut committed.down, down) != down);
    }

    fn confirmed(&mut self, batch: &Batch) {
        self.succeeded();
        let (Some(first), Some(end)) = (batch.messages.first(), batch.end()) else { return };
        self.advance(first.first, end);
    }

    fn advance(&mut self, first: Sequence, end: End) {
        self.end = Some(end);
        self.oldest.set(None);
        self.wal.confirm(Leg::Stream, end);
        self.committed.send_modify(|committed| committed.next = end.last.next());
        event::Delivered { leg: Leg::Stream.name(), first, last: end.last }.emit();
    }

    /// The checkpoints that waited are in the stream; only now may they go elsewhere.
    fn streamed(&mut self) {
        if let Some(newest) = self.waiting.last() {
            self.signing.tidy(newest);
        }
        for kept in self.waiting.drain(..) {
            if kept.is_object() {
                // Without an archive task nobody takes it: it stays kept, and goes out after the next start.
                let _ = self.objects.send(kept);
            }
        }
    }

    async fn take_signed(&mut self) {
        if let Some(kept) = self.signing.take().await {
            if kept.is_object() {
                self.committed.send_modify(|committed| committed.object = kept.size);
            }
            self.waiting.push(kept);
        }
    }

    fn next(&self) -> Sequence {
        self.committed.borrow().next
    }

    /// Waits for records, and then for more of them, or for a checkpoint.
    async fn wait(&mut self) {
        let next = self.next();
        let grown = async {
            if self.progress.changed().await.is_err() {
                // The log is gone, and what it said last holds.
                std::future::pending().await
            }
        };
        tokio::select! {
            () = grown => {}
            () = self.signing.turn(next) => return,
        }
        if !self.progress.borrow().finished {
            sleep(self.window).await;
        }
    }
}

/// Hash of a record that the log holds, or of the one before the first of a file.
pub(super) fn hash_at<W: Wal>(wal: &W, files: &[FileState], sequence: Sequence) -> Result<Option<Hash>, Failure> {
    let next = sequence.next();
    let holds = |file: &&FileState| (file.first.get()..=file.first.get() + file.records).contains(&next.get());
    let Some(file) = files.iter().find(holds) else { return Ok(None) };
    let mut cursor = wal.open(file.first)?;
    if cursor.head().next() == next {
        return Ok(Some(cursor.head().hash()));
    }
    while let Some(stored) = cursor.next(file.synced)? {
        if stored.link.sequence == sequence {
            return Ok(Some(stored.link.hash));
        }
    }
    Ok(None)
}

/// When a record was observed, if the log holds it.
fn observed_at<W: Wal>(wal: &W, files: &[FileState], sequence: Sequence) -> Result<Option<UnixNanos>, Failure> {
    let holds = |file: &&FileState| (file.first.get()..file.first.get() + file.records).contains(&sequence.get());
    let Some(file) = files.iter().find(holds) else { return Ok(None) };
    let mut cursor = wal.open(file.first)?;
    while let Some(stored) = cursor.next(file.synced)? {
        if stored.link.sequence == sequence {
            return Ok(Some(stored.link.observed));
        }
    }
    Ok(None)
}

fn end_of(progress: &Progress) -> Sequence {
    Sequence::new(progress.files.last().map_or(0, |file| file.first.get() + file.records))
}
