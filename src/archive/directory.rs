//! The archive in a local directory: the very keys of the bucket below a root.
//!
//! An object gets its name by these calls, and by no others. Behind each: what a crash there leaves.
//!
//! ```text
//! fdatasync(file)                        a file below `.tmp`, removed at the next start
//! mkdir(directories of the key)          empty directories
//! renameat2(file, key, NOREPLACE)        the whole object, perhaps forgotten by the file system
//! fsync(each directory up to the root)   the whole object
//! ```
//!
//! It goes straight to the file system: deliver meets it as an [`ArchiveLeg`], and that is where a test puts a leg that fails.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, RenameFlags, renameat_with, unlinkat};
use sealtrail_chain::Segment;

use super::{ArchiveLeg, Error, Links, Reader};

/// Below the root; dot names are no keys.
const WORKDIR: &str = ".tmp";

/// Objects as files below `root`.
#[derive(Clone)]
pub struct DirectoryArchive {
    root: PathBuf,
}

impl DirectoryArchive {
    /// Makes the directory if it isn't there, and removes what an earlier run left unfinished. One process at a time may do
    /// so: the data directory's lock sees to that.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let archive = Self { root: root.to_owned() };
        let workdir = root.join(WORKDIR);
        make_dirs(&workdir)?;
        let names = fs::read_dir(&workdir).map_err(io_error("list", &workdir))?;
        for entry in names {
            let path = entry.map_err(io_error("list", &workdir))?.path();
            remove(&path)?;
        }
        // Not only what was made just now: an earlier run may have made a directory and crashed before its sync. Directories
        // above the root may not be ours to open; then they were not made by us either.
        for dir in workdir.ancestors() {
            let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
            match sync_dir(dir) {
                Err(error) if dir.starts_with(root) => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(archive)
    }

    /// Where the object of that key lies.
    pub fn path(&self, key: &str) -> Result<PathBuf, Error> {
        let plain = |part| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b"."));
        match !key.is_empty() && Path::new(key).components().all(plain) {
            true => Ok(self.root.join(key)),
            false => Err(Error::Key { key: key.to_owned() }),
        }
    }

    fn links(&self, key: &str) -> Result<Option<Links>, Error> {
        match Reader::open(&self.path(key)?) {
            Ok(reader) => Ok(Some(Links::from(&reader.footer().segment))),
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn store_segment(&self, key: &str, file: &Path, expected: &Links) -> Result<(), Error> {
        if self.store(key, file)? {
            return Ok(());
        }
        match self.links(key)? {
            Some(found) if found == *expected => Ok(()),
            Some(found) => Err(Error::Differs {
                key: key.to_owned(),
                expected: Box::new(expected.clone()),
                found: Box::new(found),
            }),
            None => Err(io_error("read again", &self.path(key)?)(io::ErrorKind::NotFound.into())),
        }
    }

    fn store_note(&self, key: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path(key)?;
        let name = key.replace('/', "-");
        let temporary = self.root.join(WORKDIR).join(name);
        remove_if_there(&temporary)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&temporary);
        file.and_then(|mut file| file.write_all(bytes)).map_err(io_error("write", &temporary))?;
        if self.store(key, &temporary)? {
            return Ok(());
        }
        let found = fs::read(&path).map_err(io_error("read", &path))?;
        if found == bytes { Ok(()) } else { Err(Error::NoteDiffers { key: key.to_owned() }) }
    }

    /// Gives a finished file its key; `false` when the key is taken. `file` is gone either way.
    fn store(&self, key: &str, file: &Path) -> Result<bool, Error> {
        let path = self.path(key)?;
        let parent = path.parent().unwrap_or(&self.root);
        File::open(file).and_then(|file| file.sync_data()).map_err(io_error("sync", file))?;
        make_dirs(parent)?;
        let stored = match renameat_with(CWD, file, CWD, &path, RenameFlags::NOREPLACE) {
            Ok(()) => true,
            Err(rustix::io::Errno::EXIST) => false,
            // Some network file systems know no NOREPLACE; a hard link never replaces either.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => match fs::hard_link(file, &path) {
                Ok(()) => true,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
                Err(error) => return Err(io_error("link to", &path)(error)),
            },
            Err(error) => return Err(io_error("rename to", &path)(error.into())),
        };
        remove_if_there(file)?;
        // Also when the key was taken: whoever took it may have crashed before this.
        for dir in parent.ancestors().take_while(|dir| dir.starts_with(&self.root)) {
            sync_dir(dir)?;
        }
        Ok(stored)
    }

    /// Runs blocking work of this archive off the async threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let archive = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&archive)).await;
        done.unwrap_or_else(|_| Err(io_error("finish work on", &self.root)(io::ErrorKind::Interrupted.into())))
    }
}

impl ArchiveLeg for DirectoryArchive {
    async fn segment(&self, key: &str) -> Result<Option<Links>, Error> {
        let key = key.to_owned();
        self.blocking(move |archive| archive.links(&key)).await
    }

    /// `file` must lie below `workdir`.
    async fn put_segment(&self, key: &str, file: &Path, segment: &Segment) -> Result<(), Error> {
        let (key, file, links) = (key.to_owned(), file.to_owned(), Links::from(segment));
        self.blocking(move |archive| archive.store_segment(&key, &file, &links)).await
    }

    async fn put_note(&self, key: &str, bytes: &[u8]) -> Result<(), Error> {
        let (key, bytes) = (key.to_owned(), bytes.to_owned());
        self.blocking(move |archive| archive.store_note(&key, &bytes)).await
    }

    fn workdir(&self) -> Option<PathBuf> {
        Some(self.root.join(WORKDIR))
    }
}

fn make_dirs(dir: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o750).create(dir).map_err(io_error("create", dir))
}

fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("sync", dir))
}

fn remove(path: &Path) -> Result<(), Error> {
    unlinkat(CWD, path, AtFlags::empty()).map_err(|error| io_error("remove", path)(error.into()))
}

fn remove_if_there(path: &Path) -> Result<(), Error> {
    match remove(path) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { doing, path, source }
}
