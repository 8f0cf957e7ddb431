//! The archive leg's task: each closed file of the log that the stream has whole becomes one object, in order; then the
//! checkpoints up to there; then the file is released.
//!
//! A crash between any two steps repeats them: an object is recognised by its links, a note by its bytes.
//!
//! Where a collector of the same chain, that was replaced since, has cut its segments elsewhere, its object may stand under a
//! key that this one is about to write. It holds the same records, which are read to prove it; then the archive goes on behind
//! them, with an object that begins within a file of the log.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{future, io};

use sealtrail_chain::content::{self, By, Value};
use sealtrail_chain::segment::{checkpoint_key, genesis_key, object_key, range_key, rotation_key};
use sealtrail_chain::{ChainName, Link, Rotation, Segment, Sequence, UnixNanos};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tracing::info;

use super::checkpoint::{Kept, Store};
use super::leg::{Oldest, Standing};
use super::stream::hash_at;
use super::{Build, Committed, Cursor, Failure, Report, Wal};
use crate::archive::{ArchiveLeg, Error as ArchiveError, Links};
use crate::host::{Aside, Clock, Disk, entropy};
use crate::observe::event::Delivered;
use crate::stream::End;
use crate::wal::{FileState, Leg, Progress};

/// How far the archive has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Archived {
    /// First record that the archive doesn't hold.
    pub(super) next: Sequence,
    /// The log is finished, and all of it is archived with its last checkpoint.
    pub(super) finished: bool,
}

pub(super) struct Setup<W, A, B> {
    pub(super) wal: Arc<W>,
    pub(super) leg: A,
    pub(super) build: B,
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) committed: watch::Receiver<Committed>,
    pub(super) objects: mpsc::UnboundedReceiver<Kept>,
    pub(super) confirmed: Option<End>,
    pub(super) checkpoints: Store,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) aside: Aside,
    pub(super) workdir: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) report: Report,
}

pub(super) struct Task<W, A, B> {
    wal: Arc<W>,
    leg: A,
    build: Arc<B>,
    progress: watch::Receiver<Progress>,
    committed: watch::Receiver<Committed>,
    objects: mpsc::UnboundedReceiver<Kept>,
    /// What was confirmed before this start; files up to here are asked for, not built.
    confirmed: Option<Sequence>,
    /// First record of a file that was not closed at the start: objects from here on are new.
    fresh: Sequence,
    archived: watch::Sender<Archived>,
    /// Checkpoints whose records the archive doesn't hold yet, or that it didn't take yet.
    waiting: VecDeque<Kept>,
    /// First record of the first file that the archive doesn't hold, once it was looked for; `oldest`: when it was observed.
    looked: Option<Sequence>,
    oldest: Oldest,
    checkpoints: Store,
    disk: Arc<dyn Disk>,
    aside: Aside,
    workdir: PathBuf,
    /// Names this process's unfinished objects: another collector of the chain may build there, too.
    token: String,
    standing: Standing,
}

/// What a file's object is named by and recognised by.
#[derive(Clone)]
struct Object {
    key: String,
    links: Links,
    observed: UnixNanos,
    /// The genesis note, which record 0 carries; that of a rotation. Each goes before the object with its record.
    notes: Vec<(String, String)>,
}

impl<W: Wal, A: ArchiveLeg, B: Build> Task<W, A, B> {
    pub(super) fn new(setup: Setup<W, A, B>) -> Self {
        let progress = setup.progress.borrow();
        let committed = setup.committed.borrow().next;
        let oldest = progress.files.first().map_or(committed, |file| file.first);
        let open = progress.files.iter().find(|file| !file.closed);
        let fresh = open.map_or_else(|| end_of(&progress, oldest), |file| file.first);
        drop(progress);
        Self {
            wal: setup.wal,
            leg: setup.leg,
            build: Arc::new(setup.build),
            progress: setup.progress,
            committed: setup.committed,
            objects: setup.objects,
            confirmed: setup.confirmed.map(|end| end.last),
            fresh,
            archived: watch::Sender::new(Archived { next: oldest, finished: false }),
            waiting: VecDeque::new(),
            looked: None,
            oldest: Oldest::default(),
            checkpoints: setup.checkpoints,
            disk: setup.disk,
            aside: setup.aside,
            workdir: setup.workdir,
            token: token(),
            standing: Standing::new(Leg::Archive, true, setup.report, setup.clock.now().0.rotate_left(32)),
        }
    }

