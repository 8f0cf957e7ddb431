//! Promise 2 on values: what must be masked in every place and writing, what must stay, and what a wrong rule file says.
#![allow(clippy::disallowed_methods, reason = "tests write rule files into a temporary directory")]

use std::borrow::Cow;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use sealtrail_chain::content::{Auth, By, Context, KeyValue, LogRecord, Origin, Resource, Scope, Value};

use super::*;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let chain = "test".parse().unwrap();
    Engine::load(&Config::default(), Path::new("."), &chain).unwrap_or_else(|errors| panic!("{}", list(&errors)))
});

fn list(errors: &[RuleError]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

fn context(by: By) -> Context<'static> {
    Context {
        received: Origin { auth: Auth::None, by, peer: None, subject: None },
        resource: Resource::default(),
        resource_schema_url: "".into(),
        scope: Scope::default(),
        scope_schema_url: "".into(),
    }
}

fn content(context: Context<'_>, record: LogRecord<'_>) -> String {
    let mut session = ENGINE.session();
    let context = session.context(context).unwrap();
    session.mask(&context, Received::new(record)).unwrap().content().as_str().to_owned()
}

fn text(text: &str) -> String {
    let mut record = LogRecord { body: Value::String(Cow::Owned(text.to_owned())), ..LogRecord::default() };
    ENGINE.session().record(&mut record, true);
    match record.body {
        Value::String(text) => text.into_owned(),
        _ => panic!("a text stays one"),
    }
}

fn attribute(key: &str, value: Value<'static>) -> String {
    let attributes = vec![KeyValue { key: Cow::Owned(key.to_owned()), value }];
    content(context(By::Sender), LogRecord { attributes, ..LogRecord::default() })
}

fn string(text: &str) -> Value<'static> {
    Value::String(Cow::Owned(text.to_owned()))
}

