//! Masking keys that another key wraps: `key:1:<key id>:<base64>`.
//!
//! What the base64 holds is for the one that wraps: of a PKCS#11 token, a nonce of 12 bytes, cipher text and tag of
//! AES-256-GCM, which authenticates all before the last `:`; of AWS KMS, its ciphertext blob, whose encryption context names the
//! product and the key id. Either way none can be passed off as another's.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Custody, CustodyError, KeyBytes, read};
use crate::aws::kms::{self, Kms};
use crate::host::entropy;
use crate::host::hsm::{self, Hsm, NONCE};

/// A masking key that another key wraps.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(try_from = "Section", into = "Section")]
pub struct Wrapped {
    /// What `sealtrail keys wrap` printed. No secret.
    pub wrapped: String,
    /// The key that wraps it.
    pub by: Wrapper,
}

/// A key that wraps others and never leaves where it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wrapper {
    Pkcs11(hsm::Config),
    AwsKms(kms::Config),
}

/// The same as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Section {
    wrapped: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pkcs11: Option<hsm::Config>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_kms: Option<kms::Config>,
}

impl TryFrom<Section> for Wrapped {
    type Error = &'static str;

    fn try_from(section: Section) -> Result<Self, Self::Error> {
        let by = match (section.pkcs11, section.aws_kms) {
            (Some(config), None) => Wrapper::Pkcs11(config),
            (None, Some(config)) => Wrapper::AwsKms(config),
            _ => return Err("a wrapped key has either `pkcs11` or `aws_kms`, which says what wraps it"),
        };
        Ok(Self { wrapped: section.wrapped, by })
    }
}

impl From<Wrapped> for Section {
    fn from(Wrapped { wrapped, by }: Wrapped) -> Self {
        match by {
            Wrapper::Pkcs11(config) => Self { wrapped, pkcs11: Some(config), aws_kms: None },
            Wrapper::AwsKms(config) => Self { wrapped, pkcs11: None, aws_kms: Some(config) },
        }
    }
}

impl Wrapper {
    /// Where the wrapping key is, for people.
    pub fn place(&self) -> String {
        match self {
            Self::Pkcs11(config) => Hsm::new(config).place(),
            Self::AwsKms(config) => config.place(),
        }
    }
}

impl Custody for Wrapped {
    fn open(&self, id: &str) -> Result<KeyBytes, CustodyError> {
        let text = self.wrapped.trim();
        let (head, sealed) =
            text.rsplit_once(':').filter(|(head, _)| *head == head_of(id)).ok_or(CustodyError::Wrapped)?;
        let sealed = BASE64_STANDARD.decode(sealed).map_err(|_| CustodyError::Wrapped)?;
        let plain = match &self.by {
            Wrapper::Pkcs11(config) => {
                let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(CustodyError::Wrapped)?;
                Hsm::new(config).decrypt(*nonce, sealed, head.as_bytes())?
            }
            Wrapper::AwsKms(_) if sealed.is_empty() => return Err(CustodyError::Wrapped),
            Wrapper::AwsKms(config) => Kms::new(config)?.decrypt(sealed, &context(id))?,
        };
        <[u8; 32]>::try_from(plain.as_slice()).map(Zeroizing::new).map_err(|_| CustodyError::Length)
    }
}

/// Wraps the key `id`: one that is `given` (base64 of 32 bytes), else a new one. A new one for KMS is made there, and not
/// even this process sees it.
pub fn wrap(id: &str, given: Option<&str>, by: &Wrapper) -> Result<String, CustodyError> {
    let given = given.map(|text| read(text).ok_or(CustodyError::Form)).transpose()?;
    let head = head_of(id);
    let sealed = match by {
        Wrapper::Pkcs11(config) => {
            let key = given.unwrap_or_else(random);
            let mut nonce = [0; NONCE];
            entropy::fill(&mut nonce);
            let (nonce, sealed) = Hsm::new(config).encrypt(nonce, &*key, head.as_bytes())?;
            [&nonce[..], &sealed].concat()
        }
        Wrapper::AwsKms(config) => match given {
            Some(key) => Kms::new(config)?.encrypt(&*key, &context(id))?,
            None => Kms::new(config)?.data_key(&context(id))?,
        },
    };
    Ok(format!("{head}:{}", BASE64_STANDARD.encode(sealed)))
}

fn random() -> KeyBytes {
    let mut key = KeyBytes::default();
    entropy::fill(&mut *key);
    key
}

fn head_of(id: &str) -> String {
    format!("key:1:{id}")
}

/// What KMS authenticates, writes into its log, and may be asked for by a policy. Changing it makes all that was wrapped unreadable.
fn context(id: &str) -> [(&'static str, &str); 2] {
    [("product", "sealtrail"), ("masking_key", id)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pkcs11() -> Wrapper {
        let text = serde_json::json!({"module": "/nowhere.so", "token": "audit", "key": "masking", "pin": "1234\n"});
        Wrapper::Pkcs11(serde_json::from_value(text).expect("settings"))
    }

    fn aws_kms() -> Wrapper {
        let ca_file = Some("/nowhere.pem".into());
        Wrapper::AwsKms(kms::Config { ca_file, ..kms::Config::new("alias/masking", "eu-central-1") })
    }

    /// What is not this key's own wrapping is refused before anybody is asked.
    #[test]
    fn a_wrapped_key_says_whose_it_is() {
        for by in [pkcs11(), aws_kms()] {
            for wrapped in ["", "key:1:other:AAAA", "key:2:k:AAAA", "key:1:k:no base64", "key:1:k:"] {
                let key = Wrapped { wrapped: wrapped.to_owned(), by: by.clone() };
                assert!(matches!(key.open("k"), Err(CustodyError::Wrapped)), "{wrapped}");
            }
        }
        let sound = format!("key:1:k:{}", BASE64_STANDARD.encode([0; 60]));
        let open = |by| Wrapped { wrapped: sound.clone(), by }.open("k");
        assert!(matches!(open(pkcs11()), Err(CustodyError::Token(hsm::Error::Module { .. }))));
        assert!(matches!(open(aws_kms()), Err(CustodyError::Kms(kms::Error::CaFile(_)))));
        let short = Wrapped { wrapped: "key:1:k:AAAA".to_owned(), by: pkcs11() };
        assert!(matches!(short.open("k"), Err(CustodyError::Wrapped)));
    }
}
