//! `sealtrail reconcile`: whether both legs hold the same records of a day.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sealtrail_chain::note::Ed25519Signer;
use sealtrail_chain::{ChainName, Genesis, UnixNanos};
use tokio::signal::unix::{SignalKind, signal};

use super::config::read;
use super::exit::Exit;
use super::report::Format;
use super::{could_not_run, say};
use crate::archive::{Place, Target};
use crate::config::Config;
use crate::host::{Clock, Disk, SystemClock, SystemDisk};
use crate::reconcile::{Day, Fault, Legs, Log, Mended, Repair, Side, Statement, Verdict};
use crate::seal::own::{Event, Kind};
use crate::seal::{keys, spool};
use crate::stream::Stream;
use crate::wal::{self, Recovered};

/// Compares what the stream and the archive hold of a UTC day, record by record, and both with the signed checkpoints.
///
/// Prints a statement signed with a key of its own, `statement.key` in the keys directory, which the first use makes. Reads
/// both legs wherever the configuration puts them; shows no content, and needs no running collector.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sealtrail reconcile --day 2026-11-25                                on the embedded default
  sealtrail reconcile --day 2026-11-25 --config sealtrail.yaml --format json
  sealtrail reconcile --day 2026-11-25 --config sealtrail.yaml --repair --reason 'object deleted, INC-4711'
  sealtrail reconcile --watch --config sealtrail.yaml                 now and every hour, until it is told to stop

`--watch` compares the day so far, and the day before until nothing more of it can come; each statement also goes to
`statements/CHAIN/DAY.note` in the data directory. SIGTERM or SIGINT ends it.

Exit codes: 0 the legs agree; 1 they differ, or a checkpoint contradicts them; 2 could not run; 3 what was compared agrees,
and not all was (the stream's retention has passed, the archive has not come so far, no record at all).")]
pub(super) struct Arguments {
    /// The UTC day, by the time at which its records were sealed.
    #[arg(long, value_name = "YYYY-MM-DD", required_unless_present = "watch")]
    day: Option<Day>,
    /// Copies what one leg lacks from the other: objects that the archive lost, from the stream; the stream's lost end, from
    /// the archive (then the collector must stand still). Nothing is ever overwritten.
    #[arg(long, requires = "reason", conflicts_with = "watch")]
    repair: bool,
    /// Why it is repaired; is sealed by the collector.
    #[arg(long, value_name = "TEXT", requires = "repair")]
    reason: Option<String>,
    /// Goes on: every hour, the day so far and the day before.
    #[arg(long, conflicts_with = "day")]
    watch: bool,
    /// Configuration file; without one, the embedded default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory, in place of the configuration's.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let config = match read(arguments.config.as_deref(), arguments.data_dir.as_deref()) {
        Ok(config) => config,
        Err(error) => return could_not_run(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return could_not_run(&format_args!("can't start the runtime: {error}")),
    };
    let reconciler = match Reconciler::new(&config, runtime.handle()) {
        Ok(reconciler) => reconciler,
        Err(error) => return could_not_run(&error),
    };
    match (arguments.day, &arguments.reason) {
        (Some(day), Some(reason)) => reconciler.repair(day, &config, reason, arguments.format),
        (Some(day), None) => reconciler.once(day, arguments.format),
        (None, _) => runtime.block_on(watch(Arc::new(reconciler), arguments.format)),
    }
}

/// How often `--watch` compares.
const EVERY: Duration = Duration::from_secs(3600);

async fn watch(reconciler: Arc<Reconciler>, format: Format) -> Exit {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return could_not_run(&"can't listen for signals");
    };
    let mut hours = tokio::time::interval(EVERY);
    let mut done = None;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Exit::Ok,
            _ = interrupt.recv() => return Exit::Ok,
            _ = hours.tick() => {}
        }
        let round = Arc::clone(&reconciler);
        match tokio::task::spawn_blocking(move || round.round(done, format)).await {
            Ok(now) => done = now,
            Err(_) => return could_not_run(&"comparing the legs panicked; the place was printed when it happened"),
        }
    }
}

/// Both legs of a configuration, and the key that signs what is said of them.
struct Reconciler {
    legs: Legs,
    signer: Ed25519Signer,
    clock: SystemClock,
    chain: ChainName,
    data_dir: PathBuf,
    /// Where `--watch` puts its statements.
    dir: PathBuf,
}

impl Reconciler {
    fn new(config: &Config, runtime: &tokio::runtime::Handle) -> Result<Self, String> {
        let log = Genesis::origin(&config.seal.origin, &config.chain).map_err(|error| {
            format!("`seal.origin`: {error}\n  remedy  a host name of yours, such as `audit.example.com`")
        })?;
        let place = match &config.archive.place {
            Place::Directory(directory) => directory.resolve(&config.data_dir).display().to_string(),
            Place::S3(s3) => s3.place(),
        };
        let target = Target::find(&config.archive, &config.data_dir, Arc::new(SystemClock::new()));
        let target = Arc::new(target.map_err(|error| error.to_string())?);
        let legs = Legs::new(&config.chain, &log, &config.stream, &config.data_dir, (target, place), runtime);
        let (signer, made) = keys::statement(&config.keys_dir(), &log).map_err(|error| error.to_string())?;
        if made {
            anstream::eprintln!(
                "key for statements made in {}: hand out {}",
                config.keys_dir().display(),
                signer.vkey()
            );
        }
        let dir = config.data_dir.join("statements").join(config.chain.as_str());
        let (chain, data_dir) = (config.chain.clone(), config.data_dir.clone());
        Ok(Self { legs, signer, clock: SystemClock::new(), chain, data_dir, dir })
    }

