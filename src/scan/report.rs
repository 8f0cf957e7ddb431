//! What a scan says: whether it can be believed, what was read, and what was found where; never a value.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::{Serialize, Serializer};

use super::detect::{Certainty, Class};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All that was looked at holds nothing that is likely to be a value.
    Clean,
    /// Something was found.
    Found,
    /// The scan did not find all that it planted itself: its silence means nothing.
    Untrusted,
    /// Not all could be read.
    NotAllRead,
    /// There was nothing to read.
    Nothing,
}

impl Verdict {
    fn text(self) -> &'static str {
        match self {
            Self::Clean => "CLEAN: nothing was found that should have been masked",
            Self::Found => "FOUND: values stand where none may",
            Self::Untrusted => "CAN'T BE TRUSTED: the scan missed what it had planted itself",
            Self::NotAllRead => "NOT ALL READ: what could be read is clean",
            Self::Nothing => "NOTHING TO SCAN: not one row was looked at",
        }
    }
}

/// Findings of one kind in one column of one file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    pub place: String,
    pub column: String,
    pub class: Class,
    pub certainty: Certainty,
    pub count: u64,
    /// The first row, message or line, from 0.
    pub first_row: u64,
}

/// What became of a lock that was to be extended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Release {
    /// Locked for the full term now.
    Extended,
    /// It was before.
    Already,
    /// Left to its first term: it holds a value.
    Left,
}

/// Findings that are kept one by one; all are counted.
pub(super) const KEPT: usize = 1_000;

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub verdict: Verdict,
    pub files: u64,
    pub rows: u64,
    pub rows_looked_at: u64,
    /// Part of the rows that was asked for: 1 is all.
    pub sample: f64,
    /// How many findings of each class, likely and possible ones.
    #[serde(serialize_with = "by_class")]
    pub by_class: BTreeMap<(Certainty, Class), u64>,
    pub findings: Vec<Finding>,
    /// Files with findings that are not listed.
    pub more: u64,
    /// What was planted and not found.
    pub missed: Vec<String>,
    /// What could not be read, and why.
    pub unread: Vec<String>,
    /// Objects whose lock was extended, was long enough, or was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released: Option<Released>,
}

/// Objects by what became of their locks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Released {
    pub extended: u64,
    pub already: u64,
    pub left: u64,
}

impl Released {
    pub(super) fn count(&mut self, release: Release) {
        match release {
            Release::Extended => self.extended += 1,
            Release::Already => self.already += 1,
            Release::Left => self.left += 1,
        }
    }
}

fn by_class<S: Serializer>(counts: &BTreeMap<(Certainty, Class), u64>, serializer: S) -> Result<S::Ok, S::Error> {
    let name = |certainty| if certainty == Certainty::Likely { "likely" } else { "possible" };
    let mut tree: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for ((certainty, class), count) in counts {
        tree.entry(name(*certainty)).or_default().insert(class.as_str(), *count);
    }
    tree.serialize(serializer)
}

/// Findings that the text lists.
const SHOWN: usize = 20;

impl Report {
    /// How many values were found that are what they look like.
    pub fn likely(&self) -> u64 {
        self.by_class.iter().filter(|((certainty, _), _)| *certainty == Certainty::Likely).map(|(_, count)| count).sum()
    }

    /// In words; the verdict is the first line.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("writing to a String can't fail");
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "{}", self.verdict.text())?;
        for ((certainty, class), count) in &self.by_class {
            match certainty {
                Certainty::Likely => writeln!(out, "  {:<16} {count}", class.as_str())?,
                Certainty::Possible => {
                    writeln!(out, "  {:<16} {count} possible: numbers that stand where ids do", class.as_str())?;
                }
            }
        }
        for finding in self.findings.iter().filter(|finding| finding.certainty == Certainty::Likely).take(SHOWN) {
            let Finding { place, column, class, count, first_row, .. } = finding;
            writeln!(out, "  {} {count}x in `{column}`, first in row {first_row} of {place}", class.as_str())?;
        }
        if self.more > 0 || self.findings.len() > SHOWN {
            writeln!(out, "  (`--format json` lists the first {KEPT})")?;
        }
        section(out, "planted and not found", &self.missed)?;
        section(out, "could not be read", &self.unread)?;
        if let Some(Released { extended, already, left }) = self.released {
            writeln!(out, "\nlocks: {extended} extended to the full term, {already} had it, {left} left to run out")?;
        }
        let Self { files, rows, rows_looked_at, sample, .. } = self;
        if *sample < 1.0 {
            writeln!(out, "\nlooked at {rows_looked_at} of {rows} rows in {files} files (a sample of {sample})")
        } else {
            writeln!(out, "\nlooked at {rows_looked_at} rows in {files} files")
        }
    }
}

fn section(out: &mut String, head: &str, lines: &[String]) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{head}:")?;
    lines.iter().take(SHOWN).try_for_each(|line| writeln!(out, "  {line}"))
}
