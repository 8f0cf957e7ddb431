//! The local twin of the stream: `<path>/<topic>/<partition>/<first, 20 digits>.messages`.
//!
//! A batch is appended and synced by one `fdatasync`. A crash in the middle of it leaves whole messages, which count (the
//! write-ahead log continues behind them), and one that is cut, which doesn't: `take_over` cuts it off. A write or sync
//! that *fails* leaves a file that can't be trusted: it is truncated to what was committed before, and a new one begins.

use std::io::{self, Read};
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::ChainName;

use super::config::Directory;
use super::frame::{self, Framed};
use super::reader::{Damage, FileName, Messages, file_name, in_order};
use super::{Batch, CheckpointNote, End, Error, StreamLeg, Tail, message, reader};
use crate::host::{Disk, File, Lock};

/// A file that has reached this takes no further batch.
const FILE_BYTES: u64 = 256 << 20;

/// The chain in a directory, written by one process at a time.
pub struct DirectoryStream {
    chain: ChainName,
    root: PathBuf,
    disk: Arc<dyn Disk>,
    records: Partition,
    checkpoints: Partition,
    /// What is known since the take-over.
    held: Option<Held>,
}

struct Held {
    end: Option<End>,
    checkpoint: Option<CheckpointNote>,
    _lock: Lock,
}

impl DirectoryStream {
    /// `partition`: that of the genesis note. Nothing is made or changed before `take_over`.
    pub fn new(disk: Arc<dyn Disk>, config: &Directory, data_dir: &Path, partition: u32, chain: ChainName) -> Self {
        let root = config.path_in(data_dir);
        let records = Partition::new(disk.clone(), root.join(&config.topic).join(partition.to_string()));
        let checkpoints = Partition::new(disk.clone(), root.join(&config.checkpoint_topic).join("0"));
        Self { chain, root, disk, records, checkpoints, held: None }
    }

    fn find_end(&mut self) -> Result<Option<End>, Error> {
        match &self.held {
            None => Ok(self.records.tail(|message, place| read_end(&self.chain, message, place))?.value),
            Some(held) => {
                self.records.repair()?;
                Ok(held.end)
            }
        }
    }

    fn lock_and_mend(&mut self) -> Result<(), Error> {
        if self.held.is_some() {
            return Ok(());
        }
        for partition in [&self.records, &self.checkpoints] {
            make_dirs(&*self.disk, &self.root, &partition.dir)?;
        }
        let lock = lock(&*self.disk, &self.root)?;
        let end = self.records.mend(|message, place| read_end(&self.chain, message, place))?;
        let checkpoint = self.checkpoints.mend(|message, place| read_checkpoint(&self.chain, message, place))?;
        self.held = Some(Held { end, checkpoint, _lock: lock });
        Ok(())
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Error> {
        let held = self.held.as_mut().ok_or(Error::NotTakenOver)?;
        let key = self.chain.as_str().as_bytes();
        if let Some(first) = batch.messages.first() {
            batch.follows(held.end)?;
            let frames = batch.messages.iter().map(|message| {
                let (headers, value) = (message::headers(message), message.value.as_slice());
                (frame::head(Framed { key, headers: headers.as_bytes(), value }), value)
            });
            self.records.append(first.first.get(), frames)?;
            held.end = batch.end();
        }
        for checkpoint in &batch.checkpoints {
            // A batch that failed half-way is sent again with its checkpoints; one that is there already says the same.
            if held.checkpoint.as_ref().is_some_and(|last| !checkpoint.comes_after(last)) {
                continue;
            }
            let value = checkpoint.note.as_bytes();
            let head = frame::head(Framed { key, headers: b"", value });
            self.checkpoints.append(checkpoint.size, iter::once((head, value)))?;
            held.checkpoint = Some(checkpoint.clone());
        }
        Ok(())
    }
}

impl StreamLeg for DirectoryStream {
    async fn end(&mut self) -> Result<Tail, Error> {
        self.find_end().map(Tail::settled)
    }

    async fn take_over(&mut self) -> Result<(), Error> {
        self.lock_and_mend()
    }

