//! Tells a clock that was set from time that passed.

use std::time::Duration;

use sealtrail_chain::UnixNanos;

use crate::host::Clock;

/// A clock may be off by so much between two looks without a word.
const SLACK: i128 = 1_000_000_000;
/// A clock that leaps further ahead than this, of all that was believed before, is not believed: a chain can't go back, so one
/// wrong leap would stay for good. (A clock that was set back and comes back leads nowhere new.)
const LEAP: i128 = 600 * 1_000_000_000;

/// The clock was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Forward(Duration),
    Back(Duration),
}

/// Compares the time of day with the clock that only runs.
pub(super) struct Watch {
    /// What the time of day was, by the last look, when the clock that only runs stood at zero.
    line: i128,
    /// The furthest ahead that it was believed.
    furthest: i128,
    ahead: bool,
}

impl Watch {
    pub(super) fn new(clock: &dyn Clock) -> Self {
        let line = line(clock.now(), clock.monotonic());
        Self { line, furthest: line, ahead: false }
    }

    /// The clock has leapt ahead and has not come back.
    pub(super) fn is_ahead(&self) -> bool {
        self.ahead
    }

    /// The time to seal at, and the step since the last look. After a leap ahead, and until the clock comes back, the time
    /// is what it would be without the leap.
    pub(super) fn look(&mut self, clock: &dyn Clock) -> (UnixNanos, Option<Step>) {
        let (wall, monotonic) = (clock.now(), clock.monotonic());
        let line = line(wall, monotonic);
        let off = line - self.line;
        if off > LEAP && line - self.furthest > LEAP {
            self.ahead = true;
            return (time(self.line, monotonic), None);
        }
        (self.line, self.furthest, self.ahead) = (line, self.furthest.max(line), false);
        let by = Duration::from_nanos(u64::try_from(off.unsigned_abs()).unwrap_or(u64::MAX));
        let step = (off.abs() > SLACK).then_some(if off > 0 { Step::Forward(by) } else { Step::Back(by) });
        (wall, step)
    }
}

fn line(wall: UnixNanos, monotonic: Duration) -> i128 {
    i128::from(wall.0) - nanos(monotonic)
}

fn time(line: i128, monotonic: Duration) -> UnixNanos {
    UnixNanos(u64::try_from((line + nanos(monotonic)).max(0)).unwrap_or(u64::MAX))
}

/// 2^127 nanoseconds are longer than any clock runs.
fn nanos(monotonic: Duration) -> i128 {
    i128::try_from(monotonic.as_nanos()).unwrap_or(i128::MAX / 2)
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

        // Where the clock stood before, and the time that passed since.
        clock.step_to(UnixNanos(4602 * SECOND));
        clock.advance(Duration::from_secs(5));
        assert_eq!(
            watch.look(&clock).1,
            Some(Step::Forward(Duration::from_secs(3602))),
            "the way back is no leap ahead"
        );

        clock.step_to(UnixNanos(5208 * SECOND));
        clock.advance(Duration::from_secs(5));
        assert_eq!(watch.look(&clock), (UnixNanos(4612 * SECOND), None), "a leap is not believed");
        assert!(watch.is_ahead());
        clock.step_to(UnixNanos(4612 * SECOND));
        assert_eq!(watch.look(&clock), (UnixNanos(4612 * SECOND), None));
        assert!(!watch.is_ahead(), "and forgotten when the clock comes back");

        // A leap from further back counts from the furthest that was believed.
        clock.step_to(UnixNanos(1000 * SECOND));
        assert_eq!(watch.look(&clock).1, Some(Step::Back(Duration::from_secs(3612))));
        clock.step_to(UnixNanos(5300 * SECOND));
        assert_eq!(watch.look(&clock), (UnixNanos(1000 * SECOND), None));
        assert!(watch.is_ahead());
    }
}
