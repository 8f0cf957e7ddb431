//! Reads the rows of one object, in flat memory, and believes nothing that it says.

use std::fs::File;
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StringArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use sealtrail_chain::{Checksum, Hash, Sequence, UnixNanos};

use super::contents::{Content, ContentPage, Contents};
use super::fields::Fields;
use super::layout::{self, BATCH_ROWS, CONTENT, LEADING};
use super::{Error, Footer, Promotions};
use crate::host::regular;

/// An object whose metadata and columns are those of the format.
pub struct Reader {
    path: PathBuf,
    file: File,
    metadata: ArrowReaderMetadata,
    footer: Footer,
}

/// One record as an object holds it; whether it follows the one before, and whether its columns say what the content says
/// ([`Checker`](super::Checker)), is the caller's to ask.
pub struct Row<'a> {
    pub sequence: Sequence,
    pub observed: UnixNanos,
    pub content: &'a str,
    /// Content of the row that is handed over next, where it is at hand: two are hashed in less time than one and one.
    pub following: Option<&'a [u8]>,
    pub checksum: Checksum,
    pub hash: Hash,
    /// The column `observed_time`, in microseconds.
    pub observed_micros: Option<i64>,
    /// The other promoted columns.
    pub fields: Fields<'a>,
}

/// Bytes of contents that are unpacked at once, as far as their footer tells: rows are of many sizes.
const AT_ONCE: u64 = 64 << 20;

/// What errors say of it.
const READ: &str = "read rows of";

impl Reader {
    /// Rows that are read at once, at most.
    pub const MOST_ROWS: u64 = BATCH_ROWS as u64;

