//! What a comparison says, in words and in JSON. Nothing of a record's content gets in: sequences, times, hashes.
//!
//! The text is what is signed (FORMAT.md, "Statements"): its first line tells it from every other kind of note, as no origin
//! holds a space. The JSON form says the same for programs, and carries the signed text.

use std::fmt;

use sealtrail_chain::note::Ed25519Signer;
use sealtrail_chain::{ChainName, UnixNanos};
use serde::Serialize;

use super::checkpoints::{Contradiction, Counted};
use super::{Aside, Comparison, Day, Record, Span, Summary};

/// A comparison of one chain and day.
#[derive(Debug, Clone, Serialize)]
pub struct Statement {
    /// `sealtrail reconcile v1`.
    pub statement: &'static str,
    pub chain: String,
    /// `<origin>/<chain>`
    pub log: String,
    /// The UTC day, `YYYY-MM-DD`.
    pub day: String,
    /// When it was made, RFC 3339.
    pub made: String,
    pub verdict: Verdict,
    /// Why it is not all.
    pub unchecked: Vec<Unchecked>,
    pub stream: Leg,
    pub archive: Leg,
    /// Records with a fault, also those beyond the spans listed.
    pub faulty: u64,
    pub spans: Vec<Span>,
    /// Of the archive alone, for the stream's retention has passed: not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired: Option<Aside>,
    /// Of the stream alone, for the archive has not come so far: not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Aside>,
    pub contradictions: Vec<Contradiction>,
    /// A later record is known, so no more of the day will come.
    pub ends: bool,
}

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Agree,
    Differ,
    /// What was compared agrees, and not all was.
    NotAllCompared,
}

/// What was not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unchecked {
    #[error("the stream's retention has passed for records of the day")]
    Expired,
    #[error("the archive has not come to the end of the day")]
    Pending,
    #[error("neither leg holds a record of the day")]
    Nothing,
    #[error("no signed checkpoint of the day could be recomputed from the records")]
    NoCheckpoint,
}

impl Serialize for Unchecked {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What one leg holds.
#[derive(Debug, Clone, Serialize)]
pub struct Leg {
    pub place: String,
    pub records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// When the first and the last were sealed, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Hash of the last record, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Root over the day's records, in hex.
    pub root: String,
    pub checkpoints: Counted,
}

/// What a statement is made of.
pub(super) struct Parts<'a> {
    pub(super) chain: &'a ChainName,
    pub(super) log: String,
    pub(super) day: Day,
    pub(super) now: UnixNanos,
    /// Of stream and archive.
    pub(super) places: &'a [String; 2],
    pub(super) found: &'a Comparison,
    pub(super) checkpoints: [Counted; 2],
    pub(super) contradictions: Vec<Contradiction>,
    pub(super) ends: bool,
}

const STATEMENT: &str = "sealtrail reconcile v1";

impl Statement {
    pub(super) fn new(parts: Parts<'_>) -> Self {
        let Parts { chain, log, day, now, places, found, checkpoints, contradictions, ends } = parts;
        let [stream, archive] = places;
        let [of_stream, of_archive] = checkpoints;
        let mut unchecked = Vec::new();
        let mut note = |missing: bool, what| unchecked.extend(missing.then_some(what));
        note(found.expired.is_some(), Unchecked::Expired);
        note(found.pending.is_some(), Unchecked::Pending);
        let nothing = found.stream.records == 0 && found.archive.records == 0;
        note(nothing, Unchecked::Nothing);
        note(!nothing && of_stream.recomputed.max(of_archive.recomputed) == 0, Unchecked::NoCheckpoint);
        let verdict = match (found.agrees() && contradictions.is_empty(), unchecked.is_empty()) {
            (false, _) => Verdict::Differ,
            (true, true) => Verdict::Agree,
            (true, false) => Verdict::NotAllCompared,
        };
        Self {
            statement: STATEMENT,
            chain: chain.to_string(),
            log,
            day: day.to_string(),
            made: time(UnixNanos(now.0 / 1_000_000_000 * 1_000_000_000)),
            verdict,
            unchecked,
            stream: Leg::new(stream, &found.stream, of_stream),
            archive: Leg::new(archive, &found.archive, of_archive),
            faulty: found.faulty,
            spans: found.spans.clone(),
            expired: found.expired,
            pending: found.pending,
            contradictions,
            ends,
        }
    }

