//! Promise 5 against whoever holds the keys: a real witness, litewitness, keeps of the chain what it saw, through restarts, and
//! another history of the same chain raises the alarm.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{Collector, files, http, python, sealtrail, text, until};

/// A running litewitness, ended with the test.
struct Witness {
    child: Child,
    vkey: String,
    port: u16,
    dir: PathBuf,
}

impl Witness {
    fn start(dir: &Path, port: u16, logs: &[(&str, &str)]) -> Self {
        let mut command = Command::new(python());
        command.arg("tests/witness/litewitness.py").arg(dir).arg(port.to_string());
        for (origin, vkey) in logs {
            command.args(["--log", origin, vkey]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it says its key");
        let vkey = line.trim().strip_prefix("vkey ").unwrap_or_else(|| panic!("it did not start: {line}")).to_owned();
        Self { child, vkey, port, dir: dir.to_owned() }
    }

    /// Ends it and starts it again, with more logs.
    fn restart(self, logs: &[(&str, &str)]) -> Self {
        let (dir, port) = (self.dir.clone(), self.port);
        drop(self);
        Self::start(&dir, port, logs)
    }

    /// What makes a collector ask it ten times a second, and close segments as often.
    fn settings(&self) -> String {
        let Self { vkey, port, .. } = self;
        format!(
            "seal: {{ witness_interval: 100ms, witnesses: [ {{ url: 'http://127.0.0.1:{port}', vkey: '{vkey}' }} ] }}\n\
             wal: {{ segment: {{ max_age: 200ms }} }}\n"
        )
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // It ends its child when its standard input does, and then itself.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

const ORIGIN: &str = "localhost/local";

/// The log's Ed25519 key, which a witness knows it by.
fn log_key(data: &Path) -> String {
    let keys = std::fs::read_to_string(data.join("keys/log.vkey")).expect("the keys are made");
    keys.lines().next().expect("two keys").to_owned()
}

fn send(collector: &Collector, records: usize) {
    let record = r#"{"body":{"stringValue":"paid"}}"#;
    let body =
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#, vec![record; records].join(","));
    let head = "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json";
    assert_eq!(http(&collector.http, head, body.as_bytes()).0, 200);
}

/// Sizes of the objects beside checkpoints whose name ends so.
fn sizes(archive: &Path, end: &str) -> Vec<u64> {
    let names = files(&archive.join("audit-checkpoints")).into_iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        name.ends_with(end).then(|| name[..20].parse().expect("a size"))
    });
    names.collect()
}

fn largest(sizes: &[u64]) -> u64 {
    sizes.iter().copied().max().unwrap_or(0)
}

/// Waits until the witness has cosigned what has been stored by now.
fn cosigned(archive: &Path) {
    let stored = largest(&sizes(archive, ".checkpoint"));
    until("the witness has cosigned what is stored", || largest(&sizes(archive, ".cosigned")) >= stored.max(1));
}

/// `sealtrail verify` of the archive, with the witness.
fn verified(data: &Path, witness: &str, more: &[&str]) -> (Option<i32>, serde_json::Value) {
    let (keys, archive) = (data.join("keys/log.vkey"), data.join("archive"));
    let arguments = ["verify", "--format", "json", "--public-key", keys.to_str().expect("UTF-8"), "--witness", witness];
    let output = sealtrail(&[&arguments[..], more, &[archive.to_str().expect("UTF-8")]].concat());
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no report: {}", text(&output)));
    (output.status.code(), report)
}

fn codes(report: &serde_json::Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("a list").iter();
    findings.map(|finding| finding["code"].as_str().expect("a code")).collect()
}

/// Cosigned through restarts of both, with states lost on either side; then every way to take the witness's word away is named.
#[test]
fn a_growing_chain_is_cosigned() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let witness = Witness::start(&dir.path().join("witness"), free_port(), &[]);
    let collector = Collector::start(dir.path(), &witness.settings());
    let (archive, data) = (collector.archive(), collector.data.clone());
    send(&collector, 3);
    until("a witness that does not know the log says so", || collector.log().contains("register the log's origin"));
    let key = log_key(&data);
    let witness = witness.restart(&[(ORIGIN, &key)]);
    until("the first cosignature is stored", || !sizes(&archive, ".cosigned").is_empty());

    send(&collector, 5);
    cosigned(&archive);
    // The witness is away for a while, and comes back with its state.
    let (port, place) = (witness.port, witness.dir.clone());
    drop(witness);
    send(&collector, 7);
    until("it is missed", || collector.scrape().contains("reason=\"away\""));
    let witness = Witness::start(&place, port, &[]);
    cosigned(&archive);
    let page = collector.scrape();
    assert!(page.contains("sealtrail_witness_size{witness=\"witness.example/lite\"}"), "{page}");
    assert!(page.contains("reason=\"away\"") && page.contains("reason=\"unknown_log\""), "{page}");
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    // The stop's own checkpoint, too.
    assert_eq!(largest(&sizes(&archive, ".cosigned")), largest(&sizes(&archive, ".checkpoint")));

    // The collector comes back without what it kept of the witness, and learns it again.
    std::fs::remove_dir_all(data.join("witness")).expect("it is there");
    let collector = Collector::start(dir.path(), &witness.settings());
    send(&collector, 2);
    until("it is learnt again", || collector.log().contains("learnt from the witness again"));
    cosigned(&archive);
    // And the witness comes back without its state.
    let place = witness.dir.clone();
    drop(witness);
    std::fs::remove_file(place.join("witness.db")).expect("it is there");
    let witness = Witness::start(&place, port, &[(ORIGIN, &key)]);
    send(&collector, 2);
    cosigned(&archive);
    let (status, log) = collector.stop();
    assert!(status.success() && !log.contains("FORK"), "{log}");

    let (code, report) = verified(&data, &witness.vkey, &["--witness-quorum", "1"]);
    assert_eq!((code, codes(&report)), (Some(0), vec![]), "{report:#}");
    let chain = &report["chains"][0];
    let newest = largest(&sizes(&archive, ".checkpoint"));
    assert_eq!((chain["witnessed"].as_u64(), chain["witnesses"][0]["size"].as_u64()), (Some(newest), Some(newest)));
    tampered(&archive, &data, &witness.vkey);
}

fn tampered(archive: &Path, data: &Path, vkey: &str) {
    let all = files(&archive.join("audit-checkpoints"));
    let words = all.iter().filter(|path| path.extension().is_some_and(|kind| kind == "cosigned"));
    let words: Vec<&PathBuf> = words.collect();
    // The last one came after the log had ended, so the next start names it in the chain.
    let [older, newest] = [words[0], words[words.len() - 1]];
    let note = std::fs::read_to_string(newest).expect("a note");
    let lines = note.trim_end().rsplit_once('\n').expect("several lines");

    // Somebody else's signature in the witness's name; the line taken out; the word about another checkpoint.
    let forged = format!("{}\n{}AAAAA==\n", lines.0, &lines.1[..lines.1.len() - 7]);
    let elsewhere = std::fs::read_to_string(older).expect("a note");
    for (change, bytes) in [("forged", forged), ("stripped", format!("{}\n", lines.0)), ("of another", elsewhere)] {
        std::fs::write(newest, bytes).expect("written");
        let (code, report) = verified(data, vkey, &[]);
        assert_eq!((code, codes(&report)), (Some(1), vec!["SEAL-070"]), "{change}: {report:#}");
        let place = report["findings"][0]["place"].as_str().expect("a place");
        assert_eq!(Path::new(place), newest.as_path(), "{change}");
    }
    std::fs::write(newest, &note).expect("written");

    // Taken away: the chain names it, for whoever has the archive alone.
    let taken = std::fs::read(older).expect("there");
    std::fs::remove_file(older).expect("there");
    let (code, report) = verified(data, vkey, &[]);
    assert_eq!((code, codes(&report)), (Some(1), vec!["SEAL-071"]), "{report:#}");
    std::fs::write(older, taken).expect("written");

    // Another key vouches for nothing, and that is no pass.
    let stranger = "witness.example.net+4d1a5eb8+BPTWiVzHSTkwXnWVNBe5hQFMhkrQ0hHA3n2PZ6dNpF4w";
    let output = sealtrail(&["verify", "--witness", stranger, &archive.display().to_string()]);
    assert_eq!(output.status.code(), Some(2), "no such key: {}", text(&output));
    let other = "witness.example/w1+3b709c12+BHAEVoYUr/j4WpbnllexqIaSX8G2Q3q6mnGdPLvv2RnC";
    let (code, report) = verified(data, other, &[]);
    assert_eq!((code, codes(&report)), (Some(3), vec![]), "{report:#}");
    assert!(
        report["unchecked"].to_string().contains("no checkpoint is cosigned by 1 of the given witnesses"),
        "{report:#}"
    );
}

/// The same keys, another history: whoever tells it is told by the witness, stops signing, and seals why.
#[test]
fn another_history_of_the_chain_raises_the_alarm() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let [first, second] = ["first", "second"].map(|name| dir.path().join(name));
    let witness = Witness::start(&dir.path().join("witness"), free_port(), &[]);
    let collector = {
        std::fs::create_dir(&first).expect("made");
        Collector::start(&first, &witness.settings())
    };
    let (data, key) = (collector.data.clone(), log_key(&collector.data));
    let witness = witness.restart(&[(ORIGIN, &key)]);
    send(&collector, 3);
    until("the first history is cosigned", || !sizes(&data.join("archive"), ".cosigned").is_empty());
    assert!(collector.stop().0.success());

