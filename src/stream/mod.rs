//! The stream leg: the chain as Kafka messages, in order, one transaction a batch.
//!
//! It orders the chain: what a `commit` has confirmed stands there once, for good, and the archive takes nothing else.
//! A message is an `ExportLogsServiceRequest` of adjacent records with three headers (FORMAT.md, "Stream"); the local
//! twin in `directory` holds the very messages that Kafka gets, framed. Here is only what a leg is and how its messages
//! look: which records come next, and what to do when a leg fails, is `deliver`'s to know.

mod config;
mod configured;
mod contents;
mod directory;
mod frame;
pub mod kafka;
mod message;
pub mod reader;

use std::future::Future;
use std::io;
use std::path::PathBuf;

use sealtrail_chain::{Hash, Sequence};

pub use config::{Config, Directory, Invalid};
pub use configured::Stream;
pub use contents::{Contents, ContentsError};
pub use directory::DirectoryStream;
pub use message::{Builder, MAX_MESSAGE};
pub use sealtrail_chain::content::otlp::Streamed;

/// One message: an `ExportLogsServiceRequest` of adjacent records.
pub struct Message {
    pub first: Sequence,
    pub last: Sequence,
    /// Hash of `last`.
    pub head: Hash,
    pub value: Vec<u8>,
}

/// A signed checkpoint on its way to `audit-checkpoints`.
#[derive(Clone, PartialEq, Eq)]
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

    /// Bytes of its messages' values.
    pub fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.value.len()).sum()
    }

    /// Whether its messages join, and begin behind `end`.
    fn follows(&self, end: Option<End>) -> Result<(), Error> {
        let mut expected = end.map_or(Sequence::ZERO, |end| end.last.next());
        for message in &self.messages {
            if message.first != expected {
                return Err(Error::Order { expected, found: message.first });
            }
            expected = message.last.next();
        }
        Ok(())
    }
}

impl CheckpointNote {
    /// The same size may come twice: signed once with Ed25519 alone, then with both keys.
    fn comes_after(&self, last: &Self) -> bool {
        self.size > last.size || self.size == last.size && self.note != last.note
    }

    /// The note out of a message's value.
    fn read(value: &[u8]) -> Option<Self> {
        let note = std::str::from_utf8(value).ok()?.to_owned();
        let size = note.lines().nth(1)?.parse().ok()?;
        Some(Self { size, note })
    }
}

/// Last record that a leg holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub last: Sequence,
    pub hash: Hash,
}

/// How far the stream reaches, as far as it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    pub reach: Reach,
    /// Whether nothing that was sent before can still come in behind it. Until a Kafka stream is taken over, a
    /// transaction may be decided and not yet visible.
    pub settled: bool,
}

/// What the stream holds of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing, and nothing of the partition has been deleted.
    Nothing,
    /// Nothing any more: what stands at the beginning of the partition has passed its retention.
    Expired,
    To(End),
}

impl Tail {
    /// Of a stream that is known to end there.
    pub fn settled(end: Option<End>) -> Self {
        Self { reach: end.map_or(Reach::Nothing, Reach::To), settled: true }
    }

    /// Last record, if one is held.
    pub fn end(&self) -> Option<End> {
        match self.reach {
            Reach::To(end) => Some(end),
            Reach::Nothing | Reach::Expired => None,
        }
    }
}

/// A target of the stream. It orders and fences the chain: what a `commit` has confirmed stands there once, for good.
///
/// A leg may block its thread for as long as a write takes: `deliver` gives it one of its own.
pub trait StreamLeg: Send + 'static {
    /// Where the stream ends. Asked before `take_over` and again after it; changes nothing before.
    fn end(&mut self) -> impl Future<Output = Result<Tail, Error>> + Send;
    /// From here on no other collector of this chain can commit (Kafka: `init_transactions`).
    fn take_over(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
    /// Writes the batch whole or not at all. After an error the leg may hold its records or not: ask `end`, or, where the
    /// error says so (`needs_take_over`), take it over again first. Checkpoints may come again, after an error or a start;
    /// those that don't come after the last one it holds are passed over.
    fn commit(&mut self, batch: &Batch) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Why the stream doesn't take a batch, or doesn't say where it ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Read(#[from] reader::Error),
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
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
        match self {
            Self::Io { .. } | Self::Read(reader::Error::Io { .. }) => true,
            Self::Kafka(error) | Self::Read(reader::Error::Kafka(error)) => error.is_passing(),
            Self::Read(reader::Error::Damaged { .. })
            | Self::Locked { .. }
            | Self::NotTakenOver
            | Self::Order { .. } => false,
        }
    }

    /// Whether the leg holds the chain no longer, so that its end must be compared and the chain taken over again before
    /// anything else is written.
    pub fn needs_take_over(&self) -> bool {
        matches!(self, Self::Kafka(kafka::Error::Fenced | kafka::Error::Lost { .. }))
    }

    /// Whether another collector may have taken the chain over: until it is known, nothing more may be sealed.
    pub fn is_fenced(&self) -> bool {
        matches!(self, Self::Kafka(kafka::Error::Fenced))
    }

    /// Whether a batch may have been more than passes before its transaction has to end: then less of it may pass.
    pub fn is_overdue(&self) -> bool {
        matches!(self, Self::Kafka(kafka::Error::TakenBack { .. } | kafka::Error::Fenced))
    }

    /// Whether nobody answered, which says nothing about the settings: they may be right, and the stream away.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Kafka(kafka::Error::Unreachable { .. }))
    }

    /// One word for own records.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Io { .. } | Self::Read(reader::Error::Io { .. }) => "io",
            Self::Kafka(error) | Self::Read(reader::Error::Kafka(error)) => error.reason(),
            Self::Read(reader::Error::Damaged { .. }) => "damaged",
            Self::Locked { .. } => "locked",
            Self::NotTakenOver | Self::Order { .. } => "order",
        }
    }
}

#[cfg(test)]
mod tests;
