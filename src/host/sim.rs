//! The simulated twin of the machine: a disk that forgets, tears, fails and rots as a seed tells it to, and a clock that only
//! moves when told. What it does is what a real disk may do within the rules of POSIX and Linux:
//! - what was not synced is lost at a power failure, or kept in part: any of its 512-byte sectors, in no order;
//! - a name (new, changed or removed) is lost with the power until its directory is synced;
//! - a sync that fails may have written some pages, drops the rest, and calls all of them clean;
//! - a write may fail for want of space, or for no reason, and leave a part of itself behind;
//! - the machine may stop at any call.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sealtrail_chain::UnixNanos;

use super::{Clock, Disk, File, Lock};

/// A clock that is moved by hand.
pub struct SimClock {
    state: Mutex<(UnixNanos, Duration)>,
}

impl SimClock {
    pub fn new(now: UnixNanos) -> Self {
        Self { state: Mutex::new((now, Duration::ZERO)) }
    }
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let mut state = self.lock();
        state.0.0 += by.as_nanos() as u64;
        state.1 += by;
    }
    /// Sets the time of day, as an operator or NTP does.
    pub fn step_to(&self, now: UnixNanos) {
        self.lock().0 = now;
    }
    fn lock(&self) -> MutexGuard<'_, (UnixNanos, Duration)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SimClock {
    fn now(&self) -> UnixNanos {
        self.lock().0
    }
    fn monotonic(&self) -> Duration {
        self.lock().1
    }
}

/// Small, seeded, and the same everywhere (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
    /// True once in `n` times; never for 0.
    pub fn one_in(&mut self, n: u64) -> bool {
        n > 0 && self.below(n) == 0
    }
}

/// How often things go wrong: once in so many calls; 0 for never.
#[derive(Clone, Copy, Default, Debug)]
pub struct Faults {
    pub write: u64,
    pub sync: u64,
    pub names: u64,
}

const SECTOR: usize = 512;

/// Many handles, one disk: it outlives the crashes of those who use it.
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

struct State {
    random: Random,
    faults: Faults,
    /// Calls until the machine stops; `None`: it runs on.
    calls_left: Option<u64>,
    capacity: u64,
    /// Counts crashes: what was opened before one is of no use after it.
    boot: u64,
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names since the last sync of their directory: names given or taken, those of one call together.
    name_changes: Vec<Vec<(PathBuf, Option<usize>)>>,
    locks: BTreeSet<PathBuf>,
}

/// A file as the kernel's memory has it and as the disk has it.
#[derive(Default, Clone)]
struct Inode {
    cached: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

impl SimDisk {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Random::new(seed),
            faults: Faults::default(),
            calls_left: None,
            capacity: u64::MAX,
            boot: 0,
            inodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            name_changes: Vec::new(),
            locks: BTreeSet::new(),
        })))
    }

    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Bytes that fit on the disk.
    pub fn set_capacity(&self, bytes: u64) {
        self.lock().capacity = bytes;
    }

    /// The machine stops at the call after the next `calls`: that one and all later ones fail, until `power_failure` or `kill`.
    pub fn stop_after(&self, calls: u64) {
        self.lock().calls_left = Some(calls);
    }

    /// Whether it has stopped.
    pub fn has_stopped(&self) -> bool {
        self.lock().calls_left == Some(0)
    }

    /// The power goes, and comes back: what was not synced is there in part or not at all.
    pub fn power_failure(&self) {
        let mut state = self.lock();
        state.lose_names();
        state.lose_sectors();
        state.reboot();
    }

    /// The process dies; the kernel's memory stays as it is, with pages in it that the disk may not have.
    pub fn kill(&self) {
        self.lock().reboot();
    }

    /// One bit of the file's durable bytes changes.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u8) {
        let mut state = self.lock();
        let Some(&inode) = state.names.get(path) else { return };
        let inode = &mut state.inodes[inode];
        for bytes in [&mut inode.cached, &mut inode.durable] {
            if let Some(byte) = bytes.get_mut(offset as usize) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every call comes through here: the machine may stop at it.
    fn call(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        match &mut state.calls_left {
            Some(0) => return Err(io::Error::other("the machine has stopped")),
            Some(left) => *left -= 1,
            None => {}
        }
        if state.calls_left == Some(0) { Err(io::Error::other("the machine has stopped")) } else { Ok(state) }
    }
}

impl State {
    fn reboot(&mut self) {
        self.calls_left = None;
        self.boot += 1;
        self.locks.clear();
    }

    /// Each change of names reached the disk or not.
    fn lose_names(&mut self) {
        for change in std::mem::take(&mut self.name_changes) {
            if self.random.one_in(2) {
                apply(&mut self.durable_names, change);
            }
        }
        self.names = self.durable_names.clone();
    }

    /// Each dirty sector reached the disk or not.
    fn lose_sectors(&mut self) {
        let Self { random, inodes, .. } = self;
        for inode in inodes {
            let keep = random.below(4);
            inode.write_back(|| keep > 0 && (keep == 3 || random.one_in(2)));
            inode.cached = inode.durable.clone();
        }
    }

    fn used(&self) -> u64 {
        let held: BTreeSet<_> = self.names.values().collect();
        held.into_iter().map(|&inode| self.inodes[inode].cached.len() as u64).sum()
    }

