//! The context words of all rules: what a key, or a word of a text, speaks for and against.
//!
//! Words of letters are asked for as a whole, alone and by twos; words of other scripts, which stand in a text without spaces,
//! wherever they are; behind an asterisk, as what a word ends with: `*nummer`. Asked once a key, in its normal form (see `keys`).

use std::collections::HashMap;

/// What is in the name of a card or an account, or no name at all: what it ends with makes no id of its number.
const NEVER_IDS: [&str; 37] = [
    "card", "kart", "kort", "kaart", "kredit", "credit", "debit", "tarj", "cart", "pan", "konto", "tili", "iban", "卡",
    "账", "帐", "賬", "帳", "户", "戶", "支付", "付款", "收款", "扣款", "尾", "名", "简", "此", "该", "这", "ド",
    "口座", "の", "手机", "电话", "证", "證",
];
const NEVER_IDS_KOREAN: [&str; 2] = ["카드", "계좌"];
/// What Chinese, Japanese and Korean write together with a name that a value follows.
const JOINED: [&str; 8] = ["是", "为", "為", "は", "が", "는", "은", "가"];

/// Rules that a word speaks for, and against.
#[derive(Clone, Copy, Default)]
struct Said {
    speaks: u64,
    denies: u64,
}

#[derive(Default)]
pub(super) struct Context {
    words: HashMap<Box<[u8]>, Said>,
    /// Last words of those that are two.
    seconds: Vec<Box<[u8]>>,
    /// In order.
    phrases: Vec<(Box<[u8]>, Said)>,
    endings: Vec<(Box<[u8]>, Said)>,
}

impl Context {
    /// Adds a word of a rule, or of some.
    pub(super) fn add(&mut self, word: &str, speaks: u64, denies: u64) {
        if let Some(second) = word.rsplit(['_', ' ']).next().filter(|second| second.len() < word.len()) {
            self.seconds.push(second.as_bytes().into());
        }
        let known = if let Some(ending) = word.strip_prefix('*') {
            known_in(&mut self.endings, ending)
        } else if word.is_ascii() {
            self.words.entry(word.as_bytes().into()).or_default()
        } else {
            known_in(&mut self.phrases, word)
        };
        known.speaks |= speaks;
        known.denies |= denies;
    }

    /// Ends the adding.
    pub(super) fn close(&mut self) {
        self.phrases.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        self.seconds.sort_unstable();
    }

    /// Whether a key ends with the last word of two.
    pub(super) fn is_second(&self, normal: &[u8]) -> bool {
        let last = normal.rsplit(|sign| matches!(sign, b'_' | b' ')).next().unwrap_or_default();
        self.seconds.binary_search_by(|second| (**second).cmp(last)).is_ok()
    }

    /// What the words of a key speak for and against; of two phrases that one rule has, the later one counts.
    pub(super) fn of(&self, normal: &[u8], near: &mut u64, against: &mut u64) {
        let mut note = |word: &[u8]| {
            let singular = word.strip_suffix(b"s").unwrap_or(word);
            if let Some(said) = self.words.get(word).or_else(|| self.words.get(singular)) {
                *near |= said.speaks;
                *against |= said.denies;
            }
        };
        let mut before: &[u8] = b"";
        for word in normal.split(|b| !b.is_ascii_alphabetic()) {
            if !word.is_empty() {
                note(word);
            }
            if !self.seconds.is_empty() && !before.is_empty() && !word.is_empty() {
                note(&[before, b"_", word].concat());
            }
            before = word;
        }
        if !normal.is_ascii() {
            self.phrases_of(normal, near, against);
        }
        self.ending_of(normal, near, against);
    }

