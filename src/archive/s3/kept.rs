//! How the server says that it keeps an object, for evidence: read, never judged.

use aws_sdk_s3::types::ChecksumMode;

use super::error::{Why, why};
use super::lock::Mode;
use super::stored::Stored;
use super::{Error, S3Archive};

/// What a HEAD shows of the newest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// `s3://bucket/prefix`
    pub place: String,
    pub bucket: String,
    /// The whole key within the bucket.
    pub key: String,
    pub version: Option<String>,
    /// Mode, and Unix seconds until when it holds.
    pub lock: Option<(Mode, u64)>,
    /// SHA-256 as the server shows it.
    pub checksum: Option<String>,
}

impl S3Archive {
    /// The newest version of the object at `key`, if there is one.
    pub async fn kept(&self, key: &str) -> Result<Option<Kept>, Error> {
        let clients = self.connection.clients().await;
        let head = clients.calls.head_object().bucket(&self.config.bucket).key(self.full(key));
        let head = match head.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(head) => head,
            Err(error) if why(&error) == Why::Absent => return Ok(None),
            Err(error) => return Err(self.failed("read the metadata of", key, error)),
        };
        let version = head.version_id.clone();
        let stored = Stored::from(head);
        Ok(Some(Kept {
            place: self.config.place(),
            bucket: self.config.bucket.clone(),
            key: self.full(key),
            version,
            lock: stored.lock.map(|lock| (lock.mode, lock.until)),
            checksum: stored.checksum,
        }))
    }
}
