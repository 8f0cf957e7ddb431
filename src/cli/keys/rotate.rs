//! `sealtrail keys rotate`: makes the next keys of a chain and the note by which they follow those before. The collector seals
//! it at its next start.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use sealtrail_chain::note::{NoteSigner, Vkey};
use sealtrail_chain::rotation::{Cause, KeySet, Rotation};
use sealtrail_chain::{Checkpoint, Root};

use super::{Chain, print};
use crate::cli::exit::Exit;
use crate::cli::{could_not_run, say};
use crate::config::Config;
use crate::host::{Clock as _, SystemClock, hsm};
use crate::seal::keys::rotation::{Pending, last};
use crate::seal::keys::{KeyError, Keys, read_recovery};

#[derive(Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    chain: Chain,
    /// Why; it is sealed with the new keys.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// What became of the keys before; lost and compromised ones take the recovery key's word for the new ones.
    #[arg(long, value_enum, default_value_t = Why::Planned)]
    cause: Why,
    /// The offline recovery key (`keys generate --recovery`), behind a loss or a compromise.
    #[arg(long, value_name = "FILE", required_if_eq_any = [("cause", "lost"), ("cause", "compromised")])]
    recovery_key: Option<PathBuf>,
    /// The last checkpoint that is known to be good, behind a loss or a compromise: what the old keys signed behind it proves
    /// nothing.
    #[arg(long, value_name = "FILE", required_if_eq_any = [("cause", "lost"), ("cause", "compromised")])]
    last_good: Option<PathBuf>,
    /// File with the verifier key of the recovery key from here on; else it stays the one before.
    #[arg(long, value_name = "FILE", conflicts_with = "no_recovery")]
    next_recovery: Option<PathBuf>,
    /// From here on the chain has no recovery key.
    #[arg(long)]
    no_recovery: bool,
    /// Label of the next Ed25519 key in the token of `seal.pkcs11`; it is made where it isn't there.
    #[arg(long, value_name = "LABEL")]
    next_key: Option<String>,
}

