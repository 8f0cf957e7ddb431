//! `sealtrail prove`: one record and all that proves it, to be handed out; that it was, is sealed.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use sealtrail_chain::{ChainName, Sequence};

use super::config::read;
use super::exit::Exit;
use super::{archive, could_not_run, say};
use crate::config::Config;
use crate::evidence::bundle::{Files, SUMS, digest_file};
use crate::evidence::{self, Exported};
use crate::host::{Clock as _, Disk, SystemClock, SystemDisk};
use crate::seal::own::{Event, Kind};
use crate::seal::spool;
use crate::verify::{self, Trust};

/// Writes a self-contained evidence bundle of one record: content, link, proof, signed checkpoint, keys, where it lay, a form
/// to certify it by, and a verifier that needs nothing of ours.
///
/// The record is taken out of the archive and judged before anything is written. Before the bundle appears, word of it is left
/// for the collector, which seals it as `sealtrail.read` with your user id, the record, the bundle's digest and your reason:
/// within a second where it runs, else at its next start.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sealtrail prove --config sealtrail.yaml --chain payments-eu-1 --sequence 4711 --reason 'case 12 C 345/26'
  sealtrail prove --chain local --sequence 17 --reason 'chargeback 4711' --out evidence/
  sealtrail prove --config sealtrail.yaml --chain payments-eu-1 --sequence 4711 --reason audit s3://audit/prefix
  sealtrail verify --bundle evidence-payments-eu-1-4711.tar --public-key log.vkey

Exit codes: 0 written; 1 the record does not hold, and what is wrong is named; 2 could not run.")]
pub(super) struct Arguments {
    /// The chain.
    #[arg(long, value_name = "NAME")]
    chain: ChainName,
    /// The record's number in it.
    #[arg(long, value_name = "N")]
    sequence: u64,
    /// Why; it is sealed with the fact.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Archive, data directory, or `s3://BUCKET/PREFIX`; the configuration's archive unless given.
    #[arg(value_name = "SOURCE")]
    source: Option<PathBuf>,
    /// A file that ends in `.tar`, or a directory, that isn't there yet; `evidence-CHAIN-N.tar` unless given.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Who exports it, for the certification; your user id unless given.
    #[arg(long, value_name = "NAME")]
    exporter: Option<String>,
    /// Configuration file of the collector that seals the export.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory, in place of the configuration's.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match prove(arguments) {
        Ok(exit) => exit,
        Err(error) => could_not_run(&error),
    }
}

fn prove(arguments: &Arguments) -> Result<Exit, String> {
    let config = read(arguments.config.as_deref(), arguments.data_dir.as_deref())?;
    let reason = arguments.reason.trim();
    if reason.is_empty() {
        return Err("`--reason` is empty\n  remedy  say why: it is sealed with the fact".to_owned());
    }
    let Arguments { chain, sequence, .. } = arguments;
    let default = || PathBuf::from(format!("evidence-{chain}-{sequence}.tar"));
    let out = arguments.out.clone().unwrap_or_else(default);
    if out.exists() {
        return Err(format!("{} is there already\n  remedy  name another with `--out`", out.display()));
    }
    seals(&config)?;
    let opened = archive::open(arguments.source.as_deref(), &config)?;
    let sequence = Sequence::new(*sequence);
    let collected = evidence::collect(&opened.archive, &opened.runtime, &opened.place, chain, sequence);
    let collected = collected.map_err(|error| error.to_string())?;
    let user = format!("uid {}", rustix::process::getuid().as_raw());
    let exported = Exported {
        at: SystemClock::new().now().0 / 1_000_000_000,
        by: arguments.exporter.clone().unwrap_or_else(|| user.clone()),
        tool_sha256: std::env::current_exe()
            .and_then(|program| digest_file(&program))
            .map_err(|error| format!("can't read the program itself: {error}"))?,
    };
    let files = collected.bundle(&exported);
    let name = files.name();
    // Of no trusted key: who signed is asked by whoever gets it.
    let judged = Ok(files);
    let report = verify::judge_bundle(&judged, &opened.place, &Trust::default());
    if report.findings_total > 0 {
        say(format_args!("{}", report.text().trim_end()));
        anstream::eprintln!("nothing was written: this record does not hold");
        return Ok(Exit::Failed);
    }
    let Ok(files) = judged else { return Ok(Exit::Failed) };
    leave_word(&config, arguments, &user, &name)?;
    write(&files, &out).map_err(|error| {
        format!("can't write {}: {error}\n  remedy  make room there, or name another place with `--out`", out.display())
    })?;
    say(format_args!("record {sequence} of chain {chain}: {}", out.display()));
    say(format_args!("bundle {name} (SHA-256 of its {SUMS}, sealed with the export)"));
    Ok(Exit::Ok)
}

/// Word that nobody reads is not sealed: there must be a collector's data directory.
fn seals(config: &Config) -> Result<(), String> {
    match config.wal_dir().is_dir() {
        true => Ok(()),
        false => Err(format!(
            "{} is no collector's data directory, so nothing is exported: what is read must be sealed\n  remedy  name the \
             collector's configuration with `--config`, or its data directory with `--data-dir`",
            config.data_dir.display()
        )),
    }
}

/// Without it nothing is written.
fn leave_word(config: &Config, arguments: &Arguments, user: &str, bundle: &str) -> Result<(), String> {
    let event = Event {
        user: Some(user.to_owned()),
        resource: Some(format!("chain {}, record {}, evidence bundle {bundle}", arguments.chain, arguments.sequence)),
        reason: Some(arguments.reason.trim().to_owned()),
        ..Event::new(Kind::Read)
    };
    spool::leave(&SystemDisk, &config.data_dir, &event, SystemClock::new().now()).map_err(|error| {
        format!("{error}, so nothing is exported: what is read must be sealed\n  remedy  call this as a user who may write to the collector's data directory")
    })
}

/// One file where the name ends in `.tar`, else a directory. Readable by this user alone, as what it holds was.
fn write(files: &Files, out: &Path) -> io::Result<()> {
    let put = |path: &Path, bytes: &[u8]| {
        let file = SystemDisk.create(path)?;
        file.write_at(bytes, 0)?;
        file.sync()
    };
    if out.extension().is_some_and(|kind| kind == "tar") {
        return put(out, &files.to_tar());
    }
    SystemDisk.create_dir_all(out)?;
    files.iter().try_for_each(|(name, bytes)| put(&out.join(name), bytes))
}
