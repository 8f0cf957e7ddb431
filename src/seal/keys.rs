//! The log's signing keys on disk: made once for a chain, read at every start.
//!
//! `ed25519.key` and `ml-dsa-44.key` hold the base64 of a 32-byte seed, mode 0600; `log.vkey` holds both verifier keys, a
//! line each: the file to hand out.
//!
//! `statement.key` is none of the log's: it signs statements about the legs, and its verifier key lies in `statement.vkey`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealtrail_chain::Cosigner;
use sealtrail_chain::note::{Ed25519Signer, Vkey};
use zeroize::Zeroizing;

use crate::host::entropy;

const ED25519: &str = "ed25519.key";
const ML_DSA_44: &str = "ml-dsa-44.key";
const PUBLIC: &str = "log.vkey";
const STATEMENT: &str = "statement.key";
const STATEMENT_PUBLIC: &str = "statement.vkey";

/// Both keys of a log. They sign checkpoints, genesis and key notes, nothing else.
pub struct Keys {
    pub ed25519: Ed25519Signer,
    pub ml_dsa_44: Cosigner,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("can't {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{} exists already\n  remedy  keep it: a chain's keys are never made twice; for another chain give another `seal.keys_dir`", path.display())]
    Exists { path: PathBuf },
    #[error("{} is not the base64 of 32 bytes\n  remedy  put back the key file of this chain from its backup", path.display())]
    Form { path: PathBuf },
    #[error("{} can be read by others (mode {mode:04o})\n  remedy  chmod 600 {}", path.display(), path.display())]
    Open { path: PathBuf, mode: u32 },
}

impl Keys {
    /// Makes both keys for a log named `<origin>/<chain>` and writes them below `dir`; where they are, it is an error.
    ///
    /// `ed25519.key` gets its name last: until then there is no pair, and nothing was signed. A crash before leaves an
    /// ML-DSA-44 key, which is used, and verifier keys, which are replaced.
    pub fn generate(dir: &Path, log: &str) -> Result<Self, KeyError> {
        make_dir(dir)?;
        let (first, second) = (dir.join(ED25519), dir.join(ML_DSA_44));
        if first.exists() {
            return Err(KeyError::Exists { path: first });
        }
        if !second.exists() {
            write_key(dir, &second, &new_seed())?;
        }
        let seed = new_seed();
        let keys =
            Self { ed25519: Ed25519Signer::new(log, &seed), ml_dsa_44: Cosigner::new(log, &*read_seed(&second)?) };
        let text = keys.vkeys().map(|vkey| format!("{vkey}\n")).concat();
        write(dir, &dir.join(PUBLIC), text.as_bytes(), 0o644)?;
        write_key(dir, &first, &seed)?;
        Ok(keys)
    }

    /// Reads the keys of the log named `log`. None where there is no pair yet.
    pub fn read(dir: &Path, log: &str) -> Result<Option<Self>, KeyError> {
        if !dir.join(ED25519).exists() {
            return Ok(None);
        }
        Ok(Some(Self {
            ed25519: Ed25519Signer::new(log, &*read_seed(&dir.join(ED25519))?),
            ml_dsa_44: Cosigner::new(log, &*read_seed(&dir.join(ML_DSA_44))?),
        }))
    }

    /// The verifier keys, Ed25519 first.
    pub fn vkeys(&self) -> [&Vkey; 2] {
        [self.ed25519.vkey(), self.ml_dsa_44.vkey()]
    }

    /// Where the verifier keys lie.
    pub fn public_file(dir: &Path) -> PathBuf {
        dir.join(PUBLIC)
    }
}

/// The key for statements about the log named `log`, made where there is none; says whether it was made.
///
/// Its name is `<log>/statements`, so no line of it can pass for one of the log's.
pub fn statement(dir: &Path, log: &str) -> Result<(Ed25519Signer, bool), KeyError> {
    let (path, name) = (dir.join(STATEMENT), format!("{log}/statements"));
    let made = !path.exists();
    if made {
        make_dir(dir)?;
        write_key(dir, &path, &new_seed())?;
    }
    let signer = Ed25519Signer::new(&name, &*read_seed(&path)?);
    let public = dir.join(STATEMENT_PUBLIC);
    if !public.exists() {
        write(dir, &public, format!("{}\n", signer.vkey()).as_bytes(), 0o644)?;
    }
    Ok((signer, made))
}

