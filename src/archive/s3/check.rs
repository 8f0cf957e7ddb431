//! Whether a bucket is fit to hold an archive. Asked at the start, and before the first upload where the server could not be
//! reached then: nothing is written to a bucket that was not found fit.

use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{BucketVersioningStatus, DefaultRetention, ObjectLockEnabled, PublicAccessBlockConfiguration};

use super::config::{Allowed, Config};
use super::error::{Error, Why, status, why};
use super::lock::Mode;
use super::{Clients, S3Archive};

/// What a bucket lacks and the configuration doesn't let it lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    Bucket,
    Versioning,
    ObjectLock,
    PublicAccessBlock,
}

impl Lack {
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Bucket => "create it with Object Lock, or correct `archive.s3.bucket`, `region` and `endpoint`",
            Self::Versioning => {
                "switch versioning on; for a test bucket, `archive.s3.allow: [no_versioning]` lets it be, which is sealed"
            }
            Self::ObjectLock => {
                "use a bucket that was created with Object Lock; for a test bucket, `archive.s3.object_lock: { mode: NONE }` \
                 does without, which is sealed"
            }
            Self::PublicAccessBlock => {
                "block all four kinds of public access; for a test bucket, `archive.s3.allow: [public_access]` lets it be, \
                 which is sealed"
            }
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bucket => "it does not exist",
            Self::Versioning => "it has no versioning",
            Self::ObjectLock => "it has no Object Lock, so nothing would keep an object from being deleted",
            Self::PublicAccessBlock => "public access to it is not blocked",
        })
    }
}

/// What a bucket says of itself. `None`: the server doesn't know the question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fitness {
    pub versioning: Option<bool>,
    pub object_lock: Option<bool>,
    /// Reported alone: the term stands on every upload.
    pub default_retention: Option<String>,
    pub public_access_blocked: Option<bool>,
    /// Reported alone: the encryption stands on every upload.
    pub default_encryption: Option<String>,
}

impl Fitness {
    /// What is lacking, after what the configuration allows.
    fn lacks(&self, config: &Config) -> Vec<Lack> {
        let allowed = |what| config.allow.contains(&what);
        let locked = config.object_lock.mode != Mode::None;
        let cases = [
            (self.versioning != Some(true) && !allowed(Allowed::NoVersioning), Lack::Versioning),
            (self.object_lock != Some(true) && locked, Lack::ObjectLock),
            (self.public_access_blocked == Some(false) && !allowed(Allowed::PublicAccess), Lack::PublicAccessBlock),
        ];
        cases.into_iter().filter(|(lacks, _)| *lacks).map(|(_, lack)| lack).collect()
    }
}

impl fmt::Display for Fitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |known: Option<bool>| match known {
            Some(true) => "yes",
            Some(false) => "no",
            None => "can't be checked",
        };
        write!(
            f,
            "versioning {}, object lock {}, default retention {}, public access blocked {}, default encryption {}",
            word(self.versioning),
            word(self.object_lock),
            self.default_retention.as_deref().unwrap_or("none"),
            word(self.public_access_blocked),
            self.default_encryption.as_deref().unwrap_or("none")
        )
    }
}

impl S3Archive {
    /// Asks the bucket, and refuses it by name of what it lacks.
    pub async fn check(&self) -> Result<Fitness, Error> {
        let clients = self.connection.clients().await;
        let bucket = &self.config.bucket;
        if let Err(error) = clients.calls.head_bucket().bucket(bucket).send().await {
            return Err(match why(&error) {
                Why::Absent => Error::Unfit { bucket: bucket.clone(), lacks: vec![Lack::Bucket] },
                _ => self.failed("reach", "", error),
            });
        }
        let fitness = self.ask(&clients).await?;
        match fitness.lacks(&self.config) {
            lacks if lacks.is_empty() => Ok(fitness),
            lacks => Err(Error::Unfit { bucket: bucket.clone(), lacks }),
        }
    }

