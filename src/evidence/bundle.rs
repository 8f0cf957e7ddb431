//! The bundle: a few named files, in a directory or in one `.tar`, with their digests beside them.
//!
//! | file | holds |
//! |---|---|
//! | `README.txt` | what it proves and what not, and how anyone checks it |
//! | `record.json` | the record's content, byte for byte: its SHA-256 is the checksum |
//! | `link.txt` | the text whose SHA-256 is the record's hash (FORMAT.md, "Link") |
//! | `record.tlog-proof` | C2SP `tlog-proof` over the 32 bytes of that hash, with the checkpoint and its cosignatures |
//! | `checkpoint.note` | that checkpoint as it is stored |
//! | `checkpoint.cosigned` | the same with the lines of all witnesses that cosigned it, where any did |
//! | `checkpoint.tsr`, `checkpoint.crl` | a time-stamping authority's word of it, and what was revoked then, where they are |
//! | `genesis.note`, `keys-<size>.note` | which keys speak for the chain, and their rotations |
//! | `statement.json` | where it lay, who took it out when, with what: `words::Statement` |
//! | `certification-us.txt`, `certification-cn.txt` | forms for a person to sign |
//! | `verify.py` | one-file verifier for Python |
//! | `SHA256SUMS` | a digest a line, of all the others |
//!
//! `SHA256SUMS` is signed by nobody: it shows a slip, not a forger. Its own digest is sealed in the chain of whoever exported,
//! so that a bundle is known again.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::tar;
use crate::host::regular;

pub const README: &str = "README.txt";
pub const RECORD: &str = "record.json";
pub const LINK: &str = "link.txt";
pub const PROOF: &str = "record.tlog-proof";
pub const CHECKPOINT: &str = "checkpoint.note";
pub const COSIGNED: &str = "checkpoint.cosigned";
pub const STAMP: &str = "checkpoint.tsr";
pub const REVOKED: &str = "checkpoint.crl";
pub const GENESIS: &str = "genesis.note";
pub const STATEMENT: &str = "statement.json";
pub const SUMS: &str = "SHA256SUMS";

/// A record has a megabyte at most, and the rest is small: what is longer is no bundle.
const LONGEST: u64 = 64 << 20;

/// The files of a bundle, in the order in which they are meant to be read.
#[derive(Clone, PartialEq, Eq)]
pub struct Files(Vec<(String, Vec<u8>)>);

/// Why there is no bundle to judge; what is wrong with one is a finding.
#[derive(Debug, thiserror::Error)]
#[error("can't read {}: {source}", path.display())]
pub struct Unread {
    pub path: std::path::PathBuf,
    pub source: io::Error,
}

impl Files {
    /// Puts `SHA256SUMS` behind the others.
    pub(super) fn new(mut files: Vec<(String, Vec<u8>)>) -> Self {
        let sums: String = files.iter().map(|(name, bytes)| format!("{}  {name}\n", digest(bytes))).collect();
        files.push((SUMS.to_owned(), sums.into_bytes()));
        Self(files)
    }

    /// Reads a directory or a `.tar`. The inner error says why what lies there is no bundle.
    pub fn read(path: &Path) -> Result<Result<Self, &'static str>, Unread> {
        let unread = |source| Unread { path: path.to_owned(), source };
        if !path.is_dir() {
            return Ok(match limited(path).map_err(unread)? {
                Some(bytes) => tar::read(&bytes).map(Self),
                None => Err("it is too long for a bundle"),
            });
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            let name = entry.file_name().into_string().ok().filter(|name| tar::is_name(name));
            let Some(name) = name.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_file())) else {
                return Ok(Err("among its files lies something else"));
            };
            match limited(&entry.path()).map_err(unread)? {
                Some(bytes) => files.push((name, bytes)),
                None => return Ok(Err("a file is too long for a bundle")),
            }
        }
        files.sort();
        Ok(Ok(Self(files)))
    }

    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, bytes)| bytes.as_slice())
    }

    /// A file that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// As one file.
    pub fn to_tar(&self) -> Vec<u8> {
        tar::write(self.iter())
    }

    /// SHA-256 of `SHA256SUMS`, hex: by this a bundle is known again.
    pub fn name(&self) -> String {
        digest(self.get(SUMS).unwrap_or_default())
    }

    /// Each file that is not the one in `SHA256SUMS`, with what is wrong with it.
    pub fn deviations(&self) -> Vec<(String, &'static str)> {
        let Some(sums) = self.text(SUMS) else { return vec![(SUMS.to_owned(), "no such file")] };
        let mut listed = Vec::new();
        let mut wrong = Vec::new();
        for line in sums.split_inclusive('\n') {
            match line.strip_suffix('\n').and_then(|line| line.split_once("  ")) {
                Some((digest, name)) => listed.push((digest, name)),
                None => wrong.push((SUMS.to_owned(), "lines that are not a digest and a name")),
            }
        }
        for (name, bytes) in self.iter().filter(|(name, _)| *name != SUMS) {
            let mut lines = listed.iter().filter(|(_, listed)| *listed == name);
            match (lines.next(), lines.next()) {
                (None, _) => wrong.push((name.to_owned(), "a file that SHA256SUMS does not list")),
                (Some((claimed, _)), None) if *claimed == digest(bytes) => {}
                _ => wrong.push((name.to_owned(), "another digest than in SHA256SUMS")),
            }
        }
        let absent = listed.iter().filter(|(_, name)| *name == SUMS || self.get(name).is_none());
        wrong.extend(absent.map(|(_, name)| ((*name).to_owned(), "no such file")));
        wrong
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    const_hex::encode(Sha256::digest(bytes))
}

/// SHA-256 of a file of any length, hex.
pub fn digest_file(path: &Path) -> io::Result<String> {
    let (mut file, mut digest, mut buffer) = (regular::open(path)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(const_hex::encode(digest.finalize())),
            read => digest.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

/// The whole file, unless it is too long.
fn limited(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let bytes = regular::read(path, LONGEST)?;
    Ok((bytes.len() as u64 <= LONGEST).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deviation_is_named() {
        let files = || vec![("a".to_owned(), b"one".to_vec()), ("b".to_owned(), b"two".to_vec())];
        let sound = Files::new(files());
        assert_eq!(sound.deviations(), []);
        assert_eq!(sound.text(SUMS).map(|sums| sums.lines().count()), Some(2));
        let with = |change: fn(&mut Vec<(String, Vec<u8>)>)| {
            let mut files = sound.clone();
            change(&mut files.0);
            files.deviations().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(with(|files| files[0].1[0] ^= 1), ["a"]);
        assert_eq!(with(|files| files.push(("c".to_owned(), Vec::new()))), ["c"]);
        assert_eq!(with(|files| drop(files.remove(1))), ["b"]);
        assert_eq!(with(|files| drop(files.pop())), [SUMS]);
        assert_eq!(with(|files| files[2].1.extend(b"x\n")), [SUMS]);
        assert_eq!(with(|files| files[2].1.extend_from_within(..)), ["a", "b"], "listed twice");
    }
}
