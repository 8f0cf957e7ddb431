//! Masking rules: data in YAML, checked whole at load, compiled once.
//!
//! ```yaml
//! version: 1
//! packs: [payment]                       # optional; read before this file's own rules, each once: payment china eu us secrets
//! rules:
//!   - id: pan                            # in metrics and envelopes; [a-z][a-z0-9_-]*
//!     class: cardholder.pan              # sad.track sad.cvv sad.pin cardholder.pan secret pii.id pii.account pii.phone
//!                                        # pii.email pii.name amount custom
//!     where: [body, attributes, resource, scope, keys]     # all of them when absent
//!     detect:
//!       validator: pan                   # pan cn_id phone email track iban dni nir codice_fiscale tax_id aba private_key;
//!                                        # absent: the key decides
//!       brands: all                      # of pan
//!       key: '(^|[._-])pan$'             # with a validator or `token`: a key that vouches for what is less sound
//!                                        # may be a list of patterns, of which any matches; a blank in one stands for `_`, `.`,
//!                                        # `-` and `+` too, and for nothing between other letters than ASCII's
//!       value: '[0-9]{3,4}'              # without one: the number that stands behind the key in a text, as a whole
//!       assigned: '[!-~]{4,}'            # likewise any value, behind `key=` or `"key":`
//!       token: 'ghp_[A-Za-z0-9]{36}'     # in place of a validator: a run of letters, digits and `_-.`, as a whole; with a
//!                                        # `key`, only where that vouches for it
//!       context: {window: 32, words: [card], not_words: [order, delivery_note, '*nummer']}
//!                                        # two words with `_` between say more than each; behind `*`, what a word ends with
//!     action: {keep_first_last: {first: 4, last: 4, min_hidden: 6}}
//!                                        # of card numbers also `brand_rule: true`: up to 8 and 4 of 16 digits of Discover, JCB,
//!                                        # Mastercard, UnionPay and Visa, 6 and 4 of 15 of Amex (SSC FAQ 1091), 6 and 4 of others
//!     compliance: [PCI-DSS-3.5.1]        # these three are what `rules lint` asks for
//!     owner: security
//!     since: 2026-11-23
//!     tests: {must_mask: ["card 4242 4242 4242 4242", {key: pan, int: 4242424242424242}], must_keep: ["order 17"]}
//! ```
//!
//! `body` is also the severity text and the event name, `scope` its name, version and schema URL, `resource` its schema
//! URL, `keys` every key of an attribute or a map. Actions: `keep_first_last`, `drop`, `replace: TEXT`, `truncate_number`,
//! `encrypt: KEY ID`, `hmac_token: {key: KEY ID}`. Patterns see keys in lower case, words of camelCase parted by `_`. Sensitive
//! authentication data (`sad.*`) under its own key is dropped wherever it may be a code, whatever `value` says: a number has
//! lost its leading zeros, a text may say more than the code.
//!
//! `parse` and its neighbours (`reader`, `actions`, `cases`, `check`) read files, `compile` makes one set of their rules,
//! `automaton` is their patterns in one, `packs` are the files that come with the collector.

mod actions;
mod automaton;
mod cases;
mod check;
mod compile;
mod context;
mod names;
mod packs;
mod parse;
mod problem;
mod reader;

pub(super) use automaton::{Automaton, Named};
pub(super) use cases::{Case, CaseValue};
pub(super) use compile::compile;
use context::Context;
use names::Names;
pub(super) use packs::text as pack;
pub(super) use parse::{Draft, Source};
pub use problem::{Problem, RuleError};

use regex::bytes::{Regex, RegexSet};

use super::action::Action;
use super::detect::pan::Brands;
use super::detect::shapes::Shapes;
use super::keys::normal_form;

/// Rules are bits of a word.
pub(super) const MAX_RULES: usize = 64;

/// What kind of data a rule finds; overlaps go to the first class in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    SadTrack,
    SadCvv,
    SadPin,
    CardholderPan,
    Secret,
    PiiId,
    PiiAccount,
    PiiPhone,
    PiiEmail,
    PiiName,
    Amount,
    Custom,
}

impl Class {
    pub(super) const ALL: [Self; 12] = [
        Self::SadTrack,
        Self::SadCvv,
        Self::SadPin,
        Self::CardholderPan,
        Self::Secret,
        Self::PiiId,
        Self::PiiAccount,
        Self::PiiPhone,
        Self::PiiEmail,
        Self::PiiName,
        Self::Amount,
        Self::Custom,
    ];

