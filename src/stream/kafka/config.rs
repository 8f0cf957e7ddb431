//! Keys under `stream.kafka`, named as the OpenTelemetry Collector's Kafka exporter names them where it has the concept, and
//! what they mean to the client.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use super::super::config::{Invalid, topics};
use crate::config::Duration;

/// `stream.kafka`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `host:port` of brokers to begin with; the others are learnt from them.
    pub brokers: Vec<String>,
    /// Topic of the records.
    pub topic: String,
    /// Topic of the signed checkpoints.
    pub checkpoint_topic: String,
    /// Partition of the records. Read when a chain begins: its genesis note fixes it.
    pub partition: u32,
    /// How the client names itself to the brokers.
    pub client_id: String,
    pub compression: Compression,
    /// Absent: plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Absent: no name is given, but for a client certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl: Option<Sasl>,
    /// Lets records go in plain text to brokers off loopback.
    pub insecure: bool,
    /// Fewest copies of each topic; fewer refuse the start. Absent: fewer than 3 are a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_replication: Option<u16>,
    /// Fewest copies that must be written before Kafka confirms; fewer refuse the start. Absent: fewer than 2 are a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_min_insync_replicas: Option<u16>,
    /// Shortest time that the records' topic keeps them; a shorter one refuses the start. Absent: less than a day is a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_retention: Option<Duration>,
    /// Makes topics that are missing, with the copies that are asked for above.
    pub create_topics: bool,
    /// After so long without word from us Kafka gives up a transaction. Until then readers of a collector that has died
    /// wait; a collector that was frozen for longer must take its chain over again.
    pub transaction_timeout: Duration,
}

/// `stream.kafka.tls`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Certificates to trust; absent: the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Our certificate and its key, both or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

/// `stream.kafka.sasl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sasl {
    #[serde(default)]
    pub mechanism: Mechanism,
    pub username: String,
    pub password: Secret,
}

/// How a password proves itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mechanism {
    #[default]
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// The password goes over the wire: with TLS alone.
    #[serde(rename = "PLAIN")]
    Plain,
}

/// Of a message's batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    None,
    #[default]
    Snappy,
    Gzip,
    Lz4,
    Zstd,
}

/// A password: shown as asterisks, wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Default for Settings {
    fn default() -> Self {
        Self {
            brokers: Vec::new(),
            topic: "audit-logs".to_owned(),
            checkpoint_topic: "audit-checkpoints".to_owned(),
            partition: 0,
            client_id: "sealtrail".to_owned(),
            compression: Compression::default(),
            tls: None,
            sasl: None,
            insecure: false,
            require_replication: None,
            require_min_insync_replicas: None,
            require_retention: None,
            create_topics: false,
            transaction_timeout: Duration::from_secs(60),
        }
    }
}

impl Settings {
    /// What YAML can't say by itself.
    pub fn check(&self) -> Result<(), Invalid> {
        let wrong = |key, what, remedy| Err(Invalid { key, what, remedy });
        if self.brokers.is_empty() {
            return wrong(
                "stream.kafka.brokers",
                "no broker is named",
                "list some, as in `[kafka-1:9093, kafka-2:9093]`",
            );
        }
        if !self.brokers.iter().all(|broker| is_endpoint(broker)) {
            return wrong("stream.kafka.brokers", "a broker is not `host:port`", "such as `kafka-1.example.com:9093`");
        }
        topics(("stream.kafka.topic", &self.topic), ("stream.kafka.checkpoint_topic", &self.checkpoint_topic))?;
        if i32::try_from(self.partition).is_err() {
            return wrong("stream.kafka.partition", "no topic has such a partition", "0 is the first");
        }
        if let Some(tls) = &self.tls
            && tls.cert_file.is_some() != tls.key_file.is_some()
        {
            return wrong("stream.kafka.tls", "`cert_file` and `key_file` go together", "name both, or none");
        }
        if self.tls.is_none() && self.sasl.as_ref().is_some_and(|sasl| sasl.mechanism == Mechanism::Plain) {
            return wrong(
                "stream.kafka.sasl.mechanism",
                "PLAIN would send the password in plain text",
                "add `tls`, or use SCRAM-SHA-512",
            );
        }
        if self.tls.is_none() && !self.insecure && !self.brokers.iter().all(|broker| is_loopback(broker)) {
            return wrong(
                "stream.kafka.brokers",
                "records would go off this machine in plain text",
                "add `tls`; or, where the network is safe, `insecure: true`",
            );
        }
        // Kafka's own limit is 15 minutes, its client's shortest is 1 s.
        if !(Duration::from_secs(10)..=Duration::from_secs(900)).contains(&self.transaction_timeout) {
            return wrong(
                "stream.kafka.transaction_timeout",
                "the time is out of range",
                "10s to 15m; 60s is the default",
            );
        }
        Ok(())
    }

