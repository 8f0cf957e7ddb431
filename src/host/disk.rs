//! The machine's file system.
#![allow(clippy::disallowed_methods, reason = "the one place where files are made, renamed and removed")]

use std::fs::{self, OpenOptions};
use std::io::{self, IoSlice};
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::{Disk, File, Lock};

/// Files on the real disk, readable by the collector's user alone (mode 0600, directories 0700).
#[derive(Clone, Copy, Default, Debug)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Box::new(SystemFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(Box::new(SystemFile(OpenOptions::new().read(true).write(true).open(path)?)))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            // A name that isn't UTF-8 is none of ours.
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        if dir.as_os_str().is_empty() || dir.is_dir() {
            return Ok(());
        }
        if let Some(above) = dir.parent() {
            self.create_dir_all(above)?;
        }
        use std::os::unix::fs::DirBuilderExt;
        match fs::DirBuilder::new().mode(0o700).create(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
            made => made?,
        }
        // Its name above it is of no use without what it is made of.
        self.sync_dir(dir)?;
        match dir.parent() {
            Some(above) if !above.as_os_str().is_empty() => self.sync_dir(above),
            _ => self.sync_dir(Path::new(".")),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }

    fn available(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.try_lock()?;
        Ok(Lock::new(file))
    }
}

struct SystemFile(fs::File);

/// What Linux takes in one call (`IOV_MAX`).
const MAX_SLICES: usize = 1024;

const DELETED: &str = "the file was deleted while it was written; put its directory back";

impl File for SystemFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read = 0;
        while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, offset + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    /// One system call for as many pieces as it takes: a group of many small requests has many.
    fn write_all_at(&self, pieces: &[&[u8]], mut offset: u64) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut rest = slices.as_mut_slice();
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match rustix::io::pwritev(&self.0, &rest[..rest.len().min(MAX_SLICES)], offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    IoSlice::advance_slices(&mut rest, written);
                    offset += written as u64;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()?;
        // The kernel syncs a file that has lost its last name as gladly as any other, and forgets it when the process ends:
        // whoever deleted the directory would have us acknowledge into nothing.
        if self.0.metadata()?.nlink() == 0 { Err(io::Error::new(io::ErrorKind::NotFound, DELETED)) } else { Ok(()) }
    }

    /// The kernel gives back what lies whole within the range: so it is made wider by what a call before this may have left of the
    /// largest folio, and ends before the page that the next write goes on in.
    fn uncache(&self, bytes: Range<u64>) {
        const FOLIO: u64 = 2 << 20;
        const PAGE: u64 = 4 << 10;
        let (start, end) = (bytes.start.saturating_sub(FOLIO), bytes.end / PAGE * PAGE);
        if let Some(length) = end.checked_sub(start).and_then(NonZeroU64::new) {
            // Where the file system knows no such advice, the pages stay until they are needed.
            let _ = rustix::fs::fadvise(&self.0, start, Some(length), rustix::fs::Advice::DontNeed);
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One process a data directory: the second one is told, and the first one's end frees it.
    #[test]
    fn a_lock_is_held_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = SystemDisk.lock(&path).unwrap();
        assert_eq!(SystemDisk.lock(&path).err().unwrap().kind(), io::ErrorKind::WouldBlock);
        drop(first);
        SystemDisk.lock(&path).unwrap();
    }

    /// Promise 1: a sync that keeps nothing is no sync.
    #[test]
    fn a_deleted_file_is_not_synced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = SystemDisk.create(&path).unwrap();
        file.write_at(b"kept", 0).unwrap();
        file.sync().unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(file.sync().unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    /// More pieces than one system call takes, empty ones among them.
    #[test]
    fn pieces_are_written_one_behind_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = SystemDisk.create(&path).unwrap();
        let pieces: Vec<Vec<u8>> = (0..5000_usize).map(|number| vec![number as u8; number % 7]).collect();
        let borrowed: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        file.write_at(b"before", 0).unwrap();
        file.write_all_at(&borrowed, 6).unwrap();
        file.write_all_at(&[], 6).unwrap();
        assert!(fs::read(&path).unwrap() == [b"before", pieces.concat().as_slice()].concat());
    }

    /// Advice to forget touches the cache alone: what is written behind it, within a page and over it, stands beside what was.
    #[test]
    fn what_needs_no_cache_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = SystemDisk.create(&path).unwrap();
        let mut expected = Vec::new();
        for round in 0..40_usize {
            let bytes: Vec<u8> = (0..100_003).map(|at| (at * 7 + round) as u8).collect();
            file.write_at(&bytes, expected.len() as u64).unwrap();
            file.sync().unwrap();
            file.uncache(expected.len() as u64..(expected.len() + bytes.len()) as u64);
            expected.extend(bytes);
        }
        let mut read = vec![0; expected.len() + 1];
        assert_eq!(file.read_at(&mut read, 0).unwrap(), expected.len());
        assert!(read[..expected.len()] == expected);
    }

    #[test]
    fn files_are_written_and_read_at_their_offsets() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/file");
        SystemDisk.create_dir_all(path.parent().unwrap()).unwrap();
        let file = SystemDisk.create(&path).unwrap();
        file.write_at(b"tail", 6).unwrap();
        file.write_at(b"header", 0).unwrap();
        file.sync().unwrap();
        let mut buffer = [0; 16];
        assert_eq!(SystemDisk.open(&path).unwrap().read_at(&mut buffer, 3).unwrap(), 7);
        assert_eq!(&buffer[..7], b"dertail");
        assert!(SystemDisk.create(&path).is_err(), "an existing file is never taken over");
        assert_eq!(SystemDisk.list(path.parent().unwrap()).unwrap(), ["file"]);
    }
}
