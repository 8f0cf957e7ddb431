//! Words between the name of a code and the code: what became of it (`cvv failed: 737`), and where it came from (`PIN from request:
//! 1234`). Of a longer number they would tell too little: an id stands behind them as well.

use super::Scan;
use super::joins::{Ends, has_arrow, sign_of};
use super::words::mark;

/// How a word may stand between the name of a code and the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// It parts them.
    None,
    Joins,
    /// Where more follows before the code, or a sign that joins: right before it, it would be a thing with a number of its own.
    Within,
    /// The same, of a card.
    Card,
    /// The same, of who has the card.
    Owner,
    /// Where a card or who has it follows.
    OfCard,
}

/// Digits of a code that such words give away.
pub(super) const MAX_CODE: usize = 6;

/// What became of a code, by the length of the word.
const JOINS: [&[&str]; 13] = [
    &[],
    &[],
    &["as", "be"],
    &["not", "for", "war", "err", "bad", "auf"],
    &["sent", "read", "does", "fail"],
    &["error", "wrong", "typed", "saved", "check", "match", "found", "keyed", "would"],
    &["failed", "passed", "stored", "logged", "lautet", "parsed"],
    &["failure", "matched", "checked", "decoded", "decline", "expired"],
    &["mismatch", "verified", "captured", "returned", "computed", "rejected", "declined"],
    &["incorrect", "decrypted", "validated", "generated", "collected", "malformed", "geändert"],
    &["calculated", "mismatched", "validation"],
    &[],
    &["verification"],
];

/// Where it came from or went to.
const WITHIN: [&[&str]; 9] = [
    &[],
    &["a"],
    &["by", "in", "of", "on", "to"],
    &["our", "fue", "foi", "era"],
    &["that", "from", "your", "back", "host", "form", "body", "como", "mitt", "ditt"],
    &["wurde"],
    &["issuer", "μου"],
    &["request", "payload", "message"],
    &["terminal", "acquirer", "response", "merchant"],
];

/// A card, of which it is.
const CARDS: [&[&str]; 15] = [
    &[],
    &[],
    &[],
    &["kad", "pas", "atm"],
    &["card"],
    &["carta", "carte", "karte", "karty", "karta", "kartu", "kaart", "thẻ"],
    &["kortet", "kartě", "karten"],
    &["kartım", "tarjeta", "cartão", "kártya", "nasabah", "kortets"],
    &["cardului", "bancomat", "کارت", "kartunya"],
    &["kártyám"],
    &["карты"],
    &[],
    &["картки", "κάρτας", "הכרטיס", "לכרטיס", "لبطاقة"],
    &[],
    &["البطاقة", "картата", "للبطاقة"],
];

/// A person whose it is.
const OWNERS: [&[&str]; 15] = [
    &[],
    &[],
    &[],
    &["pai"],
    &["mari", "mãe", "frau", "wife", "hija", "hijo"],
    &["klant", "femme", "mère", "père", "vrouw", "żony", "mamá", "madre", "padre", "vater", "matki"],
    &[
        "client", "caller", "holder", "kunden", "esposa", "marido", "moglie", "marito", "esposo", "mannes", "mother",
        "figlia", "mutter",
    ],
    &["cliente", "klienta", "husband", "ehefrau"],
    &["customer", "мамы", "жены"],
    &["manželky"],
    &["cardholder"],
    &[],
    &["العميل"],
    &[],
    &["клиента", "клієнта"],
];

/// What stands before such a card: `CVV do meu cartão é 737`.
const OF_CARD: [&[&str]; 10] = [
    &[],
    &["k"],
    &["my", "la", "de", "mi", "su", "tu", "do", "da", "du", "ma", "il", "na", "al", "uw", "di", "ke", "od", "sa"],
    &["the", "del", "der", "den", "des", "van", "mon", "mio", "min", "mia", "meu", "seu", "sua", "til", "på", "son"],
    &["för", "mijn", "mój", "от", "на", "של", "mein"],
    &["mojej", "della", "votre", "minha", "meine"],
    &["від", "της", "meiner", "από", "meinem"],
    &[],
    &["belakang", "моей", "моєї"],
    &["bankovní"],
];

/// By the first byte of one of them, a bit for its length: most words are told by it.
const FIRST: [u16; 256] = {
    let mut first = [0; 256];
    mark(&JOINS, &mut first);
    mark(&WITHIN, &mut first);
    mark(&CARDS, &mut first);
    mark(&OWNERS, &mut first);
    mark(&OF_CARD, &mut first);
    first
};

