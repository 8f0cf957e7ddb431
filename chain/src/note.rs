//! Signed notes (c2sp.org/signed-note): text, an empty line, signature lines; and the keys that verify them.
//!
//! The reader is strict: what it takes is exactly what the standard describes, so two readers can't see two notes. A line
//! by a key that is not known is passed over; one by a known key must hold.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// A longer note is refused unread.
pub const MAX_NOTE: usize = 1_000_000;
/// A note with more signatures is refused (the standard asks for 16 at least).
pub const MAX_SIGNATURES: usize = 64;

/// Begins a signature line: em dash, space.
const DASH: &str = "\u{2014} ";
/// Bytes of an ML-DSA-44 public key (FIPS 204).
const ML_DSA_44_KEY: usize = 1312;

/// What the second byte of a vkey and the key id say about a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// Type 0x01.
    Ed25519,
    /// Type 0x06, c2sp.org/tlog-cosignature: checkpoints only.
    MlDsa44,
    /// Type 0x04, c2sp.org/tlog-cosignature: a witness's, of checkpoints only.
    Ed25519Cosignature,
}

impl Algorithm {
    fn type_byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::MlDsa44 => 0x06,
            Self::Ed25519Cosignature => 0x04,
        }
    }
}

/// A verifier key: `<name>+<key id>+<base64 of type and key>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vkey {
    name: String,
    id: [u8; 4],
    algorithm: Algorithm,
    key: Vec<u8>,
}

impl Vkey {
    /// # Panics
    /// When `name` can't be a key name. Names of our own keys come from [`Genesis::origin`](crate::Genesis::origin).
    pub(crate) fn new(name: &str, algorithm: Algorithm, key: Vec<u8>) -> Self {
        assert!(is_key_name(name), "a key name is not empty and has neither space nor plus");
        Self { name: name.to_owned(), id: key_id(name, algorithm, &key), algorithm, key }
    }
    /// The verifier key of an Ed25519 key that is elsewhere, by its 32 bytes.
    pub fn ed25519(name: &str, key: &[u8; 32]) -> Result<Self, NoteError> {
        if !is_key_name(name) {
            return Err(NoteError::Vkey("its name is empty or holds a space or control character"));
        }
        ed25519(key).ok_or(NoteError::Vkey("its key is no sound Ed25519 key"))?;
        Ok(Self::new(name, Algorithm::Ed25519, key.to_vec()))
    }
    /// The name that stands in the key's signature lines.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// First four bytes of SHA-256(name || 0x0A || type || key).
    pub fn id(&self) -> [u8; 4] {
        self.id
    }
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
    /// The public key as its standard encodes it: 32 bytes (RFC 8032) or 1,312 (FIPS 204).
    pub fn key(&self) -> &[u8] {
        &self.key
    }
    /// Whether it can be a witness's: it cosigns checkpoints.
    pub fn is_of_witness(&self) -> bool {
        self.algorithm != Algorithm::Ed25519
    }
    /// The error for a line of this key that doesn't hold.
    pub(crate) fn forged(&self) -> NoteError {
        NoteError::Forged { name: self.name.clone(), id: self.id }
    }
}

impl FromStr for Vkey {
    type Err = NoteError;
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Vkey("it is not name, key id and key with a plus between them"));
        };
        if !is_key_name(name) {
            return Err(NoteError::Vkey("its name is empty or holds a space or control character"));
        }
        let material = BASE64.decode(material).map_err(|_| NoteError::Vkey("its key is not base64"))?;
        let (algorithm, key) = match material.split_first() {
            Some((0x01, key)) if key.len() == 32 => (Algorithm::Ed25519, key),
            Some((0x06, key)) if key.len() == ML_DSA_44_KEY => (Algorithm::MlDsa44, key),
            Some((0x04, key)) if key.len() == 32 => (Algorithm::Ed25519Cosignature, key),
            Some((0x01 | 0x04 | 0x06, _)) => return Err(NoteError::Vkey("its key has the wrong length")),
            _ => {
                const TYPES: &str = "its type is none of 0x01 (Ed25519), 0x04 (Ed25519 cosignature), 0x06 (ML-DSA-44)";
                return Err(NoteError::Vkey(TYPES));
            }
        };
        if algorithm != Algorithm::MlDsa44 && ed25519(key).is_none() {
            return Err(NoteError::Vkey("its key is no sound Ed25519 key"));
        }
        let vkey = Self::new(name, algorithm, key.to_vec());
        if id != const_hex::encode(vkey.id) {
            return Err(NoteError::Vkey("its key id is not that of its name and key"));
        }
        Ok(vkey)
    }
}

