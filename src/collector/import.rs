//! `wal import`: what only the log of an older collector of this chain held is sealed again, once.
//!
//! The old log and the chain have one history up to the *fork*: the last record that both hold. What the old log holds behind it
//! was acknowledged, and no leg has it. It is sealed in parts, each one submission: an own record `wal.imported` that names the
//! part by the old range and its last hash, directly followed by the contents of that range, byte for byte.
//!
//! Once, whatever is killed when: how far an import has come is not written down anywhere but in the chain itself. Each call
//! reads the chain from the fork on, finds the parts that stand there, and counts what of the last one stands behind its
//! record (a crash may keep a beginning of a group that was never acknowledged).
//!
//! The old collector's records about itself (`received.by` is `self`) are not repeated: here they would be taken as this
//! chain's word about this moment, and changed so that they are not they would be no longer what was sealed. They are counted.

mod part;
mod search;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use sealtrail_chain::{ChainName, Sequence};
use tracing::info;

use part::{Part, Parts, Range, part_of};
use search::{Search, Searched};

use super::history::{self, History};
use crate::archive;
use crate::host::{Clock, Disk};
use crate::mask::{self, Engine, Masked};
use crate::seal::own::{Entry, Event, Kind, Scribe};
use crate::wal::import::{self, Damage, OldLog, OldRecords, Stretch};
use crate::wal::{self, Intake, Shelf};

/// Between two attempts to hand a part to a log that takes nothing now.
const AGAIN: Duration = Duration::from_millis(500);

/// What an import needs of the running collector.
pub(super) struct Importer {
    pub(super) chain: ChainName,
    pub(super) archive: archive::Config,
    pub(super) data_dir: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) intake: Intake,
    pub(super) engine: Arc<ArcSwap<Engine>>,
    pub(super) clock: Arc<dyn Clock>,
    /// One at a time: each reads from the chain what was imported.
    pub(super) turn: tokio::sync::Mutex<()>,
}

/// What is asked.
pub(super) struct Asked {
    pub(super) dir: PathBuf,
    pub(super) reason: String,
    /// Who asks.
    pub(super) user: Option<String>,
    /// Whoever asks has gone away: the part in hand is sealed, no other is begun.
    pub(super) given_up: Arc<AtomicBool>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Imported {
    /// Last record that the old log and the chain have in common.
    pub fork: u64,
    /// Records that only the old log held, as far as they can be read: first and last; none.
    pub range: Option<(u64, u64)>,
    /// Sealed again now.
    pub sealed: u64,
    /// Sealed again by calls before.
    pub before: u64,
    /// The old collector's own, not repeated.
    pub own: u64,
    /// Where the old log is damaged, and what that costs.
    pub lost: Option<String>,
}

/// Why nothing, or no more, is imported.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Old(#[from] import::Error),
    #[error(
        "the chain can't be read from the fork on: {0}\n  remedy  call again when the archive answers: what was imported is not sealed twice"
    )]
    History(#[from] history::Error),
    #[error("the archive can't be reached: {0}\n  remedy  call again when it answers")]
    Archive(#[from] archive::Error),
    #[error(
        "the chain does not know the log in {}: no record in it, nor the one before its first ({before}), stands in the chain\n  remedy  it is the log of another history under the same name; keep it, and find out which collector wrote it",
        dir.display()
    )]
    Unknown { dir: PathBuf, before: Sequence },
    #[error(
        "the log takes nothing any more: {0}\n  remedy  call again on the collector that goes on with the chain; what was imported is not sealed twice"
    )]
    Log(#[from] wal::Refused),
    #[error("the record of the import can't be made: {0}\n  remedy  give a shorter `--reason`")]
    Record(#[from] mask::Refused),
    #[error(
        "the rules in force would change the record that names the range\n  remedy  shorten what they look for in numbers and hashes"
    )]
    Rules,
    #[error("whoever asked has gone away\n  remedy  call again: it goes on where it was")]
    GivenUp,
    #[error("an import ended by a panic, whose place was printed")]
    Panic,
}

impl Importer {
    /// Seals again what of the old log the chain lacks. `told`: hears how many records are sealed.
    pub(super) async fn run(self: Arc<Self>, asked: Asked, told: impl Fn(u64) + Send) -> Result<Imported, Refusal> {
        let _turn = self.turn.lock().await;
        let (importer, dir) = (Arc::clone(&self), asked.dir.clone());
        let runtime = tokio::runtime::Handle::current();
        let found = tokio::task::spawn_blocking(move || runtime.block_on(importer.find(&dir))).await;
        let found = found.map_err(|_| Refusal::Panic)??;
        let mut imported = found.imported.clone();
        // Held to the end: no collector may start on it meanwhile.
        let _old = found.old;
        let mut parts = Parts::new(found.rest);
        while let Some((part, back)) = part_of(parts).await? {
            parts = back;
            imported.own += part.own;
            self.seal(&part, &asked).await?;
            imported.sealed += part.records.len() as u64;
            told(imported.sealed);
            info!(first = %part.first, last = %part.last, records = part.records.len(), "records of an old log were sealed again");
        }
        Ok(imported)
    }

