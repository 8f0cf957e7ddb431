//! Two legs' records side by side.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Peekable;

use sealtrail_chain::{CompactRange, Hash, Root, Sequence, UnixNanos};
use serde::Serialize;

/// What is compared of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    pub sequence: Sequence,
    pub observed: UnixNanos,
    pub hash: Hash,
}

/// Which leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Stream,
    Archive,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Stream => Self::Archive,
            Self::Archive => Self::Stream,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream => "stream",
            Self::Archive => "archive",
        })
    }
}

/// What one leg holds of the span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub records: u64,
    pub first: Option<Record>,
    /// The record with the highest sequence.
    pub last: Option<Record>,
    /// Root of the tree (RFC 6962) over the hashes of the records, the first of the span being leaf 0; a record that is
    /// repeated counts once.
    tree: CompactRange,
    /// Of the whole chain up to the last record, where what comes before the span is known and nothing is missing since.
    chain: Option<CompactRange>,
    /// The chain's root at each of the marks that was reached.
    pub roots: Vec<(u64, Root)>,
}

impl Summary {
    fn new(before: Option<CompactRange>) -> Self {
        Self { records: 0, first: None, last: None, tree: CompactRange::empty(0), chain: before, roots: Vec::new() }
    }

    pub fn root(&self) -> Root {
        self.tree.root()
    }

    fn add(&mut self, record: Record, marks: &[u64]) {
        self.records += 1;
        self.first.get_or_insert(record);
        self.last = Some(record);
        self.tree.push(&record.hash);
        // A gap: no root behind it is known.
        self.chain.take_if(|chain| chain.end() != record.sequence.get());
        let Some(chain) = &mut self.chain else { return };
        chain.push(&record.hash);
        if marks.binary_search(&chain.end()).is_ok() {
            self.roots.push((chain.end(), chain.root()));
        }
    }
}

/// What is known of the legs besides the records that are compared.
#[derive(Debug, Clone)]
pub struct Known {
    /// The stream holds nothing before this record any more: its retention has passed.
    pub stream_from: Sequence,
    /// The archive has come so far: what the stream holds from there on is still on its way.
    pub archive_to: Option<Sequence>,
    /// Compact range of all records before the span.
    pub before: Option<CompactRange>,
    /// Sizes of the chain at which its root is asked for, ascending.
    pub marks: Vec<u64>,
}

impl Default for Known {
    /// All is there, and nothing is asked.
    fn default() -> Self {
        Self { stream_from: Sequence::ZERO, archive_to: None, before: None, marks: Vec::new() }
    }
}

/// Records that one leg alone holds, for a reason that is no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Aside {
    pub records: u64,
    #[serde(serialize_with = "number")]
    pub first: Sequence,
    #[serde(serialize_with = "number")]
    pub last: Sequence,
}

impl Aside {
    fn add(aside: &mut Option<Self>, sequence: Sequence) {
        let aside = aside.get_or_insert(Self { records: 0, first: sequence, last: sequence });
        (aside.records, aside.last) = (aside.records + 1, sequence);
    }
}

/// What is wrong with a run of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", content = "leg", rename_all = "snake_case")]
pub enum Fault {
    /// The other leg holds them, this one doesn't.
    Missing(Side),
    /// This leg holds them more than once, or behind records of higher sequences.
    Repeated(Side),
    /// Neither leg holds them, though both hold records before and behind.
    Gap,
    /// Both legs hold them, with other hashes.
    Differing,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(side) => write!(f, "missing in the {side}"),
            Self::Repeated(side) => write!(f, "repeated in the {side}"),
            Self::Gap => f.write_str("missing in both"),
            Self::Differing => f.write_str("different in both"),
        }
    }
}

/// A run of records with the same fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    #[serde(flatten)]
    pub fault: Fault,
    #[serde(serialize_with = "number")]
    pub first: Sequence,
    #[serde(serialize_with = "number")]
    pub last: Sequence,
}

fn number<S: serde::Serializer>(sequence: &Sequence, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(sequence.get())
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, first, last } = self;
        if first == last { write!(f, "record {first} {fault}") } else { write!(f, "records {first} to {last} {fault}") }
    }
}

/// How two legs compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub stream: Summary,
    pub archive: Summary,
    /// In the order in which they were met; at most [`Comparison::SPANS`].
    pub spans: Vec<Span>,
    /// Records with a fault, those beyond the spans kept among them.
    pub faulty: u64,
    /// Of the archive alone, for the stream's retention has passed.
    pub expired: Option<Aside>,
    /// Of the stream alone, for the archive has not come so far.
    pub pending: Option<Aside>,
}

impl Comparison {
    /// Spans that are kept: a few tell as much as thousands, and memory stays bounded.
    pub const SPANS: usize = 256;

