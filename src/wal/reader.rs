//! Reads the records of one WAL file, in order, up to a synced mark.

use std::path::Path;

use sealtrail_chain::{Head, Link};

use crate::host::Disk;

/// One record as the log holds it.
pub struct Stored<'a> {
    pub link: Link,
    pub content: &'a str,
    /// Offset behind its frame.
    pub end: u64,
}

pub struct Reader {}

impl Reader {
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Self, Error> {
        let _ = (disk, path);
        todo!()
    }
    /// The chain's head before the first record of the file.
    pub fn head(&self) -> &Head {
        todo!()
    }
    /// The next record whose frame ends at or below `synced`; its frame checksum is checked, its link not.
    pub fn next(&mut self, synced: u64) -> Result<Option<Stored<'_>>, Error> {
        let _ = synced;
        todo!()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't read {path}: {source}")]
    Io { path: std::path::PathBuf, source: std::io::Error },
    #[error("{path} is damaged at byte {at}")]
    Damaged { path: std::path::PathBuf, at: u64 },
    #[error("{path} has version {found} of the format; this release reads 1")]
    Version { path: std::path::PathBuf, found: u32 },
}
