//! What verification says at its end: the verdict first, then what it rests on. The text is for an auditor, the serialised
//! form for programs; fields are added, never renamed.
//!
//! As JSON (`--format json`):
//! - `verdict`: `intact`, `tampered`, `signer-unknown`, `not-all-checked` or `nothing`;
//! - `chains`: of each its `chain`, `origin`, `trusted` (name and id of the keys believed), `legs_agree_to` (size up to which
//!   both legs were compared and agree, or null), and `legs`: `leg` (`archive` or `stream`), `place`, `files`, `records`,
//!   `first` and `last` sequence, `from` and `to` (RFC 3339), `checkpoints_stored`, `checkpoints_matched`, `signed` and
//!   `covered` (records under a checkpoint of any key of the genesis, and of a trusted one), `signed_by`, `stopped`;
//!   `witnesses`: of each that was given and has cosigned `witness`, `checkpoints`, `size` and `at` (RFC 3339, its clock);
//!   `witnessed` (records that a quorum of them vouches for, or null); `stamp`: null, or of the latest time stamp by the given
//!   authorities `authority`, `stamps`, `size` and `at` (RFC 3339: these records existed before);
//! - `records`, `seconds`, `records_per_second`: what was read, of all legs together;
//! - `findings_total`, and of the first 1,000 `findings`: `code` (`SEAL-…`, never reused), `what` (its meaning), `chain`,
//!   `first` and `last` record in question, `place`, `row` (where it is known), `expected`, `found`;
//! - of a range (`--from`, `--to`) `first`, `last`, `from` and `to` are those of what was read, and a note says what was not;
//! - `unchecked` and `notes`: sentences for people; whether `unchecked` is empty is what a program may ask.

use std::fmt::{self, Write as _};

use sealtrail_chain::{ChainName, UnixNanos};
use serde::{Serialize, Serializer};

use super::finding::Finding;
use super::leg::Kind;
use super::printable::Printable;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All that was given was checked and holds, under a trusted key or a kept checkpoint.
    Intact,
    /// Something was changed, removed, added or cut off.
    Tampered,
    /// Everything agrees with itself, but no trusted key says who signed it.
    SignerUnknown,
    /// What was checked holds, but not all that was given could be checked.
    NotAllChecked,
    /// There was not one record.
    Nothing,
}

impl Verdict {
    fn text(self) -> &'static str {
        match self {
            Self::Intact => "INTACT: nothing was altered, removed, reordered, inserted or cut off",
            Self::Tampered => "TAMPERED: what lies here is not what was sealed",
            Self::SignerUnknown => "CONSISTENT, SIGNER UNKNOWN: give the chain's public key with --public-key",
            Self::NotAllChecked => "NOT ALL CHECKED: what could be checked holds",
            Self::Nothing => "NOTHING TO VERIFY: not one record was found",
        }
    }
}

