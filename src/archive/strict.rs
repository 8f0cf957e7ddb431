//! Reads contents that nobody vouches for, and tells whether they are canonical: a second member of one name, a space or another
//! order would show each reader another record under one and the same checksum.
//!
//! What records of one request share behind their log records is read once, and then compared as bytes.

use std::borrow::Cow;

use sealtrail_chain::content::{self, By, LogRecord, ParseError, Value};

use super::fields::{ColumnMismatch, Extracted, Extractor, Fields, id, nanos};
use super::promotion::{Promotions, Source};
use super::scan::Cursor;
use super::{Row, fields};

/// Checks the rows of one object.
pub struct Checker {
    extractor: Extractor,
    form: Form,
}

/// Reads contents one after the other.
struct Form {
    /// Key of each promotion from the log record's attributes, and its slot.
    attributes: Vec<(String, usize)>,
    slots: usize,
    tail: Tail,
}

/// What was read of the last tail.
#[derive(Default)]
struct Tail {
    text: String,
    own: bool,
    service_name: Option<String>,
    /// Promotions from the resource, by their slots.
    promoted: Vec<Option<String>>,
}

/// What a row proved to be.
#[derive(Default)]
pub struct Checked {
    /// The record is the collector's own.
    pub own: bool,
    /// Event time in nanoseconds, where the columns say what the content says.
    pub event_nanos: Option<i64>,
    pub mismatch: Option<ColumnMismatch>,
    /// Why the content is not canonical; then nothing else is said of it.
    pub form: Option<ParseError>,
}

impl Checker {
    pub fn new(promotions: &Promotions) -> Self {
        let attribute = |(slot, promotion): (usize, &super::Promotion)| match &promotion.source {
            Source::Attribute(key) => Some((key.clone(), slot)),
            Source::Resource(_) => None,
        };
        let promotions_of = promotions.as_slice();
        let form = Form {
            attributes: promotions_of.iter().enumerate().filter_map(attribute).collect(),
            slots: promotions_of.len(),
            tail: Tail::default(),
        };
        Self { extractor: Extractor::new(promotions), form }
    }

    /// Checks form and columns of a stored row.
    pub fn check(&mut self, row: &Row<'_>) -> Checked {
        let (event_nanos, mismatch) = match self.form.read(&self.extractor, row.content) {
            Err(error) => return Checked { form: Some(error), ..Checked::default() },
            Ok(extracted) => match self.extractor.compare(row, &extracted) {
                Ok(()) => (extracted.event_nanos, None),
                Err(mismatch) => (None, Some(mismatch)),
            },
        };
        Checked { own: self.form.tail.own, event_nanos, mismatch, form: None }
    }

    #[cfg(test)]
    pub(super) fn read<'a>(&'a mut self, text: &'a str) -> Result<Extracted<'a>, ParseError> {
        self.form.read(&self.extractor, text)
    }
}

impl Form {
    /// `extractor`: of the same promotions.
    fn read<'a>(&'a mut self, extractor: &Extractor, text: &'a str) -> Result<Extracted<'a>, ParseError> {
        let mut promoted: Vec<Option<Cow<'a, str>>> = vec![None; self.slots];
        let (mut seen, mut plain) = (0_u64, true);
        let (log, at) = content::read_log_each(text, |pair| {
            for (_, slot) in self.attributes.iter().filter(|(key, _)| *key == pair.key) {
                // The first occurrence counts, also when it is null.
                if seen & (1 << slot) == 0 {
                    seen |= 1 << slot;
                    promoted[*slot] = match &pair.value {
                        Value::Null => None,
                        Value::String(text) => Some(text.clone()),
                        Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
                        Value::Int(number) => Some(Cow::Owned(number.to_string())),
                        Value::Double(_) | Value::Bytes(_) | Value::Array(_) | Value::Map(_) => {
                            plain = false;
                            None
                        }
                    };
                }
            }
        })?;
        self.read_tail(extractor, text, at)?;
        if !plain {
            // Columns show such values as they stand in the text.
            return extractor.read(text).map_err(|at| ParseError { at, expected: "canonical text" });
        }
        for (slot, value) in self.tail.promoted.iter().enumerate() {
            if let (Some(value), Some(place)) = (value, promoted.get_mut(slot)) {
                *place = Some(Cow::Borrowed(value));
            }
        }
        Ok(extracted(log, self.tail.service_name.as_deref(), promoted))
    }

    fn read_tail(&mut self, extractor: &Extractor, text: &str, at: usize) -> Result<(), ParseError> {
        // Before the first record none is known, and no text has none.
        if !self.tail.text.is_empty() && text.get(at..) == Some(self.tail.text.as_str()) {
            return Ok(());
        }
        self.tail = Tail::default();
        let (context, parts) = content::read_tail(text, at)?;
        let mut cursor = Cursor::new(parts.tail);
        let values = extractor.tail_values(&mut cursor);
        let mut promoted = values.ok_or(ParseError { at: at + cursor.at(), expected: "canonical text" })?;
        self.tail = Tail {
            text: parts.tail.to_owned(),
            own: context.received.by == By::Own,
            service_name: promoted.pop().flatten(),
            promoted,
        };
        Ok(())
    }
}

fn extracted<'a>(
    log: LogRecord<'a>,
    service_name: Option<&'a str>,
    promoted: Vec<Option<Cow<'a, str>>>,
) -> Extracted<'a> {
    let filled = |text: Cow<'a, str>| (!text.is_empty()).then_some(text);
    let event_nanos = nanos(log.time_unix_nano);
    let fields = Fields {
        event_micros: event_nanos.map(fields::micros_of),
        service_name: service_name.map(Cow::Borrowed),
        event_name: filled(log.event_name),
        severity_text: filled(log.severity_text),
        severity_number: (log.severity_number != 0).then_some(log.severity_number),
        trace_id: id(&log.trace_id),
        span_id: id(&log.span_id),
        promoted,
    };
    Extracted { fields, event_nanos }
}
