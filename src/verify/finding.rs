//! What verification can find: a closed list with stable codes. A finding holds places, numbers, names of the format and
//! hashes, never a value of a record.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sealtrail_chain::ChainName;
use serde::Serialize;

/// Everything that can be wrong. A code never changes its meaning; the explanation stands in `Code::what`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Code {
    /// The content was changed, or its checksum was.
    Content,
    /// A part of the link was changed: sequence, observed time, previous hash, checksum or hash.
    Link,
    /// Records are missing.
    Missing,
    /// A record stands where another belongs, or twice.
    Order,
    /// A record does not continue the one before it.
    Previous,
    /// The observed time goes back.
    Time,
    /// A record is not in canonical form, or lacks what a sealed record always has.
    Form,
    /// The record or the object belongs to another chain.
    Chain,
    /// An object lies under a date that is not the day of its records.
    Date,
    /// A file's name is not that of its first record.
    Name,
    /// What an object's metadata says is not what its records say.
    Metadata,
    /// A column for queries says something else than the content.
    Column,
    /// The key or a header of a stream message says something else than its records.
    Header,
    /// A file can't be read to its end.
    Damaged,
    /// A file holds records that an earlier file holds already.
    Overlap,
    /// Among the records lies what no collector puts there; a query engine would read it with them.
    Foreign,
    /// The footer's statistics or indexes would make a query engine pass over rows, or answer wrongly.
    Index,
    /// The records are not the ones that were signed.
    Root,
    /// A signed checkpoint, or the other leg, knows more records than are here.
    Shorter,
    /// A signature of a checkpoint does not hold, or the note is malformed.
    Signature,
    /// A checkpoint lacks the signature of a key that the genesis names.
    Unsigned,
    /// A checkpoint that another object names is not here.
    CheckpointMissing,
    /// A `.range` object does not hold the nodes of its checkpoint's tree.
    Range,
    /// Two signed checkpoints of one size have different roots: the chain has two histories.
    Fork,
    /// The genesis note is missing, malformed, or not signed by the key it names.
    Genesis,
    /// Record 0 does not continue the genesis note, or carries another one.
    GenesisRecord,
    /// The chain's keys are not the trusted ones.
    Key,
    /// A note says that the chain's keys change, and those before did not let them.
    Rotation,
    /// A checkpoint is signed by keys that were not in force for it.
    Epoch,
    /// A checkpoint is signed by keys that no record of the chain has brought.
    Unsealed,
    /// The two legs hold different records.
    Legs,
    /// A file of an evidence bundle is missing, too many, or not the one that was put in; or the bundle is no bundle.
    Bundle,
    /// An evidence bundle's proof doesn't lead from its record to the root that was signed.
    Proof,
    /// A chain that was expected is not here.
    ChainMissing,
    /// A chain is here that was not expected.
    ChainUnexpected,
    /// The chain's end is older than allowed, and nothing sealed says that it stopped.
    Stale,
    /// A key of the bucket has more versions than the one that the collector put there.
    Version,
    /// An object of the bucket is hidden under a delete marker.
    Hidden,
    /// An object's lock is missing, weaker or shorter than it must be.
    Lock,
    /// What is stored as a witness's word of a checkpoint is none.
    Cosignature,
    /// A witness's word, or a time stamp, that the chain names is not here.
    VouchMissing,
    /// What is stored as a time stamp of a checkpoint is none.
    Stamp,
}

