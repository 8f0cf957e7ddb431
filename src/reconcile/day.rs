//! A UTC day, and the time when it is asked about.

use std::fmt;
use std::str::FromStr;

use sealtrail_chain::{UnixNanos, segment};

/// A UTC day: the records observed in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(u64);

const NANOS: u64 = 86_400_000_000_000;

impl Day {
    /// The day in which a time lies.
    pub fn of(time: UnixNanos) -> Self {
        Self(time.0 / NANOS)
    }

    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    pub fn begin(self) -> UnixNanos {
        UnixNanos(self.0.saturating_mul(NANOS))
    }

    /// The first moment behind it.
    pub fn end(self) -> UnixNanos {
        UnixNanos(self.0.saturating_add(1).saturating_mul(NANOS))
    }
}

/// What is written is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a UTC day is written YYYY-MM-DD, such as 2026-11-25")]
pub struct NotADay;

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        let midnight: jiff::Timestamp = format!("{text}T00:00:00Z").parse().map_err(|_| NotADay)?;
        let nanos = u64::try_from(midnight.as_nanosecond()).map_err(|_| NotADay)?;
        let day = Self::of(UnixNanos(nanos));
        // One writing a day.
        if day.to_string() == text { Ok(day) } else { Err(NotADay) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&segment::day(self.begin()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_writing() {
        let day: Day = "2026-11-25".parse().expect("a day");
        assert_eq!((day.to_string().as_str(), day.begin().0), ("2026-11-25", 1_795_564_800_000_000_000));
        assert_eq!(Day::of(UnixNanos(day.end().0 - 1)), day);
        assert_eq!(Day::of(day.end()).before(), day);
        for wrong in ["", "2026-11-31", "26-11-25", "2026-11-5", "2026-11-25 ", "20261125", "1969-12-31", "today"] {
            assert_eq!(wrong.parse::<Day>(), Err(NotADay), "{wrong}");
        }
    }
}