    /// The text with its signature.
    pub fn sign(&self, signer: &Ed25519Signer) -> String {
        let text = self.to_string();
        format!("{text}\n{}", signer.sign(&text))
    }

    /// For programs: the same, and the signed text as `note`.
    pub fn json(&self, note: &str) -> String {
        #[derive(Serialize)]
        struct Signed<'a> {
            #[serde(flatten)]
            statement: &'a Statement,
            note: &'a str,
        }
        let signed = Signed { statement: self, note };
        serde_json::to_string_pretty(&signed).expect("a statement has only text keys and whole numbers")
    }
}

fn time(time: UnixNanos) -> String {
    jiff::Timestamp::from_nanosecond(time.0.into()).map_or_else(|_| format!("{} ns", time.0), |time| time.to_string())
}

impl Leg {
    fn new(place: &str, summary: &Summary, checkpoints: Counted) -> Self {
        let sequence = |record: &Record| record.sequence.get();
        let observed = |record: &Record| time(record.observed);
        Self {
            place: place.to_owned(),
            records: summary.records,
            first: summary.first.as_ref().map(sequence),
            last: summary.last.as_ref().map(sequence),
            from: summary.first.as_ref().map(observed),
            to: summary.last.as_ref().map(observed),
            head: summary.last.map(|record| record.hash.to_string()),
            root: const_hex::encode(summary.root().0),
            checkpoints,
        }
    }

    fn write(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{name} {}", self.place)?;
        let (Some(first), Some(last), Some(head)) = (self.first, self.last, &self.head) else {
            return writeln!(f, "{name} no records");
        };
        writeln!(f, "{name} {} records, {first} to {last}", self.records)?;
        let (from, to) = (self.from.as_deref().unwrap_or_default(), self.to.as_deref().unwrap_or_default());
        writeln!(f, "{name} sealed {from} to {to}")?;
        writeln!(f, "{name} head {head}")?;
        writeln!(f, "{name} root {}", self.root)?;
        let Counted { checkpoints, first, last, recomputed } = self.checkpoints;
        match (first, last) {
            (Some(first), Some(last)) => {
                writeln!(
                    f,
                    "{name} checkpoints {checkpoints} of sizes {first} to {last}, {recomputed} roots recomputed"
                )
            }
            _ => writeln!(f, "{name} checkpoints none, {recomputed} roots recomputed"),
        }
    }
}

impl fmt::Display for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records, {} to {}", self.records, self.first, self.last)
    }
}

/// A line a fact, in a fixed order: two statements of the same day are compared by eye and by `diff`.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.statement)?;
        writeln!(f, "chain {}", self.chain)?;
        writeln!(f, "log {}", self.log)?;
        writeln!(f, "day {}", self.day)?;
        writeln!(f, "made {}", self.made)?;
        self.stream.write("stream", f)?;
        self.archive.write("archive", f)?;
        if let Some(expired) = &self.expired {
            writeln!(f, "expired {expired}: the stream's retention has passed, not compared")?;
        }
        if let Some(pending) = &self.pending {
            writeln!(f, "pending {pending}: the archive has not come so far, not compared")?;
        }
        for span in &self.spans {
            writeln!(f, "fault {span}")?;
        }
        for contradiction in &self.contradictions {
            writeln!(f, "contradiction {contradiction}")?;
        }
        if !self.ends {
            writeln!(f, "open no later record is known: more of this day may come")?;
        }
        for unchecked in &self.unchecked {
            writeln!(f, "unchecked {unchecked}")?;
        }
        match (self.verdict, self.faulty, self.contradictions.len()) {
            (Verdict::Agree, ..) => writeln!(f, "verdict the legs agree"),
            (Verdict::NotAllCompared, ..) => writeln!(f, "verdict what was compared agrees, and not all was compared"),
            (Verdict::Differ, 0, _) => writeln!(f, "verdict the checkpoints contradict each other, or the records"),
            (Verdict::Differ, 1, _) => writeln!(f, "verdict the legs differ in 1 record"),
            (Verdict::Differ, faulty, _) => writeln!(f, "verdict the legs differ in {faulty} records"),
        }
    }
}
