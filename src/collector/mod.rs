//! The one place where all parts are wired, started and stopped.
//!
//! Order of a start: everything that can be judged is judged before anything is changed. The configuration and the rules;
//! the write-ahead log (locked, read); the archive, where it can be reached; the keys; the stream's end against the log; then
//! the stream is taken over and asked again; then the log goes on, the legs, and last of all the receivers. The stop goes the
//! other way round.
//!
//! A stream that doesn't answer is compared and taken over when it does (`deliver`), and the log takes what comes until then;
//! but a chain's first record is in the stream before any of a sender's is taken.

mod check;
mod continued;
mod control;
mod error;
mod history;
mod identity;
mod import;
mod rotating;
mod settings;
mod standing;
mod vouched;
mod watched;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use http::StatusCode;
use sealtrail_chain::Head;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

pub use check::{Checked, check};
pub use control::wal_import;
pub use error::StartError;
pub use import::Imported;

use crate::archive;
use crate::config::{Acknowledge, Config};
use crate::deliver::{self, Held, ParquetBuild, Store};
use crate::host::{Aside, Clock, Disk, SystemClock, SystemDisk};
use crate::mask::Engine;
use crate::observe;
use crate::observe::event::RulesRefused;
use crate::receive::{self, Pipeline};
use crate::seal::own::{Event, Kind, Reporter, Scribe};
use crate::seal::spool::Spool;
use crate::stream::Stream;
use crate::wal::{self, Leg};

use identity::Identity;
use rotating::Rotated;
use settings::{exchanged_keys, needs_restart, started_event};
use standing::{ask, attach, end_of, first_kept, has_begun, holds, known};
use vouched::Vouched;
use watched::Watched;

/// How long the stop waits for the legs; what they can't take then stays in the write-ahead log.
const GRACE: Duration = Duration::from_secs(30);

/// A collector that another one has just replaced sees the other's first record well within this.
const DOUBT: Duration = Duration::from_secs(5);

/// How long records gather for one transaction of the stream while no sender waits for it: fewer, larger ones.
const WINDOW: Duration = Duration::from_millis(100);

/// The same where senders wait: while one transaction is under way the next one's records gather, which is enough.
const NO_WINDOW: Duration = Duration::ZERO;

