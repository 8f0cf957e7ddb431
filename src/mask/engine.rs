//! The engine: compiled rules, and sessions that mask the records of one request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;
use sealtrail_chain::content::{self, By, Context, KeyValue, LogRecord, Tail, Value, is_reserved, otlp};
use sealtrail_chain::{ChainName, Content};

use super::envelope::Keys;
use super::keys::{Facts, KeyCache};
use super::rules::{self, Case, Class, Place, Problem, RuleError, RuleSet, Source};
use super::scratch::Scratch;
use super::sketch::Tokens;
use super::trial::Witness;
use super::{Config, Masked, MaskedContext, Received, Refused};
use crate::host::guard;
use crate::observe::Metrics;
use crate::observe::metrics::Rule as RuleLabel;

/// Bytes of a stream message that one record may fill (formats.md, "Stream").
const MAX_MESSAGE: usize = 900_000;
/// Sets of scratch space that wait for the next request: more than cores only help requests that come in bursts.
const MAX_IDLE: usize = 32;

/// The rules in force, compiled. Shared by all requests; a reload makes another one.
pub struct Engine {
    rules: RuleSet,
    keys: Vec<Keys>,
    key_ids: Vec<String>,
    /// The rules' own tests, which all pass.
    cases: Vec<Case>,
    digest: [u8; 32],
    /// What a load passes over and `lint` says.
    warnings: Vec<RuleError>,
    /// Where each rule stands: file and line.
    places: Vec<(String, u64)>,
    /// A counter for each rule.
    counters: Vec<Counter>,
    idle: Mutex<Vec<Space>>,
}

/// What a session needs and the next one can use: filling the cache of keys costs more than a request of few records.
#[derive(Default)]
struct Space {
    keys: KeyCache,
    scratch: Option<Box<Scratch>>,
    counts: Vec<u64>,
}

impl Engine {
    /// Reads, checks and compiles the rules, and runs their tests. Paths are relative to `base_dir`. `chain` stands in
    /// envelopes. The error lists all that is wrong.
    pub fn load(config: &Config, base_dir: &Path, chain: &ChainName) -> Result<Self, Vec<RuleError>> {
        let engine = Self::compile(config, base_dir, chain)?;
        let failed: Vec<_> = engine.cases.iter().filter_map(|case| engine.failure(case)).collect();
        if failed.is_empty() { Ok(engine) } else { Err(failed) }
    }

    /// The rules, whose own tests have not run.
    pub(super) fn compile(config: &Config, base_dir: &Path, chain: &ChainName) -> Result<Self, Vec<RuleError>> {
        let mut sources = Vec::new();
        let mut errors = Vec::new();
        for name in &config.rules {
            match read(name, base_dir) {
                Ok(text) => sources.push(Source { name: name.clone(), text }),
                Err(problem) => errors.push(RuleError { file: name.clone(), line: 0, rule: None, problem }),
            }
        }
        let compiled = match rules::compile(&sources, &config.keys, chain) {
            Ok(compiled) if errors.is_empty() => compiled,
            Ok(_) => return Err(errors),
            Err(more) => return Err(errors.into_iter().chain(more).collect()),
        };
        let counters = compiled.rules.iter().map(|rule| counter(&rule.id, rule.class.as_str())).collect();
        Ok(Self {
            rules: compiled.rules,
            keys: compiled.keys,
            key_ids: compiled.key_ids,
            cases: compiled.cases,
            digest: compiled.digest,
            warnings: compiled.warnings,
            places: compiled.places,
            counters,
            idle: Mutex::default(),
        })
    }

    /// SHA-256 over the rule files in force, in order.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// How many rules are in force.
    pub fn rule_count(&self) -> usize {
        self.rules.iter().count()
    }

    /// How many tests of their own they have, all of which pass.
    pub fn case_count(&self) -> usize {
        self.cases.len()
    }

