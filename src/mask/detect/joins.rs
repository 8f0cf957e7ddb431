//! How a code is joined to its key over signs, where words alone don't tell: `「安全码」：「737」`, `{{cvv}} ⇒ 737`, `cvv [3 digits]: 737`.
//!
//! One grammar, read from the value back, so that each form goes with each other one:
//!
//! ```text
//! key  close*  note?  change*  (sign | word)  open*  value
//! ```
//!
//! *open* and *close* are quotes and brackets, *note* a remark of a few signs in brackets, *change* a word such as `old` or
//! `expected`. Asked only where a key ends near; each part has a fixed reach, so the work is the same wherever it stands.

use super::series;
use super::words::is_word;

/// Bytes before a value in which its key may end.
const REACH: usize = 96;
/// Parts of one kind that may follow each other.
const MAX_PARTS: usize = 6;
const MAX_BLANKS: usize = 16;
/// Signs of a note, and the bytes that they take at most.
const NOTE: usize = 12;
const NOTE_BYTES: usize = NOTE * 4;
/// Bytes of a name: of a type, of a variable in braces.
const NAME: usize = 40;

const OPEN: Ends = Ends::of(&["\"", "'", "`", "\\", "“", "‘", "「", "『", "【", "《", "〔", "〈", "[", "(", "<"]);
const QUOTES: Ends = Ends::of(&["\"", "'", "`", "\\", "”", "’"]);
const BRACKETS: Ends = Ends::of(&["」", "』", "】", "》", "〕", "〉"]);
pub(super) const ARROWS: Ends = Ends::of(&["→", "⇒", "⟶", "⟹", "➜", "➔", "➡", "»", "←", "=>", "->", "~>", "<-"]);
const SIGNS: Ends = Ends::of(&["≔", "=", ":", "≠", "…", "<>"]);
/// What may stand before a sign as a part of it: `:=`, `==`, `!=`.
const DOUBLED: Ends = Ends::of(&["=", ":", "!", "<"]);
/// What says that a value follows, right before it.
const COPULAS: Ends = Ends::of(&["is", "was", "are", "like", "ilike", "equals"]);
const CHINESE: Ends = Ends::of(&["是", "为", "為"]);
const CHINESE_FROM: Ends = Ends::of(&["由", "从", "從"]);
/// What may stand before a value that changed: right before it, and before another of these or a sign.
const STATES: Ends = Ends::of(&[
    "old", "new", "expected", "actual", "got", "previous", "current", "now", "旧", "新", "原", "旧值", "新值",
]);
const CHANGES: Ends = Ends::of(&[
    "changed", "updated", "rotated", "reset", "set", "modified", "replaced", "mismatch", "change", "update", "valid",
    "be", "must",
]);

const IN: Ends = Ends::of(&["in"]);
const NOT: Ends = Ends::of(&["not"]);
const FROM: Ends = Ends::of(&["from", "to"]);
const OPENED: Ends = Ends::of(&["(", "{"]);
const CLOSED: Ends = Ends::of(&["*", "]", ")"]);

/// Signs, or words in lower case, that a text may end with; and a bit for each byte that one of them ends with: most texts end
/// with none of these.
pub(super) struct Ends {
    pub(super) names: &'static [&'static str],
    last: [u64; 4],
}

impl Ends {
    pub(super) const fn of(names: &'static [&'static str]) -> Self {
        let mut last = [0; 4];
        let mut at = 0;
        while at < names.len() {
            let name = names[at].as_bytes();
            let byte = name[name.len() - 1];
            last[byte as usize / 64] |= 1 << (byte % 64);
            at += 1;
        }
        Self { names, last }
    }

    #[inline]
    fn may_be(&self, last: u8) -> bool {
        self.last[usize::from(last / 64)] >> (last % 64) & 1 != 0
    }
}

