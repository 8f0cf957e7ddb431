//! Why a collector does not start. What can be acted on says how.

use std::io;
use std::path::PathBuf;

use sealtrail_chain::ChainName;
use sealtrail_chain::note::{NoteError, SignError, Vkey};

use super::continued::Refusal;
use crate::seal::keys::KeyError;
use crate::{archive, client, deliver, mask, receive, stream, wal, witness};

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{}", list(.0))]
    Rules(Vec<mask::RuleError>),
    #[error(
        "under {} of `mask.keys` there is another key than before\n  remedy  give a new key an id of its own, and leave the old one where it is: what it closed opens with no other",
        .0.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
    )]
    ExchangedKeys(Vec<String>),
    #[error("`seal.origin`: {0}\n  remedy  a host name of yours, such as `audit.example.com`")]
    Origin(NoteError),
    #[error("{0}")]
    StreamConfig(#[from] stream::Invalid),
    #[error("{}", actionable(.0))]
    Wal(#[from] wal::Error),
    #[error("{}", actionable(.0))]
    WalRead(#[from] wal::reader::Error),
    #[error("{}", actionable(.0))]
    Stream(#[from] stream::Error),
    #[error("{}", actionable(.0))]
    Archive(#[from] archive::Error),
    #[error("whether chain `{chain}` has begun already can't be asked of its archive: {}", actionable(source))]
    ArchiveAway { chain: ChainName, source: archive::Error },
    #[error("{}", actionable(.0))]
    Checkpoints(#[from] deliver::CheckpointError),
    #[error("{}", actionable(.0))]
    Resume(#[from] deliver::Refusal),
    #[error("{}", actionable(.0))]
    Deliver(#[from] deliver::StartError),
    #[error("{}", actionable(.0))]
    Keys(#[from] KeyError),
    #[error("the genesis note can't be signed: {}", actionable(.0))]
    Sign(#[from] SignError),
    #[error(
        "the rotation of the keys can't be taken: {problem}\n  at      {}\n  remedy  remove that directory and call `sealtrail keys rotate` again",
        dir.display()
    )]
    Rotation { dir: PathBuf, problem: String },
    #[error(
        "{} holds no signing keys, but the chain has begun\n  remedy  put back the key files of this chain from their backup",
        dir.display()
    )]
    NoKeys { dir: PathBuf },
    #[error(
        "the signing keys are not those of this chain: it began with {}, found {}\n  remedy  put back the key files of this chain from their backup",
        key_id(expected),
        key_id(found)
    )]
    ForeignKeys { expected: Vkey, found: Vkey },
    #[error("can't use the recovery key in {} (`seal.recovery_key`): {problem}\n  remedy  a file with one vkey", path.display())]
    RecoveryKey { path: PathBuf, problem: String },
    #[error("record 0 in {} carries no genesis note\n  remedy  restore the data directory from its backup", wal.display())]
    NoGenesis { wal: PathBuf },
    #[error(
        "the stream has not taken the chain's first record, which no other leg holds either\n  remedy  see why in the log above, and start again: nothing is lost"
    )]
    FirstNotKept,
    #[error(
        "`stream.kafka.partition` is {found}, and the chain began in partition {expected}\n  remedy  a chain stays in its partition: set it back"
    )]
    Partition { expected: u32, found: u32 },
    #[error(
        "the legs hold a chain `{chain}` already, but {} has no log of it\n  remedy  put its data directory back; where that is lost, go on from the legs with `--continue-from-legs`; or give the new chain another name",
        wal.display()
    )]
    LegsHoldChain { chain: ChainName, wal: PathBuf },
    #[error(
        "the log in {} was being rebuilt from the legs when the collector ended: what lies there doesn't count yet\n  remedy  start again with `--continue-from-legs`: it begins anew, and nothing is lost",
        wal.display()
    )]
    BrokenOff { wal: PathBuf },
    #[error(transparent)]
    Continue(#[from] Refusal),
    #[error(
        "can't listen for commands in {} (`control`): {source}\n  remedy  see that the collector's user may write there, then start again",
        dir.display()
    )]
    Control { dir: PathBuf, source: io::Error },
    #[error("{}", actionable(.0))]
    Fork(#[from] witness::ForkError),
    #[error(
        "can't use the authorities of time stamps (`seal.timestamp_ca_file`): {0}\n  remedy  a file of certificates in PEM"
    )]
    Authorities(#[from] witness::AuthoritiesFileError),
    #[error(
        "witnesses and time stamping authorities can't be asked: {0}\n  remedy  install the machine's certificates of authorities (`ca-certificates`), or name a file of them with SSL_CERT_FILE"
    )]
    Client(#[from] client::Error),
    #[error("{source}\n  remedy  {}", source.remedy())]
    Receive {
        #[from]
        source: receive::Error,
    },
    #[error(
        "can't listen on `{endpoint}` (`{key}`): {source}\n  remedy  use `host:port` with an address of this machine and a port that nothing else has"
    )]
    Listen { key: &'static str, endpoint: String, source: io::Error },
}

/// What fails at a file or directory names it; what can be done about it is the same for all of them.
fn actionable(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    match text.contains("\n  remedy  ") {
        true => text,
        false => {
            format!("{text}\n  remedy  see that it can be read and written by the collector's user, then start again")
        }
    }
}

fn key_id(vkey: &Vkey) -> String {
    const_hex::encode(vkey.id())
}

fn list(errors: &[mask::RuleError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nerror: ")
}
