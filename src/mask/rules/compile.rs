//! From the trees of rule files to compiled rules. Goes on behind every error, so that one start shows all of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use regex::bytes::{Regex, RegexBuilder, RegexSetBuilder};
use sealtrail_chain::{ChainName, content};

use super::automaton::Automaton;
use super::problem::{Problem, RuleError};
use super::{Class, MAX_RULES, Place, Rule, RuleSet, Validator};
use crate::mask::action::{Action, Keep};
use crate::mask::detect::pan::{self, Brands};
use crate::mask::envelope::Key;
use crate::yaml::{self, Entry, Node, Value};

/// Bytes that one compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 20;
/// Nesting of one pattern.
const PATTERN_NEST: u32 = 32;
/// Bytes before a candidate in which words count, by default and at most. A sign of Chinese has three.
const WINDOW: u64 = 48;
const MAX_WINDOW: u64 = 256;
const MIN_HIDDEN: u64 = 4;
/// Of a card number: what PCI DSS 3.5.1 leaves hidden of the 16 digits, and so of shorter ones (FAQ 1091).
const MIN_HIDDEN_PAN: u64 = 6;

/// One rule file: its name in messages, and its text.
pub(in crate::mask) struct Source {
    pub(in crate::mask) name: String,
    pub(in crate::mask) text: String,
}

/// A case of a rule's own tests.
pub(in crate::mask) struct Case {
    pub(in crate::mask) file: String,
    pub(in crate::mask) line: u64,
    pub(in crate::mask) rule: u8,
    pub(in crate::mask) must_mask: bool,
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
}

pub(in crate::mask) struct Compiled {
    pub(in crate::mask) rules: RuleSet,
    pub(in crate::mask) keys: Vec<Key>,
    pub(in crate::mask) cases: Vec<Case>,
}

/// Compiles rule files; `keys` are the configured ones, base64.
pub(in crate::mask) fn compile(
    sources: &[Source],
    keys: &BTreeMap<String, String>,
    chain: &ChainName,
) -> Result<Compiled, Vec<RuleError>> {
    let mut compiler = Compiler::new(chain);
    compiler.read_keys(keys);
    for source in sources {
        compiler.file = source.name.clone();
        match yaml::parse(&source.text) {
            Ok(root) => compiler.read_file(&root),
            Err(error) => compiler.wrong(error.line, Problem::Syntax(error.message)),
        }
    }
    compiler.finish()
}

/// What is known of a rule while its file is read.
struct Draft {
    rule: Rule,
    key: Option<String>,
    words: Vec<String>,
    not_words: Vec<String>,
}

struct Compiler<'c> {
    chain: &'c ChainName,
    file: String,
    rule: Option<String>,
    errors: Vec<RuleError>,
    drafts: Vec<Draft>,
    cases: Vec<Case>,
    seen: HashMap<String, (String, u64)>,
    keys: Vec<Key>,
    key_ids: Vec<String>,
    window: u64,
}

impl<'c> Compiler<'c> {
    fn new(chain: &'c ChainName) -> Self {
        Self {
            chain,
            file: String::new(),
            rule: None,
            errors: Vec::new(),
            drafts: Vec::new(),
            cases: Vec::new(),
            seen: HashMap::new(),
            keys: Vec::new(),
            key_ids: Vec::new(),
            window: 0,
        }
    }

    fn wrong(&mut self, line: u64, problem: Problem) {
        self.errors.push(RuleError { file: self.file.clone(), line, rule: self.rule.clone(), problem });
    }

