//! Reading a bucket: names, small objects whole, segments through a file of their own.
//!
//! A segment is read many times over (footer, indexes, rows), so it is fetched once, range by range, into a file that has no
//! name: memory stays flat, nothing is left behind whatever happens, and the reader of a directory's objects reads it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use rustix::fs::{AtFlags, CWD, unlinkat};
use tokio::runtime::Handle;

use super::S3Archive;
use super::error::{Error, Why, why};
use super::stored::Stored;
use crate::archive::follow::follow;
use crate::archive::{self, Links, Listed, Objects, Reader};

impl Objects for S3Archive {
    async fn list(&self, below: &str) -> Result<Vec<Listed>, archive::Error> {
        self.list_behind(below, below).await
    }

    async fn list_behind(&self, below: &str, behind: &str) -> Result<Vec<Listed>, archive::Error> {
        let clients = self.connection.clients().await;
        let list = clients.calls.list_objects_v2().bucket(&self.config.bucket).prefix(self.full(below));
        let list = list.set_start_after((behind != below).then(|| self.full(behind)));
        let mut pages = list.into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed("list", below, error))?;
            listed.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| {
                let key = object.key?.strip_prefix(&self.prefix)?.to_owned();
                Some(Listed { key, bytes: u64::try_from(object.size?).ok()? })
            }));
        }
        Ok(listed)
    }

    async fn note(&self, key: &str) -> Result<Option<Vec<u8>>, archive::Error> {
        self.note_version(key, None).await
    }

    async fn object(&self, key: &str) -> Result<Reader, archive::Error> {
        let place = PathBuf::from(self.at(key));
        let file = self.fetch(key).await?;
        Reader::of(file, &place)
    }
}

impl S3Archive {
    /// A small object whole, of one version where it is named.
    pub async fn note_version(&self, key: &str, version: Option<&str>) -> Result<Option<Vec<u8>>, archive::Error> {
        let clients = self.connection.clients().await;
        let get = clients.transfers.get_object().bucket(&self.config.bucket).key(self.full(key));
        let body = match get.set_version_id(version.map(str::to_owned)).send().await {
            Ok(object) => object.body,
            Err(error) if why(&error) == Why::Absent => return Ok(None),
            Err(error) => return Err(self.failed("read", key, error).into()),
        };
        let mut bytes = Vec::new();
        self.read(key, body, archive::longest(key), &mut bytes).await?;
        Ok(Some(bytes))
    }

    /// The whole object in a file without a name, from ranges of one and the same version.
    pub async fn fetch(&self, key: &str) -> Result<File, archive::Error> {
        self.fetch_version(key, None).await
    }

    /// As `fetch`, of one version where it is named.
    pub async fn fetch_version(&self, key: &str, version: Option<&str>) -> Result<File, archive::Error> {
        let absent = || self.error("read", key, Why::Absent);
        let mut stored = self.head(key, version.map(str::to_owned)).await?.ok_or_else(absent)?;
        stored.version = version.map(str::to_owned);
        let mut file = nameless(&self.workdir).map_err(|source| archive::Error::Io {
            doing: "make a file in",
            path: self.workdir.clone(),
            source,
        })?;
        let mut offset = 0;
        while offset < stored.length {
            let size = self.part().min(stored.length - offset);
            let body = self.range(key, offset, size, &stored).await?;
            self.read(key, body, size, &mut file).await?;
            offset += size;
        }
        Ok(file)
    }

    /// What the whole object proves of its segment: every record follows the one before, from the first to the last.
    pub(super) async fn read_through(&self, key: &str) -> Result<Links, archive::Error> {
        let reader = self.object(key).await?;
        let followed = tokio::task::spawn_blocking(move || follow(reader)).await;
        let problem = |problem| archive::Error::S3(Error::Segment { at: self.at(key), problem });
        followed.map_err(|_| problem("reading it panicked"))??.map_err(problem)
    }

