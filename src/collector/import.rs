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

use std::collections::VecDeque;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use sealtrail_chain::content::{self, By, Value};
use sealtrail_chain::{ChainName, Checksum, Hash, Link, Sequence};
use tracing::info;

use super::history::{self, History};
use crate::archive;
use crate::host::{Clock, Disk};
use crate::mask::{self, Engine, Masked};
use crate::seal::own::{Entry, Event, Kind, Scribe};
use crate::wal::import::{self, Damage, OldLog, OldRecord, OldRecords, Stretch};
use crate::wal::{self, Intake, Shelf};

/// Content that is sealed at once.
const PART: usize = 2 << 20;
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
        let mut parts = Parts { records: found.rest, held: None };
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

/// Goes through the chain and the old log side by side.
struct Search<'o> {
    old: &'o OldLog,
    stretch: &'o Stretch,
    /// Where the stretch begins; the record before that the chain must know.
    begin: (Sequence, Hash),
    records: OldRecords,
    /// The last record in common.
    fork: Option<Sequence>,
    /// The fork lies behind us.
    parted: bool,
    /// Last old record that stands in the chain: from the beginning, or again.
    done: Sequence,
    sealed: u64,
    own: u64,
    part: Option<Following>,
    error: Option<Refusal>,
}

/// Old records that should follow the record that names them.
struct Following {
    last: Sequence,
    expected: VecDeque<Expected>,
    /// Own records behind the last of those.
    own: u64,
}

struct Expected {
    sequence: Sequence,
    checksum: Checksum,
    /// Own records between the one before and this one.
    own: u64,
}

struct Searched {
    fork: Sequence,
    done: Sequence,
    sealed: u64,
    own: u64,
}

impl<'o> Search<'o> {
    fn new(old: &'o OldLog, stretch: &'o Stretch, begin: (Sequence, Hash)) -> Result<Self, Refusal> {
        let records = old.records(stretch, begin.0)?;
        let (fork, parted, done) = (None, false, Sequence::ZERO);
        Ok(Self { old, stretch, begin, records, fork, parted, done, sealed: 0, own: 0, part: None, error: None })
    }

    fn see(&mut self, link: &Link, content: &str) -> ControlFlow<()> {
        self.try_see(link, content).unwrap_or_else(|refusal| {
            self.error = Some(refusal);
            ControlFlow::Break(())
        })
    }

    fn try_see(&mut self, link: &Link, content: &str) -> Result<ControlFlow<()>, Refusal> {
        let (first, before) = self.begin;
        let known = if link.sequence.next() == first { link.hash } else { link.previous };
        if link.sequence.next() == first || link.sequence == first {
            // Behind another record than the chain's, whatever stands there is none of its history.
            if known != before {
                return Ok(ControlFlow::Break(()));
            }
        }
        if link.sequence < first {
            self.fork = Some(link.sequence);
            return Ok(ControlFlow::Continue(()));
        }
        if !self.parted {
            match self.records.next()? {
                Some(record) if record.link.hash == link.hash => {
                    self.fork = Some(link.sequence);
                    return Ok(ControlFlow::Continue(()));
                }
                _ => self.part_ways(),
            }
        }
        self.look_for_parts(link, content)?;
        Ok(ControlFlow::Continue(()))
    }

    fn part_ways(&mut self) {
        self.parted = true;
        self.done = self.fork.unwrap_or(Sequence::ZERO);
    }

    /// Whether a record behind the fork belongs to the part that was named last, or names one.
    fn look_for_parts(&mut self, link: &Link, content: &str) -> Result<(), Refusal> {
        if let Some(mut part) = self.part.take()
            && let Some(expected) = part.expected.pop_front_if(|expected| expected.checksum == link.checksum)
        {
            (self.done, self.sealed, self.own) = (expected.sequence, self.sealed + 1, self.own + expected.own);
            self.part = Some(part);
        } else if let Some(range) = Range::read(content).filter(|range| range.first == self.done.next()) {
            self.part = self.follow(&range)?;
        }
        if let Some(part) = self.part.take_if(|part| part.expected.is_empty()) {
            (self.done, self.own) = (part.last, self.own + part.own);
        }
        Ok(())
    }

