//! Both legs' targets in memory: slow, absent, too late, or unheard.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealtrail_chain::Segment;
use sealtrail_chain::content::{Content, Record, Tail, otlp};
use tokio::time::sleep;

use crate::archive::{self, ArchiveLeg, Links};
use crate::host::sim::Random;
use crate::stream::{self, Batch, End, StreamLeg, Tail as StreamTail};

/// Stream and archive: they outlive every crash.
#[derive(Clone)]
pub(super) struct Targets(Arc<Mutex<State>>);

pub(super) struct State {
    pub(super) random: Random,
    /// Of eight calls, how many go wrong.
    pub(super) trouble: u64,
    pub(super) stream: Vec<(sealtrail_chain::Link, String)>,
    pub(super) checkpoints: Vec<String>,
    pub(super) objects: BTreeMap<String, Links>,
    pub(super) notes: BTreeMap<String, Vec<u8>>,
    pub(super) failed: u64,
    pub(super) unheard: u64,
}

/// How a call goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Well,
    /// Nothing happens, and the caller hears so.
    Fails,
    /// It takes effect, and the caller hears that it failed.
    Unheard,
}

impl Targets {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Random::new(seed),
            trouble: 0,
            stream: Vec::new(),
            checkpoints: Vec::new(),
            objects: BTreeMap::new(),
            notes: BTreeMap::new(),
            failed: 0,
            unheard: 0,
        })))
    }

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("a panic elsewhere ends the run")
    }

    /// Takes its time, has its effect or not, takes time again: a crash may come in each of the two.
    async fn call<T>(&self, effect: impl FnOnce(&mut State) -> T) -> io::Result<T> {
        let (turn, before, behind) = self.lock().turn();
        sleep(before).await;
        if turn == Turn::Fails {
            return Err(io::Error::other("refused"));
        }
        let done = {
            let mut state = self.lock();
            // Until the answer is heard it counts as unheard: the caller may be gone by then.
            state.unheard += 1;
            effect(&mut state)
        };
        sleep(behind).await;
        if turn == Turn::Unheard {
            return Err(io::Error::other("no answer"));
        }
        self.lock().unheard -= 1;
        Ok(done)
    }
}

impl State {
    fn turn(&mut self) -> (Turn, Duration, Duration) {
        let wrong = self.random.below(8) < self.trouble;
        let turn = match (wrong, self.random.one_in(2)) {
            (false, _) => Turn::Well,
            (true, false) => Turn::Fails,
            (true, true) => Turn::Unheard,
        };
        self.failed += u64::from(wrong);
        let longest = if self.trouble > 0 && self.random.one_in(16) { 60_000 } else { 200 };
        let mut wait = || Duration::from_millis(self.random.below(longest));
        (turn, wait(), wait())
    }

    pub(super) fn end(&self) -> Option<End> {
        self.stream.last().map(|(link, _)| End { last: link.sequence, hash: link.hash })
    }

    fn take(&mut self, messages: &[(u64, Vec<u8>)], checkpoints: &[String]) {
        for (first, value) in messages {
            assert_eq!(*first, self.stream.len() as u64, "the stream has no gap and no repetition");
            otlp::read_stream(value, &mut |streamed| {
                let Record { log, context } = streamed.record;
                let content = Content::write(&log, &Tail::write(&context));
                self.stream.push((streamed.link, content.as_str().to_owned()));
            })
            .expect("a message of ours");
        }
        self.checkpoints.extend_from_slice(checkpoints);
    }

    fn put(&mut self, key: &str, links: Links) {
        let end = self.end().expect("the archive takes only what the stream has committed");
        assert!(links.last <= end.last, "the archive takes only what the stream has committed");
        let before = self.objects.insert(key.to_owned(), links.clone());
        assert!(before.is_none_or(|before| before == links), "an object is never another one's");
    }
}

impl StreamLeg for Targets {
    async fn end(&mut self) -> Result<StreamTail, stream::Error> {
        self.call(|state| StreamTail::settled(state.end())).await.map_err(stream_failed)
    }

    async fn take_over(&mut self) -> Result<(), stream::Error> {
        Ok(())
    }

    async fn commit(&mut self, batch: &Batch) -> Result<(), stream::Error> {
        let messages: Vec<_> =
            batch.messages.iter().map(|message| (message.first.get(), message.value.clone())).collect();
        let checkpoints: Vec<_> = batch.checkpoints.iter().map(|checkpoint| checkpoint.note.clone()).collect();
        self.call(|state| state.take(&messages, &checkpoints)).await.map_err(stream_failed)
    }
}

impl ArchiveLeg for Targets {
    async fn segment(&self, key: &str) -> Result<Option<Links>, archive::Error> {
        self.call(|state| state.objects.get(key).cloned()).await.map_err(archive_failed)
    }

    async fn proven(&self, key: &str) -> Result<Option<Links>, archive::Error> {
        self.segment(key).await
    }

    async fn put_segment(&self, key: &str, _: &Path, segment: &Segment) -> Result<(), archive::Error> {
        self.call(|state| state.put(key, Links::from(segment))).await.map_err(archive_failed)
    }

    async fn put_note(&self, key: &str, bytes: &[u8]) -> Result<(), archive::Error> {
        let put = |state: &mut State| {
            let before = state.notes.insert(key.to_owned(), bytes.to_owned());
            assert!(before.is_none_or(|before| before == bytes), "a note is never another one");
        };
        self.call(put).await.map_err(archive_failed)
    }

    fn workdir(&self) -> Option<PathBuf> {
        None
    }
}

fn stream_failed(source: io::Error) -> stream::Error {
    stream::Error::Io { doing: "reach", path: "simulated".into(), source }
}

fn archive_failed(source: io::Error) -> archive::Error {
    archive::Error::Io { doing: "reach", path: "simulated".into(), source }
}