/// What stands between a sound result and "intact".
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unchecked {
    #[error("chain {chain}: no trusted key; `--public-key FILE` takes the collector's log.vkey")]
    NoKey { chain: ChainName },
    /// Of a bundle: the keys that are trusted came later, and vouch for none of their checkpoints but one.
    #[error(
        "chain {chain}: the checkpoint is signed by {signers}, keys from before a rotation to the trusted ones, which vouch for the \
         size in their note alone: `--public-key` takes the older key, too (`older.vkey` beside the log's keys), from someone \
         else than whoever gave you this"
    )]
    OlderKey { chain: ChainName, signers: String },
    #[error("chain {chain}, {leg}: no checkpoint by a trusted key covers any record")]
    NoCheckpoint { chain: ChainName, leg: Kind },
    #[error("chain {chain}, {leg}: records {first} to {last} lie in {files} segments behind the last checkpoint")]
    LateSegments { chain: ChainName, leg: Kind, first: u64, last: u64, files: u64 },
    #[error(
        "chain {chain}, archive: {count} checkpoints of sizes {first} to {last}, which the stream holds, are not here: they \
         are on their way, or someone took them away"
    )]
    CheckpointsPending { chain: ChainName, count: u64, first: u64, last: u64 },
    #[error("chain {chain}, {leg}: roots not recomputed, as records before them are not there: {count}")]
    Unreached { chain: ChainName, leg: Kind, count: u64 },
    /// Either the collector was killed between its stop record and the last checkpoint, or someone took that checkpoint
    /// away: from what is here nobody can tell.
    #[error(
        "chain {chain}, {leg}: its last record says that the collector stopped, but the checkpoint of size {size} that \
         belongs to it is not here (the newest has size {found}); the collector brings it at its next start"
    )]
    StopUncovered { chain: ChainName, leg: Kind, size: u64, found: u64 },
    /// Either the archive was away until the stop and the collector has not started since, or someone cut the archive.
    #[error(
        "chain {chain}: the collector stopped, and records {first} to {last} are in the stream only: it brings them into the \
         archive at its next start, or someone took them away"
    )]
    StoppedUnarchived { chain: ChainName, first: u64, last: u64 },
    #[error(
        "chain {chain}: {place} lacks records {first} to {last}, which {other} holds: it was copied before, or someone cut it off"
    )]
    ShorterCopy { chain: ChainName, place: String, first: u64, last: u64, other: String },
    #[error("chain {chain}, stream: {first}; what the partition held before has passed its retention")]
    Expired { chain: ChainName, first: Begin },
    #[error("chain {chain}, archive: records {first} to {last} lie frozen: {bound}, content not read")]
    Frozen { chain: ChainName, first: u64, last: u64, bound: Bound },
    #[error(
        "chain {chain}: versions in {place} can't be listed (it takes s3:ListBucketVersions), so none was looked for"
    )]
    VersionsUnseen { chain: ChainName, place: String },
    #[error("chain {chain}: no record that could be read lies in the range that was asked for")]
    NothingInRange { chain: ChainName },
    #[error("{place} was kept of {origin}, and no such chain was looked at: it proves nothing of what lies here")]
    KeptOfNone { place: String, origin: String },
    #[error("{place} holds no chain, although the other leg does")]
    Empty { place: String },
    /// A rotation's note goes before the record that carries it; or somebody has put it there.
    #[error(
        "chain {chain}: the note of a rotation behind {size} records lies here, and no record that is here carries it"
    )]
    RotationOpen { chain: ChainName, size: u64 },
    #[error(
        "chain {chain}: {place}, which record {record} carries, is not here: someone took it away, or nobody has put it there"
    )]
    RotationNote { chain: ChainName, place: String, record: u64 },
    #[error(
        "{place}: whether the chain says that these keys are its own can't be told: not all records before {size} are here"
    )]
    Unsealed { chain: ChainName, place: String, size: u64 },
    #[error("{place} is of version {found:?}, which this release does not know")]
    Version { place: String, found: String },
    #[error("{place}: {reason}")]
    Unread { place: String, reason: String },
    #[error("chain {chain}: its genesis note can't be read in this leg ({leg}), which begins at record {first}")]
    NoGenesis { chain: ChainName, leg: Kind, first: u64 },
    #[error("chain {chain}: no checkpoint is cosigned by {quorum} of the given witnesses")]
    NoQuorum { chain: ChainName, quorum: usize },
    #[error(
        "chain {chain}: cosigned by {quorum} of the given witnesses up to {size} records; records {size} to {last} under further checkpoints are not"
    )]
    BehindQuorum { chain: ChainName, quorum: usize, size: u64, last: u64 },
    #[error("chain {chain}: {witness} is the log itself, and no witness of it: its word was not counted")]
    OwnWitness { chain: ChainName, witness: String },
    #[error("chain {chain}: cosignatures lie in the archive, and that was not given")]
    NoArchive { chain: ChainName },
    #[error("chain {chain}: no time stamp by the given authorities is here")]
    NoStamp { chain: ChainName },
    #[error("chain {chain}: time stamps for whose signer none of the given authorities vouches: {count}")]
    UntrustedStamps { chain: ChainName, count: u64 },
}