    /// In one line, without secrets.
    pub fn describe(&self) -> String {
        let security = match (&self.tls, &self.sasl) {
            (Some(_), Some(_)) => "TLS and a password",
            (Some(tls), None) if tls.cert_file.is_some() => "TLS and a client certificate",
            (Some(_), None) => "TLS",
            (None, Some(_)) => "a password, in plain text",
            (None, None) => "plain text",
        };
        format!(
            "kafka {}, topics {} (partition {}) and {}, with {security}",
            self.brokers.join(","),
            self.topic,
            self.partition,
            self.checkpoint_topic
        )
    }

    /// What all clients have in common.
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set_log_level(RDKafkaLogLevel::Warning)
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", &self.client_id)
            // A broker that has stopped answering is given up after this, not after a minute.
            .set("socket.timeout.ms", "10000")
            .set("socket.keepalive.enable", "true")
            // Brokers that come back are found within two seconds, not ten.
            .set("reconnect.backoff.max.ms", "2000");
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(tls) = &self.tls {
            let path = |path: &PathBuf| path.display().to_string();
            config.set("ssl.endpoint.identification.algorithm", "https");
            // `probe`: the OpenSSL that we bring knows no system's directory of certificates.
            config.set("ssl.ca.location", tls.ca_file.as_ref().map_or("probe".to_owned(), path));
            if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
                config.set("ssl.certificate.location", path(cert)).set("ssl.key.location", path(key));
            }
        }
        if let Some(sasl) = &self.sasl {
            config
                .set("sasl.mechanism", sasl.mechanism.name())
                .set("sasl.username", &sasl.username)
                .set("sasl.password", sasl.password.reveal());
        }
        config
    }

    /// The one writer of a chain: all or nothing, in order, fenced by its name.
    pub(super) fn producer(&self, chain: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("transactional.id", chain)
            .set("transaction.timeout.ms", self.transaction_timeout.get().as_millis().to_string())
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("compression.type", self.compression.name())
            .set("request.timeout.ms", "10000")
            // A batch is gathered before it comes here: nothing is gained by waiting for more.
            .set("linger.ms", "1")
            .set("queue.buffering.max.kbytes", "65536");
        config
    }

    /// A reader of what is committed, which says where a partition ends. `buffer_kib`: what it may read ahead.
    pub(super) fn consumer(&self, buffer_kib: u32) -> ClientConfig {
        let mut config = self.client();
        config
            // Partitions are assigned by hand and no offset is ever stored; the client asks for a name all the same.
            .set("group.id", format!("{}-reader", self.client_id))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("allow.auto.create.topics", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("check.crcs", "true")
            .set("fetch.wait.max.ms", "50")
            .set("fetch.queue.backoff.ms", "20")
            .set("queued.max.messages.kbytes", buffer_kib.to_string());
        config
    }

    /// For questions about the brokers' settings, and for making topics.
    pub(super) fn admin(&self) -> ClientConfig {
        self.client()
    }

    /// For questions about topics. A consumer: asking as a producer may make what is asked for.
    pub(super) fn asking(&self) -> ClientConfig {
        let mut config = self.client();
        config.set("allow.auto.create.topics", "false");
        config
    }
}

impl Mechanism {
    fn name(self) -> &'static str {
        match self {
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::Plain => "PLAIN",
        }
    }
}

