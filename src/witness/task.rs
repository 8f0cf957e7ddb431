//! One witness: asked again and again about the newest stored checkpoint, one question at a time.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use sealtrail_chain::ChainName;
use sealtrail_chain::segment::cosigned_key;
use tokio::sync::watch;

use super::fork::Mark;
use super::history::{self, Due, History, Known, Next};
use super::pace::Pace;
use super::protocol::{self, Cosigned, Outcome, Refusal};
use super::quorum::Standing;
use super::state::{Last, State};
use super::{Report, Witness};
use crate::archive::{ArchiveLeg, Error as ArchiveError, Objects};
use crate::client::{self, Client};
use crate::host::Clock;
use crate::observe::event::{Forked, WitnessFailed, Witnessed};
use crate::seal::own::{Event, Kind};

pub(super) struct Task<A> {
    pub(super) witness: Witness,
    pub(super) chain: ChainName,
    pub(super) archive: Arc<A>,
    pub(super) client: Client,
    pub(super) state: State,
    pub(super) standing: Standing,
    pub(super) interval: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) report: Report,
    pub(super) mark: Mark,
    pub(super) on_fork: Arc<dyn Fn() + Send + Sync>,
}

/// Why a checkpoint was not cosigned.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    History(#[from] history::Error),
    #[error(transparent)]
    Client(#[from] client::Error),
    #[error("{0}")]
    Refused(Refusal),
    #[error("it knows size {0}, though it said so of another one just now")]
    Unsteady(u64),
    #[error("what it cosigned could not be stored: {0}")]
    Store(ArchiveError),
    #[error("what it cosigned could not be kept here: {0}")]
    Keep(std::io::Error),
}

impl Failure {
    fn reason(&self) -> &'static str {
        match self {
            Self::History(error) => error.reason(),
            Self::Client(_) => "away",
            Self::Refused(refusal) => refusal.reason(),
            Self::Unsteady(_) => "unsteady",
            Self::Store(error) => error.reason(),
            Self::Keep(_) => "io",
        }
    }

    /// Whether the same may succeed in a moment; else it waits for its turn.
    fn is_passing(&self) -> bool {
        match self {
            Self::History(history::Error::Archive(error)) | Self::Store(error) => error.is_passing(),
            Self::Client(_) | Self::Unsteady(_) | Self::Keep(_) => true,
            Self::Refused(refusal) => refusal.is_passing(),
            Self::History(_) => false,
        }
    }
}

/// What one question brought.
enum Round {
    /// All that is stored is cosigned.
    Done,
    /// There is more to ask about.
    More,
    /// It cosigned another size last than was known here.
    Learnt,
    /// The witness has seen another history; why that is certain.
    Fork(String),
}

impl<A: ArchiveLeg + Objects> Task<A> {
    /// Runs until it is told to stop, and then once more; or until a fork.
    pub(super) async fn run(self, stopping: watch::Receiver<bool>) {
        let seed = self.clock.now().0 ^ u64::from(u32::from_be_bytes(self.witness.key.id()));
        let mut pace = Pace::new(self.interval, seed, stopping);
        let mut history = History::new(self.chain.clone());
        let mut known = Known { size: 0, ours: true };
        if let Some(Last { size, signed, unix_seconds }) = self.state.read() {
            known.size = size;
            Witnessed { witness: self.name(), size, unix_seconds }.emit();
            // A crash, or the stop, may have come before it was sealed; twice says no more than once.
            self.seal(size, signed);
        }
        let mut learnt = false;
        loop {
            pace.begin();
            let round = match self.round(&mut history, &mut known).await {
                Ok(Round::Learnt) if learnt => Err(Failure::Unsteady(known.size)),
                round => round,
            };
            learnt = matches!(round, Ok(Round::Learnt));
            let wait = match round {
                Ok(Round::More | Round::Learnt) => continue,
                Ok(Round::Done) => pace.succeeded(),
                Ok(Round::Fork(why)) => return self.alarm(known.size, &why),
                Err(failure) => {
                    let wait = pace.failed(failure.is_passing());
                    WitnessFailed { witness: self.name(), error: &failure, reason: failure.reason(), retry_in: wait }
                        .emit();
                    wait
                }
            };
            if !pace.wait(wait).await {
                return;
            }
        }
    }

