//! Values of SQL statements: in tuples behind the names of their columns, or where loggers and exceptions write what was bound to
//! the placeholders, by their names (`$2 = '737'`) or in their order (`[parameters: ('DOE', '737')]`).

use super::columns::{Column, Head, MAX_COLUMNS, MAX_HEAD};
use super::given::is_one_of;
use super::keyed::KEY;
use super::tables::{self, opening, placeholder, value_end};
use super::words::is_word;
use super::{Scan, marker};

/// Tuples of one statement whose placeholders are looked for.
const MAX_TUPLES: usize = 8;
/// Lists behind a statement that may be its values.
const MAX_LISTS: usize = 8;

/// A placeholder, and what the name of its column says of the value.
struct Slot<'b> {
    name: &'b [u8],
    column: Column,
}

impl Slot<'_> {
    fn is_positional(&self) -> bool {
        matches!(self.name, b"?" | b"%s")
    }
}

impl Scan<'_, '_> {
    /// Reads the statement before the number at `at`, and its values.
    pub(super) fn statement(&mut self, low: usize, at: usize) -> Option<usize> {
        self.tuples(low, at).or_else(|| self.assignments(low, at))
    }

    /// `(a, cvv) VALUES ('1', '737'), ('2', '738')`, `SET (a, cvv) = ('1', '737')`
    fn tuples(&mut self, low: usize, at: usize) -> Option<usize> {
        const JOINTS: [&[u8]; 4] = [b"VALUES", b"values", b") = (", b")=("];
        let bytes = self.bytes;
        let between = bytes.get(low..at)?;
        // Most texts have no brackets.
        let between = between.get(..=memchr::memrchr(b'(', between)?)?;
        // Where the names end, and what joins them to the values.
        let ends = |joint: &&[u8]| {
            let at = low + memchr::memmem::rfind(between, joint)?;
            let bracket = usize::from(joint.starts_with(b")"));
            Some((at + bracket, at + joint.len() - bracket))
        };
        let (names, values) = JOINTS.iter().filter_map(ends).max()?;
        let names = tables::within_brackets(bytes.get(names.saturating_sub(MAX_HEAD)..names)?.trim_ascii_end())?;
        let head: Head = self.head(names.split(|byte| *byte == b','), names)?;
        let mut from = values;
        let mut slots = Vec::new();
        let mut tuples = 0;
        while let Some(open) = opening(bytes, from).filter(|open| bytes.get(open - 1) == Some(&b'(')) {
            if tuples < MAX_TUPLES {
                slots.extend(tables::items(bytes, open).zip(&head).filter_map(|(item, column)| {
                    let item = item.trim_ascii();
                    Some(Slot { name: item.get(..placeholder(item)?)?, column: *column })
                }));
            }
            tuples += 1;
            from = self.tuple(&head, open);
        }
        Some(self.bound(&slots, from))
    }

    /// `SET cvv = $1 WHERE id = $2`
    fn assignments(&mut self, low: usize, at: usize) -> Option<usize> {
        let bytes = self.bytes;
        let low = low.max(at.saturating_sub(MAX_HEAD));
        let statement = bytes.get(low..at)?;
        let mut slots = Vec::new();
        let mut behind = 0;
        let mut from = 0;
        while let Some(place) =
            statement.get(from..)?.iter().position(|sign| matches!(sign, b'?' | b'%' | b'$' | b'@' | b':'))
        {
            let start = from + place;
            from = start + 1;
            let (Some(length), Some(before)) = (statement.get(start..).and_then(placeholder), statement.get(..start))
            else {
                continue;
            };
            let name = statement.get(start..start + length)?;
            let column = assigned(before);
            let slot = Slot { name, column: column.map_or(Column::default(), |name| self.column(name, name)) };
            if column.is_some() || slot.is_positional() {
                if slots.len() == MAX_COLUMNS {
                    return None;
                }
                slots.push(slot);
                (from, behind) = (start + length, low + start + length);
            }
        }
        (behind > 0).then(|| self.bound(&slots, behind)).filter(|until| *until > behind)
    }