    fn read_keys(&mut self, keys: &BTreeMap<String, String>) {
        self.file = "mask.keys".to_owned();
        for (id, text) in keys {
            if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
                self.wrong(0, Problem::BadKeyId(id.clone()));
            }
            match Key::from_base64(text) {
                Some(key) => {
                    self.keys.push(key);
                    self.key_ids.push(id.clone());
                }
                None => self.wrong(0, Problem::BadKey(id.clone())),
            }
        }
    }

    fn read_file(&mut self, root: &Node) {
        self.rule = None;
        if !self.is_map(root, "the file") {
            return;
        }
        self.known_keys(root, &["version", "packs", "rules"]);
        match root.entry("version").map(|node| &node.value) {
            Some(Value::Int(1)) => {}
            Some(_) => self.wrong(
                root.entry("version").map_or(root.line, |node| node.line),
                Problem::Version("other than 1".to_owned()),
            ),
            None => self.wrong(root.line, Problem::Missing("version")),
        }
        if let Some(packs) = root.entry("packs") {
            self.wrong(packs.line, Problem::Packs);
        }
        let Some(rules) = root.entry("rules") else { return self.wrong(root.line, Problem::Missing("rules")) };
        let Some(list) = rules.list() else {
            return self.wrong(rules.line, Problem::Type { key: "rules".into(), expected: "a list" });
        };
        for node in list {
            self.rule = None;
            if self.drafts.len() == MAX_RULES {
                return self.wrong(node.line, Problem::TooMany);
            }
            if self.is_map(node, "a rule") {
                self.read_rule(node);
            }
        }
        self.rule = None;
    }

    fn read_rule(&mut self, node: &Node) {
        let id = self.id(node);
        self.rule = id.clone();
        self.known_keys(node, &["id", "class", "where", "detect", "action", "tests", "compliance", "owner", "since"]);
        let class = self.class(node);
        let places = self.places(node);
        let action_line = node.entry("action").map_or(node.line, |action| action.line);
        let detect = self.detect(node);
        let is_pan = class == Some(Class::CardholderPan) || detect.validator == Some(Validator::Pan);
        let action = self.action(node, id.as_deref().unwrap_or("?"), is_pan);
        self.tests(node);
        if let (Some(class), Some(action)) = (class, &action) {
            self.allowed(class, action, detect.validator, action_line);
        }
        // A rule that is wrong still takes its place, so that the tests of the others keep their numbers.
        self.drafts.push(Draft {
            rule: Rule {
                id: id.unwrap_or_default().into(),
                class: class.unwrap_or(Class::Custom),
                places,
                validator: detect.validator,
                brands: detect.brands,
                value: detect.value,
                action: action.unwrap_or(Action::Drop),
            },
            key: detect.key,
            words: detect.words,
            not_words: detect.not_words,
        });
    }

    fn id(&mut self, node: &Node) -> Option<String> {
        let Some(entry) = node.entry("id") else {
            self.wrong(node.line, Problem::Missing("id"));
            return None;
        };
        let id = self.text(entry, "id")?;
        let sound = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
            && id.len() <= 64;
        if !sound {
            self.wrong(entry.line, Problem::BadId(id.clone()));
        }
        if let Some((file, line)) = self.seen.insert(id.clone(), (self.file.clone(), entry.line)) {
            self.rule = Some(id.clone());
            self.wrong(entry.line, Problem::Duplicate { file, line });
        }
        Some(id)
    }

    fn class(&mut self, node: &Node) -> Option<Class> {
        let Some(entry) = node.entry("class") else {
            self.wrong(node.line, Problem::Missing("class"));
            return None;
        };
        let name = self.text(entry, "class")?;
        let known = Class::ALL.map(Class::as_str);
        self.one_of(entry.line, "class", &name, &known).and_then(|index| Class::ALL.get(index).copied())
    }

    fn places(&mut self, node: &Node) -> u8 {
        let Some(entry) = node.entry("where") else { return u8::MAX };
        let names = Place::NAMES.map(|(name, _)| name);
        let mut places = 0;
        for name in self.texts(entry, "where") {
            if let Some((_, place)) =
                self.one_of(name.1, "place", &name.0, &names).and_then(|index| Place::NAMES.get(index))
            {
                places |= 1 << *place as u8;
            }
        }
        places
    }

    fn detect(&mut self, node: &Node) -> Detect {
        let mut detect = Detect {
            validator: None,
            brands: Brands::ALL,
            key: None,
            value: None,
            words: Vec::new(),
            not_words: Vec::new(),
        };
        let Some(entry) = node.entry("detect") else {
            self.wrong(node.line, Problem::Missing("detect"));
            return detect;
        };
        if !self.is_map(entry, "detect") {
            return detect;
        }
        self.known_keys(entry, &["validator", "brands", "key", "value", "context"]);
        if let Some(validator) = entry.entry("validator") {
            let names = Validator::NAMES.map(|(name, _)| name);
            if let Some(name) = self.text(validator, "validator") {
                let found = self.one_of(validator.line, "validator", &name, &names);
                detect.validator = found.and_then(|index| Validator::NAMES.get(index)).map(|(_, validator)| *validator);
            }
        }
        if let Some(brands) = entry.entry("brands").filter(|node| node.text() != Some("all")) {
            detect.brands = Brands(0);
            for (name, line) in self.texts(brands, "brands") {
                if let Some(index) = self.one_of(line, "brand", &name, &pan::NAMES) {
                    detect.brands.insert(index);
                }
            }
        }
        if let Some(key) = entry.entry("key") {
            detect.key =
                self.text(key, "key").filter(|pattern| self.pattern(key.line, "key", pattern, false).is_some());
        }
        if let Some(value) = entry.entry("value") {
            detect.value =
                self.text(value, "value").and_then(|pattern| self.pattern(value.line, "value", &pattern, true));
        }
        if let Some(context) = entry.entry("context")
            && self.is_map(context, "context")
        {
            self.known_keys(context, &["window", "words", "not_words"]);
            let mut words = |key| {
                context
                    .entry(key)
                    .map(|node| self.texts(node, key))
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(word, _)| word.to_lowercase())
                    .collect()
            };
            (detect.words, detect.not_words) = (words("words"), words("not_words"));
            let window = context.entry("window").map_or(Some(WINDOW), Node::count);
            match window.filter(|window| (1..=MAX_WINDOW).contains(window)) {
                Some(window) => self.window = self.window.max(window),
                None => {
                    let line = context.entry("window").map_or(context.line, |node| node.line);
                    self.wrong(line, Problem::Type { key: "window".into(), expected: "a number from 1 to 256" });
                }
            }
        }
        if entry.entry("validator").is_none() && entry.entry("key").is_none() {
            self.wrong(entry.line, Problem::NothingToFind);
        }
        detect
    }

    /// Compiles a pattern to check it; `whole` anchors it at both ends.
    fn pattern(&mut self, line: u64, key: &'static str, pattern: &str, whole: bool) -> Option<Regex> {
        let text = if whole { format!("^(?:{pattern})$") } else { pattern.to_owned() };
        match RegexBuilder::new(&text).size_limit(PATTERN_SIZE).nest_limit(PATTERN_NEST).build() {
            Ok(regex) if regex.is_match(b"") => {
                self.wrong(line, Problem::MatchesEmpty(key));
                None
            }
            Ok(regex) => Some(regex),
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

    fn action(&mut self, node: &Node, rule: &str, is_pan: bool) -> Option<Action> {
        const NAMES: [&str; 6] = ["keep_first_last", "drop", "hmac_token", "encrypt", "truncate_number", "replace"];
        let Some(entry) = node.entry("action") else {
            self.wrong(node.line, Problem::Missing("action"));
            return None;
        };
        let (name, argument) = match &entry.value {
            Value::Text(name) => (name.as_str(), None),
            Value::Map(entries) => match entries.as_slice() {
                [Entry { key, node, .. }] => (key.as_str(), Some(node)),
                _ => {
                    self.wrong(entry.line, Problem::Type { key: "action".into(), expected: "one action" });
                    return None;
                }
            },
            _ => {
                self.wrong(entry.line, Problem::Type { key: "action".into(), expected: "one action" });
                return None;
            }
        };
        match NAMES.get(self.one_of(entry.line, "action", name, &NAMES)?).copied()? {
            "drop" => Some(Action::Drop),
            "truncate_number" => Some(Action::TruncateNumber),
            "keep_first_last" => self.keep(entry.line, argument, is_pan).map(Action::KeepFirstLast),
            "replace" => self
                .argument(entry.line, argument, "replace", "the text to put in its place")
                .map(|text| Action::Replace(text.into())),
            "encrypt" => {
                let id = self.argument(entry.line, argument, "encrypt", "the id of a key in `mask.keys`")?;
                let key = self.key_ids.iter().position(|known| *known == id);
                if key.is_none() {
                    self.wrong(entry.line, Problem::NoKey(id.clone()));
                }
                Some(Action::Encrypt { key: key?, head: format!("enc:1:{id}:{rule}:{}", self.chain).into() })
            }
            _ => {
                self.wrong(entry.line, Problem::TokenUnbuilt);
                None
            }
        }
    }

    fn argument(&mut self, line: u64, argument: Option<&Node>, key: &str, expected: &'static str) -> Option<String> {
        let text = argument.and_then(Node::text).map(str::to_owned);
        if text.is_none() {
            self.wrong(line, Problem::Type { key: key.to_owned(), expected });
        }
        text
    }

    fn keep(&mut self, line: u64, argument: Option<&Node>, is_pan: bool) -> Option<Keep> {
        let Some(node) = argument.filter(|node| matches!(node.value, Value::Map(_))) else {
            self.wrong(line, Problem::Type { key: "keep_first_last".into(), expected: "{first: N, last: N}" });
            return None;
        };
        self.known_keys(node, &["first", "last", "min_hidden"]);
        let mut number = |key: &str, default: u64| match node.entry(key) {
            None => default,
            Some(entry) => entry.count().filter(|count| *count <= 64).unwrap_or_else(|| {
                self.wrong(entry.line, Problem::Type { key: key.to_owned(), expected: "a number from 0 to 64" });
                default
            }),
        };
        Some(Keep {
            first: number("first", 0) as usize,
            last: number("last", 0) as usize,
            min_hidden: number("min_hidden", if is_pan { MIN_HIDDEN_PAN } else { MIN_HIDDEN }) as usize,
        })
    }

    /// What the standards and the engine allow for a class.
    fn allowed(&mut self, class: Class, action: &Action, validator: Option<Validator>, line: u64) {
        let name = match action {
            Action::Drop => return,
            Action::KeepFirstLast(_) => "keep_first_last",
            Action::Replace(_) => "replace",
            Action::TruncateNumber => "truncate_number",
            Action::Encrypt { .. } => "encrypt",
        };
        if class.is_sad() || validator == Some(Validator::Track) {
            self.wrong(line, Problem::SadKept(name));
        }
        match action {
            Action::KeepFirstLast(keep)
                if (class == Class::CardholderPan || validator == Some(Validator::Pan))
                    && (keep.first > 6 || keep.last > 4) =>
            {
                self.wrong(line, Problem::PanKept { first: keep.first as u64, last: keep.last as u64 });
            }
            Action::KeepFirstLast(keep)
                if (class == Class::CardholderPan || validator == Some(Validator::Pan))
                    && (keep.min_hidden as u64) < MIN_HIDDEN_PAN =>
            {
                self.wrong(line, Problem::PanHidden { min_hidden: keep.min_hidden as u64 });
            }
            Action::TruncateNumber if validator.is_some() => self.wrong(line, Problem::TruncateInText),
            _ => {}
        }
    }

    fn tests(&mut self, node: &Node) {
        let before = self.cases.len();
        if let Some(tests) = node.entry("tests") {
            if !self.is_map(tests, "tests") {
                return;
            }
            self.known_keys(tests, &["must_mask", "must_keep"]);
            for (key, must_mask) in [("must_mask", true), ("must_keep", false)] {
                let Some(list) = tests.entry(key) else { continue };
                if list.list().is_none() {
                    self.wrong(list.line, Problem::Type { key: key.into(), expected: "a list" });
                }
                for (index, case) in list.list().unwrap_or_default().iter().enumerate() {
                    self.case(case, must_mask, index + 1);
                }
            }
        }
        if !self.cases.get(before..).unwrap_or_default().iter().any(|case| case.must_mask) {
            self.wrong(node.entry("tests").map_or(node.line, |tests| tests.line), Problem::NoTests);
        }
    }

    fn case(&mut self, node: &Node, must_mask: bool, number: usize) {
        let key = node.entry("key").and_then(Node::text).map(str::to_owned);
        if matches!(node.value, Value::Map(_)) {
            self.known_keys(node, &["key", "text", "int", "double", "bytes"]);
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
            return self.wrong(
                node.line,
                Problem::Type { key: "tests".into(), expected: "a text, or {key: KEY, text|int|double|bytes: VALUE}" },
            );
        };
        let rule = self.drafts.len() as u8;
        self.cases.push(Case { file: self.file.clone(), line: node.line, rule, must_mask, number, key, value });
    }

    fn is_map(&mut self, node: &Node, what: &str) -> bool {
        let map = matches!(node.value, Value::Map(_));
        if !map {
            self.wrong(node.line, Problem::Type { key: what.to_owned(), expected: "a mapping" });
        }
        map
    }

    fn known_keys(&mut self, node: &Node, known: &[&str]) {
        let Value::Map(entries) = &node.value else { return };
        for Entry { key, line, .. } in entries {
            if !known.contains(&key.as_str()) {
                let problem =
                    Problem::UnknownKey { found: key.clone(), nearest: nearest(key, known), known: known.join(", ") };
                self.wrong(*line, problem);
            }
        }
    }

    fn one_of(&mut self, line: u64, what: &'static str, name: &str, known: &[&str]) -> Option<usize> {
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

    fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let text = node.text().map(str::to_owned);
        if text.is_none() {
            self.wrong(node.line, Problem::Type { key: key.to_owned(), expected: "a text" });
        }
        text
    }

    fn texts(&mut self, node: &Node, key: &str) -> Vec<(String, u64)> {
        let Some(list) = node.list() else {
            self.wrong(node.line, Problem::Type { key: key.to_owned(), expected: "a list of texts" });
            return Vec::new();
        };
        list.iter().filter_map(|element| self.text(element, key).map(|text| (text, element.line))).collect()
    }

    fn finish(self) -> Result<Compiled, Vec<RuleError>> {
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let patterns: Vec<_> =
            self.drafts.iter().enumerate().filter_map(|(rule, draft)| Some((rule as u8, draft.key.clone()?))).collect();
        // Each pattern was compiled alone; a set of them is larger than their sum.
        let keys = RegexSetBuilder::new(patterns.iter().map(|(_, pattern)| pattern))
            .size_limit(PATTERN_SIZE * MAX_RULES)
            .build();
        let Ok(keys) = keys else {
            return Err(vec![RuleError { file: self.file, line: 0, rule: None, problem: Problem::PatternSize("key") }]);
        };
        // A rule that only its attribute's own key calls has nothing to say about the words of a text.
        let in_texts: Vec<_> = (0u8..)
            .zip(&self.drafts)
            .filter(|(_, draft)| draft.rule.validator.is_some() || draft.rule.is_keyed_in_text())
            .filter_map(|(rule, draft)| Some((rule, draft.key.clone()?)))
            .collect();
        let value = |draft: &Draft| draft.rule.value.as_ref().map(|pattern| pattern.as_str().to_owned());
        let values: Vec<_> =
            (0u8..).zip(&self.drafts).filter_map(|(rule, draft)| Some((rule, value(draft)?))).collect();
        let mut rules = RuleSet {
            rules: Vec::new(),
            by_validator: [0; 5],
            by_place: [0; 5],
            keyed_in_text: 0,
            keys,
            key_rules: patterns.iter().map(|(rule, _)| *rule).collect(),
            names: Automaton::of_names(&in_texts),
            values: Automaton::of_values(&values),
            words: HashMap::new(),
            phrases: Vec::new(),
            window: if self.window == 0 { WINDOW } else { self.window } as usize,
        };
        for (index, draft) in self.drafts.into_iter().enumerate() {
            rules.add(index, draft);
        }
        Ok(Compiled { rules, keys: self.keys, cases: self.cases })
    }
}

struct Detect {
    validator: Option<Validator>,
    brands: Brands,
    key: Option<String>,
    value: Option<Regex>,
    words: Vec<String>,
    not_words: Vec<String>,
}

impl RuleSet {
    fn add(&mut self, index: usize, draft: Draft) {
        let bit = 1u64 << index;
        match draft.rule.validator {
            Some(validator) => self.by_validator[validator as usize] |= bit,
            None if draft.rule.is_keyed_in_text() => self.keyed_in_text |= bit,
            None => {}
        }
        for (_, place) in Place::NAMES {
            if draft.rule.places & (1 << place as u8) != 0 {
                self.by_place[place as usize] |= bit;
            }
        }
        for word in draft.words {
            self.add_word(&word, bit, 0);
        }
        for word in draft.not_words {
            self.add_word(&word, 0, bit);
        }
        self.rules.push(draft.rule);
    }

    fn add_word(&mut self, word: &str, speaks: u64, denies: u64) {
        if word.is_ascii() {
            let known = self.words.entry(word.as_bytes().into()).or_default();
            known.0 |= speaks;
            known.1 |= denies;
        } else if let Some(known) = self.phrases.iter_mut().find(|(phrase, ..)| **phrase == *word.as_bytes()) {
            known.1 |= speaks;
            known.2 |= denies;
        } else {
            self.phrases.push((word.as_bytes().into(), speaks, denies));
        }
    }
}

/// The known name that is most like `found`, when one is.
fn nearest(found: &str, known: &[&str]) -> Option<String> {
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(found, name), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| (*name).to_owned())
}
