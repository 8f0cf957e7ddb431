//! The start: what the directory holds, whether it may be gone on from, and how. `open` changes nothing (but the lock), so that
//! the legs can be asked before `resume` does.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::{ChainName, Hash, Head, Sequence, UnixNanos};

use super::config::Config;
use super::header::{Header, Previous};
use super::legs::{Confirmed, Leg, Legs};
use super::log::{Home, Log};
use super::reader::{self, Reader};
use super::rebuild::MARK;
use super::scan::{Scan, Tail, scan};
use super::shelf::{self, Shelf};
use super::{Error, FileState};
use crate::host::{Disk, Lock};

/// A directory in which nothing counts: neither a record nor the head of a chain.
pub struct Vacant {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) legs: Legs,
    /// Files of the log without a record, or of an attempt to rebuild it that was broken off, and temporary ones.
    pub(super) leftovers: Vec<PathBuf>,
    lock: Lock,
}

/// What a directory holds, whole and in order.
pub struct Recovered {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    lock: Lock,
    legs: Legs,
    /// Files with at least one record, oldest first.
    files: Vec<FileState>,
    /// Behind the last record; `None`: no record has ever been written here.
    head: Option<Head>,
    /// Before the first record of the oldest file.
    before: Option<(Sequence, Hash)>,
    /// When each file was begun, as far as its header tells.
    begun: BTreeMap<Sequence, UnixNanos>,
    last: Option<Previous>,
    unproven: Option<Unproven>,
    cut: Option<Cut>,
    /// Names that are left over: files of a release that a crash broke off, and temporary ones.
    leftovers: Vec<PathBuf>,
    /// The log was being rebuilt when a run ended: what lies here doesn't count.
    broken_off: bool,
}

/// Bytes at the end of the last file which no witness proves to be on the disk: they may be in the kernel's memory alone, in
/// pages that a failed sync left marked as written.
struct Unproven {
    first: Sequence,
    from: u64,
    to: u64,
}

/// A torn tail: nothing shows that it was acknowledged, nothing proves that it wasn't. Sealed in `started`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// First record of the file.
    pub file: Sequence,
    /// Offset behind the last sound record.
    pub at: u64,
    pub bytes: u64,
}

/// One file as it was found.
struct Found {
    reader: Reader,
    first: Sequence,
    len: u64,
}

/// Locks the directory, made if need be, and reads all that it holds. Every refusal says where, and how to go on.
pub fn open(disk: Arc<dyn Disk>, dir: &Path, chain: &ChainName) -> Result<Recovered, Error> {
    let io = |doing| move |source| Error::Io { doing, path: dir.to_owned(), source };
    disk.create_dir_all(dir).map_err(io("make"))?;
    let lock = disk.lock(&dir.join("lock")).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Error::Locked { path: dir.to_owned() },
        _ => io("lock")(error),
    })?;
    let legs = Legs::load(Arc::clone(&disk), dir).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Error::Legs { path: dir.join("legs") },
        _ => io("read `legs` in")(error),
    })?;
    let (disk, dir) = (Arc::clone(&disk), dir.to_owned());
    let vacant = Vacant { disk, dir, legs, leftovers: Vec::new(), lock };
    let marked = vacant.is_marked().map_err(io("list"))?;
    if marked { Ok(vacant.broken_off()) } else { vacant.read(chain) }
}

impl Vacant {
    /// What the leg is known here to hold.
    pub fn confirmed(&self, leg: Leg) -> Option<Confirmed> {
        self.legs.confirmed(leg)
    }

    /// Reads all files of the log, whether or not they are marked as being rebuilt.
    pub(super) fn read(self, chain: &ChainName) -> Result<Recovered, Error> {
        let mut recovered = self.recovered(false);
        let found = recovered.find_files(chain)?;
        recovered.read(found)?;
        Ok(recovered)
    }

    fn broken_off(self) -> Recovered {
        self.recovered(true)
    }

    fn recovered(self, broken_off: bool) -> Recovered {
        Recovered {
            disk: self.disk,
            dir: self.dir,
            lock: self.lock,
            legs: self.legs,
            files: Vec::new(),
            head: None,
            before: None,
            begun: BTreeMap::new(),
            last: None,
            unproven: None,
            cut: None,
            leftovers: Vec::new(),
            broken_off,
        }
    }

