//! Where a leg goes on when the chain is taken over: a table of cases with reasons, judged before anything is changed, and
//! the order in which it is done: look, judge, take over, look again, judge again.

use sealtrail_chain::{Hash, Sequence};

use crate::stream::{End, Reach, StreamLeg, Tail};

/// What is known of the chain when the stream is asked for its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What the stream was last known to hold.
    pub confirmed: Option<End>,
    /// Size of the newest checkpoint that was signed; 0: none.
    pub signed: u64,
    /// First record that the write-ahead log holds, or will hold next.
    pub oldest: Sequence,
    /// The record that the write-ahead log will hold next.
    pub next: Sequence,
}

/// Where the stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resume {
    /// First record to deliver.
    pub next: Sequence,
    /// What the stream holds.
    pub end: Option<End>,
}

/// Compares the end that the stream has told with what we know. `hash_at`: hash of a record from the one before
/// `oldest` on, where it is known.
pub fn compare(reach: Reach, known: &Known, hash_at: impl FnOnce(Sequence) -> Option<Hash>) -> Result<Resume, Refusal> {
    let end = match reach {
        Reach::To(end) => Some(end),
        Reach::Nothing => None,
        // What was there has passed its retention: what was confirmed is all that is known of it, and enough.
        Reach::Expired => known.confirmed,
    };
    let next = end.map_or(Sequence::ZERO, |end| end.last.next());
    let hash = end.and_then(|end| hash_at(end.last));
    if let (Some(end), Some(expected)) = (end, hash)
        && end.hash != expected
    {
        return Err(Refusal::Other { sequence: end.last, expected, found: end.hash });
    }
    if let Some(confirmed) = known.confirmed {
        match end {
            // What was confirmed to us is gone: nothing may be written behind a hole.
            None => return Err(Refusal::Lost { confirmed: confirmed.last, next }),
            Some(end) if end.last < confirmed.last => return Err(Refusal::Lost { confirmed: confirmed.last, next }),
            Some(end) if end.last == confirmed.last && end.hash != confirmed.hash => {
                return Err(Refusal::Other { sequence: end.last, expected: confirmed.hash, found: end.hash });
            }
            Some(_) => {}
        }
    }
    // Records went out that our log doesn't have: it is an older copy, or another collector went on with the chain.
    if next > known.next {
        return Err(Refusal::Ahead { stream: next, log: known.next });
    }
    // A checkpoint covers committed records only, so the stream has held them.
    if next.get() < known.signed {
        return Err(Refusal::BelowCheckpoint { size: known.signed, next });
    }
    // The records between were released, so both legs had them.
    if next < known.oldest {
        return Err(Refusal::Lost { confirmed: Sequence::new(known.oldest.get() - 1), next });
    }
    match end {
        Some(end) if hash.is_none() => Err(Refusal::Unknown { sequence: end.last }),
        end => Ok(Resume { next, end }),
    }
}

/// Takes the stream over, between two comparisons of its end with what we know: until it is ours, somebody else may go on with
/// the chain. `first`: what it has told already. `hash_at` as for `compare`.
pub async fn take_over<S, E>(
    leg: &mut S,
    first: Tail,
    known: &Known,
    mut hash_at: impl FnMut(Sequence) -> Result<Option<Hash>, E> + Send,
) -> Result<Resume, E>
where
    S: StreamLeg,
    E: From<Refusal> + From<crate::stream::Error> + Send,
{
    look(first, known, &mut hash_at)?;
    leg.take_over().await?;
    let tail = leg.end().await?;
    let hash = hash_of(tail, known, hash_at)?;
    Ok(compare(tail.reach, known, |_| hash)?)
}

/// Judges a stream that is not taken over yet. As long as more of ours may come in, its end may be short.
pub(super) fn look<E: From<Refusal>>(
    tail: Tail,
    known: &Known,
    hash_at: impl FnMut(Sequence) -> Result<Option<Hash>, E>,
) -> Result<(), E> {
    let hash = hash_of(tail, known, hash_at)?;
    match compare(tail.reach, known, |_| hash) {
        Err(Refusal::Lost { .. } | Refusal::BelowCheckpoint { .. }) if !tail.settled => Ok(()),
        Err(refusal) => Err(refusal.into()),
        Ok(_) => Ok(()),
    }
}

/// Looks the hash up that the comparison asks for. An expired stream ends, for us, with what was confirmed, which the log may
/// have released since.
fn hash_of<E>(
    tail: Tail,
    known: &Known,
    mut hash_at: impl FnMut(Sequence) -> Result<Option<Hash>, E>,
) -> Result<Option<Hash>, E> {
    match (tail.reach, known.confirmed) {
        (Reach::To(end), _) => hash_at(end.last),
        (Reach::Expired, Some(confirmed)) => Ok(hash_at(confirmed.last)?.or(Some(confirmed.hash))),
        _ => Ok(None),
    }
}

/// Why the collector doesn't go on with this stream. Each is a state that a person must look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "the stream holds records up to {stream} and the write-ahead log up to {log} (both exclusive): another collector has gone on with this chain, or the data directory is an older copy\n  remedy  put the newest data directory back; to go on from the legs needs `--continue-from-legs`, which this release does not have yet"
    )]
    Ahead { stream: Sequence, log: Sequence },
    #[error(
        "record {confirmed} was confirmed by the stream, which now ends before record {next}: the stream has lost records\n  remedy  see why; then, with this collector stopped, `sealtrail reconcile --day DAY --repair --reason TEXT` puts back what the archive and the write-ahead log hold of it"
    )]
    Lost { confirmed: Sequence, next: Sequence },
    #[error(
        "record {sequence} has hash {found} in the stream and {expected} in the write-ahead log: these are two chains of one name\n  remedy  keep both, and find out which collector wrote the other; to seal the records of one again in the other needs `sealtrail wal import`, which this release does not have yet"
    )]
    Other { sequence: Sequence, expected: Hash, found: Hash },
    #[error(
        "a checkpoint of {size} records was signed, but the stream ends before record {next}: the stream has lost records\n  remedy  see why; then, with this collector stopped, `sealtrail reconcile --day DAY --repair --reason TEXT` puts back what the archive and the write-ahead log hold of it"
    )]
    BelowCheckpoint { size: u64, next: Sequence },
    #[error(
        "the write-ahead log does not know the hash of record {sequence}, with which the stream ends\n  remedy  put the newest data directory back"
    )]
    Unknown { sequence: Sequence },
}

