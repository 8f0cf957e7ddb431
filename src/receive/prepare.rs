//! The work on the processor: a request's bytes become masked records.
//!
//! A large protobuf request that meets a core at rest is worked on by two: its outline is followed first, so that a request
//! is refused as a whole before any of it is masked, and then each half is masked into a batch of its own.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use sealtrail_chain::content::otlp::{self, Malformed, Visit};
use sealtrail_chain::content::{Context, LogRecord, Origin};
use tokio::runtime::Handle;
use tokio::sync::SemaphorePermit;

use super::answer::{Reason, Refusal, Rejected};
use super::body;
use super::json;
use super::limiter::Charge;
use super::pipeline::{Encoding, Request};
use crate::mask::{Engine, MaskedContext, Received, Session, Tokens};
use crate::wal;

/// What masking has written, about, when it finds a record too large.
const TOO_LARGE: usize = 1 << 20;
/// Text that a request may have written in vain, in bytes: of records that turn out too large, and what each of its scopes
/// shares. A few bytes of request can ask for a megabyte of it, so without a bound one request could keep a core for hours.
const IN_VAIN: usize = 32 << 20;

/// A request read and masked.
pub(super) struct Prepared {
    pub(super) masked: wal::Batch,
    pub(super) rejected: Rejected,
    /// Fields that the format doesn't know.
    pub(super) unknown: u64,
    /// Values that masking could not inspect within its limits.
    pub(super) uninspected: u64,
    /// The different tokens that masking left.
    pub(super) tokens: Tokens,
    /// Digest of the rules that masked it.
    pub(super) rules: [u8; 32],
    /// What it holds of the memory limit.
    pub(super) charges: Vec<Charge>,
}

impl Prepared {
    /// With what stands behind it in the same request.
    fn then(mut self, mut behind: Self) -> Self {
        self.masked.append(behind.masked);
        self.rejected.append(&behind.rejected);
        self.unknown += behind.unknown;
        self.uninspected += behind.uninspected;
        self.tokens.merge(&behind.tokens);
        self.charges.append(&mut behind.charges);
        self
    }
}

/// Reads and masks a request. `spare`: a core at rest, which takes half of the records; only where the thread may block.
pub(super) fn prepare(
    engine: &Arc<Engine>,
    request: Request,
    spare: Option<SemaphorePermit<'static>>,
) -> Result<Prepared, Refusal> {
    let Request { encoding, compression, body, max, origin, mut charge, .. } = request;
    let body = body::decompress(compression, body, max, &mut charge)?;
    match encoding {
        Encoding::Protobuf => protobuf(engine, &body, &origin, charge, spare),
        Encoding::Json => {
            let mut reading = Reading::new(engine.session(), 0, charge, Arc::default());
            // Ill-formed UTF-8 is replaced before masking, as in protobuf's strings.
            let text = String::from_utf8_lossy(&body);
            if let Cow::Owned(text) = &text {
                reading.hold(text.capacity());
            }
            json::read(&text, &origin, &mut reading).map_err(|_| Refusal::Malformed)?;
            reading.finish(engine.digest())
        }
    }
}

fn protobuf(
    engine: &Arc<Engine>,
    body: &Bytes,
    origin: &Origin,
    charge: Charge,
    spare: Option<SemaphorePermit<'static>>,
) -> Result<Prepared, Refusal> {
    let records = otlp::Request::follow(body).map_err(|_| Refusal::Malformed)?.records();
    let half = records / 2;
    let in_vain = Arc::new(AtomicUsize::new(0));
    let Some(core) = spare.filter(|_| half > 0) else { return part(engine, body, 0..records, origin, charge, in_vain) };
    let last = {
        let (engine, body, origin, charge) = (Arc::clone(engine), body.clone(), origin.clone(), charge.beside());
        let in_vain = Arc::clone(&in_vain);
        tokio::task::spawn_blocking(move || {
            let _core = core;
            part(&engine, &body, half..records, &origin, charge, in_vain)
        })
    };
    let first = part(engine, body, 0..half, origin, charge, in_vain);
    let last = Handle::current().block_on(last).unwrap_or(Err(Refusal::Internal));
    Ok(first?.then(last?))
}

