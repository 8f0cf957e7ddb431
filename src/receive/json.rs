//! OTLP/JSON to records: the JSON mapping of protobuf with OTLP's exceptions (specification 1.9, "JSON Protobuf
//! Encoding": ids in hex, enums as numbers), read as leniently as protobuf's own parsers do.
//!
//! The same visitor is called as for protobuf, so the same record gives the same content. The text is first walked over
//! as a whole, so that a broken request is refused before any of its records is taken; then every record is read alone,
//! so that a malformed one costs no neighbour. The outer lists are walked, never gathered: a request of a million empty
//! elements costs no more memory than its text.

mod message;
mod outline;
mod scalar;
mod seed;
mod watch;

use sealtrail_chain::content::otlp::{Malformed, Visit};
use sealtrail_chain::content::{Context, LogRecord, Origin, Resource, Scope};
use serde::de::DeserializeSeed;
use serde_json::value::RawValue;

use message::{Request, ResourceLogs, ScopeLogs};
use outline::CheckRequest;
use seed::{Each, Message, Object};
use watch::{Place, Watch};

/// The outer structure of a request can't be followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Broken;

/// Reads a request. After an error nothing has been handed to `visit`.
pub(super) fn read<'a>(text: &'a str, received: &Origin, visit: &mut dyn Visit<'a>) -> Result<(), Broken> {
    parse(text, Object::<CheckRequest>::new(Place::top(&Watch::default())))?;
    let watch = Watch::default();
    let request = parse(text, Object::<Request>::new(Place::top(&watch)))?;
    each(request.resource_logs, |raw| resource_logs(raw, received, &watch, visit))?;
    if watch.unknown() > 0 {
        visit.unknown_fields(watch.unknown());
    }
    Ok(())
}

fn resource_logs<'a>(
    raw: &'a RawValue,
    received: &Origin,
    watch: &Watch,
    visit: &mut dyn Visit<'a>,
) -> Result<(), Broken> {
    let logs = parse(raw.get(), Object::<ResourceLogs>::new(Place::top(watch)))?;
    let resource: Result<Resource<'a>, _> = shared(logs.resource, watch);
    each(logs.scope_logs, |raw| {
        if visit.is_done() {
            return Ok(());
        }
        let inner = parse(raw.get(), Object::<ScopeLogs>::new(Place::top(watch)))?;
        let scope: Result<Scope<'a>, _> = shared(inner.scope, watch);
        let context = match (&resource, scope) {
            (Ok(resource), Ok(scope)) => Ok(Context {
                received: received.clone(),
                resource: resource.clone(),
                resource_schema_url: logs.schema_url.clone(),
                scope,
                scope_schema_url: inner.schema_url,
            }),
            (Err(malformed), _) => Err(*malformed),
            (_, Err(malformed)) => Err(malformed),
        };
        visit.scope(context);
        each(inner.log_records, |raw| {
            if visit.is_done() {
                return Ok(());
            }
            let record = parse(raw.get(), Object::<LogRecord<'a>>::new(Place::top(watch)));
            visit.record(record.map_err(|Broken| watch.malformed()));
            watch.next();
            Ok(())
        })
    })
}

/// What the records of a list share: `{}` where it is absent.
fn shared<'a, M: Message<'a>>(raw: Option<&'a RawValue>, watch: &Watch) -> Result<M, Malformed> {
    watch.next();
    let Some(raw) = raw else { return Ok(M::default()) };
    parse(raw.get(), Object::<M>::new(Place::top(watch))).map_err(|Broken| watch.malformed())
}

/// Calls `visit` for each element of a list that may be absent.
fn each<'a>(list: Option<&'a RawValue>, visit: impl FnMut(&'a RawValue) -> Result<(), Broken>) -> Result<(), Broken> {
    list.map_or(Ok(()), |list| parse(list.get(), Each(visit)))
}

/// Reads a whole text with one seed. The error says nothing: its text could quote the sender.
fn parse<'a, S: DeserializeSeed<'a>>(text: &'a str, seed: S) -> Result<S::Value, Broken> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut deserializer).map_err(|_| Broken)?;
    deserializer.end().map_err(|_| Broken)?;
    Ok(value)
}

#[cfg(test)]
mod tests;
