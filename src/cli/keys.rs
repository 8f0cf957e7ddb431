//! `sealtrail keys`: the signing keys of a chain.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealtrail_chain::Genesis;
use sealtrail_chain::note::Algorithm;

use super::config::read;
use super::exit::Exit;
use super::{could_not_run, say};
use crate::config::Config;
use crate::seal::keys::Keys;

/// Makes or shows the signing keys of a chain.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes both keys (mode 0600) and prints the verifier keys to hand out; existing keys are never touched.
    #[command(after_help = "Example:\n  sealtrail keys generate --config sealtrail.yaml")]
    Generate(Chain),
    /// Prints the verifier keys.
    #[command(after_help = "Example:\n  sealtrail keys show --config sealtrail.yaml > log.vkey")]
    Show(Chain),
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

pub(super) fn run(arguments: &Arguments) -> Exit {
    let (Command::Generate(chain) | Command::Show(chain)) = &arguments.command;
    let (config, log) = match read(chain.config.as_deref(), chain.data_dir.as_deref()).and_then(|config| {
        let log = Genesis::origin(&config.seal.origin, &config.chain).map_err(|error| {
            format!("`seal.origin`: {error}\n  remedy  a host name of yours, such as `audit.example.com`")
        })?;
        Ok((config, log))
    }) {
        Ok(read) => read,
        Err(error) => return could_not_run(&error),
    };
    let dir = config.keys_dir();
    match &arguments.command {
        Command::Generate(_) => match generate(&config, &dir, &log) {
            Ok(keys) => {
                anstream::eprintln!("signing keys of {log} made in {} (mode 0600): back them up", dir.display());
                print(&keys);
                Exit::Ok
            }
            Err(error) => could_not_run(&error),
        },
        Command::Show(_) => match Keys::read(&dir, &log) {
            Ok(Some(keys)) => {
                print(&keys);
                Exit::Ok
            }
            Ok(None) => could_not_run(&format_args!(
                "there are no keys in {}\n  remedy  `sealtrail keys generate`, or let the first `sealtrail collect` make them",
                dir.display()
            )),
            Err(error) => could_not_run(&error),
        },
    }
}

/// A key is made only for a chain that has no history here: a chain's keys change by rotation, which the chain records.
fn generate(config: &Config, dir: &Path, log: &str) -> Result<Keys, String> {
    if config.wal_dir().read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(format!(
            "{} holds a chain already\n  remedy  put its own keys back into {}; new keys are for a new chain",
            config.wal_dir().display(),
            dir.display()
        ));
    }
    Keys::generate(dir, log).map_err(|error| error.to_string())
}

fn print(keys: &Keys) {
    for vkey in keys.vkeys() {
        let name = match vkey.algorithm() {
            Algorithm::Ed25519 => "Ed25519",
            Algorithm::MlDsa44 => "ML-DSA-44",
            Algorithm::Ed25519Cosignature => "Ed25519, of a witness",
        };
        say(format_args!("# {name}"));
        say(format_args!("{vkey}"));
    }
}
