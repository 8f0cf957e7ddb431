//! The footer of an object, the headers of its pages and its indexes, byte by byte, as the Parquet library does not show them.
//!
//! No hash covers them, and engines believe what our reader passes over: Spark leaves out a row group whose `file_offset` lies
//! in no split, a dictionary filter one whose `encoding_stats` claim what its pages are not, an old reader goes by the
//! minimum and maximum in their first form, `count(*)` by a number of rows. So one rule holds for all of it (FORMAT.md, "The
//! footer"): whatever stands there follows from the pages, the rows and the file metadata, in one form, and every byte of the
//! object belongs to something. What may be missing (an index, a filter, statistics) misleads nobody by that.
//!
//! Here is what follows from the pages, and what stands in them beside their values; `index` compares what the rows must show.
//!
//! Source: Parquet's `parquet.thrift`.

mod bits;
mod frame;
mod pages;
mod shapes;
mod thrift;
mod walk;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use frame::Unpacker;
use pages::Pages;
use parquet::file::metadata::ParquetMetaData;
use shapes::{BOUNDS, FILE, FILTER, PLACES};
use thrift::{Malformed, Shape, Struct, Value};
pub(super) use walk::is_readable;
use walk::{Begins, Kept, MAX_GROUP, Walk};

use crate::archive::{ContentPage, Footer};

/// Something that does not fit, in a row group or in the object as a whole.
pub(super) struct Flaw {
    pub(super) group: Option<usize>,
    pub(super) expected: String,
}

/// What the bytes say of an object.
#[derive(Default)]
pub(super) struct Outline {
    pub(super) flaws: Vec<Flaw>,
    /// By row group and column; nothing where the footer is not of the format's form.
    pub(super) chunks: Vec<Vec<Chunk>>,
    /// Where contents lie, page by page; nothing where anything at all does not fit: then rows are read as others read them.
    pub(super) contents: Option<Vec<ContentPage>>,
    /// Rows must not be read: pages claim more than they hold or may hold, or can't be followed.
    pub(super) refused: bool,
}

/// A column in a row group: its pages, and what is claimed of their values.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) begins: Begins,
    /// Of all values: bytes of texts, and how many are null and how many are not.
    pub(super) bytes: Option<i64>,
    pub(super) levels: Option<Vec<i64>>,
    /// The same of each page, one behind the other.
    pub(super) page_bytes: Option<Vec<i64>>,
    pub(super) page_levels: Option<Vec<i64>>,
}

impl Chunk {
    /// Whether anything is claimed of sizes and nulls.
    pub(super) fn has_sizes(&self) -> bool {
        let Self { begins: _, bytes, levels, page_bytes, page_levels } = self;
        bytes.is_some() || [levels, page_bytes, page_levels].into_iter().any(Option::is_some)
    }
}

/// Longest footer, and longest index, that is read.
const MAX_FOOTER: u64 = 8 << 20;
/// A bloom filter's blocks, in bytes, and the longest filter: one without a block tells some engines that nothing is there.
const BLOCK: u64 = 32;
const MAX_FILTER: u64 = 1 << 20;
const MAGIC: &[u8; 4] = b"PAR1";

impl Outline {
    /// Reads the outline of an object. `claimed`: what its own metadata say.
    /// `metadata`: what the Parquet library makes of the footer.
    pub(super) fn of(file: &File, claimed: &Footer, metadata: &ParquetMetaData) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut end = [0; 8];
        file.read_exact_at(&mut end, length.checked_sub(12).map(|at| at + 4).ok_or_else(invalid)?)?;
        let footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
        let at = (length - 8).checked_sub(footer).filter(|at| *at >= 4 && footer <= MAX_FOOTER).ok_or_else(invalid)?;
        let mut magic = [0; 4];
        file.read_exact_at(&mut magic, 0)?;

