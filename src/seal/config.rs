//! `seal:` of the configuration.

use std::path::PathBuf;

use sealtrail_chain::note::Vkey;
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
    /// Who is asked to cosign stored checkpoints (c2sp.org/tlog-witness).
    pub witnesses: Vec<Witness>,
    /// How many of them must have cosigned a checkpoint for it to count as witnessed; more than half unless given.
    pub witness_quorum: Option<usize>,
    /// How often they are asked.
    pub witness_interval: Duration,
    /// How long a stored checkpoint may go without a quorum before that is sealed and counted.
    pub witness_max_lag: Duration,
    /// Whether the collector is not ready while a quorum is missing for longer than that.
    pub witness_required: bool,
    /// Who is asked for time stamps over stored checkpoints (RFC 3161, over HTTP).
    pub timestamp_url: Option<String>,
    /// How often a stored checkpoint gets one: at least once an hour.
    pub timestamp_interval: Duration,
    /// Authorities (PEM) that the stamps must lead to; without it any stamp is kept that holds by itself.
    pub timestamp_ca_file: Option<PathBuf>,
}

/// A witness: where it is asked, and by which key its word is known.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Its submission prefix; `/add-checkpoint` is put behind it.
    pub url: String,
    /// Its verifier key, of type 0x04 (Ed25519) or 0x06 (ML-DSA-44).
    pub vkey: String,
}

impl Witness {
    /// Its key, if it is one of a witness.
    pub fn key(&self) -> Option<Vkey> {
        self.vkey.parse::<Vkey>().ok().filter(Vkey::is_of_witness)
    }
}

impl Config {
    /// How many witnesses must agree.
    pub fn quorum(&self) -> usize {
        self.witness_quorum.unwrap_or(self.witnesses.len() / 2 + 1)
    }
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
            witnesses: Vec::new(),
            witness_quorum: None,
            witness_interval: Duration::from_secs(300),
            witness_max_lag: Duration::from_secs(3600),
            witness_required: false,
            timestamp_url: None,
            timestamp_interval: Duration::from_secs(3600),
            timestamp_ca_file: None,
        }
    }
}