fn map(key: &str, value: Value<'static>) -> Value<'static> {
    Value::Map(vec![KeyValue { key: Cow::Owned(key.to_owned()), value }])
}

#[test]
fn behind_others_a_record_is_written_as_alone() {
    let mut session = ENGINE.session();
    let context = session.context(context(By::Sender)).unwrap();
    let record = |text| LogRecord { body: string(text), ..LogRecord::default() };
    let huge = "x".repeat(2 << 20);
    let mut out = String::new();
    for text in ["a long one, card 4111111111111111 declined, and more", "short", &huge, "longer than the one before"] {
        let before = out.clone();
        let alone = ENGINE.session().mask(&context, Received::new(record(text)));
        let unwritten = session.unwritten(&context, Received::new(record(text)));
        match (unwritten.append_to(&mut out), alone) {
            (Ok(()), Ok(alone)) => assert!(out == before + alone.content().as_str()),
            (Err(Refused::TooLarge { .. }), Err(Refused::TooLarge { .. })) => assert!(out == before),
            _ => panic!("one is written, the other refused"),
        }
    }
}

#[test]
fn texts_are_masked_as_written() {
    for (before, after) in [
        ("card 4111111111111111 declined", "card 4111********1111 declined"),
        ("card 4111 1111 1111 1111 ok", "card 4111 **** **** 1111 ok"),
        ("card 4111-1111-1111-1111 ok", "card 4111-****-****-1111 ok"),
        ("card=x4111111111111111y ok", "card=x4111********1111y ok"),
        ("card ４１１１１１１１１１１１１１１１ ok", "card ４１１１********１１１１ ok"),
        ("amex 3782 822463 10005", "amex 3782 ****** *0005"),
        ("diners 30569309025904", "diners 3056******5904"),
        ("一卡通6200000000000005已扣款", "一卡通6200********0005已扣款"),
        ("6.2000000000000050e15 x", "6.2000000000000050e15 x"),
        ("6.200000000000005e15 x", "[cardholder.pan] x"),
        ("two 41111111111111115555555555554444", "two 4111********11115555********4444"),
        ("F002 164111111111111111", "F002 164111********1111"),
        ("PAN=15378282246310005", "PAN=153782*******0005"),
        (
            "[\"cvv\":\"App\\Card\":private]=>\n  string(3) \"921\"",
            "[\"cvv\":\"App\\Card\":private]=>\n  string(3) \"[sad.cvv]\"",
        ),
        ("a:1:{s:3:\"cvv\";i:921;}", "a:1:{s:3:\"cvv\";i:[sad.cvv];}"),
        ("a=1&m=card+security+code%3A+465", "a=1&m=card+security+code%3A+[sad.cvv]"),
        ("m=call+%2B49+30+90188633+now", "m=call+%2B49+3*+****8633+now"),
        ("/pay/margarete+bank%40example.com?x=1", "/pay/ma************%40example.com?x=1"),
        ("/pay/margarete+bank%2540example.com?x=1", "/pay/ma************%2540example.com?x=1"),
        ("u=https%3A%2F%2Fa.example log \\n+493090188633\\n", "u=https%3A%2F%2Fa.example log \\n+493*****8633\\n"),
        ("to%3D+493090188633", "to%3D+493*****8633"),
        ("a%2Fb +49\\u00a030\\u00a090188633", "a%2Fb +49\\u00a03*\\u00a0****8633"),
        ("anna+m%C3%BCller@example.com", "an**************@example.com"),
        ("phone: 0012345 **urgent**", "phone: ****345 **urgent**"),
        ("q=%2C&to=margarete+bank@example.com", "q=%2C&to=ma************@example.com"),
        ("mail margarete.m&uuml;ller@example.de", "mail ma**************@example.de"),
        (
            "s: \"\\345\\215\\241\\345\\217\\2674111111111111111\"",
            "s: \"\\345\\215\\241\\345\\217\\2674111********1111\"",
        ),
        ("card:\\0114111111111111111", "card:\\0114111********1111"),
        ("contact 0086 138 0013 1501", "contact 0086 138 **** 1501"),
        ("4111\u{200b}1111\u{200b}1111\u{200b}1111", "4111\u{200b}********1111"),
        ("4111\u{a0}1111\u{2013}1111\u{a0}1111", "4111\u{a0}****\u{2013}****\u{a0}1111"),
        (
            r#"{"card":{"number":"4111111111111111","cvv":"737"}}"#,
            r#"{"card":{"number":"4111********1111","cvv":"[sad.cvv]"}}"#,
        ),
        (
            r#"{"a":"{\"cvv\":\"737\",\"pan\":\"4111111111111111\"}"}"#,
            r#"{"a":"{\"cvv\":\"[sad.cvv]\",\"pan\":\"4111********1111\"}"}"#,
        ),
        (r"\u0034111111111111111 x", r"\u0034111********1111 x"),
        ("q=%34%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31", "q=%34%31%31%31********%31%31%31%31"),
        ("&#52;111111111111111", "&#52;111********1111"),
        ("NDExMTExMTExMTExMTExMQ==", "[cardholder.pan]"),
        ("id 11010519491231002X ok", "id 110105********002X ok"),
        ("id 110105 1949 1231 002X ok", "id 110105 **** **** 002X ok"),
        ("身份证11010519491231002X。", "身份证110105********002X。"),
        ("tel 13800138000, ok", "tel 138****8000, ok"),
        ("+8613800138000", "+86138****8000"),
        ("+86 138-0013-8000", "+86 138-****-8000"),
        ("0086 13800138000", "0086 138****8000"),
        ("call +14155552671 now", "call +141****2671 now"),
        ("tel +377123456", "tel +3****3456"),
        ("tel -13800138000", "tel -138****8000"),
        ("手机号：13800138000", "手机号：138****8000"),
        ("mail zhang.san@example.com", "mail zh*******@example.com"),
        ("mail abcd@example.com", "mail ****@example.com"),
        ("u=zhang.san%40example.com&x", "u=zh*******%40example.com&x"),
        ("paid cvv 737 ok", "paid cvv [sad.cvv] ok"),
        ("security code: 1234", "security code: [sad.cvv]"),
        ("cvv code is 123", "cvv code is [sad.cvv]"),
        ("<cvv type=\"x\">737</cvv>", "<cvv type=\"x\">[sad.cvv]</cvv>"),
        (r#"{"name":"cvv","value":"737"}"#, r#"{"name":"cvv","value":"[sad.cvv]"}"#),
        (
            r#"{"key": "cvc2", "type": "text", "value": 737}"#,
            r#"{"key": "cvc2", "type": "text", "value": "[sad.cvv]"}"#,
        ),
        (r#"{"value":"737","name":"cvv"}"#, r#"{"value":"[sad.cvv]","name":"cvv"}"#),
        (r#"{\"name\":\"cvv\",\"value\":\"737\"}"#, r#"{\"name\":\"cvv\",\"value\":\"[sad.cvv]\"}"#),
        (r#"<field name="cvv">737</field>"#, r#"<field name="cvv">[sad.cvv]</field>"#),
        (r#"<f name="securityCode" value="737"/>"#, r#"<f name="securityCode" value="[sad.cvv]"/>"#),
        ("cvv:\n737", "cvv:\n[sad.cvv]"),
        ("security code:\r\n  737", "security code:\r\n  [sad.cvv]"),
        ("\"cvv\":\n  \"737\"", "\"cvv\":\n  \"[sad.cvv]\""),
        ("<cvv>\n  737\n</cvv>", "<cvv>\n  [sad.cvv]\n</cvv>"),
        ("cvv, 737", "cvv, [sad.cvv]"),
        ("cvv|737", "cvv|[sad.cvv]"),
        ("cvv2|737", "cvv2|[sad.cvv]"),
        ("cvv_737", "cvv_[sad.cvv]"),
        ("cvv (3 digits): 737", "cvv (3 digits): [sad.cvv]"),
        ("cvv (3位): 737", "cvv (3位): [sad.cvv]"),
        ("安全码是737", "安全码是[sad.cvv]"),
        ("卡号 4111111111111112", "卡号 4111********1112"),
        (";4111111111111111=30121010000012345678?", "[sad.track]"),
        ("tlv 5A0841111111111111115F2403301231", "tlv 5A084111********11115F2403301231"),
        ("de55=WghBEREREREREV80AQE=", "de55=[cardholder.pan]"),
        ("/v1/cards/NDcyMjM5NzQwMzI2NDk0Nw==/tokens", "/v1/cards/[cardholder.pan]/tokens"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4 1 1 1 * * * * * * * * 1 1 1 1"),
        ("order 17 paid with card 4111111111111111", "order 17 paid with card 4111********1111"),
        ("request failed for 4111111111111111", "request failed for 4111********1111"),
        ("session of 4111111111111111 ended", "session of 4111********1111 ended"),
        (
            "Exception: dup key '4111111111111111' at a.b.C.d(C.java:42)",
            "Exception: dup key '4111********1111' at a.b.C.d(C.java:42)",
        ),
    ] {
        assert_eq!(text(before), after, "{before}");
        assert_eq!(text(after), after, "masked again: {after}");
    }
}

#[test]
fn other_texts_stay() {
    for kept in [
        "order 4111111111111112 shipped",
        "at 1718000000000 done",
        "at 1718000000000000000 done",
        "at 1718000000000000 done",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736",
        "uuid 550e8400-e29b-41d4-a716-446655440000",
        "req f51327f9-6875-4211-8737-6600d59d0eac",
        "job d1542998-0801-4bba-a5b6-1ac30af5a093 done",
        "22332522-A131-4991-8237-ACD21823AD4F",
        "contact 0086 138 **** 1501",
        "C:\\3782\\345",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "order_id=4111111111111111",
        "订单4111111111111111",
        "订单号为4111111111111111",
        "order no. 4111111111111111",
        "trace id: 4111111111111111",
        "request id=4111111111111111",
        "0x4111111111111111",
        "score 0.4111111111111111",
        "imei 490154203237518",
        "iccid 89860112851083463452",
        "paid 28 digits 4200001234202611231234567890 by wallet",
        "amount 1234.567 CNY at 2026-11-23T16:00:00.123456789Z",
        "lat 31.230416, lon 121.473701",
        "v1.2.3 of 10.0.0.1:8080",
        "call 95588",
        "diff +307275901 bytes",
        "offset +92157640",
        "delta -17315564061",
        "cvv_result=M cvc check passed",
        "cvv check passed in 272 ms",
        "cvv\n404 not found",
        "cvv code, port 443",
        r#"{"name":"cvv"},{"name":"port","value":443}"#,
        r#"<field name="cvv"/><field name="port">443</field>"#,
        "4111********1111 138****8000 zh*******@example.com",
        "SN13912345678",
        "enc:1:k1:pan:test:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "C:\\\\Users\\\\x 100% & more",
        "commit 4111111a1111111",
    ] {
        assert_eq!(text(kept), kept);
    }
}

/// A PIN block is any 16 hexadecimal digits: with a letter first, with its decimal digits apart.
#[test]
fn every_pin_block_behind_its_key_is_masked() {
    for block in ["C98D5AE9BFD5C3C0", "2B4E1B1BB39EEE69", "05AAE4EB0BDBAD8C", "abcdefabcdefabc1", "ABCDE1FABCDEFA2C"] {
        for (before, after) in [("pin_block=", " id 417"), ("\"pinBlock\":\"0x", "\""), ("PIN BLOCK: ", "")] {
            let masked = text(&format!("{before}{block}{after}"));
            assert_eq!(masked, format!("{before}[sad.pin]{after}"), "{block}");
        }
        let span = format!("span {block} of 200");
        assert_eq!(text(&span), span);
    }
}

/// A key written together with its block, whatever number stands behind.
#[test]
fn a_pin_block_glued_to_its_key_is_masked() {
    for behind in ["", " ok", " 13891800994"] {
        let masked = text(&format!("epb6207326359459432{behind}"));
        assert!(masked.starts_with("epb[sad.pin]"), "{masked}");
    }
}

/// Texts are read in blocks: what lies across the border of two is found like what doesn't, whatever script stands before it.
#[test]
fn a_value_is_found_wherever_a_block_ends() {
    for noise in ["routing resumes; ", "系统正常，", "[::-._/+] "] {
        let noise = noise.repeat(40);
        for length in (0..200).filter(|length| noise.is_char_boundary(*length)) {
            let noise = &noise[..length];
            for (value, masked) in [
                ("|card 4111111111111111 ok", "|card 4111********1111 ok"),
                ("|cvv (3 digits): 737 ok", "|cvv (3 digits): [sad.cvv] ok"),
                ("|安全码：737", "|安全码：[sad.cvv]"),
                ("|<cvv type=\"x\">737</cvv>", "|<cvv type=\"x\">[sad.cvv]</cvv>"),
                ("|pin_block=C98D5AE9BFD5C3C0", "|pin_block=[sad.pin]"),
                ("|NDExMTExMTExMTExMTExMQ==", "|[cardholder.pan]"),
                ("|zhang.san@example.com", "|zh*******@example.com"),
                ("|cvv%3D737", "|cvv%3D[sad.cvv]"),
            ] {
                let text = text(&format!("{noise}{value}; {noise}"));
                assert_eq!(text, format!("{noise}{masked}; {noise}"));
            }
        }
    }
}

/// The 25 places of the comparison with other collectors, and some more.
#[test]
fn no_place_of_a_record_shows_a_card_or_its_code() {
    const PAN: &str = "4111111111111111";
    let number = 4_111_111_111_111_111;
    let body = |body| content(context(By::Sender), LogRecord { body, ..LogRecord::default() });
    let mut resource = context(By::Sender);
    resource.resource.attributes.push(KeyValue { key: "customer.card".into(), value: string(PAN) });
    resource.scope.attributes.push(KeyValue { key: "customer.card".into(), value: string(PAN) });
    resource.scope.name = format!("card {PAN}").into();
    resource.scope.version = PAN.into();
    resource.resource_schema_url = format!("https://x/{PAN}").into();
    resource.scope_schema_url = format!("https://x/?p={PAN}").into();
    let record = LogRecord {
        severity_text: format!("INFO {PAN}").into(),
        event_name: format!("paid {PAN}").into(),
        ..LogRecord::default()
    };
    for (case, masked) in [
        ("names", content(resource, record)),
        ("string", attribute("note", string(PAN))),
        ("int", attribute("card_number", Value::Int(number))),
        ("int elsewhere", attribute("note", Value::Int(number))),
        ("double", attribute("card_number", Value::Double(number as f64))),
        ("bytes", attribute("note", Value::Bytes(Cow::Borrowed(PAN.as_bytes())))),
        (
            "bytes that are no text",
            attribute("note", Value::Bytes(Cow::Owned([b"\xff\x00 ", PAN.as_bytes()].concat()))),
        ),
        ("map", attribute("payment", map("card", map("number", string(PAN))))),
        ("map of int", attribute("payment", map("number", Value::Int(number)))),
        ("list", attribute("cards", Value::Array(vec![string(PAN)]))),
        ("key", attribute(&format!("card.{PAN}"), string("x"))),
        ("key of a map", attribute("payment", map(PAN, string("x")))),
        ("body map", body(map("p", map("card", string(PAN))))),
        ("body int", body(Value::Int(number))),
        ("cvv int", attribute("cvv", Value::Int(737))),
        ("cvv in a map", attribute("payment", map("cvv", string("737")))),
        ("cvv in a list", attribute("cvv", Value::Array(vec![string("737")]))),
        (
            "cvv under a name",
            attribute(
                "field",
                Value::Map(vec![
                    KeyValue { key: "name".into(), value: string("cvv") },
                    KeyValue { key: "value".into(), value: string("737") },
                ]),
            ),
        ),
        ("cvv without its zeros", attribute("cvc2", Value::Array(vec![Value::Int(737)]))),
        ("cvv in other digits", attribute("cvv", string("７３７ ok, 737"))),
        ("cvv in base64", attribute("cardCvv", string("NzM3"))),
    ] {
        for secret in [PAN, "111111111111", "4.111111111111111", "737", "NzM3", "4111111111111111".get(4..12).unwrap()]
        {
            assert!(!masked.contains(secret), "{case}: {masked}");
        }
    }
}

/// A key that is a card's code to one and a customer to the other: the value decides.
#[test]
fn a_short_key_takes_only_what_may_be_a_code() {
    for (value, kept) in [
        (string("1234"), false),
        (Value::Int(37), false),
        (string("C-12345"), true),
        (Value::Int(123_456_789), true),
        (string("M"), true),
    ] {
        assert_eq!(attribute("cid", value).contains("cid"), kept);
    }
    assert!(
        attribute("cvv", string("M")).contains("cvv") && !attribute("track2", string("30121010000")).contains("track2")
    );
}

#[test]
fn amounts_are_cut_and_say_so() {
    let masked = attribute("amount", Value::Double(1234.567));
    assert!(
        masked.contains(
            r#"{"key":"amount","value":{"doubleValue":1234.56}},{"key":"amount_masked","value":{"boolValue":true}}"#
        ),
        "{masked}"
    );
    assert!(!attribute("amount", Value::Double(1234.5)).contains("amount_masked"));
}

#[test]
fn reserved_names_are_the_collectors_own() {
    let record = || LogRecord {
        event_name: "sealtrail.started".into(),
        attributes: vec![KeyValue { key: "sender.sealtrail.hash".into(), value: string("x") }],
        ..LogRecord::default()
    };
    let foreign = content(context(By::Sender), record());
    assert!(
        foreign.contains(r#""sender.sealtrail.started""#) && foreign.contains(r#""sender.sender.sealtrail.hash""#),
        "{foreign}"
    );
    assert!(content(context(By::Own), record()).contains(r#""sealtrail.started""#));
}

#[test]
fn a_record_too_large_for_the_stream_is_refused() {
    let mut session = ENGINE.session();
    let context = session.context(context(By::Sender)).unwrap();
    let record = LogRecord { body: string(&"x".repeat(900_000)), ..LogRecord::default() };
    assert!(matches!(session.mask(&context, Received::new(record)), Err(Refused::TooLarge { .. })));
}

#[test]
fn what_is_wrapped_too_deep_is_replaced_whole() {
    let mut wrapped = "4111111111111111".bytes().map(|b| format!("%{b:02x}")).collect::<String>();
    for _ in 0..5 {
        wrapped = wrapped.replace('%', "%25");
    }
    assert_eq!(text(&wrapped), "[uninspected]");
}

#[test]
fn a_configured_key_is_never_shown() {
    let config = Config { keys: [("k1".to_owned(), MaskKey::given("c2VjcmV0"))].into(), ..Config::default() };
    assert!(!serde_json::to_string(&config).unwrap().contains("c2VjcmV0"));
    assert!(!format!("{config:?}").contains("c2VjcmV0"));
}

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

fn luhn_completed(prefix: &str, digits: &[u8]) -> String {
    let head: String = prefix.chars().chain(digits.iter().map(|d| char::from(b'0' + d % 10))).take(15).collect();
    (0..10).map(|last| format!("{head}{last}")).find(|number| detect::pan::luhn(number.as_bytes())).unwrap()
}

/// A planted value and the part of it that must not survive.
fn secret() -> impl Strategy<Value = (String, String)> {
    let digits = || proptest::collection::vec(0u8..10, 15);
    prop_oneof![
        (prop_oneof![Just("4"), Just("51"), Just("2221"), Just("62"), Just("3528")], digits()).prop_map(
            |(prefix, digits)| {
                let number = luhn_completed(prefix, &digits);
                (number.clone(), number[4..12].to_owned())
            }
        ),
        ("1[3-9][0-9]{9}")
            .prop_map(|number| (number.clone(), number[3..7].to_owned()))
            .prop_map(|(number, _)| (number.clone(), number)),
        (1950u32..2005, 1u32..13, 1u32..29, 0u32..1000).prop_map(|(year, month, day, sequence)| {
            let head = format!("440524{year:04}{month:02}{day:02}{sequence:03}");
            let number = "0123456789X"
                .chars()
                .map(|last| format!("{head}{last}"))
                .find(|n| detect::cn_id::is_valid(n.as_bytes()))
                .unwrap();
            (number.clone(), number)
        }),
        ("[a-z]{5,12}", "[a-z]{3,9}")
            .prop_map(|(local, domain)| (format!("{local}@{domain}.com"), format!("{local}@"))),
    ]
}

fn write_as(writing: usize, secret: &str) -> String {
    match writing {
        0 => secret.to_owned(),
        1 => secret
            .chars()
            .map(|c| if c.is_ascii_digit() { char::from_u32(c as u32 + 0xFEE0).unwrap() } else { c })
            .collect(),
        2 => secret.chars().map(|c| format!("\\u{:04x}", c as u32)).collect(),
        3 => secret.bytes().map(|b| format!("%{b:02X}")).collect(),
        4 => secret.chars().map(|c| format!("&#{};", c as u32)).collect(),
        5 => secret.chars().flat_map(|c| [c, '\u{200b}']).collect(),
        6 => base64::Engine::encode(&base64::prelude::BASE64_STANDARD, secret),
        _ => format!("{{\\\"value\\\":\\\"{secret}\\\"}}"),
    }
}

/// Undoes every writing that the test uses, so that what survived shows.
fn plain(text: &str) -> String {
    let mut views = [fold::View::default(), fold::View::default(), fold::View::default()];
    let [first, second, raw] = &mut views;
    first.fold_text(text);
    let plain = if second.unescape(first.source(), raw) { &second.bytes } else { &first.bytes };
    String::from_utf8_lossy(plain).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_planted_value_survives((value, hidden) in secret(), writing in 0usize..8, before in "(|paid |note: |用户|\")", after in "(| ok|\"|, x|。)", place in 0usize..5) {
        let planted = format!("{before}{}{after}", write_as(writing, &value));
        let masked = match place {
            0 => text(&planted),
            1 => attribute("note", string(&planted)),
            2 => attribute("note", Value::Array(vec![map("x", string(&planted))])),
            3 => attribute("note", Value::Bytes(Cow::Owned(planted.clone().into_bytes()))),
            _ => attribute(&planted, string("x")),
        };
        prop_assert!(!plain(&masked).contains(&hidden), "{planted} in {masked}");
        prop_assert!(writing != 6 || !masked.contains(&write_as(6, &value)), "{planted} in {masked}");
    }

    #[test]
    fn any_split_into_attributes_masks_no_less(secrets in proptest::collection::vec((secret(), "(|paid |用户|, )"), 1..6), split in 0usize..6) {
        let text = |secrets: &[((String, String), String)]| {
            secrets.iter().map(|((value, _), before)| format!("{before}{value};")).collect::<String>()
        };
        let (first, second) = secrets.split_at(split.min(secrets.len()));
        let values = [first, second].map(|part| string(&text(part)));
        let attributes = values.into_iter().map(|value| KeyValue { key: "note".into(), value }).collect();
        let apart = content(context(By::Sender), LogRecord { attributes, ..LogRecord::default() });
        let whole = content(context(By::Sender), LogRecord { body: string(&text(&secrets)), ..LogRecord::default() });
        for ((_, hidden), _) in &secrets {
            prop_assert!(!apart.contains(hidden) && !whole.contains(hidden), "{apart} {whole}");
        }
    }

    #[test]
    fn masking_twice_is_masking_once(noise in "\\PC{0,80}", (value, _) in secret(), more in "[0-9cvpin@.:=%\\\\&;D*x -]{0,60}") {
        for before in [format!("{noise}{value}{more}"), more.clone(), format!("{more}{noise}")] {
            let once = text(&before);
            prop_assert_eq!(text(&once), once, "{}", before);
        }
    }

    #[test]
    fn random_ids_are_kept(id in "[0-9a-f]{32}", number in 1_600_000_000_000_000_000u64..1_900_000_000_000_000_000) {
        for kept in [format!("trace {id}"), format!("at {number} {} {}", number / 1_000, number / 1_000_000)] {
            prop_assert_eq!(text(&kept), kept);
        }
    }
}
