//! What delivery asks of the write-ahead log and of the archive, answered by them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use sealtrail_chain::{Segment, Sequence};

use crate::archive::{self, Promotions, SegmentWriter};
use crate::deliver::{Build, Cursor, Failure, STREAM, Wal};
use crate::host::Disk;
use crate::stream::End;
use crate::wal::reader::{self, Reader};
use crate::wal::{Leg, ReleaseError, Shelf};

/// The log's files, as the legs see them.
pub(super) struct Files {
    shelf: Arc<Shelf>,
    disk: Arc<dyn Disk>,
}

impl Files {
    pub(super) fn new(shelf: Arc<Shelf>, disk: Arc<dyn Disk>) -> Self {
        Self { shelf, disk }
    }
}

impl Wal for Files {
    type Cursor = Reader;

    fn open(&self, first: Sequence) -> Result<Reader, reader::Error> {
        Reader::open(&*self.disk, &self.shelf.path(first))
    }

    fn confirm(&self, leg: &'static str, end: End) {
        let leg = if leg == STREAM { Leg::Stream } else { Leg::Archive };
        self.shelf.legs().confirm(leg, end.last, end.hash);
    }

    fn release(&self, first: Sequence) -> io::Result<()> {
        self.shelf.release(first).map_err(|error| match error {
            ReleaseError::Io { source, .. } => source,
            other => io::Error::other(other),
        })
    }
}

/// Builds the Parquet object of one closed file.
pub(super) struct Builder {
    pub(super) promotions: Promotions,
}

impl Build for Builder {
    fn build<C: Cursor>(&self, mut cursor: C, synced: u64, path: &Path) -> Result<Segment, Failure> {
        let io = |doing| move |source| Failure::Io { doing, path: path.to_owned(), source };
        let file = create(path).map_err(io("create"))?;
        let rules = cursor.rules();
        let out = io::BufWriter::with_capacity(1 << 20, file);
        let mut writer = SegmentWriter::new(cursor.head().clone(), &self.promotions, rules, out)?;
        while let Some(stored) = cursor.next(synced)? {
            writer.push(&stored.link, stored.content)?;
        }
        let archive::Written { segment, out, .. } = writer.finish()?;
        let file = out.into_inner().map_err(|error| io("write")(error.into_error()))?;
        file.sync_all().map_err(io("sync"))?;
        Ok(segment)
    }
}

#[allow(clippy::disallowed_methods, reason = "synced before it is renamed into place, which the archive leg does")]
fn create(path: &Path) -> io::Result<std::fs::File> {
    std::fs::File::create(path)
}
