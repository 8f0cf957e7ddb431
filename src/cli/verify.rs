//! `sealtrail verify`: proves what lies in an archive or a stream directory, or says what is wrong with it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use sealtrail_chain::ChainName;

use super::config::read;
use super::could_not_run;
use super::exit::Exit;
use super::progress::Bar;
use super::report::{Format, print};
use crate::archive::{Place, s3};
use crate::config::Duration;
use crate::evidence::bundle::Files;
use crate::host::{Clock as _, SystemClock};
use crate::stream;
use crate::verify::{self, Bound, Options, Source, Trust, Verdict};

/// Proves that nothing was altered, removed, reordered, inserted or cut off.
///
/// Recomputes every checksum, link and tree root, and checks every signature. Reads only; needs no running collector, and
/// shows no content. "Intact" is said only under a key that you give, or a checkpoint that you kept. `--config` takes both
/// legs from a collector's configuration, Kafka and S3 among them; credentials for S3 come from the standard AWS chain.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sealtrail verify --public-key log.vkey sealtrail-data            both legs of a data directory, compared
  sealtrail verify --public-key log.vkey archive/ stream/          the same, given one by one
  sealtrail verify --since-checkpoint kept.checkpoint archive/     against a checkpoint that you kept
  sealtrail verify --public-key log.vkey --config sealtrail.yaml   both legs of that configuration, wherever they lie
  sealtrail verify --public-key log.vkey s3://bucket/prefix        a bucket (AWS_REGION, AWS_ENDPOINT_URL, AWS_CA_BUNDLE)
  sealtrail verify --public-key log.vkey --bundle evidence.tar     what `sealtrail prove` handed out
  sealtrail verify --public-key log.vkey --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z archive/     one month
  sealtrail verify --public-key log.vkey --chains eu-1,eu-2 --max-age 15m archive/     both there, and none cut off
  sealtrail verify --public-key log.vkey --witness w.vkeys --witness-quorum 2 archive/   and two witnesses must agree
  sealtrail verify --format json --public-key log.vkey archive/ | jq .verdict

Exit codes: 0 intact; 1 something is wrong, and named; 2 could not run; 3 nothing wrong found, but not all could be checked
(no trusted key, an unknown format version, no record at all, or none in the range).

Files of keys, witnesses, authorities and kept checkpoints may be pipes, as in `--public-key <(ssh auditor cat log.vkey)`: up to a
megabyte is read, within ten seconds. Devices are not opened.")]
pub(super) struct Arguments {
    /// Archive, stream directory, data directory with both, or `s3://BUCKET/PREFIX`. Legs of the same chain are compared.
    #[arg(required_unless_present_any = ["config", "bundle"], value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// An evidence bundle (file or directory) that `sealtrail prove` wrote, in place of records: checks it offline.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["paths", "config", "since_checkpoint", "chain"])]
    bundle: Option<PathBuf>,
    /// A collector's configuration file: verifies its chain in both of its legs.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory, in place of the configuration's.
    #[arg(long, value_name = "DIR", requires = "config")]
    data_dir: Option<PathBuf>,
    /// Of the configuration's legs, this one alone.
    #[arg(long, value_enum, value_name = "LEG", requires = "config")]
    leg: Option<Leg>,
    /// Trusted keys: one vkey a line (`log.vkey` of the collector's keys directory), `#` begins a comment. Repeatable.
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// A checkpoint that was kept out of reach of whoever holds the records. Repeatable.
    #[arg(long, value_name = "FILE")]
    since_checkpoint: Vec<PathBuf>,
    /// A witness that must have cosigned the checkpoints: its vkey, or a file with one a line. Repeatable.
    #[arg(long, value_name = "VKEY|FILE")]
    witness: Vec<String>,
    /// So many of the given witnesses are enough; all of them unless given. Keys of one name count as one witness, and so does one
    /// key under two names; the log's own keys are none.
    #[arg(long, value_name = "N", requires = "witness")]
    witness_quorum: Option<usize>,
    /// Authorities (PEM) of time stamps: those beside the checkpoints must lead to one of them.
    #[arg(long, value_name = "FILE")]
    rfc3161_ca: Option<PathBuf>,
    /// Longest time after which an idle collector says that it is alive (its `seal.alive_interval`), in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    alive_interval: u64,
    /// Read no more of each chain than what begins here: a sequence, or a time as RFC 3339 writes it.
    #[arg(long, value_name = "WHERE")]
    from: Option<Bound>,
    /// … and ends here. What lies outside is not judged, and the report says so.
    #[arg(long, value_name = "WHERE")]
    to: Option<Bound>,
    /// Chains that must be in the paths, in each leg, and no others.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    chains: Vec<ChainName>,
    /// Oldest end of a chain that has not stopped, as `15m` or `2d`; an older one was cut off, or its collector is down.
    #[arg(long, value_name = "AGE")]
    max_age: Option<Duration>,
    /// How far the archive may lie behind the stream, where no sealed record says that it was down (1h unless given), and how
    /// long ago a copy of a leg may end before another one does (25h unless given).
    #[arg(long, value_name = "TIME")]
    max_lag: Option<Duration>,
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

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Leg {
    Archive,
    Stream,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let trust = match trust(arguments) {
        Ok(trust) => trust,
        Err(error) => return could_not_run(&error),
    };
    if let Some(bundle) = &arguments.bundle {
        return run_bundle(bundle, &trust, arguments.format);
    }
    if let (Some(from), Some(to)) = (arguments.from, arguments.to)
        && from.is_past(to)
    {
        return could_not_run(&"`--from` lies behind `--to`: no record can be in that range");
    }
    let mut options = Options {
        trust,
        alive_interval: std::time::Duration::from_secs(arguments.alive_interval),
        checkpoint_topic: arguments.checkpoint_topic.clone(),
        chain: arguments.chain.clone(),
        chains: arguments.chains.clone(),
        from: arguments.from,
        to: arguments.to,
        max_age: arguments.max_age.map(Duration::get),
        now: SystemClock::new().now(),
        ..Options::default()
    };
    if let Some(lag) = arguments.max_lag.map(Duration::get) {
        (options.max_lag, options.max_copy_age) = (lag, lag);
    }
    if let Some(threads) = arguments.threads {
        options.threads = threads.into();
    }
    let sources = match sources(arguments, &mut options) {
        Ok(sources) => sources,
        Err(error) => return could_not_run(&error),
    };
    let bar = Bar::new();
    let report = verify::verify_sources(&sources, &options, &bar);
    bar.clear();
    match report {
        Ok(report) => {
            print(&report, &report.text(), report.verdict == Verdict::Intact, arguments.format);
            exit(report.verdict)
        }
        Err(error) => could_not_run(&error),
    }
}

fn run_bundle(path: &Path, trust: &Trust, format: Format) -> Exit {
    let files = match Files::read(path) {
        Ok(files) => files,
        Err(error) => return could_not_run(&error),
    };
    let report = verify::judge_bundle(&files, &path.display().to_string(), trust);
    print(&report, &report.text(), report.verdict == Verdict::Intact, format);
    exit(report.verdict)
}

/// What the verdict means to a script.
pub(super) fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Intact => Exit::Ok,
        Verdict::Tampered => Exit::Failed,
        Verdict::SignerUnknown | Verdict::NotAllChecked | Verdict::Nothing => Exit::NotAllChecked,
    }
}

