//! `wal:` of the configuration.

use serde::{Deserialize, Serialize};

use crate::config::Duration;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Most that is held for the legs, in MiB; beyond it new records are refused.
    pub max_size_mib: u64,
    pub segment: Segment,
}

/// When a file is closed, and so becomes one object of the archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Segment {
    /// Size of a file, in MiB.
    pub max_mib: u64,
    /// Age of a file's first record.
    pub max_age: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_size_mib: 20480, segment: Segment::default() }
    }
}

impl Default for Segment {
    fn default() -> Self {
        Self { max_mib: 512, max_age: Duration::from_secs(15 * 60) }
    }
}
