//! Values before another one that the same key names: `cvv 737 -> 738`, `expected cvv 737 but got 738`, `"cvv": [null, 738]`.
//!
//! Read from the later value back, and only where a key ends near. A comma joins within the brackets of a list alone: behind
//! `cvv=737, 404` another field begins.

use super::joins::{self, Ends, last_word, opened, sign_of, word_of};

/// Values of a list that are passed over.
const MAX_ITEMS: usize = 8;
/// Words between two values.
const MAX_WORDS: usize = 3;
/// Bytes before a value in which others are looked for.
const REACH: usize = 96;
/// Words between two values: one of the first at least.
const STRONG: Ends = Ends::of(&["to", "new", "got", "actual", "received", "vs", "expected", "now", "新"]);
const WEAK: Ends = Ends::of(&["but", "not", "was", "is", "value", "instead"]);
const BUT_WAS: [&[u8]; 2] = [b" but was", b" but is"];
/// What parts two values that are compared.
const COMPARED: Ends = Ends::of(&["!=", "<>", "≠", "=="]);
/// The Chinese "changed to".
const CHANGED: Ends = Ends::of(&["改为", "改成", "变为", "变成", "变更为", "更改为", "更新为", "修改为"]);
const SET: Ends = Ends::of(&[":", "="]);
const PARTED: Ends = Ends::of(&[",", ";"]);
const QUOTED: Ends = Ends::of(&["\"", "'"]);
/// What stands for no value.
const NOTHING: [&str; 5] = ["null", "nil", "none", "undefined", "empty"];

/// What stands before a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Earlier {
    pub(super) start: usize,
    pub(super) end: usize,
    /// It is the only one before the value in the brackets of both, and quoted, as the name in a pair is: `["pin", 1234]`.
    pub(super) pair: bool,
}

/// What stands before the value at `at`, where a link between the two says that they belong together.
pub(super) fn earlier(bytes: &[u8], at: usize) -> Option<Earlier> {
    let low = at.saturating_sub(REACH);
    let before = opened(bytes.get(low..at)?);
    let found = match before.strip_suffix(b",") {
        Some(items) => first_of(items)?,
        None => item(linked(before)?)?,
    };
    Some(Earlier { start: low + found.start, end: low + found.end, ..found })
}

/// Whether it stands for no value.
pub(super) fn is_nothing(value: &[u8]) -> bool {
    NOTHING.iter().any(|known| value.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether what follows a value says that another one took its place.
pub(super) fn changes(behind: &[u8]) -> bool {
    let rest = behind.get(..16).unwrap_or(behind);
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest).trim_ascii_start();
    // Mostly another field begins: what is looked for begins with none of its signs.
    if !rest.first().is_some_and(|sign| matches!(sign, b'-' | b'=' | b'~' | b'<' | b't') || !sign.is_ascii()) {
        return false;
    }
    let begins = |sign: &str| rest.starts_with(sign.as_bytes());
    joins::ARROWS.names.iter().chain(CHANGED.names).any(|sign| begins(sign)) || begins("to ")
}

/// Without the arrow, or the words, between two values.
fn linked(before: &[u8]) -> Option<&[u8]> {
    if let Some(head) = [&joins::ARROWS, &COMPARED, &CHANGED].into_iter().find_map(|signs| sign_of(before, signs)) {
        return Some(head);
    }
    let mut head = joins::blank(sign_of(before, &SET).unwrap_or(before));
    // What was expected stands before that.
    let mut strong = BUT_WAS.iter().any(|known| head.ends_with(known));
    for _ in 0..MAX_WORDS {
        let (inner, is_strong) = match word_of(head, &STRONG) {
            Some(inner) => (inner, true),
            None => match word_of(head, &WEAK) {
                Some(inner) => (inner, false),
                None => break,
            },
        };
        (head, strong) = (inner, strong || is_strong);
    }
    strong.then(|| sign_of(head, &PARTED).unwrap_or(head))
}

/// The first item of a list that `before` ends with the last items of.
fn first_of(mut before: &[u8]) -> Option<Earlier> {
    for count in 0..MAX_ITEMS {
        let found = item(before)?;
        let head = before.get(..found.start)?;
        let quoted = sign_of(head, &QUOTED).is_some();
        let head = joins::blank(unquoted(head));
        match head.last()? {
            b'[' | b'(' => return Some(Earlier { pair: count == 0 && quoted, ..found }),
            b',' => before = head.get(..head.len() - 1)?,
            _ => return None,
        }
    }
    None
}

/// The value that `before` ends with, without its quotes.
fn item(before: &[u8]) -> Option<Earlier> {
    let value = unquoted(joins::blank(before));
    // `expected:<737>`
    let value = value.strip_suffix(b">").filter(|inner| last_word(inner).1.ends_with(b"<")).unwrap_or(value);
    let (word, _) = last_word(value);
    // Chinese is written together with it.
    let word = word.iter().rposition(|sign| !sign.is_ascii()).and_then(|last| word.get(last + 1..)).unwrap_or(word);
    let head = value.get(..value.len() - word.len())?;
    (!word.is_empty()).then_some(Earlier { start: head.len(), end: value.len(), pair: false })
}

pub(super) fn unquoted(before: &[u8]) -> &[u8] {
    let quotes = before.iter().rev().take(4).take_while(|sign| matches!(sign, b'"' | b'\'' | b'`' | b'\\')).count();
    before.get(..before.len() - quotes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_a_value_is_read_over_what_links_them() {
        for (text, before, pair) in [
            ("cvv: \"987\" → \"", "987", false),
            ("pin changed: 8573 -> ", "8573", false),
            ("expected cvv 824 but got ", "824", false),
            ("expected: 581 actual: ", "581", false),
            ("expected 581, got ", "581", false),
            ("from 326 to ", "326", false),
            ("由1234改为", "1234", false),
            ("cvv mismatch: 737 != '", "737", false),
            ("{\"cvv\":[985,", "985", false),
            ("changed cvv: [nil, \"950\", \"", "nil", false),
            ("[\"pin\",", "pin", true),
            ("('cvv', b'", "cvv", true),
            ("cvv=737, ", "", false),
            ("cvv 737 ", "", false),
            ("cvv 737 but ", "", false),
            ("expected cvv 737 but was ", "737", false),
            ("expected:<737> but was:<", "737", false),
            ("", "", false),
        ] {
            let found = earlier(text.as_bytes(), text.len());
            let word = found.map_or("", |found| &text[found.start..found.end]);
            assert_eq!((word, found.is_some_and(|found| found.pair)), (before, pair), "{text}");
        }
    }
}
