//! Record to canonical text.

use super::Context;

/// The canonical text behind `"logRecord":{…}`, shared by the records of one `ScopeLogs`: from the comma to the last brace.
#[derive(Clone, PartialEq, Eq)]
pub struct Tail(pub(super) String);

impl Tail {
    pub fn write(context: &Context<'_>) -> Self {
        let _ = context;
        todo!()
    }
}

/// Whether a sender's event name, scope name or attribute key matches `(sender\.)*sealtrail\.` and so must get one more
/// `sender.` in front before it is sealed.
pub fn is_reserved(name: &str) -> bool {
    let mut rest = name;
    while let Some(inner) = rest.strip_prefix("sender.") {
        rest = inner;
    }
    rest.starts_with("sealtrail.")
}
