//! The configuration file: read once, checked whole, every mistake named with its place and remedy.
//!
//! The settings of a part are a `Config` in that part's module; here they are put together, read, and shown. Values may hold
//! `${env:NAME}` and `${file:PATH}`; they are put in after the YAML is parsed, so no value can change the file's structure.

pub mod duration;
mod error;
mod limits;
mod substitute;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sealtrail_chain::ChainName;
use serde::{Deserialize, Serialize};

pub use duration::Duration;
pub use error::{ConfigError, nearest};

use crate::{archive, mask, receive, seal, stream, wal, yaml};

/// All settings of `sealtrail collect`. `Config::default()` is the embedded default: everything on loopback, below `./sealtrail-data`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Name of the chain that this collector seals: `[a-z][a-z0-9-]{0,62}`.
    #[serde(with = "chain_name")]
    pub chain: ChainName,
    /// Where the write-ahead log, the keys and, by default, both legs' directories lie. Relative to the working directory.
    pub data_dir: PathBuf,
    pub receivers: Receivers,
    pub memory_limiter: receive::MemoryLimiter,
    pub mask: mask::Config,
    pub seal: seal::Config,
    /// When a sender is answered.
    pub acknowledge: Acknowledge,
    /// With `acknowledge: stream`, how long an answer waits for the commit before its sender is told to try again. Shorter
    /// than senders wait: 5 s in the OpenTelemetry Collector, 10 s in the SDKs.
    pub acknowledge_timeout: Duration,
    pub wal: wal::Config,
    pub stream: stream::Config,
    pub archive: archive::Config,
    pub health_check: HealthCheck,
    pub telemetry: Telemetry,
    /// Directory of the configuration file, from which the names of rule files count.
    #[serde(skip)]
    pub base_dir: PathBuf,
}

/// The receivers, keyed as in the OpenTelemetry Collector.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Receivers {
    pub otlp: receive::Config,
}

/// What an acknowledgement says of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acknowledge {
    /// On stable storage of this machine: it survives every crash, not the loss of the disk.
    #[default]
    Wal,
    /// Committed in the stream as well: it survives the loss of the machine, and nothing is taken while the stream is away.
    Stream,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheck {
    /// `GET /` answers 200 only while records are accepted.
    pub endpoint: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    pub metrics: TelemetryMetrics,
    pub logs: TelemetryLogs,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryMetrics {
    /// `GET /metrics` for Prometheus.
    pub endpoint: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryLogs {
    pub level: LogLevel,
}

/// Level of the collector's own log; other libraries are capped at `warn`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl From<LogLevel> for tracing::level_filters::LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            chain: ChainName::from_str("local").expect("`local` is a chain's name"),
            data_dir: PathBuf::from("sealtrail-data"),
            receivers: Receivers::default(),
            memory_limiter: receive::MemoryLimiter::default(),
            mask: mask::Config::default(),
            seal: seal::Config::default(),
            acknowledge: Acknowledge::default(),
            acknowledge_timeout: Duration::from_secs(4),
            wal: wal::Config::default(),
            stream: stream::Config::default(),
            archive: archive::Config::default(),
            health_check: HealthCheck::default(),
            telemetry: Telemetry::default(),
            base_dir: PathBuf::new(),
        }
    }
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self { endpoint: "127.0.0.1:13133".into() }
    }
}

impl Default for TelemetryMetrics {
    fn default() -> Self {
        Self { endpoint: "127.0.0.1:8888".into() }
    }
}

impl Config {
    /// Reads a configuration file; an error names the key, its line and what to do.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let mut tree = yaml::parse(text).map_err(|error| ConfigError::of_yaml(&error, path))?;
        substitute::fill(&mut tree, path)?;
        let value = json(&tree.value);
        // A struct can be read from a list too, by position: nobody means that.
        if !value.is_object() {
            return Err(ConfigError::NoSettings { path: path.to_owned() });
        }
        let config: Self =
            serde_path_to_error::deserialize(&value).map_err(|error| ConfigError::of_key(&error, &tree, path))?;
        match limits::problem(&config) {
            Some(problem) => Err(ConfigError::of_problem(problem, &tree, path)),
            None => Ok(config),
        }
    }

    /// Directory of the write-ahead log.
    pub fn wal_dir(&self) -> PathBuf {
        self.data_dir.join("wal")
    }

    /// Directory of the signing keys.
    pub fn keys_dir(&self) -> PathBuf {
        self.seal.keys_dir.clone().unwrap_or_else(|| self.data_dir.join("keys"))
    }

    /// The configuration with its defaults, as YAML; secrets are left out by the parts that hold them.
    pub fn show(&self) -> String {
        serde_saphyr::to_string(self).expect("a configuration is plain data")
    }
}

/// The tree without its lines. An empty section (`wal:`) is left out: it means its defaults; so does an empty file.
fn json(value: &yaml::Value) -> serde_json::Value {
    match value {
        yaml::Value::Null => serde_json::Value::Object(serde_json::Map::new()),
        yaml::Value::Bool(bool) => (*bool).into(),
        yaml::Value::Int(int) => serde_json::Number::from_i128(*int).map_or((*int as f64).into(), Into::into),
        yaml::Value::Double(double) => (*double).into(),
        yaml::Value::Text(text) => text.as_str().into(),
        yaml::Value::List(items) => items.iter().map(|item| json(&item.value)).collect(),
        yaml::Value::Map(entries) => entries
            .iter()
            .filter(|entry| !matches!(entry.node.value, yaml::Value::Null))
            .map(|entry| (entry.key.clone(), json(&entry.node.value)))
            .collect(),
    }
}

mod chain_name {
    use super::{ChainName, FromStr};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(name: &ChainName, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ChainName, D::Error> {
        let text = String::deserialize(deserializer)?;
        ChainName::from_str(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