impl Refusal {
    /// Whether the chain has gone on without us: then nothing more may be sealed here.
    pub fn is_overtaken(&self) -> bool {
        matches!(self, Self::Ahead { .. } | Self::Other { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn end(last: u64, hash: u8) -> Option<End> {
        Some(End { last: Sequence::new(last), hash: Hash([hash; 32]) })
    }

    /// The log holds records 10 to 19, and record n has hash n.
    fn judge(stream: Option<End>, confirmed: Option<End>, signed: u64) -> Result<u64, Refusal> {
        let known = Known { confirmed, signed, oldest: Sequence::new(10), next: Sequence::new(20) };
        compare(Tail::settled(stream).reach, &known, |n| {
            (9..20).contains(&n.get()).then_some(Hash([n.get() as u8; 32]))
        })
        .map(|resume| resume.next.get())
    }

    /// Promise 3: nothing is written into a stream that doesn't end where our log can go on.
    #[test]
    fn every_end_is_judged() {
        let lost =
            |confirmed, next| Err(Refusal::Lost { confirmed: Sequence::new(confirmed), next: Sequence::new(next) });
        let other = |sequence, expected, found| {
            Err(Refusal::Other {
                sequence: Sequence::new(sequence),
                expected: Hash([expected; 32]),
                found: Hash([found; 32]),
            })
        };
        for (case, stream, confirmed, signed, expected) in [
            ("as confirmed", end(14, 14), end(14, 14), 15, Ok(15)),
            ("committed, then a crash before we knew", end(15, 15), end(14, 14), 15, Ok(16)),
            ("all delivered", end(19, 19), end(19, 19), 20, Ok(20)),
            ("all released but the open file's", end(9, 9), end(9, 9), 10, Ok(10)),
            ("what was confirmed is lost", end(13, 13), end(14, 14), 0, lost(14, 14)),
            ("the stream is empty though it confirmed", None, end(14, 14), 0, lost(14, 0)),
            ("the stream is empty and the log released", None, None, 0, lost(9, 0)),
            ("ends before what the log holds", end(8, 8), end(8, 8), 0, lost(9, 9)),
            (
                "the log is an older copy",
                end(20, 20),
                end(19, 19),
                0,
                Err(Refusal::Ahead { stream: Sequence::new(21), log: Sequence::new(20) }),
            ),
            ("another chain of the name", end(14, 99), None, 0, other(14, 14, 99)),
            ("another chain than was confirmed", end(14, 99), end(14, 14), 0, other(14, 14, 99)),
            ("another chain before the log", end(9, 99), None, 0, other(9, 9, 99)),
            (
                "signed more than is there",
                end(14, 14),
                end(14, 14),
                16,
                Err(Refusal::BelowCheckpoint { size: 16, next: Sequence::new(15) }),
            ),
        ] {
            assert_eq!(judge(stream, confirmed, signed), expected, "{case}");
        }
    }

    /// Retention has taken all that the stream held: what was confirmed says where to go on.
    #[test]
    fn an_expired_stream_goes_on_behind_what_was_confirmed() {
        let known = |confirmed| Known { confirmed, signed: 0, oldest: Sequence::new(10), next: Sequence::new(20) };
        let judge = |confirmed, reach| compare(reach, &known(confirmed), |n| Some(Hash([n.get() as u8; 32])));
        assert_eq!(judge(end(14, 14), Reach::Expired).map(|resume| resume.next.get()), Ok(15));
        let lost = Refusal::Lost { confirmed: Sequence::new(9), next: Sequence::ZERO };
        assert_eq!(judge(None, Reach::Expired), Err(lost), "the log has released what nobody confirmed");
    }

    /// A transaction that is decided may not be visible yet: an end that is short is judged when the chain is ours. Whatever
    /// shows another collector is judged at once, before that is shut out.
    #[test]
    fn before_the_take_over_only_what_cannot_change_is_judged() {
        let known = Known { confirmed: end(14, 14), signed: 15, oldest: Sequence::new(10), next: Sequence::new(20) };
        let judge = |stream, settled| {
            let tail = Tail { settled, ..Tail::settled(stream) };
            look(tail, &known, |n| Ok::<_, Refusal>((9..20).contains(&n.get()).then_some(Hash([n.get() as u8; 32]))))
        };
        for (stream, settled, accepted) in [
            (end(14, 14), false, true),
            (end(13, 13), false, true),
            (end(13, 13), true, false),
            (None, false, true),
            (None, true, false),
            (end(13, 99), false, false),
            (end(20, 20), false, false),
        ] {
            assert_eq!(judge(stream, settled).is_ok(), accepted, "{stream:?} {settled}");
        }
    }

    #[test]
    fn a_new_chain_begins_with_record_0() {
        let known = Known { confirmed: None, signed: 0, oldest: Sequence::ZERO, next: Sequence::ZERO };
        assert_eq!(compare(Reach::Nothing, &known, |_| None).map(|resume| resume.next), Ok(Sequence::ZERO));
    }
}
