//! The note that a chain begins with.

use crate::link::{ChainName, Hash};
use crate::note::{Ed25519Signer, NoteError, Signed, Vkey};

/// The chain that this one continues: its origin with its name, last good size, and root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Predecessor {
    pub origin: String,
    pub size: u64,
    pub root: crate::Root,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Genesis {
    /// `<origin>/<chain>`: first line of checkpoints and name of the keys.
    pub origin: String,
    pub chain: ChainName,
    /// Unix seconds.
    pub created: u64,
    pub partition: u32,
    pub ed25519: Vkey,
    pub ml_dsa_44: Vkey,
    pub recovery: Option<Vkey>,
    pub predecessor: Option<Predecessor>,
}

impl Genesis {
    /// Puts an origin and a chain together as `<origin>/<chain>`, or says what is wrong with the origin (space, `+`, more
    /// than 255 bytes with the chain, a control character, or the first line of another kind of note).
    pub fn origin(origin: &str, chain: &ChainName) -> Result<String, NoteError> {
        let _ = (origin, chain);
        todo!()
    }
    pub fn chain(&self) -> &ChainName {
        &self.chain
    }
    /// The text that is signed, with its last newline.
    pub fn text(&self) -> String {
        todo!()
    }
    /// SHA-256 of the text: previous hash of record 0.
    pub fn digest(&self) -> Hash {
        todo!()
    }
    /// Signs; the signer must be the key that the note names.
    pub fn sign(self, signer: &Ed25519Signer) -> Signed<Self> {
        let _ = signer;
        todo!()
    }
    /// Reads a note and checks that the Ed25519 key it names has signed it. Whether that key is trusted is the caller's question.
    pub fn read(note: &str) -> Result<Signed<Self>, NoteError> {
        let _ = note;
        todo!()
    }
}
