//! The patterns of all rules in one automaton: a walk over a few bytes says which of them match, and most walks end at once.
//!
//! Names are walked from their end: the patterns of keys hold what a name ends with, so behind most words of a text the first
//! two or three bytes already tell that no rule's key ends there, whatever stands before. What an automaton can't be made of
//! (`\b` on Unicode, a pattern whose states are too many) is left to `regex` by the caller.

use std::collections::HashMap;

use regex_automata::Anchored;
use regex_automata::MatchKind;
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};

use crate::mask::keys::parts_words;

/// Bytes that the automaton of all patterns may take, and that making it may.
const SIZE: usize = 12 << 20;
/// Longest name whose end is asked for.
const MAX_NAME: usize = 96;

/// More states than any set of sensible patterns needs; with the classes of bytes, what a table of them may take is bounded.
const MAX_STATES: usize = 1 << 15;
/// Two bytes by their lower five bits: letters whatever their case; others that are taken for them only cost a walk.
const PAIRS: usize = 1 << 10;
const DEAD: u16 = 0;
const START: u16 = 1;

pub(in crate::mask) struct Automaton {
    /// Bytes that no pattern tells apart are one class; of names, which are walked in lower case, capitals are in that of the small
    /// letters.
    classes: [u8; 256],
    /// Classes a state, and the state that follows on each.
    stride: usize,
    next: Vec<u16>,
    /// By state: rules that match here whatever follows, rules that match where the text ends here, and both.
    here: Vec<u64>,
    at_end: Vec<u64>,
    either: Vec<u64>,
    /// Three bytes that a name may end with: by the last two of them, from the end, a bit for the first one.
    triples: Box<[u32; PAIRS]>,
    /// A name may end with two digits.
    numbers: bool,
    /// Each name holds a letter, or a sign that is no ASCII.
    letters: bool,
}

/// What the patterns of keys say about a name.
#[derive(Clone, Copy)]
pub(in crate::mask) struct Named {
    /// The rules whose pattern matches.
    pub(in crate::mask) rules: u64,
    /// A longer name that ends like this one may match yet.
    pub(in crate::mask) longer: bool,
}

impl Automaton {
    /// Of patterns that match anywhere in a name, walked from its end.
    pub(super) fn of_names(patterns: &[(u8, String)]) -> Option<Self> {
        let form = |pattern: &String| {
            let parsed = syntax::parse_with(pattern, &syntax::Config::new().utf8(false)).ok()?;
            // Where the name may go on behind a match, anything may.
            let ends = parsed.properties().look_set_suffix().contains_anchor_haystack();
            Some(if ends { pattern.clone() } else { format!("(?:{pattern})(?s-u:.)*") })
        };
        let texts = patterns.iter().map(|(_, pattern)| form(pattern)).collect::<Option<Vec<_>>>()?;
        Self::new(patterns, &texts, true)
    }

    /// Of patterns that match a value as a whole.
    pub(in crate::mask) fn of_values(patterns: &[(u8, String)]) -> Option<Self> {
        let texts: Vec<_> = patterns.iter().map(|(_, pattern)| pattern.clone()).collect();
        Self::new(patterns, &texts, false)
    }

