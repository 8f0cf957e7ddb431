//! The messages of OTLP/JSON, field by field: the names in lowerCamelCase, and as protobuf's JSON allows, the original ones.

use std::borrow::Cow;

use sealtrail_chain::content::{KeyValue, LogRecord, Resource, Scope, Value};
use serde::de::{DeserializeSeed, MapAccess};
use serde_json::value::RawValue;

use super::scalar::{Base64, Bool, Double, Hex, Integer, Severity, Text};
use super::seed::{AnyValue, KeyValues, Message, Object, Optional, Values, take};
use super::watch::Place;

/// The request, its list still text.
#[derive(Default)]
pub(super) struct Request<'a> {
    pub(super) resource_logs: Option<&'a RawValue>,
}

impl<'a> Message<'a> for Request<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        match name {
            "resourceLogs" | "resource_logs" => self.resource_logs = map.next_value()?,
            _ => place.watch.skip(map)?,
        }
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct ResourceLogs<'a> {
    pub(super) resource: Option<&'a RawValue>,
    pub(super) scope_logs: Option<&'a RawValue>,
    pub(super) schema_url: Cow<'a, str>,
}

impl<'a> Message<'a> for ResourceLogs<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        match name {
            "resource" => self.resource = map.next_value()?,
            "scopeLogs" | "scope_logs" => self.scope_logs = map.next_value()?,
            "schemaUrl" | "schema_url" => take(map, Text, &mut self.schema_url)?,
            _ => place.watch.skip(map)?,
        }
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct ScopeLogs<'a> {
    pub(super) scope: Option<&'a RawValue>,
    pub(super) log_records: Option<&'a RawValue>,
    pub(super) schema_url: Cow<'a, str>,
}

impl<'a> Message<'a> for ScopeLogs<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        match name {
            "scope" => self.scope = map.next_value()?,
            "logRecords" | "log_records" => self.log_records = map.next_value()?,
            "schemaUrl" | "schema_url" => take(map, Text, &mut self.schema_url)?,
            _ => place.watch.skip(map)?,
        }
        Ok(())
    }
}

impl<'a> Message<'a> for Resource<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        match name {
            "attributes" => take(map, KeyValues(place), &mut self.attributes),
            "droppedAttributesCount" | "dropped_attributes_count" => {
                take(map, Integer::new(), &mut self.dropped_attributes_count)
            }
            _ => place.watch.skip(map),
        }
    }
}

impl<'a> Message<'a> for Scope<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        match name {
            "name" => take(map, Text, &mut self.name),
            "version" => take(map, Text, &mut self.version),
            "attributes" => take(map, KeyValues(place), &mut self.attributes),
            "droppedAttributesCount" | "dropped_attributes_count" => {
                take(map, Integer::new(), &mut self.dropped_attributes_count)
            }
            _ => place.watch.skip(map),
        }
    }
}

impl<'a> Message<'a> for LogRecord<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        match name {
            "timeUnixNano" | "time_unix_nano" => take(map, Integer::new(), &mut self.time_unix_nano),
            "observedTimeUnixNano" | "observed_time_unix_nano" => {
                take(map, Integer::new(), &mut self.observed_time_unix_nano)
            }
            "severityNumber" | "severity_number" => take(map, Severity, &mut self.severity_number),
            "severityText" | "severity_text" => take(map, Text, &mut self.severity_text),
            "body" => take(map, AnyValue(place), &mut self.body),
            "attributes" => take(map, KeyValues(place), &mut self.attributes),
            "droppedAttributesCount" | "dropped_attributes_count" => {
                take(map, Integer::new(), &mut self.dropped_attributes_count)
            }
            "flags" => take(map, Integer::new(), &mut self.flags),
            "traceId" | "trace_id" => take(map, Hex, &mut self.trace_id),
            "spanId" | "span_id" => take(map, Hex, &mut self.span_id),
            "eventName" | "event_name" => take(map, Text, &mut self.event_name),
            _ => place.watch.skip(map),
        }
    }
}

/// `KeyValue` has no `Default` of its own.
#[derive(Default)]
pub(super) struct Entry<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: Value<'a>,
}

impl<'a> Message<'a> for Entry<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        match name {
            "key" => take(map, Text, &mut self.key),
            "value" => take(map, AnyValue(place), &mut self.value),
            _ => place.watch.skip(map),
        }
    }
}

impl<'a> Message<'a> for Value<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        fn set<'a, A: MapAccess<'a>, S: DeserializeSeed<'a>>(
            map: &mut A,
            seed: S,
            make: impl FnOnce(S::Value) -> Value<'a>,
            into: &mut Value<'a>,
        ) -> Result<(), A::Error> {
            if let Some(value) = map.next_value_seed(Optional(seed))? {
                *into = make(value);
            }
            Ok(())
        }
        match name {
            "stringValue" | "string_value" => set(map, Text, Value::String, self),
            "boolValue" | "bool_value" => set(map, Bool, Value::Bool, self),
            "intValue" | "int_value" => set(map, Integer::new(), Value::Int, self),
            "doubleValue" | "double_value" => set(map, Double, Value::Double, self),
            "bytesValue" | "bytes_value" => set(map, Base64, Value::Bytes, self),
            "arrayValue" | "array_value" => set(map, Object::<Array<'a>>::new(place), |a| Value::Array(a.0), self),
            "kvlistValue" | "kvlist_value" => set(map, Object::<Entries<'a>>::new(place), |e| Value::Map(e.0), self),
            _ => place.watch.skip(map),
        }
    }
}

/// `ArrayValue`.
#[derive(Default)]
struct Array<'a>(Vec<Value<'a>>);

impl<'a> Message<'a> for Array<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        match name {
            "values" => take(map, Values(place), &mut self.0),
            _ => place.watch.skip(map),
        }
    }
}

/// `KeyValueList`.
#[derive(Default)]
struct Entries<'a>(Vec<KeyValue<'a>>);

impl<'a> Message<'a> for Entries<'a> {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        match name {
            "values" => take(map, KeyValues(place), &mut self.0),
            _ => place.watch.skip(map),
        }
    }
}
