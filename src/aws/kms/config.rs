//! Which key of KMS, and how it is reached. Credentials have no key here: they come from the standard AWS chain.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::aws::endpoint::{host, is_in_clear, is_region};
use crate::config::Duration;

/// Which key of KMS, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Id, ARN or alias (`alias/…`) of a symmetric key.
    pub kms_key_id: String,
    pub region: String,
    /// Absent: AWS's own of the region. Another one for a VPC endpoint or FIPS.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The only certificates that are trusted, in place of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    #[serde(default)]
    pub timeouts: Timeouts,
}

/// How long a call may take. A start waits for one call a key, and so does a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    pub connect: Duration,
    /// The whole call; finding credentials may take as long before it.
    pub call: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), call: Duration::from_secs(10) }
    }
}

/// A setting that can't work: its key, why, and what would.
pub type Problem = (&'static str, &'static str, &'static str);

impl Config {
    /// With all other settings at their defaults.
    pub fn new(kms_key_id: &str, region: &str) -> Self {
        Self {
            kms_key_id: kms_key_id.to_owned(),
            region: region.to_owned(),
            endpoint: None,
            ca_file: None,
            timeouts: Timeouts::default(),
        }
    }

    /// What the form of a value can't say.
    pub fn problem(&self) -> Option<Problem> {
        let arn_region = self.kms_key_id.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2));
        let endpoint = self.endpoint.as_deref();
        let cases = [
            (
                !is_key(&self.kms_key_id),
                (
                    "kms_key_id",
                    "this names no key of KMS",
                    "a key's id or ARN, or an alias such as `alias/sealtrail-masking`",
                ),
            ),
            (!is_region(&self.region), ("region", "this is no region's name", "such as `eu-central-1`")),
            (
                arn_region.is_some_and(|region| region != self.region),
                ("region", "the key's ARN names another region", "the region of the ARN in `kms_key_id`"),
            ),
            (
                endpoint.is_some_and(|endpoint| host(endpoint).is_none()),
                ("endpoint", "the endpoint is not a URL of a host alone", "`https://host` or `https://host:port`"),
            ),
            (
                endpoint.is_some_and(is_in_clear),
                (
                    "endpoint",
                    "the endpoint lies off this machine and has no TLS, and would answer with the plain key",
                    "write `https://`",
                ),
            ),
            (
                self.timeouts.connect < Duration::from_millis(1),
                ("timeouts.connect", "the time is zero", "write a time above zero, such as `5s`"),
            ),
            (
                self.timeouts.call < Duration::from_millis(1),
                ("timeouts.call", "the time is zero", "write a time above zero, such as `10s`"),
            ),
        ];
        cases.into_iter().find(|(wrong, _)| *wrong).map(|(_, problem)| problem)
    }

    /// Where the key is, for people.
    pub fn place(&self) -> String {
        let Self { kms_key_id, region, endpoint, .. } = self;
        let at = endpoint.as_ref().map_or_else(String::new, |endpoint| format!(" at {endpoint}"));
        format!("key `{kms_key_id}` of AWS KMS in {region}{at}")
    }
}

/// What AWS takes as an id, an alias or an ARN, which is more than there are.
fn is_key(name: &str) -> bool {
    let sound = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'/' | b'_' | b'-');
    (1..=2048).contains(&name.len()) && name.bytes().all(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Config {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[test]
    fn a_key_and_a_region_are_enough() {
        let config = read(r#"{"kms_key_id":"alias/masking","region":"eu-central-1"}"#);
        assert_eq!(config, Config::new("alias/masking", "eu-central-1"));
        assert_eq!(config.problem(), None);
        assert_eq!(config.place(), "key `alias/masking` of AWS KMS in eu-central-1");
    }

    /// A plain key must not cross a network in clear, whatever else is allowed: there is no `insecure` here.
    #[test]
    fn what_cannot_work_is_named() {
        for (json, key) in [
            (r#"{"kms_key_id":"","region":"x"}"#, Some("kms_key_id")),
            (r#"{"kms_key_id":"alias/ä","region":"x"}"#, Some("kms_key_id")),
            (r#"{"kms_key_id":"k","region":"EU"}"#, Some("region")),
            (r#"{"kms_key_id":"arn:aws:kms:eu-west-1:123456789012:key/k","region":"eu-central-1"}"#, Some("region")),
            (r#"{"kms_key_id":"arn:aws:kms:eu-west-1:123456789012:key/k","region":"eu-west-1"}"#, None),
            (r#"{"kms_key_id":"k","region":"x","endpoint":"kms.example"}"#, Some("endpoint")),
            (r#"{"kms_key_id":"k","region":"x","endpoint":"https://a:b@kms.example"}"#, Some("endpoint")),
            (r#"{"kms_key_id":"k","region":"x","endpoint":"http://kms.example"}"#, Some("endpoint")),
            (r#"{"kms_key_id":"k","region":"x","endpoint":"http://127.0.0.1:4000"}"#, None),
            (r#"{"kms_key_id":"k","region":"x","endpoint":"https://kms-fips.eu-west-1.amazonaws.com"}"#, None),
            (r#"{"kms_key_id":"k","region":"x","timeouts":{"call":"0s"}}"#, Some("timeouts.call")),
            (r#"{"kms_key_id":"k","region":"x","timeouts":{"connect":"0s"}}"#, Some("timeouts.connect")),
        ] {
            assert_eq!(read(json).problem().map(|problem| problem.0), key, "{json}");
        }
    }
}
