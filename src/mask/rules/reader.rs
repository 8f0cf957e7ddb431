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
        let sound =
            each.iter().filter_map(|pattern| self.compiled(pattern, key, false)).map(|(text, _)| widened(&text));
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

/// A pattern of names in the writings that programs know: a blank stands for each sign that joins words, and for none between letters
/// of which one is not ASCII, as in `кодБезопасности`; those letters are found as capitals too, which the normal form of keys
/// leaves as they are.
fn widened(pattern: &str) -> String {
    const JOINTS: &str = "[ ._+-]";
    // With the flag `x`, alone or among others, blanks are there for who reads it.
    let has_flag = |group: &str| group.chars().take_while(char::is_ascii_alphabetic).any(|flag| flag == 'x');
    if pattern.split("(?").skip(1).any(has_flag) {
        return pattern.to_owned();
    }
    let capital = |sign: char| {
        let mut upper = sign.to_uppercase();
        upper.next().filter(|first| *first != sign && !first.is_ascii() && upper.len() == 0 && !sign.is_ascii())
    };
    let signs: Vec<char> = pattern.chars().collect();
    let is_other = |at: usize| signs.get(at).is_some_and(|sign| !sign.is_ascii());
    let mut wide = String::with_capacity(2 * pattern.len());
    let (mut at, mut in_class) = (0, false);
    while let Some(&sign) = signs.get(at) {
        let range = signs.get(at + 2).filter(|_| in_class && signs.get(at + 1) == Some(&'-'));
        match (sign, capital(sign)) {
            ('\\', _) => {
                wide.push(sign);
                wide.extend(signs.get(at + 1));
                at += 1;
            }
            (' ', _) if !in_class => {
                wide.push_str(JOINTS);
                let optional = at > 0 && (is_other(at - 1) || is_other(at + 1)) && signs.get(at + 1) != Some(&'?');
                wide.push_str(if optional { "?" } else { "" });
            }
            (_, Some(first)) if let Some((last, capital)) = range.and_then(|last| Some((*last, capital(*last)?))) => {
                wide.extend([sign, '-', last, first, '-', capital]);
                at += 2;
            }
            (_, Some(capital)) if in_class => wide.extend([sign, capital]),
            (_, Some(capital)) => wide.extend(['[', sign, capital, ']']),
            _ => {
                in_class = match sign {
                    '[' => true,
                    ']' => false,
                    _ => in_class,
                };
                wide.push(sign);
            }
        }
        at += 1;
    }
    wide
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_names_is_read_in_all_their_writings() {
        for (pattern, wide) in [
            ("card no$", "card[ ._+-]no$"),
            ("код безпеки$", "[кК][оО][дД][ ._+-]?[бБ][еЕ][зЗ][пП][еЕ][кК][иИ]$"),
            ("보안 ?(코드)", "보안[ ._+-]?(코드)"),
            ("(^|[^а-яё])c[óo]d\\. x", "(^|[^а-яА-ЯёЁ])c[óÓo]d\\.[ ._+-]x"),
            ("[ ._-]x\\ y", "[ ._-]x\\ y"),
            ("(?ix) card $", "(?ix) card $"),
            ("(?:x y)", "(?:x[ ._+-]y)"),
            ("(?<x>x y)", "(?<x>x[ ._+-]y)"),
        ] {
            assert_eq!(widened(pattern), wide, "{pattern}");
        }
    }
}
