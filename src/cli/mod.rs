//! The command line: arguments in, text out, exit code. Stdout belongs to this module.

mod archive;
mod collect;
mod config;
mod demo;
pub mod exit;
mod export_tiles;
mod keys;
mod manual;
pub mod payments;
mod progress;
mod prove;
mod reconcile;
mod report;
mod reveal;
mod rules;
mod scan;
mod verify;
mod wal;

use clap::{CommandFactory, Parser, Subcommand};

use exit::Exit;

use crate::host::{guard, hsm};
use crate::verify::Printable;

/// Compliance audit-log pipeline: OTLP in, masked, sealed into a hash chain, kept, written twice, provable.
#[derive(Parser)]
#[command(name = "sealtrail", version, max_term_width = 110, after_help = EXIT_CODES, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  all well
  1  a check failed: something was changed, removed or added
  2  could not run: usage, configuration, input or output
  3  nothing bad found, but not all that was asked could be checked

Try:
  sealtrail demo                                   the whole way of 10,000 records, and a tampering caught
  sealtrail collect                                the collector on its embedded default, on loopback
  sealtrail verify --public-key log.vkey archive/  prove that nothing was changed";

#[derive(Subcommand)]
enum Command {
    Collect(collect::Arguments),
    Verify(verify::Arguments),
    Prove(prove::Arguments),
    ExportTiles(export_tiles::Arguments),
    Reconcile(reconcile::Arguments),
    Scan(scan::Arguments),
    Reveal(reveal::Arguments),
    Demo(demo::Arguments),
    Config(config::Arguments),
    Rules(rules::Arguments),
    Keys(keys::Arguments),
    Wal(wal::Arguments),
    Completions(manual::Completions),
    Man(manual::Man),
}

/// Parses the process's arguments and runs what they ask for.
pub fn main() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let asked = !error.use_stderr();
            // Nothing is left to do where the terminal is gone.
            let _ = error.print();
            return if asked { Exit::Ok } else { Exit::CouldNotRun }.into();
        }
    };
    let exit = match arguments.command {
        Command::Collect(arguments) => collect::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Prove(arguments) => prove::run(&arguments),
        Command::ExportTiles(arguments) => export_tiles::run(&arguments),
        Command::Reconcile(arguments) => reconcile::run(&arguments),
        Command::Reveal(arguments) => reveal::run(&arguments),
        Command::Scan(arguments) => scan::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Config(arguments) => config::run(&arguments),
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Keys(arguments) => keys::run(&arguments),
        Command::Wal(arguments) => wal::run(&arguments),
        Command::Completions(arguments) => manual::completions(&arguments, Arguments::command()),
        Command::Man(arguments) => manual::man(&arguments, Arguments::command()),
    };
    if hsm::is_loaded() {
        guard::end(exit as i32);
    }
    exit.into()
}

/// Prints what could not be done, in the form `error: …`, and says so in the exit code.
fn could_not_run(error: &dyn std::fmt::Display) -> Exit {
    // A path in it may be somebody else's name of a file.
    let lines: Vec<String> = error.to_string().lines().map(|line| Printable(line).to_string()).collect();
    anstream::eprintln!("{}error:{} {}", style::ERROR.render(), style::ERROR.render_reset(), lines.join("\n"));
    Exit::CouldNotRun
}

/// Prints a line on stdout. A reader that has gone away ends the output, not the command.
fn say(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let _ = writeln!(anstream::stdout(), "{line}");
}

/// Colours, which `anstream` takes away where there is no terminal or `NO_COLOR` is set.
mod style {
    use anstyle::{AnsiColor, Style};

    pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();
    pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
    pub(super) const HEAD: Style = Style::new().bold();
    pub(super) const DIM: Style = Style::new().dimmed();
}
