//! The file metadata of an object: what is known of a segment without reading its rows.

use std::path::Path;
use std::str::FromStr;

use parquet::file::metadata::KeyValue;
use sealtrail_chain::{CompactRange, Segment, Sequence};

use super::promotion::Promotions;
use super::{Error, layout};

const FORMAT: &str = "sealtrail.format";
const VERSION: &str = "sealtrail.version";
const CHAIN: &str = "sealtrail.chain";
const FIRST: &str = "sealtrail.first";
const LAST: &str = "sealtrail.last";
const PREV_HASH: &str = "sealtrail.prev_hash";
const HASH: &str = "sealtrail.hash";
const RANGE_BEFORE: &str = "sealtrail.range_before";
const RANGE_AFTER: &str = "sealtrail.range_after";
const RANGE: &str = "sealtrail.range";
const PROMOTIONS: &str = "sealtrail.promotions";
const RULES: &str = "sealtrail.rules";
const EVENT_TIME_MIN: &str = "sealtrail.event_time_min";
const EVENT_TIME_MAX: &str = "sealtrail.event_time_max";

/// What an object's file metadata claims. Nothing of it is proved until the rows are followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Footer {
    pub segment: Segment,
    /// Compact range of `[0, first)`.
    pub range_before: CompactRange,
    /// Compact range of `[0, last + 1)`.
    pub range_after: CompactRange,
    pub promotions: Promotions,
    /// SHA-256 of the masking rules in force.
    pub rules: [u8; 32],
    /// Smallest and largest event time, in nanoseconds; none when no record has one.
    pub event_nanos: Option<(i64, i64)>,
    /// Release that wrote the object.
    pub version: String,
}

impl Footer {
    /// The pairs in their order and form.
    pub fn to_metadata(&self) -> Vec<KeyValue> {
        let segment = &self.segment;
        let promotions = serde_json::to_string(&self.promotions).expect("names and sources are JSON");
        let mut pairs = vec![
            (FORMAT, layout::FORMAT.to_owned()),
            (VERSION, self.version.clone()),
            (CHAIN, segment.chain.to_string()),
            (FIRST, segment.first.to_string()),
            (LAST, segment.last.to_string()),
            (PREV_HASH, segment.before.to_string()),
            (HASH, segment.after.to_string()),
            (RANGE_BEFORE, self.range_before.to_text()),
            (RANGE_AFTER, self.range_after.to_text()),
            (RANGE, segment.range.to_text()),
            (PROMOTIONS, promotions),
            (RULES, const_hex::encode(self.rules)),
        ];
        if let Some((min, max)) = self.event_nanos {
            pairs.extend([(EVENT_TIME_MIN, min.to_string()), (EVENT_TIME_MAX, max.to_string())]);
        }
        pairs.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect()
    }

    /// Reads the metadata of the file at `path`. The version is asked first: of an unknown one nothing else is judged.
    pub(super) fn read(path: &Path, pairs: &[KeyValue]) -> Result<Self, Error> {
        let metadata = Metadata { path, pairs };
        let format = metadata.text(FORMAT)?;
        if format != layout::FORMAT {
            return Err(Error::Version { path: path.to_owned(), found: format.chars().take(20).collect() });
        }
        let first: u64 = metadata.parse(FIRST)?;
        let last: u64 = metadata.parse(LAST)?;
        // Sequences are int64 in every place that holds one, and a segment holds a record.
        let Some(end) = last.checked_add(1).filter(|end| *end <= i64::MAX as u64 && first <= last) else {
            return Err(metadata.wrong(LAST, "is no sequence at or behind `sealtrail.first`"));
        };
        let range = |key, begin, end| {
            CompactRange::from_text(begin, end, metadata.text(key)?)
                .map_err(|_| metadata.wrong(key, "is not the lines of that compact range"))
        };
        let segment = Segment {
            chain: metadata.parse(CHAIN)?,
            first: Sequence::new(first),
            last: Sequence::new(last),
            before: metadata.parse(PREV_HASH)?,
            after: metadata.parse(HASH)?,
            range: range(RANGE, first, end)?,
        };
        Ok(Self {
            segment,
            range_before: range(RANGE_BEFORE, 0, first)?,
            range_after: range(RANGE_AFTER, 0, end)?,
            promotions: serde_json::from_str(metadata.text(PROMOTIONS)?)
                .map_err(|_| metadata.wrong(PROMOTIONS, "is not a list of promotions"))?,
            rules: const_hex::decode_to_array(metadata.text(RULES)?)
                .map_err(|_| metadata.wrong(RULES, "is not 64 hex digits"))?,
            event_nanos: metadata.event_nanos()?,
            version: metadata.text(VERSION)?.to_owned(),
        })
    }
}

struct Metadata<'a> {
    path: &'a Path,
    pairs: &'a [KeyValue],
}

impl<'a> Metadata<'a> {
    /// The value of a key that must stand once: were it there twice, two readers could read two histories.
    fn text(&self, key: &'static str) -> Result<&'a str, Error> {
        self.find(key)?.ok_or_else(|| self.wrong(key, "is missing"))
    }

    fn find(&self, key: &'static str) -> Result<Option<&'a str>, Error> {
        let mut found = self.pairs.iter().filter(|pair| pair.key == key);
        let first = found.next();
        if found.next().is_some() {
            return Err(self.wrong(key, "stands twice"));
        }
        Ok(first.and_then(|pair| pair.value.as_deref()))
    }

    fn parse<T: FromStr>(&self, key: &'static str) -> Result<T, Error> {
        self.text(key)?.parse().map_err(|_| self.wrong(key, "has no value of its type"))
    }

    fn event_nanos(&self) -> Result<Option<(i64, i64)>, Error> {
        match (self.find(EVENT_TIME_MIN)?, self.find(EVENT_TIME_MAX)?) {
            (None, None) => Ok(None),
            _ => Ok(Some((self.parse(EVENT_TIME_MIN)?, self.parse(EVENT_TIME_MAX)?))),
        }
    }

    fn wrong(&self, key: &'static str, problem: &'static str) -> Error {
        Error::Metadata { path: self.path.to_owned(), key, problem }
    }
}
