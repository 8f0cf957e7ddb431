//! Names that are given to a value beside it: `{"name": "cvv", "value": "737"}`, `<field name="cvv">737`, `<input name="cvv"
//! maxlength="4" value="737">`, `Param[name=cvv, value=737]`, or the line before in YAML.
//!
//! What is between the brackets around the value is read once, where the value stands behind the word for one.

use super::words::is_word;
use super::{Scan, marker};

/// Bytes before a value and behind it in which its name may be given.
const REACH: usize = 256;

/// Whether a member of this name gives the name of the value that another one holds.
pub(in crate::mask) fn gives_name(member: &[u8]) -> bool {
    const NAMES: [&str; 11] = [
        "k",
        "field",
        "param",
        "label",
        "id",
        "path",
        "attribute",
        "property",
        "placeholder",
        "autocomplete",
        "parameter",
    ];
    ends_with(member, b"name") || ends_with(member, b"key") || is_one_of(member, &NAMES)
}

/// Whether a member of this name holds a value that another one gives a name to.
pub(in crate::mask) fn holds_value(member: &[u8]) -> bool {
    const VALUES: [&str; 6] = ["val", "v", "data", "content", "text", "string"];
    // What a value may be at most is none.
    let limit = || ["min", "max"].iter().any(|bound| starts_with(member, bound.as_bytes()));
    ((ends_with(member, b"value") || starts_with(member, b"value")) && !limit()) || is_one_of(member, &VALUES)
}

/// What gives a name to a code beside it too: there the name alone tells, so that a wider choice of members does no harm.
fn gives_code(member: &[u8]) -> bool {
    gives_name(member)
        || ends_with(member, b"path")
        || is_one_of(member, &["title", "code", "question", "prompt", "caption", "contacttype", "contact_type"])
        || is_one_of(member, &["type", "system", "kind", "column", "col", "loc", "n", "attr", "pointer"])
}

/// What holds a code that another member gives a name to, or the object around it: a value before and after a change, what was
/// entered, what was compared.
fn holds_code(member: &[u8]) -> bool {
    const STATES: [&str; 18] = [
        "old", "new", "before", "after", "from", "to", "number", "actual", "expected", "received", "previous",
        "current", "eq", "ne", "entered", "was", "now", "answer",
    ];
    holds_value(member)
        || ends_with(member, b"input")
        || is_one_of(member, &["given", "inner"])
        || is_one_of(member, &STATES)
}

