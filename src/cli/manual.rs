//! `sealtrail completions` and `sealtrail man`: made from the same definitions as `--help`.

use std::path::PathBuf;

use clap::{Args, Command};

use super::exit::Exit;
use super::{could_not_run, say};

/// Prints a completion script for a shell.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  sealtrail completions bash > /etc/bash_completion.d/sealtrail\n  sealtrail completions zsh > _sealtrail"
)]
pub(super) struct Completions {
    shell: clap_complete::Shell,
}

/// Writes a manual page for each command into a directory.
#[derive(Args)]
#[command(after_help = "Example:\n  sealtrail man /usr/local/share/man/man1")]
pub(super) struct Man {
    /// An existing directory.
    dir: PathBuf,
}

pub(super) fn completions(arguments: &Completions, mut command: Command) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "sealtrail", &mut script);
    say(format_args!("{}", String::from_utf8_lossy(&script).trim_end()));
    Exit::Ok
}

pub(super) fn man(arguments: &Man, command: Command) -> Exit {
    match clap_mangen::generate_to(command, &arguments.dir) {
        Ok(()) => {
            say(format_args!("manual pages written to {}", arguments.dir.display()));
            Exit::Ok
        }
        Err(error) => could_not_run(&format_args!(
            "can't write manual pages to {}: {error}\n  remedy  name an existing directory that this user may write to",
            arguments.dir.display()
        )),
    }
}