/// Whether it may be one of them, at a glance.
#[inline]
pub(super) fn may_be_state(word: &[u8]) -> bool {
    word.first().is_some_and(|first| {
        word.len() < CARDS.len() && FIRST[usize::from(first.to_ascii_lowercase())] >> word.len() & 1 != 0
    })
}

pub(super) fn state(word: &[u8]) -> State {
    let is_one_of = |words: Option<&&[&str]>| {
        words.is_some_and(|words| words.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes())))
    };
    if !may_be_state(word) {
        State::None
    } else if is_one_of(JOINS.get(word.len())) {
        State::Joins
    } else if is_one_of(WITHIN.get(word.len())) {
        State::Within
    } else if is_one_of(CARDS.get(word.len())) {
        State::Card
    } else if is_one_of(OWNERS.get(word.len())) {
        State::Owner
    } else if is_one_of(OF_CARD.get(word.len())) {
        State::OfCard
    } else {
        State::None
    }
}

/// What stands between a word and the value.
#[derive(Clone, Copy, Default)]
pub(super) struct Next {
    /// A word, or a sign that joins.
    pub(super) joined: bool,
    /// The next word is `code`.
    pub(super) coded: bool,
    /// It is a card, who has it, or what stands before one.
    pub(super) owned: bool,
}

/// Whether a word is a card or who has it, or stands before one.
pub(super) fn is_of_card(word: &[u8]) -> bool {
    matches!(state(word), State::Card | State::Owner | State::OfCard)
}

impl Scan<'_, '_> {
    /// Whether the word `start..end` may stand between a key and its value, which ends at `behind`, as the state of that.
    #[inline(never)]
    pub(super) fn is_state(&self, (start, end): (usize, usize), behind: usize, next: Next) -> bool {
        let joins = match state(self.bytes.get(start..end).unwrap_or_default()) {
            // `cvv error code 404`: the code is the error's.
            State::Joins => !next.coded,
            State::Within | State::Card | State::Owner => next.joined,
            State::OfCard => next.owned,
            State::None => false,
        };
        // Behind an arrow stands what came of it: `cvv check → 404`.
        let arrow = || has_arrow(self.bytes.get(end..behind).unwrap_or_default());
        joins && !self.is_measured(behind) && !self.is_status(behind) && !arrow()
    }
}

/// What Chinese writes together with the name of a code: 安全码错误, CVV校验不通过.
const CHINESE: Ends = Ends::of(&[
    "错误",
    "有误",
    "不正确",
    "不对",
    "失败",
    "不通过",
    "未通过",
    "校验",
    "验证",
    "检查",
    "不匹配",
    "不一致",
    "不符",
    "输入",
    "录入",
    "传入",
    "上送",
    "无效",
    "非法",
    "异常",
    "格式",
    "错",
]);
/// How many of them follow on each other at most.
const MAX_CHINESE: usize = 3;

/// Length of a name without such words behind it.
#[inline]
pub(super) fn without_states(word: &[u8]) -> usize {
    let Some(last) = word.last_chunk() else { return word.len() };
    if LAST.contains(&u16::from_be_bytes(*last)) { without_chinese(word) } else { word.len() }
}

/// The last two bytes of each of them, which tell most other words.
const LAST: [u16; CHINESE.names.len()] = {
    let mut last = [0; CHINESE.names.len()];
    let mut at = 0;
    while at < last.len() {
        let name = CHINESE.names[at].as_bytes();
        last[at] = u16::from_be_bytes([name[name.len() - 2], name[name.len() - 1]]);
        at += 1;
    }
    last
};

#[inline(never)]
fn without_chinese(mut word: &[u8]) -> usize {
    for _ in 0..MAX_CHINESE {
        let Some(head) = sign_of(word, &CHINESE) else { break };
        word = head;
    }
    word.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_between_a_code_and_its_name() {
        for (word, expected) in [
            ("failed", State::Joins),
            ("Wrong", State::Joins),
            ("verification", State::Joins),
            ("request", State::Within),
            ("FROM", State::Within),
            ("tarjeta", State::Card),
            ("do", State::OfCard),
            ("attempts", State::None),
            ("with", State::None),
            ("count", State::None),
            ("", State::None),
            ("x", State::None),
        ] {
            assert_eq!(state(word.as_bytes()), expected, "{word}");
        }
        for (word, name) in [
            ("安全码错误", "安全码"),
            ("CVV校验不通过", "CVV"),
            ("错误", ""),
            ("CVV", "CVV"),
            ("PIN错误次数", "PIN错误次数"),
        ] {
            assert_eq!(&word[..without_states(word.as_bytes())], name);
        }
    }
}
