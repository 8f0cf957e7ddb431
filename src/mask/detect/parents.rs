//! What a member that says nothing by itself belongs to: `"phone": {"country_code": "1", "number": "…"}`, the same in YAML, and the
//! section of an INI or TOML file.
//!
//! Read back from the member's name, which few numbers have; lines and bytes that are looked at are few.

use std::ops::Range;

use super::Scan;
use super::given::{CodeName, is_one_of};
use super::remote_keys::is_status;
use super::words::is_word;
use crate::mask::rules::Validator;

/// Names of members that hold the number of what they are in.
const MEMBERS: [&str; 14] = [
    "number",
    "subscriber",
    "num",
    "no",
    "nummer",
    "numero",
    "numéro",
    "número",
    "nationalnumber",
    "national_number",
    "subscribernumber",
    "subscriber_number",
    "localnumber",
    "local_number",
];
/// Those that hold its value, whatever that is.
const VALUES: [&str; 5] = ["value", "number", "raw", "plain", "data"];
/// Those that are a code's only together with the names of the objects that they are in.
const CODES: [&str; 5] = ["code", "value", "number", "data", "block"];
/// Digits of a card's code.
const CODE: usize = 3;
/// Signs of a PIN block.
const SHORTEST_BLOCK: usize = 16;
/// Objects around a member whose names are read.
pub(in crate::mask) const MAX_OBJECTS: usize = 2;
/// Bytes between brackets, and before a member on a line of its own.
const REACH: usize = 64;
const BLOCK: usize = 160;
/// Lines before a member.
const MAX_LINES: usize = 8;

/// Whether a member of this name may be a code's together with the names of the objects around it.
pub(in crate::mask) fn is_part_of_code(member: &[u8]) -> bool {
    is_one_of(member, &CODES)
}

impl Scan<'_, '_> {
    /// Whether a value at `at` may stand behind such a member.
    pub(super) fn may_be_in_objects(&self, at: usize) -> bool {
        self.part_of_code(at).is_some()
    }

    /// Where the name of such a member begins.
    fn part_of_code(&self, at: usize) -> Option<usize> {
        if matches!(self.byte_before(at), b'"' | b'\'' | b':' | b' ') { member(self.bytes, at, &CODES) } else { None }
    }

    /// The rule whose key the name of a value's member is together with those of the objects that it is in:
    /// `{"card":{"security":{"code":"737"}}}`.
    pub(super) fn keyed_by_objects(&mut self, at: usize, token: &[u8]) -> Option<u8> {
        let rules = self.rules.fitting(self.active & self.rules.keyed_in_text, token);
        let mut head = self.part_of_code(at).filter(|_| rules != 0)?;
        let length = self.bytes.get(head..at)?.iter().take_while(|sign| is_word(**sign)).count();
        let mut name = self.bytes.get(head..head + length)?.to_vec();
        // A number alone that servers answer with is a status, and what is shorter than a block is none.
        let bare = !matches!(self.byte_before(at), b'"' | b'\'');
        if (bare && is_status(token)) || (name.eq_ignore_ascii_case(b"block") && token.len() < SHORTEST_BLOCK) {
            return None;
        }
        for _ in 0..MAX_OBJECTS {
            // What lines hold may be the code of an error as well, which has four digits more often.
            let block = || if token.len() == CODE { block_of(self.bytes, head) } else { None };
            let parent = self.object_of(head).or_else(block)?;
            head = parent.start;
            name = [self.bytes.get(parent)?, b".", &name].concat();
            if let Some(rule) = self.first(self.rules.named_or_judged(&name) & rules) {
                return (!self.is_other(rule, &name, token, b"")).then_some(rule);
            }
        }
        None
    }

    /// The name of what holds the number at `at` as its `number` or `subscriber`.
    pub(super) fn parent_of(&self, at: usize) -> Option<Range<usize>> {
        let head = member(self.bytes, at, &MEMBERS)?;
        self.object_of(head).or_else(|| block_of(self.bytes, head))
    }

    /// The rules that the name vouches for which another member gives to a value at `at`; for a card number also the name of the object in
    /// which it is the value. `"contact": {"value": …}` may be anything.
    pub(super) fn lift_beside(&mut self, at: usize, rules: u64) -> u64 {
        let (name, rules) = match self.name_of_code(at, rules) {
            Some(CodeName::Given(start, end)) => (start..end, rules),
            Some(CodeName::Object(open)) => {
                let signs = self.bytes.iter().take(open).rev().take(REACH).take_while(|sign| is_sign(**sign)).count();
                let Some(name) = word_before(self.bytes, open - signs) else { return 0 };
                (name, self.with(Validator::Pan) & rules)
            }
            None => return 0,
        };
        self.keys.facts(self.rules, self.bytes.get(name).unwrap_or_default()).lift & rules
    }

