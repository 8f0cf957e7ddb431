//! Bounds, as a footer or a page index claims them, and what the rows hold.

use parquet::basic::{BoundaryOrder, Type};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

/// What is claimed of a page or a group.
#[derive(Default)]
pub(super) struct Bounds {
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
pub(super) struct Seen {
    pub(super) min: Option<Value>,
    max: Option<Value>,
    pub(super) nulls: u64,
    values: u64,
    bytes: u64,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Number(i64),
    Bytes(Vec<u8>),
}

/// A value of a row.
#[derive(Clone, Copy)]
pub(super) enum Cell<'a> {
    Number(i64),
    Bytes(&'a [u8]),
}

/// Bytes to which a longer bound is cut; at the beginning of a character, so that there may be three less.
const CUT: usize = 64;

impl Seen {
    /// Counts a value, of which nothing else is asked.
    pub(super) fn count(&mut self, cell: Cell<'_>) {
        self.values += 1;
        self.bytes += match cell {
            Cell::Number(_) => 0,
            Cell::Bytes(bytes) => bytes.len() as u64,
        };
    }

    pub(super) fn add(&mut self, cell: Cell<'_>) {
        self.count(cell);
        match &mut self.min {
            Some(min) if cell.order(min).is_ge() => {}
            min => cell.store(min),
        }
        match &mut self.max {
            Some(max) if cell.order(max).is_le() => {}
            max => cell.store(max),
        }
    }

    pub(super) fn join(&mut self, other: Self) {
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

    /// Bytes, nulls, values.
    pub(super) fn sizes(&self) -> [i64; 3] {
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
        }
    }
}

impl Bounds {
    /// What no rows fit.
    pub(super) fn impossible() -> Self {
        Self { nulls: Some(u64::MAX), ..Self::default() }
    }

    pub(super) fn of(statistics: &Statistics) -> Self {
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

    pub(super) fn of_page(index: &ColumnIndexMetaData, page: usize) -> Option<Self> {
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
        // A negative number is none that any rows have.
        let nulls = index.null_count(page).map(|nulls| u64::try_from(nulls).unwrap_or(u64::MAX));
        Some(Self { min, max, nulls, only_nulls: Some(index.is_null_page(page)), ..Self::default() })
    }

    /// Whether all that is claimed is so.
    pub(super) fn hold(&self, seen: &Seen) -> bool {
        let holds =
            |claimed: &Option<Value>, seen: &Option<Value>, exact: Option<bool>, cut: fn(&[u8], &[u8]) -> bool| {
                match (claimed, seen) {
                    (Some(claimed), Some(seen)) if claimed == seen => exact != Some(false),
                    // A long one is cut, and says so where it can.
                    (Some(Value::Bytes(claimed)), Some(Value::Bytes(seen))) => {
                        let long = seen.len() > CUT && claimed.len() <= CUT;
                        long && exact != Some(true) && cut(claimed, seen)
                    }
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

fn value(kind: Type, bytes: &[u8]) -> Value {
    match (kind, bytes.try_into(), bytes.try_into()) {
        (Type::INT64, Ok(bytes), _) => Value::Number(i64::from_le_bytes(bytes)),
        (Type::INT32, _, Ok(bytes)) => Value::Number(i32::from_le_bytes(bytes).into()),
        _ => Value::Bytes(bytes.to_vec()),
    }
}

/// Whether the pages' bounds are in the order that is claimed, or in none where that is.
pub(super) fn ordered(index: &ColumnIndexMetaData, pages: usize) -> bool {
    let bounds: Vec<Bounds> = (0..pages).filter_map(|page| Bounds::of_page(index, page)).collect();
    let bounds: Vec<_> = bounds.iter().filter_map(|all| Some((all.min.as_ref()?, all.max.as_ref()?))).collect();
    let all = |holds: fn(&Value, &Value) -> bool| {
        bounds.windows(2).all(|two| holds(two[0].0, two[1].0) && holds(two[0].1, two[1].1))
    };
    let (rising, falling) = (all(|one, next| one <= next), all(|one, next| one >= next));
    // Those that were cut may look alike and not be.
    let cut = |value: &Value| matches!(value, Value::Bytes(bytes) if bytes.len() + 3 >= CUT);
    let cut = bounds.iter().any(|(min, max)| cut(min) || cut(max));
    match index.get_boundary_order() {
        Some(BoundaryOrder::ASCENDING) => rising,
        Some(BoundaryOrder::DESCENDING) => falling && (cut || !rising),
        Some(BoundaryOrder::UNORDERED) => cut || !(rising || falling),
        None => true,
    }
}
