//! `--continue-from-legs`: a collector without the log of the one before goes on with its chain, from what the legs hold.
//!
//! Promise 3 holds across it: no record stands twice in a leg, none is missing, and the history doesn't fork. In words:
//! - Nothing is written before the stream is ours, and what it holds then is all that was ever acknowledged by it. What the
//!   archive holds is part of that.
//! - The head is proven, never taken from a name: records are followed from the newest signed checkpoint in the archive to its
//!   end, and from there through the stream to its end. Wherever a signed size is met, the root must be the signed one.
//! - Records that only the stream holds become closed files of the log, as the old collector would have left them, and the
//!   archive gets them from there.
//! - A crash at any step leaves a log that is marked as not finished (`wal::Rebuild`): the next start does it all anew.
//!
//! What only the old collector's log held (acknowledged by `acknowledge: wal`, never sent) is none of the legs' and can't be
//! found here: that is `sealtrail wal import`.

mod refusal;
mod walk;

use std::ops::ControlFlow;
use std::sync::Arc;

use sealtrail_chain::content::{Content, Tail as ContentTail, Value};
use sealtrail_chain::note::Signed as SignedNote;
use sealtrail_chain::segment::{genesis_key, parse_checkpoint_key, range_key};
use sealtrail_chain::{Checkpoint, CompactRange, Genesis, Head, Link, Sequence, UnixNanos};
use tracing::{info, warn};

use super::{StartError, identity};
use crate::archive::listing::{self, CheckpointObject, SegmentObject};
use crate::archive::{self, Objects, Reader, Row};
use crate::config::Config;
use crate::deliver::{Keys, Store};
use crate::host::{Clock, Disk};
use crate::seal::own::{Event, Kind};
use crate::stream::{Contents, End, Reach, StreamLeg, Tail};
use crate::wal::{Confirmed, Leg, Rebuild, RebuildError, Recovered, Vacant};

pub use refusal::Refusal;
use walk::{Object, Signed, Stumble, Walk};

/// The log of a chain that was gone on with, and the record that says so.
pub(super) struct Continued {
    pub(super) recovered: Recovered,
    pub(super) event: Event,
}

/// Looks, judges, takes the stream over, looks again and judges again; then rebuilds what of the log the archive lacks.
pub(super) async fn go_on<S: StreamLeg>(
    config: &Config,
    recovered: Recovered,
    stream: &mut S,
    archive: &archive::Target,
    clock: &dyn Clock,
    disk: &Arc<dyn Disk>,
    reason: Option<String>,
) -> Result<Continued, StartError> {
    let vacant = vacate(config, recovered)?;
    let keys = identity::keys(config)?.ok_or_else(|| StartError::NoKeys { dir: config.keys_dir() })?;
    let checkpoints = Store::open(Arc::clone(disk), config.wal_dir().join("checkpoints"), Arc::clone(&keys))?;
    archive.prepare()?;
    let contents = Contents::new(&config.stream, &config.data_dir, config.chain.clone());
    let legs = Legs { config, archive, contents, keys, checkpoints };

    let tail = stream.end().await?;
    let ahead = legs.through_archive(false).await?;
    legs.judge(tail, &ahead)?;
    legs.check_local(&vacant, tail, &ahead)?;
    legs.peek(&ahead)?;

    stream.take_over().await?;
    let tail = stream.end().await?;
    let ahead = legs.through_archive(true).await?;
    legs.judge(tail, &ahead)?;
    legs.check_local(&vacant, tail, &ahead)?;
    let (recovered, told) = legs.rebuild(vacant, ahead, tail, clock.now())?;
    info!(last = %told.last.last, rebuilt = told.rebuilt, "the chain goes on from its legs");
    Ok(Continued { recovered, event: told.event(reason) })
}

fn vacate(config: &Config, recovered: Recovered) -> Result<Vacant, StartError> {
    let (chain, wal) = (config.chain.clone(), config.wal_dir());
    recovered.vacate()?.map_err(|held| {
        let last = held.head().map_or(0, |head| head.next().get().saturating_sub(1));
        Refusal::LogHeld { chain, wal, last: Sequence::new(last) }.into()
    })
}