/// Why a collector is not ready that requires witnesses.
const NO_QUORUM: &str = "no quorum of witnesses has cosigned the newest checkpoints";

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
    /// Starts all parts; when this returns, records are accepted.
    pub async fn start(config: Config, start: Start) -> Result<Self, StartError> {
        let Start { accept_clock, continue_from_legs, reason } = start;
        let started = Instant::now();
        config.stream.check()?;
        receive::check(&config.receivers.otlp)?;
        let watched = Watched::new(rule_files(&config));
        let engine = load(&config)?;
        let vouchers = vouched::Plan::of(&config)?;
        // The pages are the first to be bound and the receivers the last, so that a port that is taken is met before
        // anything is changed.
        let (health, health_address) = bind(&config.health_check.endpoint, "health_check.endpoint").await?;
        let (page, page_address) = bind(&config.telemetry.metrics.endpoint, "telemetry.metrics.endpoint").await?;
        let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());

        let mut recovered = wal::open(Arc::clone(&disk), &config.wal_dir(), &config.chain)?;
        let commands = control::bind(Arc::clone(&disk), &config.data_dir)
            .map_err(|source| StartError::Control { dir: config.data_dir.clone(), source })?;
        let mut stream = Stream::new(&config.stream, Arc::clone(&disk), &config.data_dir, config.chain.clone());
        let archive = archive::Target::find(&config.archive, &config.data_dir, Arc::clone(&clock))?;
        archive.check().await?;
        let mut continued = None;
        if continue_from_legs {
            let gone_on = continued::go_on(&config, recovered, &mut stream, &archive, &*clock, &disk, reason).await?;
            (recovered, continued) = (gone_on.recovered, Some(gone_on.event));
        } else if recovered.is_broken_off() {
            return Err(StartError::BrokenOff { wal: config.wal_dir() });
        }
        // A chain that begins must know that it does: then an archive that is away refuses the start.
        let archive_has_it = recovered.head().is_none() && holds(&archive, &config.chain).await?;
        let begun = has_begun(&recovered);
        let tail = ask(&mut stream, begun).await?;
        let stream_has_it = tail.is_some_and(|tail| tail.end().is_some());
        let identity = Identity::find(
            &config,
            &recovered,
            archive_has_it || stream_has_it,
            continued.is_some(),
            clock.now(),
            &disk,
        )?;
        let checkpoints = Store::open(Arc::clone(&disk), config.wal_dir().join("checkpoints"), identity.keys.clone())?;
        identity.check(&config, &checkpoints)?;
        let halt = vouched::halt(&config, &disk)?;
        let known = known(&recovered, &checkpoints)?;
        let attach = attach(&mut stream, tail, &known, &recovered, begun).await?;
        archive.prepare()?;
        let archived = recovered.legs().confirmed(Leg::Archive).map(end_of);

        let cut = recovered.cut();
        let genesis = identity.genesis.clone();
        let log = recovered.resume(&config.wal, engine.digest(), || {
            Head::genesis(genesis.as_ref().expect("a log without a head is a new chain, which has a genesis note"))
        })?;
        let engine = Arc::new(ArcSwap::from_pointee(engine));
        let reporter = Reporter::new(Arc::clone(&clock));
        // What commands did while nobody could seal it.
        let spool = Arc::new(Spool::open(Arc::clone(&disk), &config.data_dir, reporter.clone()));
        let scribe = Scribe::new(engine.load_full());
        let options = wal::Options {
            config: config.wal,
            accept_clock,
            alive_interval: config.seal.alive_interval.get(),
            started: started_event(&config, &engine.load(), accept_clock),
            genesis: identity.genesis.as_ref().map(|note| note.note().to_owned()),
            cut,
            continued,
            rotated: identity.rotated.as_ref().map(Rotated::sealed_as),
        };
        let write: wal::Write = Box::new(move |entry, now| scribe.write(entry, now));
        let log = wal::start(log, Arc::clone(&clock), reporter.clone(), write, options)?;
        if let Some(rotated) = &identity.rotated {
            rotated.is_sealed(&config)?;
        }
        if continue_from_legs {
            // What lies there counts from here on; the legs are not started before.
            wal::rebuilt(&*disk, &config.wal_dir())?;
        }

        let report = reporter.clone();
        let legs = deliver::start(deliver::Parts {
            wal: Arc::new(Held::new(Arc::clone(&disk), Arc::clone(&log.shelf), log.fence())),
            progress: log.shelf.progress(),
            stream,
            attach,
            doubt: DOUBT,
            window: match config.acknowledge {
                Acknowledge::Wal => WINDOW,
                Acknowledge::Stream => NO_WINDOW,
            },
            archive,
            archived,
            build: ParquetBuild::new(Arc::clone(&disk), config.archive.promotions.clone()),
            checkpoints,
            checkpoint_interval: config.seal.checkpoint_interval.get(),
            clock: Arc::clone(&clock),
            disk: Arc::clone(&disk),
            halt: halt.clone(),
            aside: Aside::Thread,
            scratch: config.wal_dir(),
            report: Arc::new(move |event| report.report(event)),
        })?;

        if !begun && let Err(error) = first_kept(&legs, GRACE).await {
            let _ = tokio::task::spawn_blocking(move || log.stop()).await;
            return Err(error);
        }

        let vouched = match vouchers.start(&config, &disk, &clock, &reporter, &halt) {
            Ok(vouched) => vouched,
            Err(error) => {
                let _ = tokio::task::spawn_blocking(move || log.stop()).await;
                return Err(error);
            }
        };
        let bound = match config.acknowledge {
            Acknowledge::Wal => bind_receivers(&config, &engine, log.intake.clone(), &reporter, &clock),
            Acknowledge::Stream => {
                let timeout = config.acknowledge_timeout.get();
                bind_receivers(&config, &engine, legs.intake(log.intake.clone(), timeout), &reporter, &clock)
            }
        };
        let server = match bound {
            Ok(server) => server,
            Err(error) => {
                // The start is sealed already: so is the stop.
                let _ = tokio::task::spawn_blocking(move || log.stop()).await;
                return Err(error.into());
            }
        };
        let (grpc, http) = (server.grpc_addr(), server.http_addr());
        let importer = import::Importer {
            chain: config.chain.clone(),
            archive: config.archive.clone(),
            data_dir: config.data_dir.clone(),
            disk: Arc::clone(&disk),
            shelf: Arc::clone(&log.shelf),
            intake: log.intake.clone(),
            engine: Arc::clone(&engine),
            clock,
            turn: tokio::sync::Mutex::default(),
        };
        let (ready, carried, lacking) = (server.readiness(), legs.carried(), vouched.lacking(&config));
        let trouble = move || match (carried(), lacking()) {
            (false, _) => Some(Failure::Leg.to_string()),
            (true, lacking) => lacking.then(|| NO_QUORUM.to_owned()),
        };
        let pages = [
            tokio::spawn(observe::http::serve(health, move |path| readiness(path, ready(), trouble()))),
            tokio::spawn(observe::http::serve(page, observe::http::metrics_page(started, legs.lag()))),
            tokio::spawn(control::serve(commands, Arc::new(importer))),
        ];
        let heeded = Arc::clone(&spool);
        let heeding = tokio::spawn(async move { heeded.follow().await });
        let reloader = server.reloader();
        let (stop_receiving, stopped) = watch::channel(false);
        let receiving = tokio::spawn(server.run(stopped));
        info!(
            chain = %config.chain,
            grpc = grpc.map(|address| address.to_string()),
            http = http.map(|address| address.to_string()),
            health = %health_address,
            metrics = %page_address,
            "ready"
        );
        Ok(Self {
            config: Mutex::new(config),
            grpc,
            http,
            stop_receiving,
            receiving,
            reloader,
            engine,
            reporter,
            watched,
            log,
            legs,
            vouched,
            pages,
            spool,
            heeding,
        })
    }

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

    /// Looks at the rule files and at `file`, the configuration, too from here on.
    pub fn watch(&self, file: Option<&Path>) {
        let rules = rule_files(&self.config.lock().unwrap_or_else(PoisonError::into_inner));
        self.watched.follow(rules.into_iter().chain(file.map(Path::to_owned)).collect());
    }

    /// Comes back when a file that is watched has changed. May be given up and called again.
    pub async fn changed(&self) {
        loop {
            tokio::time::sleep(watched::LOOK).await;
            if self.look() {
                return;
            }
        }
    }

    /// Whether a file that is watched has changed since this was asked last. To be called before a reload that a signal asks
    /// for: one change, one reload.
    pub fn look(&self) -> bool {
        self.watched.changed()
    }

    /// Takes over what can change while running: certificates, tokens and rules. Each is checked whole first; where one is
    /// wrong, the old one stays and the log says why. `file`: where the configuration was read.
    pub fn reload(&self, config: Config, file: Option<&Path>) {
        // The listeners tell log and chain how it went.
        let _ = self.reloader.reload();
        let mut current = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        self.watched.follow(rule_files(&config).into_iter().chain(file.map(Path::to_owned)).collect());
        match load(&config) {
            Ok(engine) if !exchanged_keys(&self.engine.load(), &engine).is_empty() => {
                let error = StartError::ExchangedKeys(exchanged_keys(&self.engine.load(), &engine));
                RulesRefused { error: &error }.emit();
                self.config_changed("mask.keys", "failure");
                return;
            }
            Ok(engine) => {
                if config.mask.keys != current.mask.keys {
                    self.config_changed("mask.keys", "success");
                    info!("keys for masking changed");
                }
                self.change_rules(engine);
            }
            Err(error) => {
                RulesRefused { error: &error }.emit();
                self.config_changed("mask.rules", "failure");
            }
        }
        current.mask = config.mask.clone();
        for key in needs_restart(&current, &config) {
            warn!(key, "this setting changed in the configuration; it takes effect with a restart");
        }
    }

    fn config_changed(&self, resource: &str, outcome: &str) {
        let mut event = Event::new(Kind::ConfigChanged);
        event.resource = Some(resource.to_owned());
        event.outcome = Some(outcome.to_owned());
        self.reporter.report(event);
    }

    fn change_rules(&self, engine: Engine) {
        let (before, after) = (self.engine.load().digest(), engine.digest());
        if before == after {
            // The same rules, perhaps with other keys.
            self.engine.store(Arc::new(engine));
            return;
        }
        let hex = |digest: [u8; 32]| sealtrail_chain::Checksum(digest).to_string();
        let mut event = Event::new(Kind::RulesChanged);
        event.resource = Some(format!("rules {}", hex(after)));
        event.reason = Some(format!("before {}", hex(before)));
        let engine = Arc::new(engine);
        self.engine.store(Arc::clone(&engine));
        let scribe = Scribe::new(Arc::clone(&engine));
        self.log.rules_changed(after, event, Box::new(move |entry, now| scribe.write(entry, now)));
        info!(before = hex(before), after = hex(after), "rules changed");
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

/// The files that the rules are read from.
fn rule_files(config: &Config) -> Vec<PathBuf> {
    let named = config.mask.rules.iter().filter(|name| !crate::mask::is_pack(name));
    named.map(|name| config.base_dir.join(name)).collect()
}

/// Compiles the rules that the configuration names.
fn load(config: &Config) -> Result<Engine, StartError> {
    let engine = Engine::load(&config.mask, &config.base_dir, &config.chain).map_err(StartError::Rules)?;
    if let Err(error) = engine.lock_keys() {
        warn!(%error, "the masking keys can't be kept out of the swap: raise the limit of locked memory (`ulimit -l`)");
    }
    Ok(engine)
}

/// The receivers, whose senders are answered when `intake` says so.
fn bind_receivers<K: wal::Keep>(
    config: &Config,
    engine: &Arc<ArcSwap<Engine>>,
    intake: K,
    reporter: &Reporter,
    clock: &Arc<dyn Clock>,
) -> Result<receive::Server, receive::Error> {
    let oracle = Arc::new(receive::Oracle::new(Arc::clone(clock), config.mask.token_limit));
    let pipeline = Pipeline { engine: Arc::clone(engine), intake, reporter: reporter.clone(), oracle };
    receive::Server::bind(&config.receivers.otlp, &config.memory_limiter, pipeline)
}

async fn bind(endpoint: &str, key: &'static str) -> Result<(tokio::net::TcpListener, SocketAddr), StartError> {
    observe::http::bind(endpoint).await.map_err(|source| StartError::Listen {
        key,
        endpoint: endpoint.to_owned(),
        source,
    })
}

/// `/` is 200 only while records are accepted.
fn readiness(path: &str, state: Result<(), wal::Refused>, trouble: Option<String>) -> Option<observe::http::Answer> {
    let reason = state.err().map(|refused| refused.to_string()).or(trouble);
    let (status, text) = match reason {
        None => (StatusCode::OK, "{\"status\":\"ready\"}\n".to_owned()),
        Some(reason) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{{\"status\":\"not ready\",\"reason\":\"{reason}\"}}\n"))
        }
    };
    (path == "/").then_some((status, "application/json", text))
}

/// Whether a directory holds anything.
fn is_empty(dir: &Path) -> bool {
    dir.read_dir().map_or(true, |mut entries| entries.next().is_none())
}
