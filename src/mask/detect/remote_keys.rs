//! Codes whose key does not stand right before them: over signs (`joins`), over other values of the same key (`series`), or in another
//! member of the object (`given`).
//!
//! Asked last, and only where a key ends near. What speaks for less than a key right before a value is taken from whole values alone:
//! dates, addresses, decimals, durations and the statuses of HTTP stay.

use std::ops::Range;

use super::answers::of_question;
use super::given::CodeName;
use super::joins::{self, ARROWS, Ends, sign_of, word_of};
use super::keyed::{KEY, TAG, Wanted};
use super::placed::of_card;
use super::series::{self, Earlier};
use super::words::{Words, is_word};
use super::wrapped::unwrapped;
use super::{Finding, Scan, Shape};

/// Statuses that servers answer with.
const STATUSES: [&[u8]; 24] = [
    b"200", b"201", b"202", b"204", b"206", b"301", b"302", b"303", b"304", b"307", b"308", b"400", b"401", b"402",
    b"403", b"404", b"405", b"409", b"422", b"429", b"500", b"502", b"503", b"504",
];

/// Whether servers answer with this number.
pub(super) fn is_status(value: &[u8]) -> bool {
    STATUSES.contains(&value)
}

impl Scan<'_, '_> {
    /// The rule whose key a value at `at` has over signs, over other values of the same key, or from a member beside it or the
    /// object around it; and where that key ends.
    #[inline(never)]
    pub(super) fn keyed_over(&mut self, at: usize, token: &[u8], rules: u64) -> Option<(u8, usize)> {
        const MAX_VALUES: usize = 4;
        let behind = at + token.len();
        if !self.is_whole(at, behind) || !self.may_be_named(at, KEY + TAG) {
            return None;
        }
        if let Some(end) = self.bytes.get(..at).and_then(|before| of_card(before).or_else(|| of_question(before)))
            && let Some(rule) = self.ends_with_key(end, rules)
        {
            return Some((rule, end));
        }
        let by_signs = |scan: &mut Self, at: usize, end: usize| {
            joins::key_ends(scan.bytes, at, end)
                .into_iter()
                .flatten()
                .find_map(|end| Some((scan.ends_with_key(end, rules)?, end)))
        };
        match self.name_of_code(at, rules) {
            Some(CodeName::Given(start, end)) => {
                let facts = self.keys.facts(self.rules, self.bytes.get(start..end)?);
                return self.first(facts.keyed & rules).map(|rule| (rule, end));
            }
            Some(CodeName::Object(open)) => {
                if let Some(found) = by_signs(self, open, open) {
                    return Some(found);
                }
            }
            None => {
                let parent = self.block_of_code(at);
                if let Some(end) = parent.map(|parent| parent.end)
                    && let Some(rule) = self.ends_with_key(end, rules)
                {
                    return Some((rule, end));
                }
            }
        }
        let mut value = (at, behind);
        for _ in 0..MAX_VALUES {
            if let Some(found) = by_signs(self, value.0, value.1) {
                return Some(found);
            }
            let Earlier { start, end, pair } = series::earlier(self.bytes, value.0)?;
            if pair
                && value.0 == at
                && self.ends_pair(behind)
                && let Some(rule) = self.ends_with_key(end, rules)
            {
                return Some((rule, end));
            }
            let earlier = self.bytes.get(start..end)?;
            if !series::is_nothing(earlier) && self.rules.fitting(rules, earlier) == 0 {
                return None;
            }
            let place = unwrapped(self.bytes, start);
            if let Some(rule) = self.keyed_beside(place, end, earlier, rules) {
                return Some((rule, place));
            }
            value = (start, end);
        }
        None
    }

