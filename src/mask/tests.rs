//! Promise 2 on values: what must be masked in every place and writing, what must stay.

use std::borrow::Cow;
use std::path::Path;
use std::sync::LazyLock;

use sealtrail_chain::content::{Auth, By, Context, KeyValue, LogRecord, Origin, Resource, Scope, Value};

use super::*;

mod properties;
mod rule_files;
mod texts;

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
