//! The one way of every request, whatever brought it: decompress, read, mask, hand to the log, answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use sealtrail_chain::content::Origin;
use tokio::sync::Semaphore;

use super::answer::{Refusal, accepted};
use super::body::Compression;
use super::limiter::Charge;
use super::oracle::Oracle;
use super::prepare::{Prepared, prepare};
use crate::mask::Engine;
use crate::observe::Metrics;
use crate::observe::event::{Accepted, Refused};
use crate::seal::own::{Event, Kind, Reporter};
use crate::wal::{self, Keep};

/// Bodies up to this size are worked on where they arrived (about half a millisecond); larger ones would hold up the other
/// connections of that thread.
const INLINE: usize = 64 * 1024;
/// The same for compressed bodies, which may grow a thousandfold.
const INLINE_COMPRESSED: usize = 1024;
/// As many large requests are worked on at a time as there are cores: more would only wait for each other with their
/// decompressed bodies in memory. One that meets a core at rest is worked on by two: half the time to its answer.
static CORES: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

/// What the receivers hand requests to.
#[derive(Clone)]
pub struct Pipeline<K> {
    /// The rules in force; swapped by a reload.
    pub engine: Arc<ArcSwap<Engine>>,
    /// Where records are kept, and when that is so.
    pub intake: K,
    /// Where refusals and dropped fields are told.
    pub reporter: Reporter,
    /// Counts the tokens that senders are given.
    pub oracle: Arc<Oracle>,
}

/// One request as it came, its body read but not looked into.
pub(super) struct Request {
    /// Label of the metrics.
    pub(super) transport: &'static str,
    pub(super) encoding: Encoding,
    pub(super) compression: Compression,
    pub(super) body: Bytes,
    /// Bytes that the body may have once decompressed.
    pub(super) max: usize,
    pub(super) origin: Origin,
    pub(super) charge: Charge,
}

/// How the records of a request are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

pub(super) type Outcome<'a> = Pin<Box<dyn Future<Output = Result<ExportLogsServiceResponse, Refusal>> + Send + 'a>>;

/// What the protocols need of the pipeline: so that they can be tested without a log.
pub(super) trait Way: Send + Sync + 'static {
    /// Whether records would be taken now.
    fn ready(&self) -> Result<(), wal::Refused>;
    /// How long an answer may be waited for that this machine alone can't give.
    fn patience(&self) -> Duration;
    /// Takes a request to its end. A refusal is counted and reported before it returns.
    fn take(&self, request: Request) -> Outcome<'_>;
    /// Tells the chain.
    fn report(&self, event: Event);
}

impl<K: Keep> Way for Pipeline<K> {
    fn ready(&self) -> Result<(), wal::Refused> {
        self.intake.state()
    }

    fn patience(&self) -> Duration {
        self.intake.patience()
    }

    fn take(&self, request: Request) -> Outcome<'_> {
        Box::pin(self.export(request))
    }

    fn report(&self, event: Event) {
        self.reporter.report(event);
    }
}

impl<K: Keep> Pipeline<K> {
    async fn export(&self, request: Request) -> Result<ExportLogsServiceResponse, Refusal> {
        let (transport, sender) = (request.transport, sender(&request.origin));
        let (result, total) = match self.prepare(request).await {
            Ok(prepared) => {
                self.tell(transport, &sender, &prepared);
                let total = prepared.masked.len() as u64;
                (self.keep(transport, prepared).await, total)
            }
            Err(refusal) => (Err(refusal), 1),
        };
        if let Err(refusal) = &result
            && !matches!(refusal, Refusal::Records(_))
        {
            Refused { transport, reason: refusal.reason(), records: total }.emit();
            self.report(refused(transport, &sender, refusal.reason(), total));
        }
        result
    }

    async fn keep(&self, transport: &'static str, prepared: Prepared) -> Result<ExportLogsServiceResponse, Refusal> {
        let Prepared { masked, rejected, rules, charges, .. } = prepared;
        if masked.is_empty() {
            return if rejected.count() == 0 {
                Ok(accepted::<K::Proof>(None, rejected))
            } else {
                Err(Refusal::Records(Box::new(rejected)))
            };
        }
        let records = masked.len() as u64;
        // The charges go with the records: a sender that hangs up doesn't take its share of the memory back before they
        // have left it.
        let kept = self.intake.keep(masked, rules, charges).await.map_err(Refusal::Log)?;
        Accepted { transport, records }.emit();
        Ok(accepted(Some(kept), rejected))
    }

    /// Does the work on the processor, off the reactor where it is long.
    async fn prepare(&self, request: Request) -> Result<Prepared, Refusal> {
        let engine = self.engine.load_full();
        let inline = if request.compression == Compression::None { INLINE } else { INLINE_COMPRESSED };
        if request.body.len() <= inline {
            return prepare(&engine, request, None);
        }
        let core = CORES.acquire().await.map_err(|_| Refusal::Internal)?;
        let work = tokio::task::spawn_blocking(move || {
            // Held by the work, not by the wait for it: a sender that hangs up doesn't free the core.
            let _core = core;
            prepare(&engine, request, CORES.try_acquire().ok())
        });
        work.await.unwrap_or(Err(Refusal::Internal))
    }

    /// Counts and reports what of a request was refused or dropped while its rest goes on.
    fn tell(&self, transport: &'static str, sender: &str, prepared: &Prepared) {
        for (reason, records) in prepared.rejected.reasons() {
            Refused { transport, reason: reason.label(), records }.emit();
            self.report(refused(transport, sender, reason.label(), records));
        }
        let of_sender = |kind, count| Event { origin: Some(sender.to_owned()), count, ..Event::new(kind) };
        if prepared.unknown > 0 {
            Metrics::get().unknown_fields.inc_by(prepared.unknown);
            self.report(of_sender(Kind::FieldsDropped, prepared.unknown));
        }
        if let Some(event) = self.oracle.count(sender, &prepared.tokens) {
            self.report(event);
        }
        if prepared.uninspected > 0 {
            self.report(of_sender(Kind::ValuesReplaced, prepared.uninspected));
        }
    }
}

fn refused(transport: &str, sender: &str, reason: &str, count: u64) -> Event {
    let mut event = Event::new(Kind::SenderRefused);
    event.origin = Some(sender.to_owned());
    event.resource = Some(transport.to_owned());
    event.reason = Some(reason.to_owned());
    event.count = count;
    event
}

/// A sender's name in what is sealed of it: its token's or certificate's, else its address.
pub(super) fn sender(origin: &Origin) -> String {
    origin.subject.clone().or_else(|| origin.peer.clone()).unwrap_or_default()
}
