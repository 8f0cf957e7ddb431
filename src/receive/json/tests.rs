use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;
use sealtrail_chain::content::otlp::{self, Malformed, Visit};
use sealtrail_chain::content::{Auth, By, Content, Context, LogRecord as Record, Origin, Tail};

use super::{Broken, read};

/// What a visitor is told, as canonical text.
#[derive(Default, PartialEq, Debug)]
struct Told {
    records: Vec<Result<String, Malformed>>,
    unknown: u64,
    scopes: usize,
}

#[derive(Default)]
struct Gather {
    tail: Option<Result<Tail, Malformed>>,
    told: Told,
}

impl<'a> Visit<'a> for Gather {
    fn scope(&mut self, context: Result<Context<'a>, Malformed>) {
        self.tail = Some(context.map(|context| Tail::write(&context)));
        self.told.scopes += 1;
    }

    fn record(&mut self, record: Result<Record<'a>, Malformed>) {
        let tail = self.tail.as_ref().expect("a scope comes first");
        let text = match (tail, record) {
            (Ok(tail), Ok(record)) => Ok(Content::write(&record, tail).as_str().to_owned()),
            (Err(malformed), _) => Err(*malformed),
            (_, Err(malformed)) => Err(malformed),
        };
        self.told.records.push(text);
    }

    fn unknown_fields(&mut self, count: u64) {
        self.told.unknown += count;
    }
}

fn received() -> Origin {
    Origin { auth: Auth::None, by: By::Sender, peer: None, subject: None }
}

fn told(json: &str) -> Result<Told, Broken> {
    let mut gather = Gather::default();
    read(json, &received(), &mut gather).map(|()| gather.told)
}

fn told_in_protobuf(request: &ExportLogsServiceRequest) -> Told {
    let mut gather = Gather::default();
    otlp::read(&request.encode_to_vec(), &received(), &mut gather).expect("sound");
    gather.told
}

/// One record within an otherwise empty request.
fn record(fields: &str) -> Result<String, Malformed> {
    let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{fields}]}}]}}]}}"#);
    let mut told = told(&json).expect("sound outside");
    assert_eq!(told.records.len(), 1);
    told.records.remove(0)
}

