//! Reads a partition in Kafka as `stream::reader` reads the files of the local twin: message by message, in order, only what
//! is committed, to where the partition ended when reading began.

use std::fmt::Write as _;
use std::time::Duration;

use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};

use super::super::reader::{Error as ReadError, Framed, Source};
use super::config::Settings;
use super::error::Error;
use super::scan::{Next, Reading};

/// What the client reads ahead.
const BUFFER_KIB: u32 = 16 << 10;

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The first message that is there.
    Beginning,
    /// This offset, which must be there.
    Offset(u64),
    /// The first message that was sent at or behind this time, in milliseconds since 1970.
    Time(i64),
}

/// A partition to be read.
#[derive(Debug, Clone)]
pub struct Partition {
    pub settings: Settings,
    pub topic: String,
    pub partition: u32,
    /// How long brokers may be silent before reading gives up.
    pub limit: Duration,
}

impl Partition {
    /// Reads from there on; `each` is handed what is read as a `Source`.
    pub fn read<T>(
        &self,
        from: From,
        each: impl FnOnce(&mut Messages<'_>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let reading = Reading::new(&self.settings, &self.topic, self.partition, BUFFER_KIB, self.limit)?;
        let (low, end) = reading.bounds()?;
        let begin = match from {
            From::Beginning => low,
            From::Offset(offset) => i64::try_from(offset).unwrap_or(i64::MAX),
            From::Time(millis) => reading.offset_at(millis)?.unwrap_or(end),
        };
        if begin < low {
            return Err(self.gone(begin, low).into());
        }
        let mut messages = Messages { of: self, reading: &reading, held: None, lines: String::new(), at: begin, end };
        if begin < end {
            reading.seek(begin)?;
        }
        each(&mut messages)
    }

    /// The first offset that is there, and the one behind all that is committed.
    pub fn bounds(&self) -> Result<(u64, u64), ReadError> {
        let reading = Reading::new(&self.settings, &self.topic, self.partition, BUFFER_KIB, self.limit)?;
        let (low, end) = reading.bounds()?;
        Ok((u64::try_from(low).unwrap_or(0), u64::try_from(end).unwrap_or(0)))
    }

    fn gone(&self, offset: i64, low: i64) -> Error {
        Error::Gone { topic: self.topic.clone(), partition: self.partition, offset, low }
    }
}

/// The messages of a partition, in order.
pub struct Messages<'r> {
    of: &'r Partition,
    reading: &'r Reading<'r>,
    held: Option<BorrowedMessage<'r>>,
    /// The headers of `held`, as the local twin frames them.
    lines: String,
    at: i64,
    /// Behind all that was committed when reading began.
    end: i64,
}

impl Messages<'_> {
    /// Offset behind all that was committed when reading began.
    pub fn end(&self) -> u64 {
        u64::try_from(self.end).unwrap_or(0)
    }

    /// Reads no message at that offset or behind it.
    pub fn stop_at(&mut self, offset: u64) {
        self.end = self.end.min(i64::try_from(offset).unwrap_or(i64::MAX));
    }

    /// Looks for the first message for which `reached` says yes, and goes before it. Messages are in order: once it says
    /// yes it does so for all that follow; `None` passes over one that has no say. Says whether there is such a message.
    ///
    /// It asks the messages themselves: their time stamps may be those of a broker's clock.
    pub fn search(&mut self, mut reached: impl FnMut(Framed<'_>) -> Option<bool>) -> Result<bool, ReadError> {
        let (end, mut low, mut high) = (self.end, self.at, self.end);
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            (self.end, self.at) = (high, middle);
            self.held = None;
            self.reading.seek(middle)?;
            let mut answer = None;
            while answer.is_none() && self.step()? {
                answer = self.message().and_then(&mut reached);
            }
            match answer {
                Some(false) => low = self.at,
                Some(true) => (found, high) = (Some(self.at - 1), middle),
                None => high = middle,
            }
        }
        (self.end, self.at) = (end, found.unwrap_or(end));
        self.held = None;
        if let Some(found) = found {
            self.reading.seek(found)?;
        }
        Ok(found.is_some())
    }

    /// Goes to the next message; says whether there is one.
    pub fn step(&mut self) -> Result<bool, ReadError> {
        // Given back first: the client counts it against what it may read ahead.
        self.held = None;
        if self.at >= self.end {
            return Ok(false);
        }
        match self.reading.next()? {
            Next::End => self.at = self.end,
            Next::Moved => {
                let (low, _) = self.reading.bounds()?;
                return Err(self.of.gone(self.at, low).into());
            }
            Next::Message(message) if message.offset() >= self.end => self.at = self.end,
            Next::Message(message) => {
                self.at = message.offset() + 1;
                lines(&message, &mut self.lines);
                self.held = Some(message);
            }
        }
        Ok(self.held.is_some())
    }

    /// The message that `step` has gone to.
    pub fn message(&self) -> Option<Framed<'_>> {
        self.held.as_ref().map(|message| Framed {
            key: message.key().unwrap_or_default(),
            headers: self.lines.as_bytes(),
            value: message.payload().unwrap_or_default(),
        })
    }
}

impl Source for Messages<'_> {
    fn next(&mut self) -> Result<Option<Framed<'_>>, ReadError> {
        self.step()?;
        Ok(self.message())
    }

    fn at(&self) -> u64 {
        u64::try_from(self.at).unwrap_or(0)
    }
}

/// The headers as `name: value` lines. One that would not stay a line, or is no text, is left out: ours are neither, and
/// whoever looks for one then finds it missing.
fn lines(message: &BorrowedMessage<'_>, lines: &mut String) {
    lines.clear();
    for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
        let value = header.value.and_then(|value| std::str::from_utf8(value).ok());
        if let Some(value) = value.filter(|value| !value.contains('\n') && !header.key.contains([':', '\n'])) {
            writeln!(lines, "{}: {value}", header.key).expect("writing to a String can't fail");
        }
    }
}