    /// Walks both legs' records, each in the order in which its leg holds them. An error of a reader ends it.
    pub fn of<E>(
        stream: impl IntoIterator<Item = Result<Record, E>>,
        archive: impl IntoIterator<Item = Result<Record, E>>,
        known: &Known,
    ) -> Result<Self, E> {
        let summary = || Summary::new(known.before.clone());
        let empty =
            Self { stream: summary(), archive: summary(), spans: Vec::new(), faulty: 0, expired: None, pending: None };
        let (stream, archive) = (stream.into_iter().peekable(), archive.into_iter().peekable());
        let mut walk = Walk { found: empty, stream, archive, expected: None, known };
        while walk.step()? {}
        Ok(walk.found)
    }

    /// Whether nothing is wrong with what could be compared.
    pub fn agrees(&self) -> bool {
        self.faulty == 0
    }

    /// Whether all was compared that either leg holds.
    pub fn is_whole(&self) -> bool {
        self.expired.is_none() && self.pending.is_none()
    }

    fn fault(&mut self, fault: Fault, first: Sequence, last: Sequence) {
        self.faulty = self.faulty.saturating_add((last.get() - first.get()).saturating_add(1));
        if let Some(span) = self.spans.last_mut().filter(|span| span.fault == fault && span.last.next() == first) {
            span.last = last;
        } else if self.spans.len() < Self::SPANS {
            self.spans.push(Span { fault, first, last });
        }
    }
}

struct Walk<'k, S: Iterator, A: Iterator> {
    known: &'k Known,
    found: Comparison,
    stream: Peekable<S>,
    archive: Peekable<A>,
    /// The sequence behind the highest that either leg has shown.
    expected: Option<Sequence>,
}

impl<S, A, E> Walk<'_, S, A>
where
    S: Iterator<Item = Result<Record, E>>,
    A: Iterator<Item = Result<Record, E>>,
{
    /// Takes the next record of one leg, or of both; says whether there was one.
    fn step(&mut self) -> Result<bool, E> {
        let (stream, archive) = (peek(&mut self.stream)?, peek(&mut self.archive)?);
        // What a leg shows again, or too late, is set aside before the legs are compared.
        for (side, record) in [(Side::Stream, stream), (Side::Archive, archive)] {
            if let Some(record) = record.filter(|record| self.is_behind(side, record.sequence)) {
                self.found.fault(Fault::Repeated(side), record.sequence, record.sequence);
                self.advance(side);
                return Ok(true);
            }
        }
        let order = match (stream, archive) {
            (None, None) => return Ok(false),
            (Some(here), Some(there)) => here.sequence.cmp(&there.sequence),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
        };
        // The lower sequence is taken, and both where they are the same.
        for (side, record, taken, alone) in [
            (Side::Stream, stream, order.is_le(), order.is_lt()),
            (Side::Archive, archive, order.is_ge(), order.is_gt()),
        ] {
            if let Some(record) = record.filter(|_| taken) {
                self.note_gap(record.sequence);
                if alone {
                    self.note_alone(side, record.sequence);
                }
                self.take(side, record);
            }
        }
        if let (Ordering::Equal, Some(here), Some(there)) = (order, stream, archive)
            && here.hash != there.hash
        {
            self.found.fault(Fault::Differing, here.sequence, here.sequence);
        }
        Ok(true)
    }

    fn is_behind(&self, side: Side, sequence: Sequence) -> bool {
        self.summary(side).last.is_some_and(|last| sequence <= last.sequence)
    }

    fn note_gap(&mut self, sequence: Sequence) {
        if let Some(expected) = self.expected.filter(|expected| *expected < sequence) {
            self.found.fault(Fault::Gap, expected, Sequence::new(sequence.get() - 1));
        }
        self.expected = Some(sequence.next());
    }

    fn note_alone(&mut self, side: Side, sequence: Sequence) {
        match side {
            Side::Archive if sequence < self.known.stream_from => Aside::add(&mut self.found.expired, sequence),
            Side::Stream if self.known.archive_to.is_some_and(|to| sequence >= to) => {
                Aside::add(&mut self.found.pending, sequence);
            }
            _ => self.found.fault(Fault::Missing(side.other()), sequence, sequence),
        }
    }

    fn take(&mut self, side: Side, record: Record) {
        match side {
            Side::Stream => self.found.stream.add(record, &self.known.marks),
            Side::Archive => self.found.archive.add(record, &self.known.marks),
        }
        self.advance(side);
    }

    fn advance(&mut self, side: Side) {
        match side {
            Side::Stream => drop(self.stream.next()),
            Side::Archive => drop(self.archive.next()),
        }
    }

    fn summary(&self, side: Side) -> &Summary {
        match side {
            Side::Stream => &self.found.stream,
            Side::Archive => &self.found.archive,
        }
    }
}

/// The next record without taking it; an error is taken.
fn peek<I, E>(records: &mut Peekable<I>) -> Result<Option<Record>, E>
where
    I: Iterator<Item = Result<Record, E>>,
{
    match records.next_if(Result::is_err) {
        Some(Err(error)) => Err(error),
        _ => Ok(records.peek().and_then(|record| record.as_ref().ok()).copied()),
    }
}
