//! Why S3 does not take, show or keep an object. By HTTP status and operation: servers agree on those, and not on their error
//! codes.
//!
//! No text of a server gets in here but its error code, cut to what a code may look like: a message may repeat what was sent.

use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::check::Lack;
use crate::aws::endpoint::is_region;
use crate::aws::{CA_FILE_REMEDY, CaFile, Unanswered, unanswered};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call that failed.
    #[error("can't {doing} {at}: {why}\n  remedy  {}", why.remedy())]
    Call { doing: &'static str, at: String, why: Why },
    /// A bucket that lacks what the configuration asks of it.
    #[error("the bucket `{bucket}` is not fit for the archive: {}", list(.lacks))]
    Unfit { bucket: String, lacks: Vec<Lack> },
    /// An object that is not kept as it was asked for.
    #[error(
        "object {at} is not kept as it was sent: {}\n  remedy  nothing was released. See who changed the object or its \
         bucket, put the lock right with the server's own tools, and restart; a server that passes over encryption needs \
         `archive.s3.encryption: none`",
        .differs.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    Unkept { at: String, differs: Vec<Differs> },
    #[error("{0} (`archive.s3.ca_file`)\n  remedy  {remedy}", remedy = CA_FILE_REMEDY)]
    CaFile(#[from] CaFile),
    #[error(
        "object {at} is no segment: {problem}\n  remedy  another collector writes this chain, or the archive was changed: run \
         `sealtrail verify` on a copy of it"
    )]
    Segment { at: String, problem: &'static str },
}

/// What of a stored object differs from what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    pub what: &'static str,
    pub sent: String,
    /// Absent: the server shows none.
    pub found: Option<String>,
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, sent, found } = self;
        write!(f, "{what} is {}, not {sent}", found.as_deref().unwrap_or("none"))
    }
}

impl Error {
    /// Whether the same call may succeed later. A bucket that is not fit may become so, and nothing was written to it; an
    /// object that is not kept as it was sent is for a person to look at.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Call { why, .. } => why.is_passing(),
            Self::Unfit { .. } => true,
            Self::Unkept { .. } | Self::CaFile(_) | Self::Segment { .. } => false,
        }
    }

    /// One word for own records.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Call { why, .. } => why.reason(),
            Self::Unfit { .. } => "bucket_unfit",
            Self::Unkept { .. } => "object_unkept",
            Self::CaFile(_) => "ca_file",
            Self::Segment { .. } => "object_differs",
        }
    }

    /// Whether a start must be refused: what is wrong is the configuration or the bucket, and not that the server is away.
    pub fn refuses_start(&self) -> bool {
        !self.is_passing() || matches!(self, Self::Unfit { .. })
    }
}

fn list(lacks: &[Lack]) -> String {
    lacks.iter().map(|lack| format!("{lack}\n  remedy  {}", lack.remedy())).collect::<Vec<_>>().join("\nand      ")
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// No connection, or one that broke.
    Unreachable { problem: String },
    /// It took the connection and gave no answer in time.
    TimedOut,
    /// The standard chain has none.
    NoCredentials,
    /// 401, 403.
    Denied { status: u16, code: String },
    /// 403 with a date that is far from ours.
    Clock,
    /// 404: for an object that must be there, or for the bucket.
    Absent,
    /// 409, 429, 503: not now.
    Busy { status: u16 },
    /// 500 and above, a full disk among it.
    Server { status: u16 },
    /// 301, 307, 308: another region or address.
    Elsewhere { region: Option<String> },
    /// Any other status.
    Refused { status: u16, code: String },
    /// An answer that can't be read.
    Answer,
    /// The request could not be made: what was to be sent can't be read, or doesn't fit.
    Request,
}

impl Why {
    /// Whether the same call may succeed later, when somebody has mended something outside this process. What isn't passing
    /// needs another configuration.
    pub(super) fn is_passing(&self) -> bool {
        !matches!(self, Self::Elsewhere { .. })
    }

