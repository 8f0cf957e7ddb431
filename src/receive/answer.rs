//! Every answer that a sender can get, in one closed list: a success that takes a proof of what is kept, or a `Refusal`.
//!
//! Texts are fixed or made of numbers; nothing that a sender wrote comes back. Codes and retry hints follow the OTLP
//! specification 1.9 ("OTLP/gRPC Response", "OTLP/HTTP Response").

use std::fmt::Write as _;
use std::time::Duration;

use http::StatusCode;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use prost::Message as _;
use sealtrail_chain::content::otlp::Malformed;
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{mask, wal};

/// Why a request as a whole is not taken.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    Unauthenticated,
    UnknownPath,
    Method,
    ContentType,
    ContentEncoding,
    TooLarge,
    Compressed,
    Framing,
    Malformed,
    /// Every record of the request was refused for its own sake.
    Records(Box<Rejected>),
    SlowBody,
    BrokenBody,
    Memory,
    Stopping,
    Log(wal::Refused),
    /// A part of the collector failed in a way that it should not.
    Internal,
}

impl Refusal {
    /// The label of the metric and of the sealed record.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::UnknownPath => "unknown_path",
            Self::Method => "method",
            Self::ContentType => "content_type",
            Self::ContentEncoding => "content_encoding",
            Self::TooLarge => "too_large",
            Self::Compressed => "compression",
            Self::Framing => "framing",
            Self::Malformed => "malformed",
            Self::Records(_) => "records",
            Self::SlowBody => "slow_sender",
            Self::BrokenBody => "broken_body",
            Self::Memory => "memory_limit",
            Self::Stopping | Self::Log(wal::Refused::Stopping) => "stopping",
            Self::Log(wal::Refused::Full) => "wal_full",
            Self::Log(wal::Refused::Disk) => "disk",
            Self::Log(wal::Refused::Clock) => "clock",
            Self::Log(wal::Refused::Fenced) => "fenced",
            Self::Log(wal::Refused::StreamDown) => "stream_down",
            Self::Log(wal::Refused::Uncommitted) => "stream_timeout",
            Self::Internal => "internal",
        }
    }

    pub(super) fn code(&self) -> Code {
        match self {
            Self::Unauthenticated => Code::Unauthenticated,
            Self::UnknownPath | Self::Method | Self::ContentType | Self::ContentEncoding => Code::Unimplemented,
            Self::TooLarge | Self::Memory => Code::ResourceExhausted,
            Self::Compressed | Self::Framing | Self::Malformed | Self::Records(_) => Code::InvalidArgument,
            Self::SlowBody | Self::BrokenBody | Self::Stopping | Self::Log(_) => Code::Unavailable,
            Self::Internal => Code::Internal,
        }
    }

    pub(super) fn http(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Compressed | Self::Framing | Self::Malformed | Self::Records(_) => StatusCode::BAD_REQUEST,
            Self::Memory => StatusCode::TOO_MANY_REQUESTS,
            Self::SlowBody | Self::BrokenBody | Self::Stopping | Self::Log(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// When the same request may be tried again; `None`: it would be refused again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let seconds = match self {
            Self::Memory | Self::BrokenBody => 1,
            Self::SlowBody | Self::Stopping | Self::Log(wal::Refused::Stopping | wal::Refused::Disk) => 5,
            Self::Log(wal::Refused::StreamDown | wal::Refused::Uncommitted) => 5,
            Self::Log(wal::Refused::Full | wal::Refused::Fenced) => 15,
            Self::Log(wal::Refused::Clock) => 60,
            _ => return None,
        };
        Some(Duration::from_secs(seconds))
    }

    pub(super) fn message(&self) -> String {
        match self {
            Self::Unauthenticated => "a valid bearer token is needed",
            Self::UnknownPath => "only logs are taken: LogsService/Export over gRPC, POST /v1/logs over HTTP",
            Self::Method => "only POST is taken here",
            Self::ContentType => "the content type must be application/x-protobuf or application/json",
            Self::ContentEncoding => "the content encoding must be gzip, zstd, deflate or identity",
            Self::TooLarge => "the request is larger than the limit, as sent or once decompressed",
            Self::Compressed => "the body can't be decompressed",
            Self::Framing => "the body is not one gRPC message",
            Self::Malformed => "the body is not an ExportLogsServiceRequest",
            Self::Records(rejected) => return rejected.message(),
            Self::SlowBody => "the body did not arrive in time",
            Self::BrokenBody => "the body was cut short",
            Self::Memory => "too many requests are in hand",
            Self::Stopping => "the collector is stopping",
            Self::Log(refused) => return refused.to_string(),
            Self::Internal => "the collector failed on this request",
        }
        .to_owned()
    }

    /// The `google.rpc.Status`, encoded: `grpc-status-details-bin`, and the body over HTTP.
    pub(super) fn status(&self) -> Vec<u8> {
        match self.retry_after() {
            Some(delay) => {
                let details = ErrorDetails::with_retry_info(Some(delay));
                Status::with_error_details(self.code(), self.message(), details).details().to_vec()
            }
            None => {
                let (code, message) = (self.code() as i32, self.message());
                tonic_types::Status { code, message, details: Vec::new() }.encode_to_vec()
            }
        }
    }

    /// The same in the JSON mapping of protobuf.
    pub(super) fn status_json(&self) -> Vec<u8> {
        let details = self.retry_after().map(|delay| {
            json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{}s", delay.as_secs())})
        });
        let mut status = json!({"code": self.code() as i32, "message": self.message()});
        if let Some(details) = details {
            status["details"] = json!([details]);
        }
        status.to_string().into_bytes()
    }
}

