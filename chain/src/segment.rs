//! A segment: a contiguous run of records, one WAL file, one Parquet object; and the names under which things lie.

use crate::link::{ChainName, Hash, Sequence, UnixNanos};
use crate::tree::CompactRange;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    pub chain: ChainName,
    pub first: Sequence,
    pub last: Sequence,
    /// Hash of the record before `first`.
    pub before: Hash,
    /// Hash of `last`.
    pub after: Hash,
    /// Compact range of `[first, last + 1)`.
    pub range: CompactRange,
}

/// UTC day of a time as `YYYY-MM-DD`.
pub fn day(time: UnixNanos) -> String {
    let _ = time;
    todo!()
}

/// `audit-logs/chain=<chain>/date=<day of observed>/<first, 20 digits>.parquet`
pub fn object_key(chain: &ChainName, observed: UnixNanos, first: Sequence) -> String {
    format!("audit-logs/chain={chain}/date={}/{:020}.parquet", day(observed), first.get())
}

/// `audit-genesis/<chain>.note`
pub fn genesis_key(chain: &ChainName) -> String {
    format!("audit-genesis/{chain}.note")
}

/// `audit-checkpoints/chain=<chain>/<size, 20 digits>-<Unix seconds, 10 digits>.checkpoint`; beside it `.range`.
pub fn checkpoint_key(chain: &ChainName, size: u64, unix_seconds: u64) -> String {
    format!("audit-checkpoints/chain={chain}/{size:020}-{unix_seconds:010}.checkpoint")
}

/// What a `.range` object holds: the compact ranges `[0, size)` and `[previous, size)`, a line a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ranges {
    pub whole: CompactRange,
    pub since: CompactRange,
}
