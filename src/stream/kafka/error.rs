//! What Kafka's answers mean here: a closed list, and the table that leads into it.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::super::reader::Damage;
use super::client::Trouble;

/// Why Kafka doesn't take a batch, or doesn't say where the chain ends. No text here comes from a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "can't {doing}: no broker of {brokers} has answered within {} s{}\n  remedy  see that the brokers run, and that `stream.kafka.brokers` names them as they are reached from here",
        limit.as_secs(),
        because(why)
    )]
    Unreachable { doing: &'static str, brokers: String, limit: Duration, why: Option<String> },
    #[error(
        "Kafka refuses our name or password: {why}\n  remedy  correct `stream.kafka.sasl` (or the user's password in Kafka), and see that its `mechanism` is switched on there"
    )]
    Authentication { why: String },
    #[error(
        "no TLS connection to Kafka: {why}\n  remedy  see `stream.kafka.tls`: the brokers' certificates must come from `ca_file` and name the hosts of `brokers`"
    )]
    Tls { why: String },
    #[error("Kafka denies us to {doing} ({code}){}", remedy(*code))]
    Denied { doing: &'static str, code: Code },
    #[error("Kafka could not {doing} ({code})")]
    Refused { doing: &'static str, code: Code },
    #[error("the transaction was taken back ({code}); it is written again")]
    TakenBack { code: Code },
    #[error("{}", list(.0))]
    Topics(Vec<super::topics::Problem>),
    #[error("another collector has taken this chain over in Kafka (or our own transaction ran out of time)")]
    Fenced,
    #[error("the Kafka client can't go on ({code}); a new one takes the chain over")]
    Lost { code: Code },
    #[error("the client refuses its configuration: {what}")]
    Configuration { what: String },
    #[error("message {offset} of {topic}, partition {partition}, is damaged: {what}")]
    Damaged { topic: String, partition: u32, offset: i64, what: Damage },
    #[error("{topic}, partition {partition}, has no message at offset {offset}: it begins with {low}")]
    Gone { topic: String, partition: u32, offset: i64, low: i64 },
}

fn because(why: &Option<String>) -> String {
    why.as_ref().map_or_else(String::new, |why| format!(": {why}"))
}

fn remedy(code: Code) -> &'static str {
    match code {
        Code::TransactionalIdAuthorizationFailed => {
            "\n  remedy  allow this user WRITE and DESCRIBE on the transactional id that is the chain's name"
        }
        Code::GroupAuthorizationFailed => "\n  remedy  allow this user READ on the group `<client_id>-reader`",
        _ => "\n  remedy  allow this user READ, WRITE and DESCRIBE on both topics",
    }
}

fn list(problems: &[super::topics::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nerror: ")
}

impl Error {
    /// Whether the same may succeed later, without a restart.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Authentication { .. }
            | Self::Tls { .. }
            | Self::Denied { .. }
            | Self::Refused { .. }
            | Self::TakenBack { .. }
            | Self::Topics(_)
            // Whether it was another collector or our own freeze is asked before anything else is done.
            | Self::Fenced
            | Self::Lost { .. } => true,
            Self::Configuration { .. } | Self::Damaged { .. } | Self::Gone { .. } => false,
        }
    }

    /// One word for own records.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Authentication { .. } => "authentication",
            Self::Tls { .. } => "tls",
            Self::Denied { .. } => "denied",
            Self::Refused { .. } | Self::TakenBack { .. } | Self::Lost { .. } => "refused",
            Self::Topics(_) => "topics",
            Self::Fenced => "fenced",
            Self::Configuration { .. } => "configuration",
            Self::Damaged { .. } => "damaged",
            Self::Gone { .. } => "gone",
        }
    }
}

/// What an error of the client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Another client has our name, or Kafka thinks so: nothing more may be written before the chain is compared.
    Fenced,
    /// This client is of no more use; another takes over.
    Lost,
    /// The transaction must be taken back and written again.
    TakeBack,
    /// The same call, again.
    Again,
    /// Not allowed, until someone changes that.
    Denied,
    /// No, for a reason that may pass.
    Refused,
}

/// What the client says of an error beside its code.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) fatal: bool,
    pub(super) abort: bool,
    pub(super) retriable: bool,
}