/// The places where the key of the value `at..end` may end: before a note in brackets, and within those brackets.
pub(super) fn key_ends(bytes: &[u8], at: usize, end: usize) -> [Option<usize>; 2] {
    let low = at.saturating_sub(REACH);
    let changes = bytes.get(end..).is_some_and(series::changes);
    let ends = bytes.get(low..at).map(|before| ends_of(before, changes)).unwrap_or_default();
    // Right there: behind another sign (`cvv=[…]: `) stands a value that the key has already.
    let named =
        |end: &usize| (low + end).checked_sub(1).and_then(|last| bytes.get(last)).is_some_and(|sign| is_word(*sign));
    ends.map(|end| end.filter(named).map(|end| low + end))
}

/// `changes`: another value of the same key follows.
fn ends_of(before: &[u8], changes: bool) -> [Option<usize>; 2] {
    let value = opened(before);
    // SQL: what is in a list.
    let opens = || before.get(value.len()..).is_some_and(|open| open.contains(&b'('));
    let listed = || word_of(value, &IN).filter(|_| opens()).map(|head| word_of(head, &NOT).unwrap_or(head));
    let (mut head, sign) = match joined(value).or_else(listed) {
        Some(head) => (head, true),
        None => (value, false),
    };
    let mut changed = false;
    for _ in 0..MAX_PARTS {
        head = match change(head, sign || changed || changes).or_else(|| from_chinese(head, changes && !changed)) {
            Some(inner) => {
                changed = true;
                inner
            }
            // `cvv mismatch: expected 737`.
            None => match joined(head).filter(|_| changed) {
                Some(inner) => inner,
                None => break,
            },
        };
    }
    if !sign && !changed {
        // A name in brackets needs no sign: `【CVN2】737`.
        return [sign_of(value, &BRACKETS).is_some().then(|| closed(value).len()), None];
    }
    // `cvv (old: 737, new: 738)`.
    let head = sign_of(head, &OPENED).filter(|_| changed).map_or(head, blank);
    [Some(closed(noted(head).unwrap_or(head)).len()), noted(head).map(|_| closed(head).len())]
}

/// Without quotes, brackets, prefixes, types, anchors and comments that stand right before a value.
pub(super) fn opened(before: &[u8]) -> &[u8] {
    let mut rest = blank(before);
    for _ in 0..MAX_PARTS {
        let Some(inner) = sign_of(rest, &OPEN)
            .map(|inner| unprefixed(inner, rest))
            .or_else(|| anchored(rest))
            .or_else(|| commented(rest, before))
        else {
            break;
        };
        rest = blank(inner);
    }
    rest
}

/// Without what a language writes together with a quote: `u'737'`, `SecretStr('737')`, `Just "737"`.
fn unprefixed<'b>(inner: &'b [u8], quoted: &[u8]) -> &'b [u8] {
    const PREFIXES: [&str; 10] = ["u", "b", "r", "f", "n", "br", "rb", "e", "l", "s"];
    const WRAPS: [&str; 6] = ["just", "some", "ok", "right", "left", "success"];
    let head = blank(inner);
    let (name, rest) = last_word(head);
    let prefix = head.len() == inner.len() && PREFIXES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    let wraps = WRAPS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    // A type begins with a capital and stands behind a sign: the name of what is called is none.
    let typed = quoted.last() == Some(&b'(') && name.first().is_some_and(u8::is_ascii_uppercase);
    let behind_sign = matches!(blank(rest).last(), Some(b'=' | b':' | b',' | b'>' | b'('));
    if (prefix || wraps || typed) && behind_sign { rest } else { inner }
}

/// Without the anchor of a value in YAML: `cvv: &code '737'`.
fn anchored(before: &[u8]) -> Option<&[u8]> {
    let (name, rest) = last_word(before);
    let rest = rest.strip_suffix(b"&").filter(|_| !name.is_empty())?;
    rest.strip_suffix(b" ").filter(|rest| rest.ends_with(b":"))
}

