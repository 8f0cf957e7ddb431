//! The messages of OTLP/JSON, field by field: the names in lowerCamelCase, and as protobuf's JSON allows, the original ones.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use sealtrail_chain::content::otlp::{MAX_VALUES, Malformed};
use sealtrail_chain::content::{KeyValue, LogRecord, MAX_DEPTH, Resource, Scope, Value};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Broken;
use super::scalar::{Base64, Bool, Double, Hex, Integer, Severity, Text};

/// What is noticed on the way that the result doesn't show.
#[derive(Default)]
pub(super) struct Watch {
    unknown: Cell<u64>,
    deep: Cell<bool>,
    many: Cell<bool>,
    elements: Cell<u32>,
}

impl Watch {
    /// Fields that no message here has.
    pub(super) fn unknown(&self) -> u64 {
        self.unknown.get()
    }

    /// Why the message failed that was just read.
    pub(super) fn malformed(&self) -> Malformed {
        match (self.deep.take(), self.many.take()) {
            (true, _) => Malformed::TooDeep,
            (_, true) => Malformed::TooMany,
            _ => Malformed::WireType,
        }
    }

    /// Another record begins.
    pub(super) fn next(&self) {
        self.elements.set(0);
    }

    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        self.elements.set(self.elements.get() + 1);
        if self.elements.get() <= MAX_VALUES {
            return Ok(());
        }
        self.many.set(true);
        Err(E::custom("too many"))
    }

    fn skip<'a, A: MapAccess<'a>>(&self, map: &mut A) -> Result<(), A::Error> {
        self.unknown.set(self.unknown.get() + 1);
        map.next_value::<IgnoredAny>().map(|_| ())
    }
}

/// Where in a record a message stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'w> {
    watch: &'w Watch,
    /// Values around this message.
    depth: usize,
}

impl<'w> Place<'w> {
    pub(super) fn top(watch: &'w Watch) -> Self {
        Self { watch, depth: 0 }
    }

    /// The place of a value in here.
    fn value<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            self.watch.deep.set(true);
            return Err(E::custom("too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

/// A protobuf message: takes the value of one field after the other.
pub(super) trait Message<'a>: Default {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error>;
}

/// Reads a JSON object as the message `M`.
pub(super) struct Object<'w, M>(Place<'w>, PhantomData<M>);

impl<M> Clone for Object<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Object<'_, M> {}

impl<'w, M> Object<'w, M> {
    pub(super) fn new(place: Place<'w>) -> Self {
        Self(place, PhantomData)
    }
}

impl<'a, M: Message<'a>> DeserializeSeed<'a> for Object<'_, M> {
    type Value = M;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<M, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a, M: Message<'a>> Visitor<'a> for Object<'_, M> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<M, A::Error> {
        let mut message = M::default();
        while let Some(name) = map.next_key_seed(Text)? {
            message.field(&name, &mut map, self.0)?;
        }
        Ok(message)
    }
}

/// Reads a value that may be `null`, which in protobuf's JSON is the same as absent.
struct Optional<S>(S);

impl<'a, S: DeserializeSeed<'a>> DeserializeSeed<'a> for Optional<S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'a, S: DeserializeSeed<'a>> Visitor<'a> for Optional<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

/// Calls a function for each element of a list.
pub(super) struct Each<F>(pub(super) F);

impl<'a, F: FnMut(&'a RawValue) -> Result<(), Broken>> DeserializeSeed<'a> for Each<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a, F: FnMut(&'a RawValue) -> Result<(), Broken>> Visitor<'a> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(raw) = list.next_element()? {
            (self.0)(raw).map_err(|Broken| A::Error::custom("broken"))?;
        }
        Ok(())
    }
}

/// Gathers a list of `KeyValue`.
struct KeyValues<'w>(Place<'w>);

impl<'a> DeserializeSeed<'a> for KeyValues<'_> {
    type Value = Vec<KeyValue<'a>>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for KeyValues<'_> {
    type Value = Vec<KeyValue<'a>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(Entry { key, value }) = list.next_element_seed(Object::new(self.0))? {
            self.0.watch.count()?;
            entries.push(KeyValue { key, value });
        }
        Ok(entries)
    }
}

/// The elements of an `ArrayValue`; `null` is a value too here.
struct Values<'w>(Place<'w>);

impl<'a> DeserializeSeed<'a> for Values<'_> {
    type Value = Vec<Value<'a>>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Values<'_> {
    type Value = Vec<Value<'a>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Optional(AnyValue(self.0)))? {
            self.0.watch.count()?;
            values.push(match value {
                Some(value) => value,
                // It counts as a value in depth too, as its empty message in protobuf does.
                None => self.0.value().map(|_| Value::Null)?,
            });
        }
        Ok(values)
    }
}

/// Reads a value one level deeper than the place it stands in.
struct AnyValue<'w>(Place<'w>);

impl<'a> DeserializeSeed<'a> for AnyValue<'_> {
    type Value = Value<'a>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Value<'a>, D::Error> {
        Object::new(self.0.value()?).deserialize(deserializer)
    }
}

/// Takes a field's value unless it is `null`.
fn take<'a, A: MapAccess<'a>, S: DeserializeSeed<'a>>(
    map: &mut A,
    seed: S,
    into: &mut S::Value,
) -> Result<(), A::Error> {
    if let Some(value) = map.next_value_seed(Optional(seed))? {
        *into = value;
    }
    Ok(())
}

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
struct Entry<'a> {
    key: Cow<'a, str>,
    value: Value<'a>,
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

/// The outer structure, walked over without keeping anything.
#[derive(Default)]
pub(super) struct CheckRequest;

impl<'a> Message<'a> for CheckRequest {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        match name {
            "resourceLogs" | "resource_logs" => take(map, Walk(Object::<CheckResourceLogs>::new(place)), &mut ()),
            _ => place.watch.skip(map),
        }
    }
}

#[derive(Default)]
struct CheckResourceLogs;

impl<'a> Message<'a> for CheckResourceLogs {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        match name {
            "scopeLogs" | "scope_logs" => take(map, Walk(Object::<CheckScopeLogs>::new(place)), &mut ()),
            "schemaUrl" | "schema_url" => take(map, Text, &mut Cow::default()),
            _ => place.watch.skip(map),
        }
    }
}

#[derive(Default)]
struct CheckScopeLogs;

impl<'a> Message<'a> for CheckScopeLogs {
    fn field<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A, place: Place<'_>) -> Result<(), A::Error> {
        match name {
            "logRecords" | "log_records" => take(map, Walk(PhantomData::<IgnoredAny>), &mut ()),
            "schemaUrl" | "schema_url" => take(map, Text, &mut Cow::default()),
            _ => place.watch.skip(map),
        }
    }
}

/// Reads each element of a list with the same seed and forgets it.
struct Walk<S>(S);

impl<'a, S: DeserializeSeed<'a> + Copy> DeserializeSeed<'a> for Walk<S> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a, S: DeserializeSeed<'a> + Copy> Visitor<'a> for Walk<S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self.0)?.is_some() {}
        Ok(())
    }
}