    async fn range(&self, key: &str, offset: u64, size: u64, stored: &Stored) -> Result<ByteStream, Error> {
        let clients = self.connection.clients().await;
        let get = clients
            .transfers
            .get_object()
            .bucket(&self.config.bucket)
            .key(self.full(key))
            .range(format!("bytes={offset}-{}", offset + size - 1))
            .set_version_id(stored.version.clone())
            // Ranges of two versions are no object.
            .set_if_match(stored.etag.clone());
        let object = get.send().await.map_err(|error| self.failed("read", key, error))?;
        match object.content_length.and_then(|length| u64::try_from(length).ok()) {
            Some(length) if length == size => Ok(object.body),
            _ => Err(self.error("read", key, Why::Answer)),
        }
    }

    /// Takes a body in, chunk by chunk, within the time of a transfer: the SDK's own limit ends with the headers.
    async fn read(
        &self,
        key: &str,
        mut body: ByteStream,
        most: u64,
        out: &mut (impl io::Write + Send),
    ) -> Result<(), Error> {
        let read = async {
            let mut rest = most;
            while let Some(chunk) = body.next().await {
                let chunk = chunk.map_err(|_| self.error("read", key, Why::Answer))?;
                rest = rest.checked_sub(chunk.len() as u64).ok_or_else(|| self.error("read", key, Why::Answer))?;
                out.write_all(&chunk).map_err(|_| self.error("keep what was read of", key, Why::Request))?;
            }
            Ok(())
        };
        let patience = tokio::time::timeout(self.config.timeouts.transfer.get(), read).await;
        patience.unwrap_or_else(|_| Err(self.error("read", key, Why::TimedOut)))
    }
}

/// A new file in `dir` that is gone when it is closed.
fn nameless(dir: &Path) -> io::Result<File> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let path = dir.join(format!("fetched-{}-{}.tmp", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    unlinkat(CWD, &path, AtFlags::empty())?;
    Ok(file)
}

/// An object of which ranges are read as they are asked for, all of one and the same version. Blocks: not for async tasks.
#[derive(Clone)]
pub struct Ranged {
    archive: Arc<S3Archive>,
    runtime: Handle,
    key: Arc<str>,
    stored: Arc<Stored>,
    /// Why a range could not be read, for whoever only learns that it could not.
    failure: Arc<Mutex<Option<Error>>>,
}

/// How often a range is asked for while that fails for a passing reason, and the pause before each time but the first.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

impl Ranged {
    pub(in crate::archive) fn open(archive: &Arc<S3Archive>, key: &str, runtime: &Handle) -> Result<Self, Error> {
        let stored = runtime.block_on(archive.head(key, None))?;
        let stored = stored.ok_or_else(|| archive.error("read", key, Why::Absent))?;
        Ok(Self {
            archive: Arc::clone(archive),
            runtime: runtime.clone(),
            key: key.into(),
            stored: Arc::new(stored),
            failure: Arc::default(),
        })
    }

    /// As errors call it.
    pub(in crate::archive) fn place(&self) -> PathBuf {
        PathBuf::from(self.archive.at(&self.key))
    }

    pub(in crate::archive) fn len(&self) -> u64 {
        self.stored.length
    }

    pub(in crate::archive) fn bytes(&self, offset: u64, length: u64) -> Option<Bytes> {
        if length == 0 {
            return Some(Bytes::new());
        }
        let read = async {
            let mut bytes = Vec::new();
            for attempt in 1.. {
                bytes.clear();
                let body = self.archive.range(&self.key, offset, length, &self.stored).await;
                let read = match body {
                    Ok(body) => self.archive.read(&self.key, body, length, &mut bytes).await,
                    Err(error) => Err(error),
                };
                match read {
                    Err(error) if error.is_passing() && attempt < ATTEMPTS => tokio::time::sleep(PAUSE).await,
                    outcome => return outcome.map(|()| Bytes::from(bytes)),
                }
            }
            Ok(Bytes::new())
        };
        let outcome = self.runtime.block_on(read);
        let failed = |error| *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        outcome.map_err(failed).ok()
    }

    pub(in crate::archive) fn take_failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
