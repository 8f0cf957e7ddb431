//! Streams through a file: any stretch of it can be asked for, and what lies near the last one is at hand.

use std::io;
use std::ops::Range;

use crate::host::File;

/// Bytes that can be read at an offset: a file, or, in a test, a slice.
pub(super) trait Source {
    /// Reads at `offset` as much as there is, up to the buffer's length.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// As [`File::uncache`].
    fn uncache(&self, _bytes: Range<u64>) {}
}

impl Source for dyn File + '_ {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        File::read_at(self, buffer, offset)
    }

    fn uncache(&self, bytes: Range<u64>) {
        File::uncache(self, bytes);
    }
}

impl Source for [u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

/// Bytes read at a time; more only for a larger frame.
const STEP: usize = 256 << 10;

/// Of each file the kernel shall cache so much before its synced end, for a leg that is not far behind; what lies before that is
/// given back as soon as it was written, or read. A backlog of days would else drive all other memory out, and new pages cost
/// several times what it costs to write into those that were given back just now.
const CACHED: u64 = 64 << 20;

/// How far a file that is synced up to `synced` needs no cache.
pub(super) fn uncached(synced: u64) -> u64 {
    synced.saturating_sub(CACHED)
}

/// The part of a file that is in memory.
#[derive(Default)]
pub(super) struct Window {
    buffer: Vec<u8>,
    /// Offset of `buffer[0]`.
    start: u64,
    /// Bytes of the buffer that are the file's.
    len: usize,
    /// Where what was not yet given back begins.
    kept: u64,
}

impl Window {
    /// The `len` bytes at `at`, or fewer when `limit` or the file's end comes before. `limit` must not be larger than what
    /// is known to be written, or a later call could see an older state of those bytes.
    pub(super) fn bytes<S: Source + ?Sized>(
        &mut self,
        source: &S,
        at: u64,
        len: usize,
        limit: u64,
    ) -> io::Result<&[u8]> {
        let len = len.min(usize::try_from(limit.saturating_sub(at)).unwrap_or(usize::MAX));
        if at < self.start || at + len as u64 > self.start + self.len as u64 {
            self.load(source, at, len, limit)?;
        }
        let from = (at - self.start) as usize;
        Ok(&self.buffer[from.min(self.len)..self.len.min(from + len)])
    }

    fn load<S: Source + ?Sized>(&mut self, source: &S, at: u64, len: usize, limit: u64) -> io::Result<()> {
        let want = usize::try_from(limit.saturating_sub(at)).unwrap_or(usize::MAX).min(STEP.max(len));
        if self.buffer.len() < want {
            self.buffer.resize(want, 0);
        }
        // Nothing is at hand until the read has succeeded.
        (self.start, self.len) = (at, 0);
        self.len = source.read_at(&mut self.buffer[..want], at)?;
        let end = at.min(uncached(limit));
        if end > self.kept {
            source.uncache(self.kept..end);
            self.kept = end;
        }
        Ok(())
    }
}