    fn new(patterns: &[(u8, String)], texts: &[String], reverse: bool) -> Option<Self> {
        let config = dense::Config::new()
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Anchored)
            .accelerate(false)
            .dfa_size_limit(Some(SIZE))
            .determinize_size_limit(Some(SIZE));
        let dfa = dense::Builder::new()
            .configure(config)
            .syntax(syntax::Config::new().utf8(false))
            .thompson(thompson::Config::new().utf8(false).reverse(reverse))
            .build_many(texts)
            .ok()?;
        let start = dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).ok()?;
        let matches = |state: StateID| {
            let rule = |index| patterns.get(dfa.match_pattern(state, index).as_usize()).map(|(rule, _)| *rule);
            let count = if dfa.is_match_state(state) { dfa.match_len(state) } else { 0 };
            (0..count).filter_map(rule).fold(0, |rules, rule| rules | 1 << rule)
        };
        let class = |byte: u8| dfa.byte_classes().get(if reverse { byte.to_ascii_lowercase() } else { byte });
        let classes: [u8; 256] = std::array::from_fn(|byte| class(byte as u8));
        let bytes: Vec<u8> = dfa.byte_classes().representatives(0u8..=255).filter_map(|unit| unit.as_u8()).collect();
        let mut states = vec![None, Some(start)];
        let mut numbers = HashMap::from([(start, START)]);
        let mut automaton = Self {
            classes,
            stride: bytes.len(),
            next: Vec::new(),
            here: Vec::new(),
            at_end: Vec::new(),
            either: Vec::new(),
            triples: Box::new([0; PAIRS]),
            numbers: false,
            letters: false,
        };
        let mut at = 0;
        while let Some(&state) = states.get(at) {
            at += 1;
            automaton.here.push(state.map_or(0, matches));
            automaton.at_end.push(state.map_or(0, |state| matches(dfa.next_eoi_state(state))));
            for &byte in &bytes {
                let next = state.map(|state| dfa.next_state(state, byte)).filter(|next| !dfa.is_dead_state(*next));
                let number = match next {
                    None => DEAD,
                    Some(next) => *numbers.entry(next).or_insert_with(|| {
                        states.push(Some(next));
                        (states.len() - 1) as u16
                    }),
                };
                automaton.next.push(number);
            }
            if states.len() > MAX_STATES {
                return None;
            }
        }
        automaton.either = automaton.here.iter().zip(&automaton.at_end).map(|(here, at_end)| here | at_end).collect();
        automaton.gather_ends();
        automaton.letters = !automaton.ends_without_letters();
        Some(automaton)
    }

    /// Whether a walk over digits and signs alone comes to a name.
    fn ends_without_letters(&self) -> bool {
        let mut seen = vec![false; self.here.len()];
        let mut open = vec![START];
        while let Some(state) = open.pop() {
            if self.either(state) != 0 {
                return true;
            }
            for byte in (0..0x80u8).filter(|byte| !byte.is_ascii_alphabetic()) {
                let next = self.step(state, byte);
                if let Some(seen) = seen.get_mut(usize::from(next)).filter(|seen| next != DEAD && !**seen) {
                    *seen = true;
                    open.push(next);
                }
            }
        }
        false
    }

    pub(super) fn names_hold_letters(&self) -> bool {
        self.letters
    }

    /// Gathers the bytes that a name may end with, as `may_end` walks them.
    fn gather_ends(&mut self) {
        for last in 0..=255 {
            let ones = self.behind(&[START], last);
            for before in 0..=255 {
                let twos = self.behind(&ones, before);
                let ends = self.is_end(&ones, last) || self.is_end(&twos, before);
                if !ends && twos.is_empty() {
                    continue;
                }
                self.numbers |= before.is_ascii_digit() && last.is_ascii_digit();
                for third in 0..=255 {
                    let (pair, bit) = (low(last) << 5 | low(before), 1 << low(third));
                    if self.triples[pair] & bit == 0 && (ends || !self.behind(&twos, third).is_empty()) {
                        self.triples[pair] |= bit;
                    }
                }
            }
        }
    }

    /// The states that `byte` leads to, with and without a `_` that parts the word which a capital begins.
    fn behind(&self, states: &[u16], byte: u8) -> Vec<u16> {
        let next = states.iter().map(|state| self.step(*state, byte));
        let mut next: Vec<_> = next.filter(|state| *state != DEAD).collect();
        if byte.is_ascii_uppercase() {
            let parted: Vec<_> =
                next.iter().map(|state| self.step(*state, b'_')).filter(|state| *state != DEAD).collect();
            next.extend(parted);
        }
        next
    }

    /// Whether a walk that came to one of `states` by `byte` says that a name ends here.
    fn is_end(&self, states: &[u16], byte: u8) -> bool {
        states.iter().any(|state| byte == 0xFF || self.either(*state) != 0)
    }

    fn step(&self, state: u16, byte: u8) -> u16 {
        let place = usize::from(state) * self.stride + usize::from(self.classes[usize::from(byte)]);
        self.next.get(place).copied().unwrap_or(DEAD)
    }

    fn here(&self, state: u16) -> u64 {
        self.here.get(usize::from(state)).copied().unwrap_or(0)
    }

    fn at_end(&self, state: u16) -> u64 {
        self.at_end.get(usize::from(state)).copied().unwrap_or(0)
    }

    fn either(&self, state: u16) -> u64 {
        self.either.get(usize::from(state)).copied().unwrap_or(0)
    }

    /// The rules whose pattern matches `value`.
    pub(in crate::mask) fn matching(&self, value: &[u8]) -> u64 {
        let mut state = START;
        for &byte in value {
            state = self.step(state, byte);
            if state == DEAD {
                return 0;
            }
        }
        self.at_end(state)
    }

    /// What the patterns say about `name`, which is folded UTF-8 and is read in its normal form (see `keys`).
    pub(super) fn named(&self, name: &[u8]) -> Named {
        let mut rules = 0;
        let mut state = START;
        for (at, &byte) in name.iter().enumerate().rev() {
            state = self.step(state, byte);
            rules |= self.here(state);
            if state != DEAD && byte.is_ascii_uppercase() && parts_words(name, at) {
                state = self.step(state, b'_');
                rules |= self.here(state);
            }
            if state == DEAD {
                return Named { rules, longer: false };
            }
        }
        Named { rules: rules | self.at_end(state), longer: true }
    }

    /// The last place in `from..=to` before which a name may end that some pattern matches, wherever it begins. A byte stands at
    /// `to`.
    pub(super) fn last_end(&self, bytes: &[u8], from: usize, to: usize) -> Option<usize> {
        let is_end =
            |end: &usize| self.ends_word(bytes, *end) && bytes.get(..*end).is_some_and(|name| self.may_end(name));
        // Of each place the three bytes before it are asked first, those of one after the other: most places end there. A name of
        // one byte or two that a text begins with ends so whatever stands before it.
        let before = |back: usize| to.checked_sub(back).and_then(|at| bytes.get(at)).map_or(0, |byte| low(*byte));
        let mut pair = before(1) << 5 | before(2);
        let first = from.saturating_sub(3);
        let thirds = bytes.get(first..to.saturating_sub(2)).unwrap_or_default();
        for (at, third) in thirds.iter().enumerate().rev() {
            if self.triples[pair] >> low(*third) & 1 != 0 {
                let end = first + at + 3;
                if end >= from && is_end(&end) {
                    return Some(end);
                }
            }
            pair = (pair << 5 | low(*third)) % PAIRS;
        }
        for end in (from..=to.min(2)).rev() {
            if self.triples[pair] & 1 != 0 && is_end(&end) {
                return Some(end);
            }
            pair = (pair << 5) % PAIRS;
        }
        None
    }

    /// The rules of which a key may end behind `from` in `bytes`, and not behind `to`: with the text, or where no letter follows on a
    /// letter. It never leaves one out.
    pub(super) fn within(&self, bytes: &[u8], from: usize, to: usize) -> u64 {
        let before = |back: usize| from.checked_sub(back).and_then(|at| bytes.get(at)).map_or(0, |byte| low(*byte));
        // A name of one byte or two that a text begins with ends so whatever stands before it.
        let (mut third, mut second) = (before(2), before(1));
        let mut rules = 0;
        for (at, last) in bytes.iter().enumerate().take(to).skip(from) {
            if self.triples[low(*last) << 5 | second] >> third & 1 != 0
                && !(last.is_ascii_alphabetic() && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic))
            {
                rules |= self.ending(bytes.get(..=at).unwrap_or_default());
            }
            (third, second) = (second, low(*last));
        }
        rules
    }

    /// The rules of which `bytes` may end with a key.
    fn ending(&self, bytes: &[u8]) -> u64 {
        let mut rules = 0;
        let mut state = START;
        for (at, &byte) in bytes.iter().enumerate().rev().take(MAX_NAME) {
            state = self.step(state, byte);
            rules |= self.either(state);
            if state != DEAD && byte.is_ascii_uppercase() && parts_words(bytes, at) {
                state = self.step(state, b'_');
                rules |= self.here(state);
            }
            if state == DEAD {
                return rules;
            }
            if byte == 0xFF {
                return u64::MAX;
            }
        }
        if bytes.len() > MAX_NAME { u64::MAX } else { rules }
    }

    /// Whether a word or the name of a tag may end before `end`, where a byte stands. A letter may only follow another script
    /// (`卡ABC`), and two digits stand before it only when a name may end so.
    fn ends_word(&self, bytes: &[u8], end: usize) -> bool {
        let (Some(last), Some(next)) = (end.checked_sub(1).and_then(|last| bytes.get(last)), bytes.get(end)) else {
            return false;
        };
        // Signs in names of tags, and digits between them; before a word that only fills (`是`, `_`) a name may end with any sign.
        let ends =
            last.is_ascii_alphabetic() || matches!(last, b'-'..=b':' | b'_' | 0x80..) || matches!(next, b'_' | 0xC0..);
        let goes_on = (next.is_ascii_alphabetic() && last.is_ascii()) || (0x80..0xC0).contains(next);
        let digits = || {
            end.checked_sub(2)
                .and_then(|from| bytes.get(from..end))
                .is_some_and(|two| two.iter().all(u8::is_ascii_digit))
        };
        ends && !goes_on && (self.numbers || !digits())
    }

    /// Whether `bytes` may end with such a name.
    fn may_end(&self, bytes: &[u8]) -> bool {
        let mut state = START;
        for (at, &byte) in bytes.iter().enumerate().rev().take(MAX_NAME) {
            state = self.step(state, byte);
            // A byte that is no UTF-8 is a sign of its own in the normal form.
            if self.either(state) != 0 || (byte == 0xFF && state != DEAD) {
                return true;
            }
            if state != DEAD && byte.is_ascii_uppercase() && parts_words(bytes, at) {
                state = self.step(state, b'_');
                if self.here(state) != 0 {
                    return true;
                }
            }
            if state == DEAD {
                return false;
            }
        }
        bytes.len() > MAX_NAME
    }
}