/// The table. Order matters: a fenced client is also a fatal one.
pub(super) fn verdict(code: Code, flags: Flags) -> Verdict {
    match code {
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => Verdict::Fenced,
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => Verdict::Denied,
        _ if flags.fatal => Verdict::Lost,
        _ if flags.abort => Verdict::TakeBack,
        // A commit that ran out of time is neither done nor undone: only asking again tells.
        _ if flags.retriable => Verdict::Again,
        Code::OperationTimedOut | Code::RequestTimedOut | Code::InProgress => Verdict::Again,
        // Calls that the client's state doesn't allow: the state is not the one that we believe in.
        Code::State | Code::Conflict | Code::Fatal => Verdict::Lost,
        _ => Verdict::Refused,
    }
}

/// Code and flags of an error of the client.
pub(super) fn code_of(error: &KafkaError) -> (Code, Flags) {
    match error {
        KafkaError::Transaction(error) => {
            let flags =
                Flags { fatal: error.is_fatal(), abort: error.txn_requires_abort(), retriable: error.is_retriable() };
            (error.code(), flags)
        }
        KafkaError::MessageConsumptionFatal(code) => (*code, Flags { fatal: true, ..Flags::default() }),
        other => (other.rdkafka_error_code().unwrap_or(Code::Fail), Flags::default()),
    }
}

/// Why a call ran out of time, as far as the client has said it.
pub(super) fn unanswered(doing: &'static str, brokers: String, limit: Duration, trouble: Option<Trouble>) -> Error {
    match trouble {
        Some(Trouble { code: Code::Authentication, text }) => Error::Authentication { why: text },
        Some(trouble) if trouble.is_tls() => Error::Tls { why: trouble.text },
        other => Error::Unreachable { doing, brokers, limit, why: other.map(|trouble| trouble.text) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise 3: nothing is taken for taken back that may stand, and a fenced client is never tried again as it is.
    #[test]
    fn every_answer_has_its_verdict() {
        let none = Flags::default();
        let fatal = Flags { fatal: true, ..none };
        let abort = Flags { abort: true, ..none };
        let retriable = Flags { retriable: true, ..none };
        for (code, flags, expected) in [
            (Code::Fenced, fatal, Verdict::Fenced),
            (Code::ProducerFenced, none, Verdict::Fenced),
            (Code::InvalidProducerEpoch, abort, Verdict::Fenced),
            (Code::InvalidTransactionalState, fatal, Verdict::Lost),
            (Code::OutOfOrderSequenceNumber, abort, Verdict::TakeBack),
            (Code::MessageTimedOut, abort, Verdict::TakeBack),
            (Code::OperationTimedOut, retriable, Verdict::Again),
            (Code::OperationTimedOut, none, Verdict::Again),
            (Code::OperationTimedOut, abort, Verdict::TakeBack),
            (Code::BrokerTransportFailure, retriable, Verdict::Again),
            (Code::State, none, Verdict::Lost),
            (Code::TransactionalIdAuthorizationFailed, fatal, Verdict::Denied),
            (Code::TopicAuthorizationFailed, abort, Verdict::Denied),
            (Code::MessageSizeTooLarge, none, Verdict::Refused),
        ] {
            assert_eq!(verdict(code, flags), expected, "{code:?} {flags:?}");
        }
    }

    #[test]
    fn silence_is_explained_by_what_was_heard_before_it() {
        let trouble = |code, text: &str| Some(Trouble { code, text: text.to_owned() });
        let of = |trouble| unanswered("look", "a:1".into(), Duration::from_secs(5), trouble);
        assert!(matches!(of(trouble(Code::Authentication, "no")), Error::Authentication { .. }));
        assert!(matches!(of(trouble(Code::SSL, "x")), Error::Tls { .. }));
        assert!(matches!(of(trouble(Code::BrokerTransportFailure, "SSL handshake failed: y")), Error::Tls { .. }));
        let silent = of(None).to_string();
        assert!(silent.starts_with("can't look: no broker of a:1 has answered within 5 s\n  remedy  "), "{silent}");
        let refused = of(trouble(Code::BrokerTransportFailure, "Connection refused"));
        assert!(refused.to_string().contains("within 5 s: Connection refused\n"), "{refused}");
    }
}
