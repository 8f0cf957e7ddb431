//! One value tried out, outside any record: what `sealtrail rules` shows of the rules in force.
//!
//! What comes out is what a collector with these rules would keep of the value in an attribute of that key, or as a body.
//! Nothing here can be sealed: a `Masked` is made by `Session::mask` alone.

use std::borrow::Cow;
use std::ops::Range;

use sealtrail_chain::content::{KeyValue, LogRecord, Value};

use super::engine::{Engine, Session};
use super::rules::CaseValue;

/// Scratch space for trying values out; nothing of it becomes a metric.
pub struct Trial<'e> {
    session: Session<'e>,
}

/// What the rules make of a value.
pub enum Tried<'v> {
    /// It stays as it is.
    Kept(Value<'v>),
    Masked(Value<'v>),
    /// The attribute goes whole.
    Dropped,
}

/// A text of `must_mask` in a rule file.
pub struct Sample<'e> {
    pub file: &'e str,
    pub line: u64,
    pub rule: &'e str,
    /// The attribute that it stands in; none: a body.
    pub key: Option<&'e str>,
    pub text: &'e str,
}

impl Engine {
    /// The ids of the rules, in order.
    pub fn rule_ids(&self) -> impl Iterator<Item = &str> {
        self.rules().iter().map(|rule| &*rule.id)
    }

    /// The texts that the rules' own tests say must be masked.
    pub fn samples(&self) -> impl Iterator<Item = Sample<'_>> {
        self.cases().iter().filter(|case| case.must_mask).filter_map(|case| {
            let CaseValue::Text(text) = &case.value else { return None };
            let rule = self.rules().get(case.rule).map_or("?", |rule| &rule.id);
            Some(Sample { file: &case.file, line: case.line, rule, key: case.key.as_deref(), text })
        })
    }

    /// For trying values out.
    pub fn trial(&self) -> Trial<'_> {
        Trial { session: self.session() }
    }
}

/// What one rule did with one value. It shows the value: for a terminal that may see it.
pub struct Witnessed<'e> {
    pub rule: &'e str,
    pub class: &'static str,
    /// File of the rule, and line of its action.
    pub file: &'e str,
    pub line: u64,
    pub action: &'static str,
    /// What the rule looks for.
    pub looks_for: &'static str,
    /// The word or key that decided, and how.
    pub because: String,
    /// Where in the text, in bytes; none: the whole value, by its key.
    pub at: Option<Range<usize>>,
    pub found: String,
    pub output: String,
}

impl<'e> Trial<'e> {
    /// Masks a value and says what each rule did with it, in the order in which it was done.
    pub fn explain(&mut self, key: Option<&str>, value: Value<'_>) -> Vec<Witnessed<'e>> {
        self.session.witness = Some(Box::default());
        // Within a list or map, what a value's own key is can't be told from here.
        let own = key.filter(|_| !matches!(value, Value::Array(_) | Value::Map(_)));
        self.mask(key, value);
        let Witness { texts, seen } = self.session.witness.take().map(|witness| *witness).unwrap_or_default();
        seen.into_iter().filter_map(|seen| self.witnessed(own, texts.get(seen.text)?, seen)).collect()
    }

    fn witnessed(&mut self, key: Option<&str>, text: &str, seen: Seen) -> Option<Witnessed<'e>> {
        let Seen { at, rule: index, output, .. } = seen;
        let engine = self.session.engine;
        let rule = engine.rules().get(index)?;
        let (file, line) = engine.place(index);
        let because = match &at {
            Some(at) => self.because(key, text.get(..at.start)?, index),
            None => key.map_or_else(|| "its own key".to_owned(), |key| format!("its key `{key}`")),
        };
        Some(Witnessed {
            rule: &rule.id,
            class: rule.class.as_str(),
            file,
            line,
            action: rule.action.name(),
            looks_for: rule.looks_for(),
            because,
            found: at.clone().map_or(Some(text), |at| text.get(at))?.to_owned(),
            at,
            output,
        })
    }

