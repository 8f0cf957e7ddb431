//! The note that a chain begins with: who it is, which keys speak for it, and which chain it continues.
//!
//! Its digest is the previous hash of record 0, so every link of the chain hangs on it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

use crate::checkpoint::{parse_root, parse_size};
use crate::civil;
use crate::link::{ChainName, Hash};
use crate::note::{Algorithm, Ed25519Signer, Note, NoteError, NoteSigner, SignError, Signed, Vkey, is_key_name};

/// First line of the text; its version.
const FIRST_LINE: &str = "sealtrail genesis v1";
/// First lines of other signed things that an origin with its chain could otherwise be made to look like.
const OTHER_FIRST_LINES: [&str; 2] = ["cosignature/v1", "subtree/v1"];

/// The chain that this one continues: its origin with its name, last good size, and root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Predecessor {
    pub origin: String,
    pub size: u64,
    pub root: crate::Root,
}

/// What the genesis note of a chain says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Genesis {
    /// `<origin>/<chain>`: first line of checkpoints and name of the keys.
    pub origin: String,
    /// The part of `origin` behind its last slash.
    pub chain: ChainName,
    /// Unix seconds.
    pub created: u64,
    /// Partition of the stream's topic.
    pub partition: u32,
    pub ed25519: Vkey,
    pub ml_dsa_44: Vkey,
    /// An Ed25519 key that is kept offline and may name new keys after a loss.
    pub recovery: Option<Vkey>,
    pub predecessor: Option<Predecessor>,
}

impl Genesis {
    /// Puts an origin and a chain together as `<origin>/<chain>`, or says what is wrong with the origin (space, `+`, more
    /// than 255 bytes with the chain, a control character, or the first line of another kind of note).
    pub fn origin(origin: &str, chain: &ChainName) -> Result<String, NoteError> {
        if !is_key_name(origin) {
            return Err(NoteError::Statement {
                kind: "origin",
                reason: "it is empty or holds a space, a plus or a control character",
            });
        }
        let whole = format!("{origin}/{chain}");
        if whole.len() > 255 {
            return Err(NoteError::Statement {
                kind: "origin",
                reason: "it has more than 255 bytes with the chain's name",
            });
        }
        if OTHER_FIRST_LINES.contains(&whole.as_str()) {
            return Err(NoteError::Statement {
                kind: "origin",
                reason: "with the chain's name it is the first line of another kind of note",
            });
        }
        Ok(whole)
    }

    pub fn chain(&self) -> &ChainName {
        &self.chain
    }

    /// The text that is signed, with its last newline.
    pub fn text(&self) -> String {
        let recovery = self.recovery.as_ref().map_or("none".to_owned(), Vkey::to_string);
        let predecessor = self
            .predecessor
            .as_ref()
            .map_or("none".to_owned(), |p| format!("{} {} {}", p.origin, p.size, BASE64.encode(p.root.0)));
        format!(
            "{FIRST_LINE}\norigin {}\ncreated {}\npartition {}\nkey {}\nkey {}\nrecovery {recovery}\npredecessor {predecessor}\n",
            self.origin,
            civil::rfc3339(self.created),
            self.partition,
            self.ed25519,
            self.ml_dsa_44,
        )
    }

    /// SHA-256 of the text: previous hash of record 0.
    pub fn digest(&self) -> Hash {
        Hash(Sha256::digest(self.text()).into())
    }

    /// Signs; the signer must be the key that the note names.
    ///
    /// # Panics
    /// When the parts contradict each other (another signer, a key of another name, a chain that is not the origin's): such
    /// a note could never be read again.
    pub fn sign(self, signer: &Ed25519Signer) -> Signed<Self> {
        let text = self.text();
        let note = format!("{text}\n{}", signer.sign(&text));
        let read = Self::read(&note).expect("a genesis note reads back");
        assert_eq!(read.statement(), &self, "a genesis note says what it was made of");
        read
    }

    /// As [`Self::sign`], with a key that may be elsewhere.
    ///
    /// # Panics
    /// As there.
    pub fn sign_with(self, signer: &dyn NoteSigner) -> Result<Signed<Self>, SignError> {
        let text = self.text();
        let note = format!("{text}\n{}", signer.sign_note(&text)?);
        let read = Self::read(&note).expect("a genesis note reads back");
        assert_eq!(read.statement(), &self, "a genesis note says what it was made of");
        Ok(read)
    }

    /// Reads a note and checks that the Ed25519 key it names has signed it. Whether that key is trusted is the caller's question.
    pub fn read(note: &str) -> Result<Signed<Self>, NoteError> {
        let parsed = Note::parse(note)?;
        let genesis = Self::from_text(parsed.text)?;
        if !parsed.verified_by(&genesis.ed25519)? {
            let key = &genesis.ed25519;
            return Err(NoteError::Unsigned { name: key.name().to_owned(), id: key.id() });
        }
        Ok(Signed::new(genesis, note.to_owned()))
    }

