//! A real S3 server and one bucket of it, and a client that is not ours.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumMode;
use aws_smithy_http_client::tls;
use tempfile::TempDir;

use crate::harness::text;

/// Both are real; code that passes on one alone has that one's habits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Minio,
    Versitygw,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Minio => "minio",
            Self::Versitygw => "versitygw",
        }
    }

    /// versitygw passes over encryption.
    pub fn encryption(self) -> &'static str {
        match self {
            Self::Minio => "sse_s3",
            Self::Versitygw => "none",
        }
    }
}

/// A running server.
pub struct Server {
    pub kind: Kind,
    pub endpoint: String,
    pub ca_file: Option<PathBuf>,
    dir: TempDir,
}

impl Server {
    /// One for all tests that don't break it.
    pub fn shared(kind: Kind) -> &'static Self {
        static MINIO: OnceLock<Server> = OnceLock::new();
        static VERSITYGW: OnceLock<Server> = OnceLock::new();
        match kind {
            Kind::Minio => MINIO.get_or_init(|| Self::start(kind, &["--kms"])),
            Kind::Versitygw => VERSITYGW.get_or_init(|| Self::start(kind, &[])),
        }
    }

    /// One of its own; it ends with the test's process at the latest.
    pub fn start(kind: Kind, options: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let parent = std::process::id().to_string();
        let run = dir.path().display().to_string();
        let mut arguments = vec!["up", kind.name(), "--dir", &run, "--parent", &parent];
        arguments.extend(options);
        let shown = parts(&arguments);
        let value =
            |key: &str| shown.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned));
        let endpoint = value("S3_ENDPOINT").expect("the part names its endpoint");
        Self { kind, endpoint, ca_file: value("S3_CA_FILE").map(PathBuf::from), dir }
    }

    fn command(&self, command: &str, more: &[&str]) {
        let run = self.dir.path().display().to_string();
        let mut arguments = vec![command];
        arguments.extend(more);
        arguments.extend(["--dir", &run]);
        parts(&arguments);
    }

    pub fn kill(&self) {
        self.command("kill", &[self.kind.name()]);
    }
    pub fn start_again(&self) {
        self.command("start", &[self.kind.name()]);
    }
    pub fn pause(&self) {
        self.command("pause", &[self.kind.name()]);
    }
    pub fn resume(&self) {
        self.command("resume", &[self.kind.name()]);
    }

    /// A new bucket, with versioning and Object Lock.
    pub fn bucket(&self, name: &str) -> Bucket {
        self.command("bucket", &[name, "--part", self.kind.name()]);
        self.existing(name)
    }

    /// A new bucket with neither.
    pub fn plain_bucket(&self, name: &str) -> Bucket {
        self.command("bucket", &[name, "--part", self.kind.name(), "--no-lock"]);
        self.existing(name)
    }

    fn existing(&self, name: &str) -> Bucket {
        Bucket {
            name: name.to_owned(),
            kind: self.kind,
            endpoint: self.endpoint.clone(),
            ca_file: self.ca_file.clone(),
            client: self.client_with(SECRET_KEY),
        }
    }

    /// From here on the server knows no other secret key than this.
    pub fn change_secret(&self, secret: &str) {
        std::fs::write(self.dir.path().join(self.kind.name()).join("secret"), secret).expect("written");
        self.command("stop", &[self.kind.name()]);
        self.start_again();
    }

    /// A client that is not ours, with this secret key.
    pub fn client_with(&self, secret: &str) -> Client {
        let trust = match &self.ca_file {
            Some(path) => tls::TrustStore::empty().with_pem_certificate(std::fs::read(path).expect("readable")),
            None => tls::TrustStore::empty(),
        };
        let context = tls::TlsContext::builder().with_trust_store(trust).build().expect("a context");
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
            .tls_context(context)
            .build_https();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(&self.endpoint)
            .force_path_style(true)
            .http_client(http)
            .credentials_provider(Credentials::new(ACCESS_KEY, secret, None, None, "test"))
            .build();
        Client::from_conf(config)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.command("down", &[]);
    }
}

