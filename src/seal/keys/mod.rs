//! The log's signing keys: made once for a chain, read at every start, changed by a rotation alone.
//!
//! `ed25519.key` and `ml-dsa-44.key` hold the base64 of a 32-byte seed, mode 0600; `log.vkey` holds both verifier keys, a
//! line each: the file to hand out. In place of `ed25519.key` there may be `ed25519.pkcs11`: that key is in a token.
//!
//! `statement.key` is none of the log's: it signs statements about the legs, and its verifier key lies in `statement.vkey`.

pub mod rotation;
mod token;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealtrail_chain::Cosigner;
use sealtrail_chain::note::{Ed25519Signer, NoteError, NoteSigner, Vkey};
use zeroize::Zeroizing;

use crate::host::{entropy, hsm};
use token::TokenSigner;

const ED25519: &str = "ed25519.key";
const ML_DSA_44: &str = "ml-dsa-44.key";
const PUBLIC: &str = "log.vkey";
const STATEMENT: &str = "statement.key";
const STATEMENT_PUBLIC: &str = "statement.vkey";

/// Both keys of a log. They sign checkpoints, genesis and key notes, nothing else.
pub struct Keys {
    pub ed25519: Box<dyn NoteSigner>,
    pub ml_dsa_44: Cosigner,
    /// Where the Ed25519 key is, when it is in a token; and whether that token knows ML-DSA too.
    pub token: Option<(String, bool)>,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("can't {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{} exists already\n  remedy  keep it: a chain's keys are never made twice; for another chain give another `seal.keys_dir`", path.display())]
    Exists { path: PathBuf },
    #[error("{} is not the base64 of 32 bytes\n  remedy  put back the key file of this chain from its backup", path.display())]
    Form { path: PathBuf },
    #[error("{source}\n  remedy  see that `seal.pkcs11` is right and the token is there")]
    Token { source: hsm::Error },
    #[error("{place} is no key to sign with: {source}")]
    Weak { place: String, source: NoteError },
    #[error("the signing key is in a token, and `seal.pkcs11` does not say where\n  at      {}\n  remedy  set `seal.pkcs11`", path.display())]
    NoToken { path: PathBuf },
    #[error("{}: {source}\n  remedy  put the directory back from its backup", path.display())]
    Note { path: PathBuf, source: NoteError },
    #[error("a rotation of the keys is under way already in {}\n  remedy  start the collector: it seals it; and once more: then the next keys are the keys", dir.display())]
    Pending { dir: PathBuf },
    #[error("{} can be read by others (mode {mode:04o})\n  remedy  chmod 600 {}", path.display(), path.display())]
    Open { path: PathBuf, mode: u32 },
}

impl Keys {
    /// Makes both keys for a log named `<origin>/<chain>` and writes them below `dir`; where they are, it is an error.
    ///
    /// `ed25519.key` gets its name last: until then there is no pair, and nothing was signed. A crash before leaves an
    /// ML-DSA-44 key, which is used, and verifier keys, which are replaced.
    /// With a `token`, the Ed25519 key is made there, or taken where it is there already; its label gets its name last.
    pub fn generate(dir: &Path, log: &str, token: Option<&hsm::Config>) -> Result<Self, KeyError> {
        make_dir(dir)?;
        let (first, second) = (dir.join(ED25519), dir.join(ML_DSA_44));
        if let Some(path) = [first.clone(), dir.join(token::LABEL)].into_iter().find(|path| path.exists()) {
            return Err(KeyError::Exists { path });
        }
        if !second.exists() {
            write_key(dir, &second, &new_seed())?;
        }
        let ml_dsa_44 = Cosigner::new(log, &*read_seed(&second)?);
        let public = |keys: &Self| {
            let text = keys.vkeys().map(|vkey| format!("{vkey}\n")).concat();
            write(dir, &dir.join(PUBLIC), text.as_bytes(), 0o644)
        };
        if let Some(config) = token {
            let signer = TokenSigner::make(log, config)?;
            let token = Some(signer.describe());
            let keys = Self { ed25519: Box::new(signer), ml_dsa_44, token };
            public(&keys)?;
            token::write_label(dir, config)?;
            return Ok(keys);
        }
        let seed = new_seed();
        let keys = Self { ed25519: Box::new(Ed25519Signer::new(log, &seed)), ml_dsa_44, token: None };
        public(&keys)?;
        write_key(dir, &first, &seed)?;
        Ok(keys)
    }

