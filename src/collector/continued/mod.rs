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

mod lineage;
mod refusal;
mod signed;
mod stream;
mod walk;

use std::ops::ControlFlow;
use std::sync::Arc;

use sealtrail_chain::note::Signed as SignedNote;
use sealtrail_chain::segment::genesis_key;
use sealtrail_chain::{CompactRange, Genesis, Head, Link, Sequence, UnixNanos};
use tracing::info;

use super::{StartError, identity, vouched};
use crate::archive::listing::{self, SegmentObject};
use crate::archive::{self, Objects, Reader, Row};
use crate::config::Config;
use crate::deliver::{Keys, Store};
use crate::host::{Clock, Disk};
use crate::seal::keys::rotation::Pending;
use crate::seal::own::{Event, Kind};
use crate::stream::{Contents, End, Reach, StreamLeg, Tail};
use crate::wal::{Confirmed, Leg, Rebuild, Recovered, Vacant};

use lineage::Lineage;
pub use refusal::Refusal;
use walk::{Signed, Stumble, Walk};

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
    let mut keys = identity::keys(config)?.ok_or_else(|| StartError::NoKeys { dir: config.keys_dir() })?;
    let pending = Pending::read(&config.keys_dir(), &keys.origin, config.seal.pkcs11.as_ref())?;
    let pending = pending.map(|pending| {
        // Behind its record the next keys sign, wherever the chain is gone on with from.
        keys.next = pending.sealed.map(|at| (at.get() + 1, identity::pair(pending.keys)));
        pending.note.note().to_owned()
    });
    let keys = Arc::new(keys);
    let checkpoints = Store::open(Arc::clone(disk), config.wal_dir().join("checkpoints"), Arc::clone(&keys))?;
    archive.prepare()?;
    let contents = Contents::new(&config.stream, &config.data_dir, config.chain.clone());
    let forked = vouched::mark(config, disk).stands()?;
    let legs = Legs { config, archive, contents, keys, pending, checkpoints, forked };

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
    /// The note of a rotation that is under way here.
    pending: Option<String>,
    checkpoints: Store,
    /// A witness has seen another history of the chain: it is gone on with, and nothing is signed.
    forked: bool,
}

/// The chain, followed to the archive's end.
struct Ahead {
    walk: Walk,
    lineage: Lineage,
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
        let lineage = self.lineage(genesis.statement()).await?;
        self.check_keys(&lineage)?;
        let end = match segments.last() {
            Some(newest) => self.open(newest).await?.footer().segment.last.get() + 1,
            None => 0,
        };
        let base = stored.iter().rev().map(|checkpoint| checkpoint.size).find(|size| *size <= end).unwrap_or(0);
        let mut signed = self.local()?;
        for checkpoint in stored.iter().filter(|checkpoint| checkpoint.size >= base) {
            self.add_stored(&mut signed, checkpoint, &lineage).await?;
        }
        if settled {
            self.add_streamed(&mut signed, &lineage)?;
        }
        let walk = self.walk(&segments, base, &genesis, signed).await?;
        let head = walk.head();
        let archived = last_of(head.next()).map(|last| Confirmed { last, hash: head.hash() });
        Ok(Ahead { walk, lineage, archived })
    }

    /// The keys in force must be ours.
    fn check_keys(&self, lineage: &Lineage) -> Result<(), Refusal> {
        let [ed25519, ml_dsa_44] = [self.keys.pair.ed25519.vkey(), self.keys.pair.ml_dsa_44.vkey()];
        let before = self.pending.as_deref().and_then(|note| lineage.before(note));
        let in_force = before.unwrap_or(lineage.last());
        for (expected, found) in [(&in_force.ed25519, ed25519), (&in_force.ml_dsa_44, ml_dsa_44)] {
            if expected != found {
                let (expected, found) = (Box::new(expected.clone()), Box::new(found.clone()));
                return Err(Refusal::ForeignKeys { dir: self.config.keys_dir(), expected, found });
            }
        }
        Ok(())
    }

    /// The chain's genesis note.
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
        let (expected, found) = (genesis.partition, self.config.stream.partition());
        if expected != found {
            return Err(Refusal::Partition { expected, found });
        }
        Ok(note)
    }

    /// Follows the segments from the one that holds the last record under the checkpoint of size `base`.
    async fn walk(
        &self,
        segments: &[SegmentObject],
        base: u64,
        genesis: &SignedNote<Genesis>,
        signed: Signed,
    ) -> Result<Walk, Refusal> {
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
        Ok(walk)
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
        let own = !self.forked
            && head.next() > Sequence::ZERO
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
        ahead.lineage.keep(self, self.pending.as_deref())?;
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
