//! Witnesses (c2sp.org/tlog-witness): others who keep of this chain the newest checkpoint they saw, and cosign a new one only when
//! it continues that. Whoever trusts some of them can't be shown another history, not even by the holder of the chain's keys.
//!
//! Each witness has a task of its own, with one question in flight: what the archive *stores* as checkpoint goes to it, with a proof
//! that comes out of the `.range` objects alone; its answer is stored beside the checkpoint, and sealed, so that it is missed when
//! it is taken away. Records never wait for any of this.
//!
//! Invariants:
//! - nothing is submitted that the archive doesn't store: what a witness knows, everybody can be shown;
//! - a proof is checked here before it is sent, so that a witness's refusal means that it has seen another history;
//! - such a refusal is an alarm, and final: `fork`, after which nothing more is signed, over restarts too, until a person has
//!   looked at it;
//! - what was cosigned last is kept here to save a question, and learnt again from the witness when it is lost.
//!
//! **What a witness learns**: the log's origin with the chain's name, both of the log's verifier keys, and of each checkpoint it is
//! asked about the size, the root and the time; so how many records the chain takes, and how its collector lives. No record, no
//! hash of one, and nothing about senders. It can't be told from the hashes of a proof what was logged: they are hashes of links.

mod fork;
mod history;
mod pace;
mod protocol;
mod quorum;
mod stamps;
mod state;
mod task;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Uri;
use sealtrail_chain::ChainName;
use sealtrail_chain::note::Vkey;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::archive::{ArchiveLeg, Objects};
use crate::client::Client;
use crate::host::{Clock, Disk};
use crate::seal::own::Event;

pub use fork::{Error as ForkError, Mark};
pub use stamps::{AuthoritiesFileError, StampParts, Stamping, authorities, start as start_stamps};

use quorum::Quorum;
use state::State;
use task::Task;

/// A witness: where it is asked, and by which key its word is known.
#[derive(Debug, Clone)]
pub struct Witness {
    /// Its submission prefix.
    pub url: Uri,
    pub key: Vkey,
}

/// Takes own records into the chain; never blocks.
pub type Report = Arc<dyn Fn(Event) + Send + Sync>;

/// All that the tasks are made of.
pub struct Parts<A> {
    pub witnesses: Vec<Witness>,
    pub quorum: usize,
    pub interval: Duration,
    /// How long a stored checkpoint may go without a quorum.
    pub max_lag: Duration,
    pub chain: ChainName,
    pub archive: Arc<A>,
    pub client: Client,
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    /// Where the witnesses' last words are kept, and the mark of a fork.
    pub dir: PathBuf,
    pub report: Report,
    /// Ends all signing; called once, behind the mark.
    pub on_fork: Arc<dyn Fn() + Send + Sync>,
}

/// Asks every witness from now on.
pub fn start<A: ArchiveLeg + Objects>(parts: Parts<A>) -> Running {
    let (stop, stopping) = watch::channel(false);
    let quorum = Quorum::new(&parts);
    let overdue = quorum.overdue();
    let mark = Mark::at(Arc::clone(&parts.disk), &parts.dir);
    let tasks = parts.witnesses.iter().enumerate().map(|(at, witness)| {
        let task = Task {
            witness: witness.clone(),
            chain: parts.chain.clone(),
            archive: Arc::clone(&parts.archive),
            client: parts.client.clone(),
            state: State::of(Arc::clone(&parts.disk), &parts.dir, &witness.key),
            standing: quorum.standing(at),
            interval: parts.interval,
            clock: Arc::clone(&parts.clock),
            report: Arc::clone(&parts.report),
            mark: mark.clone(),
            on_fork: Arc::clone(&parts.on_fork),
        };
        tokio::spawn(task.run(stopping.clone()))
    });
    let tasks: Vec<_> = tasks.collect();
    Running { stop, tasks, quorum: tokio::spawn(quorum.watch()), overdue }
}

/// The tasks of all witnesses.
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    quorum: JoinHandle<()>,
    overdue: Arc<AtomicBool>,
}

impl Running {
    /// Whether a quorum has been missing for longer than it may.
    pub fn overdue(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let overdue = Arc::clone(&self.overdue);
        move || overdue.load(Ordering::Relaxed)
    }

    /// Asks once more about what the stop has brought into the archive, at most for `grace`; what isn't cosigned then is at the
    /// next start.
    pub async fn stop(self, grace: Duration) {
        let _ = self.stop.send(true);
        let all = async {
            for task in self.tasks {
                // A task that panicked was reported by the hook.
                let _ = task.await;
            }
        };
        let _ = tokio::time::timeout(grace, all).await;
        self.quorum.abort();
    }
}