    /// Finds the fork, and how far imports before this one have come.
    async fn find(&self, dir: &Path) -> Result<Found, Refusal> {
        let old = import::open(Arc::clone(&self.disk), dir, &self.chain)?;
        let archive = archive::Target::find(&self.archive, &self.data_dir, Arc::clone(&self.clock))?;
        let (disk, shelf) = (Arc::clone(&self.disk), Arc::clone(&self.shelf));
        let history = History { chain: self.chain.clone(), archive, disk, shelf };
        let mut before = Sequence::ZERO;
        // Behind damage nothing proves what follows, unless the chain knows where it begins: the last such place counts.
        for (at, stretch) in old.stretches().iter().enumerate().rev() {
            let Some(begin) = stretch.begin() else { continue };
            before = Sequence::new(begin.0.get().saturating_sub(1));
            let mut search = Search::new(&old, stretch, begin)?;
            history.each(before, &mut |link, content| search.see(link, content)).await?;
            let Some(searched) = search.finish()? else { continue };
            let (rest, imported) = found(&old, at, &searched)?;
            return Ok(Found { old, rest, imported });
        }
        Err(Refusal::Unknown { dir: dir.to_owned(), before })
    }

    /// Hands one part to the log until it is sealed. A log that takes nothing now may later: nothing is sealed by then.
    async fn seal(&self, part: &Part, asked: &Asked) -> Result<(), Refusal> {
        let lead = self.lead(part, asked)?;
        loop {
            if asked.given_up.load(Ordering::Relaxed) {
                return Err(Refusal::GivenUp);
            }
            let mut batch = wal::Batch::default();
            batch.push(&lead);
            part.records.iter().for_each(|record| batch.push(record));
            match self.intake.submit(batch, part.rules, ()).await {
                Ok(_) => return Ok(()),
                Err(wal::Refused::Full | wal::Refused::Disk | wal::Refused::Clock) => tokio::time::sleep(AGAIN).await,
                Err(refused) => return Err(refused.into()),
            }
        }
    }

    /// The record that names a part.
    fn lead(&self, part: &Part, asked: &Asked) -> Result<Masked, Refusal> {
        let mut event = Event::new(Kind::WalImported);
        let range = Range { first: part.first, last: part.last, hash: part.hash };
        event.resource = Some(range.to_string());
        event.origin = Some(format!("file {}", const_hex::encode(part.file)));
        event.reason = Some(match part.own {
            0 => asked.reason.clone(),
            own => format!("{}; {own} of the old collector's own records are not repeated", asked.reason),
        });
        event.user.clone_from(&asked.user);
        event.count = part.records.len() as u64;
        let now = self.clock.now();
        let lead = Scribe::new(self.engine.load_full()).write(&Entry::at(event, now), now)?;
        // A later call must be able to read it.
        match Range::read(lead.content().as_str()).as_ref() == Some(&range) {
            true => Ok(lead),
            false => Err(Refusal::Rules),
        }
    }
}

/// Where an import goes on, and what is known by then.
struct Found {
    old: OldLog,
    rest: OldRecords,
    imported: Imported,
}

fn found(old: &OldLog, at: usize, searched: &Searched) -> Result<(OldRecords, Imported), Refusal> {
    let stretches = old.stretches();
    let stretch = stretches.get(at).ok_or(Refusal::Panic)?;
    let (fork, behind) = (searched.fork.get(), stretch.behind().map_or(0, |(next, _)| next.get()));
    let range = (behind > fork + 1).then(|| (fork + 1, behind - 1));
    let lost = stretch.damage.as_ref().map(|damage| lost(damage, behind, stretches.get(at + 1)));
    let imported = Imported { fork, range, sealed: 0, before: searched.sealed, own: searched.own, lost };
    Ok((old.records(stretch, searched.done.next())?, imported))
}

fn lost(damage: &Damage, behind: u64, next: Option<&Stretch>) -> String {
    match next.and_then(Stretch::begin) {
        Some((begin, _)) => format!(
            "{damage}: records {behind} to {} can't be read, and those behind them can't be proven to be the chain's",
            begin.get().saturating_sub(1)
        ),
        None => format!("{damage}: what stood there from record {behind} on can't be read"),
    }
}