fn body(value: &str) -> Result<String, Malformed> {
    let text = record(&format!(r#"{{"body":{value}}}"#))?;
    let rest = text.strip_prefix(r#"{"logRecord":{"#).expect("a record");
    let end = rest.find(r#"},"received""#).expect("received follows");
    Ok(rest[..end].trim_start_matches(r#""body":"#).to_owned())
}

proptest! {
    /// The same records give the same content in JSON as in protobuf, whoever wrote the JSON: another implementation, or
    /// our own canonical text, which says every field in its strictest form.
    #[test]
    fn json_says_the_same_as_protobuf(request in request()) {
        let expected = told_in_protobuf(&request);
        let theirs = serde_json::to_string(&request).expect("plain data");
        // Theirs writes fields that are new to us, always empty here, so only what is unknown differs.
        let theirs = Told { unknown: 0, ..told(&theirs).expect("sound") };
        prop_assert_eq!(&theirs, &expected);
        let records: Vec<_> = expected.records.iter().map(|text| text.as_ref().expect("sound")).map(|text| {
            let parts: serde_json::Value = serde_json::from_str(text).expect("canonical text is JSON");
            serde_json::json!({
                "scopeLogs": [{"logRecords": [parts["logRecord"]], "scope": parts["scope"], "schemaUrl": parts["scopeSchemaUrl"]}],
                "resource": parts["resource"],
                "schemaUrl": parts["resourceSchemaUrl"],
            })
        }).collect();
        let ours = serde_json::json!({"resourceLogs": records}).to_string();
        prop_assert_eq!(told(&ours).expect("sound").records, expected.records);
    }

    /// Whatever is cut off or changed: an answer, never a panic, and no record from a request that is refused whole.
    #[test]
    fn hostile_text_is_answered(request in request(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut json = serde_json::to_string(&request).expect("plain data").into_bytes();
        let place = place.index(json.len());
        json[place] = byte;
        for text in [String::from_utf8_lossy(&json), String::from_utf8_lossy(&json[..place])] {
            let mut gather = Gather::default();
            if read(&text, &received(), &mut gather).is_err() {
                prop_assert_eq!(gather.told, Told::default());
            }
        }
    }
}

fn request() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let resource = (pairs(), any::<u32>()).prop_map(|(attributes, dropped_attributes_count)| Resource {
        attributes,
        dropped_attributes_count,
        ..Default::default()
    });
    let logs = (proptest::option::of(resource), vec(scope_logs(), 0..3), text())
        .prop_map(|(resource, scope_logs, schema_url)| ResourceLogs { resource, scope_logs, schema_url });
    vec(logs, 0..3).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

fn scope_logs() -> impl Strategy<Value = ScopeLogs> {
    let scope = (text(), text(), pairs()).prop_map(|(name, version, attributes)| InstrumentationScope {
        name,
        version,
        attributes,
        dropped_attributes_count: 1,
    });
    (proptest::option::of(scope), vec(log_record(), 0..4), text())
        .prop_map(|(scope, log_records, schema_url)| ScopeLogs { scope, log_records, schema_url })
}

fn log_record() -> impl Strategy<Value = LogRecord> {
    let numbers = (any::<u64>(), any::<u64>(), 0..25, any::<u32>(), any::<u32>());
    let ids = (prop_oneof![Just(vec![]), vec(any::<u8>(), 16)], prop_oneof![Just(vec![]), vec(any::<u8>(), 8)]);
    (numbers, ids, text(), text(), proptest::option::of(value()), pairs()).prop_map(
        |(numbers, (trace_id, span_id), severity_text, event_name, body, attributes)| LogRecord {
            time_unix_nano: numbers.0,
            observed_time_unix_nano: numbers.1,
            severity_number: numbers.2,
            severity_text,
            body,
            attributes,
            dropped_attributes_count: numbers.3,
            flags: numbers.4,
            trace_id,
            span_id,
            event_name,
        },
    )
}

fn pairs() -> impl Strategy<Value = Vec<KeyValue>> {
    vec(pair(value().boxed()), 0..4)
}

fn pair(value: BoxedStrategy<AnyValue>) -> impl Strategy<Value = KeyValue> {
    (text(), value).prop_map(|(key, value)| KeyValue { key, value: Some(value), ..Default::default() })
}

fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        text().prop_map(Any::StringValue),
        any::<bool>().prop_map(Any::BoolValue),
        any::<i64>().prop_map(Any::IntValue),
        (-1e9..1e9_f64).prop_map(Any::DoubleValue),
        vec(any::<u8>(), 0..9).prop_map(Any::BytesValue),
    ];
    let some = |value| AnyValue { value: Some(value) };
    leaf.prop_map(some).prop_recursive(5, 16, 4, move |inner| {
        let list = vec(inner.clone(), 0..4).prop_map(|values| Any::ArrayValue(ArrayValue { values }));
        let map = vec(pair(inner.boxed()), 0..4).prop_map(|values| Any::KvlistValue(KeyValueList { values }));
        prop_oneof![list, map].prop_map(some)
    })
}

fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![proptest::char::range(' ', '~'), Just('"'), Just('\\'), Just('\n'), any::<char>()];
    vec(character, 0..9).prop_map(String::from_iter)
}

#[test]
fn the_other_spellings_of_the_mapping_are_read() {
    let plain = record(
        r#"{"timeUnixNano":"1000","severityNumber":9,"severityText":"a","droppedAttributesCount":2,"traceId":"ab0c","eventName":"e"}"#,
    );
    let other = record(
        r#" { "time_unix_nano" : 1e3 , "severity_number" : "SEVERITY_NUMBER_INFO", "severity_text":"\u0061", "body": null,
             "attributes": null, "dropped_attributes_count": "2", "trace_id": "AB0C", "event_name": "e", "flags": null } "#,
    );
    assert!(plain.is_ok());
    assert_eq!(plain, other);
    for (value, expected) in [
        (r#"{"intValue":"-9223372036854775808"}"#, r#"{"intValue":"-9223372036854775808"}"#),
        (r#"{"int_value":7.0}"#, r#"{"intValue":"7"}"#),
        (r#"{"doubleValue":"NaN"}"#, r#"{"doubleValue":"NaN"}"#),
        (r#"{"doubleValue":"-Infinity"}"#, r#"{"doubleValue":"-Infinity"}"#),
        (r#"{"doubleValue":"1.5"}"#, r#"{"doubleValue":1.5}"#),
        (r#"{"bytesValue":"-_8"}"#, r#"{"bytesValue":"+/8="}"#),
        (r#"{"bytesValue":"+/8="}"#, r#"{"bytesValue":"+/8="}"#),
        (r#"{"stringValue":null}"#, ""),
        (r#"{"stringValue":""}"#, r#"{"stringValue":""}"#),
        (r#"{"arrayValue":{}}"#, r#"{"arrayValue":{}}"#),
        (r#"{"arrayValue":{"values":[null,{}]}}"#, r#"{"arrayValue":{"values":[{},{}]}}"#),
    ] {
        assert_eq!(body(value).as_deref(), Ok(expected), "{value}");
    }
}

#[test]
fn a_lone_surrogate_is_replaced_like_all_ill_formed_text() {
    let text = body(r#"{"stringValue":"a\ud800b"}"#).expect("taken");
    assert!(text.contains('\u{fffd}') && text.contains('b'), "{text}");
}

#[test]
fn a_malformed_record_costs_no_neighbour() {
    for wrong in [
        r#"{"body":{"intValue":"x"}}"#,
        r#"{"body":{"intValue":9223372036854775808}}"#,
        r#"{"body":{"intValue":1.5}}"#,
        r#"{"body":{"doubleValue":"inf"}}"#,
        r#"{"body":{"bytesValue":"*"}}"#,
        r#"{"body":{"boolValue":"true"}}"#,
        r#"{"body":[]}"#,
        r#"{"attributes":[null]}"#,
        r#"{"attributes":{}}"#,
        r#"{"traceId":"abc"}"#,
        r#"{"traceId":"0xab"}"#,
        r#"{"timeUnixNano":-1}"#,
        r#"{"severityNumber":"SEVERITY_NUMBER_LOUD"}"#,
        "null",
        "7",
    ] {
        let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{}},{wrong},{{}}]}}]}}]}}"#);
        let told = told(&json).expect("sound outside");
        let sound = told.records.iter().map(Result::is_ok).collect::<Vec<_>>();
        assert_eq!(
            (sound, told.records[1].as_ref().err()),
            (vec![true, false, true], Some(&Malformed::WireType)),
            "{wrong}"
        );
    }
}

#[test]
fn a_malformed_resource_costs_its_own_records_only() {
    let json = r#"{"resourceLogs":[
        {"resource":{"attributes":7},"scopeLogs":[{"logRecords":[{},{}]}]},
        {"scopeLogs":[{"scope":[],"logRecords":[{}]},{"logRecords":[{}]}],"resource":null}]}"#;
    let sound = told(json).expect("sound outside").records.iter().map(Result::is_ok).collect::<Vec<_>>();
    assert_eq!(sound, [false, false, false, true]);
}

#[test]
fn a_broken_request_is_refused_before_any_record() {
    for wrong in [
        "",
        "[]",
        r#"{"resourceLogs":{}}"#,
        r#"{"resourceLogs":[null]}"#,
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]"#,
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]} x"#,
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]},7]}]}"#,
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}],"schemaUrl":7}]}]}"#,
    ] {
        let mut gather = Gather::default();
        assert_eq!(read(wrong, &received(), &mut gather), Err(Broken), "{wrong}");
        assert_eq!(gather.told, Told::default(), "{wrong}");
    }
    assert_eq!(told("{}"), Ok(Told::default()));
    assert_eq!(told(r#"{"resourceLogs":null}"#), Ok(Told::default()));
}

#[test]
fn unknown_fields_are_counted_and_dropped() {
    let json = r#"{"new":1,"resourceLogs":[{"new":[[]],"scopeLogs":[{"new":{},"logRecords":[
        {"new":"\ud800","body":{"newValue":{"stringValue":"x"}}}]}]}]}"#;
    let told = told(json).expect("sound");
    assert_eq!((told.unknown, told.records.len()), (5, 1));
    assert!(!told.records[0].as_ref().expect("sound").contains("new"));
}