    /// One word for own records.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut => "timed_out",
            Self::NoCredentials => "no_credentials",
            Self::Denied { .. } => "denied",
            Self::Clock => "clock",
            Self::Absent => "absent",
            Self::Busy { .. } => "busy",
            Self::Server { .. } => "server_error",
            Self::Elsewhere { .. } => "elsewhere",
            Self::Refused { .. } => "refused",
            Self::Answer => "bad_answer",
            Self::Request => "bad_request",
        }
    }

    /// Whether other credentials may help: those in use are then dropped and read again. 400 is among it, for AWS says
    /// so of an expired token.
    pub(super) fn doubts_credentials(&self) -> bool {
        matches!(self, Self::NoCredentials | Self::Denied { .. } | Self::Refused { status: 400, .. })
    }

    fn remedy(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "see that the server runs and that `archive.s3.endpoint`, `region` and `ca_file` lead to it; it is tried again"
            }
            Self::TimedOut => {
                "see that the server answers; it is tried again, each call for `archive.s3.timeouts` at most"
            }
            Self::NoCredentials => {
                "give the collector's user credentials by the standard AWS chain: environment, profile file, web identity, \
                 container or instance role; they are looked for again"
            }
            Self::Denied { .. } => {
                "let the collector's credentials do this call (README.md lists the actions), or put revoked ones back; they are \
                 read again and the call is tried again"
            }
            Self::Clock => {
                "set this machine's clock, or the server's: signed requests may differ by 15 minutes at most; it is tried again"
            }
            Self::Absent => "see that the bucket is there and named right; it is tried again",
            Self::Busy { .. } => "none is needed: it is tried again",
            Self::Server { .. } => "look at the server's own log, and at its free space; it is tried again",
            Self::Elsewhere { .. } => "set `archive.s3.region` and `endpoint` to where the bucket lies, then restart",
            Self::Refused { .. } => "look at the server's own log; it is tried again",
            Self::Answer => "see that what listens there is an S3 server; it is tried again",
            Self::Request => "see that the data directory can be read; it is tried again",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { problem } => write!(f, "it can't be reached: {problem}"),
            Self::TimedOut => f.write_str("it gave no answer in time"),
            Self::NoCredentials => f.write_str("no credentials were found"),
            Self::Denied { status, code } => write!(f, "it is not allowed ({status} {code})"),
            Self::Clock => f.write_str("its clock and ours differ too much"),
            Self::Absent => f.write_str("it is not there (404)"),
            Self::Busy { status } => write!(f, "not now ({status})"),
            Self::Server { status } => write!(f, "the server failed ({status})"),
            Self::Elsewhere { region: Some(region) } => write!(f, "the bucket lies in region `{region}`"),
            Self::Elsewhere { region: None } => f.write_str("the bucket lies elsewhere"),
            Self::Refused { status, code } => write!(f, "it was refused ({status} {code})"),
            Self::Answer => f.write_str("the answer can't be read"),
            Self::Request => f.write_str("the request could not be made"),
        }
    }
}

/// What the SDK says, in our words.
pub(super) fn why<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Why {
    match error {
        SdkError::ServiceError(answer) => {
            let raw = answer.raw();
            of_status(raw.status().as_u16(), answer.err().code().unwrap_or_default(), raw.headers().get(REGION))
        }
        // A status without a body that the SDK understands (HEAD has none).
        SdkError::ResponseError(answer) if !answer.raw().status().is_success() => {
            of_status(answer.raw().status().as_u16(), "", answer.raw().headers().get(REGION))
        }
        SdkError::ResponseError(_) => Why::Answer,
        other => match unanswered(other) {
            Unanswered::Unreachable { problem } => Why::Unreachable { problem },
            Unanswered::TimedOut => Why::TimedOut,
            Unanswered::NoCredentials => Why::NoCredentials,
            Unanswered::Request => Why::Request,
        },
    }
}

/// Tells in which region a bucket lies.
const REGION: &str = "x-amz-bucket-region";

