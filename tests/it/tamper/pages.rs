//! Takes an object apart into its pages and writes it again with those of one column changed. Every place, size and index of the new
//! object is right, so nothing is wrong with it but what was changed.

use std::fs;
use std::io::Write as _;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page as Stored, PageReader, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{
    ColumnChunkMetaData, OffsetIndexBuilder, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
    ParquetMetaDataWriter,
};
use parquet::file::properties::WriterProperties;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};

use super::built::put;
use super::rewrite::Object;

/// A page, packed as its column is.
pub struct Page {
    pub dictionary: bool,
    pub values: u32,
    pub encoding: Encoding,
    pub bytes: Vec<u8>,
    /// Size before it was packed, as its header says it.
    pub unpacked: usize,
}

pub struct Column {
    pub codec: Compression,
    pub pages: Vec<Page>,
    pub filter: Option<Sbbf>,
}

impl Column {
    /// What a page holds before it is packed.
    pub fn held(&self, page: usize) -> Vec<u8> {
        let Page { bytes, unpacked, .. } = &self.pages[page];
        if self.is_packed() { zstd::bulk::decompress(bytes, *unpacked).expect("a frame") } else { bytes.clone() }
    }

    /// Gives a page other bytes.
    pub fn hold(&mut self, page: usize, bytes: &[u8]) {
        let packed = if self.is_packed() { packed(bytes) } else { bytes.to_vec() };
        (self.pages[page].bytes, self.pages[page].unpacked) = (packed, bytes.len());
    }

    fn is_packed(&self) -> bool {
        self.codec != Compression::UNCOMPRESSED
    }

    fn read(bytes: &Bytes, chunk: &ColumnChunkMetaData, rows: usize) -> Self {
        let mut reader = SerializedPageReader::new(bytes.clone().into(), chunk, rows, None).expect("pages");
        let filter = Sbbf::read_from_column_chunk(chunk, bytes).expect("a filter");
        let (mut column, mut held) = (Self { codec: chunk.compression(), pages: Vec::new(), filter }, Vec::new());
        while let Some(page) = reader.get_next_page().expect("a page") {
            let (dictionary, values, encoding) = (page.is_dictionary_page(), page.num_values(), page.encoding());
            column.pages.push(Page { dictionary, values, encoding, bytes: Vec::new(), unpacked: 0 });
            held.push(page.buffer().clone());
        }
        held.iter().enumerate().for_each(|(page, bytes)| column.hold(page, bytes));
        column
    }

    /// The pages, one behind the other, and what the footer says of them.
    fn write(self, chunk: &ColumnChunkMetaData) -> (Bytes, ColumnChunkMetaData, OffsetIndexBuilder) {
        let (mut out, mut index) = (TrackedWrite::new(Vec::new()), OffsetIndexBuilder::new());
        let (mut unpacked, mut data, mut dictionary, mut encodings) = (0, None, None, vec![Encoding::RLE]);
        for page in self.pages {
            let (buf, num_values, encoding) = (Bytes::from(page.bytes), page.values, page.encoding);
            let rle = Encoding::RLE;
            let stored = if page.dictionary {
                Stored::DictionaryPage { buf, num_values, encoding, is_sorted: false }
            } else {
                let (def_level_encoding, rep_level_encoding, statistics) = (rle, rle, None);
                Stored::DataPage { buf, num_values, encoding, def_level_encoding, rep_level_encoding, statistics }
            };
            encodings.push(encoding);
            let page_writer = &mut SerializedPageWriter::new(&mut out);
            let written = page_writer.write_page(CompressedPage::new(stored, page.unpacked)).expect("a page");
            unpacked += written.uncompressed_size;
            let offset = written.offset as i64;
            if page.dictionary {
                dictionary = Some(offset);
            } else {
                data.get_or_insert(offset);
                index.append_row_count(num_values.into());
                index.append_offset_and_size(offset, written.compressed_size as i32);
            }
        }
        let bytes = Bytes::from(out.into_inner().expect("bytes"));
        let metadata = chunk.clone().into_builder().set_compression(self.codec).set_encodings(encodings);
        let metadata = metadata
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(unpacked as i64)
            .set_data_page_offset(data.expect("a page of data"))
            .set_dictionary_page_offset(dictionary);
        (bytes, metadata.build().expect("metadata"), index)
    }
}

