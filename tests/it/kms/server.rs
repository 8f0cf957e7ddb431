//! moto as AWS KMS, its users, and a client that is not ours.

use std::path::Path;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::primitives::Blob;
use aws_smithy_http_client::tls;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::runtime::Runtime;

use crate::harness::{sealtrail_with, text};
use crate::parts::Part;

pub const ALIAS: &str = "alias/sealtrail-masking";
pub const REGION: &str = "eu-central-1";

/// What the chain of credentials finds, and nowhere else.
pub type Environment = Vec<(String, String)>;

/// A server of a test's own, with one key.
pub struct Server {
    part: Part,
    runtime: Runtime,
    client: Client,
    /// May wrap, and not open.
    pub operator: Environment,
    /// May open, and not wrap.
    pub collector: Environment,
    /// May do nothing.
    pub stranger: Environment,
}

impl Server {
    pub fn start(options: &[&str]) -> Self {
        let part = Part::up(&[&["moto"], options].concat());
        let user = |name: &str, may: &[&str]| {
            let mut words = vec!["user", name];
            words.extend(may.iter().flat_map(|action| ["--may", action]));
            let shown = part.run(&words);
            let value =
                |key: &str| shown.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned);
            (value("KMS_ACCESS_KEY").expect("its name"), value("KMS_SECRET_KEY").expect("its secret"))
        };
        let (name, secret) = user("admin", &["kms:*"]);
        let operator = environment(user("operator", &["kms:GenerateDataKeyWithoutPlaintext", "kms:Encrypt"]));
        let collector = environment(user("collector", &["kms:Decrypt"]));
        let stranger = environment(user("stranger", &["s3:GetObject"]));
        part.run(&["enforce"]);
        let runtime = Runtime::new().expect("a runtime");
        let client = client(
            part.get("KMS_ENDPOINT"),
            part.find("KMS_CA_FILE"),
            Credentials::new(name, secret, None, None, "test"),
        );
        let server = Self { part, runtime, client, operator, collector, stranger };
        let key = server.make_key();
        let alias = server.client.create_alias().alias_name(ALIAS).target_key_id(key);
        server.runtime.block_on(alias.send()).expect("an alias");
        server
    }

    pub fn endpoint(&self) -> &str {
        self.part.get("KMS_ENDPOINT")
    }
    pub fn ca_file(&self) -> &str {
        self.part.get("KMS_CA_FILE")
    }
    pub fn pause(&self) {
        self.part.run(&["pause", "moto"]);
    }
    pub fn resume(&self) {
        self.part.run(&["resume", "moto"]);
    }

    /// Another key of KMS: its id.
    pub fn make_key(&self) -> String {
        let made = self.runtime.block_on(self.client.create_key().send()).expect("a key");
        made.key_metadata.expect("it is described").key_id
    }

    /// `sealtrail keys wrap`: the text, or what it complained of.
    pub fn wrap(&self, id: &str, by: &Environment, more: &[&str]) -> Result<String, String> {
        let mut words =
            vec!["keys", "wrap", id, "--kms-key-id", ALIAS, "--region", REGION, "--endpoint", self.endpoint()];
        words.extend(more);
        let output = sealtrail_with(&words, by);
        match output.status.code() {
            Some(0) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            code => {
                assert_eq!(code, Some(2), "{}", text(&output));
                Err(text(&output))
            }
        }
    }

    /// What KMS opens by its own client, under the documented context.
    pub fn open(&self, id: &str, wrapped: &str) -> Option<Vec<u8>> {
        let closed = wrapped.trim().strip_prefix(&format!("key:1:{id}:")).expect("this id's form");
        let closed = Blob::new(BASE64_STANDARD.decode(closed).expect("base64"));
        let call = self.client.decrypt().key_id(ALIAS).ciphertext_blob(closed);
        let call = call.encryption_context("product", "sealtrail").encryption_context("masking_key", id);
        self.runtime.block_on(call.send()).ok()?.plaintext.map(Blob::into_inner)
    }

    /// As AWS's own tool would wrap it: `plain` in this project's form.
    pub fn wrap_elsewhere(&self, id: &str, key: &str, plain: &[u8]) -> String {
        let call = self.client.encrypt().key_id(key).plaintext(Blob::new(plain));
        let call = call.encryption_context("product", "sealtrail").encryption_context("masking_key", id);
        let answer = self.runtime.block_on(call.send()).expect("encrypted");
        format!("key:1:{id}:{}\n", BASE64_STANDARD.encode(answer.ciphertext_blob.expect("a blob")))
    }

    /// The key `id` in `mask.keys`, from the file `name` in `dir`.
    pub fn section(&self, dir: &Path, id: &str, name: &str) -> String {
        format!(
            "    {id}: {{ wrapped: '${{file:{}}}', aws_kms: {{ kms_key_id: {ALIAS}, region: {REGION}, endpoint: '{}', timeouts: {{ connect: 2s, \
             call: 2s }} }} }}\n",
            dir.join(name).display(),
            self.endpoint()
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.part.try_run(&["down"]);
        let _ = std::fs::remove_dir_all(self.part.path(""));
    }
}

/// These credentials, by the standard chain.
pub fn environment((name, secret): (String, String)) -> Environment {
    let pairs =
        [("AWS_ACCESS_KEY_ID", name), ("AWS_SECRET_ACCESS_KEY", secret)].map(|(key, value)| (key.to_owned(), value));
    nobody().into_iter().chain(pairs).collect()
}

/// No credentials, and no search for some on the network.
pub fn nobody() -> Environment {
    [
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere"),
        ("AWS_CONFIG_FILE", "/nowhere"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec()
}

fn client(endpoint: &str, ca_file: Option<&str>, credentials: Credentials) -> Client {
    let trust = match ca_file {
        Some(path) => tls::TrustStore::empty().with_pem_certificate(std::fs::read(path).expect("readable")),
        None => tls::TrustStore::empty(),
    };
    let context = tls::TlsContext::builder().with_trust_store(trust).build().expect("a context");
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .tls_context(context)
        .build_https();
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .http_client(http)
        .credentials_provider(credentials)
        .build();
    Client::from_conf(config)
}