    fn phrases_of(&self, normal: &[u8], near: &mut u64, against: &mut u64) {
        let mut found = Vec::new();
        for (at, sign) in normal.iter().enumerate() {
            // Within a character none begins.
            if (0x80..0xC0).contains(sign) {
                continue;
            }
            let rest = normal.get(at..).unwrap_or_default();
            let head = rest.get(..2).unwrap_or(rest);
            let first = self.phrases.partition_point(|(phrase, _)| **phrase < *head);
            let same = self.phrases.get(first..).unwrap_or_default();
            let same = same.iter().take_while(|(phrase, _)| phrase.starts_with(head));
            found.extend(
                same.filter(|(phrase, _)| rest.starts_with(phrase)).map(|(phrase, said)| (at + phrase.len(), said)),
            );
        }
        found.sort_unstable_by_key(|(end, _)| *end);
        for same in found.chunk_by(|(one, _), (other, _)| one == other) {
            let (speaks, denies) = same.iter().fold((0, 0), |all, (_, one)| (all.0 | one.speaks, all.1 | one.denies));
            let others = !(speaks | denies);
            *near = *near & others | speaks;
            *against = *against & others | denies;
        }
    }

    /// What a key ends with counts least: not for a rule of which another word says something, nor in the name of a card.
    fn ending_of(&self, normal: &[u8], near: &mut u64, against: &mut u64) {
        let joined = JOINED.iter().find_map(|joined| normal.strip_suffix(joined.as_bytes()));
        let name = joined.unwrap_or(normal);
        let is_of = |ending: &[u8]| name.len() > ending.len() + 2 && name.ends_with(ending);
        let Some((_, said)) = self.endings.iter().find(|(ending, _)| is_of(ending)) else { return };
        let holds = |word: &&str| memchr::memmem::find(name, word.as_bytes()).is_some();
        if !NEVER_IDS.iter().chain(&NEVER_IDS_KOREAN).any(holds) {
            let others = !(*near | *against);
            *near |= said.speaks & others;
            *against |= said.denies & others;
        }
    }
}

/// What is said by `word`, which may be new.
fn known_in<'w>(words: &'w mut Vec<(Box<[u8]>, Said)>, word: &str) -> &'w mut Said {
    let known = words.iter().position(|(known, _)| **known == *word.as_bytes());
    let at = known.unwrap_or_else(|| {
        words.push((word.as_bytes().into(), Said::default()));
        words.len() - 1
    });
    &mut words[at].1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(key: &str) -> (u64, u64) {
        let mut context = Context::default();
        for (word, speaks, denies) in [
            ("card", 1, 0),
            ("order", 0, 1),
            ("delivery_note", 0, 1),
            ("*nummer", 0, 1),
            ("*号", 0, 1),
            ("*番号", 0, 1),
            ("卡", 1, 0),
            ("订单", 0, 1),
            ("numéro client", 0, 1),
        ] {
            context.add(word, speaks, denies);
        }
        context.close();
        let (mut near, mut against) = (0, 0);
        context.of(key.as_bytes(), &mut near, &mut against);
        (near, against)
    }

    #[test]
    fn words_speak_alone_by_twos_and_by_their_ends() {
        for (key, expected) in [
            ("card", (1, 0)),
            ("orders", (0, 1)),
            ("note", (0, 0)),
            ("delivery note", (0, 1)),
            ("delivery_note", (0, 1)),
            ("buchungsnummer", (0, 1)),
            ("kreditkartennummer", (0, 0)),
            ("card_buchungsnummer", (1, 0)),
            ("nummer", (0, 0)),
            ("票据号", (0, 1)),
            ("票据号是", (0, 1)),
            ("卡票据号", (1, 0)),
            ("订单卡", (1, 0)),
            ("卡订单", (0, 1)),
            ("银行账号", (0, 0)),
            ("号", (0, 0)),
            ("会員番号は", (0, 1)),
            ("ド番号", (0, 0)),
            ("numéro client", (0, 1)),
            ("", (0, 0)),
        ] {
            assert_eq!(said(key), expected, "{key}");
        }
    }
}
