//! A stand-in for what lies behind the protocols: reads requests and answers as told, without engine or log.

use std::sync::Mutex;
use std::time::Duration;

use sealtrail_chain::content::otlp::{self, Malformed, Visit};
use sealtrail_chain::content::{Context, LogRecord, Origin};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::super::answer::{Refusal, Rejected, accepted};
use super::super::pipeline::{Encoding, Outcome, Request, Way};
use super::super::{Config, MemoryLimiter, Protocol, Protocols, Reloader, Server, body, json};
use crate::seal::own::Event;
use crate::wal;

pub(super) struct StandIn {
    pub(super) refuse: Mutex<Option<wal::Refused>>,
    pub(super) taken: Mutex<Vec<(u64, Origin)>>,
    pub(super) events: Mutex<Vec<Event>>,
    /// A request needs a permit to be answered; there are many unless a test takes them.
    pub(super) gate: Semaphore,
}

impl Default for StandIn {
    fn default() -> Self {
        let (refuse, taken, events) = Default::default();
        Self { refuse, taken, events, gate: Semaphore::new(1000) }
    }
}

impl Way for StandIn {
    fn ready(&self) -> Result<(), wal::Refused> {
        self.refuse.lock().unwrap().map_or(Ok(()), Err)
    }

    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    fn take(&self, mut request: Request) -> Outcome<'_> {
        Box::pin(async move {
            let bytes = body::decompress(request.compression, request.body, request.max, &mut request.charge)?;
            let mut count = Count::default();
            let read = match request.encoding {
                Encoding::Protobuf => otlp::read(&bytes, &request.origin, &mut count).is_ok(),
                Encoding::Json => json::read(&String::from_utf8_lossy(&bytes), &request.origin, &mut count).is_ok(),
            };
            if !read {
                return Err(Refusal::Malformed);
            }
            self.taken.lock().unwrap().push((count.sound, request.origin));
            let _permit = self.gate.acquire().await.unwrap();
            match count.rejected.count() {
                1.. if count.sound == 0 => Err(Refusal::Records(Box::new(count.rejected))),
                _ => Ok(accepted(None::<wal::Durable>, count.rejected)),
            }
        })
    }

    fn report(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }
}

#[derive(Default)]
struct Count {
    seen: u64,
    sound: u64,
    rejected: Rejected,
}

impl<'a> Visit<'a> for Count {
    fn scope(&mut self, _: Result<Context<'a>, Malformed>) {}

    fn record(&mut self, record: Result<LogRecord<'a>, Malformed>) {
        match record {
            Ok(_) => self.sound += 1,
            Err(malformed) => self.rejected.add(self.seen, malformed.into()),
        }
        self.seen += 1;
    }

    fn unknown_fields(&mut self, _: u64) {}
}

/// Both protocols on free ports of loopback, running.
pub(super) struct Running {
    pub(super) grpc: std::net::SocketAddr,
    pub(super) http: std::net::SocketAddr,
    pub(super) behind: std::sync::Arc<StandIn>,
    pub(super) reloader: Reloader,
    stop: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub(super) fn start(change: impl FnOnce(&mut Protocol)) -> Self {
        Self::with_limit(512, change)
    }

    /// The same settings for both protocols.
    pub(super) fn with_limit(limit_mib: u32, change: impl FnOnce(&mut Protocol)) -> Self {
        let mut protocol = Protocol { max_recv_msg_size_mib: 4, ..Protocol::at("127.0.0.1:0") };
        change(&mut protocol);
        let config = Config { protocols: Protocols { grpc: Some(protocol.clone()), http: Some(protocol) } };
        let behind = std::sync::Arc::new(StandIn::default());
        let server = Server::with(&config, &MemoryLimiter { limit_mib }, behind.clone()).unwrap();
        let (grpc, http) = (server.grpc_addr().unwrap(), server.http_addr().unwrap());
        let (stop, stopped) = watch::channel(false);
        let reloader = server.reloader();
        Self { grpc, http, behind, reloader, stop, server: tokio::spawn(server.run(stopped)) }
    }

    pub(super) fn begin_stop(&self) {
        self.stop.send_replace(true);
    }

    pub(super) async fn stopped(self) {
        self.begin_stop();
        self.server.await.unwrap().unwrap();
    }

    /// Reasons that were reported, in order.
    pub(super) fn reasons(&self) -> Vec<String> {
        self.behind.events.lock().unwrap().iter().filter_map(|event| event.reason.clone()).collect()
    }
}
