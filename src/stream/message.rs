//! Records to messages: as many as fit, in chain order.

use std::fmt::Write as _;

use sealtrail_chain::content::{ParseError, otlp};
use sealtrail_chain::{ChainName, Hash, Link, Sequence};

use super::Message;

/// Most bytes of a message's value: Kafka's default limit is 1 MiB with headers and framing. The intake refuses a record
/// that alone would be longer.
pub const MAX_MESSAGE: usize = 900_000;

pub(super) const FIRST: &str = "sealtrail.first";
pub(super) const LAST: &str = "sealtrail.last";
pub(super) const HEAD: &str = "sealtrail.head";

/// Fills messages with the records that it is given.
pub struct Builder {
    writer: otlp::Writer,
    /// What the writer holds, when it holds anything.
    open: Option<Span>,
    done: Vec<Message>,
    done_bytes: usize,
    limit: usize,
}

#[derive(Clone, Copy)]
struct Span {
    first: Sequence,
    last: Sequence,
    head: Hash,
}

impl Default for Builder {
    fn default() -> Self {
        Self::with_limit(MAX_MESSAGE)
    }
}

impl Builder {
    /// With another limit than `MAX_MESSAGE` to the bytes of a message.
    pub fn with_limit(limit: usize) -> Self {
        Self { writer: otlp::Writer::default(), open: None, done: Vec::new(), done_bytes: 0, limit }
    }

    /// Adds the record that comes next; an error leaves the builder as it was but for a message that may have been closed.
    pub fn push(&mut self, chain: &ChainName, link: &Link, content: &str) -> Result<(), ParseError> {
        if self.open.is_some() && self.writer.len() + otlp::message_bound(content.len()) > self.limit {
            self.close();
        }
        self.writer.push(chain, link, content)?;
        let first = self.open.map_or(link.sequence, |open| open.first);
        self.open = Some(Span { first, last: link.sequence, head: link.hash });
        Ok(())
    }

    /// Bytes of all messages so far.
    pub fn bytes(&self) -> usize {
        self.done_bytes + self.open.map_or(0, |_| self.writer.len())
    }

    /// The messages; the builder is empty again.
    pub fn take(&mut self) -> Vec<Message> {
        self.close();
        self.done_bytes = 0;
        std::mem::take(&mut self.done)
    }

    /// Takes back the memory of messages, for those to come: what a batch takes is as much as it was the last time.
    pub fn give_back(&mut self, messages: Vec<Message>) {
        for message in messages {
            self.writer.give_back(message.value);
        }
    }

    fn close(&mut self) {
        let Some(Span { first, last, head }) = self.open.take() else { return };
        let value = self.writer.finish();
        self.done_bytes += value.len();
        self.done.push(Message { first, last, head, value });
    }
}

/// The headers of a message, as `name: value` lines.
pub(super) fn headers(message: &Message) -> String {
    let mut lines = String::with_capacity(160);
    write!(lines, "{FIRST}: {}\n{LAST}: {}\n{HEAD}: {}\n", message.first, message.last, message.head)
        .expect("writing to a String can't fail");
    lines
}
