//! The stream's part of the configuration: one target, a key of its own name.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where the stream goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Config {
    Directory(Directory),
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
        let Self::Directory(directory) = self;
        topic("stream.directory.topic", &directory.topic)?;
        topic("stream.directory.checkpoint_topic", &directory.checkpoint_topic)?;
        if directory.topic == directory.checkpoint_topic {
            return Err(Invalid::SameTopic { topic: directory.topic.clone() });
        }
        Ok(())
    }
}

impl Directory {
    /// The directory that holds the topics.
    pub fn path_in(&self, data_dir: &Path) -> PathBuf {
        self.path.clone().unwrap_or_else(|| data_dir.join("stream"))
    }
}

/// A value that can't be used, and what can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("`{key}` is `{topic}`: a topic is 1 to 249 letters, digits, `.`, `_` or `-`, and not `.` or `..`")]
    Topic { key: &'static str, topic: String },
    #[error("records and checkpoints both go to `{topic}`: name another `checkpoint_topic`")]
    SameTopic { topic: String },
}

/// Kafka's rule for topic names; here it also keeps the name within its directory.
fn topic(key: &'static str, topic: &str) -> Result<(), Invalid> {
    let sound = (1..=249).contains(&topic.len())
        && topic.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && topic != "."
        && topic != "..";
    if sound { Ok(()) } else { Err(Invalid::Topic { key, topic: topic.to_owned() }) }
}
