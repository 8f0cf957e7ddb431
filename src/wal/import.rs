//! Reads the log that a collector left behind, when another one has gone on with its chain: to its end, or to where it is
//! damaged. Nothing is changed there but the lock, which no running collector may hold.
//!
//! This module alone gives records out as [`Masked`] that no engine of this process has seen: what was masked before it was
//! sealed, and is byte for byte what its link says, behind a head that whoever asks has found in the chain (promise 2).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::content::{self, By, Content};
use sealtrail_chain::{ChainName, Hash, Head, Link, Sequence};

use super::frame::FileId;
use super::reader::{self, Reader};
use super::recover::first_of;
use super::scan::{Tail, scan};
use super::shelf;
use crate::host::{Disk, Lock};
use crate::mask::Masked;

/// A log that is not ours, held for as long as it is read.
pub struct OldLog {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    _lock: Lock,
    stretches: Vec<Stretch>,
}

/// Records that follow each other from the head in a file's header on.
#[derive(Clone, Debug)]
pub struct Stretch {
    files: Vec<OldFile>,
    /// Why it ends; `None`: the log does.
    pub damage: Option<Damage>,
}

#[derive(Clone, Debug)]
struct OldFile {
    id: FileId,
    rules: [u8; 32],
    /// Before its first record.
    head: Head,
    /// First record that it doesn't hold, and hash of the one before that.
    behind: (Sequence, Hash),
    /// Bytes that count.
    end: u64,
}

/// Where a log can't be read on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Damage {
    #[error("{} is damaged at byte {at}", path.display())]
    Bytes { path: PathBuf, at: u64 },
    #[error("a file before that of record {before} is missing in {}", dir.display())]
    Missing { dir: PathBuf, before: Sequence },
}

/// Why an old log is not read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("another process holds {}: a collector runs on it\n  remedy  stop that collector first; of the running collector's own log nothing needs to be imported", path.display())]
    Locked { path: PathBuf },
    #[error("can't {doing} {}: {source}\n  remedy  name the `wal` directory of the old collector, on a disk that this collector's user may read and write (a copy does)", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{} holds no file of a write-ahead log\n  remedy  name the `wal` directory of the old collector", dir.display())]
    Nothing { dir: PathBuf },
    #[error("{} holds the chain `{found}`, not `{expected}`\n  remedy  import it into the collector of `{found}`", path.display())]
    OtherChain { path: PathBuf, found: ChainName, expected: ChainName },
    #[error(
        "{error}\n  remedy  a version: use the release that wrote it; damage to a header: restore the file from a copy of the disk"
    )]
    File { error: reader::Error },
}

/// Locks the directory and judges each of its files, as a start would.
pub fn open(disk: Arc<dyn Disk>, dir: &Path, chain: &ChainName) -> Result<OldLog, Error> {
    let failed = |doing| move |source| Error::Io { doing, path: dir.to_owned(), source };
    let names = disk.list(dir).map_err(failed("read"))?;
    let firsts: Vec<Sequence> = names.iter().filter_map(|name| first_of(name)).collect();
    if firsts.is_empty() {
        return Err(Error::Nothing { dir: dir.to_owned() });
    }
    let lock = disk.lock(&dir.join("lock")).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Error::Locked { path: dir.to_owned() },
        _ => failed("lock")(error),
    })?;
    let mut log = OldLog { disk, dir: dir.to_owned(), _lock: lock, stretches: Vec::new() };
    log.read(&firsts, chain)?;
    Ok(log)
}

impl OldLog {
    /// The stretches of records, oldest first.
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Reads a stretch from record `from` on.
    pub fn records(&self, stretch: &Stretch, from: Sequence) -> Result<OldRecords, Error> {
        let at = stretch.files.iter().rposition(|file| file.head.next() <= from).unwrap_or(0);
        let files: Vec<OldFile> = stretch.files.iter().skip(at).cloned().collect();
        let head = files.first().map(|file| file.head.clone());
        let head = head.ok_or_else(|| Error::Nothing { dir: self.dir.clone() })?;
        let mut records = OldRecords {
            disk: Arc::clone(&self.disk),
            dir: self.dir.clone(),
            files: files.into_iter(),
            open: None,
            head,
        };
        while records.head.next() < from && records.next()?.is_some() {}
        Ok(records)
    }

    fn read(&mut self, firsts: &[Sequence], chain: &ChainName) -> Result<(), Error> {
        let mut readers = Vec::new();
        for first in firsts {
            let path = shelf::path(&self.dir, *first);
            match Reader::open(&*self.disk, &path) {
                Ok(reader) if reader.head().chain() != chain => {
                    let found = reader.head().chain().clone();
                    return Err(Error::OtherChain { path, found, expected: chain.clone() });
                }
                Ok(reader) if reader.head().next() == *first => readers.push((path, Some(reader))),
                Ok(_) | Err(reader::Error::Damaged { .. }) => readers.push((path, None)),
                Err(error) => return Err(Error::File { error }),
            }
        }
        let mut readers = readers.into_iter().peekable();
        while let Some((path, reader)) = readers.next() {
            let Some(reader) = reader else {
                self.damaged(Damage::Bytes { path, at: 0 });
                continue;
            };
            // Where it ends is known from the one behind it, if that names it.
            let previous = readers.peek().and_then(|(_, next)| next.as_ref()?.header().previous);
            let end = previous.filter(|previous| previous.first == reader.head().next()).map(|previous| previous.end);
            self.add(path, &reader, end)?;
        }
        Ok(())
    }

