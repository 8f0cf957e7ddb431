//! The collector's own life, sealed into its chain (FORMAT.md, "The collector's own records").

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealtrail_chain::UnixNanos;
use sealtrail_chain::content::{Auth, By, Context, KeyValue, LogRecord, Origin, Resource, Scope, Value};

use crate::host::Clock;
use crate::mask::{self, Engine, Masked, Received};

/// What happened; its name follows `sealtrail.`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    Started,
    Stopped,
    Alive,
    RulesChanged,
    ConfigChanged,
    ClockStepped,
    LegDown,
    LegUp,
    Refusing,
    Accepting,
    SenderRefused,
    FieldsDropped,
    ValuesReplaced,
    TokensExceeded,
    KeyRotated,
    Repaired,
    Revealed,
    Read,
    ChainRecovered,
    WalImported,
    Witnessed,
    Unwitnessed,
    Forked,
    Timestamped,
}

impl Kind {
    /// The event name of its records.
    pub fn event_name(self) -> &'static str {
        match self {
            Self::Started => "sealtrail.started",
            Self::Stopped => "sealtrail.stopped",
            Self::Alive => "sealtrail.alive",
            Self::RulesChanged => "sealtrail.rules.changed",
            Self::ConfigChanged => "sealtrail.config.changed",
            Self::ClockStepped => "sealtrail.clock.stepped",
            Self::LegDown => "sealtrail.leg.down",
            Self::LegUp => "sealtrail.leg.up",
            Self::Refusing => "sealtrail.refusing",
            Self::Accepting => "sealtrail.accepting",
            Self::SenderRefused => "sealtrail.sender.refused",
            Self::FieldsDropped => "sealtrail.fields.dropped",
            Self::ValuesReplaced => "sealtrail.values.replaced",
            Self::TokensExceeded => "sealtrail.tokens.exceeded",
            Self::KeyRotated => "sealtrail.key.rotated",
            Self::Repaired => "sealtrail.repaired",
            Self::Revealed => "sealtrail.revealed",
            Self::Read => "sealtrail.read",
            Self::ChainRecovered => "sealtrail.chain.recovered",
            Self::WalImported => "sealtrail.wal.imported",
            Self::Witnessed => "sealtrail.witnessed",
            Self::Unwitnessed => "sealtrail.unwitnessed",
            Self::Forked => "sealtrail.forked",
            Self::Timestamped => "sealtrail.timestamped",
        }
    }

    /// Whether one record may stand for several; the others are never merged.
    fn is_merged(self) -> bool {
        !matches!(
            self,
            Self::Started
                | Self::Stopped
                | Self::Alive
                | Self::RulesChanged
                | Self::ConfigChanged
                | Self::KeyRotated
                | Self::Repaired
                | Self::Revealed
                | Self::Read
                | Self::Witnessed
                | Self::Unwitnessed
                | Self::Forked
                | Self::Timestamped
        ) && !self.counts_records()
    }

    /// What masking leaves as it is: the notes, which other things are bound to, and what names a place in a log or an object by
    /// numbers, hashes and names of the configuration.
    fn exact(self) -> &'static [&'static str] {
        match self {
            Self::RulesChanged | Self::ChainRecovered | Self::WalImported | Self::Witnessed => {
                &["sealtrail.genesis", "sealtrail.rotation", "sealtrail.resource"]
            }
            // Its reason is a digest.
            Self::Timestamped => &["sealtrail.genesis", "sealtrail.rotation", "sealtrail.resource", "sealtrail.reason"],
            _ => &["sealtrail.genesis", "sealtrail.rotation"],
        }
    }

    /// Whether the count is one of what it speaks of, and not of events.
    fn counts_records(self) -> bool {
        matches!(self, Self::ChainRecovered | Self::WalImported | Self::TokensExceeded)
    }
}

