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

mod said;

use std::fmt::{self, Write as _};

use serde::Serialize;

use super::finding::Finding;
use super::leg::Kind;
use super::printable::Printable;
pub use said::{Begin, Bound, NotRead, Note, Second, Time, Unchecked};

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
