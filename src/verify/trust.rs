//! Whom to believe: the keys that were given, a checkpoint that someone kept, and the genesis note that both vouch for.

use std::path::{Path, PathBuf};

use sealtrail_chain::note::Vkey;
use sealtrail_chain::{ChainName, Checkpoint, KeySet};
use sealtrail_timestamp::{Authorities, AuthoritiesError};

use crate::host::regular;

/// A file of keys, a checkpoint, the certificates of some hundred authorities.
const LONGEST: u64 = 1 << 20;

/// What the caller trusts. Nothing that lies beside the records is trusted because it lies there.
#[derive(Clone, Default, Debug)]
pub struct Trust {
    keys: Vec<Vkey>,
    kept: Vec<Kept>,
    witnesses: Vec<Vkey>,
    quorum: Option<usize>,
    authorities: Option<Authorities>,
}

/// A checkpoint that somebody kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) path: PathBuf,
    pub(super) checkpoint: Checkpoint,
    note: String,
}

impl Kept {
    /// Whether one of these keys has signed it, and all lines of theirs hold.
    pub(super) fn is_signed_by(&self, keys: &[Vkey]) -> bool {
        Checkpoint::verify(&self.note, keys).is_ok_and(|(_, signatures)| !signatures.held.is_empty())
    }
}

/// Why a file of keys or a kept checkpoint can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("can't read {}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{} line {line}: {source}; a line holds one vkey, as `sealtrail keys show` prints it", path.display())]
    Key { path: PathBuf, line: usize, source: sealtrail_chain::note::NoteError },
    #[error("{} holds no key; it takes one vkey a line, as `sealtrail keys show` prints it", path.display())]
    Empty { path: PathBuf },
    #[error(
        "{text} is neither a file nor the vkey of a witness (name, key id and key with a plus between them; type 0x04 or 0x06)"
    )]
    Witness { text: String },
    #[error("{} line {line}: this key signs notes, and is no witness's", path.display())]
    NoWitness { path: PathBuf, line: usize },
    #[error("a quorum of {quorum} can't be reached by {witnesses} witnesses (`--witness`)")]
    Quorum { quorum: usize, witnesses: usize },
    #[error("{} holds no authorities of time stamps: {source}", path.display())]
    Authorities { path: PathBuf, source: AuthoritiesError },
    #[error("{} is not a checkpoint: {source}", path.display())]
    Checkpoint { path: PathBuf, source: sealtrail_chain::note::NoteError },
}

impl Trust {
    /// Adds the keys of a file: one vkey a line, `#` begins a comment.
    pub fn add_keys(&mut self, path: &Path) -> Result<(), TrustError> {
        self.keys.extend(keys(path)?.into_iter().map(|(_, key)| key));
        Ok(())
    }

    /// Adds witnesses: a vkey, or a file with one a line.
    pub fn add_witnesses(&mut self, text: &str) -> Result<(), TrustError> {
        let found = match text.parse::<Vkey>() {
            Ok(key) if key.is_of_witness() => vec![key],
            Err(_) if Path::new(text).exists() => {
                let path = Path::new(text);
                if let Some((line, _)) = keys(path)?.into_iter().find(|(_, key)| !key.is_of_witness()) {
                    return Err(TrustError::NoWitness { path: path.into(), line });
                }
                keys(path)?.into_iter().map(|(_, key)| key).collect()
            }
            Ok(_) | Err(_) => return Err(TrustError::Witness { text: text.to_owned() }),
        };
        for key in found {
            if !self.witnesses.contains(&key) {
                self.witnesses.push(key);
            }
        }
        Ok(())
    }

    /// How many of the witnesses must have cosigned; all of them unless given.
    pub fn set_quorum(&mut self, quorum: Option<usize>) -> Result<(), TrustError> {
        let witnesses = self.witnesses.len();
        if let Some(quorum) = quorum
            && !(1..=witnesses).contains(&quorum)
        {
            return Err(TrustError::Quorum { quorum, witnesses });
        }
        self.quorum = quorum;
        Ok(())
    }

    /// Sets the authorities (PEM) that time stamps must lead to.
    pub fn set_authorities(&mut self, path: &Path) -> Result<(), TrustError> {
        let pem = regular::read_whole(path, LONGEST).map_err(|source| TrustError::Io { path: path.into(), source })?;
        let authorities = Authorities::from_pem(&pem);
        self.authorities = Some(authorities.map_err(|source| TrustError::Authorities { path: path.into(), source })?);
        Ok(())
    }