/// What is known of the legs, and how they are asked.
struct Legs<'a> {
    config: &'a Config,
    archive: &'a archive::Target,
    contents: Contents,
    keys: Arc<Keys>,
    checkpoints: Store,
}

/// The chain, followed to the archive's end.
struct Ahead {
    walk: Walk,
    /// What the archive holds.
    archived: Option<Confirmed>,
}

/// What was done, for the record of it.
struct Told {
    last: Confirmed,
    archived: Option<Confirmed>,
    rebuilt: u64,
    /// The stream has passed its retention whole.
    expired: bool,
}

impl Told {
    fn event(&self, reason: Option<String>) -> Event {
        let archive = self.archived.map_or("archive empty".to_owned(), |end| format!("archive to record {}", end.last));
        let stream = match (self.expired, self.rebuilt) {
            (true, _) => ", stream past its retention".to_owned(),
            (false, 0) => String::new(),
            (false, _) => format!(", stream to record {}", self.last.last),
        };
        let mut event = Event::new(Kind::ChainRecovered);
        event.resource = Some(format!("record {} {}", self.last.last, self.last.hash));
        event.origin = Some(archive + &stream);
        event.count = self.rebuilt;
        event.reason = reason;
        event
    }
}

impl Legs<'_> {
    /// Follows the archive from the newest checkpoint on to its end. `settled`: the stream is ours, so that what was signed
    /// and went through it is all known.
    async fn through_archive(&self, settled: bool) -> Result<Ahead, Refusal> {
        let chain = &self.config.chain;
        let segments = self.asked(listing::segments(self.archive, chain).await)?;
        let stored = self.asked(listing::checkpoints(self.archive, chain).await)?;
        let genesis = self.genesis(&segments).await?;
        let end = match segments.last() {
            Some(newest) => self.open(newest).await?.footer().segment.last.get() + 1,
            None => 0,
        };
        let base = stored.iter().rev().map(|checkpoint| checkpoint.size).find(|size| *size <= end).unwrap_or(0);
        let mut signed = self.local()?;
        for checkpoint in stored.iter().filter(|checkpoint| checkpoint.size >= base) {
            self.add_stored(&mut signed, checkpoint).await?;
        }
        if settled {
            self.add_streamed(&mut signed)?;
        }
        self.walk(&segments, base, &genesis, signed).await
    }

    /// The chain's genesis note, whose keys must be ours.
    async fn genesis(&self, segments: &[SegmentObject]) -> Result<SignedNote<Genesis>, Refusal> {
        let chain = &self.config.chain;
        let stored = self.asked(self.archive.note(&genesis_key(chain)).await)?;
        let stored = stored.map(|bytes| {
            String::from_utf8(bytes).map_err(|_| Refusal::Genesis { problem: "it is no text".to_owned() })
        });
        let note = match (stored.transpose()?, segments.is_empty()) {
            (Some(note), false) => note,
            (stored, _) => {
                // As long as the archive holds no record, the stream must hold the first.
                let carried = self.first_note()?;
                if stored.as_ref().is_some_and(|stored| *stored != carried) {
                    return Err(Refusal::TwoBeginnings);
                }
                carried
            }
        };
        let note = Genesis::read(&note)?;
        let genesis = note.statement();
        if genesis.chain() != chain {
            return Err(Refusal::Genesis { problem: format!("it is that of chain `{}`", genesis.chain()) });
        }
        let [ed25519, ml_dsa_44] = [self.keys.ed25519.vkey(), self.keys.ml_dsa_44.vkey()];
        for (expected, found) in [(&genesis.ed25519, ed25519), (&genesis.ml_dsa_44, ml_dsa_44)] {
            if expected != found {
                let (expected, found) = (Box::new(expected.clone()), Box::new(found.clone()));
                return Err(Refusal::ForeignKeys { dir: self.config.keys_dir(), expected, found });
            }
        }
        let (expected, found) = (genesis.partition, self.config.stream.partition());
        if expected != found {
            return Err(Refusal::Partition { expected, found });
        }
        Ok(note)
    }

    /// The note that record 0 carries in the stream.
    fn first_note(&self) -> Result<String, Refusal> {
        let mut first = None;
        self.contents.records(Sequence::ZERO, UnixNanos(0), &mut |streamed| {
            let attributes = streamed.record.log.attributes;
            let note = attributes.into_iter().find(|attribute| attribute.key == "sealtrail.genesis");
            let note = note.and_then(|attribute| match attribute.value {
                Value::String(note) => Some(note.into_owned()),
                _ => None,
            });
            first = Some((streamed.link.sequence, note));
            ControlFlow::Break(())
        })?;
        match first {
            None => Err(Refusal::NoChain { chain: self.config.chain.clone() }),
            Some((Sequence::ZERO, note)) => {
                note.ok_or_else(|| Refusal::Genesis { problem: "record 0 carries none".to_owned() })
            }
            Some((stream, _)) => Err(Refusal::Hole { archive: Sequence::ZERO, stream }),
        }
    }

    /// What this machine has kept of what was signed.
    fn local(&self) -> Result<Signed, Refusal> {
        let mut signed = Signed::default();
        let dir = self.config.wal_dir().join("checkpoints");
        let kept = self.checkpoints.load().map_err(|error| Refusal::Local { problem: error.to_string() })?;
        for kept in kept {
            signed.add(kept.size, kept.root, || format!("kept in {}", dir.display()));
            if kept.is_object() {
                let (root, unix_seconds) = (kept.root, kept.unix_seconds);
                signed.add_object(kept.size, Object { root, unix_seconds, note: kept.note, ranges: kept.ranges });
            }
        }
        Ok(signed)
    }

    async fn add_stored(&self, signed: &mut Signed, stored: &CheckpointObject) -> Result<(), Refusal> {
        let CheckpointObject { size, unix_seconds, key } = stored;
        let problem = |problem| Refusal::Checkpoint { key: key.clone(), problem };
        let note = self.text(key).await?.ok_or_else(|| problem("it is gone"))?;
        let range = parse_checkpoint_key(key).map(|(chain, ..)| range_key(&chain, *size, *unix_seconds));
        let ranges = self.text(&range.unwrap_or_default()).await?;
        let ranges = ranges.ok_or_else(|| problem("the ranges beside it are missing"))?;
        let checked = self.verified(&note).ok_or_else(|| problem("this chain's keys have not signed it"))?;
        if checked.checkpoint.size != *size || checked.cosigned != Some(*unix_seconds) {
            return Err(problem("its name says something else than its text"));
        }
        let root = checked.checkpoint.root;
        let whole = sealtrail_chain::segment::Ranges::from_text(*size, &ranges).ok();
        if whole.is_none_or(|ranges| ranges.whole.root() != root) {
            return Err(problem("the ranges beside it have another root"));
        }
        signed.add(*size, root, || key.clone());
        signed.add_object(*size, Object { root, unix_seconds: *unix_seconds, note, ranges: Some(ranges) });
        Ok(())
    }

    /// Checkpoints that the stream holds. A note that our keys have not signed is none of the chain's, whoever put it there.
    fn add_streamed(&self, signed: &mut Signed) -> Result<(), Refusal> {
        let mut foreign = 0_u64;
        let read = self.contents.checkpoints(&mut |stored| {
            let Some(checked) = self.verified(&stored.note) else {
                foreign += 1;
                return;
            };
            let Checkpoint { size, root, .. } = checked.checkpoint;
            signed.add(size, root, || "in the stream's topic of checkpoints".to_owned());
            if let Some(unix_seconds) = checked.cosigned {
                signed.add_object(size, Object { root, unix_seconds, note: stored.note, ranges: None });
            }
        });
        read.map_err(|error| Refusal::Stream { source: error.into() })?;
        if foreign > 0 {
            warn!(
                notes = foreign,
                "the stream's topic of checkpoints holds notes that this chain's keys have not signed"
            );
        }
        Ok(())
    }

    fn verified(&self, note: &str) -> Option<Checked> {
        let keys = [self.keys.ed25519.vkey().clone(), self.keys.ml_dsa_44.vkey().clone()];
        let (signed, signatures) = Checkpoint::verify(note, &keys).ok()?;
        let checkpoint = signed.statement().clone();
        let ours = checkpoint.origin == self.keys.origin && signatures.held.contains(self.keys.ed25519.vkey());
        ours.then_some(Checked { checkpoint, cosigned: signatures.cosigned })
    }

    /// Follows the segments from the one that holds the last record under the checkpoint of size `base`.
    async fn walk(
        &self,
        segments: &[SegmentObject],
        base: u64,
        genesis: &SignedNote<Genesis>,
        signed: Signed,
    ) -> Result<Ahead, Refusal> {
        let from = segments.iter().rposition(|segment| segment.first.get() < base).unwrap_or(0);
        let head = match segments.get(from) {
            Some(segment) if segment.first > Sequence::ZERO => {
                if base == 0 {
                    return Err(Refusal::ArchiveGap { expected: Sequence::ZERO, key: segment.key.clone() });
                }
                let footer = self.open(segment).await?.footer().clone();
                let (first, before) = (footer.segment.first, footer.segment.before);
                Head::resume(self.config.chain.clone(), first, UnixNanos(0), before, footer.range_before)
            }
            _ => Head::genesis(genesis),
        };
        let mut walk = Walk::new(head, signed);
        for segment in segments.iter().skip(from) {
            if segment.first != walk.next() {
                return Err(Refusal::ArchiveGap { expected: walk.next(), key: segment.key.clone() });
            }
            let reader = self.open(segment).await?;
            follow(&mut walk, reader, &segment.key)?;
        }
        let head = walk.head();
        let archived = last_of(head.next()).map(|last| Confirmed { last, hash: head.hash() });
        Ok(Ahead { walk, archived })
    }

    /// Whether the stream ends where the archive allows it.
    fn judge(&self, tail: Tail, ahead: &Ahead) -> Result<(), Refusal> {
        let archive = ahead.walk.next();
        match (tail.reach, ahead.archived) {
            (Reach::To(end), Some(archived)) if end.last == archived.last && end.hash != archived.hash => {
                Err(Refusal::Disagree { sequence: end.last, archive: archived.hash, stream: end.hash })
            }
            (Reach::To(end), _) if end.last.next() < archive && tail.settled => {
                Err(Refusal::StreamShort { stream: end.last.next(), archive })
            }
            (Reach::To(_), _) => Ok(()),
            (Reach::Nothing, Some(_)) if tail.settled => Err(Refusal::StreamShort { stream: Sequence::ZERO, archive }),
            (Reach::Nothing, Some(_)) => Ok(()),
            (Reach::Expired, Some(archived)) if !ahead.walk.is_stopped() => {
                Err(Refusal::Expired { chain: self.config.chain.clone(), last: archived.last })
            }
            (Reach::Expired, Some(_)) => Ok(()),
            (Reach::Nothing | Reach::Expired, None) => Err(Refusal::NoChain { chain: self.config.chain.clone() }),
        }
    }

    /// What a leg is known here to have confirmed must be there.
    fn check_local(&self, vacant: &Vacant, tail: Tail, ahead: &Ahead) -> Result<(), Refusal> {
        let stream = tail.end().map(|end| end.last.next());
        let ends = [(Leg::Stream, stream.filter(|_| tail.settled)), (Leg::Archive, Some(ahead.walk.next()))];
        for (leg, next) in ends {
            let (Some(confirmed), Some(next)) = (vacant.confirmed(leg), next) else { continue };
            if confirmed.last >= next {
                return Err(Refusal::Lost { leg: leg.name(), confirmed: confirmed.last, next });
            }
        }
        Ok(())
    }

    /// Whether the stream's records can follow the archive's, before anybody is shut out.
    fn peek(&self, ahead: &Ahead) -> Result<(), Refusal> {
        let (mut joint, head) = (Joint::new(ahead), ahead.walk.head());
        let mut outcome = Ok(());
        self.contents.records(head.next(), head.observed(), &mut |streamed| {
            let seen = joint.take(&streamed.link).and_then(|new| {
                if new {
                    let content = Content::write(&streamed.record.log, &ContentTail::write(&streamed.record.context));
                    let followed = head.clone().follow(&streamed.link, content.as_str());
                    let sequence = streamed.link.sequence;
                    followed.map_err(|source| Refusal::StreamBreak { sequence, source })?;
                }
                Ok(new)
            });
            match seen {
                Ok(false) => ControlFlow::Continue(()),
                Ok(true) => ControlFlow::Break(()),
                Err(refusal) => {
                    outcome = Err(refusal);
                    ControlFlow::Break(())
                }
            }
        })?;
        outcome
    }

    /// Writes what the stream alone holds into files of the log. Only here is anything kept on this machine.
    fn rebuild(
        &self,
        vacant: Vacant,
        mut ahead: Ahead,
        tail: Tail,
        now: UnixNanos,
    ) -> Result<(Recovered, Told), StartError> {
        let head = ahead.walk.head();
        // The next object's range must begin at or behind where this log does: what lies before can't be read any more.
        let own = head.next() > Sequence::ZERO
            && ahead.walk.object() < head.next().get()
            && !ahead.walk.expects_object(head.next().get());
        let own: Option<(Head, CompactRange)> = own.then(|| (head.clone(), ahead.walk.cut()));
        let mut rebuild = Rebuild::begin(vacant, &self.config.wal, head.clone())?;
        self.read_stream(&mut rebuild, &mut ahead, &head)?;
        let rebuilt = rebuild.head().clone();
        let stream = match tail.reach {
            Reach::To(end) if (end.last.next(), end.hash) == (rebuilt.next(), rebuilt.hash()) => confirmed(end),
            Reach::Expired => ahead.archived,
            _ => {
                let end = tail.end().map_or(Sequence::ZERO, |end| end.last.next());
                return Err(Refusal::StreamMoved { read: rebuilt.next(), end }.into());
            }
        };
        let Some(last) = stream else { return Err(Refusal::NoChain { chain: self.config.chain.clone() }.into()) };
        for kept in ahead.walk.finish()? {
            self.checkpoints.keep(&kept)?;
        }
        if let Some((head, since)) = own {
            self.checkpoints.sign_object(&head, since, now.0 / 1_000_000_000)?;
        }
        let expired = tail.reach == Reach::Expired;
        let told = Told { last, archived: ahead.archived, rebuilt: rebuild.records(), expired };
        Ok((rebuild.finish(stream, ahead.archived)?, told))
    }

    fn read_stream(&self, rebuild: &mut Rebuild, ahead: &mut Ahead, head: &Head) -> Result<(), StartError> {
        let mut joint = Joint::new(ahead);
        let walk = &mut ahead.walk;
        let mut outcome: Result<(), StartError> = Ok(());
        let read = self.contents.records(head.next(), head.observed(), &mut |streamed| {
            let taken = joint.take(&streamed.link).map_err(StartError::from).and_then(|new| {
                if new {
                    let content = Content::write(&streamed.record.log, &ContentTail::write(&streamed.record.context));
                    take(walk, rebuild, &streamed.link, content.as_str())?;
                }
                Ok(())
            });
            match taken {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    outcome = Err(error);
                    ControlFlow::Break(())
                }
            }
        });
        read.map_err(Refusal::from)?;
        outcome
    }

    async fn open(&self, segment: &SegmentObject) -> Result<Reader, Refusal> {
        let reader = self.asked(self.archive.object(&segment.key).await)?;
        let footer = &reader.footer().segment;
        match footer.chain == self.config.chain && footer.first == segment.first {
            true => Ok(reader),
            false => Err(Refusal::ArchiveGap { expected: segment.first, key: segment.key.clone() }),
        }
    }

    async fn text(&self, key: &str) -> Result<Option<String>, Refusal> {
        let bytes = self.asked(self.archive.note(key).await)?;
        // What is no text is no note either, and fails its check.
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Tells an archive that doesn't answer from one that can't be believed.
    fn asked<T>(&self, answer: Result<T, archive::Error>) -> Result<T, Refusal> {
        answer.map_err(|source| match source {
            archive::Error::Unreadable { .. }
            | archive::Error::Version { .. }
            | archive::Error::Metadata { .. }
            | archive::Error::Column { .. }
            | archive::Error::Unproven { .. } => Refusal::Archive { source },
            source => Refusal::ArchiveAway { chain: self.config.chain.clone(), source },
        })
    }
}

