//! What a content puts into the promoted columns. The same code fills them and checks them.

use std::borrow::Cow;

use sealtrail_chain::{Sequence, UnixNanos};

use super::Row;
use super::promotion::{Promotions, Source};
use super::scan::{Any, Cursor, Raw};

/// The promoted columns of one record. Absent, null and, for ids, of another length: `None`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Event time in microseconds.
    pub event_micros: Option<i64>,
    /// The resource's `service.name`.
    pub service_name: Option<Cow<'a, str>>,
    pub event_name: Option<Cow<'a, str>>,
    pub severity_text: Option<Cow<'a, str>>,
    pub severity_number: Option<i32>,
    pub trace_id: Option<[u8; 16]>,
    pub span_id: Option<[u8; 8]>,
    /// One a promotion, in their order.
    pub promoted: Vec<Option<Cow<'a, str>>>,
}

impl<'a> Fields<'a> {
    fn promoted(&self, slot: usize) -> Option<&str> {
        self.promoted.get(slot)?.as_deref()
    }

    /// Takes the values of the slots, the last of them `service_name`.
    fn fill(&mut self, mut values: Vec<Option<Cow<'a, str>>>) -> Option<()> {
        self.service_name = values.pop()?;
        self.promoted = values;
        Some(())
    }
}

/// What a content says for its row.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Extracted<'a> {
    pub fields: Fields<'a>,
    /// `timeUnixNano`, for the bounds in the file metadata; `None` when 0 or past 2^63.
    pub event_nanos: Option<i64>,
}

/// A column that does not say what the content of its record says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` of record {sequence} does not say what the record's content says")]
pub struct ColumnMismatch {
    pub sequence: Sequence,
    pub column: String,
}

/// Reads the fields of contents, for one set of promotions.
pub struct Extractor {
    names: Vec<String>,
    attributes: Vec<Wanted>,
    resource: Vec<Wanted>,
}

/// An attribute that fills a slot. Its key is kept as canonical text writes it, so keys are compared without unescaping.
struct Wanted {
    key: String,
    slot: usize,
}

impl Extractor {
    pub fn new(promotions: &Promotions) -> Self {
        let promotions = promotions.as_slice();
        let names = promotions.iter().map(|promotion| promotion.column.clone()).collect();
        let (mut attributes, mut resource) = (Vec::new(), vec![Wanted::new("service.name", promotions.len())]);
        for (slot, promotion) in promotions.iter().enumerate() {
            match &promotion.source {
                Source::Attribute(key) => attributes.push(Wanted::new(key, slot)),
                Source::Resource(key) => resource.push(Wanted::new(key, slot)),
            }
        }
        Self { names, attributes, resource }
    }

