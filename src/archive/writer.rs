//! A segment's records become one Parquet file.
//!
//! Every link is recomputed before its row is written, and every checksum before the file is finished. Memory is flat: one batch
//! of rows and the packed pages of one row group. The bytes are a function of the records, the head before them, the promotions, the rules and the release.

use std::io::Write;

use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use sealtrail_chain::segment::object_key;
use sealtrail_chain::{Break, Checksum, CompactRange, Hash, Head, Link, Run, Segment, Sequence, UnixNanos};

use super::columns::Columns;
use super::fields::{Consecutive, Extracted};
use super::layout::{self, ROW_GROUP_CONTENT};
use super::pages::Pages;
use super::promotion::Promotions;
use super::{Error, Footer};

const DAY_NANOS: u64 = 86_400 * 1_000_000_000;

/// A file that is complete but for its sync and its name.
pub struct Written<W> {
    /// Key under which the object belongs.
    pub key: String,
    pub segment: Segment,
    /// The chain's head behind the segment.
    pub head: Head,
    pub out: W,
    /// For the next segment.
    pub memory: Memory,
}

/// Memory of a segment that is finished: fresh memory for the next one would cost more than what is written into it.
pub struct Memory {
    promotions: Promotions,
    long: Long,
}

/// Writes one segment. Dropped without `finish`, it leaves a file that no reader takes for an object.
pub struct SegmentWriter<W: Write + Send> {
    run: Run,
    waiting: Waiting,
    /// Where the segment begins: its first sequence and the hash before it.
    begin: (Sequence, Hash),
    range_before: CompactRange,
    /// Of the first record.
    observed: Option<UnixNanos>,
    event_nanos: Option<(i64, i64)>,
    promotions: Promotions,
    rules: [u8; 32],
    contents: Consecutive,
    columns: Columns,
    long: Long,
    group: Option<Group>,
    schema: SchemaRef,
    groups: ArrowRowGroupWriterFactory,
    file: SerializedFileWriter<W>,
}

/// A record whose content is not yet proven to be the one that was sealed: two are hashed in less time than one after the other.
#[derive(Default)]
struct Waiting {
    link: Option<Link>,
    content: String,
}

impl Waiting {
    fn check(&mut self, link: &Link, content: &str) -> Result<(), Error> {
        let Some(before) = self.link else {
            self.wait(link, content);
            return Ok(());
        };
        let [first, second] = Checksum::of_two(self.content.as_bytes(), content.as_bytes());
        prove(&before, first)?;
        self.link = None;
        // What is not proven stays, so that after an error nothing is finished.
        prove(link, second).inspect_err(|_| self.wait(link, content))
    }

    fn wait(&mut self, link: &Link, content: &str) {
        self.link = Some(*link);
        self.content.clear();
        self.content.push_str(content);
    }

    fn finish(&self) -> Result<(), Error> {
        self.link.map_or(Ok(()), |link| prove(&link, Checksum::of(self.content.as_bytes())))
    }
}

fn prove(link: &Link, computed: Checksum) -> Result<(), Error> {
    if computed == link.checksum {
        return Ok(());
    }
    Err(Error::Follow { sequence: link.sequence, source: Break::Content { claimed: link.checksum, computed } })
}

/// The open row group: packed pages of all columns but the long ones.
struct Group {
    columns: Vec<ArrowColumnWriter>,
    /// Bytes of content so far.
    bytes: usize,
}

/// The last three columns, of the open row group; they are empty when it is written.
struct Long {
    content: Pages,
    checksum: Pages,
    hash: Pages,
}

impl<W: Write + Send> SegmentWriter<W> {
    /// Begins a file behind `head`. `rules`: digest of the masking rules in force, which don't change within a segment.
    pub fn new(head: Head, promotions: &Promotions, rules: [u8; 32], out: W) -> Result<Self, Error> {
        Self::with_memory(head, promotions, rules, out, None)
    }

