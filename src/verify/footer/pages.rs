//! What stands in a page beside its values, which readers pass over or differ about: bytes behind the last value, entries of a
//! dictionary that no row has, levels that are none, runs of nothing, filler, widths of parts without a value, counts that
//! promise more than there is, and what zstd lets stand around and between the blocks of a frame.
//!
//! Each page is taken to its end before any row is read, so that nothing is allocated on the word of a number. Values are not
//! looked at: the rows are compared one by one. Of contents, nearly all bytes there are, no more than the lengths is unpacked.
//!
//! Source: Parquet's `Encodings.md`.

use parquet::basic::Type;
use parquet::schema::types::ColumnDescriptor;

use super::bits::{self, Wrong};
use super::frame::{Unpacker, one_frame};
use super::shapes::{BYTE_ARRAY, FIXED, INT32, INT64};
use super::thrift::Struct;
use crate::archive::ContentPage;

/// Longest page, packed or not, and most values in one (FORMAT.md, "Pages").
pub(super) const MAX_PAGE: u64 = 16 << 20;
pub(super) const MAX_VALUES: u64 = 1 << 16;

/// Encodings and codecs, as Parquet numbers them.
const PLAIN: i64 = 0;
const DELTA_BINARY_PACKED: i64 = 5;
const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
const DELTA_BYTE_ARRAY: i64 = 7;
const RLE_DICTIONARY: i64 = 8;
/// Those that say themselves how many values there are.
pub(super) const COUNTING: [i64; 3] = [DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY];
pub(super) const UNCOMPRESSED: i64 = 0;
pub(super) const ZSTD: i64 = 6;

/// How the values of a column are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// int64: differences, packed.
    Numbers,
    /// Ids and hashes, of so many bytes.
    Fixed(usize),
    /// Lengths first, then the texts.
    Contents,
    /// In a dictionary, and behind one that grew too large as they are.
    Texts,
    Integers,
}

/// The pages of a column chunk, one after the other.
pub(super) struct Pages<'a> {
    form: Form,
    optional: bool,
    codec: i64,
    dictionary: Dictionary,
    zstd: &'a mut Unpacker,
    /// Of the last page of contents: bytes before the first, and the length of each.
    lengths: (usize, Vec<u32>),
}

/// Entries of a dictionary, and how many of them stood in a row so far: each is first used behind the one before.
#[derive(Default)]
struct Dictionary {
    entries: usize,
    used: usize,
}

impl<'a> Pages<'a> {
    /// Of a column that its element in the schema describes.
    pub(super) fn of(element: &Struct, zstd: &'a mut Unpacker) -> Self {
        let form = match element.int(1) {
            Some(INT64) => Form::Numbers,
            Some(INT32) => Form::Integers,
            Some(FIXED) => Form::Fixed(element.size(2).and_then(|width| usize::try_from(width).ok()).unwrap_or(0)),
            Some(BYTE_ARRAY) if element.bytes(4) == Some(b"content") => Form::Contents,
            _ => Form::Texts,
        };
        Self::new(form, element.int(3) == Some(1), zstd)
    }

    /// Of a column as the Parquet library understands it.
    pub(super) fn of_column(column: &ColumnDescriptor, zstd: &'a mut Unpacker) -> Self {
        let form = match column.physical_type() {
            Type::INT64 => Form::Numbers,
            Type::INT32 => Form::Integers,
            Type::FIXED_LEN_BYTE_ARRAY => Form::Fixed(usize::try_from(column.type_length()).unwrap_or(0)),
            Type::BYTE_ARRAY if column.name() == "content" => Form::Contents,
            _ => Form::Texts,
        };
        Self::new(form, column.max_def_level() > 0, zstd)
    }

    fn new(form: Form, optional: bool, zstd: &'a mut Unpacker) -> Self {
        let codec = if form.is_packed() { ZSTD } else { UNCOMPRESSED };
        Self { form, optional, codec, dictionary: Dictionary::default(), zstd, lengths: (0, Vec::new()) }
    }

    /// Says how the column is packed; whether that is what the format has for it.
    pub(super) fn pack(&mut self, codec: Option<i64>) -> bool {
        let owed = std::mem::replace(&mut self.codec, codec.unwrap_or(-1));
        self.codec == owed
    }

