//! A chain in Kafka as verification sees it: one partition, read in ranges of offsets side by side, as the files of the
//! local twin are; and the topic of its checkpoints.
//!
//! Other chains may share the partition: their messages have other keys and are passed over.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use sealtrail_chain::{ChainName, Checkpoint};

use super::Error;
use super::checkpoints::{Problem, Stored, Text};
use super::leg::File;
use super::scope::Begin;
use super::stream;
use crate::stream::kafka::Settings;
use crate::stream::kafka::reader::{From, Partition};
use crate::stream::reader::{self, Framed, Source as _};

/// How long brokers may be silent.
const LIMIT: Duration = Duration::from_secs(30);
/// Ranges that a partition is read in, where they are no shorter than `SHORTEST`: each costs a connection.
const RANGES: u64 = 64;
const SHORTEST: u64 = 1024;

pub(super) struct Topic {
    chain: ChainName,
    records: Partition,
    notes: Partition,
}

impl Topic {
    pub(super) fn new(settings: &Settings, chain: &ChainName) -> Self {
        let partition = |topic: &str, partition| Partition {
            settings: settings.clone(),
            topic: topic.to_owned(),
            partition,
            limit: LIMIT,
        };
        Self {
            chain: chain.clone(),
            records: partition(&settings.topic, settings.partition),
            notes: partition(&settings.checkpoint_topic, 0),
        }
    }

    /// As findings name it.
    pub(super) fn place(&self) -> PathBuf {
        place(&self.records)
    }

    pub(super) fn checkpoints_place(&self) -> PathBuf {
        place(&self.notes)
    }

    /// What the partition holds now, cut into ranges; and whether something before it is gone.
    pub(super) fn ranges(&self) -> Result<(Vec<File>, bool), Error> {
        let (low, end) = self.records.bounds().map_err(Error::Stream)?;
        let path = self.place();
        let place = path.display().to_string().into();
        let file = |range: Range<u64>| File {
            path: path.clone(),
            place: std::sync::Arc::clone(&place),
            first: 0,
            newest: range.end == end,
            bytes: 0,
            offsets: Some((range.start, range.end)),
        };
        Ok((cut(low..end).map(file).collect(), low > 0))
    }

    /// Hands over the chain's messages of a range of offsets, each with its own.
    pub(super) fn read(
        &self,
        (from, to): (u64, u64),
        mut each: impl FnMut(u64, Framed<'_>),
    ) -> Result<(), reader::Error> {
        self.records.read(From::Offset(from), |messages| {
            messages.stop_at(to);
            while messages.step()? {
                let offset = messages.at().saturating_sub(1);
                if let Some(message) =
                    messages.message().filter(|message| message.key == self.chain.as_str().as_bytes())
                {
                    each(offset, message);
                }
            }
            Ok(())
        })
    }

    /// Where a range of offsets begins, by the first record of the chain in it.
    pub(super) fn begin(&self, (from, to): (u64, u64)) -> Option<Begin> {
        let first = self.records.read(From::Offset(from), |messages| {
            messages.stop_at(to);
            while messages.step()? {
                let message = messages.message().filter(|message| message.key == self.chain.as_str().as_bytes());
                if let Some(message) = message {
                    return Ok(stream::begin_of(&message));
                }
            }
            Ok(None)
        });
        first.ok().flatten()
    }

    /// The genesis note that record 0 carries, where it is still there.
    pub(super) fn genesis(&self) -> Option<String> {
        let first = self.records.read(From::Beginning, |messages| {
            while messages.step()? {
                let message = messages.message().filter(|message| message.key == self.chain.as_str().as_bytes());
                if let Some(message) = message {
                    return Ok(stream::genesis_in(&message));
                }
            }
            Ok(None)
        });
        first.ok().flatten()
    }

    /// Hands the chain's checkpoints on, in the order of the topic.
    pub(super) fn checkpoints(&self, each: &mut dyn FnMut(Stored), problem: &mut dyn FnMut(Problem)) {
        let path = self.checkpoints_place();
        let read = self.notes.read(From::Beginning, |messages| {
            while messages.step()? {
                let offset = messages.at().saturating_sub(1);
                let Some(message) = messages.message() else { continue };
                if message.key == self.chain.as_str().as_bytes() {
                    let note = String::from_utf8_lossy(message.value).into_owned();
                    let named = Checkpoint::parse(&note).map_or(0, |checkpoint| checkpoint.size);
                    let place: std::sync::Arc<str> = format!("{}@{offset}", path.display()).into();
                    if let Some(found) = stream::odd(&message, true) {
                        problem(Problem::Message { place: place.to_string(), size: named, found });
                    }
                    each(Stored {
                        place,
                        note: Text::Read(note),
                        path: path.clone(),
                        named,
                        seconds: None,
                        range: None,
                    });
                }
            }
            Ok(())
        });
        if let Err(error) = read {
            problem(stream::problem_of(error, &path));
        }
    }
}

fn place(partition: &Partition) -> PathBuf {
    PathBuf::from(format!("kafka://{}/{}", partition.topic, partition.partition))
}

/// Ranges that tile a partition.
fn cut(all: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let length = ((all.end - all.start.min(all.end)) / RANGES).max(SHORTEST);
    let begins = (all.start..all.end).step_by(usize::try_from(length).unwrap_or(usize::MAX));
    begins.map(move |begin| begin..(begin + length).min(all.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_tile_a_partition() {
        for all in [0..0, 5..5, 0..1, 3..1027, 0..1025, 7..10_000_000] {
            let ranges: Vec<_> = cut(all.clone()).collect();
            assert!(ranges.len() as u64 <= RANGES + 1, "{all:?}: {}", ranges.len());
            assert!(ranges.windows(2).all(|two| two[0].end == two[1].start));
            assert_eq!(ranges.first().map_or(all.start, |range| range.start), all.start);
            assert_eq!(ranges.last().map_or(all.end, |range| range.end), all.end);
        }
    }
}
