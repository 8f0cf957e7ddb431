//! From the rules of all files to the one set that an engine works with.

use std::collections::BTreeMap;

use regex::bytes::RegexSetBuilder;
use sealtrail_chain::ChainName;
use sha2::Digest as _;

use super::automaton::Automaton;
use super::cases::Case;
use super::context::Context;
use super::names::Names;
use super::parse::{Draft, Parser, Source, WINDOW};
use super::problem::{Problem, RuleError};
use super::reader::PATTERN_SIZE;
use super::{Class, MAX_RULES, Place, RuleSet, Validator};
use crate::mask::MaskKey;
use crate::mask::detect::shapes::Shapes;
use crate::mask::envelope::Keys;

pub(in crate::mask) struct Compiled {
    pub(in crate::mask) rules: RuleSet,
    pub(in crate::mask) keys: Vec<Keys>,
    /// In their order.
    pub(in crate::mask) key_ids: Vec<String>,
    pub(in crate::mask) cases: Vec<Case>,
    /// Where each rule's action stands: file and line.
    pub(in crate::mask) places: Vec<(String, u64)>,
    pub(in crate::mask) digest: [u8; 32],
    pub(in crate::mask) warnings: Vec<RuleError>,
}

/// Compiles rule files; `keys` are the configured ones.
pub(in crate::mask) fn compile(
    sources: &[Source],
    keys: &BTreeMap<String, MaskKey>,
    chain: &ChainName,
) -> Result<Compiled, Vec<RuleError>> {
    let mut parser = Parser::new(chain);
    parser.read_keys(keys);
    for source in sources {
        parser.read_source(&source.name, &source.text);
    }
    parser.together();
    parser.finish()
}

impl Parser<'_> {
    fn finish(mut self) -> Result<Compiled, Vec<RuleError>> {
        self.reader.rule = None;
        let patterns: Vec<_> =
            (0u8..).zip(&self.drafts).filter_map(|(rule, draft)| Some((rule, draft.key.clone()?))).collect();
        // Each pattern was compiled alone; a set of them is larger than their sum.
        let keys = RegexSetBuilder::new(patterns.iter().map(|(_, pattern)| pattern))
            .size_limit(PATTERN_SIZE * MAX_RULES)
            .build();
        let shapes = Shapes::new(&self.drafts);
        for (failed, key) in [(keys.is_err(), "key"), (shapes.is_err(), "token")] {
            if failed {
                self.reader.wrong(0, Problem::PatternSize(key));
            }
        }
        let (keys, shapes) = match (keys, shapes) {
            (Ok(keys), Ok(shapes)) if self.reader.errors.is_empty() => (keys, shapes),
            _ => return Err(self.reader.errors),
        };
        // A rule that only its attribute's own key calls has nothing to say about the words of a text.
        let in_texts: Vec<_> = (0u8..)
            .zip(&self.drafts)
            .filter(|(_, draft)| draft.is_keyed_in_texts())
            .filter_map(|(rule, draft)| Some((rule, draft.key.clone()?)))
            .collect();
        let value = |draft: &Draft| draft.rule.value.as_ref().map(|pattern| pattern.as_str().to_owned());
        let values: Vec<_> =
            (0u8..).zip(&self.drafts).filter_map(|(rule, draft)| Some((rule, value(draft)?))).collect();
        let mut rules = RuleSet {
            rules: Vec::new(),
            by_validator: [0; Validator::NAMES.len()],
            by_place: [0; 5],
            keyed_in_text: 0,
            codes: 0,
            keys,
            key_rules: patterns.iter().map(|(rule, _)| *rule).collect(),
            names: Names::of(&in_texts),
            values: Automaton::of_values(&values),
            context: Context::default(),
            window: if self.window == 0 { WINDOW } else { self.window } as usize,
            shapes,
        };
        let places = self.drafts.iter().map(|draft| (draft.file.clone(), draft.action_line)).collect();
        for (index, draft) in self.drafts.into_iter().enumerate() {
            rules.add(index, draft);
        }
        rules.context.close();
        Ok(Compiled {
            rules,
            keys: self.secrets,
            key_ids: self.keys.into_iter().map(|known| known.id).collect(),
            cases: self.cases,
            places,
            digest: self.digest.finalize().into(),
            warnings: self.reader.warnings,
        })
    }
}

impl RuleSet {
    fn add(&mut self, index: usize, draft: Draft) {
        let bit = 1u64 << index;
        match draft.rule.validator {
            Some(validator) => self.by_validator[validator as usize] |= bit,
            None if draft.rule.is_keyed_in_text() => self.keyed_in_text |= bit,
            None => {}
        }
        if matches!(draft.rule.class, Class::SadCvv | Class::SadPin) {
            self.codes |= bit;
        }
        for (_, place) in Place::NAMES {
            if draft.rule.places & (1 << place as u8) != 0 {
                self.by_place[place as usize] |= bit;
            }
        }
        for word in draft.words {
            self.context.add(&word, bit, 0);
        }
        for word in draft.not_words {
            self.context.add(&word, 0, bit);
        }
        self.rules.push(draft.rule);
    }
}