/// A request's memory is bounded by that of its records: what takes three bytes of text takes fifty once read.
#[test]
fn the_values_of_a_record_are_counted() {
    let attributes = |count: usize| record(&format!(r#"{{"attributes":[{{}}{}]}}"#, ",{}".repeat(count - 1)));
    assert!(attributes(100_000).is_ok());
    assert_eq!(attributes(100_001), Err(Malformed::TooMany));
}

/// Depth is refused where protobuf's reader refuses it, and no depth of unknown fields can end the process.
#[test]
fn depth_is_bounded_for_each_record() {
    let nested = |depth: usize| {
        let (open, close) = (r#"{"arrayValue":{"values":["#.repeat(depth - 1), "]}}".repeat(depth - 1));
        record(&format!(r#"{{"body":{open}{{"intValue":1}}{close}}}"#))
    };
    let in_protobuf = |depth: usize| {
        let leaf = AnyValue { value: Some(Any::IntValue(1)) };
        let body = (1..depth)
            .fold(leaf, |inner, _| AnyValue { value: Some(Any::ArrayValue(ArrayValue { values: vec![inner] })) });
        let log_records = vec![LogRecord { body: Some(body), ..Default::default() }];
        let scope_logs = vec![ScopeLogs { log_records, ..Default::default() }];
        let resource_logs = vec![ResourceLogs { scope_logs, ..Default::default() }];
        told_in_protobuf(&ExportLogsServiceRequest { resource_logs }).records.remove(0)
    };
    for depth in [1, 2, 23, 24, 25, 26] {
        assert_eq!(nested(depth), in_protobuf(depth), "{depth}");
    }
    assert_eq!(nested(25), Err(Malformed::TooDeep));
    assert_eq!(nested(100_000), Err(Malformed::TooDeep));
    let endless = "[".repeat(200_000) + &"]".repeat(200_000);
    assert!(record(&format!(r#"{{"new":{endless}}}"#)).is_ok());
}

/// What is taken can be read again by whoever reads a content: one level more would be sealed, and no leg could go on.
#[test]
fn what_is_nested_as_deep_as_it_may_be_can_be_read_again() {
    let wrapped: [fn(String) -> String; 2] = [
        |inner| format!(r#"{{"kvlistValue":{{"values":[{{"key":"k","value":{inner}}}]}}}}"#),
        |inner| format!(r#"{{"arrayValue":{{"values":[{inner}]}}}}"#),
    ];
    for wrap in wrapped {
        for leaf in [r#"{"stringValue":"v"}"#, r#"{"intValue":"1"}"#, "{}"] {
            for depth in 21..27 {
                let value = (0..depth).fold(leaf.to_owned(), |inner, _| wrap(inner));
                for record in
                    [format!(r#"{{"body":{value}}}"#), format!(r#"{{"attributes":[{{"key":"k","value":{value}}}]}}"#)]
                {
                    let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#);
                    let told = told(&json).expect("a sound request").records;
                    let [record] = told.as_slice() else { panic!("one record: {told:?}") };
                    match record {
                        Ok(text) => {
                            assert!(depth < 24 && sealtrail_chain::content::read(text).is_ok(), "{depth} {json}")
                        }
                        Err(malformed) => assert!(depth >= 24 && *malformed == Malformed::TooDeep, "{depth} {json}"),
                    }
                }
            }
        }
    }
}
