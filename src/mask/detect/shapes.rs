//! Values that their shape gives away, whatever they are made of: tokens (API keys, numbers with check digits), account
//! numbers, private keys; and what is assigned to a key (`password=…`). Only packs and rules of one's own ask for these:
//! without such a rule nothing here runs.
//!
//! Linear: a token is walked once by one automaton of all patterns, an assignment is looked at once from its sign.

use regex::bytes::Regex;

use super::{Finding, Shape, iban, national};
use crate::mask::keys::Facts;
use crate::mask::rules::{Automaton, Draft, RuleSet, Validator};

/// Shortest and longest token that is looked at.
const MIN_TOKEN: usize = 5;
const MAX_TOKEN: usize = 4096;
/// Longest value that a pattern judges, and the longest way from its sign.
const MAX_VALUE: usize = 1024;
const MAX_GAP: usize = 8;
/// Bytes before a sign or token in which its name may stand.
const NAME: usize = 64;

/// What rules of shape look for; bit `i` stands for rule `i`.
pub(in crate::mask) struct Shapes {
    patterns: Option<Automaton>,
    /// Rules whose token must have a key before it.
    vouched: u64,
    assigned: Vec<(u8, Regex)>,
    all: u64,
}

/// A shape's pattern has too many states.
#[derive(Debug)]
pub(in crate::mask) struct TooLarge;

/// A text that is searched.
#[derive(Clone, Copy)]
pub(in crate::mask) struct Text<'t> {
    pub(in crate::mask) bytes: &'t [u8],
    pub(in crate::mask) view: u8,
    /// What the attribute's own key says.
    pub(in crate::mask) key: &'t Facts,
    pub(in crate::mask) active: u64,
}

impl Shapes {
    /// Those of `drafts` that look for a shape; `None`: no rule does.
    pub(in crate::mask) fn new(drafts: &[Draft]) -> Result<Option<Box<Self>>, TooLarge> {
        let rules = || (0u8..).zip(drafts);
        let bits = |is: &dyn Fn(&Draft) -> bool| {
            rules().filter(|(_, draft)| is(draft)).fold(0, |all, (rule, _)| all | 1 << rule)
        };
        let is_token = |draft: &Draft| draft.token.is_some() || draft.rule.validator().is_some_and(Validator::is_shape);
        let all = bits(&|draft| is_token(draft) || draft.assigned.is_some());
        if all == 0 {
            return Ok(None);
        }
        let patterns: Vec<_> = rules().filter_map(|(rule, draft)| Some((rule, draft.token.clone()?))).collect();
        let patterns = match patterns.is_empty() {
            true => None,
            false => Some(Automaton::of_values(&patterns).ok_or(TooLarge)?),
        };
        Ok(Some(Box::new(Self {
            patterns,
            vouched: bits(&|draft| is_token(draft) && draft.key.is_some()),
            assigned: rules().filter_map(|(rule, draft)| Some((rule, draft.assigned.clone()?))).collect(),
            all,
        })))
    }

    /// Adds what is in `text` to `found`.
    pub(in crate::mask) fn find(&self, rules: &RuleSet, text: Text<'_>, found: &mut Vec<Finding>) {
        if text.active & self.all == 0 {
            return;
        }
        self.tokens(rules, text, found);
        let private_keys = rules.with(Validator::PrivateKey) & text.active;
        if private_keys != 0 {
            let mut hit = |start, end| found.push(text.finding(start, end, private_keys));
            each_private_key(text.bytes, &mut hit);
        }
        if !self.assigned.is_empty() {
            // A value that was found may hold signs itself: each byte is a value's once.
            let mut end = 0;
            for sign in memchr::memchr2_iter(b':', b'=', text.bytes) {
                if sign >= end
                    && let Some(finding) = self.assignment(rules, text, sign)
                {
                    end = finding.end;
                    found.push(finding);
                }
            }
        }
    }

