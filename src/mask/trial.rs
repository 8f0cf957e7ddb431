//! One value tried out, outside any record: what `sealtrail rules` shows of the rules in force.
//!
//! What comes out is what a collector with these rules would keep of the value in an attribute of that key, or as a body.
//! Nothing here can be sealed: a `Masked` is made by `Session::mask` alone.

use std::borrow::Cow;

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

impl Trial<'_> {
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

impl Drop for Trial<'_> {
    /// Trials are no traffic: they don't count.
    fn drop(&mut self) {
        self.clear();
    }
}
