//! The structs of `parquet.thrift` as far as format 1 has them (FORMAT.md, "The footer"): every other field of Parquet's is
//! none of ours.

use super::thrift::{Field, Kind, Shape, Struct, Value};
use crate::archive::Promotions;

use Kind::{Bool, Bytes, Int16, Int32, Int64};

const fn must(id: i16, kind: &'static Kind) -> Field {
    Field { id, kind, must: true }
}

const fn may(id: i16, kind: &'static Kind) -> Field {
    Field { id, kind, must: false }
}

static EMPTY: Shape = Shape { name: "mark", fields: &[] };
const NOTHING: &Kind = &Kind::Struct(&EMPTY);
const NUMBERS: &Kind = &Kind::List(&Int64);

pub(super) static FILE: Shape = Shape {
    name: "footer",
    fields: &[
        must(1, &Int32),
        must(2, &Kind::List(&Kind::Struct(&ELEMENT))),
        must(3, &Int64),
        must(4, &Kind::List(&Kind::Struct(&GROUP))),
        must(5, &Kind::List(&Kind::Struct(&PAIR))),
        must(6, &Bytes),
        must(7, &Kind::List(&Kind::Struct(&ORDER))),
    ],
};

static ELEMENT: Shape = Shape {
    name: "column's type",
    fields: &[
        may(1, &Int32),
        may(2, &Int32),
        may(3, &Int32),
        must(4, &Bytes),
        may(5, &Int32),
        may(6, &Int32),
        may(10, &Kind::Struct(&LOGICAL)),
    ],
};
static LOGICAL: Shape = Shape { name: "logical type", fields: &[may(1, NOTHING), may(8, &Kind::Struct(&TIMESTAMP))] };
static TIMESTAMP: Shape = Shape { name: "time's type", fields: &[must(1, &Bool), must(2, &Kind::Struct(&UNIT))] };
static UNIT: Shape = Shape { name: "time's unit", fields: &[must(2, NOTHING)] };

static PAIR: Shape = Shape { name: "pair of the file metadata", fields: &[must(1, &Bytes), must(2, &Bytes)] };
static ORDER: Shape = Shape { name: "column's order", fields: &[must(1, NOTHING)] };

static GROUP: Shape = Shape {
    name: "row group",
    fields: &[
        must(1, &Kind::List(&Kind::Struct(&COLUMN))),
        must(2, &Int64),
        must(3, &Int64),
        may(4, &Kind::List(&Kind::Struct(&SORTED))),
        must(5, &Int64),
        must(6, &Int64),
        must(7, &Int16),
    ],
};
static SORTED: Shape = Shape { name: "sort order", fields: &[must(1, &Int32), must(2, &Bool), must(3, &Bool)] };

static COLUMN: Shape = Shape {
    name: "column chunk",
    fields: &[
        must(2, &Int64),
        must(3, &Kind::Struct(&CHUNK)),
        may(4, &Int64),
        may(5, &Int32),
        may(6, &Int64),
        may(7, &Int32),
    ],
};
static CHUNK: Shape = Shape {
    name: "column's metadata",
    fields: &[
        must(1, &Int32),
        must(2, &Kind::List(&Int32)),
        must(3, &Kind::List(&Bytes)),
        must(4, &Int32),
        must(5, &Int64),
        must(6, &Int64),
        must(7, &Int64),
        must(9, &Int64),
        may(11, &Int64),
        may(12, &Kind::Struct(&STATISTICS)),
        may(13, &Kind::List(&Kind::Struct(&ENCODED))),
        may(14, &Int64),
        may(15, &Int32),
        may(16, &Kind::Struct(&SIZES)),
    ],
};
static STATISTICS: Shape = Shape {
    name: "column's statistics",
    fields: &[
        may(1, &Bytes),
        may(2, &Bytes),
        may(3, &Int64),
        may(5, &Bytes),
        may(6, &Bytes),
        may(7, &Bool),
        may(8, &Bool),
    ],
};
static ENCODED: Shape = Shape { name: "count of pages", fields: &[must(1, &Int32), must(2, &Int32), must(3, &Int32)] };
static SIZES: Shape = Shape { name: "column's sizes", fields: &[may(1, &Int64), may(3, NUMBERS)] };

/// The header of a page: data in version 1, or a dictionary.
pub(super) static PAGE: Shape = Shape {
    name: "page's header",
    fields: &[
        must(1, &Int32),
        must(2, &Int32),
        must(3, &Int32),
        may(5, &Kind::Struct(&DATA)),
        may(7, &Kind::Struct(&DICTIONARY)),
    ],
};
static DATA: Shape =
    Shape { name: "data page's header", fields: &[must(1, &Int32), must(2, &Int32), must(3, &Int32), must(4, &Int32)] };
static DICTIONARY: Shape =
    Shape { name: "dictionary's header", fields: &[must(1, &Int32), must(2, &Int32), may(3, &Bool)] };