fn make_dir(dir: &Path) -> Result<(), KeyError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| io_error("make", dir, source))
}

fn new_seed() -> Zeroizing<[u8; 32]> {
    let mut seed = Zeroizing::new([0; 32]);
    entropy::fill(&mut *seed);
    seed
}

fn write_key(dir: &Path, path: &Path, seed: &[u8; 32]) -> Result<(), KeyError> {
    let text = Zeroizing::new(format!("{}\n", STANDARD.encode(seed)));
    write(dir, path, text.as_bytes(), 0o600)
}

fn read_seed(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let mode = std::fs::metadata(path).map_err(|source| io_error("read", path, source))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open { path: path.to_owned(), mode });
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|source| io_error("read", path, source))?);
    let bytes = Zeroizing::new(STANDARD.decode(text.trim_end()).map_err(|_| KeyError::Form { path: path.to_owned() })?);
    let seed = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| KeyError::Form { path: path.to_owned() })?;
    Ok(Zeroizing::new(seed))
}

/// A file is whole and durable before it gets its name; what an earlier crash left of it is written over.
#[allow(clippy::disallowed_methods, reason = "keys are written here alone, with modes of their own")]
fn write(dir: &Path, path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyError> {
    let new = path.with_added_extension("new");
    if let Err(source) = std::fs::remove_file(&new)
        && source.kind() != io::ErrorKind::NotFound
    {
        return Err(io_error("remove", &new, source));
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&new)
        .map_err(|source| io_error("create", &new, source))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|source| io_error("write", &new, source))?;
    std::fs::rename(&new, path).map_err(|source| io_error("rename to", path, source))?;
    sync_dir(dir)
}

fn sync_dir(dir: &Path) -> Result<(), KeyError> {
    std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| io_error("sync", dir, source))
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> KeyError {
    KeyError::Io { doing, path: path.to_owned(), source }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test moves files of its own")]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_and_never_made_twice() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let keys = dir.path().join("keys");
        assert!(Keys::read(&keys, "example.com/a").expect("no keys yet").is_none());
        let made = Keys::generate(&keys, "example.com/a").expect("made");
        let read = Keys::read(&keys, "example.com/a").expect("read").expect("there");
        assert_eq!(made.vkeys(), read.vkeys());
        assert!(matches!(Keys::generate(&keys, "example.com/a"), Err(KeyError::Exists { .. })));
        assert_eq!(std::fs::metadata(keys.join(ED25519)).expect("there").permissions().mode() & 0o777, 0o600);
    }

    /// A crash while the keys of a new chain are made does not keep it from ever starting.
    #[test]
    fn half_made_keys_are_completed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let made = Keys::generate(dir.path(), "example.com/a").expect("made");
        // As a crash before the last name leaves it.
        std::fs::rename(dir.path().join(ED25519), dir.path().join("ed25519.key.new")).expect("renamed");
        assert!(Keys::read(dir.path(), "example.com/a").expect("no pair").is_none());
        let again = Keys::generate(dir.path(), "example.com/a").expect("completed");
        assert_eq!(again.ml_dsa_44.vkey(), made.ml_dsa_44.vkey());
        let read = Keys::read(dir.path(), "example.com/a").expect("read").expect("there");
        assert_eq!(read.vkeys(), again.vkeys());
        let public = std::fs::read_to_string(Keys::public_file(dir.path())).expect("there");
        assert_eq!(public, again.vkeys().map(|vkey| format!("{vkey}\n")).concat());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Keys::generate(dir.path(), "example.com/a").expect("made");
        let path = dir.path().join(ML_DSA_44);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("changed");
        assert!(matches!(Keys::read(dir.path(), "example.com/a"), Err(KeyError::Open { mode: 0o640, .. })));
    }
}