/// The lower five bits.
fn low(byte: u8) -> usize {
    usize::from(byte & 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::bytes::RegexSet;

    use super::*;
    use crate::mask::keys::normal_form;

    const PATTERNS: [&str; 6] =
        ["(^|[^a-z])cvv2?$", "visa|card", "^pan$", "security[ ._-]?code$|码$", "信用卡背面.{0,3}码$", "^[0-9]{2}x"];

    #[test]
    fn a_pattern_may_do_without_letters() {
        for (pattern, letters) in [("(^|[^a-z])de52$", true), ("码$", true), ("^5[0-9]$", false), ("[._-]$", false)] {
            let automaton = Automaton::of_names(&[(0, pattern.to_owned())]).expect("small");
            assert_eq!(automaton.names_hold_letters(), letters, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn it_says_what_the_patterns_say(name in "[cvpansCVD2_ .码卡x]{0,12}|(security|x|credit)?([ _-]|CARD|Card)?(code|cvv2|Code|卡背面|码){0,2}(s|x)?", part in 0usize..12) {
            let patterns: Vec<_> = PATTERNS.iter().zip(0u8..).map(|(text, rule)| (rule, (*text).to_owned())).collect();
            let automaton = Automaton::of_names(&patterns).expect("small");
            let expected = RegexSet::new(PATTERNS).unwrap().matches(&normal_form(name.as_bytes())).iter().fold(0, |rules, rule| rules | 1 << rule);
            let named = automaton.named(name.as_bytes());
            prop_assert_eq!(named.rules, expected);
            for text in [name.clone(), format!("q {name}"), format!("xY{name}")] {
                let bytes = format!("{text}:1").into_bytes();
                let found = automaton.last_end(&bytes, 1, text.len());
                // Neither a word nor the name of a tag ends with a space.
                prop_assert!(expected == 0 || text.ends_with(' ') || found == Some(text.len()));
                let within = |bytes: &[u8]| automaton.within(bytes, 0, part) | automaton.within(bytes, part, text.len());
                prop_assert_eq!(expected & !(within(&bytes) & within(text.as_bytes())), 0);
                prop_assert_eq!(within(&bytes), automaton.within(&bytes, 0, text.len()));
            }
            prop_assert!(automaton.names_hold_letters());
        }
    }
}
