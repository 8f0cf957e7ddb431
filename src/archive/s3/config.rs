//! `archive.s3`: which bucket, how it is reached, and what it must do for every object.
//!
//! Credentials have no key here: they come from the standard AWS chain (environment, profile file, web identity, container or
//! instance role), so that no configuration file holds a secret.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::lock::{Mode, ObjectLock};
use crate::aws::endpoint::{host, is_in_clear, is_region};
use crate::config::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub bucket: String,
    pub region: String,
    /// Before every key, with its `/`; for a bucket that holds other things too.
    #[serde(default)]
    pub prefix: String,
    /// Absent: AWS's own of the region.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The bucket in the path and not in the host's name. Absent: with an endpoint of one's own.
    #[serde(default)]
    pub path_style: Option<bool>,
    /// The only certificates that are trusted, in place of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Lets an endpoint off loopback be spoken to without TLS. Sealed in `started`.
    #[serde(default)]
    pub insecure: bool,
    #[serde(default)]
    pub object_lock: ObjectLock,
    #[serde(default)]
    pub encryption: Encryption,
    /// Of the segments; what proves them is always in the standard class.
    #[serde(default)]
    pub storage_class: StorageClass,
    /// What a test bucket may lack. Said at every start, and sealed.
    #[serde(default)]
    pub allow: Vec<Allowed>,
    /// An object above this goes up in parts of this size.
    #[serde(default = "part_mib")]
    pub part_mib: u64,
    #[serde(default)]
    pub timeouts: Timeouts,
}

fn part_mib() -> u64 {
    64
}

/// How the server encrypts what it keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// With keys of its own.
    #[default]
    SseS3,
    /// With this key of its key management.
    KmsKeyId(String),
    /// Not by S3: for a server whose disks are encrypted. Said at every start, and sealed.
    None,
}

/// Classes whose objects can be read at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StorageClass {
    #[default]
    Standard,
    StandardIa,
    OnezoneIa,
    IntelligentTiering,
    GlacierIr,
}

/// What a bucket may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowed {
    NoVersioning,
    PublicAccess,
}

/// How long a call may take. There is no call without a limit: a server that hangs takes a connection and never answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    pub connect: Duration,
    /// A call that carries no object.
    pub call: Duration,
    /// The upload, or download, of one part.
    pub transfer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), call: Duration::from_secs(20), transfer: Duration::from_secs(300) }
    }
}

/// A setting that can't work: its key behind `archive.s3.`, why, and what would.
pub type Problem = (&'static str, &'static str, &'static str);

impl Config {
    /// With all other settings at their defaults.
    pub fn new(bucket: &str, region: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            region: region.to_owned(),
            prefix: String::new(),
            endpoint: None,
            path_style: None,
            ca_file: None,
            insecure: false,
            object_lock: ObjectLock::default(),
            encryption: Encryption::default(),
            storage_class: StorageClass::default(),
            allow: Vec::new(),
            part_mib: part_mib(),
            timeouts: Timeouts::default(),
        }
    }

    /// What the form of a value can't say.
    pub fn problem(&self) -> Option<Problem> {
        let lock = &self.object_lock;
        let cases = [
            (
                !is_bucket(&self.bucket),
                ("bucket", "this is no bucket's name", "3 to 63 lower-case letters, digits, `-` and `.`"),
            ),
            (!is_region(&self.region), ("region", "this is no region's name", "such as `eu-central-1`")),
            (
                !is_prefix(&self.prefix),
                (
                    "prefix",
                    "the prefix can't stand before a key",
                    "letters, digits, `-`, `_`, `=`, `.` and `/`, such as `audit/`; neither a `/` in front nor two in a row",
                ),
            ),
            (
                self.endpoint.as_deref().is_some_and(|endpoint| host(endpoint).is_none()),
                ("endpoint", "the endpoint is not a URL of a host alone", "`https://host` or `https://host:port`"),
            ),
            (
                !self.insecure && self.is_in_clear(),
                (
                    "endpoint",
                    "the endpoint lies off this machine and has no TLS",
                    "write `https://`; or `insecure: true` beside it, which is sealed",
                ),
            ),
            (
                lock.mode != Mode::None && lock.retention_days == 0,
                ("object_lock.retention_days", "the term is zero", "2557 days are seven years"),
            ),
            (
                lock.retention_days > MOST_DAYS,
                ("object_lock.retention_days", "the term is longer than S3 takes", "36500 days at most"),
            ),
            (
                lock.first_days > lock.retention_days,
                (
                    "object_lock.first_days",
                    "the first term is longer than the full one",
                    "fewer days than `retention_days`; 0 asks for the full term at once",
                ),
            ),
            (
                self.encryption == Encryption::KmsKeyId(String::new()),
                ("encryption.kms_key_id", "the key has no name", "a key's id, alias or ARN"),
            ),
            (
                !(5..=1024).contains(&self.part_mib),
                ("part_mib", "a part's size is out of range", "5 to 1024; 64 is the default"),
            ),
        ];
        let problem = cases.into_iter().find(|(wrong, _)| *wrong).map(|(_, problem)| problem);
        let times = [
            ("timeouts.connect", self.timeouts.connect),
            ("timeouts.call", self.timeouts.call),
            ("timeouts.transfer", self.timeouts.transfer),
        ];
        let zero = times.into_iter().find(|(_, time)| *time < Duration::from_millis(1));
        problem.or(zero.map(|(key, _)| (key, "the time is zero", "write a time above zero, such as `20s`")))
    }

    /// The prefix with its `/`, or nothing.
    pub(super) fn prefix(&self) -> String {
        let prefix = self.prefix.trim_end_matches('/');
        if prefix.is_empty() { String::new() } else { format!("{prefix}/") }
    }

    /// Whether requests leave this machine unencrypted.
    fn is_in_clear(&self) -> bool {
        self.endpoint.as_deref().is_some_and(is_in_clear)
    }

    /// What a start has to say of an archive that proves less than it could: sealed in `started`.
    pub fn weaknesses(&self) -> Vec<&'static str> {
        let cases = [
            (self.object_lock.mode == Mode::None, "archive without object lock"),
            (self.object_lock.mode == Mode::Governance, "archive in governance mode"),
            (self.encryption == Encryption::None, "archive without encryption by s3"),
            (self.allow.contains(&Allowed::NoVersioning), "archive may lack versioning"),
            (self.allow.contains(&Allowed::PublicAccess), "archive may be public"),
            (self.is_in_clear(), "insecure archive"),
        ];
        cases.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect()
    }

    /// Where objects go, for people.
    pub fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix())
    }
}

