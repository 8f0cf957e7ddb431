//! The pages of a column chunk, header by header, and each to its end (`pages`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::bits::Wrong;
use super::invalid;
use super::pages::{MAX_PAGE, MAX_VALUES, Pages};
use super::shapes::PAGE;
use super::thrift::{self, Malformed, Struct};

/// Where the pages of a column chunk begin: offset of each data page, and the rows before it.
pub(in crate::verify) type Begins = Vec<(u64, u64)>;

/// Longest header of a page: the format's take two dozen bytes.
const MAX_HEADER: usize = 128;

#[derive(Default)]
pub(super) struct Walk {
    pub(super) begins: Begins,
    pub(super) values: u64,
    pub(super) unpacked: u64,
    pub(super) dictionary: bool,
    /// Kind and encoding of each page, and how many there are.
    kinds: Vec<(i64, i64, i64)>,
    pub(super) sound: bool,
    /// A page claims more than the format allows, or than it holds: whoever reads it makes room for what it claims.
    pub(super) refused: bool,
}

/// Kinds of pages.
const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
/// Encodings.
const PLAIN: i64 = 0;
const RLE: i64 = 3;
const UNCOMPRESSED: i64 = 0;

impl Walk {
    /// Of pages that can't be followed.
    pub(super) fn refused() -> Self {
        Self { refused: true, ..Self::default() }
    }

    /// Reads the pages of a column between `begin` and `end` of a chunk that is packed as `codec` says.
    pub(super) fn of(
        file: &File,
        begin: Option<u64>,
        end: Option<u64>,
        codec: Option<i64>,
        mut pages: Pages,
    ) -> io::Result<Self> {
        let mut walk = Self { sound: pages.is_codec(codec), ..Self::default() };
        let (Some(mut at), Some(end)) = (begin, end) else { return Err(invalid()) };
        let mut bytes = Vec::new();
        while at < end {
            let (header, used) = header(file, at)?;
            let size = |id| header.size(id).ok_or_else(invalid);
            let (unpacked, packed) = (size(2)?, size(3)?);
            walk.sound &= codec != Some(UNCOMPRESSED) || packed == unpacked;
            walk.page(&header, at);
            walk.unpacked = walk.unpacked.saturating_add(used).saturating_add(unpacked);
            let begin = at.checked_add(used).ok_or_else(invalid)?;
            at = begin.checked_add(packed).ok_or_else(invalid)?;
            if unpacked > MAX_PAGE || packed > MAX_PAGE || at > end {
                walk.refused = true;
                return Ok(walk);
            }
            bytes.resize(usize::try_from(packed).map_err(|_| invalid())?, 0);
            file.read_exact_at(&mut bytes, begin)?;
            walk.hold(&header, &bytes, unpacked, &mut pages);
        }
        walk.sound &= at == end && pages.is_used_up();
        Ok(walk)
    }

    /// Takes what a page holds to its end.
    fn hold(&mut self, header: &Struct, bytes: &[u8], unpacked: u64, pages: &mut Pages) {
        let (data, dictionary) = (header.inner(5), header.inner(7));
        let claimed = data.or(dictionary).and_then(|page| Some((page.size(1)?, page.int(2)?)));
        let (Some((values, encoding)), Ok(unpacked)) = (claimed, usize::try_from(unpacked)) else {
            self.refused = true;
            return;
        };
        let held = match usize::try_from(values) {
            Ok(values) if values as u64 <= MAX_VALUES => match data {
                Some(_) => pages.data(encoding, values, bytes, unpacked),
                None => pages.dictionary(values, bytes, unpacked),
            },
            _ => Err(Wrong::Count),
        };
        self.sound &= held.is_ok();
        self.refused |= held == Err(Wrong::Count);
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
        match self.kinds.iter_mut().find(|(known, of, _)| (*known, *of) == (kind, encoding)) {
            Some((_, _, count)) => *count += 1,
            None => self.kinds.push((kind, encoding, 1)),
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

/// The header of the page at `at`, and its length.
fn header(file: &File, at: u64) -> io::Result<(Struct, u64)> {
    let mut buffer = [0; MAX_HEADER];
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    match thrift::read(&buffer[..filled], &PAGE) {
        Ok((header, used)) => Ok((header, used as u64)),
        Err(Malformed::Short | Malformed::In(_)) => Err(invalid()),
    }
}
