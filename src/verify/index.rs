//! What an object says about its rows beside the rows: statistics, page index, bloom filters, sort order, file metadata.
//!
//! No hash covers them, and a query engine believes them: a maximum that is too small makes it pass over the very record
//! that someone wants unseen. So they are compared with the rows as these go by: every bound must hold, an exact one must
//! be met, every value must be in its filter, and every page must begin at the row that the index says. Where something is
//! absent, nothing misleads. (`footer` looks at what the Parquet library does not show.)

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

use super::footer::Outline;
use crate::archive::Row;

/// The keys of the file metadata in format 1.
const KEYS: [&str; 14] = [
    "sealtrail.format",
    "sealtrail.version",
    "sealtrail.chain",
    "sealtrail.first",
    "sealtrail.last",
    "sealtrail.prev_hash",
    "sealtrail.hash",
    "sealtrail.range_before",
    "sealtrail.range_after",
    "sealtrail.range",
    "sealtrail.promotions",
    "sealtrail.rules",
    "sealtrail.event_time_min",
    "sealtrail.event_time_max",
];

/// Columns with bounds before the promotions: numbers, then texts, then (by filter alone) ids.
const NUMBERS: [&str; 5] = ["sequence", "observed_nanos", "observed_time", "event_time", "severity_number"];
const TEXTS: [&str; 3] = ["service_name", "event_name", "severity_text"];

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
    min_exact: bool,
    max_exact: bool,
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
}

impl Indexes {
    /// Reads the footer of an object and what it points to. `promoted`: the columns of the promotions, in their order.
    /// `release`: what its metadata call the release that wrote it.
    pub(super) fn of<'p>(
        file: File,
        promoted: impl Iterator<Item = &'p str>,
        release: &str,
    ) -> Result<Self, ParquetError> {
        let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = reader.parse_and_finish(&file)?;
        let names = NUMBERS.into_iter().chain(TEXTS).chain(promoted).chain(["trace_id", "span_id"]);
        let place =
            |name: &str| metadata.file_metadata().schema_descr().columns().iter().position(|c| c.name() == name);
        let columns = names.filter_map(|name| Some(Column::new(name, place(name)?))).collect();
        let outline = Outline::of(&file, Some(release))?;
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
        indexes.check_keys();
        Ok(indexes)
    }

    fn check_keys(&mut self) {
        let metadata = self.metadata.clone();
        let pairs = metadata.file_metadata().key_value_metadata().into_iter().flatten();
        if pairs.into_iter().any(|pair| !KEYS.contains(&pair.key.as_str())) {
            self.misfit(None, None, "file metadata of the format alone".to_owned());
        }
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
        let cells = numbers.into_iter().map(|number| number.map(Cell::Number)).chain(texts).chain([trace_id, span_id]);
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
        self.misfits
    }

    fn begin_group(&mut self, sequence: u64) -> Result<(), ParquetError> {
        let metadata = self.metadata.clone();
        let group = metadata.row_group(self.group);
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        (self.begin, self.end, self.sequence) = (self.row, self.row + rows, sequence);
        let sorted = group
            .sorting_columns()
            .is_none_or(|columns| matches!(columns.as_slice(), [one] if one.column_idx == 0 && !one.descending));
        if !sorted {
            self.wrong.push("a sort order by `sequence`, ascending".to_owned());
        }
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
        let bounded = chunk.statistics().is_some_and(|all| all.min_bytes_opt().or(all.max_bytes_opt()).is_some());
        let id = name == "trace_id" || name == "span_id";
        if (bounded && (id || !watched)) || (chunk.bloom_filter_offset().is_some() && !watched) {
            self.wrong.push(format!("no statistics and no filter of `{name}`"));
        }
        let indexes = metadata.page_index_for_row_group(index);
        let Some(locations) = indexes.page_locations(at).filter(|locations| !locations.is_empty()) else { return };
        let (start, len) = chunk.byte_range();
        let end = |location: &PageLocation| location.offset.saturating_add(location.compressed_page_size.into());
        let tiled = locations.windows(2).all(|two| end(&two[0]) == two[1].offset)
            && locations.last().is_some_and(|last| u64::try_from(end(last)) == Ok(start + len));
        let pages = self.outline.pages.get(index).and_then(|columns| columns.get(at)).map(Vec::as_slice);
        let begins =
            pages.unwrap_or_default().iter().map(|(offset, row)| (i64::try_from(*offset), i64::try_from(*row)));
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
    fn new(name: &str, at: usize) -> Self {
        Self {
            name: name.to_owned(),
            at,
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
        self.before.join(seen);
        sound
    }
}

impl Seen {
    fn add(&mut self, cell: Cell<'_>) {
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
        if let Some(min) = other.min.filter(|min| self.min.as_ref().is_none_or(|ours| min < ours)) {
            self.min = Some(min);
        }
        if let Some(max) = other.max.filter(|max| self.max.as_ref().is_none_or(|ours| max > ours)) {
            self.max = Some(max);
        }
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
            min_exact: statistics.min_is_exact(),
            max_exact: statistics.max_is_exact(),
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

    /// Whether all that is claimed is so. A bound that was cut (and says so, or stands in a page index) may be wider.
    fn hold(&self, seen: &Seen) -> bool {
        let min = match (&self.min, &seen.min) {
            (Some(claimed), Some(seen)) => claimed == seen || (!self.min_exact && claimed < seen),
            (claimed, _) => claimed.is_none() || self.only_nulls == Some(true),
        };
        let max = match (&self.max, &seen.max) {
            (Some(claimed), Some(seen)) => claimed == seen || (!self.max_exact && claimed > seen),
            (claimed, _) => claimed.is_none() || self.only_nulls == Some(true),
        };
        let nulls = self.nulls.is_none_or(|nulls| nulls == seen.nulls);
        min && max && nulls && self.only_nulls.is_none_or(|only| only == seen.min.is_none())
    }
}

fn value(kind: parquet::basic::Type, bytes: &[u8]) -> Value {
    use parquet::basic::Type;
    match (kind, bytes.try_into(), bytes.try_into()) {
        (Type::INT64, Ok(bytes), _) => Value::Number(i64::from_le_bytes(bytes)),
        (Type::INT32, _, Ok(bytes)) => Value::Number(i32::from_le_bytes(bytes).into()),
        _ => Value::Bytes(bytes.to_vec()),
    }
}

fn ordered(index: &ColumnIndexMetaData, pages: usize) -> bool {
    let bounds: Vec<Bounds> = (0..pages).filter_map(|page| Bounds::of_page(index, page)).collect();
    let bounds: Vec<_> = bounds.iter().filter_map(|all| Some((all.min.as_ref()?, all.max.as_ref()?))).collect();
    let mut pairs = bounds.windows(2);
    match index.get_boundary_order() {
        Some(BoundaryOrder::ASCENDING) => pairs.all(|two| two[0].0 <= two[1].0 && two[0].1 <= two[1].1),
        Some(BoundaryOrder::DESCENDING) => pairs.all(|two| two[0].0 >= two[1].0 && two[0].1 >= two[1].1),
        _ => true,
    }
}
