//! Looks for the last message of a chain in a partition, from its end backwards.
//!
//! The newest offset is hardly ever a message: each commit and each taking back leaves a marker with an offset of its own,
//! what was taken back stays with its offsets, and other chains may share the partition. So a window before the end is read
//! as a reader of what is committed would; where it holds nothing of the chain, the window before it, eight times as long.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Message as _, OwnedMessage};
use rdkafka::{Offset, TopicPartitionList};

use super::client::Context;
use super::config::Settings;
use super::error::{Error, Verdict, code_of, unanswered, verdict};

/// Offsets that are looked at first.
const FIRST_WINDOW: i64 = 16;
/// By how much each window is longer than the one behind it.
const GROWTH: i64 = 8;
/// What the client may read ahead.
const BUFFER_KIB: u32 = 16 << 10;
const STEP: Duration = Duration::from_millis(100);

/// What was found.
pub(super) struct Found {
    /// The newest message with the chain's key.
    pub(super) message: Option<OwnedMessage>,
    /// Whether something has been deleted from the partition's beginning.
    pub(super) cut: bool,
}

/// Offsets that are read: from the first up to the second, which is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    from: i64,
    to: i64,
}

impl Window {
    /// The one before the end.
    fn newest(low: i64, end: i64) -> Self {
        Self { from: low.max(end - FIRST_WINDOW), to: end }
    }

    /// The one before this, eight times as long; none before `low`.
    fn before(self, low: i64) -> Option<Self> {
        let length = (self.to - self.from).max(1).saturating_mul(GROWTH);
        (self.from > low).then(|| Self { from: low.max(self.from.saturating_sub(length)), to: self.from })
    }
}

/// A reader of one partition, assigned by hand.
pub(super) struct Reading<'a> {
    pub(super) consumer: BaseConsumer<Context>,
    context: Context,
    settings: &'a Settings,
    topic: &'a str,
    partition: i32,
    /// How long nothing may come before it counts as silence.
    limit: Duration,
}

/// What comes next out of a partition.
pub(super) enum Next<'m> {
    Message(BorrowedMessage<'m>),
    /// All that is committed was read.
    End,
    /// The offset that was asked for is not there any more.
    Moved,
}

/// The last message with the key `key`.
pub(super) fn last(
    settings: &Settings,
    topic: &str,
    partition: u32,
    key: &str,
    limit: Duration,
) -> Result<Found, Error> {
    let reading = Reading::new(settings, topic, partition, BUFFER_KIB, limit)?;
    'again: loop {
        let (low, end) = reading.bounds()?;
        let mut window = Some(Window::newest(low, end)).filter(|window| window.from < window.to);
        while let Some(Window { from, to }) = window {
            match reading.newest_in(from, to, key)? {
                Newest::Moved => continue 'again,
                Newest::Found(message) => return Ok(Found { message: Some(message), cut: low > 0 }),
                Newest::Nothing => window = Window { from, to }.before(low),
            }
        }
        return Ok(Found { message: None, cut: low > 0 });
    }
}

