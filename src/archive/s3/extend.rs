//! Extending locks: from a first term to the full one, once somebody has looked at what lies there.

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ObjectLockRetention, ObjectLockRetentionMode};

use super::lock::{Lock, Mode};
use super::{Differs, Error, S3Archive, Why};

impl S3Archive {
    /// Locks an object for the full term, counted from when it was stored; whether that was not so before. A lock is never
    /// shortened, and this can't be taken back: ask only for what may be kept that long.
    pub async fn extend(&self, key: &str) -> Result<bool, crate::archive::Error> {
        Ok(self.extend_lock(key).await?)
    }

    async fn extend_lock(&self, key: &str) -> Result<bool, Error> {
        let absent = || self.error("read the metadata of", key, Why::Absent);
        let stored = self.head(key, None).await?.ok_or_else(absent)?;
        let Some(full) = self.config.object_lock.full(stored.modified) else { return Ok(false) };
        if full.is_kept_by(stored.lock) {
            return Ok(false);
        }
        let clients = self.connection.clients().await;
        let retention = ObjectLockRetention::builder()
            .mode(match full.mode {
                Mode::Governance => ObjectLockRetentionMode::Governance,
                Mode::Compliance | Mode::None => ObjectLockRetentionMode::Compliance,
            })
            .retain_until_date(DateTime::from_secs(i64::try_from(full.until).unwrap_or(i64::MAX)))
            .build();
        let put = clients.calls.put_object_retention().bucket(&self.config.bucket).key(self.full(key));
        put.retention(retention).send().await.map_err(|error| self.failed("extend the lock of", key, error))?;
        let kept = self.head(key, None).await?.ok_or_else(absent)?.lock;
        if full.is_kept_by(kept) {
            return Ok(true);
        }
        let differs =
            Differs { what: "object lock", sent: full.to_string(), found: kept.map(|lock: Lock| lock.to_string()) };
        Err(Error::Unkept { at: self.at(key), differs: vec![differs] })
    }
}