impl fmt::Display for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut material = Vec::with_capacity(1 + self.key.len());
        material.push(self.algorithm.type_byte());
        material.extend_from_slice(&self.key);
        write!(f, "{}+{}+{}", self.name, const_hex::encode(self.id), BASE64.encode(material))
    }
}

/// Signs notes with an Ed25519 key, wherever that is.
pub trait NoteSigner: Send + Sync {
    fn vkey(&self) -> &Vkey;

    /// The signature over a note's text.
    fn signature(&self, text: &str) -> Result<[u8; 64], SignError>;

    /// The signature line, with its newline, over a note's text (which ends with a newline). It holds: a key that is elsewhere
    /// is not taken at its word.
    fn sign_note(&self, text: &str) -> Result<String, SignError> {
        let signature = self.signature(text)?;
        let key = ed25519(&self.vkey().key).ok_or(SignError::Wrong)?;
        let signed = ed25519_dalek::Signature::from_bytes(&signature);
        key.verify_strict(text.as_bytes(), &signed).map_err(|_| SignError::Wrong)?;
        Ok(signature_line(self.vkey(), &signature))
    }
}

/// Why a key that is elsewhere has not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error("{0}")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the signature that was given does not hold under the key's public half")]
    Wrong,
}

/// The Ed25519 key of a log: signs notes of every kind. Its `Debug` shows the public half only; its private half is wiped
/// when it is dropped.
pub struct Ed25519Signer {
    key: SigningKey,
    vkey: Vkey,
}

impl Ed25519Signer {
    /// `seed`: the 32 bytes of the private key (RFC 8032).
    ///
    /// # Panics
    /// When `name` can't be a key name; [`Genesis::origin`](crate::Genesis::origin) makes one that can.
    pub fn new(name: &str, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let vkey = Vkey::new(name, Algorithm::Ed25519, key.verifying_key().to_bytes().to_vec());
        Self { key, vkey }
    }
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }
    /// The signature line, with its newline, over a note's text (which ends with a newline).
    pub fn sign(&self, text: &str) -> String {
        signature_line(&self.vkey, &self.key.sign(text.as_bytes()).to_bytes())
    }
}

impl NoteSigner for Ed25519Signer {
    fn vkey(&self) -> &Vkey {
        &self.vkey
    }
    fn signature(&self, text: &str) -> Result<[u8; 64], SignError> {
        Ok(self.key.sign(text.as_bytes()).to_bytes())
    }
}

impl fmt::Debug for Ed25519Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ed25519Signer({})", self.vkey)
    }
}

/// A statement whose note was signed or verified here; an unverified note is a `&str`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed<T> {
    statement: T,
    note: String,
}

impl<T> Signed<T> {
    pub(crate) fn new(statement: T, note: String) -> Self {
        Self { statement, note }
    }
    pub fn statement(&self) -> &T {
        &self.statement
    }
    /// The whole note, as it is stored.
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// A note taken apart; nothing is verified yet.
pub struct Note<'a> {
    /// With its last newline, without the empty line.
    pub text: &'a str,
    pub signatures: Vec<SignatureLine<'a>>,
}