    // The keys were copied: with them, another collector begins the chain anew, in a place of its own.
    let other = second.join("data/keys");
    std::fs::create_dir_all(&other).expect("made");
    for name in ["ed25519.key", "ml-dsa-44.key", "log.vkey"] {
        std::fs::copy(data.join("keys").join(name), other.join(name)).expect("copied");
    }
    let collector = Collector::start(&second, &witness.settings());
    let (archive, data) = (collector.archive(), collector.data.clone());
    until("the fork is seen", || {
        send(&collector, 1);
        collector.log().contains("FORK: a witness has seen another history")
    });
    until("it is counted", || collector.scrape().contains("sealtrail_forked 1"));
    assert!(data.join("witness/fork").exists());
    assert!(sizes(&archive, ".cosigned").is_empty(), "nothing of it was cosigned");
    // Records are taken all the same, and delivered: under no checkpoint.
    let streamed = || crate::harness::streamed(&data.join("stream"));
    let sealed =
        || streamed().iter().any(|(_, text)| text.contains("\"sealtrail.forked\"") && text.contains("it has cosigned"));
    until("it is sealed", sealed);
    let before = streamed().len();
    send(&collector, 5);
    until("they are delivered", || streamed().len() >= before + 5);
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    // One that was being signed at that moment may have come.
    let signed = largest(&sizes(&archive, ".checkpoint"));
    assert!(signed < (before + 5) as u64, "the last records are under no checkpoint: {signed}");

