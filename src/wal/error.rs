//! Why the log can't start. The text names the place, and what the operator can do.

use std::path::PathBuf;

use sealtrail_chain::{ChainName, Sequence};

use super::reader;

/// Why the write-ahead log is not opened. Nothing on the disk has been changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("another process holds {}\n  remedy  stop it, or give this one another `data_dir`", path.display())]
    Locked { path: PathBuf },
    #[error("can't {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{error}{}", remedy(error))]
    File { error: reader::Error },
    #[error(
        "{} holds the chain `{found}`, not `{expected}`\n  remedy  set `chain: {found}`, or give `{expected}` another `data_dir`",
        path.display()
    )]
    OtherChain { path: PathBuf, found: ChainName, expected: ChainName },
    #[error(
        "between the files of record {after} and record {before} one is missing in {}\n  remedy  put it back; {CONTINUE}",
        path.display()
    )]
    Missing { path: PathBuf, after: Sequence, before: Sequence },
    #[error(
        "{} is damaged: what the legs have confirmed is not known\n  remedy  check both legs with `sealtrail verify`, then move \
         the file away: the legs will be asked",
        path.display()
    )]
    Legs { path: PathBuf },
    #[error(
        "the clock is {days} days past the last record of the chain\n  remedy  set the clock, or start once with \
         `--accept-clock` if it is right"
    )]
    Clock { days: u64 },
}

const CONTINUE: &str = "where that can't be, move the directory away, start with `--continue-from-legs`, which goes on from what the legs hold, \
     and seal what only it holds again with `sealtrail wal import`";

impl From<reader::Error> for Error {
    fn from(error: reader::Error) -> Self {
        Self::File { error }
    }
}

fn remedy(error: &reader::Error) -> String {
    match error {
        reader::Error::Io { .. } => String::new(),
        reader::Error::Damaged { .. } => format!(
            ", where acknowledged records lie\n  remedy  keep the directory as it is and restore the file from a copy of the \
             disk; {CONTINUE}"
        ),
        reader::Error::Version { .. } => "\n  remedy  start the release that wrote it".to_owned(),
    }
}