/// One frame of zstd.
pub fn packed(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).expect("it packs")
}

/// The codec of packed columns.
pub fn zstd_codec() -> Compression {
    Compression::ZSTD(ZstdLevel::default())
}

fn read(object: &Object, indexes: PageIndexPolicy) -> (Bytes, ParquetMetaData) {
    let bytes = Bytes::from(fs::read(&object.0).expect("it is there"));
    let reader = ParquetMetaDataReader::new().with_page_index_policy(indexes);
    let metadata = reader.parse_and_finish(&bytes).expect("it is Parquet");
    (bytes, metadata)
}

/// Writes an object again with the changed pages of one column; there is one row group.
pub fn edit(object: &Object, name: &str, change: impl FnOnce(&mut Column)) {
    let (bytes, metadata) = read(object, PageIndexPolicy::Required);
    let (file, group) = (metadata.file_metadata(), metadata.row_group(0));
    let properties = WriterProperties::builder()
        .set_created_by(file.created_by().expect("a name").to_owned())
        .set_sorting_columns(group.sorting_columns().cloned())
        .set_key_value_metadata(file.key_value_metadata().cloned())
        .build();
    let schema = file.schema_descr().root_schema_ptr();
    let mut out = SerializedFileWriter::new(Vec::new(), schema, properties.into()).expect("begins");
    let mut again = out.next_row_group().expect("a row group");
    let indexes = metadata.page_index_for_row_group(0);
    let mut change = Some(change);
    for (at, chunk) in group.columns().iter().enumerate() {
        let close = |metadata: ColumnChunkMetaData, offset_index, bloom_filter| ColumnCloseResult {
            bytes_written: metadata.compressed_size() as u64,
            rows_written: group.num_rows() as u64,
            metadata,
            bloom_filter,
            column_index: indexes.column_index(at).cloned(),
            offset_index: Some(offset_index),
        };
        if chunk.column_path().string() == name
            && let Some(change) = change.take()
        {
            let mut column = Column::read(&bytes, chunk, group.num_rows() as usize);
            change(&mut column);
            let filter = column.filter.take();
            let (pages, metadata, index) = column.write(chunk);
            again.append_column(&pages, close(metadata, index.build(), filter)).expect("a column");
        } else {
            let index = indexes.offset_index(at).cloned().expect("an index");
            let filter = Sbbf::read_from_column_chunk(chunk, &bytes).expect("a filter");
            again.append_column(&bytes, close(chunk.clone(), index, filter)).expect("a column");
        }
    }
    assert!(change.is_none(), "there is no column {name}");
    again.close().expect("a row group");
    put(&object.0, &out.into_inner().expect("ends"));
}

/// Names an object's row group so many times.
pub fn repeat_rows(object: &Object, times: usize) {
    let (bytes, metadata) = read(object, PageIndexPolicy::Skip);
    let end = bytes.len() - 8;
    let footer = u32::from_le_bytes(bytes[end..end + 4].try_into().expect("four bytes")) as usize;
    let groups = vec![metadata.row_group(0).clone(); times];
    let metadata = metadata.into_builder().set_row_groups(groups).build();
    let mut bytes_again = Vec::new();
    let mut out = TrackedWrite::new(&mut bytes_again);
    out.write_all(&bytes[..end - footer]).expect("written");
    ParquetMetaDataWriter::new_with_tracked(out, &metadata).finish().expect("ends");
    put(&object.0, &bytes_again);
}
