//! The `add-checkpoint` call of c2sp.org/tlog-witness: what is sent, and what an answer means.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sealtrail_chain::Checkpoint;
use sealtrail_chain::checkpoint::Cosignature;
use sealtrail_chain::note::Vkey;

use crate::client::Answer;

/// Longest answer that is read: a line of ML-DSA-44 has some 3,300 bytes, and the standard lets a witness send several.
pub(super) const MOST: usize = 64 << 10;
/// More lines than any witness has keys.
const MOST_LINES: usize = 16;

/// What is sent: the size that the witness is known to have cosigned, a proof from there, and the checkpoint as it is stored.
pub(super) fn request(old: u64, proof: &[[u8; 32]], note: &str) -> String {
    let mut body = format!("old {old}\n");
    for hash in proof {
        writeln!(body, "{}", BASE64.encode(hash)).expect("writing to a String can't fail");
    }
    body + "\n" + note
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Cosigned(Cosigned),
    /// It last cosigned this size, and not the one it was told.
    Known(u64),
    /// The checkpoint does not continue what it has cosigned.
    Inconsistent,
    Refused(Refusal),
}

/// A checkpoint with a witness's word behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cosigned {
    /// The whole note, as it is stored.
    pub(super) note: String,
    /// By the witness's clock.
    pub(super) unix_seconds: u64,
}

/// Why a witness has not cosigned, without having seen anything wrong with the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it does not know this log (404); register the log's origin with it")]
    UnknownLog,
    #[error("it does not know this log's key (403); register the key that `sealtrail keys show` prints with it")]
    UnknownKey,
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is none of the protocol (status {0})")]
    Malformed(u16),
    #[error("its cosignature is not by the key of the configuration, or does not hold")]
    NotIts,
}

impl Refusal {
    /// One word for metrics.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::UnknownLog => "unknown_log",
            Self::UnknownKey => "unknown_key",
            Self::Status(_) => "status",
            Self::Malformed(_) => "malformed",
            Self::NotIts => "forged",
        }
    }

    /// Whether it is the witness's own trouble, which may be over in a moment.
    pub(super) fn is_passing(self) -> bool {
        matches!(self, Self::Status(429 | 500..))
    }
}

/// Reads the answer to `note`.
pub(super) fn read(answer: &Answer, note: &str, key: &Vkey) -> Outcome {
    let malformed = Outcome::Refused(Refusal::Malformed(answer.status));
    let Ok(body) = std::str::from_utf8(&answer.body) else { return malformed };
    match answer.status {
        200 => cosigned(body, note, key).map_or(Outcome::Refused(Refusal::NotIts), Outcome::Cosigned),
        404 => Outcome::Refused(Refusal::UnknownLog),
        403 => Outcome::Refused(Refusal::UnknownKey),
        409 => size(body).map_or(malformed, Outcome::Known),
        422 => Outcome::Inconsistent,
        status => Outcome::Refused(Refusal::Status(status)),
    }
}

/// The note with those of the lines that are by `key`; none that names no time.
fn cosigned(body: &str, note: &str, key: &Vkey) -> Option<Cosigned> {
    let (mut whole, mut time) = (note.to_owned(), None);
    for line in body.lines().take(MOST_LINES) {
        // Each on its own, so that a line that is no signature spoils no other.
        let Ok((_, signatures)) = Checkpoint::verify(&format!("{note}{line}\n"), std::slice::from_ref(key)) else {
            continue;
        };
        let [Cosignature { unix_seconds: Some(seconds), .. }] = signatures.witnessed[..] else { continue };
        whole.push_str(line);
        whole.push('\n');
        time = time.max(Some(seconds));
    }
    Some(Cosigned { note: whole, unix_seconds: time? })
}

/// A decimal and a newline.
fn size(body: &str) -> Option<u64> {
    let digits = body.strip_suffix('\n').unwrap_or(body);
    let canonical = digits == "0" || !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|size| canonical && *size <= i64::MAX as u64)
}
