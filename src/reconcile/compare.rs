//! Two legs' records side by side.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Peekable;

use sealtrail_chain::{CompactRange, Hash, Sequence, UnixNanos};
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
}

impl Summary {
    fn new() -> Self {
        Self { records: 0, first: None, last: None, tree: CompactRange::empty(0) }
    }

    pub fn root(&self) -> sealtrail_chain::Root {
        self.tree.root()
    }

    fn add(&mut self, record: Record) {
        self.records += 1;
        self.first.get_or_insert(record);
        self.last = Some(record);
        self.tree.push(&record.hash);
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
}

impl Comparison {
    /// Spans that are kept: a few tell as much as thousands, and memory stays bounded.
    pub const SPANS: usize = 256;

    /// Walks both legs' records, each in the order in which its leg holds them. An error of a reader ends it.
    pub fn of<E>(
        stream: impl IntoIterator<Item = Result<Record, E>>,
        archive: impl IntoIterator<Item = Result<Record, E>>,
    ) -> Result<Self, E> {
        let empty = Self { stream: Summary::new(), archive: Summary::new(), spans: Vec::new(), faulty: 0 };
        let (stream, archive) = (stream.into_iter().peekable(), archive.into_iter().peekable());
        let mut walk = Walk { found: empty, stream, archive, expected: None };
        while walk.step()? {}
        Ok(walk.found)
    }

    /// Whether both hold the same, each record once.
    pub fn agrees(&self) -> bool {
        self.faulty == 0
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

struct Walk<S: Iterator, A: Iterator> {
    found: Comparison,
    stream: Peekable<S>,
    archive: Peekable<A>,
    /// The sequence behind the highest that either leg has shown.
    expected: Option<Sequence>,
}

impl<S, A, E> Walk<S, A>
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
                    self.found.fault(Fault::Missing(side.other()), record.sequence, record.sequence);
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

    fn take(&mut self, side: Side, record: Record) {
        match side {
            Side::Stream => self.found.stream.add(record),
            Side::Archive => self.found.archive.add(record),
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
