//! Reads of an object no more than its records' places and hashes: a thirtieth of its bytes, and no content among them.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use bytes::{Buf, Bytes};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::reader::{ChunkReader, Length};
use sealtrail_chain::{Hash, Sequence, UnixNanos};

use super::reader::guarded;
use super::s3::Ranged;
use super::{Error, Footer};

/// A record's place and hash, as an object holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linked {
    pub sequence: Sequence,
    pub observed: UnixNanos,
    pub hash: Hash,
}

/// An object of which only that is read.
pub struct LinkReader {
    path: PathBuf,
    bytes: Source,
    metadata: ArrowReaderMetadata,
    footer: Footer,
}

const COLUMNS: [&str; 3] = ["sequence", "observed_nanos", "hash"];
const BATCH_ROWS: usize = 8_192;

impl LinkReader {
    /// Reads the footer. `path`: what errors call the object.
    pub(super) fn open(bytes: Source, path: &Path) -> Result<Self, Error> {
        let options =
            ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_page_index_policy(PageIndexPolicy::Optional);
        let load = || ArrowReaderMetadata::load(&bytes, options);
        let metadata = bytes.explain(guarded("read the footer of", path, load))?;
        let pairs = metadata.metadata().file_metadata().key_value_metadata();
        let footer = Footer::read(path, pairs.map(Vec::as_slice).unwrap_or_default())?;
        Ok(Self { path: path.to_owned(), bytes, metadata, footer })
    }

    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    /// Hands over every record in the order of the object, until `each` breaks.
    pub fn each(self, each: &mut dyn FnMut(Linked) -> ControlFlow<()>) -> Result<(), Error> {
        let mask = ProjectionMask::columns(self.metadata.parquet_schema(), COLUMNS);
        let source =
            self.bytes.again().map_err(|source| Error::Io { doing: "open", path: self.path.clone(), source })?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, self.metadata.clone());
        let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        let mut batches = self.bytes.explain(guarded("read rows of", &self.path, || builder.build()))?;
        let mut next = || self.bytes.explain(guarded("read rows of", &self.path, || Ok(batches.next().transpose()?)));
        while let Some(batch) = next()? {
            let wrong =
                |column: &str, problem| Error::Column { path: self.path.clone(), column: column.to_owned(), problem };
            let numbers = |name: &'static str| {
                let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
                column.ok_or_else(|| wrong(name, "is missing, or has another type"))
            };
            let (sequences, observed) = (numbers("sequence")?, numbers("observed_nanos")?);
            let hashes = batch.column_by_name("hash").and_then(|column| column.as_fixed_size_binary_opt());
            let hashes = hashes.ok_or_else(|| wrong("hash", "is missing, or has another type"))?;
            for row in 0..batch.num_rows() {
                let unsigned =
                    |number: i64, name| u64::try_from(number).map_err(|_| wrong(name, "holds a negative number"));
                let hash = hashes.value(row).try_into().map_err(|_| wrong("hash", "has another width"))?;
                let linked = Linked {
                    sequence: Sequence::new(unsigned(sequences.value(row), "sequence")?),
                    observed: UnixNanos(unsigned(observed.value(row), "observed_nanos")?),
                    hash: Hash(hash),
                };
                if each(linked).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// The bytes of an object, of which few are asked for.
pub(super) enum Source {
    File(File),
    Ranged(Ranged),
}

impl Source {
    fn again(&self) -> io::Result<Self> {
        Ok(match self {
            Self::File(file) => Self::File(file.try_clone()?),
            Self::Ranged(ranged) => Self::Ranged(ranged.clone()),
        })
    }

    /// What the Parquet library makes of a failed call is no damage of the object.
    fn explain<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        match (outcome, self) {
            (Err(error), Self::Ranged(ranged)) => Err(ranged.take_failure().map_or(error, Error::S3)),
            (outcome, _) => outcome,
        }
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        match self {
            Self::File(file) => Length::len(file),
            Self::Ranged(ranged) => ranged.len(),
        }
    }
}

impl ChunkReader for Source {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(match self {
            Self::File(file) => Box::new(file.get_read(start)?),
            Self::Ranged(ranged) => Box::new(Ahead { ranged: ranged.clone(), at: start, held: Bytes::new() }),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        match self {
            Self::File(file) => file.get_bytes(start, length),
            Self::Ranged(ranged) => {
                let bytes = ranged.bytes(start, length as u64);
                bytes.ok_or_else(|| ParquetError::General("a range could not be read".into()))
            }
        }
    }
}

/// Bytes that are fetched ahead of whoever asks for few at a time.
struct Ahead {
    ranged: Ranged,
    at: u64,
    held: Bytes,
}

const AHEAD: u64 = 64 << 10;

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.ranged.len().saturating_sub(self.at);
        if self.held.is_empty() && left > 0 {
            let length = left.min(AHEAD);
            self.held = self.ranged.bytes(self.at, length).ok_or(io::ErrorKind::ConnectionAborted)?;
            self.at += length;
        }
        let length = buffer.len().min(self.held.len());
        self.held.copy_to_slice(buffer.get_mut(..length).unwrap_or_default());
        Ok(length)
    }
}
