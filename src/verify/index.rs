//! What an object says about its rows beside the rows: statistics, page index, bloom filters, sort order, file metadata.
//!
//! No hash covers them, and a query engine believes them: a maximum that is too small makes it pass over the very record
//! that someone wants unseen. So they are compared with the rows as these go by: every bound must hold, an exact one must
//! be met, one that was cut must be what is left of the true one, every value must be in its filter, every page must begin at
//! the row that the index says, and counts and sizes must be theirs. Where something is absent, nothing misleads. (`footer`
//! looks at what the Parquet library does not show.)

use std::fs::File;
use std::sync::Arc;

use parquet::basic::BoundaryOrder;
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::statistics::Statistics;

use super::footer::{Chunk, Outline};
use crate::archive::{Footer, Row};

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

/// A text that is cut at 64 bytes, and at the beginning of a character, is no shorter.
const SHORTEST_CUT: usize = 61;

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
    filter: Option<Sbbf>,
    unfiltered: bool,
}

struct Page {
    /// One past its last row, within the object.
    end: u64,
    bounds: Option<Bounds>,
}

/// What is claimed of a page or a group.
#[derive(Default)]
struct Bounds {
    min: Option<Value>,
    max: Option<Value>,
    /// Whether a bound calls itself exact; in a page index none does.
    min_exact: Option<bool>,
    max_exact: Option<bool>,
    nulls: Option<u64>,
    /// A page without any value, by its own word.
    only_nulls: Option<bool>,
}

/// What the rows hold.
#[derive(Default)]
struct Seen {
    min: Option<Value>,
    max: Option<Value>,
    nulls: u64,
    values: u64,
    bytes: u64,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Number(i64),
    Bytes(Vec<u8>),
}

/// A value of a row.
#[derive(Clone, Copy)]
enum Cell<'a> {
    Number(i64),
    Bytes(&'a [u8]),
    /// A content, of which nothing but its length is asked.
    Long(usize),
}

