//! The stream's part of the configuration: one target, a key of its own name.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::kafka;

/// Where the stream goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Config {
    Directory(Directory),
    Kafka(Box<kafka::Settings>),
}

/// The local twin: messages as they would go to Kafka, in files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Directory {
    /// Absent: `stream` in the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Topic of the records.
    pub topic: String,
    /// Topic of the signed checkpoints.
    pub checkpoint_topic: String,
}

impl Default for Config {
    fn default() -> Self {
        Self::Directory(Directory::default())
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self { path: None, topic: "audit-logs".to_owned(), checkpoint_topic: "audit-checkpoints".to_owned() }
    }
}

impl Config {
    /// What YAML can't say by itself.
    pub fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Directory(directory) => topics(
                ("stream.directory.topic", &directory.topic),
                ("stream.directory.checkpoint_topic", &directory.checkpoint_topic),
            ),
            Self::Kafka(kafka) => kafka.check(),
        }
    }

    /// The local directory, where the stream goes to one.
    pub fn directory(&self, data_dir: &Path) -> Option<PathBuf> {
        match self {
            Self::Directory(directory) => Some(directory.path_in(data_dir)),
            Self::Kafka(_) => None,
        }
    }

    /// Partition of the records that a genesis note is to fix.
    pub fn partition(&self) -> u32 {
        match self {
            Self::Directory(_) => 0,
            Self::Kafka(kafka) => kafka.partition,
        }
    }

    /// Whether records may leave this machine in plain text.
    pub fn is_insecure(&self) -> bool {
        matches!(self, Self::Kafka(kafka) if kafka.insecure && kafka.tls.is_none())
    }

    /// In one line, without secrets.
    pub fn describe(&self, data_dir: &Path) -> String {
        match self {
            Self::Directory(directory) => format!("directory {}", directory.path_in(data_dir).display()),
            Self::Kafka(kafka) => kafka.describe(),
        }
    }
}

impl Directory {
    /// The directory that holds the topics.
    pub fn path_in(&self, data_dir: &Path) -> PathBuf {
        self.path.clone().unwrap_or_else(|| data_dir.join("stream"))
    }
}

/// A value that can't be used, and what can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {what}\n  remedy  {remedy}")]
pub struct Invalid {
    pub key: &'static str,
    pub what: &'static str,
    pub remedy: &'static str,
}

/// Both topics, each with the key that names it.
pub(super) fn topics(records: (&'static str, &str), checkpoints: (&'static str, &str)) -> Result<(), Invalid> {
    for (key, name) in [records, checkpoints] {
        if !is_topic(name) {
            return Err(Invalid {
                key,
                what: "the name can't be that of a topic",
                remedy: "1 to 249 letters, digits, `.`, `_` or `-`, and not `.` or `..`",
            });
        }
    }
    if records.1 == checkpoints.1 {
        return Err(Invalid {
            key: checkpoints.0,
            what: "records and checkpoints both go to the same topic",
            remedy: "give checkpoints a topic of their own, such as `audit-checkpoints`",
        });
    }
    Ok(())
}

/// Kafka's rule for topic names; in the local twin it also keeps the name within its directory.
fn is_topic(name: &str) -> bool {
    (1..=249).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && name != "."
        && name != ".."
}
