//! `seal:` of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::Duration;
use crate::host::hsm;

#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The log's name in checkpoints, before `/` and the chain: a host name of whoever runs it. Fixed at genesis.
    pub origin: String,
    /// Where the signing keys lie; by default `keys/` in the data directory.
    pub keys_dir: Option<PathBuf>,
    /// How often a checkpoint is signed while records flow.
    pub checkpoint_interval: Duration,
    /// A record is sealed at least this often, so that an idle chain is told from a stopped one.
    pub alive_interval: Duration,
    /// The Ed25519 key is in a PKCS#11 token. Read when keys are made: at genesis, and at a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkcs11: Option<hsm::Config>,
    /// File with the verifier key of the Ed25519 key that is kept offline. Read at genesis, and where it vouches for new keys.
    pub recovery_key: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            origin: "localhost".to_owned(),
            keys_dir: None,
            checkpoint_interval: Duration::from_secs(10),
            alive_interval: Duration::from_secs(300),
            pkcs11: None,
            recovery_key: None,
        }
    }
}