    /// Reads the keys of the log named `log`. None where there is no pair yet. A key that is a file is used although a `token` is
    /// configured: the chain changes its keys by a rotation alone.
    pub fn read(dir: &Path, log: &str, token: Option<&hsm::Config>) -> Result<Option<Self>, KeyError> {
        let label = dir.join(token::LABEL);
        let (ed25519, token): (Box<dyn NoteSigner>, _) = if label.exists() {
            let config = token.ok_or(KeyError::NoToken { path: label })?;
            let signer = TokenSigner::open(dir, log, config)?;
            let token = Some(signer.describe());
            (Box::new(signer), token)
        } else if dir.join(ED25519).exists() {
            (Box::new(Ed25519Signer::new(log, &*read_seed(&dir.join(ED25519))?)), None)
        } else {
            return Ok(None);
        };
        Ok(Some(Self { ed25519, ml_dsa_44: Cosigner::new(log, &*read_seed(&dir.join(ML_DSA_44))?), token }))
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

/// An offline recovery key named `name`, written to a file of its own (base64 of the seed, mode 0600); an existing one is an
/// error.
pub fn make_recovery(path: &Path, name: &str) -> Result<Ed25519Signer, KeyError> {
    if path.exists() {
        return Err(KeyError::Exists { path: path.to_owned() });
    }
    let seed = new_seed();
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    write_key(dir, path, &seed)?;
    Ok(Ed25519Signer::new(name, &seed))
}

/// The recovery key named `name` in a file.
pub fn read_recovery(path: &Path, name: &str) -> Result<Ed25519Signer, KeyError> {
    Ok(Ed25519Signer::new(name, &*read_seed(path)?))
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
        assert!(Keys::read(&keys, "example.com/a", None).expect("no keys yet").is_none());
        let made = Keys::generate(&keys, "example.com/a", None).expect("made");
        let read = Keys::read(&keys, "example.com/a", None).expect("read").expect("there");
        assert_eq!(made.vkeys(), read.vkeys());
        assert!(matches!(Keys::generate(&keys, "example.com/a", None), Err(KeyError::Exists { .. })));
        assert_eq!(std::fs::metadata(keys.join(ED25519)).expect("there").permissions().mode() & 0o777, 0o600);
    }

    /// A crash while the keys of a new chain are made does not keep it from ever starting.
    #[test]
    fn half_made_keys_are_completed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let made = Keys::generate(dir.path(), "example.com/a", None).expect("made");
        // As a crash before the last name leaves it.
        std::fs::rename(dir.path().join(ED25519), dir.path().join("ed25519.key.new")).expect("renamed");
        assert!(Keys::read(dir.path(), "example.com/a", None).expect("no pair").is_none());
        let again = Keys::generate(dir.path(), "example.com/a", None).expect("completed");
        assert_eq!(again.ml_dsa_44.vkey(), made.ml_dsa_44.vkey());
        let read = Keys::read(dir.path(), "example.com/a", None).expect("read").expect("there");
        assert_eq!(read.vkeys(), again.vkeys());
        let public = std::fs::read_to_string(Keys::public_file(dir.path())).expect("there");
        assert_eq!(public, again.vkeys().map(|vkey| format!("{vkey}\n")).concat());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Keys::generate(dir.path(), "example.com/a", None).expect("made");
        let path = dir.path().join(ML_DSA_44);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("changed");
        assert!(matches!(Keys::read(dir.path(), "example.com/a", None), Err(KeyError::Open { mode: 0o640, .. })));
    }
}
