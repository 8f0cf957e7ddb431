//! A rule's own tests, which run at every load.

use std::borrow::Cow;

use sealtrail_chain::content;

use super::parse::Parser;
use super::problem::Problem;
use crate::yaml::{Node, Value};

/// A case of a rule's own tests.
pub(in crate::mask) struct Case {
    pub(in crate::mask) file: String,
    pub(in crate::mask) line: u64,
    pub(in crate::mask) rule: u8,
    pub(in crate::mask) must_mask: bool,
    /// Its place in its list, from 1 on.
    pub(in crate::mask) number: usize,
    pub(in crate::mask) key: Option<String>,
    pub(in crate::mask) value: CaseValue,
}

pub(in crate::mask) enum CaseValue {
    Text(String),
    Int(i64),
    Double(f64),
    Bytes(Vec<u8>),
}

impl CaseValue {
    pub(in crate::mask) fn as_value(&self) -> content::Value<'_> {
        match self {
            Self::Text(text) => content::Value::String(Cow::Borrowed(text)),
            Self::Int(int) => content::Value::Int(*int),
            Self::Double(double) => content::Value::Double(*double),
            Self::Bytes(bytes) => content::Value::Bytes(Cow::Borrowed(bytes)),
        }
    }

    /// As it is written in a text.
    pub(in crate::mask) fn as_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(int) => int.to_string(),
            Self::Double(double) => double.to_string(),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

impl Parser<'_> {
    /// Reads the tests of the rule that is read.
    pub(super) fn tests(&mut self, node: &Node) {
        let before = self.cases.len();
        if let Some(tests) = node.entry("tests") {
            if !self.reader.is_map(tests, "tests") {
                return;
            }
            self.reader.known_keys(tests, &["must_mask", "must_keep"]);
            for (key, must_mask) in [("must_mask", true), ("must_keep", false)] {
                let Some(list) = tests.entry(key) else { continue };
                if list.list().is_none() {
                    self.reader.wrong(list.line, Problem::Type { key: key.into(), expected: "a list" });
                }
                for (index, case) in list.list().unwrap_or_default().iter().enumerate() {
                    self.case(case, must_mask, index + 1);
                }
            }
        }
        let own = self.cases.get(before..).unwrap_or_default();
        let (masks, keeps) = (own.iter().any(|case| case.must_mask), own.iter().any(|case| !case.must_mask));
        let line = node.entry("tests").map_or(node.line, |tests| tests.line);
        if !masks {
            self.reader.wrong(line, Problem::NoTests);
        } else if !keeps {
            self.reader.warn(line, Problem::NothingKept);
        }
    }

    fn case(&mut self, node: &Node, must_mask: bool, number: usize) {
        let key = node.entry("key").and_then(Node::text).map(str::to_owned);
        if matches!(node.value, Value::Map(_)) {
            self.reader.known_keys(node, &["key", "text", "int", "double", "bytes"]);
        }
        let value =
            match (&node.value, node.entry("text"), node.entry("int"), node.entry("double"), node.entry("bytes")) {
                (Value::Text(text), ..) => Some(CaseValue::Text(text.clone())),
                (_, Some(text), ..) => text.text().map(|text| CaseValue::Text(text.to_owned())),
                (_, _, Some(Node { value: Value::Int(int), .. }), ..) => i64::try_from(*int).ok().map(CaseValue::Int),
                (_, _, _, Some(Node { value: Value::Double(double), .. }), _) => Some(CaseValue::Double(*double)),
                (_, _, _, _, Some(bytes)) => bytes.text().map(|text| CaseValue::Bytes(text.as_bytes().to_vec())),
                _ => None,
            };
        let Some(value) = value else {
            return self.reader.wrong(
                node.line,
                Problem::Type { key: "tests".into(), expected: "a text, or {key: KEY, text|int|double|bytes: VALUE}" },
            );
        };
        let (file, rule) = (self.reader.file.clone(), self.drafts.len() as u8);
        self.cases.push(Case { file, line: node.line, rule, must_mask, number, key, value });
    }
}