    /// The same in the memory of a segment before, which serves for one of the same columns.
    pub fn with_memory(
        head: Head,
        promotions: &Promotions,
        rules: [u8; 32],
        out: W,
        memory: Option<Memory>,
    ) -> Result<Self, Error> {
        let schema = layout::schema(promotions);
        let options = ArrowWriterOptions::new()
            .with_properties(layout::properties(promotions, Vec::new()))
            // Readers take the types from Parquet itself; a second schema in the footer could contradict it.
            .with_skip_arrow_metadata(true);
        let (file, groups) = ArrowWriter::try_new_with_options(out, schema.clone(), options)
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|source| Error::Write { doing: "begin", source })?;
        let long = match memory.filter(|memory| memory.promotions == *promotions) {
            Some(memory) => memory.long,
            None => Long::new(&file).map_err(|source| Error::Write { doing: "begin", source })?,
        };
        Ok(Self {
            begin: (head.next(), head.hash()),
            range_before: head.tree().clone(),
            run: Run::behind(head),
            waiting: Waiting::default(),
            observed: None,
            event_nanos: None,
            promotions: promotions.clone(),
            rules,
            contents: Consecutive::new(promotions),
            columns: Columns::new(promotions.as_slice().len()),
            long,
            group: None,
            schema,
            groups,
            file,
        })
    }

    /// Adds the next record. Its link is recomputed first, its checksum at once or with the next one's.
    pub fn push(&mut self, link: &Link, content: &str) -> Result<(), Error> {
        let sequence = link.sequence;
        self.run.follow_link(link).map_err(|source| Error::Follow { sequence, source })?;
        self.waiting.check(link, content)?;
        let first = *self.observed.get_or_insert(link.observed);
        if first.0 / DAY_NANOS != link.observed.0 / DAY_NANOS {
            return Err(Error::Day { sequence });
        }
        let Extracted { fields, event_nanos } =
            self.contents.read(content).map_err(|at| Error::Content { sequence, at })?;
        if let Some(nanos) = event_nanos {
            let (min, max) = self.event_nanos.unwrap_or((nanos, nanos));
            self.event_nanos = Some((min.min(nanos), max.max(nanos)));
        }
        self.columns.push(link, content, &fields).ok_or(Error::Time { sequence })?;
        self.add(link, content).map_err(|source| Error::Write { doing: "write rows of", source })
    }

    /// Ends the file with its metadata. The caller syncs it.
    pub fn finish(mut self) -> Result<Written<W>, Error> {
        let observed = self.observed.ok_or(Error::Empty)?;
        self.waiting.finish()?;
        self.end_group().map_err(|source| Error::Write { doing: "write rows of", source })?;
        let head = self.run.head();
        let (first, before) = self.begin;
        let segment = Segment {
            chain: head.chain().clone(),
            first,
            // There is one: it was observed.
            last: Sequence::new(head.next().get() - 1),
            before,
            after: head.hash(),
            range: self.run.range().clone(),
        };
        let footer = Footer {
            range_before: self.range_before,
            range_after: head.tree().clone(),
            promotions: self.promotions,
            rules: self.rules,
            event_nanos: self.event_nanos,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            segment,
        };
        for pair in footer.to_metadata() {
            self.file.append_key_value_metadata(pair);
        }
        let key = object_key(&footer.segment.chain, observed, footer.segment.first);
        let out = self.file.into_inner().map_err(|source| Error::Write { doing: "finish", source })?;
        let memory = Memory { promotions: footer.promotions, long: self.long };
        Ok(Written { key, segment: footer.segment, head, out, memory })
    }

    /// Adds what `columns` doesn't hold of a row, and hands on what is full.
    fn add(&mut self, link: &Link, content: &str) -> Result<(), ParquetError> {
        let group = match &mut self.group {
            Some(group) => group,
            none => none.insert(Group::new(&self.groups, &self.file)?),
        };
        self.long.content.push(content.as_bytes())?;
        self.long.checksum.push(&link.checksum.0)?;
        self.long.hash.push(&link.hash.0)?;
        group.bytes += content.len();
        if group.bytes >= ROW_GROUP_CONTENT {
            self.end_group()
        } else if self.columns.is_full() {
            group.write(&self.schema, &mut self.columns)
        } else {
            Ok(())
        }
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        let Some(mut group) = self.group.take() else { return Ok(()) };
        group.write(&self.schema, &mut self.columns)?;
        let mut out = self.file.next_row_group()?;
        for column in group.columns {
            column.close()?.append_to_row_group(&mut out)?;
        }
        let Long { content, checksum, hash } = &mut self.long;
        for column in [content, checksum, hash] {
            column.append_to(&mut out)?;
        }
        out.close().map(drop)
    }
}

impl Group {
    fn new<W: Write + Send>(
        groups: &ArrowRowGroupWriterFactory,
        file: &SerializedFileWriter<W>,
    ) -> Result<Self, ParquetError> {
        let mut columns = groups.create_column_writers(file.flushed_row_groups().len())?;
        columns.truncate(columns.len() - layout::TRAILING.len());
        Ok(Self { columns, bytes: 0 })
    }

    fn write(&mut self, schema: &SchemaRef, rows: &mut Columns) -> Result<(), ParquetError> {
        if rows.rows() == 0 {
            return Ok(());
        }
        for ((column, field), values) in self.columns.iter_mut().zip(schema.fields()).zip(rows.take()) {
            for leaf in compute_leaves(field, &values)? {
                column.write(&leaf)?;
            }
        }
        Ok(())
    }
}

impl Long {
    fn new<W: Write + Send>(file: &SerializedFileWriter<W>) -> Result<Self, ParquetError> {
        let first = file.schema_descr().num_columns() - layout::TRAILING.len();
        let at = |place| file.schema_descr().column(first + place);
        Ok(Self { content: Pages::texts(at(0))?, checksum: Pages::fixed(at(1)), hash: Pages::fixed(at(2)) })
    }
}
