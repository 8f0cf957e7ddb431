//! Takes an object apart and writes it again as its owner could, with any Parquet library: statistics, indexes, filters and
//! checksums of the new object are right.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::built::{CHAIN, put};

/// A value of a column.
pub(super) enum Cell {
    Text(String),
    Number(i64),
    Bytes([u8; 32]),
}

/// An object that is taken apart and written again as its owner could, with any Parquet library.
pub(super) struct Object(pub(super) PathBuf);

pub(super) fn object(dir: &Path, first: u64) -> Object {
    let chain = dir.join(format!("audit-logs/chain={CHAIN}"));
    let name = format!("{first:020}.parquet");
    let dates = fs::read_dir(chain).expect("it is there").map(|date| date.expect("it is there").path().join(&name));
    Object(dates.into_iter().find(|path| path.is_file()).expect("there is such an object"))
}

impl Object {
    pub(super) fn delete(&self) {
        fs::remove_file(&self.0).expect("it is there");
    }

    pub(super) fn shift(&self, date: &str, first: u64) {
        let chain = self.0.parent().and_then(Path::parent).expect("below a chain");
        let to = chain.join(format!("date={date}/{first:020}.parquet"));
        fs::create_dir_all(to.parent().expect("below a date")).expect("it is made");
        fs::rename(&self.0, to).expect("it is moved");
    }

    pub(super) fn rows(&self, change: impl FnOnce(&mut Vec<usize>)) {
        self.rewrite(change, |batch| batch, |_| {});
    }

    /// Puts a row of another object before the first.
    pub(super) fn receive(&self, other: &Object, row: usize) {
        let read = |path: &Path| {
            let file = fs::File::open(path).expect("it is there");
            let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
            let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).expect("it is Parquet");
            reader.build().expect("it is Parquet").next().expect("it has rows").expect("it is Parquet")
        };
        self.write_again(Some(read(&other.0).slice(row, 1)), |_| {}, |batch| batch, |_| {}, None);
    }

    /// Gives a column statistics that the format has none for.
    pub(super) fn with_statistics_of(&self, column: &str) {
        self.write_again(None, |_| {}, |batch| batch, |_| {}, Some(column));
    }

    pub(super) fn pair(&self, key: &str, value: &str) {
        self.rewrite(|_| {}, |batch| batch, |pairs| pairs.push(KeyValue::new(key.to_owned(), value.to_owned())));
    }

    pub(super) fn column(&self) {
        let add = |batch: RecordBatch| {
            let (schema, mut columns, rows) = batch.into_parts();
            let field = Arc::new(Field::new("verdict", DataType::Utf8, false));
            let fields = schema.fields().iter().cloned().chain([field]);
            columns.push(Arc::new(StringArray::from(vec!["approved"; rows])));
            RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns).expect("a batch")
        };
        self.rewrite(|_| {}, add, |_| {});
    }

    pub(super) fn metadata(&self, key: &str, change: impl Fn(&str) -> String) {
        let edit = |pairs: &mut Vec<KeyValue>| {
            for pair in pairs.iter_mut().filter(|pair| pair.key == key) {
                pair.value = pair.value.as_deref().map(&change);
            }
        };
        self.rewrite(|_| {}, |batch| batch, edit);
    }

    pub(super) fn edit(&self, name: &str, row: usize, change: impl Fn(Cell) -> Cell) {
        let edit = |batch: RecordBatch| {
            let schema = batch.schema();
            let column = |(field, column): (&Arc<Field>, &ArrayRef)| {
                if field.name() == name { replace(column, row, &change) } else { column.clone() }
            };
            let columns = schema.fields().iter().zip(batch.columns()).map(column).collect();
            RecordBatch::try_new(schema.clone(), columns).expect("the types stay")
        };
        self.rewrite(|_| {}, edit, |_| {});
    }

    pub(super) fn rewrite(
        &self,
        rows: impl FnOnce(&mut Vec<usize>),
        change: impl FnOnce(RecordBatch) -> RecordBatch,
        metadata: impl FnOnce(&mut Vec<KeyValue>),
    ) {
        self.write_again(None, rows, change, metadata, None);
    }

    fn write_again(
        &self,
        before: Option<RecordBatch>,
        rows: impl FnOnce(&mut Vec<usize>),
        change: impl FnOnce(RecordBatch) -> RecordBatch,
        metadata: impl FnOnce(&mut Vec<KeyValue>),
        bounded: Option<&str>,
    ) {
        let file = fs::File::open(&self.0).expect("it is there");
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).expect("it is Parquet");
        let mut pairs = reader.metadata().file_metadata().key_value_metadata().expect("it has metadata").clone();
        metadata(&mut pairs);
        let created = reader.metadata().file_metadata().created_by().unwrap_or_default().to_owned();
        let batch = change(reader.build().expect("it is Parquet").next().expect("it has rows").expect("it is Parquet"));
        let mut order: Vec<usize> = (0..batch.num_rows()).collect();
        rows(&mut order);

        let options =
            ArrowWriterOptions::new().with_skip_arrow_metadata(true).with_properties(properties(&created, bounded));
        let mut writer = ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options).expect("begins");
        before.into_iter().for_each(|row| writer.write(&row).expect("is written"));
        order.into_iter().for_each(|row| writer.write(&batch.slice(row, 1)).expect("is written"));
        pairs.into_iter().for_each(|pair| writer.append_key_value_metadata(pair));
        put(&self.0, &writer.into_inner().expect("ends"));
    }
}