/// Why one record is refused while its neighbours are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Truncated,
    Type,
    TooDeep,
    TooMany,
    TooLarge,
}

impl Reason {
    const ALL: [Self; 5] = [Self::Truncated, Self::Type, Self::TooDeep, Self::TooMany, Self::TooLarge];

    /// The label of the metric and of the sealed record.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Truncated => "record_cut_short",
            Self::Type => "record_field_type",
            Self::TooDeep => "record_too_deep",
            Self::TooMany => "record_too_many_values",
            Self::TooLarge => "record_too_large",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Truncated => "a field is cut short",
            Self::Type => "a field has the wrong type",
            Self::TooDeep => "values are nested deeper than 24",
            Self::TooMany => "more than 100000 attributes and list elements",
            Self::TooLarge => "larger than the limit once masked",
        }
    }
}

impl From<Malformed> for Reason {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::Truncated => Self::Truncated,
            Malformed::WireType => Self::Type,
            Malformed::TooDeep => Self::TooDeep,
            Malformed::TooMany => Self::TooMany,
        }
    }
}

impl From<mask::Refused> for Reason {
    fn from(refused: mask::Refused) -> Self {
        match refused {
            mask::Refused::TooLarge { .. } => Self::TooLarge,
        }
    }
}

/// Indexes named for each reason; more would make the answer grow with the request.
const NAMED: usize = 5;

/// The records of a request that were refused for their own sake: how many, why, and where the first few stand.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Rejected {
    reasons: [Rejections; Reason::ALL.len()],
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Rejections {
    count: u64,
    first: [u64; NAMED],
}

impl Rejected {
    /// Refuses the record that stands at `index` in the request, counted over all of its scopes.
    pub(super) fn add(&mut self, index: u64, reason: Reason) {
        let of = &mut self.reasons[reason as usize];
        if let Some(place) = usize::try_from(of.count).ok().and_then(|count| of.first.get_mut(count)) {
            *place = index;
        }
        of.count += 1;
    }

