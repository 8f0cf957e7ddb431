//! The pages of the columns that hold nearly all bytes of an object: `content`, `checksum` and `hash`.
//!
//! The Parquet library copies a value four times on its way into a page, and a content is long. Here it is copied once,
//! into the page, which is compressed where it lies. What is written is what the library writes of such columns: required
//! values without levels, in data pages of version 1, without statistics, with an index of the pages.

use std::sync::Arc;
use std::{io, mem};

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder};
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use super::layout::{CONTENT_LEVEL, CONTENT_TABLE_LOG, CONTENT_WINDOW_LOG};

/// Uncompressed bytes that end a page: of contents, what reading one record costs at least.
const PAGE: usize = 1 << 20;
/// Rows that end a page.
const PAGE_ROWS: usize = 20_000;

/// One column of a file, row group by row group. Its memory serves all of them: fresh memory costs more than what is written
/// into it.
pub(super) struct Pages {
    column: ColumnDescPtr,
    /// Of texts, which are compressed; `None`: values of one width, as they are.
    texts: Option<Texts>,
    /// The open page: values, one behind the other, in front of them room for the lengths of texts.
    values: Vec<u8>,
    rows: usize,
    /// Pages that are done, with their headers.
    done: TrackedWrite<Vec<u8>>,
    index: OffsetIndexBuilder,
    all_rows: usize,
    uncompressed: usize,
}

struct Texts {
    lengths: Vec<i32>,
    zstd: Compressor<'static>,
    packed: Vec<u8>,
}

impl Pages {
    /// For values of one width.
    pub(super) fn fixed(column: ColumnDescPtr) -> Self {
        Self::new(column, None)
    }

    /// For texts.
    pub(super) fn texts(column: ColumnDescPtr) -> io::Result<Self> {
        let mut zstd = Compressor::new(CONTENT_LEVEL)?;
        zstd.set_parameter(CParameter::HashLog(CONTENT_TABLE_LOG))?;
        zstd.set_parameter(CParameter::WindowLog(CONTENT_WINDOW_LOG))?;
        Ok(Self::new(column, Some(Texts { lengths: Vec::new(), zstd, packed: Vec::new() })))
    }

    fn new(column: ColumnDescPtr, texts: Option<Texts>) -> Self {
        let mut pages = Self {
            column,
            texts,
            values: Vec::new(),
            rows: 0,
            done: TrackedWrite::new(Vec::new()),
            index: OffsetIndexBuilder::new(),
            all_rows: 0,
            uncompressed: 0,
        };
        pages.open();
        pages
    }

    /// Adds the value of the next row.
    pub(super) fn push(&mut self, value: &[u8]) -> Result<()> {
        self.values.extend_from_slice(value);
        self.rows += 1;
        if let Some(texts) = &mut self.texts {
            texts
                .lengths
                .push(i32::try_from(value.len()).map_err(|_| ParquetError::General("a text too long".into()))?);
        }
        if self.values.len() - self.room() >= PAGE || self.rows >= PAGE_ROWS { self.end_page() } else { Ok(()) }
    }

    /// Ends the column and adds it to the row group, in which it must come next; then it is empty again.
    pub(super) fn append_to<W: io::Write + Send>(&mut self, group: &mut SerializedRowGroupWriter<'_, W>) -> Result<()> {
        if self.rows > 0 {
            self.end_page()?;
        }
        let compression = match &self.texts {
            Some(_) => Compression::ZSTD(ZstdLevel::try_new(CONTENT_LEVEL)?),
            None => Compression::UNCOMPRESSED,
        };
        let encodings = vec![self.encoding(), Encoding::RLE];
        let bytes = Bytes::from(mem::replace(&mut self.done, TrackedWrite::new(Vec::new())).into_inner()?);
        let (rows, uncompressed) = (mem::take(&mut self.all_rows), mem::take(&mut self.uncompressed));
        let metadata = ColumnChunkMetaData::builder(Arc::clone(&self.column))
            .set_compression(compression)
            .set_encodings(encodings)
            .set_num_values(rows as i64)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_data_page_offset(0)
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(mem::replace(&mut self.index, OffsetIndexBuilder::new()).build()),
        };
        group.append_column(&bytes, close)?;
        self.done = TrackedWrite::new(taken_back(bytes));
        Ok(())
    }

    fn end_page(&mut self) -> Result<()> {
        let encoding = self.encoding();
        let (packed, uncompressed) = match &mut self.texts {
            None => {
                let all = self.values.len();
                (&mut self.values, all)
            }
            Some(texts) => texts.pack(&mut self.values)?,
        };
        let bytes = Bytes::from(mem::take(packed));
        let page = Page::DataPage {
            buf: bytes.clone(),
            num_values: self.rows as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let written = SerializedPageWriter::new(&mut self.done).write_page(CompressedPage::new(page, uncompressed))?;
        *packed = taken_back(bytes);
        self.index.append_row_count(self.rows as i64);
        self.index.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
        self.uncompressed += written.uncompressed_size;
        self.all_rows += self.rows;
        self.open();
        Ok(())
    }

    fn open(&mut self) {
        self.rows = 0;
        self.values.clear();
        self.values.resize(self.room(), 0);
    }

    /// Bytes that stand before the values of an open page.
    fn room(&self) -> usize {
        if self.texts.is_some() { ROOM } else { 0 }
    }

    fn encoding(&self) -> Encoding {
        if self.texts.is_some() { Encoding::DELTA_LENGTH_BYTE_ARRAY } else { Encoding::PLAIN }
    }
}

