//! The SDK's clients, made of our settings and of credentials from the standard AWS chain, and of nothing else (`aws`).
//!
//! The SDK retries nothing: whoever delivers tries again, so that there is one place that waits and one that counts.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, IdentityCache, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedHttpClient,
};

use super::config::Config;
use super::error::Error;
use crate::aws;

/// A way to one bucket, which may be made anew with other credentials.
pub(super) struct Connection {
    config: Config,
    s3: SharedHttpClient,
    /// For the services that hand out credentials: the authority of our bucket is none of theirs.
    credentials: SharedHttpClient,
    current: Mutex<Option<Arc<Clients>>>,
}

/// The same client with two patiences.
pub(super) struct Clients {
    /// For calls that carry no object.
    pub(super) calls: Client,
    /// For one part of an object, up or down.
    pub(super) transfers: Client,
}

impl Connection {
    /// Reads the CA file; reaches out to nobody.
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            config: config.clone(),
            s3: aws::http_client(config.endpoint.as_deref(), config.ca_file.as_deref())?,
            credentials: aws::credentials_client(),
            current: Mutex::new(None),
        })
    }

    /// The clients in use, made now if there are none.
    pub(super) async fn clients(&self) -> Arc<Clients> {
        if let Some(clients) = self.lock().clone() {
            return clients;
        }
        let clients = Arc::new(self.make().await);
        *self.lock() = Some(Arc::clone(&clients));
        clients
    }

    /// Drops the clients with their credentials: what was read of profile files and roles is read again. Providers keep what
    /// they have until it expires; credentials that were revoked and put back look the same to them.
    pub(super) fn forget(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Clients>>> {
        // It holds whole values only.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn make(&self) -> Clients {
        let Config { endpoint, path_style, region, timeouts, .. } = &self.config;
        let chain = aws::credentials(&self.credentials, region).await;
        let mut base = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.clone()))
            .http_client(self.s3.clone())
            .credentials_provider(chain)
            .identity_cache(IdentityCache::lazy().build())
            .retry_config(RetryConfig::disabled())
            // A wrong clock is for a person to see, and not for a library to work around.
            .disable_clock_skew_correction(true)
            // Ours is SHA-256, and given: the SDK must not add another of its own choice.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .force_path_style(path_style.unwrap_or(endpoint.is_some()));
        base.set_endpoint_url(endpoint.clone());
        let patience = |attempt: std::time::Duration| {
            let timeouts = TimeoutConfig::builder()
                .connect_timeout(timeouts.connect.get())
                .operation_attempt_timeout(attempt)
                // With what finding credentials may take.
                .operation_timeout(attempt + timeouts.call.get())
                .build();
            Client::from_conf(base.clone().timeout_config(timeouts).build())
        };
        Clients { calls: patience(timeouts.call.get()), transfers: patience(timeouts.transfer.get()) }
    }
}
