//! The words of a text, walked from a place back.

use super::joins::{Ends, sign_of};
use super::marker;
use super::states::without_states;

/// Walks the words before a place, the nearest first; ends at what parts one field from the next, and at another value.
pub(super) struct Words {
    pub(super) low: usize,
    pub(super) end: usize,
}

impl Words {
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<(usize, usize)> {
        let mut end = self.end;
        loop {
            let sign = *bytes.get(end.checked_sub(1)?)?;
            let sign = SIGNS[usize::from(sign)];
            if end <= self.low || sign & PARTS != 0 {
                return None;
            }
            if sign & WORD != 0 {
                break;
            }
            end -= 1;
        }
        // A word with two digits or more is another value (an id, an amount); Chinese may follow it without a space.
        let mut start = end;
        let mut digits = 0;
        while start > self.low {
            let sign = bytes.get(start - 1).map_or(0, |byte| SIGNS[usize::from(*byte)]);
            if sign & WORD == 0 {
                break;
            }
            digits += usize::from(sign & DIGIT);
            if digits == 2 && !is_two_codes(bytes, end) {
                // But the length of an id says nothing against its name: `身份证15位`, `idcard 15 digits`.
                if is_length(bytes, start - 1) {
                    self.end = start - 1;
                    return if start + 1 < end { Some((start + 1, end)) } else { self.next(bytes) };
                }
                let cut = start + usize::from(bytes.get(start).is_some_and(u8::is_ascii_digit));
                self.end = self.low;
                let apart = bytes.get(cut).is_some_and(|sign| !sign.is_ascii()) || is_card_before(bytes, cut);
                return (apart && cut < end).then_some((cut, end));
            }
            start -= 1;
        }
        self.end = start;
        // What stands in place of a code is a value, and calls no other.
        if marker::is_around(bytes, start, end) {
            self.end = self.low;
            return None;
        }
        // `-DcardNumber=`: the option of a Java program.
        if matches!(bytes.get(..start), Some([.., b'-'])) && bytes.get(start) == Some(&b'D') && end - start > 3 {
            start += 1;
        }
        let value = bytes.get(start..end)?.iter().all(u8::is_ascii_digit);
        (!value).then_some((start, end))
    }
}

/// Whether as many digits as a card number has, or its date, are written together with the word behind them:
/// `PAN4242424242424242EXP1230CVV737`.
fn is_card_before(bytes: &[u8], at: usize) -> bool {
    const SHORTEST: usize = 13;
    const DATED: &[u8] = b"EXP";
    let dated = || bytes.get(at.saturating_sub(DATED.len() + 4)..at.saturating_sub(4)) == Some(DATED);
    let digits = |count: usize| {
        let digits = at.checked_sub(count).and_then(|from| bytes.get(from..at));
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
    };
    digits(SHORTEST) || (digits(4) && dated())
}

/// Whether a word that ends at `end` is called by both names of a code: `ssl_cvv2cvc2`.
fn is_two_codes(bytes: &[u8], end: usize) -> bool {
    const NAMES: &[u8] = b"cvv2cvc2";
    end.checked_sub(NAMES.len())
        .and_then(|start| bytes.get(start..end))
        .is_some_and(|name| name.eq_ignore_ascii_case(NAMES))
}

/// Whether the number at `at` is that of the digits of an identity number: 15 or 18, and a word that counts behind it.
fn is_length(bytes: &[u8], at: usize) -> bool {
    let Some([b'1', b'5' | b'8', rest @ ..]) = bytes.get(at..) else { return false };
    let rest = match rest {
        [b' ' | b'-', rest @ ..] => rest,
        rest => rest,
    };
    let apart = !at.checked_sub(1).and_then(|before| bytes.get(before)).is_some_and(u8::is_ascii_digit);
    apart
        && (rest.starts_with("位".as_bytes()) || rest.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"digit")))
}

