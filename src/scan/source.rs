//! Where stored data lies: a directory or file, a bucket, a topic.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::read::{self, Form};
use super::report::{Release, Released};
use super::{Error, Scan, Tally, Watch};
use crate::archive::s3::{self, S3Archive};
use crate::archive::{Listed, Objects as _};
use crate::host::SystemClock;
use crate::stream::kafka;
use crate::stream::kafka::reader::{From, Partition};
use crate::stream::reader::Source as _;

/// What is scanned.
pub enum Source {
    /// A directory with all that lies below it, or a file.
    Path(PathBuf),
    /// All objects of a bucket, below its prefix.
    Bucket(Box<s3::Config>),
    /// Records and checkpoints of a chain in Kafka.
    Topic(Box<kafka::Settings>),
}

/// How long brokers may be silent.
const LIMIT: Duration = Duration::from_secs(30);
/// Segments: what a lock is extended for.
const SEGMENTS: &str = "audit-logs/";

/// A source, and what it holds.
pub(super) enum Open<'s> {
    Files(Vec<PathBuf>),
    Bucket { archive: Box<S3Archive>, runtime: tokio::runtime::Runtime, objects: Vec<Listed>, place: String },
    Topic(&'s kafka::Settings),
}

impl Source {
    pub(super) fn open(&self) -> Result<Open<'_>, Error> {
        Ok(match self {
            Self::Path(path) => {
                let listed = read::walk(path);
                Open::Files(listed.map_err(|source| Error::Io { doing: "read", path: path.clone(), source })?)
            }
            Self::Bucket(config) => {
                let place = config.place();
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let failed = |source| Error::Io { doing: "start a runtime for", path: place.clone().into(), source };
                let runtime = runtime.map_err(failed)?;
                let archive = S3Archive::new(config, &std::env::temp_dir(), Arc::new(SystemClock::new()));
                let archive = Box::new(archive.map_err(crate::archive::Error::from)?);
                let objects = runtime.block_on(archive.list(""))?;
                Open::Bucket { archive, runtime, objects, place }
            }
            Self::Topic(settings) => Open::Topic(settings),
        })
    }
}

impl Open<'_> {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Files(files) => files.iter().map(|path| length(path)).sum(),
            Self::Bucket { objects, .. } => objects.iter().map(|object| object.bytes).sum(),
            Self::Topic(_) => 0,
        }
    }

    /// Scans everything in it; its segments, and whether each is clean.
    pub(super) fn each(&self, scan: &mut Scan<'_>, watch: &mut dyn Watch) -> Result<Vec<(&str, bool)>, Error> {
        let mut segments = Vec::new();
        match self {
            Self::Files(files) => {
                for path in files {
                    let opened = File::open(path).map_err(|error| error.to_string());
                    file(opened, path, &path.display().to_string(), scan)?;
                    watch.advance(length(path));
                }
            }
            Self::Bucket { archive, runtime, objects, place } => {
                for Listed { key, bytes } in objects {
                    let fetched = runtime.block_on(archive.fetch(key)).map_err(|error| error.to_string());
                    let clean = file(fetched, Path::new(key), &format!("{place}/{key}"), scan)?;
                    if key.starts_with(SEGMENTS) {
                        segments.push((key.as_str(), clean));
                    }
                    watch.advance(*bytes);
                }
            }
            Self::Topic(settings) => {
                let topics = [(&settings.topic, settings.partition), (&settings.checkpoint_topic, 0)];
                for (topic, partition) in topics {
                    self::topic(settings, topic, partition, scan)?;
                }
            }
        }
        Ok(segments)
    }

    /// Locks the clean segments for the full term, if the scan can be `trusted`.
    pub(super) fn release(
        &self,
        segments: &[(&str, bool)],
        trusted: bool,
        released: &mut Released,
    ) -> Result<(), Error> {
        let Self::Bucket { archive, runtime, .. } = self else { return Ok(()) };
        release(segments, trusted, released, |key| Ok(runtime.block_on(archive.extend(key))?))
    }
}

/// `extend` says whether it made a lock longer.
fn release(
    segments: &[(&str, bool)],
    trusted: bool,
    released: &mut Released,
    mut extend: impl FnMut(&str) -> Result<bool, Error>,
) -> Result<(), Error> {
    for (key, clean) in segments {
        released.count(match trusted && *clean {
            true if extend(key)? => Release::Extended,
            true => Release::Already,
            false => Release::Left,
        });
    }
    Ok(())
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// Scans a file; whether all of it was read, and is clean.
fn file(opened: Result<File, String>, path: &Path, place: &str, scan: &mut Scan<'_>) -> Result<bool, Error> {
    let mut tally = scan.begin();
    let (rows, tally) = match opened {
        Ok(mut file) => {
            let form = Form::of(&mut file, path).map_err(|error| error.to_string());
            if form == Ok(Form::Parquet)
                && let Ok(footer) = file
                    .try_clone()
                    .map_err(|_| ())
                    .and_then(|file| ParquetRecordBatchReaderBuilder::try_new(file).map_err(|_| ()))
            {
                scan.meet(footer.schema())?;
            }
            (form.and_then(|form| read::read(file, form, path, &mut tally)), tally)
        }
        Err(problem) => (Err(problem), tally),
    };
    let clean = rows.is_ok() && tally.is_clean();
    scan.end(place, tally, rows);
    Ok(clean)
}

fn topic(settings: &kafka::Settings, topic: &str, partition: u32, scan: &mut Scan<'_>) -> Result<(), Error> {
    let mut tally: Tally = scan.begin();
    let reading = Partition { settings: settings.clone(), topic: topic.to_owned(), partition, limit: LIMIT };
    let rows = reading.read(From::Beginning, |messages| {
        let mut row = 0;
        while let Some(message) = messages.next()? {
            read::of_message(row, message, &mut tally);
            row += 1;
        }
        Ok(row)
    })?;
    scan.end(&format!("kafka://{topic}/{partition}"), tally, Ok(rows));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clean_segments_of_a_scan_that_can_be_trusted_are_released() {
        let segments = [("a", true), ("b", false), ("c", true)];
        let run = |trusted| {
            let (mut released, mut asked) = (Released::default(), Vec::new());
            let done = release(&segments, trusted, &mut released, |key| {
                asked.push(key.to_owned());
                Ok(key == "a")
            });
            done.expect("nothing fails");
            (released, asked)
        };
        let (released, asked) = run(true);
        assert_eq!((released, asked), (Released { extended: 1, already: 1, left: 1 }, vec!["a".into(), "c".into()]));
        assert_eq!(run(false), (Released { left: 3, ..Released::default() }, Vec::new()));
    }
}
