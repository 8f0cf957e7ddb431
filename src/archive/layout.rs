//! Columns of a segment and how each is stored. Types and their meaning: FORMAT.md, "Archive".

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::promotion::{Promotion, Promotions};

/// Version of the format, as `sealtrail.format` says it.
pub(super) const FORMAT: &str = "1";

/// Columns before the promotions, by their place.
pub(super) const LEADING: [&str; 10] = [
    "sequence",
    "observed_nanos",
    "observed_time",
    "event_time",
    "service_name",
    "event_name",
    "severity_text",
    "severity_number",
    "trace_id",
    "span_id",
];
/// Columns behind the promotions.
pub(super) const TRAILING: [&str; 3] = [CONTENT, "checksum", "hash"];
pub(super) const CONTENT: &str = "content";

/// Bytes of content that end a row group: what an engine unpacks at once, and what the writer holds packed.
pub(super) const ROW_GROUP_CONTENT: usize = 64 << 20;
/// Rows, and bytes of content, that are handed to the Parquet library at once.
pub(super) const BATCH_ROWS: usize = 1024;
pub(super) const BATCH_CONTENT: usize = 1 << 20;

/// Level 1: FORMAT.md leaves it open. On payments, levels 2 to 4 pack contents no smaller, 5 by a twentieth and 6 by a tenth,
/// for several times the work: most of what is left are random digits.
pub(super) const CONTENT_LEVEL: i32 = 1;
/// Half of what that level takes: 2^13 entries for what was seen, 2^18 bytes to look back, which stay in the nearest caches.
/// ARCHITECTURE.md has the figures.
pub(super) const CONTENT_TABLE_LOG: u32 = 13;
pub(super) const CONTENT_WINDOW_LOG: u32 = 18;
/// Distinct values a bloom filter is made for; it is folded to what a row group really has.
const BLOOM_VALUES: u64 = 1 << 16;
const BLOOM_FALSE_POSITIVES: f64 = 0.01;
/// A dictionary that grows past this is given up for the rest of its row group: its values hardly repeat.
const DICTIONARY_LIMIT: usize = 64 << 10;

/// Whether the format itself has a column of that name; `chain` and `date` are partitions of the path.
pub(super) fn is_reserved(column: &str) -> bool {
    LEADING.contains(&column) || TRAILING.contains(&column) || ["chain", "date"].contains(&column)
}

/// The columns in their order.
pub(super) fn schema(promotions: &Promotions) -> SchemaRef {
    let micros = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let types = [
        (DataType::Int64, false),
        (DataType::Int64, false),
        (micros(), false),
        (micros(), true),
        (DataType::Utf8, true),
        (DataType::Utf8, true),
        (DataType::Utf8, true),
        (DataType::Int32, true),
        (DataType::FixedSizeBinary(16), true),
        (DataType::FixedSizeBinary(8), true),
    ];
    let leading = LEADING.into_iter().zip(types).map(|(name, (kind, nullable))| Field::new(name, kind, nullable));
    let promoted = promotions.as_slice().iter().map(|promotion| Field::new(&promotion.column, DataType::Utf8, true));
    let types = [DataType::Utf8, DataType::FixedSizeBinary(32), DataType::FixedSizeBinary(32)];
    let trailing = TRAILING.into_iter().zip(types).map(|(name, kind)| Field::new(name, kind, false));
    Arc::new(Schema::new(leading.chain(promoted).chain(trailing).collect::<Vec<_>>()))
}

/// How the columns are stored, but for those of `pages`. Only what engines can use gets statistics: ids compare to nothing.
pub(super) fn properties(promotions: &Promotions, metadata: Vec<KeyValue>) -> WriterProperties {
    let column = |name: &str| ColumnPath::from(name);
    let level = ZstdLevel::try_new(CONTENT_LEVEL).expect("zstd has this level");
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("sealtrail version ", env!("CARGO_PKG_VERSION")).into())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_key_value_metadata(Some(metadata))
        .set_sorting_columns(Some(vec![SortingColumn { column_idx: 0, descending: false, nulls_first: false }]))
        .set_max_row_group_row_count(None)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_dictionary_page_size_limit(DICTIONARY_LIMIT)
        .set_compression(Compression::ZSTD(level));
    for name in ["sequence", "observed_nanos", "observed_time", "event_time"] {
        properties = properties
            .set_column_dictionary_enabled(column(name), false)
            .set_column_encoding(column(name), Encoding::DELTA_BINARY_PACKED)
            .set_column_compression(column(name), Compression::UNCOMPRESSED);
    }
    for name in ["trace_id", "span_id"] {
        properties = properties
            .set_column_dictionary_enabled(column(name), false)
            .set_column_compression(column(name), Compression::UNCOMPRESSED)
            .set_column_statistics_enabled(column(name), EnabledStatistics::None);
    }
    let blooms = promotions.as_slice().iter().filter(|Promotion { bloom, .. }| *bloom).map(|p| p.column.as_str());
    for name in blooms.chain(["trace_id"]) {
        properties = properties
            .set_column_bloom_filter_enabled(column(name), true)
            .set_column_bloom_filter_fpp(column(name), BLOOM_FALSE_POSITIVES)
            .set_column_bloom_filter_max_ndv(column(name), BLOOM_VALUES);
    }
    properties.build()
}