/// What a byte is among words.
const DIGIT: u8 = 1;
const WORD: u8 = 2;
/// Parts one field from the next.
const PARTS: u8 = 4;
/// May stand between two groups of a number.
pub(super) const SEPARATOR: u8 = 8;
pub(super) const SIGNS: [u8; 256] = {
    let mut signs = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        signs[byte] = match byte as u8 {
            b'0'..=b'9' => WORD | DIGIT,
            b'_' => WORD | SEPARATOR,
            // Of another script; 0xFF stands for a byte of none (`fold`), as binary encodings put before a value.
            b'a'..=b'z' | b'A'..=b'Z' | 0x80..=0xFE => WORD,
            b' ' | b'\t' | b'-' | b'.' | b'/' | b'+' | b'(' | b')' => SEPARATOR,
            b'\n' | b';' | b'|' | b'}' | b'&' | b',' | b'*' | b']' | b'!' => PARTS,
            _ => 0,
        };
        byte += 1;
    }
    signs
};

pub(super) fn is_word(byte: u8) -> bool {
    SIGNS[usize::from(byte)] & WORD != 0
}

/// What says that a value follows, where a script writes it together with the name; longer ones first.
const JOINED: Ends = Ends::of(&[
    "修改为",
    "修改成",
    "设成了",
    "一直是",
    "设成",
    "写的是",
    "应该是",
    "應該是",
    "好像是",
    "重置成",
    "重置为",
    "改成了",
    "那一栏",
    "那一欄",
    "就是",
    "应为",
    "還是",
    "还是",
    "不是",
    "填成",
    "填的",
    "填了",
    "改成",
    "改为",
    "改為",
    "设为",
    "設為",
    "打成",
    "那里",
    "那裡",
    "是",
    "为",
    "為",
    "值",
    "係",
    "我",
    "填",
    "打",
    "คือ",
    "は",
    "が",
    "는",
    "은",
    "가",
    "이",
]);
/// The same, of those that say it of anything: a date or a count may stand behind the others.
const IS: Ends = Ends::of(&["改成", "改为", "改為", "是", "为", "為", "係", "打"]);
/// How many of them follow on each other at most.
const MAX_JOINED: usize = 3;

/// Length of a word without the Chinese "is", the state of a code or the `_` that is written together with it.
pub(super) fn without_filler(word: &[u8]) -> usize {
    let mut name = word.get(..word.iter().rposition(|&b| b != b'_').map_or(0, |last| last + 1)).unwrap_or_default();
    if name.last().is_none_or(u8::is_ascii) {
        return name.len();
    }
    for _ in 0..MAX_JOINED {
        let Some(head) = sign_of(name, &JOINED) else { break };
        name = head;
    }
    without_states(name)
}

/// A name without the Chinese "is" that is written together with it, where anything is left.
pub(super) fn without_is(word: &[u8]) -> &[u8] {
    sign_of(word, &IS).filter(|name| !name.is_empty()).unwrap_or(word)
}

/// Whether a word stands between a name and what it is of, and belongs to neither: `my number is …`.
pub(super) fn is_copula(word: &[u8]) -> bool {
    const COPULAS: [&str; 12] = ["is", "es", "é", "è", "ist", "est", "jest", "este", "je", "är", "है", "είναι"];
    COPULAS.iter().any(|copula| word.eq_ignore_ascii_case(copula.as_bytes()))
}

/// Whether a word belongs to the name of an id that stands before it, as in `order number`.
pub(super) fn is_joint(word: &[u8]) -> bool {
    const JOINTS: [&str; 33] = [
        "is",
        "entry",
        "code",
        "no",
        "nr",
        "num",
        "number",
        "was",
        "value",
        "号",
        "号码",
        "码",
        "n",
        "nº",
        "n°",
        "№",
        "nummer",
        "numer",
        "numero",
        "número",
        "numéro",
        "номер",
        "번호",
        "番号",
        "est",
        "numarası",
        "nomor",
        "číslo",
        "αριθμός",
        "संख्या",
        "नंबर",
        "număr",
        "szám",
    ];
    JOINTS.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// How a word may stand between the name of a telephone or a card and its number: `phone of the customer on file: …`. Before a code of three
/// digits, such words part it from its name.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::mask) enum Glue {
    #[default]
    None,
    /// Wherever it stands.
    Joins,
    /// Where more follows before the number: right before it, it would be a thing with a number of its own.
    Within,
}