    fn tokens(&self, rules: &RuleSet, text: Text<'_>, found: &mut Vec<Finding>) {
        let bytes = text.bytes;
        let ibans = rules.with(Validator::Iban) & text.active;
        let mut at = 0;
        while let Some(length) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| begins_token(*byte))) {
            let start = at + length;
            at = start + token_length(bytes.get(start..).unwrap_or_default());
            let end = start + trimmed(bytes.get(start..at).unwrap_or_default());
            if ibans != 0
                && let Some(end) = iban::end_of(bytes, start)
                && let rules @ 1.. = vouched_for(ibans, self.vouched, || vouching(rules, text, start))
            {
                found.push(text.finding(start, end, rules));
                at = end.max(at);
                continue;
            }
            let token = bytes.get(start..end).unwrap_or_default();
            if !(MIN_TOKEN..=MAX_TOKEN).contains(&token.len()) {
                continue;
            }
            let sound = self.patterns.as_ref().map_or(0, |patterns| patterns.matching(token)) | checked(rules, token);
            let sound = vouched_for(sound & text.active, self.vouched, || vouching(rules, text, start));
            if sound != 0 {
                found.push(text.finding(start, end, sound));
            }
        }
    }

    /// What stands behind the sign at `sign`, when a key stands before it.
    fn assignment(&self, rules: &RuleSet, text: Text<'_>, sign: usize) -> Option<Finding> {
        let keyed = named_before(rules, text.bytes, sign) & text.active;
        if keyed == 0 || !self.assigned.iter().any(|(rule, _)| keyed & 1 << rule != 0) {
            return None;
        }
        let (start, end) = value_behind(text.bytes, sign + 1);
        let value = text.bytes.get(start..end).filter(|value| !value.is_empty() && !is_none_or_masked(value))?;
        // What is too long to be judged is taken whole.
        let fits = |pattern: &Regex| value.len() > MAX_VALUE || pattern.is_match(value);
        let (rule, _) = self.assigned.iter().find(|(rule, pattern)| keyed & 1 << rule != 0 && fits(pattern))?;
        Some(text.finding(start, end, 1 << rule))
    }
}

impl Text<'_> {
    /// A finding of the first of `rules`.
    fn finding(self, start: usize, end: usize, rules: u64) -> Finding {
        Finding { start, end, rule: rules.trailing_zeros() as u8, view: self.view, shape: Shape::Signs }
    }
}

/// The rules whose check digits a token has.
fn checked(rules: &RuleSet, token: &[u8]) -> u64 {
    let of = |validator, check: fn(&[u8]) -> bool| match rules.with(validator) {
        0 => 0,
        rules if check(token) => rules,
        _ => 0,
    };
    match token.len() {
        9 => of(Validator::Dni, national::dni) | of(Validator::Aba, national::aba),
        11 => of(Validator::TaxId, national::tax_id),
        15 => of(Validator::Nir, national::nir),
        16 => of(Validator::CodiceFiscale, national::codice_fiscale),
        _ => 0,
    }
}

/// Those of `sound` that need no key, or have one.
fn vouched_for(sound: u64, vouched: u64, vouching: impl Fn() -> u64) -> u64 {
    if sound & vouched == 0 { sound } else { sound & (!vouched | vouching()) }
}

/// The rules for which the attribute's key vouches, or the name before a token.
fn vouching(rules: &RuleSet, text: Text<'_>, start: usize) -> u64 {
    text.key.lift | named_before(rules, text.bytes, start)
}

/// The rules whose key ends before `at`, but for quotes, signs and space.
fn named_before(rules: &RuleSet, bytes: &[u8], at: usize) -> u64 {
    let gap = |byte: &u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\' | b':' | b'=' | b'#' | b'(' | b'[' | b'>');
    let before = bytes.get(at.saturating_sub(NAME)..at).unwrap_or_default();
    let signs = before.iter().rev().take(MAX_GAP).take_while(|byte| gap(byte)).count();
    let name = before.get(..before.len() - signs).unwrap_or_default();
    let parts =
        |byte: &u8| matches!(byte, b',' | b';' | b'{' | b'}' | b'&' | b'?' | b'|' | b'\n' | b'"' | b'\'' | b'=');
    let name = name.get(name.iter().rposition(parts).map_or(0, |part| part + 1)..).unwrap_or_default();
    if name.is_empty() {
        return 0;
    }
    rules.named_or_judged(name)
}

/// Where the value behind a sign begins and ends: within its quotes, or up to what parts it from the next one.
fn value_behind(bytes: &[u8], from: usize) -> (usize, usize) {
    let rest = |at: usize| bytes.get(at..).unwrap_or_default();
    let gap = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'>' | b'=');
    let mut start = from + rest(from).iter().take(MAX_GAP).take_while(gap).count();
    // `Authorization: Bearer …`: the scheme is no secret.
    for scheme in [b"bearer ".as_slice(), b"basic ", b"token "] {
        if rest(start).get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)) {
            start += scheme.len();
        }
    }
    let quote = bytes.get(start.wrapping_sub(1)).copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let ends = |byte: &u8| match quote {
        Some(quote) => *byte == quote || *byte == b'\\' || *byte == b'\n',
        None => {
            byte.is_ascii_whitespace()
                || matches!(byte, b',' | b';' | b'&' | b'"' | b'\'' | b'\\' | b'}' | b')' | b']' | b'<' | b'|')
        }
    };
    // A value that begins with a bracket is a list, or what was masked.
    if rest(start).first() == Some(&b'[') {
        return (start, start);
    }
    (start, start + rest(start).iter().position(ends).unwrap_or(rest(start).len()))
}

