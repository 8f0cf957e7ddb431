//! Starts the real `sealtrail collect`, talks to it, kills it, and reads what its legs hold.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use sealtrail::stream::reader;
use sealtrail_chain::content::{self, Value};
use tonic::transport::Channel;

/// A running collector.
pub struct Collector {
    child: Child,
    pub data: PathBuf,
    pub grpc: String,
    pub http: String,
    pub health: String,
    pub metrics: String,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// How long anything may take on a crowded machine before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(180);

impl Collector {
    /// What it said last, for whoever reads why a test failed.
    fn last_words(&self) {
        const LINES: usize = 40;
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<_> = log.lines().collect();
        eprintln!("the collector's log ends:\n{}", lines[lines.len().saturating_sub(LINES)..].join("\n"));
    }

    /// Starts on the embedded default with free ports; `extra` is YAML put behind it.
    pub fn start(dir: &Path, extra: &str) -> Self {
        Self::try_start(dir, extra, &[]).unwrap_or_else(|log| panic!("the collector did not start:\n{log}"))
    }

    pub fn try_start(dir: &Path, extra: &str, arguments: &[&str]) -> Result<Self, String> {
        Self::try_start_with(dir, extra, arguments, &[])
    }

    /// As `try_start`, with variables of its environment.
    pub fn try_start_with(
        dir: &Path,
        extra: &str,
        arguments: &[&str],
        environment: &[(String, String)],
    ) -> Result<Self, String> {
        let (mut child, data) = spawn(dir, extra, arguments, environment);
        let log = Arc::new(Mutex::new(String::new()));
        let (ready, reader) = follow(&mut child, &log);
        match ready.recv_timeout(PATIENCE) {
            Ok(places) => {
                let place =
                    |name: &str| places.get(name).cloned().unwrap_or_else(|| panic!("no `{name}` in {places:?}"));
                Ok(Self {
                    child,
                    data,
                    grpc: place("grpc"),
                    http: place("http"),
                    health: place("health"),
                    metrics: place("metrics"),
                    log,
                    reader: Some(reader),
                })
            }
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                let _ = reader.join();
                Err(log.lock().expect("no reader panicked").clone())
            }
        }
    }

    /// Starts a collector and kills it so long after that, whatever it is doing by then.
    pub fn kill_starting(dir: &Path, extra: &str, after: Duration) {
        Self::kill_starting_with(dir, extra, &[], &[], after);
    }

    /// As `kill_starting`, with arguments and variables of its environment.
    pub fn kill_starting_with(
        dir: &Path,
        extra: &str,
        arguments: &[&str],
        environment: &[(String, String)],
        after: Duration,
    ) {
        let (mut child, _) = spawn(dir, extra, arguments, environment);
        let _ = follow(&mut child, &Arc::default());
        std::thread::sleep(after);
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: nothing is flushed, nothing said.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill runs").success());
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.signal("-TERM");
        let status = self.wait();
        (status, self.log())
    }

    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                // Its last lines too: they end with it.
                self.reader.take().into_iter().for_each(|reader| reader.join().expect("no reader panicked"));
                return status;
            }
            assert!(Instant::now() < deadline, "the collector does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn log(&self) -> String {
        self.log.lock().expect("no reader panicked").clone()
    }

    pub fn archive(&self) -> PathBuf {
        self.data.join("archive")
    }
    pub fn stream(&self) -> PathBuf {
        self.data.join("stream")
    }

    pub fn scrape(&self) -> String {
        get(&self.metrics, "/metrics").1
    }

    pub async fn client(&self) -> LogsServiceClient<Channel> {
        LogsServiceClient::connect(format!("http://{}", self.grpc)).await.expect("the collector listens")
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            self.last_words();
        }
    }
}

/// Writes the configuration and starts the binary on it; the data directory beside it.
fn spawn(dir: &Path, extra: &str, arguments: &[&str], environment: &[(String, String)]) -> (Child, PathBuf) {
    let data = dir.join("data");
    let config = dir.join("sealtrail.yaml");
    let mut text = String::new();
    let defaults = [
        (
            "receivers",
            "receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } } }",
        ),
        ("health_check", "health_check: { endpoint: '127.0.0.1:0' }"),
        ("telemetry", "telemetry: { metrics: { endpoint: '127.0.0.1:0' }, logs: { level: info } }"),
    ];
    for (key, line) in defaults {
        if !extra.lines().any(|line| line.starts_with(&format!("{key}:"))) {
            text.push_str(line);
            text.push('\n');
        }
    }
    std::fs::write(&config, text + extra).expect("the configuration is written");
    // Where the disk is to fail, the configuration is not what fails with it.
    for path in [config.as_path(), dir] {
        std::fs::File::open(path).and_then(|file| file.sync_all()).expect("it can be synced");
    }
    let child = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
        .arg("collect")
        .args(["--config".as_ref(), config.as_os_str(), "--data-dir".as_ref(), data.as_os_str()])
        .args(arguments)
        .envs(environment.iter().map(|(key, value)| (key, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    (child, data)
}

/// Reads the log until the child ends; sends the addresses of the line that says `ready`.
fn follow(child: &mut Child, log: &Arc<Mutex<String>>) -> (mpsc::Receiver<HashMap<String, String>>, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel();
    let lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
    let log = Arc::clone(log);
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if line.contains("\"message\":\"ready\"") {
                let places = serde_json::from_str::<HashMap<String, serde_json::Value>>(&line).expect("a JSON line");
                let places =
                    places.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect();
                let _ = sender.send(places);
            }
            let mut log = log.lock().expect("no test panicked while it held the log");
            log.push_str(&line);
            log.push('\n');
        }
    });
    (receiver, reader)
}

