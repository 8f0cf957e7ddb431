//! A record as a vector gives it (the OTLP/JSON mapping, plainly read) and as the crate takes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sealtrail_chain::content::{
    Auth, By, Context, KeyValue, LogRecord, Origin, Record, Resource, Scope, Tail, Value as AnyValue,
};
use serde_json::Value;

pub(crate) fn read(given: &Value) -> Record<'_> {
    Record { log: log(&given["logRecord"]), context: context(given) }
}

/// What surrounds the least record.
pub(crate) fn least() -> Tail {
    Tail::write(&context(&NOTHING))
}

/// `received` as its text stands in the content.
pub(crate) fn received(context: &Context<'_>) -> String {
    let only = Context { received: context.received.clone(), ..self::context(&NOTHING) };
    let content = sealtrail_chain::Content::write(&LogRecord::default(), &Tail::write(&only));
    let text = content.as_str();
    text["{\"logRecord\":{},\"received\":".len()..text.len() - 1].to_owned()
}

static NOTHING: std::sync::LazyLock<Value> =
    std::sync::LazyLock::new(|| serde_json::json!({"received": {"auth": "none", "by": "sender"}}));

fn context(given: &Value) -> Context<'_> {
    let (resource, scope) = (&given["resource"], &given["scope"]);
    Context {
        received: origin(&given["received"]),
        resource: Resource {
            attributes: pairs(&resource["attributes"]),
            dropped_attributes_count: count(&resource["droppedAttributesCount"]),
        },
        resource_schema_url: text(&given["resourceSchemaUrl"]).into(),
        scope: Scope {
            name: text(&scope["name"]).into(),
            version: text(&scope["version"]).into(),
            attributes: pairs(&scope["attributes"]),
            dropped_attributes_count: count(&scope["droppedAttributesCount"]),
        },
        scope_schema_url: text(&given["scopeSchemaUrl"]).into(),
    }
}

fn origin(given: &Value) -> Origin {
    let auth = match text(&given["auth"]) {
        "mtls" => Auth::Mtls,
        "token" => Auth::Token,
        "none" => Auth::None,
        other => panic!("unknown auth {other}"),
    };
    let by = match text(&given["by"]) {
        "sender" => By::Sender,
        "access" => By::Access,
        "self" => By::Own,
        other => panic!("unknown by {other}"),
    };
    let known = |name: &str| given[name].as_str().map(str::to_owned);
    Origin { auth, by, peer: known("peer"), subject: known("subject") }
}

fn log(given: &Value) -> LogRecord<'_> {
    LogRecord {
        time_unix_nano: decimal(&given["timeUnixNano"]),
        observed_time_unix_nano: decimal(&given["observedTimeUnixNano"]),
        severity_number: given["severityNumber"].as_i64().map_or(0, |number| number.try_into().unwrap()),
        severity_text: text(&given["severityText"]).into(),
        body: any_value(&given["body"]),
        attributes: pairs(&given["attributes"]),
        dropped_attributes_count: count(&given["droppedAttributesCount"]),
        flags: count(&given["flags"]),
        trace_id: const_hex::decode(text(&given["traceId"])).unwrap().into(),
        span_id: const_hex::decode(text(&given["spanId"])).unwrap().into(),
        event_name: text(&given["eventName"]).into(),
    }
}

fn pairs(given: &Value) -> Vec<KeyValue<'_>> {
    given.as_array().into_iter().flatten().map(pair).collect()
}

fn pair(given: &Value) -> KeyValue<'_> {
    KeyValue { key: text(&given["key"]).into(), value: any_value(&given["value"]) }
}

fn any_value(given: &Value) -> AnyValue<'_> {
    let Some((member, value)) = given.as_object().and_then(|members| members.iter().next()) else {
        return AnyValue::Null;
    };
    match member.as_str() {
        "stringValue" => AnyValue::String(text(value).into()),
        "boolValue" => AnyValue::Bool(value.as_bool().unwrap()),
        "intValue" => AnyValue::Int(text(value).parse().unwrap()),
        "doubleValue" => AnyValue::Double(value.as_f64().unwrap_or_else(|| text(value).parse().unwrap())),
        "bytesValue" => AnyValue::Bytes(BASE64.decode(text(value)).unwrap().into()),
        "arrayValue" => AnyValue::Array(value["values"].as_array().into_iter().flatten().map(any_value).collect()),
        "kvlistValue" => AnyValue::Map(pairs(&value["values"])),
        other => panic!("unknown kind of value {other}"),
    }
}

fn text(given: &Value) -> &str {
    given.as_str().unwrap_or_default()
}
fn decimal(given: &Value) -> u64 {
    given.as_str().map_or(0, |text| text.parse().unwrap())
}
fn count(given: &Value) -> u32 {
    given.as_u64().map_or(0, |number| number.try_into().unwrap())
}
