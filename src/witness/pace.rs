//! When the next question is asked of somebody outside: at each interval, sooner where a failure may pass, and once more after
//! the stop was asked for.
//!
//! Invariant: behind a round that began after the stop was asked for, nobody waits. So what the stop has brought into the
//! archive is asked about, and an answer that doesn't come is not asked for again.

use std::time::Duration;

use tokio::sync::watch;

use crate::host::Backoff;

pub(super) struct Pace {
    interval: Duration,
    backoff: Backoff,
    stopping: watch::Receiver<bool>,
    /// The round at hand is the last.
    last: bool,
}

impl Pace {
    /// `seed`: another one for everybody who asks, so that they don't come back at one moment.
    pub(super) fn new(interval: Duration, seed: u64, stopping: watch::Receiver<bool>) -> Self {
        Self { interval, backoff: Backoff::new(seed), stopping, last: false }
    }

    /// A round begins.
    pub(super) fn begin(&mut self) {
        self.last = *self.stopping.borrow_and_update();
    }

    /// How long to wait behind a round that has done what there was to do.
    pub(super) fn succeeded(&mut self) -> Duration {
        self.backoff.succeeded();
        self.interval
    }

    /// How long to wait behind one that failed; `passing`: the same may succeed in a moment, else it waits for its turn.
    pub(super) fn failed(&mut self, passing: bool) -> Duration {
        if passing { self.backoff.failed().min(self.interval) } else { self.interval }
    }

    /// Waits for the next round, or for the stop; false behind the last one.
    pub(super) async fn wait(&mut self, time: Duration) -> bool {
        if self.last {
            return false;
        }
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            stop = self.stopping.changed() => stop.is_ok(),
        }
    }
}