/// Where a stream begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Begin(pub Option<u64>);

impl fmt::Display for Begin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(first) => write!(f, "begins with record {first}"),
            None => f.write_str("no record is left"),
        }
    }
}

/// The size of the checkpoint that binds records, if one does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound(pub Option<u64>);

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(size) => write!(f, "bound by checkpoint {size}"),
            None => f.write_str("bound by no checkpoint that could be recomputed"),
        }
    }
}

/// What was not read: before a record, from a record on, or both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotRead {
    pub before: Option<u64>,
    pub from: Option<u64>,
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = self.before {
            write!(f, "records before {first}")?;
        }
        match (self.before, self.from) {
            (Some(_), Some(end)) => write!(f, ", and those from {end} on, if there are any,"),
            (None, Some(end)) => write!(f, "records from {end} on, if there are any,"),
            (Some(_), None) => Ok(()),
            (None, None) => f.write_str("other records"),
        }
    }
}

/// What an auditor should know although nothing is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Note {
    #[error("chain {chain}, {leg}: records {first} to {last} are not yet under a checkpoint")]
    NotYetCovered { chain: ChainName, leg: Kind, first: u64, last: u64 },
    #[error("chain {chain}, {leg}: silence from {from} to {to} (before record {sequence}) without a stop record")]
    Silence { chain: ChainName, leg: Kind, sequence: u64, from: Time, to: Time },
    #[error("chain {chain}: records {first} to {last} are in the stream only, not yet archived")]
    NotYetArchived { chain: ChainName, first: u64, last: u64 },
    #[error(
        "chain {chain}: the archive's checkpoint of size {size} is still on its way (its range object came; the collector \
         was stopped between the two)"
    )]
    Interrupted { chain: ChainName, size: u64 },
    #[error("chain {chain}: its keys changed with record {record} ({cause})")]
    Rotated { chain: ChainName, record: u64, cause: &'static str },
    #[error(
        "chain {chain}: the kept checkpoint {place} carries no signature of the chain's that holds; its size and root are \
         believed because it was kept"
    )]
    KeptUnsigned { chain: ChainName, place: String },
    #[error("chain {chain}, {leg}: {records} were not read, as nobody asked for them: nothing is said of them")]
    Outside { chain: ChainName, leg: Kind, records: NotRead },
    #[error(
        "chain {chain}: time stamps that hold, by whom was not asked: {count}; `--rfc3161-ca` takes their authorities"
    )]
    Stamps { chain: ChainName, count: u64 },
    #[error(
        "chain {chain}: cosignatures of witnesses that were not given, not looked at: {count}; `--witness` takes their keys"
    )]
    Cosignatures { chain: ChainName, count: u64 },
    #[error(
        "chain {chain}: records {first} to {last} are under the newest checkpoint, which no quorum of {quorum} has cosigned yet"
    )]
    NotYetWitnessed { chain: ChainName, first: u64, last: u64, quorum: usize },
    #[error(
        "chain {chain}: by its own clock {witness} cosigned before the log had signed, or in time to come: {count} times, first \
         {size} records at {at}; its word holds, and says nothing of the time"
    )]
    WitnessClock { chain: ChainName, witness: String, count: u64, size: u64, at: Second },
}

macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
as_text!(Unchecked, Note, Time);

impl Kind {
    fn unit(self) -> &'static str {
        match self {
            Self::Archive => "object",
            Self::Stream => "file",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Archive => "archive",
            Self::Stream => "stream",
        })
    }
}

/// A Unix second as RFC 3339 writes it, also one that no clock will show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Second(pub u64);

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0).ok().and_then(|second| jiff::Timestamp::from_second(second).ok()) {
            Some(time) => time.fmt(f),
            None => write!(f, "Unix second {}", self.0),
        }
    }
}