/// A checkpoint that our keys have signed.
struct Checked {
    checkpoint: Checkpoint,
    cosigned: Option<u64>,
}

/// Where the stream's records meet the archive's.
struct Joint {
    archived: Option<Confirmed>,
    next: Sequence,
    begun: bool,
}

impl Joint {
    fn new(ahead: &Ahead) -> Self {
        Self { archived: ahead.archived, next: ahead.walk.next(), begun: false }
    }

    /// Whether the record lies behind the archive's end; the last one before that must be the same in both.
    fn take(&mut self, link: &Link) -> Result<bool, Refusal> {
        let sequence = link.sequence;
        if sequence < self.next {
            self.begun = true;
            return match self.archived {
                Some(Confirmed { last, hash }) if last == sequence && hash != link.hash => {
                    Err(Refusal::Disagree { sequence, archive: hash, stream: link.hash })
                }
                _ => Ok(false),
            };
        }
        if !std::mem::replace(&mut self.begun, true) {
            if sequence > self.next {
                return Err(Refusal::Hole { archive: self.next, stream: sequence });
            }
            if let Some(Confirmed { last, hash }) = self.archived.filter(|archived| archived.hash != link.previous) {
                return Err(Refusal::Disagree { sequence: last, archive: hash, stream: link.previous });
            }
        }
        Ok(true)
    }
}

