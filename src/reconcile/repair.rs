//! Repair: copies what one leg lacks from the other.
//!
//! - A hole in the archive is filled with objects built from the stream's records, cut where the archive's checkpoints say
//!   that segments ended, under the keys that delivery gave them. Each record must follow the object before the hole, and the
//!   last one be what the object behind it continues.
//! - A stream that has lost its end gets it back from the archive, and behind that from the write-ahead log, through the
//!   chain's own producer, in chain order.
//!
//! What must hold: nothing is ever overwritten, reordered or put beside what is there; every record is checked against its
//! link before it is written. A hole in the middle of the stream stays: Kafka takes records at its end alone. Taking the
//! stream over shuts its collector out, so it takes the opened log, whose lock says that the collector stands still.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sealtrail_chain::segment::parse_object_key;
use sealtrail_chain::{Break, ChainName, Checkpoint, Head, Link, Run, Segment, Sequence, UnixNanos, segment};

use tokio::runtime::Handle;

use super::{Day, Error, Legs, Side};
use crate::archive::{Footer, Promotions, SegmentWriter};
use crate::host::Disk;
use crate::stream::{Batch, Builder, CheckpointNote, End, Reach, StreamLeg};
use crate::wal::{self, Leg, Recovered};

/// What a repair needs beside the legs.
pub struct Repair<'a> {
    pub disk: &'a dyn Disk,
    /// Columns of objects that are built.
    pub promotions: &'a Promotions,
    /// Where an object is built if the archive names no place.
    pub scratch: &'a Path,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    pub leg: Side,
    pub first: Sequence,
    pub last: Sequence,
}

impl std::fmt::Display for Mended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { leg, first, last } = self;
        write!(f, "records {first} to {last} copied into the {leg}")
    }
}

