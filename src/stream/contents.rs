//! What the stream holds of one chain, for those who go on with it: its records from some place on, and its checkpoints.
//! Read as anyone may read it; whoever asks for what can't change any more has taken the stream over before.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealtrail_chain::content::otlp::{self, StreamError, Streamed};
use sealtrail_chain::{ChainName, Sequence, UnixNanos};

use super::kafka::reader::{From, Partition};
use super::reader::{self, Messages, Source, Span};
use super::{CheckpointNote, Config, Error};

/// How long brokers may be silent before reading gives up.
const LIMIT: Duration = Duration::from_secs(10);
/// Clocks of a producer and of what it has sealed lie no further apart, unless one was set.
const SLACK_MILLIS: i64 = 60_000;

/// The stream of one chain. It can be handed to a thread that may block.
#[derive(Clone)]
pub struct Contents {
    place: Place,
    chain: ChainName,
}

#[derive(Clone)]
enum Place {
    Directory { records: PathBuf, checkpoints: PathBuf },
    Kafka { records: Box<Partition>, checkpoints: Box<Partition> },
}

/// Why records can't be handed over.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    #[error(transparent)]
    Stream(#[from] Error),
    #[error("a message of the stream, behind record {after:?}, can't be read: {source}", after = after.map(Sequence::get))]
    Message { after: Option<Sequence>, source: StreamError },
}

impl std::convert::From<reader::Error> for ContentsError {
    fn from(error: reader::Error) -> Self {
        Self::Stream(error.into())
    }
}

impl Contents {
    /// Of the stream that the configuration names.
    pub fn new(config: &Config, data_dir: &Path, chain: ChainName) -> Self {
        let place = match config {
            Config::Directory(directory) => {
                let root = directory.path_in(data_dir);
                let records = root.join(&directory.topic).join(config.partition().to_string());
                Place::Directory { records, checkpoints: root.join(&directory.checkpoint_topic).join("0") }
            }
            Config::Kafka(settings) => {
                let partition = |topic: &str, partition| {
                    let (settings, topic) = ((**settings).clone(), topic.to_owned());
                    Box::new(Partition { settings, topic, partition, limit: LIMIT })
                };
                Place::Kafka {
                    records: partition(&settings.topic, settings.partition),
                    checkpoints: partition(&settings.checkpoint_topic, 0),
                }
            }
        };
        Self { place, chain }
    }

    /// Hands over the records of whole messages, from the one that holds `from` on, or the first that is still there;
    /// `since`: when the record before `from` was observed, where to look first. Blocks.
    pub fn records(
        &self,
        from: Sequence,
        since: UnixNanos,
        each: &mut dyn FnMut(Streamed<'_>) -> ControlFlow<()>,
    ) -> Result<(), ContentsError> {
        match &self.place {
            Place::Directory { records, .. } => {
                let files = list(records)?;
                let begin = files.iter().rposition(|file| file.first <= from.get()).unwrap_or(0);
                for file in files.iter().skip(begin) {
                    if self.hand_over(&mut Messages::open(file)?, from, each)? == Handed::Enough {
                        break;
                    }
                }
                Ok(())
            }
            Place::Kafka { records, .. } => {
                let near = From::Time((since.0 / 1_000_000) as i64 - SLACK_MILLIS);
                // A clock that was set may have put it further back.
                let begin = if from == Sequence::ZERO || !self.begins_by(records, near, from)? {
                    From::Beginning
                } else {
                    near
                };
                let mut handed = Ok(Handed::All);
                records.read(begin, |messages| {
                    handed = self.hand_over(messages, from, each);
                    Ok(())
                })?;
                handed.map(drop)
            }
        }
    }

    /// Whether the first message of the chain that lies there begins at `from` or before.
    fn begins_by(&self, records: &Partition, place: From, from: Sequence) -> Result<bool, reader::Error> {
        records.read(place, |messages| {
            while let Some(message) = messages.next()? {
                if message.key == self.chain.as_str().as_bytes() {
                    return Ok(message.span().is_some_and(|span| span.first <= from));
                }
            }
            Ok(false)
        })
    }

    fn hand_over(
        &self,
        messages: &mut dyn Source,
        from: Sequence,
        each: &mut dyn FnMut(Streamed<'_>) -> ControlFlow<()>,
    ) -> Result<Handed, ContentsError> {
        let mut after = None;
        while let Some(message) = messages.next()? {
            // What its headers say only spares us the reading: what is handed over is proven by its links.
            let span: Option<Span> = message.span();
            if message.key != self.chain.as_str().as_bytes() || span.is_some_and(|span| span.last < from) {
                continue;
            }
            let mut flow = ControlFlow::Continue(());
            let read = otlp::read_stream(message.value, &mut |streamed| {
                if flow.is_continue() {
                    after = Some(streamed.link.sequence);
                    flow = each(streamed);
                }
            });
            read.map_err(|source| ContentsError::Message { after, source })?;
            if flow.is_break() {
                return Ok(Handed::Enough);
            }
        }
        Ok(Handed::All)
    }

    /// Hands over the chain's checkpoints that are still there, in the order of the topic. Blocks.
    pub fn checkpoints(&self, each: &mut dyn FnMut(CheckpointNote)) -> Result<(), Error> {
        let mut hand_over = |messages: &mut dyn Source| {
            while let Some(message) = messages.next()? {
                if message.key == self.chain.as_str().as_bytes()
                    && let Some(note) = CheckpointNote::read(message.value)
                {
                    each(note);
                }
            }
            Ok::<_, reader::Error>(())
        };
        match &self.place {
            Place::Directory { checkpoints, .. } => {
                for file in list(checkpoints)? {
                    hand_over(&mut Messages::open(&file)?)?;
                }
            }
            Place::Kafka { checkpoints, .. } => checkpoints.read(From::Beginning, |messages| hand_over(messages))?,
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Handed {
    All,
    /// Whoever is handed them has enough.
    Enough,
}

/// The files of a partition, which may not be there yet.
fn list(dir: &Path) -> Result<Vec<reader::FileName>, reader::Error> {
    if dir.is_dir() { reader::files(dir) } else { Ok(Vec::new()) }
}