fn take(walk: &mut Walk, rebuild: &mut Rebuild, link: &Link, content: &str) -> Result<(), StartError> {
    let sequence = link.sequence;
    walk.follow(link, content).map_err(|stumble| match stumble {
        Stumble::Break(source) => Refusal::StreamBreak { sequence, source },
        Stumble::Contradiction { size, place } => Refusal::Contradiction { size, place },
    })?;
    rebuild.push(link, content).map_err(|error| match error {
        RebuildError::Break { sequence, source } => Refusal::StreamBreak { sequence, source }.into(),
        RebuildError::Wal(error) => error.into(),
    })
}

fn follow(walk: &mut Walk, mut reader: Reader, key: &str) -> Result<(), Refusal> {
    let last = reader.footer().segment.last;
    let mut outcome = Ok(());
    let read = reader.rows(&mut |row: Row<'_>| {
        let (sequence, previous) = (row.sequence, walk.hash());
        let link = Link { sequence, observed: row.observed, previous, checksum: row.checksum, hash: row.hash };
        match walk.follow(&link, row.content) {
            Ok(()) => return ControlFlow::Continue(()),
            Err(Stumble::Break(source)) => {
                outcome = Err(Refusal::ArchiveBreak { key: key.to_owned(), sequence, source });
            }
            Err(Stumble::Contradiction { size, place }) => outcome = Err(Refusal::Contradiction { size, place }),
        }
        ControlFlow::Break(())
    });
    outcome?;
    read.map_err(|source| Refusal::Archive { source })?;
    if walk.next() != last.next() {
        return Err(Refusal::ArchiveGap { expected: walk.next(), key: key.to_owned() });
    }
    Ok(())
}

fn confirmed(end: End) -> Option<Confirmed> {
    Some(Confirmed { last: end.last, hash: end.hash })
}

fn last_of(next: Sequence) -> Option<Sequence> {
    next.get().checked_sub(1).map(Sequence::new)
}

#[cfg(test)]
mod tests;
