//! Signed notes (c2sp.org/signed-note): text, an empty line, signature lines.

/// What the second byte of a vkey and the key id say about a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// Type 0x01.
    Ed25519,
    /// Type 0x06, c2sp.org/tlog-cosignature: checkpoints only.
    MlDsa44,
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
    pub fn name(&self) -> &str {
        &self.name
    }
    pub fn id(&self) -> [u8; 4] {
        self.id
    }
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl std::str::FromStr for Vkey {
    type Err = NoteError;
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let _ = text;
        todo!()
    }
}
impl std::fmt::Display for Vkey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let _ = f;
        todo!()
    }
}

/// The Ed25519 key of a log: signs notes of every kind. Its `Debug` shows the public half only.
pub struct Ed25519Signer {}

impl Ed25519Signer {
    /// `seed`: the 32 bytes of the private key (RFC 8032).
    pub fn new(name: &str, seed: &[u8; 32]) -> Self {
        let _ = (name, seed);
        todo!()
    }
    pub fn vkey(&self) -> &Vkey {
        todo!()
    }
    /// The signature line, with its newline, over a note's text.
    pub fn sign(&self, text: &str) -> String {
        let _ = text;
        todo!()
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

pub struct SignatureLine<'a> {
    pub name: &'a str,
    pub id: [u8; 4],
    pub signature: Vec<u8>,
}

impl<'a> Note<'a> {
    pub fn parse(note: &'a str) -> Result<Self, NoteError> {
        let _ = note;
        todo!()
    }
    /// Whether an Ed25519 line of `key` is here and holds; a line of `key` that doesn't hold is an error.
    pub fn verified_by(&self, key: &Vkey) -> Result<bool, NoteError> {
        let _ = key;
        todo!()
    }
}

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
    #[error("not a {kind}: {reason}")]
    Statement { kind: &'static str, reason: &'static str },
}
