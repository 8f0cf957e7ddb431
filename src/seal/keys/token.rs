//! The log's Ed25519 key in a PKCS#11 token (`seal.pkcs11`). Which key of the token is in force stands in `ed25519.pkcs11`, its
//! label alone: it changes with a rotation, which the configuration doesn't know of.

use std::path::Path;

use sealtrail_chain::note::{NoteSigner, SignError, Vkey};

use super::{KeyError, io_error, write};
use crate::host::hsm::{self, Hsm};

/// Holds the label of the key in force.
pub(super) const LABEL: &str = "ed25519.pkcs11";

/// Signs in the token.
pub(super) struct TokenSigner {
    vkey: Vkey,
    token: Hsm,
}

impl TokenSigner {
    /// The key of the log named `log` whose label lies in `dir`; it must be in the token.
    pub(super) fn open(dir: &Path, log: &str, config: &hsm::Config) -> Result<Self, KeyError> {
        let path = dir.join(LABEL);
        let label = std::fs::read_to_string(&path).map_err(|source| io_error("read", &path, source))?;
        Self::of(log, &hsm::Config { key: label.trim_end().to_owned(), ..config.clone() })
    }

    /// Takes the key that the token has under the configured label, or makes it.
    pub(super) fn make(log: &str, config: &hsm::Config) -> Result<Self, KeyError> {
        match Hsm::new(config).make_ed25519() {
            // Made at a ceremony, before.
            Ok(()) | Err(hsm::Error::Exists { .. }) => {}
            Err(source) => return Err(KeyError::Token { source }),
        }
        Self::of(log, config)
    }

    fn of(log: &str, config: &hsm::Config) -> Result<Self, KeyError> {
        let token = Hsm::new(config);
        let key = token.ed25519().map_err(|source| KeyError::Token { source })?;
        let vkey = Vkey::ed25519(log, &key).map_err(|source| KeyError::Weak { place: token.place(), source })?;
        Ok(Self { vkey, token })
    }

    /// Where it is, for people, and whether the token could hold the other key too.
    pub(super) fn describe(&self) -> (String, bool) {
        (self.token.place(), self.token.knows_ml_dsa().unwrap_or(false))
    }
}

/// Writes down which key of the token is in force.
pub(super) fn write_label(dir: &Path, config: &hsm::Config) -> Result<(), KeyError> {
    write(dir, &dir.join(LABEL), format!("{}\n", config.key).as_bytes(), 0o644)
}

impl NoteSigner for TokenSigner {
    fn vkey(&self) -> &Vkey {
        &self.vkey
    }
    fn signature(&self, text: &str) -> Result<[u8; 64], SignError> {
        self.token.sign(text.as_bytes()).map_err(|error| SignError::Away(Box::new(error)))
    }
}
