//! `sealtrail scan`: whether anything that must be masked lies in what is stored.

use std::path::PathBuf;

use clap::Args;

use super::config::read;
use super::could_not_run;
use super::exit::Exit;
use super::progress::Bar;
use super::report::{Format, print};
use super::verify::bucket;
use crate::archive::Place;
use crate::config::Config;
use crate::scan::{self, Options, Source, Verdict};
use crate::stream;

/// Searches stored data for card data and personal data that should have been masked.
///
/// Its detectors share no code with masking. Reads Parquet objects, stream messages, files of the log, and text of any origin
/// (gzip and zstd too), wherever they lie. Says where something was found and of which class it is, never what. Before its
/// result counts, it must find all of a copy that it plants itself, in every encoding and column.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sealtrail scan sealtrail-data                            a data directory: both legs and the log
  sealtrail scan s3://bucket/prefix                        a bucket (AWS_REGION, AWS_ENDPOINT_URL, AWS_CA_BUNDLE)
  sealtrail scan --config sealtrail.yaml                   both legs of that configuration, wherever they lie
  sealtrail scan --sample 0.01 --seed 7 archive/           one row in a hundred, the same ones for the same seed
  sealtrail scan --config sealtrail.yaml --release         extends the locks of clean segments to the full term
  sealtrail scan --format json /var/log/app | jq .by_class

A number that would be a card's but stands where ids do counts as possible: it is said, and is no failure.

Exit codes: 0 clean; 1 something was found; 2 could not run, or the scan missed what it had planted; 3 clean as far as it
could be read, or nothing was there.")]
pub(super) struct Arguments {
    /// Directory, file, or `s3://BUCKET/PREFIX`.
    #[arg(required_unless_present = "config", value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// A collector's configuration file: scans both of its legs, and its log where it lies here.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory, in place of the configuration's.
    #[arg(long, value_name = "DIR", requires = "config")]
    data_dir: Option<PathBuf>,
    /// Part of the rows that is looked at, such as `0.01`.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = share)]
    sample: f64,
    /// Which rows a sample takes.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// Extends the Object Lock of segments in which nothing was found from `first_days` to the full term; the others are left
    /// to run out. Can't be taken back.
    #[arg(long, requires = "config", conflicts_with = "sample")]
    release: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "give a part of the rows above 0 and up to 1, such as 0.01".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let sources = match sources(arguments) {
        Ok(sources) => sources,
        Err(error) => return could_not_run(&error),
    };
    let options = Options { sample: arguments.sample, seed: arguments.seed, release: arguments.release };
    let mut bar = Bar::new();
    let report = scan::scan(&sources, &options, &mut bar);
    bar.clear();
    match report {
        Ok(report) => {
            print(&report, &report.text(), report.verdict == Verdict::Clean, arguments.format);
            match report.verdict {
                Verdict::Clean => Exit::Ok,
                Verdict::Found => Exit::Failed,
                Verdict::Untrusted => Exit::CouldNotRun,
                Verdict::NotAllRead | Verdict::Nothing => Exit::NotAllChecked,
            }
        }
        Err(error) => could_not_run(&error),
    }
}

fn sources(arguments: &Arguments) -> Result<Vec<Source>, String> {
    let named = arguments.sources.iter().map(|path| match bucket(path)? {
        Some(config) => Ok(Source::Bucket(config)),
        None => Ok(Source::Path(path.clone())),
    });
    let mut sources = named.collect::<Result<Vec<_>, String>>()?;
    let Some(file) = &arguments.config else { return Ok(sources) };
    let config = read(Some(file), arguments.data_dir.as_deref())?;
    if arguments.release {
        releasable(&config)?;
    }
    match &config.archive.place {
        Place::Directory(directory) => sources.push(Source::Path(directory.resolve(&config.data_dir))),
        Place::S3(s3) => sources.push(Source::Bucket(s3.clone())),
    }
    match &config.stream {
        stream::Config::Directory(directory) => sources.push(Source::Path(directory.path_in(&config.data_dir))),
        stream::Config::Kafka(settings) => sources.push(Source::Topic(settings.clone())),
    }
    let log = config.data_dir.join("wal");
    sources.extend(log.is_dir().then_some(Source::Path(log)));
    Ok(sources)
}

/// Whether there is a first term that can be extended.
fn releasable(config: &Config) -> Result<(), String> {
    match &config.archive.place {
        Place::S3(s3) if s3.object_lock.first_days > 0 => Ok(()),
        Place::S3(_) => Err(
            "`archive.s3.object_lock.first_days` is 0: objects are locked for the full term at once\n  remedy  leave \
                             `--release` out"
                .to_owned(),
        ),
        Place::Directory(_) => {
            Err("a local archive has no Object Lock\n  remedy  leave `--release` out, or keep the archive in S3"
                .to_owned())
        }
    }
}