    fn change_names(&mut self, change: Vec<(PathBuf, Option<usize>)>) {
        apply(&mut self.names, change.clone());
        self.name_changes.push(change);
    }

    fn fails(&mut self, one_in: u64) -> io::Result<()> {
        if self.random.one_in(one_in) { Err(io::Error::other("simulated I/O error")) } else { Ok(()) }
    }
}

fn apply(names: &mut BTreeMap<PathBuf, usize>, change: Vec<(PathBuf, Option<usize>)>) {
    for (path, inode) in change {
        match inode {
            Some(inode) => names.insert(path, inode),
            None => names.remove(&path),
        };
    }
}

impl Inode {
    /// Dirty sectors for which `reaches` says so get to the disk; all are clean afterwards.
    fn write_back(&mut self, mut reaches: impl FnMut() -> bool) {
        for sector in std::mem::take(&mut self.dirty) {
            let from = sector * SECTOR;
            let to = (from + SECTOR).min(self.cached.len());
            if from < to && reaches() {
                if self.durable.len() < to {
                    self.durable.resize(to, 0);
                }
                self.durable[from..to].copy_from_slice(&self.cached[from..to]);
            }
        }
    }

    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if self.cached.len() < end {
            self.cached.resize(end, 0);
        }
        self.cached[offset..end].copy_from_slice(bytes);
        self.dirty.extend(offset / SECTOR..end.div_ceil(SECTOR));
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut state = self.call()?;
        let one_in = state.faults.names;
        state.fails(one_in)?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.change_names(vec![(path.to_owned(), Some(inode))]);
        Ok(Box::new(SimFile { disk: self.clone(), inode, boot: state.boot }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let state = self.call()?;
        let inode = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimFile { disk: self.clone(), inode, boot: state.boot }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.call()?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        self.call().map(drop)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        let one_in = state.faults.names;
        state.fails(one_in)?;
        let inode = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.change_names(vec![(from.to_owned(), None), (to.to_owned(), Some(inode))]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_names(vec![(path.to_owned(), None)]);
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.call()?;
        let one_in = state.faults.names;
        state.fails(one_in)?;
        let inside = |change: &Vec<(PathBuf, Option<usize>)>| change.iter().any(|(path, _)| path.parent() == Some(dir));
        let (synced, others) = std::mem::take(&mut state.name_changes).into_iter().partition(inside);
        state.name_changes = others;
        let synced: Vec<Vec<(PathBuf, Option<usize>)>> = synced;
        synced.into_iter().for_each(|change| apply(&mut state.durable_names, change));
        Ok(())
    }

    fn available(&self, _dir: &Path) -> io::Result<u64> {
        let state = self.call()?;
        Ok(state.capacity.saturating_sub(state.used()))
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        let mut state = self.call()?;
        if !state.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Lock::new(SimLock { disk: self.clone(), path: path.to_owned(), boot: state.boot }))
    }
}

struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    boot: u64,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.lock();
        if state.boot == self.boot {
            state.locks.remove(&self.path);
        }
    }
}

struct SimFile {
    disk: SimDisk,
    inode: usize,
    boot: u64,
}

impl SimFile {
    fn call(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.call()?;
        if state.boot == self.boot { Ok(state) } else { Err(io::Error::other("opened before the crash")) }
    }
}

impl File for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.call()?;
        let cached = &state.inodes[self.inode].cached;
        let rest = usize::try_from(offset).ok().and_then(|offset| cached.get(offset..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = offset as usize;
        let mut guard = match self.call() {
            Ok(state) => state,
            Err(error) => {
                // The machine stopped within this write: a part of it may be in the kernel's memory, or on its way.
                let mut state = self.disk.lock();
                if state.boot == self.boot && state.random.one_in(2) {
                    let part = state.random.below(bytes.len() as u64 + 1) as usize;
                    state.inodes[self.inode].write(&bytes[..part], offset);
                }
                return Err(error);
            }
        };
        let state = &mut *guard;
        let grows = (offset + bytes.len()).saturating_sub(state.inodes[self.inode].cached.len()) as u64;
        let full = state.used().saturating_add(grows) > state.capacity;
        let one_in = state.faults.write;
        if full || state.random.one_in(one_in) {
            let part = state.random.below(bytes.len() as u64 + 1) as usize;
            let fits = state.capacity.saturating_sub(state.used()) as usize;
            state.inodes[self.inode].write(&bytes[..part.min(fits)], offset);
            return Err(if full { io::ErrorKind::StorageFull.into() } else { io::Error::other("simulated I/O error") });
        }
        state.inodes[self.inode].write(bytes, offset);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut guard = self.call()?;
        let State { random, inodes, faults, .. } = &mut *guard;
        let inode = &mut inodes[self.inode];
        if random.one_in(faults.sync) {
            inode.write_back(|| random.one_in(2));
            return Err(io::Error::other("simulated I/O error"));
        }
        inode.write_back(|| true);
        // The size is synced with the data that needs it.
        inode.durable.resize(inode.cached.len(), 0);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.call()?;
        state.inodes[self.inode].cached.resize(len as usize, 0);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.call()?.inodes[self.inode].cached.len() as u64)
    }
}
