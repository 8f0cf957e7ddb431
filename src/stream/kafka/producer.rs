//! One transactional producer, from its take-over of the chain to its end.
//!
//! What each step leaves when the collector stops there, or Kafka doesn't answer:
//! - *being sent, or not all reported*: nothing is committed, for nobody has asked for it. The same batch goes on from here; another
//!   one takes it back first. After a crash the next take-over takes it back.
//! - *commit asked for, no answer*: it may stand or not. Only asking again tells, so nothing else is done before.
//! - *taking back, no answer*: nothing of it can stand any more; taking back goes on.
//! - *fenced, or fatal*: what was asked for last may stand or not. The producer is of no more use; the next take-over makes
//!   Kafka decide, and only then is the stream's end asked.
//!
//! The client's own `flush` waits in steps of 100 ms, and its `abort_transaction` doesn't serve the reports it waits for: so
//! reports are counted here, in steps of a millisecond, and each call comes with a look at them. The crate's `poll` spins through
//! the last millisecond of its wait, so the waiting is ours.
//!
//! A message that waits behind the five that may be on their way keeps the client's own thread from sleeping until it is its turn.
//! So no more are handed over than that, and the client holds no more of a batch than it can send.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use sealtrail_chain::Sequence;

use super::super::message::{FIRST, HEAD, LAST};
use super::super::{CheckpointNote, End, Message};
use super::client::Context;
use super::config::Settings;
use super::error::{Error, Flags, Verdict, code_of, unanswered, verdict};

/// How often a batch that Kafka took back is written again before it counts as a failure.
const ATTEMPTS: u32 = 3;
/// Between two looks at the reports.
const STEP: Duration = Duration::from_millis(1);
/// Most messages without a report: as many as an idempotent producer may have on their way.
const ON_THEIR_WAY: u64 = 5;
/// Longest that one call of the client may block before its events are served.
const TURN: Duration = Duration::from_millis(500);

pub(super) struct Producer {
    client: BaseProducer<Context>,
    context: Context,
    settings: Arc<Settings>,
    open: Open,
}

/// Where the transaction stands.
enum Open {
    No,
    /// So many of its messages and checkpoints are in the client's hands; there were `before` reports when it began.
    Sending {
        mark: Mark,
        handed: usize,
        before: u64,
    },
    Committing {
        mark: Mark,
    },
    TakingBack,
}

/// What goes out in one transaction.
#[derive(Clone, Copy)]
pub(super) struct Outgoing<'a> {
    pub(super) chain: &'a str,
    pub(super) messages: &'a [Message],
    pub(super) checkpoints: &'a [&'a CheckpointNote],
}

/// By what a transaction is known, and what the stream ends with once it is committed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) first: Option<Sequence>,
    pub(super) end: Option<End>,
    /// Last records of its messages: what goes on from the middle must be cut as it was.
    cuts: Vec<Sequence>,
    checkpoints: usize,
    pub(super) checkpoint: Option<CheckpointNote>,
}

impl Mark {
    fn of(outgoing: Outgoing<'_>) -> Self {
        Self {
            first: outgoing.messages.first().map(|message| message.first),
            end: outgoing.messages.last().map(|message| End { last: message.last, hash: message.head }),
            cuts: outgoing.messages.iter().map(|message| message.last).collect(),
            checkpoints: outgoing.checkpoints.len(),
            checkpoint: outgoing.checkpoints.last().map(|note| (*note).clone()),
        }
    }
}

/// Until when a call may wait, and how long that was.
#[derive(Clone, Copy)]
struct Patience {
    deadline: Instant,
    limit: Duration,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        Self { deadline: Instant::now() + limit, limit }
    }

    fn is_over(self) -> bool {
        Instant::now() >= self.deadline
    }
}

impl Producer {
    /// Takes the chain's name over: whoever had it can't commit any more, and what it left open is decided.
    pub(super) fn take_over(settings: Arc<Settings>, chain: &str, limit: Duration) -> Result<Self, Error> {
        let context = Context::default();
        let created = settings.producer(chain).create_with_context(context.clone());
        let client: BaseProducer<Context> =
            created.map_err(|error| Error::Configuration { what: error.to_string() })?;
        let producer = Self { client, context, settings, open: Open::No };
        let patience = Patience::new(limit);
        loop {
            let Err(error) = producer.client.init_transactions(TURN) else { return Ok(producer) };
            producer.serve();
            let (code, flags) = code_of(&error);
            match verdict(code, flags) {
                Verdict::Again if !patience.is_over() => {}
                Verdict::Again => return Err(producer.unanswered("take the chain over", limit)),
                Verdict::Denied => return Err(Error::Denied { doing: "take the chain over", code }),
                Verdict::Fenced => return Err(Error::Fenced),
                Verdict::Lost | Verdict::TakeBack | Verdict::Refused => {
                    return Err(Error::Refused { doing: "let us take the chain over", code });
                }
            }
        }
    }

