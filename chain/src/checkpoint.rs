//! Checkpoints (c2sp.org/tlog-checkpoint): a signed size and root.

use crate::note::{Ed25519Signer, NoteError, Signed, Vkey};
use crate::tree::Root;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// `<origin>/<chain>`.
    pub origin: String,
    /// Number of records.
    pub size: u64,
    pub root: Root,
}

/// The ML-DSA-44 key of a log (c2sp.org/tlog-cosignature, type 0x06).
pub struct Cosigner {}

impl Cosigner {
    /// `seed`: the 32 bytes of FIPS 204's ξ.
    pub fn new(name: &str, seed: &[u8; 32]) -> Self {
        let _ = (name, seed);
        todo!()
    }
    pub fn vkey(&self) -> &Vkey {
        todo!()
    }
}

/// Who has signed a checkpoint, as far as known keys say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Signatures {
    /// Keys whose line is there and holds.
    pub held: Vec<Vkey>,
    /// Unix seconds of the ML-DSA-44 cosignature, where one of those holds.
    pub cosigned: Option<u64>,
    /// Names of lines by keys that are not known.
    pub unknown: Vec<String>,
}

impl Checkpoint {
    pub fn text(&self) -> String {
        todo!()
    }
    /// Signs with Ed25519 and, where given, cosigns with ML-DSA-44 at `unix_seconds`.
    pub fn sign(self, signer: &Ed25519Signer, cosigner: Option<(&Cosigner, u64)>) -> Signed<Self> {
        let _ = (signer, cosigner);
        todo!()
    }
    /// The statement of a note, unverified.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        let _ = note;
        todo!()
    }
    /// Verifies every line of a known key; one that doesn't hold is an error. An empty `held` means: signed by nobody known.
    pub fn verify(note: &str, keys: &[Vkey]) -> Result<(Signed<Self>, Signatures), NoteError> {
        let _ = (note, keys);
        todo!()
    }
}
