//! The pages of a column chunk, header by header, and each to its end (`pages`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;

use super::bits::Wrong;
use super::frame::Unpacker;
use super::invalid;
use super::pages::{self, MAX_PAGE, MAX_VALUES, Pages, UNCOMPRESSED, ZSTD};
use super::shapes::{OTHER_PAGE, PAGE};
use super::thrift::{self, Malformed, Struct};
use crate::archive::ContentPage;

/// Where the pages of a column chunk begin: offset of each data page, and the rows before it.
pub(in crate::verify) type Begins = Vec<(u64, u64)>;

/// Longest header of a page: the format's take two dozen bytes, others' hold the least and the greatest value.
const MAX_HEADER: usize = 128;
const MAX_OTHER_HEADER: usize = 64 << 10;

#[derive(Default)]
pub(super) struct Walk {
    pub(super) begins: Begins,
    pub(super) values: u64,
    pub(super) unpacked: u64,
    pub(super) dictionary: bool,
    /// Where contents lie, page by page, as long as all is sound and there are no more of them than are kept.
    pub(super) contents: Kept,
    /// Kind and encoding of each page, and how many there are.
    kinds: Vec<(i64, i64, i64)>,
    pub(super) sound: bool,
    /// A page claims more than the format allows, or than it holds: whoever reads it makes room for what it claims.
    pub(super) refused: bool,
}

/// Pages of contents, with the length of each content. A page of nothing but empty contents takes few bytes, so that no more lengths
/// are kept than an object of the format has rows: of one that claims more, none.
pub(super) struct Kept {
    pages: Option<Vec<ContentPage>>,
    lengths: usize,
}

/// Lengths that are kept: those of 256 MiB of contents of 64 bytes.
const MAX_LENGTHS: usize = 4 << 20;

impl Default for Kept {
    fn default() -> Self {
        Self { pages: Some(Vec::new()), lengths: 0 }
    }
}

impl Kept {
    fn add(&mut self, page: ContentPage) {
        self.lengths = self.lengths.saturating_add(page.lengths.len());
        match &mut self.pages {
            Some(pages) if self.lengths <= MAX_LENGTHS => pages.push(page),
            pages => *pages = None,
        }
    }

    pub(super) fn append(&mut self, behind: Self) {
        self.lengths = self.lengths.saturating_add(behind.lengths);
        self.pages =
            self.pages.take().zip(behind.pages).filter(|_| self.lengths <= MAX_LENGTHS).map(|(mut all, more)| {
                all.extend(more);
                all
            });
    }

    pub(super) fn pages(self) -> Option<Vec<ContentPage>> {
        self.pages
    }
}

/// Kinds of pages.
const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
const DATA_SECOND: i64 = 3;
/// Encodings.
const PLAIN: i64 = 0;
const RLE: i64 = 3;

/// Kinds of pages, each with an encoding, of a column.
const MAX_KINDS: usize = 16;

/// Most bytes of contents in a row group, unpacked (FORMAT.md, "Archive"), and heads of pages.
pub(super) const MAX_GROUP: u64 = 129 << 20;

/// Whether the first rows of an object can be read without making room for more than the format allows, wherever its footer
/// says that they lie, and in whatever form it says so.
pub(in crate::verify) fn is_readable(file: &File, metadata: &ParquetMetaData, rows: u64) -> io::Result<bool> {
    let (mut left, mut read, mut zstd) = (rows, 4, Unpacker::new());
    for group in metadata.row_groups() {
        for column in group.columns() {
            let (begin, length) = column.byte_range();
            let codec = match column.compression() {
                Compression::UNCOMPRESSED => UNCOMPRESSED,
                Compression::ZSTD(_) => ZSTD,
                _ => -1,
            };
            // Chunks lie one behind the other: none is read twice.
            let (begin, end) = (Some(begin).filter(|begin| *begin >= read), begin.checked_add(length));
            let pages = Pages::of_column(column.column_descr(), &mut zstd);
            let walk = Walk::up_to(file, left, begin, end, Some(codec), pages)?;
            if walk.refused || walk.unpacked > MAX_GROUP {
                return Ok(false);
            }
            read = end.unwrap_or(u64::MAX);
        }
        left = left.saturating_sub(u64::try_from(group.num_rows()).unwrap_or(0));
        if left == 0 {
            break;
        }
    }
    Ok(true)
}

impl Walk {
    /// Reads the pages of a column between `begin` and `end` of a chunk that is packed as `codec` says.
    pub(super) fn of(
        file: &File,
        begin: Option<u64>,
        end: Option<u64>,
        codec: Option<i64>,
        pages: Pages<'_>,
    ) -> io::Result<Self> {
        Self::up_to(file, u64::MAX, begin, end, codec, pages)
    }

