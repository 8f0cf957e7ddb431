//! Masking of values and of the entries of attributes and maps.

use std::borrow::Cow;

use sealtrail_chain::content::{KeyValue, MAX_DEPTH, Value};

use super::action::{Action, Keep, truncate_double, truncate_text};
use super::detect::parents::{MAX_OBJECTS, is_part_of_code};
use super::detect::{check_code, given, postal, token};
use super::engine::Session;
use super::fold::unescaped;
use super::keys::{Facts, normal_form};
use super::rules::{Class, Place};
use super::text::UNINSPECTED;

/// Numbers below this have fewer digits than anything that is recognised without a key.
const SMALLEST: f64 = 1_000_000.0;
/// Says that an amount of the same list was cut.
const AMOUNT_MASKED: &str = "amount_masked";

/// What its own key did to a value.
enum ByKey {
    Nothing,
    Dropped,
    Truncated,
    Replaced,
}

impl Session<'_> {
    /// Masks the entries of attributes or of a map, keys too. `above`: what the key of the map says.
    pub(super) fn entries(&mut self, entries: &mut Vec<KeyValue<'_>>, above: &Facts, place: Place) {
        self.entries_at(entries, above, place, 1);
    }

    pub(super) fn value(&mut self, value: &mut Value<'_>, key: &Facts, place: Place) {
        self.value_at(value, key, place, 1);
    }

    fn entries_at(&mut self, entries: &mut Vec<KeyValue<'_>>, above: &Facts, place: Place, depth: usize) {
        let named = if depth > 1 { self.named(entries) } else { None };
        let read = if depth > 1 { self.grid(entries, above, place, depth) } else { None };
        let mut truncated = false;
        let mut index = 0;
        entries.retain_mut(|entry| {
            let is_read = read == Some(index);
            index += 1;
            let own = self.keys.facts(self.engine.rules(), entry.key.as_bytes());
            let facts = match named {
                Some(named) if given::holds_value(entry.key.as_bytes()) => Facts { plain: own.plain, ..named },
                _ => own.or(above),
            };
            let keyed = match facts.keyed & self.rules().at(place) & self.only {
                0 => ByKey::Nothing,
                rules => {
                    let rules = self.keyed_by(&entry.key, &entry.value, rules);
                    self.by_key(&mut entry.value, rules)
                }
            };
            match keyed {
                ByKey::Dropped => return false,
                ByKey::Replaced => {}
                by_key => {
                    truncated |= matches!(by_key, ByKey::Truncated);
                    if let Value::Map(inner) = &mut entry.value {
                        self.codes_within(&entry.key, inner, place, MAX_OBJECTS);
                    }
                    if !is_read {
                        self.value_at(&mut entry.value, &facts.inherited(), place, depth);
                    }
                }
            }
            if !facts.plain
                && let Some(masked) = self.text(&entry.key, &Facts::NONE, Place::Keys)
            {
                entry.key = Cow::Owned(masked);
            }
            true
        });
        let said = |entry: &KeyValue<'_>| entry.key == AMOUNT_MASKED && entry.value == Value::Bool(true);
        if truncated && !entries.iter().any(said) {
            entries.push(KeyValue { key: Cow::Borrowed(AMOUNT_MASKED), value: Value::Bool(true) });
        }
    }

    /// Masks a value in a list whose key is `key`, which says `facts`; one that is dropped leaves nothing in its place.
    pub(super) fn keyed_value(&mut self, key: &str, value: &mut Value<'_>, facts: Facts, place: Place, depth: usize) {
        let rules = facts.keyed & self.rules().at(place) & self.only;
        let rules = if rules == 0 { 0 } else { self.keyed_by(key, value, rules) };
        match self.by_key(value, rules) {
            ByKey::Dropped => *value = Value::Null,
            ByKey::Replaced => {}
            ByKey::Nothing | ByKey::Truncated => self.value_at(value, &facts.inherited(), place, depth),
        }
    }

    /// Drops codes that are ones only by their name together with those of up to `maps` maps around it: `security: {code: 737}`.
    fn codes_within(&mut self, path: &str, entries: &mut Vec<KeyValue<'_>>, place: Place, maps: usize) {
        entries.retain_mut(|entry| {
            let path = match &entry.value {
                Value::Map(_) if maps == 1 => return true,
                Value::Map(_) => joined(path, &entry.key),
                _ if is_part_of_code(entry.key.as_bytes()) => joined(path, &entry.key),
                _ => return true,
            };
            if let Value::Map(inner) = &mut entry.value {
                self.codes_within(&path, inner, place, maps - 1);
                return true;
            }
            let keyed = self.keys.facts(self.engine.rules(), path.as_bytes()).keyed;
            let rules = keyed & self.rules().codes & self.rules().at(place) & self.only;
            let rules = self.keyed_by(&path, &entry.value, rules);
            !matches!(self.by_key(&mut entry.value, rules), ByKey::Dropped)
        });
    }

    /// Those of `rules`, which `key` calls, that take it for the key of their kind: a `pincode` may be a place's.
    fn keyed_by(&self, key: &str, value: &Value<'_>, rules: u64) -> u64 {
        let codes = rules & self.rules().codes;
        if codes == 0 {
            return rules;
        }
        let text = as_text(value);
        let (key, text) = (key.as_bytes(), text.trim().as_bytes());
        // A word for any password calls a PIN only where a card is spoken of.
        let others: &[Class] = match (postal::is_code(key, text, b""), check_code::is_code(key, text, b"")) {
            (_, true) => &[Class::SadCvv, Class::SadPin],
            (true, _) => &[Class::SadPin],
            _ => return rules,
        };
        let is_other = |rule: &u8| self.rules().get(*rule).is_some_and(|rule| others.contains(&rule.class));
        (0..64).filter(|rule| codes & 1 << rule != 0).filter(is_other).fold(rules, |rules, rule| rules & !(1 << rule))
    }

    /// What the name says in a map that writes an entry as `{"name": …, "value": …}`: the first that says something.
    fn named(&mut self, entries: &[KeyValue<'_>]) -> Option<Facts> {
        let mut first = None;
        for entry in entries.iter().filter(|entry| given::gives_name(entry.key.as_bytes())) {
            let Value::String(name) = &entry.value else { continue };
            let facts = self.keys.facts(self.engine.rules(), name.as_bytes());
            if facts.lift | facts.near | facts.keyed != 0 {
                return Some(facts);
            }
            first = first.or(Some(facts));
        }
        first
    }

    fn value_at(&mut self, value: &mut Value<'_>, key: &Facts, place: Place, depth: usize) {
        if depth > MAX_DEPTH + 1 {
            self.fallbacks += 1;
            *value = Value::String(Cow::Borrowed(UNINSPECTED));
            return;
        }
        let masked = match value {
            Value::Null | Value::Bool(_) => None,
            Value::String(text) => self.text(text, key, place),
            Value::Int(int) if (int.unsigned_abs() as f64) < SMALLEST => None,
            Value::Int(int) => self.text(&int.to_string(), key, place),
            Value::Double(double) => match double.abs() {
                // A card number written as a double is a whole number; decimals behind it hide nothing.
                size if (SMALLEST..1e20).contains(&size) => self.text(&double.trunc().to_string(), key, place),
                _ => None,
            },
            Value::Bytes(bytes) => self.text(&String::from_utf8_lossy(bytes), key, place),
            Value::Array(elements) => {
                self.elements(elements, key, place, depth + 1);
                None
            }
            Value::Map(entries) => {
                self.entries_at(entries, key, place, depth + 1);
                None
            }
        };
        if let Some(masked) = masked {
            *value = Value::String(Cow::Owned(masked));
        }
    }

    /// Masks the elements of a list. An option of a command line is the key of what follows it: `["--cvc", "737"]`.
    fn elements(&mut self, elements: &mut [Value<'_>], key: &Facts, place: Place, depth: usize) {
        let mut option: Option<String> = None;
        for element in elements {
            let next = option_name(element).map(str::to_owned);
            match option.take().filter(|_| next.is_none()) {
                Some(name) => {
                    let own = self.keys.facts(self.engine.rules(), name.as_bytes());
                    self.keyed_value(&name, element, own.or(key), place, depth);
                }
                None => self.value_at(element, key, place, depth),
            }
            option = next;
        }
    }

    /// Applies the rules that the value's own key calls, first to last.
    fn by_key(&mut self, value: &mut Value<'_>, mut rules: u64) -> ByKey {
        let mut done = ByKey::Nothing;
        while rules != 0 {
            let index = rules.trailing_zeros() as u8;
            rules &= rules - 1;
            let Some(rule) = self.rules().get(index) else { continue };
            let replacement = match &rule.action {
                Action::TruncateNumber => {
                    let before = self.witness.is_some().then(|| as_text(value).into_owned());
                    if truncate(value) {
                        self.count(index);
                        if let Some(before) = before {
                            let output = as_text(value).into_owned();
                            self.saw_value(index, &Value::String(Cow::Owned(before)), &output);
                        }
                        done = ByKey::Truncated;
                    }
                    continue;
                }
                _ if !self.applies(index, rule.class.is_sad(), value) => continue,
                Action::Drop => {
                    self.count(index);
                    self.saw_value(index, value, "");
                    return ByKey::Dropped;
                }
                Action::Replace(text) => text.to_string(),
                Action::Encrypt { key, head } => {
                    let text = as_text(value);
                    if text.strip_prefix(&**head).is_some_and(|rest| rest.starts_with(':')) {
                        continue;
                    }
                    self.engine.encrypt(*key, head, text.as_bytes())
                }
                Action::Token { key, head } => {
                    let text = as_text(value);
                    if text.strip_prefix(&**head).is_some_and(|rest| rest.starts_with(':')) {
                        continue;
                    }
                    self.token(*key, head, rule.class, text.as_bytes())
                }
                Action::KeepFirstLast(keep) => match hide_kept(*keep, &as_text(value)) {
                    Some(hidden) => hidden,
                    None => continue,
                },
            };
            if as_text(value) != replacement {
                self.count(index);
                self.saw_value(index, value, &replacement);
                *value = Value::String(Cow::Owned(replacement));
            }
            return ByKey::Replaced;
        }
        done
    }

    fn saw_value(&mut self, rule: u8, value: &Value<'_>, output: &str) {
        if let Some(witness) = &mut self.witness {
            witness.saw_value(&as_text(value), rule, output);
        }
    }

    fn count(&mut self, rule: u8) {
        if let Some(count) = self.counts.get_mut(usize::from(rule)) {
            *count += 1;
        }
    }

    /// Whether a rule that found a key takes the value.
    fn applies(&self, rule: u8, sad: bool, value: &Value<'_>) -> bool {
        match value {
            Value::Null => false,
            Value::Array(elements) => elements.iter().any(|element| self.applies(rule, sad, element)),
            Value::Map(entries) => entries.iter().any(|entry| self.applies(rule, sad, &entry.value)),
            Value::Bool(_) if sad => false,
            _ if sad => self.is_sensitive(rule, value),
            _ => {
                let text = as_text(value);
                !text.is_empty()
                    && (self.rules().any_value(rule) || self.rules().value_is(rule, text.trim().as_bytes()))
            }
        }
    }

    /// Whether the value of a key of sensitive authentication data may be such data: as `value` says, a number that has lost
    /// its leading zeros, or a short text with a code in it.
    fn is_sensitive(&self, rule: u8, value: &Value<'_>) -> bool {
        if let Value::Bytes(bytes) = value
            && !is_text(bytes)
        {
            return true;
        }
        let text = as_text(value);
        // What most of them hold: so few digits are a code whatever else is asked of them.
        if (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return true;
        }
        let takes = |bytes: &Vec<u8>| {
            self.rules().any_value(rule) || self.rules().value_is(rule, const_hex::encode(bytes).as_bytes())
        };
        if token::padded(text.trim().as_bytes())
            .filter(|bytes| bytes.len() >= 8 && !is_text(bytes))
            .is_some_and(|bytes| takes(&bytes))
        {
            return true;
        }
        let mut signs = normal_form(&unescaped(&text));
        signs.retain(u8::is_ascii_alphanumeric);
        let digits = signs.iter().filter(|b| b.is_ascii_digit()).count();
        if self.rules().any_value(rule) {
            return digits > 0;
        }
        let has_code = signs.split(|b| !b.is_ascii_digit()).any(|run| matches!(run.len(), 3 | 4));
        self.rules().value_is(rule, &signs)
            || (digits == signs.len() && (1..=4).contains(&digits))
            || (has_code && signs.len() <= 12)
            || token::hides_digits(text.trim().as_bytes())
    }
}

/// The name of an option that takes the next argument, when `value` is one: `--cvc`.
fn option_name<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    let Value::String(text) = value else { return None };
    let name = text.strip_prefix('-')?.trim_start_matches('-');
    let is_name = name.starts_with(|sign: char| sign.is_ascii_alphabetic())
        && !name.starts_with("no-")
        && name.bytes().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, b'-' | b'_' | b'.'));
    is_name.then_some(name)
}