/// Whether a value says that there is none, or shows that it was masked.
fn is_none_or_masked(value: &[u8]) -> bool {
    let none: [&[u8]; 6] = [b"null", b"none", b"nil", b"true", b"false", b"undefined"];
    none.iter().any(|none| value.eq_ignore_ascii_case(none))
        || value.contains(&b'*')
        || value.starts_with(b"enc:1:")
        || value.starts_with(b"tok:1:")
}

/// Calls `hit` for each private key in PEM (RFC 7468), from its first dash to its last; one without an end, to the text's.
fn each_private_key(bytes: &[u8], hit: &mut impl FnMut(usize, usize)) {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const END: &[u8] = b"-----END ";
    const KIND: &[u8] = b"PRIVATE KEY";
    const LABEL: usize = 48;
    let mut at = 0;
    while let Some(start) = memchr::memmem::find(bytes.get(at..).unwrap_or_default(), BEGIN).map(|place| at + place) {
        at = start + BEGIN.len();
        let label = bytes.get(at..(at + LABEL).min(bytes.len())).unwrap_or_default();
        let Some(length) = memchr::memmem::find(label, b"-----") else { continue };
        if memchr::memmem::find(label.get(..length).unwrap_or_default(), KIND).is_none() {
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let end = memchr::memmem::find(rest, END).map(|place| at + place + END.len());
        let end = end.and_then(|end| {
            let dashes = memchr::memmem::find(bytes.get(end..(end + LABEL).min(bytes.len()))?, b"-----")?;
            Some(end + dashes + 5)
        });
        let end = end.unwrap_or(bytes.len());
        hit(start, end);
        at = end;
    }
}

/// Length of the token that `bytes` begin with: two dashes part it from what follows, as in `…-----BEGIN`.
fn token_length(bytes: &[u8]) -> usize {
    let mut dashes = 0;
    let is_end = |byte: &u8| {
        dashes = if *byte == b'-' { dashes + 1 } else { 0 };
        dashes == 2 || !is_token(*byte)
    };
    match bytes.iter().position(is_end) {
        Some(length) if bytes.get(length) == Some(&b'-') => length - 1,
        Some(length) => length,
        None => bytes.len(),
    }
}

/// Length of a token without what a sentence puts behind it.
fn trimmed(token: &[u8]) -> usize {
    token.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1)
}

fn begins_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_where_another_kind_of_sign_or_a_line_of_dashes_begins() {
        for (text, length) in
            [("a-b.c_d e", 7), ("123-45-6789-----BEGIN", 11), ("a--b", 1), ("a-", 2), ("a", 1), ("", 0)]
        {
            assert_eq!(token_length(text.as_bytes()), length, "{text}");
        }
    }

    #[test]
    fn what_is_assigned_ends_with_its_quote_or_with_its_field() {
        for (text, value) in [
            ("=hunter2 from", "hunter2"),
            (": \"a b\", 1", "a b"),
            ("=\\\"a b\\\"}", "a b"),
            (": Bearer abc,", "abc"),
            ("=[1, 2]", ""),
            ("=", ""),
            ("=x&y=z", "x"),
        ] {
            let (start, end) = value_behind(text.as_bytes(), 1);
            assert_eq!(&text[start..end], value, "{text}");
        }
    }

    #[test]
    fn private_keys_are_found_whole_and_other_blocks_are_not() {
        let found = |text: &str| {
            let mut found = Vec::new();
            each_private_key(text.as_bytes(), &mut |start, end| found.push((start, end)));
            found
        };
        let key = "-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----";
        assert_eq!(found(&format!("x {key}\ny {key}.")), [(2, 2 + key.len()), (5 + key.len(), 5 + 2 * key.len())]);
        assert_eq!(found("a -----BEGIN PRIVATE KEY-----MHc"), [(2, 32)]);
        assert_eq!(found("-----BEGIN CERTIFICATE-----\nMHc\n-----END CERTIFICATE-----"), []);
    }
}
