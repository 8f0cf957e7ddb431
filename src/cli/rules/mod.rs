//! `sealtrail rules`: what masking rules say, tried out without a collector.

mod bench;
mod explain;
mod lines;
mod lint;
mod mutate;
mod otlp;
mod score;
mod test;
mod value;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealtrail_chain::ChainName;

use super::config::read;
use super::exit::Exit;
use super::{could_not_run, say};
use crate::mask::{self, Engine, RuleError};

/// Tests, judges, explains and measures masking rules.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Test(test::Arguments),
    Lint(lint::Arguments),
    Explain(explain::Arguments),
    Bench(bench::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Command::Test(arguments) => test::run(arguments),
        Command::Lint(arguments) => lint::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
    }
}

/// Which rules.
#[derive(Args)]
struct Which {
    /// Rule files, directories of them, and packs by name, in order: one set, as in `mask.rules`. Without any, those of the
    /// configuration.
    #[arg(value_name = "FILE|DIR")]
    rules: Vec<PathBuf>,
    /// Configuration file, for its rules and keys; without one, the embedded default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Why there are no rules to work with.
enum Unusable {
    Input(String),
    Rules(Vec<RuleError>),
}

impl Which {
    /// What a collector would load: rules and keys, where their files lie, and the chain of its envelopes.
    fn config(&self) -> Result<(mask::Config, PathBuf, ChainName), String> {
        let config = read(self.config.as_deref(), None)?;
        let (rules, base_dir) = if self.rules.is_empty() {
            (config.mask.rules, config.base_dir)
        } else {
            (named(&self.rules)?, PathBuf::new())
        };
        Ok((mask::Config { rules, ..config.mask }, base_dir, config.chain))
    }

    /// The rules, compiled and tested.
    fn load(&self) -> Result<Engine, Unusable> {
        let (rules, base_dir, chain) = self.config().map_err(Unusable::Input)?;
        Engine::load(&rules, &base_dir, &chain).map_err(Unusable::Rules)
    }

    /// The rules, for a command that works with them whatever they are; else what it ends with.
    fn load_or_say(&self) -> Result<Engine, Exit> {
        self.load().map_err(|unusable| match unusable {
            Unusable::Input(error) => could_not_run(&error),
            Unusable::Rules(errors) => {
                for error in &errors {
                    could_not_run(error);
                }
                Exit::CouldNotRun
            }
        })
    }
}

/// The rule files that were named, those of a directory by their names.
fn named(paths: &[PathBuf]) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for path in paths {
        if path.is_dir() {
            let files = files_of(path).map_err(|error| format!("can't read {}: {error}", path.display()))?;
            if files.is_empty() {
                return Err(format!("no rule file (*.yaml) lies in {}", path.display()));
            }
            names.extend(files.iter().map(|file| file.display().to_string()));
        } else {
            names.push(path.display().to_string());
        }
    }
    Ok(names)
}

fn files_of(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = dir.read_dir()?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|end| end == "yaml" || end == "yml"));
    files.sort();
    Ok(files)
}