    /// The name of the block of lines that holds the code at `at` as its value.
    pub(super) fn block_of_code(&self, at: usize) -> Option<Range<usize>> {
        let head = member(self.bytes, at, &VALUES)?;
        block_of(self.bytes, head)
    }

    /// The name of the object in which a member begins at `head`, behind other members.
    fn object_of(&self, head: usize) -> Option<Range<usize>> {
        let low = head.saturating_sub(REACH);
        let before = self.bytes.get(low..head)?;
        let open = before.iter().rposition(|sign| matches!(sign, b'{' | b'}' | b'[' | b']'))?;
        if before.get(open) != Some(&b'{') {
            return None;
        }
        let end = before.get(..open)?.iter().rposition(|sign| !is_sign(*sign))? + 1;
        word_before(self.bytes, low + end)
    }
}

/// Where the name of the member begins that a value at `at` belongs to, if it is one of `names`.
fn member(bytes: &[u8], at: usize, names: &[&str]) -> Option<usize> {
    let before = bytes.get(at.saturating_sub(REACH)..at)?;
    let signs = before.iter().rev().take_while(|sign| is_sign(**sign)).count();
    let name = before.get(..before.len() - signs)?;
    // Most names end with another letter.
    matches!(name.last()? | 0x20, b'r' | b'm' | b'o' | b'e' | b'w' | b'n' | b'a' | b'k').then_some(())?;
    let word = name.iter().rev().take_while(|sign| is_word(**sign)).count();
    let name = name.get(name.len() - word..)?;
    (signs > 0 && is_one_of(name, names)).then(|| at - signs - word)
}

/// The line above that a member belongs to which begins at `head`, alone on its line: the next one before it that is indented less
/// and ends with a colon, or a section's head.
fn block_of(bytes: &[u8], head: usize) -> Option<Range<usize>> {
    let low = head.saturating_sub(BLOCK);
    let mut end = line_start(bytes, low, head)?;
    let own = bytes.get(end..head)?;
    // The hyphen of an item is indented as the lines behind it are.
    let indent = own.iter().take_while(|sign| blank(**sign) || **sign == b'-').count();
    if own.iter().skip(indent).any(|sign| !matches!(sign, b'"' | b'\'')) {
        return None;
    }
    for _ in 0..MAX_LINES {
        let last = end.checked_sub(1)?;
        let start = line_start(bytes, low, last)?;
        let line = bytes.get(start..last)?.trim_ascii_end();
        end = start;
        let inner = line.trim_ascii_start();
        match inner {
            [] => continue,
            [b'[', .., b']'] => {
                return word_before(bytes, start + line.len() - 1 - usize::from(inner.ends_with(b"]]")));
            }
            _ if line.len() - inner.len() >= indent => continue,
            [name @ .., b':'] => {
                let quotes = name.iter().rev().take_while(|sign| is_sign(**sign)).count();
                return word_before(bytes, start + line.len() - 1 - quotes);
            }
            _ => return None,
        }
    }
    None
}

/// Where the line begins that `end` is in, not before `low` unless that is the text's start.
fn line_start(bytes: &[u8], low: usize, end: usize) -> Option<usize> {
    match memchr::memrchr(b'\n', bytes.get(low..end)?) {
        Some(before) => Some(low + before + 1),
        None => (low == 0).then_some(0),
    }
}

/// The word that ends at `end`.
fn word_before(bytes: &[u8], end: usize) -> Option<Range<usize>> {
    let word = bytes.get(..end)?.iter().rev().take(REACH).take_while(|sign| is_word(**sign)).count();
    (word > 0).then_some(end - word..end)
}

fn is_sign(sign: u8) -> bool {
    matches!(sign, b'"' | b'\'' | b'\\' | b':' | b'=' | b' ')
}

fn blank(sign: u8) -> bool {
    matches!(sign, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_belongs_to_the_line_above_that_is_indented_less() {
        for (text, name) in [
            ("payment:\n  card:\n    number: ", "card"),
            ("card:\n  exp: 12/27\n  holder: x\n  number: '", "card"),
            ("\"card\":\n  \"number\": \"", "card"),
            ("cards:\n  - number: ", "cards"),
            ("[card]\nnumber = \"", "card"),
            ("[[payment.card]]\nexp = 1\n\nnumber=", "card"),
            ("a: 1\n  number: ", ""),
            ("card:\nx: 1\nnumber: ", ""),
            ("card: x number: ", ""),
            ("card:\n  the number: ", ""),
            ("number: ", ""),
        ] {
            let found = member(text.as_bytes(), text.len(), &MEMBERS).and_then(|head| block_of(text.as_bytes(), head));
            assert_eq!(found.map_or("", |range| &text[range]), name, "{text}");
        }
    }
}
