//! Where the keys of `encrypt` and `hmac_token` come from: as they are (from the environment or a file, by `${env:…}` and
//! `${file:…}`), or wrapped by a key that never leaves its token or AWS KMS (`wrapped`).
//!
//! Values are masked by the hundred thousand a second, and a token or service behind a network answers some hundred times: so
//! what it keeps is the key that wraps the masking key, and it is asked once, when the rules are loaded. The masking key is then
//! in this process's memory as any other; what lies on a disk is of no use without the one that wraps it, whose own log knows
//! who has had a key unwrapped.

mod wrapped;

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::aws::kms;
use crate::host::hsm;

pub use wrapped::{Wrapped, Wrapper, wrap};

/// The bytes of a masking key, wiped when they are dropped.
pub type KeyBytes = Zeroizing<[u8; 32]>;

/// What gives masking keys: all that the engine knows of their custody.
pub trait Custody {
    /// The key `id`.
    fn open(&self, id: &str) -> Result<KeyBytes, CustodyError>;
}

/// Why a masking key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    #[error("it is not base64 of 32 bytes")]
    Form,
    #[error("what is wrapped is not `key:1:<key id>:<base64>` of this key id")]
    Wrapped,
    #[error("what was wrapped has not the 32 bytes of a masking key")]
    Length,
    #[error("{0}")]
    Token(#[from] hsm::Error),
    #[error("{0}")]
    Kms(#[from] kms::Error),
}

impl CustodyError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Form => "make one with `openssl rand -base64 32`",
            Self::Wrapped => "give what `sealtrail keys wrap` printed for this id, whole",
            Self::Length => "wrap 32 bytes: `sealtrail keys wrap` makes them, or takes them with `--existing`",
            Self::Token(_) => {
                "see that `module`, `token`, `key` and `pin` are right and the token is there; `sealtrail keys wrap` makes `wrapped`"
            }
            Self::Kms(error) => error.remedy(),
        }
    }
}

/// A key as `mask.keys` names it.
#[derive(Clone, PartialEq, Eq)]
pub enum MaskKey {
    /// Base64 of 32 bytes.
    Given(Zeroizing<String>),
    /// Wrapped by a key of a PKCS#11 token or of AWS KMS.
    Wrapped(Wrapped),
}

impl MaskKey {
    /// A key as it is, base64 of 32 bytes.
    pub fn given(text: impl Into<String>) -> Self {
        Self::Given(Zeroizing::new(text.into()))
    }

    /// Where it comes from, for people.
    pub fn place(&self) -> String {
        match self {
            Self::Given(_) => "as it is, from the environment or a file".to_owned(),
            Self::Wrapped(wrapped) => format!("wrapped by {}", wrapped.by.place()),
        }
    }

    /// A setting that can't work: its key behind the masking key's id, why, and what would.
    pub fn problem(&self) -> Option<kms::Problem> {
        match self {
            Self::Wrapped(Wrapped { by: Wrapper::AwsKms(config), .. }) => config.problem(),
            _ => None,
        }
    }
}

impl Custody for MaskKey {
    fn open(&self, id: &str) -> Result<KeyBytes, CustodyError> {
        match self {
            Self::Given(text) => read(text).ok_or(CustodyError::Form),
            Self::Wrapped(wrapped) => wrapped.open(id),
        }
    }
}

fn read(text: &str) -> Option<KeyBytes> {
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.trim()).ok()?);
    <[u8; 32]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)
}

/// The key is never shown; where it is kept may be.
impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("***"),
            Self::Wrapped(wrapped) => wrapped.fmt(f),
        }
    }
}

impl Serialize for MaskKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Given(_) => serializer.serialize_str("***"),
            Self::Wrapped(wrapped) => wrapped.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for MaskKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Key;
        impl<'de> Visitor<'de> for Key {
            type Value = MaskKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "`${env:NAME}`, `${file:PATH}`, or a section with `wrapped` and either `pkcs11` or `aws_kms`",
                )
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<MaskKey, E> {
                Ok(MaskKey::given(text))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MaskKey, A::Error> {
                Wrapped::deserialize(MapAccessDeserializer::new(map)).map(MaskKey::Wrapped)
            }
        }
        deserializer.deserialize_any(Key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_never_shown() {
        let text = serde_json::json!({"wrapped": "key:1:k:AAAA", "pkcs11": {"module": "m", "token": "t", "key": "k", "pin": "1234"}});
        let wrapped: MaskKey = serde_json::from_value(text).expect("a section");
        let given: MaskKey = serde_json::from_value("c2VjcmV0".into()).expect("a text");
        for key in [wrapped, given] {
            let shown = format!("{key:?} {}", serde_json::to_string(&key).expect("plain data"));
            assert!(!shown.contains("1234") && !shown.contains("c2VjcmV0") && shown.contains("***"), "{shown}");
        }
    }

    #[test]
    fn a_wrapped_key_has_one_that_wraps_it() {
        let read = |section: &str| serde_json::from_str::<MaskKey>(section).map_err(|error| error.to_string());
        for (section, problem) in [
            (r#"{"wrapped":"","pkcs11":{}}"#, "missing field `module`"),
            (r#"{"wrapped":"","aws_kms":{}}"#, "missing field `kms_key_id`"),
            (r#"{"wrapped":""}"#, "either `pkcs11` or `aws_kms`"),
            (r#"{"aws_kms":{"kms_key_id":"k","region":"x"}}"#, "missing field `wrapped`"),
            (r#"{"wrapped":"","kms":{}}"#, "unknown field `kms`"),
            (
                r#"{"wrapped":"","aws_kms":{"kms_key_id":"k","region":"x"},"pkcs11":{"module":"m","token":"t","key":"k","pin":"1"}}"#,
                "either `pkcs11` or `aws_kms`",
            ),
        ] {
            let error = read(section).err().unwrap_or_else(|| panic!("{section}"));
            assert!(error.contains(problem), "{section}: {error}");
        }
        let text = r#"{"wrapped":"key:1:k:AAAA","aws_kms":{"kms_key_id":"alias/k","region":"eu-west-1"}}"#;
        let key = read(text).expect("a section");
        assert_eq!(read(&serde_json::to_string(&key).expect("plain data")), Ok(key.clone()));
        assert_eq!(key.place(), "wrapped by key `alias/k` of AWS KMS in eu-west-1");
        assert_eq!(key.problem(), None);
    }
}
