//! Who vouches for the chain besides its own keys, as the configuration names them: witnesses, a time stamping authority.
//!
//! They work on what the archive stores, with a way to it of their own, so that neither leg knows of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use sealtrail_timestamp::Authorities;

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
    stamps: Option<witness::Stamping>,
}

/// Stands once a witness has seen another history: then nothing is signed, from the start on.
pub(super) fn mark(config: &Config, disk: &Arc<dyn Disk>) -> Mark {
    Mark::at(Arc::clone(disk), &dir(config))
}

/// Whether signing is off from the start.
pub(super) fn halt(config: &Config, disk: &Arc<dyn Disk>) -> Result<Halt, StartError> {
    let (mark, halt) = (mark(config, disk), Halt::default());
    if mark.stands()? {
        halt.set();
        StillForked { mark: mark.path() }.emit();
    }
    Ok(halt)
}

/// Who is to be asked, as far as it can be judged before anything is changed.
pub(super) struct Plan {
    witnesses: Vec<Witness>,
    stamped: Option<Uri>,
    authorities: Option<Authorities>,
    /// `None`: there is nobody to ask.
    client: Option<Client>,
}

impl Plan {
    pub(super) fn of(config: &Config) -> Result<Self, StartError> {
        let seal = &config.seal;
        let witnesses: Vec<Witness> = seal.witnesses.iter().filter_map(witness).collect();
        let stamped: Option<Uri> = seal.timestamp_url.as_deref().and_then(|url| url.parse().ok());
        let authorities = seal.timestamp_ca_file.as_deref().map(witness::authorities).transpose()?;
        let mut urls = witnesses.iter().map(|witness| &witness.url).chain(&stamped).peekable();
        let client = match urls.peek() {
            Some(_) => Some(Client::new(urls.any(|url| url.scheme_str() == Some("https")))?),
            None => None,
        };
        Ok(Self { witnesses, stamped, authorities, client })
    }

    /// Asks from now on.
    pub(super) fn start(
        self,
        config: &Config,
        disk: &Arc<dyn Disk>,
        clock: &Arc<dyn Clock>,
        reporter: &Reporter,
        halt: &Halt,
    ) -> Result<Vouched, StartError> {
        let Some(client) = self.client else { return Ok(Vouched { witnesses: None, stamps: None }) };
        if halt.is_set() {
            // The stop may have come before it was sealed; and each start goes on without signatures.
            let mut event = Event::new(Kind::Forked);
            event.outcome = Some("failure".to_owned());
            event.reason = Some("a witness has seen another history before this start".to_owned());
            reporter.report(event);
            return Ok(Vouched { witnesses: None, stamps: None });
        }
        let archive = Arc::new(Target::find(&config.archive, &config.data_dir, Arc::clone(clock))?);
        let report: witness::Report = {
            let reporter = reporter.clone();
            Arc::new(move |event| reporter.report(event))
        };
        let (seal, halt) = (&config.seal, halt.clone());
        let stamps = self.stamped.map(|url| witness::StampParts {
            url,
            interval: seal.timestamp_interval.get(),
            authorities: self.authorities,
            chain: config.chain.clone(),
            archive: Arc::clone(&archive),
            client: client.clone(),
            clock: Arc::clone(clock),
            report: Arc::clone(&report),
        });
        let witnesses = (!self.witnesses.is_empty()).then(|| witness::Parts {
            witnesses: self.witnesses,
            quorum: seal.quorum(),
            interval: seal.witness_interval.get(),
            max_lag: seal.witness_max_lag.get(),
            chain: config.chain.clone(),
            archive,
            client,
            disk: Arc::clone(disk),
            clock: Arc::clone(clock),
            dir: dir(config),
            report,
            on_fork: Arc::new(move || halt.set()),
        });
        Ok(Vouched { witnesses: witnesses.map(witness::start), stamps: stamps.map(witness::start_stamps) })
    }
}

impl Vouched {
    /// Whether a quorum of witnesses is missing that the configuration requires.
    pub(super) fn lacking(&self, config: &Config) -> impl Fn() -> bool + Send + Sync + 'static {
        let required = config.seal.witness_required;
        let overdue = self.witnesses.as_ref().map(witness::Running::overdue);
        move || required && overdue.as_ref().is_some_and(|overdue| overdue())
    }

    /// Asks once more, about what the stop has stored.
    pub(super) async fn stop(self) {
        let witnesses = async {
            if let Some(witnesses) = self.witnesses {
                witnesses.stop(GRACE).await;
            }
        };
        let stamps = async {
            if let Some(stamps) = self.stamps {
                stamps.stop(GRACE).await;
            }
        };
        tokio::join!(witnesses, stamps);
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