/// Without the comment of YAML that ends the line of the key: `cvv: # plain`, and the value on the next line.
fn commented<'b>(rest: &'b [u8], before: &[u8]) -> Option<&'b [u8]> {
    before.get(rest.len()..)?.contains(&b'\n').then_some(())?;
    let low = rest.len().saturating_sub(NAME);
    let sign = low + memchr::memrchr(b'#', rest.get(low..)?)?;
    let head = rest.get(..sign)?;
    (!rest.get(sign..)?.contains(&b'\n') && blank(head).ends_with(b":")).then_some(head)
}

/// Without the sign or the word that says that a value follows.
fn joined(before: &[u8]) -> Option<&[u8]> {
    let before = before.strip_suffix("\u{fe0f}".as_bytes()).unwrap_or(before);
    if let Some(head) = sign_of(before, &ARROWS).or_else(|| sign_of(before, &SIGNS)) {
        // Of `:=` and `==` the other sign.
        return Some(blank(sign_of(head, &DOUBLED).unwrap_or(head)));
    }
    // A Chinese word for it joins only behind a bracket; elsewhere it is a part of the key's word, which is read as such.
    if let Some(head) = sign_of(before, &CHINESE) {
        return matches!(head.last(), Some(b')' | b']' | b'"' | b'\''))
            .then_some(head)
            .or_else(|| sign_of(head, &BRACKETS).is_some().then_some(head));
    }
    word_of(before, &COPULAS)
}

/// Without a word that tells the state of a value: `cvv changed from`, `cvv expected`. `further`: a sign or such a word follows.
fn change(before: &[u8], further: bool) -> Option<&[u8]> {
    if let Some(head) = word_of(before, &STATES).or_else(|| further.then(|| word_of(before, &CHANGES)).flatten()) {
        return Some(head);
    }
    let head = word_of(before, &FROM)?;
    word_of(head, &CHANGES).map(|_| head)
}

/// Without the Chinese "from", which is written together with the key: `PIN由1234改为5678`.
fn from_chinese(before: &[u8], changes: bool) -> Option<&[u8]> {
    sign_of(before, &CHINESE_FROM).filter(|_| changes).map(blank)
}

/// Without a remark of a few signs in brackets: `[3 digits]`, `(hex)`.
fn noted(before: &[u8]) -> Option<&[u8]> {
    let open = match before.last()? {
        b']' => b'[',
        b')' => b'(',
        _ => return None,
    };
    let low = before.len().saturating_sub(NOTE_BYTES);
    let open = low + memchr::memrchr(open, before.get(low..)?)?;
    let note = before.get(open + 1..before.len() - 1)?;
    // What continues a character of UTF-8 is no sign of its own.
    let signs = note.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
    let name = before.get(..open)?;
    let name = name.get(..name.len() - name.iter().rev().take(MAX_BLANKS).take_while(|sign| **sign == b' ').count())?;
    // Behind another bracket, or on a line of its own, it is a name itself.
    let beside = !matches!(name.last(), None | Some(b']' | b')' | b'\n' | b'\r'));
    (signs <= NOTE && beside && !note.contains(&b'\n')).then_some(name)
}

/// Without the quotes and brackets that end a name.
fn closed(before: &[u8]) -> &[u8] {
    let mut rest = before;
    for _ in 0..MAX_PARTS {
        let sign = sign_of(rest, &QUOTES).or_else(|| sign_of(rest, &BRACKETS)).or_else(|| sign_of(rest, &CLOSED));
        let Some(inner) = sign.or_else(|| braced(rest)) else { break };
        rest = inner;
    }
    rest
}

/// Without the brace behind the name of a variable: `${cvv}`, `{{ cvv }}`.
fn braced(before: &[u8]) -> Option<&[u8]> {
    let inner = blank(before.strip_suffix(b"}")?);
    let inner = blank(inner.strip_suffix(b"}").unwrap_or(inner));
    let name =
        inner.iter().rev().take(NAME).take_while(|sign| is_word(**sign) || matches!(sign, b'.' | b'-' | b' ')).count();
    (name > 0 && inner.get(..inner.len() - name)?.ends_with(b"{")).then_some(inner)
}

