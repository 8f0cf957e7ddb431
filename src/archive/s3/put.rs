//! Uploads: each with `If-None-Match: *`, its SHA-256, its lock, its encryption, and read back before it counts.
//!
//! A key that is taken is no error here: whether by us, before an answer was lost, or by another, is told by what lies there.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use aws_sdk_s3::primitives::{ByteStream, DateTime, Length};
use aws_sdk_s3::types::{
    ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, ObjectLockMode, ServerSideEncryption,
    StorageClass as Class,
};
use sha2::{Digest as _, Sha256};

use super::config::{Encryption, StorageClass};
use super::error::{Error, Why, is_taken};
use super::lock::{Lock, Mode};
use super::stored::{Digests, base64};
use super::{Clients, S3Archive};

/// How an upload ended that the server answered.
pub(super) enum Put {
    Stored {
        version: Option<String>,
    },
    /// The key was taken already.
    Taken,
}

/// What goes with an object in its headers.
pub(super) struct Headers {
    mode: Option<ObjectLockMode>,
    until: Option<DateTime>,
    encryption: Option<ServerSideEncryption>,
    kms_key: Option<String>,
    class: Option<Class>,
    metadata: Option<HashMap<String, String>>,
}

impl Headers {
    pub(super) fn new(lock: Option<Lock>, encryption: &Encryption) -> Self {
        let (encryption, kms_key) = match encryption {
            Encryption::SseS3 => (Some(ServerSideEncryption::Aes256), None),
            Encryption::KmsKeyId(key) => (Some(ServerSideEncryption::AwsKms), Some(key.clone())),
            Encryption::None => (None, None),
        };
        Self {
            mode: lock.and_then(|lock| match lock.mode {
                Mode::Compliance => Some(ObjectLockMode::Compliance),
                Mode::Governance => Some(ObjectLockMode::Governance),
                Mode::None => None,
            }),
            until: lock.and_then(|lock| Some(DateTime::from_secs(i64::try_from(lock.until).ok()?))),
            encryption,
            kms_key,
            class: None,
            metadata: None,
        }
    }

    /// Those of a segment: what proves it is always in the standard class.
    pub(super) fn of_segment(mut self, class: StorageClass, metadata: HashMap<String, String>) -> Self {
        self.class = match class {
            StorageClass::Standard => None,
            StorageClass::StandardIa => Some(Class::StandardIa),
            StorageClass::OnezoneIa => Some(Class::OnezoneIa),
            StorageClass::IntelligentTiering => Some(Class::IntelligentTiering),
            StorageClass::GlacierIr => Some(Class::GlacierIr),
        };
        self.metadata = Some(metadata);
        self
    }
}

/// Digests of a file's parts, read once and in flat memory. Blocks.
pub(super) fn digest(path: &Path, part: u64) -> std::io::Result<Digests> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 18];
    let (mut length, mut parts) = (0, Vec::new());
    loop {
        let mut hasher = Sha256::new();
        let mut rest = part;
        while rest > 0 {
            let most = usize::try_from(rest).map_or(buffer.len(), |rest| rest.min(buffer.len()));
            let window = buffer.get_mut(..most).unwrap_or_default();
            let read = file.read(window)?;
            if read == 0 {
                break;
            }
            hasher.update(window.get(..read).unwrap_or_default());
            rest -= read as u64;
        }
        // An empty file has one part, too.
        if rest < part || parts.is_empty() {
            parts.push(hasher.finalize().into());
            length += part - rest;
        }
        if rest > 0 {
            return Ok(Digests { length, parts });
        }
    }
}

impl S3Archive {
    /// One PUT. `body` holds all that `digests` says.
    pub(super) async fn put_whole(
        &self,
        key: &str,
        body: ByteStream,
        digests: &Digests,
        headers: Headers,
    ) -> Result<Put, Error> {
        let clients = self.connection.clients().await;
        let put = clients
            .transfers
            .put_object()
            .bucket(&self.config.bucket)
            .key(self.full(key))
            .if_none_match("*")
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(digests.shown())
            .content_length(length(digests.length))
            .set_object_lock_mode(headers.mode)
            .set_object_lock_retain_until_date(headers.until)
            .set_server_side_encryption(headers.encryption)
            .set_ssekms_key_id(headers.kms_key)
            .set_storage_class(headers.class)
            .set_metadata(headers.metadata)
            .body(body);
        match put.send().await {
            Ok(stored) => Ok(Put::Stored { version: stored.version_id }),
            Err(error) if is_taken(&error) => Ok(Put::Taken),
            Err(error) => Err(self.failed("upload", key, error)),
        }
    }

