//! The outer structure of a request, walked over without keeping anything: whether it is one is known before a record of it is
//! looked at.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::scalar::Text;
use super::seed::{Message, Object, take};
use super::watch::Place;

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