    /// … as far as the first `rows` need them. Pages that can't be followed are refused.
    fn up_to(
        file: &File,
        rows: u64,
        begin: Option<u64>,
        end: Option<u64>,
        codec: Option<i64>,
        pages: Pages<'_>,
    ) -> io::Result<Self> {
        match Self::follow(file, rows, begin, end, codec, pages) {
            Err(error) if [io::ErrorKind::InvalidData, io::ErrorKind::UnexpectedEof].contains(&error.kind()) => {
                Ok(Self { refused: true, ..Self::default() })
            }
            walked => walked,
        }
    }

    fn follow(
        file: &File,
        rows: u64,
        begin: Option<u64>,
        end: Option<u64>,
        codec: Option<i64>,
        mut pages: Pages<'_>,
    ) -> io::Result<Self> {
        let mut walk = Self { sound: pages.pack(codec), ..Self::default() };
        let (Some(mut at), Some(end)) = (begin, end) else { return Err(invalid()) };
        let mut bytes = Vec::new();
        while at < end && walk.values < rows {
            let (header, used, ours) = header(file, at)?;
            walk.sound &= ours;
            let size = |id| header.size(id).ok_or_else(invalid);
            let (unpacked, packed) = (size(2)?, size(3)?);
            walk.sound &= codec != Some(UNCOMPRESSED) || packed == unpacked;
            walk.page(&header, at);
            walk.unpacked = walk.unpacked.saturating_add(used).saturating_add(unpacked);
            let begin = at.checked_add(used).ok_or_else(invalid)?;
            at = begin.checked_add(packed).ok_or_else(invalid)?;
            // The header of a page with nothing in it would cost its writer little, and its reader much.
            let empty = !ours && packed == 0;
            if unpacked > MAX_PAGE || packed > MAX_PAGE || at > end || empty {
                walk.refused = true;
                return Ok(walk);
            }
            bytes.resize(usize::try_from(packed).map_err(|_| invalid())?, 0);
            file.read_exact_at(&mut bytes, begin)?;
            walk.hold(&header, &bytes, unpacked, &mut pages);
            let unpacked = usize::try_from(unpacked).map_err(|_| invalid())?;
            if let Some(page) = pages.content_page(begin, bytes.len(), unpacked).filter(|_| walk.sound) {
                walk.contents.add(page);
            }
        }
        walk.sound &= at == end && pages.is_used_up();
        Ok(walk)
    }

    /// Takes what a page holds to its end. Readers go by the type of a page, so that it must be what stands there.
    fn hold(&mut self, header: &Struct, bytes: &[u8], unpacked: u64, pages: &mut Pages<'_>) {
        let (data, dictionary, second) = (header.inner(5), header.inner(7), header.inner(8));
        let (page, is_data) = match (header.int(1), data, dictionary, second) {
            (Some(DATA), Some(page), None, None) => (page, true),
            (Some(DICTIONARY), None, Some(page), None) => (page, false),
            (Some(DATA_SECOND), None, None, Some(page)) => return self.second_form(page),
            _ => {
                self.refused = true;
                return;
            }
        };
        let claimed = page.size(1).zip(page.int(2));
        let (Some((values, encoding)), Ok(unpacked)) = (claimed, usize::try_from(unpacked)) else {
            self.refused = true;
            return;
        };
        let held = match usize::try_from(values) {
            Ok(values) if values as u64 <= MAX_VALUES => {
                if is_data {
                    pages.data(encoding, values, bytes, unpacked)
                } else {
                    pages.dictionary(values, bytes, unpacked)
                }
            }
            _ => Err(Wrong::Count),
        };
        self.sound &= held.is_ok();
        self.refused |= held == Err(Wrong::Count);
    }

    /// A page of data in Parquet's second form, which the format has not: read on, unless it says itself how many values it has.
    fn second_form(&mut self, page: &Struct) {
        let claims = (page.size(1), page.int(4));
        let sound = matches!(claims, (Some(1..=MAX_VALUES), Some(encoding)) if !pages::COUNTING.contains(&encoding));
        self.values = self.values.saturating_add(page.size(1).unwrap_or(0));
        self.sound = false;
        self.refused |= !sound;
    }

    fn page(&mut self, header: &Struct, at: u64) {
        let kind = header.int(1).unwrap_or(-1);
        let (page, other) = match kind {
            DATA => (header.inner(5), header.inner(7)),
            DICTIONARY => (header.inner(7), header.inner(5)),
            _ => (None, None),
        };
        let (Some(page), None) = (page, other) else {
            self.sound = false;
            return;
        };
        let encoding = page.int(2).unwrap_or(-1);
        let known = self.kinds.len();
        match self.kinds.iter_mut().find(|(of, by, _)| (*of, *by) == (kind, encoding)) {
            Some((_, _, count)) => *count += 1,
            // Of more than there are encodings, nothing that is claimed can be so.
            None if known < MAX_KINDS => self.kinds.push((kind, encoding, 1)),
            None => self.sound = false,
        }
        if kind == DICTIONARY {
            // It comes first, once, and claims no order: an engine would search by it.
            self.sound &= !self.dictionary && self.begins.is_empty() && encoding == PLAIN && page.bool(3) != Some(true);
            self.dictionary = true;
        } else {
            // Levels have one encoding.
            self.sound &= [page.int(3), page.int(4)] == [Some(RLE); 2];
            self.begins.push((at, self.values));
            self.values = self.values.saturating_add(page.size(1).unwrap_or(0));
        }
    }