impl Code {
    /// The stable name in reports.
    pub fn id(self) -> &'static str {
        self.table().0
    }

    /// What a reader who knows the format's words understands.
    pub fn what(self) -> &'static str {
        self.table().1
    }

    fn table(self) -> (&'static str, &'static str) {
        match self {
            Self::Content => ("SEAL-001", "the content is not the one whose checksum was sealed"),
            Self::Link => ("SEAL-002", "the hash is not that of the link"),
            Self::Missing => ("SEAL-003", "records are missing"),
            Self::Order => ("SEAL-004", "a record stands out of order or twice"),
            Self::Previous => ("SEAL-005", "the record does not continue the one before it"),
            Self::Time => ("SEAL-006", "the observed time goes back"),
            Self::Form => ("SEAL-007", "the record is not in canonical form"),
            Self::Chain => ("SEAL-008", "the record belongs to another chain"),
            Self::Date => ("SEAL-010", "the object lies under another day than that of its record"),
            Self::Name => ("SEAL-011", "the file's name is not its first sequence"),
            Self::Metadata => ("SEAL-012", "the object's metadata does not match its records"),
            Self::Column => ("SEAL-013", "a column does not say what the content says"),
            Self::Header => ("SEAL-014", "a message's key or header does not match its records"),
            Self::Damaged => ("SEAL-015", "the file can't be read to its end"),
            Self::Overlap => ("SEAL-016", "the file holds records that another file holds already"),
            Self::Foreign => ("SEAL-017", "among the records lies what is no part of the chain"),
            Self::Index => ("SEAL-018", "statistics or an index of the object do not fit its rows"),
            Self::Root => ("SEAL-020", "the records are not the ones that the checkpoint signs"),
            Self::Shorter => ("SEAL-021", "the chain is cut off: more records are known than are here"),
            Self::Signature => ("SEAL-022", "the checkpoint is not a sound signed note"),
            Self::Unsigned => ("SEAL-023", "the checkpoint lacks a signature of a key that the genesis names"),
            Self::CheckpointMissing => ("SEAL-024", "a checkpoint is missing"),
            Self::Range => ("SEAL-025", "the range object does not match its checkpoint"),
            Self::Fork => ("SEAL-027", "two signed checkpoints of one size contradict each other"),
            Self::Genesis => ("SEAL-030", "the genesis note is missing or does not hold"),
            Self::GenesisRecord => ("SEAL-031", "record 0 does not belong to the genesis note"),
            Self::Key => ("SEAL-032", "the chain is not signed by the trusted key"),
            Self::Rotation => ("SEAL-033", "the note of a rotation of keys does not hold"),
            Self::Epoch => ("SEAL-034", "the checkpoint is signed by keys that were not in force"),
            Self::Unsealed => ("SEAL-035", "the keys changed and no record of the chain says so"),
            Self::Legs => ("SEAL-040", "archive and stream hold different records"),
            Self::Bundle => ("SEAL-080", "the bundle's files are not the ones that were put in"),
            Self::Proof => ("SEAL-081", "the proof does not lead from the record to the signed root"),
            Self::ChainMissing => ("SEAL-050", "a chain that was expected is not here"),
            Self::ChainUnexpected => ("SEAL-051", "a chain is here that was not expected"),
            Self::Stale => ("SEAL-052", "the chain ends too early, without a sealed stop"),
            Self::Version => ("SEAL-060", "the object has another version beside the one that was archived"),
            Self::Hidden => ("SEAL-061", "the object is hidden under a delete marker"),
            Self::Lock => ("SEAL-062", "the object is not locked as it must be"),
            Self::Cosignature => ("SEAL-070", "a cosignature of a witness does not hold"),
            Self::VouchMissing => ("SEAL-071", "a cosignature or time stamp that the chain names is not here"),
            Self::Stamp => ("SEAL-072", "a time stamp does not hold"),
        }
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    pub code: Code,
    pub what: &'static str,
    pub chain: String,
    /// The records in question; `first` alone where it is one.
    pub first: u64,
    pub last: u64,
    /// Object or file, from the path that was given on.
    #[serde(serialize_with = "text")]
    pub place: Arc<str>,
    /// Row of the object, or message of the file, from 0; of a partition in Kafka the offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    pub expected: String,
    pub found: String,
}

fn text<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl Finding {
    /// A finding about one record.
    pub fn at(code: Code, chain: &ChainName, sequence: u64, place: &Arc<str>) -> Self {
        Self {
            code,
            what: code.what(),
            chain: chain.to_string(),
            first: sequence,
            last: sequence,
            place: place.clone(),
            row: None,
            expected: String::new(),
            found: String::new(),
        }
    }

    /// … or about all records up to `last`.
    #[must_use]
    pub fn to(mut self, last: u64) -> Self {
        self.last = last.max(self.first);
        self
    }

    #[must_use]
    pub fn row(mut self, row: u64) -> Self {
        self.row = Some(row);
        self
    }

    #[must_use]
    pub fn expected(mut self, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        self.expected = expected.to_string();
        self.found = found.to_string();
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: chain {}, ", self.code.id(), self.what, self.chain)?;
        if self.first == self.last {
            write!(f, "record {}", self.first)?;
        } else {
            write!(f, "records {} to {}", self.first, self.last)?;
        }
        if !self.expected.is_empty() || !self.found.is_empty() {
            write!(f, ": expected {}, found {}", self.expected, self.found)?;
        }
        match self.row {
            Some(offset) if self.place.starts_with("kafka://") => write!(f, " ({}@{offset})", self.place),
            Some(row) => write!(f, " ({}, row {row})", self.place),
            None => write!(f, " ({})", self.place),
        }
    }
}

/// Findings in the order of their records (a stretch counts by its end: a record named within it says more; what stands
/// beside the records comes behind what is wrong with themselves), of which the
/// first `LIMIT` are kept and all are counted: an archive of forged records must not cost more memory than a sound one.
#[derive(Clone, Default, Debug)]
pub struct Findings {
    kept: BTreeMap<(String, u64, bool, u64), Finding>,
    total: u64,
}

impl Findings {
    pub const LIMIT: usize = 1_000;

    pub fn add(&mut self, finding: Finding) {
        self.total += 1;
        let beside = matches!(finding.code, Code::Index | Code::Metadata | Code::Legs | Code::Lock);
        self.kept.insert((finding.chain.clone(), finding.last, beside, self.total), finding);
        if self.kept.len() > Self::LIMIT {
            self.kept.pop_last();
        }
    }

    pub fn append(&mut self, other: Self) {
        let unkept = other.total - other.kept.len() as u64;
        for finding in other.kept.into_values() {
            self.add(finding);
        }
        self.total += unkept;
    }

    /// How many there were, kept or not.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The kept ones, the lowest record of each chain first.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.kept.values()
    }
}
