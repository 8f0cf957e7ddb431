//! What librdkafka tells on the side: log lines, the last trouble with a broker, delivery reports.
//!
//! A wrong password or certificate is no error of any call: the client tries again for ever and calls run out of time. Why
//! is only said here, so it is kept until a call asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};

/// Longest text of the client that is passed on.
const LONGEST: usize = 300;

/// Shared with a client's callbacks.
#[derive(Clone, Default)]
pub(super) struct Context(Arc<Shared>);

#[derive(Default)]
struct Shared {
    events: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
    delivered: AtomicU64,
    failed: AtomicU64,
    /// Code of the first report that failed since `begin`; 0: none.
    failure: Mutex<Option<RDKafkaErrorCode>>,
}

/// Why a broker can't be talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) code: RDKafkaErrorCode,
    pub(super) text: String,
}

impl Trouble {
    /// A certificate of another authority shows as either code, by chance: the text tells.
    pub(super) fn is_tls(&self) -> bool {
        self.code == RDKafkaErrorCode::SSL || self.text.contains("SSL handshake failed")
    }

    /// How much it says of the reason: a broker that hangs up after it, or the news that all are down, says less.
    fn tells(&self) -> u8 {
        match self.code {
            RDKafkaErrorCode::Authentication => 2,
            _ if self.is_tls() => 2,
            RDKafkaErrorCode::AllBrokersDown => 0,
            _ => 1,
        }
    }
}

impl Context {
    /// The last trouble of those that tell most, since this was asked before.
    pub(super) fn take_trouble(&self) -> Option<Trouble> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How often the client has told anything.
    pub(super) fn events(&self) -> u64 {
        self.0.events.load(Ordering::Acquire)
    }

    /// Delivery reports so far, good and bad.
    pub(super) fn reports(&self) -> u64 {
        self.0.delivered.load(Ordering::Acquire) + self.0.failed.load(Ordering::Acquire)
    }

    /// Whether a report has failed since `take_failure`.
    pub(super) fn has_failure(&self) -> bool {
        self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Code of the first failed report since this was asked before.
    pub(super) fn take_failure(&self) -> Option<RDKafkaErrorCode> {
        self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Context {
    /// Nothing below `warn`: at those levels lines may hold what goes over the wire.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.0.events.fetch_add(1, Ordering::Release);
        let text = cut(text);
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(target: "librdkafka", facility, "{text}");
            }
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
                tracing::warn!(target: "librdkafka", facility, "{text}");
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {}
        }
    }

    fn stats_raw(&self, _: &[u8]) {}

    /// The log has the same text: here it is kept for the call that runs out of time.
    fn error(&self, error: KafkaError, text: &str) {
        self.0.events.fetch_add(1, Ordering::Release);
        let Some(code) = error.rdkafka_error_code() else { return };
        let new = Trouble { code, text: cut(text).to_owned() };
        let mut trouble = self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.as_ref().is_none_or(|old| new.tells() >= old.tells()) {
            *trouble = Some(new);
        }
    }
}

impl ConsumerContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, report: &DeliveryResult<'_>, (): ()) {
        self.0.events.fetch_add(1, Ordering::Release);
        match report {
            Ok(_) => self.0.delivered.fetch_add(1, Ordering::Release),
            Err((error, _)) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(code);
                self.0.failed.fetch_add(1, Ordering::Release)
            }
        };
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_outlives_what_follows_from_it() {
        let context = Context::default();
        context.error(KafkaError::Global(RDKafkaErrorCode::Authentication), "wrong password");
        context.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "3/3 brokers are down");
        context.error(KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure), "disconnected");
        let trouble = context.take_trouble().expect("kept");
        assert_eq!((trouble.code, trouble.text.as_str()), (RDKafkaErrorCode::Authentication, "wrong password"));
        assert_eq!(context.take_trouble(), None);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "é".repeat(LONGEST);
        assert_eq!(cut(&text).len(), LONGEST);
        assert_eq!(cut("short"), "short");
    }
}