    /// Brings a commit that was not answered to its end; gives what stands by that.
    pub(super) fn settle(&mut self, limit: Duration) -> Result<Option<Mark>, Error> {
        // Where nobody has asked for a commit, nothing stands, whatever becomes of it.
        let Open::Committing { mark } = &self.open else { return Ok(None) };
        let mark = mark.clone();
        match self.commit(&mark, Patience::new(limit)) {
            Ok(()) => Ok(Some(mark)),
            Err(Error::TakenBack { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it in one transaction, or goes on with that where it waited. What stands must be settled.
    pub(super) fn write(&mut self, outgoing: Outgoing<'_>, limit: Duration) -> Result<Mark, Error> {
        let (patience, mark) = (Patience::new(limit), Mark::of(outgoing));
        let mut attempts = 0;
        loop {
            match self.try_write(outgoing, &mark, patience) {
                Err(Error::TakenBack { .. }) if attempts < ATTEMPTS => attempts += 1,
                Err(error) => return Err(error),
                Ok(()) => return Ok(mark),
            }
        }
    }

    fn try_write(&mut self, outgoing: Outgoing<'_>, mark: &Mark, patience: Patience) -> Result<(), Error> {
        let goes_on = matches!(&self.open, Open::Sending { mark: sending, .. } if sending == mark);
        if !goes_on {
            self.take_back(patience)?;
            self.begin(mark)?;
        }
        self.send_all(outgoing, patience)?;
        self.commit(mark, patience)
    }

    fn begin(&mut self, mark: &Mark) -> Result<(), Error> {
        self.client.begin_transaction().map_err(|error| self.judge(&error, "begin a transaction"))?;
        // What an earlier transaction had to say was heard when it was committed or taken back.
        let _ = self.context.take_failure();
        self.open = Open::Sending { mark: mark.clone(), handed: 0, before: self.context.reports() };
        Ok(())
    }

    /// Hands over what isn't yet, as reports of what is come in, until there is a report of all.
    fn send_all(&mut self, outgoing: Outgoing<'_>, patience: Patience) -> Result<(), Error> {
        let Open::Sending { mut handed, before, .. } = self.open else { return Ok(()) };
        loop {
            let reports = self.context.reports() - before;
            let failed = self.context.has_failure();
            if !failed && (handed as u64) < reports + ON_THEIR_WAY && self.hand_over(outgoing, handed, patience)? {
                handed += 1;
                if let Open::Sending { handed: noted, .. } = &mut self.open {
                    *noted = handed;
                }
                continue;
            }
            if reports >= handed as u64 {
                return if failed { self.failed(patience) } else { Ok(()) };
            }
            if let Some(error) = self.fatal() {
                return Err(error);
            }
            if patience.is_over() {
                return Err(self.unanswered("write", patience.limit));
            }
            self.serve();
        }
    }

    /// Hands over the message, or behind the messages the checkpoint, of that place; `false` where there is none.
    fn hand_over(&mut self, outgoing: Outgoing<'_>, place: usize, patience: Patience) -> Result<bool, Error> {
        let (Outgoing { chain, messages, checkpoints }, settings) = (outgoing, Arc::clone(&self.settings));
        let partition = i32::try_from(settings.partition).unwrap_or(i32::MAX);
        if let Some(message) = messages.get(place) {
            let record = BaseRecord::to(&settings.topic).partition(partition).key(chain);
            self.send(record.payload(message.value.as_slice()).headers(headers(message)), patience)?;
        } else if let Some(note) = place.checked_sub(messages.len()).and_then(|place| checkpoints.get(place)) {
            let record = BaseRecord::to(&settings.checkpoint_topic).partition(0).key(chain);
            self.send(record.payload(note.note.as_bytes()), patience)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Hands a message over; a full queue is served until it takes it.
    fn send(&mut self, mut record: BaseRecord<'_, str, [u8]>, patience: Patience) -> Result<(), Error> {
        loop {
            match self.client.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), _)) if patience.is_over() => {
                    return Err(self.unanswered("write", patience.limit));
                }
                Err((KafkaError::MessageProduction(Code::QueueFull), again)) => {
                    self.serve();
                    record = again;
                }
                Err((error, _)) => {
                    self.open = Open::TakingBack;
                    // The transaction has failed meanwhile, and takes nothing more.
                    if matches!(error, KafkaError::MessageProduction(Code::State)) && self.fatal().is_none() {
                        self.take_back(patience)?;
                        return Err(Error::TakenBack { code: Code::State });
                    }
                    return Err(self.judge(&error, "take a message"));
                }
            }
        }
    }

    /// Lets a moment pass and serves what has come of reports. Without a wait of its own, a stream that doesn't answer would
    /// cost a core.
    fn serve(&self) {
        thread::sleep(STEP);
        // A call without a wait takes one event.
        let mut seen = None;
        while seen != Some(self.context.events()) {
            seen = Some(self.context.events());
            self.client.poll(Duration::ZERO);
        }
    }

    /// There is a report of all that was handed over, and one says that it failed.
    fn failed(&mut self, patience: Patience) -> Result<(), Error> {
        let Some(code) = self.context.take_failure() else { return Ok(()) };
        if let Some(error) = self.fatal() {
            return Err(error);
        }
        self.open = Open::TakingBack;
        self.take_back(patience)?;
        // What would fail again in the same way is not tried again at once.
        Err(match code {
            Code::MessageSizeTooLarge | Code::InvalidMessageSize => {
                Error::Refused { doing: "take a message of that size", code }
            }
            code => match verdict(code, Flags { abort: true, ..Flags::default() }) {
                Verdict::Denied => Error::Denied { doing: "write", code },
                _ => Error::TakenBack { code },
            },
        })
    }

    fn commit(&mut self, mark: &Mark, patience: Patience) -> Result<(), Error> {
        self.open = Open::Committing { mark: mark.clone() };
        loop {
            let Err(error) = self.client.commit_transaction(TURN) else {
                self.open = Open::No;
                return Ok(());
            };
            self.serve();
            let (code, flags) = code_of(&error);
            match verdict(code, flags) {
                Verdict::TakeBack => {
                    self.open = Open::TakingBack;
                    self.take_back(patience)?;
                    return Err(Error::TakenBack { code });
                }
                Verdict::Again if !patience.is_over() => {}
                Verdict::Again => return Err(self.unanswered("commit", patience.limit)),
                _ => return Err(self.judge(&error, "commit")),
            }
        }
    }

    /// Takes back what is open, if anything is.
    fn take_back(&mut self, patience: Patience) -> Result<(), Error> {
        if matches!(self.open, Open::No) {
            return Ok(());
        }
        debug_assert!(!matches!(self.open, Open::Committing { .. }), "an unanswered commit is settled first");
        self.open = Open::TakingBack;
        loop {
            let Err(error) = self.client.abort_transaction(Duration::from_millis(20)) else {
                self.open = Open::No;
                return Ok(());
            };
            self.serve();
            let (code, flags) = code_of(&error);
            match verdict(code, flags) {
                Verdict::Again | Verdict::TakeBack if !patience.is_over() => {}
                Verdict::Again | Verdict::TakeBack => {
                    return Err(self.unanswered("take a transaction back", patience.limit));
                }
                _ => return Err(self.judge(&error, "take a transaction back")),
            }
        }
    }

    /// The error of a call that is not simply made again.
    fn judge(&self, error: &KafkaError, doing: &'static str) -> Error {
        if let Some(error) = self.fatal() {
            return error;
        }
        let (code, flags) = code_of(error);
        match verdict(code, flags) {
            Verdict::Fenced => Error::Fenced,
            Verdict::Lost => Error::Lost { code },
            Verdict::Denied => Error::Denied { doing, code },
            Verdict::TakeBack | Verdict::Again | Verdict::Refused => Error::Refused { doing, code },
        }
    }

    /// Why this client is of no more use, if it isn't.
    fn fatal(&self) -> Option<Error> {
        let (code, _) = self.client.client().fatal_error()?;
        Some(match verdict(code, Flags { fatal: true, ..Flags::default() }) {
            Verdict::Fenced => Error::Fenced,
            _ => Error::Lost { code },
        })
    }

    fn unanswered(&self, doing: &'static str, limit: Duration) -> Error {
        unanswered(doing, self.settings.brokers.join(","), limit, self.context.take_trouble())
    }
}

fn headers(message: &Message) -> OwnedHeaders {
    let (first, last, head) = (message.first.to_string(), message.last.to_string(), message.head.to_string());
    OwnedHeaders::new_with_capacity(3)
        .insert(Header { key: FIRST, value: Some(first.as_str()) })
        .insert(Header { key: LAST, value: Some(last.as_str()) })
        .insert(Header { key: HEAD, value: Some(head.as_str()) })
}

#[cfg(test)]
mod tests;