    async fn commit(&mut self, batch: &Batch) -> Result<(), Error> {
        self.write(batch)
    }
}

/// What one message says of where the partition ends, or what is wrong with it.
type Reading<T> = Result<T, Damage>;

fn read_end(chain: &ChainName, message: Framed<'_>, before: Option<End>) -> Reading<End> {
    if message.key != chain.as_str().as_bytes() {
        return Err(Damage::Key);
    }
    let span = message.span().ok_or(Damage::Headers)?;
    if before.is_some_and(|end| end.last.next() != span.first) {
        return Err(Damage::Order);
    }
    Ok(span.end())
}

fn read_checkpoint(chain: &ChainName, message: Framed<'_>, _: Option<CheckpointNote>) -> Reading<CheckpointNote> {
    if message.key != chain.as_str().as_bytes() {
        return Err(Damage::Key);
    }
    CheckpointNote::read(message.value).ok_or(Damage::Layout)
}

/// The files of one topic's partition.
struct Partition {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file_bytes: u64,
    /// The file that takes the next batch; none: a new one begins with it.
    open: Option<Open>,
}

struct Open {
    path: PathBuf,
    file: Box<dyn File>,
    /// Bytes that are committed.
    len: u64,
    /// A write or sync failed: what lies behind `len` is unknown.
    suspect: bool,
    /// It has been suspect once and takes no further batch, unless that would have the very same name.
    retired: bool,
}

/// How a partition ends.
struct Ending<T> {
    value: Option<T>,
    /// The file with the last whole message, and the offset behind that.
    file: Option<(PathBuf, u64)>,
    /// Newer files, in which no message is whole.
    empty: Vec<PathBuf>,
}

impl Partition {
    fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Self {
        Self { disk, dir, file_bytes: FILE_BYTES, open: None }
    }

