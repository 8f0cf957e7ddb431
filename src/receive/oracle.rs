//! How many different tokens each sender is given in an hour. The same value gives the same token, so a sender who also reads
//! can try values out: with the first six and last four digits of a card known, 100,000 tries find the rest. Nothing is refused
//! for it (a busy sender has many cards), but it is counted, and sealed once it passes the limit and at each doubling.
//!
//! Memory is bounded: 4 KiB a sender, for so many senders; the others share one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sealtrail_chain::UnixNanos;

use crate::host::Clock;
use crate::mask::Tokens;
use crate::observe::Metrics;
use crate::seal::own::{Event, Kind};

const SENDERS: usize = 1_024;
const OTHERS: &str = "others";
const HOUR: u64 = 3_600_000_000_000;

/// Counts them.
pub struct Oracle {
    clock: Arc<dyn Clock>,
    /// Different tokens in an hour that are worth a word; 0: none are.
    limit: u64,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    hour: u64,
    senders: HashMap<String, Sender>,
    largest: u64,
}

#[derive(Default)]
struct Sender {
    tokens: Tokens,
    /// So often was it said.
    said: u32,
}

impl Oracle {
    pub fn new(clock: Arc<dyn Clock>, limit: u64) -> Self {
        Self { clock, limit, counted: Mutex::default() }
    }

    /// Counts the tokens of a request; the record that is due of its sender.
    pub(super) fn count(&self, sender: &str, tokens: &Tokens) -> Option<Event> {
        if tokens.is_empty() || self.limit == 0 {
            return None;
        }
        let UnixNanos(now) = self.clock.now();
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.hour != now / HOUR {
            *counted = Counted { hour: now / HOUR, ..Counted::default() };
        }
        let known = counted.senders.contains_key(sender) || counted.senders.len() < SENDERS;
        let name = if known { sender } else { OTHERS };
        let entry = counted.senders.entry(name.to_owned()).or_default();
        entry.tokens.merge(tokens);
        let count = entry.tokens.estimate();
        let due = count > self.limit.saturating_mul(1 << entry.said.min(40));
        while due && count > self.limit.saturating_mul(1 << entry.said.min(40)) && entry.said < 40 {
            entry.said += 1;
        }
        counted.largest = counted.largest.max(count);
        let metrics = Metrics::get();
        metrics.distinct_tokens.set(i64::try_from(counted.largest).unwrap_or(i64::MAX));
        due.then(|| {
            metrics.token_limit_exceeded.inc();
            let reason = Some(format!("more than {} different tokens in an hour", self.limit));
            Event { origin: Some(name.to_owned()), reason, count, ..Event::new(Kind::TokensExceeded) }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sealtrail_chain::content::{LogRecord, Value};

    use super::*;
    use crate::host::sim::SimClock;
    use crate::mask::{Config, Engine, MaskKey, Received};

    /// Tokens as the engine counts them, of so many different cards.
    fn tokens(numbers: std::ops::Range<u64>) -> Tokens {
        use sealtrail_chain::content::{Auth, By, Context, Origin, Resource, Scope};
        let dir = tempfile::tempdir().expect("a directory");
        let rules = "version: 1\nrules:\n  - {id: user, class: custom, detect: {key: '^user$'}, action: {hmac_token: {key: k1}}, tests: {must_mask: [{key: user, text: Li}]}}\n";
        #[allow(clippy::disallowed_methods, reason = "a test writes its own rules")]
        std::fs::write(dir.path().join("r.yaml"), rules).expect("written");
        let keys = [("k1".to_owned(), MaskKey::given("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="))].into();
        let config = Config { rules: vec!["r.yaml".to_owned()], keys, ..Config::default() };
        let engine = Engine::load(&config, dir.path(), &"test".parse().expect("a name"));
        let engine = engine.unwrap_or_else(|errors| panic!("{errors:?}"));
        let mut session = engine.session();
        let context = Context {
            received: Origin { auth: Auth::None, by: By::Sender, peer: None, subject: None },
            resource: Resource::default(),
            resource_schema_url: "".into(),
            scope: Scope::default(),
            scope_schema_url: "".into(),
        };
        let context = session.context(context).unwrap_or_else(|_| panic!("a context"));
        for number in numbers {
            let attribute = sealtrail_chain::content::KeyValue {
                key: "user".into(),
                value: Value::String(format!("user {number}").into()),
            };
            let record = LogRecord { attributes: vec![attribute], ..LogRecord::default() };
            session.mask(&context, Received::new(record)).unwrap_or_else(|_| panic!("masked"));
        }
        session.tokens()
    }

    #[test]
    fn a_sender_who_tries_values_out_is_sealed_and_no_other() {
        let clock = Arc::new(SimClock::new(UnixNanos(1_700_000_000_000_000_000)));
        let oracle = Oracle::new(clock.clone(), 50);
        // The same values over and over are one token each.
        for _ in 0..20 {
            assert_eq!(oracle.count("till 1", &tokens(0..40)), None);
        }
        assert_eq!(oracle.count("till 2", &tokens(100..140)), None, "each sender counts alone");
        let event = oracle.count("till 1", &tokens(40..60)).expect("sealed");
        assert_eq!((event.kind, event.origin.as_deref(), event.count), (Kind::TokensExceeded, Some("till 1"), 60));
        assert_eq!(oracle.count("till 1", &tokens(60..64)), None, "once, until it has doubled");
        let event = oracle.count("till 1", &tokens(64..400)).expect("doubled, and doubled again");
        assert!((380..=420).contains(&event.count), "{}", event.count);
        assert_eq!(oracle.count("till 1", &tokens(400..401)), None);
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(oracle.count("till 1", &tokens(0..40)), None, "another hour");
        assert_eq!(Oracle::new(clock, 0).count("till 1", &tokens(0..400)), None);
    }

    /// However many senders there are, memory is bounded and nobody goes uncounted.
    #[test]
    fn more_senders_than_are_told_apart_share_a_count() {
        let oracle = Oracle::new(Arc::new(SimClock::new(UnixNanos(0))), 50);
        let one = tokens(0..1);
        for sender in 0..SENDERS {
            assert_eq!(oracle.count(&sender.to_string(), &one), None);
        }
        assert_eq!(oracle.count("late", &tokens(0..30)), None);
        let event = oracle.count("later", &tokens(30..60)).expect("together they are too many");
        assert_eq!(event.origin.as_deref(), Some(OTHERS));
        let counted = oracle.counted.lock().expect("nobody panicked");
        assert!(counted.senders.len() <= SENDERS + 1);
    }
}
