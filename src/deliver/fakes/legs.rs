//! Legs in memory, which fail when told to.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rdkafka::error::RDKafkaErrorCode;
use sealtrail_chain::content::otlp;
use sealtrail_chain::{Link, Segment};

use crate::archive::{self, ArchiveLeg, Links};
use crate::stream::{self, Batch, End, StreamLeg, Tail as StreamTail};

/// How a commit goes wrong.
pub(crate) enum Fault {
    /// It has no effect.
    Before,
    /// Its records stand, and nobody is told; its checkpoints don't.
    After,
    /// Somebody else has cut the stream.
    Cut,
    /// It has no effect, or nobody is told of it, and the producer is fenced; another one has written these.
    Fenced { stands: bool, theirs: Vec<Link> },
}

fn down() -> stream::Error {
    stream::Error::Io { doing: "reach", path: "memory".into(), source: io::Error::other("down") }
}

/// A stream in memory.
#[derive(Clone, Default)]
pub(crate) struct MemoryStream {
    pub(crate) state: Arc<Mutex<StreamState>>,
}

#[derive(Default)]
pub(crate) struct StreamState {
    pub(crate) records: Vec<Link>,
    pub(crate) checkpoints: Vec<(u64, String)>,
    pub(crate) faults: VecDeque<Fault>,
    /// So many times it doesn't answer when it is asked for its end.
    pub(crate) absent: u32,
    /// A batch of more bytes does not pass before its transaction has to end.
    pub(crate) passes: Option<usize>,
    pub(crate) taken_over: u32,
}

impl StreamState {
    pub(crate) fn end(&self) -> Option<End> {
        self.records.last().map(|link| End { last: link.sequence, hash: link.hash })
    }
}

impl StreamLeg for MemoryStream {
    async fn end(&mut self) -> Result<StreamTail, stream::Error> {
        let mut state = self.state.lock().unwrap();
        if state.absent > 0 {
            state.absent -= 1;
            return Err(down());
        }
        Ok(StreamTail::settled(state.end()))
    }

    async fn take_over(&mut self) -> Result<(), stream::Error> {
        self.state.lock().unwrap().taken_over += 1;
        Ok(())
    }

    async fn commit(&mut self, batch: &Batch) -> Result<(), stream::Error> {
        let mut state = self.state.lock().unwrap();
        if state.passes.is_some_and(|most| batch.bytes() > most) {
            return Err(stream::kafka::Error::TakenBack { code: RDKafkaErrorCode::OperationTimedOut }.into());
        }
        let fault = state.faults.pop_front();
        let fault = match fault {
            Some(Fault::Before) => return Err(down()),
            Some(Fault::Fenced { stands: false, theirs }) => {
                state.records.extend(theirs);
                return Err(stream::kafka::Error::Fenced.into());
            }
            Some(Fault::Cut) => {
                state.records.pop();
                return Err(down());
            }
            other => other,
        };
        for message in &batch.messages {
            otlp::read_stream(&message.value, &mut |streamed| state.records.push(streamed.link)).unwrap();
            assert_eq!(state.end(), Some(End { last: message.last, hash: message.head }));
        }
        match fault {
            Some(Fault::Fenced { .. }) => return Err(stream::kafka::Error::Fenced.into()),
            Some(_) => return Err(down()),
            None => {}
        }
        for note in &batch.checkpoints {
            if state.checkpoints.last().is_none_or(|(size, text)| note.size >= *size && note.note != *text) {
                state.checkpoints.push((note.size, note.note.clone()));
            }
        }
        Ok(())
    }
}

/// An archive in memory.
#[derive(Clone, Default)]
pub(crate) struct MemoryArchive {
    pub(crate) state: Arc<Mutex<ArchiveState>>,
}

#[derive(Default)]
pub(crate) struct ArchiveState {
    pub(crate) down: bool,
    /// Objects that are stored although the put fails.
    pub(crate) deaf: u32,
    pub(crate) objects: BTreeMap<String, Links>,
    pub(crate) notes: BTreeMap<String, Vec<u8>>,
    /// Keys in the order in which they came.
    pub(crate) order: Vec<String>,
}

impl MemoryArchive {
    fn reach(&self) -> Result<std::sync::MutexGuard<'_, ArchiveState>, archive::Error> {
        let state = self.state.lock().unwrap();
        if state.down { Err(unreachable()) } else { Ok(state) }
    }
}

fn unreachable() -> archive::Error {
    archive::Error::Io { doing: "reach", path: "memory".into(), source: io::Error::other("down") }
}

impl ArchiveLeg for MemoryArchive {
    async fn segment(&self, key: &str) -> Result<Option<Links>, archive::Error> {
        Ok(self.reach()?.objects.get(key).cloned())
    }

    async fn proven(&self, key: &str) -> Result<Option<Links>, archive::Error> {
        self.segment(key).await
    }

    async fn put_segment(&self, key: &str, _: &Path, segment: &Segment) -> Result<(), archive::Error> {
        let mut state = self.reach()?;
        let links = Links { first: segment.first, last: segment.last, before: segment.before, after: segment.after };
        if let Some(found) = state.objects.get(key).filter(|found| **found != links) {
            let (key, expected, found) = (key.to_owned(), Box::new(links), Box::new(found.clone()));
            return Err(archive::Error::Differs { key, expected, found });
        }
        if state.objects.insert(key.to_owned(), links).is_none() {
            state.order.push(key.to_owned());
        }
        if state.deaf > 0 {
            state.deaf -= 1;
            return Err(unreachable());
        }
        Ok(())
    }

    async fn put_note(&self, key: &str, bytes: &[u8]) -> Result<(), archive::Error> {
        let mut state = self.reach()?;
        match state.notes.insert(key.to_owned(), bytes.to_vec()) {
            Some(found) => assert!(found == bytes, "a note is never changed"),
            None => state.order.push(key.to_owned()),
        }
        Ok(())
    }

    fn workdir(&self) -> Option<PathBuf> {
        None
    }
}