impl Rotate {
    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Why {
    Planned,
    Lost,
    Compromised,
}

pub(super) fn run(rotate: &Rotate, config: &Config, log: &str) -> Exit {
    match prepare(rotate, config, log) {
        Ok(pending) => {
            anstream::eprintln!(
                "the next keys of {log} are made in {}: back them up, register them with witnesses and publish them.\n\
                 The collector seals them at its next start; at the one after that they are the keys.",
                config.keys_dir().join("next").display()
            );
            print(&pending.keys);
            for line in pending.note.note().lines().take_while(|line| !line.is_empty()) {
                say(format_args!("# {line}"));
            }
            Exit::Ok
        }
        Err(error) => could_not_run(&error),
    }
}

fn prepare(rotate: &Rotate, config: &Config, log: &str) -> Result<Pending, String> {
    let dir = config.keys_dir();
    let reason = rotate.reason.trim();
    if reason.is_empty() || reason.contains('\n') {
        return Err("`--reason` is empty, or has several lines\n  remedy  say why in one line: it is sealed".to_owned());
    }
    let failed = |error: KeyError| error.to_string();
    let recovery = recovery(rotate, config)?;
    let (cause, good) = match rotate.cause {
        Why::Planned => (Cause::Planned, newest(config, log)?),
        Why::Lost => (Cause::Lost, last_good(rotate, log)?),
        Why::Compromised => (Cause::Compromised, last_good(rotate, log)?),
    };
    let before: Box<dyn NoteSigner> = match (cause, &rotate.recovery_key) {
        (Cause::Planned, _) => {
            let keys = Keys::read(&dir, log, config.seal.pkcs11.as_ref()).map_err(failed)?;
            keys.ok_or_else(|| format!("there are no keys in {}\n  remedy  put them back from their backup; where they are lost, `--cause lost`", dir.display()))?.ed25519
        }
        (_, None) => return Err("`--recovery-key` is missing".to_owned()),
        (_, Some(file)) => {
            let vouches = recovery.vouches.as_ref().ok_or(UNKNOWN)?;
            let signer = read_recovery(file, vouches.name()).map_err(failed)?;
            if signer.vkey() != vouches {
                return Err(format!(
                    "{} is not the chain's recovery key\n  remedy  give the one that its genesis note, or its last rotation, names",
                    file.display()
                ));
            }
            Box::new(signer)
        }
    };
    let token = match (&config.seal.pkcs11, &rotate.next_key) {
        (Some(token), Some(key)) => Some(hsm::Config { key: key.clone(), ..token.clone() }),
        (token, None) => token.clone(),
        (None, Some(_)) => return Err(
            "`--next-key` names a key of a token, and `seal.pkcs11` none\n  remedy  set `seal.pkcs11`, or leave it out"
                .to_owned(),
        ),
    };
    let created = SystemClock::new().now().0 / 1_000_000_000;
    let who = format!("uid {}\n{reason}", rustix::process::getuid().as_raw());
    Pending::prepare(&dir, log, token.as_ref(), &who, |next: &Keys| {
        let [ed25519, ml_dsa_44] = next.vkeys().map(Clone::clone);
        if ed25519 == *before.vkey() {
            return Err("the next key is the one before\n  remedy  name another one of the token with `--next-key`"
                .to_owned()
                .into());
        }
        let keys = KeySet { ed25519, ml_dsa_44, recovery: recovery.next.clone() };
        let (size, root) = good;
        let rotation = Rotation { origin: log.to_owned(), created, cause, size, root, keys };
        rotation.sign(&*before, &*next.ed25519).map_err(|error| Failed(error.to_string()))
    })
    .map_err(|Failed(error)| error)
}

/// What can't be done, of whichever part.
struct Failed(String);

impl From<KeyError> for Failed {
    fn from(error: KeyError) -> Self {
        Self(error.to_string())
    }
}

impl From<String> for Failed {
    fn from(error: String) -> Self {
        Self(error)
    }
}

/// The recovery key until now, and from here on.
struct Recovery {
    vouches: Option<Vkey>,
    next: Option<Vkey>,
}

const UNKNOWN: &str = "the chain's recovery key is not known here\n  remedy  name its verifier key in `seal.recovery_key`, as at genesis; or say `--no-recovery` where there was none and shall be none";

fn recovery(rotate: &Rotate, config: &Config) -> Result<Recovery, String> {
    let noted = last(&config.keys_dir()).map_err(|error| error.to_string())?;
    let configured = config.seal.recovery_key.as_deref().map(vkey).transpose()?;
    let vouches = match &noted {
        Some(note) => note.statement().keys.recovery.clone(),
        None => configured.clone(),
    };
    let next = match &rotate.next_recovery {
        Some(file) => Some(vkey(file)?),
        None if rotate.no_recovery => None,
        // Nobody drops it without saying so.
        None if vouches.is_none() && noted.is_none() => return Err(UNKNOWN.to_owned()),
        None => vouches.clone(),
    };
    Ok(Recovery { vouches, next })
}

fn vkey(path: &Path) -> Result<Vkey, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("can't read {}: {error}", path.display()))?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let vkey = line.unwrap_or_default().parse();
    vkey.map_err(|error| format!("{}: {error}\n  remedy  give a file with one verifier key", path.display()))
}

fn last_good(rotate: &Rotate, log: &str) -> Result<(u64, Root), String> {
    let file = rotate.last_good.as_ref().ok_or("`--last-good` is missing")?;
    let text = std::fs::read_to_string(file).map_err(|error| format!("can't read {}: {error}", file.display()))?;
    match Checkpoint::parse(&text) {
        Ok(checkpoint) if checkpoint.origin == log => Ok((checkpoint.size, checkpoint.root)),
        Ok(_) => Err(format!("{} is a checkpoint of another log\n  remedy  give one of {log}", file.display())),
        Err(error) => Err(format!("{}: {error}\n  remedy  give a checkpoint that was kept", file.display())),
    }
}

/// Size and root of the newest checkpoint that is kept here. The collector may be running: what is gone again was not the newest.
fn newest(config: &Config, log: &str) -> Result<(u64, Root), String> {
    let dir = config.wal_dir().join("checkpoints");
    let kept = |name: &str| name.ends_with(".checkpoint") || name.ends_with(".interim");
    let entries = std::fs::read_dir(&dir).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| kept(name));
    names.sort();
    let texts = names.iter().rev().filter_map(|name| std::fs::read_to_string(dir.join(name)).ok());
    let newest = texts.filter_map(|text| Checkpoint::parse(&text).ok()).find(|checkpoint| checkpoint.origin == log);
    newest.map(|checkpoint| (checkpoint.size, checkpoint.root)).ok_or_else(|| {
        format!("no checkpoint of {log} is kept in {}\n  remedy  call this where the collector has run, with its configuration", dir.display())
    })
}