impl Texts {
    /// The page of the texts that stand behind `ROOM` bytes in `values`, and its size before it was packed.
    ///
    /// Lengths apart from the texts: without them in between, what records share is longer, and zstd finds it at once.
    fn pack(&mut self, values: &mut [u8]) -> Result<(&mut Vec<u8>, usize)> {
        let lengths = delta_packed(&self.lengths);
        self.lengths.clear();
        let start = ROOM.checked_sub(lengths.len()).ok_or_else(|| ParquetError::General("too many lengths".into()))?;
        values[start..ROOM].copy_from_slice(&lengths);
        let page = &values[start..];
        self.packed.reserve(zstd::compress_bound(page.len()));
        self.zstd.compress_to_buffer(page, &mut self.packed)?;
        Ok((&mut self.packed, page.len()))
    }
}

/// The memory of bytes that nobody else holds any more, empty.
fn taken_back(bytes: Bytes) -> Vec<u8> {
    let mut bytes = Vec::from(bytes);
    bytes.clear();
    bytes
}

/// What packed lengths take at most: a head, and for each block the least delta, four widths and all deltas whole. A page may
/// be one row longer than what ends it.
const ROOM: usize = 40 + PAGE_ROWS.div_ceil(BLOCK) * (5 + MINIS + 4 * BLOCK);

/// Deltas in a block, and parts of a block that have a width of their own.
const BLOCK: usize = 128;
const MINIS: usize = 4;

/// Numbers in Parquet's DELTA_BINARY_PACKED; there is at least one.
fn delta_packed(numbers: &[i32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 * numbers.len());
    let first = numbers.first().copied().unwrap_or(0);
    for number in [BLOCK as u64, MINIS as u64, numbers.len() as u64, zigzag(first.into())] {
        push_varint(&mut out, number);
    }
    let deltas: Vec<i64> = numbers.windows(2).map(|two| i64::from(two[1]) - i64::from(two[0])).collect();
    for block in deltas.chunks(BLOCK) {
        let least = block.iter().copied().min().unwrap_or(0);
        push_varint(&mut out, zigzag(least));
        let widths = out.len();
        out.extend_from_slice(&[0; MINIS]);
        for (at, mini) in block.chunks(BLOCK / MINIS).enumerate() {
            let above = |delta: &i64| (delta - least) as u64;
            let width = u64::BITS - mini.iter().map(above).max().unwrap_or(0).leading_zeros();
            out[widths + at] = width as u8;
            push_bits(&mut out, mini.iter().map(above), width);
        }
    }
    out
}

/// Packs numbers of `width` bits, the first in the lowest, up to the size of a whole part of a block.
fn push_bits(out: &mut Vec<u8>, numbers: impl Iterator<Item = u64>, width: u32) {
    let end = out.len() + BLOCK / MINIS * width as usize / 8;
    let (mut word, mut bits) = (0_u64, 0);
    for number in numbers {
        word |= number << bits;
        bits += width;
        while bits >= 8 {
            out.push(word as u8);
            word >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(word as u8);
    }
    out.resize(end, 0);
}

fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
