//! Where keys end in a view: before a number, the last place behind which a key of a rule may stand.
//!
//! Every number asks, few need the answer, and most of those only for the bytes right before it. So what was asked for is
//! noted, and searched from its end back, no farther than the question goes. A byte is searched again at most by questions that
//! reach it, so that the work stays linear.

use crate::mask::rules::RuleSet;

/// No key is looked for farther before a place that is asked for.
const FARTHEST: usize = 256;
/// Bytes of a view that is searched as a whole: in a longer one a key of nearly every rule stands somewhere, and a name may be cut
/// where the search for it ends.
const SHORT: usize = 256;

/// What is known of the places in a view at which a key may end.
pub(in crate::mask) struct KeyEnds {
    /// The last end that was found.
    last: Option<usize>,
    /// First and last place behind it that were not searched, of those that were asked for before the last search.
    open: Option<(usize, usize)>,
    /// What was asked for since: from here to the last place that was.
    fresh: usize,
    until: usize,
    /// Rules of which a key may end in the view, up to a place; once that was asked.
    named: u64,
    named_to: usize,
}

impl Default for KeyEnds {
    fn default() -> Self {
        Self { last: None, open: None, fresh: 1, until: 0, named: 0, named_to: 0 }
    }
}

impl KeyEnds {
    /// Ends before `at` count from now on.
    #[inline]
    pub(super) fn reach_to(&mut self, rules: &RuleSet, bytes: &[u8], at: usize) {
        let next = self.until + 1;
        if at < next {
            return;
        }
        if at > next + FARTHEST {
            // What lies between is never searched, so that what is open would not stay in one piece.
            self.search(rules, bytes, 0);
            self.fresh = at - FARTHEST;
        }
        self.until = at;
    }

    /// The rules of which a key may end before `at`, however far; of a long view, any.
    pub(super) fn named_before(&mut self, rules: &RuleSet, bytes: &[u8], at: usize) -> u64 {
        if bytes.len() > SHORT {
            return u64::MAX;
        }
        if at > self.named_to {
            self.named |= rules.named_within(bytes, self.named_to, at);
            self.named_to = at;
        }
        self.named
    }

    /// Whether a place behind `at` was asked for.
    pub(super) fn is_past(&self, at: usize) -> bool {
        self.until > at
    }

    /// The last end, when it is not before `low`.
    #[inline]
    pub(super) fn last_from(&mut self, rules: &RuleSet, bytes: &[u8], low: usize) -> Option<usize> {
        if self.fresh <= self.until || self.open.is_some() {
            self.search(rules, bytes, low);
        }
        self.last.filter(|end| *end >= low)
    }

    /// Searches from `low` on what was not.
    fn search(&mut self, rules: &RuleSet, bytes: &[u8], low: usize) {
        if self.until >= low.max(self.fresh) {
            let (first, from) = (self.fresh, self.fresh.max(low));
            self.fresh = self.until + 1;
            if self.found(rules.last_name_end(bytes, from, self.until)) {
                return;
            }
            if from > first {
                self.open = Some((self.open.map_or(first, |(first, _)| first), from - 1));
                return;
            }
        }
        if let Some((first, to)) = self.open.filter(|(_, to)| *to >= low) {
            let from = first.max(low);
            if !self.found(rules.last_name_end(bytes, from, to)) {
                self.open = (from > first).then(|| (first, from - 1));
            }
        }
    }

    fn found(&mut self, end: Option<usize>) -> bool {
        if end.is_some() {
            (self.last, self.open) = (end, None);
        }
        end.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::mask::{Config, Engine};

    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let chain = "ends".parse().expect("a chain's name");
        Engine::compile(&Config::default(), Path::new("."), &chain).unwrap_or_else(|errors| panic!("{errors:?}"))
    });

    proptest! {
        /// What is searched late and in parts is what a search of all that is asked for finds at once.
        #[test]
        fn ends_are_those_that_a_search_at_once_finds(
            words in proptest::collection::vec("cvv|pan|x|card no|[a-z ]{1,9}|[ ]{1,200}|卡号", 1..12),
            questions in proptest::collection::vec((0usize..1200, 0usize..300), 1..12),
        ) {
            let rules = ENGINE.rules();
            let text = words.concat() + ".";
            let bytes = text.as_bytes();
            let mut ends = KeyEnds::default();
            let (mut until, mut last) = (0, None);
            for (at, reach) in questions {
                let at = at % bytes.len();
                if at > until {
                    let from = (until + 1).max(at.saturating_sub(FARTHEST));
                    last = rules.last_name_end(bytes, from, at).or(last);
                    until = at;
                }
                ends.reach_to(rules, bytes, at);
                let low = at.saturating_sub(reach);
                prop_assert_eq!(ends.last_from(rules, bytes, low), last.filter(|end| *end >= low));
            }
        }
    }
}