    /// The first of `rules` that has a key which ends at `end`; what stands in place of a masked value is none.
    fn ends_with_key(&mut self, end: usize, rules: u64) -> Option<u8> {
        let words = Words { low: end.saturating_sub(KEY), end };
        let rule = self.keyed_by(words, true, Wanted { rules, long: false, states: None, known: false })?;
        let class = self.rules.get(rule)?.class.as_str();
        let head = self.bytes.get(..end)?.strip_suffix(class.as_bytes()).unwrap_or_default();
        (!(head.ends_with(b"[") && self.byte_at(end) == b']')).then_some(rule)
    }

    /// Whether a value at `start..end` is no part of a date, an address, a decimal or a word, nor counts something.
    fn is_whole(&self, start: usize, end: usize) -> bool {
        let began = matches!(self.byte_before(start), b'.' | b'/' | b'_' | b'a'..=b'z' | b'A'..=b'Z');
        let goes_on = matches!(self.byte_at(end), b'.' | b':' | b'-' | b'/') && self.byte_at(end + 1).is_ascii_digit();
        !(began || goes_on || self.is_measured(end) || self.is_status(end))
    }

    /// Whether the reason of an HTTP status follows, so that the number before it is one.
    pub(super) fn is_status(&self, end: usize) -> bool {
        const REASONS: [&str; 12] = [
            " ok",
            " created",
            " accepted",
            " no content",
            " bad request",
            " forbidden",
            " not found",
            " internal",
            " unauthor",
            " service unavail",
            " bad gateway",
            " gateway time",
        ];
        let rest = self.bytes.get(end..).unwrap_or_default();
        let is_next =
            |known: &&str| rest.get(..known.len()).is_some_and(|next| next.eq_ignore_ascii_case(known.as_bytes()));
        REASONS.iter().any(is_next)
    }

    /// Whether a value stands behind the path of a request that ends with its key: it is the status, size or duration of the
    /// request. `POST /api/cvv 201`, `"GET /pin" 2001`; without a method, a status alone: `/cvc 500`.
    #[inline]
    pub(super) fn is_behind_path(&self, start: usize, end: usize) -> bool {
        const NEAR: usize = 32;
        // No path without a slash.
        let near = self.bytes.get(start.saturating_sub(NEAR)..start).unwrap_or_default();
        near.contains(&b'/') && self.ends_path(start, end)
    }

    #[inline(never)]
    fn ends_path(&self, start: usize, end: usize) -> bool {
        const LONGEST: usize = 128;
        const METHODS: Ends = Ends::of(&["get", "post", "put", "patch", "delete", "head", "options"]);
        let before = self.bytes.get(start.saturating_sub(LONGEST)..start).unwrap_or_default();
        let head = joins::blank(before);
        let head = joins::blank(sign_of(head, &ARROWS).unwrap_or(head));
        let head = head.strip_suffix(b"\"").unwrap_or(head);
        let is_path = |sign: &&u8| sign.is_ascii_alphanumeric() || b"/-_.:{}~".contains(sign);
        let length = head.iter().rev().take_while(is_path).count();
        let (rest, path) = head.split_at(head.len() - length);
        if head.len() == before.len() || !(path.starts_with(b"/") || path.starts_with(b"http")) {
            return false;
        }
        word_of(joins::blank(rest), &METHODS).is_some() || self.bytes.get(start..end).is_some_and(is_status)
    }

    /// Whether the bracket around a pair closes behind a value that ends at `end`.
    fn ends_pair(&self, end: usize) -> bool {
        let rest = self.bytes.get(end..).unwrap_or_default();
        let sign = rest.iter().take(4).find(|sign| !matches!(sign, b'"' | b'\'' | b'\\' | b' '));
        matches!(sign, Some(b']' | b')'))
    }

    /// A value that SQL gives its name behind it: `SELECT '737' AS cvv`.
    #[inline(never)]
    pub(super) fn aliased(&mut self, start: usize, end: usize) {
        let Some(token) = self.bytes.get(start..end) else { return };
        let rules = self.rules.fitting(self.active & self.rules.keyed_in_text, token);
        let Some((name, said)) = self.bytes.get(end + 1..).and_then(alias) else { return };
        let named = self.keys.facts(self.rules, name).keyed & rules;
        if let Some(rule) = self.first(named).filter(|rule| said && !self.is_other(*rule, name, token, b"")) {
            self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Whole });
        }
    }
}

