//! The collector's process: started on a configuration, asked for its CPU time, memory and metrics.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Collector {
    child: Child,
    pub data: PathBuf,
    pub grpc: String,
    pub http: String,
    metrics: String,
}

/// Beginnings of the names of all threads that work for a leg: those of its runtime, where what blocks runs as well, and those
/// of the Kafka client. They live as long as the leg, so none of their time is lost. All others are the intake's.
const LEGS: [&str; 2] = ["deliver-", "rdk:"];

/// CPU seconds of the collector, by what its threads do.
#[derive(Clone, Default)]
pub struct Cpu {
    pub intake: f64,
    pub legs: f64,
    pub system: f64,
}

impl Cpu {
    pub fn since(&self, before: &Self) -> Self {
        Self { intake: self.intake - before.intake, legs: self.legs - before.legs, system: self.system - before.system }
    }
    pub fn total(&self) -> f64 {
        self.intake + self.legs
    }
}

impl Collector {
    /// On free ports of loopback, with segments of 128 MiB; `extra`: more of the configuration.
    pub fn start(dir: &Path, extra: &str, environment: &[(String, String)]) -> Self {
        let config = dir.join("bench.yaml");
        let text = "receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } } }\n\
                    health_check: { endpoint: '127.0.0.1:0' }\ntelemetry: { metrics: { endpoint: '127.0.0.1:0' } }\n\
                    wal: { segment: { max_mib: 128 } }\n";
        std::fs::write(&config, format!("{text}{extra}")).expect("written");
        let data = dir.join("data");
        let mut child = Command::new(crate::binary())
            .args([
                "collect".as_ref(),
                "--config".as_ref(),
                config.as_os_str(),
                "--data-dir".as_ref(),
                data.as_os_str(),
            ])
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut said = Vec::new();
        let ready = loop {
            let Some(Ok(line)) = lines.next() else { panic!("it does not start:\n{}", said.join("\n")) };
            if line.contains("\"message\":\"ready\"") {
                break line;
            }
            said.push(line);
        };
        std::thread::spawn(move || lines.for_each(drop));
        let places = serde_json::from_str::<serde_json::Value>(&ready).expect("JSON");
        let place = |name: &str| places[name].as_str().expect("an address").to_owned();
        Self { child, data, grpc: place("grpc"), http: place("http"), metrics: place("metrics") }
    }

    pub fn cpu(&self) -> Cpu {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let (user, system, _) = times(Path::new(&format!("/proc/{}/stat", self.child.id())));
        let of_legs = |name: &String| LEGS.iter().any(|leg| name.starts_with(leg));
        let legs = self.threads().iter().filter(|(name, _)| of_legs(name)).map(|(_, seconds)| seconds).sum::<f64>();
        Cpu { intake: (user + system) / ticks - legs, legs, system: system / ticks }
    }

    /// CPU seconds by thread name.
    pub fn threads(&self) -> BTreeMap<String, f64> {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let mut named = BTreeMap::new();
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs").map_while(Result::ok)
        {
            let (user, system, name) = times(&task.path().join("stat"));
            *named.entry(name).or_default() += (user + system) / ticks;
        }
        named
    }

    /// Waits until the stream has all, and the archive all but what the open file keeps back; when that was.
    pub fn delivered(&self) -> Instant {
        loop {
            let page = self.page();
            if number(&page, "sealtrail_leg_lag_records{leg=\"stream\"}") == 0.0
                && number(&page, "sealtrail_wal_files") <= 1.0
            {
                return Instant::now();
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }

    /// Waits until no leg has anything to do.
    pub fn drained(&self) {
        self.delivered();
        let mut before = f64::MAX;
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let now = self.cpu().total();
            if now - before < 0.03 {
                return;
            }
            before = now;
        }
    }

    /// Records that the stream does not hold yet.
    pub fn stream_lag(&self) -> f64 {
        number(&self.page(), "sealtrail_leg_lag_records{leg=\"stream\"}")
    }

    /// Records that were refused so far, to be sent again.
    pub fn refused(&self) -> u64 {
        let page = self.page();
        let lines = page.lines().filter(|line| line.starts_with("otelcol_receiver_refused_log_records"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    fn page(&self) -> String {
        use std::io::{Read, Write};
        let mut socket = std::net::TcpStream::connect(&self.metrics).expect("it listens");
        socket.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("written");
        let mut page = String::new();
        socket.read_to_string(&mut page).expect("read");
        page
    }

    pub fn peak_mib(&self) -> u64 {
        peak_mib(self.child.id()).expect("it runs")
    }

    pub fn stop(mut self) {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(self.child.wait().expect("it ends").success());
    }
}

/// The most memory that a process has had so far; `None` once it has ended.
pub fn peak_mib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

/// The value of a metric on its page; infinite while it isn't there.
fn number(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|text| text.parse().ok()).unwrap_or(f64::INFINITY)
}

/// CPU seconds of a process so far.
pub fn cpu_of(pid: u32) -> f64 {
    let (user, system, _) = times(Path::new(&format!("/proc/{pid}/stat")));
    (user + system) / rustix::param::clock_ticks_per_second() as f64
}

/// User and system ticks and the name, of a process or thread.
fn times(stat: &Path) -> (f64, f64, String) {
    let text = std::fs::read_to_string(stat).unwrap_or_default();
    let name = text.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map_or("", |(name, _)| name).to_owned();
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect::<Vec<_>>();
    let field = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (field(11), field(12), name)
}

/// Bytes of all files below a directory whose names end like this.
pub fn size(dir: &Path, ending: &str) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let sizes = entries.map_while(Result::ok).map(|entry| {
        let path = entry.path();
        match path.is_dir() {
            true => size(&path, ending),
            false if path.to_string_lossy().ends_with(ending) => entry.metadata().map_or(0, |data| data.len()),
            false => 0,
        }
    });
    sizes.sum()
}
