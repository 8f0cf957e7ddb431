//! TLS and client certificates, and their reload.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sealtrail_chain::content::Auth;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::Tls;
use super::stand_in::Running;
use super::{JSON, exchange};

struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    /// Certificate and key for `name`, as PEM.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

fn install(dir: &Path, (certificate, key): &(String, String)) {
    std::fs::write(dir.join("cert.pem"), certificate).unwrap();
    std::fs::write(dir.join("key.pem"), key).unwrap();
}

/// One request over TLS; `None` where the handshake, or what follows it, fails.
async fn send(
    server: &Running,
    authority: &Authority,
    own: Option<&(String, String)>,
    name: &'static str,
) -> Option<u16> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.1.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(server.http).await.unwrap();
    let connected = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name).unwrap(), stream).await;
    match exchange(connected.ok()?, JSON, b"{}").await {
        (0, _) => None,
        (status, _) => Some(status),
    }
}

#[tokio::test]
async fn a_sender_is_known_by_its_certificate_and_certificates_are_reloaded() {
    let dir = tempfile::tempdir().unwrap();
    let (authority, stranger) = (Authority::new(), Authority::new());
    install(dir.path(), &authority.issue("old.example"));
    std::fs::write(dir.path().join("ca.pem"), &authority.1).unwrap();
    let server = Running::start(|protocol| {
        protocol.tls = Some(Tls {
            cert_file: dir.path().join("cert.pem"),
            key_file: dir.path().join("key.pem"),
            client_ca_file: Some(dir.path().join("ca.pem")),
        });
    });
    let till = authority.issue("till-7.example");
    assert_eq!(send(&server, &authority, Some(&till), "old.example").await, Some(200));
    let (_, origin) = server.behind.taken.lock().unwrap().remove(0);
    assert_eq!((origin.auth, origin.subject.as_deref()), (Auth::Mtls, Some("till-7.example")));
    assert_eq!(send(&server, &authority, None, "old.example").await, None);
    assert_eq!(send(&server, &authority, Some(&stranger.issue("till-7.example")), "old.example").await, None);

    let new = authority.issue("new.example");
    install(dir.path(), &(new.0.clone(), till.1.clone()));
    let error = server.reloader.reload().unwrap_err().to_string();
    assert!(error.contains("key.pem (`tls.key_file`) is not the key of the first certificate"), "{error}");
    assert_eq!(send(&server, &authority, Some(&till), "old.example").await, Some(200), "the old ones stay in force");
    install(dir.path(), &new);
    server.reloader.reload().unwrap();
    assert_eq!(send(&server, &authority, Some(&till), "new.example").await, Some(200));
    assert_eq!(send(&server, &authority, Some(&till), "old.example").await, None);
    server.stopped().await;
}
