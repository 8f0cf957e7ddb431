//! Whom to believe: the keys that were given, a checkpoint that someone kept, and the genesis note that both vouch for.

use std::path::{Path, PathBuf};

use sealtrail_chain::note::Vkey;
use sealtrail_chain::{ChainName, Checkpoint, KeySet};

/// What the caller trusts. Nothing that lies beside the records is trusted because it lies there.
#[derive(Clone, Default, Debug)]
pub struct Trust {
    keys: Vec<Vkey>,
    kept: Vec<(PathBuf, Checkpoint)>,
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
    #[error("{} is not a checkpoint: {source}", path.display())]
    Checkpoint { path: PathBuf, source: sealtrail_chain::note::NoteError },
}

impl Trust {
    /// Adds the keys of a file: one vkey a line, `#` begins a comment.
    pub fn add_keys(&mut self, path: &Path) -> Result<(), TrustError> {
        let text = read(path)?;
        let before = self.keys.len();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = line.parse().map_err(|source| TrustError::Key { path: path.into(), line: index + 1, source })?;
            self.keys.push(key);
        }
        if self.keys.len() == before { Err(TrustError::Empty { path: path.into() }) } else { Ok(()) }
    }

    /// Adds a checkpoint that was kept out of reach of whoever holds the chain. Its size and root are believed as they
    /// stand: that it was kept is worth more than its signature.
    pub fn add_checkpoint(&mut self, path: &Path) -> Result<(), TrustError> {
        let text = read(path)?;
        let checkpoint =
            Checkpoint::parse(&text).map_err(|source| TrustError::Checkpoint { path: path.into(), source })?;
        self.kept.push((path.into(), checkpoint));
        Ok(())
    }

    /// Adds one key.
    pub fn add_key(&mut self, key: Vkey) {
        self.keys.push(key);
    }

    /// Kept checkpoints of a chain: the origin ends with its name.
    pub(super) fn kept<'a>(&'a self, chain: &'a ChainName) -> impl Iterator<Item = &'a (PathBuf, Checkpoint)> {
        self.kept.iter().filter(|(_, checkpoint)| names(&checkpoint.origin, chain))
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

fn read(path: &Path) -> Result<String, TrustError> {
    std::fs::read_to_string(path).map_err(|source| TrustError::Io { path: path.into(), source })
}