    /// Takes the dictionary: so many values in these bytes, which unpack to `unpacked`.
    pub(super) fn dictionary(&mut self, values: usize, bytes: &[u8], unpacked: usize) -> Result<(), Wrong> {
        if !matches!(self.form, Form::Texts | Form::Integers) {
            return Err(Wrong::Form);
        }
        let held = self.form.plain(values, unpack(self.codec, self.zstd, bytes, unpacked)?);
        held.map_err(|wrong| if wrong == Wrong::Short { Wrong::Count } else { wrong })?;
        self.dictionary.entries = values;
        Ok(())
    }

    /// Takes a page of data.
    pub(super) fn data(&mut self, encoding: i64, values: usize, bytes: &[u8], unpacked: usize) -> Result<(), Wrong> {
        // Some encodings say themselves how many values there are: where that can't be compared, they claim what they like.
        let counting = COUNTING.contains(&encoding);
        let unknown = |wrong| if counting { Wrong::Count } else { wrong };
        let known = match self.form {
            Form::Numbers => encoding == DELTA_BINARY_PACKED,
            Form::Fixed(_) => encoding == PLAIN,
            Form::Contents => encoding == DELTA_LENGTH_BYTE_ARRAY,
            Form::Texts | Form::Integers => [PLAIN, RLE_DICTIONARY].contains(&encoding),
        };
        if !known || values == 0 {
            return Err(unknown(Wrong::Form));
        }
        if self.form == Form::Contents {
            return self.contents(values, bytes, unpacked);
        }
        let unpacked = unpack(self.codec, self.zstd, bytes, unpacked).map_err(unknown)?;
        let levels = if self.optional { levels(values, unpacked) } else { Ok((values, unpacked)) };
        let (values, rest) = levels.map_err(unknown)?;
        match encoding {
            DELTA_BINARY_PACKED => {
                let used = bits::deltas(rest, NUMBERS_BLOCK, values, None)?;
                if used == rest.len() { Ok(()) } else { Err(Wrong::Form) }
            }
            RLE_DICTIONARY => self.dictionary.indices(values, rest),
            _ => self.form.plain(values, rest),
        }
    }

    /// A page of contents: lengths, and as many bytes as they say.
    fn contents(&mut self, values: usize, bytes: &[u8], unpacked: usize) -> Result<(), Wrong> {
        match self.codec {
            UNCOMPRESSED => return lengths(values, bytes, unpacked).map(drop),
            ZSTD => {}
            _ => return Err(Wrong::Count),
        }
        // A block of zstd unpacks to no more; the lengths are nearly always within the first.
        let first = unpacked.min(128 << 10);
        let mut judged = |length| lengths(values, self.zstd.start(bytes, length).ok_or(Wrong::Count)?, unpacked);
        let lengths = match judged(first) {
            Err(Wrong::Short) if first < unpacked => judged(unpacked),
            judged => judged,
        };
        // What the lengths claim is asked first: it decides whether anyone may read on.
        self.lengths = lengths?;
        one_frame(bytes, unpacked)
    }

    /// Where the contents of the page lie that was taken last, whose bytes are at `offset` and unpack to so many.
    pub(super) fn content_page(&mut self, offset: u64, packed: usize, unpacked: usize) -> Option<ContentPage> {
        let (before, lengths) = std::mem::take(&mut self.lengths);
        let known = self.form == Form::Contents && self.codec == ZSTD;
        known.then_some(ContentPage { offset, packed, unpacked, before, lengths })
    }

    /// Whether each entry of the dictionary stood in a row.
    pub(super) fn is_used_up(&self) -> bool {
        self.dictionary.used == self.dictionary.entries
    }
}

impl Form {
    fn is_packed(self) -> bool {
        matches!(self, Self::Contents | Self::Texts | Self::Integers)
    }

