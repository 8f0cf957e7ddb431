//! The machine's clocks.

use std::time::{Duration, Instant, SystemTime};

use sealtrail_chain::UnixNanos;

use super::Clock;

/// `CLOCK_REALTIME` and `CLOCK_MONOTONIC`.
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    /// A clock before 1970 reads as 0, one past 2554 as the last nanosecond that fits.
    #[allow(clippy::disallowed_methods, reason = "the one place where the time of day is read")]
    fn now(&self) -> UnixNanos {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UnixNanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}
