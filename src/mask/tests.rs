//! Promise 2 on values: what must be masked in every place and writing, what must stay.

use std::borrow::Cow;
use std::path::Path;
use std::sync::LazyLock;

use sealtrail_chain::content::{Auth, By, Context, KeyValue, LogRecord, Origin, Resource, Scope, Value};

use super::*;

mod properties;
mod rule_files;

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
        ("code in a map", attribute("security", map("code", string("737")))),
        ("code in maps", attribute("payment", map("security", map("code", Value::Int(737))))),
        ("code by all names", attribute("card", map("verification", map("data", string("737"))))),
        ("cvv in a list", attribute("cvv", Value::Array(vec![string("737")]))),
        (
            "cvv behind its option",
            attribute("process.command_args", Value::Array(vec![string("--cvc"), string("737")])),
        ),
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
fn an_option_is_the_key_of_the_next_argument_alone() {
    let list = |elements: &[&str]| {
        attribute("process.command_args", Value::Array(elements.iter().copied().map(string).collect()))
    };
    assert!(list(&["--cvc", "737", "404"]).contains("404"));
    assert!(list(&["--cvc", "--retries", "404"]).contains("404"));
    assert!(list(&["cvc", "404"]).contains("404"));
    assert!(list(&["--order-id", "4111111111111111"]).contains("4111111111111111"));
    assert!(!list(&["--card", "4111111111111112"]).contains("4111111111111112"));
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
