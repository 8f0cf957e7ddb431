//! The collector's own records, as far as verification acts on them. Only `received.by` = `self` makes a record the
//! collector's own: whatever a sender calls its events changes nothing here.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use sealtrail_chain::content::{self, By, Record, Value};

use super::judge::Own;

/// What the record says about the chain's life, if the collector wrote it.
pub(super) fn own(record: &Record<'_>) -> Option<Own> {
    if record.context.received.by != By::Own {
        return None;
    }
    Some(match &*record.log.event_name {
        "sealtrail.started" => Own::Started { genesis: text(record, "sealtrail.genesis") },
        "sealtrail.stopped" => Own::Stopped,
        "sealtrail.witnessed" | "sealtrail.timestamped" => {
            Own::Vouched { key: text(record, "sealtrail.resource").unwrap_or_default() }
        }
        _ => Own::Other,
    })
}

/// As `own`, of canonical text. Few records are the collector's own, so all others are told apart by their bytes: in a
/// string the quotes would be escaped, and no other member is called `by`.
pub(super) fn own_content(content: &str) -> Option<Own> {
    static MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""by":"self""#));
    MARK.find(content.as_bytes())?;
    content::read(content).ok().as_ref().and_then(own)
}

fn text(record: &Record<'_>, key: &str) -> Option<String> {
    let attribute = record.log.attributes.iter().find(|attribute| attribute.key == key)?;
    match &attribute.value {
        Value::String(text) => Some(text.clone().into_owned()),
        _ => None,
    }
}