    /// Scratch space for one request; the counts of what was masked become metrics when it is dropped.
    pub fn session(&self) -> Session<'_> {
        let space = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Space { keys, scratch, mut counts } = space.unwrap_or_default();
        counts.clear();
        counts.resize(self.counters.len(), 0);
        Session {
            engine: self,
            keys,
            scratch,
            counts,
            fallbacks: 0,
            tokens: Tokens::default(),
            only: u64::MAX,
            witness: None,
        }
    }

    /// The masking keys by id, each with four bytes that tell it from another key of that id.
    pub fn key_checks(&self) -> BTreeMap<&str, [u8; 4]> {
        self.key_ids.iter().map(String::as_str).zip(self.keys.iter().map(|key| key.token.check_value())).collect()
    }

    /// Keeps the masking keys out of the swap.
    pub fn lock_keys(&self) -> io::Result<()> {
        self.keys.iter().try_for_each(guard::lock_in_memory)
    }

    pub(super) fn rules(&self) -> &RuleSet {
        &self.rules
    }

    pub(super) fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// The envelope of `plain` under a key of the configuration.
    pub(super) fn encrypt(&self, key: usize, head: &str, plain: &[u8]) -> String {
        self.keys.get(key).map_or_else(|| "[uninspected]".to_owned(), |key| key.field.envelope(head, plain))
    }

    pub(super) fn warnings(&self) -> &[RuleError] {
        &self.warnings
    }

    /// Where a rule stands: file and line of its action.
    pub(super) fn place(&self, rule: u8) -> (&str, u64) {
        self.places.get(usize::from(rule)).map_or(("?", 0), |(file, line)| (file, *line))
    }

    /// Runs one test of a rule; what it says when it fails.
    pub(super) fn failure(&self, case: &Case) -> Option<RuleError> {
        let mut trial = self.trial();
        trial.mask(case.key.as_deref(), case.value.as_value());
        let hit = |rule: u8| trial.counts().get(usize::from(rule)).is_some_and(|count| *count > 0);
        // Files that know the same kind of value go together: whichever stands first takes it.
        let likewise = |rule: u8| {
            let class = |rule| self.rules.get(rule).map(|rule| rule.class);
            class(rule) == class(case.rule) && self.place(rule).0 != case.file && hit(rule)
        };
        let rules = self.rule_count() as u8;
        let hit = hit(case.rule) || (case.must_mask && (0..rules).any(likewise));
        let number = case.number;
        let problem = match (case.must_mask, hit) {
            (true, false) => Problem::NotMasked { number },
            (false, true) => Problem::NotKept { number },
            _ => return None,
        };
        let rule = self.rules.get(case.rule).map(|rule| rule.id.to_string());
        Some(RuleError { file: case.file.clone(), line: case.line, rule, problem })
    }
}

fn read(name: &str, base_dir: &Path) -> Result<String, Problem> {
    if let Some(text) = rules::pack(name) {
        return Ok(text.to_owned());
    }
    std::fs::read_to_string(base_dir.join(name)).map_err(|error| Problem::Unreadable(error.to_string()))
}

fn counter(rule: &str, class: &'static str) -> Counter {
    Metrics::get().masked.get_or_create(&RuleLabel { rule: rule.to_owned(), class }).clone()
}

/// Masks the records of one request.
pub struct Session<'e> {
    pub(super) engine: &'e Engine,
    pub(super) keys: KeyCache,
    /// Taken while a text is inspected: a text decoded from it has its own.
    pub(super) scratch: Option<Box<Scratch>>,
    /// Values masked, by rule.
    pub(super) counts: Vec<u64>,
    pub(super) fallbacks: u64,
    /// What `hmac_token` has left.
    tokens: Tokens,
    /// The rules that count: all of them, but for who asks what one does alone.
    pub(super) only: u64,
    /// Who wants to know what was found.
    pub(super) witness: Option<Box<Witness>>,
}

impl<'e> Session<'e> {
    /// Masks resource and scope and escapes reserved names in them (unless `received.by` is the collector itself).
    pub fn context(&mut self, mut context: Context<'_>) -> Result<MaskedContext, Refused> {
        let own = context.received.by == By::Own;
        self.attributes(&mut context.resource.attributes, Place::Resource, !own);
        self.field(&mut context.resource_schema_url, Place::Resource);
        self.attributes(&mut context.scope.attributes, Place::Scope, !own);
        self.field(&mut context.scope.name, Place::Scope);
        self.field(&mut context.scope.version, Place::Scope);
        self.field(&mut context.scope_schema_url, Place::Scope);
        if !own {
            escape(&mut context.scope.name);
        }
        Ok(MaskedContext { tail: Tail::write(&context), own })
    }

    /// Masks one record under its context and writes its canonical text.
    pub fn mask(&mut self, context: &MaskedContext, record: Received<'_>) -> Result<Masked, Refused> {
        let masked = self.unwritten(context, record);
        let content = Content::write(&masked.record, &context.tail);
        check_length(content.as_str().len())?;
        let checksum = content.checksum();
        Ok(Masked { content, checksum })
    }

    /// Masks one record under its context; whoever gathers records writes it to where it goes.
    pub fn unwritten<'r>(&mut self, context: &'r MaskedContext, record: Received<'r>) -> Unwritten<'r> {
        let Received { mut record, exact } = record;
        let exact: Vec<_> = exact.iter().filter_map(|key| take(&mut record.attributes, key)).collect();
        self.record(&mut record, !context.own);
        for (at, value) in exact {
            if let Some(attribute) = record.attributes.get_mut(at) {
                attribute.value = value;
            }
        }
        Unwritten { record, tail: &context.tail }
    }

