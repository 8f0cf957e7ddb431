//! Why a chain is not gone on with from its legs. Each is a state that a person must look at; nothing that counts was changed.

use std::path::PathBuf;

use sealtrail_chain::note::{NoteError, Vkey};
use sealtrail_chain::{Break, ChainName, Hash, Sequence};

use crate::{archive, stream};

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(
        "{} holds a log of chain `{chain}`, up to record {last}: nothing is missing here that the legs would have to give\n  remedy  start without `--continue-from-legs` (after a crash, a restart or an outage of a leg, too); if that start is refused because the legs hold more, or something else, move the directory away, start with `--continue-from-legs`, and then `sealtrail wal import` it",
        wal.display()
    )]
    LogHeld { chain: ChainName, wal: PathBuf, last: Sequence },
    #[error(
        "neither leg holds a record of chain `{chain}`\n  remedy  check that `stream` and `archive` name the places of the old collector; to begin a new chain start without `--continue-from-legs`"
    )]
    NoChain { chain: ChainName },
    #[error(
        "the archive of chain `{chain}` can't be asked how far it goes: {source}\n  remedy  the chain can be gone on with when both legs answer: start again then"
    )]
    ArchiveAway { chain: ChainName, source: archive::Error },
    #[error(
        "what the archive holds can't be gone on from: {source}\n  remedy  run `sealtrail verify` on it; an object that was put there by someone else must be moved away, one that was changed restored from its locked version"
    )]
    Archive { source: archive::Error },
    #[error(
        "record {sequence} in {key} does not follow the one before it: {source}\n  remedy  run `sealtrail verify` on the archive; restore the object from its locked version"
    )]
    ArchiveBreak { key: String, sequence: Sequence, source: Break },
    #[error(
        "the archive lacks the records from {expected} on, up to that with which {key} begins\n  remedy  put the objects of these records back; `sealtrail verify` names what is missing"
    )]
    ArchiveGap { expected: Sequence, key: String },
    #[error(
        "the checkpoint {key} in the archive can't be used: {problem}\n  remedy  run `sealtrail verify` on the archive; restore the object from its locked version"
    )]
    Checkpoint { key: String, problem: &'static str },
    #[error(
        "what was signed and kept on this machine can't be read: {problem}\n  remedy  move it away, if the archive holds this checkpoint or a later one"
    )]
    Local { problem: String },
    #[error(
        "the stream can't be read: {source}\n  remedy  the chain can be gone on with when both legs answer: start again then"
    )]
    Stream { source: stream::ContentsError },
    #[error(
        "the stream ends before record {stream}, the archive before record {archive}, and it takes only what the stream has committed: the stream has lost records\n  remedy  restore the stream, or fill it from the archive with `sealtrail reconcile --repair`"
    )]
    StreamShort { stream: Sequence, archive: Sequence },
    #[error(
        "record {confirmed} was confirmed by the {leg}, which now ends before record {next}: it has lost records\n  remedy  restore it, or fill it from the other leg with `sealtrail reconcile --repair`; what `legs` in the log's directory says is then true again"
    )]
    Lost { leg: &'static str, confirmed: Sequence, next: Sequence },
    #[error(
        "the archive ends before record {archive}, and the oldest record that the stream still holds is {stream}: those between have passed the stream's retention and were never archived\n  remedy  find a copy of the old collector's data directory and start on that; without one these records are lost, and the chain ends here: begin a new one under another name"
    )]
    Hole { archive: Sequence, stream: Sequence },
    #[error(
        "the stream holds nothing of chain `{chain}` any more, and the archive's last record ({last}) is not the collector's stop: whether more was sealed is not known\n  remedy  find a copy of the old collector's data directory and start on that; without one the chain ends here: begin a new one under another name"
    )]
    Expired { chain: ChainName, last: Sequence },
    #[error(
        "the legs disagree: record {sequence} has hash {archive} in the archive and {stream} in the stream\n  remedy  keep both, and find out who wrote the other: `sealtrail verify` on both legs names the first record that is wrong"
    )]
    Disagree { sequence: Sequence, archive: Hash, stream: Hash },
    #[error(
        "record {sequence} in the stream does not follow the one before it: {source}\n  remedy  keep both legs, and run `sealtrail verify` on them: it names the first record that is wrong"
    )]
    StreamBreak { sequence: Sequence, source: Break },
    #[error(
        "the stream was read up to record {read} (exclusive), and ends before record {end}: it is being written by someone else, or has lost records\n  remedy  stop the other collector of this chain, and start again"
    )]
    StreamMoved { read: Sequence, end: Sequence },
    #[error(
        "a checkpoint over {size} records was signed ({place}), but the legs hold {held}: both have lost records, and a chain never signs a size twice\n  remedy  find a copy of the old collector's data directory and start on that; without one the chain ends here: begin a new one under another name (a successor that names this one comes with a later release)"
    )]
    SignedBeyond { size: u64, place: String, held: u64 },
    #[error(
        "a checkpoint over {size} records was signed ({place}) with another root than the legs' records have\n  remedy  keep both legs, and run `sealtrail verify` on them: somebody has changed records, or used the signing key elsewhere"
    )]
    Contradiction { size: u64, place: String },
    #[error(
        "the chain's genesis note can't be found or read in the legs: {problem}\n  remedy  run `sealtrail verify` on both legs; put the note back from its locked version"
    )]
    Genesis { problem: String },
    #[error(
        "the archive's genesis note is not the one that record 0 carries\n  remedy  keep both legs, and run `sealtrail verify` on them"
    )]
    TwoBeginnings,
    #[error(
        "`stream.kafka.partition` is {found}, and the chain began in partition {expected}\n  remedy  a chain stays in its partition: set it back"
    )]
    Partition { expected: u32, found: u32 },
    #[error(
        "the signing keys in {} are not those of this chain: in force are {}, found {}\n  remedy  put back the key files of this chain from their backup; they are never made anew for a chain that has begun",
        dir.display(),
        const_hex::encode(expected.id()),
        const_hex::encode(found.id())
    )]
    ForeignKeys { dir: PathBuf, expected: Box<Vkey>, found: Box<Vkey> },
    #[error(
        "which keys the chain has can't be told: {problem}\n  remedy  run `sealtrail verify` on the archive; restore the note from its locked version"
    )]
    Keys { problem: String },
}

impl From<stream::ContentsError> for Refusal {
    fn from(source: stream::ContentsError) -> Self {
        Self::Stream { source }
    }
}

impl From<NoteError> for Refusal {
    fn from(error: NoteError) -> Self {
        Self::Genesis { problem: error.to_string() }
    }
}
