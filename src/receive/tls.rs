//! TLS of a listener (RFC 8446, RFC 5246): certificate, key and the authorities of client certificates, from PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;

use super::{Error, config};

/// Protocols offered in the handshake (RFC 7301), by preference.
pub(super) const ALPN_GRPC: &[&[u8]] = &[b"h2"];
pub(super) const ALPN_HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];

/// Reads the files and checks that they fit together.
pub(super) fn server_config(tls: &config::Tls, alpn: &[&[u8]]) -> Result<Arc<ServerConfig>, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let certificates = certificates("tls.cert_file", &tls.cert_file)?;
    let key = PrivateKeyDer::from_pem_slice(&read("tls.key_file", &tls.key_file)?).map_err(|_| Error::Pem {
        key: "tls.key_file",
        path: tls.key_file.clone(),
        problem: "holds no private key that can be read",
    })?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider's own cipher suites serve the default versions");
    let builder = match &tls.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let unusable = |problem| Error::Pem { key: "tls.client_ca_file", path: path.clone(), problem };
            let mut roots = RootCertStore::empty();
            for authority in self::certificates("tls.client_ca_file", path)? {
                roots.add(authority).map_err(|_| unusable("holds a certificate that can't be an authority"))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|_| unusable("holds no usable authority"))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(certificates, key).map_err(|_| Error::Pem {
        key: "tls.key_file",
        path: tls.key_file.clone(),
        problem: "is not the key of the first certificate in `tls.cert_file`, or of a kind that TLS can't use",
    })?;
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = read(key, path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::Pem { key, path: path.to_owned(), problem: "holds no certificate that can be read" }),
    }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::File { key, path: path.to_owned(), source })
}
