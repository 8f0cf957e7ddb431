//! The generated types of `opentelemetry-proto` as the oracle: what they say a request holds.

use std::borrow::Cow;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::resource::v1 as resource;

use super::samples::received;
use crate::content::{Context, KeyValue, LogRecord, Record, Resource, Scope, Value};

/// The records of a request, in order.
pub(super) fn records(request: ExportLogsServiceRequest) -> Vec<Record<'static>> {
    let mut records = Vec::new();
    for group in request.resource_logs {
        let resource = group.resource.unwrap_or_default();
        let resource = Resource {
            attributes: pairs(resource.attributes),
            dropped_attributes_count: resource.dropped_attributes_count,
        };
        for scoped in group.scope_logs {
            let scope = scoped.scope.unwrap_or_default();
            let scope = Scope {
                name: scope.name.into(),
                version: scope.version.into(),
                attributes: pairs(scope.attributes),
                dropped_attributes_count: scope.dropped_attributes_count,
            };
            let context = Context {
                received: received(),
                resource: resource.clone(),
                resource_schema_url: group.schema_url.clone().into(),
                scope,
                scope_schema_url: scoped.schema_url.into(),
            };
            records.extend(
                scoped.log_records.into_iter().map(|log| Record { log: log_record(log), context: context.clone() }),
            );
        }
    }
    records
}

fn log_record(log: logs::LogRecord) -> LogRecord<'static> {
    LogRecord {
        time_unix_nano: log.time_unix_nano,
        observed_time_unix_nano: log.observed_time_unix_nano,
        severity_number: log.severity_number,
        severity_text: log.severity_text.into(),
        body: value(log.body.unwrap_or_default()),
        attributes: pairs(log.attributes),
        dropped_attributes_count: log.dropped_attributes_count,
        flags: log.flags,
        trace_id: log.trace_id.into(),
        span_id: log.span_id.into(),
        event_name: log.event_name.into(),
    }
}

fn pairs(pairs: Vec<common::KeyValue>) -> Vec<KeyValue<'static>> {
    let pair = |pair: common::KeyValue| KeyValue { key: pair.key.into(), value: value(pair.value.unwrap_or_default()) };
    pairs.into_iter().map(pair).collect()
}

fn value(any: common::AnyValue) -> Value<'static> {
    match any.value {
        None | Some(Any::StringValueStrindex(_)) => Value::Null,
        Some(Any::StringValue(text)) => Value::String(text.into()),
        Some(Any::BoolValue(yes)) => Value::Bool(yes),
        Some(Any::IntValue(number)) => Value::Int(number),
        Some(Any::DoubleValue(number)) => Value::Double(number),
        Some(Any::BytesValue(bytes)) => Value::Bytes(Cow::Owned(bytes)),
        Some(Any::ArrayValue(array)) => Value::Array(array.values.into_iter().map(value).collect()),
        Some(Any::KvlistValue(map)) => Value::Map(pairs(map.values)),
    }
}

/// A request of one `ResourceLogs` a record.
pub(super) fn request(records: &[Record<'_>]) -> ExportLogsServiceRequest {
    ExportLogsServiceRequest { resource_logs: records.iter().map(resource_logs).collect() }
}

pub(super) fn resource_logs(record: &Record<'_>) -> logs::ResourceLogs {
    let Context { resource, scope, .. } = &record.context;
    logs::ResourceLogs {
        resource: Some(resource::Resource {
            attributes: proto_pairs(&resource.attributes),
            dropped_attributes_count: resource.dropped_attributes_count,
            entity_refs: Vec::new(),
        }),
        scope_logs: vec![logs::ScopeLogs {
            scope: Some(common::InstrumentationScope {
                name: scope.name.to_string(),
                version: scope.version.to_string(),
                attributes: proto_pairs(&scope.attributes),
                dropped_attributes_count: scope.dropped_attributes_count,
            }),
            log_records: vec![proto_log(&record.log)],
            schema_url: record.context.scope_schema_url.to_string(),
        }],
        schema_url: record.context.resource_schema_url.to_string(),
    }
}

pub(super) fn proto_log(log: &LogRecord<'_>) -> logs::LogRecord {
    logs::LogRecord {
        time_unix_nano: log.time_unix_nano,
        observed_time_unix_nano: log.observed_time_unix_nano,
        severity_number: log.severity_number,
        severity_text: log.severity_text.to_string(),
        body: Some(proto_value(&log.body)),
        attributes: proto_pairs(&log.attributes),
        dropped_attributes_count: log.dropped_attributes_count,
        flags: log.flags,
        trace_id: log.trace_id.to_vec(),
        span_id: log.span_id.to_vec(),
        event_name: log.event_name.to_string(),
    }
}

fn proto_pairs(pairs: &[KeyValue<'_>]) -> Vec<common::KeyValue> {
    let pair = |pair: &KeyValue<'_>| common::KeyValue {
        key: pair.key.to_string(),
        value: Some(proto_value(&pair.value)),
        ..Default::default()
    };
    pairs.iter().map(pair).collect()
}

pub(super) fn proto_value(value: &Value<'_>) -> common::AnyValue {
    let value = match value {
        Value::Null => None,
        Value::String(text) => Some(Any::StringValue(text.to_string())),
        Value::Bool(yes) => Some(Any::BoolValue(*yes)),
        Value::Int(number) => Some(Any::IntValue(*number)),
        Value::Double(number) => Some(Any::DoubleValue(*number)),
        Value::Bytes(bytes) => Some(Any::BytesValue(bytes.to_vec())),
        Value::Array(values) => {
            Some(Any::ArrayValue(common::ArrayValue { values: values.iter().map(proto_value).collect() }))
        }
        Value::Map(pairs) => Some(Any::KvlistValue(common::KeyValueList { values: proto_pairs(pairs) })),
    };
    common::AnyValue { value }
}
