//! The signed checkpoints of a day in both legs: whether they say one thing, and whether it is what the records say.

use std::collections::BTreeMap;

use sealtrail_chain::note::Vkey;
use sealtrail_chain::segment::Ranges;
use sealtrail_chain::{Checkpoint, CompactRange, Genesis, Root};
use serde::Serialize;

use super::archive::Archive;
use super::stream::Stream;
use super::{Error, Side, Summary};
use crate::verify::speaking;

/// The checkpoints whose last record lies in the day.
#[derive(Debug, Clone, Default)]
pub(super) struct Checkpoints {
    stream: BTreeMap<u64, Root>,
    archive: BTreeMap<u64, Root>,
    contradictions: Vec<Contradiction>,
    /// Size of the newest that the archive holds: its records came before it.
    newest_archived: u64,
}

/// Checkpoints, or a checkpoint and records, that can't both be true.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "contradiction", rename_all = "snake_case")]
pub enum Contradiction {
    #[error("a checkpoint of size {size} in the {leg} is not signed by the chain's key")]
    Signature { leg: Side, size: u64 },
    #[error("two checkpoints of size {size} have different roots ({leg})")]
    Fork { leg: Side, size: u64 },
    #[error("the checkpoints of size {size} in stream and archive have different roots")]
    Legs { size: u64 },
    #[error("the checkpoint of size {size} has another root than the records of the {leg}")]
    Records { leg: Side, size: u64 },
}

/// What a statement says of one leg's checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counted {
    pub checkpoints: u64,
    /// Smallest and largest size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// Sizes, of either leg's checkpoints, whose root this leg's records give.
    pub recomputed: u64,
}

/// Contradictions that are kept; more tell no more.
const MOST: usize = 64;

impl Checkpoints {
    /// Reads those of sizes above `low` up to `high`. Which keys were in force when is for `verify` to judge.
    ///
    /// The stream orders the chain, so it knows a rotation of keys before the archive does. Where no key that the archive's notes
    /// bring has signed, the stream's own records are asked for theirs, and all is judged again.
    pub(super) fn read(
        stream: &Stream,
        archive: &Archive,
        genesis: Option<&Genesis>,
        range: (u64, u64),
    ) -> Result<Self, Error> {
        let Some(genesis) = genesis else { return Self::judged(stream, archive, &[], range) };
        let beside = archive.rotations()?;
        let keys = speaking(genesis, &beside, &[]);
        let read = Self::judged(stream, archive, &keys, range)?;
        if !read.contradictions.iter().any(|found| matches!(found, Contradiction::Signature { .. })) {
            return Ok(read);
        }
        let all = speaking(genesis, &beside, &stream.rotations()?);
        if all == keys { Ok(read) } else { Self::judged(stream, archive, &all, range) }
    }

    /// All of them, by these keys; with none, no signature is asked for.
    fn judged(stream: &Stream, archive: &Archive, keys: &[Vkey], (low, high): (u64, u64)) -> Result<Self, Error> {
        let mut read = Self::default();
        for (key, size) in archive.checkpoints(low)? {
            read.newest_archived = read.newest_archived.max(size);
            if size > low && size <= high {
                let note = archive.text(&key)?.unwrap_or_default();
                read.add(Side::Archive, &note, size, keys);
            }
        }
        stream.notes(&mut |note| {
            let size = Checkpoint::parse(note).map_or(0, |checkpoint| checkpoint.size);
            if size > low && size <= high {
                read.add(Side::Stream, note, size, keys);
            }
        })?;
        for (size, root) in &read.stream {
            if read.archive.get(size).is_some_and(|other| other != root) {
                contradict(&mut read.contradictions, Contradiction::Legs { size: *size });
            }
        }
        Ok(read)
    }

    fn add(&mut self, leg: Side, note: &str, size: u64, keys: &[Vkey]) {
        let (signed, held) = match Checkpoint::verify(note, keys) {
            Ok((signed, signatures)) => (signed, !signatures.held.is_empty()),
            Err(_) => return contradict(&mut self.contradictions, Contradiction::Signature { leg, size }),
        };
        if !held && !keys.is_empty() {
            return contradict(&mut self.contradictions, Contradiction::Signature { leg, size });
        }
        let root = signed.statement().root;
        let known = match leg {
            Side::Stream => &mut self.stream,
            Side::Archive => &mut self.archive,
        };
        if *known.entry(size).or_insert(root) != root {
            contradict(&mut self.contradictions, Contradiction::Fork { leg, size });
        }
    }

    /// All sizes, ascending.
    pub(super) fn sizes(&self) -> Vec<u64> {
        let mut sizes: Vec<u64> = self.stream.keys().chain(self.archive.keys()).copied().collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// Behind the last record of which the archive's own checkpoints say that it was archived.
    pub(super) fn newest_archived(&self) -> u64 {
        self.newest_archived
    }

    /// Compares them with the roots that a leg's records give.
    pub(super) fn compare(&mut self, leg: Side, summary: &Summary) -> Counted {
        let mut recomputed = 0;
        for (size, root) in &summary.roots {
            let stored: Vec<&Root> = [self.stream.get(size), self.archive.get(size)].into_iter().flatten().collect();
            match stored.iter().all(|stored| *stored == root) {
                true => recomputed += 1,
                false => contradict(&mut self.contradictions, Contradiction::Records { leg, size: *size }),
            }
        }
        let own = match leg {
            Side::Stream => &self.stream,
            Side::Archive => &self.archive,
        };
        let first = own.keys().next().copied();
        Counted { checkpoints: own.len() as u64, first, last: own.keys().next_back().copied(), recomputed }
    }

    pub(super) fn into_contradictions(self) -> Vec<Contradiction> {
        self.contradictions
    }
}

fn contradict(contradictions: &mut Vec<Contradiction>, contradiction: Contradiction) {
    if contradictions.len() < MOST {
        contradictions.push(contradiction);
    }
}

/// The tree of all records before `first`: nothing, or what is stored beside a checkpoint of that size, or what an object
/// claims. Whichever it is, the next signed root proves it, or contradicts it.
pub(super) fn before(
    archive: &Archive,
    first: u64,
    claimed: Option<CompactRange>,
) -> Result<Option<CompactRange>, Error> {
    if first == 0 {
        return Ok(Some(CompactRange::empty(0)));
    }
    let of_size = archive.checkpoints(first)?.into_iter().find(|(_, size)| *size >= first);
    if let Some((key, _)) = of_size.filter(|(_, size)| *size == first) {
        let beside = key.strip_suffix(".checkpoint").map(|stem| format!("{stem}.range"));
        let text = beside.map_or(Ok(None), |beside| archive.text(&beside))?;
        if let Some(ranges) = text.and_then(|text| Ranges::from_text(first, &text).ok()) {
            return Ok(Some(ranges.whole));
        }
    }
    Ok(claimed.filter(|range| range.end() == first))
}
