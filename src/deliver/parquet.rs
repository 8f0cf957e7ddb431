//! Makes the Parquet object of one closed file of the log.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealtrail_chain::{Head, Run, Segment, Sequence};

use super::{Build, Cursor, Failure};
use crate::archive::{Memory, Promotions, SegmentWriter};
use crate::host::{Disk, File};

/// Builds objects with these promotions, which don't change while the process runs.
pub struct ParquetBuild {
    disk: Arc<dyn Disk>,
    promotions: Promotions,
    /// Of the object before, unless one is being built.
    memory: Mutex<Option<Memory>>,
}

impl ParquetBuild {
    pub fn new(disk: Arc<dyn Disk>, promotions: Promotions) -> Self {
        Self { disk, promotions, memory: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Option<Memory>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Build for ParquetBuild {
    fn build<C: Cursor>(&self, mut cursor: C, from: Sequence, synced: u64, path: &Path) -> Result<Segment, Failure> {
        let failed = |doing| move |source| Failure::Io { doing, path: path.to_owned(), source };
        let file = self.disk.create(path).map_err(failed("create"))?;
        let out = BufWriter::with_capacity(STEP, Append { file: &*file, at: 0 });
        let head = pass_over(&mut cursor, from, synced)?;
        let memory = self.memory().take();
        let mut writer = SegmentWriter::with_memory(head, &self.promotions, cursor.rules(), out, memory)?;
        while let Some(stored) = cursor.next(synced)? {
            writer.push(&stored.link, stored.content)?;
        }
        let mut written = writer.finish()?;
        written.out.flush().map_err(failed("write"))?;
        file.sync().map_err(failed("sync"))?;
        *self.memory() = Some(written.memory);
        Ok(written.segment)
    }
}

/// Goes to record `from`; gives the head before it.
pub(super) fn pass_over<C: Cursor>(cursor: &mut C, from: Sequence, synced: u64) -> Result<Head, Failure> {
    let mut run = Run::behind(cursor.head().clone());
    while run.next() < from {
        let stored = cursor.next(synced)?.ok_or(Failure::Short { next: from })?;
        run.follow_link(&stored.link)?;
    }
    Ok(run.head())
}

/// Bytes written at a time. The Parquet library hands on 8 KiB, for which asking the kernel costs as much as the bytes.
const STEP: usize = 256 << 10;

/// A file as a writer that goes on behind what it wrote.
struct Append<'a> {
    file: &'a dyn File,
    at: u64,
}

impl Write for Append<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
