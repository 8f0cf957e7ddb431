//! Reconciliation: whether both legs hold the same records of a day, and where they don't.
//!
//! Promise 3, provable day after day: [`Comparison::of`] walks two legs' records side by side, in the order of their
//! sequences and in bounded memory, and tells for each how many there are, the first and the last, the hash of the last and
//! the root over all of them; and which ranges one of them lacks, repeats, or holds with another hash. The day's signed
//! checkpoints are compared with each other and with the roots that the records give. [`Statement`] says so in words and in
//! JSON, and is signed with a key of its own.
//!
//! What must hold:
//! - it never says that legs agree where something was not compared: records whose retention has passed in the stream, and
//!   those that the archive has not come to, are told apart from missing ones, and are no agreement either;
//! - the archive is listed before the stream is read, and its checkpoints before its objects: a running collector writes in
//!   the other order, so what it adds meanwhile is never taken for missing;
//! - memory doesn't grow with the day, but for some bytes of each checkpoint.
//!
//! It judges what the legs hold and nothing else: it shows no content, seals nothing, and asks no collector. It does not
//! prove the records themselves (`verify` does): a hash is compared, not computed.

mod archive;
mod checkpoints;
mod compare;
mod day;
mod repair;
mod statement;
mod stream;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::Scope;

use sealtrail_chain::{ChainName, Sequence, UnixNanos};
use tokio::runtime::Handle;

pub use checkpoints::{Contradiction, Counted};
pub use compare::{Aside, Comparison, Fault, Known, Record, Side, Span, Summary};
pub use day::{Day, NotADay};
pub use repair::{Log, Mended, Obstacle, Repair};
pub use statement::{Statement, Unchecked, Verdict};

use crate::archive::Target;
use crate::stream::Config;
use crate::stream::reader;
use archive::Archive;
use checkpoints::Checkpoints;
use stream::Stream;

/// Both legs of a chain.
pub struct Legs {
    chain: ChainName,
    /// `<origin>/<chain>`
    log: String,
    archive: Archive,
    stream: Stream,
    places: [String; 2],
}

/// Why a day can't be compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the stream can't be read: {0}")]
    Stream(#[from] reader::Error),
    #[error(
        "message {place}@{at} of the stream does not hold the records of a chain\n  remedy  `sealtrail verify` names all that is wrong"
    )]
    Message { place: String, at: u64 },
    #[error("the archive can't be read: {0}")]
    Archive(#[from] crate::archive::Error),
}

impl Error {
    /// Whether what lies in a leg is damaged: that is no agreement, and no outage either.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Stream(error) => stream::is_damage(error),
            Self::Message { .. } => true,
            Self::Archive(error) => error.is_damage(),
        }
    }
}

impl Legs {
    /// `log`: `<origin>/<chain>`, as the configuration says; the genesis note has the last word. `place`: where the archive
    /// lies, for people. Asks nobody yet.
    pub fn new(
        chain: &ChainName,
        log: &str,
        stream: &Config,
        data_dir: &Path,
        (target, place): (Arc<Target>, String),
        runtime: &Handle,
    ) -> Self {
        let stream = Stream::new(stream, data_dir, chain);
        Self {
            chain: chain.clone(),
            log: log.to_owned(),
            archive: Archive::new(chain, target, runtime),
            places: [stream.describe(), place],
            stream,
        }
    }

    /// Compares what both legs hold of a day; blocks. `now`: tells whether the day is over.
    pub fn reconcile(&self, day: Day, now: UnixNanos) -> Result<Statement, Error> {
        let listed = self.archive.extent(day)?;
        let streamed = self.stream.extent(day)?;
        let archived_first = listed.first.as_ref().map(|(first, _)| first.get());
        let streamed_first = streamed.first.filter(|record| record.observed < day.end());
        let streamed_first = streamed_first.map(|record| record.sequence.get());
        let low = archived_first.into_iter().chain(streamed_first).min();
        let high = streamed.behind.map_or(u64::MAX, |record| record.sequence.get());
        let genesis = self.archive.genesis()?.map(|signed| signed.statement().clone());
        let range = (low.unwrap_or(u64::MAX), high);
        let mut checkpoints = Checkpoints::read(&self.stream, &self.archive, genesis.as_ref(), range)?;
        // Listed again: what the checkpoints speak of was there before them.
        let listed = self.archive.extent(day)?;
        let claimed = listed.first.as_ref().map(|(_, range)| range.clone());
        let before = low.map_or(Ok(None), |low| checkpoints::before(&self.archive, low, claimed))?;
        let archive_to = listed.end.map_or(0, Sequence::get).max(checkpoints.newest_archived());
        let known = Known {
            stream_from: streamed.cut.map_or(Sequence::ZERO, |first| first.unwrap_or(Sequence::new(i64::MAX as u64))),
            archive_to: Some(Sequence::new(archive_to)),
            before,
            marks: checkpoints.sizes(),
        };
        let found = self.compare(day, &listed.objects, &known)?;
        let log = genesis.map_or_else(|| self.log.clone(), |genesis| genesis.origin);
        let counted =
            [checkpoints.compare(Side::Stream, &found.stream), checkpoints.compare(Side::Archive, &found.archive)];
        let contradictions = checkpoints.into_contradictions();
        Ok(Statement::new(statement::Parts {
            chain: &self.chain,
            log,
            day,
            now,
            places: &self.places,
            found: &found,
            checkpoints: counted,
            contradictions,
            ends: streamed.behind.is_some() || listed.later,
        }))
    }

    fn compare(&self, day: Day, objects: &[String], known: &Known) -> Result<Comparison, Error> {
        std::thread::scope(|scope| {
            let stream = walk(scope, |each| self.stream.day(day, each));
            let archive = walk(scope, |each| self.archive.records(objects, each));
            Comparison::of(stream, archive, known)
        })
    }
}

/// Records that wait between a leg's thread and the comparison: so many, so often.
const BATCH: usize = 1_024;
const BATCHES: usize = 4;

/// Runs `walk` on a thread of its own; its records come out here, few at a time.
fn walk<'scope>(
    scope: &'scope Scope<'scope, '_>,
    walk: impl FnOnce(&mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<(), Error> + Send + 'scope,
) -> impl Iterator<Item = Result<Record, Error>> {
    let (sender, receiver) = mpsc::sync_channel::<Result<Vec<Record>, Error>>(BATCHES);
    scope.spawn(move || {
        let mut batch = Vec::with_capacity(BATCH);
        let outcome = walk(&mut |record| {
            batch.push(record);
            if batch.len() < BATCH {
                return ControlFlow::Continue(());
            }
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            // Nobody compares any more.
            if sender.send(Ok(full)).is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let _ = sender.send(Ok(batch));
        if let Err(error) = outcome {
            let _ = sender.send(Err(error));
        }
    });
    receiver.into_iter().flat_map(|batch| {
        let (records, error) = match batch {
            Ok(records) => (records, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        records.into_iter().map(Ok).chain(error.map(Err))
    })
}

#[cfg(test)]
mod tests;
