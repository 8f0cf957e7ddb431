//! What an object says about its rows beside the rows: statistics, page index, bloom filters, sort order, file metadata.
//!
//! No hash covers them, and a query engine believes them: a maximum that is too small makes it pass over the very record
//! that someone wants unseen. So they are compared with the rows as these go by: every bound must hold, an exact one must
//! be met, one that was cut must be what is left of the true one, every value must be in its filter, every page must begin at
//! the row that the index says, and counts and sizes must be theirs. Where something is absent, nothing misleads. (`footer`
//! looks at what the Parquet library does not show.)

mod bounds;

use std::fs::File;
use std::sync::Arc;

use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::page_index::offset_index::PageLocation;

use super::footer::{Chunk, Outline};
use crate::archive::{ContentPage, Footer, Row};
use bounds::{Bounds, Cell, Seen, ordered};

/// Columns with bounds before the promotions: numbers, then texts …
const NUMBERS: [&str; 5] = ["sequence", "observed_nanos", "observed_time", "event_time", "severity_number"];
const TEXTS: [&str; 3] = ["service_name", "event_name", "severity_text"];
/// … and behind them those without: ids have a filter at most, of contents the sizes may stand there.
const BARE: [&str; 3] = ["trace_id", "span_id", "content"];

/// Something that does not fit the rows.
pub(super) struct Misfit {
    /// Row of the object, where it is about one.
    pub(super) row: Option<u64>,
    /// The records in question; `None`: all of the object.
    pub(super) records: Option<(u64, u64)>,
    pub(super) expected: String,
}

/// The indexes of one object, and how far its rows were compared with them.
pub(super) struct Indexes {
    file: Arc<File>,
    metadata: Arc<ParquetMetaData>,
    columns: Vec<Column>,
    /// Names of the columns that may have a filter.
    filtered: Vec<String>,
    group: usize,
    /// Rows before the current group and behind it.
    begin: u64,
    end: u64,
    row: u64,
    /// Sequences of the group's first row and of the last one that was compared.
    sequence: u64,
    last: u64,
    outline: Outline,
    /// What does not fit the current group.
    wrong: Vec<String>,
    misfits: Vec<Misfit>,
}

/// Misfits kept of one object: a few tell as much as thousands.
const LIMIT: usize = 32;

/// A column that is compared, in the current group.
struct Column {
    name: String,
    at: usize,
    pages: Vec<Page>,
    page: usize,
    /// Of the current page, and of the group but for it.
    seen: Seen,
    before: Seen,
    /// Bytes, nulls and values of each page.
    sizes: Vec<[i64; 3]>,
    /// Whether its values may be null, and are texts.
    nullable: bool,
    texts: bool,
    /// It has no bounds: nothing is asked of its values but their number, their sizes and their filter.
    bare: bool,
    filter: Option<Sbbf>,
    unfiltered: bool,
}

struct Page {
    /// One past its last row, within the object.
    end: u64,
    bounds: Option<Bounds>,
}

