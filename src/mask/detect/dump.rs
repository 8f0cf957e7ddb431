//! Bytes that are written one by one in hexadecimal (`5A 08 42 42`, `53:28:44`, `0x41, 0x11`, the rows of a hexdump), read as the
//! one token that they are: EMV tags, tracks, PIN blocks, packed card numbers, text.
//!
//! A row is read once, from its first pair on, however many of its pairs hold a digit.

use super::blocks::FOUR;
use super::iso8583::{self, data_element};
use super::number::Group;
use super::pan;
use super::track::{self, Tag};
use super::{Encoded, Finding, Scan, Shape};
use crate::mask::rules::{Class, Validator};

/// Fewest bytes of interest, those of a PIN block; those of one that AES enciphered.
const BLOCK: usize = 8;
const LONG_BLOCK: usize = 16;
/// Bytes that are read as one row, and how many of them are read again with what follows.
const MAX_BYTES: usize = 1024;
const OVERLAP: usize = 64;
/// Bytes between two rows: what is readable of the first, a line break, where the second stands.
const MAX_MARGIN: usize = 64;

/// Bytes that stand one by one.
struct Row {
    /// Their digits, and where each pair of them stands.
    digits: Vec<u8>,
    places: Vec<usize>,
}

impl Row {
    fn place(&self, digit: usize) -> usize {
        self.places.get(digit / 2).map_or(0, |place| place + digit % 2)
    }

    fn end(&self) -> usize {
        self.places.last().map_or(0, |place| place + 2)
    }
}

impl Scan<'_, '_> {
    /// Reads the row that a group of one or two digits may be a byte of.
    pub(super) fn row(&mut self, group: Group) {
        let is_letter = |byte: u8| byte.is_ascii_hexdigit() && byte.is_ascii_alphabetic();
        let before = group.len() == 1 && is_letter(self.byte_before(group.start));
        let start = group.start - usize::from(before);
        // Most groups of two digits are a date's or a number's.
        if start < self.rows_until || !matches!(self.byte_at(start + 2), b' ' | b':' | b'-' | b',' | b'\\') {
            return;
        }
        let Some(gap) = gap(self.bytes, start) else { return };
        let Some(row) = row(self.bytes, start, gap, self.rows_until) else { return };
        self.rows_until = row.end();
        if row.places.len() == MAX_BYTES {
            self.rows_until = row.place((MAX_BYTES - OVERLAP) * 2);
        }
        if row.places.len() >= BLOCK {
            // What stands between prefixed bytes would be taken for signs of theirs.
            self.judge(&row, if gap.ends_with(b"x") { Shape::Whole } else { Shape::Signs });
        }
    }

    /// Looks for a PIN block in groups of four digits, of which one begins at `start`: `0412 AC89 ABCD EF67`.
    pub(super) fn block_in_fours(&mut self, start: usize) -> bool {
        if start < self.rows_until {
            return false;
        }
        let Some(mut row) = row_of_fours(self.bytes, start, self.rows_until) else { return false };
        let block = row.digits.get(..2 * BLOCK).unwrap_or_default();
        if row.places.len() != LONG_BLOCK && block.iter().any(u8::is_ascii_alphabetic) {
            // What follows on a block may look like more of it: a year, the begin of a card number.
            row.places.truncate(BLOCK);
            row.digits.truncate(2 * BLOCK);
        }
        self.rows_until = row.end();
        let known = self.found.len();
        self.block(&row);
        self.found.len() > known
    }