/// One own record before it is sealed. Texts come from the configuration and closed lists (a sender is named by its token's
/// or certificate's name, else by its address), never from what a sender wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub kind: Kind,
    pub user: Option<String>,
    pub outcome: Option<String>,
    pub origin: Option<String>,
    pub resource: Option<String>,
    pub reason: Option<String>,
    pub count: u64,
}

impl Event {
    pub fn new(kind: Kind) -> Self {
        Self { kind, user: None, outcome: None, origin: None, resource: None, reason: None, count: 1 }
    }
}

/// What one own record will say: an event, or several merged, and when they were.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub event: Event,
    pub first: UnixNanos,
    pub last: UnixNanos,
    /// A whole note that the record binds: the genesis in record 0, that of a rotation in the record of it.
    pub note: Option<(NoteKind, String)>,
}

/// What a note says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoteKind {
    Genesis,
    Rotation,
}

impl NoteKind {
    /// The attribute that holds it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Genesis => "sealtrail.genesis",
            Self::Rotation => "sealtrail.rotation",
        }
    }
}

impl Entry {
    pub fn at(event: Event, now: UnixNanos) -> Self {
        Self { event, first: now, last: now, note: None }
    }

    fn key(&self) -> Key {
        (self.event.kind, self.event.origin.clone(), self.event.resource.clone())
    }

    /// Takes in another of the same key.
    fn merge(&mut self, other: Self) {
        self.event.count = self.event.count.saturating_add(other.event.count);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        if self.event.reason != other.event.reason {
            self.event.reason = Some("several".to_owned());
        }
    }
}

/// One record a minute for each of these.
type Key = (Kind, Option<String>, Option<String>);

const MINUTE: u64 = 60_000_000_000;
/// Distinct senders (or legs) a minute that get a record of their own; the rest share the origin `others`.
const KEYS: usize = 1024;

/// The way into the chain for own records, from any thread; never blocks. Kinds that repeat are merged: at most one a
/// sender (`origin`), kind and minute, with a count.
#[derive(Clone)]
pub struct Reporter {
    clock: Arc<dyn Clock>,
    pending: Arc<Mutex<Pending>>,
}

#[derive(Default)]
struct Pending {
    single: Vec<Entry>,
    merged: HashMap<Key, Slot>,
}

/// What waits for a key, and when a record of it was last handed out.
#[derive(Default)]
struct Slot {
    waiting: Option<Entry>,
    taken: Option<UnixNanos>,
}

impl Reporter {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, pending: Arc::default() }
    }

    /// Notes the event; it is sealed within a second, or when its minute is over, or as soon as the disk takes it.
    pub fn report(&self, event: Event) {
        let entry = Entry::at(event, self.clock.now());
        self.lock().add(entry);
    }

    /// What is due at `now`; `all`: what isn't yet, too. It must be sealed, or put back.
    pub fn take(&self, now: UnixNanos, all: bool) -> Vec<Entry> {
        self.lock().take(now, all)
    }

    /// Returns what could not be sealed.
    pub fn put_back(&self, entries: Vec<Entry>) {
        let mut pending = self.lock();
        entries.into_iter().for_each(|entry| pending.add(entry));
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        // Every change to it is one insertion or removal: a thread that panicked can't have left it half changed.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn add(&mut self, mut entry: Entry) {
        if !entry.event.kind.is_merged() {
            self.single.push(entry);
            return;
        }
        if self.merged.len() >= KEYS && !self.merged.contains_key(&entry.key()) {
            entry.event.origin = Some("others".to_owned());
        }
        let slot = self.merged.entry(entry.key()).or_default();
        match &mut slot.waiting {
            Some(waiting) => waiting.merge(entry),
            none => *none = Some(entry),
        }
    }

    fn take(&mut self, now: UnixNanos, all: bool) -> Vec<Entry> {
        let mut due = std::mem::take(&mut self.single);
        self.merged.retain(|_, slot| {
            // A clock that went back must not silence a sender: whatever lies ahead counts as over.
            let over = slot.taken.is_none_or(|taken| now.0.abs_diff(taken.0) >= MINUTE);
            if let Some(waiting) = slot.waiting.take_if(|_| over || all) {
                due.push(waiting);
                slot.taken = Some(now);
                return true;
            }
            slot.waiting.is_some() || !over
        });
        due.sort_by_key(|entry| entry.first);
        due
    }
}

