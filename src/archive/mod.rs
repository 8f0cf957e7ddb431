//! The archive leg: one closed WAL file becomes one Parquet object, which is never changed. Its directory twin holds the
//! very keys of the bucket.

use std::future::Future;
use std::path::{Path, PathBuf};

use sealtrail_chain::Segment;

/// A target of the archive: objects that are written once.
pub trait ArchiveLeg: Send + Sync + 'static {
    /// What the object at `key` says of its segment, if there is one.
    fn segment(&self, key: &str) -> impl Future<Output = Result<Option<Links>, Error>> + Send;
    /// Stores the Parquet file as `key`, unless there is one already: the same links are success, others an alarm.
    fn put_segment(&self, key: &str, file: &Path, segment: &Segment) -> impl Future<Output = Result<(), Error>> + Send;
    /// Stores a small sibling (genesis, checkpoint, range) as `key`; the same bytes again are success.
    fn put_note(&self, key: &str, bytes: &[u8]) -> impl Future<Output = Result<(), Error>> + Send;
    /// Where a Parquet file for `put_segment` is best built (same file system as the target, where that is a directory).
    fn workdir(&self) -> Option<PathBuf>;
}

/// By which an object is recognised: its user metadata on S3, its footer in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    pub first: sealtrail_chain::Sequence,
    pub last: sealtrail_chain::Sequence,
    pub before: sealtrail_chain::Hash,
    pub after: sealtrail_chain::Hash,
}

/// Why the archive doesn't take an object, or a segment can't be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("object {key} exists with other links: expected {expected:?}, found {found:?}")]
    Differs { key: String, expected: Box<Links>, found: Box<Links> },
}
