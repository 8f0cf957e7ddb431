//! What a server shows of an object, and whether that is what was sent. Pure: the calls are elsewhere.
//!
//! An object is recognised by its links, which stand in its user metadata. They are a claim like any other metadata; where
//! they are absent or don't read, the object itself is read through instead.

use std::collections::HashMap;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ObjectLockMode, StorageClass};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use super::config::Encryption;
use super::error::Differs;
use super::lock::{Lock, Mode};
use crate::archive::{Links, layout};

const FIRST: &str = "first";
const LAST: &str = "last";
const PREV_HASH: &str = "prev-hash";
const HASH: &str = "hash";
const FORMAT: &str = "format";

/// The user metadata of a segment.
pub(super) fn metadata(links: &Links) -> HashMap<String, String> {
    let pairs = [
        (FIRST, links.first.to_string()),
        (LAST, links.last.to_string()),
        (PREV_HASH, links.before.to_string()),
        (HASH, links.after.to_string()),
        (FORMAT, layout::FORMAT.to_owned()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The links that user metadata claim; `None` where they don't stand there whole, or in a format of another version.
pub(super) fn links(metadata: &HashMap<String, String>) -> Option<Links> {
    // Keys come back in lower case from some servers and as they were sent from others.
    let find = |key: &str| metadata.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
    let number = |key| find(key)?.parse::<u64>().ok().map(sealtrail_chain::Sequence::new);
    let links = Links {
        first: number(FIRST)?,
        last: number(LAST)?,
        before: find(PREV_HASH)?.parse().ok()?,
        after: find(HASH)?.parse().ok()?,
    };
    (find(FORMAT)? == layout::FORMAT).then_some(links)
}

/// SHA-256 of an object as it goes up: of each part, and of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Digests {
    pub(super) length: u64,
    pub(super) parts: Vec<[u8; 32]>,
}

impl Digests {
    /// As a server shows it: the object's own digest, or for several parts the digest of their digests and their number.
    /// (S3 has no SHA-256 over the whole of an object that came in parts.)
    pub(super) fn shown(&self) -> String {
        match self.parts.as_slice() {
            [one] => BASE64.encode(one),
            parts => format!("{}-{}", BASE64.encode(Sha256::digest(parts.concat())), parts.len()),
        }
    }
}

pub(super) fn base64(digest: &[u8; 32]) -> String {
    BASE64.encode(digest)
}

/// What was asked for.
pub(super) struct Sent<'a> {
    pub(super) length: u64,
    pub(super) checksum: String,
    pub(super) lock: Option<Lock>,
    pub(super) encryption: &'a Encryption,
    pub(super) links: Option<&'a Links>,
}

/// What a HEAD shows.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) length: u64,
    pub(super) checksum: Option<String>,
    pub(super) lock: Option<Lock>,
    pub(super) encryption: Option<String>,
    pub(super) kms_key: Option<String>,
    pub(super) metadata: HashMap<String, String>,
    /// Unix seconds, by the server's clock.
    pub(super) modified: u64,
    pub(super) etag: Option<String>,
    /// In a storage class from which it has to be restored before anyone can read it, and not restored.
    pub(super) frozen: bool,
    /// The version that was asked for, where one was.
    pub(super) version: Option<String>,
}

impl From<HeadObjectOutput> for Stored {
    fn from(head: HeadObjectOutput) -> Self {
        let seconds = |time: aws_sdk_s3::primitives::DateTime| u64::try_from(time.secs()).unwrap_or(0);
        // While a restored copy is there, `restore` says until when.
        let restored = head.restore.is_some_and(|restore| restore.contains("ongoing-request=\"false\""));
        let cold = matches!(head.storage_class, Some(StorageClass::Glacier | StorageClass::DeepArchive));
        let frozen = cold && !restored;
        let mode = head.object_lock_mode.map(|mode| match mode {
            ObjectLockMode::Compliance => Mode::Compliance,
            ObjectLockMode::Governance => Mode::Governance,
            _ => Mode::None,
        });
        Self {
            length: head.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0),
            checksum: head.checksum_sha256,
            lock: mode
                .zip(head.object_lock_retain_until_date)
                .map(|(mode, until)| Lock { mode, until: seconds(until) }),
            encryption: head.server_side_encryption.map(|kind| kind.as_str().to_owned()),
            kms_key: head.ssekms_key_id,
            metadata: head.metadata.unwrap_or_default(),
            modified: head.last_modified.map_or(0, seconds),
            etag: head.e_tag,
            frozen,
            version: None,
        }
    }
}