    fn judge(&mut self, row: &Row, shape: Shape) {
        let (pan, track2) = (self.first(self.with(Validator::Pan)), self.first(self.with(Validator::Track)));
        let (view, known) = (self.view, self.found.len());
        let found = &mut *self.found;
        let mut hit = |from: usize, to: usize, rule: Option<u8>| {
            if let Some(rule) = rule {
                found.push(Finding { start: row.place(from), end: row.place(to - 1) + 1, rule, view, shape });
            }
        };
        track::emv(&row.digits, &mut |tag, from, to| hit(from, to, if tag == Tag::Pan { pan } else { track2 }));
        // Without a tag, or with its length alone.
        for from in [0, 2] {
            let digits = row.digits.iter().skip(from).take_while(|digit| digit.is_ascii_digit()).count();
            if let Some(end) = track::end(&row.digits, from, from + digits) {
                hit(from, end, track2);
                break;
            }
        }
        if self.found.len() == known {
            self.block(row);
            self.packed(row, shape);
        }
        let decoded: Vec<u8> = row.digits.chunks_exact(2).filter_map(track::byte).collect();
        if decoded.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')) {
            let (start, end) = (row.place(0), row.end());
            self.encoded.push(Encoded { view, start, end, decoded });
        }
    }

    /// A PIN block, behind its key or as its data element.
    fn block(&mut self, row: &Row) {
        let (start, end) = (row.place(0), row.end());
        if !matches!(row.places.len(), BLOCK | LONG_BLOCK) {
            return;
        }
        let at = opening(self.bytes, start);
        let keyed = if self.may_be_keyed(at) { self.keyed(at, &row.digits) } else { None };
        let rule = keyed.or_else(|| {
            let named = row.places.len() == BLOCK && data_element(self.bytes, at) == Some(iso8583::PIN);
            self.rules.of_class(self.active, Class::SadPin).filter(|_| named)
        });
        if let Some(rule) = rule {
            self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Whole });
        }
    }

    /// A card number, two digits in a byte, where a word speaks for it.
    fn packed(&mut self, row: &Row, shape: Shape) {
        let digits = match row.digits.as_slice() {
            [digits @ .., b'F' | b'f'] => digits,
            digits => digits,
        };
        if !(pan::MIN..=pan::MAX).contains(&digits.len())
            || !digits.iter().all(u8::is_ascii_digit)
            || !pan::luhn(digits)
        {
            return;
        }
        let rules = self.with(Validator::Pan);
        let before = self.before(opening(self.bytes, row.place(0)), false, rules);
        if let Some(rule) = self.first((before.lift | before.near) & rules)
            && pan::fit(digits, self.rules.brands(rule)) == pan::Fit::Strong
        {
            let end = row.place(digits.len() - 1) + 1;
            self.found.push(Finding { start: row.place(0), end, rule, view: self.view, shape });
        }
    }
}

/// Whether a byte stands at `at` and no more letters or digits behind it.
fn is_pair(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..at + 2).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
        && !bytes.get(at + 2).is_some_and(u8::is_ascii_alphanumeric)
}

/// What stands between the byte at `start` and the next two.
fn gap(bytes: &[u8], start: usize) -> Option<&'static [u8]> {
    let follows = |at: usize, gap: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(gap));
    let step = |gap: &[u8]| 2 + gap.len();
    let is_gap = |gap: &&&[u8]| {
        let (second, third) = (start + step(gap), start + 2 * step(gap));
        follows(start + 2, gap) && is_pair(bytes, second) && follows(second + 2, gap) && is_pair(bytes, third)
    };
    let gaps = gaps(*bytes.get(start + 2)?);
    if gaps.is_empty() || !is_pair(bytes, start) {
        return None;
    }
    gaps.iter().find(is_gap).copied()
}

/// What may stand between two bytes and begins with `sign`.
fn gaps(sign: u8) -> &'static [&'static [u8]] {
    match sign {
        b' ' => &[b" 0x", b" "],
        b',' => &[b", 0x", b",0x", b", ", b","],
        b':' => &[b":0x", b":"],
        b'-' => &[b"-"],
        b'\\' => &[b"\\x"],
        _ => &[],
    }
}

/// The row around the byte at `start`, from `low` on.
fn row(bytes: &[u8], start: usize, gap: &[u8], low: usize) -> Option<Row> {
    let prefixed = gap.ends_with(b"x");
    let mut first = start;
    // Bytes of two letters stand before the first that holds a digit.
    while let Some(before) =
        first.checked_sub(2 + gap.len()).filter(|before| *before >= low && start - before < OVERLAP)
        && is_pair(bytes, before)
        && bytes.get(before + 2..first) == Some(gap)
    {
        first = before;
    }
    let head = bytes.get(..first)?;
    let apart = match head {
        [.., b'0' | b'\\', b'x'] if prefixed => true,
        [.., before] => !before.is_ascii_alphanumeric() && !prefixed,
        [] => !prefixed,
    };
    if !apart {
        return None;
    }
    let mut row = Row { digits: Vec::new(), places: Vec::new() };
    let mut at = Some(first);
    while let Some(place) = at.filter(|_| row.places.len() < MAX_BYTES) {
        row.digits.extend_from_slice(bytes.get(place..place + 2)?);
        row.places.push(place);
        at = next(bytes, place + 2, gap);
    }
    Some(row)
}

