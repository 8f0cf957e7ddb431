//! The sentences of a report: what was not checked, and what else a reader should know.

use std::fmt;

use sealtrail_chain::{ChainName, UnixNanos};
use serde::{Serialize, Serializer};

use crate::verify::leg::Kind;

/// What stands between a sound result and "intact".
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unchecked {
    #[error("chain {chain}: no trusted key; `--public-key FILE` takes the collector's log.vkey")]
    NoKey { chain: ChainName },
    /// Of a bundle: the keys that are trusted came later, and vouch for none of their checkpoints but one.
    #[error(
        "chain {chain}: the checkpoint is signed by {signers}, keys from before a rotation to the trusted ones, which vouch for the \
         size in their note alone: `--public-key` takes the older key, too (`older.vkey` beside the log's keys), from someone \
         else than whoever gave you this"
    )]
    OlderKey { chain: ChainName, signers: String },
    #[error("chain {chain}, {leg}: no checkpoint by a trusted key covers any record")]
    NoCheckpoint { chain: ChainName, leg: Kind },
    #[error("chain {chain}, {leg}: records {first} to {last} lie in {files} segments behind the last checkpoint")]
    LateSegments { chain: ChainName, leg: Kind, first: u64, last: u64, files: u64 },
    #[error(
        "chain {chain}, archive: {count} checkpoints of sizes {first} to {last}, which the stream holds, are not here: they \
         are on their way, or someone took them away"
    )]
    CheckpointsPending { chain: ChainName, count: u64, first: u64, last: u64 },
    #[error("chain {chain}, {leg}: roots not recomputed, as records before them are not there: {count}")]
    Unreached { chain: ChainName, leg: Kind, count: u64 },
    /// Either the collector was killed between its stop record and the last checkpoint, or someone took that checkpoint
    /// away: from what is here nobody can tell.
    #[error(
        "chain {chain}, {leg}: its last record says that the collector stopped, but the checkpoint of size {size} that \
         belongs to it is not here (the newest has size {found}); the collector brings it at its next start"
    )]
    StopUncovered { chain: ChainName, leg: Kind, size: u64, found: u64 },
    /// Either the archive was away until the stop and the collector has not started since, or someone cut the archive.
    #[error(
        "chain {chain}: the collector stopped, and records {first} to {last} are in the stream only: it brings them into the \
         archive at its next start, or someone took them away"
    )]
    StoppedUnarchived { chain: ChainName, first: u64, last: u64 },
    #[error(
        "chain {chain}: {place} lacks records {first} to {last}, which {other} holds: it was copied before, or someone cut it off"
    )]
    ShorterCopy { chain: ChainName, place: String, first: u64, last: u64, other: String },
    #[error("chain {chain}, stream: {first}; what the partition held before has passed its retention")]
    Expired { chain: ChainName, first: Begin },
    #[error("chain {chain}, archive: records {first} to {last} lie frozen: {bound}, content not read")]
    Frozen { chain: ChainName, first: u64, last: u64, bound: Bound },
    #[error(
        "chain {chain}: versions in {place} can't be listed (it takes s3:ListBucketVersions), so none was looked for"
    )]
    VersionsUnseen { chain: ChainName, place: String },
    #[error("chain {chain}: no record that could be read lies in the range that was asked for")]
    NothingInRange { chain: ChainName },
    #[error("{place} was kept of {origin}, and no such chain was looked at: it proves nothing of what lies here")]
    KeptOfNone { place: String, origin: String },
    #[error("{place} holds no chain, although the other leg does")]
    Empty { place: String },
    /// A rotation's note goes before the record that carries it; or somebody has put it there.
    #[error(
        "chain {chain}: the note of a rotation behind {size} records lies here, and no record that is here carries it"
    )]
    RotationOpen { chain: ChainName, size: u64 },
    #[error(
        "chain {chain}: {place}, which record {record} carries, is not here: someone took it away, or nobody has put it there"
    )]
    RotationNote { chain: ChainName, place: String, record: u64 },
    #[error(
        "{place}: whether the chain says that these keys are its own can't be told: not all records before {size} are here"
    )]
    Unsealed { chain: ChainName, place: String, size: u64 },
    #[error("{place} is of version {found:?}, which this release does not know")]
    Version { place: String, found: String },
    #[error("{place}: {reason}")]
    Unread { place: String, reason: String },
    #[error("chain {chain}: its genesis note can't be read in this leg ({leg}), which begins at record {first}")]
    NoGenesis { chain: ChainName, leg: Kind, first: u64 },
    #[error("chain {chain}: no checkpoint is cosigned by {quorum} of the given witnesses")]
    NoQuorum { chain: ChainName, quorum: usize },
    #[error(
        "chain {chain}: cosigned by {quorum} of the given witnesses up to {size} records; records {size} to {last} under further checkpoints are not"
    )]
    BehindQuorum { chain: ChainName, quorum: usize, size: u64, last: u64 },
    #[error("chain {chain}: {witness} is the log itself, and no witness of it: its word was not counted")]
    OwnWitness { chain: ChainName, witness: String },
    #[error("chain {chain}: cosignatures lie in the archive, and that was not given")]
    NoArchive { chain: ChainName },
    #[error("chain {chain}: no time stamp by the given authorities is here")]
    NoStamp { chain: ChainName },
    #[error("chain {chain}: time stamps for whose signer none of the given authorities vouches: {count}")]
    UntrustedStamps { chain: ChainName, count: u64 },
}

