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
}

impl Source for Messages<'_> {
    fn next(&mut self) -> Result<Option<Framed<'_>>, ReadError> {
        // Given back first: the client counts it against what it may read ahead.
        self.held = None;
        if self.at >= self.end {
            return Ok(None);
        }
        match self.reading.next()? {
            Next::End => {
                self.at = self.end;
                return Ok(None);
            }
            Next::Moved => {
                let (low, _) = self.reading.bounds()?;
                return Err(self.of.gone(self.at, low).into());
            }
            Next::Message(message) if message.offset() >= self.end => {
                self.at = self.end;
                return Ok(None);
            }
            Next::Message(message) => {
                self.at = message.offset() + 1;
                lines(&message, &mut self.lines);
                self.held = Some(message);
            }
        }
        Ok(self.held.as_ref().map(|message| Framed {
            key: message.key().unwrap_or_default(),
            headers: self.lines.as_bytes(),
            value: message.payload().unwrap_or_default(),
        }))
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