        let pieces = vec![(0, 4), (at, length - at)];
        let mut work = Work {
            file,
            outline: Self::default(),
            group: None,
            pieces,
            read: 4,
            zstd: Unpacker::new(),
            contents: Kept::default(),
        };
        work.ask(magic == *MAGIC, || "a file of Parquet alone".to_owned());
        if let Some(metadata) = work.whole(at, footer, &FILE)? {
            work.metadata(&metadata, claimed)?;
            work.tiled();
            work.outline.contents = work.contents.pages().filter(|_| work.outline.flaws.is_empty());
        } else {
            work.outline.refused = !is_readable(file, metadata, u64::MAX)?;
        }
        Ok(work.outline)
    }
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

struct Work<'a> {
    file: &'a File,
    outline: Outline,
    group: Option<usize>,
    /// Offset and length of everything that is pointed to.
    pieces: Vec<(u64, u64)>,
    /// Where the pages end that were read so far: chunks lie one behind the other, and none is read twice.
    read: u64,
    zstd: Unpacker,
    contents: Kept,
}

impl Work<'_> {
    fn ask(&mut self, holds: bool, expected: impl FnOnce() -> String) {
        if !holds {
            self.outline.flaws.push(Flaw { group: self.group, expected: expected() });
        }
    }

    /// The struct that takes so many bytes of the file and no other; `None` where it isn't one, which is said.
    fn whole(&mut self, at: u64, length: u64, shape: &'static Shape) -> io::Result<Option<Struct>> {
        let mut bytes = vec![0; usize::try_from(length.min(MAX_FOOTER)).map_err(|_| invalid())?];
        if !self.there(&mut bytes, at)? {
            self.ask(false, || format!("a {} within the object", shape.name));
            return Ok(None);
        }
        let name = match thrift::read(&bytes, shape) {
            Ok((read, used)) if used as u64 == length => return Ok(Some(read)),
            Err(Malformed::In(name)) => name,
            Ok(_) | Err(Malformed::Short) => shape.name,
        };
        self.ask(false, || format!("a {name} in the one form that the format has for it"));
        Ok(None)
    }

    /// Reads the bytes there; `false` where the file ends before.
    fn there(&self, bytes: &mut [u8], at: u64) -> io::Result<bool> {
        match self.file.read_exact_at(bytes, at) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn metadata(&mut self, metadata: &Struct, claimed: &Footer) -> io::Result<()> {
        self.ask(metadata.int(1) == Some(1), || "version 1 of Parquet".to_owned());
        let schema = shapes::schema(&claimed.promotions);
        let elements = metadata.structs(2);
        self.ask(elements.iter().copied().eq(&schema), || "types of the format's columns, for all readers".to_owned());
        let pairs = claimed.to_metadata().into_iter().map(|pair| {
            let text = |text: String| Value::Bytes(text.into_bytes());
            Struct(vec![(1, text(pair.key)), (2, text(pair.value.unwrap_or_default()))])
        });
        let pairs: Vec<Struct> = pairs.collect();
        self.ask(metadata.structs(5).into_iter().eq(&pairs), || {
            "file metadata of the format alone, in its order and form".to_owned()
        });
        let created = format!("sealtrail version {}", claimed.version);
        self.ask(metadata.bytes(6) == Some(created.as_bytes()), || {
            "`created_by` of the release that `sealtrail.version` names".to_owned()
        });
        let columns = schema.len() - 1;
        self.ask(metadata.list(7).is_some_and(|orders| orders.len() == columns), || {
            "an order for each column".to_owned()
        });
        let groups = metadata.structs(4);
        let rows: i64 = groups.iter().filter_map(|group| group.int(3)).fold(0, i64::saturating_add);
        self.ask(metadata.int(3) == Some(rows), || "as many rows as the row groups have".to_owned());
        for (index, group) in groups.into_iter().enumerate() {
            self.group = Some(index);
            self.row_group(group, index, &schema[1..])?;
            if self.outline.refused {
                break;
            }
        }
        self.group = None;
        Ok(())
    }

    fn row_group(&mut self, group: &Struct, index: usize, schema: &[Struct]) -> io::Result<()> {
        let sorted = Struct(vec![(1, Value::Int(0)), (2, Value::Bool(false)), (3, Value::Bool(false))]);
        self.ask(group.get(4).is_none() || group.structs(4) == [&sorted], || {
            "a sort order by `sequence`, ascending".to_owned()
        });
        let columns = group.structs(1);
        let chunks: Vec<&Struct> = columns.iter().filter_map(|column| column.inner(3)).collect();
        let sum = |id| chunks.iter().filter_map(|chunk| chunk.int(id)).fold(0, i64::saturating_add);
        let start = chunks.first().and_then(|chunk| start(chunk));
        let sound = columns.len() == schema.len()
            && group.int(2) == Some(sum(6))
            && group.size(5) == start
            && group.int(6) == Some(sum(7))
            && group.int(7) == i64::try_from(index).ok();
        self.ask(sound, || "sizes, place and number of the row group's own columns".to_owned());
        let rows = group.int(3).unwrap_or(-1);
        self.ask(rows > 0, || "rows in each row group".to_owned());
        let mut all = Vec::new();
        for (column, element) in columns.into_iter().zip(schema) {
            all.push(self.column(column, element, rows)?);
        }
        self.outline.chunks.push(all);
        Ok(())
    }

    fn column(&mut self, column: &Struct, element: &Struct, rows: i64) -> io::Result<Chunk> {
        let Some(chunk) = column.inner(3) else { return Ok(Chunk::default()) };
        let path = element.get(4).map(std::slice::from_ref);
        let name = String::from_utf8_lossy(element.bytes(4).unwrap_or_default()).into_owned();
        self.ask(chunk.int(1) == element.int(1) && chunk.list(3) == path, || format!("type and name of `{name}`"));
        let places = self.pointed(column.size(4), column.size(5), (column.get(4), column.get(5)), &PLACES)?;
        let bounds = self.pointed(column.size(6), column.size(7), (column.get(6), column.get(7)), &BOUNDS)?;
        self.filter(chunk, &name)?;

        let (begin, length) = (start(chunk), chunk.size(7));
        if let (Some(begin), Some(length)) = (begin, length) {
            self.pieces.push((begin, length));
        }
        // Once it was the place of the chunk's metadata; nobody may take it for the chunk's.
        self.ask(column.int(2) == Some(0), || format!("no other place of `{name}`"));
        self.ask(sound_statistics(chunk.inner(12)), || format!("statistics of `{name}` in one form"));

        let end = begin.zip(length).and_then(|(begin, length)| begin.checked_add(length));
        let behind = begin >= Some(self.read);
        let mut walk =
            Walk::of(self.file, begin.filter(|_| behind), end, chunk.int(4), Pages::of(element, &mut self.zstd))?;
        self.read = end.unwrap_or(u64::MAX);
        self.contents.append(std::mem::take(&mut walk.contents));
        // How many rows are read at once follows from what is claimed here.
        let content = name == "content";
        let fits = i64::try_from(walk.values).ok() == Some(rows) && chunk.size(6) == Some(walk.unpacked);
        self.outline.refused |= walk.refused || (content && (walk.unpacked > MAX_GROUP || !fits));
        self.ask(walk.sound, || format!("pages of `{name}` as the format has them"));
        let dictionary = chunk.get(11).is_some();
        let data = walk.begins.first().map(|(offset, _)| *offset);
        let sound = chunk.int(5) == Some(rows)
            && i64::try_from(walk.values).ok() == Some(rows)
            && chunk.size(6) == Some(walk.unpacked)
            && dictionary == walk.dictionary
            && (!dictionary || chunk.size(11) == begin)
            && chunk.size(9) == data;
        self.ask(sound, || format!("numbers and places of the pages of `{name}`"));
        self.ask(walk.encodings_fit(chunk), || format!("encodings of the pages of `{name}`"));
        let pages = walk.begins.len();
        self.ask(bounds.as_ref().is_none_or(|bounds| one_a_page(bounds, pages)), || {
            format!("bounds of each page of `{name}`, none where it has no values")
        });
        let sizes = chunk.inner(16);
        Ok(Chunk {
            begins: walk.begins,
            bytes: sizes.and_then(|sizes| sizes.int(1)),
            levels: sizes.and_then(|sizes| sizes.ints(3)),
            page_bytes: places.and_then(|places| places.ints(2)),
            page_levels: bounds.and_then(|bounds| bounds.ints(7)),
        })
    }

    /// What stands at a place of its own, whole.
    fn pointed(
        &mut self,
        offset: Option<u64>,
        length: Option<u64>,
        fields: (Option<&Value>, Option<&Value>),
        shape: &'static Shape,
    ) -> io::Result<Option<Struct>> {
        match (offset, length) {
            (Some(offset), Some(length)) => {
                self.pieces.push((offset, length));
                self.whole(offset, length, shape)
            }
            _ => {
                self.ask(fields == (None, None), || format!("a place and a length of each {}", shape.name));
                Ok(None)
            }
        }
    }

    /// A bloom filter's own head; `index` asks it for the values.
    fn filter(&mut self, chunk: &Struct, name: &str) -> io::Result<()> {
        let (Some(offset), Some(length)) = (chunk.size(14), chunk.size(15)) else {
            let absent = (chunk.get(14), chunk.get(15)) == (None, None);
            self.ask(absent, || format!("a place and a length of the filter of `{name}`"));
            return Ok(());
        };
        self.pieces.push((offset, length));
        let mut bytes = vec![0; usize::try_from(length.min(32)).map_err(|_| invalid())?];
        let there = self.there(&mut bytes, offset)?;
        let fits = |(head, used): (Struct, usize)| {
            let bytes =
                head.size(1).filter(|bytes| bytes.is_multiple_of(BLOCK) && (BLOCK..=MAX_FILTER).contains(bytes));
            bytes.and_then(|bytes| bytes.checked_add(used as u64)) == Some(length)
        };
        let sound = there && thrift::read(&bytes, &FILTER).is_ok_and(fits);
        self.ask(sound, || format!("a filter of `{name}` in the format's form"));
        Ok(())
    }

    /// Every byte belongs to one thing that is pointed to.
    fn tiled(&mut self) {
        self.group = None;
        self.pieces.sort_unstable();
        let mut at = 0_u64;
        let tiled = self.pieces.iter().all(|(offset, length)| {
            let next = *offset == at;
            at = offset.saturating_add(*length);
            next
        });
        self.ask(tiled, || "bytes that all belong to a column, an index or the footer".to_owned());
    }
}

