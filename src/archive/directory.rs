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
use std::sync::LazyLock;

use rustix::fs::{AtFlags, CWD, RenameFlags, renameat_with, unlinkat};
use sealtrail_chain::Segment;

use super::follow::follow;
use super::{ArchiveLeg, Error, Links, Listed, Objects, Reader, longest};
use crate::host::{entropy, regular};

/// Below the root; dot names are no keys.
const WORKDIR: &str = ".tmp";

/// Names this process's unfinished files.
static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let mut token = [0; 8];
    entropy::fill(&mut token);
    const_hex::encode(token)
});

/// Objects as files below `root`.
#[derive(Clone)]
pub struct DirectoryArchive {
    root: PathBuf,
}

impl DirectoryArchive {
    /// The archive below `root`, which may not be there yet.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// As `at`, ready to be written to.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let archive = Self::at(root);
        archive.make()?;
        Ok(archive)
    }

    /// Makes the directory if it isn't there, and removes what an earlier run left unfinished. What another process has
    /// unfinished there at this moment it builds again: its sync finds the file gone.
    pub fn make(&self) -> Result<(), Error> {
        let root = self.root.as_path();
        let workdir = root.join(WORKDIR);
        make_workdir(&workdir)?;
        // Not only what was made just now: an earlier run may have made a directory and crashed before its sync. Directories
        // above the root may not be ours to open; then they were not made by us either.
        for dir in workdir.ancestors() {
            let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
            match sync_dir(dir) {
                Err(error) if dir.starts_with(root) => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
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

    fn proof(&self, key: &str) -> Result<Option<Links>, Error> {
        let path = self.path(key)?;
        match Reader::open(&path) {
            Ok(reader) => follow(reader)?.map(Some).map_err(|problem| Error::Unproven { path, problem }),
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
        // Another collector of the chain may write the same key at this moment.
        let name = format!("{}-{}", *TOKEN, key.replace('/', "-"));
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

    async fn proven(&self, key: &str) -> Result<Option<Links>, Error> {
        let key = key.to_owned();
        self.blocking(move |archive| archive.proof(&key)).await
    }

    async fn put_note(&self, key: &str, bytes: &[u8]) -> Result<(), Error> {
        let (key, bytes) = (key.to_owned(), bytes.to_owned());
        self.blocking(move |archive| archive.store_note(&key, &bytes)).await
    }

    fn workdir(&self) -> Option<PathBuf> {
        Some(self.root.join(WORKDIR))
    }
}

impl Objects for DirectoryArchive {
    async fn list(&self, below: &str) -> Result<Vec<Listed>, Error> {
        // The directories are those of whole parts of the key.
        let dir = below.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
        let below = below.to_owned();
        let listed = self.blocking(move |archive| {
            let mut listed = Vec::new();
            walk(&archive.root, &dir, &mut listed)?;
            Ok(listed)
        });
        let mut listed = listed.await?;
        listed.retain(|object| object.key.starts_with(&below));
        listed.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(listed)
    }

    async fn note(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(key)?;
        let limit = longest(key);
        self.blocking(move |_| match regular::read_whole(&path, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("read", &path)(error)),
        })
        .await
    }

    async fn object(&self, key: &str) -> Result<Reader, Error> {
        let path = self.path(key)?;
        self.blocking(move |_| Reader::open(&path)).await
    }
}

/// Adds the objects below `dir`, itself below `root`; dot names are none.
fn walk(root: &Path, dir: &str, listed: &mut Vec<Listed>) -> Result<(), Error> {
    let path = root.join(dir);
    let entries = match fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(io_error("list", &path))?,
    };
    for entry in entries {
        let entry = entry.map_err(io_error("list", &path))?;
        let Some(name) = entry.file_name().to_str().filter(|name| !name.starts_with('.')).map(str::to_owned) else {
            continue;
        };
        let key = if dir.is_empty() { name } else { format!("{dir}/{name}") };
        let metadata = entry.metadata().map_err(io_error("list", &path))?;
        match metadata.is_dir() {
            true => walk(root, &key, listed)?,
            false => listed.push(Listed { key, bytes: metadata.len() }),
        }
    }
    Ok(())
}

/// Makes a directory for unfinished files, and removes those of an earlier run.
pub(super) fn make_workdir(workdir: &Path) -> Result<(), Error> {
    make_dirs(workdir)?;
    for entry in fs::read_dir(workdir).map_err(io_error("list", workdir))? {
        remove(&entry.map_err(io_error("list", workdir))?.path())?;
    }
    // On a disk that fails now and is mended later, a directory that was never written would hide what is built in it.
    sync_dir(workdir)
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
