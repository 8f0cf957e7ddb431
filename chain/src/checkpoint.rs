//! Checkpoints (c2sp.org/tlog-checkpoint): a signed size and root, three lines, no extensions; signed with Ed25519 and, at
//! the end of each segment, cosigned with ML-DSA-44 (c2sp.org/tlog-cosignature), because the archive outlives today's curves.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ml_dsa::{KeyExport as _, Keypair as _, MlDsa44, Signer as _, SigningKey, Verifier as _, VerifyingKey};

use crate::note::{
    Algorithm, Ed25519Signer, Note, NoteError, NoteSigner, SignError, Signed, Vkey, ed25519, is_key_name,
    signature_line,
};
use crate::tree::Root;

/// What a log says of itself: so many records, under this root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// `<origin>/<chain>`.
    pub origin: String,
    /// Number of records.
    pub size: u64,
    pub root: Root,
}

/// Who has signed a checkpoint, as far as known keys say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Signatures {
    /// Keys of the log itself (their name is the origin) whose line is there and holds.
    pub held: Vec<Vkey>,
    /// What others (witnesses) say whose keys are known, and whose line is there and holds.
    pub witnessed: Vec<Cosignature>,
    /// Unix seconds of the log's ML-DSA-44 cosignature, where one holds and names a time.
    pub cosigned: Option<u64>,
    /// Names of lines by keys that are not known.
    pub unknown: Vec<String>,
}

/// A witness's word: when it signed, this checkpoint was the newest that it knew of the log, and all before led to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cosignature {
    pub key: Vkey,
    /// Unix seconds by the witness's clock; none: it says nothing about the time, and so not that this was the newest.
    pub unix_seconds: Option<u64>,
}

