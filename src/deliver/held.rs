//! The write-ahead log's files, as the legs see them.

use std::sync::Arc;

use sealtrail_chain::{Head, Sequence};

use super::{Cursor, Wal};
use crate::host::Disk;
use crate::stream::End;
use crate::wal::reader::{Error, Reader, Stored};
use crate::wal::{Fence, Leg, ReleaseError, Shelf};

/// The held files of this process's log.
pub struct Held {
    disk: Arc<dyn Disk>,
    shelf: Arc<Shelf>,
    fence: Fence,
}

impl Held {
    pub fn new(disk: Arc<dyn Disk>, shelf: Arc<Shelf>, fence: Fence) -> Self {
        Self { disk, shelf, fence }
    }
}

impl Wal for Held {
    type Cursor = Reader;

    fn open(&self, first: Sequence) -> Result<Reader, Error> {
        Reader::open(&*self.disk, &self.shelf.path(first))
    }

    fn confirm(&self, leg: Leg, end: End) {
        self.shelf.legs().confirm(leg, end.last, end.hash);
    }

    fn release(&self, first: Sequence) -> Result<(), ReleaseError> {
        self.shelf.release(first)
    }

    fn fence(&self, fenced: bool) {
        self.fence.set(fenced);
    }
}

impl Cursor for Reader {
    fn head(&self) -> &Head {
        self.head()
    }

    fn rules(&self) -> [u8; 32] {
        self.rules()
    }

    fn next(&mut self, synced: u64) -> Result<Option<Stored<'_>>, Error> {
        self.next(synced)
    }
}