/// A time as RFC 3339 writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Time(pub UnixNanos);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(self.0.0.into()) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{} ns", self.0.0),
        }
    }
}

/// One place that holds one chain.
#[derive(Clone, Debug, Serialize)]
pub struct LegReport {
    pub leg: Kind,
    pub place: String,
    pub files: u64,
    pub records: u64,
    pub first: Option<u64>,
    pub last: Option<u64>,
    pub from: Option<Time>,
    pub to: Option<Time>,
    /// Checkpoints that this leg stores, and how many of all known ones its records gave the root of.
    pub checkpoints_stored: u64,
    pub checkpoints_matched: u64,
    /// Records under a checkpoint of any key the genesis names, and of a trusted one.
    pub signed: u64,
    pub covered: u64,
    /// Name and key id of the keys whose signatures held.
    pub signed_by: Vec<String>,
    /// The last record says that the collector stopped.
    pub stopped: bool,
}

/// What a given witness vouches for.
#[derive(Clone, Debug, Serialize)]
pub struct WitnessReport {
    /// Name and key id.
    pub witness: String,
    /// Stored checkpoints that it has cosigned.
    pub checkpoints: u64,
    /// Records under the newest of them, and when the witness said so, by its clock.
    pub size: u64,
    pub at: Time,
}

/// What a time stamping authority vouches for.
#[derive(Clone, Debug, Serialize)]
pub struct StampReport {
    /// Name of the signer's certificate.
    pub authority: String,
    /// Stored checkpoints with a time stamp that holds.
    pub stamps: u64,
    /// Records under the largest of them, which existed before `at`.
    pub size: u64,
    pub at: Time,
}

#[derive(Clone, Debug, Serialize)]
pub struct ChainReport {
    pub chain: String,
    pub origin: Option<String>,
    /// Name and key id of the trusted keys of this chain.
    pub trusted: Vec<String>,
    pub legs: Vec<LegReport>,
    /// Up to this size the legs were compared and agree; `None` with one leg alone.
    pub legs_agree_to: Option<u64>,
    /// Of the witnesses that were given, those that have cosigned.
    pub witnesses: Vec<WitnessReport>,
    /// Records that a quorum of the given witnesses vouches for; `None` where none was asked for.
    pub witnessed: Option<u64>,
    /// The latest time stamp by the given authorities.
    pub stamp: Option<StampReport>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub verdict: Verdict,
    pub chains: Vec<ChainReport>,
    pub records: u64,
    pub seconds: f64,
    pub records_per_second: u64,
    pub findings_total: u64,
    /// The first ones, the lowest record of each chain first.
    pub findings: Vec<Finding>,
    pub unchecked: Vec<Unchecked>,
    pub notes: Vec<Note>,
}

/// Findings that the text shows; the JSON form holds all that were kept.
const SHOWN: usize = 20;

impl Report {
    /// The report in words; the verdict is the first line.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("writing to a String can't fail");
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "{}", self.verdict.text())?;
        self.write_findings(out)?;
        for chain in &self.chains {
            chain.write(out)?;
        }
        section(out, "could not be checked", &self.unchecked)?;
        section(out, "good to know", &self.notes)?;
        let rate = self.records_per_second;
        writeln!(out, "\nread {} in {:.1} s, {rate} a second", counted(self.records, "record"), self.seconds)
    }

    fn write_findings(&self, out: &mut String) -> fmt::Result {
        if self.findings_total == 0 {
            return Ok(());
        }
        // The findings come in the order of their records, so the first one is the first bad record.
        for (index, finding) in self.findings.iter().take(SHOWN).enumerate() {
            writeln!(out, "{} {}", if index == 0 { "first:" } else { "  and:" }, Printable(finding))?;
        }
        let more = self.findings_total.saturating_sub(SHOWN as u64);
        if more > 0 {
            writeln!(out, "  and {} more (`--format json` lists up to 1,000)", counted(more, "finding"))?;
        }
        Ok(())
    }
}

