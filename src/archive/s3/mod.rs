//! The archive in a bucket: S3, or a server that speaks it, with Object Lock.
//!
//! Promise 3 and 5: a key is given once (`If-None-Match: *`), with a checksum that the server verifies and a lock that
//! nobody can shorten, and nothing counts as archived before the server has shown that it keeps it so. An object that is
//! there already is recognised by its links (`stored`): the same are our own upload whose answer was lost, others an alarm.
//!
//! What must hold:
//! - the bucket is found fit (`check`) before anything is written to it;
//! - retention, encryption and checksum stand on every PUT (`put`), never on a bucket's defaults, which a server may not show;
//! - every call has a time limit and is made once (`client`): who delivers waits and tries again;
//! - what a server answers is judged by status and operation (`error`), for no two servers use the same codes.
//!
//! It must not delete, overwrite, or change a lock: no call here could.

mod check;
mod client;
mod config;
mod error;
mod extend;
mod kept;
mod lock;
mod put;
mod read;
mod stored;
mod versions;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use sealtrail_chain::Segment;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

pub use check::{Fitness, Lack};
pub use config::{Allowed, Config, Encryption, Problem, StorageClass, Timeouts};
pub use error::{Differs, Error, Why};
pub use kept::Kept;
pub use lock::{Mode, ObjectLock};
pub use read::Ranged;
pub use versions::Version;

use self::error::why;
use client::{Clients, Connection};
use put::{Headers, Put};
use stored::{Digests, Sent, Stored};

use super::{ArchiveLeg, Links, Objects as _};
use crate::host::Clock;

/// Objects in a bucket.
pub struct S3Archive {
    config: Config,
    /// Before every key.
    prefix: String,
    connection: Connection,
    clock: Arc<dyn Clock>,
    workdir: PathBuf,
    fitness: OnceCell<Fitness>,
}

impl S3Archive {
    /// Reaches out to nobody yet. `workdir`: where segments are built, and read back.
    pub fn new(config: &Config, workdir: &Path, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Ok(Self {
            prefix: config.prefix(),
            connection: Connection::new(config)?,
            config: config.clone(),
            clock,
            workdir: workdir.to_owned(),
            fitness: OnceCell::new(),
        })
    }

    /// Whether the bucket may be written to; asked until it was found fit once.
    pub async fn ready(&self) -> Result<&Fitness, Error> {
        let check = async {
            let fitness = self.check().await?;
            tracing::info!(bucket = self.config.bucket, %fitness, "the archive's bucket is fit");
            Ok(fitness)
        };
        self.fitness.get_or_try_init(|| check).await
    }