impl Indexes {
    /// Reads the footer of an object and what it points to. `claimed`: what its own metadata say.
    pub(super) fn of(file: File, claimed: &Footer) -> Result<Self, ParquetError> {
        let read = |indexes| ParquetMetaDataReader::new().with_page_index_policy(indexes).parse_and_finish(&file);
        let indexed = read(PageIndexPolicy::Optional);
        let unreadable = indexed.is_err();
        let metadata = indexed.or_else(|_| read(PageIndexPolicy::Skip))?;
        let promoted = claimed.promotions.as_slice().iter().map(|promotion| promotion.column.as_str());
        let names = NUMBERS.into_iter().chain(TEXTS).chain(promoted).chain(BARE);
        let place =
            |name: &str| metadata.file_metadata().schema_descr().columns().iter().position(|c| c.name() == name);
        let types = metadata.file_metadata().schema_descr();
        let columns = names.filter_map(|name| {
            let at = place(name)?;
            let (kind, nullable) = (types.column(at).physical_type(), types.column(at).max_def_level() > 0);
            Some(Column::new(name, at, kind == parquet::basic::Type::BYTE_ARRAY, nullable))
        });
        let columns = columns.collect();
        let filtered = claimed.promotions.as_slice().iter().filter(|promotion| promotion.bloom);
        let filtered = filtered.map(|promotion| promotion.column.clone());
        let outline = Outline::of(&file, claimed, &metadata)?;
        let mut indexes = Self {
            file: Arc::new(file),
            metadata: Arc::new(metadata),
            columns,
            filtered: filtered.chain(["trace_id".to_owned()]).collect(),
            group: 0,
            begin: 0,
            end: 0,
            row: 0,
            sequence: 0,
            last: 0,
            outline,
            wrong: Vec::new(),
            misfits: Vec::new(),
        };
        let flaws = std::mem::take(&mut indexes.outline.flaws);
        let (of_groups, of_all): (Vec<_>, Vec<_>) = flaws.into_iter().partition(|flaw| flaw.group.is_some());
        indexes.outline.flaws = of_groups;
        of_all.into_iter().for_each(|flaw| indexes.misfit(None, None, flaw.expected));
        if unreadable {
            indexes.misfit(None, None, "indexes of pages that can be read".to_owned());
        }
        Ok(indexes)
    }

    /// Whether the rows must not be read, for what their pages claim to hold.
    pub(super) fn is_refused(&self) -> bool {
        self.outline.refused
    }

    /// Where contents lie, once, if nothing but the format's own form was found in the footer and the pages.
    pub(super) fn contents(&mut self) -> Option<Vec<ContentPage>> {
        self.outline.contents.take()
    }

