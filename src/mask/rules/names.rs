//! The patterns of keys that count in a text, in as few automata as they fit into: one, but for who adds very many.

use super::automaton::{Automaton, Named};

pub(in crate::mask) struct Names(Vec<Automaton>);

impl Names {
    /// `None`: one pattern alone is too much for an automaton, or can't be made one.
    pub(super) fn of(patterns: &[(u8, String)]) -> Option<Self> {
        if let Some(automaton) = Automaton::of_names(patterns) {
            return Some(Self(vec![automaton]));
        }
        if patterns.len() < 2 {
            return None;
        }
        Self::of_halves(patterns)
    }

    fn of_halves(patterns: &[(u8, String)]) -> Option<Self> {
        let (first, second) = patterns.split_at(patterns.len() / 2);
        let (Self(mut automata), Self(more)) = (Self::of(first)?, Self::of(second)?);
        automata.extend(more);
        Some(Self(automata))
    }

    /// What the patterns say about `name`, which is UTF-8.
    pub(super) fn named(&self, name: &[u8]) -> Named {
        let join =
            |one: Named, other: Named| Named { rules: one.rules | other.rules, longer: one.longer | other.longer };
        let none = Named { rules: 0, longer: false };
        self.0.iter().map(|automaton| automaton.named(name)).fold(none, join)
    }

    /// The last place in `from..=to` before which a name may end that some pattern matches. A byte stands at `to`.
    pub(super) fn last_end(&self, bytes: &[u8], from: usize, to: usize) -> Option<usize> {
        self.0.iter().fold(None, |last, automaton| last.max(automaton.last_end(bytes, from, to)))
    }

    /// Whether each name that some pattern matches holds a letter, or a sign that is no ASCII.
    pub(super) fn hold_letters(&self) -> bool {
        self.0.iter().all(Automaton::names_hold_letters)
    }

    /// The rules of which a key may end behind `from` in `bytes`, and not behind `to`.
    pub(super) fn within(&self, bytes: &[u8], from: usize, to: usize) -> u64 {
        self.0.iter().fold(0, |rules, automaton| rules | automaton.within(bytes, from, to))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn several_automata_say_what_one_does(text in "[cvpan2 .码卡x]{0,24}|q? ?(security|credit)?[ _]?(code|card|cvv|码)?:1") {
            let patterns = ["(^|[^a-z])cvv2?$", "card$", "^pan$", "security[ ._-]?code$|码$"];
            let patterns: Vec<_> = patterns.iter().zip(0u8..).map(|(text, rule)| (rule, (*text).to_owned())).collect();
            let (one, several) = (Names::of(&patterns).expect("small"), Names::of_halves(&patterns).expect("small"));
            prop_assert_eq!((one.0.len(), several.0.len()), (1, 2));
            let named = |names: &Names| {
                let named = names.named(text.as_bytes());
                (named.rules, named.longer)
            };
            prop_assert_eq!(named(&one), named(&several));
            let bytes = format!("{text}.").into_bytes();
            prop_assert_eq!(one.last_end(&bytes, 0, text.len()), several.last_end(&bytes, 0, text.len()));
        }
    }
}