    /// An upload in parts, which the server puts together, or forgets where one fails. (After a kill the parts stay until
    /// the bucket's own rule for unfinished uploads removes them.)
    pub(super) async fn put_in_parts(
        &self,
        key: &str,
        file: &Path,
        digests: &Digests,
        headers: Headers,
    ) -> Result<Put, Error> {
        let clients = self.connection.clients().await;
        let created = clients
            .calls
            .create_multipart_upload()
            .bucket(&self.config.bucket)
            .key(self.full(key))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .set_object_lock_mode(headers.mode)
            .set_object_lock_retain_until_date(headers.until)
            .set_server_side_encryption(headers.encryption)
            .set_ssekms_key_id(headers.kms_key)
            .set_storage_class(headers.class)
            .set_metadata(headers.metadata)
            .send()
            .await
            .map_err(|error| self.failed("begin the upload of", key, error))?;
        let id = created.upload_id.unwrap_or_default();
        let put = self.complete(&clients, key, &id, file, digests).await;
        if !matches!(put, Ok(Put::Stored { .. })) {
            // Only to spare the server's space: what can't be told it now is left to the bucket's rule.
            let abort = clients.calls.abort_multipart_upload().bucket(&self.config.bucket).key(self.full(key));
            let _ = abort.upload_id(&id).send().await;
        }
        put
    }

    async fn complete(
        &self,
        clients: &Clients,
        key: &str,
        id: &str,
        file: &Path,
        digests: &Digests,
    ) -> Result<Put, Error> {
        let part = self.part();
        let mut parts = Vec::with_capacity(digests.parts.len());
        for (at, digest) in digests.parts.iter().enumerate() {
            let offset = at as u64 * part;
            let size = part.min(digests.length - offset);
            let number = i32::try_from(at + 1).map_err(|_| self.error("upload", key, Why::Request))?;
            let sent = clients
                .transfers
                .upload_part()
                .bucket(&self.config.bucket)
                .key(self.full(key))
                .upload_id(id)
                .part_number(number)
                .checksum_algorithm(ChecksumAlgorithm::Sha256)
                .checksum_sha256(base64(digest))
                .content_length(length(size))
                .body(self.body(key, file, offset, size).await?)
                .send()
                .await
                .map_err(|error| self.failed("upload", key, error))?;
            let completed = CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag);
            parts.push(completed.checksum_sha256(base64(digest)).build());
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        // The server puts the parts together before it answers: as long as a transfer may take.
        let completed = clients
            .transfers
            .complete_multipart_upload()
            .bucket(&self.config.bucket)
            .key(self.full(key))
            .upload_id(id)
            .if_none_match("*")
            .multipart_upload(parts)
            .send()
            .await;
        match completed {
            Ok(stored) => Ok(Put::Stored { version: stored.version_id }),
            Err(error) if is_taken(&error) => Ok(Put::Taken),
            Err(error) => Err(self.failed("end the upload of", key, error)),
        }
    }

    /// A window of the file as a body that is read while it is sent.
    pub(super) async fn body(&self, key: &str, file: &Path, offset: u64, size: u64) -> Result<ByteStream, Error> {
        let stream = ByteStream::read_from().path(file).offset(offset).length(Length::Exact(size)).build().await;
        stream.map_err(|_| self.error("upload", key, Why::Request))
    }
}

fn length(length: u64) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test's own file")]
    fn a_file_is_digested_in_parts() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("object");
        let sha = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| n as u8).collect();
        for (size, part) in [(0, 10), (9, 10), (10, 10), (11, 10), (1_000_000, 300_000), (600_000, 300_000)] {
            std::fs::write(&path, &bytes[..size]).expect("written");
            let found = digest(&path, part).expect("read");
            let mut parts: Vec<_> = bytes[..size].chunks(part as usize).map(sha).collect();
            if parts.is_empty() {
                parts.push(sha(b""));
            }
            assert_eq!(found, Digests { length: size as u64, parts }, "{size} by {part}");
        }
    }
}
