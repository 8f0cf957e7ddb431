//! The real disk, whose calls can fail.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::host::{Disk, File, Lock, SystemDisk};

/// The real disk, whose next calls can be made to fail.
#[derive(Default)]
pub(crate) struct TestDisk {
    faults: Arc<Mutex<VecDeque<DiskFault>>>,
}

pub(crate) enum DiskFault {
    /// The next write keeps that many bytes and fails.
    Write(usize),
    /// The next sync fails; what it should have covered is there to be read.
    Sync,
    /// The next change of a file's length fails.
    SetLen,
}

impl TestDisk {
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = DiskFault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    fn file(&self, file: fs::File) -> Box<dyn File> {
        Box::new(TestFile { file, faults: self.faults.clone() })
    }
}

impl Disk for TestDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(self.file(fs::File::options().read(true).write(true).create_new(true).open(path)?))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(self.file(fs::File::options().read(true).write(true).open(path)?))
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names: Vec<String> =
            fs::read_dir(dir)?.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        Ok(names)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir).map(drop)
    }
    fn lock(&self, path: &Path) -> io::Result<Lock> {
        SystemDisk.lock(path)
    }
    fn available(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

struct TestFile {
    file: fs::File,
    faults: Arc<Mutex<VecDeque<DiskFault>>>,
}

impl TestFile {
    fn fault(&self, which: impl Fn(&DiskFault) -> bool) -> Option<DiskFault> {
        self.faults.lock().unwrap().pop_front_if(|fault| which(fault))
    }
}

impl File for TestFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Some(DiskFault::Write(kept)) = self.fault(|fault| matches!(fault, DiskFault::Write(_))) {
            self.file.write_all_at(&bytes[..kept.min(bytes.len())], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_all_at(bytes, offset)
    }
    fn sync(&self) -> io::Result<()> {
        match self.fault(|fault| matches!(fault, DiskFault::Sync)) {
            Some(_) => Err(io::Error::other("EIO")),
            None => Ok(()),
        }
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        match self.fault(|fault| matches!(fault, DiskFault::SetLen)) {
            Some(_) => Err(io::Error::other("EIO")),
            None => self.file.set_len(len),
        }
    }
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}
