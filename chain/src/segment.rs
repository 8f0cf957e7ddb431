//! A segment: a contiguous run of records, one WAL file, one Parquet object; and the names under which things lie.

use crate::civil;
use crate::link::{ChainName, Hash, Sequence, UnixNanos};
use crate::tree::{CompactRange, RangeError};

/// What is known of a segment without its records.
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
    civil::day(time.0 / 1_000_000_000)
}

/// `audit-logs/chain=<chain>/date=<day of observed>/<first, 20 digits>.parquet`
pub fn object_key(chain: &ChainName, observed: UnixNanos, first: Sequence) -> String {
    format!("audit-logs/chain={chain}/date={}/{:020}.parquet", day(observed), first.get())
}

/// `audit-genesis/<chain>.note`
pub fn genesis_key(chain: &ChainName) -> String {
    format!("audit-genesis/{chain}.note")
}

/// `audit-keys/chain=<chain>/<size, 20 digits>.note`
pub fn rotation_key(chain: &ChainName, size: u64) -> String {
    format!("audit-keys/chain={chain}/{size:020}.note")
}

/// `audit-checkpoints/chain=<chain>/<size, 20 digits>-<Unix seconds, 10 digits>.checkpoint`; beside it `.range`.
pub fn checkpoint_key(chain: &ChainName, size: u64, unix_seconds: u64) -> String {
    format!("audit-checkpoints/chain={chain}/{size:020}-{unix_seconds:010}.checkpoint")
}

/// The `.range` object beside the checkpoint of the same size and time.
pub fn range_key(chain: &ChainName, size: u64, unix_seconds: u64) -> String {
    format!("audit-checkpoints/chain={chain}/{size:020}-{unix_seconds:010}.range")
}

/// What the witness with this key id said of the checkpoint of that size and time.
pub fn cosigned_key(chain: &ChainName, size: u64, unix_seconds: u64, witness: [u8; 4]) -> String {
    let id = const_hex::encode(witness);
    format!("audit-checkpoints/chain={chain}/{size:020}-{unix_seconds:010}.{id}.cosigned")
}

/// The `.tsr` object beside the checkpoint of the same size and time: a time stamp over its note.
pub fn stamp_key(chain: &ChainName, size: u64, unix_seconds: u64) -> String {
    format!("audit-checkpoints/chain={chain}/{size:020}-{unix_seconds:010}.tsr")
}

/// The `.crl` object beside a `.tsr`: what was revoked on its day.
pub fn revocation_key(chain: &ChainName, size: u64, unix_seconds: u64) -> String {
    format!("audit-checkpoints/chain={chain}/{size:020}-{unix_seconds:010}.crl")
}

/// What the key of a segment's object says of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectKey<'a> {
    pub chain: ChainName,
    /// `YYYY-MM-DD`; whether it is the day of the records must be asked of the records.
    pub date: &'a str,
    pub first: Sequence,
}

/// Reads what [`object_key`] writes; nothing for any other key.
pub fn parse_object_key(key: &str) -> Option<ObjectKey<'_>> {
    let (chain, rest) = key.strip_prefix("audit-logs/chain=")?.split_once("/date=")?;
    let (date, name) = rest.split_once('/')?;
    civil::parse_rfc3339(&format!("{date}T00:00:00Z"))?;
    let first = digits(name.strip_suffix(".parquet")?, 20)?;
    Some(ObjectKey { chain: chain.parse().ok()?, date, first: Sequence::new(first) })
}

/// Chain, size and Unix seconds of what [`checkpoint_key`] writes; nothing for any other key.
pub fn parse_checkpoint_key(key: &str) -> Option<(ChainName, u64, u64)> {
    let (chain, name) = key.strip_prefix("audit-checkpoints/chain=")?.split_once('/')?;
    let (size, seconds) = name.strip_suffix(".checkpoint")?.split_once('-')?;
    Some((chain.parse().ok()?, digits(size, 20)?, digits(seconds, 10)?))
}

/// A number below 2^63 of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<u64> {
    let sound = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| sound && *n <= i64::MAX as u64)
}

/// What a `.range` object holds: the compact ranges `[0, size)` and `[previous, size)`, a line a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ranges {
    pub whole: CompactRange,
    pub since: CompactRange,
}

impl Ranges {
    /// Lines of `whole`, an empty line, lines of `since`.
    pub fn to_text(&self) -> String {
        format!("{}\n{}", self.whole.to_text(), self.since.to_text())
    }

    /// Reads the object that lies beside a checkpoint of `size`. Where `since` begins follows from its first node; without
    /// a node it is empty and begins at `size`.
    pub fn from_text(size: u64, text: &str) -> Result<Self, RangeError> {
        let end = if text.starts_with('\n') { 0 } else { text.find("\n\n").ok_or(RangeError::Line { line: 1 })? + 1 };
        let (whole, since) = (&text[..end], &text[end + 1..]);
        let whole = CompactRange::from_text(0, size, whole)?;
        let lines = whole.nodes().len() + 1;
        let further = |error| match error {
            RangeError::Line { line } => RangeError::Line { line: line + lines },
            other => other,
        };
        let previous =
            if since.is_empty() { size } else { begin(since).ok_or(RangeError::Line { line: lines + 1 })? };
        let since = CompactRange::from_text(previous, size, since).map_err(further)?;
        Ok(Self { whole, since })
    }
}

/// First leaf of the node in the first line.
fn begin(text: &str) -> Option<u64> {
    let mut fields = text.split(' ');
    let (level, index): (u32, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    index.checked_mul(1u64.checked_shl(level)?)
}
