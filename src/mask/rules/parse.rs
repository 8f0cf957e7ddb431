//! From the trees of rule files to rules. Goes on behind every error, so that one start shows all of them.

use std::collections::{BTreeMap, HashMap};

use regex::bytes::Regex;
use sealtrail_chain::ChainName;
use sha2::{Digest, Sha256};

use super::cases::Case;
use super::problem::Problem;
use super::reader::Reader;
use super::{Class, MAX_RULES, Place, Rule, Validator, packs};
use crate::mask::MaskKey;
use crate::mask::action::Action;
use crate::mask::custody::{Custody as _, CustodyError};
use crate::mask::detect::pan::{self, Brands};
use crate::mask::envelope::Keys;
use crate::yaml::{self, Node, Value};

/// Bytes before a candidate in which words count, by default and at most. A sign of Chinese has three.
pub(super) const WINDOW: u64 = 48;
const MAX_WINDOW: u64 = 256;

/// One rule file: its name in messages, and its text.
pub(in crate::mask) struct Source {
    pub(in crate::mask) name: String,
    pub(in crate::mask) text: String,
}

/// What is known of a rule while its file is read.
pub(in crate::mask) struct Draft {
    pub(in crate::mask) rule: Rule,
    pub(super) file: String,
    pub(super) action_line: u64,
    pub(in crate::mask) key: Option<String>,
    /// The pattern of tokens that give themselves away.
    pub(in crate::mask) token: Option<String>,
    /// What may be assigned to the key in a text, as a whole.
    pub(in crate::mask) assigned: Option<Regex>,
    pub(super) words: Vec<String>,
    pub(super) not_words: Vec<String>,
    pub(super) compliance: Vec<String>,
}

impl Draft {
    pub(super) fn is_pan(&self) -> bool {
        self.rule.class == Class::CardholderPan || self.rule.validator == Some(Validator::Pan)
    }

    /// Whether its key says something about the words of a text; else only about an attribute's own key.
    pub(super) fn is_keyed_in_texts(&self) -> bool {
        self.rule.validator.is_some() || self.rule.is_keyed_in_text() || self.token.is_some() || self.assigned.is_some()
    }
}

/// What a key of the configuration is used for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Encrypt,
    Token,
}

impl Use {
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypt",
            Self::Token => "hmac_token",
        }
    }
}

pub(super) struct KnownKey {
    pub(super) id: String,
    pub(super) used_for: Option<Use>,
}

pub(super) struct Parser<'c> {
    pub(super) reader: Reader,
    pub(super) chain: &'c ChainName,
    pub(super) drafts: Vec<Draft>,
    pub(super) cases: Vec<Case>,
    pub(super) keys: Vec<KnownKey>,
    pub(super) secrets: Vec<Keys>,
    /// Ids of keys that are configured and can't be had.
    pub(super) unopened: Vec<String>,
    pub(super) window: u64,
    /// Over the texts that were read, in order.
    pub(super) digest: Sha256,
    read: Vec<String>,
    seen: HashMap<String, (String, u64)>,
}

impl<'c> Parser<'c> {
    pub(super) fn new(chain: &'c ChainName) -> Self {
        Self {
            reader: Reader::default(),
            chain,
            drafts: Vec::new(),
            cases: Vec::new(),
            keys: Vec::new(),
            secrets: Vec::new(),
            unopened: Vec::new(),
            window: 0,
            digest: Sha256::new(),
            read: Vec::new(),
            seen: HashMap::new(),
        }
    }

