//! The stream's side: the records of a day out of a partition in Kafka, or out of the local twin's files.
//!
//! Where the day begins is asked of the records themselves, never of a message's time stamp, which may be a broker's: a
//! search in Kafka, the first messages of the files in a directory. From there on every record is handed over up to the
//! first one behind the day, also one that stands where it shouldn't, so what is repeated shows in the day where it stands.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealtrail_chain::content::otlp::{self, Streamed};
use sealtrail_chain::content::{Content, Tail};
use sealtrail_chain::{ChainName, Link, Sequence, UnixNanos};

use super::{Day, Error, Record};
use crate::stream::kafka::reader::{From, Partition};
use crate::stream::kafka::{self, Settings};
use crate::stream::reader::{self, Framed, Messages, Source};
use crate::stream::{Config, Directory};
use crate::verify::carried;

/// How long brokers may be silent.
const LIMIT: Duration = Duration::from_secs(30);

/// Takes a record, and says whether there is to be another.
type Each<'e> = dyn FnMut(&Streamed<'_>) -> ControlFlow<()> + 'e;

/// Where the stream lies.
#[derive(Clone)]
pub(super) struct Stream {
    chain: ChainName,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Directory { records: PathBuf, notes: PathBuf },
    Kafka { records: Box<Partition>, notes: Box<Partition> },
}

/// What is known of the stream before the day is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// The first record that it holds of the day, or behind it.
    pub(super) first: Option<Record>,
    /// The first one behind the day.
    pub(super) behind: Option<Record>,
    /// The first record of all that it still holds, where something before it has passed its retention. `None` in it: no
    /// record is left.
    pub(super) cut: Option<Option<Sequence>>,
}

impl Stream {
    pub(super) fn new(config: &Config, data_dir: &Path, chain: &ChainName) -> Self {
        let place = match config {
            Config::Directory(directory) => of_directory(directory, data_dir),
            Config::Kafka(settings) => of_kafka(settings),
        };
        Self { chain: chain.clone(), place }
    }

    /// As people name it.
    pub(super) fn describe(&self) -> String {
        match &self.place {
            Place::Directory { records, .. } => records.display().to_string(),
            Place::Kafka { records, .. } => format!("kafka://{}/{}", records.topic, records.partition),
        }
    }

    pub(super) fn extent(&self, day: Day) -> Result<Extent, Error> {
        match &self.place {
            Place::Kafka { records, .. } => {
                let (low, _) = records.bounds()?;
                let cut =
                    if low > 0 { Some(self.first_from(records, None)?.map(|record| record.sequence)) } else { None };
                let first = self.first_from(records, Some(day.begin()))?;
                Ok(Extent { first, behind: self.first_from(records, Some(day.end()))?, cut })
            }
            Place::Directory { records, .. } => {
                let (mut first, mut behind) = (None, None);
                self.walk_files(records, day, &mut |streamed| {
                    let link = &streamed.link;
                    if link.observed >= day.begin() {
                        first.get_or_insert_with(|| record(link));
                    }
                    if link.observed >= day.end() {
                        behind = Some(record(link));
                    }
                    if behind.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })?;
                Ok(Extent { first, behind, cut: None })
            }
        }
    }

    /// Hands over the records of the day, as they stand.
    pub(super) fn day(&self, day: Day, each: &mut dyn FnMut(Record) -> ControlFlow<()>) -> Result<(), Error> {
        let mut begun = false;
        self.walk(day, &mut |streamed| {
            let link = &streamed.link;
            begun |= link.observed >= day.begin();
            match begun {
                false => ControlFlow::Continue(()),
                true if link.observed >= day.end() => ControlFlow::Break(()),
                true => each(record(link)),
            }
        })
    }

    /// Hands over the records from `from` on, with their contents; looks for it from the beginning of `day` on.
    pub(super) fn contents(
        &self,
        day: Day,
        from: Sequence,
        each: &mut dyn FnMut(&Link, &str) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.walk(day, &mut |streamed| {
            if streamed.link.sequence < from {
                return ControlFlow::Continue(());
            }
            let content = Content::write(&streamed.record.log, &Tail::write(&streamed.record.context));
            each(&streamed.link, content.as_str())
        })
    }

    /// Hands over the records from somewhere before the day on.
    fn walk(&self, day: Day, each: &mut Each<'_>) -> Result<(), Error> {
        match &self.place {
            Place::Directory { records, .. } => self.walk_files(records, day, each),
            Place::Kafka { records, .. } => {
                let read = records.read(From::Beginning, |messages| {
                    if !messages.search(|message| self.reaches(&message, day.begin()))? {
                        return Ok(Ok(()));
                    }
                    Ok(self.records(messages, &self.describe(), each).map(|_| ()))
                });
                read?
            }
        }
    }

