//! AWS's Key Management Service: it keeps keys that nobody can read, this program among them, and opens with them what was
//! closed under the same encryption context. Who asked, for which context, stands in CloudTrail.
//!
//! Plain calls for callers that are no tasks: each has a thread and a runtime for itself, a time limit, and is made once. What
//! was opened is wiped when it is dropped; the SDK's own buffers, in which the answer came, are freed and not wiped.

mod config;
mod error;

use std::collections::HashMap;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{BehaviorVersion, Builder, IdentityCache, Region, SharedHttpClient};
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use zeroize::Zeroizing;

pub use config::{Config, Problem, Timeouts};
pub use error::{Error, Why};

/// What is authenticated with all that is closed: names and values, no secrets. Policies can ask for it
/// (`kms:EncryptionContext:NAME`).
pub type Context<'c> = &'c [(&'c str, &'c str)];

/// One key of KMS.
pub struct Kms {
    config: Config,
    http: SharedHttpClient,
}

impl Kms {
    /// Reads the file of authorities; asks nobody yet.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let http = super::http_client(config.endpoint.as_deref(), config.ca_file.as_deref())?;
        Ok(Self { config: config.clone(), http })
    }

    /// The plain text of what KMS closed with this key under this context.
    pub fn decrypt(&self, closed: Vec<u8>, context: Context<'_>) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.call("decrypt", async |client| {
            let call = client.decrypt().key_id(&self.config.kms_key_id).ciphertext_blob(Blob::new(closed));
            let answer = call.set_encryption_context(Some(map(context))).send().await?;
            Ok(answer.plaintext.map(|plain| Zeroizing::new(plain.into_inner())))
        })
    }

    /// Closes `plain`, 4096 bytes at most.
    pub fn encrypt(&self, plain: &[u8], context: Context<'_>) -> Result<Vec<u8>, Error> {
        self.call("encrypt", async |client| {
            let call = client.encrypt().key_id(&self.config.kms_key_id).plaintext(Blob::new(plain));
            let answer = call.set_encryption_context(Some(map(context))).send().await?;
            Ok(answer.ciphertext_blob.map(Blob::into_inner))
        })
    }

    /// A new key of 32 bytes, closed: nobody but KMS has seen it.
    pub fn data_key(&self, context: Context<'_>) -> Result<Vec<u8>, Error> {
        self.call("make a data key", async |client| {
            let call = client.generate_data_key_without_plaintext().key_id(&self.config.kms_key_id);
            let call = call.key_spec(DataKeySpec::Aes256).set_encryption_context(Some(map(context)));
            Ok(call.send().await?.ciphertext_blob.map(Blob::into_inner))
        })
    }

    /// Makes one call, on a thread of its own: whoever calls may be within a runtime, which must not be blocked on another.
    fn call<T: Send, E: ProvideErrorMetadata>(
        &self,
        doing: &'static str,
        work: impl AsyncFnOnce(Client) -> Result<Option<T>, SdkError<E, HttpResponse>> + Send,
    ) -> Result<T, Error> {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|source| Error::Machine { source })?;
            let answer = runtime.block_on(async { work(self.client().await).await.map_err(|error| Why::of(&error)) });
            // A name that is still being resolved is not waited for: that has no time limit.
            runtime.shutdown_background();
            let answer = answer.and_then(|answer| answer.ok_or(Why::Answer));
            answer.map_err(|why| Error::Call { doing, place: self.config.place(), why })
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("kms".to_owned()).spawn_scoped(scope, run);
            let thread = thread.map_err(|source| Error::Machine { source })?;
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    async fn client(&self) -> Client {
        let Config { region, endpoint, timeouts, .. } = &self.config;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(timeouts.connect.get())
            .operation_attempt_timeout(timeouts.call.get())
            // With what finding credentials may take.
            .operation_timeout(timeouts.call.get().saturating_mul(2))
            .build();
        let mut config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.clone()))
            .http_client(self.http.clone())
            .credentials_provider(super::credentials(&super::credentials_client(), region).await)
            .identity_cache(IdentityCache::lazy().build())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            // A wrong clock is for a person to see, and not for a library to work around.
            .disable_clock_skew_correction(true);
        config.set_endpoint_url(endpoint.clone());
        Client::from_conf(config.build())
    }
}

fn map(context: Context<'_>) -> HashMap<String, String> {
    context.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
