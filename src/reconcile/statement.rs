//! What a comparison says, in words and in JSON. Nothing of a record's content gets in: sequences, times, hashes.

use std::fmt;

use sealtrail_chain::ChainName;
use serde::Serialize;

use super::{Comparison, Record, Span, Summary};

/// A comparison of one chain and day.
#[derive(Debug, Clone, Serialize)]
pub struct Statement {
    /// `sealtrail reconcile v1`.
    pub statement: &'static str,
    pub chain: String,
    /// The UTC day, `YYYY-MM-DD`.
    pub day: String,
    pub agrees: bool,
    pub stream: Leg,
    pub archive: Leg,
    /// Records with a fault, also those beyond the spans listed.
    pub faulty: u64,
    pub spans: Vec<Span>,
}

/// What one leg holds.
#[derive(Debug, Clone, Serialize)]
pub struct Leg {
    pub records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// Hash of the last record, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Root over the day's records, in hex.
    pub root: String,
}

const STATEMENT: &str = "sealtrail reconcile v1";

impl Statement {
    pub fn new(chain: &ChainName, day: &str, comparison: &Comparison) -> Self {
        Self {
            statement: STATEMENT,
            chain: chain.to_string(),
            day: day.to_owned(),
            agrees: comparison.agrees(),
            stream: Leg::new(&comparison.stream),
            archive: Leg::new(&comparison.archive),
            faulty: comparison.faulty,
            spans: comparison.spans.clone(),
        }
    }

    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a statement has only text keys and whole numbers")
    }
}

impl Leg {
    fn new(summary: &Summary) -> Self {
        let sequence = |record: &Record| record.sequence.get();
        Self {
            records: summary.records,
            first: summary.first.as_ref().map(sequence),
            last: summary.last.as_ref().map(sequence),
            head: summary.last.map(|record| record.hash.to_string()),
            root: const_hex::encode(summary.root().0),
        }
    }
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, first, last, head, root } = self;
        match (first, last, head) {
            (Some(first), Some(last), Some(head)) => {
                write!(f, "{records} records, {first} to {last}, head {head}, root {root}")
            }
            _ => f.write_str("no records"),
        }
    }
}

/// A line a fact, in a fixed order: two statements of the same day are compared by eye and by `diff`.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.statement)?;
        writeln!(f, "chain {}", self.chain)?;
        writeln!(f, "day {}", self.day)?;
        writeln!(f, "stream {}", self.stream)?;
        writeln!(f, "archive {}", self.archive)?;
        for span in &self.spans {
            writeln!(f, "{span}")?;
        }
        match (self.agrees, self.faulty) {
            (true, _) => writeln!(f, "verdict the legs agree"),
            (false, 1) => writeln!(f, "verdict the legs differ in 1 record"),
            (false, faulty) => writeln!(f, "verdict the legs differ in {faulty} records"),
        }
    }
}