/// One HTTP/1.1 request over a plain socket: status and body.
pub fn http(address: &str, head: &str, body: &[u8]) -> (u16, String) {
    use std::io::{Read, Write};
    let mut socket = std::net::TcpStream::connect(address).expect("it listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let head = format!("{head}\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(body)).expect("it reads");
    let mut answer = Vec::new();
    // A refusal may come with a reset once all was read.
    let _ = socket.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, text.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
}

pub fn get(address: &str, path: &str) -> (u16, String) {
    http(address, &format!("GET {path} HTTP/1.1"), b"")
}

/// Sends one request, trying again what the collector asks to try again, for as long as a test is patient.
pub async fn export(
    client: &mut LogsServiceClient<Channel>,
    request: &ExportLogsServiceRequest,
) -> ExportLogsServiceResponse {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match client.export(request.clone()).await {
            Ok(response) => return response.into_inner(),
            Err(status)
                if matches!(status.code(), tonic::Code::Unavailable | tonic::Code::ResourceExhausted)
                    && Instant::now() < deadline =>
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(status) => panic!("refused for good: {:?}", status.code()),
        }
    }
}

/// `sealtrail` with arguments, to its end.
pub fn sealtrail(arguments: &[&str]) -> Output {
    sealtrail_with(arguments, &[])
}

/// As `sealtrail`, with variables of its environment.
pub fn sealtrail_with(arguments: &[&str], environment: &[(String, String)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sealtrail"))
        .args(arguments)
        .envs(environment.iter().map(|(key, value)| (key, value)))
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

/// `sealtrail verify` of a data directory's legs with its own public keys.
pub fn verify(data: &Path) -> Output {
    let path = |name: &str| data.join(name).display().to_string();
    sealtrail(&["verify", "--public-key", &path("keys/log.vkey"), &data.display().to_string()])
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Contents in the archive, in order of sequence.
pub fn archived(archive: &Path) -> Vec<(u64, String)> {
    let mut records = Vec::new();
    for file in files(archive).into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "parquet")) {
        let mut reader =
            sealtrail::archive::Reader::open(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        reader
            .rows(&mut |row| {
                records.push((row.sequence.get(), row.content.to_owned()));
                std::ops::ControlFlow::Continue(())
            })
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    records.sort();
    records
}

/// Contents in the stream, in the order of the messages.
pub fn streamed(stream: &Path) -> Vec<(u64, String)> {
    let mut records = Vec::new();
    for file in reader::files(&stream.join("audit-logs/0")).expect("a partition") {
        let mut messages = reader::Messages::open(&file).expect("a messages file");
        while let Some(message) = messages.next().expect("sound messages") {
            content::otlp::read_stream(message.value, &mut |streamed| {
                let text =
                    content::Content::write(&streamed.record.log, &content::Tail::write(&streamed.record.context));
                records.push((streamed.link.sequence.get(), text.as_str().to_owned()));
            })
            .expect("records of a chain");
        }
    }
    records
}

/// The string attribute `key` of each of the senders' records, in order.
pub fn attributes(records: &[(u64, String)], key: &str) -> Vec<String> {
    records
        .iter()
        .filter_map(|(_, text)| {
            let record = content::read(text).expect("canonical text");
            record.log.attributes.iter().find(|attribute| attribute.key == key).and_then(|attribute| {
                match &attribute.value {
                    Value::String(value) => Some(value.clone().into_owned()),
                    _ => None,
                }
            })
        })
        .collect()
}

/// All files below a directory, sorted by path.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return found };
    for entry in entries.map(|entry| entry.expect("a readable directory").path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
}

/// Waits for a condition, and says what for when it does not come.
pub fn until(what: &str, condition: impl FnMut() -> bool) {
    until_for(PATIENCE, what, condition);
}

/// As `until`, with another patience.
pub fn until_for(patience: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// As `until`, for what must be met at the very moment: without a pause between two looks.
pub fn until_at_once(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::yield_now();
    }
}

/// The Python of `make test`, with the SDK and the readers that are not ours.
pub fn python() -> PathBuf {
    let python = std::env::var_os("SEALTRAIL_PYTHON").expect("SEALTRAIL_PYTHON is set: run the tests with `make test`");
    PathBuf::from(python)
}

/// Where `make test` keeps what it fetched and built.
pub fn cache() -> PathBuf {
    std::env::var_os("SEALTRAIL_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cache/sealtrail"),
        PathBuf::from,
    )
}

/// A number from the environment, so that `make test-long` can ask for the full length.
pub fn length(variable: &str, short: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(short)
}