/// A hundred years; what AWS takes at most for a bucket's default.
const MOST_DAYS: u32 = 36_500;

/// AWS's rule for names of buckets.
fn is_bucket(name: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && edge(bytes.first())
        && edge(bytes.last())
        && name.bytes().all(inner)
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

fn is_prefix(prefix: &str) -> bool {
    let sound = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'=' | b'.'))
    };
    prefix.is_empty() || (prefix.len() <= 512 && prefix.strip_suffix('/').unwrap_or(prefix).split('/').all(sound))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Config {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[test]
    fn a_bucket_and_a_region_are_enough_and_ask_for_seven_locked_years() {
        let config = read(r#"{"bucket":"audit","region":"eu-central-1"}"#);
        assert_eq!(config, Config::new("audit", "eu-central-1"));
        assert_eq!(config.problem(), None);
        assert_eq!(config.object_lock, ObjectLock { mode: Mode::Compliance, retention_days: 2557, first_days: 0 });
        assert_eq!((config.weaknesses(), config.place()), (vec![], "s3://audit/".to_owned()));
    }

    #[test]
    fn what_proves_less_is_said() {
        let config = read(
            r#"{"bucket":"audit","region":"x","object_lock":{"mode":"NONE"},"encryption":"none",
                "allow":["no_versioning","public_access"],"endpoint":"http://s3.example:9000","insecure":true}"#,
        );
        assert_eq!(config.problem(), None);
        assert_eq!(config.weaknesses().len(), 5, "{:?}", config.weaknesses());
        let governance = read(r#"{"bucket":"audit","region":"x","object_lock":{"mode":"GOVERNANCE"}}"#);
        assert_eq!(governance.weaknesses(), ["archive in governance mode"]);
    }

    #[test]
    fn what_cannot_work_is_named() {
        for (json, key) in [
            (r#"{"bucket":"Audit","region":"x"}"#, "bucket"),
            (r#"{"bucket":"au","region":"x"}"#, "bucket"),
            (r#"{"bucket":"-audit","region":"x"}"#, "bucket"),
            (r#"{"bucket":"a..udit","region":"x"}"#, "bucket"),
            (r#"{"bucket":"10.0.0.1","region":"x"}"#, "bucket"),
            (r#"{"bucket":"audit","region":""}"#, "region"),
            (r#"{"bucket":"audit","region":"EU"}"#, "region"),
            (r#"{"bucket":"audit","region":"x","prefix":"/a"}"#, "prefix"),
            (r#"{"bucket":"audit","region":"x","prefix":"a//b"}"#, "prefix"),
            (r#"{"bucket":"audit","region":"x","prefix":"../a"}"#, "prefix"),
            (r#"{"bucket":"audit","region":"x","endpoint":"s3.example"}"#, "endpoint"),
            (r#"{"bucket":"audit","region":"x","endpoint":"https://a:b@s3.example"}"#, "endpoint"),
            (r#"{"bucket":"audit","region":"x","endpoint":"https://s3.example/path"}"#, "endpoint"),
            (r#"{"bucket":"audit","region":"x","endpoint":"https://s3.example:99999"}"#, "endpoint"),
            (r#"{"bucket":"audit","region":"x","endpoint":"http://s3.example:9000"}"#, "endpoint"),
            (r#"{"bucket":"audit","region":"x","object_lock":{"retention_days":0}}"#, "object_lock.retention_days"),
            (r#"{"bucket":"audit","region":"x","object_lock":{"retention_days":36501}}"#, "object_lock.retention_days"),
            (r#"{"bucket":"audit","region":"x","object_lock":{"first_days":2558}}"#, "object_lock.first_days"),
            (r#"{"bucket":"audit","region":"x","encryption":{"kms_key_id":""}}"#, "encryption.kms_key_id"),
            (r#"{"bucket":"audit","region":"x","part_mib":4}"#, "part_mib"),
            (r#"{"bucket":"audit","region":"x","timeouts":{"call":"0s"}}"#, "timeouts.call"),
        ] {
            assert_eq!(read(json).problem().map(|problem| problem.0), Some(key), "{json}");
        }
        for endpoint in [
            "http://127.0.0.1:9000",
            "http://localhost:9000",
            "http://[::1]:9000",
            "https://s3.example",
            "https://[fd00::1]/",
        ] {
            let json = format!(r#"{{"bucket":"audit","region":"x","endpoint":"{endpoint}"}}"#);
            assert_eq!(read(&json).problem(), None, "{endpoint}");
        }
    }

    #[test]
    fn a_prefix_ends_with_its_slash() {
        for (written, used) in [("", ""), ("audit", "audit/"), ("a/b/", "a/b/")] {
            let json = format!(r#"{{"bucket":"audit","region":"x","prefix":"{written}"}}"#);
            assert_eq!((read(&json).prefix().as_str(), read(&json).problem()), (used, None));
        }
    }
}
