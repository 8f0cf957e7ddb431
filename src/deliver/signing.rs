//! Checkpoints over what the stream has committed: when one is due, and its signing, off the stream's thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sealtrail_chain::Sequence;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::checkpoint::{Due, Kept, Store};
use super::tail::{SignedState, Tail};
use super::{Halt, Wal};
use crate::host::{Aside, Clock};
use crate::observe::Metrics;

/// Has checkpoints signed, one after the other, off this thread.
pub(super) struct Signing {
    store: Store,
    interval: Duration,
    aside: Aside,
    clock: Arc<dyn Clock>,
    halt: Halt,
    /// What is signed, or certain to be.
    pub(super) state: SignedState,
    queue: VecDeque<Due>,
    running: Option<JoinHandle<Kept>>,
    signed: Option<Kept>,
    last: Instant,
}

impl Signing {
    pub(super) fn new(
        store: Store,
        interval: Duration,
        aside: Aside,
        clock: Arc<dyn Clock>,
        halt: Halt,
        state: SignedState,
    ) -> Self {
        Self {
            store,
            interval,
            aside,
            clock,
            halt,
            state,
            queue: VecDeque::new(),
            running: None,
            signed: None,
            last: Instant::now(),
        }
    }

    /// Sees what is committed, and what of it is due to be signed; `ends`: a segment ends there, or the log does.
    pub(super) fn see<W: Wal>(&mut self, tail: &mut Tail<W>, ends: bool) {
        let size = tail.size();
        if self.halt.is_set() {
            return self.run();
        }
        if ends && size > self.state.object {
            let since = tail.cut();
            self.add(Due::object(&tail.head(), since));
        } else if size > self.newest() && self.last.elapsed() >= self.interval && self.is_idle() {
            self.add(Due::interim(&tail.head()));
        }
        self.run();
    }

    /// Has it signed, behind what waits.
    pub(super) fn add(&mut self, due: Due) {
        self.state.newest = self.state.newest.filter(|(size, _)| *size > due.size).or(Some((due.size, due.root)));
        if due.ranges.is_some() {
            self.state.object = due.size;
        }
        self.last = Instant::now();
        self.queue.push_back(due);
    }

    fn run(&mut self) {
        if self.halt.is_set() {
            self.queue.clear();
        }
        if self.running.is_none()
            && self.signed.is_none()
            && let Some(due) = self.queue.pop_front()
        {
            self.running = Some(tokio::spawn(sign(self.store.clone(), due, self.aside, self.clock.clone())));
        }
    }

    /// The checkpoint that is signed by now, if there is one.
    pub(super) async fn take(&mut self) -> Option<Kept> {
        if self.signed.is_none() && self.running.as_ref().is_some_and(JoinHandle::is_finished) {
            self.finish().await;
        }
        let kept = self.signed.take()?;
        self.run();
        Metrics::get().checkpoint_size.set(i64::try_from(kept.size).unwrap_or(i64::MAX));
        Some(kept)
    }

    /// Waits for the one that is being signed. May be given up and called again.
    async fn finish(&mut self) {
        if let Some(running) = &mut self.running {
            self.signed = Some(running.await.expect("`sign` catches panics, and nobody aborts it"));
            self.running = None;
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.signed.is_none() && self.queue.is_empty()
    }

    pub(super) fn newest(&self) -> u64 {
        self.state.newest.map_or(0, |(size, _)| size)
    }

    /// Waits until there is something to do: a checkpoint is signed, or one of the records before `next` is due.
    pub(super) async fn turn(&mut self, next: Sequence) {
        if self.running.is_some() {
            self.finish().await;
        } else if next.get() > self.newest() && !self.halt.is_set() {
            sleep_until(self.last + self.interval).await;
        } else {
            std::future::pending().await
        }
    }

    pub(super) fn tidy(&self, newest: &Kept) {
        if let Err(error) = self.store.streamed(newest) {
            tracing::warn!(%error, "a checkpoint that is delivered could not be removed");
        }
    }
}

/// Signs and keeps, until it is done: what is committed must come under a checkpoint.
async fn sign(store: Store, due: Due, aside: Aside, clock: Arc<dyn Clock>) -> Kept {
    let due = Arc::new(due);
    loop {
        let (again, unix_seconds) = ((store.clone(), due.clone()), clock.now().0 / 1_000_000_000);
        match aside.run(move || again.0.sign(&again.1, unix_seconds)).await {
            Ok(Ok(kept)) => return kept,
            Ok(Err(error)) => tracing::warn!(%error, size = due.size, "a checkpoint could not be kept; trying again"),
            Err(_) => tracing::error!(size = due.size, "signing a checkpoint panicked; trying again"),
        }
        sleep(Duration::from_secs(1)).await;
    }
}
