//! Values in tables: the name of a value stands at the head of its column, and says of each cell what the word before it would
//! say in a text. A code, a PIN or a telephone under its name is found, a number under the name of an id is kept.
//!
//! A table is read from its head on, once, when a number stands in a cell behind a key that calls none of its neighbours, or is
//! a sound card number in one. What was read or asked for is not read again, so that all tables of a text cost one pass over
//! them, and a text without a table one pass back. How tables are written is told in `tables`.

use super::tables::{self, Cells, bare, opening, value_end};
use super::words::is_joint;
use super::{Finding, Scan, Shape, check_code, marker, pan, phone, postal};
use crate::mask::rules::Validator;

/// Columns of a table, and bytes of the line or list of their names.
pub(super) const MAX_COLUMNS: usize = 64;
pub(super) const MAX_HEAD: usize = 2048;
/// Letters and digits of a block before its first decimal digits.
const MAX_WORD: usize = 32;

/// What the name of a column says of its cells.
#[derive(Clone, Copy, Default)]
pub(super) struct Column {
    /// Rules that it calls.
    pub(super) keyed: u64,
    /// Rules for telephones that it vouches for.
    phones: u64,
    /// Rules that it speaks against, as the name of an id does.
    ids: u64,
}

impl Column {
    /// What it calls, and nothing else.
    pub(super) fn named(self) -> Self {
        Self { keyed: self.keyed, ..Self::default() }
    }

    fn speaks(self) -> bool {
        self.keyed | self.phones | self.ids != 0
    }
}

pub(super) type Head = Vec<Column>;

impl Scan<'_, '_> {
    /// Reads the table that the number at `at` may stand in.
    #[inline]
    pub(super) fn table(&mut self, at: usize) {
        if is_cell(self.bytes, at)
            && (self.key_ends.last_from(self.rules, self.bytes, self.tables_until + 1).is_some()
                || (at > self.tables_until && tables::is_ruled(self.bytes, at)))
        {
            self.table_around(at);
        }
    }

    /// Whether the number at `at` stands under the name of an id, which speaks against `rule`.
    pub(super) fn is_id_cell(&mut self, at: usize, rule: u8) -> bool {
        if at >= self.tables_until && is_cell(self.bytes, at) {
            self.table_around(at);
        }
        let place = self.id_cells.binary_search_by_key(&at, |(start, _)| *start);
        place.ok().and_then(|place| self.id_cells.get(place)).is_some_and(|(_, rules)| rules & 1 << rule != 0)
    }

    #[inline(never)]
    fn table_around(&mut self, at: usize) {
        let low = self.tables_until.min(at);
        let until = self
            .statement(low, at)
            .or_else(|| self.markup(low, at))
            .or_else(|| self.arrays(low, at))
            .or_else(|| self.lines(low, at));
        self.tables_until = until.unwrap_or(0).max(at).min(self.bytes.len());
    }

    /// `<tr><th>PAN</th><th>CVV</th></tr><tr><td>…</td><td>737</td></tr>`
    fn markup(&mut self, low: usize, at: usize) -> Option<usize> {
        let bytes = self.bytes;
        if !tables::is_in_markup(bytes, at) {
            return None;
        }
        let (start, end) = tables::markup_head(bytes, low, at)?;
        let names = tables::markup_cells(bytes.get(..end)?, start).map(|cell| cell.text);
        let head = self.head(names.filter_map(|(start, end)| bytes.get(start..end)), b"")?;
        let mut until = end;
        for cell in tables::markup_cells(bytes, end).take_while(|cell| !cell.named) {
            let (start, end) = cell.text;
            self.cell(start, end, head.get(cell.column).copied().unwrap_or_default());
            until = end;
        }
        Some(until)
    }

    /// `{"columns": ["id", "cvv"], "rows": [[1, "737"]]}`, the head as the first row, or one row alone.
    fn arrays(&mut self, low: usize, at: usize) -> Option<usize> {
        let bytes = self.bytes;
        let (outer, first) = tables::first_row(bytes, low, at)?;
        // No farther than a head may reach: brackets that nothing closes would be read to the end of the text each time.
        let near = bytes.get(..bytes.len().min(first + MAX_HEAD))?;
        let columns = tables::items(near, first).count();
        let own = tables::strings(near, first).filter(|_| outer < first);
        let head = match own.and_then(|names| self.head(names, b"")) {
            Some(head) => head,
            None => {
                let mut lists = tables::lists_before(bytes, outer, outer == first);
                lists.find_map(|names| if names.len() == columns { self.head(names, b"") } else { None })?
            }
        };
        let mut from = self.tuple(&head, first);
        while outer < first
            && let Some(open) = opening(bytes, from)
        {
            from = self.tuple(&head, open);
        }
        Some(from)
    }

