//! `sealtrail rules`: what masking rules say, tried out without a collector.

mod lines;
mod mutate;
mod otlp;
mod score;
mod test;
mod value;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::config::read;
use super::exit::Exit;
use super::{could_not_run, say};
use crate::mask::{self, Engine, RuleError};

/// Tests and explains masking rules.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Test(test::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Command::Test(arguments) => test::run(arguments),
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
    /// The rules, compiled and tested.
    fn load(&self) -> Result<Engine, Unusable> {
        let config = read(self.config.as_deref(), None).map_err(Unusable::Input)?;
        let (rules, base_dir) = if self.rules.is_empty() {
            (config.mask.rules, config.base_dir)
        } else {
            (named(&self.rules).map_err(Unusable::Input)?, PathBuf::new())
        };
        let rules = mask::Config { rules, keys: config.mask.keys };
        Engine::load(&rules, &base_dir, &config.chain).map_err(Unusable::Rules)
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