/// Makes the records of entries. The rules are applied to them as to any other: a name from the configuration can hold
/// personal data too. New rules need a new one: the log must know under which its records were made.
pub struct Scribe {
    engine: Arc<Engine>,
}

impl Scribe {
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// The record of `entry`, sealed at `now`.
    pub fn write(&self, entry: &Entry, now: UnixNanos) -> Result<Masked, mask::Refused> {
        let mut session = self.engine.session();
        let context = session.context(context())?;
        session.mask(&context, Received::own(record(entry, now), entry.event.kind.exact()))
    }
}

fn context() -> Context<'static> {
    let service = text("service.name", "sealtrail");
    Context {
        received: Origin { auth: Auth::None, by: By::Own, peer: None, subject: None },
        resource: Resource { attributes: vec![service], ..Resource::default() },
        resource_schema_url: Cow::Borrowed(""),
        scope: Scope { name: Cow::Borrowed("sealtrail.collector"), ..Scope::default() },
        scope_schema_url: Cow::Borrowed(""),
    }
}

fn record(entry: &Entry, now: UnixNanos) -> LogRecord<'_> {
    let Entry { event, first, last, note } = entry;
    let late = now.0.saturating_sub(last.0) >= MINUTE;
    let period = (first != last || late).then(|| format!("{}/{}", rfc3339(*first), rfc3339(*last)));
    let texts = [
        ("sealtrail.user", event.user.as_deref()),
        ("sealtrail.outcome", event.outcome.as_deref()),
        ("sealtrail.origin", event.origin.as_deref()),
        ("sealtrail.resource", event.resource.as_deref()),
        ("sealtrail.reason", event.reason.as_deref()),
    ];
    let mut attributes: Vec<KeyValue<'_>> =
        texts.into_iter().filter_map(|(key, value)| Some(text(key, value?))).collect();
    if let Some(period) = period {
        attributes.push(KeyValue { key: Cow::Borrowed("sealtrail.period"), value: Value::String(Cow::Owned(period)) });
    }
    if event.kind.is_merged() || event.kind.counts_records() {
        let count = Value::Int(i64::try_from(event.count).unwrap_or(i64::MAX));
        attributes.push(KeyValue { key: Cow::Borrowed("sealtrail.count"), value: count });
    }
    if let Some((kind, note)) = note {
        attributes.push(text(kind.key(), note));
    }
    LogRecord {
        time_unix_nano: now.0,
        severity_number: 9,
        event_name: Cow::Borrowed(event.kind.event_name()),
        attributes,
        ..LogRecord::default()
    }
}

fn text<'a>(key: &'static str, value: &'a str) -> KeyValue<'a> {
    KeyValue { key: Cow::Borrowed(key), value: Value::String(Cow::Borrowed(value)) }
}