    /// Finds what was bound to the placeholders of a statement that ends before `behind`; the place behind it.
    fn bound(&mut self, slots: &[Slot<'_>], behind: usize) -> usize {
        if slots.iter().all(|slot| slot.column.keyed == 0) {
            behind
        } else if slots.iter().all(Slot::is_positional) {
            self.bound_in_order(slots, behind)
        } else {
            self.bound_by_name(slots, behind)
        }
    }

    /// `$2 = '737'`, `@p1=N'737'`
    fn bound_by_name(&mut self, slots: &[Slot<'_>], behind: usize) -> usize {
        let bytes = self.bytes;
        let near = near(bytes, behind);
        let mut until = behind;
        for sign in memchr::memchr_iter(b'=', near.get(behind..).unwrap_or_default()).take(MAX_COLUMNS) {
            let sign = behind + sign;
            let name = near.get(until..sign).unwrap_or_default().trim_ascii_end();
            let is_bound = |slot: &&Slot<'_>| {
                slot.column.keyed != 0 && !slot.is_positional() && tables::ends_with_name(name, slot.name)
            };
            let Some(slot) = slots.iter().find(is_bound) else { continue };
            let blank = near.get(sign + 1..).unwrap_or_default().iter().take_while(|sign| **sign == b' ').count();
            let start = sign + 1 + blank;
            let start = start + usize::from(near.get(start..start + 2) == Some(b"N'"));
            until = value_end(near, start);
            self.bound_value(start, until, slot.column);
        }
        until
    }

    /// `[parameters: [('DOE', '737'), ('ROE', '738')]]`, `==> Parameters: DOE(String), 737(String)`
    fn bound_in_order(&mut self, slots: &[Slot<'_>], behind: usize) -> usize {
        let bytes = self.bytes;
        let near = near(bytes, behind);
        let mut until = behind;
        for tuple in 0..MAX_TUPLES {
            // Several records are written by one statement.
            let next = if tuple > 0 { opening(near, until + 1) } else { None };
            let next = next.and_then(|first| values(near, first, slots.len()));
            let Some(values) = next.or_else(|| called(near, until, slots.len())) else { break };
            for ((start, end), slot) in values.iter().zip(slots) {
                self.bound_value(*start, *end, slot.column);
                until = *end;
            }
        }
        until
    }

    /// A value of which the place in a list tells no more than its name: it says nothing against what else may be found there.
    fn bound_value(&mut self, start: usize, end: usize, column: Column) {
        let value = self.bytes.get(start..end).map_or(0, |value| untyped(value).len());
        self.cell(start, start + value, column.named());
    }
}

/// The `count` values that were bound to a statement which ends before `from`: on a line that says so, in a list that is called so, or
/// in one right behind it.
fn called(near: &[u8], from: usize, count: usize) -> Option<Vec<(usize, usize)>> {
    const LINE: &[u8] = b"arameters: ";
    const NAMES: [&str; 10] =
        ["parameters", "params", "args", "arguments", "bindings", "binds", "bind", "values", "with", "vars"];
    let rest = near.get(from..)?;
    let line = || {
        let first = from + memchr::memmem::find(rest, LINE)? + LINE.len();
        let line = memchr::memchr(b'\n', near.get(first..)?).map_or(near.len(), |line| first + line);
        values(near.get(..line)?, first, count)
    };
    let is_called = |open: &usize| {
        let before = rest.get(..*open).unwrap_or_default();
        let end = before.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1);
        let name = before.get(..end).unwrap_or_default();
        let length = name.iter().rev().take(KEY).take_while(|sign| sign.is_ascii_alphabetic()).count();
        end == 0 || is_one_of(name.get(end - length..).unwrap_or_default(), &NAMES)
    };
    let lists = memchr::memchr2_iter(b'[', b'(', rest).take(MAX_LISTS).filter(is_called);
    line().or_else(|| lists.map(|open| from + open + 1).find_map(|first| values(near, first, count)))
}

/// The `count` values of a list of which the first one begins at `first`: no list of others, nor what names one.
fn values(bytes: &[u8], first: usize, count: usize) -> Option<Vec<(usize, usize)>> {
    /// Bytes that a value takes, with its type.
    const LONGEST: usize = 64;
    let near = bytes.get(..bytes.len().min(first + count * LONGEST))?;
    let mut values = Vec::with_capacity(count);
    let mut from = first;
    loop {
        let end = value_end(near, from);
        let value = untyped(near.get(from..end)?).trim_ascii();
        let whole = matches!(value, [b'\'' | b'"', ..]) || marker::begins(value);
        if value.ends_with(b":") || (!whole && value.iter().any(|sign| matches!(sign, b'(' | b'['))) {
            return None;
        }
        // Python: `('737',)`.
        if !value.is_empty() {
            values.push((from, end));
        }
        if near.get(end) != Some(&b',') {
            return (values.len() == count).then_some(values);
        }
        if values.len() > count {
            return None;
        }
        from = end + 1;
    }
}

/// The text up to as far behind a statement as its values may stand.
fn near(bytes: &[u8], behind: usize) -> &[u8] {
    bytes.get(..bytes.len().min(behind + MAX_HEAD)).unwrap_or_default()
}

/// The column that `before` sets or compares: `"cards"."cvv" = `.
fn assigned(before: &[u8]) -> Option<&[u8]> {
    let name = before.trim_ascii_end().strip_suffix(b"=")?.trim_ascii_end();
    let name = match name {
        [name @ .., b'"' | b'`' | b']' | b'<' | b'!'] => name,
        name => name,
    };
    let length = name.iter().rev().take(KEY).take_while(|sign| is_word(**sign)).count();
    name.get(name.len() - length..)
}

/// A value without the type that is written behind it: `737(String)`, `'737' (Size = 4)`.
fn untyped(value: &[u8]) -> &[u8] {
    let typed = value.trim_ascii_end().strip_suffix(b")");
    let open = typed.and_then(|typed| memchr::memrchr(b'(', typed)).filter(|open| *open > 0);
    open.and_then(|open| value.get(..open)).unwrap_or(value)
}
