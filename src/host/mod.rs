//! What we ask of the machine: clock, disk, entropy. Everything that can fail or drift enters here, so that a simulated twin
//! can make it do so.

use std::io;
use std::path::Path;

use sealtrail_chain::UnixNanos;

pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> UnixNanos;
}

/// Files as the write side needs them: every durability call is explicit.
pub trait Disk: Send + Sync + 'static {
    /// A new file, for reading and writing; an existing one is an error.
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>>;
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>>;
    /// Names in a directory, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes names in the directory durable (`fsync` of the directory).
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Bytes free for this user on the file system of `dir`.
    fn available(&self, dir: &Path) -> io::Result<u64>;
}

pub trait File: Send + Sync {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// `fdatasync`.
    fn sync(&self) -> io::Result<()>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
}
