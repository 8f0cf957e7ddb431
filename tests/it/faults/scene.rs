//! One chain between the real Kafka and the real S3 server, under load, and what a row needs to break it.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::clock::SettableClock;
use super::judge;
use super::load::{Load, Outcome};
use super::network::Network;
use super::table::Line;
use super::{Kafka, Row, S3, Wal};
use crate::disk::{FailingDisk, SmallDisk};
use crate::harness::{Collector, PATIENCE, files, length, until_for};
use crate::parts::{Part, brokers, brokers_to_break};
use crate::s3::proxy::Proxy;
use crate::s3::server::{ACCESS_KEY, Bucket, SECRET_KEY, Server, credentials};

/// A short lock: what a test leaves behind dies with its server.
const LOCK: &str = "object_lock: { mode: COMPLIANCE, retention_days: 1 }";

/// How long what was held up may take to get through.
pub const RECOVERY: Duration = Duration::from_secs(900);

/// How often a collector may be stopped before its legs have taken all.
const STOPS: u32 = 3;

/// In the order in which they end.
pub struct Scene {
    pub load: Load,
    collector: Option<Collector>,
    /// Where the collector lives; `data` is below it.
    pub home: PathBuf,
    pub network: Option<Network>,
    pub proxy: Option<Proxy>,
    pub bucket: Bucket,
    /// The S3 server, where it is this row's own.
    pub server: Option<Server>,
    pub small_disk: Option<SmallDisk>,
    pub failing_disk: Option<FailingDisk>,
    pub clock: Option<SettableClock>,
    pub random: Random,
    pub kafka: Brokers,
    _network_is_ours: Option<MutexGuard<'static, ()>>,
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    name: String,
    config: String,
    environment: Vec<(String, String)>,
    seed: u64,
    began: Instant,
    began_at: jiff::Timestamp,
}