    /// The fields of a canonical text, or the byte at which it is not one.
    pub fn read<'a>(&self, content: &'a str) -> Result<Extracted<'a>, usize> {
        let mut cursor = Cursor::new(content);
        self.scan(&mut cursor).ok_or(cursor.at())
    }

    /// Checks that the columns of a stored row say what its content says; the first that doesn't is named.
    pub(super) fn compare(&self, row: &Row<'_>, expected: &Extracted<'_>) -> Result<(), ColumnMismatch> {
        let (expected, stored) = (&expected.fields, &row.fields);
        let columns = [
            ("observed_time", row.observed_micros == micros(row.observed)),
            ("event_time", stored.event_micros == expected.event_micros),
            ("service_name", stored.service_name == expected.service_name),
            ("event_name", stored.event_name == expected.event_name),
            ("severity_text", stored.severity_text == expected.severity_text),
            ("severity_number", stored.severity_number == expected.severity_number),
            ("trace_id", stored.trace_id == expected.trace_id),
            ("span_id", stored.span_id == expected.span_id),
        ];
        let mut promoted = self
            .names
            .iter()
            .enumerate()
            .map(|(slot, name)| (name.as_str(), stored.promoted(slot) == expected.promoted(slot)));
        let wrong = columns.into_iter().find(|(_, sound)| !sound).or_else(|| promoted.find(|(_, sound)| !sound));
        match wrong {
            None => Ok(()),
            Some((column, _)) => Err(ColumnMismatch { sequence: row.sequence, column: column.to_owned() }),
        }
    }

    fn scan<'a>(&self, cursor: &mut Cursor<'a>) -> Option<Extracted<'a>> {
        let (mut extracted, mut found) = self.log_record(cursor)?;
        self.tail(cursor, &mut found)?;
        extracted.fields.fill(found.values)?;
        Some(extracted)
    }

    /// The log record, to behind its brace; what it puts into slots apart.
    fn log_record<'a>(&self, cursor: &mut Cursor<'a>) -> Option<(Extracted<'a>, Found<'a>)> {
        let Extracted { mut fields, mut event_nanos } = Extracted::default();
        let mut found = Found::new(self.slots());
        cursor.expect(r#"{"logRecord":{"#)?;
        // Canonical text has one order.
        let mut any = false;
        if cursor.member(&mut any, r#""attributes":"#) {
            found.attributes(cursor, &self.attributes)?;
        }
        if cursor.member(&mut any, r#""body":"#) {
            cursor.any_value()?;
        }
        if cursor.member(&mut any, r#""droppedAttributesCount":"#) {
            cursor.value()?;
        }
        if cursor.member(&mut any, r#""eventName":"#) {
            fields.event_name = Some(cursor.string()?.unescape()?);
        }
        if cursor.member(&mut any, r#""flags":"#) {
            cursor.value()?;
        }
        if cursor.member(&mut any, r#""observedTimeUnixNano":"#) {
            cursor.string()?;
        }
        if cursor.member(&mut any, r#""severityNumber":"#) {
            fields.severity_number = Some(cursor.value()?.parse().ok()?);
        }
        if cursor.member(&mut any, r#""severityText":"#) {
            fields.severity_text = Some(cursor.string()?.unescape()?);
        }
        if cursor.member(&mut any, r#""spanId":"#) {
            fields.span_id = hex_id(cursor.string()?);
        }
        if cursor.member(&mut any, r#""timeUnixNano":"#) {
            event_nanos = nanos(cursor.string()?.text.parse().ok()?);
        }
        if cursor.member(&mut any, r#""traceId":"#) {
            fields.trace_id = hex_id(cursor.string()?);
        }
        cursor.expect("}")?;
        fields.event_micros = event_nanos.map(micros_of);
        Some((Extracted { fields, event_nanos }, found))
    }

    /// What the text behind the log record puts into slots.
    fn tail<'a>(&self, cursor: &mut Cursor<'a>, found: &mut Found<'a>) -> Option<()> {
        cursor.expect(r#","received":"#)?;
        cursor.value()?;
        if cursor.take(r#","resource":{"attributes":"#) {
            found.attributes(cursor, &self.resource)?;
        }
        Some(())
    }

    /// The same, to be kept for the records that have that text, too.
    pub(super) fn tail_values(&self, cursor: &mut Cursor<'_>) -> Option<Vec<Option<String>>> {
        let mut found = Found::new(self.slots());
        self.tail(cursor, &mut found)?;
        Some(found.values.into_iter().map(|value| value.map(Cow::into_owned)).collect())
    }

    /// One a promotion, and one for `service_name`.
    fn slots(&self) -> usize {
        self.names.len() + 1
    }
}

/// Reads contents that come one behind the other: what records of one request share behind their log records, often half of
/// the text, is read once and then compared.
pub(super) struct Consecutive {
    extractor: Extractor,
    tail: Option<Tail>,
}

/// The last text behind a log record, and what it puts into the slots.
struct Tail {
    text: String,
    values: Vec<Option<String>>,
}

impl Consecutive {
    pub(super) fn new(promotions: &Promotions) -> Self {
        Self { extractor: Extractor::new(promotions), tail: None }
    }

    /// As [`Extractor::read`].
    pub(super) fn read<'a>(&'a mut self, content: &'a str) -> Result<Extracted<'a>, usize> {
        let mut cursor = Cursor::new(content);
        self.scan(&mut cursor).ok_or(cursor.at())
    }

