//! What was asked for of a chain: a range of sequences or times, chains that must be there, an end that must be young.
//!
//! A range is read from the file in which it begins to the one in which it ends, and behind that to the next checkpoint, which
//! proves it; what the tree was before comes from the object's metadata or from the range stored beside a checkpoint, and is
//! proved by the same checkpoint. Whether a file begins before a bound is asked of the file; where one lies, the file in
//! which the range then seems to begin, or the one behind its end, is read too and contradicts it.

use std::str::FromStr;

use sealtrail_chain::{Sequence, UnixNanos};

use super::fold::Anchor;
use super::leg::{File, Kind, Leg};
use super::{Options, archive, stream};

/// An end of a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    Sequence(u64),
    /// The collector's clock, as sealed.
    Time(UnixNanos),
}

/// Why a bound can't be read.
#[derive(Debug, thiserror::Error)]
#[error("not a sequence (`1200`) and not a time (`2026-11-23T16:00:00Z`)")]
pub struct BoundError;

impl FromStr for Bound {
    type Err = BoundError;
    fn from_str(text: &str) -> Result<Self, BoundError> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Sequence).map_err(|_| BoundError);
        }
        let time: jiff::Timestamp = text.parse().map_err(|_| BoundError)?;
        u64::try_from(time.as_nanosecond()).map(|nanos| Self::Time(UnixNanos(nanos))).map_err(|_| BoundError)
    }
}

/// The range that somebody asked for, both ends included.
#[derive(Clone, Copy, Default)]
pub(super) struct Asked {
    pub(super) from: Option<Bound>,
    pub(super) to: Option<Bound>,
}

impl Asked {
    pub(super) fn is_range(self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    pub(super) fn holds(self, sequence: Sequence, observed: UnixNanos) -> bool {
        let from = self.from.is_none_or(|from| match from {
            Bound::Sequence(first) => first <= sequence.get(),
            Bound::Time(first) => first <= observed,
        });
        let to = self.to.is_none_or(|to| match to {
            Bound::Sequence(last) => sequence.get() <= last,
            Bound::Time(last) => observed <= last,
        });
        from && to
    }
}

/// What of a leg is not read, because nobody asked for it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Outside {
    pub(super) before: bool,
    /// One past the last record that will be read.
    pub(super) behind: Option<u64>,
}

/// Where a file begins, by its own word: sequence of its first record, and between which times that was observed.
#[derive(Clone, Copy)]
pub(super) struct Begin {
    pub(super) sequence: u64,
    pub(super) earliest: UnixNanos,
    pub(super) latest: UnixNanos,
}

/// Takes the files out of a leg that lie outside of the range.
pub(super) fn narrow(leg: &mut Leg, options: &Options, anchors: &[Anchor]) {
    let (Some(last), true) = (leg.files.len().checked_sub(1), options.from.is_some() || options.to.is_some()) else {
        return;
    };
    let start = options.from.map_or(0, |from| {
        let start = leg.files.partition_point(|file| begin(leg, file).is_some_and(|begin| from.is_behind(begin)));
        back_to_a_tree(leg, start.saturating_sub(1), anchors)
    });
    let end = options.to.map_or(last, |to| {
        let end = leg.files.partition_point(|file| begin(leg, file).is_none_or(|begin| !to.is_before(begin)));
        // A name that lies shows in the file before it; a time shows only in the file itself.
        let end = if matches!(to, Bound::Sequence(_)) { end.saturating_sub(1) } else { end };
        on_to_a_checkpoint(leg, end.min(last), anchors)
    });
    if end < last {
        leg.outside.behind = leg.files.get(end + 1).and_then(|file| begin(leg, file)).map(|begin| begin.sequence);
    }
    // An end that nobody can name is none.
    let end = if leg.outside.behind.is_some() { end } else { last };
    leg.outside.before = start > 0;
    leg.files.truncate(end + 1);
    leg.files.drain(..start.min(leg.files.len()));
}

