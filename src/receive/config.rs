//! Keys under `receivers.otlp` and `memory_limiter`, with the embedded default: both protocols on loopback, no TLS.

use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::Duration;

/// Where OTLP over gRPC listens unless the configuration says otherwise (the port is IANA's).
const GRPC_ENDPOINT: &str = "127.0.0.1:4317";
/// Where OTLP over HTTP listens unless the configuration says otherwise.
const HTTP_ENDPOINT: &str = "127.0.0.1:4318";

/// `receivers.otlp`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The protocols to listen with; one that a file leaves out is off, as in the OpenTelemetry Collector.
    pub protocols: Protocols,
}

/// `receivers.otlp.protocols`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocols {
    /// OTLP/gRPC; a key without a value means its defaults.
    #[serde(default, deserialize_with = "grpc")]
    pub grpc: Option<Protocol>,
    /// OTLP/HTTP; a key without a value means its defaults.
    #[serde(default, deserialize_with = "http")]
    pub http: Option<Protocol>,
}

impl Default for Protocols {
    fn default() -> Self {
        Self { grpc: Some(Protocol::at(GRPC_ENDPOINT)), http: Some(Protocol::at(HTTP_ENDPOINT)) }
    }
}

/// One listener: where it is, who may use it, and what a sender may cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protocol {
    /// `host:port`; port 0 takes a free one.
    pub endpoint: String,
    /// TLS 1.2 or 1.3; absent: plain text.
    pub tls: Option<Tls>,
    /// Bearer tokens; absent: none are asked for.
    pub auth: Option<Auth>,
    /// Lets a listener off loopback go without TLS or without knowing its senders.
    pub insecure: bool,
    /// Largest request in MiB (1024 * 1024 bytes), as sent and once decompressed.
    #[serde(deserialize_with = "positive")]
    pub max_recv_msg_size_mib: u32,
    /// Open connections at most; one more is closed at once.
    #[serde(deserialize_with = "positive")]
    pub max_connections: u32,
    /// Requests that one connection may have open at the same time (HTTP/2).
    #[serde(deserialize_with = "positive")]
    pub max_concurrent_streams: u32,
    /// Time for the TLS handshake, and for the headers of a request (HTTP/1.1).
    #[serde(deserialize_with = "time")]
    pub handshake_timeout: Duration,
    /// Time for the whole body of a request; one that is slower is refused.
    #[serde(deserialize_with = "time")]
    pub body_timeout: Duration,
    /// A connection without a request for so long is closed.
    #[serde(deserialize_with = "time")]
    pub idle_timeout: Duration,
    /// Interval of HTTP/2 pings that find dead peers.
    #[serde(deserialize_with = "time")]
    pub keepalive_interval: Duration,
    /// Time for the answer to such a ping.
    #[serde(deserialize_with = "time")]
    pub keepalive_timeout: Duration,
}

impl Protocol {
    /// The defaults, listening at `endpoint`.
    pub fn at(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), ..Self::default() }
    }

    pub(super) fn asks_for_certificates(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.client_ca_file.is_some())
    }

    /// How senders are kept out and known, for a person.
    pub(super) fn protection(&self) -> String {
        let transport = if self.tls.is_some() { "TLS" } else { "plain text" };
        let senders = match (self.asks_for_certificates(), self.auth.is_some()) {
            (true, true) => "client certificate and token",
            (true, false) => "client certificate",
            (false, true) => "token",
            (false, false) => "any sender",
        };
        format!("{transport}, {senders}{}", if self.insecure { ", insecure" } else { "" })
    }

    /// `max_recv_msg_size_mib` in bytes.
    pub(super) fn max_message(&self) -> usize {
        (self.max_recv_msg_size_mib as usize).saturating_mul(MIB)
    }
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            tls: None,
            auth: None,
            insecure: false,
            max_recv_msg_size_mib: 16,
            max_connections: 1024,
            max_concurrent_streams: 128,
            handshake_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(600),
            keepalive_interval: Duration::from_secs(60),
            keepalive_timeout: Duration::from_secs(20),
        }
    }
}

/// `tls` of a listener; all files are PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate chain, the listener's own certificate first.
    pub cert_file: PathBuf,
    /// The private key (PKCS#8, PKCS#1 or SEC1).
    pub key_file: PathBuf,
    /// The authorities of client certificates; when set, every sender must show one.
    #[serde(default)]
    pub client_ca_file: Option<PathBuf>,
}

/// `auth` of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// One `name token` a line, `#` comments.
    pub tokens_file: PathBuf,
}

/// `memory_limiter`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryLimiter {
    /// Bytes of requests in hand at most, in MiB; over it new requests are refused, to be tried again.
    #[serde(deserialize_with = "positive")]
    pub limit_mib: u32,
}

impl MemoryLimiter {
    pub(super) fn bytes(&self) -> usize {
        (self.limit_mib as usize).saturating_mul(MIB)
    }
}

impl Default for MemoryLimiter {
    fn default() -> Self {
        Self { limit_mib: 512 }
    }
}

const MIB: usize = 1024 * 1024;

fn grpc<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Protocol>, D::Error> {
    protocol(deserializer, GRPC_ENDPOINT)
}

fn http<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Protocol>, D::Error> {
    protocol(deserializer, HTTP_ENDPOINT)
}

fn protocol<'de, D: Deserializer<'de>>(deserializer: D, endpoint: &str) -> Result<Option<Protocol>, D::Error> {
    let mut protocol = Option::<Protocol>::deserialize(deserializer)?.unwrap_or_default();
    if protocol.endpoint.is_empty() {
        endpoint.clone_into(&mut protocol.endpoint);
    }
    Ok(Some(protocol))
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    std::num::NonZeroU32::deserialize(deserializer).map(std::num::NonZeroU32::get)
}

/// A time to wait for others: none at all would refuse everyone, and more than a day is no bound.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let time = Duration::deserialize(deserializer)?;
    let sensible = Duration::from_millis(1)..=Duration::from_secs(86_400);
    if sensible.contains(&time) { Ok(time) } else { Err(D::Error::custom("must be between 1ms and 1d")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_that_is_left_out_is_off_and_one_without_a_value_has_the_defaults() {
        let config: Config = serde_json::from_str(r#"{"protocols": {"http": null}}"#).unwrap();
        assert_eq!(config.protocols, Protocols { grpc: None, http: Some(Protocol::at("127.0.0.1:4318")) });
        assert_eq!(serde_json::from_str::<Config>("{}").unwrap(), Config::default());
    }

    #[test]
    fn times_are_read_as_written_and_unknown_keys_are_refused() {
        let http = r#"{"protocols": {"http": {"endpoint": "[::1]:0", "body_timeout": "2m"}}}"#;
        let config: Config = serde_json::from_str(http).unwrap();
        assert_eq!(config.protocols.http.as_ref().unwrap().body_timeout, Duration::from_secs(120));
        let again: Config = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
        assert_eq!(again.protocols.http, config.protocols.http);
        for wrong in ["", "s", "0s", "5", "5 m", "-1s", "99999999999s", "1é"] {
            assert!(serde_json::from_value::<Protocol>(serde_json::json!({"body_timeout": wrong})).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Protocol>(r#"{"endpiont": ""}"#).is_err());
        assert!(serde_json::from_str::<Protocol>(r#"{"max_connections": 0}"#).is_err());
    }
}
