//! The footer of an object and the headers of its pages, byte by byte, as the Parquet library does not show them.
//!
//! No hash covers them, and engines believe what our reader passes over: Spark leaves out a row group whose `file_offset` lies
//! in no split, a dictionary filter one whose `encoding_stats` claim what its pages are not, an old reader goes by the
//! minimum and maximum in their first form, `count(*)` by a number of rows. So whatever stands there must be what the
//! pages show, nothing may stand there that the format has no use for, and every byte of the object must belong to something.
//!
//! Source: Parquet's `parquet.thrift`; Thrift's compact protocol.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Something that does not fit, in a row group or in the object as a whole.
pub(super) struct Flaw {
    pub(super) group: Option<usize>,
    pub(super) expected: String,
}

/// Where the pages of a column chunk begin: offset of each data page, and the rows before it.
pub(super) type Begins = Vec<(u64, u64)>;

/// What the bytes say of an object.
#[derive(Default)]
pub(super) struct Outline {
    pub(super) flaws: Vec<Flaw>,
    /// By row group and column.
    pub(super) pages: Vec<Vec<Begins>>,
}

/// Longest footer that is read, and longest header of a page.
const MAX_FOOTER: u64 = 8 << 20;
const MAX_HEADER: usize = 4096;
const MAGIC: &[u8; 4] = b"PAR1";

impl Outline {
    /// Reads the outline of an object. `release`: what its own metadata call the release that wrote it.
    pub(super) fn of(file: &File, release: Option<&str>) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut end = [0; 8];
        file.read_exact_at(&mut end, length.checked_sub(12).map(|at| at + 4).ok_or_else(invalid)?)?;
        let footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
        let at = (length - 8).checked_sub(footer).filter(|at| *at >= 4 && footer <= MAX_FOOTER).ok_or_else(invalid)?;
        let mut bytes = vec![0; usize::try_from(footer).map_err(|_| invalid())?];
        file.read_exact_at(&mut bytes, at)?;
        let (metadata, used) = Thrift::read(&bytes).ok_or_else(invalid)?;
        let mut magic = [0; 4];
        file.read_exact_at(&mut magic, 0)?;

        let mut work = Work { file, outline: Self::default(), group: None, pieces: vec![(0, 4), (at, length - at)] };
        work.ask(magic == *MAGIC && used == bytes.len(), || "a file of Parquet alone".to_owned());
        work.metadata(&metadata, release)?;
        work.tiled();
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
}