impl Bound {
    /// Whether a range from here to there runs backwards, as far as the two can be compared.
    pub fn is_past(self, to: Self) -> bool {
        match (self, to) {
            (Self::Sequence(from), Self::Sequence(to)) => from > to,
            (Self::Time(from), Self::Time(to)) => from > to,
            (Self::Sequence(_), Self::Time(_)) | (Self::Time(_), Self::Sequence(_)) => false,
        }
    }

    /// Whether this lies in a file that begins there, or behind that. (Records before it may have the very same time.)
    fn is_behind(self, begin: Begin) -> bool {
        match self {
            Self::Sequence(sequence) => begin.sequence <= sequence,
            Self::Time(time) => begin.latest < time,
        }
    }

    /// Whether a file that begins there begins behind this.
    fn is_before(self, begin: Begin) -> bool {
        match self {
            Self::Sequence(sequence) => begin.sequence > sequence,
            Self::Time(time) => begin.earliest > time,
        }
    }
}

/// An object's metadata hold the tree before it; in a stream it must come from beside a checkpoint.
fn back_to_a_tree(leg: &Leg, start: usize, anchors: &[Anchor]) -> usize {
    let Some(wanted) = leg.files.get(start).and_then(|file| begin(leg, file)).filter(|_| leg.kind == Kind::Stream)
    else {
        return start;
    };
    let stored = anchors.iter().rev().find(|anchor| anchor.size <= wanted.sequence && anchor.range.is_some());
    let Some(size) = stored.map(|anchor| anchor.size) else { return start };
    leg.files.partition_point(|file| begin(leg, file).is_some_and(|begin| begin.sequence <= size)).saturating_sub(1)
}

/// The file in which the first checkpoint lies that covers all of file `end`.
fn on_to_a_checkpoint(leg: &Leg, end: usize, anchors: &[Anchor]) -> usize {
    let last = leg.files.len() - 1;
    let Some(covered) = leg.files.get(end + 1).and_then(|file| begin(leg, file)) else { return last };
    let Some(size) = anchors.iter().map(|anchor| anchor.size).find(|size| *size >= covered.sequence) else {
        return last;
    };
    let behind = leg.files.partition_point(|file| begin(leg, file).is_none_or(|begin| begin.sequence < size));
    behind.saturating_sub(1).clamp(end, last)
}

fn begin(leg: &Leg, file: &File) -> Option<Begin> {
    match (leg.kind, &leg.topic) {
        (Kind::Archive, _) => archive::begin(&*leg.store, file),
        (Kind::Stream, Some(topic)) => file.offsets.and_then(|offsets| topic.begin(offsets)),
        (Kind::Stream, None) => stream::begin(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_runs_backwards_is_known() {
        let bound = |text: &str| text.parse::<Bound>().expect("a bound");
        assert!(bound("500").is_past(bound("400")) && !bound("400").is_past(bound("400")));
        assert!(bound("2026-11-27T00:00:00Z").is_past(bound("2026-11-26T00:00:00Z")));
        assert!(!bound("500").is_past(bound("2026-11-26T00:00:00Z")));
    }

    #[test]
    fn bounds_are_sequences_or_times() {
        assert_eq!("1200".parse::<Bound>().ok(), Some(Bound::Sequence(1200)));
        let noon = Bound::Time(UnixNanos(1_795_435_200_000_000_000));
        assert_eq!("2026-11-23T12:00:00Z".parse::<Bound>().ok(), Some(noon));
        assert_eq!("2026-11-23T20:00:00+08:00".parse::<Bound>().ok(), Some(noon));
        for wrong in ["", "x", "-1", "2026-11-23", "99999999999999999999", "1969-12-31T23:59:59Z"] {
            assert!(wrong.parse::<Bound>().is_err(), "{wrong}");
        }
    }
}