    // A restart changes nothing about it, until a person does.
    let collector = Collector::start(&second, &witness.settings());
    assert!(
        collector.log().contains("no checkpoint is signed: a witness has seen another history"),
        "{}",
        collector.log()
    );
    send(&collector, 3);
    assert!(collector.stop().0.success());
    assert_eq!(largest(&sizes(&archive, ".checkpoint")), signed, "nothing more is signed");
}

/// A quorum that stays away is sealed and counted, and takes readiness where that is asked for.
#[test]
fn a_missing_quorum_is_sealed_and_counted() {
    // Nobody listens there.
    let vkey = "witness.example/w1+3b709c12+BHAEVoYUr/j4WpbnllexqIaSX8G2Q3q6mnGdPLvv2RnC";
    for required in [false, true] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let settings = format!(
            "seal:\n  witness_interval: 100ms\n  witness_max_lag: 1s\n  witness_required: {required}\n  \
             witnesses: [ {{ url: 'http://127.0.0.1:{}', vkey: '{vkey}' }} ]\nwal: {{ segment: {{ max_age: 200ms }} }}\n",
            free_port()
        );
        let collector = Collector::start(dir.path(), &settings);
        send(&collector, 1);
        until("it is counted", || collector.scrape().contains("sealtrail_witness_overdue_total 1"));
        let (code, body) = crate::harness::get(&collector.health, "/");
        match required {
            true => assert!(code == 503 && body.contains("no quorum of witnesses"), "{code} {body}"),
            false => assert_eq!(code, 200, "{body}"),
        }
        let data = collector.data.clone();
        assert!(collector.stop().0.success());
        let sealed = crate::harness::streamed(&data.join("stream"));
        assert_eq!(sealed.iter().filter(|(_, text)| text.contains("\"sealtrail.unwitnessed\"")).count(), 1);
    }
}

/// A time stamping authority that is not ours, ended with the test.
pub struct Authority {
    child: Child,
    pub port: u16,
    dir: PathBuf,
}

impl Authority {
    pub fn start(dir: &Path) -> Self {
        let mut command = Command::new(python());
        let command = command.arg("tests/witness/tsa.py").arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it says its port");
        let port = line.trim().strip_prefix("port ").and_then(|port| port.parse().ok());
        Self { child, port: port.unwrap_or_else(|| panic!("it did not start: {line}")), dir: dir.to_owned() }
    }

