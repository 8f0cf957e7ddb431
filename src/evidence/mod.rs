//! What is handed out of an archive to someone who trusts neither it nor us: one record with all that proves it (`bundle`,
//! found by `collect`, explained by `words`), and the whole chain as tiles for other people's tools (`tiles`).
//!
//! Promise 5, in the hands of a stranger: what leaves here can be checked without us, offline, against a public key.
//! Promise 6: a bundle shows content, so whoever writes one has it sealed first (`cli::prove`); tiles show hashes alone.
//!
//! What must hold: a bundle that this code can read has one meaning, to every reader (`bundle::Files`); nothing in it is
//! believed because it lies there (`verify::bundle` judges it); what the archive says is handed on byte for byte.

pub mod bundle;
mod collect;
mod stored;
mod tar;
pub mod tiles;
mod words;

use sealtrail_chain::note::NoteError;
use sealtrail_chain::proof::ProofError;
use sealtrail_chain::tree::RangeError;
use sealtrail_chain::{ChainName, Sequence};

use crate::archive;

pub use collect::{Evidence, collect};
pub use stored::{Place, Stored};
pub use words::{Exported, FORMAT, Statement, texts};

/// Why there is nothing to hand out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Archive(#[from] archive::Error),
    #[error(
        "no chain `{chain}` in {place}\n  remedy  name the archive: its directory, a data directory, or s3://BUCKET/PREFIX"
    )]
    NoChain { chain: ChainName, place: String },
    #[error(
        "record {sequence} of chain `{chain}` is not in {place}, which ends with record {last}\n  remedy  where the collector \
         has sealed it by now, wait for its segment to close (`wal.segment.max_age`)"
    )]
    NotYet { chain: ChainName, sequence: Sequence, place: String, last: Sequence },
    #[error(
        "record {sequence} of chain `{chain}` is missing in {place}\n  remedy  see with `sealtrail verify` what is wrong there"
    )]
    Missing { chain: ChainName, sequence: Sequence, place: String },
    #[error(
        "no stored checkpoint of chain `{chain}` covers record {sequence} yet (the newest has size {newest})\n  remedy  the \
         collector stores one behind each segment: try again"
    )]
    NotCovered { chain: ChainName, sequence: Sequence, newest: u64 },
    #[error("{key} {problem}\n  remedy  see with `sealtrail verify` what is wrong there")]
    Note { key: String, problem: &'static str },
    #[error("{key}: {source}\n  remedy  see with `sealtrail verify` what is wrong there")]
    Unsound { key: String, source: NoteError },
    #[error(
        "the segments behind record {sequence} don't fit together: {source}\n  remedy  see with `sealtrail verify` what is wrong there"
    )]
    Ranges { sequence: Sequence, source: RangeError },
    #[error("record {sequence} can't be proved: {source}\n  remedy  see with `sealtrail verify` what is wrong there")]
    Proof { sequence: Sequence, source: ProofError },
    #[error("can't {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: std::path::PathBuf, source: std::io::Error },
}
