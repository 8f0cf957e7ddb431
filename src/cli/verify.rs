//! `sealtrail verify`: proves what lies in an archive or a stream directory, or says what is wrong with it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sealtrail_chain::ChainName;

use super::exit::Exit;
use super::{could_not_run, say, style};
use crate::verify::{self, Options, Report, Trust, Verdict, Watch};

/// Proves that nothing was altered, removed, reordered, inserted or cut off.
///
/// Recomputes every checksum, link and tree root, and checks every signature. Reads only; needs no network and no running
/// collector, and shows no content. "Intact" is said only under a key that you give, or a checkpoint that you kept.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sealtrail verify --public-key log.vkey sealtrail-data            both legs of a data directory, compared
  sealtrail verify --public-key log.vkey archive/ stream/          the same, given one by one
  sealtrail verify --since-checkpoint kept.checkpoint archive/     against a checkpoint that you kept
  sealtrail verify --format json --public-key log.vkey archive/ | jq .verdict

Exit codes: 0 intact; 1 something is wrong, and named; 2 could not run; 3 nothing wrong found, but not all could be checked
(no trusted key, an unknown format version, no record at all).")]
pub(super) struct Arguments {
    /// Archive, stream directory, or data directory with both. Legs of the same chain are compared.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Trusted keys: one vkey a line (`log.vkey` of the collector's keys directory), `#` begins a comment. Repeatable.
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// A checkpoint that was kept out of reach of whoever holds the records. Repeatable.
    #[arg(long, value_name = "FILE")]
    since_checkpoint: Vec<PathBuf>,
    /// Longest time after which an idle collector says that it is alive (its `seal.alive_interval`), in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    alive_interval: u64,
    /// Verify this chain alone, where several lie in the paths.
    #[arg(long, value_name = "NAME")]
    chain: Option<ChainName>,
    /// Topic of the checkpoints in a stream directory; found by its messages unless given.
    #[arg(long, value_name = "TOPIC")]
    checkpoint_topic: Option<String>,
    /// Files judged at the same time; as many as there are cores unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let trust = match trust(arguments) {
        Ok(trust) => trust,
        Err(error) => return could_not_run(&error),
    };
    let mut options = Options {
        trust,
        alive_interval: Duration::from_secs(arguments.alive_interval),
        checkpoint_topic: arguments.checkpoint_topic.clone(),
        chain: arguments.chain.clone(),
        ..Options::default()
    };
    if let Some(threads) = arguments.threads {
        options.threads = threads.into();
    }
    let bar = Bar::new();
    let report = verify::verify(&arguments.paths, &options, &bar);
    bar.0.finish_and_clear();
    match report {
        Ok(report) => {
            print(&report, arguments.format);
            exit(report.verdict)
        }
        Err(error) => could_not_run(&error),
    }
}

/// What the verdict means to a script.
pub(super) fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Intact => Exit::Ok,
        Verdict::Tampered => Exit::Failed,
        Verdict::SignerUnknown | Verdict::NotAllChecked | Verdict::Nothing => Exit::NotAllChecked,
    }
}

fn trust(arguments: &Arguments) -> Result<Trust, verify::TrustError> {
    let mut trust = Trust::default();
    arguments.public_key.iter().try_for_each(|path| trust.add_keys(path))?;
    arguments.since_checkpoint.iter().try_for_each(|path| trust.add_checkpoint(path))?;
    Ok(trust)
}

fn print(report: &Report, format: Format) {
    match format {
        Format::Json => {
            let json = serde_json::to_string_pretty(report).expect("a report has only text keys and finite numbers");
            say(format_args!("{json}"));
        }
        Format::Text => {
            let text = report.text();
            let (head, rest) = text.split_once('\n').unwrap_or((&text, ""));
            let colour = if report.verdict == Verdict::Intact { style::GOOD } else { style::ERROR };
            say(format_args!("{}{head}{}", colour.render(), colour.render_reset()));
            say(format_args!("{}", rest.trim_end()));
        }
    }
}

/// Progress on stderr, on a terminal only: `indicatif` draws nothing elsewhere.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
        Self(bar.with_style(style.expect("the template is fixed")))
    }
}

impl Watch for Bar {
    fn total(&self, bytes: u64) {
        self.0.set_length(bytes);
    }
    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}
