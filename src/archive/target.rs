//! The archive that the configuration names: a directory or a bucket, with one face.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::Segment;
use tokio::runtime::Handle;

use super::directory::make_workdir;
use super::links::Source;
use super::s3::{Ranged, S3Archive};
use super::{ArchiveLeg, Config, DirectoryArchive, Error, LinkReader, Links, Listed, Objects, Place, Reader};
use crate::host::Clock;

pub enum Target {
    Directory(DirectoryArchive),
    S3(Arc<S3Archive>),
}

impl Target {
    /// The archive, before anything is changed: it can be asked what it holds.
    pub fn find(config: &Config, data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Ok(match &config.place {
            Place::Directory(directory) => Self::Directory(DirectoryArchive::at(&directory.resolve(data_dir))),
            Place::S3(s3) => Self::S3(Arc::new(S3Archive::new(s3, &data_dir.join("upload"), clock)?)),
        })
    }

    /// Whether it is fit to be written to, where that is known now: a bucket that can't be reached is asked again before the
    /// first upload, for an archive that is away stops no sender.
    pub async fn check(&self) -> Result<(), Error> {
        let Self::S3(archive) = self else { return Ok(()) };
        match archive.ready().await {
            Ok(_) => Ok(()),
            Err(error) if error.refuses_start() => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "the archive is away; records are taken all the same, and its bucket is checked before the first upload");
                Ok(())
            }
        }
    }

    /// A segment of which only its records' places and hashes are read. Blocks: not for async tasks.
    pub fn links(&self, key: &str, runtime: &Handle) -> Result<LinkReader, Error> {
        match self {
            Self::Directory(archive) => {
                let path = archive.path(key)?;
                let file = File::open(&path);
                let file = file.map_err(|source| Error::Io { doing: "open", path: path.clone(), source })?;
                LinkReader::open(Source::File(file), &path)
            }
            Self::S3(archive) => {
                let ranged = Ranged::open(archive, key, runtime)?;
                let place = ranged.place();
                LinkReader::open(Source::Ranged(ranged), &place)
            }
        }
    }

    /// Makes what it needs on this machine, and removes what an earlier run left unfinished.
    pub fn prepare(&self) -> Result<(), Error> {
        match self {
            Self::Directory(archive) => archive.make(),
            Self::S3(archive) => archive.workdir().map_or(Ok(()), |workdir| make_workdir(&workdir)),
        }
    }
}

impl ArchiveLeg for Target {
    async fn segment(&self, key: &str) -> Result<Option<Links>, Error> {
        match self {
            Self::Directory(archive) => archive.segment(key).await,
            Self::S3(archive) => archive.segment(key).await,
        }
    }

    async fn put_segment(&self, key: &str, file: &Path, segment: &Segment) -> Result<(), Error> {
        match self {
            Self::Directory(archive) => archive.put_segment(key, file, segment).await,
            Self::S3(archive) => archive.put_segment(key, file, segment).await,
        }
    }

    async fn put_note(&self, key: &str, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Directory(archive) => archive.put_note(key, bytes).await,
            Self::S3(archive) => archive.put_note(key, bytes).await,
        }
    }

    fn workdir(&self) -> Option<PathBuf> {
        match self {
            Self::Directory(archive) => archive.workdir(),
            Self::S3(archive) => archive.workdir(),
        }
    }
}

impl Objects for Target {
    async fn list(&self, below: &str) -> Result<Vec<Listed>, Error> {
        match self {
            Self::Directory(archive) => archive.list(below).await,
            Self::S3(archive) => archive.list(below).await,
        }
    }

    async fn list_behind(&self, below: &str, behind: &str) -> Result<Vec<Listed>, Error> {
        match self {
            Self::Directory(archive) => archive.list_behind(below, behind).await,
            Self::S3(archive) => archive.list_behind(below, behind).await,
        }
    }

    async fn note(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Directory(archive) => archive.note(key).await,
            Self::S3(archive) => archive.note(key).await,
        }
    }

    async fn object(&self, key: &str) -> Result<Reader, Error> {
        match self {
            Self::Directory(archive) => archive.object(key).await,
            Self::S3(archive) => archive.object(key).await,
        }
    }
}
