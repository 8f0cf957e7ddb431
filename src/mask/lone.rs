//! A value that is one number and nothing else, as most card numbers, identity numbers and telephones in attributes are: what its
//! digits and its own key say is all there is, so that nothing of `detect` is asked that looks at what stands around a number.

use super::detect::{Group, MAX_DIGITS, Scan, shapes};
use super::engine::Session;
use super::glance::Glance;
use super::keys::Facts;
use super::scratch::{Scratch, Span};
use super::signs::{NUMBER, are_digits};

/// Digits of the shortest number that its key may give away, and of the shortest one without any key.
const VOUCHED: usize = 7;
const ALONE: usize = 11;

pub(super) fn is_lone_number(bytes: &[u8]) -> bool {
    (1..=NUMBER).contains(&bytes.len()) && are_digits(bytes)
}

impl Session<'_> {
    /// The masked number; `None`: it stays.
    pub(super) fn lone_number(&mut self, text: &str, key: &Facts, active: u64) -> Option<String> {
        let bytes = text.as_bytes();
        if bytes.len() < VOUCHED || (bytes.len() < ALONE && key.lift == 0) {
            return None;
        }
        let mut scratch = self.scratch.take().unwrap_or_default();
        let Scratch { seen, spans, .. } = &mut *scratch;
        seen.found.clear();
        seen.kept.clear();
        seen.signs.take(Glance::at_digits(bytes.len()));
        seen.scan(self.engine.rules(), &mut self.keys, shapes::Text { bytes, view: 0, key, active }).lone();
        let masked = seen.found.first().copied().map(|finding| {
            spans.clear();
            spans.push(Span { start: finding.start, end: finding.end, finding });
            self.render(text, spans, &|_| None)
        });
        self.scratch = Some(scratch);
        masked
    }
}

impl Scan<'_, '_> {
    /// Judges a view that is one number: there is one finding at most.
    fn lone(&mut self) {
        let number = Group { start: 0, end: self.bytes.len() };
        if self.bytes.len() >= ALONE {
            self.run_of_digits(number);
        }
        if self.found.is_empty() && self.bytes.len() <= MAX_DIGITS {
            self.vouched(&[number], self.bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::super::detect::pan;
    use super::super::rules::Place;
    use super::super::{Config, Engine};
    use super::*;

    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let chain = "lone".parse().expect("a chain's name");
        Engine::compile(&Config::default(), Path::new("."), &chain).unwrap_or_else(|errors| panic!("{errors:?}"))
    });

    /// The same length with a right check digit.
    fn sound(text: &str) -> String {
        let head = text.get(..text.len() - 1).unwrap_or_default();
        let mut numbers = (0..10).map(|digit| format!("{head}{digit}"));
        numbers.find(|number| pan::luhn(number.as_bytes())).unwrap_or_else(|| text.to_owned())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn a_lone_number_becomes_what_the_passes_make_of_it(
            number in "(|4|37|62|16|19|13|8613|008613|000|110101195012|1101015012)[0-9]{1,19}",
            is_sound in any::<bool>(),
            key in "|card_number|phone|id_card|order_id|pin_block|note",
        ) {
            let number = if is_sound { sound(&number) } else { number };
            let mut session = ENGINE.session();
            let key = session.keys.facts(ENGINE.rules(), key.as_bytes()).inherited();
            if is_lone_number(number.as_bytes()) {
                let passed = session.looked_into(&number, &key, Place::Attributes);
                prop_assert_eq!(session.text(&number, &key, Place::Attributes), passed);
            }
        }
    }

    #[test]
    fn a_number_alone_has_nothing_else_in_it() {
        for (text, is_it) in
            [("4242424242424242", true), ("7", true), ("4242 4242", false), ("4242424242424242x", false), ("", false)]
        {
            assert_eq!(is_lone_number(text.as_bytes()), is_it, "{text}");
        }
    }
}
