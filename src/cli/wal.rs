//! `sealtrail wal`: what is to be done about a log that its collector left behind.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::config::read;
use super::exit::Exit;
use super::{could_not_run, say};
use crate::collector::{Imported, wal_import};

/// Works on write-ahead logs.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Seals again, in the running collector's chain, what only another log of that chain held: once, however often it is
    /// called. For a log that was left behind when the chain was gone on with from its legs, or elsewhere.
    #[command(after_help = "\
Example:
  sealtrail wal import /mnt/old-disk/sealtrail/wal --reason \"disk of audit-1 recovered, incident 4711\"

The directory must be readable and writable by the collector's user, and no collector may run on it. It is left as it is.

Exit codes: 0 all of it stands in the chain; 2 it does not; 3 the old log is damaged: what can be read stands in the chain.")]
    Import(Import),
}

#[derive(Args)]
struct Import {
    /// The `wal` directory of the old collector.
    dir: PathBuf,
    /// Why; it is sealed with the fact.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Configuration file of the running collector; without one, the embedded default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory, in place of the configuration's.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Command::Import(import) = &arguments.command;
    let config = match read(import.config.as_deref(), import.data_dir.as_deref()) {
        Ok(config) => config,
        Err(error) => return could_not_run(&error),
    };
    // The collector has another working directory.
    let dir = match std::path::absolute(&import.dir) {
        Ok(dir) => dir,
        Err(error) => return could_not_run(&format_args!("can't name {}: {error}", import.dir.display())),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return could_not_run(&format_args!("can't start the runtime: {error}")),
    };
    match runtime.block_on(wal_import(&config.data_dir, dir, import.reason.clone(), |_| {})) {
        Ok(imported) => report(&imported),
        Err(error) => could_not_run(&error),
    }
}

fn report(imported: &Imported) -> Exit {
    let Imported { fork, range, sealed, before, own, lost } = imported;
    say(format_args!("in common    up to record {fork}"));
    match range {
        Some((first, last)) => say(format_args!("old log only records {first} to {last}")),
        None => say(format_args!("old log only no record")),
    }
    say(format_args!("sealed again {sealed} now, {before} by calls before"));
    say(format_args!("not repeated {own} of the old collector's own records"));
    match lost {
        Some(lost) => {
            say(format_args!("lost         {lost}"));
            Exit::NotAllChecked
        }
        None => Exit::Ok,
    }
}