impl Scan<'_, '_> {
    /// A value that a field beside it gives its label (`given`).
    pub(super) fn labelled(&mut self, start: usize, end: usize) {
        let Some((from, to)) = self.label_of(start) else { return };
        self.hit_named(start, end, from..to);
    }

    /// Finds a value whose name stands apart from it.
    fn hit_named(&mut self, start: usize, end: usize, name: Range<usize>) {
        let (Some(token), Some(name)) = (self.bytes.get(start..end), self.bytes.get(name)) else { return };
        let rules = self.rules.fitting(self.active & self.rules.keyed_in_text, token);
        let named = self.keys.facts(self.rules, name).keyed & rules;
        if let Some(rule) = self.first(named).filter(|rule| !self.is_other(*rule, name, token, b"")) {
            self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Whole });
        }
    }

    /// A value that a message names behind it: `Incorrect string value: '737' for column 'cvv'`.
    #[inline(never)]
    pub(super) fn named_behind(&mut self, start: usize, end: usize) {
        let Some((from, to)) = self.name_behind(end) else { return };
        self.hit_named(start, end, from..to);
    }

    /// Whether that name is an id's, which speaks against `rule`.
    pub(super) fn is_id_behind(&mut self, end: usize, rule: u8) -> bool {
        let name = self.name_behind(end).and_then(|(from, to)| self.bytes.get(from..to));
        name.is_some_and(|name| {
            let facts = self.keys.facts(self.rules, name);
            facts.against & !facts.lift & !facts.near & 1 << rule != 0
        })
    }

    /// Where the name stands behind a value in quotes or brackets that ends at `end`.
    fn name_behind(&self, end: usize) -> Option<(usize, usize)> {
        const KINDS: [&str; 7] = ["column", "field", "key", "attribute", "parameter", "property", "member"];
        const LONGEST: usize = 96;
        let rest = self.bytes.get(end..)?;
        let [b'\'' | b'"' | b']' | b'`', rest @ ..] = rest else { return None };
        let (kind, name) = word(rest.strip_prefix(b" for ")?);
        let quoted = name.strip_prefix(b" ").filter(|_| KINDS.iter().any(|known| kind == known.as_bytes()))?;
        let is_name = |sign: &&u8| is_word(**sign) || matches!(sign, b'.' | b'`' | b'\'' | b'"');
        let length = quoted.iter().take(LONGEST).take_while(is_name).count();
        let name = quoted.get(..length)?;
        let last = name.iter().rposition(|sign| is_word(*sign))? + 1;
        let first = name.get(..last)?.iter().rposition(|sign| !is_word(*sign)).map_or(0, |sign| sign + 1);
        let from = self.bytes.len() - quoted.len();
        Some((from + first, from + last))
    }
}

/// The name that `behind` begins with, and whether it is a column's: `AS` stands before it, or the column ends with it.
fn alias(behind: &[u8]) -> Option<(&[u8], bool)> {
    let rest = behind.trim_ascii_start();
    let (first, after) = word(rest);
    if rest.len() == behind.len() || !first.eq_ignore_ascii_case(b"as") {
        let after = after.trim_ascii_start();
        let ends =
            matches!(after.first(), None | Some(b',' | b')' | b';')) || word(after).0.eq_ignore_ascii_case(b"from");
        return (rest.len() < behind.len()).then_some((first, ends));
    }
    let name = after.trim_ascii_start();
    let name = name.strip_prefix(b"\"").or_else(|| name.strip_prefix(b"`")).unwrap_or(name);
    Some((word(name).0, true))
}

/// The word that `rest` begins with, and what follows.
fn word(rest: &[u8]) -> (&[u8], &[u8]) {
    const NAME: usize = 40;
    rest.split_at(rest.iter().take(NAME).take_while(|sign| is_word(**sign)).count())
}