enum Newest {
    Found(OwnedMessage),
    Nothing,
    Moved,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        topic: &'a str,
        partition: u32,
        buffer_kib: u32,
        limit: Duration,
    ) -> Result<Self, Error> {
        let context = Context::default();
        let created = settings.consumer(buffer_kib).create_with_context(context.clone());
        let consumer = created.map_err(|error| Error::Configuration { what: error.to_string() })?;
        let partition = i32::try_from(partition).unwrap_or(i32::MAX);
        Ok(Self { consumer, context, settings, topic, partition, limit })
    }

    /// The first offset that is there, and the one behind all that is committed.
    pub(super) fn bounds(&self) -> Result<(i64, i64), Error> {
        let deadline = Instant::now() + self.limit;
        loop {
            let error = match self.consumer.fetch_watermarks(self.topic, self.partition, STEP * 5) {
                Ok(bounds) => return Ok(bounds),
                Err(error) => error,
            };
            self.serve();
            let (code, flags) = code_of(&error);
            if verdict(code, flags) == Verdict::Denied {
                return Err(Error::Denied { doing: "read", code });
            }
            if Instant::now() >= deadline {
                return Err(self.silence(code));
            }
        }
    }

    /// The first offset at or behind a time, in milliseconds since 1970; none: all is older.
    pub(super) fn offset_at(&self, millis: i64) -> Result<Option<i64>, Error> {
        let deadline = Instant::now() + self.limit;
        let mut asked = TopicPartitionList::new();
        asked
            .add_partition_offset(self.topic, self.partition, Offset::Offset(millis))
            .map_err(|error| self.refused(&error))?;
        loop {
            let error = match self.consumer.offsets_for_times(asked.clone(), STEP * 5) {
                Ok(told) => {
                    let offset = told.find_partition(self.topic, self.partition).map(|found| found.offset());
                    return Ok(offset.and_then(|offset| match offset {
                        Offset::Offset(offset) => Some(offset),
                        _ => None,
                    }));
                }
                Err(error) => error,
            };
            self.serve();
            if Instant::now() >= deadline {
                return Err(self.silence(code_of(&error).0));
            }
        }
    }

    /// Goes to an offset, which must be there.
    pub(super) fn seek(&self, offset: i64) -> Result<(), Error> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(self.topic, self.partition, Offset::Offset(offset))
            .map_err(|error| self.refused(&error))?;
        self.consumer.assign(&list).map_err(|error| self.refused(&error))
    }

    /// What comes next; an error after silence.
    pub(super) fn next(&self) -> Result<Next<'_>, Error> {
        let deadline = Instant::now() + self.limit;
        let mut last = Code::OperationTimedOut;
        loop {
            match self.consumer.poll(STEP) {
                Some(Ok(message)) => return Ok(Next::Message(message)),
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(Next::End),
                Some(Err(error)) => match code_of(&error).0 {
                    Code::AutoOffsetReset | Code::OffsetOutOfRange => return Ok(Next::Moved),
                    // The group is a name that is asked for; nothing is done with it.
                    Code::GroupAuthorizationFailed => {}
                    code @ Code::TopicAuthorizationFailed => return Err(Error::Denied { doing: "read", code }),
                    code => last = code,
                },
                None => {}
            }
            if Instant::now() >= deadline {
                return Err(self.silence(last));
            }
        }
    }

    fn newest_in(&self, from: i64, to: i64, key: &str) -> Result<Newest, Error> {
        self.seek(from)?;
        let mut newest = None;
        loop {
            match self.next()? {
                Next::Moved => return Ok(Newest::Moved),
                Next::End => break,
                Next::Message(message) if message.offset() >= to => break,
                Next::Message(message) => {
                    let (last, ours) = (message.offset() + 1 >= to, message.key() == Some(key.as_bytes()));
                    if ours {
                        newest = Some(message);
                    }
                    if last {
                        break;
                    }
                }
            }
        }
        Ok(newest.map_or(Newest::Nothing, |message| Newest::Found(message.detach())))
    }

    /// Has the client's callbacks called, and doesn't ask again at once.
    fn serve(&self) {
        drop(self.consumer.poll(STEP));
    }

    fn silence(&self, code: Code) -> Error {
        match code {
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
                Error::Refused { doing: "find the topic", code }
            }
            _ => unanswered("read", self.settings.brokers.join(","), self.limit, self.context.take_trouble()),
        }
    }

    fn refused(&self, error: &KafkaError) -> Error {
        Error::Refused { doing: "read", code: code_of(error).0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every offset is looked at once, the newest first, until the beginning.
    #[test]
    fn windows_cover_the_partition_backwards() {
        for (low, end) in [(0, 0), (0, 1), (0, 16), (0, 17), (5, 1000), (100, 116), (0, 1_000_000), (7, 8)] {
            let mut window = Some(Window::newest(low, end)).filter(|window| window.from < window.to);
            let (mut to, mut rounds) = (end, 0);
            while let Some(now) = window {
                assert_eq!(now.to, to, "{low}..{end}");
                assert!(now.from < now.to && now.from >= low);
                (to, rounds) = (now.from, rounds + 1);
                window = now.before(low);
            }
            assert!(to == low || end == low, "{low}..{end} ends at {to}");
            assert!(rounds <= 8, "{low}..{end} took {rounds} rounds");
        }
    }
}
