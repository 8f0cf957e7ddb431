//! How services of AWS, and servers that speak as they do, are reached: who is believed over TLS, whose credentials sign, which
//! endpoint will do, and why a call got no answer.
//!
//! Credentials come from the standard AWS chain and nothing else of the environment has a say: no endpoint, retry or checksum
//! setting of it. The SDK retries nothing: whoever calls knows whether to call again, so that one place waits and one counts.
//!
//! It knows no service but `kms`; what an answer means is for who asked.

pub mod endpoint;
pub mod kms;
mod unanswered;

use std::path::{Path, PathBuf};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_sdk_kms::config::{Region, SharedHttpClient};
use aws_smithy_http_client::tls;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

pub use unanswered::{Unanswered, unanswered};

/// Why a file of certificates can't be used.
#[derive(Debug, thiserror::Error)]
#[error("can't use the certificates in {}: {problem}", path.display())]
pub struct CaFile {
    pub path: PathBuf,
    pub problem: &'static str,
}

/// What to do about a [`CaFile`].
pub const CA_FILE_REMEDY: &str = "name a file that this user can read, with one or more certificates in PEM";

/// A client for one service. It reaches out to nobody, and reads the file of authorities, where there is one: they are then the
/// only ones that are believed, else the system's are, unless the endpoint has no TLS.
pub fn http_client(endpoint: Option<&str>, ca_file: Option<&Path>) -> Result<SharedHttpClient, CaFile> {
    let clear = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    Ok(with_trust(match ca_file {
        Some(path) => tls::TrustStore::empty().with_pem_certificate(authorities(path)?),
        None => tls::TrustStore::empty().with_native_roots(!clear),
    }))
}

/// A client for the services that hand out credentials: the authority of a server of one's own is none of theirs.
pub fn credentials_client() -> SharedHttpClient {
    with_trust(tls::TrustStore::default())
}

/// The standard chain: environment, profile file, web identity, container or instance role.
pub async fn credentials(client: &SharedHttpClient, region: &str) -> DefaultCredentialsChain {
    DefaultCredentialsChain::builder()
        .configure(ProviderConfig::default().with_http_client(client.clone()))
        .region(Region::new(region.to_owned()))
        .build()
        .await
}

fn with_trust(trust: tls::TrustStore) -> SharedHttpClient {
    let context = tls::TlsContext::builder().with_trust_store(trust).build();
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .tls_context(context.expect("a trust store alone is a TLS context"))
        .build_https()
}

/// The certificates of a file, checked: the SDK would panic on others.
fn authorities(path: &Path) -> Result<Vec<u8>, CaFile> {
    let unusable = |problem| CaFile { path: path.to_owned(), problem };
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
            path
        };
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made").cert.pem();
        for (path, problem) in [
            (file("empty", ""), "no certificate"),
            (file("text", "not a certificate"), "no certificate"),
            (file("cut", &certificate[..certificate.len() / 2]), "not PEM"),
            (file("noise", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "can't be an authority"),
            ("/absent".into(), "can't be read"),
        ] {
            let error = http_client(None, Some(&path)).expect_err("refused").to_string();
            assert!(error.contains(problem) && error.contains(&path.display().to_string()), "{error}");
        }
        assert!(http_client(None, Some(&file("sound", &certificate))).is_ok());
    }
}
