//! Object Lock: until when an object can't be deleted, and whether the lock that a server shows is the one that was asked for.

use std::fmt;

use sealtrail_chain::UnixNanos;
use serde::{Deserialize, Serialize};

const DAY: u64 = 86_400;

/// How far the server's clock may differ from ours: what signed requests are allowed.
const SKEW: u64 = 15 * 60;

/// What Object Lock keeps from being deleted, and from whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// Nobody can delete the object or shorten its term, the account's root user included.
    #[default]
    Compliance,
    /// Whoever has `s3:BypassGovernanceRetention` can.
    Governance,
    /// No lock: for a bucket that proves nothing. Said at every start, and sealed.
    None,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compliance => "COMPLIANCE",
            Self::Governance => "GOVERNANCE",
            Self::None => "NONE",
        })
    }
}

/// `archive.s3.object_lock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectLock {
    pub mode: Mode,
    /// The full term, counted from the upload.
    pub retention_days: u32,
    /// A shorter first term, to be extended later; 0: the full term at once.
    pub first_days: u32,
}

impl Default for ObjectLock {
    /// Seven years, two leap days included.
    fn default() -> Self {
        Self { mode: Mode::Compliance, retention_days: 2557, first_days: 0 }
    }
}

/// A lock as it goes out with a PUT, and as a server shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) mode: Mode,
    /// Unix seconds. Whole ones: a server may keep fractions in one call and drop them in another.
    pub(super) until: u64,
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = self.mode;
        let time = i64::try_from(self.until).ok().and_then(|until| jiff::Timestamp::from_second(until).ok());
        match time {
            Some(time) => write!(f, "{mode} until {time}"),
            None => write!(f, "{mode} until second {}", self.until),
        }
    }
}

impl Lock {
    /// Whether an object with the lock `found` can't be deleted before this one would let it be.
    pub(super) fn is_kept_by(self, found: Option<Self>) -> bool {
        let as_strong = |mode| mode == Mode::Compliance || (mode == self.mode && mode != Mode::None);
        found.is_some_and(|found| as_strong(found.mode) && found.until + SKEW >= self.until)
    }
}

impl ObjectLock {
    /// Days of the lock that an upload gets.
    fn days(&self) -> u64 {
        u64::from(if self.first_days > 0 { self.first_days } else { self.retention_days })
    }

    /// The lock of an object that is uploaded now; none where none is asked for.
    pub(super) fn at(&self, now: UnixNanos) -> Option<Lock> {
        let mode = self.mode;
        // A fraction of a second counts as one: never shorter than was asked for.
        let now = now.0.div_ceil(1_000_000_000);
        (mode != Mode::None).then(|| Lock { mode, until: now + self.days() * DAY })
    }

    /// The lock for the full term of an object that was stored at `stored` (Unix seconds by the server's clock).
    pub(super) fn full(&self, stored: u64) -> Option<Lock> {
        let until = stored + u64::from(self.retention_days) * DAY;
        (self.mode != Mode::None).then_some(Lock { mode: self.mode, until })
    }

    /// Whether an object that was stored at `stored` (Unix seconds by the server's clock) is locked as an upload of that time
    /// asks for, or longer.
    pub(super) fn covers(&self, found: Option<Lock>, stored: u64) -> bool {
        match (self.mode, found) {
            (Mode::None, _) => true,
            (_, None | Some(Lock { mode: Mode::None, .. })) => false,
            (Mode::Compliance, Some(Lock { mode: Mode::Governance, .. })) => false,
            (_, Some(lock)) => lock.until + SKEW >= stored + self.days() * DAY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_800_000_000;

    fn lock(mode: Mode, retention_days: u32, first_days: u32) -> ObjectLock {
        ObjectLock { mode, retention_days, first_days }
    }

    #[test]
    fn a_term_is_whole_seconds_and_never_shorter_than_asked() {
        let now = UnixNanos(NOON * 1_000_000_000 + 1);
        let until = |days, first| lock(Mode::Compliance, days, first).at(now).map(|lock| lock.until - NOON);
        assert_eq!(until(2557, 0), Some(1 + 2557 * DAY));
        assert_eq!(until(2557, 30), Some(1 + 30 * DAY));
        assert_eq!(lock(Mode::Governance, 1, 0).at(UnixNanos(0)), Some(Lock { mode: Mode::Governance, until: DAY }));
        assert_eq!(lock(Mode::None, 2557, 0).at(now), None);
        // The largest values that a configuration can hold overflow nothing.
        assert!(lock(Mode::Compliance, u32::MAX, 0).at(UnixNanos(u64::MAX)).is_some());
    }

    #[test]
    fn a_lock_that_is_weaker_than_asked_is_told() {
        let found = |mode, days: u64| Some(Lock { mode, until: NOON + days * DAY });
        for (case, asked, found, expected) in [
            ("as asked", Mode::Compliance, found(Mode::Compliance, 10), true),
            ("longer", Mode::Compliance, found(Mode::Compliance, 11), true),
            ("shorter", Mode::Compliance, found(Mode::Compliance, 9), false),
            ("weaker", Mode::Compliance, found(Mode::Governance, 11), false),
            ("stronger", Mode::Governance, found(Mode::Compliance, 10), true),
            ("absent", Mode::Governance, None, false),
            ("absent, and not asked for", Mode::None, None, true),
        ] {
            assert_eq!(lock(asked, 10, 0).covers(found, NOON), expected, "{case}");
        }
        let late = Some(Lock { mode: Mode::Compliance, until: NOON + 10 * DAY - SKEW });
        assert!(lock(Mode::Compliance, 10, 0).covers(late, NOON), "the clocks may differ");
    }

    #[test]
    fn the_full_term_is_counted_from_the_upload_and_never_weakened() {
        let full = lock(Mode::Compliance, 10, 2).full(NOON).expect("a lock");
        assert_eq!(full, Lock { mode: Mode::Compliance, until: NOON + 10 * DAY });
        assert_eq!(lock(Mode::None, 10, 2).full(NOON), None);
        let found = |mode, days: u64| Some(Lock { mode, until: NOON + days * DAY });
        assert!(full.is_kept_by(found(Mode::Compliance, 10)) && full.is_kept_by(found(Mode::Compliance, 11)));
        for weaker in [found(Mode::Compliance, 2), found(Mode::Governance, 11), found(Mode::None, 11), None] {
            assert!(!full.is_kept_by(weaker), "{weaker:?}");
        }
        let governed = lock(Mode::Governance, 10, 2).full(NOON).expect("a lock");
        assert!(governed.is_kept_by(found(Mode::Governance, 10)) && governed.is_kept_by(found(Mode::Compliance, 10)));
    }

    #[test]
    fn a_lock_reads_as_a_person_writes_it() {
        let lock = Lock { mode: Mode::Compliance, until: NOON };
        assert_eq!(lock.to_string(), "COMPLIANCE until 2027-01-15T08:00:00Z");
    }
}