    async fn ask(&self, clients: &Clients) -> Result<Fitness, Error> {
        let (calls, bucket) = (&clients.calls, &self.config.bucket);
        let versioning =
            self.known("ask for the versioning of", calls.get_bucket_versioning().bucket(bucket).send().await)?;
        let lock = calls.get_object_lock_configuration().bucket(bucket).send().await;
        let lock = self.known("ask for the object lock of", lock)?;
        let lock = lock.and_then(|answer| answer.object_lock_configuration);
        let blocked = calls.get_public_access_block().bucket(bucket).send().await;
        let blocked = self.known("ask for the public access block of", blocked)?;
        let encryption = calls.get_bucket_encryption().bucket(bucket).send().await;
        let encryption = self.known("ask for the encryption of", encryption)?;
        let default = lock.as_ref().and_then(|lock| lock.rule.as_ref()?.default_retention.as_ref());
        Ok(Fitness {
            versioning: versioning.map(|answer| answer.status == Some(BucketVersioningStatus::Enabled)),
            object_lock: lock.as_ref().map(|lock| lock.object_lock_enabled == Some(ObjectLockEnabled::Enabled)),
            default_retention: default.map(retention),
            public_access_blocked: blocked.and_then(|answer| Some(all(&answer.public_access_block_configuration?))),
            default_encryption: encryption.and_then(|answer| {
                let rules = answer.server_side_encryption_configuration?.rules;
                let rule = rules.into_iter().next()?.apply_server_side_encryption_by_default?;
                Some(rule.sse_algorithm.as_str().to_owned())
            }),
        })
    }

    /// The answer, or `None` where the bucket has no such thing or the server doesn't know the question: no two servers say
    /// so in the same words, and some in words that can't be read.
    fn known<T, E>(&self, doing: &'static str, answer: Result<T, SdkError<E, HttpResponse>>) -> Result<Option<T>, Error>
    where
        E: ProvideErrorMetadata,
    {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if matches!(status(&error), Some(200 | 404 | 405 | 501)) => Ok(None),
            Err(error) => Err(self.failed(doing, "", error)),
        }
    }
}

fn all(block: &PublicAccessBlockConfiguration) -> bool {
    [block.block_public_acls, block.ignore_public_acls, block.block_public_policy, block.restrict_public_buckets]
        .into_iter()
        .all(|blocked| blocked == Some(true))
}

fn retention(default: &DefaultRetention) -> String {
    let mode = default.mode.as_ref().map_or("no mode", |mode| mode.as_str());
    match (default.days, default.years) {
        (Some(days), _) => format!("{mode} {days} days"),
        (None, Some(years)) => format!("{mode} {years} years"),
        (None, None) => mode.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lock::ObjectLock;
    use super::*;

    fn fit() -> Fitness {
        Fitness {
            versioning: Some(true),
            object_lock: Some(true),
            public_access_blocked: Some(true),
            ..Fitness::default()
        }
    }

    #[test]
    fn what_a_bucket_lacks_is_named_unless_it_is_allowed() {
        let strict = Config::new("audit", "eu-central-1");
        let lacks = |fitness: Fitness, config: &Config| fitness.lacks(config);
        assert_eq!(lacks(fit(), &strict), []);
        assert_eq!(lacks(Fitness { object_lock: None, ..fit() }, &strict), [Lack::ObjectLock]);
        assert_eq!(lacks(Fitness { object_lock: Some(false), ..fit() }, &strict), [Lack::ObjectLock]);
        assert_eq!(lacks(Fitness { versioning: None, ..fit() }, &strict), [Lack::Versioning]);
        assert_eq!(lacks(Fitness { public_access_blocked: Some(false), ..fit() }, &strict), [Lack::PublicAccessBlock]);
        // A server that doesn't know of public access has none to block.
        assert_eq!(lacks(Fitness { public_access_blocked: None, ..fit() }, &strict), []);
        assert_eq!(lacks(Fitness::default(), &strict), [Lack::Versioning, Lack::ObjectLock]);

        let lenient = Config {
            object_lock: ObjectLock { mode: Mode::None, ..ObjectLock::default() },
            allow: vec![Allowed::NoVersioning, Allowed::PublicAccess],
            ..strict
        };
        assert_eq!(lacks(Fitness { public_access_blocked: Some(false), ..Fitness::default() }, &lenient), []);
    }

    #[test]
    fn every_lack_comes_with_its_remedy() {
        let lacks = vec![Lack::Bucket, Lack::Versioning, Lack::ObjectLock, Lack::PublicAccessBlock];
        let text = Error::Unfit { bucket: "audit".into(), lacks }.to_string();
        assert_eq!(text.matches("\n  remedy  ").count(), 4, "{text}");
        assert!(
            text.starts_with("the bucket `audit` is not fit for the archive: it does not exist\n  remedy  "),
            "{text}"
        );
    }
}
