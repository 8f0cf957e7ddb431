//! By what a listener shows itself and knows its senders; read again when a file changes, the old ones kept on an error.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;

use super::auth::Tokens;
use super::{Error, config, tls};

/// The credentials of one listener, as its files say.
pub(super) struct Credentials {
    config: config::Protocol,
    alpn: &'static [&'static [u8]],
    now: ArcSwap<Loaded>,
    seen: Mutex<Vec<Option<Stamp>>>,
}

/// What was read together is used together.
pub(super) struct Loaded {
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) tokens: Option<Arc<Tokens>>,
}

/// By what a changed file is known without reading it: time and size.
type Stamp = (SystemTime, u64);

impl Credentials {
    pub(super) fn read(config: &config::Protocol, alpn: &'static [&'static [u8]]) -> Result<Self, Error> {
        // Stamped before it is read: a change in between is seen at the next look.
        let seen = Mutex::new(stamps(config));
        let now = ArcSwap::from_pointee(Loaded::read(config, alpn)?);
        Ok(Self { config: config.clone(), alpn, now, seen })
    }

    pub(super) fn now(&self) -> Arc<Loaded> {
        self.now.load_full()
    }

    /// Reads all files again; after an error the old ones stay in force.
    pub(super) fn reload(&self) -> Result<(), Error> {
        let seen = stamps(&self.config);
        let loaded = Loaded::read(&self.config, self.alpn);
        // A wrong file is reported once, not at every look.
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        self.now.store(Arc::new(loaded?));
        Ok(())
    }

    /// Whether a file has changed since it was read.
    pub(super) fn changed(&self) -> bool {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) != stamps(&self.config)
    }
}

impl Loaded {
    fn read(config: &config::Protocol, alpn: &[&[u8]]) -> Result<Self, Error> {
        Ok(Self {
            tls: config.tls.as_ref().map(|tls| tls::server_config(tls, alpn)).transpose()?,
            tokens: config.auth.as_ref().map(|auth| Tokens::read(&auth.tokens_file)).transpose()?.map(Arc::new),
        })
    }
}

fn stamps(config: &config::Protocol) -> Vec<Option<Stamp>> {
    let tls =
        config.tls.iter().flat_map(|tls| [Some(&tls.cert_file), Some(&tls.key_file), tls.client_ca_file.as_ref()]);
    let tokens = config.auth.iter().map(|auth| Some(&auth.tokens_file));
    tls.chain(tokens).flatten().map(|path| stamp(path)).collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