    /// Whether what is claimed of the pages' encodings is so: a dictionary filter goes by it.
    pub(super) fn encodings_fit(&self, chunk: &Struct) -> bool {
        let claimed = |stats: &Struct| Some((stats.int(1)?, stats.int(2)?, stats.int(3)?));
        let mut claimed: Vec<(i64, i64, i64)> = chunk.structs(13).into_iter().filter_map(claimed).collect();
        let mut kinds = self.kinds.clone();
        claimed.sort_unstable();
        kinds.sort_unstable();
        // Without its count of pages a dictionary tells a filter nothing, if the column is known to have other pages too.
        let counted = claimed == kinds || chunk.get(13).is_none();
        // Those of the values and those of the levels, each once.
        let mut used: Vec<i64> = kinds.iter().map(|(_, encoding, _)| *encoding).chain([RLE]).collect();
        used.sort_unstable();
        used.dedup();
        let mut listed = chunk.ints(2).unwrap_or_default();
        listed.sort_unstable();
        counted && listed == used
    }
}

/// The header of the page at `at`, its length, and whether it has the form that the format has for it. Those of other writers are
/// read too, so that the rows behind them can be judged.
fn header(file: &File, at: u64) -> io::Result<(Struct, u64, bool)> {
    let bytes = bytes_at(file, at, MAX_HEADER)?;
    if let Ok((header, used)) = thrift::read(&bytes, &PAGE) {
        return Ok((header, used as u64, true));
    }
    let mut read = thrift::read(&bytes, &OTHER_PAGE);
    if read == Err(Malformed::Short) {
        read = thrift::read(&bytes_at(file, at, MAX_OTHER_HEADER)?, &OTHER_PAGE);
    }
    read.map(|(header, used)| (header, used as u64, false)).map_err(|_| invalid())
}

/// As many bytes from `at` on as there are, `length` at most.
fn bytes_at(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], at + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::shapes::BYTE_ARRAY;
    use super::super::thrift::Value;
    use super::*;

    /// Pages of 65,536 empty contents take fifty bytes each: what is kept of them must not follow from their number.
    #[test]
    fn no_more_lengths_are_kept_than_an_object_has_rows() {
        let page = || ContentPage { offset: 0, packed: 0, unpacked: 0, before: 0, lengths: vec![0; 1 << 16] };
        let kept = |pages: usize| {
            let mut kept = Kept::default();
            (0..pages).for_each(|_| kept.add(page()));
            kept
        };
        assert_eq!(kept(64).pages().map(|pages| pages.len()), Some(64));
        assert_eq!(kept(65).pages(), None);
        assert_eq!(kept(1000).pages(), None);
        let joined = |first, second| {
            let mut all = kept(first);
            all.append(kept(second));
            all.pages().map(|pages| pages.len())
        };
        assert_eq!([joined(30, 34), joined(30, 35), joined(65, 0), joined(0, 65)], [Some(64), None, None, None]);
    }

    /// Readers go by the type alone: a page of data beside the dictionary that is read would hide what that claims.
    #[test]
    fn a_page_is_of_its_type() {
        let int = |id, value| (id, Value::Int(value));
        let data = |id| (id, Value::Struct(Struct(vec![int(1, 1), int(2, 0), int(3, 3), int(4, 3)])));
        let dictionary = (7, Value::Struct(Struct(vec![int(1, 1 << 31), int(2, 0)])));
        let column = Struct(vec![int(1, BYTE_ARRAY), int(3, 1)]);
        let refused = |fields: Vec<(i16, Value)>| {
            let (mut walk, mut zstd) = (Walk::default(), Unpacker::new());
            walk.hold(&Struct(fields), &[], 0, &mut Pages::of(&column, &mut zstd));
            walk.refused
        };
        assert!(!refused(vec![int(1, DATA), data(5)]));
        assert!(refused(vec![int(1, DICTIONARY), data(5), dictionary.clone()]));
        assert!(refused(vec![int(1, DICTIONARY), data(5)]));
        assert!(refused(vec![int(1, DATA), dictionary]));
        assert!(refused(vec![int(1, DATA_SECOND), data(5), data(8)]));
        assert!(refused(vec![int(1, 1)]));
    }
}