/// Where a stream begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Begin(pub Option<u64>);

impl fmt::Display for Begin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(first) => write!(f, "begins with record {first}"),
            None => f.write_str("no record is left"),
        }
    }
}

/// The size of the checkpoint that binds records, if one does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound(pub Option<u64>);

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(size) => write!(f, "bound by checkpoint {size}"),
            None => f.write_str("bound by no checkpoint that could be recomputed"),
        }
    }
}

/// What was not read: before a record, from a record on, or both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotRead {
    pub before: Option<u64>,
    pub from: Option<u64>,
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = self.before {
            write!(f, "records before {first}")?;
        }
        match (self.before, self.from) {
            (Some(_), Some(end)) => write!(f, ", and those from {end} on, if there are any,"),
            (None, Some(end)) => write!(f, "records from {end} on, if there are any,"),
            (Some(_), None) => Ok(()),
            (None, None) => f.write_str("other records"),
        }
    }
}

/// What an auditor should know although nothing is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Note {
    #[error("chain {chain}, {leg}: records {first} to {last} are not yet under a checkpoint")]
    NotYetCovered { chain: ChainName, leg: Kind, first: u64, last: u64 },
    #[error("chain {chain}, {leg}: silence from {from} to {to} (before record {sequence}) without a stop record")]
    Silence { chain: ChainName, leg: Kind, sequence: u64, from: Time, to: Time },
    #[error("chain {chain}: records {first} to {last} are in the stream only, not yet archived")]
    NotYetArchived { chain: ChainName, first: u64, last: u64 },
    #[error(
        "chain {chain}: the archive's checkpoint of size {size} is still on its way (its range object came; the collector \
         was stopped between the two)"
    )]
    Interrupted { chain: ChainName, size: u64 },
    #[error("chain {chain}: its keys changed with record {record} ({cause})")]
    Rotated { chain: ChainName, record: u64, cause: &'static str },
    #[error(
        "chain {chain}: the kept checkpoint {place} carries no signature of the chain's that holds; its size and root are \
         believed because it was kept"
    )]
    KeptUnsigned { chain: ChainName, place: String },
    #[error("chain {chain}, {leg}: {records} were not read, as nobody asked for them: nothing is said of them")]
    Outside { chain: ChainName, leg: Kind, records: NotRead },
    #[error(
        "chain {chain}: time stamps that hold, by whom was not asked: {count}; `--rfc3161-ca` takes their authorities"
    )]
    Stamps { chain: ChainName, count: u64 },
    #[error(
        "chain {chain}: cosignatures of witnesses that were not given, not looked at: {count}; `--witness` takes their keys"
    )]
    Cosignatures { chain: ChainName, count: u64 },
    #[error(
        "chain {chain}: records {first} to {last} are under the newest checkpoint, which no quorum of {quorum} has cosigned yet"
    )]
    NotYetWitnessed { chain: ChainName, first: u64, last: u64, quorum: usize },
    #[error(
        "chain {chain}: by its own clock {witness} cosigned before the log had signed, or in time to come: {count} times, first \
         {size} records at {at}; its word holds, and says nothing of the time"
    )]
    WitnessClock { chain: ChainName, witness: String, count: u64, size: u64, at: Second },
}

macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
as_text!(Unchecked, Note, Time);

/// A Unix second as RFC 3339 writes it, also one that no clock will show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Second(pub u64);

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0).ok().and_then(|second| jiff::Timestamp::from_second(second).ok()) {
            Some(time) => time.fmt(f),
            None => write!(f, "Unix second {}", self.0),
        }
    }
}

/// A time as RFC 3339 writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Time(pub UnixNanos);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(self.0.0.into()) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{} ns", self.0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_is_said_in_words() {
        let said = |before, from| NotRead { before, from }.to_string();
        assert_eq!(said(Some(281), Some(681)), "records before 281, and those from 681 on, if there are any,");
        assert_eq!(said(Some(281), None), "records before 281");
        assert_eq!(said(None, Some(681)), "records from 681 on, if there are any,");
    }
}