fn sources(arguments: &Arguments, options: &mut Options) -> Result<Vec<Source>, String> {
    let mut sources: Vec<Source> = arguments.paths.iter().map(|path| source(path)).collect::<Result<_, _>>()?;
    let Some(file) = &arguments.config else { return Ok(sources) };
    let config = read(Some(file), arguments.data_dir.as_deref())?;
    options.chain.get_or_insert_with(|| config.chain.clone());
    if arguments.leg != Some(Leg::Stream) {
        sources.push(match &config.archive.place {
            Place::Directory(directory) => Source::Leg(directory.resolve(&config.data_dir)),
            Place::S3(s3) => Source::Bucket(s3.clone()),
        });
    }
    if arguments.leg != Some(Leg::Archive) {
        sources.push(match &config.stream {
            stream::Config::Directory(directory) => Source::Leg(directory.path_in(&config.data_dir)),
            stream::Config::Kafka(settings) => {
                Source::Topic { settings: settings.clone(), chain: config.chain.clone() }
            }
        });
    }
    Ok(sources)
}

/// A path, or a bucket.
fn source(path: &Path) -> Result<Source, String> {
    Ok(match bucket(path)? {
        // How its objects should be locked stands in a configuration alone.
        Some(mut config) => {
            config.object_lock.mode = s3::Mode::None;
            Source::Bucket(config)
        }
        None => Source::Path(path.to_owned()),
    })
}

/// The bucket of `s3://BUCKET/PREFIX`, with what AWS's own tools take from the environment; `None`: it is a path.
pub(super) fn bucket(path: &Path) -> Result<Option<Box<s3::Config>>, String> {
    let Some(place) = path.to_str().and_then(|path| path.strip_prefix("s3://")) else { return Ok(None) };
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let mut config = s3::Config::new(bucket, &region.unwrap_or_else(|| "us-east-1".to_owned()));
    config.prefix = prefix.trim_end_matches('/').to_owned();
    config.endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
    config.ca_file = variable("AWS_CA_BUNDLE").map(PathBuf::from);
    match config.problem() {
        Some((key, problem, remedy)) => Err(format!(
            "can't read {}: {problem} (`{key}`)\n  remedy  {remedy}; other settings of a bucket stand in a \
             configuration, which `--config` takes",
            path.display()
        )),
        None => Ok(Some(Box::new(config))),
    }
}

fn trust(arguments: &Arguments) -> Result<Trust, verify::TrustError> {
    let mut trust = Trust::default();
    arguments.public_key.iter().try_for_each(|path| trust.add_keys(path))?;
    arguments.since_checkpoint.iter().try_for_each(|path| trust.add_checkpoint(path))?;
    arguments.witness.iter().try_for_each(|witness| trust.add_witnesses(witness))?;
    trust.set_quorum(arguments.witness_quorum)?;
    arguments.rfc3161_ca.iter().try_for_each(|path| trust.set_authorities(path))?;
    Ok(trust)
}
