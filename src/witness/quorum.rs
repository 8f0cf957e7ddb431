//! How far behind the stored checkpoints a quorum of witnesses is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Parts, Report};
use crate::host::Clock;
use crate::observe::Metrics;
use crate::observe::event::WitnessesOverdue;
use crate::seal::own::{Event, Kind};

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);

/// What each witness has cosigned.
#[derive(Clone)]
pub(super) struct Quorum {
    /// Of each witness: when the oldest stored checkpoint was signed that it has not cosigned, in Unix seconds.
    waiting: Arc<Mutex<Vec<Option<u64>>>>,
    overdue: Arc<AtomicBool>,
    needed: usize,
    max_lag: Duration,
    clock: Arc<dyn Clock>,
    report: Report,
}

/// One witness's place in it.
pub(super) struct Standing {
    waiting: Arc<Mutex<Vec<Option<u64>>>>,
    at: usize,
}

impl Standing {
    /// `oldest`: when the oldest stored checkpoint was signed that it has not cosigned.
    pub(super) fn set(&self, oldest: Option<u64>) {
        // Each change is one value: a thread that panicked can't have left it half changed.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = waiting.get_mut(self.at) {
            *mine = oldest;
        }
    }
}

impl Quorum {
    pub(super) fn new<A>(parts: &Parts<A>) -> Self {
        Self {
            waiting: Arc::new(Mutex::new(vec![None; parts.witnesses.len()])),
            overdue: Arc::default(),
            needed: parts.quorum,
            max_lag: parts.max_lag,
            clock: Arc::clone(&parts.clock),
            report: Arc::clone(&parts.report),
        }
    }

    pub(super) fn standing(&self, at: usize) -> Standing {
        Standing { waiting: Arc::clone(&self.waiting), at }
    }

    pub(super) fn overdue(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.overdue)
    }

    /// Looks until it is given up.
    pub(super) async fn watch(self) {
        loop {
            self.look();
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) fn look(&self) {
        let lag = self.lag();
        Metrics::get().witness_lag_seconds.set(lag.as_secs_f64());
        let late = lag > self.max_lag;
        // Sealed and counted once for each time that it is missing.
        if late && !self.overdue.swap(late, Ordering::Relaxed) {
            WitnessesOverdue { needed: self.needed, lag }.emit();
            let mut event = Event::new(Kind::Unwitnessed);
            event.outcome = Some("failure".to_owned());
            event.resource = Some(format!("quorum of {}", self.needed));
            event.reason = Some(format!("missing for {} s", lag.as_secs()));
            (self.report)(event);
        } else {
            self.overdue.store(late, Ordering::Relaxed);
        }
    }

    /// How long ago the oldest checkpoint was signed that has no quorum; zero: there is none.
    fn lag(&self) -> Duration {
        let now = self.clock.now().0 / 1_000_000_000;
        let mut lags: Vec<u64> = {
            let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.iter().map(|oldest| oldest.map_or(0, |oldest| now.saturating_sub(oldest))).collect()
        };
        lags.sort_unstable();
        let lag = self.needed.checked_sub(1).and_then(|at| lags.get(at)).copied();
        Duration::from_secs(lag.unwrap_or(0))
    }
}
