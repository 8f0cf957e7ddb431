//! Where the keys of `encrypt` and `hmac_token` come from: as they are (from the environment or a file, by `${env:…}` and
//! `${file:…}`), or wrapped by a key that never leaves its token.
//!
//! Values are masked by the hundred thousand a second, and a token behind a network answers some hundred times: so what the
//! token keeps is the key that wraps the masking key, and it is asked once, when the rules are loaded. The masking key is then
//! in this process's memory as any other; what lies on a disk is of no use without the token, and the token's own log knows
//! who has had a key unwrapped.
//!
//! A wrapped key is `key:1:<key id>:<base64 of nonce || cipher text || tag>`, AES-256-GCM with a nonce of 12 bytes; all before
//! the last `:` is authenticated, so none can be passed off as another's.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::host::entropy;
use crate::host::hsm::{self, Hsm, NONCE};

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
    #[error("{0}")]
    Token(#[from] hsm::Error),
}

/// A key as `mask.keys` names it.
#[derive(Clone, PartialEq, Eq)]
pub enum MaskKey {
    /// Base64 of 32 bytes.
    Given(Zeroizing<String>),
    /// Wrapped by a key of a PKCS#11 token.
    Wrapped(Wrapped),
}

/// A masking key that a token's key wraps.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Wrapped {
    /// What `sealtrail keys wrap` printed. No secret.
    pub wrapped: String,
    /// The key that wraps it.
    pub pkcs11: hsm::Config,
}

impl MaskKey {
    /// A key as it is, base64 of 32 bytes.
    pub fn given(text: impl Into<String>) -> Self {
        Self::Given(Zeroizing::new(text.into()))
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

impl Custody for Wrapped {
    fn open(&self, id: &str) -> Result<KeyBytes, CustodyError> {
        let text = self.wrapped.trim();
        let (head, sealed) =
            text.rsplit_once(':').filter(|(head, _)| *head == head_of(id)).ok_or(CustodyError::Wrapped)?;
        let sealed = BASE64_STANDARD.decode(sealed).map_err(|_| CustodyError::Wrapped)?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(CustodyError::Wrapped)?;
        let plain = Hsm::new(&self.pkcs11).decrypt(*nonce, sealed, head.as_bytes())?;
        <[u8; 32]>::try_from(plain.as_slice()).map(Zeroizing::new).map_err(|_| CustodyError::Form)
    }
}

/// Wraps the key `id` under a key of a token: one that is `given` (base64 of 32 bytes), else a new one.
pub fn wrap(id: &str, given: Option<&str>, token: &Hsm) -> Result<String, CustodyError> {
    let key = match given {
        Some(text) => read(text).ok_or(CustodyError::Form)?,
        None => {
            let mut key = KeyBytes::default();
            entropy::fill(&mut *key);
            key
        }
    };
    let head = head_of(id);
    let mut nonce = [0; NONCE];
    entropy::fill(&mut nonce);
    let (nonce, sealed) = token.encrypt(nonce, &*key, head.as_bytes())?;
    Ok(format!("{head}:{}", BASE64_STANDARD.encode([&nonce[..], &sealed].concat())))
}

fn head_of(id: &str) -> String {
    format!("key:1:{id}")
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
                f.write_str("`${env:NAME}`, `${file:PATH}`, or a section with `wrapped` and `pkcs11`")
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

    fn pkcs11() -> hsm::Config {
        let text = serde_json::json!({"module": "/nowhere.so", "token": "audit", "key": "masking", "pin": "1234\n"});
        serde_json::from_value(text).expect("settings")
    }

    #[test]
    fn keys_are_never_shown() {
        let text = serde_json::json!({"wrapped": "key:1:k:AAAA", "pkcs11": {"module": "m", "token": "t", "key": "k", "pin": "1234"}});
        let wrapped: MaskKey = serde_json::from_value(text).expect("a section");
        let given: MaskKey = serde_json::from_value("c2VjcmV0".into()).expect("a text");
        for key in [wrapped, given] {
            let shown = format!("{key:?} {}", serde_json::to_string(&key).expect("plain data"));
            assert!(!shown.contains("1234") && !shown.contains("c2VjcmV0") && shown.contains("***"), "{shown}");
        }
        let unknown = serde_json::json!({"wrapped": "", "pkcs11": {}});
        let error = serde_json::from_value::<MaskKey>(unknown).expect_err("it misses all");
        assert!(error.to_string().contains("missing field `module`"), "{error}");
    }

    /// What is not this key's own wrapping is refused before a token is asked.
    #[test]
    fn a_wrapped_key_says_whose_it_is() {
        for wrapped in ["", "key:1:other:AAAA", "key:2:k:AAAA", "key:1:k:no base64", "key:1:k:AAAA"] {
            let key = Wrapped { wrapped: wrapped.to_owned(), pkcs11: pkcs11() };
            assert!(matches!(key.open("k"), Err(CustodyError::Wrapped)), "{wrapped}");
        }
        let sound = format!("key:1:k:{}", BASE64_STANDARD.encode([0; 60]));
        let key = Wrapped { wrapped: sound, pkcs11: pkcs11() };
        assert!(matches!(key.open("k"), Err(CustodyError::Token(hsm::Error::Module { .. }))));
    }
}