    /// What a HEAD shows, of one version where it is named.
    async fn head(&self, key: &str, version: Option<String>) -> Result<Option<Stored>, Error> {
        let clients = self.connection.clients().await;
        let head = clients.calls.head_object().bucket(&self.config.bucket).key(self.full(key));
        match head.set_version_id(version).checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(head) => Ok(Some(Stored::from(head))),
            Err(error) if why(&error) == Why::Absent => Ok(None),
            Err(error) => Err(self.failed("read the metadata of", key, error)),
        }
    }

    /// Reads back what was uploaded just now: nothing counts before.
    async fn read_back(&self, key: &str, version: Option<String>, sent: &Sent<'_>) -> Result<(), Error> {
        let stored = self.head(key, version).await?.ok_or_else(|| self.error("read back", key, Why::Absent))?;
        match stored::differs(sent, &stored) {
            differs if differs.is_empty() => Ok(()),
            differs => Err(Error::Unkept { at: self.at(key), differs }),
        }
    }

    /// Of an object that was there already: when it came is only known from the server.
    fn check_lock(&self, key: &str, stored: &Stored) -> Result<(), Error> {
        if self.config.object_lock.covers(stored.lock, stored.modified) {
            return Ok(());
        }
        let asked =
            self.config.object_lock.at(sealtrail_chain::UnixNanos(stored.modified.saturating_mul(1_000_000_000)));
        let differs = Differs {
            what: "object lock",
            sent: asked.map_or_else(String::new, |lock| lock.to_string()),
            found: stored.lock.map(|lock| lock.to_string()),
        };
        Err(Error::Unkept { at: self.at(key), differs: vec![differs] })
    }

    /// What the object at `key` says of its segment, once it is known to be locked.
    async fn links(&self, key: &str) -> Result<Option<Links>, super::Error> {
        let Some(stored) = self.head(key, None).await? else { return Ok(None) };
        self.check_lock(key, &stored)?;
        match stored::links(&stored.metadata) {
            Some(links) => Ok(Some(links)),
            None => Ok(Some(self.read_through(key).await?)),
        }
    }

    async fn digest(&self, key: &str, file: &Path) -> Result<Digests, super::Error> {
        let (path, part) = (file.to_owned(), self.part());
        let digests = tokio::task::spawn_blocking(move || put::digest(&path, part)).await;
        let source = match digests {
            Ok(Ok(digests)) => return Ok(digests),
            Ok(Err(source)) => source,
            Err(_) => return Err(self.error("upload", key, Why::Request).into()),
        };
        Err(super::Error::Io { doing: "read", path: file.to_owned(), source })
    }

    async fn store_segment(&self, key: &str, file: &Path, links: &Links) -> Result<(), super::Error> {
        let digests = self.digest(key, file).await?;
        let lock = self.config.object_lock.at(self.clock.now());
        let headers =
            Headers::new(lock, &self.config.encryption).of_segment(self.config.storage_class, stored::metadata(links));
        let put = match digests.parts.len() {
            1 => {
                let body = self.body(key, file, 0, digests.length).await?;
                self.put_whole(key, body, &digests, headers).await?
            }
            _ => self.put_in_parts(key, file, &digests, headers).await?,
        };
        if let Put::Stored { version } = put {
            let (length, checksum, encryption) = (digests.length, digests.shown(), &self.config.encryption);
            let sent = Sent { length, checksum, lock, encryption, links: Some(links) };
            return Ok(self.read_back(key, version, &sent).await?);
        }
        self.recognise(key, &digests, links).await
    }

    /// The key was taken: whether what lies there is ours. The same bytes are; other bytes with our links are read through,
    /// for another release may have built them and metadata are only a claim.
    async fn recognise(&self, key: &str, digests: &Digests, links: &Links) -> Result<(), super::Error> {
        // Taken a moment ago, and gone: a delete marker was laid on it.
        let stored = self.head(key, None).await?.ok_or_else(|| self.error("read the metadata of", key, Why::Absent))?;
        self.check_lock(key, &stored)?;
        if stored.length == digests.length && stored.checksum == Some(digests.shown()) {
            return Ok(());
        }
        let found = match stored::links(&stored.metadata) {
            Some(found) if found != *links => found,
            _ => self.read_through(key).await?,
        };
        match found == *links {
            true => Ok(()),
            false => Err(super::Error::Differs {
                key: self.at(key),
                expected: Box::new(links.clone()),
                found: Box::new(found),
            }),
        }
    }

    async fn store_note(&self, key: &str, bytes: &[u8]) -> Result<(), super::Error> {
        let digests = Digests { length: bytes.len() as u64, parts: vec![Sha256::digest(bytes).into()] };
        let lock = self.config.object_lock.at(self.clock.now());
        let headers = Headers::new(lock, &self.config.encryption);
        let put = self.put_whole(key, ByteStream::from(bytes.to_vec()), &digests, headers).await?;
        if let Put::Stored { version } = put {
            let (length, checksum, encryption) = (digests.length, digests.shown(), &self.config.encryption);
            let sent = Sent { length, checksum, lock, encryption, links: None };
            return Ok(self.read_back(key, version, &sent).await?);
        }
        let absent = || self.error("read", key, Why::Absent);
        if self.note(key).await?.ok_or_else(absent)? != bytes {
            return Err(super::Error::NoteDiffers { key: self.at(key) });
        }
        let stored = self.head(key, None).await?.ok_or_else(absent)?;
        Ok(self.check_lock(key, &stored)?)
    }

    /// The key within the bucket.
    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// A key, or the bucket where it is empty, as people write it.
    fn at(&self, key: &str) -> String {
        format!("s3://{}/{}{key}", self.config.bucket, self.prefix)
    }

    /// Bytes of a part.
    fn part(&self) -> u64 {
        self.config.part_mib << 20
    }

    fn error(&self, doing: &'static str, key: &str, why: Why) -> Error {
        Error::Call { doing, at: self.at(key), why }
    }

    /// A call's failure in our words. Where other credentials may help, they are looked for anew at the next call.
    fn failed<E: ProvideErrorMetadata>(
        &self,
        doing: &'static str,
        key: &str,
        error: SdkError<E, HttpResponse>,
    ) -> Error {
        let why = why(&error);
        if why.doubts_credentials() {
            self.connection.forget();
        }
        self.error(doing, key, why)
    }
}

impl ArchiveLeg for S3Archive {
    async fn segment(&self, key: &str) -> Result<Option<Links>, super::Error> {
        self.ready().await?;
        self.links(key).await
    }

    async fn put_segment(&self, key: &str, file: &Path, segment: &Segment) -> Result<(), super::Error> {
        self.ready().await?;
        self.store_segment(key, file, &Links::from(segment)).await
    }

    async fn proven(&self, key: &str) -> Result<Option<Links>, super::Error> {
        self.ready().await?;
        match self.head(key, None).await? {
            None => Ok(None),
            Some(stored) => {
                self.check_lock(key, &stored)?;
                Ok(Some(self.read_through(key).await?))
            }
        }
    }

    async fn put_note(&self, key: &str, bytes: &[u8]) -> Result<(), super::Error> {
        self.ready().await?;
        self.store_note(key, bytes).await
    }

    fn workdir(&self) -> Option<PathBuf> {
        Some(self.workdir.clone())
    }
}
