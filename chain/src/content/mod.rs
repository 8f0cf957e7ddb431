//! The canonical text of a record (`content` in FORMAT.md) and its mapping from and to OTLP.
//!
//! A record has exactly one canonical text, and a canonical text is the text of exactly one record: `write` and `parse`
//! know the same fixed order of members, the same escapes and the same numbers, so a content that was read is written back
//! byte for byte. A text is taken into a [`Content`] only after that check.
//!
//! Nothing here decides what a record may hold: masking and reserved names are judged before, links after.

mod hex;
mod number;
pub mod otlp;
mod parse;
mod record;
mod write;

pub use parse::{ParseError, Parts, read, read_log, read_log_each, read_parts, read_tail};
pub use record::{Auth, By, Context, KeyValue, LogRecord, Origin, Record, Resource, Scope, Value};
pub use write::{Tail, append, is_reserved, likely_len};

use crate::link::Checksum;

/// Deepest nesting of values within a record: a body or an attribute's value is at depth 1.
pub const MAX_DEPTH: usize = 24;

/// Canonical text of one masked record. Made only by writing a record or by parsing, which checks the form.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(String);

impl Content {
    /// Writes the canonical text of one log record under what its neighbours share.
    ///
    /// Values must not be nested deeper than [`MAX_DEPTH`], which whoever reads a record from a sender sees to.
    pub fn write(log: &LogRecord<'_>, tail: &Tail) -> Self {
        write::content(log, tail)
    }
    /// Takes text that claims to be canonical; an error says where it is not.
    pub fn parse(text: String) -> Result<Self, ParseError> {
        read(&text)?;
        Ok(Self(text))
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// SHA-256 of the text.
    pub fn checksum(&self) -> Checksum {
        Checksum::of(self.0.as_bytes())
    }
    /// The record that the text says, borrowed from it where no escape stands in the way.
    pub fn record(&self) -> Record<'_> {
        read(&self.0).expect("a content was written from a record, or parsed before it was taken")
    }
}

#[cfg(test)]
mod tests;