    fn scan<'a>(&'a mut self, cursor: &mut Cursor<'a>) -> Option<Extracted<'a>> {
        let (mut extracted, mut found) = self.extractor.log_record(cursor)?;
        let text = cursor.remaining();
        let tail = match self.tail.take().filter(|tail| tail.text == text) {
            Some(tail) => tail,
            None => Tail { text: text.to_owned(), values: self.extractor.tail_values(cursor)? },
        };
        let tail = &*self.tail.insert(tail);
        // A slot is filled by the log record or by the resource, never by both.
        for (value, of_tail) in found.values.iter_mut().zip(&tail.values) {
            if let Some(of_tail) = of_tail {
                *value = Some(Cow::Borrowed(of_tail));
            }
        }
        extracted.fields.fill(found.values)?;
        Some(extracted)
    }
}

impl Wanted {
    fn new(key: &str, slot: usize) -> Self {
        let mut text = serde_json::to_string(key).expect("a string is JSON");
        text.pop();
        Self { key: text.split_off(1), slot }
    }
}

/// Values by slot, the last of them `service_name`.
struct Found<'a> {
    values: Vec<Option<Cow<'a, str>>>,
    /// Slots whose attribute was seen, a bit each: the first occurrence counts, also when it is null.
    seen: u64,
}

impl<'a> Found<'a> {
    fn new(slots: usize) -> Self {
        debug_assert!(slots <= 64, "a promotion is a bit of `seen`");
        Self { values: vec![None; slots], seen: 0 }
    }

    /// Reads a list of attributes, from its bracket to its bracket.
    fn attributes(&mut self, cursor: &mut Cursor<'a>, wanted: &[Wanted]) -> Option<()> {
        cursor.expect("[")?;
        loop {
            self.attribute(cursor, wanted)?;
            if !cursor.take(",") {
                return cursor.expect("]");
            }
        }
    }

    /// Reads one attribute. Canonical text leaves out an empty key, and a value that is null.
    fn attribute(&mut self, cursor: &mut Cursor<'a>, wanted: &[Wanted]) -> Option<()> {
        if cursor.take("{}") {
            return Some(());
        }
        let (mut key, mut value) = ("", None);
        if cursor.take(r#"{"key":""#) {
            key = cursor.rest_of_string()?.text;
            // Nearly all attributes are texts.
            if cursor.take(r#","value":{"stringValue":""#) {
                value = Some(Any::Text(cursor.rest_of_string()?));
                cursor.expect("}")?;
            } else if cursor.take(r#","value":"#) {
                value = Some(cursor.any_value()?);
            }
        } else {
            cursor.expect(r#"{"value":"#)?;
            cursor.any_value()?;
        }
        for Wanted { slot, .. } in wanted.iter().filter(|wanted| wanted.key == key) {
            if self.seen & 1 << slot == 0 {
                self.seen |= 1 << slot;
                self.values[*slot] = match value {
                    Some(value) => column_text(value)?,
                    None => None,
                };
            }
        }
        cursor.expect("}")
    }
}

/// What a column shows of an AnyValue: a string as it is, number and bool as in content, anything else its JSON.
/// Outer `None`: not an AnyValue; inner: null.
fn column_text(value: Any<'_>) -> Option<Option<Cow<'_, str>>> {
    let value = match value {
        Any::Text(text) => return text.unescape().map(Some),
        Any::Json(value) => value,
    };
    let scalar = |opening: &str| value.strip_prefix(opening)?.strip_suffix('}');
    for opening in [r#"{"intValue":"#, r#"{"doubleValue":"#, r#"{"boolValue":"#] {
        if let Some(text) = scalar(opening) {
            return Some(Some(Cow::Borrowed(text.trim_matches('"'))));
        }
    }
    Some((value != "{}").then_some(Cow::Borrowed(value)))
}

pub(super) fn nanos(nanos: u64) -> Option<i64> {
    i64::try_from(nanos).ok().filter(|nanos| *nanos != 0)
}

/// Microseconds, as the timestamp columns hold them.
pub(super) fn micros(time: UnixNanos) -> Option<i64> {
    Some(micros_of(i64::try_from(time.0).ok()?))
}

pub(super) fn micros_of(nanos: i64) -> i64 {
    nanos.div_euclid(1_000)
}

/// An id of the length that its column has.
pub(super) fn id<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

fn hex_id<const N: usize>(hex: Raw<'_>) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    (hex.text.len() == 2 * N && const_hex::decode_to_slice(hex.text, &mut bytes).is_ok()).then_some(bytes)
}
