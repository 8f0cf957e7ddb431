//! Reading the tree of a rule file: each value in the form that it must have, or an error with its line.

use regex::bytes::{Regex, RegexBuilder};

use super::problem::{Problem, RuleError};
use crate::yaml::{Entry, Node, Value};

/// Bytes that one compiled pattern may take.
pub(super) const PATTERN_SIZE: usize = 1 << 20;
/// Nesting of one pattern.
const PATTERN_NEST: u32 = 32;
/// Signs of a pattern that can still be read.
const LONG_PATTERN: usize = 2000;

/// Where reading is, and what was wrong so far.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) file: String,
    /// Id of the rule that is read.
    pub(super) rule: Option<String>,
    pub(super) errors: Vec<RuleError>,
    /// What a load passes over and `rules lint` says.
    pub(super) warnings: Vec<RuleError>,
}

impl Reader {
    pub(super) fn wrong(&mut self, line: u64, problem: Problem) {
        self.errors.push(RuleError { file: self.file.clone(), line, rule: self.rule.clone(), problem });
    }

    pub(super) fn warn(&mut self, line: u64, problem: Problem) {
        self.warnings.push(RuleError { file: self.file.clone(), line, rule: self.rule.clone(), problem });
    }

    pub(super) fn is_map(&mut self, node: &Node, what: &str) -> bool {
        let map = matches!(node.value, Value::Map(_));
        if !map {
            self.wrong(node.line, Problem::Type { key: what.to_owned(), expected: "a mapping" });
        }
        map
    }

    pub(super) fn known_keys(&mut self, node: &Node, known: &[&str]) {
        let Value::Map(entries) = &node.value else { return };
        for Entry { key, line, .. } in entries {
            if !known.contains(&key.as_str()) {
                let problem =
                    Problem::UnknownKey { found: key.clone(), nearest: nearest(key, known), known: known.join(", ") };
                self.wrong(*line, problem);
            }
        }
    }

    /// The place of `name` among the known ones.
    pub(super) fn one_of(&mut self, line: u64, what: &'static str, name: &str, known: &[&str]) -> Option<usize> {
        let found = known.iter().position(|candidate| *candidate == name);
        if found.is_none() {
            self.wrong(
                line,
                Problem::Unknown {
                    what,
                    found: name.to_owned(),
                    nearest: nearest(name, known),
                    known: known.join(", "),
                },
            );
        }
        found
    }

    pub(super) fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let text = node.text().map(str::to_owned);
        if text.is_none() {
            self.wrong(node.line, Problem::Type { key: key.to_owned(), expected: "a text" });
        }
        text
    }

    pub(super) fn texts(&mut self, node: &Node, key: &str) -> Vec<(String, u64)> {
        let Some(list) = node.list() else {
            self.wrong(node.line, Problem::Type { key: key.to_owned(), expected: "a list of texts" });
            return Vec::new();
        };
        list.iter().filter_map(|element| self.text(element, key).map(|text| (text, element.line))).collect()
    }

    /// A text that must be there.
    pub(super) fn needed(&mut self, node: &Node, key: &'static str) -> Option<(String, u64)> {
        let Some(entry) = node.entry(key) else {
            self.wrong(node.line, Problem::Missing(key));
            return None;
        };
        self.text(entry, key).map(|text| (text, entry.line))
    }

    /// A pattern of `node`, compiled to check it; `whole` anchors it at both ends. The text it was compiled of comes with it.
    pub(super) fn pattern(&mut self, node: &Node, key: &'static str, whole: bool) -> Option<(String, Regex)> {
        self.compiled(node.entry(key)?, key, whole)
    }

    /// A pattern of `node`, or a list of them, of which any may match: as one, or as one of those that are sound.
    pub(super) fn patterns(&mut self, node: &Node, key: &'static str) -> Option<String> {
        let entry = node.entry(key)?;
        let each = entry.list().unwrap_or(std::slice::from_ref(entry));
        if each.is_empty() {
            self.wrong(entry.line, Problem::Type { key: key.to_owned(), expected: "a pattern or a list of them" });
        }
        let sound = each.iter().filter_map(|pattern| self.compiled(pattern, key, false)).map(|(text, _)| text);
        match sound.collect::<Vec<_>>().as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            // What one says of capitals is not said of the next.
            all => Some(all.iter().map(|pattern| format!("(?:{pattern})")).collect::<Vec<_>>().join("|")),
        }
    }

    fn compiled(&mut self, entry: &Node, key: &'static str, whole: bool) -> Option<(String, Regex)> {
        let (pattern, line) = (self.text(entry, key)?, entry.line);
        if pattern.chars().count() > LONG_PATTERN {
            self.warn(line, Problem::LongPattern { key, limit: LONG_PATTERN });
        }
        let text = if whole { format!("^(?:{pattern})$") } else { pattern };
        match RegexBuilder::new(&text).size_limit(PATTERN_SIZE).nest_limit(PATTERN_NEST).build() {
            Ok(regex) if regex.is_match(b"") => {
                self.wrong(line, Problem::MatchesEmpty(key));
                None
            }
            Ok(regex) => Some((text, regex)),
            Err(regex::Error::CompiledTooBig(_)) => {
                self.wrong(line, Problem::PatternSize(key));
                None
            }
            Err(error) => {
                let reason =
                    error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.wrong(line, Problem::Pattern { key, reason });
                None
            }
        }
    }
}

/// The known name that is most like `found`, when one is.
pub(super) fn nearest(found: &str, known: &[&str]) -> Option<String> {
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(found, name), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| (*name).to_owned())
}
