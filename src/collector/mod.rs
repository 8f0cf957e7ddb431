//! The one place where all parts are wired, started (`starting`), reloaded (`reloading`) and stopped. The stop goes the other
//! way round than the start.

mod check;
mod continued;
mod control;
mod error;
mod history;
mod identity;
mod import;
mod reloading;
mod rotating;
mod settings;
mod standing;
mod starting;
mod vouched;
mod watched;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

pub use check::{Checked, check};
pub use control::wal_import;
pub use error::StartError;
pub use import::Imported;

use crate::config::Config;
use crate::deliver;
use crate::mask::Engine;
use crate::receive;
use crate::seal::own::Reporter;
use crate::seal::spool::Spool;
use crate::wal;

use vouched::Vouched;
use watched::Watched;

/// How long the stop waits for the legs; what they can't take then stays in the write-ahead log.
const GRACE: Duration = Duration::from_secs(30);

/// A running collector.
pub struct Collector {
    config: Mutex<Config>,
    grpc: Option<SocketAddr>,
    http: Option<SocketAddr>,
    stop_receiving: watch::Sender<bool>,
    receiving: JoinHandle<std::io::Result<()>>,
    reloader: receive::Reloader,
    engine: Arc<ArcSwap<Engine>>,
    reporter: Reporter,
    watched: Watched,
    log: wal::Running,
    legs: deliver::Handle,
    vouched: Vouched,
    /// Health, metrics, commands.
    pages: [JoinHandle<()>; 3],
    spool: Arc<Spool>,
    /// Looks for word of commands.
    heeding: JoinHandle<()>,
}

/// How a collector is to be started.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// `--accept-clock`: the operator vouches for a clock that is far ahead of the chain.
    pub accept_clock: bool,
    /// `--continue-from-legs`: there is no log, and the chain goes on from what its legs hold.
    pub continue_from_legs: bool,
    /// `--reason`: why, which is sealed.
    pub reason: Option<String>,
}

/// Why a collector that was started can't go on. What was acknowledged is in the write-ahead log; the place of a panic was
/// printed when it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("the thread of the write-ahead log has ended")]
    Log,
    #[error("the thread of a leg has panicked")]
    Leg,
    #[error("a listener has ended")]
    Listener,
}

impl Collector {
    /// Where OTLP/gRPC is taken.
    ///
    /// # Panics
    /// When the configuration has switched it off.
    pub fn grpc(&self) -> SocketAddr {
        self.grpc.expect("the configuration has `grpc`")
    }

    /// Where OTLP/HTTP is taken.
    ///
    /// # Panics
    /// When the configuration has switched it off.
    pub fn http(&self) -> SocketAddr {
        self.http.expect("the configuration has `http`")
    }

    /// Comes back only when the collector can't go on: a part has ended without being told to. It must not look alive.
    pub async fn failed(&self) -> Failure {
        let carried = self.legs.carried();
        loop {
            tokio::time::sleep(Duration::from_millis(250)).await;
            if matches!(self.log.intake.state(), Err(wal::Refused::Stopping)) {
                return Failure::Log;
            }
            if !carried() {
                return Failure::Leg;
            }
            if self.receiving.is_finished() || self.pages.iter().any(JoinHandle::is_finished) {
                return Failure::Listener;
            }
        }
    }

    /// Stops in order: no new requests, what was accepted is sealed and goes to both legs; what a leg can't take in time
    /// stays in the write-ahead log, and the log says so by name.
    pub async fn stop(self) {
        let _ = self.stop_receiving.send(true);
        // Requests that are in hand get their answer; a listener that failed has none.
        let _ = self.receiving.await;
        // What a command leaves from here on comes at the next start.
        self.heeding.abort();
        let _ = self.heeding.await;
        let log = self.log;
        let took = log.intake.state().is_ok();
        // The thread ends by itself; a panic in it was reported by the hook.
        let _ = tokio::task::spawn_blocking(move || log.stop()).await;
        // A log that took nothing has not sealed what was left here either: it comes again at the next start.
        if took {
            self.spool.sealed();
        }
        let left = self.legs.stop(GRACE).await;
        for leg in &left {
            warn!("{leg}");
        }
        self.vouched.stop().await;
        for page in self.pages {
            page.abort();
            let _ = page.await;
        }
        info!(complete = left.is_empty(), "stopped");
    }
}
