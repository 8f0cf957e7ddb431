//! Finds the chains under a path: local archives, stream directories, or a data directory that holds both.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::ChainName;
use serde::Serialize;

use super::Error;
use super::finding::Findings;
use super::stream;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Archive,
    Stream,
}

/// All that one place holds of one chain.
pub(super) struct Leg {
    pub(super) kind: Kind,
    pub(super) chain: ChainName,
    /// What the path holds it under, for reports.
    pub(super) place: Arc<str>,
    /// In the order of their names; the first sequences, when nobody has touched them.
    pub(super) files: Vec<File>,
    /// The directory of checkpoints, whether or not it exists.
    pub(super) checkpoints: PathBuf,
    /// Where the genesis note lies (archive).
    pub(super) genesis: Option<PathBuf>,
    pub(super) findings: Findings,
}

/// A file with records.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) place: Arc<str>,
    /// By its name; `u64::MAX` when that is not 20 digits, so that such a file comes last and is judged all the same.
    pub(super) first: u64,
    pub(super) newest: bool,
    pub(super) bytes: u64,
}

/// Why a file was not read to its end.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is damaged; a finding says so.
    Damaged,
    /// It may be sound, but this release does not know its format, or the machine could not read it.
    Unchecked(String),
}

/// The legs under a path. Nothing there at all is an error, so that a wrong path is never "intact".
pub(super) fn find(path: &Path) -> Result<Vec<Leg>, Error> {
    let mut legs = under(path)?;
    if legs.is_empty() {
        for leg in ["archive", "stream"] {
            let inner = path.join(leg);
            if inner.is_dir() {
                legs.extend(under(&inner)?);
            }
        }
    }
    if legs.is_empty() { Err(Error::Nothing { path: path.into() }) } else { Ok(legs) }
}

fn under(path: &Path) -> Result<Vec<Leg>, Error> {
    let mut legs = archives(path)?;
    for topic in directories(path)? {
        if topic != "audit-checkpoints" {
            partitions(path, &topic, &mut legs)?;
        }
    }
    Ok(legs)
}

/// A chain is there when it has records, checkpoints or a genesis note: one whose records were all deleted must not look like
/// none.
fn archives(root: &Path) -> Result<Vec<Leg>, Error> {
    let mut names: Vec<String> = Vec::new();
    for parent in ["audit-logs", "audit-checkpoints"] {
        let dir = root.join(parent);
        if dir.is_dir() {
            names.extend(directories(&dir)?.iter().filter_map(|name| Some(name.strip_prefix("chain=")?.to_owned())));
        }
    }
    let notes = root.join("audit-genesis");
    if notes.is_dir() {
        names.extend(entries(&notes)?.iter().filter_map(|name| Some(name.strip_suffix(".note")?.to_owned())));
    }
    names.sort();
    names.dedup();
    names.into_iter().filter_map(|name| name.parse().ok()).map(|chain| archive_leg(root, chain)).collect()
}

fn archive_leg(root: &Path, chain: ChainName) -> Result<Leg, Error> {
    let objects = root.join(format!("audit-logs/chain={chain}"));
    let mut files = Vec::new();
    if objects.is_dir() {
        for date in directories(&objects)? {
            let dir = objects.join(&date);
            let names = entries(&dir)?;
            let names = names.iter().filter(|name| name.ends_with(".parquet"));
            files.extend(names.map(|name| file(dir.join(name), name.strip_suffix(".parquet"))));
        }
    }
    files.sort_by(|a, b| (a.first, &a.path).cmp(&(b.first, &b.path)));
    Ok(Leg {
        kind: Kind::Archive,
        place: root.display().to_string().into(),
        files,
        checkpoints: root.join(format!("audit-checkpoints/chain={chain}")),
        genesis: Some(root.join(sealtrail_chain::segment::genesis_key(&chain))),
        findings: Findings::default(),
        chain,
    })
}

fn file(path: PathBuf, stem: Option<&str>) -> File {
    let digits = |stem: &&str| stem.len() == 20 && stem.bytes().all(|b| b.is_ascii_digit());
    File {
        place: path.display().to_string().into(),
        first: stem.filter(digits).and_then(|stem| stem.parse().ok()).unwrap_or(u64::MAX),
        newest: false,
        bytes: path.metadata().map_or(0, |metadata| metadata.len()),
        path,
    }
}

fn partitions(root: &Path, topic: &str, legs: &mut Vec<Leg>) -> Result<(), Error> {
    for partition in directories(&root.join(topic))? {
        let dir = root.join(topic).join(&partition);
        let numbered = partition.bytes().all(|b| b.is_ascii_digit());
        if !numbered || !entries(&dir)?.iter().any(|name| name.ends_with(".messages")) {
            continue;
        }
        let files = stream::files(&dir).map_err(Error::Stream)?;
        let chain = stream::chain(&files).ok_or_else(|| Error::NoChain { path: dir.clone() })?;
        legs.push(Leg {
            kind: Kind::Stream,
            place: dir.display().to_string().into(),
            files,
            checkpoints: root.join("audit-checkpoints/0"),
            genesis: None,
            findings: Findings::default(),
            chain,
        });
    }
    Ok(())
}

/// Names of the directories in `dir`, sorted.
fn directories(dir: &Path) -> Result<Vec<String>, Error> {
    let mut names = entries(dir)?;
    names.retain(|name| dir.join(name).is_dir());
    Ok(names)
}

/// Names in `dir`, sorted.
pub(super) fn entries(dir: &Path) -> Result<Vec<String>, Error> {
    let failed = |source| Error::Io { doing: "list", path: dir.into(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
