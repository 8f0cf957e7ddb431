//! Canonical text: one for each record, read and written back as it was; nothing else is taken.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::samples::{full, nested, record, same, value, write};
use crate::content::{
    Auth, By, Content, KeyValue, LogRecord, MAX_DEPTH, Record, Tail, Value, is_reserved, read, read_parts,
};

proptest! {
    /// Content is JCS of the OTLP/JSON mapping: an independent conversion, sorted by another library, gives the same bytes.
    /// (serde_json's map sorts by bytes; all names are ASCII, so that is the order of RFC 8785.)
    #[test]
    fn writes_sorted_json(record in record()) {
        let text = write(&record);
        prop_assert_eq!(text.as_str(), render(&json_of(&record)));
    }

    #[test]
    fn parses_what_it_writes(record in record()) {
        let content = write(&record);
        let parsed = Content::parse(content.as_str().to_owned());
        prop_assert!(parsed.is_ok(), "{:?}", parsed.err());
        let (again, parts) = read_parts(content.as_str()).unwrap();
        prop_assert!(same(&again, &record));
        let from = content.as_str().len() - parts.tail.len();
        prop_assert_eq!(parts.tail, &content.as_str()[from..]);
        let pieces = [",\"received\":", parts.received, parts.resource, parts.scope, "}"].concat();
        prop_assert_eq!(parts.tail, pieces);
    }

    /// Whatever is read is written back as it was; so a text that isn't the canonical one of a record can't be taken.
    #[test]
    fn takes_nothing_but_what_it_would_write(record in record(), at in any::<prop::sample::Index>(), byte in 0x20..0x7f_u8, how in 0..3) {
        let mut bytes = write(&record).as_str().as_bytes().to_vec();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(record) = read(&text)
        {
            let again = write(&record);
            prop_assert_eq!(again.as_str(), text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), value in value()) {
        let _ = read(&text);
        let _ = read(&format!("{{\"logRecord\":{text}"));
        let _ = read(&format!("{{\"logRecord\":{{\"body\":{}{text}", value.to_json()));
    }
}

#[test]
fn every_field_has_its_place() {
    let expected = concat!(
        r#"{"logRecord":{"attributes":[{"key":"s","value":{"stringValue":"é😀/"#,
        "\u{7f}\u{2028}",
        r#""}},{"key":"i","value":{"intValue":"-1"}},{"key":"d","value":{"doubleValue":1.5}},"#,
        r#"{"key":"b","value":{"boolValue":false}},{"key":"y","value":{"bytesValue":"AP8="}},"#,
        r#"{"key":"a","value":{"arrayValue":{"values":[{},{"arrayValue":{}}]}}},"#,
        r#"{"key":"m","value":{"kvlistValue":{"values":[{"value":{"stringValue":""}},{"key":"k"}]}}}],"#,
        r#""body":{"stringValue":"paid \"7\"\n"},"droppedAttributesCount":3,"eventName":"payment","flags":1,"#,
        r#""observedTimeUnixNano":"18446744073709551615","severityNumber":9,"severityText":"INFO","#,
        r#""spanId":"0c0c0c0c0c0c0c0c","timeUnixNano":"1790000000000000000","#,
        r#""traceId":"abababababababababababababababab"},"#,
        r#""received":{"auth":"mtls","by":"sender","peer":"203.0.113.7","subject":"CN=till-7"},"#,
        r#""resource":{"attributes":[{"key":"service.name","value":{"stringValue":"till"}}],"droppedAttributesCount":1},"#,
        r#""resourceSchemaUrl":"https://r","scope":{"attributes":[{"key":"x","value":{"doubleValue":"NaN"}}],"#,
        r#""droppedAttributesCount":2,"name":"lib","version":"1"},"scopeSchemaUrl":"https://s"}"#,
    );
    assert_eq!(write(&full()).as_str(), expected);
}

// The numbers stand as the RFC has them.
#[allow(clippy::excessive_precision)]
#[test]
fn numbers_and_escapes_are_those_of_rfc_8785() {
    // Appendix B of the RFC, and the bounds between its two notations.
    for (number, text) in [
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (999999999999999900000.0, "999999999999999900000"),
        (1e21, "1e+21"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (333333333.33333329, "333333333.3333333"),
        (f64::INFINITY, "\"Infinity\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
    ] {
        assert_eq!(Value::Double(number).to_json(), format!("{{\"doubleValue\":{text}}}"));
    }
    let all: String = (0..0x22).map(char::from).chain("/\\\u{7f}".chars()).collect();
    let expected = concat!(
        r"\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f",
        r"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f",
        " !/\\\\\u{7f}",
    );
    assert_eq!(Value::String(all.into()).to_json(), format!("{{\"stringValue\":\"{expected}\"}}"));
}

/// Each deviation is refused, and at the byte where it begins (or at the value that is wrong as a whole).
#[test]
fn every_deviation_is_refused_at_its_place() {
    let sound = write(&full()).as_str().to_owned();
    for (from, to) in [
        // another JSON of the same value
        ("{\"logRecord\"", " {\"logRecord\""),
        ("\"i\",", "\"i\" ,"),
        ("[{},", "[{}, "),
        ("1.5", "1.50"),
        ("1.5", "15e-1"),
        ("1.5", "1.5e0"),
        ("1.5", "-0"),
        ("1.5", "1.0"),
        ("1.5", "01.5"),
        ("\"NaN\"", "\"nan\""),
        ("\"NaN\"", "NaN"),
        ("\"-1\"", "\"-01\""),
        ("\"-1\"", "\"-0\""),
        ("\"-1\"", "\"+1\""),
        ("\"-1\"", "-1"),
        ("\"-1\"", "\"9223372036854775808\""),
        ("\"-1\"", "\"\""),
        ("18446744073709551615", "18446744073709551616"),
        ("\\\"7", "\\u00227"),
        ("\\n", "\\u000a"),
        ("\\n", "\\u000A"),
        ("\\n", "\\u001F"),
        ("\\n", "\\u0041"),
        ("\\n", "\\/"),
        ("\\n", "\n"),
        ("\\n", "\\u00e9"),
        ("😀", "\\ud83d\\ude00"),
        ("AP8=", "AP8"),
        ("AP8=", "AP9="),
        ("AP8=", "AP_="),
        ("abab\"", "abAB\""),
        ("abab\"", "aba\""),
        ("\"0c0c", "\"0x0c"),
        // a default present, a null present
        ("\"flags\":1", "\"flags\":0"),
        ("\"flags\":1", "\"flags\":-1"),
        ("\"flags\":1", "\"flags\":4294967296"),
        ("\"severityNumber\":9", "\"severityNumber\":0"),
        ("\"severityNumber\":9", "\"severityNumber\":\"9\""),
        ("\"timeUnixNano\":\"1790000000000000000\"", "\"timeUnixNano\":\"0\""),
        ("\"severityText\":\"INFO\"", "\"severityText\":\"\""),
        ("\"spanId\":\"0c0c0c0c0c0c0c0c\"", "\"spanId\":\"\""),
        ("{\"key\":\"k\"}", "{\"key\":\"k\",\"value\":{}}"),
        ("{\"value\":{\"stringValue\":\"\"}}", "{\"key\":\"\",\"value\":{\"stringValue\":\"\"}}"),
        ("\"body\":{\"stringValue\":\"paid \\\"7\\\"\\n\"}", "\"body\":{}"),
        ("{\"arrayValue\":{}}", "{\"arrayValue\":{\"values\":[]}}"),
        ("\"attributes\":[{\"key\":\"x\",\"value\":{\"doubleValue\":\"NaN\"}}],", "\"attributes\":[],"),
        ("\"scopeSchemaUrl\":\"https://s\"", "\"scopeSchemaUrl\":\"\""),
        // order, repetition, strangers
        ("\"eventName\":\"payment\",\"flags\":1", "\"flags\":1,\"eventName\":\"payment\""),
        ("\"flags\":1", "\"flags\":1,\"flags\":1"),
        ("\"flags\":1", "\"flagz\":1"),
        ("\"auth\":\"mtls\",\"by\":\"sender\"", "\"by\":\"sender\",\"auth\":\"mtls\""),
        ("\"by\":\"sender\"", "\"by\":\"own\""),
        ("{\"intValue\":\"-1\"}", "{\"intValue\":\"-1\",\"boolValue\":true}"),
        ("{\"boolValue\":false}", "{\"boolValue\":0}"),
        ("{\"boolValue\":false}", "null"),
        ("https://s\"}", "https://s\"} "),
        ("https://s\"}", "https://s\""),
        ("https://s\"}", "https://s\",}"),
    ] {
        let at = sound.find(from).unwrap_or_else(|| panic!("`{from}` is in the sample"));
        let wrong = sound.replacen(from, to, 1);
        let error = Content::parse(wrong).err().unwrap_or_else(|| panic!("`{to}` for `{from}` was taken"));
        assert!(error.at + 32 >= at && error.at <= at + to.len() + 24, "`{to}` at {at}: {error}");
    }
    let empty_messages = [",\"resource\":{}", ",\"scope\":{}"];
    for message in empty_messages {
        let text = format!("{{\"logRecord\":{{}},\"received\":{{\"auth\":\"none\",\"by\":\"self\"}}{message}}}");
        assert!(Content::parse(text).is_err(), "{message}");
    }
}

#[test]
fn values_nest_24_deep_and_no_deeper() {
    let at_depth = |depth| {
        let mut record = full();
        record.log.body = nested(depth - 1);
        write(&record).as_str().to_owned()
    };
    assert!(Content::parse(at_depth(MAX_DEPTH)).is_ok());
    let error = Content::parse(at_depth(MAX_DEPTH + 1)).err().map(|error| error.expected);
    assert_eq!(error, Some("values nested no deeper than 24"));
    // A text in a map is read on a short way, which counts as well.
    let map_at_depth = |depth| {
        let mut record = full();
        let text = KeyValue { key: "k".into(), value: Value::String("v".into()) };
        record.log.body = (0..depth - 1)
            .fold(Value::Map(vec![text]), |inner, _| Value::Map(vec![KeyValue { key: "".into(), value: inner }]));
        write(&record).as_str().to_owned()
    };
    assert!(Content::parse(map_at_depth(MAX_DEPTH - 1)).is_ok());
    let error = Content::parse(map_at_depth(MAX_DEPTH)).err().map(|error| error.expected);
    assert_eq!(error, Some("values nested no deeper than 24"));
    // Deep enough to overflow a stack, if that were where depth is counted.
    let bomb = format!("{{\"logRecord\":{{\"body\":{}", "{\"arrayValue\":{\"values\":[".repeat(200_000));
    assert!(Content::parse(bomb).is_err());
}

#[test]
fn reserved_names_are_those_of_the_collector_and_their_escapes() {
    for name in ["sealtrail.", "sealtrail.read", "sender.sealtrail.x", "sender.sender.sealtrail.x"] {
        assert!(is_reserved(name), "{name}");
    }
    for name in ["sealtrail", "Sealtrail.x", "sender.x", "senders.sealtrail.x", " sealtrail.x", ""] {
        assert!(!is_reserved(name), "{name}");
    }
}

/// The mapping once more, after formats.md alone.
fn json_of(record: &Record<'_>) -> Json {
    let context = &record.context;
    let mut scope = Map::new();
    scope.insert("attributes".into(), pairs(&context.scope.attributes));
    scope.insert("droppedAttributesCount".into(), json!(context.scope.dropped_attributes_count));
    scope.insert("name".into(), json!(context.scope.name));
    scope.insert("version".into(), json!(context.scope.version));
    let resource = json!({
        "attributes": pairs(&context.resource.attributes),
        "droppedAttributesCount": context.resource.dropped_attributes_count,
    });
    let mut received = json!({
        "auth": match context.received.auth { Auth::Mtls => "mtls", Auth::Token => "token", Auth::None => "none" },
        "by": match context.received.by { By::Sender => "sender", By::Access => "access", By::Own => "self" },
    });
    for (name, known) in [("peer", &context.received.peer), ("subject", &context.received.subject)] {
        if let Some(text) = known {
            received[name] = json!(text);
        }
    }
    let mut whole = json!({
        "resource": without_defaults(resource),
        "resourceSchemaUrl": context.resource_schema_url,
        "scope": without_defaults(Json::Object(scope)),
        "scopeSchemaUrl": context.scope_schema_url,
    });
    whole = without_defaults(whole);
    whole["logRecord"] = log(&record.log);
    whole["received"] = received;
    whole
}

fn log(log: &LogRecord<'_>) -> Json {
    let mut json = json!({
        "attributes": pairs(&log.attributes),
        "droppedAttributesCount": log.dropped_attributes_count,
        "eventName": log.event_name,
        "flags": log.flags,
        "observedTimeUnixNano": log.observed_time_unix_nano.to_string(),
        "severityNumber": log.severity_number,
        "severityText": log.severity_text,
        "spanId": const_hex::encode(&log.span_id),
        "timeUnixNano": log.time_unix_nano.to_string(),
        "traceId": const_hex::encode(&log.trace_id),
    });
    for time in ["observedTimeUnixNano", "timeUnixNano"] {
        if json[time] == "0" {
            json[time] = Json::Null;
        }
    }
    json["body"] = any_value(&log.body);
    without_defaults(json)
}

fn without_defaults(mut json: Json) -> Json {
    let members = json.as_object_mut().unwrap();
    members.retain(|_, value| {
        !(value.is_null() || *value == json!(0) || *value == json!("") || *value == json!([]) || *value == json!({}))
    });
    json
}

fn pairs(pairs: &[KeyValue<'_>]) -> Json {
    let pair = |pair: &KeyValue<'_>| without_defaults(json!({ "key": pair.key, "value": any_value(&pair.value) }));
    pairs.iter().map(pair).collect()
}

fn any_value(value: &Value<'_>) -> Json {
    use base64::Engine as _;
    match value {
        Value::Null => json!({}),
        Value::String(text) => json!({ "stringValue": text }),
        Value::Bool(yes) => json!({ "boolValue": yes }),
        Value::Int(number) => json!({ "intValue": number.to_string() }),
        Value::Double(number) if number.is_nan() => json!({ "doubleValue": "NaN" }),
        Value::Double(number) if number.is_infinite() => {
            json!({ "doubleValue": if *number > 0.0 { "Infinity" } else { "-Infinity" } })
        }
        Value::Double(number) => json!({ "doubleValue": number }),
        Value::Bytes(bytes) => json!({ "bytesValue": base64::engine::general_purpose::STANDARD.encode(bytes) }),
        Value::Array(values) => {
            json!({ "arrayValue": without_defaults(json!({ "values": values.iter().map(any_value).collect::<Vec<_>>() })) })
        }
        Value::Map(entries) => json!({ "kvlistValue": without_defaults(json!({ "values": pairs(entries) })) }),
    }
}

/// serde_json's text, but for doubles: those it writes in another form, so they are taken from ECMAScript's.
fn render(json: &Json) -> String {
    match json {
        Json::Number(number) if number.is_f64() => ryu_js::Buffer::new().format(number.as_f64().unwrap()).to_owned(),
        Json::Array(elements) => format!("[{}]", elements.iter().map(render).collect::<Vec<_>>().join(",")),
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let member = |(name, value): (&String, &Json)| format!("{}:{}", json!(name), render(value));
            format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(","))
        }
        leaf => leaf.to_string(),
    }
}

#[test]
fn the_tail_is_shared() {
    let record = full();
    let tail = Tail::write(&record.context);
    let content = Content::write(&LogRecord::default(), &tail);
    assert!(content.as_str().starts_with("{\"logRecord\":{},\"received\":"));
    assert_eq!(read_parts(content.as_str()).unwrap().1.tail, tail.0);
}