    /// Values as they are, and nothing behind them.
    fn plain(self, values: usize, bytes: &[u8]) -> Result<(), Wrong> {
        let width = match self {
            Self::Fixed(width) => width,
            Self::Integers => 4,
            _ => {
                let mut rest = bytes;
                for _ in 0..values {
                    let (length, behind) = rest.split_first_chunk::<4>().ok_or(Wrong::Short)?;
                    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Wrong::Short)?;
                    rest = behind.get(length..).ok_or(Wrong::Short)?;
                }
                return if rest.is_empty() { Ok(()) } else { Err(Wrong::Form) };
            }
        };
        match values.saturating_mul(width) {
            all if all == bytes.len() => Ok(()),
            all if all > bytes.len() => Err(Wrong::Short),
            _ => Err(Wrong::Form),
        }
    }
}

impl Dictionary {
    fn indices(&mut self, values: usize, bytes: &[u8]) -> Result<(), Wrong> {
        let (width, bytes) = bytes.split_first().ok_or(Wrong::Form)?;
        let most = usize::BITS - self.entries.saturating_sub(1).leading_zeros();
        if u32::from(*width) > most {
            return Err(Wrong::Form);
        }
        let (mut used, entries, mut sound) = (self.used, self.entries, true);
        let behind = bits::runs(bytes, u32::from(*width), values, &mut |index, _| {
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            used += usize::from(index == used);
            sound &= index < used;
        })?;
        self.used = used;
        if sound && used <= entries && behind == bytes.len() { Ok(()) } else { Err(Wrong::Form) }
    }
}

/// Differences in a block of numbers, and of the lengths of contents.
const NUMBERS_BLOCK: usize = 256;
const LENGTHS_BLOCK: usize = 128;

/// Definition levels of so many values, of which each is null or not: how many are not, and what stands behind the levels.
fn levels(values: usize, bytes: &[u8]) -> Result<(usize, &[u8]), Wrong> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Wrong::Form)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Wrong::Form)?;
    let (levels, rest) = rest.split_at_checked(length).ok_or(Wrong::Form)?;
    let (mut there, mut sound) = (0, true);
    let used = bits::runs(levels, 1, values, &mut |level, times| {
        sound &= level <= 1;
        there += if level == 1 { times } else { 0 };
    })?;
    if sound && used == length { Ok((there, rest)) } else { Err(Wrong::Form) }
}

/// Bytes that the lengths of a page of contents take, and these lengths: with their texts they are all of the page.
fn lengths(values: usize, bytes: &[u8], unpacked: usize) -> Result<(usize, Vec<u32>), Wrong> {
    let (mut texts, mut sound, mut lengths) = (0_usize, true, Vec::with_capacity(values));
    let mut each = |length: i64| match u32::try_from(length) {
        Ok(length) => {
            texts = texts.saturating_add(length as usize);
            lengths.push(length);
        }
        Err(_) => sound = false,
    };
    let used = bits::deltas(bytes, LENGTHS_BLOCK, values, Some(&mut each))?;
    if sound && used.checked_add(texts) == Some(unpacked) { Ok((used, lengths)) } else { Err(Wrong::Form) }
}

/// A page as it was before it was packed.
fn unpack<'b>(codec: i64, zstd: &'b mut Unpacker, bytes: &'b [u8], unpacked: usize) -> Result<&'b [u8], Wrong> {
    match codec {
        UNCOMPRESSED => Ok(bytes),
        ZSTD => zstd.whole(bytes, unpacked),
        _ => Err(Wrong::Count),
    }
}

#[cfg(test)]
mod tests {
    use super::super::thrift::Value;
    use super::*;

