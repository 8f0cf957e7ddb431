//! The collector's own records, as far as verification acts on them. Only `received.by` = `self` makes a record the
//! collector's own: whatever a sender calls its events changes nothing here.

use sealtrail_chain::UnixNanos;
use sealtrail_chain::content::{By, Record, Value};

use super::judge::Own;

/// What the record says about the chain's life, if the collector wrote it.
pub(super) fn own(record: &Record<'_>) -> Option<Own> {
    if record.context.received.by != By::Own {
        return None;
    }
    Some(match &*record.log.event_name {
        "sealtrail.started" => Own::Started { genesis: text(record, "sealtrail.genesis") },
        "sealtrail.stopped" => Own::Stopped,
        "sealtrail.key.rotated" => Own::Rotated { note: text(record, "sealtrail.rotation") },
        event @ ("sealtrail.leg.down" | "sealtrail.leg.up")
            if text(record, "sealtrail.resource").as_deref() == Some("archive") =>
        {
            let (up, since) = (event == "sealtrail.leg.up", text(record, "sealtrail.period").and_then(|of| begin(&of)));
            Own::Archive { up, since, count: count(record) }
        }
        "sealtrail.witnessed" | "sealtrail.timestamped" => {
            let revoked = text(record, "sealtrail.reason").filter(|_| record.log.event_name == "sealtrail.timestamped");
            let revoked = revoked.and_then(|reason| reason.strip_prefix("revoked ").map(str::to_owned));
            Own::Vouched { key: text(record, "sealtrail.resource").unwrap_or_default(), revoked }
        }
        _ => Own::Other,
    })
}

/// When a period begins, to the second.
fn begin(period: &str) -> Option<UnixNanos> {
    let begin: jiff::Timestamp = period.split_once('/')?.0.parse().ok()?;
    u64::try_from(begin.as_nanosecond()).ok().map(UnixNanos)
}

/// How many events a record stands for.
fn count(record: &Record<'_>) -> u64 {
    let count = record.log.attributes.iter().find(|attribute| attribute.key == "sealtrail.count");
    match count.map(|attribute| &attribute.value) {
        Some(Value::Int(count)) => u64::try_from(*count).unwrap_or(1).max(1),
        _ => 1,
    }
}

fn text(record: &Record<'_>, key: &str) -> Option<String> {
    let attribute = record.log.attributes.iter().find(|attribute| attribute.key == key)?;
    match &attribute.value {
        Value::String(text) => Some(text.clone().into_owned()),
        _ => None,
    }
}
