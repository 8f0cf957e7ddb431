//! `sealtrail keys`: the signing keys of a chain, its recovery key, and masking keys that a token or AWS KMS wraps.

mod rotate;
mod show;
mod wrap;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealtrail_chain::Genesis;
use sealtrail_chain::note::{Algorithm, Vkey};

use crate::cli::config::read;
use crate::cli::exit::Exit;
use crate::cli::{could_not_run, say};
use crate::config::Config;
use crate::seal::keys::{Keys, make_recovery};

/// Makes, shows and changes the signing keys of a chain; wraps masking keys.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes both keys (mode 0600) and prints the verifier keys to publish, and to register with witnesses; existing keys are
    /// never touched.
    #[command(after_help = "\
Examples:
  sealtrail keys generate --config sealtrail.yaml
  sealtrail keys generate --config sealtrail.yaml --recovery recovery.key > recovery.vkey   a key to keep offline, for
                                                             `seal.recovery_key: recovery.vkey`, before the chain begins")]
    Generate(Generate),
    /// Prints the verifier keys, and where the keys are; with `--masking`, where the masking keys come from, and whether they open.
    #[command(after_help = "\
Examples:
  sealtrail keys show --config sealtrail.yaml > log.vkey
  sealtrail keys show --masking --config sealtrail.yaml
  sealtrail keys show archive/audit-keys/chain=payments-eu-1/00000000000000001200.note")]
    Show(show::Show),
    /// Makes the next keys. The collector seals them at its next start and signs with them behind a last checkpoint by the keys
    /// before; at the start after that they take their place.
    #[command(after_help = "\
Examples:
  sealtrail keys rotate --config sealtrail.yaml --reason 'yearly, CHG-4711'
  sealtrail keys rotate --config sealtrail.yaml --reason 'INC-42' --cause compromised --recovery-key recovery.key \\
      --last-good kept.checkpoint")]
    Rotate(rotate::Rotate),
    /// Makes a masking key that a key of a PKCS#11 token or of AWS KMS wraps, and prints it for `mask.keys`; what is printed is
    /// no secret.
    #[command(after_help = "\
Examples:
  sealtrail keys wrap card-2026 --kms-key-id alias/sealtrail-masking --region eu-central-1 > /etc/sealtrail/card-2026.wrapped
  sealtrail keys wrap card-2026 --module /usr/lib/softhsm/libsofthsm2.so --token audit --key masking \\
      --pin-file /run/secrets/pin > /etc/sealtrail/card-2026.wrapped

and in the configuration:
  mask: { keys: { card-2026: { wrapped: ${file:/etc/sealtrail/card-2026.wrapped}, aws_kms: { kms_key_id:
          alias/sealtrail-masking, region: eu-central-1 } } } }
  mask: { keys: { card-2026: { wrapped: ${file:/etc/sealtrail/card-2026.wrapped}, pkcs11: { module: …, token: audit,
          key: masking, pin: ${file:/run/secrets/pin} } } } }")]
    Wrap(wrap::Wrap),
}

#[derive(Args)]
struct Chain {
    /// Configuration file; without one, the embedded default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory, in place of the configuration's.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Args)]
struct Generate {
    #[command(flatten)]
    chain: Chain,
    /// Make an Ed25519 recovery key in this file instead, to be kept offline.
    #[arg(long, value_name = "FILE")]
    recovery: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let chain = match &arguments.command {
        Command::Wrap(arguments) => return wrap::run(arguments),
        Command::Generate(generate) => &generate.chain,
        Command::Show(show) => &show.chain,
        Command::Rotate(rotate) => rotate.chain(),
    };
    let (config, log) = match read(chain.config.as_deref(), chain.data_dir.as_deref()).and_then(|config| {
        let log = Genesis::origin(&config.seal.origin, &config.chain).map_err(|error| {
            format!("`seal.origin`: {error}\n  remedy  a host name of yours, such as `audit.example.com`")
        })?;
        Ok((config, log))
    }) {
        Ok(read) => read,
        Err(error) => return could_not_run(&error),
    };
    match &arguments.command {
        Command::Generate(Generate { recovery: Some(file), .. }) => recovery(file, &log),
        Command::Generate(_) => {
            let dir = config.keys_dir();
            match generate(&config, &dir, &log) {
                Ok(keys) => {
                    anstream::eprintln!("signing keys of {log} made in {} (mode 0600): back them up", dir.display());
                    print(&keys);
                    Exit::Ok
                }
                Err(error) => could_not_run(&error),
            }
        }
        Command::Show(show) => show::run(show, &config, &log),
        Command::Rotate(rotate) => rotate::run(rotate, &config, &log),
        Command::Wrap(_) => Exit::Ok,
    }
}

/// A key is made only for a chain that has no history here: a chain's keys change by rotation, which the chain records.
fn generate(config: &Config, dir: &Path, log: &str) -> Result<Keys, String> {
    if config.wal_dir().read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(format!(
            "{} holds a chain already\n  remedy  put its own keys back into {}; its keys change with `sealtrail keys rotate`",
            config.wal_dir().display(),
            dir.display()
        ));
    }
    Keys::generate(dir, log, config.seal.pkcs11.as_ref()).map_err(|error| error.to_string())
}

fn recovery(file: &Path, log: &str) -> Exit {
    match make_recovery(file, &format!("{log}/recovery")) {
        Ok(signer) => {
            anstream::eprintln!("recovery key of {log} made in {} (mode 0600): take it offline", file.display());
            line(signer.vkey());
            Exit::Ok
        }
        Err(error) => could_not_run(&error),
    }
}

fn print(keys: &Keys) {
    let [ed25519, ml_dsa_44] = keys.vkeys();
    match &keys.token {
        None => {
            line(ed25519);
            line(ml_dsa_44);
        }
        Some((place, knows_ml_dsa)) => {
            say(format_args!("# Ed25519, {place}"));
            say(format_args!("{ed25519}"));
            let why = if *knows_ml_dsa { "the token is used for Ed25519 alone" } else { "the token knows no ML-DSA" };
            say(format_args!("# ML-DSA-44, in a file: {why}"));
            say(format_args!("{ml_dsa_44}"));
        }
    }
}

fn line(key: &Vkey) {
    let name = match key.algorithm() {
        Algorithm::Ed25519 => "Ed25519",
        Algorithm::MlDsa44 => "ML-DSA-44",
        Algorithm::Ed25519Cosignature => "Ed25519, of a witness",
    };
    say(format_args!("# {name}"));
    say(format_args!("{key}"));
}
