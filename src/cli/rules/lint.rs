//! `sealtrail rules lint`: what is wrong with rules, and what is worth a second look.

use clap::Args;

use super::{Which, could_not_run, say};
use crate::cli::exit::Exit;
use crate::mask;

/// Judges rule files: everything that a start refuses, and warnings.
///
/// Errors: what can't be read or is unknown, sensitive authentication data that is not dropped (PCI DSS 3.3.1), card numbers
/// shown beyond the first 6 and last 4 or by truncations that add up (3.5.1), keys that are missing or have two uses, patterns
/// that are wrong, too large or match the empty text, rules that an earlier one always beats, tests that are missing or fail.
/// Warnings: no `must_keep`, no `compliance`, `owner` or `since`, overlaps that the order alone decides, a token beside a
/// truncation without a named control, patterns too long to read, cards in tests that no brand has published.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sealtrail rules lint                              the embedded rules
  sealtrail rules lint payment my-rules.yaml        a set of rules
  sealtrail rules lint --strict --config sealtrail.yaml

Exit codes: 0 usable; 1 with --strict, there are warnings; 2 a collector would not start with them.")]
pub(super) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Fails on warnings too.
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let (config, base_dir, chain) = match arguments.which.config() {
        Ok(config) => config,
        Err(error) => return could_not_run(&error),
    };
    let found = mask::lint(&config, &base_dir, &chain);
    for error in &found {
        let kind = if error.problem.is_warning() { "warning" } else { "error" };
        let rule = error.rule.as_ref().map_or_else(String::new, |rule| format!("rule `{rule}`: "));
        say(format_args!("{}:{}: {kind}: {rule}{}", error.file, error.line, error.problem));
        say(format_args!("  remedy  {}", error.problem.remedy()));
    }
    // What doesn't open is among the errors.
    for (id, key) in &config.keys {
        say(format_args!("key `{id}`: {}", key.place()));
    }
    let warnings = found.iter().filter(|error| error.problem.is_warning()).count();
    let errors = found.len() - warnings;
    say(format_args!("{errors} errors, {warnings} warnings"));
    match (errors, warnings) {
        (0, 0) => Exit::Ok,
        (0, _) if arguments.strict => Exit::Failed,
        (0, _) => Exit::Ok,
        _ => Exit::CouldNotRun,
    }
}
