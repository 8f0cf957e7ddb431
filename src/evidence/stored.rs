//! Where a record lay, in the words of whoever kept it.

use serde::{Deserialize, Serialize};

use crate::archive::s3::Kept;

/// The archive that a record was taken out of, and how it kept the object.
pub enum Place {
    /// A directory; the object's SHA-256 was computed here.
    Directory { root: String, sha256: String },
    /// A bucket; all this is what the server said.
    Bucket(Kept),
}

/// The object that held a record. As it stands in `statement.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Directory, or `s3://bucket/prefix`.
    pub archive: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bucket: Option<String>,
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_id: Option<String>,
    /// Until when nobody can delete that version, and by which mode.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lock_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub locked_until: Option<String>,
    /// SHA-256 of the object, hex: of a directory's computed, of a bucket's as the server shows it (base64, of several parts
    /// the digest of their digests with their number).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
}

impl Stored {
    pub(super) fn new(key: &str, place: Place) -> Self {
        match place {
            Place::Directory { root, sha256 } => Self {
                archive: root,
                bucket: None,
                key: key.to_owned(),
                version_id: None,
                lock_mode: None,
                locked_until: None,
                sha256: Some(sha256),
            },
            Place::Bucket(kept) => Self {
                archive: kept.place,
                bucket: Some(kept.bucket),
                key: kept.key,
                version_id: kept.version,
                lock_mode: kept.lock.map(|(mode, _)| mode.to_string()),
                locked_until: kept.lock.map(|(_, until)| super::words::time(until)),
                sha256: kept.checksum,
            },
        }
    }
}