/// As the format has it: encodings, statistics where engines use them, a filter of trace ids.
fn properties(created: &str, bounded: Option<&str>) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by(created.to_owned())
        .set_sorting_columns(Some(vec![SortingColumn { column_idx: 0, descending: false, nulls_first: false }]))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_column_bloom_filter_enabled(ColumnPath::from("trace_id"), true);
    for packed in ["sequence", "observed_nanos", "observed_time", "event_time"].map(ColumnPath::from) {
        properties = properties
            .set_column_dictionary_enabled(packed.clone(), false)
            .set_column_encoding(packed.clone(), Encoding::DELTA_BINARY_PACKED)
            .set_column_compression(packed, Compression::UNCOMPRESSED);
    }
    for bare in ["trace_id", "span_id", "content", "checksum", "hash"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(bare), false);
        if bare != "content" {
            properties = properties.set_column_compression(ColumnPath::from(bare), Compression::UNCOMPRESSED);
        }
        if Some(bare) != bounded {
            properties = properties.set_column_statistics_enabled(ColumnPath::from(bare), EnabledStatistics::None);
        }
    }
    properties.set_column_encoding(ColumnPath::from("content"), Encoding::DELTA_LENGTH_BYTE_ARRAY).build()
}

fn replace(column: &ArrayRef, row: usize, change: &impl Fn(Cell) -> Cell) -> ArrayRef {
    if let Some(texts) = column.as_any().downcast_ref::<StringArray>() {
        let value =
            |at| if at == row { of_text(change(Cell::Text(texts.value(at).into()))) } else { texts.value(at).into() };
        return Arc::new(StringArray::from_iter((0..texts.len()).map(|at| texts.is_valid(at).then(|| value(at)))));
    }
    if let Some(numbers) = column.as_any().downcast_ref::<Int64Array>() {
        let value = |at| match change(Cell::Number(numbers.value(at))) {
            Cell::Number(number) if at == row => number,
            _ => numbers.value(at),
        };
        return Arc::new(Int64Array::from_iter_values((0..numbers.len()).map(value)));
    }
    if let Some(numbers) = column.as_any().downcast_ref::<Int32Array>() {
        let value = |at| match change(Cell::Number(numbers.value(at).into())) {
            Cell::Number(number) if at == row => i32::try_from(number).expect("a small one"),
            _ => numbers.value(at),
        };
        return Arc::new(Int32Array::from_iter((0..numbers.len()).map(|at| numbers.is_valid(at).then(|| value(at)))));
    }
    if let Some(times) = column.as_any().downcast_ref::<TimestampMicrosecondArray>() {
        let value = |at| match change(Cell::Number(times.value(at))) {
            Cell::Number(number) if at == row => number,
            _ => times.value(at),
        };
        let values = (0..times.len()).map(|at| times.is_valid(at).then(|| value(at)));
        return Arc::new(TimestampMicrosecondArray::from_iter(values).with_timezone("UTC"));
    }
    let hashes = column.as_any().downcast_ref::<FixedSizeBinaryArray>().expect("a column of hashes");
    let value = |at: usize| -> Vec<u8> {
        match change(Cell::Bytes(hashes.value(at).try_into().expect("32 bytes"))) {
            Cell::Bytes(bytes) if at == row => bytes.to_vec(),
            _ => hashes.value(at).to_vec(),
        }
    };
    Arc::new(FixedSizeBinaryArray::try_from_iter((0..hashes.len()).map(value)).expect("32 bytes each"))
}

fn of_text(cell: Cell) -> String {
    let Cell::Text(text) = cell else { panic!("a text column") };
    text
}