impl Compression {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Snappy => "snappy",
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl Secret {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, best as `${env:NAME}` or `${file:PATH}`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
                if text.is_empty() { Err(E::custom("the secret is empty")) } else { Ok(Secret::new(text.to_owned())) }
            }
            // A password of digits is a number to YAML.
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Secret, E> {
                Ok(Secret::new(number.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

fn is_endpoint(broker: &str) -> bool {
    let Some((host, port)) = broker.rsplit_once(':') else { return false };
    !host.is_empty() && !host.contains([',', ' ', '/']) && port.parse::<u16>().is_ok_and(|port| port != 0)
}

fn is_loopback(broker: &str) -> bool {
    let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host);
    let address = broker.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| host.parse::<IpAddr>());
    host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(change: impl FnOnce(&mut Settings)) -> Result<(), &'static str> {
        let mut settings = Settings { brokers: vec!["127.0.0.1:9092".to_owned()], ..Settings::default() };
        change(&mut settings);
        settings.check().map_err(|invalid| invalid.key)
    }

    fn sasl(mechanism: Mechanism) -> Option<Sasl> {
        Some(Sasl { mechanism, username: "audit".to_owned(), password: Secret::new("s3cret".to_owned()) })
    }

    #[test]
    fn what_cannot_work_or_would_leak_is_refused_by_key() {
        let off = || vec!["kafka-1.example.com:9093".to_owned()];
        assert_eq!(settings(|_| {}), Ok(()));
        assert_eq!(settings(|s| s.brokers.clear()), Err("stream.kafka.brokers"));
        for broker in ["kafka", "kafka:", ":9092", "kafka:0", "kafka:99999", "a:1,b:2"] {
            assert_eq!(settings(|s| s.brokers.push(broker.into())), Err("stream.kafka.brokers"), "{broker}");
        }
        assert_eq!(settings(|s| s.brokers = off()), Err("stream.kafka.brokers"), "plain text off loopback");
        assert_eq!(settings(|s| (s.brokers, s.insecure) = (off(), true)), Ok(()));
        assert_eq!(settings(|s| (s.brokers, s.tls) = (off(), Some(Tls::default()))), Ok(()));
        for local in ["localhost:9092", "[::1]:9092", "127.1.2.3:9092"] {
            assert_eq!(settings(|s| s.brokers = vec![local.into()]), Ok(()), "{local}");
        }
        let plain = |s: &mut Settings| (s.sasl, s.insecure) = (sasl(Mechanism::Plain), true);
        assert_eq!(settings(plain), Err("stream.kafka.sasl.mechanism"), "even where plain text is allowed");
        assert_eq!(settings(|s| s.sasl = sasl(Mechanism::ScramSha512)), Ok(()));
        let half = Tls { cert_file: Some("c.pem".into()), ..Tls::default() };
        assert_eq!(settings(|s| s.tls = Some(half)), Err("stream.kafka.tls"));
        assert_eq!(settings(|s| s.checkpoint_topic = s.topic.clone()), Err("stream.kafka.checkpoint_topic"));
        assert_eq!(settings(|s| s.topic = "a/b".into()), Err("stream.kafka.topic"));
        assert_eq!(settings(|s| s.partition = u32::MAX), Err("stream.kafka.partition"));
        let never = Duration::from_secs(3600);
        assert_eq!(settings(|s| s.transaction_timeout = never), Err("stream.kafka.transaction_timeout"));
    }

    #[test]
    fn a_password_is_never_shown() {
        let settings = Settings { sasl: sasl(Mechanism::ScramSha512), ..Settings::default() };
        let shown = serde_json::to_string(&settings).unwrap();
        assert!(shown.contains("\"password\":\"***\""), "{shown}");
        for text in [shown, format!("{settings:?}"), format!("{:?}", settings.producer("local"))] {
            assert!(!text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn a_password_of_digits_is_a_password() {
        let read = |json| serde_json::from_str::<Secret>(json).map(|secret| secret.reveal().to_owned());
        assert_eq!(read("\"a b\"").unwrap(), "a b");
        assert_eq!(read("12345").unwrap(), "12345");
        assert!(read("\"\"").is_err() && read("1.5").is_err() && read("true").is_err());
    }
}
