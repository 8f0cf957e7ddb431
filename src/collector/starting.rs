//! The start: everything that can be judged is judged before anything is changed.
//!
//! In this order: the configuration and the rules; the write-ahead log (locked, read); the archive, where it can be reached; the
//! keys; the stream's end against the log; then the stream is taken over and asked again; then the log goes on, the legs, and
//! last of all the receivers.
//!
//! A stream that doesn't answer is compared and taken over when it does (`deliver`), and the log takes what comes until then;
//! but a chain's first record is in the stream before any of a sender's is taken.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use http::StatusCode;
use sealtrail_chain::Head;
use tokio::sync::watch;
use tracing::info;

use super::identity::Identity;
use super::reloading::{load, rule_files};
use super::rotating::Rotated;
use super::settings::started_event;
use super::standing::{ask, attach, end_of, first_kept, has_begun, holds, known};
use super::watched::Watched;
use super::{Collector, Failure, GRACE, Start, StartError, continued, control, import, vouched};
use crate::archive;
use crate::config::{Acknowledge, Config};
use crate::deliver::{self, Held, ParquetBuild, Store};
use crate::host::{Aside, Clock, Disk, SystemClock, SystemDisk};
use crate::mask::Engine;
use crate::observe;
use crate::receive::{self, Pipeline};
use crate::seal::own::{Reporter, Scribe};
use crate::seal::spool::Spool;
use crate::stream::Stream;
use crate::wal::{self, Leg};

/// A collector that another one has just replaced sees the other's first record well within this.
const DOUBT: Duration = Duration::from_secs(5);

/// How long records gather for one transaction of the stream while no sender waits for it: fewer, larger ones.
const WINDOW: Duration = Duration::from_millis(100);

/// The same where senders wait: while one transaction is under way the next one's records gather, which is enough.
const NO_WINDOW: Duration = Duration::ZERO;

/// Why a collector is not ready that requires witnesses.
const NO_QUORUM: &str = "no quorum of witnesses has cosigned the newest checkpoints";

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
