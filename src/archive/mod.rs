//! The archive leg: one closed WAL file becomes one Parquet object, which is never changed. It lies in a bucket ([`s3`]), or
//! in a directory that holds the very keys of one.
//!
//! [`SegmentWriter`] turns records into such a file and recomputes every checksum and link on the way; [`Reader`] gives them
//! back; [`Extractor`] is the one place that says what a content puts into the promoted columns, so what fills them also
//! checks them. Columns and metadata: FORMAT.md, "Archive".
//!
//! What must hold: an object that stands under its key is whole, synced, and never written again; a file that this code can't
//! read is an error with a name, whatever its bytes, never a panic; no error repeats what a record says.

mod columns;
mod config;
mod contents;
mod directory;
mod fields;
mod follow;
mod layout;
mod links;
pub mod listing;
mod metadata;
mod pages;
mod promotion;
mod reader;
pub mod s3;
mod scan;
mod strict;
mod target;
mod writer;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use sealtrail_chain::{Break, Segment, Sequence};

pub use config::{Config, Directory, Place};
pub use contents::ContentPage;
pub use directory::DirectoryArchive;
pub use fields::{ColumnMismatch, Extracted, Extractor, Fields};
pub use links::{LinkReader, Linked};
pub use metadata::Footer;
pub use promotion::{Promotion, PromotionError, Promotions, Source};
pub use reader::{Reader, Row};
pub use strict::{Checked, Checker};
pub use target::Target;
pub use writer::{Memory, SegmentWriter, Written};

/// A target of the archive: objects that are written once.
pub trait ArchiveLeg: Send + Sync + 'static {
    /// What the object at `key` says of its segment, if there is one.
    fn segment(&self, key: &str) -> impl Future<Output = Result<Option<Links>, Error>> + Send;
    /// Stores the Parquet file as `key`, unless there is one already: the same links are success, others an alarm.
    /// Afterwards `file` may be gone; where it is not, it is the caller's to remove.
    fn put_segment(&self, key: &str, file: &Path, segment: &Segment) -> impl Future<Output = Result<(), Error>> + Send;
    /// What the object at `key` proves of its segment: its records were read, and each follows the one before.
    fn proven(&self, key: &str) -> impl Future<Output = Result<Option<Links>, Error>> + Send;
    /// Stores a small sibling (genesis, checkpoint, range) as `key`; the same bytes again are success.
    fn put_note(&self, key: &str, bytes: &[u8]) -> impl Future<Output = Result<(), Error>> + Send;
    /// Where a Parquet file for `put_segment` is built (same file system as the target, where that is a directory).
    fn workdir(&self) -> Option<PathBuf>;
}

/// An archive as its readers see it. Keys are those of FORMAT.md, "Archive", wherever it lies.
pub trait Objects: Send + Sync {
    /// All objects whose keys begin so, in the order of their keys.
    fn list(&self, below: &str) -> impl Future<Output = Result<Vec<Listed>, Error>> + Send;
    /// As `list`, of those alone whose keys come behind `behind`, which begins with `below`.
    fn list_behind(&self, below: &str, behind: &str) -> impl Future<Output = Result<Vec<Listed>, Error>> + Send {
        async move {
            let mut listed = self.list(below).await?;
            listed.retain(|object| object.key.as_str() > behind);
            Ok(listed)
        }
    }
    /// A small object (genesis, checkpoint, range), if it is there.
    fn note(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, Error>> + Send;
    /// A segment.
    fn object(&self, key: &str) -> impl Future<Output = Result<Reader, Error>> + Send;
}

/// How long a small object may be, by its key: whoever writes one keeps to it, and nobody reads further. Notes, ranges,
/// cosignatures and time stamps have some kilobytes; the lists of revoked certificates beside a stamp some megabytes each.
pub fn longest(key: &str) -> u64 {
    if key.ends_with(".crl") { 64 << 20 } else { 1 << 20 }
}

/// An object by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    pub bytes: u64,
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
    #[error("the records of {path} {problem}: the archive was changed; run `sealtrail verify` on it")]
    Unproven { path: PathBuf, problem: &'static str },
    #[error("`{key}` is not a key of the archive")]
    Key { key: String },
    #[error(transparent)]
    S3(#[from] s3::Error),

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

impl Error {
    /// Whether the same call may succeed later. What isn't passing needs a person.
    pub fn is_passing(&self) -> bool {
        match self {
            // A Parquet file is written from checked records: what fails there is the disk.
            Self::Io { .. } | Self::Write { .. } => true,
            Self::S3(error) => error.is_passing(),
            _ => false,
        }
    }

    /// Whether an object was read, and is none of the format.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Unreadable { .. } | Self::Metadata { .. } | Self::Column { .. })
    }

    /// One word for own records.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Io { .. } | Self::Write { .. } => "io",
            Self::S3(error) => error.reason(),
            Self::Differs { .. } | Self::NoteDiffers { .. } => "object_differs",
            Self::Unreadable { .. }
            | Self::Version { .. }
            | Self::Metadata { .. }
            | Self::Column { .. }
            | Self::Unproven { .. } => "object_unreadable",
            _ => "archive_refused",
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // test fixtures need no durable writes
mod tests;