    /// Finds the last whole message; changes nothing. Only the newest file, and those without any whole message behind
    /// it, may end in anything else: an older file was synced, or truncated and synced, before the next one began.
    fn tail<T: Clone>(&self, read: impl Fn(Framed<'_>, Option<T>) -> Reading<T>) -> Result<Ending<T>, Error> {
        let mut tail = Ending { value: None, file: None, empty: Vec::new() };
        for file in self.files()?.into_iter().rev() {
            let (value, end) = self.last_of(&file, &read)?;
            if value.is_some() {
                tail.value = value;
                tail.file = Some((file.path, end));
                break;
            }
            tail.empty.push(file.path);
        }
        Ok(tail)
    }

    fn files(&self) -> Result<Vec<FileName>, Error> {
        match self.disk.list(&self.dir) {
            Ok(names) => Ok(in_order(&self.dir, names)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(Error::Io { doing: "list", path: self.dir.clone(), source }),
        }
    }

    /// Last whole message of a file, and the offset behind it.
    fn last_of<T: Clone>(
        &self,
        name: &FileName,
        read: &impl Fn(Framed<'_>, Option<T>) -> Reading<T>,
    ) -> Result<(Option<T>, u64), Error> {
        let failed = |source| Error::Io { doing: "open", path: name.path.clone(), source };
        let file = self.disk.open(&name.path).map_err(failed)?;
        let len = file.len().map_err(failed)?;
        let mut messages = Messages::new(ReadAt { file: &*file, at: 0 }, len, name);
        let mut last = None;
        loop {
            match messages.next() {
                Ok(None) => return Ok((last, messages.at())),
                Ok(Some(message)) => match read(message, last.clone()) {
                    Ok(value) => last = Some(value),
                    Err(what) => {
                        let at = messages.at();
                        return Err(reader::Error::Damaged { path: name.path.clone(), at, what }.into());
                    }
                },
                // A crash may leave more than a cut: pages reach the disk in any order. Whether committed records lie
                // behind this place is not known here; `deliver` compares the end with what was confirmed.
                Err(reader::Error::Damaged { .. }) if name.newest => return Ok((last, messages.at())),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Cuts off what is no whole message, makes sure that all others are on the disk, and opens the newest file.
    ///
    /// The sync is needed: after a crash of the process alone, messages can be read that were never synced.
    fn mend<T: Clone>(&mut self, read: impl Fn(Framed<'_>, Option<T>) -> Reading<T>) -> Result<Option<T>, Error> {
        let tail = self.tail(read)?;
        for path in &tail.empty {
            self.disk.remove(path).map_err(|source| Error::Io { doing: "remove", path: path.clone(), source })?;
        }
        if let Some((path, len)) = tail.file {
            let failed = |source| Error::Io { doing: "cut and sync", path: path.clone(), source };
            let file = self.disk.open(&path).map_err(failed)?;
            if file.len().map_err(failed)? != len {
                file.set_len(len).map_err(failed)?;
            }
            file.sync().map_err(failed)?;
            self.open = Some(Open { path, file, len, suspect: false, retired: false });
        }
        self.sync_dir()?;
        Ok(tail.value)
    }

    /// Adds frames, each as its head and its value, and makes them durable. After an error nothing of them counts; `repair`
    /// takes them back. A head is asked for when it is its turn: what its checksum has just passed over is copied next.
    fn append<'a>(&mut self, first: u64, mut frames: impl Iterator<Item = (Vec<u8>, &'a [u8])>) -> Result<(), Error> {
        self.repair()?;
        let path = self.dir.join(file_name(first));
        let takes_it = |open: &Open| open.path == path || open.len < self.file_bytes && !open.retired;
        if !self.open.as_ref().is_some_and(takes_it) {
            self.begin(path)?;
        }
        let Some(open) = &mut self.open else { return Err(Error::NotTakenOver) };
        let mut end = open.len;
        let mut write = |part: &[u8]| {
            open.file.write_at(part, end)?;
            end += part.len() as u64;
            Ok(())
        };
        let written = frames.try_for_each(|(head, value)| {
            write(&head)?;
            write(value)
        });
        // If the write or the sync fails, the kernel may hold these pages as clean although they never reached the disk:
        // a second sync would prove nothing.
        if let Err(source) = written.and_then(|()| open.file.sync()) {
            open.suspect = true;
            return Err(Error::Io { doing: "write and sync", path: open.path.clone(), source });
        }
        // Who reads the stream comes later, if at all.
        open.file.uncache(open.len..end);
        open.len = end;
        Ok(())
    }

    fn begin(&mut self, path: PathBuf) -> Result<(), Error> {
        let file =
            self.disk.create(&path).map_err(|source| Error::Io { doing: "create", path: path.clone(), source })?;
        // Suspect until its name is durable, so that a failure here has it removed.
        self.open = Some(Open { path, file, len: 0, suspect: true, retired: false });
        self.sync_dir()?;
        if let Some(open) = &mut self.open {
            open.suspect = false;
        }
        Ok(())
    }

    /// Takes back what a failed append may have left. Only when that is durable may a new file begin at the same record:
    /// else a crash could bring it back, and the record would stand twice.
    fn repair(&mut self) -> Result<(), Error> {
        let Some(open) = self.open.as_mut().filter(|open| open.suspect) else { return Ok(()) };
        let failed = |source| Error::Io { doing: "take back the failed batch in", path: open.path.clone(), source };
        if open.len > 0 {
            open.file.set_len(open.len).and_then(|()| open.file.sync()).map_err(failed)?;
            (open.suspect, open.retired) = (false, true);
            return Ok(());
        }
        self.disk.remove(&open.path).or_else(missing_is_fine).map_err(failed)?;
        self.sync_dir()?;
        self.open = None;
        Ok(())
    }

    fn sync_dir(&self) -> Result<(), Error> {
        self.disk.sync_dir(&self.dir).map_err(|source| Error::Io { doing: "sync", path: self.dir.clone(), source })
    }
}

/// A removal that is tried again after its directory's sync failed finds the name gone.
fn missing_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Makes `dir` with all that is missing above it, and their names durable from `root`'s own on.
fn make_dirs(disk: &dyn Disk, root: &Path, dir: &Path) -> Result<(), Error> {
    disk.create_dir_all(dir).map_err(|source| Error::Io { doing: "make", path: dir.to_owned(), source })?;
    let above = root.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for name in dir.ancestors().take_while(|name| *name != above && !name.as_os_str().is_empty()).chain([above]) {
        disk.sync_dir(name).map_err(|source| Error::Io { doing: "sync", path: name.to_owned(), source })?;
    }
    Ok(())
}

/// The system gives the lock back however the process ends.
fn lock(disk: &dyn Disk, root: &Path) -> Result<Lock, Error> {
    let path = root.join("lock");
    disk.lock(&path).map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => Error::Locked { path },
        _ => Error::Io { doing: "lock", path, source },
    })
}

struct ReadAt<'a> {
    file: &'a dyn File,
    at: u64,
}

impl Read for ReadAt<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