/// Why something can't be repaired; nothing was changed by it.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    #[error(transparent)]
    Read(#[from] Error),
    #[error("can't {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Archive(#[from] crate::archive::Error),
    #[error("the stream can't be written: {0}")]
    Stream(#[from] crate::stream::Error),
    #[error(
        "record {sequence} does not follow the one before it, so nothing is copied from there on: {source}\n  remedy  `sealtrail verify` names all that is wrong"
    )]
    Follow { sequence: Sequence, source: Break },
    #[error(
        "record {sequence} is not canonical, so nothing is copied from there on\n  remedy  `sealtrail verify` names all that is wrong"
    )]
    Content { sequence: Sequence },
    #[error(
        "the stream does not hold record {sequence}, which the archive lacks\n  remedy  where its retention has not passed and a \
         collector's log still holds it, start that collector: it delivers from there"
    )]
    NotHeld { sequence: Sequence },
    #[error(
        "the archive has no genesis note that holds, so what record 0 continues is not known\n  remedy  put it back from a backup, or from record 0 of the stream"
    )]
    NoGenesis,
    #[error(
        "records {first} to {last} were masked under rules that no object beside them tells\n  remedy  put the object back from a replica of the bucket"
    )]
    Rules { first: Sequence, last: Sequence },
    #[error(
        "the stream's record {sequence} is not what the archive's next object continues\n  remedy  `sealtrail verify` tells which leg was changed"
    )]
    Parted { sequence: Sequence },
    #[error(
        "the stream ends with record {sequence}, and the archive holds another one there\n  remedy  `sealtrail verify` tells which leg was changed; nothing may be written behind it"
    )]
    Other { sequence: Sequence },
    #[error(
        "no record of the chain is left in the stream, its retention has passed: what ended it is not known\n  remedy  start the collector: it goes on behind what was confirmed to it"
    )]
    Expired,
    #[error(
        "record {sequence}, which the stream has lost, is in neither the archive nor the log\n  remedy  what lies before it was copied; look for it in a replica of the topic or the bucket"
    )]
    Nowhere { sequence: Sequence },
    #[error("the write-ahead log can't be read: {0}")]
    Log(#[from] wal::Error),
    #[error("the write-ahead log can't be read: {0}")]
    LogFile(#[from] wal::reader::Error),
}

impl Obstacle {
    /// Whether the stream itself is damaged, so that nothing may be written behind it.
    pub fn is_damage(&self) -> bool {
        use crate::stream::{Error, reader};
        matches!(self, Self::Stream(Error::Read(reader::Error::Damaged { .. })))
    }
}

/// Bytes of messages that go into one transaction.
const BATCH_BYTES: usize = 4 << 20;

/// Records that the archive lacks between two objects.
struct Hole {
    before: Option<Footer>,
    behind: Option<Footer>,
    /// Of the object before.
    day: Option<Day>,
    first: Sequence,
    /// Behind the last.
    end: Sequence,
}

impl Legs {
    /// Fills the archive's holes in a day, and around it up to the next object; blocks. What was done before an obstacle stands in `mended`, too.
    pub fn mend_archive(&self, day: Day, how: &Repair<'_>, mended: &mut Vec<Mended>) -> Result<(), Obstacle> {
        self.holes(day)?.iter().try_for_each(|hole| self.fill(hole, how, mended))
    }

    fn holes(&self, day: Day) -> Result<Vec<Hole>, Obstacle> {
        let keys = self.archive.objects()?;
        let of = |key: &String| parse_object_key(key).and_then(|key| key.date.parse::<Day>().ok());
        let begin = keys.partition_point(|key| of(key) < Some(day)).saturating_sub(1);
        let end = (keys.partition_point(|key| of(key) <= Some(day)) + 1).min(keys.len());
        let mut holes = Vec::new();
        let mut before: Option<(Footer, Option<Day>)> = None;
        let next = |before: &Option<(Footer, Option<Day>)>| {
            before.as_ref().map_or(Sequence::ZERO, |(footer, _)| footer.segment.last.next())
        };
        for (place, key) in keys.iter().enumerate().take(end).skip(begin) {
            let footer = self.archive.footer(key)?;
            let first = next(&before);
            // What lies before the first object that is looked at is another day's, but for a chain's beginning.
            if first < footer.segment.first && (place > begin || place == 0) {
                let (behind, day) = (Some(footer.clone()), before.as_ref().and_then(|(_, day)| *day));
                let end = footer.segment.first;
                holes.push(Hole { before: before.take().map(|(footer, _)| footer), behind, day, first, end });
            }
            before = Some((footer, of(key)));
        }
        // Behind the last object of all, checkpoints tell how far the archive had come.
        let first = next(&before);
        let newest = self.archive.checkpoints(first.get())?.into_iter().map(|(_, size)| size).max().unwrap_or(0);
        if end == keys.len() && newest > first.get() {
            let day = before.as_ref().and_then(|(_, day)| *day);
            let before = before.map(|(footer, _)| footer);
            holes.push(Hole { before, behind: None, day, first, end: Sequence::new(newest) });
        }
        Ok(holes)
    }

    fn fill(&self, hole: &Hole, how: &Repair<'_>, mended: &mut Vec<Mended>) -> Result<(), Obstacle> {
        // Only objects say which rules were in force.
        let rules = match (&hole.before, &hole.behind) {
            (Some(before), Some(behind)) if before.rules == behind.rules => before.rules,
            (Some(footer), None) | (None, Some(footer)) => footer.rules,
            (Some(_), Some(_)) | (None, None) => {
                return Err(Obstacle::Rules { first: hole.first, last: Sequence::new(hole.end.get() - 1) });
            }
        };
        let head = match &hole.before {
            Some(Footer { segment, range_after, .. }) => {
                let (chain, tree) = (segment.chain.clone(), range_after.clone());
                Head::resume(chain, hole.first, UnixNanos(0), segment.after, tree)
            }
            None => Head::genesis(&self.archive.genesis()?.ok_or(Obstacle::NoGenesis)?),
        };
        let cuts = self.archive.checkpoints(hole.first.get())?.into_iter().map(|(_, size)| size).collect();
        let dir = self.archive.workdir().unwrap_or_else(|| how.scratch.to_owned());
        let mut filling =
            Filling { legs: self, hole, how, rules, cuts, dir, head, open: None, built: Vec::new(), mended };
        how.disk.create_dir_all(&filling.dir).map_err(failed("make", &filling.dir))?;
        let mut outcome = Ok(());
        let day = hole.day.unwrap_or(Day::of(UnixNanos(0)));
        let read = self.stream.contents(day, hole.first, &mut |link, content| {
            if link.sequence >= hole.end {
                return ControlFlow::Break(());
            }
            outcome = filling.push(link, content);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        let outcome = read.map_err(Obstacle::from).and(outcome).and_then(|()| filling.end());
        filling.clean();
        outcome
    }

    /// Gives a stream that has lost its end what the archive holds of it, and then what the log does. That the log is open
    /// here says that its collector is not running: taking the stream over would shut it out. Blocks.
    pub fn mend_stream(&self, stream: &mut impl StreamLeg, log: &Log<'_>) -> Result<Option<Mended>, Obstacle> {
        let runtime = self.archive.runtime().clone();
        let keys = self.archive.objects()?;
        let archived = match keys.last() {
            Some(newest) => self.archive.footer(newest)?.segment.last.next(),
            None => Sequence::ZERO,
        };
        let confirmed = log.recovered.legs().confirmed(Leg::Stream).map_or(Sequence::ZERO, |end| end.last.next());
        let owed = archived.max(confirmed);
        let next = |end: Option<End>| end.map_or(Sequence::ZERO, |end| end.last.next());
        let reach = runtime.block_on(stream.end())?.reach;
        if reach == Reach::Expired && owed == confirmed || next(self.judge_end(reach, &keys, log)?) >= owed {
            return Ok(None);
        }
        runtime.block_on(stream.take_over())?;
        // What was on its way has come in by now.
        let first = next(self.judge_end(runtime.block_on(stream.end())?.reach, &keys, log)?);
        if first >= owed {
            return Ok(None);
        }
        // Objects of a bucket are read through files there.
        if let Some(dir) = self.archive.workdir() {
            log.disk.create_dir_all(&dir).map_err(failed("make", &dir))?;
        }
        let mut appending = Appending { stream, runtime: &runtime, builder: Builder::default(), first, next: first };
        self.append_archived(&mut appending, &keys)?;
        log.append(&mut appending, &self.chain)?;
        appending.commit()?;
        let end = appending.next;
        let mut checkpoints = Vec::new();
        for (key, size) in self.archive.checkpoints(first.get())? {
            checkpoints.extend(self.archive.text(&key)?.map(|note| CheckpointNote { size, note }));
        }
        runtime.block_on(stream.commit(&Batch { checkpoints, ..Batch::default() }))?;
        match end.get().checked_sub(1).map(Sequence::new).filter(|last| *last >= first) {
            Some(last) if end >= owed => Ok(Some(Mended { leg: Side::Stream, first, last })),
            _ => Err(Obstacle::Nowhere { sequence: end }),
        }
    }

    /// The stream's end, once the archive, or the log, is found to hold the same record there.
    fn judge_end(&self, reach: Reach, keys: &[String], log: &Log<'_>) -> Result<Option<End>, Obstacle> {
        let end = match reach {
            Reach::Nothing => return Ok(None),
            Reach::Expired => return Err(Obstacle::Expired),
            Reach::To(end) => end,
        };
        let mut found = log.recovered.find(end.last).map_err(Obstacle::Log)?;
        if let (None, Some(key)) = (found, holder(keys, end.last)) {
            self.archive.records(std::slice::from_ref(key), &mut |record| {
                if record.sequence == end.last {
                    found = Some(record.hash);
                }
                if record.sequence < end.last { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
        }
        if found == Some(end.hash) { Ok(Some(end)) } else { Err(Obstacle::Other { sequence: end.last }) }
    }

    fn append_archived(&self, appending: &mut Appending<'_, impl StreamLeg>, keys: &[String]) -> Result<(), Obstacle> {
        let from = keys.iter().position(|key| Some(key) == holder(keys, appending.first)).unwrap_or(0);
        for key in keys.iter().skip(from) {
            let mut reader = self.archive.object(key)?;
            let Footer { segment, range_before, .. } = reader.footer().clone();
            let mut run =
                Run::behind(Head::resume(segment.chain, segment.first, UnixNanos(0), segment.before, range_before));
            let mut outcome = Ok(());
            reader.rows(&mut |row| {
                let (sequence, previous) = (row.sequence, run.hash());
                let link = Link { sequence, observed: row.observed, previous, checksum: row.checksum, hash: row.hash };
                outcome = appending.push(&self.chain, &mut run, &link, row.content);
                if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            outcome?;
        }
        Ok(())
    }
}

/// The write-ahead log of the chain's collector, which is not running.
pub struct Log<'a> {
    pub recovered: &'a Recovered,
    pub dir: &'a Path,
    pub disk: &'a dyn Disk,
}

impl Log<'_> {
    fn append(&self, appending: &mut Appending<'_, impl StreamLeg>, chain: &ChainName) -> Result<(), Obstacle> {
        for file in self.recovered.files() {
            if file.first.get() + file.records <= appending.next.get() {
                continue;
            }
            let mut reader = wal::reader::Reader::open(self.disk, &wal::path(self.dir, file.first))?;
            let mut run = Run::behind(reader.head().clone());
            while let Some(stored) = reader.next(file.synced)? {
                appending.push(chain, &mut run, &stored.link, stored.content)?;
            }
        }
        Ok(())
    }
}

/// Records on their way to the stream's end.
struct Appending<'a, S> {
    stream: &'a mut S,
    runtime: &'a Handle,
    builder: Builder,
    /// The first that the stream lacks.
    first: Sequence,
    next: Sequence,
}

impl<S: StreamLeg> Appending<'_, S> {
    /// Takes a record that follows `run`; one that the stream holds already only shows that the next one does.
    fn push(&mut self, chain: &ChainName, run: &mut Run, link: &Link, content: &str) -> Result<(), Obstacle> {
        let sequence = link.sequence;
        run.follow(link, content).map_err(|source| Obstacle::Follow { sequence, source })?;
        if sequence < self.next {
            return Ok(());
        }
        if sequence > self.next {
            return Err(Obstacle::Nowhere { sequence: self.next });
        }
        self.builder.push(chain, link, content).map_err(|_| Obstacle::Content { sequence })?;
        self.next = sequence.next();
        if self.builder.bytes() >= BATCH_BYTES { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<(), Obstacle> {
        let batch = Batch { messages: self.builder.take(), ..Batch::default() };
        Ok(self.runtime.block_on(self.stream.commit(&batch))?)
    }
}

/// The object in which a record lies, if it lies in any.
fn holder(keys: &[String], sequence: Sequence) -> Option<&String> {
    let first = |key: &String| parse_object_key(key).map(|key| key.first);
    keys.partition_point(|key| first(key) <= Some(sequence)).checked_sub(1).and_then(|place| keys.get(place))
}

/// Objects on their way into a hole.
struct Filling<'a> {
    legs: &'a Legs,
    hole: &'a Hole,
    how: &'a Repair<'a>,
    rules: [u8; 32],
    /// Sizes at which a segment ended.
    cuts: BTreeSet<u64>,
    dir: PathBuf,
    head: Head,
    open: Option<Open>,
    /// Whole objects, synced. None gets its key before the whole hole is found to fit.
    built: Vec<Built>,
    mended: &'a mut Vec<Mended>,
}

struct Built {
    key: String,
    path: PathBuf,
    segment: Segment,
}

struct Open {
    /// None: it failed to end.
    writer: Option<SegmentWriter<BufWriter<File>>>,
    path: PathBuf,
    day: String,
}

impl Filling<'_> {
    fn push(&mut self, link: &Link, content: &str) -> Result<(), Obstacle> {
        let day = segment::day(link.observed);
        let ends = self.cuts.contains(&link.sequence.get());
        if self.open.as_ref().is_some_and(|open| ends || open.day != day) {
            self.close()?;
        }
        if self.open.is_none() {
            if link.sequence != self.head.next() {
                return Err(Obstacle::NotHeld { sequence: self.head.next() });
            }
            self.open = Some(self.begin(day)?);
        }
        let open = self.open.as_mut().ok_or(Obstacle::NotHeld { sequence: link.sequence })?;
        if let Some(writer) = &mut open.writer {
            writer.push(link, content)?;
        }
        Ok(())
    }

    fn begin(&self, day: String) -> Result<Open, Obstacle> {
        let path = self.dir.join(format!("repair-{}-{:020}.parquet", std::process::id(), self.head.next().get()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&path);
        let file = file.map_err(failed("create", &path))?;
        let writer = SegmentWriter::new(self.head.clone(), self.how.promotions, self.rules, BufWriter::new(file))?;
        Ok(Open { writer: Some(writer), path, day })
    }

    /// Ends the open object.
    fn close(&mut self) -> Result<(), Obstacle> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let path = open.path.clone();
        let Some(writer) = open.writer.take() else { return Ok(()) };
        let mut written = writer.finish()?;
        written.out.flush().and_then(|()| written.out.get_ref().sync_all()).map_err(failed("sync", &path))?;
        self.open = None;
        self.head = written.head;
        self.built.push(Built { key: written.key, path, segment: written.segment });
        Ok(())
    }

    /// All that the stream holds was taken: where it fits, the objects get their keys.
    fn end(&mut self) -> Result<(), Obstacle> {
        self.close()?;
        let (next, hole) = (self.head.next(), self.hole);
        if next != hole.end {
            return Err(Obstacle::NotHeld { sequence: next });
        }
        let fits = match &hole.behind {
            Some(behind) => self.head.hash() == behind.segment.before && *self.head.tree() == behind.range_before,
            None => self.is_signed()?,
        };
        if !fits {
            return Err(Obstacle::Parted { sequence: Sequence::new(next.get().saturating_sub(1)) });
        }
        for Built { key, path, segment } in &self.built {
            self.legs.archive.put(key, path, segment)?;
            self.mended.push(Mended { leg: Side::Archive, first: segment.first, last: segment.last });
        }
        Ok(())
    }

    /// Whether a checkpoint of the archive signs what was built, where nothing lies behind it.
    fn is_signed(&self) -> Result<bool, Obstacle> {
        for (key, size) in self.legs.archive.checkpoints(self.hole.end.get())? {
            let note = if size == self.hole.end.get() { self.legs.archive.text(&key)? } else { None };
            if note.and_then(|note| Checkpoint::parse(&note).ok()).is_some_and(|signed| signed.root == self.head.root())
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes what was built and did not get a key.
    fn clean(&mut self) {
        let open = self.open.take().map(|open| open.path);
        for path in open.into_iter().chain(self.built.drain(..).map(|built| built.path)) {
            // It is gone already where it got its key.
            let _ = self.how.disk.remove(&path);
        }
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Obstacle {
    let path = path.to_owned();
    move |source| Obstacle::Io { doing, path, source }
}