    /// What should follow, if the range is one of this old log, and not of another that was imported, too.
    fn follow(&self, range: &Range) -> Result<Option<Following>, Refusal> {
        let mut records = self.old.records(self.stretch, range.first)?;
        let mut part = Following { last: range.last, expected: VecDeque::new(), own: 0 };
        while let Some(OldRecord { link, masked, .. }) = records.next()? {
            match masked {
                Some(masked) => {
                    let own = std::mem::take(&mut part.own);
                    let (sequence, checksum) = (link.sequence, masked.checksum());
                    part.expected.push_back(Expected { sequence, checksum, own });
                }
                None => part.own += 1,
            }
            if link.sequence == range.last {
                return Ok((link.hash == range.hash).then_some(part));
            }
        }
        Ok(None)
    }

    /// `None`: the chain does not know where this stretch begins.
    fn finish(mut self) -> Result<Option<Searched>, Refusal> {
        if let Some(refusal) = self.error {
            return Err(refusal);
        }
        if !self.parted {
            self.part_ways();
        }
        let Self { fork, done, sealed, own, .. } = self;
        Ok(fork.map(|fork| Searched { fork, done, sealed, own }))
    }
}

/// Old records that are sealed again together: of one file, next to each other.
struct Part {
    first: Sequence,
    last: Sequence,
    /// Of the last, in the old log.
    hash: Hash,
    file: [u8; 16],
    rules: [u8; 32],
    records: Vec<Masked>,
    bytes: usize,
    own: u64,
}

impl Part {
    fn new(OldRecord { link, file, rules, .. }: &OldRecord) -> Self {
        let (first, hash) = (link.sequence, link.hash);
        Self { first, last: first, hash, file: *file, rules: *rules, records: Vec::new(), bytes: 0, own: 0 }
    }

    fn add(&mut self, record: OldRecord) {
        (self.last, self.hash) = (record.link.sequence, record.link.hash);
        match record.masked {
            Some(masked) => {
                self.bytes += masked.content().as_str().len();
                self.records.push(masked);
            }
            None => self.own += 1,
        }
    }
}

/// The rest of an old log, part by part.
struct Parts {
    records: OldRecords,
    /// Belongs to the next part.
    held: Option<OldRecord>,
}

impl Parts {
    fn next(&mut self) -> Result<Option<Part>, import::Error> {
        let mut part = None::<Part>;
        loop {
            let Some(record) = self.held.take().map_or_else(|| self.records.next(), |held| Ok(Some(held)))? else {
                return Ok(part);
            };
            let part = part.get_or_insert_with(|| Part::new(&record));
            if record.file == part.file && part.bytes < PART {
                part.add(record);
                continue;
            }
            self.held = Some(record);
            break;
        }
        Ok(part)
    }
}

/// Reads the next part, off the threads that wait.
async fn part_of(mut parts: Parts) -> Result<Option<(Part, Parts)>, Refusal> {
    let read = tokio::task::spawn_blocking(move || Ok(parts.next()?.map(|part| (part, parts)))).await;
    read.unwrap_or(Err(Refusal::Panic))
}

/// What a part is named by: its old sequences, and the old hash of the last.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Range {
    first: Sequence,
    last: Sequence,
    hash: Hash,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "records {} to {} {}", self.first, self.last, self.hash)
    }
}

impl Range {
    /// Out of a record, if that is the collector's own word about an import.
    fn read(text: &str) -> Option<Self> {
        if !text.contains(Kind::WalImported.event_name()) {
            return None;
        }
        let record = content::read(text).ok()?;
        if record.context.received.by != By::Own || record.log.event_name != Kind::WalImported.event_name() {
            return None;
        }
        let resource = record.log.attributes.into_iter().find(|attribute| attribute.key == "sealtrail.resource")?;
        let Value::String(resource) = resource.value else { return None };
        let mut words = resource.strip_prefix("records ")?.split(' ');
        let first = Sequence::new(words.next()?.parse().ok()?);
        let last = Sequence::new(words.nth(1)?.parse().ok()?);
        Some(Self { first, last, hash: words.next()?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_from_the_collectors_own_word_alone() {
        let range = Range { first: Sequence::new(7), last: Sequence::new(12), hash: Hash([0xab; 32]) };
        let record = |by: &str, name: &str| {
            format!(
                r#"{{"logRecord":{{"attributes":[{{"key":"sealtrail.resource","value":{{"stringValue":"{range}"}}}}],"eventName":"{name}"}},"received":{{"auth":"none","by":"{by}"}}}}"#
            )
        };
        assert_eq!(Range::read(&record("self", "sealtrail.wal.imported")), Some(range.clone()));
        assert_eq!(Range::read(&record("sender", "sealtrail.wal.imported")), None);
        assert_eq!(Range::read(&record("self", "sealtrail.alive")), None);
    }
}