pub const REGION: &str = "eu-central-1";
pub const ACCESS_KEY: &str = "sealtrail";
pub const SECRET_KEY: &str = "sealtrail-test-only";

/// Runs `tests/parts/parts`; what it prints.
fn parts(arguments: &[&str]) -> String {
    let output = Command::new("tests/parts/parts").args(arguments).output().expect("Python runs");
    assert!(output.status.success(), "parts {arguments:?}: {}", text(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// One bucket, seen by a client that is not ours.
pub struct Bucket {
    pub name: String,
    pub kind: Kind,
    pub endpoint: String,
    pub ca_file: Option<PathBuf>,
    pub client: Client,
}

impl Bucket {
    /// The `archive` section for it; `more` in place of the defaults of the tests.
    pub fn config(&self, more: &str) -> String {
        let ca = self.ca_file.as_ref().map_or(String::new(), |path| format!("ca_file: {}, ", path.display()));
        let encryption = if more.contains("encryption:") {
            String::new()
        } else {
            format!("encryption: {}, ", self.kind.encryption())
        };
        let timeouts =
            if more.contains("timeouts:") { "" } else { "timeouts: { connect: 2s, call: 3s, transfer: 10s }, " };
        format!(
            "archive: {{ s3: {{ bucket: {}, region: {REGION}, endpoint: '{}', {ca}{encryption}{timeouts}{more} }} }}\n",
            self.name, self.endpoint
        )
    }

    /// Keys of the current versions, in order.
    pub async fn keys(&self, below: &str) -> Vec<String> {
        let mut pages = self.client.list_objects_v2().bucket(&self.name).prefix(below).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            keys.extend(page.expect("listed").contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
        }
        keys
    }

    /// Key and version of every version there is, delete markers included.
    pub async fn versions(&self) -> Vec<(String, String)> {
        let (mut found, mut key, mut version) = (Vec::new(), None, None);
        loop {
            let page = self.client.list_object_versions().bucket(&self.name);
            let page = page.set_key_marker(key).set_version_id_marker(version).send().await.expect("listed");
            let (versions, markers) = (page.versions.unwrap_or_default(), page.delete_markers.unwrap_or_default());
            found.extend(versions.into_iter().filter_map(|one| Some((one.key?, one.version_id?))));
            found.extend(markers.into_iter().filter_map(|one| Some((one.key?, one.version_id?))));
            if page.is_truncated != Some(true) {
                return found;
            }
            (key, version) = (page.next_key_marker, page.next_version_id_marker);
        }
    }

    pub async fn head(&self, key: &str) -> HeadObjectOutput {
        let head = self.client.head_object().bucket(&self.name).key(key).checksum_mode(ChecksumMode::Enabled);
        head.send().await.unwrap_or_else(|error| panic!("{key}: {error:?}"))
    }

    pub async fn get(&self, key: &str) -> Vec<u8> {
        let object = self.client.get_object().bucket(&self.name).key(key).send().await.expect("read");
        object.body.collect().await.expect("read whole").to_vec()
    }

    /// Copies all objects below a directory, under their keys.
    pub async fn download(&self, to: &Path) {
        for key in self.keys("").await {
            let path = to.join(&key);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            std::fs::write(path, self.get(&key).await).expect("written");
        }
    }
}

/// A profile file with these keys; the variables that lead the standard chain to it and nowhere else.
pub fn credentials(dir: &Path, access: &str, secret: &str) -> Vec<(String, String)> {
    let path = dir.join("credentials");
    let text = format!("[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n");
    std::fs::write(&path, text).expect("written");
    let none = dir.join("no-config");
    std::fs::write(&none, "").expect("written");
    [
        ("AWS_SHARED_CREDENTIALS_FILE", path.display().to_string()),
        ("AWS_CONFIG_FILE", none.display().to_string()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}