    fn is_marked(&self) -> io::Result<bool> {
        Ok(self.disk.list(&self.dir)?.iter().any(|name| name == MARK))
    }
}

impl Recovered {
    /// The chain's head; `None` in a directory that never held a record.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The files that hold records, oldest first.
    pub fn files(&self) -> &[FileState] {
        &self.files
    }

    pub fn legs(&self) -> &Legs {
        &self.legs
    }

    /// What was cut off the end, if the last run did not end well.
    pub fn cut(&self) -> Option<Cut> {
        self.cut
    }

    /// Whether a run ended while the log was being rebuilt from the legs: then that must be done anew, and nothing else.
    pub fn is_broken_off(&self) -> bool {
        self.broken_off
    }

    /// The directory as one to be written anew, unless it holds a record, or the head of a chain, that counts.
    pub fn vacate(self) -> Result<Result<Vacant, Self>, Error> {
        if self.head.is_some() || !self.files.is_empty() {
            return Ok(Err(self));
        }
        let io = |source| Error::Io { doing: "list", path: self.dir.clone(), source };
        let names = self.disk.list(&self.dir).map_err(io)?;
        let left = |name: &&String| name.ends_with(".new") || first_of(name).is_some();
        let leftovers = names.iter().filter(left).map(|name| self.dir.join(name)).collect();
        Ok(Ok(Vacant { disk: self.disk, dir: self.dir, legs: self.legs, leftovers, lock: self.lock }))
    }

    /// Hash of a record that is held, or of the one before the first that is.
    pub fn find(&self, sequence: Sequence) -> Result<Option<Hash>, Error> {
        if let Some((next, hash)) = self.before
            && sequence.next() == next
        {
            return Ok(Some(hash));
        }
        let holds = |file: &&FileState| (file.first.get()..file.first.get() + file.records).contains(&sequence.get());
        let Some(file) = self.files.iter().find(holds) else { return Ok(None) };
        let mut reader = Reader::open(self.disk.as_ref(), &shelf::path(&self.dir, file.first))?;
        while let Some(stored) = reader.next(file.synced)? {
            if stored.link.sequence == sequence {
                return Ok(Some(stored.link.hash));
            }
        }
        Ok(None)
    }

    /// Goes on: proves the tail, removes what is left over, begins a new file. `genesis` is asked for the head of a chain
    /// that holds nothing yet; `rules` is the digest of the masking rules in force.
    pub fn resume(self, config: &Config, rules: [u8; 32], genesis: impl FnOnce() -> Head) -> Result<Log, Error> {
        let dir = self.dir.clone();
        let io = |doing| move |source| Error::Io { doing, path: dir, source };
        if let Some(unproven) = &self.unproven {
            self.prove(unproven).map_err(io.clone()("write again the end of the newest file in"))?;
        }
        for path in &self.leftovers {
            self.disk.remove(path).map_err(io.clone()("remove leftovers in"))?;
        }
        let mut files = self.files;
        let head = self.head.unwrap_or_else(genesis);
        // The last one is closed once the new file says where it ends.
        files.iter_mut().rev().skip(1).for_each(|file| file.closed = true);
        let shelf = Arc::new(Shelf::new(Arc::clone(&self.disk), &self.dir, self.legs, files, self.begun));
        let home = Home { disk: self.disk, dir: self.dir, _lock: self.lock };
        Log::begin(home, config, head, rules, self.last, shelf).map_err(io("begin a file in"))
    }

    /// Writes the same bytes to the same place, which makes the kernel's pages dirty, and syncs: only now does a success of
    /// the sync speak of them.
    fn prove(&self, unproven: &Unproven) -> io::Result<()> {
        let file = self.disk.open(&shelf::path(&self.dir, unproven.first))?;
        let mut buffer = vec![0; 1 << 20];
        let mut at = unproven.from;
        while at < unproven.to {
            let want = buffer.len().min(usize::try_from(unproven.to - at).unwrap_or(usize::MAX));
            let read = file.read_at(&mut buffer[..want], at)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            file.write_at(&buffer[..read], at)?;
            at += read as u64;
        }
        file.sync()
    }

