//! Judging rules without using them: all that a load refuses, and what it passes over.

use std::collections::BTreeSet;
use std::path::Path;

use sealtrail_chain::ChainName;

use super::Config;
use super::engine::Engine;
use super::rules::{Case, Problem, RuleError};

/// Everything that is wrong with the rules of a configuration, or worth a warning, by file and line.
pub fn lint(config: &Config, base_dir: &Path, chain: &ChainName) -> Vec<RuleError> {
    let mut found = match Engine::compile(config, base_dir, chain) {
        Err(errors) => errors,
        Ok(engine) => [failing(&engine), overlaps(&engine), engine.warnings().to_vec()].concat(),
    };
    let order = |name: &str| config.rules.iter().position(|file| file == name);
    found.sort_by(|a, b| (order(&a.file), &a.file, a.line).cmp(&(order(&b.file), &b.file, b.line)));
    found
}

/// Tests that fail; of a rule whose every value an earlier one takes, that alone.
fn failing(engine: &Engine) -> Vec<RuleError> {
    let mut found = Vec::new();
    for (rule, _) in (0u8..).zip(engine.rules().iter()) {
        let own = || engine.cases().iter().filter(|case| case.rule == rule);
        match beaten(engine, rule, own().filter(|case| case.must_mask)) {
            Some(beaten) => found.push(beaten),
            None => found.extend(own().filter_map(|case| engine.failure(case))),
        }
    }
    found
}

/// Says which earlier rule takes all that a rule says it finds.
fn beaten<'c>(engine: &Engine, rule: u8, mut cases: impl Iterator<Item = &'c Case>) -> Option<RuleError> {
    let mut trial = engine.trial();
    let mut taker = |case: &Case| {
        trial.mask(case.key.as_deref(), case.value.as_value());
        let hit = |of: u8| trial.counts().get(usize::from(of)).is_some_and(|count| *count > 0);
        if hit(rule) { None } else { (0..rule).find(|of| hit(*of)) }
    };
    let first = cases.next()?;
    let by = taker(first)?;
    if !cases.all(|case| taker(case) == Some(by)) {
        return None;
    }
    let id = |rule| engine.rules().get(rule).map_or_else(String::new, |rule| rule.id.to_string());
    let (file, line) = engine.place(rule);
    let problem = Problem::Beaten { by: id(by), witness: first.value.as_text() };
    Some(RuleError { file: file.to_owned(), line, rule: Some(id(rule)), problem })
}

