//! The files that are held for the legs: who reads them learns here how far they are synced, and gives them back here.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealtrail_chain::{Sequence, UnixNanos};
use tokio::sync::watch;

use super::legs::{Leg, Legs};
use super::{FileState, Progress};
use crate::host::Disk;

/// Path of the WAL file whose first record is `first`.
pub fn path(dir: &Path, first: Sequence) -> PathBuf {
    dir.join(format!("{:020}.wal", first.get()))
}

/// The held files. One handle writes (`Log`), others read and release; it may be shared between threads.
pub struct Shelf {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    legs: Legs,
    progress: watch::Sender<Progress>,
    bytes: AtomicU64,
    /// Whether a file without a record follows the listed ones: then the last of those may be released.
    spare: AtomicBool,
    releasing: Mutex<()>,
    /// A file that was released, and is kept to be written again.
    reusable: Mutex<Option<PathBuf>>,
    /// When each file was begun, by its first sequence.
    begun: Mutex<BTreeMap<Sequence, UnixNanos>>,
}

/// Why a file isn't released.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("the file of record {first} is not the oldest that is held")]
    Order { first: Sequence },
    #[error("the file of record {first} is the last one, whose end is the chain's head")]
    Last { first: Sequence },
    #[error("the leg {} has not confirmed the file of record {first}", leg.name())]
    Unconfirmed { first: Sequence, leg: Leg },
    #[error("can't remove {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

impl Shelf {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        legs: Legs,
        files: Vec<FileState>,
        begun: BTreeMap<Sequence, UnixNanos>,
    ) -> Self {
        let bytes = AtomicU64::new(files.iter().map(|file| file.synced).sum());
        let progress = watch::Sender::new(Progress { files, finished: false });
        let (spare, reusable) = (AtomicBool::new(false), Mutex::new(None));
        let (releasing, begun) = (Mutex::new(()), Mutex::new(begun));
        Self { disk, dir: dir.to_owned(), legs, progress, bytes, spare, releasing, reusable, begun }
    }

    /// How far the log has come, now and whenever that changes.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub fn legs(&self) -> &Legs {
        &self.legs
    }

    /// Where the WAL file of `first` lies.
    pub fn path(&self, first: Sequence) -> PathBuf {
        path(&self.dir, first)
    }

    /// Bytes of all held files, as far as they are synced.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Takes the oldest file away, which both legs must have confirmed; never the last one. After an error it is held as
    /// before, and asking again is right. One file at a time is not deleted but kept to be written again.
    ///
    /// `legs` synced, rename or unlink, directory sync; only then is the next file's turn, so that no crash leaves a hole between
    /// files, nor brings a name back to a file that was written again. Whoever still reads the file must expect other bytes from
    /// then on, whose frames are not sound for it, and look whether it is still held.
    pub fn release(&self, first: Sequence) -> Result<(), ReleaseError> {
        let _one_at_a_time = self.releasing.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.releasable(first)?;
        let path = self.path(first);
        let io = |source| ReleaseError::Io { path: path.clone(), source };
        self.legs.persist().map_err(io)?;
        // A name of its own, which the next start removes.
        let reusable = path.with_added_extension("new");
        let keep = self.reusable().is_none();
        let removed = if keep { self.disk.rename(&path, &reusable) } else { self.disk.remove(&path) };
        let kept = match removed {
            // Done by an attempt before this one, whose directory sync failed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let _ = self.disk.remove(&reusable);
                false
            }
            removed => removed.map(|()| keep).map_err(io)?,
        };
        self.disk.sync_dir(&self.dir).map_err(io)?;
        self.bytes.fetch_sub(file.synced, Ordering::Relaxed);
        self.progress.send_modify(|progress| {
            progress.files.remove(0);
        });
        self.begun().retain(|file, _| *file > first);
        if kept {
            *self.reusable() = Some(reusable);
        }
        Ok(())
    }

    /// The released file that is kept, if there is one: it is the caller's from now on.
    pub(super) fn take_reusable(&self) -> Option<PathBuf> {
        self.reusable().take()
    }

    fn reusable(&self) -> MutexGuard<'_, Option<PathBuf>> {
        // It holds one value, whole at any time.
        self.reusable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the file of `first` is held, and so what it was when it was listed.
    pub fn holds(&self, first: Sequence) -> bool {
        self.progress.borrow().files.iter().any(|file| file.first == first)
    }

    /// When the oldest held file was begun, if it holds a record.
    pub fn oldest(&self) -> Option<UnixNanos> {
        let first = self.progress.borrow().files.first()?.first;
        self.begun().get(&first).copied()
    }

    fn begun(&self) -> MutexGuard<'_, BTreeMap<Sequence, UnixNanos>> {
        // Single insertions and removals: a thread that panicked can't have left it half changed.
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn releasable(&self, first: Sequence) -> Result<FileState, ReleaseError> {
        let progress = self.progress.borrow();
        let file = *progress.files.first().filter(|file| file.first == first).ok_or(ReleaseError::Order { first })?;
        let followed = progress.files.len() > 1 || self.spare.load(Ordering::Relaxed);
        if !file.closed || !followed {
            return Err(ReleaseError::Last { first });
        }
        let last = first.get() + file.records - 1;
        for leg in Leg::ALL {
            if self.legs.confirmed(leg).is_none_or(|confirmed| confirmed.last.get() < last) {
                return Err(ReleaseError::Unconfirmed { first, leg });
            }
        }
        Ok(file)
    }

    /// A new file stands there, synced with its directory, and says where the one before ends: only now is that one closed
    /// for good, as a start after a crash before this could have found more records in it.
    pub(super) fn opened(&self) {
        self.progress.send_if_modified(|progress| {
            self.spare.store(true, Ordering::Relaxed);
            progress.files.last_mut().is_some_and(|last| !std::mem::replace(&mut last.closed, true))
        });
    }

    /// A group, or a mark, of the newest file is synced.
    pub(super) fn synced(&self, state: FileState, observed: UnixNanos) {
        self.begun().entry(state.first).or_insert(observed);
        self.progress.send_modify(|progress| {
            let before = match progress.files.last_mut() {
                Some(last) if last.first == state.first => std::mem::replace(last, state).synced,
                _ => {
                    self.spare.store(false, Ordering::Relaxed);
                    progress.files.push(state);
                    0
                }
            };
            self.bytes.fetch_add(state.synced - before, Ordering::Relaxed);
        });
    }

    /// Nothing will be added. `whole`: the last file ends in a mark, so no start can find more in it, and it is closed too.
    pub(super) fn finish(&self, whole: bool) {
        self.progress.send_modify(|progress| {
            progress.finished = true;
            if let Some(last) = progress.files.last_mut() {
                last.closed |= whole;
            }
        });
    }
}
