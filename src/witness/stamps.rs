//! A time stamping authority (RFC 3161), asked about the newest stored checkpoint once an interval: what lies under it existed
//! before a moment of somebody else's clock.
//!
//! The authority learns a SHA-256 alone. Its answer is checked before it is stored (`.tsr`, over the note as it is stored), with
//! the lists of revoked certificates of the day beside it (`.crl`): both are needed when the authority is long gone. Records never
//! wait for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use sealtrail_chain::segment::{checkpoint_key, revocation_key, stamp_key};
use sealtrail_chain::{ChainName, Checksum};
use sealtrail_timestamp::{Authorities, AuthoritiesError, Problem, Request, Revoked, Stamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Report;
use super::history::{At, History};
use super::pace::Pace;
use crate::archive::{self, ArchiveLeg, Error as ArchiveError, Objects};
use crate::client::{self, Client};
use crate::host::{Clock, entropy};
use crate::observe::event::{StampFailed, Stamped};
use crate::seal::own::{Event, Kind};

/// Longest answer: a stamp with the certificates of its path has a few thousand bytes.
const MOST: usize = 256 << 10;
/// Longest list of revoked certificates; how long all of a stamp's may be together, the archive says.
const LONGEST_LIST: usize = 8 << 20;
/// Lists that are fetched for one stamp at most.
const LISTS: usize = 8;

/// All that the task is made of.
pub struct StampParts<A> {
    pub url: Uri,
    pub interval: Duration,
    /// Whom a stamp must lead to; `None`: any stamp that holds by itself is kept.
    pub authorities: Option<Authorities>,
    pub chain: ChainName,
    pub archive: Arc<A>,
    pub client: Client,
    pub clock: Arc<dyn Clock>,
    pub report: Report,
}

/// Why a file of authorities can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesFileError {
    #[error("can't read {}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: {source}", path.display())]
    Form { path: PathBuf, source: AuthoritiesError },
}

/// Reads authorities (PEM).
pub fn authorities(path: &std::path::Path) -> Result<Authorities, AuthoritiesFileError> {
    let pem = std::fs::read(path).map_err(|source| AuthoritiesFileError::Io { path: path.to_owned(), source })?;
    Authorities::from_pem(&pem).map_err(|source| AuthoritiesFileError::Form { path: path.to_owned(), source })
}

/// Asks from now on.
pub fn start<A: ArchiveLeg + Objects>(parts: StampParts<A>) -> Stamping {
    let (stop, stopping) = watch::channel(false);
    Stamping { stop, task: tokio::spawn(run(parts, stopping)) }
}

/// The running task.
pub struct Stamping {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Stamping {
    /// Asks once more about what the stop has stored, at most for `grace`.
    pub async fn stop(self, grace: Duration) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(grace, self.task).await;
    }
}

/// Why a checkpoint has no stamp.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Client(#[from] client::Error),
    #[error("the authority answered with status {0}")]
    Status(u16),
    #[error("the authority's stamp is not taken: {0}")]
    Stamp(#[from] Problem),
    #[error("{key} is gone from the archive; run `sealtrail verify`")]
    Gone { key: String },
}

impl Failure {
    /// Whether the same may succeed in a moment; else it waits for its turn.
    fn is_passing(&self) -> bool {
        match self {
            Self::Archive(error) => error.is_passing(),
            Self::Client(_) => true,
            Self::Status(status) => matches!(status, 429 | 500..),
            Self::Stamp(_) | Self::Gone { .. } => false,
        }
    }
}

async fn run<A: ArchiveLeg + Objects>(parts: StampParts<A>, stopping: watch::Receiver<bool>) {
    let mut pace = Pace::new(parts.interval, parts.clock.now().0.rotate_left(16), stopping);
    let mut history = History::new(parts.chain.clone());
    loop {
        pace.begin();
        let wait = match parts.round(&mut history).await {
            Ok(()) => pace.succeeded(),
            Err(failure) => {
                let wait = pace.failed(failure.is_passing());
                StampFailed { error: &failure, retry_in: wait }.emit();
                wait
            }
        };
        if !pace.wait(wait).await {
            return;
        }
    }
}

