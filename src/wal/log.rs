//! The log's writing end, without threads or waiting: seals groups, writes and syncs them, changes files.
//!
//! What each step leaves behind when the machine stops there, or the call fails:
//! - *new file*: written and synced under another name, then renamed, then the directory synced. Before the rename: a leftover
//!   that the next start removes. After it: an empty file whose header says where the one before ends, and that one is never
//!   written again, because this process can't know which of the two the next start will see.
//!   A file that the legs have given back is written again: its blocks are there already, and its length, which saves the file
//!   system most of what a sync costs. It has a new id, so that none of its old frames is sound in it.
//! - *group*: written in one piece with a mark behind it, one `fdatasync`; the next group stands where the mark stood. Before the
//!   sync returns: nobody was told; the next start keeps what is sound and cuts the rest. After it: acknowledged.
//! - *a sync that failed*: the kernel may mark the pages clean although they never reached the disk, so a second sync proves
//!   nothing, and neither does reading back: that answers from the same cache. The file ends where it was synced before; the
//!   group goes into a new file whose header says so, and only that file's sync acknowledges it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sealtrail_chain::{Head, Sequence, UnixNanos};

use super::config::Config;
use super::frame::{self, FileId};
use super::header::{Header, Previous};
use super::shelf::{self, Shelf};
use super::window::uncached;
use super::{Batch, DAY, Durable, FileState};
use crate::host::{Disk, File, Lock, entropy};
use crate::observe::event;
use crate::seal::{Sealer, Slot};

/// The chain's growing end on the disk.
pub struct Log {
    home: Home,
    segment: super::config::Segment,
    sealer: Sealer,
    rules: [u8; 32],
    /// `None`: there is no file that may be written; the next group makes one.
    file: Option<Open>,
    /// Where the newest file that holds a record ends.
    last: Option<Previous>,
    shelf: Arc<Shelf>,
}