impl ChainReport {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "\nchain {}{}", self.chain, named(" of ", self.origin.as_deref()))?;
        if !self.trusted.is_empty() {
            writeln!(out, "  trusted      {}", self.trusted.join(", "))?;
        }
        for leg in &self.legs {
            leg.write(out)?;
        }
        for WitnessReport { witness, checkpoints, size, at } in &self.witnesses {
            let (records, checkpoints) = (counted(*size, "record"), counted(*checkpoints, "checkpoint"));
            writeln!(out, "  witness      {witness}: the first {records} at {at} by its clock ({checkpoints})")?;
        }
        if let Some(StampReport { authority, stamps, size, at }) = &self.stamp {
            let (records, stamps) = (counted(*size, "record"), counted(*stamps, "time stamp"));
            writeln!(out, "  existed      the first {records} before {at}, says {authority} ({stamps})")?;
        }
        if let Some(size) = self.witnessed {
            writeln!(out, "  witnessed    the first {} by a quorum of the given witnesses", counted(size, "record"))?;
        }
        match self.legs_agree_to {
            Some(size) => writeln!(out, "  both legs    hold the same first {}", counted(size, "record")),
            None => Ok(()),
        }
    }
}

impl LegReport {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "  {:<12} {}", self.leg.to_string(), Printable(&self.place))?;
        if let (Some(first), Some(last), Some(from), Some(to)) = (self.first, self.last, self.from, self.to) {
            let unit = if self.place.starts_with("kafka://") { "partition" } else { self.leg.unit() };
            let (records, files) = (counted(self.records, "record"), counted(self.files, unit));
            writeln!(out, "    holds        {first} to {last}: {records} in {files}")?;
            writeln!(
                out,
                "    sealed       {from} to {to} by the collector's clock{}",
                if self.stopped { ", then stopped" } else { "" }
            )?;
        } else {
            writeln!(out, "    holds        no record")?;
        }
        let (stored, matched) = (counted(self.checkpoints_stored, "checkpoint"), self.checkpoints_matched);
        writeln!(out, "    checkpoints  {stored} here; the records give the roots of {matched}")?;
        match (self.covered, self.signed) {
            (0, 0) => writeln!(out, "    covered      no record: no checkpoint vouches for them")?,
            (0, signed) => writeln!(
                out,
                "    covered      the first {} by a key that is not trusted here",
                counted(signed, "record")
            )?,
            (covered, _) => writeln!(
                out,
                "    covered      the first {} by a trusted key or a kept checkpoint",
                counted(covered, "record")
            )?,
        }
        if let (Some(last), true) = (self.last, self.covered > 0) {
            match (last + 1).saturating_sub(self.covered) {
                0 => {}
                rest => {
                    writeln!(out, "    not covered  the last {}, from {} on", counted(rest, "record"), self.covered)?
                }
            }
        }
        if !self.signed_by.is_empty() {
            writeln!(out, "    signed by    {}", self.signed_by.join(", "))?;
        }
        Ok(())
    }
}

/// A number with its word, in the plural but for one.
fn counted(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn named(before: &str, name: Option<&str>) -> String {
    name.map(|name| format!("{before}{name}")).unwrap_or_default()
}

pub(super) fn section(out: &mut String, head: &str, lines: &[impl fmt::Display]) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{head}:")?;
    lines.iter().try_for_each(|line| writeln!(out, "  {}", Printable(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_is_said_in_words() {
        let said = |before, from| NotRead { before, from }.to_string();
        assert_eq!(said(Some(281), Some(681)), "records before 281, and those from 681 on, if there are any,");
        assert_eq!(said(Some(281), None), "records before 281");
        assert_eq!(said(None, Some(681)), "records from 681 on, if there are any,");
    }
}