    /// Adds a file to the stretch that it continues, or begins one with it.
    fn add(&mut self, path: PathBuf, reader: &Reader, end: Option<u64>) -> Result<(), Error> {
        let failed = |source| Error::Io { doing: "read", path: path.clone(), source };
        let len = reader.file().len().map_err(failed)?;
        let (limit, header) = (end.unwrap_or(len).min(len), reader.header());
        let scanned = scan(reader.file(), header, reader.start(), limit, end.unwrap_or(0)).map_err(failed)?;
        let (mut end, mut damage) = match scanned.tail {
            Tail::Clean { end } | Tail::Torn { end } => (end, None),
            Tail::Damaged { at } => (at, Some(Damage::Bytes { path: path.clone(), at })),
        };
        let head = header.head.clone();
        let mut behind = (scanned.head.next(), scanned.head.hash());
        if let Some((at, before)) = self.edited(&path, end)? {
            (end, behind) = (at, (before.next(), before.hash()));
            damage = Some(Damage::Bytes { path: path.clone(), at });
        }
        let file = OldFile { id: header.id, rules: header.rules, head: head.clone(), behind, end };
        let joint = (head.next(), head.hash());
        match self.stretches.last_mut().filter(|stretch| stretch.damage.is_none()) {
            Some(stretch) if stretch.behind() == Some(joint) => stretch.files.push(file),
            open => {
                if let Some(stretch) = open {
                    stretch.damage = Some(Damage::Missing { dir: self.dir.clone(), before: head.next() });
                }
                self.stretches.push(Stretch { files: vec![file], damage: None });
            }
        }
        if let Some(damage) = damage {
            self.damaged(damage);
        }
        Ok(())
    }

    /// Where the first record stands whose content is not the one that was sealed, and the head before it: frames have checksums
    /// that anyone can make anew.
    fn edited(&self, path: &Path, end: u64) -> Result<Option<(u64, Head)>, Error> {
        let failed = |error| Error::File { error };
        let mut reader = Reader::open(&*self.disk, path).map_err(failed)?;
        let (mut head, mut at) = (reader.head().clone(), reader.start());
        while let Some(stored) = reader.next(end).map_err(failed)? {
            let sound = Content::parse(stored.content.to_owned()).is_ok();
            if !sound || head.follow(&stored.link, stored.content).is_err() {
                return Ok(Some((at, head)));
            }
            at = stored.end;
        }
        Ok(None)
    }

    fn damaged(&mut self, damage: Damage) {
        if let Some(stretch) = self.stretches.last_mut().filter(|stretch| stretch.damage.is_none()) {
            stretch.damage = Some(damage);
        }
    }
}

impl Stretch {
    /// First record that it holds, and hash of the one before.
    pub fn begin(&self) -> Option<(Sequence, Hash)> {
        self.files.first().map(|file| (file.head.next(), file.head.hash()))
    }

    /// First record that it doesn't hold, and hash of the one before that.
    pub fn behind(&self) -> Option<(Sequence, Hash)> {
        self.files.last().map(|file| file.behind)
    }
}

/// The records of a stretch, each checked to follow the one before.
pub struct OldRecords {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    files: std::vec::IntoIter<OldFile>,
    open: Option<(OldFile, Reader)>,
    head: Head,
}

/// One record of an old log.
pub struct OldRecord {
    pub link: Link,
    /// `None`: the old collector's own word about itself, which is not repeated as if it were ours.
    pub masked: Option<Masked>,
    /// Id of its file, and digest of the rules that it was masked under.
    pub file: [u8; 16],
    pub rules: [u8; 32],
}

impl OldRecords {
    /// The record that comes next.
    #[allow(clippy::should_implement_trait, reason = "it can fail, and whoever asks must stop then")]
    pub fn next(&mut self) -> Result<Option<OldRecord>, Error> {
        let next = self.head.next();
        let open = open_next(&*self.disk, &self.dir, &mut self.files, &mut self.open, next)?;
        let (head, Some((file, reader))) = (&mut self.head, open) else { return Ok(None) };
        let path = shelf::path(&self.dir, file.head.next());
        let stored = reader.next(file.end).map_err(|error| Error::File { error })?;
        let Some(stored) = stored else {
            return Err(Error::File { error: reader::Error::Damaged { path, at: file.end } });
        };
        let damaged = || Error::File { error: reader::Error::Damaged { path: path.clone(), at: stored.end } };
        let link = stored.link;
        let own = content::read(stored.content).map_err(|_| damaged())?.context.received.by == By::Own;
        let masked = if own {
            head.follow(&link, stored.content).map_err(|_| damaged())?;
            None
        } else {
            let content = Content::parse(stored.content.to_owned()).map_err(|_| damaged())?;
            Some(Masked::sealed_before(head, &link, content).map_err(|_| damaged())?)
        };
        Ok(Some(OldRecord { link, masked, file: file.id, rules: file.rules }))
    }
}

/// The file that holds the record that comes next, open.
fn open_next<'a>(
    disk: &dyn Disk,
    dir: &Path,
    files: &mut std::vec::IntoIter<OldFile>,
    open: &'a mut Option<(OldFile, Reader)>,
    next: Sequence,
) -> Result<Option<&'a mut (OldFile, Reader)>, Error> {
    while open.as_ref().is_none_or(|(file, _)| file.behind.0 <= next) {
        let Some(file) = files.next() else { return Ok(None) };
        let reader = Reader::open(disk, &shelf::path(dir, file.head.next())).map_err(|error| Error::File { error })?;
        *open = Some((file, reader));
    }
    Ok(open.as_mut())
}

#[cfg(test)]
mod tests;
