//! Settings of the archive leg.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Promotions, s3};

/// `archive:` in the configuration file: one place, a key of its own name, and what goes with both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Keys", into = "Keys")]
pub struct Config {
    /// Where the objects go.
    pub place: Place,
    /// Attributes that get a column of their own. A change takes effect with the next segment.
    pub promotions: Promotions,
}

/// Where the objects go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Directory(Directory),
    S3(Box<s3::Config>),
}

impl Default for Place {
    fn default() -> Self {
        Self::Directory(Directory::default())
    }
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

impl Config {
    /// The directory of the archive, where it lies in one.
    pub fn directory(&self, data_dir: &Path) -> Option<PathBuf> {
        match &self.place {
            Place::Directory(directory) => Some(directory.resolve(data_dir)),
            Place::S3(_) => None,
        }
    }
}

/// The section as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Keys {
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<Directory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s3: Option<Box<s3::Config>>,
    promotions: Promotions,
}

impl TryFrom<Keys> for Config {
    type Error = TwoPlaces;
    fn try_from(keys: Keys) -> Result<Self, TwoPlaces> {
        let place = match (keys.directory, keys.s3) {
            (Some(_), Some(_)) => return Err(TwoPlaces),
            (None, Some(s3)) => Place::S3(s3),
            (directory, None) => Place::Directory(directory.unwrap_or_default()),
        };
        Ok(Self { place, promotions: keys.promotions })
    }
}

impl From<Config> for Keys {
    fn from(config: Config) -> Self {
        let (directory, s3) = match config.place {
            Place::Directory(directory) => (Some(directory), None),
            Place::S3(s3) => (None, Some(s3)),
        };
        Self { directory, s3, promotions: config.promotions }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`directory` and `s3` both stand under `archive`: there is one archive, so leave one of them out")]
pub struct TwoPlaces;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_the_embedded_default() {
        let config: Config = serde_json::from_str("{}").expect("nothing is needed");
        assert_eq!(config, Config::default());
        let directory = |config: &Config| config.directory(Path::new("/data"));
        assert_eq!(directory(&config), Some("/data/archive".into()));
        let config: Config = serde_json::from_str(r#"{"directory":{"path":"/a"}}"#).expect("a path");
        assert_eq!(directory(&config), Some("/a".into()));
        assert!(serde_json::from_str::<Config>(r#"{"directory":{"paht":"/a"}}"#).is_err());
    }

    #[test]
    fn there_is_one_place() {
        let s3 = r#"{"bucket":"audit","region":"eu-central-1"}"#;
        let config: Config = serde_json::from_str(&format!(r#"{{"s3":{s3}}}"#)).expect("a bucket");
        assert_eq!(config.directory(Path::new("/data")), None);
        let again: Config =
            serde_json::from_str(&serde_json::to_string(&config).expect("plain data")).expect("read again");
        assert_eq!(again, config);
        let both = serde_json::from_str::<Config>(&format!(r#"{{"s3":{s3},"directory":{{"path":"/a"}}}}"#));
        assert!(both.expect_err("refused").to_string().contains("leave one of them out"));
    }
}