    /// Opens an object and reads its footer. A version that this release doesn't know is an error of its own.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = regular::open(path).map_err(|source| Error::Io { doing: "open", path: path.to_owned(), source })?;
        Self::of(file, path)
    }

    /// As `open`, of a file that is open already. `path`: what errors call it.
    pub fn of(file: File, path: &Path) -> Result<Self, Error> {
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, options).map_err(|source| Error::Unreadable {
            doing: "read the footer of",
            path: path.to_owned(),
            source,
        })?;
        let pairs = metadata.metadata().file_metadata().key_value_metadata();
        let footer = Footer::read(path, pairs.map(Vec::as_slice).unwrap_or_default())?;
        check_columns(path, &metadata, &footer.promotions)?;
        Ok(Self { path: path.to_owned(), file, metadata, footer })
    }

    /// What the Parquet library makes of the footer.
    pub(crate) fn parquet(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    /// What the file metadata claims.
    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    /// Number of rows that the footer claims.
    pub fn len(&self) -> u64 {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands over every row in the order of the file, until `each` breaks.
    pub fn rows(&mut self, each: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>) -> Result<(), Error> {
        self.read(None, each)
    }

    /// As `rows`, with all contents from these pages, which are of the format's own form.
    pub fn rows_with(
        &mut self,
        pages: Vec<ContentPage>,
        each: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let file = self.clone_file()?;
        let contents = self.guarded(|| Contents::new(file, pages))?;
        self.read(Some(contents), each)
    }

    fn read(
        &self,
        mut contents: Option<Contents>,
        each: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let file = self.clone_file()?;
        let mut batches = self.guarded(|| {
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
            let reader = reader.with_batch_size(self.batch());
            if contents.is_none() {
                return reader.build();
            }
            let columns = self.parquet().file_metadata().schema_descr().columns();
            let others =
                (0..columns.len()).filter(|at| columns.get(*at).is_some_and(|column| column.name() != CONTENT));
            let others = ProjectionMask::leaves(self.parquet().file_metadata().schema_descr(), others);
            reader.with_projection(others).build()
        })?;
        while let Some(batch) = self.guarded(|| Ok(batches.next().transpose()?))? {
            let batch =
                Batch::new(&batch, &self.footer.promotions).map_err(|column| self.wrong(column, "has another type"))?;
            for row in 0..batch.sequence.len() {
                let content = match &mut contents {
                    Some(contents) => contents.next().map_err(|source| unreadable(READ, &self.path, source))?,
                    None => batch.content(row).ok_or_else(|| self.wrong(CONTENT, "has another type"))?,
                };
                let row = batch.row(row, content).map_err(|column| self.wrong(column, "holds a negative number"))?;
                if each(row).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn clone_file(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(|source| Error::Io { doing: "open", path: self.path.clone(), source })
    }

    fn guarded<T>(&self, call: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, Error> {
        guarded(READ, &self.path, call)
    }

    /// Rows that are read at once: fewer where contents are long, so that no row group is unpacked whole.
    fn batch(&self) -> usize {
        let groups = self.parquet().row_groups().iter().filter_map(|group| {
            let content = group.columns().iter().find(|column| column.column_descr().name() == CONTENT)?;
            let (bytes, rows) = (content.uncompressed_size(), group.num_rows());
            Some((u64::try_from(bytes).ok()?, u64::try_from(rows).ok()?))
        });
        let rows = groups.map(|(bytes, rows)| AT_ONCE.saturating_mul(rows) / bytes.max(1)).min();
        usize::try_from(rows.unwrap_or(u64::MAX)).unwrap_or(usize::MAX).clamp(1, BATCH_ROWS)
    }

    fn wrong(&self, column: &str, problem: &'static str) -> Error {
        Error::Column { path: self.path.clone(), column: column.to_owned(), problem }
    }
}

/// Calls the Parquet library. On bytes that contradict themselves it may panic (60.1 does on negative offsets in a column's
/// metadata) where it should return an error: one such object must not end the work on all others.
pub(super) fn guarded<T>(
    doing: &'static str,
    path: &Path,
    call: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, Error> {
    panic::catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(ParquetError::General("its bytes contradict themselves".into())))
        .map_err(|source| unreadable(doing, path, source))
}

fn unreadable(doing: &'static str, path: &Path, source: ParquetError) -> Error {
    Error::Unreadable { doing, path: path.to_owned(), source }
}

/// Checks names, types and order of the columns. One too many is refused too: nothing vouches for what it says.
fn check_columns(path: &Path, metadata: &ArrowReaderMetadata, promotions: &Promotions) -> Result<(), Error> {
    let wrong = |column: &str, problem| Error::Column { path: path.to_owned(), column: column.to_owned(), problem };
    let expected = layout::schema(promotions);
    let found = metadata.schema().fields();
    for (place, field) in expected.fields().iter().enumerate() {
        let Some(there) = found.get(place).filter(|there| there.name() == field.name()) else {
            return Err(wrong(field.name(), "is missing at its place"));
        };
        if there.data_type() != field.data_type() || there.is_nullable() != field.is_nullable() {
            return Err(wrong(field.name(), "has another type"));
        }
    }
    match found.get(expected.fields().len()) {
        None => Ok(()),
        Some(extra) => Err(wrong(&extra.name().chars().take(64).collect::<String>(), "is none of the format's")),
    }
}

/// The columns of a batch by their types.
struct Batch<'a> {
    sequence: &'a PrimitiveArray<Int64Type>,
    observed_nanos: &'a PrimitiveArray<Int64Type>,
    observed_time: &'a PrimitiveArray<TimestampMicrosecondType>,
    event_time: &'a PrimitiveArray<TimestampMicrosecondType>,
    service_name: &'a StringArray,
    event_name: &'a StringArray,
    severity_text: &'a StringArray,
    severity_number: &'a PrimitiveArray<Int32Type>,
    trace_id: &'a FixedSizeBinaryArray,
    span_id: &'a FixedSizeBinaryArray,
    promoted: Vec<&'a StringArray>,
    /// `None`: it is read elsewhere.
    content: Option<&'a StringArray>,
    checksum: &'a FixedSizeBinaryArray,
    hash: &'a FixedSizeBinaryArray,
}

impl<'a> Batch<'a> {
    /// An error names the column that is missing or of another type.
    fn new(batch: &'a RecordBatch, promotions: &'a Promotions) -> Result<Self, &'a str> {
        let column = |name: &'a str| batch.column_by_name(name).map(Arc::as_ref).ok_or(name);
        let integers = |name| column(name)?.as_primitive_opt().ok_or(name);
        let times = |name| column(name)?.as_primitive_opt().ok_or(name);
        let strings = |name| column(name)?.as_string_opt().ok_or(name);
        let fixed = |name| column(name)?.as_fixed_size_binary_opt().ok_or(name);
        let [sequence, observed_nanos, observed_time, event_time, service_name, rest @ ..] = LEADING;
        let [event_name, severity_text, severity_number, trace_id, span_id] = rest;
        let [_, checksum, hash] = layout::TRAILING;
        Ok(Self {
            sequence: integers(sequence)?,
            observed_nanos: integers(observed_nanos)?,
            observed_time: times(observed_time)?,
            event_time: times(event_time)?,
            service_name: strings(service_name)?,
            event_name: strings(event_name)?,
            severity_text: strings(severity_text)?,
            severity_number: column(severity_number)?.as_primitive_opt().ok_or(severity_number)?,
            trace_id: fixed(trace_id)?,
            span_id: fixed(span_id)?,
            promoted: promotions.as_slice().iter().map(|p| strings(p.column.as_str())).collect::<Result<_, _>>()?,
            content: batch.column_by_name(CONTENT).map(|content| content.as_string_opt().ok_or(CONTENT)).transpose()?,
            checksum: fixed(checksum)?,
            hash: fixed(hash)?,
        })
    }

    fn content(&self, at: usize) -> Option<Content<'a>> {
        let contents = self.content?;
        let following = (at + 1 < contents.len()).then(|| contents.value(at + 1).as_bytes());
        Some(Content { text: contents.value(at), following })
    }

    /// The row at `at`, which is less than the batch's length; an error names the column that holds a negative number.
    fn row<'r>(&self, at: usize, content: Content<'r>) -> Result<Row<'r>, &'static str>
    where
        'a: 'r,
    {
        let unsigned = |column: &PrimitiveArray<Int64Type>, name| u64::try_from(column.value(at)).map_err(|_| name);
        Ok(Row {
            sequence: Sequence::new(unsigned(self.sequence, "sequence")?),
            observed: UnixNanos(unsigned(self.observed_nanos, "observed_nanos")?),
            content: content.text,
            following: content.following,
            checksum: Checksum(bytes(self.checksum, at).unwrap_or_default()),
            hash: Hash(bytes(self.hash, at).unwrap_or_default()),
            observed_micros: self.observed_time.is_valid(at).then(|| self.observed_time.value(at)),
            fields: Fields {
                event_micros: self.event_time.is_valid(at).then(|| self.event_time.value(at)),
                service_name: string(self.service_name, at),
                event_name: string(self.event_name, at),
                severity_text: string(self.severity_text, at),
                severity_number: self.severity_number.is_valid(at).then(|| self.severity_number.value(at)),
                trace_id: bytes(self.trace_id, at),
                span_id: bytes(self.span_id, at),
                promoted: self.promoted.iter().map(|column| string(column, at)).collect(),
            },
        })
    }
}

fn string(column: &StringArray, at: usize) -> Option<std::borrow::Cow<'_, str>> {
    column.is_valid(at).then(|| column.value(at).into())
}

fn bytes<const N: usize>(column: &FixedSizeBinaryArray, at: usize) -> Option<[u8; N]> {
    column.is_valid(at).then(|| column.value(at).try_into().ok()).flatten()
}
