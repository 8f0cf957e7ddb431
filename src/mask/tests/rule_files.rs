//! Rule files: their actions, and what a wrong one says.
#![allow(clippy::disallowed_methods, reason = "tests write rule files into a temporary directory")]

use super::*;

fn load(rules: &str, keys: &[(&str, &str)]) -> Result<Engine, Vec<RuleError>> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("r.yaml"), rules).unwrap();
    let keys = keys.iter().map(|(id, key)| ((*id).to_owned(), MaskKey::given(*key))).collect();
    Engine::load(
        &Config { rules: vec!["r.yaml".to_owned()], keys, ..Config::default() },
        dir.path(),
        &"test".parse().unwrap(),
    )
}

/// Whoever is told that a key can't be used isn't told beside it that it is not there.
#[test]
fn a_key_that_cannot_be_used_is_one_mistake() {
    let rules = "version: 1\nrules:\n  - {id: name, class: custom, detect: {key: '^name$'}, action: {encrypt: k1}, tests: {must_mask: [{key: name, text: Li}]}}\n";
    let problems = |keys: &[(&str, &str)]| {
        let errors = load(rules, keys).err().expect("refused");
        errors.into_iter().map(|error| error.problem.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(problems(&[("k1", "c2hvcnQ=")]), ["key `k1` is not base64 of 32 bytes"]);
    assert_eq!(problems(&[]), ["key `k1` is not configured"]);
}

#[test]
fn encryption_leaves_an_envelope_that_stays() {
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let rules = "version: 1\nrules:\n  - {id: name, class: custom, detect: {key: '^name$'}, action: {encrypt: k1}, tests: {must_mask: [{key: name, text: Li}]}}\n";
    let engine = load(rules, &[("k1", KEY)]).unwrap_or_else(|errors| panic!("{}", list(&errors)));
    let mut record =
        LogRecord { attributes: vec![KeyValue { key: "name".into(), value: string("Li Si") }], ..LogRecord::default() };
    engine.session().record(&mut record, true);
    let Value::String(envelope) = record.attributes[0].value.clone() else { panic!("an envelope is a text") };
    assert_eq!(
        envelope::Key::new(&std::array::from_fn(|at| at as u8)).open(&envelope).as_deref(),
        Some(b"Li Si".as_slice())
    );
    assert!(envelope.starts_with("enc:1:k1:name:test:"));
    engine.session().record(&mut record, true);
    assert!(record.attributes[0].value == Value::String(envelope));
}

/// An auditor joins records of one card by its token, wherever a sender wrote it; nobody without the key can try cards out.
#[test]
fn a_value_has_one_token_however_it_is_written() {
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let rules = "version: 1\nrules:\n  - {id: pan, class: cardholder.pan, detect: {validator: pan}, action: {hmac_token: {key: k1}}, tests: {must_mask: ['4242424242424242']}}\n  - {id: user, class: custom, detect: {key: '^user$'}, action: {hmac_token: {key: k1}}, tests: {must_mask: [{key: user, text: Li}]}}\n";
    let engine = load(rules, &[("k1", KEY)]).unwrap_or_else(|errors| panic!("{}", list(&errors)));
    let masked = |key: &str, value: Value<'static>| {
        let mut record =
            LogRecord { attributes: vec![KeyValue { key: Cow::Owned(key.to_owned()), value }], ..LogRecord::default() };
        engine.session().record(&mut record, true);
        let Value::String(once) = record.attributes[0].value.clone() else { panic!("a token is a text") };
        engine.session().record(&mut record, true);
        assert!(record.attributes[0].value == Value::String(once.clone()), "masked again: {once}");
        once.into_owned()
    };
    let token = masked("note", string("4242424242424242"));
    assert!(
        token.starts_with("tok:1:k1:cardholder.pan:") && token.len() == "tok:1:k1:cardholder.pan:".len() + 22,
        "{token}"
    );
    for written in ["4242-4242-4242-4242", "４２４２ 4242 4242 4242", "%34242424242424242", r"\u0034242424242424242"]
    {
        assert_eq!(masked("note", string(written)), token, "{written}");
    }
    assert_eq!(masked("note", Value::Int(4_242_424_242_424_242)), token);
    assert_ne!(masked("note", string("5555555555554444")), token);
    // Of an encoded value there is no one form.
    assert_eq!(masked("note", string("NDI0MjQyNDI0MjQyNDI0Mg==")), "[cardholder.pan]");
    assert_eq!(masked("user", string("Li Si")), masked("user", string(" Li Si")));
}

#[test]
fn a_rule_that_hides_nothing_leaves_a_value_as_it_is() {
    let rules = "version: 1\nrules:\n  - {id: phone, class: pii.phone, detect: {validator: phone}, action: {keep_first_last: {first: 7, last: 4, min_hidden: 0}}, tests: {must_mask: ['138 0013 8000']}}\n";
    let engine = load(rules, &[]).unwrap_or_else(|errors| panic!("{}", list(&errors)));
    for kept in ["138 0013 8000", "138-0013-8000", "13800138000"] {
        let mut record = LogRecord { body: string(kept), ..LogRecord::default() };
        engine.session().record(&mut record, true);
        assert!(record.body == string(kept), "{kept}");
    }
}

#[test]
fn every_error_of_a_rule_file_is_said_with_its_line_and_remedy() {
    let rules = r#"version: 1
rules:
  - id: a
    class: sad.cvv
    detect: {key: 'cvv'}
    action: {keep_first_last: {first: 1}}
    tests: {must_mask: [{key: cvv, text: "123"}]}
  - id: a
    class: cardholder.pan
    wear: [body]
    detect: {validator: pam}
    action: {keep_first_last: {first: 8, last: 4}}
  - id: b
    class: card
    detect: {key: 'x*', value: '('}
    action: {hmac_token: k}
    where: [attribute]
    tests: {must_mask: ["x"]}
  - id: c
    class: custom
    detect: {key: 'c'}
    action: {encrypt: missing}
    tests: {must_mask: [{key: c, text: x}]}
"#;
    let Err(errors) = load(rules, &[("bad", "short")]) else { panic!("it is wrong") };
    let said = list(&errors);
    for (line, part) in [
        (6, "sensitive authentication data"),
        (8, "another rule of this id"),
        (10, "did you mean `where`"),
        (11, "did you mean `pan`"),
        (12, "first 8 and last 4"),
        (14, "unknown class `card`"),
        (15, "matches the empty string"),
        (15, "no regular expression"),
        (16, "key `k` is not configured"),
        (17, "did you mean `attributes`"),
        (22, "key `missing` is not configured"),
        (8, "has no tests"),
    ] {
        assert!(
            errors.iter().any(|error| error.line == line && error.to_string().contains(part)),
            "{line} {part}\n{said}"
        );
    }
    assert!(said.contains("key `bad` is not base64 of 32 bytes"), "{said}");
    assert!(errors.iter().all(|error| error.to_string().contains("remedy")));
}

#[test]
fn a_rules_own_tests_run_at_load() {
    let rules = "version: 1\nrules:\n  - {id: pan, class: cardholder.pan, detect: {validator: pan}, action: drop,\n     tests: {must_mask: ['nothing'], must_keep: ['4111111111111111']}}\n";
    let Err(errors) = load(rules, &[]) else { panic!("both tests fail") };
    assert_eq!(
        errors.iter().map(|error| &error.problem).collect::<Vec<_>>(),
        [&Problem::NotMasked { number: 1 }, &Problem::NotKept { number: 1 }]
    );
    assert!(load("version: 1\nrules: [", &[]).is_err());
    assert!(load("- 1\n", &[]).is_err());
}

#[test]
fn any_of_several_patterns_is_a_key() {
    let rules = "version: 1\nrules:\n  - {id: name, class: custom, detect: {key: ['^(?i)NAME$', '^nom$']}, action: drop,\n     tests: {must_mask: [{key: name, text: Li}, {key: nom, text: Li}], must_keep: [{key: prenom, text: Li}, {key: Noms, text: Li}]}}\n";
    load(rules, &[]).unwrap_or_else(|errors| panic!("{}", list(&errors)));
}

#[test]
fn what_has_the_wrong_form_is_not_passed_over() {
    let rule = |detect: &str, action: &str, tests: &str| {
        format!(
            "version: 1\nrules:\n  - id: p\n    class: cardholder.pan\n    detect: {detect}\n    action: {action}\n    tests: {tests}\n"
        )
    };
    let (detect, action, tests) = ("{validator: pan}", "drop", "{must_mask: ['4111111111111111']}");
    assert!(load(&rule(detect, action, tests), &[]).is_ok());
    for (rules, line, part) in [
        (rule("{validator: pan, context: [card]}", action, tests), 5, "`context` must be a mapping"),
        (rule("{validator: pan, context: {window: many}}", action, tests), 5, "`window` must be a number"),
        (rule("{validator: pan, context: {window: 257}}", action, tests), 5, "`window` must be a number"),
        (rule(detect, action, "{must_mask: ['4111111111111111'], must_keep: x}"), 7, "`must_keep` must be a list"),
        (rule(detect, action, "{must_mask: x}"), 7, "`must_mask` must be a list"),
        (rule(detect, "{keep_first_last: {first: 6, last: 4, min_hidden: 5}}", tests), 6, "leaves 5 digits"),
        (rule(detect, action, tests).replace("rules:", "packs: [payments]\nrules:"), 2, "did you mean `payment`"),
        (rule("{validator: pan, token: x}", action, tests), 5, "both a validator and a token"),
        (rule("{key: x, assigned: 'y*'}", action, tests), 5, "matches the empty string"),
        (rule("{key: []}", action, tests), 5, "a pattern or a list of them"),
        (rule("{validator: pan, key: ['pan$', '(']}", action, tests), 5, "no regular expression"),
    ] {
        let Err(errors) = load(&rules, &[]) else { panic!("{rules}") };
        assert!(
            errors.iter().any(|error| error.line == line && error.to_string().contains(part)),
            "{part}\n{}",
            list(&errors)
        );
    }
}

/// Eight and four where FAQ 1091 allows it, the baseline where it does not, in texts and under a key, and beyond it a refusal.
#[test]
fn truncation_goes_as_far_as_length_and_brand_allow() {
    let rules = |action: &str, detect: &str| {
        format!(
            "version: 1\nrules:\n  - id: pan\n    class: cardholder.pan\n    detect: {detect}\n    action: {action}\n    tests: {{must_mask: ['378282246310005']}}\n  \
             - id: kept\n    class: cardholder.pan\n    detect: {{key: '^kept$'}}\n    action: {action}\n    tests: {{must_mask: [{{key: kept, text: '4242'}}]}}\n"
        )
    };
    let by_brand = "{keep_first_last: {first: 8, last: 4, brand_rule: true}}";
    let engine = load(&rules(by_brand, "{validator: pan}"), &[]).unwrap_or_else(|errors| panic!("{}", list(&errors)));
    for (card, masked) in [
        ("4242424242424242", "42424242****4242"),
        ("4242 4242 4242 4242", "4242 4242 **** 4242"),
        ("４２４２ 4242 4242 4242", "４２４２ 4242 **** 4242"),
        ("6200000000000005", "62000000****0005"),
        ("378282246310005", "378282*****0005"),
        ("3056930009020004", "305693******0004"),
        ("36227206271667", "3622******1667"),
        ("6205500000000000004", "620550*********0004"),
    ] {
        let mut session = engine.session();
        let text = session.text(&format!("paid {card}"), &keys::Facts::NONE, rules::Place::Body).expect("it is found");
        assert_eq!(text, format!("paid {masked}"));
        assert_eq!(session.text(&text, &keys::Facts::NONE, rules::Place::Body), None, "masked twice is masked once");
        let entry = KeyValue { key: "kept".into(), value: string(card) };
        let mut record = LogRecord { attributes: vec![entry], ..LogRecord::default() };
        session.record(&mut record, true);
        // Under a key alone a value is not folded: what is not plain digits keeps the baseline.
        let expected = if card.is_ascii() { masked } else { "４２４２ 42** **** 4242" };
        assert!(record.attributes[0].value == string(expected), "{card}");
    }
    let refused = |action: &str, detect: &str, part: &str| {
        let Err(errors) = load(&rules(action, detect), &[]) else { panic!("{action} {detect}") };
        let error = errors.iter().find(|error| error.line == 6).unwrap_or_else(|| panic!("{}", list(&errors)));
        assert_eq!((error.rule.as_deref(), error.file.as_str()), (Some("pan"), "r.yaml"));
        let text = error.to_string();
        assert!(text.contains(part) && text.contains("\n  at      r.yaml:6\n  remedy  "), "{part}: {text}");
    };
    let pan = "{validator: pan}";
    refused("{keep_first_last: {first: 8, last: 4}}", pan, "add `brand_rule: true`");
    refused("{keep_first_last: {first: 9, last: 4, brand_rule: true}}", pan, "keeps the first 9 and last 4");
    refused("{keep_first_last: {first: 8, last: 5, brand_rule: true}}", pan, "keep the first 8 and last 4 at most");
    refused(
        "{keep_first_last: {first: 6, last: 4, brand_rule: yes please}}",
        pan,
        "`brand_rule` must be true or false",
    );
    let amex = "{validator: pan, brands: [amex, diners, mir]}";
    refused(by_brand, amex, "keep the first 6 and last 4 at most");
    let phone = "version: 1\nrules:\n  - {id: p, class: pii.phone, detect: {validator: phone}, action: {keep_first_last: {first: 3, last: 4, brand_rule: true}}, tests: {must_mask: ['13800138000']}}\n";
    let Err(errors) = load(phone, &[]) else { panic!("a telephone has no brand") };
    assert!(errors.iter().any(|error| error.problem == Problem::NoBrands), "{}", list(&errors));
}