    fn once(&self, day: Day, format: Format) -> Exit {
        match self.legs.reconcile(day, self.clock.now()) {
            Ok(statement) => {
                self.print(&statement, format);
                exit(statement.verdict)
            }
            Err(error) if error.is_damage() => {
                could_not_run(&error);
                Exit::Failed
            }
            Err(error) => could_not_run(&error),
        }
    }

    /// Repairs, and says what the legs hold then.
    fn repair(&self, day: Day, config: &Config, reason: &str, format: Format) -> Exit {
        let mut mended = Vec::new();
        let outcome = self.mend(day, config, &mut mended);
        for mended in &mended {
            anstream::eprintln!("{mended}");
        }
        if let Err(error) = tell(config, &mended, reason, self.clock.now()) {
            return could_not_run(&format_args!(
                "what was repaired can't be noted below {}, so the collector can't seal it: {error}",
                config.data_dir.display()
            ));
        }
        match outcome {
            Ok(()) => {
                let exit = self.once(day, format);
                if exit == Exit::Failed {
                    anstream::eprintln!(
                        "what is still missing can't be copied: Kafka takes records at its stream's end alone, and nothing \
                         is ever overwritten"
                    );
                }
                exit
            }
            Err(obstacle) => could_not_run(&obstacle),
        }
    }

    fn mend(&self, day: Day, config: &Config, mended: &mut Vec<Mended>) -> Result<(), String> {
        let found = self.legs.reconcile(day, self.clock.now()).map_err(|error| error.to_string())?;
        let lacks = |side| found.spans.iter().any(|span| span.fault == Fault::Missing(side));
        if lacks(Side::Archive) {
            let scratch = config.data_dir.join("upload");
            let how = Repair { disk: &SystemDisk, promotions: &config.archive.promotions, scratch: &scratch };
            self.legs.mend_archive(day, &how, mended).map_err(|obstacle| obstacle.to_string())?;
        }
        // Whether the stream's end is short only its collector's log can tell, where the archive is behind, too.
        match wal(config) {
            Ok(Some(recovered)) => {
                let (config, disk) = (&config.stream, Arc::new(SystemDisk));
                let mut stream = Stream::new(config, disk, &self.data_dir, self.chain.clone());
                let log = Log { recovered: &recovered, dir: &self.data_dir.join("wal"), disk: &SystemDisk };
                match self.legs.mend_stream(&mut stream, &log) {
                    Ok(end) => mended.extend(end),
                    // Nothing is written behind damage; what is missing stands in the statement.
                    Err(obstacle) if obstacle.is_damage() => drop(could_not_run(&obstacle)),
                    Err(obstacle) => return Err(obstacle.to_string()),
                }
            }
            Err(error) if lacks(Side::Stream) => {
                return Err(format!(
                    "the stream's end is repaired in its collector's name, which must stand still: {error}"
                ));
            }
            Ok(None) | Err(_) => {}
        }
        Ok(())
    }

    /// The day before, unless it is `done`, and the day so far; says which day is done now.
    fn round(&self, done: Option<Day>, format: Format) -> Option<Day> {
        let today = Day::of(self.clock.now());
        let before = today.before();
        let ended = done == Some(before) || self.keep(before, format);
        self.keep(today, format);
        ended.then_some(before)
    }

    /// Compares a day and keeps the statement; whether nothing more is to be said of it.
    fn keep(&self, day: Day, format: Format) -> bool {
        let statement = match self.legs.reconcile(day, self.clock.now()) {
            Ok(statement) => statement,
            // The next hour may do better.
            Err(error) => {
                could_not_run(&error);
                return false;
            }
        };
        let note = self.print(&statement, format);
        if let Err(error) = write(&SystemDisk, &self.dir, &format!("{day}.note"), note.as_bytes()) {
            could_not_run(&format_args!("can't write a statement below {}: {error}", self.dir.display()));
            return false;
        }
        statement.verdict == Verdict::Agree && statement.ends
    }

    fn print(&self, statement: &Statement, format: Format) -> String {
        let note = statement.sign(&self.signer);
        match format {
            Format::Text => say(format_args!("{}", note.trim_end())),
            Format::Json => say(format_args!("{}", statement.json(&note))),
        }
        note
    }
}

/// The log of the collector whose data directory this is, locked: it can't run meanwhile. None where there is none.
fn wal(config: &Config) -> Result<Option<Recovered>, wal::Error> {
    let dir = config.wal_dir();
    if dir.is_dir() { wal::open(Arc::new(SystemDisk), &dir, &config.chain).map(Some) } else { Ok(None) }
}

/// Leaves word for the collector, which seals it.
fn tell(config: &Config, mended: &[Mended], reason: &str, now: UnixNanos) -> Result<(), spool::Error> {
    for (place, Mended { leg, first, last }) in mended.iter().enumerate() {
        let event = Event {
            resource: Some(format!("{leg}, records {first} to {last}")),
            reason: Some(reason.to_owned()),
            count: last.get() - first.get() + 1,
            ..Event::new(Kind::Repaired)
        };
        spool::leave(&SystemDisk, &config.data_dir, &event, UnixNanos(now.0.saturating_add(place as u64)))?;
    }
    Ok(())
}

/// A file is whole and synced before it gets its name, in place of an earlier one.
fn write(disk: &dyn Disk, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    disk.create_dir_all(dir)?;
    let new = dir.join(format!("{name}.new"));
    match disk.remove(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&new)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    disk.rename(&new, &dir.join(name))?;
    disk.sync_dir(dir)
}

fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Agree => Exit::Ok,
        Verdict::Differ => Exit::Failed,
        Verdict::NotAllCompared => Exit::NotAllChecked,
    }
}