/// The one table of statuses. `code` decides nothing but whether a 403 is about the clock: no status says that.
pub(super) fn of_status(status: u16, code: &str, region: Option<&str>) -> Why {
    let code = || code.chars().filter(char::is_ascii_alphanumeric).take(64).collect::<String>();
    match status {
        // A success that the SDK could not make out.
        200..=299 => Why::Answer,
        301 | 307 | 308 => Why::Elsewhere { region: region.filter(|region| is_region(region)).map(str::to_owned) },
        401 | 403 if code() == "RequestTimeTooSkewed" => Why::Clock,
        401 | 403 => Why::Denied { status, code: code() },
        404 => Why::Absent,
        409 | 429 | 503 => Why::Busy { status },
        500.. => Why::Server { status },
        _ => Why::Refused { status, code: code() },
    }
}

/// Whether a key was taken already.
pub(super) fn is_taken<E>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(412)
}

pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise 4: whatever a server answers has a word, and only what another configuration would mend stops the leg.
    #[test]
    fn every_status_has_a_word() {
        for (status, code, reason) in [
            (200, "", "bad_answer"),
            (301, "PermanentRedirect", "elsewhere"),
            (307, "TemporaryRedirect", "elsewhere"),
            (400, "BadDigest", "refused"),
            (400, "XAmzContentChecksumMismatch", "refused"),
            (400, "ExpiredToken", "refused"),
            (401, "", "denied"),
            (403, "AccessDenied", "denied"),
            (403, "InvalidAccessKeyId", "denied"),
            (403, "RequestTimeTooSkewed", "clock"),
            (404, "NoSuchBucket", "absent"),
            (405, "MethodNotAllowed", "refused"),
            (409, "ConditionalRequestConflict", "busy"),
            (411, "MissingContentLength", "refused"),
            (429, "", "busy"),
            (500, "InternalError", "server_error"),
            (501, "NotImplemented", "server_error"),
            (503, "SlowDown", "busy"),
            (507, "", "server_error"),
        ] {
            let why = of_status(status, code, None);
            assert_eq!(why.reason(), reason, "{status} {code}");
            assert_eq!(why.is_passing(), reason != "elsewhere", "{status} {code}");
            assert!(!why.remedy().is_empty() && !why.to_string().is_empty());
        }
    }

    /// What stops the leg, and what refuses a start: a server that is away does neither.
    #[test]
    fn an_error_says_who_must_act() {
        let call = |status| Error::Call { doing: "reach", at: "s3://audit/".into(), why: of_status(status, "", None) };
        let unkept = Error::Unkept { at: "s3://audit/a".into(), differs: vec![] };
        for (error, passing, refuses) in [
            (call(503), true, false),
            (call(403), true, false),
            (call(301), false, true),
            (Error::Unfit { bucket: "audit".into(), lacks: vec![] }, true, true),
            (Error::CaFile(CaFile { path: "ca.pem".into(), problem: "it can't be read" }), false, true),
            (unkept, false, true),
        ] {
            assert_eq!((error.is_passing(), error.refuses_start()), (passing, refuses), "{error}");
            assert!(error.reason().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{error}");
        }
    }

    #[test]
    fn nothing_but_a_code_and_a_region_gets_into_a_text() {
        let why = of_status(403, "<Message>AKIA secret\n</Message>", None);
        assert_eq!(why.to_string(), "it is not allowed (403 MessageAKIAsecretMessage)");
        assert_eq!(of_status(301, "", Some("eu west\n1")), Why::Elsewhere { region: None });
        assert_eq!(of_status(301, "", Some("eu-west-1")), Why::Elsewhere { region: Some("eu-west-1".into()) });
    }

    #[test]
    fn credentials_are_read_again_where_others_may_help() {
        for (status, again) in [(403, true), (401, true), (400, true), (404, false), (503, false), (500, false)] {
            assert_eq!(of_status(status, "", None).doubts_credentials(), again, "{status}");
        }
        assert!(!of_status(403, "RequestTimeTooSkewed", None).doubts_credentials());
    }
}
