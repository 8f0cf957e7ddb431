//! Tells a clock that was set from time that passed.

use std::time::Duration;

use sealtrail_chain::UnixNanos;

use crate::host::Clock;

/// A clock may be off by so much between two looks without a word.
const SLACK: i128 = 1_000_000_000;
/// A clock that leaps further ahead than this is not believed: a chain can't go back, so one wrong leap would stay for good.
const LEAP: i128 = 600 * 1_000_000_000;

/// The clock was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Forward(Duration),
    Back(Duration),
}

/// Compares the time of day with the clock that only runs.
pub(super) struct Watch {
    wall: UnixNanos,
    monotonic: Duration,
    ahead: bool,
}

impl Watch {
    pub fn new(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), monotonic: clock.monotonic(), ahead: false }
    }

    /// The clock has leapt ahead and has not come back.
    pub fn is_ahead(&self) -> bool {
        self.ahead
    }

    /// The time to seal at, and the step since the last look. After a leap ahead, and until the clock comes back, the time
    /// is what it would be without the leap.
    pub fn look(&mut self, clock: &dyn Clock) -> (UnixNanos, Option<Step>) {
        let (wall, monotonic) = (clock.now(), clock.monotonic());
        let passed = monotonic.saturating_sub(self.monotonic).as_nanos() as u64;
        let expected = UnixNanos(self.wall.0.saturating_add(passed));
        let off = i128::from(wall.0) - i128::from(expected.0);
        if off > LEAP {
            self.ahead = true;
            return (expected, None);
        }
        (self.wall, self.monotonic, self.ahead) = (wall, monotonic, false);
        let by = Duration::from_nanos(wall.0.abs_diff(expected.0));
        let step = (off.abs() > SLACK).then_some(if off > 0 { Step::Forward(by) } else { Step::Back(by) });
        (wall, step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::sim::SimClock;

    #[test]
    fn a_set_clock_is_told_from_time_that_passed() {
        const SECOND: u64 = 1_000_000_000;
        let clock = SimClock::new(UnixNanos(1000 * SECOND));
        let mut watch = Watch::new(&clock);
        clock.advance(Duration::from_secs(3600));
        assert_eq!(watch.look(&clock), (UnixNanos(4600 * SECOND), None), "an hour of quiet is no step");
        clock.step_to(UnixNanos(4602 * SECOND));
        assert_eq!(watch.look(&clock).1, Some(Step::Forward(Duration::from_secs(2))));
        clock.step_to(UnixNanos(1000 * SECOND));
        assert_eq!(watch.look(&clock).1, Some(Step::Back(Duration::from_secs(3602))));

        clock.step_to(UnixNanos(1601 * SECOND));
        clock.advance(Duration::from_secs(5));
        assert_eq!(watch.look(&clock), (UnixNanos(1005 * SECOND), None), "a leap is not believed");
        assert!(watch.is_ahead());
        clock.step_to(UnixNanos(1005 * SECOND));
        assert_eq!(watch.look(&clock), (UnixNanos(1005 * SECOND), None));
        assert!(!watch.is_ahead(), "and forgotten when the clock comes back");
    }
}