    /// Adds what was refused behind these, in the same request.
    pub(super) fn append(&mut self, behind: &Self) {
        for (of, more) in self.reasons.iter_mut().zip(behind.reasons) {
            let named = usize::try_from(of.count).unwrap_or(NAMED).min(NAMED);
            let room = of.first[named..].len();
            of.first[named..].copy_from_slice(&more.first[..room]);
            of.count += more.count;
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.reasons.iter().map(|of| of.count).sum()
    }

    /// How many for which reason.
    pub(super) fn reasons(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().zip(self.reasons).map(|(reason, of)| (reason, of.count)).filter(|(_, count)| *count > 0)
    }

    /// For a person: counts, reasons and places, no values.
    fn message(&self) -> String {
        let mut text = format!("{} refused", records(self.count()));
        for (reason, of) in Reason::ALL.into_iter().zip(self.reasons).filter(|(_, of)| of.count > 0) {
            let named = of.count.min(NAMED as u64) as usize;
            let _ = write!(text, "; {}: {} (at", reason.text(), of.count);
            for index in &of.first[..named] {
                let _ = write!(text, " {index}");
            }
            text.push_str(if of.count > NAMED as u64 { " and on)" } else { ")" });
        }
        text
    }
}

fn records(count: u64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}

/// The only maker of a success. `kept` is `None` only for a request that holds no record at all.
pub(super) fn accepted<P: wal::Proof>(kept: Option<P>, rejected: Rejected) -> ExportLogsServiceResponse {
    let _proof = kept;
    let partial_success = (rejected.count() > 0).then(|| ExportLogsPartialSuccess {
        rejected_log_records: i64::try_from(rejected.count()).unwrap_or(i64::MAX),
        error_message: rejected.message(),
    });
    ExportLogsServiceResponse { partial_success }
}

/// A success in the JSON mapping of OTLP.
pub(super) fn response_json(response: &ExportLogsServiceResponse) -> Vec<u8> {
    let Some(partial) = &response.partial_success else { return b"{}".to_vec() };
    let rejected = partial.rejected_log_records.to_string();
    json!({"partialSuccess": {"rejectedLogRecords": rejected, "errorMessage": partial.error_message}})
        .to_string()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header value, so every text must be plain ASCII without the `%` that gRPC would have to escape.
    #[test]
    fn every_refusal_can_be_said_in_a_header_and_agrees_on_retrying() {
        let mut rejected = Rejected::default();
        for index in 0..7 {
            rejected.add(index * 3, Reason::TooDeep);
        }
        rejected.add(99, Reason::Type);
        let logs = [
            wal::Refused::Full,
            wal::Refused::Disk,
            wal::Refused::Clock,
            wal::Refused::Stopping,
            wal::Refused::Fenced,
            wal::Refused::StreamDown,
            wal::Refused::Uncommitted,
        ];
        let all = [
            Refusal::Unauthenticated,
            Refusal::UnknownPath,
            Refusal::Method,
            Refusal::ContentType,
            Refusal::ContentEncoding,
            Refusal::TooLarge,
            Refusal::Compressed,
            Refusal::Framing,
            Refusal::Malformed,
            Refusal::Records(Box::new(rejected.clone())),
            Refusal::SlowBody,
            Refusal::BrokenBody,
            Refusal::Memory,
            Refusal::Stopping,
            Refusal::Internal,
        ];
        for refusal in all.into_iter().chain(logs.map(Refusal::Log)) {
            let message = refusal.message();
            assert!(message.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'%'), "{message}");
            let retryable = matches!(refusal.http().as_u16(), 429 | 503);
            assert_eq!(refusal.retry_after().is_some(), retryable, "{message}");
            let status = tonic_types::Status::decode(&*refusal.status()).unwrap();
            assert_eq!((status.code, status.message), (refusal.code() as i32, message));
            assert_eq!(status.details.len(), usize::from(retryable));
        }
        assert_eq!(
            rejected.message(),
            "8 records refused; a field has the wrong type: 1 (at 99); values are nested deeper than 24: 7 (at 0 3 6 9 12 and on)"
        );
    }

    #[test]
    fn a_success_names_what_was_refused_beside_it() {
        assert_eq!(response_json(&accepted(None::<wal::Durable>, Rejected::default())), b"{}");
        let mut rejected = Rejected::default();
        rejected.add(2, Reason::TooLarge);
        let json = String::from_utf8(response_json(&accepted(None::<wal::Durable>, rejected))).unwrap();
        let expected = r#"{"partialSuccess":{"errorMessage":"1 record refused; larger than the limit once masked: 1 (at 2)","rejectedLogRecords":"1"}}"#;
        assert_eq!(json, expected);
    }
}