    /// Compares the next row.
    pub(super) fn row(&mut self, row: &Row<'_>) -> Result<(), ParquetError> {
        while self.row == self.end && self.group < self.metadata.num_row_groups() {
            self.end_group();
            self.begin_group(row.sequence.get())?;
        }
        let fields = &row.fields;
        let numbers = [
            i64::try_from(row.sequence.get()).ok(),
            i64::try_from(row.observed.0).ok(),
            row.observed_micros,
            fields.event_micros,
            fields.severity_number.map(i64::from),
        ];
        let texts =
            [&fields.service_name, &fields.event_name, &fields.severity_text].into_iter().chain(&fields.promoted);
        let texts = texts.map(|text| text.as_deref().map(|text| Cell::Bytes(text.as_bytes())));
        let trace_id = fields.trace_id.as_ref().map(|id| Cell::Bytes(id));
        let span_id = fields.span_id.as_ref().map(|id| Cell::Bytes(id));
        let cells = numbers.into_iter().map(|number| number.map(Cell::Number)).chain(texts).chain([
            trace_id,
            span_id,
            Some(Cell::Bytes(row.content.as_bytes())),
        ]);
        let mut wrong = None;
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            if let Err(what) = column.add(self.row, cell) {
                wrong = Some(format!("{what} of `{}` that fits its values", column.name));
            }
        }
        self.last = row.sequence.get();
        if let Some(expected) = wrong {
            self.misfit(Some(self.row), Some((self.last, self.last)), expected);
        }
        self.row += 1;
        Ok(())
    }

    /// All rows were compared.
    pub(super) fn finish(mut self) -> Vec<Misfit> {
        self.end_group();
        // Row groups behind the last row.
        let behind = std::mem::take(&mut self.outline.flaws).into_iter().filter(|flaw| flaw.group >= Some(self.group));
        let behind: Vec<String> = behind.map(|flaw| flaw.expected).collect();
        behind.into_iter().for_each(|expected| self.misfit(None, None, expected));
        self.misfits
    }

    fn begin_group(&mut self, sequence: u64) -> Result<(), ParquetError> {
        let metadata = self.metadata.clone();
        let group = metadata.row_group(self.group);
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        (self.begin, self.end, self.sequence) = (self.row, self.row + rows, sequence);
        for at in 0..group.num_columns() {
            self.check_chunk(group, at);
        }
        for column in &mut self.columns {
            column.begin(&metadata, self.group, self.begin, self.end, &self.file)?;
        }
        self.group += 1;
        Ok(())
    }

    /// Asks of every column whether its pages lie, and begin, where the index says.
    fn check_chunk(&mut self, group: &RowGroupMetaData, at: usize) {
        let (chunk, index) = (group.column(at), self.group);
        let metadata = self.metadata.clone();
        let name = chunk.column_descr().name().chars().take(64).collect::<String>();
        let watched = self.columns.iter().any(|column| column.at == at);
        let bare = !watched || BARE.contains(&name.as_str());
        let outlined = self.outline.chunks.get(index).and_then(|columns| columns.get(at));
        let bounded = chunk.statistics().is_some() || chunk.column_index_offset().is_some();
        let filtered = chunk.bloom_filter_offset().is_some() && !self.filtered.contains(&name);
        if (bounded && bare) || filtered || (!watched && outlined.is_some_and(Chunk::has_sizes)) {
            self.wrong.push(format!("no statistics and no filter of `{name}`"));
        }
        let indexes = metadata.page_index_for_row_group(index);
        let Some(locations) = indexes.page_locations(at).filter(|locations| !locations.is_empty()) else { return };
        let (start, len) = chunk.byte_range();
        let end = |location: &PageLocation| location.offset.saturating_add(location.compressed_page_size.into());
        let tiled = locations.windows(2).all(|two| end(&two[0]) == two[1].offset)
            && locations.last().is_some_and(|last| u64::try_from(end(last)) == Ok(start + len));
        // Where the footer is of no sound form, that is said, and nothing more is known of its pages.
        let Some(outlined) = self.outline.chunks.get(index).and_then(|columns| columns.get(at)) else { return };
        let begins = outlined.begins.iter().map(|(offset, row)| (i64::try_from(*offset), i64::try_from(*row)));
        let said = locations.iter().map(|location| (Ok(location.offset), Ok(location.first_row_index)));
        if !tiled || !said.eq(begins) {
            self.wrong.push(format!("an index of the pages of `{name}` itself"));
        }
    }

    fn end_group(&mut self) {
        let Some(index) = self.group.checked_sub(1) else { return };
        let mut wrong = std::mem::take(&mut self.wrong);
        let flaws = self.outline.flaws.iter().filter(|flaw| flaw.group == Some(index));
        wrong.extend(flaws.map(|flaw| flaw.expected.clone()));
        let metadata = self.metadata.clone();
        for column in &mut self.columns {
            if !column.end_page() {
                wrong.push(format!("bounds of a page of `{}` that hold", column.name));
            }
            let outlined = self.outline.chunks.get(index).and_then(|columns| columns.get(column.at));
            if outlined.is_some_and(|outlined| !column.sizes_fit(outlined)) {
                wrong.push(format!("sizes of `{}` and of its pages that are theirs", column.name));
            }
            let chunk = metadata.row_group(index).column(column.at);
            if chunk.statistics().is_some_and(|all| !Bounds::of(all).hold(&column.before)) {
                wrong.push(format!("statistics of `{}` that hold", column.name));
            }
        }
        for expected in wrong {
            self.misfit(Some(self.begin), Some((self.sequence, self.last)), expected);
        }
    }

    fn misfit(&mut self, row: Option<u64>, records: Option<(u64, u64)>, expected: String) {
        if self.misfits.len() < LIMIT {
            self.misfits.push(Misfit { row, records, expected });
        }
    }
}

impl Column {
    fn new(name: &str, at: usize, texts: bool, nullable: bool) -> Self {
        Self {
            name: name.to_owned(),
            at,
            texts,
            nullable,
            bare: BARE.contains(&name),
            sizes: Vec::new(),
            pages: Vec::new(),
            page: 0,
            seen: Seen::default(),
            before: Seen::default(),
            filter: None,
            unfiltered: false,
        }
    }