/// All in which the stored object is not what was sent.
pub(super) fn differs(sent: &Sent<'_>, stored: &Stored) -> Vec<Differs> {
    let mut differs = Vec::new();
    let mut compare = |what, same: bool, sent: String, found: Option<String>| {
        if !same {
            differs.push(Differs { what, sent, found });
        }
    };
    compare("length", stored.length == sent.length, sent.length.to_string(), Some(stored.length.to_string()));
    let checksum = stored.checksum.as_deref() == Some(sent.checksum.as_str());
    compare("SHA-256", checksum, sent.checksum.clone(), stored.checksum.clone());
    if let Some(lock) = &sent.lock {
        let found = stored.lock.as_ref().map(ToString::to_string);
        compare("object lock", stored.lock == sent.lock, lock.to_string(), found);
    }
    if let Some(expected) = encryption(sent.encryption) {
        let found = stored.encryption.clone();
        compare("encryption", found.as_deref() == Some(expected), expected.to_owned(), found);
    }
    if let Encryption::KmsKeyId(key) = sent.encryption {
        // A server answers with the key's ARN, whose end is its id; an alias is resolved.
        let same =
            key.contains("alias/") || stored.kms_key.as_deref().is_some_and(|found| found.ends_with(key.as_str()));
        compare("encryption key", same, key.clone(), stored.kms_key.clone());
    }
    if let Some(expected) = sent.links {
        let same = links(&stored.metadata).as_ref() == Some(expected);
        let found = (!stored.metadata.is_empty()).then(|| "others".to_owned());
        compare("user metadata", same, "the links of its records".to_owned(), found);
    }
    differs
}

/// As a HEAD names it.
fn encryption(asked: &Encryption) -> Option<&'static str> {
    match asked {
        Encryption::SseS3 => Some("AES256"),
        Encryption::KmsKeyId(_) => Some("aws:kms"),
        Encryption::None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealtrail_chain::{Hash, Sequence};

    fn some_links() -> Links {
        Links { first: Sequence::new(7), last: Sequence::new(9), before: Hash([1; 32]), after: Hash([2; 32]) }
    }

    #[test]
    fn links_are_read_as_they_were_written_or_not_at_all() {
        let written = metadata(&some_links());
        assert_eq!(links(&written), Some(some_links()));
        let upper = written.iter().map(|(key, value)| (key.to_uppercase(), value.clone())).collect();
        assert_eq!(links(&upper), Some(some_links()));
        for key in [FIRST, LAST, PREV_HASH, HASH, FORMAT] {
            let mut without = written.clone();
            without.remove(key);
            assert_eq!(links(&without), None, "{key}");
            let mut wrong = written.clone();
            wrong.insert(key.to_owned(), "x".to_owned());
            assert_eq!(links(&wrong), None, "{key}");
        }
    }

    #[test]
    fn one_part_shows_its_own_digest_and_several_the_digest_of_theirs() {
        let one = Digests { length: 3, parts: vec![Sha256::digest(b"abc").into()] };
        assert_eq!(one.shown(), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        // Python: base64.b64encode(sha256(sha256(b"abc").digest() + sha256(b"def").digest()).digest())
        let two = Digests { length: 6, parts: vec![Sha256::digest(b"abc").into(), Sha256::digest(b"def").into()] };
        assert_eq!(two.shown(), "nATTAFe3VK8bLS1PVnV4LdYaWmWcNO5sKvR1JrZsr6Y=-2");
    }

    /// Promise 3: nothing is released for an object that is not kept as it was asked for.
    #[test]
    fn whatever_differs_is_named() {
        let links = some_links();
        let lock = Some(Lock { mode: Mode::Compliance, until: 1_800_000_000 });
        let sent = |encryption| Sent { length: 5, checksum: "c".into(), lock, encryption, links: Some(&links) };
        let kms = Encryption::KmsKeyId("key-1".into());
        let sound = || Stored {
            length: 5,
            checksum: Some("c".into()),
            lock,
            encryption: Some("aws:kms".into()),
            kms_key: Some("arn:aws:kms:key-1".into()),
            metadata: metadata(&links),
            ..Stored::default()
        };
        assert_eq!(differs(&sent(&kms), &sound()), vec![]);
        let named = |encryption, stored: Stored| {
            differs(&sent(encryption), &stored).iter().map(|differs| differs.what).collect::<Vec<_>>()
        };
        assert_eq!(named(&kms, Stored { length: 4, ..sound() }), ["length"]);
        assert_eq!(named(&kms, Stored { checksum: None, ..sound() }), ["SHA-256"]);
        assert_eq!(named(&kms, Stored { lock: None, ..sound() }), ["object lock"]);
        let early = Some(Lock { mode: Mode::Compliance, until: 1_799_999_999 });
        assert_eq!(named(&kms, Stored { lock: early, ..sound() }), ["object lock"]);
        assert_eq!(named(&kms, Stored { encryption: None, ..sound() }), ["encryption"]);
        assert_eq!(named(&Encryption::SseS3, sound()), ["encryption"]);
        assert_eq!(named(&kms, Stored { kms_key: Some("key-2".into()), ..sound() }), ["encryption key"]);
        assert_eq!(named(&kms, Stored { metadata: HashMap::new(), ..sound() }), ["user metadata"]);
        assert_eq!(named(&Encryption::None, Stored { encryption: None, ..sound() }), [""; 0]);
    }
}