/// One signature line of a note.
pub struct SignatureLine<'a> {
    pub name: &'a str,
    pub id: [u8; 4],
    /// What follows the key id.
    pub signature: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Takes a note apart at its last empty line.
    pub fn parse(note: &'a str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE {
            return Err(NoteError::Form("it is longer than 1,000,000 bytes"));
        }
        if note.bytes().any(|b| b < 0x20 && b != b'\n') {
            return Err(NoteError::Form("it holds a control character"));
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Form("it has no empty line before its signatures"))?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form("it does not end with a signature line"))?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == MAX_SIGNATURES {
                return Err(NoteError::Form("it has more than 64 signatures"));
            }
            signatures.push(SignatureLine::parse(line)?);
        }
        Ok(Self { text, signatures })
    }

    /// Whether an Ed25519 line of `key` is here and holds; a line of `key` that doesn't hold is an error. Lines of the types
    /// 0x04 and 0x06 speak about checkpoints only: [`Checkpoint::verify`](crate::Checkpoint::verify) reads them, here they
    /// count for nothing.
    pub fn verified_by(&self, key: &Vkey) -> Result<bool, NoteError> {
        if key.algorithm != Algorithm::Ed25519 {
            return Ok(false);
        }
        let public = ed25519(&key.key).ok_or(NoteError::Vkey("its key is no sound Ed25519 key"))?;
        let mut held = false;
        for line in self.lines_of(key) {
            let signature = ed25519_dalek::Signature::from_slice(&line.signature).map_err(|_| key.forged())?;
            public.verify_strict(self.text.as_bytes(), &signature).map_err(|_| key.forged())?;
            held = true;
        }
        Ok(held)
    }

    /// The lines whose name and key id are those of `key`.
    pub(crate) fn lines_of(&self, key: &Vkey) -> impl Iterator<Item = &SignatureLine<'a>> {
        self.signatures.iter().filter(move |line| line.is_of(key))
    }
}

impl<'a> SignatureLine<'a> {
    fn parse(line: &'a str) -> Result<Self, NoteError> {
        const FORM: NoteError =
            NoteError::Form("a signature line is not em dash, name and base64 with a space between them");
        let (name, base64) = line.strip_prefix(DASH).and_then(|line| line.split_once(' ')).ok_or(FORM)?;
        let bytes = BASE64.decode(base64).map_err(|_| FORM)?;
        match bytes.split_first_chunk() {
            Some((id, signature)) if is_key_name(name) && !signature.is_empty() => {
                Ok(Self { name, id: *id, signature: signature.to_vec() })
            }
            _ => Err(FORM),
        }
    }

    pub(crate) fn is_of(&self, key: &Vkey) -> bool {
        self.name == key.name && self.id == key.id
    }
}

/// Why a note, a key or a statement is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("not a signed note: {0}")]
    Form(&'static str),
    #[error("not a verifier key: {0}")]
    Vkey(&'static str),
    #[error("the signature of {name} ({}) does not hold", const_hex::encode(id))]
    Forged { name: String, id: [u8; 4] },
    #[error("not signed by {name} ({})", const_hex::encode(id))]
    Unsigned { name: String, id: [u8; 4] },
    #[error("no valid {kind}: {reason}")]
    Statement { kind: &'static str, reason: &'static str },
}

/// A signature line with its newline.
pub(crate) fn signature_line(key: &Vkey, signature: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(4 + signature.len());
    bytes.extend_from_slice(&key.id);
    bytes.extend_from_slice(signature);
    format!("{DASH}{} {}\n", key.name, BASE64.encode(bytes))
}

/// Not empty, no Unicode space, no plus, no control character.
pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

fn key_id(name: &str, algorithm: Algorithm, key: &[u8]) -> [u8; 4] {
    let digest =
        Sha256::new().chain_update(name).chain_update([b'\n', algorithm.type_byte()]).chain_update(key).finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

/// The key, unless it is no point or one of small order, under which anyone could sign.
pub(crate) fn ed25519(key: &[u8]) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
    (!key.is_weak()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is too long is refused before it is looked at: the limit counts bytes of the whole note.
    #[test]
    fn a_note_has_a_million_bytes_at_most() {
        let signer = Ed25519Signer::new("log.example/a", &[1; 32]);
        let sign = |text: &str| format!("{text}\n{}", signer.sign(text));
        let around = sign("\n").len() - 1;
        let longest = sign(&("x".repeat(MAX_NOTE - around - 1) + "\n"));
        assert_eq!(longest.len(), MAX_NOTE);
        assert_eq!(Note::parse(&longest).unwrap().verified_by(signer.vkey()), Ok(true));
        let longer = sign(&("x".repeat(MAX_NOTE - around) + "\n"));
        assert!(matches!(Note::parse(&longer), Err(NoteError::Form(_))));
    }

    /// A line of type 0x06 says something about a checkpoint; on another note it vouches for nothing.
    #[test]
    fn a_cosigner_vouches_for_no_plain_note() {
        let cosigner = crate::Cosigner::new("log.example/a", &[1; 32]);
        let note = format!("text\n\n{}", signature_line(cosigner.vkey(), &[0; 2428]));
        assert_eq!(Note::parse(&note).unwrap().verified_by(cosigner.vkey()), Ok(false));
    }
}
