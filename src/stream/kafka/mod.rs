//! The stream leg on Apache Kafka: one transactional producer a chain, one transaction a batch.
//!
//! Promise 3 rests on two things that the brokers enforce: a transaction is seen whole or not at all, and its name
//! (`transactional.id`, the chain's) has one holder: whoever takes it over shuts all before out. So an older collector that
//! wakes up can't write behind the new one; idempotence alone would let it.
//!
//! In words:
//! - Before the take-over nothing is changed; the end that is told then may be short of a transaction that is decided and
//!   not yet visible (`Tail::settled`). After it, the end is what the stream holds.
//! - While a producer holds the chain, the end is what its last commit said, never what a reader sees: Kafka confirms a
//!   commit a moment before readers see it, and a batch that is written again in that moment would stand twice.
//! - A commit without an answer is asked for again, never taken for undone.
//! - A producer that was fenced, or has failed for good, is thrown away with all that it knew.
//!
//! All of this blocks: the leg has a thread of its own. Messages are those of `message`, so the local twin holds the same.

mod client;
mod config;
mod error;
mod producer;
pub mod reader;
mod scan;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use rdkafka::message::{Headers as _, Message as _, OwnedMessage};
use sealtrail_chain::ChainName;

pub use config::{Compression, Mechanism, Sasl, Secret, Settings, Tls};
pub use error::Error;
pub use topics::Problem;

use super::reader::{Damage, Span};
use super::{Batch, CheckpointNote, End, Reach, StreamLeg, Tail};
use producer::{Mark, Outgoing, Producer};

/// How long brokers may be silent before a call gives up. It goes on where it was when it is made again.
const LIMIT: Duration = Duration::from_secs(10);

/// The chain in Kafka, written by one collector at a time.
pub struct KafkaStream {
    settings: Arc<Settings>,
    chain: ChainName,
    /// The topics were found fit since the last silence.
    checked: bool,
    held: Option<Held>,
}

/// What is known while the chain is ours.
struct Held {
    producer: Producer,
    end: Reach,
    checkpoint: Option<CheckpointNote>,
}

impl KafkaStream {
    /// Nothing is asked or changed before the first call.
    pub fn new(settings: Settings, chain: ChainName) -> Self {
        Self { settings: Arc::new(settings), chain, checked: false, held: None }
    }

    async fn check(&mut self) -> Result<(), Error> {
        if !self.checked {
            topics::check(&self.settings, LIMIT).await?;
            self.checked = true;
        }
        Ok(())
    }

    /// What readers of the topic see as its end.
    fn visible(&self) -> Result<Reach, Error> {
        let Settings { topic, partition, .. } = &*self.settings;
        let found = scan::last(&self.settings, topic, *partition, self.chain.as_str(), LIMIT)?;
        match &found.message {
            Some(message) => Ok(Reach::To(self.end_of(message)?)),
            None if found.cut => Ok(Reach::Expired),
            None => Ok(Reach::Nothing),
        }
    }

    fn end_of(&self, message: &OwnedMessage) -> Result<End, Error> {
        span(message).map(|span| span.end()).ok_or_else(|| Error::Damaged {
            topic: message.topic().to_owned(),
            partition: self.settings.partition,
            offset: message.offset(),
            what: Damage::Headers,
        })
    }

    /// The last checkpoint of the chain that the stream has.
    fn last_checkpoint(&self) -> Result<Option<CheckpointNote>, Error> {
        let topic = &self.settings.checkpoint_topic;
        let found = scan::last(&self.settings, topic, 0, self.chain.as_str(), LIMIT)?;
        // A note that can't be read is none that ours could repeat.
        Ok(found.message.and_then(|message| CheckpointNote::read(message.payload()?)))
    }

    fn take(&mut self) -> Result<(), Error> {
        // The one before, if there is one, is thrown away first: it is of the same name.
        self.held = None;
        let producer = Producer::take_over(Arc::clone(&self.settings), self.chain.as_str(), LIMIT)?;
        // Whatever was on its way is decided and visible now, and nothing else can come.
        let (end, checkpoint) = (self.visible()?, self.last_checkpoint()?);
        self.held = Some(Held { producer, end, checkpoint });
        Ok(())
    }

    fn settled_end(&mut self) -> Result<Option<Reach>, Error> {
        let Some(held) = &mut self.held else { return Ok(None) };
        if let Some(mark) = held.producer.settle(LIMIT)? {
            held.note(mark);
        }
        Ok(Some(held.end))
    }

    fn write(&mut self, batch: &Batch) -> Result<(), super::Error> {
        let held = self.held.as_mut().ok_or(super::Error::NotTakenOver)?;
        if let Some(mark) = held.producer.settle(LIMIT)? {
            held.note(mark);
        }
        let stands = batch.end().is_some() && batch.end() == held.end.end();
        let messages: &[_] = if stands { &[] } else { &batch.messages };
        // What stood in an expired stream is gone; the log was compared with what was confirmed before the take-over.
        if !stands && held.end != Reach::Expired {
            batch.follows(held.end.end())?;
        }
        let fresh = |note: &&CheckpointNote| held.checkpoint.as_ref().is_none_or(|last| note.comes_after(last));
        let checkpoints: Vec<_> = batch.checkpoints.iter().filter(fresh).collect();
        if messages.is_empty() && checkpoints.is_empty() {
            return Ok(());
        }
        let outgoing = Outgoing { chain: self.chain.as_str(), messages, checkpoints: &checkpoints };
        let mark = held.producer.write(outgoing, LIMIT)?;
        held.note(mark);
        Ok(())
    }

    /// Forgets a producer that is of no more use.
    fn judged<T>(&mut self, outcome: Result<T, super::Error>) -> Result<T, super::Error> {
        if outcome.as_ref().is_err_and(super::Error::needs_take_over) {
            self.held = None;
        }
        if outcome.is_err() {
            self.checked = false;
        }
        outcome
    }
}

impl Held {
    /// The batch stands.
    fn note(&mut self, mark: Mark) {
        if let Some(end) = mark.end {
            self.end = Reach::To(end);
        }
        if let Some(checkpoint) = mark.checkpoint {
            self.checkpoint = Some(checkpoint);
        }
    }
}

impl Reach {
    fn end(self) -> Option<End> {
        match self {
            Self::To(end) => Some(end),
            Self::Nothing | Self::Expired => None,
        }
    }
}

impl StreamLeg for KafkaStream {
    async fn end(&mut self) -> Result<Tail, super::Error> {
        let settled = self.settled_end().map_err(super::Error::from);
        if let Some(reach) = self.judged(settled)? {
            return Ok(Tail { reach, settled: true });
        }
        self.check().await?;
        Ok(Tail { reach: self.visible()?, settled: false })
    }

    async fn take_over(&mut self) -> Result<(), super::Error> {
        Ok(self.take()?)
    }

    async fn commit(&mut self, batch: &Batch) -> Result<(), super::Error> {
        let written = self.write(batch);
        self.judged(written)
    }
}

/// What the headers of a message claim about its records.
fn span(message: &OwnedMessage) -> Option<Span> {
    let headers = message.headers()?;
    Span::of(|name| {
        let value = headers.iter().find(|header| header.key == name)?.value?;
        std::str::from_utf8(value).ok()
    })
}
