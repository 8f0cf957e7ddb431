//! Write-ahead log: what is acknowledged lies here, synced, until both legs confirm it. Layout: `FORMAT.md`.

pub mod reader;

use sealtrail_chain::{Hash, Sequence};

use crate::mask::Masked;

/// Proof that records are on stable storage; the only way to an answer that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    first: Sequence,
    last: Sequence,
}

impl Durable {
    pub fn first(&self) -> Sequence {
        self.first
    }
    pub fn last(&self) -> Sequence {
        self.last
    }
}

/// Why records were not taken; all of it can be tried again after `retry_after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the write-ahead log is full")]
    Full,
    #[error("the disk refuses writes")]
    Disk,
    #[error("the clock has jumped: `--accept-clock` is needed")]
    Clock,
    #[error("the collector is stopping")]
    Stopping,
    #[error("this collector was fenced by another of the same chain")]
    Fenced,
}

/// The way into the log, for the receivers: one bounded channel, a batch in, `Result<Durable, Refused>` back.
#[derive(Clone)]
pub struct Intake {}

impl Intake {
    /// Seals the records next to each other, syncs them together with whatever else waits, and answers. Never called with none.
    pub async fn submit(&self, records: Vec<Masked>) -> Result<Durable, Refused> {
        let _ = records;
        todo!()
    }
    /// Whether records would be taken now, and if not, why (readiness, and early refusal before a body is read).
    pub fn state(&self) -> Result<(), Refused> {
        todo!()
    }
}

/// How far the log has come; told to the legs through a `tokio::sync::watch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The files that are held, oldest first; the last one is open.
    pub files: Vec<FileState>,
    /// The collector stops: nothing will be added, the last file is closed too.
    pub finished: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    /// Sequence of its first record; names the file.
    pub first: Sequence,
    /// Bytes of the file that are synced (a closed file: all that counts).
    pub synced: u64,
    /// Records and last link hash that the synced part holds.
    pub records: u64,
    pub last_hash: Hash,
    pub closed: bool,
}