    fn certificate(&self) -> String {
        self.dir.join("ca.pem").display().to_string()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Stored checkpoints are stamped by a real authority; OpenSSL accepts the stamps; what is done to one is named.
#[test]
fn stored_checkpoints_are_time_stamped() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let [authority, stranger] = ["tsa", "stranger"].map(|name| Authority::start(&dir.path().join(name)));
    let settings = format!(
        "seal: {{ timestamp_url: 'http://127.0.0.1:{}/', timestamp_interval: 100ms, timestamp_ca_file: '{}' }}\n\
         wal: {{ segment: {{ max_age: 200ms }} }}\n",
        authority.port,
        authority.certificate()
    );
    let collector = Collector::start(dir.path(), &settings);
    let (archive, data) = (collector.archive(), collector.data.clone());
    send(&collector, 3);
    until("a checkpoint is stamped", || !sizes(&archive, ".tsr").is_empty());
    let first = largest(&sizes(&archive, ".tsr"));
    send(&collector, 3);
    until("a later one, too", || largest(&sizes(&archive, ".tsr")) > first);
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    let newest = largest(&sizes(&archive, ".checkpoint"));
    assert_eq!(largest(&sizes(&archive, ".tsr")), newest, "the stop's own, too: {log}");

    let stamps = files(&archive.join("audit-checkpoints")).into_iter();
    let stamps: Vec<PathBuf> = stamps.filter(|path| path.extension().is_some_and(|kind| kind == "tsr")).collect();
    for stamp in &stamps {
        assert!(stamp.with_extension("crl").exists(), "what was revoked that day stands beside it");
        let (checkpoint, ca) = (stamp.with_extension("checkpoint"), authority.certificate());
        let mut command = Command::new("openssl");
        command.args(["ts", "-verify", "-in"]).arg(stamp).arg("-data").arg(checkpoint).args(["-CAfile", &ca]);
        let output = command.output().expect("openssl runs");
        assert!(output.status.success(), "{}", text(&output));
    }

    let keys = data.join("keys/log.vkey").display().to_string();
    let verify = |ca: &str, format: &str| {
        let archive = archive.display().to_string();
        sealtrail(&["verify", "--format", format, "--public-key", &keys, "--rfc3161-ca", ca, &archive])
    };
    let judged = |ca: &str| {
        let output = verify(ca, "json");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
        (output.status.code(), report)
    };
    let ca = authority.certificate();
    let (code, report) = judged(&ca);
    assert_eq!((code, codes(&report)), (Some(0), vec![]), "{report:#}");
    assert_eq!(report["chains"][0]["stamp"]["size"].as_u64(), Some(newest), "{report:#}");
    let said = text(&verify(&ca, "text"));
    assert!(said.contains("by the collector's clock") && said.contains("says CN=Test TSA"), "{said}");
    // Another authority vouches for none of them: nothing is wrong, and nothing is proved.
    let (code, report) = judged(&stranger.certificate());
    assert_eq!((code, codes(&report)), (Some(3), vec![]), "{report:#}");

    // The signature's last byte; another checkpoint's stamp; bytes that are none; taken away.
    let [stamp, other] = [stamps.len() - 1, 0].map(|at| &stamps[at]);
    let sound = std::fs::read(stamp).expect("a stamp");
    let mut forged = sound.clone();
    *forged.last_mut().expect("bytes") ^= 1;
    for (change, bytes) in
        [("forged", forged), ("of another", std::fs::read(other).expect("a stamp")), ("cut", sound[..99].to_vec())]
    {
        std::fs::write(stamp, bytes).expect("written");
        let (code, report) = judged(&ca);
        assert_eq!((code, codes(&report)), (Some(1), vec!["SEAL-072"]), "{change}: {report:#}");
        assert_eq!(Path::new(report["findings"][0]["place"].as_str().expect("a place")), stamp.as_path());
    }
    std::fs::write(stamp, sound).expect("written");

    // What was revoked that day: another authority's list, an empty file, none. A list can't tell itself that it is another.
    let lists = other.with_extension("crl");
    let sound = std::fs::read(&lists).expect("lists");
    for (change, bytes) in
        [("of another", std::fs::read(stranger.dir.join("crl.pem")).expect("a list")), ("emptied", Vec::new())]
    {
        std::fs::write(&lists, bytes).expect("written");
        let (code, report) = judged(&ca);
        assert_eq!((code, codes(&report)), (Some(1), vec!["SEAL-072"]), "{change}: {report:#}");
    }
    std::fs::remove_file(&lists).expect("there");
    let (code, report) = judged(&ca);
    assert_eq!((code, codes(&report)), (Some(1), vec!["SEAL-071"]), "{report:#}");
    std::fs::write(&lists, sound).expect("written");

    std::fs::remove_file(other).expect("there");
    let (code, report) = judged(&ca);
    assert_eq!((code, codes(&report)), (Some(1), vec!["SEAL-071"]), "{report:#}");
}