impl Indexes {
    /// Reads the footer of an object and what it points to. `claimed`: what its own metadata say.
    pub(super) fn of(file: File, claimed: &Footer) -> Result<Self, ParquetError> {
        let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = reader.parse_and_finish(&file)?;
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
        let outline = Outline::of(&file, claimed)?;
        let mut indexes = Self {
            file: Arc::new(file),
            metadata: Arc::new(metadata),
            columns,
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
        Ok(indexes)
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
            Some(Cell::Long(row.content.len())),
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
        let filtered = chunk.bloom_filter_offset().is_some() && (!watched || name == "content");
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
        self.seen.add(cell);
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

impl Seen {
    fn add(&mut self, cell: Cell<'_>) {
        self.values += 1;
        match cell {
            Cell::Number(_) => {}
            Cell::Bytes(bytes) => self.bytes += bytes.len() as u64,
            Cell::Long(length) => {
                self.bytes += length as u64;
                return;
            }
        }
        match &mut self.min {
            Some(min) if cell.order(min).is_ge() => {}
            min => cell.store(min),
        }
        match &mut self.max {
            Some(max) if cell.order(max).is_le() => {}
            max => cell.store(max),
        }
    }

    fn join(&mut self, other: Self) {
        self.nulls += other.nulls;
        self.values += other.values;
        self.bytes += other.bytes;
        if let Some(min) = other.min.filter(|min| self.min.as_ref().is_none_or(|ours| min < ours)) {
            self.min = Some(min);
        }
        if let Some(max) = other.max.filter(|max| self.max.as_ref().is_none_or(|ours| max > ours)) {
            self.max = Some(max);
        }
    }

    fn sizes(&self) -> [i64; 3] {
        [self.bytes, self.nulls, self.values].map(|number| i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl Cell<'_> {
    fn order(self, value: &Value) -> std::cmp::Ordering {
        match (self, value) {
            (Self::Number(a), Value::Number(b)) => a.cmp(b),
            (Self::Bytes(a), Value::Bytes(b)) => a.cmp(b.as_slice()),
            // A column has one type.
            _ => std::cmp::Ordering::Equal,
        }
    }

    fn store(self, place: &mut Option<Value>) {
        match (self, place) {
            (Self::Bytes(bytes), Some(Value::Bytes(held))) => {
                held.clear();
                held.extend_from_slice(bytes);
            }
            (Self::Bytes(bytes), place) => *place = Some(Value::Bytes(bytes.to_vec())),
            (Self::Number(number), place) => *place = Some(Value::Number(number)),
            (Self::Long(_), _) => {}
        }
    }
}

impl Bounds {
    /// What no rows fit.
    fn impossible() -> Self {
        Self { nulls: Some(u64::MAX), ..Self::default() }
    }

    fn of(statistics: &Statistics) -> Self {
        let value = |bytes: Option<&[u8]>| Some(value(statistics.physical_type(), bytes?));
        Self {
            min: value(statistics.min_bytes_opt()),
            max: value(statistics.max_bytes_opt()),
            min_exact: Some(statistics.min_is_exact()),
            max_exact: Some(statistics.max_is_exact()),
            nulls: statistics.null_count_opt(),
            only_nulls: None,
        }
    }

    fn of_page(index: &ColumnIndexMetaData, page: usize) -> Option<Self> {
        if page >= usize::try_from(index.num_pages()).ok()? {
            return Some(Self::impossible());
        }
        let number = |value: Option<i64>| value.map(Value::Number);
        let (min, max) = match index {
            ColumnIndexMetaData::INT64(all) => {
                (number(all.min_value(page).copied()), number(all.max_value(page).copied()))
            }
            ColumnIndexMetaData::INT32(all) => (
                number(all.min_value(page).map(|value| i64::from(*value))),
                number(all.max_value(page).map(|value| i64::from(*value))),
            ),
            ColumnIndexMetaData::BYTE_ARRAY(all) | ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(all) => {
                let bytes = |value: Option<&[u8]>| value.map(|value| Value::Bytes(value.to_vec()));
                (bytes(all.min_value(page)), bytes(all.max_value(page)))
            }
            _ => return None,
        };
        let nulls = index.null_count(page).and_then(|nulls| u64::try_from(nulls).ok());
        Some(Self { min, max, nulls, only_nulls: Some(index.is_null_page(page)), ..Self::default() })
    }

    /// Whether all that is claimed is so.
    fn hold(&self, seen: &Seen) -> bool {
        let holds = |claimed: &Option<Value>,
                     seen: &Option<Value>,
                     exact: Option<bool>,
                     cut: fn(&[u8], &[u8]) -> bool| {
            match (claimed, seen) {
                (Some(claimed), Some(seen)) if claimed == seen => exact != Some(false),
                // A long one is cut, and says so where it can.
                (Some(Value::Bytes(claimed)), Some(Value::Bytes(seen))) => exact != Some(true) && cut(claimed, seen),
                (Some(_), Some(_)) => false,
                (claimed, None) => claimed.is_none() || self.only_nulls == Some(true),
                (None, Some(_)) => true,
            }
        };
        let min = holds(&self.min, &seen.min, self.min_exact, |claimed, seen| seen.starts_with(claimed));
        let max = holds(&self.max, &seen.max, self.max_exact, is_cut_maximum);
        let nulls = self.nulls.is_none_or(|nulls| nulls == seen.nulls);
        min && max && nulls && self.only_nulls.is_none_or(|only| only == seen.min.is_none())
    }
}

/// Whether `claimed` is the beginning of `seen` with its last character made the next one, so that it is not smaller.
fn is_cut_maximum(claimed: &[u8], seen: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(claimed) else { return false };
    let Some(last) = text.chars().next_back() else { return false };
    let kept = &claimed[..claimed.len() - last.len_utf8()];
    let before = seen.get(kept.len()..claimed.len()).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let next = before.and_then(|before| before.chars().next()).and_then(|before| char::from_u32(before as u32 + 1));
    seen.starts_with(kept) && next == Some(last)
}

fn value(kind: parquet::basic::Type, bytes: &[u8]) -> Value {
    use parquet::basic::Type;
    match (kind, bytes.try_into(), bytes.try_into()) {
        (Type::INT64, Ok(bytes), _) => Value::Number(i64::from_le_bytes(bytes)),
        (Type::INT32, _, Ok(bytes)) => Value::Number(i32::from_le_bytes(bytes).into()),
        _ => Value::Bytes(bytes.to_vec()),
    }
}

/// Whether the pages' bounds are in the order that is claimed, or in none where that is.
fn ordered(index: &ColumnIndexMetaData, pages: usize) -> bool {
    let bounds: Vec<Bounds> = (0..pages).filter_map(|page| Bounds::of_page(index, page)).collect();
    let bounds: Vec<_> = bounds.iter().filter_map(|all| Some((all.min.as_ref()?, all.max.as_ref()?))).collect();
    let all = |holds: fn(&Value, &Value) -> bool| {
        bounds.windows(2).all(|two| holds(two[0].0, two[1].0) && holds(two[0].1, two[1].1))
    };
    let (rising, falling) = (all(|one, next| one <= next), all(|one, next| one >= next));
    // Those that were cut may look alike and not be.
    let cut = |value: &Value| matches!(value, Value::Bytes(bytes) if bytes.len() >= SHORTEST_CUT);
    let cut = bounds.iter().any(|(min, max)| cut(min) || cut(max));
    match index.get_boundary_order() {
        Some(BoundaryOrder::ASCENDING) => rising,
        Some(BoundaryOrder::DESCENDING) => falling && (cut || !rising),
        Some(BoundaryOrder::UNORDERED) => cut || !(rising || falling),
        None => true,
    }
}