    /// Lines below one that names the columns.
    fn lines(&mut self, low: usize, at: usize) -> Option<usize> {
        let bytes = self.bytes;
        let mut end = low + memchr::memrchr(b'\n', bytes.get(low..at)?)?;
        let mut ruler = None;
        loop {
            let start = tables::line_start(bytes, low, end)?;
            let line = bytes.get(start..end)?;
            let below = ruler.take();
            if line.trim_ascii().is_empty() {
                return None;
            } else if tables::is_ruler(line) {
                ruler = Some((start, end));
            } else if let Some(until) = self.headed(start, end, below) {
                return Some(until);
            }
            end = start.checked_sub(1).filter(|end| *end > low)?;
        }
    }

    /// Reads the lines below the one at `start..end`, and a ruler below that, if it names their columns.
    fn headed(&mut self, start: usize, end: usize, ruler: Option<(usize, usize)>) -> Option<usize> {
        let bytes = self.bytes;
        if end - start > MAX_HEAD {
            return None;
        }
        let line = bytes.get(start..end)?;
        let rows = ruler.map_or(end, |(_, end)| end) + 1;
        if let Some(names) = tables::copied(line) {
            let head = self.head(names.split(|byte| *byte == b','), names)?;
            let columns = head.len();
            return Some(self.parted_rows(&head, b'\t', columns, rows));
        }
        // Digits stand in no name but in what a logger writes before the first one, and a blank behind it.
        let mut names = self.behind_numbers(start, end);
        if names > start {
            let behind = bytes.get(names..end)?;
            let blank = behind.iter().position(|sign| matches!(sign, b' ' | b',' | b';' | b'|' | b'\t'))?;
            if behind.get(blank) != Some(&b' ') {
                return None;
            }
            names += blank;
        }
        let line = bytes.get(names..end)?;
        if let Some(sign) = tables::sign(line) {
            let columns = Cells::of(line, sign).take(MAX_COLUMNS + 1).count();
            let cells: Vec<_> = Cells::of(line, sign).take(MAX_COLUMNS).collect();
            let names = cells.iter().enumerate().filter_map(|(column, (start, end))| {
                let name = line.get(*start..*end)?;
                Some(if column == 0 { tables::last_name(name) } else { name })
            });
            let head = self.head(names, line)?;
            return Some(self.parted_rows(&head, sign, columns, rows));
        }
        if names > start {
            return None;
        }
        let columns = tables::aligned(line, ruler.and_then(|(start, end)| bytes.get(start..end)))?;
        let head = self.head(columns.names.iter().filter_map(|(start, end)| line.get(*start..*end)), line)?;
        Some(self.aligned_rows(&head, &columns, rows))
    }

    /// Where the last number of three digits or more in a line ends; its start if there is none.
    fn behind_numbers(&self, start: usize, end: usize) -> usize {
        let mut last = start;
        let mut at = start;
        while let Some(digit) = self.signs.next_digit(at).filter(|digit| *digit < end) {
            at = self.signs.digits_end(digit);
            if at - digit >= 3 {
                last = at.min(end);
            }
        }
        last
    }

    /// Lines of cells with a sign between them, from `from` on; where they end.
    fn parted_rows(&mut self, head: &Head, sign: u8, columns: usize, mut from: usize) -> usize {
        let bytes = self.bytes;
        while let Some((line, next)) = tables::line(bytes, from) {
            if !tables::is_ruler(line) {
                if Cells::of(line, sign).take(MAX_COLUMNS + 1).count() != columns {
                    break;
                }
                for ((start, end), column) in Cells::of(line, sign).zip(head) {
                    self.cell(from + start, from + end, *column);
                }
            }
            from = next;
        }
        from
    }

    /// Lines of cells with blanks between them, from `from` on; where they end.
    fn aligned_rows(&mut self, head: &Head, columns: &tables::Aligned, mut from: usize) -> usize {
        let bytes = self.bytes;
        while let Some((line, next)) = tables::line(bytes, from) {
            if !tables::is_ruler(line) {
                let Some(cells) = columns.cells(line) else { break };
                for (column, (start, end)) in cells {
                    self.cell(from + start, from + end, head.get(column).copied().unwrap_or_default());
                }
            }
            from = next;
        }
        from
    }