    /// Opens every WAL file, and keeps those that follow each other up to the newest.
    fn find_files(&mut self, chain: &ChainName) -> Result<Vec<Found>, Error> {
        let io = |source| Error::Io { doing: "list", path: self.dir.clone(), source };
        let names = self.disk.list(&self.dir).map_err(io)?;
        let mut found: Vec<Found> = Vec::new();
        for name in names {
            if name.ends_with(".new") {
                self.leftovers.push(self.dir.join(name));
                continue;
            }
            let Some(first) = first_of(&name) else { continue };
            let file = self.open_file(first, chain)?;
            if let Some(before) = found.last()
                && file.reader.header().previous.map(|previous| previous.first) != Some(before.first)
            {
                self.skip_released(&found, first)?;
                self.leftovers.extend(found.drain(..).map(|file| shelf::path(&self.dir, file.first)));
            }
            found.push(file);
        }
        Ok(found)
    }

    fn open_file(&self, first: Sequence, chain: &ChainName) -> Result<Found, Error> {
        let path = shelf::path(&self.dir, first);
        let reader = Reader::open(self.disk.as_ref(), &path)?;
        let head = reader.head();
        if head.chain() != chain {
            return Err(Error::OtherChain { path, found: head.chain().clone(), expected: chain.clone() });
        }
        if head.next() != first {
            return Err(reader::Error::Damaged { path, at: 0 }.into());
        }
        let len = reader.file().len().map_err(|source| reader::Error::Io { path, source })?;
        Ok(Found { reader, first, len })
    }

    /// There is a hole before the file of `first`. A crash can leave one when a removed file comes back; then both legs have
    /// confirmed all before it.
    fn skip_released(&self, before: &[Found], first: Sequence) -> Result<(), Error> {
        let all = |leg| self.legs.confirmed(leg).is_some_and(|confirmed| confirmed.last.next() >= first);
        if Leg::ALL.into_iter().all(all) {
            return Ok(());
        }
        let after = before.last().map_or(first, |file| file.first);
        Err(Error::Missing { path: self.dir.clone(), after, before: first })
    }

    fn read(&mut self, found: Vec<Found>) -> Result<(), Error> {
        let ends: Vec<Option<u64>> =
            found.iter().skip(1).map(|next| next.reader.header().previous.map(|p| p.end)).collect();
        self.before = found.first().map(|oldest| (oldest.first, oldest.reader.head().hash()));
        for (index, file) in found.iter().enumerate() {
            let path = shelf::path(&self.dir, file.first);
            if self.head.as_ref().is_some_and(|head| head != file.reader.head()) {
                return Err(reader::Error::Damaged { path, at: 0 }.into());
            }
            let header = file.reader.header();
            let end = ends.get(index).copied().flatten();
            let scanned = scan(
                file.reader.file(),
                header,
                file.reader.start(),
                end.unwrap_or(file.len).min(file.len),
                end.unwrap_or(0),
            )
            .map_err(|source| reader::Error::Io { path: path.clone(), source })?;
            self.keep(file, header, scanned, end.is_none(), path)?;
        }
        Ok(())
    }

    fn keep(&mut self, file: &Found, header: &Header, scanned: Scan, newest: bool, path: PathBuf) -> Result<(), Error> {
        let end = match scanned.tail {
            Tail::Damaged { at } => return Err(reader::Error::Damaged { path, at }.into()),
            Tail::Torn { end } | Tail::Clean { end } => end,
        };
        let records = scanned.head.next().get() - file.first.get();
        if newest && matches!(scanned.tail, Tail::Torn { .. }) {
            self.cut = Some(Cut { file: file.first, at: end, bytes: file.len - end });
        }
        if records > 0 {
            if newest && end > scanned.synced {
                self.unproven = Some(Unproven { first: file.first, from: scanned.synced, to: end });
            }
            let last_hash = scanned.head.hash();
            self.files.push(FileState { first: file.first, synced: end, records, last_hash, closed: false });
            self.begun.insert(file.first, header.head.observed());
            self.last = Some(Previous { first: file.first, end });
        } else {
            // It is replaced by the next file, which has its name and so says of the file before what this one said.
            self.last = header.previous;
        }
        // Before record 0 there is no chain: a crash between the first file's header and its first record leaves nothing that
        // anyone was told, and the chain begins again with a genesis note of its own.
        self.head = Some(scanned.head).filter(|head| head.next() != Sequence::ZERO);
        Ok(())
    }
}

/// The first sequence that a WAL file's name tells.
pub(super) fn first_of(name: &str) -> Option<Sequence> {
    let digits = name.strip_suffix(".wal").filter(|digits| digits.len() == 20)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok().map(Sequence::new))?
}