    pub(super) fn authorities(&self) -> Option<&Authorities> {
        self.authorities.as_ref()
    }

    pub(super) fn witnesses(&self) -> &[Vkey] {
        &self.witnesses
    }

    /// How many witnesses must have cosigned; none: nobody asked for any.
    pub(super) fn quorum(&self) -> Option<usize> {
        (!self.witnesses.is_empty()).then(|| self.quorum.unwrap_or(self.witnesses.len()))
    }

    /// Adds a checkpoint that was kept out of reach of whoever holds the chain. Its size and root are believed as they
    /// stand: that it was kept is worth more than its signature.
    pub fn add_checkpoint(&mut self, path: &Path) -> Result<(), TrustError> {
        let note = read(path)?;
        let checkpoint =
            Checkpoint::parse(&note).map_err(|source| TrustError::Checkpoint { path: path.into(), source })?;
        self.kept.push(Kept { path: path.into(), checkpoint, note });
        Ok(())
    }

    /// Adds one key.
    pub fn add_key(&mut self, key: Vkey) {
        self.keys.push(key);
    }

    /// Kept checkpoints of a chain: the origin ends with its name.
    pub(super) fn kept<'a>(&'a self, chain: &'a ChainName) -> impl Iterator<Item = &'a Kept> {
        self.kept.iter().filter(|kept| names(&kept.checkpoint.origin, chain))
    }

    /// Kept checkpoints that are of none of these chains.
    pub(super) fn kept_of_none<'a>(&'a self, chains: &'a [String]) -> impl Iterator<Item = &'a Kept> {
        let of = |kept: &Kept, chain: &String| {
            chain.parse::<ChainName>().is_ok_and(|chain| names(&kept.checkpoint.origin, &chain))
        };
        self.kept.iter().filter(move |kept| !chains.iter().any(|chain| of(kept, chain)))
    }

    /// How the keys that were given stand to a chain.
    ///
    /// `sets`: those of the genesis, then those of each rotation, which follow from those before; none where no genesis is known.
    pub(super) fn of(&self, chain: &ChainName, sets: &[&KeySet]) -> Standing {
        let given = |key: &Vkey| self.keys.contains(key);
        let for_chain: Vec<_> = self.keys.iter().filter(|key| names(key.name(), chain)).cloned().collect();
        if sets.is_empty() {
            return if for_chain.is_empty() { Standing::NoKey } else { Standing::Trusted(for_chain) };
        }
        let (mut trusted, mut vouched) = (Vec::new(), false);
        for set in sets {
            // The note that names these keys is signed by this one, and names the other; what comes next follows from them.
            vouched |= given(&set.ed25519);
            if vouched {
                trusted.extend([set.ed25519.clone(), set.ml_dsa_44.clone()]);
            } else if given(&set.ml_dsa_44) {
                trusted.push(set.ml_dsa_44.clone());
            }
        }
        match (trusted.is_empty(), for_chain.is_empty()) {
            (false, _) => Standing::Trusted(trusted),
            (true, true) => Standing::NoKey,
            (true, false) => Standing::Foreign(for_chain),
        }
    }
}

/// How the given keys stand to a chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// Signatures of these keys count.
    Trusted(Vec<Vkey>),
    /// A key of this chain's name was given, but its genesis names others: someone else's chain lies here.
    Foreign(Vec<Vkey>),
    /// No key for this chain was given.
    NoKey,
}

/// Whether `origin` is `<something>/<chain>`.
fn names(origin: &str, chain: &ChainName) -> bool {
    origin.rsplit('/').next() == Some(chain.as_str())
}

/// The keys of a file, one a line, and where each stands; at least one.
fn keys(path: &Path) -> Result<Vec<(usize, Vkey)>, TrustError> {
    let text = read(path)?;
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let keys = lines.map(|(index, line)| {
        let key = line.parse().map_err(|source| TrustError::Key { path: path.into(), line: index + 1, source })?;
        Ok((index + 1, key))
    });
    let keys = keys.collect::<Result<Vec<_>, TrustError>>()?;
    if keys.is_empty() { Err(TrustError::Empty { path: path.into() }) } else { Ok(keys) }
}

fn read(path: &Path) -> Result<String, TrustError> {
    let failed = |source| TrustError::Io { path: path.into(), source };
    let bytes = regular::read_whole(path, LONGEST).map_err(failed)?;
    String::from_utf8(bytes).map_err(|_| failed(std::io::ErrorKind::InvalidData.into()))
}
