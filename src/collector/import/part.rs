//! The old records in the parts that are sealed together, and the name of a part.

use std::fmt;

use sealtrail_chain::content::{self, By, Value};
use sealtrail_chain::{Hash, Sequence};

use super::Refusal;
use crate::mask::Masked;
use crate::seal::own::Kind;
use crate::wal::import::{self, OldRecord, OldRecords};

/// Content that is sealed at once.
const PART: usize = 512 << 10;

/// Old records that are sealed again together: of one file, next to each other.
pub(super) struct Part {
    pub(super) first: Sequence,
    pub(super) last: Sequence,
    /// Of the last, in the old log.
    pub(super) hash: Hash,
    pub(super) file: [u8; 16],
    pub(super) rules: [u8; 32],
    pub(super) records: Vec<Masked>,
    bytes: usize,
    pub(super) own: u64,
}

impl Part {
    fn new(OldRecord { link, file, rules, .. }: &OldRecord) -> Self {
        let (first, hash) = (link.sequence, link.hash);
        Self { first, last: first, hash, file: *file, rules: *rules, records: Vec::new(), bytes: 0, own: 0 }
    }

    fn add(&mut self, record: OldRecord) {
        (self.last, self.hash) = (record.link.sequence, record.link.hash);
        match record.masked {
            Some(masked) => {
                self.bytes += masked.content().as_str().len();
                self.records.push(masked);
            }
            None => self.own += 1,
        }
    }
}

/// The rest of an old log, part by part.
pub(super) struct Parts {
    records: OldRecords,
    /// Belongs to the next part.
    held: Option<OldRecord>,
}

impl Parts {
    pub(super) fn new(records: OldRecords) -> Self {
        Self { records, held: None }
    }

    fn next(&mut self) -> Result<Option<Part>, import::Error> {
        let mut part = None::<Part>;
        loop {
            let Some(record) = self.held.take().map_or_else(|| self.records.next(), |held| Ok(Some(held)))? else {
                return Ok(part);
            };
            let part = part.get_or_insert_with(|| Part::new(&record));
            if record.file == part.file && part.bytes < PART {
                part.add(record);
                continue;
            }
            self.held = Some(record);
            break;
        }
        Ok(part)
    }
}

/// Reads the next part, off the threads that wait.
pub(super) async fn part_of(mut parts: Parts) -> Result<Option<(Part, Parts)>, Refusal> {
    let read = tokio::task::spawn_blocking(move || Ok(parts.next()?.map(|part| (part, parts)))).await;
    read.unwrap_or(Err(Refusal::Panic))
}

/// What a part is named by: its old sequences, and the old hash of the last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Range {
    pub(super) first: Sequence,
    pub(super) last: Sequence,
    pub(super) hash: Hash,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "records {} to {} {}", self.first, self.last, self.hash)
    }
}

impl Range {
    /// Out of a record, if that is the collector's own word about an import.
    pub(super) fn read(text: &str) -> Option<Self> {
        if !text.contains(Kind::WalImported.event_name()) {
            return None;
        }
        let record = content::read(text).ok()?;
        if record.context.received.by != By::Own || record.log.event_name != Kind::WalImported.event_name() {
            return None;
        }
        let resource = record.log.attributes.into_iter().find(|attribute| attribute.key == "sealtrail.resource")?;
        let Value::String(resource) = resource.value else { return None };
        let mut words = resource.strip_prefix("records ")?.split(' ');
        let first = Sequence::new(words.next()?.parse().ok()?);
        let last = Sequence::new(words.nth(1)?.parse().ok()?);
        Some(Self { first, last, hash: words.next()?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_from_the_collectors_own_word_alone() {
        let range = Range { first: Sequence::new(7), last: Sequence::new(12), hash: Hash([0xab; 32]) };
        let record = |by: &str, name: &str| {
            format!(
                r#"{{"logRecord":{{"attributes":[{{"key":"sealtrail.resource","value":{{"stringValue":"{range}"}}}}],"eventName":"{name}"}},"received":{{"auth":"none","by":"{by}"}}}}"#
            )
        };
        assert_eq!(Range::read(&record("self", "sealtrail.wal.imported")), Some(range.clone()));
        assert_eq!(Range::read(&record("sender", "sealtrail.wal.imported")), None);
        assert_eq!(Range::read(&record("self", "sealtrail.alive")), None);
    }
}