    /// Values so far that could not be inspected within the limits, and were replaced whole.
    pub fn uninspected(&self) -> u64 {
        self.fallbacks
    }

    /// The different tokens so far.
    pub fn tokens(&mut self) -> Tokens {
        std::mem::take(&mut self.tokens)
    }

    /// The token of `value` under a key of the configuration.
    pub(super) fn token(&mut self, key: usize, head: &str, class: Class, value: &[u8]) -> String {
        let Some(key) = self.engine.keys.get(key) else { return "[uninspected]".to_owned() };
        let (token, hidden) = key.token.token(head, class, value);
        self.tokens.add(hidden);
        token
    }

    /// Masks a record in place. Trace and span ids stay, unless they are something else.
    pub(super) fn record(&mut self, record: &mut LogRecord<'_>, foreign: bool) {
        self.id(&mut record.trace_id, 16);
        self.id(&mut record.span_id, 8);
        self.field(&mut record.severity_text, Place::Body);
        self.field(&mut record.event_name, Place::Body);
        self.value(&mut record.body, &Facts::NONE, Place::Body);
        self.attributes(&mut record.attributes, Place::Attributes, foreign);
        if foreign {
            escape(&mut record.event_name);
        }
    }

    pub(super) fn rules(&self) -> &'e RuleSet {
        self.engine.rules()
    }

    /// Clears an id that holds a value. One of `length` random bytes is not looked into: it is text once in ten million.
    fn id(&mut self, id: &mut Cow<'_, [u8]>, length: usize) {
        let graphic = |byte: &u8| (b' '..=b'~').contains(byte);
        if id.is_empty() || (id.len() == length && !id.iter().all(graphic)) {
            return;
        }
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = String::from_utf8_lossy(id);
        if self.text(&text, &Facts::NONE, Place::Body).is_some() || self.text(&hex, &Facts::NONE, Place::Body).is_some()
        {
            *id = Cow::default();
        }
    }

    fn field(&mut self, field: &mut Cow<'_, str>, place: Place) {
        if let Some(masked) = self.text(field, &Facts::NONE, place) {
            *field = Cow::Owned(masked);
        }
    }

    /// Attributes of a record, resource or scope: the names in them may be the collector's own.
    fn attributes(&mut self, attributes: &mut Vec<KeyValue<'_>>, place: Place, foreign: bool) {
        if foreign {
            attributes.iter_mut().for_each(|attribute| escape(&mut attribute.key));
        }
        self.entries(attributes, &Facts::NONE, place);
    }
}

/// A record that is masked and not written yet: what a batch takes. Made by [`Session::unwritten`] alone.
pub struct Unwritten<'r> {
    record: LogRecord<'r>,
    tail: &'r Tail,
}

impl Unwritten<'_> {
    /// Bytes that its text takes, about: mostly fewer.
    pub fn likely_len(&self) -> usize {
        content::likely_len(&self.record, self.tail)
    }

    /// Appends its canonical text; after an error `out` is as it was.
    pub fn append_to(&self, out: &mut String) -> Result<(), Refused> {
        let start = out.len();
        content::append(out, &self.record, self.tail);
        check_length(out.len() - start).inspect_err(|_| out.truncate(start))
    }
}

fn check_length(content: usize) -> Result<(), Refused> {
    if otlp::message_bound(content) > MAX_MESSAGE { Err(Refused::TooLarge { limit: MAX_MESSAGE }) } else { Ok(()) }
}

/// Takes the value of an attribute out, and where it stands: masking adds attributes behind it, if any.
fn take<'v>(attributes: &mut [KeyValue<'v>], key: &str) -> Option<(usize, Value<'v>)> {
    let (at, attribute) = attributes.iter_mut().enumerate().find(|(_, attribute)| attribute.key == key)?;
    Some((at, std::mem::replace(&mut attribute.value, Value::Bool(false))))
}

/// Puts `sender.` before a name that is the collector's.
fn escape(name: &mut Cow<'_, str>) {
    if is_reserved(name) {
        *name = Cow::Owned(format!("sender.{name}"));
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        for (counter, &count) in self.engine.counters.iter().zip(&self.counts) {
            if count > 0 {
                counter.inc_by(count);
            }
        }
        if self.fallbacks > 0 {
            Metrics::get().masking_fallbacks.inc_by(self.fallbacks);
        }
        let space = Space {
            keys: std::mem::take(&mut self.keys),
            scratch: self.scratch.take().filter(|scratch| scratch.is_small()),
            counts: std::mem::take(&mut self.counts),
        };
        let mut idle = self.engine.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(space);
        }
    }
}
