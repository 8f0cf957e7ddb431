//! The log's writing end, without threads or waiting: seals groups, writes and syncs them, changes files.
//!
//! What each step leaves behind when the machine stops there, or the call fails:
//! - *new file*: written and synced under another name, then renamed, then the directory synced. Before the rename: a leftover
//!   that the next start removes. After it: an empty file whose header says where the one before ends, and that one is never
//!   written again, because this process can't know which of the two the next start will see.
//! - *group*: one write, one `fdatasync`. Before the sync returns: nobody was told; the next start keeps what is sound and
//!   cuts the rest. After it: acknowledged.
//! - *a sync that failed*: the kernel may mark the pages clean although they never reached the disk, so a second sync proves
//!   nothing, and neither does reading back: that answers from the same cache. The file ends where it was synced before; the
//!   group goes into a new file whose header says so, and only that file's sync acknowledges it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sealtrail_chain::{Head, UnixNanos};

use super::config::Config;
use super::frame::{self, FileId};
use super::header::{Header, Previous};
use super::shelf::{self, Shelf};
use super::{Durable, FileState};
use crate::host::{Disk, File, Lock, entropy};
use crate::mask::Masked;
use crate::observe::event;
use crate::seal::Sealer;

/// The chain's growing end on the disk.
pub struct Log {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segment: super::config::Segment,
    sealer: Sealer,
    rules: [u8; 32],
    /// `None`: there is no file that may be written; the next group makes one.
    file: Option<Open>,
    /// Where the newest file that holds a record ends.
    last: Option<Previous>,
    shelf: Arc<Shelf>,
    group: Vec<u8>,
    _lock: Lock,
}

struct Open {
    file: Box<dyn File>,
    id: FileId,
    state: FileState,
    /// Monotonic time of its first record.
    since: Duration,
    /// Whether its last frame is a mark.
    marked: bool,
}

const DAY: u64 = 86_400_000_000_000;

impl Log {
    /// Begins a new file behind what was recovered. `last`: where the newest file with a record ends.
    pub(super) fn begin(
        disk: Arc<dyn Disk>,
        dir: &Path,
        lock: Lock,
        config: &Config,
        head: Head,
        rules: [u8; 32],
        last: Option<Previous>,
        shelf: Arc<Shelf>,
    ) -> io::Result<Self> {
        let (dir, segment, sealer) = (dir.to_owned(), config.segment, Sealer::new(head));
        let mut log =
            Self { disk, dir, segment, sealer, rules, file: None, last, shelf, group: Vec::new(), _lock: lock };
        log.next_file()?;
        Ok(log)
    }

    pub fn head(&self) -> &Head {
        self.sealer.head()
    }

    pub fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    /// Whether there is a file that can be written.
    pub fn is_writable(&self) -> bool {
        self.file.is_some()
    }

    /// Seals the records, one after the other and all at `observed`, and makes them durable together; `now` is the monotonic
    /// clock. After an error none of them is in the chain. `records` must not be empty.
    pub fn append(
        &mut self,
        observed: UnixNanos,
        now: Duration,
        records: impl IntoIterator<Item = Masked>,
    ) -> io::Result<Durable> {
        let before = self.head().clone();
        if self.crosses_midnight(observed) {
            self.file = None;
        }
        let (id, start) = self.writable()?;
        self.group.clear();
        for record in records {
            let sealed = self.sealer.seal(observed, record);
            frame::push_record(&mut self.group, &id, start, sealed.link(), sealed.content().as_str());
        }
        if self.write(now).or_else(|error| self.write_elsewhere(&before, now, error)).is_ok() {
            return Ok(self.publish(&before));
        }
        self.sealer = Sealer::new(before);
        self.file = None;
        Err(io::ErrorKind::Other.into())
    }
}