pub(in crate::mask) fn glue(word: &[u8]) -> Glue {
    let joins: &[&str] = match word.len() {
        1 => &["o", "s"],
        2 => &["on", "of", "to", "at", "as", "in", "by", "me", "us", "my", "de", "do", "du", "be"],
        3 => &["for", "new", "old", "her", "his", "our", "set", "now", "you", "der", "del", "des", "von"],
        4 => &["from", "with", "been", "your", "this", "home", "work", "must", "sent"],
        5 => &["their", "reads", "under", "after", "using", "saved", "wrong", "valid"],
        6 => &["listed", "stored", "during", "dialed", "should"],
        7 => &["changed", "updated", "primary", "private", "current", "dialled"],
        8 => &["verified", "recorded", "business", "recovery", "previous"],
        9 => &["confirmed", "alternate", "secondary", "emergency", "delivered"],
        10 => &["registered"],
        _ => &[],
    };
    let within: &[&str] = match word.len() {
        3 => &["day", "and"],
        4 => &["file", "user"],
        5 => &["owner", "payer", "payee"],
        6 => &["caller", "client", "office", "holder", "sender", "person", "failed"],
        7 => &["contact", "account", "daytime", "porteur", "titular", "cliente"],
        8 => &["customer", "merchant", "mismatch", "declined"],
        9 => &["recipient"],
        10 => &["cardholder", "validation"],
        _ => &[],
    };
    let is_one_of = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
    match (is_one_of(joins), is_one_of(within)) {
        (true, _) => Glue::Joins,
        (_, true) => Glue::Within,
        _ => Glue::None,
    }
}

/// Words that may stand between a key and its value, by their length in bytes.
const FILLERS: [&[&str]; 16] = [
    &[],
    &["b"],
    &["is", "no", "nr", "td", "es", "el", "je", "er", "é", "è"],
    &[
        "was", "has", "est", "ist", "kod", "num", "val", "are", "the", "int", "str", "是", "为", "值", "号", "码",
        "位", "nº", "n°", "№", "→", "är", "旧", "新", "era", "là", "son",
    ],
    &[
        "code", "kodu", "data", "text", "used", "jest", "este", "هو", "são", "هي", "הן", "ovat", "sono", "sunt",
        "zijn", "са",
    ],
    &["value", "field", "input", "param", "given", "numer", "ialah"],
    &["number", "string", "है", "号码", "番号", "번호", "nummer", "numero", "digits", "הוא", "היא", "lauten", "adalah"],
    &["content", "default", "entered", "invalid", "número", "numéro"],
    &["intvalue", "rejected", "provided", "supplied", "received", "bancaire"],
    &["submitted", "हैं", "คือ"],
    &["номер", "είναι"],
    &["stringvalue"],
    &[],
    &[],
    &[],
    // The field that C# makes of a property.
    &["k__backingfield"],
];
/// By the first byte of one of them, a bit for its length: most words are told by it.
const FIRST: [u16; 256] = {
    let mut first = [0; 256];
    mark(&FILLERS, &mut first);
    first
};

/// Marks by its first byte each word of a table, in which words stand by their length.
pub(super) const fn mark(table: &[&[&str]], first: &mut [u16; 256]) {
    let mut length = 0;
    while length < table.len() {
        let mut at = 0;
        while at < table[length].len() {
            first[table[length][at].as_bytes()[0] as usize] |= 1 << length;
            at += 1;
        }
        length += 1;
    }
}

/// Whether a word may stand between a key and its value.
pub(in crate::mask) fn is_filler(word: &[u8]) -> bool {
    let (Some(first), Some(fillers)) = (word.first(), FILLERS.get(word.len())) else { return false };
    FIRST[usize::from(first.to_ascii_lowercase())] >> word.len() & 1 != 0
        && fillers.iter().any(|filler| word.eq_ignore_ascii_case(filler.as_bytes()))
}