impl<A: ArchiveLeg + Objects> StampParts<A> {
    /// Has the newest stored checkpoint stamped, if it isn't.
    async fn round(&self, history: &mut History) -> Result<(), Failure> {
        history.refresh(&*self.archive, 0).await?;
        let Some(at) = history.newest() else { return Ok(()) };
        let key = stamp_key(&self.chain, at.0, at.1);
        if self.archive.note(&key).await?.is_none() {
            self.stamp(at, &key).await?;
        }
        Ok(())
    }

    async fn stamp(&self, at: At, key: &str) -> Result<(), Failure> {
        let checkpoint = checkpoint_key(&self.chain, at.0, at.1);
        let note = self.archive.note(&checkpoint).await?.ok_or(Failure::Gone { key: checkpoint })?;
        let mut random = [0; 8];
        entropy::fill(&mut random);
        let request = Request::new(&note, random);
        let answer = self.client.post(&self.url, "application/timestamp-query", request.der().to_vec(), MOST).await?;
        if answer.status != 200 {
            return Err(Failure::Status(answer.status));
        }
        let stamp = Stamp::read(&answer.body)?;
        stamp.answers(request.nonce())?;
        stamp.check(&note)?;
        let lists = self.lists(&stamp).await;
        if let Some(authorities) = &self.authorities {
            stamp.vouched(authorities, &Revoked::from_pem(lists.as_bytes()).unwrap_or_default())?;
        }
        // The lists first: a stamp has them, if there are any.
        let lists = if lists.is_empty() { None } else { Some(self.put_lists(at, lists).await?) };
        self.put(key, &answer.body).await?;
        Stamped { size: at.0, unix_seconds: stamp.unix_seconds() }.emit();
        let mut event = Event::new(Kind::Timestamped);
        event.origin = self.url.host().map(str::to_owned);
        event.resource = Some(key.to_owned());
        event.outcome = Some("success".to_owned());
        event.reason = lists.map(|digest| format!("revoked {digest}"));
        (self.report)(event);
        Ok(())
    }

    /// The digest of what is stored then: the chain binds it, for nothing in a list tells whether it is that day's. A crash before
    /// may have left other lists there.
    async fn put_lists(&self, at: At, lists: String) -> Result<Checksum, Failure> {
        let key = revocation_key(&self.chain, at.0, at.1);
        match self.archive.put_note(&key, lists.as_bytes()).await {
            Ok(()) => Ok(Checksum::of(lists.as_bytes())),
            Err(ArchiveError::NoteDiffers { .. }) => {
                let stored = self.archive.note(&key).await?.ok_or(Failure::Gone { key })?;
                Ok(Checksum::of(&stored))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Another collector of the chain, or this one before a crash, may have stored one of another second.
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), Failure> {
        match self.archive.put_note(key, bytes).await {
            Ok(()) | Err(ArchiveError::NoteDiffers { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The lists of revoked certificates that the stamp's certificates name, in PEM; what can't be had is said.
    async fn lists(&self, stamp: &Stamp) -> String {
        let mut lists = String::new();
        let longest = archive::longest(&revocation_key(&self.chain, 0, 0));
        for url in stamp.revocation_urls().iter().take(LISTS) {
            let Ok(uri) = url.parse::<Uri>() else { continue };
            let list = match self.client.get(&uri, LONGEST_LIST).await {
                Ok(answer) if answer.status == 200 => sealtrail_timestamp::list_pem(&answer.body),
                _ => None,
            };
            match list {
                Some(list) if (lists.len() + list.len()) as u64 <= longest => lists += &list,
                Some(_) | None => tracing::warn!(
                    url,
                    "a list of revoked certificates could not be had; the time stamp is kept without it"
                ),
            }
        }
        lists
    }
}