    /// The name in rule files, metrics and `[<class>]`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SadTrack => "sad.track",
            Self::SadCvv => "sad.cvv",
            Self::SadPin => "sad.pin",
            Self::CardholderPan => "cardholder.pan",
            Self::Secret => "secret",
            Self::PiiId => "pii.id",
            Self::PiiAccount => "pii.account",
            Self::PiiPhone => "pii.phone",
            Self::PiiEmail => "pii.email",
            Self::PiiName => "pii.name",
            Self::Amount => "amount",
            Self::Custom => "custom",
        }
    }

    /// Sensitive authentication data (PCI DSS 4.0.1, 3.3.1): may never be kept, even encrypted.
    pub const fn is_sad(self) -> bool {
        matches!(self, Self::SadTrack | Self::SadCvv | Self::SadPin)
    }
}

/// Checks that decide by themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Validator {
    Pan,
    CnId,
    Phone,
    Email,
    Track,
    Iban,
    Dni,
    Nir,
    CodiceFiscale,
    TaxId,
    Aba,
    PrivateKey,
}

impl Validator {
    pub(super) const NAMES: [(&'static str, Self); 12] = [
        ("pan", Self::Pan),
        ("cn_id", Self::CnId),
        ("phone", Self::Phone),
        ("email", Self::Email),
        ("track", Self::Track),
        ("iban", Self::Iban),
        ("dni", Self::Dni),
        ("nir", Self::Nir),
        ("codice_fiscale", Self::CodiceFiscale),
        ("tax_id", Self::TaxId),
        ("aba", Self::Aba),
        ("private_key", Self::PrivateKey),
    ];

    /// Whether it judges what `detect::shapes` finds, and not numbers and addresses.
    pub(super) fn is_shape(self) -> bool {
        !matches!(self, Self::Pan | Self::CnId | Self::Phone | Self::Email | Self::Track)
    }

    /// Its name in rule files.
    pub(super) fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, validator)| *validator == self).map_or("?", |(name, _)| name)
    }
}

/// Where in a record a rule is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Body,
    Attributes,
    Resource,
    Scope,
    Keys,
}

impl Place {
    pub(super) const NAMES: [(&'static str, Self); 5] = [
        ("body", Self::Body),
        ("attributes", Self::Attributes),
        ("resource", Self::Resource),
        ("scope", Self::Scope),
        ("keys", Self::Keys),
    ];
}

pub(super) struct Rule {
    pub(super) id: Box<str>,
    pub(super) class: Class,
    /// Bit `Place as u8` is set where it is in force.
    places: u8,
    validator: Option<Validator>,
    brands: Brands,
    /// Anchored at both ends for values in a text.
    value: Option<Regex>,
    /// A pattern of tokens is what it looks for.
    is_shape: bool,
    pub(super) action: Action,
}

impl Rule {
    pub(super) fn validator(&self) -> Option<Validator> {
        self.validator
    }

    /// What tells a value of this rule, besides its key.
    pub(super) fn looks_for(&self) -> &'static str {
        match self.validator {
            Some(validator) => validator.as_str(),
            None if self.is_shape => "token",
            None => "key",
        }
    }

    /// Whether its `value` tells it in a text, behind its key.
    fn is_keyed_in_text(&self) -> bool {
        self.validator.is_none() && self.value.is_some() && !matches!(self.action, Action::TruncateNumber)
    }
}

/// The compiled rules of one engine.
pub(super) struct RuleSet {
    rules: Vec<Rule>,
    by_validator: [u64; Validator::NAMES.len()],
    by_place: [u64; 5],
    /// Rules without a validator whose `value` tells them in a text.
    pub(super) keyed_in_text: u64,
    /// Rules for the codes and PINs of cards: what else goes by their names may be no card's.
    pub(super) codes: u64,
    /// All `detect.key` patterns, and the rule of each.
    keys: RegexSet,
    key_rules: Vec<u8>,
    /// Those of them that count in a text, and the patterns of values; `None`: no automaton can be made of them.
    names: Option<Names>,
    values: Option<Automaton>,
    /// The context words of all rules.
    context: Context,
    /// Bytes before a candidate in which words count.
    pub(super) window: usize,
    /// What rules look for by its shape; `None`: no rule does.
    pub(super) shapes: Option<Box<Shapes>>,
}