pub(super) fn is_one_of(word: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

fn ends_with(word: &[u8], end: &[u8]) -> bool {
    word.len()
        .checked_sub(end.len())
        .and_then(|from| word.get(from..))
        .is_some_and(|last| last.eq_ignore_ascii_case(end))
}

fn starts_with(word: &[u8], start: &[u8]) -> bool {
    word.get(..start.len()).is_some_and(|first| first.eq_ignore_ascii_case(start))
}

/// The names that are given between two brackets, in their order.
struct Names {
    at: usize,
    close: usize,
    /// Those of a code.
    code: bool,
}

impl Names {
    /// Those of a value at `at`.
    fn of(bytes: &[u8], at: usize, code: bool) -> Option<Self> {
        let low = at.saturating_sub(REACH);
        let before = bytes.get(low..at)?;
        let given = |before: &[u8]| before.iter().rposition(|sign| !is_given_by(*sign)).map(|last| last + 1);
        let mut end = given(before)?;
        if let Some(arrow) = before.get(..end)?.strip_suffix(b"=>") {
            end = given(arrow)?;
        }
        if before.get(end - 1) == Some(&b'>') {
            let open = before.iter().rposition(|sign| *sign == b'<')?;
            return Some(Self { at: low + open + 1, close: at, code });
        }
        let word = before.get(..end)?.iter().rev().take_while(|sign| is_word(**sign)).count();
        let member = before.get(end - word..end)?;
        if !(if code { holds_code(member) } else { holds_value(member) }) {
            return None;
        }
        let behind = bytes.get(at..)?.iter().take(REACH);
        let close = at + behind.take_while(|sign| !matches!(sign, b'}' | b']' | b')' | b'>' | b'\n')).count();
        let head = before.get(..end - word)?;
        let open = opening(head).or_else(|| line_before(head))?;
        Some(Self { at: low + open, close, code })
    }

    fn next(&mut self, bytes: &[u8]) -> Option<(usize, usize)> {
        while self.at < self.close {
            let length = |from: usize, is: &dyn Fn(u8) -> bool| {
                bytes.get(from..self.close).unwrap_or_default().iter().take_while(|sign| is(**sign)).count()
            };
            let word = self.at + length(self.at, &is_word);
            let value = word + length(word, &|sign| is_given_by(sign) || sign == b'>');
            let between = bytes.get(word..value)?;
            let member = bytes.get(self.at..word)?;
            let given = between.iter().any(|sign| matches!(sign, b':' | b'='))
                && if self.code { gives_code(member) } else { gives_name(member) };
            // What stands in place of a code is a value.
            if given && marker::begins(bytes.get(value..)?) {
                self.at = value + 1;
                continue;
            }
            if given && self.code && bytes.get(value) == Some(&b'[') {
                // The last part of a path: `"loc": ["body", "cvv"]`.
                let list = length(value, &|sign| sign != b']');
                let parts = bytes.get(value..value + list)?;
                let end = parts.iter().rposition(|sign| is_word(*sign)).map_or(0, |last| last + 1);
                let part = parts.iter().take(end).rev().take_while(|sign| is_word(**sign)).count();
                self.at = value + list.max(1);
                return Some((value + end - part, value + end));
            }
            if given {
                let quoted = between.last().is_some_and(|sign| matches!(sign, b'"' | b'\''));
                let ends = |sign: u8| match sign {
                    b'"' | b'\'' | b'\\' | b'>' | b'<' | b'\n' => true,
                    b',' | b';' | b')' | b']' | b' ' => !quoted,
                    _ => false,
                };
                let end = value + length(value, &|sign| !ends(sign));
                self.at = end.max(value);
                // The path of a request, as that of a file, is no name: what it received is counted.
                if self.code && member.eq_ignore_ascii_case(b"path") && bytes.get(value) == Some(&b'/') {
                    continue;
                }
                return Some((value, end));
            }
            self.at = word.max(self.at + 1);
        }
        None
    }
}

/// Whether a name may be given to a value or code at `at`: it stands in brackets, behind a word for one.
pub(super) fn may_be_named(bytes: &[u8], at: usize) -> bool {
    Names::of(bytes, at, true).is_some()
}

/// Where the bracket is open behind which `before` ends: the place behind it.
fn opening(before: &[u8]) -> Option<usize> {
    let mut shut = 0usize;
    for (at, sign) in before.iter().enumerate().rev() {
        match sign {
            b'>' if at > 0 && matches!(before.get(at - 1), Some(b'=' | b'-')) => {}
            b'}' | b']' | b')' | b'>' => shut += 1,
            b'{' | b'[' | b'(' | b'<' if shut == 0 => return Some(at + 1),
            b'{' | b'[' | b'(' | b'<' => shut -= 1,
            _ => {}
        }
    }
    None
}

/// Where the line before the one begins that `before` ends with, if only blanks stand in that.
fn line_before(before: &[u8]) -> Option<usize> {
    let last = memchr::memrchr(b'\n', before)?;
    let blank = before.get(last..)?.iter().all(u8::is_ascii_whitespace);
    blank.then(|| memchr::memrchr(b'\n', before.get(..last).unwrap_or_default()).map_or(0, |line| line + 1))
}

/// The name on the line above the one in which a bracket is open with the type of an error, as Pydantic reports a value:
/// `card.cvv`, and on the next line `String should have … [type=string_too_short, input_value='73', …`.
fn line_above(bytes: &[u8], open: usize) -> Option<(usize, usize)> {
    bytes.get(open..)?.starts_with(b"[type=").then_some(())?;
    let low = open.saturating_sub(REACH);
    let end = low + memchr::memrchr(b'\n', bytes.get(low..open)?)?;
    let word = bytes.get(low..end)?.iter().rev().take_while(|sign| is_word(**sign)).count();
    (word > 0).then_some((end - word, end))
}

impl Scan<'_, '_> {
    /// Whether a value at `at` may stand behind the word for one, or a tag: what these end with.
    pub(super) fn may_be_given(&self, at: usize) -> bool {
        const BLANKS: usize = 32;
        let before = self.bytes.get(at.saturating_sub(BLANKS)..at).unwrap_or_default();
        let sign = before.iter().rev().find(|sign| !is_given_by(**sign));
        matches!(
            sign,
            Some(b'>' | b'e' | b'l' | b'v' | b'a' | b't' | b'g' | b'r' | b'y' | b'E' | b'L' | b'V' | b'A' | b'T')
        )
    }

    /// The name that is given to a value at `at`: one that speaks for `rules`, or that speaks against them, or any.
    #[inline]
    pub(super) fn name_of(&mut self, at: usize, rules: u64) -> Option<(usize, usize)> {
        if self.may_be_given(at) { self.given_name(at, rules) } else { None }
    }

    #[inline(never)]
    fn given_name(&mut self, at: usize, rules: u64) -> Option<(usize, usize)> {
        let mut names = Names::of(self.bytes, at, false)?;
        let (mut first, mut against) = (None, None);
        while let Some((start, end)) = names.next(self.bytes) {
            let facts = self.keys.facts(self.rules, self.bytes.get(start..end)?);
            if (facts.lift | facts.near | facts.keyed) & rules != 0 {
                return Some((start, end));
            }
            first = first.or(Some((start, end)));
            against = against.or((facts.against & rules != 0).then_some((start, end)));
        }
        against.or(first)
    }
}

impl Scan<'_, '_> {
    /// The name that is given to a code at `at` by a member beside it, or where the object is open that holds nothing else than the
    /// states of a code: the place that it has for who looks for its key.
    pub(super) fn name_of_code(&mut self, at: usize, rules: u64) -> Option<CodeName> {
        let mut names = Names::of(self.bytes, at, true)?;
        let open = names.at.checked_sub(1)?;
        while let Some((start, end)) = names.next(self.bytes) {
            let facts = self.keys.facts(self.rules, self.bytes.get(start..end)?);
            if (facts.keyed | facts.lift) & rules != 0 {
                return Some(CodeName::Given(start, end));
            }
        }
        match self.bytes.get(open)? {
            b'{' => Some(CodeName::Object(open)),
            b'[' => {
                let name = line_above(self.bytes, open)?;
                let facts = self.keys.facts(self.rules, self.bytes.get(name.0..name.1)?);
                ((facts.keyed | facts.lift) & rules != 0).then_some(CodeName::Given(name.0, name.1))
            }
            _ => None,
        }
    }

    /// The name of a pair in brackets, of which the value at `at` is the other part: `('phone', '…')`.
    #[inline]
    pub(super) fn name_in_pair(&self, at: usize) -> Option<(usize, usize)> {
        if matches!(self.byte_before(at), b'"' | b'\'') { self.name_beside(at) } else { None }
    }

    #[inline(never)]
    fn name_beside(&self, at: usize) -> Option<(usize, usize)> {
        let before = self.bytes.get(..at)?;
        let (head, quote) = before.split_at_checked(at.checked_sub(1)?)?;
        let quote = quote.first().copied().filter(|sign| matches!(sign, b'"' | b'\''))?;
        let head = head.strip_suffix(b" ").unwrap_or(head).strip_suffix(b",")?;
        let name = head.strip_suffix(&[quote])?;
        let length = name.iter().rev().take(REACH).take_while(|sign| is_word(**sign)).count();
        let open = name.get(..name.len() - length)?.strip_suffix(&[quote])?;
        (length > 0 && matches!(open.last(), Some(b'(' | b'['))).then_some((name.len() - length, name.len()))
    }

    /// The label of a custom field in the Common Event Format: `cs2Label=CVV cs2=737`, in either order.
    #[inline]
    pub(super) fn label_of(&self, at: usize) -> Option<(usize, usize)> {
        if self.may_be_labelled(at) { self.label_beside(at) } else { None }
    }

    #[inline(never)]
    fn label_beside(&self, at: usize) -> Option<(usize, usize)> {
        const LABEL: &[u8] = b"Label=";
        let low = at.saturating_sub(REACH);
        let before = self.bytes.get(low..at - 1)?;
        let field = before.iter().rev().take_while(|sign| sign.is_ascii_alphanumeric()).count();
        let field = before.get(before.len() - field..)?;
        let high = self.bytes.len().min(at + REACH);
        let is_it = |label: &usize| self.bytes.get(..*label).is_some_and(|head| head.ends_with(field));
        let mut labels = memchr::memmem::find_iter(self.bytes.get(low..high)?, LABEL).map(|label| low + label);
        let start = labels.find(is_it)? + LABEL.len();
        let rest = self.bytes.get(start..high)?;
        // A label may hold blanks; the next field has none in its name.
        let next = rest.iter().position(|sign| matches!(sign, b'=' | b'\n' | b'|')).unwrap_or(rest.len());
        let label = rest.get(..next)?;
        let end = match rest.get(next) {
            Some(b'=') => memchr::memrchr(b' ', label)?,
            _ => label.trim_ascii_end().len(),
        };
        (end > 0).then_some((start, start + end))
    }

    /// Whether a value at `at` may be a custom field's: `cs2=`, `cn1=`, `deviceCustomString3=`.
    #[inline]
    pub(super) fn may_be_labelled(&self, at: usize) -> bool {
        self.byte_before(at) == b'=' && at >= 2 && self.byte_before(at - 1).is_ascii_digit()
    }
}

/// What gives a code its name.
pub(super) enum CodeName {
    /// The member that this range of the view is the value of.
    Given(usize, usize),
    /// The key of the object that is open here.
    Object(usize),
}

/// Whether it may stand between a member's name and its value.
fn is_given_by(sign: u8) -> bool {
    sign.is_ascii_whitespace() || matches!(sign, b'"' | b'\'' | b'\\' | b':' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_what_is_around_the_value() {
        for (text, names) in [
            ("{\"name\":\"cvv\",\"value\":\"", "cvv"),
            ("{\"key\":\"cvv\",\"stringValue\":\"", "cvv"),
            ("{\"fieldName\":\"cvv\",\"max\":{\"x\":1},\"fieldValue\":\"", "cvv"),
            ("{\"name\"=>\"cvv\", \"value\"=>\"", "cvv"),
            ("<f name=\"cvv\">", "cvv"),
            ("<input id=\"x1\" name=\"cvv\" maxlength=\"4\" value=\"", "x1 cvv"),
            ("Param[name=cvv, type=text, value=", "cvv"),
            ("- name: cvv\n  value: \"", "cvv"),
            ("- name: a\n  x: 1\n  value: \"", ""),
            ("{\"name\":\"cvv\",\"maxValue\":\"", ""),
            ("name=cvv value=", ""),
            ("", ""),
        ] {
            let bytes = text.as_bytes();
            let mut found = Vec::new();
            if let Some(mut names) = Names::of(bytes, bytes.len(), false) {
                while let Some((start, end)) = names.next(bytes) {
                    found.push(&text[start..end]);
                }
            }
            assert_eq!(found.join(" "), names, "{text}");
        }
    }
}