impl Checkpoint {
    /// The text that is signed: origin, size, root.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.0))
    }

    /// Signs with Ed25519 and, where given, cosigns with ML-DSA-44 at `unix_seconds`.
    ///
    /// # Panics
    /// When a key has another name than the origin: the signature would speak for another log.
    pub fn sign(self, signer: &Ed25519Signer, cosigner: Option<(&Cosigner, u64)>) -> Signed<Self> {
        assert_eq!(signer.vkey().name(), self.origin, "a log's key is named like the log");
        let text = self.text();
        let mut note = format!("{text}\n{}", signer.sign(&text));
        if let Some((cosigner, unix_seconds)) = cosigner {
            note.push_str(&cosigner.cosign(&self, unix_seconds));
        }
        Signed::new(self, note)
    }

    /// As [`Self::sign`], with an Ed25519 key that may be elsewhere.
    ///
    /// # Panics
    /// As there.
    pub fn sign_with(
        self,
        signer: &dyn NoteSigner,
        cosigner: Option<(&Cosigner, u64)>,
    ) -> Result<Signed<Self>, SignError> {
        assert_eq!(signer.vkey().name(), self.origin, "a log's key is named like the log");
        let text = self.text();
        let mut note = format!("{text}\n{}", signer.sign_note(&text)?);
        if let Some((cosigner, unix_seconds)) = cosigner {
            note.push_str(&cosigner.cosign(&self, unix_seconds));
        }
        Ok(Signed::new(self, note))
    }

    /// The statement of a note, unverified.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        Self::from_text(Note::parse(note)?.text)
    }

    /// Verifies every line of a known key; one that doesn't hold is an error. An empty `held` means: signed by nobody known.
    /// A known Ed25519 key of another name than the origin signs for another log, so its line is an error too.
    pub fn verify(note: &str, keys: &[Vkey]) -> Result<(Signed<Self>, Signatures), NoteError> {
        let parsed = Note::parse(note)?;
        let checkpoint = Self::from_text(parsed.text)?;
        let mut signatures = Signatures::default();
        for key in keys {
            let (there, time) = match key.algorithm() {
                Algorithm::Ed25519 => (parsed.verified_by(key)?, None),
                Algorithm::MlDsa44 | Algorithm::Ed25519Cosignature => checkpoint.cosigned_by(&parsed, key)?,
            };
            if !there {
                continue;
            }
            match (key.algorithm(), key.name() == checkpoint.origin) {
                (Algorithm::Ed25519 | Algorithm::MlDsa44, true) => {
                    signatures.held.push(key.clone());
                    signatures.cosigned = signatures.cosigned.max(time);
                }
                (Algorithm::Ed25519, false) => return Err(statement("it is signed by the key of another log")),
                // No log signs with type 0x04, whatever its key is called.
                (Algorithm::MlDsa44, false) | (Algorithm::Ed25519Cosignature, _) => {
                    signatures.witnessed.push(Cosignature { key: key.clone(), unix_seconds: time });
                }
            }
        }
        let unknown = parsed.signatures.iter().filter(|line| !keys.iter().any(|key| line.is_of(key)));
        signatures.unknown = unknown.map(|line| line.name.to_owned()).collect();
        Ok((Signed::new(checkpoint, note.to_owned()), signatures))
    }

    fn from_text(text: &str) -> Result<Self, NoteError> {
        let lines: Vec<&str> = text.split('\n').collect();
        let [origin, size, root, ""] = lines[..] else {
            return Err(statement("its text is not three lines"));
        };
        if !is_key_name(origin) || origin.len() > 255 {
            return Err(statement("its first line is no origin"));
        }
        let size = parse_size(size).ok_or(statement("its second line is no size"))?;
        let root = parse_root(root).ok_or(statement("its third line is no root"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// Whether a line of `key` is here and holds, and the latest time that such a line names.
    fn cosigned_by(&self, note: &Note<'_>, key: &Vkey) -> Result<(bool, Option<u64>), NoteError> {
        let (mut held, mut time) = (false, None);
        for line in note.lines_of(key) {
            let seconds = self.cosignature(key, &line.signature).ok_or_else(|| key.forged())?;
            held = true;
            // A cosigner that says nothing about the time writes 0.
            time = time.max((seconds != 0).then_some(seconds));
        }
        Ok((held, time))
    }

    /// The time of a cosignature that holds.
    fn cosignature(&self, key: &Vkey, signature: &[u8]) -> Option<u64> {
        let (time, signature) = signature.split_first_chunk()?;
        let unix_seconds = u64::from_be_bytes(*time);
        if unix_seconds > i64::MAX as u64 {
            return None;
        }
        match key.algorithm() {
            Algorithm::MlDsa44 => {
                let public = VerifyingKey::<MlDsa44>::decode(&key.key().try_into().ok()?);
                let signature = ml_dsa::Signature::try_from(signature).ok()?;
                public.verify(&self.cosigned_message(key.name(), unix_seconds)?, &signature).ok()?;
            }
            Algorithm::Ed25519 | Algorithm::Ed25519Cosignature => {
                let message = format!("cosignature/v1\ntime {unix_seconds}\n{}", self.text());
                let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
                ed25519(key.key())?.verify_strict(message.as_bytes(), &signature).ok()?;
            }
        }
        Some(unix_seconds)
    }

    /// `cosigned_message` of tlog-cosignature for a whole tree; nothing when a name is longer than its length byte can say.
    fn cosigned_message(&self, cosigner: &str, unix_seconds: u64) -> Option<Vec<u8>> {
        let mut message = Vec::with_capacity(12 + 2 * 256 + 3 * 8 + 32);
        message.extend_from_slice(b"subtree/v1\n\0");
        message.push(u8::try_from(cosigner.len()).ok()?);
        message.extend_from_slice(cosigner.as_bytes());
        message.extend_from_slice(&unix_seconds.to_be_bytes());
        message.push(u8::try_from(self.origin.len()).ok()?);
        message.extend_from_slice(self.origin.as_bytes());
        message.extend_from_slice(&0u64.to_be_bytes());
        message.extend_from_slice(&self.size.to_be_bytes());
        message.extend_from_slice(&self.root.0);
        Some(message)
    }
}

/// The ML-DSA-44 key of a log (c2sp.org/tlog-cosignature, type 0x06). Its `Debug` shows the public half only; its private
/// half is wiped when it is dropped.
pub struct Cosigner {
    key: SigningKey<MlDsa44>,
    vkey: Vkey,
}

impl Cosigner {
    /// `seed`: the 32 bytes of FIPS 204's ξ.
    ///
    /// # Panics
    /// When `name` can't be a key name; [`Genesis::origin`](crate::Genesis::origin) makes one that can.
    pub fn new(name: &str, seed: &[u8; 32]) -> Self {
        let key = SigningKey::<MlDsa44>::from_seed(seed.into());
        let vkey = Vkey::new(name, Algorithm::MlDsa44, key.verifying_key().to_bytes().to_vec());
        Self { key, vkey }
    }

    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// The signature line, with its newline. Signing is deterministic (FIPS 204, 3.4), so it needs no randomness.
    fn cosign(&self, checkpoint: &Checkpoint, unix_seconds: u64) -> String {
        assert_eq!(self.vkey.name(), checkpoint.origin, "a log's key is named like the log");
        let message =
            checkpoint.cosigned_message(self.vkey.name(), unix_seconds).expect("an origin has at most 255 bytes");
        let mut signature = unix_seconds.to_be_bytes().to_vec();
        signature.extend_from_slice(&self.key.sign(&message).encode());
        signature_line(&self.vkey, &signature)
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({})", self.vkey)
    }
}

/// A size as it stands in notes: decimal, no leading zero, below 2^63.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let size: u64 = text.parse().ok().filter(|_| canonical)?;
    (size <= i64::MAX as u64).then_some(size)
}

/// 32 bytes in padded base64.
pub(crate) fn parse_root(text: &str) -> Option<Root> {
    BASE64.decode(text).ok()?.try_into().ok().map(Root)
}

fn statement(reason: &'static str) -> NoteError {
    NoteError::Statement { kind: "checkpoint", reason }
}
