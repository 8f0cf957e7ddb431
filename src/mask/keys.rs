//! What the rules say about a key (of an attribute, a map entry, or a word before a value in a text), asked once per key.
//!
//! Keys are compared in a normal form: folded, lower case, the words of `camelCase` parted by `_`.

use super::detect::{Glue, marker};
use super::fold::View;
use super::rules::RuleSet;

/// Places of the cache, and keys that one holds: with one, two keys of every record could drive each other out for ever. A
/// hostile sender can only make it miss.
const PLACES: usize = 256;
const WAYS: usize = 2;
/// The longest key that it holds.
const MAX_KEY: usize = 64;
/// Longer keys are judged by their end, where their last words stand.
const MAX_JUDGED: usize = 256;

/// What the rules say about a key; bit `i` stands for rule `i`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Facts {
    /// `detect.key` of a rule with a validator matches: what is less sound counts too.
    pub(super) lift: u64,
    /// One of `context.words`.
    pub(super) near: u64,
    /// One of `context.not_words`.
    pub(super) against: u64,
    /// `detect.key` of a rule without a validator matches.
    pub(super) keyed: u64,
    /// Ends with the last word of a name of two, `note` of `delivery_note`: what stands before it may say more than it does alone.
    pub(super) second: bool,
    /// Holds nothing that could be masked itself.
    pub(super) plain: bool,
    /// May stand between a key and its value: `is`, `code`, `value`.
    pub(super) filler: bool,
    /// How it may stand between the name of a telephone and the number: `on`, `file`, `registered`.
    pub(super) glue: Glue,
}

impl Facts {
    /// What no key says.
    pub(super) const NONE: Self =
        Self { lift: 0, near: 0, against: 0, keyed: 0, second: false, plain: false, filler: false, glue: Glue::None };

    /// What stays true of the entries of a map, or elements of a list, under a key that says `self`.
    pub(super) fn inherited(self) -> Self {
        Self { keyed: 0, ..self }
    }

    /// These facts, or what the key above says where they say nothing.
    pub(super) fn or(self, above: &Self) -> Self {
        if self.lift | self.near | self.against == 0 {
            Self { lift: above.lift, near: above.near, ..self }
        } else {
            self
        }
    }
}

#[derive(Clone)]
struct Slot {
    key: Box<[u8]>,
    facts: Facts,
}

/// Facts by key. Outlives a request, so it holds no key that may itself be a number or an address.
#[derive(Default)]
pub(super) struct KeyCache {
    /// The newest of a place first.
    places: Vec<[Option<Slot>; WAYS]>,
}

impl KeyCache {
    pub(super) fn facts(&mut self, rules: &RuleSet, key: &[u8]) -> Facts {
        if key.len() > MAX_KEY {
            return judge(rules, key);
        }
        if self.places.is_empty() {
            self.places.resize(PLACES, [const { None }; WAYS]);
        }
        let Some(place) = self.places.get_mut(hash(key) as usize % PLACES) else { return judge(rules, key) };
        if let Some(known) = place.iter().flatten().find(|known| *known.key == *key) {
            return known.facts;
        }
        let facts = judge(rules, key);
        if key.contains(&b'@') || key.iter().filter(|b| b.is_ascii_digit()).count() >= 3 {
            return facts;
        }
        place.rotate_right(1);
        if let Some(newest) = place.first_mut() {
            *newest = Some(Slot { key: key.into(), facts });
        }
        facts
    }
}

/// Multiplies eight bytes at a time; spread matters here, not secrecy.
fn hash(key: &[u8]) -> u64 {
    const PRIME: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(PRIME);
    let (words, rest) = key.as_chunks();
    let hash = words.iter().fold(key.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    // The last eight bytes, or the first and the last four of fewer: that some of them count twice does no harm.
    let last = if let Some(last) = key.last_chunk() {
        u64::from_le_bytes(*last)
    } else if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
    } else {
        rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte))
    };
    mix(hash, last) >> 32
}

fn judge(rules: &RuleSet, key: &[u8]) -> Facts {
    let named = marker::without(key);
    let tail = named.get(named.len().saturating_sub(MAX_JUDGED)..).unwrap_or_default();
    let normal = normal_form(tail);
    // Where rules look for shapes, a key of letters may have one too.
    let mut facts = Facts {
        plain: rules.shapes.is_none() && is_plain(key),
        filler: super::detect::is_filler(key),
        glue: super::detect::glue(key),
        ..Facts::default()
    };
    for rule in rules.keys_matching(&normal) {
        let bit = 1 << rule;
        if rules.has_validator(rule) {
            facts.lift |= bit;
        } else {
            facts.keyed |= bit;
        }
    }
    rules.context_of(&normal, &mut facts.near, &mut facts.against);
    facts.second = rules.is_second(&normal);
    facts
}

/// Whether no digits, no `@`, no escape, no encoded token and no other script stand in `key`.
fn is_plain(key: &[u8]) -> bool {
    let digits = key.iter().filter(|b| b.is_ascii_digit()).count();
    digits < 3 && key.len() < 48 && key.iter().all(|b| b.is_ascii() && !matches!(b, b'@' | b'%' | b'\\' | b'&')) && {
        !super::detect::token::stands_in(key)
    }
}

/// Folded, lower case, `cardNumber` and `CVVCode` as `card_number` and `cvv_code`.
pub(super) fn normal_form(key: &[u8]) -> Vec<u8> {
    let (mut view, text);
    let folded = if key.is_ascii() {
        key
    } else {
        (view, text) = (View::default(), String::from_utf8_lossy(key));
        if view.fold_text(&text) { &view.bytes } else { text.as_bytes() }
    };
    let mut normal = Vec::with_capacity(folded.len() + 8);
    for (at, &byte) in folded.iter().enumerate() {
        if byte.is_ascii_uppercase() && parts_words(folded, at) {
            normal.push(b'_');
        }
        normal.push(byte.to_ascii_lowercase());
    }
    normal
}

/// Whether the capital at `at` begins a word of `camelCase` or `CVVCode`.
pub(super) fn parts_words(name: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|before| name.get(before)) else { return false };
    before.is_ascii_lowercase() || (before.is_ascii_uppercase() && name.get(at + 1).is_some_and(u8::is_ascii_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_normal_form() {
        for (key, normal) in [
            ("cardNumber", "card_number"),
            ("CVVCode", "cvv_code"),
            ("CARD.CVV", "card.cvv"),
            ("ｃｖ\u{200b}ｖ", "cvv"),
            ("卡号", "卡号"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8(normal_form(key.as_bytes())).unwrap(), normal);
        }
    }
}
