//! The archive leg: one closed WAL file becomes one Parquet object, which is never changed. Its directory twin holds the
//! very keys of the bucket.
//!
//! [`SegmentWriter`] turns records into such a file and recomputes every checksum and link on the way; [`Reader`] gives them
//! back; [`Extractor`] is the one place that says what a content puts into the promoted columns, so what fills them also
//! checks them. Columns and metadata: FORMAT.md, "Archive".
//!
//! What must hold: an object that stands under its key is whole, synced, and never written again; a file that this code can't
//! read is an error with a name, whatever its bytes, never a panic; no error repeats what a record says.

mod columns;
mod config;
mod directory;
mod fields;
mod layout;
mod metadata;
mod pages;
mod promotion;
mod reader;
mod scan;
mod writer;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use sealtrail_chain::{Break, Segment, Sequence};

pub use config::{Config, Directory};
pub use directory::DirectoryArchive;
pub use fields::{ColumnMismatch, Extracted, Extractor, Fields};
pub use metadata::Footer;
pub use promotion::{Promotion, PromotionError, Promotions, Source};
pub use reader::{Reader, Row};
pub use writer::{SegmentWriter, Written};

/// A target of the archive: objects that are written once.
pub trait ArchiveLeg: Send + Sync + 'static {
    /// What the object at `key` says of its segment, if there is one.
    fn segment(&self, key: &str) -> impl Future<Output = Result<Option<Links>, Error>> + Send;
    /// Stores the Parquet file as `key`, unless there is one already: the same links are success, others an alarm.
    /// Afterwards `file` may be gone; where it is not, it is the caller's to remove.
    fn put_segment(&self, key: &str, file: &Path, segment: &Segment) -> impl Future<Output = Result<(), Error>> + Send;
    /// Stores a small sibling (genesis, checkpoint, range) as `key`; the same bytes again are success.
    fn put_note(&self, key: &str, bytes: &[u8]) -> impl Future<Output = Result<(), Error>> + Send;
    /// Where a Parquet file for `put_segment` is built (same file system as the target, where that is a directory).
    fn workdir(&self) -> Option<PathBuf>;
}

/// By which an object is recognised: its user metadata on S3, its footer in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    pub first: Sequence,
    pub last: Sequence,
    pub before: sealtrail_chain::Hash,
    pub after: sealtrail_chain::Hash,
}

impl From<&Segment> for Links {
    fn from(segment: &Segment) -> Self {
        Self { first: segment.first, last: segment.last, before: segment.before, after: segment.after }
    }
}

/// Why the archive doesn't take an object, a segment can't be built, or an object can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "object {key} exists with other links: expected {expected:?}, found {found:?}; another collector writes this chain, \
         or the archive was changed: run `sealtrail verify` on it"
    )]
    Differs { key: String, expected: Box<Links>, found: Box<Links> },
    #[error("object {key} exists with other bytes; another collector writes this chain, or the archive was changed")]
    NoteDiffers { key: String },
    #[error("`{key}` is not a key of the archive")]
    Key { key: String },

    #[error("record {sequence} does not follow the one before it, so its segment is not archived: {source}")]
    Follow { sequence: Sequence, source: Break },
    #[error("the content of record {sequence} is not canonical at byte {at}, so its segment is not archived")]
    Content { sequence: Sequence, at: usize },
    #[error("record {sequence} was observed past 2^63 nanoseconds, which no column can hold")]
    Time { sequence: Sequence },
    #[error("record {sequence} belongs to another UTC day than the segment it stands in")]
    Day { sequence: Sequence },
    #[error("a segment without records is not archived")]
    Empty,
    #[error("can't {doing} a Parquet file: {source}")]
    Write { doing: &'static str, source: ParquetError },

    #[error("can't {doing} {path}, it is damaged or not Parquet: {source}")]
    Unreadable { doing: &'static str, path: PathBuf, source: ParquetError },
    #[error("{path} has version {found:?} of the format; this release reads `{}`", layout::FORMAT)]
    Version { path: PathBuf, found: String },
    #[error("{path}: the file metadata `{key}` {problem}")]
    Metadata { path: PathBuf, key: &'static str, problem: &'static str },
    #[error("{path}: the column `{column}` {problem}")]
    Column { path: PathBuf, column: String, problem: &'static str },
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // test fixtures need no durable writes
mod tests;