/// Pairs of rules of one class that find the same and do something else with it, so that their order alone decides.
fn overlaps(engine: &Engine) -> Vec<RuleError> {
    let mut trial = engine.trial();
    let mut said = BTreeSet::new();
    let mut found = Vec::new();
    for case in engine.cases().iter().filter(|case| case.must_mask) {
        let Some(own) = engine.rules().get(case.rule) else { continue };
        for (other, rule) in (0u8..).zip(engine.rules().iter()) {
            let pair = (case.rule.min(other), case.rule.max(other));
            if other == case.rule || rule.class != own.class || rule.action == own.action || said.contains(&pair) {
                continue;
            }
            trial.only(1 << other);
            trial.mask(case.key.as_deref(), case.value.as_value());
            if trial.counts().get(usize::from(other)).is_some_and(|count| *count > 0) {
                said.insert(pair);
                let problem = Problem::Overlap { other: rule.id.to_string(), witness: case.value.as_text() };
                let rule = Some(own.id.to_string());
                found.push(RuleError { file: case.file.clone(), line: case.line, rule, problem });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests write rule files into a temporary directory")]

    use std::sync::OnceLock;

    use proptest::prelude::*;
    use sealtrail_chain::content::Value;

    use super::*;
    use crate::mask::{MaskKey, Tried};

    fn linted(rules: &[&str], keys: &[&str]) -> Vec<(u64, Problem)> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("r.yaml"), format!("version: 1\nrules:\n{}\n", rules.join("\n"))).unwrap();
        let key = |id: &&str| ((*id).to_owned(), MaskKey::given("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="));
        let config =
            Config { rules: vec!["r.yaml".to_owned()], keys: keys.iter().map(key).collect(), ..Config::default() };
        lint(&config, dir.path(), &"test".parse().unwrap())
            .into_iter()
            .map(|error| (error.line, error.problem))
            .collect()
    }

    /// A rule with all that one should have, on one line.
    fn rule(id: &str, class: &str, detect: &str, action: &str, masks: &str, keeps: &str) -> String {
        format!(
            "  - {{id: {id}, class: {class}, detect: {detect}, action: {action}, tests: {{must_mask: [{masks}], must_keep: [{keeps}]}}, \
             compliance: [X], owner: o, since: 2026-11-26}}"
        )
    }

    #[test]
    fn each_of_the_packs_is_clean_alone_and_with_the_others() {
        let packs = ["payment", "china", "eu", "us", "secrets"];
        let chain = "test".parse().unwrap();
        let sets = packs.iter().map(|pack| vec![*pack]).chain([packs.to_vec()]);
        for set in sets.chain(packs.iter().skip(1).map(|pack| vec!["payment", *pack])) {
            let rules = set.iter().map(|pack| (*pack).to_owned()).collect();
            let found = lint(&Config { rules, ..Config::default() }, Path::new("."), &chain);
            // Two packs may know the same kind of value; which one shows what of it is for their order to say.
            let bad = found.iter().filter(|error| set.len() == 1 || !error.problem.is_warning());
            assert_eq!(bad.map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new(), "{set:?}");
        }
    }

    /// What a pack leaves in place of a value is no value to any of them.
    #[test]
    fn what_is_masked_stays_as_it_is() {
        let rules = ["payment", "china", "eu", "us", "secrets"].map(str::to_owned).to_vec();
        let config = Config { rules, ..Config::default() };
        let engine = Engine::load(&config, Path::new("."), &"test".parse().unwrap())
            .unwrap_or_else(|errors| panic!("{errors:?}"));
        let mut trial = engine.trial();
        let glued =
            "password=-AKIAIOSFODNN7EXAMPLE* 12345678Z4242424242424242D1234567 '密码-----BEGIN PRIVATE KEY-----";
        let mut text = |key: Option<&str>, text: &str| match trial.mask(key, Value::String(text.to_owned().into())) {
            Tried::Kept(Value::String(text)) | Tried::Masked(Value::String(text)) => text.into_owned(),
            _ => String::new(),
        };
        let samples: Vec<_> = engine.samples().collect();
        assert!(samples.len() > 100);
        let once = text(None, glued);
        assert_eq!(text(None, &once), once);
        for sample in samples {
            let once = text(sample.key, sample.text);
            assert_ne!(once, sample.text, "{}:{}", sample.file, sample.line);
            assert_eq!(text(sample.key, &once), once, "{}:{}", sample.file, sample.line);
        }
    }

    proptest! {
        #[test]
        fn masking_with_every_pack_twice_is_masking_once(
            text in "(password|token|姓名|iban|ssn|-----BEGIN |card|eyJ)?[a-zA-Z0-9=:'\"@,._ 卡*-]{0,60}",
        ) {
            let rules = ["payment", "china", "eu", "us", "secrets"].map(str::to_owned).to_vec();
            static ENGINE: OnceLock<Engine> = OnceLock::new();
            let engine = ENGINE.get_or_init(|| {
                let config = Config { rules, ..Config::default() };
                Engine::load(&config, Path::new("."), &"test".parse().unwrap()).unwrap_or_else(|errors| panic!("{errors:?}"))
            });
            let mut trial = engine.trial();
            let mut masked = |text: &str| match trial.mask(None, Value::String(text.to_owned().into())) {
                Tried::Kept(Value::String(text)) | Tried::Masked(Value::String(text)) => text.into_owned(),
                _ => String::new(),
            };
            let once = masked(&text);
            prop_assert_eq!(masked(&once), once);
        }
    }

    #[test]
    fn what_rules_say_together_is_judged() {
        let pan =
            |id: &str, action: &str| rule(id, "cardholder.pan", "{validator: pan}", action, "'4242424242424242'", "x");
        let cut = |first, last| format!("{{keep_first_last: {{first: {first}, last: {last}}}}}");
        let beaten = |by: &str| Problem::Beaten { by: by.to_owned(), witness: "4242424242424242".to_owned() };
        assert_eq!(linted(&[&pan("a", "drop")], &[]), []);
        let found = linted(&[&pan("a", "drop"), &pan("b", &cut(4, 4))], &[]);
        assert!(found.contains(&(4, beaten("a"))), "{found:?}");
        let found = linted(&[&pan("a", &cut(6, 0)), &pan("b", &cut(4, 4))], &[]);
        assert_eq!(found, [(4, Problem::NotNested { other: "a".to_owned() })]);
        let found = linted(&[&pan("a", &cut(6, 4)), &pan("b", "{hmac_token: {key: k}}")], &["k"]);
        assert!(found.contains(&(4, Problem::ControlUnstated)), "{found:?}");
        let found = linted(&[&pan("a", "{hmac_token: {key: k}}"), &pan("b", "{encrypt: k}")], &["k"]);
        assert_eq!(found, [(4, Problem::KeyForBoth("k".to_owned()))]);
    }

    #[test]
    fn rules_that_find_the_same_say_which_one_counts() {
        let key = |id: &str, key: &str, action: &str| {
            rule(id, "custom", &format!("{{key: '{key}'}}"), action, &format!("{{key: {id}, text: xyz}}"), "x")
        };
        let found = linted(&[&key("a", "^[ab]$", "drop"), &key("b", "^b$", "{replace: gone}")], &[]);
        let by = Problem::Beaten { by: "a".to_owned(), witness: "xyz".to_owned() };
        assert!(found.contains(&(4, by)), "{found:?}");
        let found = linted(&[&key("b", "^b$", "{replace: gone}"), &key("a", "^[ab]$", "drop")], &[]);
        let overlap = Problem::Overlap { other: "a".to_owned(), witness: "xyz".to_owned() };
        assert_eq!(found, [(3, overlap)]);
    }

    #[test]
    fn what_a_load_passes_over_is_said() {
        let bare = "  - {id: a, class: cardholder.pan, detect: {validator: pan}, action: drop, tests: {must_mask: ['4539148803436467']}}";
        let found: Vec<_> = linted(&[bare], &[]).into_iter().map(|(_, problem)| problem).collect();
        for problem in [
            Problem::NothingKept,
            Problem::UnknownCard,
            Problem::Undescribed("compliance"),
            Problem::Undescribed("owner"),
            Problem::Undescribed("since"),
        ] {
            assert!(problem.is_warning() && found.contains(&problem), "{problem}: {found:?}");
        }
        let long = rule("a", "custom", &format!("{{key: '^{}$'}}", "x".repeat(2001)), "drop", "{key: y, text: z}", "x");
        assert!(linted(&[&long], &[]).iter().any(|(_, problem)| matches!(problem, Problem::LongPattern { .. })));
    }
}
