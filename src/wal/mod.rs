//! Write-ahead log: what is acknowledged lies here, synced, until both legs confirm it. Layout: `FORMAT.md`.
//!
//! Promise 1, "acknowledged means kept", is made here: a [`Durable`] comes only out of a sync that succeeded. In words:
//! - A group is written only after the one before is synced, so every sound frame proves all that stands before its group.
//! - A file is never written again once a write or sync of it failed, its successor was begun, or its process has ended.
//! - A file's end is known from its successor's header; it counts as closed only when that header is durable.
//! - A file may be written again as another once it was released and its name is off the disk; none of its old frames is sound in it.
//! - Files are released oldest first, after both legs confirmed them, and never the last one: its end is the chain's head.
//! - Judging (`scan`, `recover::open`) touches nothing; acting (`Recovered::resume`) judges nothing.
//!
//! Only what was masked can be appended (promise 2):
//! ```compile_fail
//! # async fn example(intake: sealtrail::wal::Intake, record: sealtrail::mask::Received<'static>) {
//! let _ = intake.submit([record].into_iter().collect(), [0; 32], ()).await;
//! # }
//! ```

mod commit;
mod config;
mod error;
mod frame;
mod header;
pub mod import;
mod intake;
mod legs;
mod log;
pub mod reader;
mod rebuild;
mod recover;
mod running;
mod scan;
mod shelf;
mod time;
mod window;

#[cfg(test)]
mod tests;

pub use commit::Write;
pub use config::{Config, Segment};
pub use error::Error;
pub use intake::{Intake, Keep, Proof};
pub use legs::{Confirmed, Leg, Legs};
pub use log::Log;
pub use rebuild::{Rebuild, RebuildError, done as rebuilt};
pub use recover::{Cut, Recovered, Vacant, open};
pub use running::{Fence, Options, Running, start};
pub use scan::Tail;
pub use shelf::{ReleaseError, Shelf, path};

use sealtrail_chain::{Hash, Sequence};

/// Nanoseconds; no file holds records of two days.
const DAY: u64 = 86_400_000_000_000;

/// Records that are submitted together: room is left in it for the frames.
pub type Batch = crate::seal::Batch<{ frame::ROOM }>;

/// Proof that records are on stable storage of this machine.
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

    #[cfg(test)]
    pub(crate) fn for_test(first: u64, last: u64) -> Self {
        Self { first: Sequence::new(first), last: Sequence::new(last) }
    }
}

impl Proof for Durable {}

/// Why records were not taken, or can't be acknowledged; all of it can be tried again after `retry_after`.
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
    #[error("the stream does not answer, and nothing is acknowledged before its commit")]
    StreamDown,
    #[error("the stream did not commit in time: the records are kept and come later; sent again they are new records")]
    Uncommitted,
}

/// How far the log has come; told to the legs through a `tokio::sync::watch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The files that are held, oldest first. A file is listed once it holds a durable record; before that another may take
    /// its place and name. The last one may be open.
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
    /// Nothing will be added to it, nor will any later start find more in it.
    pub closed: bool,
}
