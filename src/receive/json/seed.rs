//! How a value of protobuf's JSON is read: objects member by member, lists element by element, `null` as absent. Which members
//! a message has stands in `message`.

use std::fmt;
use std::marker::PhantomData;

use sealtrail_chain::content::{KeyValue, Value};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Broken;
use super::message::Entry;
use super::scalar::Text;
use super::watch::Place;

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
pub(super) struct Optional<S>(pub(super) S);

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
pub(super) struct KeyValues<'w>(pub(super) Place<'w>);

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
pub(super) struct Values<'w>(pub(super) Place<'w>);

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
pub(super) struct AnyValue<'w>(pub(super) Place<'w>);

impl<'a> DeserializeSeed<'a> for AnyValue<'_> {
    type Value = Value<'a>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Value<'a>, D::Error> {
        Object::new(self.0.value()?).deserialize(deserializer)
    }
}

/// Takes a field's value unless it is `null`.
pub(super) fn take<'a, A: MapAccess<'a>, S: DeserializeSeed<'a>>(
    map: &mut A,
    seed: S,
    into: &mut S::Value,
) -> Result<(), A::Error> {
    if let Some(value) = map.next_value_seed(Optional(seed))? {
        *into = value;
    }
    Ok(())
}