    /// Takes the keys of the configuration; those that are wrapped are unwrapped here, once.
    pub(super) fn read_keys(&mut self, keys: &BTreeMap<String, MaskKey>) {
        self.reader.file = "mask.keys".to_owned();
        for (id, key) in keys {
            if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
                self.reader.wrong(0, Problem::BadKeyId(id.clone()));
            }
            let problem = match key.open(id) {
                Ok(key) => {
                    self.secrets.push(Keys::new(&key));
                    self.keys.push(KnownKey { id: id.clone(), used_for: None });
                    continue;
                }
                Err(CustodyError::Form) => Problem::BadKey(id.clone()),
                Err(error) => Problem::KeyAway { id: id.clone(), reason: error.to_string(), remedy: error.remedy() },
            };
            self.reader.wrong(0, problem);
            self.unopened.push(id.clone());
        }
    }

    /// Reads a file, behind the packs that it names. A pack is read once.
    pub(super) fn read_source(&mut self, name: &str, text: &str) {
        if packs::text(name).is_some() {
            if self.read.iter().any(|read| read == name) {
                return;
            }
            self.read.push(name.to_owned());
        }
        let root = match yaml::parse(text) {
            Ok(root) => root,
            Err(error) => {
                self.reader.file = name.to_owned();
                return self.reader.wrong(error.line, Problem::Syntax(error.message));
            }
        };
        if let Some(named) = root.entry("packs") {
            self.reader.file = name.to_owned();
            for (pack, line) in self.reader.texts(named, "packs") {
                self.reader.file = name.to_owned();
                if let Some(pack) =
                    self.reader.one_of(line, "pack", &pack, &packs::NAMES).and_then(|at| packs::NAMES.get(at))
                {
                    self.read_source(pack, packs::text(pack).unwrap_or_default());
                }
            }
        }
        self.reader.file = name.to_owned();
        self.digest.update(text.as_bytes());
        self.read_file(&root);
    }

    fn read_file(&mut self, root: &Node) {
        self.reader.rule = None;
        if !self.reader.is_map(root, "the file") {
            return;
        }
        self.reader.known_keys(root, &["version", "packs", "rules"]);
        match root.entry("version") {
            Some(Node { value: Value::Int(1), .. }) => {}
            Some(other) => self.reader.wrong(other.line, Problem::Version("other than 1".to_owned())),
            None => self.reader.wrong(root.line, Problem::Missing("version")),
        }
        // A file may do nothing but name packs.
        let Some(rules) = root.entry("rules") else {
            if root.entry("packs").is_none() {
                self.reader.wrong(root.line, Problem::Missing("rules"));
            }
            return;
        };
        let Some(list) = rules.list() else {
            return self.reader.wrong(rules.line, Problem::Type { key: "rules".into(), expected: "a list" });
        };
        for node in list {
            self.reader.rule = None;
            if self.drafts.len() == MAX_RULES {
                return self.reader.wrong(node.line, Problem::TooMany);
            }
            if self.reader.is_map(node, "a rule") {
                self.read_rule(node);
            }
        }
        self.reader.rule = None;
    }

    fn read_rule(&mut self, node: &Node) {
        let id = self.id(node);
        self.reader.rule = id.clone();
        let known = ["id", "class", "where", "detect", "action", "tests", "compliance", "owner", "since"];
        self.reader.known_keys(node, &known);
        let class = self.class(node);
        let places = self.places(node);
        let action_line = node.entry("action").map_or(node.line, |action| action.line);
        let detect = self.detect(node);
        let is_pan = class == Some(Class::CardholderPan) || detect.validator == Some(Validator::Pan);
        let action = self.action(node, id.as_deref().unwrap_or("?"), class, is_pan);
        let cases = self.cases.len();
        self.tests(node);
        if is_pan {
            self.cards_are_public(cases);
        }
        let compliance = self.described(node);
        if let (Some(class), Some(action)) = (class, &action) {
            self.allowed(class, action, (detect.validator, detect.brands), action_line);
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
                is_shape: detect.token.is_some(),
                action: action.unwrap_or(Action::Drop),
            },
            file: self.reader.file.clone(),
            action_line,
            key: detect.key,
            token: detect.token,
            assigned: detect.assigned,
            words: detect.words,
            not_words: detect.not_words,
            compliance,
        });
    }

    fn id(&mut self, node: &Node) -> Option<String> {
        let (id, line) = self.reader.needed(node, "id")?;
        let sound = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
            && id.len() <= 64;
        if !sound {
            self.reader.wrong(line, Problem::BadId(id.clone()));
        }
        if let Some((file, first)) = self.seen.insert(id.clone(), (self.reader.file.clone(), line)) {
            self.reader.rule = Some(id.clone());
            self.reader.wrong(line, Problem::Duplicate { file, line: first });
        }
        Some(id)
    }

    fn class(&mut self, node: &Node) -> Option<Class> {
        let (name, line) = self.reader.needed(node, "class")?;
        let known = Class::ALL.map(Class::as_str);
        self.reader.one_of(line, "class", &name, &known).and_then(|index| Class::ALL.get(index).copied())
    }

    fn places(&mut self, node: &Node) -> u8 {
        let Some(entry) = node.entry("where") else { return u8::MAX };
        let names = Place::NAMES.map(|(name, _)| name);
        let mut places = 0;
        for (name, line) in self.reader.texts(entry, "where") {
            if let Some((_, place)) =
                self.reader.one_of(line, "place", &name, &names).and_then(|index| Place::NAMES.get(index))
            {
                places |= 1 << *place as u8;
            }
        }
        places
    }

    fn detect(&mut self, node: &Node) -> Detect {
        let mut detect = Detect::default();
        let Some(entry) = node.entry("detect") else {
            self.reader.wrong(node.line, Problem::Missing("detect"));
            return detect;
        };
        if !self.reader.is_map(entry, "detect") {
            return detect;
        }
        self.reader.known_keys(entry, &["validator", "brands", "key", "value", "token", "assigned", "context"]);
        detect.validator = self.validator(entry);
        if let Some(brands) = entry.entry("brands").filter(|node| node.text() != Some("all")) {
            detect.brands = Brands(0);
            for (name, line) in self.reader.texts(brands, "brands") {
                if let Some(index) = self.reader.one_of(line, "brand", &name, &pan::NAMES) {
                    detect.brands.insert(index);
                }
            }
        }
        detect.key = self.reader.patterns(entry, "key");
        detect.value = self.reader.pattern(entry, "value", true).map(|(_, regex)| regex);
        detect.token = self.reader.pattern(entry, "token", true).map(|(text, _)| text);
        detect.assigned = self.reader.pattern(entry, "assigned", true).map(|(_, regex)| regex);
        if let Some(context) = entry.entry("context") {
            self.context(context, &mut detect);
        }
        if ["validator", "key", "token"].iter().all(|key| entry.entry(key).is_none()) {
            self.reader.wrong(entry.line, Problem::NothingToFind);
        }
        if let Some(assigned) = entry.entry("assigned").filter(|_| entry.entry("key").is_none()) {
            self.reader.wrong(assigned.line, Problem::Missing("key"));
        }
        if let Some(token) = entry.entry("token").filter(|_| entry.entry("validator").is_some()) {
            self.reader.wrong(token.line, Problem::TwoShapes);
        }
        detect
    }

    fn validator(&mut self, entry: &Node) -> Option<Validator> {
        let node = entry.entry("validator")?;
        let names = Validator::NAMES.map(|(name, _)| name);
        let name = self.reader.text(node, "validator")?;
        let index = self.reader.one_of(node.line, "validator", &name, &names)?;
        Validator::NAMES.get(index).map(|(_, validator)| *validator)
    }

    fn context(&mut self, context: &Node, detect: &mut Detect) {
        if !self.reader.is_map(context, "context") {
            return;
        }
        self.reader.known_keys(context, &["window", "words", "not_words"]);
        let mut words = |key| {
            let words = context.entry(key).map(|node| self.reader.texts(node, key)).unwrap_or_default();
            words.into_iter().map(|(word, _)| word.to_lowercase()).collect()
        };
        (detect.words, detect.not_words) = (words("words"), words("not_words"));
        let window = context.entry("window").map_or(Some(WINDOW), Node::count);
        match window.filter(|window| (1..=MAX_WINDOW).contains(window)) {
            Some(window) => self.window = self.window.max(window),
            None => {
                let line = context.entry("window").map_or(context.line, |node| node.line);
                self.reader.wrong(line, Problem::Type { key: "window".into(), expected: "a number from 1 to 256" });
            }
        }
    }
}

struct Detect {
    validator: Option<Validator>,
    brands: Brands,
    key: Option<String>,
    value: Option<Regex>,
    token: Option<String>,
    assigned: Option<Regex>,
    words: Vec<String>,
    not_words: Vec<String>,
}

impl Default for Detect {
    fn default() -> Self {
        Self {
            validator: None,
            brands: Brands::ALL,
            key: None,
            value: None,
            token: None,
            assigned: None,
            words: Vec::new(),
            not_words: Vec::new(),
        }
    }
}