/// The row around the group of four digits at `start`, with one sign between each two groups, from `low` on.
fn row_of_fours(bytes: &[u8], start: usize, low: usize) -> Option<Row> {
    const STEP: usize = FOUR + 1;
    // One more than the longest has, so that a longer row is none.
    const MOST: usize = LONG_BLOCK / 2 + 1;
    let is_four = |at: usize| bytes.get(at..at + FOUR).is_some_and(|four| four.iter().all(u8::is_ascii_hexdigit));
    let is_gap = |sign: &u8| matches!(sign, b' ' | b'-');
    let gap = if is_four(start + STEP) {
        bytes.get(start + FOUR)
    } else {
        start.checked_sub(STEP).filter(|before| is_four(*before)).and_then(|before| bytes.get(before + FOUR))
    };
    let gap = *gap.filter(|gap| is_gap(gap))?;
    // No part of a word or of a longer number.
    let is_alone = |at: usize| is_four(at) && !bytes.get(at + FOUR).is_some_and(u8::is_ascii_alphanumeric);
    let before = |at: usize| {
        at.checked_sub(STEP).filter(|from| *from >= low && bytes.get(at - 1) == Some(&gap) && is_four(*from))
    };
    let behind = |at: usize| Some(at + STEP).filter(|next| bytes.get(at + FOUR) == Some(&gap) && is_alone(*next));
    let first = std::iter::successors(Some(start), |at| before(*at)).take(MOST).last()?;
    let groups = std::iter::successors(Some(first), |at| behind(*at)).take(MOST);
    let places: Vec<usize> = groups.flat_map(|at| [at, at + 2]).collect();
    let end = places.last()? + 2;
    // A telephone's number may follow right behind.
    let apart = |sign: Option<&u8>| sign.is_none_or(|sign| !sign.is_ascii_alphanumeric() && *sign != b'+');
    let alone =
        is_four(start) && apart(first.checked_sub(1).and_then(|before| bytes.get(before))) && apart(bytes.get(end));
    let digits = places.iter().flat_map(|place| bytes.get(*place..place + 2).unwrap_or_default()).copied().collect();
    alone.then_some(Row { digits, places })
}

/// Where the byte stands that follows the one which ends at `end`.
fn next(bytes: &[u8], end: usize, gap: &[u8]) -> Option<usize> {
    let rest = bytes.get(end..)?;
    if rest.starts_with(gap) && is_pair(bytes, end + gap.len()) {
        return Some(end + gap.len());
    }
    // On the next line, or behind the eighth byte of a hexdump, blanks stand between.
    let blanks = rest.iter().take(MAX_MARGIN).take_while(|b| b.is_ascii_whitespace() || **b == b',').count();
    let prefix = if gap.ends_with(b"x") { &b"0x"[..] } else { b"" };
    let at = end + blanks;
    if blanks > 0 && bytes.get(at..)?.starts_with(prefix) && is_pair(bytes, at + prefix.len()) {
        return Some(at + prefix.len());
    }
    if gap != b" " {
        return None;
    }
    // `  |..BBBB|`, a line break, `00000010  `
    let margin = rest.get(..MAX_MARGIN).unwrap_or(rest);
    let line = memchr::memchr(b'\n', margin)? + 1;
    let offset = rest.get(line..)?.iter().take(MAX_MARGIN).take_while(|b| b.is_ascii_hexdigit()).count();
    let blanks = rest.get(line + offset..)?.iter().take(4).take_while(|b| matches!(b, b':' | b' ')).count();
    let at = end + line + offset + blanks;
    (matches!(offset, 4 | 6 | 7 | 8) && blanks > 0 && is_pair(bytes, at)).then_some(at)
}

/// The place that the first byte has for who looks for its key: before the brackets of an array, `block[8] = { 0x41`.
fn opening(bytes: &[u8], start: usize) -> usize {
    const MOST: usize = 16;
    let trim = |end: usize, is_it: &dyn Fn(u8) -> bool| {
        let before = bytes.get(..end).unwrap_or_default();
        end - before.iter().rev().take(MOST).take_while(|sign| is_it(**sign)).count()
    };
    let prefix = match bytes.get(..start) {
        Some([.., b'0' | b'\\', b'x']) => 2,
        _ => 0,
    };
    let end =
        trim(start - prefix, &|sign| sign.is_ascii_whitespace() || matches!(sign, b'{' | b'[' | b'(' | b'"' | b'\''));
    let name = trim(end, &|sign| matches!(sign, b'=' | b' '));
    let open = trim(name.saturating_sub(1), &|sign| sign.is_ascii_alphanumeric() || sign == b'_');
    match bytes.get(open.saturating_sub(1)..name) {
        Some([b'[', .., b']']) => open - 1,
        _ => end,
    }
}