    /// Turns to a row group of rows `begin` to `end`.
    fn begin(
        &mut self,
        metadata: &ParquetMetaData,
        group: usize,
        begin: u64,
        end: u64,
        file: &File,
    ) -> Result<(), ParquetError> {
        let chunk: &ColumnChunkMetaData = metadata.row_group(group).column(self.at);
        self.filter = Sbbf::read_from_column_chunk(chunk, file)?.filter(|filter| filter.num_blocks() > 0);
        self.unfiltered = false;
        (self.page, self.seen, self.before) = (0, Seen::default(), Seen::default());
        self.pages.clear();
        self.sizes.clear();
        let indexes = metadata.page_index_for_row_group(group);
        let (locations, bounds) = (indexes.page_locations(self.at), indexes.column_index(self.at));
        for (number, location) in locations.into_iter().flatten().enumerate() {
            if let Some(last) = self.pages.last_mut() {
                last.end = begin.saturating_add(u64::try_from(location.first_row_index).unwrap_or(0)).min(end);
            }
            let bounds = bounds.and_then(|bounds| Bounds::of_page(bounds, number));
            self.pages.push(Page { end, bounds });
        }
        // An index that claims an order which its bounds don't have would lead a search astray.
        if bounds.is_some_and(|bounds| !ordered(bounds, self.pages.len())) {
            self.pages.iter_mut().for_each(|page| page.bounds = Some(Bounds::impossible()));
        }
        if self.pages.is_empty() {
            self.pages.push(Page { end, bounds: None });
        }
        Ok(())
    }

    /// An error names what does not fit the value.
    fn add(&mut self, row: u64, cell: Option<Cell<'_>>) -> Result<(), &'static str> {
        let mut sound = true;
        while self.pages.get(self.page).is_some_and(|page| row >= page.end) && self.page + 1 < self.pages.len() {
            sound &= self.end_page();
            self.page += 1;
        }
        let Some(cell) = cell else {
            self.seen.nulls += 1;
            return if sound { Ok(()) } else { Err("an index of the pages") };
        };
        if let (Some(filter), Cell::Bytes(bytes), false) = (&self.filter, cell, self.unfiltered)
            && !filter.check(bytes)
        {
            // Said once a group.
            self.unfiltered = true;
            return Err("a bloom filter");
        }
        if self.bare {
            self.seen.count(cell);
        } else {
            self.seen.add(cell);
        }
        if sound { Ok(()) } else { Err("an index of the pages") }
    }

    /// Whether the current page's bounds hold; adds it to the group.
    fn end_page(&mut self) -> bool {
        let seen = std::mem::take(&mut self.seen);
        let sound = self.pages.get(self.page).and_then(|page| page.bounds.as_ref()).is_none_or(|all| all.hold(&seen));
        self.sizes.push(seen.sizes());
        self.before.join(seen);
        sound
    }

    /// Whether what is claimed of sizes and nulls is so.
    fn sizes_fit(&self, claimed: &Chunk) -> bool {
        let levels = |[_, nulls, values]: &[i64; 3]| [*nulls, *values];
        let fit = |claimed: &Option<Vec<i64>>, of: &mut dyn Iterator<Item = i64>, has: bool| {
            claimed.as_ref().is_none_or(|claimed| has && claimed.iter().copied().eq(of))
        };
        let all = self.before.sizes();
        let [bytes, ..] = all;
        claimed.bytes.is_none_or(|claimed| self.texts && claimed == bytes)
            && fit(&claimed.levels, &mut levels(&all).into_iter(), self.nullable)
            && fit(&claimed.page_bytes, &mut self.sizes.iter().map(|[bytes, ..]| *bytes), self.texts)
            && fit(&claimed.page_levels, &mut self.sizes.iter().flat_map(levels), self.nullable)
    }
}
