//! The stream leg: the chain as Kafka messages, in order, one transaction a batch. Its directory twin holds the very messages.

use std::future::Future;

use sealtrail_chain::{Hash, Sequence};

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

/// Last record that a leg holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub last: Sequence,
    pub hash: Hash,
}

/// A target of the stream. It orders and fences the chain: what a `commit` has confirmed stands there once, for good.
pub trait StreamLeg: Send + 'static {
    /// Last committed record. Asked before `take_over` and again after it.
    fn end(&mut self) -> impl Future<Output = Result<Option<End>, Error>> + Send;
    /// From here on no other collector of this chain can commit (Kafka: `init_transactions`).
    fn take_over(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
    /// Writes the batch whole or not at all. After an error the leg may hold it or not: ask `end`.
    fn commit(&mut self, batch: &Batch) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Why the stream doesn't take a batch.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't {doing} {path}: {source}")]
    Io { doing: &'static str, path: std::path::PathBuf, source: std::io::Error },
}