/// Masks some of a request's records.
fn part(
    engine: &Engine,
    body: &[u8],
    records: Range<u64>,
    origin: &Origin,
    charge: Charge,
    in_vain: Arc<AtomicUsize>,
) -> Result<Prepared, Refusal> {
    let mut reading = Reading::new(engine.session(), records.start, charge, in_vain);
    let request = otlp::Request::follow(body).map_err(|_| Refusal::Malformed)?;
    request.read(records, origin, &mut reading).map_err(|_| Refusal::Malformed)?;
    reading.finish(engine.digest())
}

/// Masks the records of a request as they are read, so that only masked text is ever gathered.
struct Reading<'e> {
    session: Session<'e>,
    context: Result<MaskedContext, Reason>,
    masked: wal::Batch,
    rejected: Rejected,
    /// Index of the next record, counted over all scopes of the request.
    next: u64,
    unknown: u64,
    charge: Charge,
    /// Bytes of text that nothing came of, up to `IN_VAIN`: of all parts of the request together.
    in_vain: Arc<AtomicUsize>,
    /// Why nothing of the request will be kept.
    given_up: Option<Refusal>,
}

impl<'e> Reading<'e> {
    /// `first`: index of the first record that it will see.
    fn new(session: Session<'e>, first: u64, charge: Charge, in_vain: Arc<AtomicUsize>) -> Self {
        Self {
            session,
            context: Err(Reason::Truncated),
            masked: wal::Batch::default(),
            rejected: Rejected::default(),
            next: first,
            unknown: 0,
            charge,
            in_vain,
            given_up: None,
        }
    }

    fn mask(&mut self, record: Result<LogRecord<'_>, Malformed>) -> Result<(), Reason> {
        let context = self.context.as_ref().map_err(|reason| *reason)?;
        let unwritten = self.session.unwritten(context, Received::new(record?));
        Ok(self.masked.write(&unwritten)?)
    }

    fn hold(&mut self, bytes: usize) {
        if bytes > 0 && self.charge.add(bytes).is_err() {
            self.give_up(Refusal::Memory);
        }
    }

    fn waste(&mut self, bytes: usize) {
        if self.in_vain.fetch_add(bytes, Ordering::Relaxed) + bytes > IN_VAIN {
            self.give_up(Refusal::TooLarge);
        }
    }

    /// What was masked so far is let go at once.
    fn give_up(&mut self, refusal: Refusal) {
        self.given_up.get_or_insert(refusal);
        self.masked = wal::Batch::default();
    }

    fn finish(mut self, rules: [u8; 32]) -> Result<Prepared, Refusal> {
        if let Some(refusal) = self.given_up {
            return Err(refusal);
        }
        self.masked.settle();
        let charges = vec![self.charge];
        let (unknown, uninspected) = (self.unknown, self.session.uninspected());
        let tokens = self.session.tokens();
        Ok(Prepared { masked: self.masked, rejected: self.rejected, unknown, uninspected, tokens, rules, charges })
    }
}

