//! Field encryption: XAES-256-GCM (C2SP, c2sp.org/XAES-256-GCM) and the text form of formats.md, "Envelopes in masked
//! values": `enc:1:<key id>:<rule id>:<chain>:<base64 of nonce || ciphertext || tag>`, all before the last `:` authenticated.

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, Payload};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::token::TokenKey;

const NONCE: usize = 24;

/// A key of the configuration, ready for the one use that a rule makes of it.
pub(super) struct Keys {
    pub(super) field: Key,
    pub(super) token: TokenKey,
}

impl Keys {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { field: Key::new(key), token: TokenKey::new(key) }
    }
}

/// A key for `encrypt`, with what every message needs computed once.
pub(super) struct Key {
    cipher: Aes256,
    /// The CMAC subkey K1 of the specification.
    subkey: Zeroizing<[u8; 16]>,
}

impl Key {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let cipher = Aes256::new(key.into());
        let mut block = [0u8; 16].into();
        cipher.encrypt_block(&mut block);
        let carry = block[0] >> 7;
        let mut subkey = Zeroizing::new([0u8; 16]);
        for (i, byte) in subkey.iter_mut().enumerate() {
            *byte = block[i] << 1 | block.get(i + 1).map_or(0, |next| next >> 7);
        }
        subkey[15] ^= carry * 0x87;
        Self { cipher, subkey }
    }

    /// The AES-256-GCM instance for one nonce; its own nonce is the last 12 bytes.
    fn message(&self, nonce: &[u8; NONCE]) -> Aes256Gcm {
        let mut derived = Zeroizing::new([0u8; 32]);
        for (half, counter) in derived.chunks_exact_mut(16).zip([1u8, 2]) {
            let mut block = [0u8; 16];
            block[..4].copy_from_slice(&[0, counter, b'X', 0]);
            block[4..].copy_from_slice(&nonce[..12]);
            for (byte, mask) in block.iter_mut().zip(self.subkey.iter()) {
                *byte ^= mask;
            }
            let mut block = block.into();
            self.cipher.encrypt_block(&mut block);
            half.copy_from_slice(&block);
        }
        let derived: &[u8; 32] = &derived;
        Aes256Gcm::new(derived.into())
    }

    /// Ciphertext and tag of `plain`.
    fn seal(&self, nonce: &[u8; NONCE], plain: &[u8], authenticated: &[u8]) -> Vec<u8> {
        let [.., a, b, c, d, e, f, g, h, i, j, k, l] = *nonce;
        self.message(nonce)
            .encrypt(&[a, b, c, d, e, f, g, h, i, j, k, l].into(), Payload { msg: plain, aad: authenticated })
            .expect("a value is far below the limit of AES-GCM, 64 GiB")
    }

    /// The envelope of `plain`; `head` is `enc:1:<key id>:<rule id>:<chain>`.
    pub(super) fn envelope(&self, head: &str, plain: &[u8]) -> String {
        let mut sealed = vec![0u8; NONCE];
        crate::host::entropy::fill(&mut sealed);
        let nonce: [u8; NONCE] = sealed.as_slice().try_into().expect("24 bytes");
        sealed.extend(self.seal(&nonce, plain, head.as_bytes()));
        format!("{head}:{}", BASE64_STANDARD.encode(sealed))
    }

    /// Opens an envelope; `None`: not one of this key, or not what was sealed.
    pub(super) fn open(&self, envelope: &str) -> Option<Vec<u8>> {
        let (head, sealed) = envelope.rsplit_once(':')?;
        let sealed = BASE64_STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let last: [u8; 12] = nonce[12..].try_into().ok()?;
        self.message(nonce).decrypt(&last.into(), Payload { msg: sealed, aad: head.as_bytes() }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two vectors of C2SP XAES-256-GCM, one for each value of the top bit of L.
    #[test]
    fn the_standards_vectors() {
        for (key, authenticated, expected) in [
            (1u8, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
            (3u8, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
        ] {
            let sealed =
                Key::new(&[key; 32]).seal(b"ABCDEFGHIJKLMNOPQRSTUVWX", b"XAES-256-GCM", authenticated.as_bytes());
            assert_eq!(const_hex::encode(sealed), expected);
        }
    }

    #[test]
    fn an_envelope_opens_only_as_it_was_sealed() {
        let key = Key::new(&[7; 32]);
        let envelope = key.envelope("enc:1:k:card:payments-eu-1", b"secret");
        assert_eq!(key.open(&envelope).as_deref(), Some(b"secret".as_slice()));
        assert_eq!(key.open(&envelope.replace("payments", "other")), None);
        assert_eq!(Key::new(&[8; 32]).open(&envelope), None);
    }
}
