//! Every version of every object, delete markers too: what a plain listing hides is what an attacker with the right to write
//! can do to a locked bucket.

use super::error::{Why, why};
use super::{S3Archive, stored};
use crate::archive::{self, Links};

/// A version of an object, or a marker that hides those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub key: String,
    pub id: String,
    pub bytes: u64,
    pub marker: bool,
    /// What a reader who names no version gets.
    pub latest: bool,
    /// Unix seconds, by the server's clock.
    pub modified: i64,
}

impl S3Archive {
    /// All versions of the keys below a prefix, the newest of each first. `None`: they can't be seen by whoever asks.
    pub async fn versions(&self, below: &str) -> Result<Option<Vec<Version>>, archive::Error> {
        let clients = self.connection.clients().await;
        let (mut found, mut key, mut id) = (Vec::new(), None, None);
        loop {
            let list = clients.calls.list_object_versions().bucket(&self.config.bucket).prefix(self.full(below));
            let page = match list.set_key_marker(key).set_version_id_marker(id).send().await {
                Ok(page) => page,
                // May not, or the server knows none.
                Err(error) if matches!(why(&error), Why::Denied { .. } | Why::Server { status: 501 }) => {
                    return Ok(None);
                }
                Err(error) => return Err(self.failed("list the versions of", below, error).into()),
            };
            let ours = |key: Option<String>| Some(key?.strip_prefix(&self.prefix)?.to_owned());
            found.extend(page.versions.unwrap_or_default().into_iter().filter_map(|one| {
                Some(Version {
                    key: ours(one.key)?,
                    id: one.version_id?,
                    bytes: one.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
                    marker: false,
                    latest: one.is_latest == Some(true),
                    modified: one.last_modified.map_or(0, |time| time.secs()),
                })
            }));
            found.extend(page.delete_markers.unwrap_or_default().into_iter().filter_map(|one| {
                Some(Version {
                    key: ours(one.key)?,
                    id: one.version_id?,
                    bytes: 0,
                    marker: true,
                    latest: one.is_latest == Some(true),
                    modified: one.last_modified.map_or(0, |time| time.secs()),
                })
            }));
            if page.is_truncated != Some(true) {
                break;
            }
            (key, id) = (page.next_key_marker, page.next_version_id_marker);
            if key.is_none() {
                break;
            }
        }
        found.sort_by(|a, b| (&a.key, !a.latest, -a.modified).cmp(&(&b.key, !b.latest, -b.modified)));
        Ok(Some(found))
    }

    /// The lock that the object should have, and the one that it has, where that is weaker or ends earlier.
    pub async fn weaker_lock(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<(String, String)>, archive::Error> {
        let lock = &self.config.object_lock;
        let stored = self.head(key, version.map(str::to_owned)).await?;
        let Some(stored) = stored.filter(|stored| !lock.covers(stored.lock, stored.modified)) else { return Ok(None) };
        let nanos = sealtrail_chain::UnixNanos(stored.modified.saturating_mul(1_000_000_000));
        let asked = lock.at(nanos).map_or_else(|| "none".to_owned(), |lock| lock.to_string());
        Ok(Some((asked, stored.lock.map_or_else(|| "none".to_owned(), |lock| lock.to_string()))))
    }

    /// Of an object that has to be restored before anyone can read it: the links that its metadata claim. `None`: it can be
    /// read, or is not there.
    pub async fn frozen(&self, key: &str, version: Option<&str>) -> Result<Option<Option<Links>>, archive::Error> {
        let stored = self.head(key, version.map(str::to_owned)).await?;
        Ok(stored.filter(|stored| stored.frozen).map(|stored| stored::links(&stored.metadata)))
    }
}