/// Where a column chunk begins: with its dictionary, where it has one.
fn start(chunk: &Struct) -> Option<u64> {
    let data = chunk.size(9)?;
    Some(chunk.size(11).map_or(data, |dictionary| dictionary.min(data)))
}

/// As many as there are pages; what would stand for a page without values is seen by nobody, so nothing does.
fn one_a_page(bounds: &Struct, pages: usize) -> bool {
    let list = |id| bounds.list(id).unwrap_or_default();
    let (nulls, min, max) = (list(1), list(2), list(3));
    let empty = Value::Bytes(Vec::new());
    let sound = nulls.iter().zip(min.iter().zip(max)).all(|(null, (min, max))| match null {
        Value::Bool(true) => *min == empty && *max == empty,
        _ => true,
    });
    sound && [nulls.len(), min.len(), max.len()] == [pages; 3]
}

/// Minimum and maximum stand in two forms: an older reader must not see others.
fn sound_statistics(statistics: Option<&Struct>) -> bool {
    let Some(all) = statistics else { return true };
    let same = |old: i16, new: i16| all.bytes(old).is_none() || all.bytes(old) == all.bytes(new);
    // Each bound says whether it is exact, one that there is not that it is none.
    let said = |value: i16, exact: i16| match all.get(value) {
        Some(_) => all.get(exact).is_some(),
        None => all.bool(exact) == Some(false),
    };
    same(1, 5) && same(2, 6) && said(5, 7) && said(6, 8)
}