/// The header of a page as other writers have it: with a checksum, with statistics, in the second form.
pub(super) static OTHER_PAGE: Shape = Shape {
    name: "page's header",
    fields: &[
        must(1, &Int32),
        must(2, &Int32),
        must(3, &Int32),
        may(4, &Int32),
        may(5, &Kind::Struct(&OTHER_DATA)),
        may(7, &Kind::Struct(&DICTIONARY)),
        may(8, &Kind::Struct(&SECOND)),
    ],
};
static OTHER_DATA: Shape = Shape {
    name: "data page's header",
    fields: &[
        must(1, &Int32),
        must(2, &Int32),
        must(3, &Int32),
        must(4, &Int32),
        may(5, &Kind::Struct(&PAGE_STATISTICS)),
    ],
};
static SECOND: Shape = Shape {
    name: "second data page's header",
    fields: &[
        must(1, &Int32),
        must(2, &Int32),
        must(3, &Int32),
        must(4, &Int32),
        must(5, &Int32),
        must(6, &Int32),
        may(7, &Bool),
        may(8, &Kind::Struct(&PAGE_STATISTICS)),
    ],
};
static PAGE_STATISTICS: Shape = Shape {
    name: "page's statistics",
    fields: &[
        may(1, &Bytes),
        may(2, &Bytes),
        may(3, &Int64),
        may(4, &Int64),
        may(5, &Bytes),
        may(6, &Bytes),
        may(7, &Bool),
        may(8, &Bool),
    ],
};

/// Where the pages of a column chunk lie.
pub(super) static PLACES: Shape =
    Shape { name: "page index", fields: &[must(1, &Kind::List(&Kind::Struct(&PLACE))), may(2, NUMBERS)] };
static PLACE: Shape = Shape { name: "page's place", fields: &[must(1, &Int64), must(2, &Int32), must(3, &Int64)] };

/// What they hold.
pub(super) static BOUNDS: Shape = Shape {
    name: "column index",
    fields: &[
        must(1, &Kind::List(&Bool)),
        must(2, &Kind::List(&Bytes)),
        must(3, &Kind::List(&Bytes)),
        must(4, &Int32),
        may(5, NUMBERS),
        may(7, NUMBERS),
    ],
};

/// Before a bloom filter: its bytes, and that it is one of split blocks, by XXH64, not compressed.
pub(super) static FILTER: Shape = Shape {
    name: "bloom filter",
    fields: &[must(1, &Int32), must(2, &KIND_OF_FILTER), must(3, &KIND_OF_FILTER), must(4, &KIND_OF_FILTER)],
};
static KIND_OF_FILTER: Kind = Kind::Struct(&ONE);
static ONE: Shape = Shape { name: "bloom filter's kind", fields: &[must(1, NOTHING)] };

pub(super) const INT32: i64 = 1;
pub(super) const INT64: i64 = 2;
pub(super) const BYTE_ARRAY: i64 = 6;
pub(super) const FIXED: i64 = 7;

/// What a column is for readers of every age.
#[derive(Clone, Copy)]
enum Type {
    Int32,
    Int64,
    Micros,
    Text,
    Fixed(i64),
}

impl Type {
    fn physical(self) -> i64 {
        match self {
            Self::Int32 => INT32,
            Self::Int64 | Self::Micros => INT64,
            Self::Text => BYTE_ARRAY,
            Self::Fixed(_) => FIXED,
        }
    }

    fn element(self, name: &str, null: bool) -> Struct {
        let mut fields = vec![(1, Value::Int(self.physical()))];
        if let Self::Fixed(width) = self {
            fields.push((2, Value::Int(width)));
        }
        fields.push((3, Value::Int(null.into())));
        fields.push((4, text(name)));
        let nothing = || Value::Struct(Struct::default());
        let logical = |id, what| Value::Struct(Struct(vec![(id, what)]));
        match self {
            Self::Text => fields.extend([(6, Value::Int(0)), (10, logical(1, nothing()))]),
            Self::Micros => {
                let unit = Value::Struct(Struct(vec![(2, nothing())]));
                let time = Value::Struct(Struct(vec![(1, Value::Bool(true)), (2, unit)]));
                fields.extend([(6, Value::Int(10)), (10, logical(8, time))]);
            }
            Self::Int32 | Self::Int64 | Self::Fixed(_) => {}
        }
        Struct(fields)
    }
}

fn text(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}

/// The columns of an object with these promotions, behind their root.
pub(super) fn schema(promotions: &Promotions) -> Vec<Struct> {
    let leading = [
        ("sequence", Type::Int64, false),
        ("observed_nanos", Type::Int64, false),
        ("observed_time", Type::Micros, false),
        ("event_time", Type::Micros, true),
        ("service_name", Type::Text, true),
        ("event_name", Type::Text, true),
        ("severity_text", Type::Text, true),
        ("severity_number", Type::Int32, true),
        ("trace_id", Type::Fixed(16), true),
        ("span_id", Type::Fixed(8), true),
    ];
    let promoted = promotions.as_slice().iter().map(|promotion| (promotion.column.as_str(), Type::Text, true));
    let trailing =
        [("content", Type::Text, false), ("checksum", Type::Fixed(32), false), ("hash", Type::Fixed(32), false)];
    let columns = leading.into_iter().chain(promoted).chain(trailing);
    let columns: Vec<Struct> = columns.map(|(name, kind, null)| kind.element(name, null)).collect();
    let count = i64::try_from(columns.len()).unwrap_or(i64::MAX);
    let root = Struct(vec![(4, text("arrow_schema")), (5, Value::Int(count))]);
    std::iter::once(root).chain(columns).collect()
}
