//! `sealtrail rules test`: the cases that stand in rule files, and cases from standard input.

use std::io::Write;

use clap::Args;

use super::score::Score;
use super::{Unusable, Which};
use super::{lines, otlp};
use crate::cli::exit::Exit;
use crate::cli::{could_not_run, say};
use crate::mask::{Engine, RuleError};

/// Runs the cases that stand in rule files, or masks cases from standard input.
///
/// With `--jsonl`, standard input is one JSON object a line: `text` is the value, as a string or as it is; `key` the attribute
/// that it stands in (without one it is a body); `value_type` what it is: string (the default), int, double, bool, bytes
/// (`text` in base64, as it then comes out, or the text of the bytes), json (a list or a map). The same lines come out, everything else in them
/// untouched, with `text` as it would be kept: empty where the attribute is dropped.
///
/// With `--otlp`, standard input is one OTLP/JSON request a line (`{"resourceLogs":[…]}`), and the requests come out as they
/// would be kept, each record in a `ResourceLogs` of its own.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sealtrail rules test                                       the cases of the embedded rules
  sealtrail rules test --config sealtrail.yaml               those of the rules that a collector has
  sealtrail rules test payment my-rules.yaml                 those of a set of rules
  echo '{\"text\":\"card 4242424242424242\"}' | sealtrail rules test --jsonl
  sealtrail rules test --jsonl --score < corpus.jsonl > masked.jsonl
  sealtrail rules test --otlp < requests.jsonl > masked.jsonl
  sealtrail rules test --mutate                              the cases as other programs would write them

With --score, a line may say what it holds: `secret` (or a list, `secrets`) must not be left, as it is, in the writing
`written` or without its separators; a line without a secret whose `class` is clean, or that has `keep`, must come out as it
was. Found and falsely changed lines are counted by `class` on standard error.

Exit codes: 0 all well; 1 a case fails; 2 a rule file is wrong, or a line (or a record of it) can't be read: it is named, left
out, and the others are masked.")]
pub(super) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Masks cases from standard input to standard output.
    #[arg(long, conflicts_with_all = ["otlp", "mutate"])]
    jsonl: bool,
    /// Masks OTLP/JSON requests from standard input to standard output, one a line.
    #[arg(long, conflicts_with = "mutate")]
    otlp: bool,
    /// Runs the `must_mask` cases in other writings: separators, digits of other scripts, JSON and URL escapes.
    #[arg(long)]
    mutate: bool,
    /// Counts what was found and what was changed falsely, on standard error.
    #[arg(long, requires = "jsonl")]
    score: bool,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Arguments { which, jsonl, otlp, mutate, score } = arguments;
    if *mutate {
        return super::mutate::run(which);
    }
    if !jsonl && !otlp {
        return cases(which);
    }
    match which.load_or_say() {
        Ok(engine) if *otlp => mask_requests(&engine),
        Ok(engine) => mask_lines(&engine, *score),
        Err(exit) => exit,
    }
}

/// Runs the cases of the rule files: loading does.
fn cases(which: &Which) -> Exit {
    match which.load() {
        Ok(engine) => {
            let (rules, cases) = (engine.rule_count(), engine.case_count());
            say(format_args!("{cases} cases of {rules} rules pass"));
            Exit::Ok
        }
        Err(Unusable::Input(error)) => could_not_run(&error),
        Err(Unusable::Rules(errors)) => {
            let mut exit = Exit::Failed;
            for error in &errors {
                if error.problem.is_failing_case() {
                    say(format_args!("{}", line(error)));
                } else {
                    exit = could_not_run(error);
                }
            }
            if exit == Exit::Failed {
                anstream::eprintln!("{} cases fail", errors.len());
            }
            exit
        }
    }
}

/// `file:line: rule: what is wrong`.
fn line(error: &RuleError) -> String {
    let RuleError { file, line, rule, problem } = error;
    format!("{file}:{line}: {}: {problem}", rule.as_deref().unwrap_or("?"))
}

fn mask_lines(engine: &Engine, score: bool) -> Exit {
    let mut score = score.then(Score::default);
    let exit = through(|output| {
        lines::mask(engine, std::io::stdin().lock(), output, score.as_mut(), |number, wrong| say_wrong(number, &wrong))
    });
    if let Some(score) = score {
        anstream::eprint!("{score}");
    }
    exit
}

fn mask_requests(engine: &Engine) -> Exit {
    through(|output| otlp::mask(engine, std::io::stdin().lock(), output, |number, wrong| say_wrong(number, &wrong)))
}

fn say_wrong(number: u64, wrong: &dyn std::fmt::Display) {
    could_not_run(&format_args!("line {number} of standard input {wrong}"));
}

/// Runs what writes to standard output and says how much of its input was left out.
fn through(mask: impl FnOnce(&mut Output) -> std::io::Result<u64>) -> Exit {
    let mut output = Output::with_capacity(1 << 16, std::io::stdout().lock());
    match mask(&mut output).and_then(|left_out| output.flush().map(|()| left_out)) {
        Ok(0) => Exit::Ok,
        Ok(_) => Exit::CouldNotRun,
        // A reader that has gone away wants no more.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => could_not_run(&format_args!("can't go on masking: {error}")),
    }
}

type Output = std::io::BufWriter<std::io::StdoutLock<'static>>;