    fn from_text(text: &str) -> Result<Self, NoteError> {
        let lines: Vec<&str> = text.split('\n').collect();
        if lines[0] != FIRST_LINE {
            return Err(statement("its first line is not `sealtrail genesis v1`, the only version known"));
        }
        let [_, origin, created, partition, ed25519, ml_dsa_44, recovery, predecessor, ""] = lines[..] else {
            return Err(statement("its text is not eight lines"));
        };
        let (origin, chain) = parse_origin(field(origin, "origin ").ok_or(statement("line 2 is not `origin`"))?)
            .ok_or(statement("its origin is not `<origin>/<chain>`"))?;
        let created = civil::parse_rfc3339(field(created, "created ").ok_or(statement("line 3 is not `created`"))?)
            .ok_or(statement("its `created` is not YYYY-MM-DDTHH:MM:SSZ"))?;
        let partition = parse_size(field(partition, "partition ").ok_or(statement("line 4 is not `partition`"))?)
            .and_then(|n| u32::try_from(n).ok().filter(|n| *n <= i32::MAX as u32))
            .ok_or(statement("its partition is no number of a partition"))?;
        let ed25519 =
            log_key(field(ed25519, "key ").ok_or(statement("line 5 is not `key`"))?, Algorithm::Ed25519, origin)?;
        let ml_dsa_44 =
            log_key(field(ml_dsa_44, "key ").ok_or(statement("line 6 is not `key`"))?, Algorithm::MlDsa44, origin)?;
        let recovery = parse_recovery(field(recovery, "recovery ").ok_or(statement("line 7 is not `recovery`"))?)?;
        let predecessor =
            parse_predecessor(field(predecessor, "predecessor ").ok_or(statement("line 8 is not `predecessor`"))?)?;
        let origin = origin.to_owned();
        Ok(Self { origin, chain, created, partition, ed25519, ml_dsa_44, recovery, predecessor })
    }
}

pub(crate) fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix(name)
}

pub(crate) fn parse_origin(whole: &str) -> Option<(&str, ChainName)> {
    let (origin, chain) = whole.rsplit_once('/')?;
    let chain = chain.parse().ok()?;
    Genesis::origin(origin, &chain).ok()?;
    Some((whole, chain))
}

pub(crate) fn log_key(text: &str, algorithm: Algorithm, origin: &str) -> Result<Vkey, NoteError> {
    let key: Vkey = text.parse()?;
    if key.algorithm() != algorithm {
        return Err(statement("its keys are not one of Ed25519, then one of ML-DSA-44"));
    }
    if key.name() != origin {
        return Err(statement("a key has another name than the origin"));
    }
    Ok(key)
}

pub(crate) fn parse_recovery(text: &str) -> Result<Option<Vkey>, NoteError> {
    if text == "none" {
        return Ok(None);
    }
    let key: Vkey = text.parse()?;
    if key.algorithm() != Algorithm::Ed25519 {
        return Err(statement("its recovery key is not of Ed25519"));
    }
    Ok(Some(key))
}

fn parse_predecessor(text: &str) -> Result<Option<Predecessor>, NoteError> {
    if text == "none" {
        return Ok(None);
    }
    let parts: Vec<&str> = text.split(' ').collect();
    let predecessor = || {
        let [origin, size, root] = parts[..] else { return None };
        parse_origin(origin)?;
        Some(Predecessor { origin: origin.to_owned(), size: parse_size(size)?, root: parse_root(root)? })
    };
    predecessor().map(Some).ok_or(statement("its predecessor is not `none`, nor origin, size and root"))
}

fn statement(reason: &'static str) -> NoteError {
    NoteError::Statement { kind: "genesis note", reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Cosigner;

    fn genesis(ed25519: &Ed25519Signer) -> Genesis {
        let origin = "audit.example.com/payments-eu-1";
        Genesis {
            origin: origin.to_owned(),
            chain: "payments-eu-1".parse().unwrap(),
            created: 1_795_449_600,
            partition: 0,
            ed25519: ed25519.vkey().clone(),
            ml_dsa_44: Cosigner::new(origin, &[2; 32]).vkey().clone(),
            recovery: None,
            predecessor: None,
        }
    }

    #[test]
    fn an_origin_looks_like_nothing_else() {
        let chain: ChainName = "v1".parse().unwrap();
        assert_eq!(Genesis::origin("audit.example.com", &chain).unwrap(), "audit.example.com/v1");
        let (long, longest) = ("a".repeat(253), "a".repeat(252));
        for origin in ["", "a b", "a+b", "a\u{a0}b", "a\nb", "a\u{7f}", "cosignature", "subtree", &long] {
            assert!(Genesis::origin(origin, &chain).is_err(), "{origin:?}");
        }
        assert_eq!(Genesis::origin(&longest, &chain).map(|origin| origin.len()), Ok(255));
    }

    #[test]
    #[should_panic(expected = "reads back")]
    fn another_signer_makes_no_note() {
        let name = "audit.example.com/payments-eu-1";
        let _ = genesis(&Ed25519Signer::new(name, &[1; 32])).sign(&Ed25519Signer::new(name, &[3; 32]));
    }

    /// Own logs may show a signer; never its secret.
    #[test]
    fn debug_shows_the_public_half_only() {
        let name = "audit.example.com/payments-eu-1";
        let (ed25519, ml_dsa) = (Ed25519Signer::new(name, &[0x41; 32]), Cosigner::new(name, &[0x41; 32]));
        for shown in [format!("{ed25519:?}"), format!("{ml_dsa:?}")] {
            assert!(shown.contains(name) && !shown.contains("QUFBQUFB") && !shown.contains("65, 65"), "{shown}");
        }
    }
}
