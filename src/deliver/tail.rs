//! Follows the log's files, record by record, from one into the next.

use std::sync::Arc;

use sealtrail_chain::{ChainName, CompactRange, Head, Root, Run, Sequence};

use super::checkpoint::Due;
use super::{Cursor, Failure, Wal};
use crate::wal::FileState;
use crate::wal::reader::Stored;

/// The place up to which the log has been read.
pub(super) struct Tail<W: Wal> {
    wal: Arc<W>,
    /// Names the file that `cursor` reads.
    file: Sequence,
    cursor: W::Cursor,
    /// From the size of the last checkpoint object to behind the last record that was read.
    run: Run,
    /// The object that the keys before still owe, which an earlier start has not signed.
    missed: Option<Due>,
}

/// Why reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// All that is synced has been read.
    CaughtUp,
    /// The reader has enough.
    Full,
    /// The file is closed and read to its end.
    SegmentEnd,
}

/// What was signed already, from which reading goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SignedState {
    /// The newest checkpoint of any kind.
    pub(super) newest: Option<(u64, Root)>,
    /// Size of the newest object; 0: none.
    pub(super) object: u64,
    /// A size at which there must be an object: the last one by the keys before a rotation.
    pub(super) owed: Option<u64>,
}

impl<W: Wal> Tail<W> {
    /// Goes to record `next`, through what lies between the last checkpoint object and it, so that the ranges of the next
    /// one are known. Where that object is older than the log, the ranges begin at 0: longer, and as true.
    pub(super) fn seek(wal: Arc<W>, files: &[FileState], signed: SignedState, next: Sequence) -> Result<Self, Failure> {
        let from = signed.object.min(next.get());
        let file = files.iter().rfind(|file| file.first.get() <= from).or(files.first());
        let file = file.ok_or(Failure::Short { next })?.first;
        let cursor = wal.open(file)?;
        let run = Run::from_start(cursor.head().clone());
        let mut tail = Self { wal, file, cursor, run, missed: None };
        loop {
            tail.check(signed)?;
            if tail.run.next().get() == signed.object {
                tail.cut();
            }
            if signed.owed.is_some_and(|size| size == tail.size() && size > signed.object) {
                let since = tail.cut();
                tail.missed = Some(Due::object(&tail.head(), since));
            }
            if tail.run.next() >= next {
                break;
            }
            let stop = tail.read(files, |_, _| Ok(false))?;
            if stop != Stop::Full && !tail.enter_next(files)? {
                return Err(Failure::Short { next });
            }
        }
        if tail.run.next() == next { Ok(tail) } else { Err(Failure::Short { next }) }
    }

    /// Reads on to the end of the file or of what is synced, as long as `each` wants more.
    pub(super) fn read(
        &mut self,
        files: &[FileState],
        mut each: impl FnMut(&ChainName, &Stored<'_>) -> Result<bool, Failure>,
    ) -> Result<Stop, Failure> {
        let next = self.run.next();
        let file = files.iter().find(|file| file.first == self.file).ok_or(Failure::Short { next })?;
        while let Some(stored) = self.cursor.next(file.synced)? {
            self.run.follow_link(&stored.link)?;
            if !each(self.run.chain(), &stored)? {
                return Ok(Stop::Full);
            }
        }
        if self.run.next() != end_of(file) {
            return Err(Failure::Short { next: self.run.next() });
        }
        Ok(if file.closed { Stop::SegmentEnd } else { Stop::CaughtUp })
    }

    /// Whether this file is closed and read to its end.
    pub(super) fn is_at_end(&self, files: &[FileState]) -> bool {
        let next = self.run.next();
        // A file that is listed no longer was released: then both legs have confirmed it, so it was read to its end.
        let file = files.iter().find(|file| file.first == self.file);
        next != self.file && file.is_none_or(|file| file.closed && end_of(file) == next)
    }

    /// Goes into the next file, when this one is read to its end and there is one.
    pub(super) fn enter_next(&mut self, files: &[FileState]) -> Result<bool, Failure> {
        let next = self.run.next();
        if !self.is_at_end(files) || !files.iter().any(|file| file.first == next) {
            return Ok(false);
        }
        let cursor = self.wal.open(next)?;
        // The header repeats the head: a file that doesn't continue this chain is found before its first record.
        if cursor.head().hash() != self.run.hash() || cursor.head().next() != next {
            return Err(Failure::Short { next });
        }
        (self.file, self.cursor) = (next, cursor);
        Ok(true)
    }

    /// What is to be signed that lies before the place that was sought.
    pub(super) fn missed(&mut self) -> Option<Due> {
        self.missed.take()
    }

    /// The chain's head behind the last record that was read. Joined anew at each call: not for every record.
    pub(super) fn head(&self) -> Head {
        self.run.head()
    }

    /// How many records of the chain have been read.
    pub(super) fn size(&self) -> u64 {
        self.run.next().get()
    }

    /// The range since the last object; from here on it is counted anew.
    pub(super) fn cut(&mut self) -> CompactRange {
        self.run.cut()
    }

    /// A size is never signed over two roots, so one that was signed must be the chain's.
    fn check(&self, signed: SignedState) -> Result<(), Failure> {
        match signed.newest {
            Some((size, root)) if size == self.size() && size > 0 && root != self.head().root() => {
                Err(Failure::Contradiction { size })
            }
            _ => Ok(()),
        }
    }
}

fn end_of(file: &FileState) -> Sequence {
    Sequence::new(file.first.get() + file.records)
}
