//! Codes in tables: the name of a value stands at the head of its column, in `INSERT INTO t (…, cvv) VALUES (…, '737')` and in the
//! first line of CSV.
//!
//! A table is read from its head on, once, when a number stands in a cell behind a key that calls none of its neighbours; what
//! was read is not read again, so that all tables of a text cost one pass over them.

use super::{Finding, Scan, Shape, check_code, postal};

/// Columns of a table, and bytes of the list of their names or of a cell.
const MAX_COLUMNS: usize = 64;
const MAX_HEAD: usize = 2048;
/// Bytes before a key in which the word `VALUES` is looked for.
const MAX_REACH: usize = 512;
/// Between the names of the columns and the word `VALUES`, and behind it.
const MAX_BLANKS: usize = 16;
/// Letters and digits of a block before its first decimal digits.
const MAX_WORD: usize = 32;

/// Rules that the name of each column calls.
type Head = Vec<u64>;

impl Scan<'_, '_> {
    /// Reads the table that the number at `at` may stand in.
    #[inline]
    pub(super) fn table(&mut self, at: usize) {
        if let Some(key) = self.key_ends.last_from(self.rules, self.bytes, self.tables_until + 1)
            && is_cell(self.bytes, at)
        {
            self.table_behind(key, at);
        }
    }

    #[inline(never)]
    fn table_behind(&mut self, key: usize, at: usize) {
        self.tables_until = key;
        self.inserted(key, at);
        self.separated(key, at);
    }

    /// `(a, cvv) VALUES ('1', '737'), ('2', '738')`
    fn inserted(&mut self, key: usize, at: usize) {
        let bytes = self.bytes;
        // A value may hold a key too (`'visa card'`), so that the word may stand before the last one.
        let low = key.saturating_sub(MAX_REACH);
        let Some(between) = bytes.get(low..at) else { return };
        let Some(word) = [b"VALUES", b"values"].iter().filter_map(|word| memchr::memmem::rfind(between, *word)).max()
        else {
            return;
        };
        let word = low + word;
        let names = bytes.get(word.saturating_sub(MAX_HEAD)..word).unwrap_or_default().trim_ascii_end();
        let Some(names) = names.strip_suffix(b")") else { return };
        let Some(open) = memchr::memrchr(b'(', names) else { return };
        let head = self.head(names.get(open + 1..).unwrap_or_default(), b',');
        if head.iter().all(|rules| *rules == 0) {
            return;
        }
        let mut from = word + b"VALUES".len();
        while let Some(open) = opening(bytes, from) {
            from = self.tuple(&head, open);
        }
        self.tables_until = self.tables_until.max(from);
    }

    /// The values between the brackets of which the first one ends at `from`; where they end.
    fn tuple(&mut self, head: &Head, mut from: usize) -> usize {
        let bytes = self.bytes;
        for column in 0..=MAX_COLUMNS {
            let end = value_end(bytes, from);
            self.cell(from, end, head.get(column).copied().unwrap_or(0));
            from = end + 1;
            if bytes.get(end) != Some(&b',') {
                break;
            }
        }
        from.min(bytes.len())
    }