    /// The word before a value, or the key above it, that says something about what a rule looks for.
    fn because(&mut self, key: Option<&str>, before: &str, rule: u8) -> String {
        const WORDS: usize = 5;
        let rules = self.session.rules();
        let bit = 1u64 << rule;
        let mut says = |name: &str| {
            let facts = self.session.keys.facts(rules, name.as_bytes());
            let named = facts.keyed | facts.lift | rules.named(name.as_bytes()).map_or(0, |named| named.rules);
            if named & bit != 0 {
                Some("names it")
            } else if facts.near & bit != 0 {
                Some("speaks for it")
            } else {
                (facts.against & bit != 0).then_some("speaks against it, in vain")
            }
        };
        let low = before.floor_char_boundary(before.len().saturating_sub(rules.window));
        let parts = |sign: char| !sign.is_alphanumeric() && sign != '_';
        let near = before.get(low..).unwrap_or_default();
        let mut words = near.rsplit(parts).filter(|word| !word.is_empty()).take(WORDS);
        if let Some((word, says)) = words.find_map(|word| Some((word, says(word)?))) {
            return format!("the word `{word}` before it {says}");
        }
        // A key of several words.
        let name = near.trim_end_matches(parts).as_bytes();
        if rules.named(name).is_some_and(|named| named.rules & bit != 0) {
            return "the words before it name it".to_owned();
        }
        match key.and_then(|key| Some((key, says(key)?))) {
            Some((key, says)) => format!("the key `{key}` {says}"),
            None => "its own shape".to_owned(),
        }
    }

    /// Lets only these rules count, from now on: bit `i` stands for the rule at place `i`.
    pub fn only(&mut self, rules: u64) {
        self.session.only = rules;
    }

    /// Masks `value` as an attribute of this key; without one, as the body of a record.
    pub fn mask<'v>(&mut self, key: Option<&str>, value: Value<'v>) -> Tried<'v> {
        self.clear();
        let mut record = LogRecord::default();
        match key {
            Some(key) => record.attributes.push(KeyValue { key: Cow::Owned(key.to_owned()), value }),
            None => record.body = value,
        }
        self.session.record(&mut record, true);
        let value = match key {
            None => Some(record.body),
            // What else may stand in the list was put behind it (`amount_masked`), or it is there because this was dropped.
            Some(_) => record.attributes.into_iter().next().map(|attribute| attribute.value),
        };
        match value {
            None => Tried::Dropped,
            Some(value) if self.is_untouched() => Tried::Kept(value),
            Some(value) => Tried::Masked(value),
        }
    }

    /// How many values each rule masked in the last call, in the order of the rules.
    pub(super) fn counts(&self) -> &[u64] {
        &self.session.counts
    }

    fn is_untouched(&self) -> bool {
        self.session.fallbacks == 0 && self.session.counts.iter().all(|count| *count == 0)
    }

    fn clear(&mut self) {
        self.session.counts.fill(0);
        self.session.fallbacks = 0;
    }
}

/// Notes what a session finds.
#[derive(Default)]
pub(super) struct Witness {
    /// Each text once, however much was found in it.
    texts: Vec<String>,
    seen: Vec<Seen>,
}

struct Seen {
    /// Which of the texts.
    text: usize,
    at: Option<Range<usize>>,
    rule: u8,
    output: String,
}

impl Witness {
    /// What is seen from now on is in this text.
    pub(super) fn reads(&mut self, text: &str) {
        self.texts.push(text.to_owned());
    }

    /// A rule replaced `at` of the last text by `output`.
    pub(super) fn saw(&mut self, at: Range<usize>, rule: u8, output: &str) {
        self.note(Some(at), rule, output);
    }

    /// A rule replaced a value that its key gave away.
    pub(super) fn saw_value(&mut self, text: &str, rule: u8, output: &str) {
        self.reads(text);
        self.note(None, rule, output);
    }

    fn note(&mut self, at: Option<Range<usize>>, rule: u8, output: &str) {
        let Some(text) = self.texts.len().checked_sub(1) else { return };
        self.seen.push(Seen { text, at, rule, output: output.to_owned() });
    }
}

impl Drop for Trial<'_> {
    /// Trials are no traffic: they don't count.
    fn drop(&mut self) {
        self.clear();
    }
}
