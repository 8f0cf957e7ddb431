//! The rows of one batch on their way into a file, a builder a column: all columns but those of `pages`.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    FixedSizeBinaryBuilder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use sealtrail_chain::Link;

use super::fields::{Fields, micros};
use super::layout::{BATCH_CONTENT, BATCH_ROWS};

pub(super) struct Columns {
    sequence: Int64Builder,
    observed_nanos: Int64Builder,
    observed_time: TimestampMicrosecondBuilder,
    event_time: TimestampMicrosecondBuilder,
    service_name: StringBuilder,
    event_name: StringBuilder,
    severity_text: StringBuilder,
    severity_number: Int32Builder,
    trace_id: FixedSizeBinaryBuilder,
    span_id: FixedSizeBinaryBuilder,
    promoted: Vec<StringBuilder>,
    rows: usize,
    /// Of the rows' contents, of which promoted texts are a part.
    bytes: usize,
}

impl Columns {
    pub(super) fn new(promotions: usize) -> Self {
        let integers = || Int64Builder::with_capacity(BATCH_ROWS);
        let times = || TimestampMicrosecondBuilder::with_capacity(BATCH_ROWS).with_timezone("UTC");
        let fixed = |width| FixedSizeBinaryBuilder::with_capacity(BATCH_ROWS, width);
        Self {
            sequence: integers(),
            observed_nanos: integers(),
            observed_time: times(),
            event_time: times(),
            service_name: StringBuilder::new(),
            event_name: StringBuilder::new(),
            severity_text: StringBuilder::new(),
            severity_number: Int32Builder::with_capacity(BATCH_ROWS),
            trace_id: fixed(16),
            span_id: fixed(8),
            promoted: (0..promotions).map(|_| StringBuilder::new()).collect(),
            rows: 0,
            bytes: 0,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the batch is large enough to be handed on.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_CONTENT
    }

    /// Adds a row, or says that its time or sequence fits no column.
    pub(super) fn push(&mut self, link: &Link, content: &str, fields: &Fields<'_>) -> Option<()> {
        let sequence = i64::try_from(link.sequence.get()).ok()?;
        let nanos = i64::try_from(link.observed.0).ok()?;
        self.sequence.append_value(sequence);
        self.observed_nanos.append_value(nanos);
        self.observed_time.append_option(micros(link.observed));
        self.event_time.append_option(fields.event_micros);
        self.service_name.append_option(fields.service_name.as_deref());
        self.event_name.append_option(fields.event_name.as_deref());
        self.severity_text.append_option(fields.severity_text.as_deref());
        self.severity_number.append_option(fields.severity_number);
        append_fixed(&mut self.trace_id, fields.trace_id.as_ref());
        append_fixed(&mut self.span_id, fields.span_id.as_ref());
        for (column, value) in self.promoted.iter_mut().zip(&fields.promoted) {
            column.append_option(value.as_deref());
        }
        self.rows += 1;
        self.bytes += content.len();
        Some(())
    }

    /// The rows so far, a column each in their order; none are left.
    pub(super) fn take(&mut self) -> Vec<ArrayRef> {
        (self.rows, self.bytes) = (0, 0);
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.sequence.finish()),
            Arc::new(self.observed_nanos.finish()),
            Arc::new(self.observed_time.finish()),
            Arc::new(self.event_time.finish()),
            Arc::new(self.service_name.finish()),
            Arc::new(self.event_name.finish()),
            Arc::new(self.severity_text.finish()),
            Arc::new(self.severity_number.finish()),
            Arc::new(self.trace_id.finish()),
            Arc::new(self.span_id.finish()),
        ];
        columns.extend(self.promoted.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        columns
    }
}

fn append_fixed<const N: usize>(column: &mut FixedSizeBinaryBuilder, value: Option<&[u8; N]>) {
    match value {
        Some(value) => column.append_value(value).expect("the column is as wide as the array"),
        None => column.append_null(),
    }
}
