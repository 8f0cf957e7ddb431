//! Asks a server that is not ours, witness or time stamping authority, one question over HTTP: one request, one short answer,
//! in a limited time.
//!
//! It retries nothing and judges nothing but the transport: whoever asks knows what a status means and when to ask again. A
//! redirect is an answer like any other, for the configuration names who is asked. Over TLS the machine's authorities are believed
//! (`SSL_CERT_FILE` names others).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Connections;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};

/// How long a question may take, with its connection.
const PATIENCE: Duration = Duration::from_secs(15);

/// Keeps its connection for the next question.
#[derive(Clone)]
pub struct Client {
    connections: Connections<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the machine's certificates of authorities can't be read: {source}")]
    Machine { source: std::io::Error },
    #[error("{host} can't be reached: {source}")]
    Away { host: String, source: hyper_util::client::legacy::Error },
    #[error("{host} did not answer within {} s", PATIENCE.as_secs())]
    Late { host: String },
    #[error("the answer of {host} is longer than {limit} bytes, or broke off")]
    Body { host: String, limit: usize },
}

impl Client {
    /// Reaches out to nobody. `tls`: whether any URL will be `https`, for which the machine must have authorities.
    pub fn new(tls: bool) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder =
            builder.with_safe_default_protocol_versions().expect("the provider has what TLS 1.2 and 1.3 take");
        let config = match tls {
            true => builder.with_native_roots().map_err(|source| Error::Machine { source })?,
            false => builder.with_root_certificates(RootCertStore::empty()),
        };
        let connector = HttpsConnectorBuilder::new().with_tls_config(config.with_no_client_auth());
        let connector = connector.https_or_http().enable_http1().build();
        Ok(Self { connections: Connections::builder(TokioExecutor::new()).build(connector) })
    }

    /// Sends `body` as `kind`; takes an answer of at most `limit` bytes.
    pub async fn post(&self, url: &Uri, kind: &str, body: impl Into<Bytes>, limit: usize) -> Result<Answer, Error> {
        let request = Request::post(url).header(http::header::CONTENT_TYPE, kind);
        let request = request.header(http::header::USER_AGENT, AGENT).body(Full::new(body.into()));
        self.ask(url, request.expect("a URL and two sound headers"), limit).await
    }

    /// Fetches what lies there; takes an answer of at most `limit` bytes.
    pub async fn get(&self, url: &Uri, limit: usize) -> Result<Answer, Error> {
        let request = Request::get(url).header(http::header::USER_AGENT, AGENT).body(Full::new(Bytes::new()));
        self.ask(url, request.expect("a URL and a sound header"), limit).await
    }

    async fn ask(&self, url: &Uri, request: Request<Full<Bytes>>, limit: usize) -> Result<Answer, Error> {
        let host = || url.authority().map_or_else(String::new, ToString::to_string);
        let answer = async {
            let response = self.connections.request(request).await;
            let response = response.map_err(|source| Error::Away { host: host(), source })?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), limit).collect().await;
            let body = body.map_err(|_| Error::Body { host: host(), limit })?.to_bytes();
            Ok(Answer { status, body: body.into() })
        };
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(Error::Late { host: host() }))
    }
}

const AGENT: &str = concat!("sealtrail/", env!("CARGO_PKG_VERSION"));

/// Whether a secret or a lie on the way is of no matter: over TLS, or within this machine.
pub fn is_guarded(url: &Uri) -> bool {
    match (url.scheme_str(), url.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => {
            let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_guarded() {
        for (url, guarded) in [
            ("https://witness.example/w1", true),
            ("http://127.0.0.1:7380/", true),
            ("http://[::1]:7380", true),
            ("http://localhost:7380", true),
            ("http://witness.example/", false),
            ("http://192.0.2.7/", false),
            ("/add-checkpoint", false),
            ("ftp://localhost/", false),
        ] {
            assert_eq!(is_guarded(&url.parse().expect("a URI")), guarded, "{url}");
        }
    }
}