    pub(super) fn archived(&self) -> watch::Receiver<Archived> {
        self.archived.subscribe()
    }

    pub(super) fn oldest(&self) -> Oldest {
        self.oldest.clone()
    }

    /// Runs until all of a finished log is archived, or the leg is stopped for good.
    pub(super) async fn run(mut self) {
        loop {
            match self.round().await {
                // The stream was fenced and has ended: nothing will ever be archived.
                Ok(false) if self.committed.borrow().fenced && self.committed.has_changed().is_err() => return,
                Ok(false) => self.wait().await,
                Ok(true) => {
                    self.archived.send_modify(|archived| archived.finished = true);
                    return;
                }
                Err(failure) if failure.is_passing() => {
                    let retry_in = self.standing.failed(&failure);
                    self.look_for_oldest().await;
                    sleep(retry_in).await;
                    self.standing.tries();
                }
                Err(failure) => return self.standing.stopped(&failure),
            }
        }
    }

    /// Does what can be done now; says whether that was all there will be.
    async fn round(&mut self) -> Result<bool, Failure> {
        // `committed` before `progress`: the log is never behind what the stream has of it.
        let committed = *self.committed.borrow_and_update();
        let progress = self.progress.borrow().clone();
        if committed.fenced {
            return Ok(false);
        }
        for file in progress.files.iter().filter(|file| file.closed && file.records > 0) {
            while file_end(file) > self.next() && file_end(file) <= committed.next {
                self.archive(file, &progress.files).await?;
            }
        }
        self.put_checkpoints().await?;
        self.release(&progress, committed.object)?;
        self.look_for_oldest().await;
        let all = self.next() == end_of(&progress, self.next());
        Ok(committed.finished && all && self.waiting.is_empty() && self.objects.is_empty())
    }

    /// Archives what the archive lacks of a file; more than that, or less, where another collector has been there.
    async fn archive(&mut self, file: &FileState, files: &[FileState]) -> Result<(), Failure> {
        let from = file.first.max(self.next());
        let object = self.describe(*file, from).await?;
        self.looked = Some(from);
        self.oldest.set(Some(object.observed));
        for (key, note) in &object.notes {
            self.leg.put_note(key, note.as_bytes()).await?;
        }
        let held = match self.find(&object, files).await? {
            Some(held) => held,
            None => self.put(file, &object, files).await?,
        };
        self.standing.succeeded();
        let end = End { last: held.last, hash: held.after };
        self.wal.confirm(Leg::Archive, end);
        self.archived.send_modify(|archived| archived.next = end.last.next());
        self.looked = None;
        self.oldest.set(None);
        Delivered { leg: Leg::Archive.name(), first: from, last: end.last }.emit();
        Ok(())
    }

    /// The object of before the start that is there, as it must be where it was confirmed.
    async fn find(&self, object: &Object, files: &[FileState]) -> Result<Option<Links>, Failure> {
        if object.links.first >= self.fresh {
            return Ok(None);
        }
        match self.leg.segment(&object.key).await? {
            Some(found) if found == object.links => Ok(Some(found)),
            Some(found) => self.recognise(object, found, files).await.map(Some),
            None if self.confirmed >= Some(object.links.first) => Err(Failure::Gone { key: object.key.clone() }),
            None => Ok(None),
        }
    }

