//! The action of a rule.

use super::Class;
use super::parse::{Parser, Use};
use super::problem::Problem;
use crate::mask::action::{Action, Keep};
use crate::yaml::{Entry, Node, Value};

const NAMES: [&str; 6] = ["keep_first_last", "drop", "hmac_token", "encrypt", "truncate_number", "replace"];
const MIN_HIDDEN: u64 = 4;
/// Of a card number: what PCI DSS 3.5.1 leaves hidden of the 16 digits, and so of shorter ones (FAQ 1091).
pub(super) const MIN_HIDDEN_PAN: u64 = 6;

impl Parser<'_> {
    pub(super) fn action(&mut self, node: &Node, rule: &str, class: Option<Class>, is_pan: bool) -> Option<Action> {
        let Some(entry) = node.entry("action") else {
            self.reader.wrong(node.line, Problem::Missing("action"));
            return None;
        };
        let (name, argument) = match &entry.value {
            Value::Text(name) => (name.as_str(), None),
            Value::Map(entries) => match entries.as_slice() {
                [Entry { key, node, .. }] => (key.as_str(), Some(node)),
                _ => return self.no_action(entry.line),
            },
            _ => return self.no_action(entry.line),
        };
        match NAMES.get(self.reader.one_of(entry.line, "action", name, &NAMES)?).copied()? {
            "drop" => Some(Action::Drop),
            "truncate_number" => Some(Action::TruncateNumber),
            "keep_first_last" => self.keep(entry.line, argument, is_pan).map(Action::KeepFirstLast),
            "replace" => self.replacement(entry.line, argument).map(|text| Action::Replace(text.into())),
            "encrypt" => {
                let (key, id) = self.key(entry.line, argument, Use::Encrypt)?;
                Some(Action::Encrypt { key, head: format!("enc:1:{id}:{rule}:{}", self.chain).into() })
            }
            _ => {
                let (key, id) = self.key(entry.line, argument, Use::Token)?;
                let class = class.map_or("custom", Class::as_str);
                Some(Action::Token { key, head: format!("tok:1:{id}:{class}").into() })
            }
        }
    }

    fn no_action(&mut self, line: u64) -> Option<Action> {
        self.reader.wrong(line, Problem::Type { key: "action".into(), expected: "one action" });
        None
    }

    fn replacement(&mut self, line: u64, argument: Option<&Node>) -> Option<String> {
        let text = argument.and_then(Node::text).map(str::to_owned);
        if text.is_none() {
            let expected = "the text to put in its place";
            self.reader.wrong(line, Problem::Type { key: "replace".to_owned(), expected });
        }
        text
    }

    /// The key that an action names, by its id or as `{key: ID}`: its index and id. A key has one use.
    fn key(&mut self, line: u64, argument: Option<&Node>, wanted: Use) -> Option<(usize, String)> {
        let node = argument.and_then(|node| node.entry("key").or(Some(node)));
        if let Some(map) = argument.filter(|node| matches!(node.value, Value::Map(_))) {
            self.reader.known_keys(map, &["key"]);
        }
        let Some(id) = node.and_then(Node::text).map(str::to_owned) else {
            let expected = "{key: ID}, the id of a key in `mask.keys`";
            self.reader.wrong(line, Problem::Type { key: wanted.action().to_owned(), expected });
            return None;
        };
        let Some((index, known)) = self.keys.iter_mut().enumerate().find(|(_, known)| known.id == id) else {
            // What is wrong with one that is there was said already.
            if !self.unopened.contains(&id) {
                self.reader.wrong(line, Problem::NoKey(id));
            }
            return None;
        };
        if *known.used_for.get_or_insert(wanted) != wanted {
            self.reader.wrong(line, Problem::KeyForBoth(id));
            return None;
        }
        Some((index, id))
    }

    fn keep(&mut self, line: u64, argument: Option<&Node>, is_pan: bool) -> Option<Keep> {
        let Some(node) = argument.filter(|node| matches!(node.value, Value::Map(_))) else {
            self.reader.wrong(line, Problem::Type { key: "keep_first_last".into(), expected: "{first: N, last: N}" });
            return None;
        };
        self.reader.known_keys(node, &["first", "last", "min_hidden", "brand_rule"]);
        let by_brand = match node.entry("brand_rule") {
            None => false,
            Some(Node { value: Value::Bool(by_brand), .. }) => *by_brand,
            Some(entry) => {
                let problem = Problem::Type { key: "brand_rule".to_owned(), expected: "true or false" };
                self.reader.wrong(entry.line, problem);
                false
            }
        };
        let mut number = |key: &str, default: u64| match node.entry(key) {
            None => default,
            Some(entry) => entry.count().filter(|count| *count <= 64).unwrap_or_else(|| {
                let problem = Problem::Type { key: key.to_owned(), expected: "a number from 0 to 64" };
                self.reader.wrong(entry.line, problem);
                default
            }),
        };
        Some(Keep {
            first: number("first", 0) as usize,
            last: number("last", 0) as usize,
            min_hidden: number("min_hidden", if is_pan && !by_brand { MIN_HIDDEN_PAN } else { MIN_HIDDEN }) as usize,
            by_brand,
        })
    }
}