/// `before` without the one of `signs` that it ends with.
#[inline]
pub(super) fn sign_of<'b>(before: &'b [u8], signs: &Ends) -> Option<&'b [u8]> {
    if !signs.may_be(*before.last()?) {
        return None;
    }
    signs.names.iter().find_map(|sign| before.strip_suffix(sign.as_bytes()))
}

/// The same with one of `words`, whole, and the blanks before it.
#[inline]
pub(super) fn word_of<'b>(before: &'b [u8], words: &Ends) -> Option<&'b [u8]> {
    if !words.may_be(before.last()?.to_ascii_lowercase()) {
        return None;
    }
    let (name, head) = last_word(before);
    words.names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())).then(|| blank(head))
}

/// Whether an arrow stands in a text.
pub(super) fn has_arrow(text: &[u8]) -> bool {
    ARROWS.names.iter().any(|arrow| memchr::memmem::find(text, arrow.as_bytes()).is_some())
}

/// The word that `before` ends with, and what stands before it.
pub(super) fn last_word(before: &[u8]) -> (&[u8], &[u8]) {
    let length = before.iter().rev().take(NAME).take_while(|sign| is_word(**sign)).count();
    let (head, word) = before.split_at(before.len() - length);
    (word, head)
}

pub(super) fn blank(before: &[u8]) -> &[u8] {
    let blanks = before.iter().rev().take(MAX_BLANKS).take_while(|sign| sign.is_ascii_whitespace()).count();
    before.get(..before.len() - blanks).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_over_the_signs_that_join_it() {
        for (text, ends) in [
            ("cvv→", "cvv"),
            ("\"cvv\" ⇒ \"", "\"cvv"),
            ("CVV [3 digits]: ", "CVV | CVV [3 digits"),
            ("cvv[0..3]=\"", "cvv | cvv[0..3"),
            ("「安全码」:「", "「安全码"),
            ("【CVN2】", "【CVN2"),
            ("${cvv}=", "${cvv"),
            ("{{ cvv }}: ", "{{ cvv"),
            ("- **CVV**: `", "- **CVV"),
            ("cvv: &a '", "cvv"),
            ("cvv: # plain\n  ", "cvv"),
            ("安全码(CVN2)是 ", "安全码 | 安全码(CVN2"),
            ("{'cvv': u'", "{'cvv"),
            ("cvv=SecretStr('", "cvv"),
            ("cvv=Just \"", "cvv"),
            ("WHERE cvv IN ('", "WHERE cvv"),
            ("cvv changed from ", "cvv"),
            ("cvv expected: ", "cvv"),
            ("cvv mismatch: expected ", "cvv"),
            ("pin changed: ", "pin"),
            ("cvv != ", "cvv"),
            ("WHERE cvv NOT IN ('", "WHERE cvv"),
            ("PIN old ", "PIN"),
            ("[cvv]\n    [amount] => ", "[cvv]\n    [amount"),
            ("cvv=[ok]: ", "cvv=[ok"),
            ("cvv (old: ", "cvv"),
            ("cvv ==> expected: <", "cvv"),
            ("cvv: Some(\n    Cvv(\n        \"", "cvv"),
            ("PIN ", ""),
            ("PIN changed ", ""),
            ("PIN from ", ""),
            ("{\"a\":\"cvv\"}: ", ""),
            ("", ""),
        ] {
            let found: Vec<_> = key_ends(text.as_bytes(), text.len(), text.len())
                .into_iter()
                .flatten()
                .map(|end| &text[..end])
                .collect();
            assert_eq!(found.join(" | "), ends, "{text}");
        }
    }
}