impl Work<'_> {
    fn ask(&mut self, holds: bool, expected: impl FnOnce() -> String) {
        if !holds {
            self.outline.flaws.push(Flaw { group: self.group, expected: expected() });
        }
    }

    fn known(&mut self, of: &Struct, ids: &[i16], name: &str) {
        self.ask(of.has_only(ids), || format!("no field of a {name} but the format's, each once"));
    }

    fn metadata(&mut self, metadata: &Struct, release: Option<&str>) -> io::Result<()> {
        self.known(metadata, &[1, 2, 3, 4, 5, 6, 7], "footer");
        let created = metadata.bytes(6).unwrap_or_default();
        let expected = release.map(|release| format!("sealtrail version {release}"));
        self.ask(expected.is_some_and(|expected| expected.as_bytes() == created), || {
            "`created_by` of the release that `sealtrail.version` names".to_owned()
        });
        self.ask(matches!(metadata.int(1), Some(1 | 2)), || "version 1 or 2 of Parquet".to_owned());
        for element in metadata.structs(2) {
            self.known(element, &[1, 2, 3, 4, 5, 6, 10], "schema element");
            self.ask(one_type(element), || "types of the columns in one form".to_owned());
        }
        for pair in metadata.structs(5) {
            self.known(pair, &[1, 2], "pair of the file metadata");
        }
        for order in metadata.structs(7) {
            self.known(order, &[1], "column's order");
        }
        let groups = metadata.structs(4);
        let rows: i64 = groups.iter().filter_map(|group| group.int(3)).fold(0, i64::saturating_add);
        self.ask(metadata.int(3) == Some(rows), || "as many rows as the row groups have".to_owned());
        for (index, group) in groups.into_iter().enumerate() {
            self.group = Some(index);
            self.row_group(group, index)?;
        }
        self.group = None;
        Ok(())
    }

    fn row_group(&mut self, group: &Struct, index: usize) -> io::Result<()> {
        self.known(group, &[1, 2, 3, 4, 5, 6, 7], "row group");
        for column in group.structs(4) {
            self.known(column, &[1, 2, 3], "claim of a sort order");
        }
        let columns = group.structs(1);
        let chunks: Vec<&Struct> = columns.iter().filter_map(|column| column.inner(3)).collect();
        let sum = |id| chunks.iter().filter_map(|chunk| chunk.int(id)).fold(0, i64::saturating_add);
        let start = chunks.first().and_then(|chunk| start(chunk));
        let optional = |value: Option<i64>, expected: Option<i64>| value.is_none() || value == expected;
        let sound = chunks.len() == columns.len()
            && group.int(2) == Some(sum(6))
            && optional(group.int(5), start)
            && optional(group.int(6), Some(sum(7)))
            && optional(group.int(7), i64::try_from(index).ok());
        self.ask(sound, || "sizes, place and number of the row group's own columns".to_owned());
        let rows = group.int(3).unwrap_or(-1);
        let mut pages = Vec::new();
        for column in columns {
            pages.push(self.column(column, rows)?);
        }
        self.outline.pages.push(pages);
        Ok(())
    }

    fn column(&mut self, column: &Struct, rows: i64) -> io::Result<Begins> {
        self.known(column, &[2, 3, 4, 5, 6, 7], "column chunk");
        let Some(chunk) = column.inner(3) else { return Ok(Vec::new()) };
        self.known(chunk, &[1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13, 14, 15, 16], "column's metadata");
        let name = match chunk.list(3) {
            [Thrift::Bytes(name)] => String::from_utf8_lossy(name).chars().take(64).collect::<String>(),
            _ => String::new(),
        };
        for (offset, length) in [(column.int(4), column.int(5)), (column.int(6), column.int(7))] {
            self.piece(offset, length);
        }
        self.piece(chunk.int(14), chunk.int(15));
        self.piece(start(chunk), chunk.int(7));
        // A place that a reader may take for the chunk's: nothing, its beginning, or the end of its pages.
        let (begin, length) = (start(chunk), chunk.int(7));
        let end = begin.zip(length).and_then(|(begin, length)| begin.checked_add(length));
        let offset = column.int(2);
        self.ask(offset == Some(0) || offset == begin || offset == end, || format!("the place of `{name}`"));
        self.ask(sound_statistics(chunk.inner(12)), || format!("statistics of `{name}` in one form"));

        let walk = Walk::of(self.file, begin, end)?;
        self.ask(walk.sound, || format!("pages of `{name}` as the format has them"));
        let dictionary = chunk.int(11).is_some_and(|offset| offset > 0);
        let data = walk.begins.first().map(|(offset, _)| *offset);
        let sound = chunk.int(5) == Some(rows)
            && i64::try_from(walk.values).ok() == Some(rows)
            && chunk.int(6) == i64::try_from(walk.unpacked).ok()
            && dictionary == walk.dictionary
            && chunk.int(9).and_then(|offset| u64::try_from(offset).ok()) == data;
        self.ask(sound, || format!("numbers and places of the pages of `{name}`"));
        self.ask(walk.encodings_fit(chunk), || format!("encodings of the pages of `{name}`"));
        Ok(walk.begins)
    }

    fn piece(&mut self, offset: Option<i64>, length: Option<i64>) {
        let (Some(offset), Some(length)) = (offset, length) else {
            return self.ask(offset.is_none() && length.is_none(), || "places with their lengths".to_owned());
        };
        match (u64::try_from(offset), u64::try_from(length)) {
            (Ok(offset), Ok(length)) => self.pieces.push((offset, length)),
            _ => self.ask(false, || "places within the file".to_owned()),
        }
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

/// An old reader goes by the converted type, a new one by the logical: texts, and microseconds, must be so for both.
fn one_type(element: &Struct) -> bool {
    let logical = element.inner(10).and_then(|logical| logical.0.first()).map(|(id, _)| *id);
    matches!((element.int(6), logical), (None, _) | (Some(0), Some(1)) | (Some(10), Some(8)))
}

/// Where a column chunk begins: with its dictionary, where it has one.
fn start(chunk: &Struct) -> Option<i64> {
    let data = chunk.int(9)?;
    Some(chunk.int(11).filter(|offset| *offset > 0).map_or(data, |dictionary| dictionary.min(data)))
}

/// Minimum and maximum stand in two forms: an older reader must not see others. A number of distinct values has no use.
fn sound_statistics(statistics: Option<&Struct>) -> bool {
    let Some(all) = statistics else { return true };
    let same = |old: i16, new: i16| match (all.bytes(old), all.bytes(new)) {
        (Some(old), Some(new)) => old == new,
        (Some(_), None) => false,
        (None, _) => true,
    };
    all.has_only(&[1, 2, 3, 5, 6, 7, 8]) && same(1, 5) && same(2, 6)
}

/// The pages of a column chunk, header by header.
#[derive(Default)]
struct Walk {
    begins: Begins,
    values: u64,
    unpacked: u64,
    dictionary: bool,
    /// Kind and encoding of each page, and how many there are.
    kinds: Vec<(i64, i64, i64)>,
    sound: bool,
}

const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
const DATA_V2: i64 = 3;

impl Walk {
    fn of(file: &File, begin: Option<i64>, end: Option<i64>) -> io::Result<Self> {
        let mut walk = Self { sound: true, ..Self::default() };
        let place = |at: Option<i64>| at.and_then(|at| u64::try_from(at).ok());
        let (Some(mut at), Some(end)) = (place(begin), place(end)) else { return Err(invalid()) };
        let mut buffer = vec![0; 128];
        while at < end {
            let (header, used) = read_header(file, at, &mut buffer)?;
            let size = |id| header.int(id).and_then(|size| u64::try_from(size).ok()).ok_or_else(invalid);
            let (unpacked, packed) = (size(2)?, size(3)?);
            walk.page(&header, at);
            walk.unpacked = walk.unpacked.saturating_add(used).saturating_add(unpacked);
            at = at.checked_add(used).and_then(|at| at.checked_add(packed)).ok_or_else(invalid)?;
        }
        walk.sound &= at == end;
        Ok(walk)
    }

    fn page(&mut self, header: &Struct, at: u64) {
        let kind = header.int(1).unwrap_or(-1);
        let (inner, fields): (i16, &[i16]) = match kind {
            DATA => (5, &[1, 2, 3, 4]),
            DICTIONARY => (7, &[1, 2, 3]),
            DATA_V2 => (8, &[1, 2, 3, 4, 5, 6, 7]),
            _ => (-1, &[]),
        };
        let Some(page) = header.inner(inner) else {
            self.sound = false;
            return;
        };
        self.sound &= header.has_only(&[1, 2, 3, inner]) && page.has_only(fields);
        let encoding = page.int(if kind == DATA_V2 { 4 } else { 2 }).unwrap_or(-1);
        match self.kinds.iter_mut().find(|(known, of, _)| (*known, *of) == (kind, encoding)) {
            Some((_, _, count)) => *count += 1,
            None => self.kinds.push((kind, encoding, 1)),
        }
        if kind == DICTIONARY {
            // It comes first, and once.
            self.sound &= !self.dictionary && self.begins.is_empty();
            self.dictionary = true;
        } else {
            self.begins.push((at, self.values));
            self.values = self.values.saturating_add(page.int(1).and_then(|n| u64::try_from(n).ok()).unwrap_or(0));
        }
    }

    /// Whether what is claimed of the pages' encodings is so: a dictionary filter goes by it.
    fn encodings_fit(&self, chunk: &Struct) -> bool {
        let listed: Vec<i64> = chunk.list(2).iter().filter_map(Thrift::int).collect();
        let mut claimed: Vec<(i64, i64, i64)> = chunk
            .structs(13)
            .into_iter()
            .filter(|stats| stats.has_only(&[1, 2, 3]))
            .filter_map(|stats| Some((stats.int(1)?, stats.int(2)?, stats.int(3)?)))
            .collect();
        let mut kinds = self.kinds.clone();
        claimed.sort_unstable();
        kinds.sort_unstable();
        // Without its count of pages a dictionary tells a filter nothing, if the column is known to have other pages too.
        let counted = claimed == kinds || (claimed.is_empty() && chunk.list(13).is_empty());
        counted && kinds.iter().all(|(_, encoding, _)| listed.contains(encoding))
    }
}

/// The header of the page at `at`, and its length.
fn read_header(file: &File, at: u64, buffer: &mut Vec<u8>) -> io::Result<(Struct, u64)> {
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read_at(&mut buffer[filled..], at + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        match Thrift::read(&buffer[..filled]) {
            Some((header, used)) => return Ok((header, used as u64)),
            None if filled == buffer.len() && filled < MAX_HEADER => buffer.resize(filled * 2, 0),
            None => return Err(invalid()),
        }
    }
}

/// A value of Thrift's compact protocol.
enum Thrift {
    Bool,
    Int(i64),
    Double,
    Bytes(Vec<u8>),
    List(Vec<Thrift>),
    Struct(Struct),
}

/// Fields by their ids, in the order in which they stand.
#[derive(Default)]
struct Struct(Vec<(i16, Thrift)>);

impl Struct {
    fn get(&self, id: i16) -> Option<&Thrift> {
        self.0.iter().find(|(found, _)| *found == id).map(|(_, value)| value)
    }

    /// No other field than these, and none twice.
    fn has_only(&self, ids: &[i16]) -> bool {
        self.0.iter().all(|(id, _)| ids.contains(id)) && self.0.windows(2).all(|two| two[0].0 < two[1].0)
    }

    fn int(&self, id: i16) -> Option<i64> {
        self.get(id)?.int()
    }

    fn bytes(&self, id: i16) -> Option<&[u8]> {
        match self.get(id)? {
            Thrift::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn inner(&self, id: i16) -> Option<&Struct> {
        match self.get(id)? {
            Thrift::Struct(inner) => Some(inner),
            _ => None,
        }
    }

    fn list(&self, id: i16) -> &[Thrift] {
        match self.get(id) {
            Some(Thrift::List(list)) => list,
            _ => &[],
        }
    }

    fn structs(&self, id: i16) -> Vec<&Struct> {
        let structs = self.list(id).iter();
        structs.filter_map(|value| if let Thrift::Struct(inner) = value { Some(inner) } else { None }).collect()
    }
}

impl Thrift {
    /// The struct at the beginning of `bytes`, and how many it takes.
    fn read(bytes: &[u8]) -> Option<(Struct, usize)> {
        let mut decoder = Decoder { bytes, at: 0 };
        let read = decoder.fields(0)?;
        Some((read, decoder.at))
    }

    fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }
}

struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Deeper than anything in Parquet.
const MAX_DEPTH: usize = 16;

impl Decoder<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    fn fields(&mut self, depth: usize) -> Option<Struct> {
        let (mut fields, mut last) = (Vec::new(), 0_i16);
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(Struct(fields));
            }
            let id = match head >> 4 {
                0 => i16::try_from(self.zigzag()?).ok()?,
                delta => last.checked_add(i16::from(delta))?,
            };
            // The two kinds of a boolean field are its value.
            let value = if matches!(head & 0xf, 1 | 2) { Thrift::Bool } else { self.value(head & 0xf, depth)? };
            fields.push((id, value));
            last = id;
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<Thrift> {
        if depth > MAX_DEPTH {
            return None;
        }
        Some(match kind {
            1 | 2 => {
                self.byte()?;
                Thrift::Bool
            }
            3 => Thrift::Int(self.byte()?.cast_signed().into()),
            4..=6 => Thrift::Int(self.zigzag()?),
            7 => {
                self.at = self.at.checked_add(8).filter(|at| *at <= self.bytes.len())?;
                Thrift::Double
            }
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                let bytes = self.bytes.get(self.at..self.at.checked_add(length)?)?.to_vec();
                self.at += length;
                Thrift::Bytes(bytes)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                let mut list = Vec::new();
                for _ in 0..count {
                    list.push(self.value(head & 0xf, depth + 1)?);
                }
                Thrift::List(list)
            }
            12 => Thrift::Struct(self.fields(depth + 1)?),
            _ => return None,
        })
    }
}