/// The brokers that all tests share, or to oneself for as long as one breaks them.
pub enum Brokers {
    Shared(RwLockReadGuard<'static, Part>),
    Broken(RwLockWriteGuard<'static, Part>),
}

impl Deref for Brokers {
    type Target = Part;
    fn deref(&self) -> &Part {
        match self {
            Self::Shared(part) => part,
            Self::Broken(part) => part,
        }
    }
}

impl Drop for Brokers {
    /// A row that failed must not fail the next one.
    fn drop(&mut self) {
        if let Self::Broken(part) = self {
            for broker in 1..=3 {
                let _ = part.try_run(&["resume", &format!("kafka:{broker}")]);
            }
            let _ = part.try_run(&["start", "kafka:all"]);
        }
    }
}

impl Scene {
    /// None where the row's disk can't be had: then nothing is proved.
    pub fn set(row: &Row) -> Option<Self> {
        static NETWORK: Mutex<()> = Mutex::new(());
        let proxied = row.kafka == Kafka::Proxied;
        let ours = proxied.then(|| NETWORK.lock().unwrap_or_else(PoisonError::into_inner));
        let kafka = match row.kafka {
            Kafka::Broken => Brokers::Broken(brokers_to_break()),
            Kafka::Shared | Kafka::Proxied => Brokers::Shared(brokers()),
        };
        let began = Instant::now();
        let seed = seed();
        eprintln!("{}: SEALTRAIL_SEED={seed}", row.name);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (mut home, mut small_disk, mut failing_disk) = (dir.path().join("home"), None, None);
        match row.wal {
            Wal::Plain => std::fs::create_dir(&home).expect("made"),
            Wal::Small(mib) => small_disk = Some(SmallDisk::mount(&home, mib)?),
            Wal::Failing(mib) => {
                let disk = FailingDisk::mount(dir.path(), mib)?;
                home = disk.dir.join("home");
                std::fs::create_dir(&home).expect("made");
                failing_disk = Some(disk);
            }
        }
        let name = row.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-").to_lowercase();
        for topic in ["logs", "checkpoints"] {
            kafka.topic(&format!("{name}-{topic}"), &[]);
        }
        let (server, mut bucket, proxied_s3) = match row.s3 {
            S3::Shared(kind) => (None, Server::shared(kind).bucket(&bucket_name(&name)), false),
            S3::Proxied(kind) => (None, Server::shared(kind).bucket(&bucket_name(&name)), true),
            S3::Own(kind, options) => {
                let server = Server::start(kind, options);
                let bucket = server.bucket(&bucket_name(&name));
                (Some(server), bucket, false)
            }
        };
        let direct = bucket.endpoint.clone();
        let proxy = proxied_s3.then(|| runtime.block_on(Proxy::start(&direct, row.rules.to_vec())));
        if let Some(proxy) = &proxy {
            bucket.endpoint.clone_from(&proxy.endpoint);
        }
        let mut environment = credentials(dir.path(), ACCESS_KEY, SECRET_KEY);
        let clock = row.clock.then(|| SettableClock::new(dir.path()));
        environment.extend(clock.iter().flat_map(SettableClock::environment));
        let addresses = kafka.get(if proxied { "KAFKA_BOOTSTRAP_PROXIED" } else { "KAFKA_BOOTSTRAP" });
        let addresses = addresses.split(',').map(|broker| format!("'{broker}'")).collect::<Vec<_>>().join(", ");
        // Small segments, so that faults also meet rotation, Parquet and release.
        let wal = if row.config.contains("wal:") { "" } else { "wal: { segment: { max_mib: 1, max_age: 1s } }\n" };
        let config = format!(
            "chain: {name}\n{wal}seal: {{ checkpoint_interval: 1s }}\n{}\
             stream: {{ kafka: {{ brokers: [{addresses}], topic: {name}-logs, checkpoint_topic: {name}-checkpoints }} }}\n{}",
            row.config,
            bucket.config(LOCK),
        );
        let network = proxied.then(|| Network::new(&kafka));
        let mut scene = Self {
            load: Load::new(seed),
            collector: None,
            home,
            network,
            proxy,
            bucket,
            server,
            small_disk,
            failing_disk,
            clock,
            random: Random(seed),
            kafka,
            _network_is_ours: ours,
            dir,
            runtime,
            name,
            config,
            environment,
            seed,
            began,
            began_at: jiff::Timestamp::now(),
        };
        scene.start();
        // Steady, not as much as this machine can take: the faults are what is tested.
        for _ in 0..2 {
            scene.load.sender(10, Duration::from_millis(20));
        }
        Some(scene)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// The UTC days since the row began.
    pub fn days(&self) -> Vec<String> {
        let mut days =
            [self.began_at, jiff::Timestamp::now()].map(|time| time.strftime("%Y-%m-%d").to_string()).to_vec();
        days.dedup();
        days
    }

    pub fn topic(&self, kind: &str) -> String {
        format!("{}-{kind}", self.name)
    }

    pub fn collector(&self) -> &Collector {
        self.collector.as_ref().expect("it runs")
    }

    pub fn network(&self) -> &Network {
        self.network.as_ref().expect("the row asks for it")
    }

    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("the row asks for it")
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
        self.runtime.spawn(task)
    }

    /// Starts the collector as its supervisor would, and turns the load to it: brokers that have just come up on a
    /// crowded machine can let the first start time out.
    pub fn start(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.try_start() {
                Ok(started) => {
                    self.turn_to(started);
                    return;
                }
                Err(log) if log.contains("has answered within") && Instant::now() < deadline => {}
                Err(log) => panic!("the collector did not start:\n{log}"),
            }
        }
    }

    pub fn try_start(&self) -> Result<Collector, String> {
        Collector::try_start_with(&self.home, &self.config, &[], &self.environment)
    }

    /// From here on this is the chain's collector; gives back the one before.
    pub fn turn_to(&mut self, collector: Collector) -> Option<Collector> {
        self.load.onto(&collector);
        self.collector.replace(collector)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.collector.take().expect("it runs").kill();
    }

    /// Starts the collector and kills it so long after.
    pub fn kill_starting(&self, after: Duration) {
        Collector::kill_starting_with(&self.home, &self.config, &[], &self.environment, after);
    }

    /// In order; what its log says.
    fn stop(&mut self) -> String {
        let (status, log) = self.collector.take().expect("it runs").stop();
        assert!(status.success(), "{log}");
        log
    }

    /// The fault lasts: this long, under load.
    pub fn hold(&self) {
        std::thread::sleep(Duration::from_secs(length("SEALTRAIL_FAULT_SECONDS", 5)));
    }

    /// Waits until the leg of that name is up, or down.
    pub fn leg(&self, leg: &str, up: bool) {
        let line = format!("sealtrail_leg_up{{leg=\"{leg}\"}} {}\n", u8::from(up));
        crate::harness::until(&line, || self.collector().scrape().contains(&line));
    }

    /// Records that the leg doesn't hold yet.
    pub fn lag(&self, leg: &str) -> u64 {
        let page = self.collector().scrape();
        let name = format!("sealtrail_leg_lag_records{{leg=\"{leg}\"}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&name));
        line.and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
    }

    /// First records of the files of the log that are there.
    pub fn log_files(&self) -> Vec<u64> {
        let wal = files(&self.data().join("wal")).into_iter();
        let wal = wal.filter(|file| file.extension().is_some_and(|kind| kind == "wal"));
        wal.filter_map(|file| file.file_stem()?.to_str()?.parse().ok()).collect()
    }

    /// All is mended by now: waits until the chain has recovered, stops it in order, and judges.
    pub fn finish(mut self, row: &Row) -> Line {
        let mended = Instant::now();
        // A file is released when both legs and a checkpoint hold all of it, and those before it are: so once the file is
        // gone that was written at the mending, all that the fault had held up is through.
        let newest = self.log_files().last().copied().expect("a file of the log");
        until_for(RECOVERY, "both legs have all of the time before the mending", || {
            self.log_files().first().is_some_and(|oldest| *oldest > newest)
        });
        let recovery = mended.elapsed();
        self.load.wait_for(100);
        let (refused, unanswered) = (self.load.attempts(Outcome::Refused), self.load.attempts(Outcome::Unanswered));
        let told = self.load.end();
        let acknowledged = self.load.acknowledged();
        let mut log = self.stop();
        // What the legs can't take within the stop's grace stays in the log, for the next start: on a machine that is busy
        // enough, that is the last checkpoint.
        for _ in 0..STOPS {
            if log.contains("\"complete\":true") {
                break;
            }
            self.start();
            log = self.stop();
        }
        assert!(log.contains("\"complete\":true"), "{log}");
        let of_the_legs = log.lines().filter(|line| line.contains("\"leg\":") && !line.contains("\"delivered\""));
        of_the_legs.for_each(|line| eprintln!("  {line}"));
        let found = judge::judge(&self, &told);
        for event in row.sealed {
            assert!(found.events.contains(*event), "{event} is not in the chain");
        }
        assert_eq!(files(&self.data().join("upload")), Vec::<PathBuf>::new(), "something is left of an upload");
        assert_eq!(found.records - found.own, acknowledged as usize + found.unanswered, "records from nowhere");
        Line {
            row: row.name.to_owned(),
            seed: self.seed,
            sent: told.iter().map(|told| told.requests * told.records as u64).sum(),
            acknowledged,
            refused,
            unanswered,
            kept_unanswered: found.unanswered,
            in_stream: found.records,
            in_archive: found.records,
            recovery,
            took: self.began.elapsed(),
        }
    }
}

/// At most 63 characters, which a bucket's name may have.
fn bucket_name(name: &str) -> String {
    name.chars().take(60).collect::<String>().trim_end_matches('-').to_owned()
}

/// Of this run: from the environment, to do it again, or another one each time.
fn seed() -> u64 {
    let asked = std::env::var("SEALTRAIL_SEED").ok().map(|text| text.parse().expect("a number"));
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    asked.unwrap_or_else(|| u64::from(now().subsec_nanos()))
}

/// Where chance decides in a row (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}
