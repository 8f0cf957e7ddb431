//! The SDK's clients, made of our settings and of credentials from the standard AWS chain, and of nothing else: no endpoint,
//! retry or checksum setting of the environment has a say.
//!
//! The SDK retries nothing: whoever delivers tries again, so that there is one place that waits and one that counts.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, IdentityCache, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedHttpClient,
};
use aws_smithy_http_client::tls;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::config::Config;
use super::error::Error;

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
        let clear = config.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let trust = match &config.ca_file {
            Some(path) => tls::TrustStore::empty().with_pem_certificate(authorities(path)?),
            None => tls::TrustStore::empty().with_native_roots(!clear),
        };
        Ok(Self {
            config: config.clone(),
            s3: http_client(trust),
            credentials: http_client(tls::TrustStore::default()),
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
        let region = Region::new(region.clone());
        let chain = DefaultCredentialsChain::builder()
            .configure(ProviderConfig::default().with_http_client(self.credentials.clone()))
            .region(region.clone())
            .build()
            .await;
        let mut base = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(region)
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

fn http_client(trust: tls::TrustStore) -> SharedHttpClient {
    let context = tls::TlsContext::builder().with_trust_store(trust).build();
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .tls_context(context.expect("a trust store alone is a TLS context"))
        .build_https()
}

/// The certificates of a file, checked: the SDK would panic on others.
fn authorities(path: &Path) -> Result<Vec<u8>, Error> {
    let unusable = |problem| Error::CaFile { path: path.to_owned(), problem };
    let pem = std::fs::read(path).map_err(|_| unusable("it can't be read"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| unusable("it is not PEM"))?;
        roots.add(certificate).map_err(|_| unusable("it holds a certificate that can't be an authority"))?;
    }
    if roots.is_empty() { Err(unusable("it holds no certificate")) } else { Ok(pem) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the file holds is judged at the start, by us: the SDK panics on it.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test's own files")]
    fn a_wrong_ca_file_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("written");
            Config { ca_file: Some(path), ..Config::new("audit", "eu-central-1") }
        };
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made").cert.pem();
        for (config, problem) in [
            (file("empty", ""), "no certificate"),
            (file("text", "not a certificate"), "no certificate"),
            (file("cut", &certificate[..certificate.len() / 2]), "not PEM"),
            (file("noise", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "can't be an authority"),
            (Config { ca_file: Some("/absent".into()), ..Config::new("audit", "x") }, "can't be read"),
        ] {
            let error = Connection::new(&config).err().expect("refused").to_string();
            assert!(error.contains(problem) && error.contains("  remedy  "), "{error}");
        }
        assert!(Connection::new(&file("sound", &certificate)).is_ok());
    }
}
