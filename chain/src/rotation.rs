//! The note by which a chain's keys change (FORMAT.md, "Rotation of keys"), and which keys speak for a chain when.
//!
//! A planned change is vouched for by the key before, one after a loss or a compromise by the recovery key; the new key signs
//! too, so that nobody is given a key that he doesn't hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::checkpoint::{parse_root, parse_size};
use crate::civil;
use crate::genesis::{Genesis, field, log_key, parse_origin, parse_recovery};
use crate::note::{Note, NoteError, NoteSigner, SignError, Signed, Vkey};
use crate::tree::Root;

/// First line of the text; its version.
const FIRST_LINE: &str = "sealtrail key rotation v1";

/// Why the keys change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// As the operator's rules ask for; the keys before are good to the end.
    Planned,
    /// The keys before are gone.
    Lost,
    /// Somebody else may hold the keys before: what they have signed behind the note's size proves nothing.
    Compromised,
}

impl Cause {
    pub const ALL: [Self; 3] = [Self::Planned, Self::Lost, Self::Compromised];

    /// The word in the note.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Lost => "lost",
            Self::Compromised => "compromised",
        }
    }
}

/// The keys that speak for a chain from some record on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeySet {
    pub ed25519: Vkey,
    pub ml_dsa_44: Vkey,
    /// An Ed25519 key that is kept offline and may name new keys after a loss.
    pub recovery: Option<Vkey>,
}

impl From<&Genesis> for KeySet {
    fn from(genesis: &Genesis) -> Self {
        Self {
            ed25519: genesis.ed25519.clone(),
            ml_dsa_44: genesis.ml_dsa_44.clone(),
            recovery: genesis.recovery.clone(),
        }
    }
}

/// What the note of a rotation says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rotation {
    /// `<origin>/<chain>`, as in the genesis.
    pub origin: String,
    /// Unix seconds.
    pub created: u64,
    pub cause: Cause,
    /// The last checkpoint by the keys before that is known to be good: so many records …
    pub size: u64,
    /// … under this root.
    pub root: Root,
    /// The keys from here on.
    pub keys: KeySet,
}

impl Rotation {
    /// The text that is signed, with its last newline.
    pub fn text(&self) -> String {
        let KeySet { ed25519, ml_dsa_44, recovery } = &self.keys;
        let recovery = recovery.as_ref().map_or("none".to_owned(), Vkey::to_string);
        format!(
            "{FIRST_LINE}\norigin {}\ncreated {}\ncause {}\nsize {}\nroot {}\nkey {ed25519}\nkey {ml_dsa_44}\nrecovery {recovery}\n",
            self.origin,
            civil::rfc3339(self.created),
            self.cause.as_str(),
            self.size,
            BASE64.encode(self.root.0),
        )
    }

    /// Signs: `before` is the key that vouches (the Ed25519 key before, or the recovery key), `new` the one that the note names.
    ///
    /// # Panics
    /// When the parts contradict each other: such a note could never be read again.
    pub fn sign(self, before: &dyn NoteSigner, new: &dyn NoteSigner) -> Result<Signed<Self>, SignError> {
        let text = self.text();
        let note = format!("{text}\n{}{}", before.sign_note(&text)?, new.sign_note(&text)?);
        let read = Self::read(&note).expect("a note of a rotation reads back");
        assert_eq!(read.statement(), &self, "a note of a rotation says what it was made of");
        Ok(read)
    }

    /// Reads a note and checks that the new Ed25519 key has signed it. Whether whoever may change the keys has signed it is for
    /// [`Self::follows`] to say.
    pub fn read(note: &str) -> Result<Signed<Self>, NoteError> {
        let parsed = Note::parse(note)?;
        let rotation = Self::from_text(parsed.text)?;
        signed_by(&parsed, &rotation.keys.ed25519)?;
        Ok(Signed::new(rotation, note.to_owned()))
    }

    fn from_text(text: &str) -> Result<Self, NoteError> {
        let lines: Vec<&str> = text.split('\n').collect();
        if lines[0] != FIRST_LINE {
            return Err(statement("its first line is not `sealtrail key rotation v1`, the only version known"));
        }
        let [_, origin, created, cause, size, root, ed25519, ml_dsa_44, recovery, ""] = lines[..] else {
            return Err(statement("its text is not nine lines"));
        };
        let (origin, _) = parse_origin(field(origin, "origin ").ok_or(statement("line 2 is not `origin`"))?)
            .ok_or(statement("its origin is not `<origin>/<chain>`"))?;
        let created = field(created, "created ").ok_or(statement("line 3 is not `created`"))?;
        let created = civil::parse_rfc3339(created).ok_or(statement("its `created` is not YYYY-MM-DDTHH:MM:SSZ"))?;
        let cause = field(cause, "cause ").and_then(|word| Cause::ALL.into_iter().find(|cause| cause.as_str() == word));
        let cause = cause.ok_or(statement("its cause is not `planned`, `lost` or `compromised`"))?;
        let size = field(size, "size ").and_then(parse_size).ok_or(statement("its fifth line is no size"))?;
        let root = field(root, "root ").and_then(parse_root).ok_or(statement("its sixth line is no root"))?;
        let key = |line| field(line, "key ").ok_or(statement("lines 7 and 8 are not `key`"));
        let ed25519 = log_key(key(ed25519)?, crate::note::Algorithm::Ed25519, origin)?;
        let ml_dsa_44 = log_key(key(ml_dsa_44)?, crate::note::Algorithm::MlDsa44, origin)?;
        let recovery = parse_recovery(field(recovery, "recovery ").ok_or(statement("line 9 is not `recovery`"))?)?;
        let keys = KeySet { ed25519, ml_dsa_44, recovery };
        Ok(Self { origin: origin.to_owned(), created, cause, size, root, keys })
    }
}

impl Signed<Rotation> {
    /// Whether `before`, the keys in force until now, let the keys change so: a planned change is signed by their Ed25519 key,
    /// any other by their recovery key. No key is named a second time.
    pub fn follows(&self, origin: &str, before: &KeySet) -> Result<(), NoteError> {
        let (rotation, note) = (self.statement(), Note::parse(self.note())?);
        if rotation.origin != origin {
            return Err(statement("it is another chain's"));
        }
        if rotation.keys.ed25519 == before.ed25519 || rotation.keys.ml_dsa_44 == before.ml_dsa_44 {
            return Err(statement("it names a key that was in force before"));
        }
        match (rotation.cause, &before.recovery) {
            (Cause::Planned, _) => signed_by(&note, &before.ed25519),
            (_, Some(recovery)) => signed_by(&note, recovery),
            (_, None) => Err(statement("the chain has no recovery key that could have signed it")),
        }
    }
}

fn signed_by(note: &Note<'_>, key: &Vkey) -> Result<(), NoteError> {
    if note.verified_by(key)? {
        return Ok(());
    }
    Err(NoteError::Unsigned { name: key.name().to_owned(), id: key.id() })
}

fn statement(reason: &'static str) -> NoteError {
    NoteError::Statement { kind: "note of a rotation", reason }
}