    /// Lines of which the first one names the columns: the one that holds `key`, or the one before it.
    fn separated(&mut self, key: usize, at: usize) {
        let bytes = self.bytes;
        let line_before = |at: usize| {
            let low = at.saturating_sub(MAX_HEAD);
            memchr::memrchr(b'\n', bytes.get(low..at).unwrap_or_default()).map(|line| low + line)
        };
        // The last line break before the number and behind the key; or the one before both, when they share a line.
        let Some(last) = line_before(at) else { return };
        let end = if last > key {
            memchr::memchr(b'\n', bytes.get(key..=last).unwrap_or_default()).map_or(last, |line| key + line)
        } else {
            last
        };
        let start = line_before(end).map_or(0, |line| line + 1);
        let line = bytes.get(start..end).unwrap_or_default();
        let count = |sign: u8| memchr::memchr_iter(sign, line).count();
        let Some((columns, sign)) = [b',', b';', b'\t', b'|'].map(|sign| (count(sign), sign)).into_iter().max() else {
            return;
        };
        if columns == 0 || line.len() > MAX_HEAD {
            return;
        }
        let head = self.head(line, sign);
        if head.iter().all(|rules| *rules == 0) {
            return;
        }
        let mut from = end + 1;
        while let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) {
            let line = rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len())).unwrap_or_default();
            if memchr::memchr_iter(sign, line).count() != columns {
                break;
            }
            let mut start = from;
            for (column, cell) in line.split(|byte| *byte == sign).enumerate() {
                self.cell(start, start + cell.len(), head.get(column).copied().unwrap_or(0));
                start += cell.len() + 1;
            }
            from += line.len() + 1;
        }
        self.tables_until = self.tables_until.max(from.min(bytes.len()));
    }

    /// What the names of the columns call.
    fn head(&mut self, names: &[u8], sign: u8) -> Head {
        let keyed = self.active & self.rules.keyed_in_text;
        // Amex calls its code CID; in a table it is far more often a customer's id. Nor is a postal code a PIN.
        let other = |name: &[u8]| {
            name.eq_ignore_ascii_case(b"cid")
                || postal::is_code(name, b"560001", names)
                || check_code::is_code(name, b"373", names)
        };
        let calls = |name: &[u8]| if other(name) { 0 } else { self.keys.facts(self.rules, name).keyed & keyed };
        names.split(|byte| *byte == sign).take(MAX_COLUMNS).map(bare).map(calls).collect()
    }

    /// The cell `start..end` of a column whose name calls `rules`.
    fn cell(&mut self, start: usize, end: usize, rules: u64) {
        let Some(cell) = self.bytes.get(start..end).filter(|_| rules != 0) else { return };
        let value = bare(cell);
        if let Some(rule) = self.first(self.rules.fitting(rules, value))
            && let Some(from) = memchr::memmem::find(cell, value).map(|from| start + from)
        {
            self.found.push(Finding {
                start: from,
                end: from + value.len(),
                rule,
                view: self.view,
                shape: Shape::Whole,
            });
        }
    }
}

/// Whether what stands before a number, or before the word that it is in, begins a cell.
fn is_cell(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    let word = before.iter().rev().take(MAX_WORD).take_while(|sign| sign.is_ascii_alphanumeric()).count();
    let before = before.get(..at - word).unwrap_or_default();
    let before = match before {
        [before @ .., b'"' | b'\'' | b'`'] => before,
        before => before,
    };
    let before = before.strip_suffix(b" ").unwrap_or(before);
    matches!(before.last(), Some(b',' | b'(' | b';' | b'|' | b'\t' | b'\n'))
}

/// Where the values begin behind the next bracket, if nothing but blanks and a comma stand before it.
fn opening(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let blanks = rest.iter().take(MAX_BLANKS).take_while(|b| b.is_ascii_whitespace() || **b == b',').count();
    (rest.get(blanks) == Some(&b'(')).then_some(from + blanks + 1)
}

/// Where the value of a tuple ends: at a comma or bracket outside quotes and other brackets.
fn value_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let (mut quote, mut depth) = (None, 0usize);
    for (at, &byte) in rest.iter().enumerate() {
        match (byte, quote) {
            (sign, Some(open)) if sign == open => quote = None,
            (_, Some(_)) => {}
            (b'\'' | b'"', None) => quote = Some(byte),
            (b'(', None) => depth += 1,
            (b')', None) if depth > 0 => depth -= 1,
            (b',' | b')', None) if depth == 0 => return from + at,
            _ => {}
        }
    }
    bytes.len()
}

/// A name or value without quotes, brackets and blanks.
fn bare(cell: &[u8]) -> &[u8] {
    let outer = |byte: &u8| {
        byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'[' | b']' | b'(' | b')' | b'{' | b'}')
    };
    let start = cell.iter().position(|byte| !outer(byte)).unwrap_or(cell.len());
    let end = cell.iter().rposition(|byte| !outer(byte)).map_or(start, |last| last + 1);
    cell.get(start..end).unwrap_or_default()
}
