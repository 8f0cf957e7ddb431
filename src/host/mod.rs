//! What we ask of the machine: clock, disk, entropy, keys in tokens. Everything that can fail or drift enters here, so that a simulated twin
//! (`sim`) can make it do so.

pub mod aside;
pub mod backoff;
pub mod clock;
pub mod disk;
pub mod entropy;
pub mod guard;
pub mod hsm;
pub mod regular;
pub mod sim;
pub mod whole;

pub use aside::Aside;
pub use backoff::Backoff;
pub use clock::SystemClock;
pub use disk::SystemDisk;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use sealtrail_chain::UnixNanos;

/// Two clocks: the one that people set, and one that only runs.
pub trait Clock: Send + Sync + 'static {
    /// Time of day; may step.
    fn now(&self) -> UnixNanos;
    /// Time since some fixed moment; never steps. What it says of `now` between two readings tells a step from a wait.
    fn monotonic(&self) -> Duration;
}

/// Files as the write side needs them: every durability call is explicit.
pub trait Disk: Send + Sync + 'static {
    /// A new file, for reading and writing; an existing one is an error.
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>>;
    /// An existing file, for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>>;
    /// Names in a directory, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes a directory and those above it, and makes their names durable.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Gives a file another name, in place of what has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes names in the directory durable (`fsync` of the directory).
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Bytes free for this user on the file system of `dir`.
    fn available(&self, dir: &Path) -> io::Result<u64>;
    /// Takes the file at `path`, made when it isn't there, for this process alone, until the lock is dropped or the process
    /// ends; `WouldBlock`: another has it.
    fn lock(&self, path: &Path) -> io::Result<Lock>;
}

/// One open file. A crash may lose, or keep in part, whatever no `sync` has covered since it was written.
pub trait File: Send + Sync {
    /// Reads at `offset` as much as there is, up to the buffer's length; less than that only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Writes all pieces at `offset`, one behind the other. A failure, like a crash, may leave any part of it behind.
    fn write_all_at(&self, pieces: &[&[u8]], mut offset: u64) -> io::Result<()> {
        for piece in pieces {
            self.write_at(piece, offset)?;
            offset += piece.len() as u64;
        }
        Ok(())
    }
    /// `fdatasync`; a file that no longer has a name is an error, for nothing of it will be found again.
    fn sync(&self) -> io::Result<()>;
    /// Those bytes, which are synced, will hardly be read soon: the system may use the memory that caches them for others.
    /// Advice only; they stay what they are.
    fn uncache(&self, _bytes: Range<u64>) {}
    fn set_len(&self, len: u64) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// A file taken for this process alone, for as long as this lives.
pub struct Lock {
    _held: Box<dyn Send + Sync>,
}

impl Lock {
    /// `held`: what gives the lock back when it is dropped.
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Box::new(held) }
    }
}
