//! `sealtrail keys show`: the verifier keys of a chain, of a file with a key, and of the notes that name keys; where masking
//! keys come from.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use clap::Args;
use sealtrail_chain::note::{Ed25519Signer, Vkey};
use sealtrail_chain::{Cosigner, Genesis, KeySet, Rotation};
use zeroize::Zeroizing;

use super::{Chain, line, print};
use crate::cli::exit::Exit;
use crate::cli::{could_not_run, say};
use crate::config::Config;
use crate::mask::Custody as _;
use crate::seal::keys::Keys;
use crate::seal::keys::rotation::Pending;

#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    pub(super) chain: Chain,
    /// A file in place of the chain's keys: verifier keys, a genesis or rotation note, or a private key, of which the verifier
    /// key is shown (ML-DSA-44 where the file's name says so).
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Name of a private key in FILE; the log's own by default.
    #[arg(long, value_name = "NAME", requires = "file")]
    name: Option<String>,
    /// Where each key of `mask.keys` comes from, and whether it opens; what wraps it is asked.
    #[arg(long, conflicts_with = "file")]
    masking: bool,
}

pub(super) fn run(show: &Show, config: &Config, log: &str) -> Exit {
    if show.masking {
        return masking(config);
    }
    let shown = match &show.file {
        Some(file) => of_file(file, show.name.as_deref().unwrap_or(log)),
        None => of_chain(config, log),
    };
    match shown {
        Ok(()) => Exit::Ok,
        Err(error) => could_not_run(&error),
    }
}

/// A key that doesn't open is a check that failed: a start with it would be refused.
fn masking(config: &Config) -> Exit {
    let mut exit = Exit::Ok;
    for (id, key) in &config.mask.keys {
        match key.open(id) {
            Ok(_) => say(format_args!("{id}: {}: it opens", key.place())),
            Err(error) => {
                say(format_args!("{id}: {}: it does not open: {error}\n  remedy  {}", key.place(), error.remedy()));
                exit = Exit::Failed;
            }
        }
    }
    if config.mask.keys.is_empty() {
        say(format_args!("`mask.keys` holds no key"));
    }
    exit
}

fn of_chain(config: &Config, log: &str) -> Result<(), String> {
    let (dir, token) = (config.keys_dir(), config.seal.pkcs11.as_ref());
    let keys = Keys::read(&dir, log, token).map_err(|error| error.to_string())?.ok_or_else(|| {
        format!(
            "there are no keys in {}\n  remedy  `sealtrail keys generate`, or let the first `sealtrail collect` make them",
            dir.display()
        )
    })?;
    print(&keys);
    if keys.token.is_none() && token.is_some() {
        say(format_args!("# `seal.pkcs11` counts from the next rotation on: both keys are files"));
    }
    if let Some(Pending { keys, sealed, .. }) = Pending::read(&dir, log, token).map_err(|error| error.to_string())? {
        let how = sealed.map_or("sealed at the next start".to_owned(), |at| format!("sealed in record {at}"));
        say(format_args!("# the next keys, {how}:"));
        keys.vkeys().into_iter().for_each(|key| say(format_args!("# {key}")));
    }
    Ok(())
}

fn of_file(path: &Path, name: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| format!("can't read {}: {error}", path.display()))?;
    if let Ok(rotation) = Rotation::read(&text) {
        let rotation = rotation.statement();
        say(format_args!("# rotation ({}) behind {} records", rotation.cause.as_str(), rotation.size));
        set(&rotation.keys);
        return Ok(());
    }
    if let Ok(genesis) = Genesis::read(&text) {
        say(format_args!("# genesis of {}", genesis.statement().origin));
        set(&KeySet::from(genesis.statement()));
        return Ok(());
    }
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    if let Ok(keys) = lines().map(str::parse::<Vkey>).collect::<Result<Vec<_>, _>>()
        && !keys.is_empty()
    {
        keys.iter().for_each(line);
        return Ok(());
    }
    let seed = Zeroizing::new(base64::prelude::BASE64_STANDARD.decode(text.trim_end()).unwrap_or_default());
    let seed = Zeroizing::new(<[u8; 32]>::try_from(seed.as_slice()).map_err(|_| {
        format!(
            "{} holds neither verifier keys, a note, nor a private key\n  remedy  give one of those",
            path.display()
        )
    })?);
    if Vkey::ed25519(name, &Ed25519Signer::new("x", &seed).vkey().key().try_into().unwrap_or([0; 32])).is_err() {
        return Err(format!("`{name}` can't be a key's name\n  remedy  one without space and plus"));
    }
    match path.file_name().is_some_and(|file| file.to_string_lossy().contains("ml-dsa")) {
        true => line(Cosigner::new(name, &seed).vkey()),
        false => line(Ed25519Signer::new(name, &seed).vkey()),
    }
    Ok(())
}

fn set(keys: &KeySet) {
    line(&keys.ed25519);
    line(&keys.ml_dsa_44);
    match &keys.recovery {
        Some(key) => {
            say(format_args!("# recovery, Ed25519"));
            say(format_args!("{key}"));
        }
        None => say(format_args!("# no recovery key")),
    }
}