    /// The values between the brackets of which the first one begins at `from`; the place behind them.
    pub(super) fn tuple(&mut self, head: &Head, mut from: usize) -> usize {
        let bytes = self.bytes;
        for column in 0..=MAX_COLUMNS {
            let end = value_end(bytes, from);
            self.cell(from, end, head.get(column).copied().unwrap_or_default());
            from = end + 1;
            if bytes.get(end) != Some(&b',') {
                break;
            }
        }
        from.min(bytes.len())
    }

    /// What the names of the columns say, if any of them says something. `line`: all of them.
    pub(super) fn head<'n>(&mut self, names: impl IntoIterator<Item = &'n [u8]>, line: &[u8]) -> Option<Head> {
        let mut head = Head::new();
        for name in names.into_iter().take(MAX_COLUMNS) {
            // A row of values, of which one was a code.
            if marker::is_all_of(name) {
                return None;
            }
            head.push(self.column(name, line));
        }
        head.iter().any(|column| column.speaks()).then_some(head)
    }

    pub(super) fn column(&mut self, name: &[u8], line: &[u8]) -> Column {
        if marker::stands_in(name) {
            return Column::default();
        }
        let name = bare(name);
        let facts = self.keys.facts(self.rules, name);
        // Amex calls its code CID; in a table it is far more often a customer's id. Nor is a postal code a PIN.
        let other = name.eq_ignore_ascii_case(b"cid")
            || postal::is_code(name, b"560001", line)
            || check_code::is_code(name, b"373", line);
        let numbers = self.with(Validator::Pan) | self.with(Validator::Phone);
        Column {
            keyed: if other { 0 } else { facts.keyed & self.active & self.rules.keyed_in_text },
            phones: facts.lift & self.with(Validator::Phone),
            ids: if self.is_name(name) { facts.against & !facts.lift & !facts.near & numbers } else { 0 },
        }
    }

    /// Whether it is the name of a column and no sentence: one word, or two that make a name: `Order No`.
    fn is_name(&mut self, name: &[u8]) -> bool {
        let mut words = name.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (_, second, third) = (words.next(), words.next(), words.next());
        let joint = |word: &[u8]| is_joint(word.strip_suffix(b".").unwrap_or(word));
        third.is_none() && second.is_none_or(|word| joint(word) || self.keys.facts(self.rules, word).against != 0)
    }

    /// The cell `start..end` of a column.
    pub(super) fn cell(&mut self, start: usize, end: usize, column: Column) {
        let Some(cell) = self.bytes.get(start..end).filter(|_| column.speaks()) else { return };
        let value = bare(cell);
        let Some(from) = memchr::memmem::find(cell, value).map(|from| start + from) else { return };
        let end = from + value.len();
        if let Some(rule) = self.first(self.rules.fitting(column.keyed, value)) {
            self.found.push(Finding { start: from, end, rule, view: self.view, shape: Shape::Whole });
        } else if let Some(rule) = self.first(column.phones).filter(|_| phone::is_national(value)) {
            self.hit(from, end, rule);
        } else if column.ids != 0
            && (phone::MOBILE..=pan::MAX).contains(&value.len())
            && value.iter().all(u8::is_ascii_digit)
            && self.id_cells.last().is_none_or(|(last, _)| *last < from)
        {
            self.id_cells.push((from, column.ids));
        }
    }
}

/// Whether what stands before a number, or before the word that it is in, begins a cell.
fn is_cell(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    let word = before.iter().rev().take(MAX_WORD).take_while(|sign| sign.is_ascii_alphanumeric()).count();
    let before = before.get(..at - word).unwrap_or_default();
    let before = match before {
        [before @ .., b'\\', b'"'] | [before @ .., b'"' | b'\'' | b'`'] => before,
        before => before,
    };
    // Transact-SQL: `N'737'`.
    let before =
        before.strip_suffix(b"N").filter(|before| before.ends_with(b"=") || before.ends_with(b" ")).unwrap_or(before);
    let before = before.strip_suffix(b" ").unwrap_or(before);
    match before.last() {
        Some(b',' | b'(' | b'[' | b';' | b'|' | b'\t' | b'\n' | b' ') => true,
        Some(b'>') => tables::is_in_markup(bytes, before.len()),
        Some(b'=') => tables::ends_with_placeholder(before),
        _ => false,
    }
}
