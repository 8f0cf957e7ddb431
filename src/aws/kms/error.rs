//! Why KMS does not do what it is asked. Nearly all of its refusals are a 400, so the code decides; where there is none, the
//! status. Of what a server says no more than the code gets in here, cut to what a code may look like.

use std::fmt;
use std::io;

use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};

use crate::aws::{CA_FILE_REMEDY, CaFile, Unanswered, unanswered};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{place} can't {doing}: {why}")]
    Call { doing: &'static str, place: String, why: Why },
    #[error("{0} (`ca_file`)")]
    CaFile(#[from] CaFile),
    #[error("this machine has no room for a call to AWS KMS: {source}")]
    Machine { source: io::Error },
}

impl Error {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Call { why, .. } => why.remedy(),
            Self::CaFile(_) => CA_FILE_REMEDY,
            Self::Machine { .. } => "see how many threads and open files this user may have",
        }
    }
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    Unanswered(Unanswered),
    /// The policy of the key or of the user.
    Denied {
        code: String,
    },
    /// Unknown, expired, or signed wrongly.
    Credentials {
        code: String,
    },
    NoKey,
    /// Disabled, about to be deleted, or of another kind.
    Unusable {
        code: String,
    },
    /// What is to be opened was closed with another key.
    OtherKey,
    /// What is to be opened was changed, or the context is another one.
    Sealed,
    /// Throttled, or out of service for a while.
    Busy,
    Server {
        status: u16,
    },
    Refused {
        status: u16,
        code: String,
    },
    /// An answer that can't be read.
    Answer,
}

impl Why {
    pub(super) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::ServiceError(answer) => {
                of_code(answer.raw().status().as_u16(), answer.err().code().unwrap_or_default())
            }
            SdkError::ResponseError(answer) => of_code(answer.raw().status().as_u16(), ""),
            other => Self::Unanswered(unanswered(other)),
        }
    }

    fn remedy(&self) -> &'static str {
        match self {
            Self::Unanswered(Unanswered::Unreachable { .. }) => {
                "see that this machine reaches KMS and that `region`, `endpoint` and `ca_file` lead to it"
            }
            Self::Unanswered(Unanswered::TimedOut) => "see that KMS answers; each call waits for `timeouts` at most",
            Self::Unanswered(Unanswered::NoCredentials) => {
                "give this user credentials by the standard AWS chain: environment, profile file, web identity, container or \
                 instance role"
            }
            Self::Unanswered(Unanswered::Request) => "see that `endpoint` is right",
            Self::Denied { .. } => {
                "let these credentials use the key, in its policy or theirs: `kms:Decrypt` opens, \
                 `kms:GenerateDataKeyWithoutPlaintext` and `kms:Encrypt` wrap; and see that what is wrapped belongs to this key"
            }
            Self::Credentials { .. } => {
                "renew the credentials, and see that this machine's clock is right: signed requests may differ by 5 minutes"
            }
            Self::NoKey => "correct `kms_key_id` and `region`",
            Self::Unusable { .. } => {
                "enable the key, or cancel its deletion; it must be symmetric, for encrypting and decrypting"
            }
            Self::OtherKey => "name the key that wrapped it in `kms_key_id`",
            Self::Sealed => {
                "take what is wrapped from its backup, whole, and the masking key's id that it was wrapped for; a new key needs a \
                 new id"
            }
            Self::Busy => "try again in a moment",
            Self::Server { .. } => "try again; see AWS's health page, or the log of the server of your own",
            Self::Refused { .. } => "look the code up in the documentation of KMS",
            Self::Answer => "see that what listens there is KMS",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered(why) => why.fmt(f),
            Self::Denied { code } => write!(f, "it is not allowed ({code})"),
            Self::Credentials { code } => write!(f, "the credentials are not taken ({code})"),
            Self::NoKey => f.write_str("there is no such key"),
            Self::Unusable { code } => write!(f, "the key can't be used now ({code})"),
            Self::OtherKey => f.write_str("another key has wrapped this"),
            Self::Sealed => f.write_str("what is wrapped was changed, or wrapped by another key or for another key id"),
            Self::Busy => f.write_str("it has too much to do now"),
            Self::Server { status } => write!(f, "the server failed ({status})"),
            Self::Refused { status, code } => write!(f, "it was refused ({status} {code})"),
            Self::Answer => f.write_str("the answer can't be read"),
        }
    }
}

/// The one table. Codes of KMS ("Common Errors" and those of Decrypt), with or without the namespace before them.
fn of_code(status: u16, code: &str) -> Why {
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    match code.as_str() {
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => Why::Denied { code },
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "RequestExpired" => Why::Credentials { code },
        "NotFoundException" | "InvalidArnException" => Why::NoKey,
        "DisabledException" | "KMSInvalidStateException" | "KeyUnavailableException" | "InvalidKeyUsageException" => {
            Why::Unusable { code }
        }
        "IncorrectKeyException" => Why::OtherKey,
        "InvalidCiphertextException" => Why::Sealed,
        "ThrottlingException" | "LimitExceededException" => Why::Busy,
        _ => match status {
            // A success that the SDK could not make out.
            200..=299 => Why::Answer,
            401 | 403 => Why::Denied { code: format!("{status}") },
            429 | 503 => Why::Busy,
            500.. => Why::Server { status },
            _ => Why::Refused { status, code },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_word_and_a_remedy() {
        let denied = |code: &str| Why::Denied { code: code.to_owned() };
        let credentials = |code: &str| Why::Credentials { code: code.to_owned() };
        let unusable = |code: &str| Why::Unusable { code: code.to_owned() };
        for (status, code, expected) in [
            (400, "AccessDeniedException", denied("AccessDeniedException")),
            (400, "UnrecognizedClientException", credentials("UnrecognizedClientException")),
            (400, "ExpiredTokenException", credentials("ExpiredTokenException")),
            (400, "InvalidSignatureException", credentials("InvalidSignatureException")),
            (400, "NotFoundException", Why::NoKey),
            (400, "DisabledException", unusable("DisabledException")),
            (400, "KMSInvalidStateException", unusable("KMSInvalidStateException")),
            (500, "KeyUnavailableException", unusable("KeyUnavailableException")),
            (400, "IncorrectKeyException", Why::OtherKey),
            (400, "InvalidCiphertextException", Why::Sealed),
            (400, "ThrottlingException", Why::Busy),
            (400, "ValidationException", Why::Refused { status: 400, code: "ValidationException".to_owned() }),
            (403, "", denied("403")),
            (404, "", Why::Refused { status: 404, code: String::new() }),
            (503, "DependencyTimeoutException", Why::Busy),
            (500, "KMSInternalException", Why::Server { status: 500 }),
            (200, "", Why::Answer),
        ] {
            let why = of_code(status, code);
            assert_eq!(why, expected, "{status} {code}");
            assert!(!why.remedy().is_empty() && !why.to_string().is_empty());
        }
    }

    #[test]
    fn nothing_but_a_code_gets_into_a_text() {
        let why = of_code(400, "<Message>AKIA secret\n</Message>");
        assert_eq!(why.to_string(), "it was refused (400 MessageAKIAsecretMessage)");
    }
}