impl RuleSet {
    pub(super) fn get(&self, rule: u8) -> Option<&Rule> {
        self.rules.get(usize::from(rule))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    pub(super) fn with(&self, validator: Validator) -> u64 {
        self.by_validator[validator as usize]
    }

    pub(super) fn at(&self, place: Place) -> u64 {
        self.by_place[place as usize]
    }

    pub(super) fn brands(&self, rule: u8) -> Brands {
        self.get(rule).map_or(Brands(0), |rule| rule.brands)
    }

    /// The first of `rules` that hides this class.
    pub(super) fn of_class(&self, rules: u64, class: Class) -> Option<u8> {
        let is_it = |index: &u8| rules & 1 << index != 0 && self.get(*index).is_some_and(|rule| rule.class == class);
        (0..self.rules.len() as u8).find(is_it)
    }

    /// Whether something besides its key tells what the rule finds, so that its key vouches.
    pub(super) fn has_validator(&self, rule: u8) -> bool {
        self.get(rule).is_some_and(|rule| rule.validator.is_some() || rule.is_shape)
    }

    /// Whether `value` is, as a whole, what the rule expects.
    pub(super) fn value_is(&self, rule: u8, value: &[u8]) -> bool {
        self.fitting(1 << rule, value) != 0
    }

    /// Those of `rules` whose pattern for values `value` matches as a whole.
    pub(super) fn fitting(&self, rules: u64, value: &[u8]) -> u64 {
        if let Some(values) = &self.values {
            return rules & values.matching(value);
        }
        let fits = |rule: &Rule| rule.value.as_ref().is_some_and(|pattern| pattern.is_match(value));
        let of = |index: usize| rules & 1 << index != 0 && self.rules.get(index).is_some_and(fits);
        (0..self.rules.len()).filter(|&index| of(index)).fold(0, |fitting, index| fitting | 1 << index)
    }

    /// Whether the rule has no pattern for values.
    pub(super) fn any_value(&self, rule: u8) -> bool {
        self.get(rule).is_some_and(|rule| rule.value.is_none())
    }

    /// What the patterns of keys that count in a text say about a name in it; `None`: only `keys_matching` can tell.
    pub(super) fn named(&self, name: &[u8]) -> Option<Named> {
        let sound = name.is_ascii() || std::str::from_utf8(name).is_ok();
        self.names.as_ref().filter(|_| sound).map(|names| names.named(name))
    }

    /// The rules whose pattern of keys that count in a text matches `name`.
    pub(super) fn named_or_judged(&self, name: &[u8]) -> u64 {
        let judged = || self.keys_matching(&normal_form(name)).fold(0, |rules, rule| rules | 1 << rule);
        self.named(name).map_or_else(judged, |named| named.rules)
    }

    /// The last place in `from..=to` where a key may end that counts in a text. It never leaves one out. A byte stands at `to`.
    pub(super) fn last_name_end(&self, bytes: &[u8], from: usize, to: usize) -> Option<usize> {
        self.names.as_ref().map_or(Some(to), |names| names.last_end(bytes, from, to))
    }

    /// Whether each key that counts in a text holds a letter, or a sign that is no ASCII.
    pub(super) fn names_hold_letters(&self) -> bool {
        self.names.as_ref().is_some_and(Names::hold_letters)
    }

    /// The rules of which a key that counts in a text may end behind `from` in `bytes`, and not behind `to`. It never leaves one out.
    pub(super) fn named_within(&self, bytes: &[u8], from: usize, to: usize) -> u64 {
        self.names.as_ref().map_or(u64::MAX, |names| names.within(bytes, from, to))
    }

    /// What the words of a key speak for and against.
    pub(super) fn context_of(&self, normal: &[u8], near: &mut u64, against: &mut u64) {
        self.context.of(normal, near, against);
    }

    /// Whether a key ends with the last word of a context word that is two.
    pub(super) fn is_second(&self, normal: &[u8]) -> bool {
        self.context.is_second(normal)
    }

    pub(super) fn keys_matching(&self, normal: &[u8]) -> impl Iterator<Item = u8> {
        self.keys.matches(normal).into_iter().filter_map(|index| self.key_rules.get(index).copied())
    }
}
