//! Promotions: attributes that get a column of their own, so that engines find records without reading contents.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::layout;

/// Most promotions of one configuration: each costs every record a column.
pub(super) const MAX_PROMOTIONS: usize = 32;

/// Where a promoted value comes from: the first attribute of that key, on the record or its resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// `attr:<key>`, an attribute of the log record.
    Attribute(String),
    /// `resource:<key>`, an attribute of the resource.
    Resource(String),
}

impl FromStr for Source {
    type Err = PromotionError;
    fn from_str(text: &str) -> Result<Self, PromotionError> {
        match text.split_once(':') {
            Some(("attr", key)) if !key.is_empty() => Ok(Self::Attribute(key.to_owned())),
            Some(("resource", key)) if !key.is_empty() => Ok(Self::Resource(key.to_owned())),
            _ => Err(PromotionError::Source),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(key) => write!(f, "attr:{key}"),
            Self::Resource(key) => write!(f, "resource:{key}"),
        }
    }
}

/// One promoted column.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// Name of the column: `[a-z][a-z0-9_]{0,62}`, none of the format's own.
    pub column: String,
    #[serde(with = "source_text")]
    pub source: Source,
    /// Whether the column gets a bloom filter: worth it for values that few records share.
    #[serde(default)]
    pub bloom: bool,
}

/// The promoted columns of a segment, in their order. Checked: no name stands twice or is one of the format's own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Promotion>", into = "Vec<Promotion>")]
pub struct Promotions(Vec<Promotion>);

impl Promotions {
    pub fn new(promotions: Vec<Promotion>) -> Result<Self, PromotionError> {
        if promotions.len() > MAX_PROMOTIONS {
            return Err(PromotionError::TooMany);
        }
        for (at, promotion) in promotions.iter().enumerate() {
            let column = &promotion.column;
            if !is_column_name(column) {
                return Err(PromotionError::Name { number: at + 1 });
            }
            if layout::is_reserved(column) {
                return Err(PromotionError::Reserved { column: column.clone() });
            }
            if promotions[..at].iter().any(|earlier| earlier.column == *column) {
                return Err(PromotionError::Twice { column: column.clone() });
            }
        }
        Ok(Self(promotions))
    }

    pub fn as_slice(&self) -> &[Promotion] {
        &self.0
    }
}

/// `transaction_id` (with a bloom filter), `actor`, `action` and `outcome`, each from the record's attribute of that name.
impl Default for Promotions {
    fn default() -> Self {
        let attribute = |name: &str| Promotion {
            column: name.into(),
            source: Source::Attribute(name.into()),
            bloom: name == "transaction_id",
        };
        Self(["transaction_id", "actor", "action", "outcome"].map(attribute).into())
    }
}

impl TryFrom<Vec<Promotion>> for Promotions {
    type Error = PromotionError;
    fn try_from(promotions: Vec<Promotion>) -> Result<Self, PromotionError> {
        Self::new(promotions)
    }
}

impl From<Promotions> for Vec<Promotion> {
    fn from(promotions: Promotions) -> Self {
        promotions.0
    }
}

/// Lower case alone: most engines compare column names without case.
fn is_column_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 63
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// What is wrong with the configured promotions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromotionError {
    #[error("a source is `attr:<key>` or `resource:<key>`, as in `attr:transaction_id`")]
    Source,
    #[error(
        "promotion {number} needs another column name: a lower-case letter and up to 62 more letters, digits or `_`"
    )]
    Name { number: usize },
    #[error("column `{column}` is the format's own: give the promotion another `column`; its `source` can stay")]
    Reserved { column: String },
    #[error("column `{column}` is promoted twice: leave one out, or rename it")]
    Twice { column: String },
    #[error("more than {MAX_PROMOTIONS} promotions: keep those that queries select by")]
    TooMany,
}

mod source_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Source;

    pub(super) fn serialize<S: Serializer>(source: &Source, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(source)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Source, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Promotions, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn the_default_is_written_and_read_again() {
        let text = serde_json::to_string(&Promotions::default()).expect("promotions are JSON");
        assert!(
            text.starts_with(r#"[{"column":"transaction_id","source":"attr:transaction_id","bloom":true}"#),
            "{text}"
        );
        assert_eq!(read(&text), Ok(Promotions::default()));
    }

    #[test]
    fn every_mistake_is_named() {
        for (json, named) in [
            (r#"[{"column":"content","source":"attr:a"}]"#, "`content` is the format's own"),
            (r#"[{"column":"chain","source":"attr:a"}]"#, "`chain` is the format's own"),
            (r#"[{"column":"a","source":"attr:a"},{"column":"a","source":"attr:b"}]"#, "`a` is promoted twice"),
            (r#"[{"column":"Actor","source":"attr:a"}]"#, "promotion 1 needs another column name"),
            (r#"[{"column":"a","source":"body:a"}]"#, "a source is `attr:<key>`"),
            (r#"[{"column":"a","source":"attr:"}]"#, "a source is `attr:<key>`"),
            (r#"[{"column":"a","source":"attr:a","blom":true}]"#, "unknown field `blom`"),
        ] {
            let error = read(json).expect_err(json);
            assert!(error.contains(named), "{json}: {error}");
        }
    }
}
