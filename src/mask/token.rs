//! Tokens in place of values: `tok:1:<key id>:<class>:<base64url of 16 bytes>`, the first half of
//! HMAC-SHA-256(key, "sealtrail/token/1\n" class "\n" normalised value). The same value gives the same token under one key, so
//! an auditor can join records of one card without knowing it; without the key nobody can try values out (PCI DSS 3.5.1.1).
//!
//! A value has one normalised form however it is written: card numbers and phones as digits, e-mail in lower case, numbers of
//! persons as letters and digits in upper case, all else without space around it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::fold::View;
use super::rules::Class;

const DOMAIN: &str = "sealtrail/token/1\n";
/// What the check value of a key is computed over.
const CHECK: &str = "sealtrail/key-check/1\n";
/// Bytes of the code that stay.
const LENGTH: usize = 16;
const BLOCK: usize = 64;

/// HMAC-SHA-256 (RFC 2104) with what every message needs computed once.
pub(super) struct TokenKey {
    inner: Sha256,
    outer: Sha256,
}

impl TokenKey {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let padded = |pad: u8| {
            let mut block = Zeroizing::new([pad; BLOCK]);
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            Sha256::new().chain_update(*block)
        };
        Self { inner: padded(0x36), outer: padded(0x5C) }
    }

    fn code(&self, parts: &[&[u8]]) -> [u8; 32] {
        let inner = parts.iter().fold(self.inner.clone(), |hasher, part| hasher.chain_update(part));
        self.outer.clone().chain_update(inner.finalize()).finalize().into()
    }

    /// Tells this key from others, and nothing about it: what `started` seals of each.
    pub(super) fn check_value(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.code(&[CHECK.as_bytes()]);
        [a, b, c, d]
    }

    /// The token of a value, and eight bytes of its code that the token doesn't show; `head` is `tok:1:<key id>:<class>`.
    pub(super) fn token(&self, head: &str, class: Class, value: &[u8]) -> (String, u64) {
        let code = self.code(&[DOMAIN.as_bytes(), class.as_str().as_bytes(), b"\n", &normalised(class, value)]);
        let (short, rest) = code.split_at(LENGTH);
        let hidden = rest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        (format!("{head}:{}", BASE64_URL_SAFE_NO_PAD.encode(short)), hidden)
    }
}

/// The one form of a value of this class.
fn normalised(class: Class, value: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(value);
    let mut view = View::default();
    let folded: &[u8] = if view.fold_text(&text) { &view.bytes } else { text.as_bytes() };
    match class {
        Class::CardholderPan | Class::PiiPhone => folded.iter().copied().filter(u8::is_ascii_digit).collect(),
        Class::PiiId | Class::PiiAccount => {
            folded.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase).collect()
        }
        Class::PiiEmail => String::from_utf8_lossy(folded).trim().to_lowercase().into_bytes(),
        _ => folded.trim_ascii().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 1 and 2, whose keys are shorter than 32 bytes and so padded with zeros as a block pads them.
    #[test]
    fn the_codes_are_those_of_rfc_4231() {
        let key = |bytes: &[u8]| {
            let mut key = [0; 32];
            key[..bytes.len()].copy_from_slice(bytes);
            TokenKey::new(&key)
        };
        for (key, message, code) in [
            (
                key(&[0x0b; 20]),
                b"Hi There".as_slice(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                key(b"Jefe"),
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
        ] {
            assert_eq!(const_hex::encode(key.code(&[message])), code);
        }
    }

    /// Vectors of `tests/vectors.py`; each value also in other writings of it.
    #[test]
    fn tokens_are_those_of_the_second_implementation() {
        for (vector, writings) in [
            (
                include_str!("../../chain/vectors/token-email.json"),
                ["Zhang.San@Example.COM", " zhang.san@example.com "],
            ),
            (
                include_str!("../../chain/vectors/token-other-class.json"),
                ["zhang.san@example.com", " zhang.san@example.com\n"],
            ),
            (include_str!("../../chain/vectors/token-pan.json"), ["4242 4242 4242 4242", "４２４２-4242-4242-4242"]),
            (include_str!("../../chain/vectors/token-phone.json"), ["138 0013 8000", "138-0013-8000"]),
            (include_str!("../../chain/vectors/token-id.json"), ["11010519491231002x", "110105 19491231 002X"]),
        ] {
            let vector: serde_json::Value = serde_json::from_str(vector).expect("a vector");
            let given = |name: &str| vector["given"][name].as_str().expect("a text");
            let key: [u8; 32] = const_hex::decode_to_array(given("key")).expect("a key");
            let class = Class::ALL.into_iter().find(|class| class.as_str() == given("value_class")).expect("a class");
            let head = format!("tok:1:{}:{}", given("key_id"), class.as_str());
            for value in writings.iter().chain([&given("value")]) {
                let (token, _) = TokenKey::new(&key).token(&head, class, value.as_bytes());
                assert_eq!(Some(token.as_str()), vector["expected"]["token"].as_str(), "{value}");
            }
        }
    }
}