    /// An object under our key that ends elsewhere: whether it holds our records all the same.
    async fn recognise(&self, object: &Object, found: Links, files: &[FileState]) -> Result<Links, Failure> {
        let other = || Failure::OtherObject { key: object.key.clone() };
        if (found.first, found.before) != (object.links.first, object.links.before) {
            return Err(other());
        }
        if found.last >= self.committed.borrow().next {
            return Err(Failure::Further { key: object.key.clone() });
        }
        let ours = hash_at(&*self.wal, files, found.last)?;
        if ours == Some(found.after) && self.leg.proven(&object.key).await?.as_ref() == Some(&found) {
            info!(first = %found.first, last = %found.last, "the archive holds these records from another collector of the chain");
            return Ok(found);
        }
        Err(other())
    }

    /// Puts the object; gives what stands under its key then.
    async fn put(&self, file: &FileState, object: &Object, files: &[FileState]) -> Result<Links, Failure> {
        let path = self.workdir.join(format!("{}-{:020}.parquet.tmp", self.token, object.links.first.get()));
        self.remove(&path)?;
        let segment = self.built(*file, object.links.first, path.clone()).await?;
        let links = &object.links;
        if Links::from(&segment) != *links {
            return Err(Failure::OtherObject { key: object.key.clone() });
        }
        let put = self.leg.put_segment(&object.key, &path, &segment).await;
        // A directory has moved it away; anything else has copied it.
        self.remove(&path)?;
        match put {
            Ok(()) => Ok(links.clone()),
            Err(ArchiveError::Differs { found, .. }) => self.recognise(object, *found, files).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn built(&self, file: FileState, from: Sequence, path: PathBuf) -> Result<Segment, Failure> {
        let (wal, build) = (self.wal.clone(), self.build.clone());
        let build = move || build.build(wal.open(file.first)?, from, file.synced, &path);
        self.aside.run(build).await.unwrap_or(Err(Failure::Panic))
    }

    async fn describe(&self, file: FileState, from: Sequence) -> Result<Object, Failure> {
        let wal = self.wal.clone();
        let describe = move || describe(wal.open(file.first)?, &file, from);
        self.aside.run(describe).await.unwrap_or(Err(Failure::Panic))
    }

    fn remove(&self, path: &std::path::Path) -> Result<(), Failure> {
        match self.disk.remove(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Failure::Io { doing: "remove", path: path.to_owned(), source })
            }
            _ => Ok(()),
        }
    }