/// The log's directory, which is this process's alone.
pub(super) struct Home {
    pub disk: Arc<dyn Disk>,
    pub dir: PathBuf,
    pub _lock: Lock,
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

impl Log {
    /// Begins a new file behind what was recovered. `last`: where the newest file with a record ends.
    pub(super) fn begin(
        home: Home,
        config: &Config,
        head: Head,
        rules: [u8; 32],
        last: Option<Previous>,
        shelf: Arc<Shelf>,
    ) -> io::Result<Self> {
        let (segment, sealer) = (config.segment, Sealer::new(head));
        let mut log = Self { home, segment, sealer, rules, file: None, last, shelf };
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

    /// Bytes free on the log's file system.
    pub fn available(&self) -> io::Result<u64> {
        self.home.disk.available(&self.home.dir)
    }

    /// Seals the records, one after the other and all at `observed`, and makes them durable together; `now` is the monotonic
    /// clock. After an error none of them is in the chain. `batches` must hold a record.
    pub fn append(&mut self, observed: UnixNanos, now: Duration, batches: &mut [&mut Batch]) -> io::Result<Durable> {
        let before = self.head().clone();
        if self.crosses_midnight(observed) {
            self.file = None;
        }
        let (id, start) = self.writable()?;
        let mut back = 0;
        self.sealer.seal(observed, batches.iter_mut().flat_map(|batch| batch.slots()), |sealed| {
            let link = *sealed.link();
            let Slot { room, content, .. } = sealed.into_slot();
            frame::fill(room, &link, content, back);
            frame::place(room, content, &id, start + back as u64);
            back += room.len() + content.len();
        });
        let written = self.write(now, batches).or_else(|error| self.write_elsewhere(&before, now, batches, error));
        if let Err(error) = written {
            self.sealer = Sealer::new(before);
            self.file = None;
            return Err(error);
        }
        Ok(Durable { first: before.next(), last: self.last_sequence() })
    }

    /// Leaves word at the end of the file that all before it is synced, so that damage there is told from a torn write.
    /// Nothing happens when the file ends in a mark, or holds no record. A failure costs the file, nothing else.
    pub fn mark(&mut self) -> io::Result<()> {
        let Some(open) = self.file.as_mut().filter(|open| open.state.records > 0 && !open.marked) else {
            return Ok(());
        };
        match open.write_mark() {
            Ok(()) => {
                open.marked = true;
                self.publish();
                Ok(())
            }
            Err(error) => Err(self.give_up(error)),
        }
    }

    /// Whether the file has grown, or aged, to what makes a segment.
    pub fn is_due(&self, now: Duration) -> bool {
        self.file.as_ref().is_some_and(|open| {
            let aged = open.state.records > 0 && now.saturating_sub(open.since) >= self.segment.max_age.get();
            aged || open.state.synced >= self.segment.max_mib << 20
        })
    }

    /// Closes the file, if it holds a record, and begins the next one.
    pub fn rotate(&mut self) -> io::Result<()> {
        if self.file.as_ref().is_some_and(|open| open.state.records == 0) { Ok(()) } else { self.next_file() }
    }

    /// Digest of the rules in force for what is appended now.
    pub fn rules(&self) -> [u8; 32] {
        self.rules
    }

    /// From here on records come that were masked under `rules`; they change between files only. Nothing happens when they
    /// are the ones in force.
    pub fn change_rules(&mut self, rules: [u8; 32]) -> io::Result<()> {
        if rules == self.rules {
            return Ok(());
        }
        self.rules = rules;
        self.next_file()
    }

    /// Makes a file to write, where there is none: the way back after the disk refused.
    pub fn make_writable(&mut self) -> io::Result<()> {
        if self.file.is_some() { Ok(()) } else { self.next_file() }
    }

    /// The end: a last mark, and word to the legs that nothing follows.
    pub fn finish(&mut self) {
        // Without a file to mark, what the next start finds is not known here: then the last file stays open for the legs.
        let whole = self.mark().is_ok() && self.file.as_ref().is_some_and(|open| open.marked);
        self.shelf.finish(whole);
    }

    fn crosses_midnight(&self, observed: UnixNanos) -> bool {
        let last = self.head().observed();
        self.file.as_ref().is_some_and(|open| open.state.records > 0) && observed.max(last).0 / DAY != last.0 / DAY
    }

    fn last_sequence(&self) -> Sequence {
        Sequence::new(self.head().next().get() - 1)
    }

    /// Id of the file to write, made if there is none, and the offset of the next frame.
    fn writable(&mut self) -> io::Result<(FileId, u64)> {
        self.make_writable()?;
        let open = self.file.as_ref().expect("made just now");
        Ok((open.id, open.state.synced))
    }

    /// Writes and syncs the group that has been sealed and framed.
    fn write(&mut self, now: Duration, batches: &[&mut Batch]) -> io::Result<()> {
        let open = self.file.as_mut().expect("a group is framed for an open file");
        open.write(batches)?;
        let head = self.sealer.head();
        if open.state.records == 0 {
            open.since = now;
        }
        open.state.records = head.next().get() - open.state.first.get();
        open.state.last_hash = head.hash();
        open.marked = false;
        self.publish();
        Ok(())
    }

    /// After a failure: the group goes into a new file, behind `before`.
    fn write_elsewhere(
        &mut self,
        before: &Head,
        now: Duration,
        batches: &mut [&mut Batch],
        error: io::Error,
    ) -> io::Result<()> {
        self.give_up(error);
        let after = std::mem::replace(&mut self.sealer, Sealer::new(before.clone()));
        self.next_file()?;
        self.sealer = after;
        let (id, mut at) = self.writable()?;
        for Slot { room, content, .. } in batches.iter_mut().flat_map(|batch| batch.slots()) {
            frame::place(room, content, &id, at);
            at += (room.len() + content.len()) as u64;
        }
        self.write(now, batches).map_err(|error| self.give_up(error))
    }

    fn give_up(&mut self, error: io::Error) -> io::Error {
        if let Some(open) = self.file.take() {
            event::SyncFailed { file: open.state.first, error: &error }.emit();
        }
        error
    }

    fn publish(&mut self) {
        if let Some(Open { state, .. }) = self.file {
            self.last = Some(Previous { first: state.first, end: state.synced });
            self.shelf.synced(state, self.sealer.head().observed());
        }
    }

    /// Gives the space of a file back that is kept to be written again.
    pub fn forget_reusable(&self) -> io::Result<bool> {
        let Some(path) = self.shelf.take_reusable() else { return Ok(false) };
        self.home.disk.remove(&path)?;
        Ok(true)
    }

    /// Whatever happens here, the file before is never written again.
    fn next_file(&mut self) -> io::Result<()> {
        if let Some(open) = self.file.take() {
            // What it held when it was another file. If that comes back with a crash, the new header says where this one ends.
            let _ = open.file.set_len(open.state.synced);
        }
        let mut id = [0; 16];
        entropy::fill(&mut id);
        let head = self.sealer.head();
        let (first, last_hash) = (head.next(), head.hash());
        let reusable = self.shelf.take_reusable();
        let (rules, previous, reused) = (self.rules, self.last, reusable.is_some());
        let header = Header { id, head: head.clone(), rules, previous, reused }.encode();
        let path = shelf::path(&self.home.dir, first);
        let file = replace(self.home.disk.as_ref(), &self.home.dir, &path, &header, reusable.as_deref())?;
        let state = FileState { first, synced: header.len() as u64, records: 0, last_hash, closed: false };
        self.file = Some(Open { file, id, state, since: Duration::ZERO, marked: false });
        self.shelf.opened();
        Ok(())
    }
}

impl Open {
    /// Writes a group at the synced end, with a mark behind it, and moves that end to the mark.
    fn write(&mut self, group: &[&mut Batch]) -> io::Result<()> {
        let frames = || group.iter().flat_map(|batch| batch.pieces());
        let length: usize = frames().map(<[u8]>::len).sum();
        let mark = frame::end_mark(&self.id, self.state.synced + length as u64, length);
        let pieces: Vec<&[u8]> = frames().chain([mark.as_slice()]).collect();
        self.file.write_all_at(&pieces, self.state.synced)?;
        self.file.sync()?;
        let before = self.state.synced;
        self.state.synced += length as u64;
        self.file.uncache(uncached(before)..uncached(self.state.synced));
        Ok(())
    }

    /// Writes a mark that is a group of its own: it proves the group before it.
    fn write_mark(&mut self) -> io::Result<()> {
        let mark = frame::mark(&self.id, self.state.synced);
        self.file.write_at(&mark, self.state.synced)?;
        self.file.sync()?;
        self.state.synced += mark.len() as u64;
        Ok(())
    }
}

/// Makes the file `path` with these bytes, in place of one of that name: it is whole before it gets the name. `reusable`: a file
/// that is written over, and whose bytes stay behind these.
pub(super) fn replace(
    disk: &dyn Disk,
    dir: &Path,
    path: &Path,
    bytes: &[u8],
    reusable: Option<&Path>,
) -> io::Result<Box<dyn File>> {
    let new = path.with_added_extension("new");
    match disk.remove(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = match reusable {
        Some(reusable) => {
            disk.rename(reusable, &new)?;
            disk.open(&new)?
        }
        None => disk.create(&new)?,
    };
    file.write_at(bytes, 0)?;
    file.sync()?;
    disk.rename(&new, path)?;
    disk.sync_dir(dir)?;
    Ok(file)
}