    /// One question, and what follows from its answer.
    async fn round(&self, history: &mut History, known: &mut Known) -> Result<Round, Failure> {
        history.refresh(&*self.archive, known.size).await.map_err(history::Error::from)?;
        self.standing.set(history.behind(known.size).map(|at| at.1));
        let due = match history.next(&*self.archive, *known).await? {
            Next::Nothing => return Ok(Round::Done),
            Next::Due(due) => due,
            Next::Stranger => return Ok(fork(known.size, "of which no checkpoint is stored")),
        };
        let Due { at, note, proof } = *due;
        let body = protocol::request(known.size, &proof, &note);
        let answer = self.client.post(&self.url(), "text/plain; charset=utf-8", body, protocol::MOST).await?;
        match protocol::read(&answer, &note, &self.witness.key) {
            Outcome::Cosigned(cosigned) => {
                self.take(at, &cosigned).await?;
                *known = Known { size: at.0, ours: true };
                self.standing.set(history.behind(at.0).map(|at| at.1));
                Ok(Round::More)
            }
            Outcome::Known(size) if size == known.size => Err(Failure::Unsteady(size)),
            Outcome::Known(size) => {
                // What was stored since it was listed may have been cosigned for another collector of this chain.
                history.refresh(&*self.archive, size).await.map_err(history::Error::from)?;
                if size > 0 && history.behind(size - 1).is_none() {
                    return Ok(fork(size, "more than are stored under a checkpoint"));
                }
                let (here, there) = (known.size, size);
                tracing::warn!(
                    witness = self.name(),
                    here,
                    there,
                    "what it cosigned last is learnt from the witness again"
                );
                *known = Known { size, ours: size == 0 };
                Ok(Round::Learnt)
            }
            Outcome::Inconsistent => Ok(fork(known.size, "which the checkpoint it was asked about does not continue")),
            Outcome::Refused(refusal) => Err(Failure::Refused(refusal)),
        }
    }

    /// Stores the witness's word, keeps it, seals it: whatever crash comes between, the next start finds what is missing.
    async fn take(&self, at: history::At, cosigned: &Cosigned) -> Result<(), Failure> {
        let key = cosigned_key(&self.chain, at.0, at.1, self.witness.key.id());
        match self.archive.put_note(&key, cosigned.note.as_bytes()).await {
            // It said the same at another time, to us before a crash or to a collector that took the chain over.
            Ok(()) | Err(ArchiveError::NoteDiffers { .. }) => {}
            Err(error) => return Err(Failure::Store(error)),
        }
        self.state.keep(at.1, cosigned).map_err(Failure::Keep)?;
        Witnessed { witness: self.name(), size: at.0, unix_seconds: cosigned.unix_seconds }.emit();
        self.seal(at.0, at.1);
        Ok(())
    }

    /// Names the stored object in the chain, so that it is missed when it is gone.
    fn seal(&self, size: u64, signed: u64) {
        let mut event = Event::new(Kind::Witnessed);
        event.origin = Some(self.name().to_owned());
        event.resource = Some(cosigned_key(&self.chain, size, signed, self.witness.key.id()));
        event.outcome = Some("success".to_owned());
        (self.report)(event);
    }

    /// Another history of this chain exists: marked for good, sealed, and nothing more is signed.
    fn alarm(&self, size: u64, why: &str) {
        let seconds = self.clock.now().0 / 1_000_000_000;
        let text = format!(
            "witness {}\nurl {}\nat {seconds}\ncosigned {size}\nsaid {why}\n",
            self.witness.key, self.witness.url
        );
        if let Err(error) = self.mark.set(&text) {
            tracing::error!(%error, path = %self.mark.path().display(), "the mark of a fork could not be set");
        }
        (self.on_fork)();
        Forked { witness: self.name(), why, mark: self.mark.path() }.emit();
        let mut event = Event::new(Kind::Forked);
        event.origin = Some(self.name().to_owned());
        event.reason = Some(why.to_owned());
        event.outcome = Some("failure".to_owned());
        (self.report)(event);
    }

    fn name(&self) -> &str {
        self.witness.key.name()
    }

    fn url(&self) -> Uri {
        let prefix = self.witness.url.to_string();
        let url = format!("{}/add-checkpoint", prefix.trim_end_matches('/'));
        url.parse().expect("a URL with a path behind it is one")
    }
}

fn fork(size: u64, what: &str) -> Round {
    Round::Fork(format!("it has cosigned {size} records, {what}"))
}