/// The name of an entry behind that of its map, of which the end counts: each of many entries is asked with it.
fn joined(path: &str, key: &str) -> String {
    const MOST: usize = 128;
    let end = |name: &'_ str| name.floor_char_boundary(name.len().saturating_sub(MOST));
    [path.get(end(path)..).unwrap_or_default(), ".", key.get(end(key)..).unwrap_or_default()].concat()
}

fn hide_kept(keep: Keep, text: &str) -> Option<String> {
    let keep = keep.of(text.as_bytes());
    hide(text, |length| keep.shown(length))
}

/// Asterisks for letters and digits; `None`: that was done before.
fn hide(text: &str, shown: impl Fn(usize) -> (usize, usize)) -> Option<String> {
    if text.contains('*') {
        return None;
    }
    let length = text.chars().filter(|c| c.is_alphanumeric()).count();
    let (first, last) = shown(length);
    let mut place = 0;
    let hidden = text.chars().map(|c| {
        if !c.is_alphanumeric() {
            return c;
        }
        place += 1;
        if place <= first || place > length - last { c } else { '*' }
    });
    Some(hidden.collect())
}

/// A value as the text that a rule sees; empty for lists and maps.
fn as_text<'v>(value: &'v Value<'_>) -> Cow<'v, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(bool) => Cow::Owned(bool.to_string()),
        Value::Int(int) => Cow::Owned(int.to_string()),
        Value::Double(double) => Cow::Owned(double.to_string()),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes),
        Value::Null | Value::Array(_) | Value::Map(_) => Cow::Borrowed(""),
    }
}

/// Whether bytes are what someone could read: a block, or digits that are packed two in a byte, are not.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|sign| sign.is_control() && !sign.is_whitespace()))
}

/// Cuts a number, or the number in a text, to two decimals; whether that changed it.
fn truncate(value: &mut Value<'_>) -> bool {
    let cut = match value {
        Value::Double(double) => truncate_double(*double).map(Value::Double),
        Value::String(text) => truncate_text(text).map(|text| Value::String(Cow::Owned(text))),
        _ => None,
    };
    cut.map(|cut| *value = cut).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map with a long name has many entries: what is asked of each must not grow with the name.
    #[test]
    fn a_joined_name_is_as_long_as_its_last_words() {
        assert_eq!(joined("card.security", "code"), "card.security.code");
        let long = "卡".repeat(1000) + "security";
        let name = joined(&long, &long);
        assert!(name.len() < 300 && name.ends_with("卡security"), "{name}");
    }
}