impl<'a> Visit<'a> for Reading<'_> {
    fn scope(&mut self, context: Result<Context<'a>, Malformed>) {
        self.context = match context {
            Ok(context) => self.session.context(context).map_err(Reason::from),
            Err(malformed) => Err(malformed.into()),
        };
        let shared = self.context.as_ref().map_or(0, MaskedContext::len);
        self.waste(shared);
    }

    fn record(&mut self, record: Result<LogRecord<'a>, Malformed>) {
        let index = self.next;
        self.next += 1;
        let before = self.masked.allocated();
        if let Err(reason) = self.mask(record) {
            if reason == Reason::TooLarge {
                self.waste(TOO_LARGE);
            }
            self.rejected.add(index, reason);
        }
        self.hold(self.masked.allocated().saturating_sub(before));
    }

    fn unknown_fields(&mut self, count: u64) {
        self.unknown += count;
    }

    fn is_done(&self) -> bool {
        self.given_up.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::body::Compression;
    use super::super::limiter::Limiter;
    use super::super::tests::request_of;
    use super::*;
    use crate::mask;
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use prost::Message as _;
    use sealtrail_chain::content::{Auth, By};
    use tokio::sync::Semaphore;

    static CORE: Semaphore = Semaphore::const_new(1);

    fn prepared(engine: &Arc<Engine>, request: &[u8], limit: usize, split: bool) -> Result<Prepared, Refusal> {
        let request = Request {
            transport: "grpc",
            encoding: Encoding::Protobuf,
            compression: Compression::None,
            body: request.to_vec().into(),
            max: usize::MAX,
            origin: Origin { auth: Auth::None, by: By::Sender, peer: None, subject: None },
            charge: Limiter::new(limit).admit().unwrap(),
        };
        prepare(engine, request, split.then(|| CORE.try_acquire().expect("nobody else has it")))
    }

    /// One thread or two, the log gets the same bytes and the sender the same answer.
    #[tokio::test(flavor = "multi_thread")]
    async fn two_threads_make_of_a_request_what_one_does() {
        let engine = Engine::load(&mask::Config::default(), std::path::Path::new(""), &"local".parse().unwrap());
        let engine = Arc::new(engine.ok().unwrap());
        let compare = move || {
            let huge = "x".repeat(2 << 20);
            for records in [0, 1, 2, 3, 100] {
                let texts: Vec<String> =
                    (0..records).map(|number| format!("{number} paid with 4242424242424242")).collect();
                let texts = texts.iter().map(String::as_str);
                // Every ninth record is too large, more of them than an answer names.
                let texts: Vec<&str> =
                    texts.enumerate().map(|(i, text)| if i % 9 == 4 { &huge } else { text }).collect();
                let resource_logs = texts.chunks(60).flat_map(|texts| request_of(texts).resource_logs).collect();
                let request = ExportLogsServiceRequest { resource_logs }.encode_to_vec();
                let [one, two] =
                    [false, true].map(|split| prepared(&engine, &request, usize::MAX, split).ok().unwrap());
                assert_eq!(two.charges.len(), if records > 1 { 2 } else { 1 }, "{records} records");
                let bytes = |of: &Prepared| of.masked.pieces().collect::<Vec<_>>().concat();
                assert!(bytes(&one) == bytes(&two), "{records} records");
                assert!(one.rejected == two.rejected, "{records} records");
                assert_eq!((one.masked.len(), one.unknown, one.rules), (two.masked.len(), two.unknown, two.rules));
            }
            // Each scope's large attribute is written in vain: two threads may waste no more than one.
            let mut wasteful = request_of(&["x"]);
            let record = wasteful.resource_logs[0].scope_logs[0].log_records[0].clone();
            let huge = "y".repeat(900 << 10);
            wasteful.resource_logs = (0..60)
                .map(|_| {
                    let mut logs = request_of(&["x"]).resource_logs.remove(0);
                    logs.schema_url.clone_from(&huge);
                    logs.scope_logs[0].log_records[0] = record.clone();
                    logs
                })
                .collect();
            let wasteful = wasteful.encode_to_vec();
            for split in [false, true] {
                let refused = prepared(&engine, &wasteful, 100 << 20, split).err();
                assert!(
                    matches!(refused, Some(Refusal::TooLarge)),
                    "split {split}: {:?}",
                    refused.map(|why| why.reason())
                );
            }
            // What is refused as a whole is, whichever thread finds it out, and gives the core back.
            let request = request_of(&["x".repeat(100).as_str(); 100]).encode_to_vec();
            assert!(matches!(prepared(&engine, &request, 4 << 10, true), Err(Refusal::Memory)));
            assert!(matches!(prepared(&engine, &request[1..], usize::MAX, true), Err(Refusal::Malformed)));
            let _core = tokio::runtime::Handle::current().block_on(CORE.acquire());
        };
        tokio::task::spawn_blocking(compare).await.unwrap();
    }
}
