//! The stream leg: the chain as Kafka messages, in order, one transaction a batch.
//!
//! It orders the chain: what a `commit` has confirmed stands there once, for good, and the archive takes nothing else.
//! A message is an `ExportLogsServiceRequest` of adjacent records with three headers (FORMAT.md, "Stream"); the local
//! twin in `directory` holds the very messages that Kafka gets, framed. Here is only what a leg is and how its messages
//! look: which records come next, and what to do when a leg fails, is `deliver`'s to know.

mod config;
mod directory;
mod frame;
mod message;
pub mod reader;

use std::future::Future;
use std::io;
use std::path::PathBuf;

use sealtrail_chain::{Hash, Sequence};

pub use config::{Config, Directory, Invalid};
pub use directory::DirectoryStream;
pub use message::{Builder, MAX_MESSAGE};

/// One message: an `ExportLogsServiceRequest` of adjacent records.
pub struct Message {
    pub first: Sequence,
    pub last: Sequence,
    /// Hash of `last`.
    pub head: Hash,
    pub value: Vec<u8>,
}

/// A signed checkpoint on its way to `audit-checkpoints`.
#[derive(Clone)]
pub struct CheckpointNote {
    pub size: u64,
    pub note: String,
}

/// What one transaction holds.
#[derive(Default)]
pub struct Batch {
    pub messages: Vec<Message>,
    pub checkpoints: Vec<CheckpointNote>,
}

impl Batch {
    /// Last record that the leg holds once this batch is committed; `None` when it has no record.
    pub fn end(&self) -> Option<End> {
        self.messages.last().map(|message| End { last: message.last, hash: message.head })
    }
}

/// Last record that a leg holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub last: Sequence,
    pub hash: Hash,
}

/// A target of the stream. It orders and fences the chain: what a `commit` has confirmed stands there once, for good.
///
/// A leg may block its thread for as long as a write takes: `deliver` gives it one of its own.
pub trait StreamLeg: Send + 'static {
    /// Last committed record. Asked before `take_over` and again after it; changes nothing before.
    fn end(&mut self) -> impl Future<Output = Result<Option<End>, Error>> + Send;
    /// From here on no other collector of this chain can commit (Kafka: `init_transactions`).
    fn take_over(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
    /// Writes the batch whole or not at all. After an error the leg may hold its records or not: ask `end`. Checkpoints
    /// may come again, after an error or a start; those that don't come after the last one it holds are passed over.
    fn commit(&mut self, batch: &Batch) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Why the stream doesn't take a batch, or doesn't say where it ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Read(#[from] reader::Error),
    #[error("{path} is locked: another collector writes this stream; stop it, or give this one a directory of its own")]
    Locked { path: PathBuf },
    #[error("the stream is not taken over yet")]
    NotTakenOver,
    #[error("the stream continues with record {expected}, the batch begins with {found}")]
    Order { expected: Sequence, found: Sequence },
}

impl Error {
    /// Whether the same call may succeed later. What isn't passing needs a person.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Read(reader::Error::Io { .. }))
    }

    /// One word for own records.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Io { .. } | Self::Read(reader::Error::Io { .. }) => "io",
            Self::Read(reader::Error::Damaged { .. }) => "damaged",
            Self::Locked { .. } => "locked",
            Self::NotTakenOver | Self::Order { .. } => "order",
        }
    }
}

#[cfg(test)]
mod tests;
