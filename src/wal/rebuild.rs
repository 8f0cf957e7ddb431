//! Makes files of the log from records that a leg holds, where this machine has no log of the chain: as the collector that
//! sealed them would have left them, so that everything else goes on as after any start.
//!
//! A mark (`rebuilding`) lies in the directory from before the first file until the chain was gone on with
//! ([`done`]). While it is there, nothing that lies beside it counts: nobody was told of it, and the legs hold it. So a crash
//! at any step costs the work done so far and nothing else.

use std::io;
use std::path::{Path, PathBuf};

use sealtrail_chain::{Break, ChainName, Head, Link, Sequence};

use super::config::Config;
use super::frame::{self, FileId};
use super::header::{Header, Previous};
use super::legs::{Confirmed, Leg};
use super::log::replace;
use super::recover::{Recovered, Vacant};
use super::shelf;
use super::{DAY, Error};
use crate::host::{Disk, File, entropy};

/// Name of the mark.
pub(super) const MARK: &str = "rebuilding";
/// Bytes that are written and synced at a time.
const GROUP: usize = 4 << 20;
/// The stream doesn't tell by which rules a record was masked.
const RULES_UNKNOWN: [u8; 32] = [0; 32];

/// Files that are being made.
pub struct Rebuild {
    vacant: Vacant,
    head: Head,
    max_bytes: u64,
    file: Open,
    /// Frames that are not written yet.
    group: Vec<u8>,
    records: u64,
}

struct Open {
    file: Box<dyn File>,
    id: FileId,
    first: Sequence,
    /// Bytes that are written and synced.
    synced: u64,
}

/// Why a record is not taken.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error("record {sequence} doesn't follow the one before it: {source}")]
    Break { sequence: Sequence, source: Break },
    #[error(transparent)]
    Wal(#[from] Error),
}

impl Rebuild {
    /// Begins behind `head`, in a directory that holds no record that counts; what an attempt before this one left is removed.
    pub fn begin(vacant: Vacant, config: &Config, head: Head) -> Result<Self, Error> {
        let Vacant { disk, dir, leftovers, .. } = &vacant;
        let io = |doing| move |source| Error::Io { doing, path: dir.clone(), source };
        replace(&**disk, dir, &dir.join(MARK), b"", None).map_err(io("mark as being rebuilt"))?;
        for path in leftovers {
            remove_if_there(&**disk, path).map_err(io("remove leftovers in"))?;
        }
        disk.sync_dir(dir).map_err(io("sync"))?;
        let file = Open::new(&**disk, dir, &head, None).map_err(io("begin a file in"))?;
        Ok(Self { vacant, head, max_bytes: config.segment.max_mib << 20, file, group: Vec::new(), records: 0 })
    }

    /// Adds the next record, once it proves to follow the one before.
    pub fn push(&mut self, link: &Link, content: &str) -> Result<(), RebuildError> {
        let mut head = self.head.clone();
        head.follow(link, content).map_err(|source| RebuildError::Break { sequence: link.sequence, source })?;
        if self.is_full(link) {
            self.next_file()?;
        }
        let (mut room, start) = ([0; frame::ROOM], self.file.synced);
        frame::fill(&mut room, link, content.as_bytes(), self.group.len());
        frame::place(&mut room, content.as_bytes(), &self.file.id, start + self.group.len() as u64);
        self.group.extend_from_slice(&room);
        self.group.extend_from_slice(content.as_bytes());
        (self.head, self.records) = (head, self.records + 1);
        if self.group.len() >= GROUP { Ok(self.write()?) } else { Ok(()) }
    }

    /// The chain's head behind the last record.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// How many records were added.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Makes the files durable, notes what the legs hold, and reads the directory as a start does.
    pub fn finish(mut self, stream: Option<Confirmed>, archive: Option<Confirmed>) -> Result<Recovered, Error> {
        self.write()?;
        let Vacant { dir, legs, .. } = &self.vacant;
        for (leg, confirmed) in [(Leg::Stream, stream), (Leg::Archive, archive)] {
            if let Some(Confirmed { last, hash }) = confirmed {
                legs.confirm(leg, last, hash);
            }
        }
        legs.persist().map_err(|source| Error::Io { doing: "write `legs` in", path: dir.clone(), source })?;
        let chain: ChainName = self.head.chain().clone();
        self.vacant.read(&chain)
    }

    /// Whether the record belongs into another file: it is of another day, or this one has its size.
    fn is_full(&self, link: &Link) -> bool {
        let begun = self.head.next() > self.file.first;
        let written = self.file.synced + self.group.len() as u64;
        begun && (link.observed.0 / DAY != self.head.observed().0 / DAY || written >= self.max_bytes)
    }

    fn next_file(&mut self) -> Result<(), Error> {
        self.write()?;
        let previous = Previous { first: self.file.first, end: self.file.synced };
        let Vacant { disk, dir, .. } = &self.vacant;
        let next = Open::new(&**disk, dir, &self.head, Some(previous));
        self.file = next.map_err(|source| self.failed("begin a file in", source))?;
        Ok(())
    }

    /// Writes what has gathered as one group.
    fn write(&mut self) -> Result<(), Error> {
        if self.group.is_empty() {
            return Ok(());
        }
        let Open { file, synced, .. } = &self.file;
        let written = file.write_at(&self.group, *synced).and_then(|()| file.sync());
        written.map_err(|source| self.failed("write a file in", source))?;
        self.file.synced += self.group.len() as u64;
        self.group.clear();
        Ok(())
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> Error {
        Error::Io { doing, path: self.vacant.dir.clone(), source }
    }
}

impl Open {
    fn new(disk: &dyn Disk, dir: &Path, head: &Head, previous: Option<Previous>) -> io::Result<Self> {
        let mut id = [0; 16];
        entropy::fill(&mut id);
        let header = Header { id, head: head.clone(), rules: RULES_UNKNOWN, previous, reused: false }.encode();
        let file = replace(disk, dir, &shelf::path(dir, head.next()), &header, None)?;
        Ok(Self { file, id, first: head.next(), synced: header.len() as u64 })
    }
}

/// The chain was gone on with, and the log says so: from here on its files count.
pub fn done(disk: &dyn Disk, dir: &Path) -> Result<(), Error> {
    let mark: PathBuf = dir.join(MARK);
    let io = |source| Error::Io { doing: "remove the mark in", path: dir.to_owned(), source };
    remove_if_there(disk, &mark).and_then(|()| disk.sync_dir(dir)).map_err(io)
}

fn remove_if_there(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests;