    fn column<'a>(kind: i64, optional: bool, name: &str, zstd: &'a mut Unpacker) -> Pages<'a> {
        let element = Struct(vec![
            (1, Value::Int(kind)),
            (2, Value::Int(2)),
            (3, Value::Int(optional.into())),
            (4, Value::Bytes(name.as_bytes().to_vec())),
        ]);
        Pages::of(&element, zstd)
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(bytes, 1).expect("it packs")
    }

    #[test]
    fn contents_are_as_long_as_their_lengths_say() {
        // Two texts of two and of three bytes.
        let lengths = [0x80, 0x01, 4, 2, 4, 2, 0, 0, 0, 0];
        let page = |texts: &[u8]| [&lengths, texts].concat();
        let zstd = &mut Unpacker::new();
        let mut judged = |values, page: &[u8]| {
            column(BYTE_ARRAY, false, "content", zstd).data(DELTA_LENGTH_BYTE_ARRAY, values, &packed(page), page.len())
        };
        assert_eq!(judged(2, &page(b"ababc")), Ok(()));
        assert_eq!(judged(2, &page(b"ababc, hidden")), Err(Wrong::Form), "text behind the last");
        assert_eq!(judged(3, &page(b"ababc")), Err(Wrong::Count), "more values than there are");
        let mut contents = column(BYTE_ARRAY, false, "content", zstd);
        assert_eq!(contents.data(PLAIN, 1, &packed(b"\x01\0\0\0a"), 5), Err(Wrong::Form), "another encoding");
        let passed_over = [0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, b'x'];
        let with_frame = [&passed_over[..], &packed(&page(b"ababc"))].concat();
        let mut judged = |values| contents.data(DELTA_LENGTH_BYTE_ARRAY, values, &with_frame, 15);
        assert_eq!(judged(2), Err(Wrong::Form), "another frame");
        assert_eq!(judged(3), Err(Wrong::Count), "another frame, and a count that is none");
        let sound = page(b"ababc");
        assert!(contents.pack(Some(ZSTD)));
        assert!(!contents.pack(Some(UNCOMPRESSED)), "another codec");
        assert_eq!(contents.data(DELTA_LENGTH_BYTE_ARRAY, 2, &sound, sound.len()), Ok(()), "read by what it is");
    }

    #[test]
    fn a_dictionary_is_used_up() {
        let judged = |values: usize, dictionary: &[u8], indices: &[u8]| {
            let zstd = &mut Unpacker::new();
            let mut texts = column(BYTE_ARRAY, true, "actor", zstd);
            texts.dictionary(values, &packed(dictionary), dictionary.len())?;
            // Three rows, the second of them null.
            let page = [&[2, 0, 0, 0, 3, 0b101][..], indices].concat();
            texts.data(RLE_DICTIONARY, 3, &packed(&page), page.len())?;
            Ok(texts.is_used_up())
        };
        let two = b"\x01\0\0\0a\x02\0\0\0bc";
        assert_eq!(judged(2, two, &[1, 3, 0b10]), Ok(true));
        assert_eq!(judged(2, two, &[1, 4, 0]), Ok(false), "an entry that no row has");
        assert_eq!(judged(2, two, &[1, 3, 0b01]), Err(Wrong::Form), "entries in another order");
        assert_eq!(judged(1, two, &[0, 4]), Err(Wrong::Form), "text behind the entries");
        assert_eq!(judged(3, two, &[2, 3, 0b0100, 0]), Err(Wrong::Count), "more entries than there are");
        assert_eq!(judged(2, two, &[1, 3, 0b10, 0]), Err(Wrong::Form), "text behind the indices");
        assert_eq!(judged(2, two, &[9, 4, 0, 0]), Err(Wrong::Form), "a width of no index");
    }

    #[test]
    fn levels_say_null_or_not() {
        let judged = |levels: &[u8], values: &[u8]| {
            let page = [&(levels.len() as u32).to_le_bytes()[..], levels, values].concat();
            column(FIXED, true, "trace_id", &mut Unpacker::new()).data(PLAIN, 3, &page, page.len())
        };
        assert_eq!(judged(&[6, 1], b"aabbcc"), Ok(()));
        assert_eq!(judged(&[3, 0b101], b"aacc"), Ok(()));
        assert_eq!(judged(&[6, 0], b""), Ok(()));
        assert_eq!(judged(&[6, 3], b"aabbcc"), Err(Wrong::Form), "a level that is none");
        assert_eq!(judged(&[6, 0, 7], b""), Err(Wrong::Form), "text behind the levels");
        assert_eq!(judged(&[0, 7, 6, 0], b""), Err(Wrong::Form), "a run of nothing");
        assert_eq!(judged(&[6, 0], b"hidden"), Err(Wrong::Form), "values where all are null");
        assert!(
            column(FIXED, false, "hash", &mut Unpacker::new()).data(PLAIN, 0, &[], 0).is_err(),
            "no page is without values"
        );
    }
}
