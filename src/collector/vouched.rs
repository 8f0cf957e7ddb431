//! Who vouches for the chain besides its own keys, as the configuration names them: witnesses, a time stamping authority.
//!
//! They work on what the archive stores, with a way to it of their own, so that neither leg knows of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use super::StartError;
use crate::archive::Target;
use crate::client::Client;
use crate::config::Config;
use crate::deliver::Halt;
use crate::host::{Clock, Disk};
use crate::observe::event::StillForked;
use crate::seal::own::{Event, Kind, Reporter};
use crate::witness::{self, Mark, Witness};

/// How long the stop waits for what it has brought into the archive to be vouched for.
const GRACE: Duration = Duration::from_secs(5);

/// Those who are asked.
pub(super) struct Vouched {
    witnesses: Option<witness::Running>,
}

/// Whether signing is off from the start: a witness has seen another history before.
pub(super) fn halt(config: &Config, disk: &Arc<dyn Disk>) -> Result<Halt, StartError> {
    let (mark, halt) = (Mark::at(Arc::clone(disk), &dir(config)), Halt::default());
    if mark.stands()? {
        halt.set();
        StillForked { mark: mark.path() }.emit();
    }
    Ok(halt)
}

impl Vouched {
    /// Asks from now on.
    pub(super) fn start(
        config: &Config,
        disk: &Arc<dyn Disk>,
        clock: &Arc<dyn Clock>,
        reporter: &Reporter,
        halt: &Halt,
    ) -> Result<Self, StartError> {
        let seal = &config.seal;
        if halt.is_set() {
            // The stop may have come before it was sealed; and each start goes on without signatures.
            let mut event = Event::new(Kind::Forked);
            event.outcome = Some("failure".to_owned());
            event.reason = Some("a witness has seen another history before this start".to_owned());
            reporter.report(event);
        }
        let witnesses: Vec<Witness> = seal.witnesses.iter().filter_map(witness).collect();
        if witnesses.is_empty() || halt.is_set() {
            return Ok(Self { witnesses: None });
        }
        let client = Client::new(witnesses.iter().any(|witness| witness.url.scheme_str() == Some("https")))?;
        let (reporter, halt) = (reporter.clone(), halt.clone());
        let running = witness::start(witness::Parts {
            witnesses,
            quorum: seal.quorum(),
            interval: seal.witness_interval.get(),
            max_lag: seal.witness_max_lag.get(),
            chain: config.chain.clone(),
            archive: Arc::new(Target::find(&config.archive, &config.data_dir, Arc::clone(clock))?),
            client,
            disk: Arc::clone(disk),
            clock: Arc::clone(clock),
            dir: dir(config),
            report: Arc::new(move |event| reporter.report(event)),
            on_fork: Arc::new(move || halt.set()),
        });
        Ok(Self { witnesses: Some(running) })
    }

    /// Whether a quorum of witnesses is missing that the configuration requires.
    pub(super) fn lacking(&self, config: &Config) -> impl Fn() -> bool + Send + Sync + 'static {
        let required = config.seal.witness_required;
        let overdue = self.witnesses.as_ref().map(witness::Running::overdue);
        move || required && overdue.as_ref().is_some_and(|overdue| overdue())
    }

    /// Asks once more, about what the stop has stored.
    pub(super) async fn stop(self) {
        if let Some(witnesses) = self.witnesses {
            witnesses.stop(GRACE).await;
        }
    }
}

/// Where the witnesses' last words are kept.
fn dir(config: &Config) -> PathBuf {
    config.data_dir.join("witness")
}

/// One of the configuration's, which was checked when it was read.
fn witness(configured: &crate::seal::Witness) -> Option<Witness> {
    Some(Witness { url: configured.url.parse::<Uri>().ok()?, key: configured.key()? })
}