    fn walk_files(&self, records: &Path, day: Day, each: &mut Each<'_>) -> Result<(), Error> {
        if !records.is_dir() {
            return Ok(());
        }
        let files = reader::files(records)?;
        let mut from = 0;
        for (place, file) in files.iter().enumerate() {
            let first = self.first_of(&mut Messages::open(file)?)?;
            if first.is_some_and(|record| record.observed < day.begin()) {
                from = place;
            }
        }
        for file in files.iter().skip(from) {
            if self.records(&mut Messages::open(file)?, &file.path.display().to_string(), each)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Hands over the chain's records of a source until `each` breaks; says whether it did.
    fn records(&self, source: &mut dyn Source, place: &str, each: &mut Each<'_>) -> Result<ControlFlow<()>, Error> {
        loop {
            let at = source.at();
            let Some(message) = source.next()? else { return Ok(ControlFlow::Continue(())) };
            if !self.is_ours(&message) {
                continue;
            }
            let mut flow = ControlFlow::Continue(());
            let read = otlp::read_stream(message.value, &mut |streamed| {
                if flow.is_continue() {
                    flow = each(&streamed);
                }
            });
            if flow.is_break() {
                return Ok(flow);
            }
            read.map_err(|_| Error::Message { place: place.to_owned(), at })?;
        }
    }

    /// Whether the message holds a record observed at that time or later. One that can't be read passes for none: it is
    /// named when it is its turn.
    fn reaches(&self, message: &Framed<'_>, time: UnixNanos) -> Option<bool> {
        let mut last = None;
        if self.is_ours(message) {
            let _ = otlp::read_stream(message.value, &mut |streamed| last = last.max(Some(streamed.link.observed)));
        }
        last.map(|observed| observed >= time)
    }

    /// The first record observed at that time or later, or of all.
    fn first_from(&self, records: &Partition, time: Option<UnixNanos>) -> Result<Option<Record>, Error> {
        let read = records.read(From::Beginning, |messages| {
            if let Some(time) = time
                && !messages.search(|message| self.reaches(&message, time))?
            {
                return Ok(Ok(None));
            }
            let mut first = None;
            Ok(self
                .records(messages, &self.describe(), &mut |streamed| {
                    let link = &streamed.link;
                    if time.is_some_and(|time| link.observed < time) {
                        return ControlFlow::Continue(());
                    }
                    first = Some(record(link));
                    ControlFlow::Break(())
                })
                .map(|_| first))
        });
        read?
    }

    fn first_of(&self, source: &mut dyn Source) -> Result<Option<Record>, reader::Error> {
        while let Some(message) = source.next()? {
            if self.is_ours(&message) {
                let mut first = None;
                let _ = otlp::read_stream(message.value, &mut |streamed| {
                    first.get_or_insert_with(|| record(&streamed.link));
                });
                return Ok(first);
            }
        }
        Ok(None)
    }

    /// Hands over the notes of the chain's checkpoints, in order.
    pub(super) fn notes(&self, each: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let mut take = |source: &mut dyn Source| -> Result<(), reader::Error> {
            while let Some(message) = source.next()? {
                if self.is_ours(&message) {
                    each(&String::from_utf8_lossy(message.value));
                }
            }
            Ok(())
        };
        match &self.place {
            Place::Directory { notes, .. } if !notes.is_dir() => Ok(()),
            Place::Directory { notes, .. } => {
                for file in reader::files(notes)? {
                    take(&mut Messages::open(&file)?)?;
                }
                Ok(())
            }
            Place::Kafka { notes, .. } => Ok(notes.read(From::Beginning, |messages| take(messages))?),
        }
    }

    /// The notes of rotations that the chain's records carry, each with its record: all that the stream still holds.
    pub(super) fn rotations(&self) -> Result<Vec<(u64, String)>, Error> {
        let mut found = Vec::new();
        let mut take = |source: &mut dyn Source| -> Result<(), reader::Error> {
            while let Some(message) = source.next()? {
                // A rotation is rare: only a message that holds its name is taken apart.
                if found.len() >= ROTATIONS || !self.is_ours(&message) || !is_named(message.value) {
                    continue;
                }
                // One that can't be read is named when its day is compared.
                let _ = otlp::read_stream(message.value, &mut |streamed| {
                    found.extend(carried(&streamed.record).map(|note| (streamed.link.sequence.get(), note)));
                });
            }
            Ok(())
        };
        match &self.place {
            Place::Directory { records, .. } if !records.is_dir() => {}
            Place::Directory { records, .. } => {
                for file in reader::files(records)? {
                    take(&mut Messages::open(&file)?)?;
                }
            }
            Place::Kafka { records, .. } => records.read(From::Beginning, |messages| take(messages))?,
        }
        Ok(found)
    }

    fn is_ours(&self, message: &Framed<'_>) -> bool {
        message.key == self.chain.as_str().as_bytes()
    }
}

/// A chain has fewer rotations, or somebody wants to fill our memory.
const ROTATIONS: usize = 1_000;

/// Whether the name of a rotation's record stands in the bytes.
fn is_named(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"sealtrail.key.rotated").is_some()
}

fn record(link: &Link) -> Record {
    Record { sequence: link.sequence, observed: link.observed, hash: link.hash }
}

fn of_directory(directory: &Directory, data_dir: &Path) -> Place {
    let root = directory.path_in(data_dir);
    Place::Directory {
        records: root.join(&directory.topic).join("0"),
        notes: root.join(&directory.checkpoint_topic).join("0"),
    }
}

fn of_kafka(settings: &Settings) -> Place {
    let partition = |topic: &str, partition| {
        Box::new(Partition { settings: settings.clone(), topic: topic.to_owned(), partition, limit: LIMIT })
    };
    Place::Kafka {
        records: partition(&settings.topic, settings.partition),
        notes: partition(&settings.checkpoint_topic, 0),
    }
}

/// Whether a source is damaged, rather than out of reach.
pub(super) fn is_damage(error: &reader::Error) -> bool {
    match error {
        reader::Error::Damaged { .. } | reader::Error::Kafka(kafka::Error::Damaged { .. }) => true,
        reader::Error::Io { .. } | reader::Error::Kafka(_) => false,
    }
}