/// Seconds are enough for a period.
fn rfc3339(time: UnixNanos) -> String {
    let seconds = i64::try_from(time.0 / 1_000_000_000).expect("2^64 nanoseconds are fewer than 2^63 seconds");
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::sim::SimClock;
    use std::time::Duration;

    fn refused(origin: &str, reason: &str) -> Event {
        Event { origin: Some(origin.into()), reason: Some(reason.into()), ..Event::new(Kind::SenderRefused) }
    }

    /// One record at once, the rest of its minute in one more; another sender is not held back by it.
    #[test]
    fn a_noisy_sender_gets_one_record_a_minute() {
        let clock = Arc::new(SimClock::new(UnixNanos(1_700_000_000_000_000_000)));
        let reporter = Reporter::new(clock.clone());
        reporter.report(refused("a", "full"));
        assert_eq!(reporter.take(clock.now(), false).len(), 1);
        for _ in 0..5 {
            clock.advance(Duration::from_secs(2));
            reporter.report(refused("a", "full"));
        }
        reporter.report(refused("b", "full"));
        let due = reporter.take(clock.now(), false);
        assert_eq!(due.iter().map(|entry| entry.event.origin.as_deref()).collect::<Vec<_>>(), [Some("b")]);

        clock.advance(Duration::from_secs(60));
        let due = reporter.take(clock.now(), false);
        assert_eq!((due.len(), due[0].event.count, due[0].last.0 - due[0].first.0), (1, 5, 8_000_000_000));
        assert!(reporter.take(clock.now(), true).is_empty());
    }

    #[test]
    fn what_could_not_be_sealed_comes_again_with_its_period() {
        let clock = Arc::new(SimClock::new(UnixNanos(0)));
        let reporter = Reporter::new(clock.clone());
        reporter.report(refused("a", "full"));
        reporter.put_back(reporter.take(clock.now(), false));
        clock.advance(Duration::from_secs(90));
        reporter.report(refused("a", "disk"));
        let due = reporter.take(clock.now(), false);
        assert_eq!((due.len(), due[0].event.count, due[0].event.reason.as_deref()), (1, 2, Some("several")));
        let log = record(&due[0], clock.now());
        let keys: Vec<_> = log.attributes.iter().map(|attribute| attribute.key.as_ref()).collect();
        assert_eq!(keys, ["sealtrail.origin", "sealtrail.reason", "sealtrail.period", "sealtrail.count"]);
        assert!(log.attributes[2].value == Value::String("1970-01-01T00:00:00Z/1970-01-01T00:01:30Z".into()));
    }

    /// However many names are seen, memory and the records a minute stay bounded, and none goes uncounted.
    #[test]
    fn too_many_senders_share_a_record() {
        let reporter = Reporter::new(Arc::new(SimClock::new(UnixNanos(0))));
        for sender in 0..5000 {
            reporter.report(refused(&sender.to_string(), "full"));
        }
        let due = reporter.take(UnixNanos(0), false);
        assert_eq!(due.len(), KEYS + 1);
        assert_eq!(due.iter().map(|entry| entry.event.count).sum::<u64>(), 5000);
    }

    /// A rule of the user's may hide anything: a later import must still find its place by the range, a reader the note.
    #[allow(clippy::disallowed_methods, reason = "a test writes a rule file of its own")]
    #[test]
    fn no_rule_changes_what_names_a_place() {
        let rules = "version: 1\nrules:\n  - {id: all, class: custom, detect: {key: '(resource|reason|genesis)$'}, action: {replace: '-'}, tests: {must_mask: [{key: reason, text: li}]}}\n";
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("r.yaml"), rules).unwrap();
        let config = mask::Config { rules: vec!["r.yaml".to_owned()], ..mask::Config::default() };
        let engine = Engine::load(&config, dir.path(), &"test".parse().unwrap());
        let scribe = Scribe::new(Arc::new(engine.unwrap_or_else(|errors| panic!("{errors:?}"))));
        let mut event = Event::new(Kind::WalImported);
        event.resource = Some("records 7 to 12 ab34".to_owned());
        event.reason = Some("ticket 55".to_owned());
        let mut entry = Entry::at(event, UnixNanos(0));
        entry.note = Some((NoteKind::Genesis, "log/1".to_owned()));
        let masked = scribe.write(&entry, UnixNanos(0)).unwrap_or_else(|_| panic!("masked"));
        let text = masked.content().as_str();
        assert!(text.contains("records 7 to 12 ab34") && text.contains("log/1"), "{text}");
        assert!(!text.contains("ticket 55"), "{text}");

        let mut event = Event::new(Kind::Timestamped);
        event.reason = Some("revoked ab34".to_owned());
        let masked = scribe.write(&Entry::at(event, UnixNanos(0)), UnixNanos(0)).unwrap_or_else(|_| panic!("masked"));
        assert!(masked.content().as_str().contains("revoked ab34"), "what binds a list is read again");
    }
}
