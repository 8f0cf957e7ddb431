//! Settings of the archive leg.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Promotions;

/// `archive:` in the configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the objects go.
    pub directory: Directory,
    /// Attributes that get a column of their own. A change takes effect with the next segment.
    pub promotions: Promotions,
}

/// A local directory that holds the very keys of the bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Directory {
    /// `archive` in the data directory when left out.
    pub path: Option<PathBuf>,
}

impl Directory {
    /// Where the archive lies, given the data directory.
    pub fn resolve(&self, data_dir: &Path) -> PathBuf {
        self.path.clone().unwrap_or_else(|| data_dir.join("archive"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_the_embedded_default() {
        let config: Config = serde_json::from_str("{}").expect("nothing is needed");
        assert_eq!(config, Config::default());
        assert_eq!(config.directory.resolve(Path::new("/data")), Path::new("/data/archive"));
        let config: Config = serde_json::from_str(r#"{"directory":{"path":"/a"}}"#).expect("a path");
        assert_eq!(config.directory.resolve(Path::new("/data")), Path::new("/a"));
        assert!(serde_json::from_str::<Config>(r#"{"directory":{"paht":"/a"}}"#).is_err());
    }
}