    /// Puts the checkpoints whose records the archive holds, the ranges first: a checkpoint always has them.
    async fn put_checkpoints(&mut self) -> Result<(), Failure> {
        while let Ok(kept) = self.objects.try_recv() {
            self.waiting.push_back(kept);
        }
        while let Some(kept) = self.waiting.front().filter(|kept| kept.size <= self.next().get()) {
            let chain = self.checkpoints.chain();
            if let Some(ranges) = &kept.ranges {
                let key = range_key(chain, kept.size, kept.unix_seconds);
                self.leg.put_note(&key, ranges.as_bytes()).await?;
            }
            let key = checkpoint_key(chain, kept.size, kept.unix_seconds);
            self.leg.put_note(&key, kept.note.as_bytes()).await?;
            if let Err(error) = self.checkpoints.archived(kept.size) {
                tracing::warn!(%error, "a checkpoint that is delivered could not be removed");
            }
            self.standing.succeeded();
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// Releases what both legs hold, oldest first. A file stays until a checkpoint object covers it: its ranges need the
    /// links of all records since the one before.
    fn release(&self, progress: &Progress, object: u64) -> Result<(), Failure> {
        let Some((_, all_but_last)) = progress.files.split_last() else { return Ok(()) };
        let held = |file: &&FileState| file.closed && file_end(file) <= self.next() && file_end(file).get() <= object;
        for file in all_but_last.iter().take_while(held) {
            self.wal.release(file.first)?;
        }
        Ok(())
    }

    fn next(&self) -> Sequence {
        self.archived.borrow().next
    }

    /// Only a gauge hangs on it.
    async fn look_for_oldest(&mut self) {
        let next = self.next();
        let first = self.progress.borrow().files.iter().find(|file| file_end(file) > next).copied();
        let first = first.map(|file| (file, file.first.max(next)));
        if let Some((file, from)) = first.filter(|(_, from)| self.looked != Some(*from)) {
            let found = self.describe(file, from).await.ok();
            self.looked = found.as_ref().map(|_| from);
            self.oldest.set(found.map(|object| object.observed));
        }
    }

    /// Waits for the stream to get on, or for a checkpoint that it has.
    async fn wait(&mut self) {
        let stream = async {
            if self.committed.changed().await.is_err() {
                future::pending().await
            }
        };
        let object = async {
            match self.objects.recv().await {
                Some(kept) => kept,
                None => future::pending().await,
            }
        };
        tokio::select! {
            () = stream => {}
            kept = object => self.waiting.push_back(kept),
            // A file may close after its last record was committed; nobody tells that but the log, which tells far more.
            () = sleep(Duration::from_secs(1)) => {}
        }
    }
}

fn token() -> String {
    let mut token = [0; 8];
    entropy::fill(&mut token);
    const_hex::encode(token)
}

/// The object of a file's records from `from` on.
fn describe(mut cursor: impl Cursor, file: &FileState, from: Sequence) -> Result<Object, Failure> {
    let chain = cursor.head().chain().clone();
    let short = |next| Failure::Short { next };
    let last = file_end(file).get().checked_sub(1).map(Sequence::new).ok_or(short(from))?;
    let (mut object, mut notes) = (None, Vec::new());
    while let Some(stored) = cursor.next(file.synced)? {
        let Link { sequence, previous: before, observed, .. } = stored.link;
        if sequence < from {
            continue;
        }
        object.get_or_insert_with(|| {
            let links = Links { first: from, last, before, after: file.last_hash };
            Object { key: object_key(&chain, observed, from), links, observed, notes: Vec::new() }
        });
        notes.extend(note(&chain, sequence, stored.content)?);
        if sequence.get() >= file.first.get() + BEGINNING {
            break;
        }
    }
    object.map(|object| Object { notes, ..object }).ok_or(short(from))
}

/// A file's records that may carry a note: what a start seals together.
const BEGINNING: u64 = 3;

/// The note that a record binds, and its key: the genesis in record 0, or a rotation's.
fn note(chain: &ChainName, sequence: Sequence, content: &str) -> Result<Option<(String, String)>, Failure> {
    let genesis = sequence == Sequence::ZERO;
    if !genesis && !content.contains(KEY_ROTATED) {
        return Ok(None);
    }
    let failed = |source| Failure::Content { sequence, source };
    let content = content::Content::parse(content.to_owned()).map_err(failed)?;
    let record = content.record();
    if !genesis && record.context.received.by != By::Own {
        return Ok(None);
    }
    let name = if genesis { "sealtrail.genesis" } else { "sealtrail.rotation" };
    let note = record.log.attributes.into_iter().find(|attribute| attribute.key == name);
    let Some(Value::String(note)) = note.map(|attribute| attribute.value) else { return Ok(None) };
    if genesis {
        return Ok(Some((genesis_key(chain), note.into_owned())));
    }
    // One that can't be read is none of the collector's.
    let size = Rotation::read(&note).ok().map(|rotation| rotation.statement().size);
    Ok(size.map(|size| (rotation_key(chain, size), note.into_owned())))
}

/// Tells the record of a rotation from others before it is parsed.
const KEY_ROTATED: &str = "\"sealtrail.key.rotated\"";

fn file_end(file: &FileState) -> Sequence {
    Sequence::new(file.first.get() + file.records)
}

/// `none`: the end of a log that holds no file.
fn end_of(progress: &Progress, none: Sequence) -> Sequence {
    progress.files.last().map_or(none, file_end)
}
