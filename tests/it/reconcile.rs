//! Promise 3, day after day: whatever one leg lacks of the other is named, and agreement is said of nothing else.

mod real;

use std::path::{Path, PathBuf};
use std::process::Output;

use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, archived, export, files, sealtrail, streamed, text};

/// Small segments, each an object.
const CONFIG: &str = "wal: { segment: { max_mib: 1, max_age: 1s } }\nseal: { checkpoint_interval: 1s }\n";

/// A collector's configuration and data directory, once it has stopped.
struct Legs {
    config: PathBuf,
    data: PathBuf,
    environment: Vec<(String, String)>,
}

impl Legs {
    fn below(dir: &Path) -> Self {
        Self { config: dir.join("sealtrail.yaml"), data: dir.join("data"), environment: Vec::new() }
    }

    fn run(&self, command: &str, arguments: &[&str]) -> Output {
        let mut line = std::process::Command::new(env!("CARGO_BIN_EXE_sealtrail"));
        line.arg(command).arg("--config").arg(&self.config).arg("--data-dir").arg(&self.data).args(arguments);
        let environment = self.environment.iter().map(|(key, value)| (key, value));
        line.envs(environment).stdin(std::process::Stdio::null()).output().expect("the binary runs")
    }

    fn reconcile(&self, day: &str, more: &[&str]) -> Output {
        self.run("reconcile", &[&["--day", day], more].concat())
    }

    /// A test may meet midnight: both days agree.
    fn agree(&self, days: &[String]) {
        assert!(!days.is_empty(), "a chain has a day");
        for day in days {
            let output = self.reconcile(day, &[]);
            assert_eq!(output.status.code(), Some(0), "{}", text(&output));
            assert!(text(&output).contains("\nverdict the legs agree\n\n\u{2014} "), "{}", text(&output));
        }
    }

    fn verify(&self) -> Output {
        self.run("verify", &["--public-key", &self.data.join("keys/log.vkey").display().to_string()])
    }
}

/// The days of an archive in a directory.
fn days(archive: &Path) -> Vec<String> {
    let mut days: Vec<String> = files(&archive.join("audit-logs"))
        .iter()
        .flat_map(|file| file.components())
        .filter_map(|part| Some(part.as_os_str().to_str()?.strip_prefix("date=")?.to_owned()))
        .collect();
    days.sort();
    days.dedup();
    days
}

fn copy_all(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).expect("below"));
        std::fs::create_dir_all(target.parent().expect("a directory")).expect("made");
        std::fs::copy(file, target).expect("copied");
    }
}

/// Seals some thousand records in several segments, and stops.
fn sealed(dir: &Path) {
    let collector = Collector::start(dir, CONFIG);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(collector.client());
    let mut payments = Payments::new(11, 1_800_000_000_000_000_000);
    for _ in 0..60 {
        runtime.block_on(export(&mut client, &payments.request(100).0));
    }
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
}

fn objects(data: &Path) -> Vec<PathBuf> {
    let mut objects = files(&data.join("archive/audit-logs"));
    objects.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
    objects
}

/// First and last record that an object holds.
fn span(object: &Path) -> (u64, u64) {
    let reader = sealtrail::archive::Reader::open(object).expect("an object");
    let segment = &reader.footer().segment;
    (segment.first.get(), segment.last.get())
}

#[test]
fn directory_twins_agree_and_every_difference_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    sealed(dir.path());
    let whole = Legs::below(dir.path());
    let days = days(&whole.data.join("archive"));
    whole.agree(&days);
    let verified = whole.verify();
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));
    let all = objects(&whole.data);
    assert!(all.len() >= 4, "several segments: {all:?}");

    type Break = fn(&Path) -> String;
    let cases: [(&str, Break, i32); 4] = [
        (
            "an object is deleted",
            |data| {
                let object = objects(data).swap_remove(1);
                let (first, last) = span(&object);
                std::fs::remove_file(object).expect("removed");
                format!("fault records {first} to {last} missing in the archive\n")
            },
            1,
        ),
        (
            "a message is cut out",
            |data| {
                let (first, last) = cut_out(&data.join("stream/audit-logs/0"), 5);
                format!("fault records {first} to {last} missing in the stream\n")
            },
            1,
        ),
        (
            "a checkpoint of another chain is slipped in",
            |data| {
                let note = one(data, "archive/audit-checkpoints", "checkpoint");
                let text = std::fs::read_to_string(&note).expect("a note");
                let mut lines: Vec<&str> = text.lines().collect();
                lines[2] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
                std::fs::write(&note, lines.join("\n") + "\n").expect("written");
                "is not signed by the chain's key\n".to_owned()
            },
            1,
        ),
        (
            "the archive has not come to the end",
            |data| {
                // As a collector leaves it that is killed before its last object.
                let object = objects(data).pop().expect("the last");
                let (first, last) = span(&object);
                std::fs::remove_file(object).expect("removed");
                for file in files(&data.join("archive/audit-checkpoints")) {
                    let size: u64 =
                        file.file_name().expect("a name").to_str().expect("text")[..20].parse().expect("digits");
                    if size > first {
                        std::fs::remove_file(file).expect("removed");
                    }
                }
                format!(
                    "pending {} records, {first} to {last}: the archive has not come so far, not compared\n",
                    last - first + 1
                )
            },
            3,
        ),
    ];
    for (index, (name, tamper, code)) in cases.into_iter().enumerate() {
        let copy = dir.path().join(format!("copy-{index}"));
        copy_all(&whole.data, &copy);
        let expected = tamper(&copy);
        let legs = Legs { data: copy, ..Legs::below(dir.path()) };
        let outputs: Vec<_> = days.iter().map(|day| legs.reconcile(day, &[])).collect();
        let found =
            outputs.iter().find(|output| output.status.code() == Some(code) && text(output).contains(&expected));
        assert!(found.is_some(), "{name}: {expected}{}", outputs.iter().map(text).collect::<String>());
    }
}

/// The statement is a note by a key of its own, which is made once; the JSON form says the same.
#[test]
fn a_statement_is_signed_by_its_own_key() {
    use sealtrail_chain::note::{Note, Vkey};
    let dir = tempfile::tempdir().expect("a directory");
    sealed(dir.path());
    let legs = Legs::below(dir.path());
    let day = days(&legs.data.join("archive")).remove(0);
    let output = legs.reconcile(&day, &["--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let public = std::fs::read_to_string(legs.data.join("keys/statement.vkey")).expect("the key to hand out");
    let key: Vkey = public.trim_end().parse().expect("a verifier key");
    assert_eq!(key.name(), "localhost/local/statements");
    let note = json["note"].as_str().expect("a note");
    let parsed = Note::parse(note).expect("a signed note");
    assert_eq!(parsed.verified_by(&key), Ok(true));
    assert!(parsed.text.starts_with("sealtrail reconcile v1\nchain local\nlog localhost/local\n"), "{note}");
    assert_eq!((&json["verdict"], &json["day"]), (&"agree".into(), &day.as_str().into()));
    let log = std::fs::read_to_string(legs.data.join("keys/log.vkey")).expect("the log's keys");
    assert!(!log.contains(public.trim_end()), "none of the log's");
    let again = legs.reconcile(&day, &[]);
    assert!(String::from_utf8_lossy(&again.stderr).is_empty(), "made once: {}", text(&again));
    let none = legs.reconcile("2001-01-01", &[]);
    assert_eq!(none.status.code(), Some(3), "{}", text(&none));
    assert!(text(&none).contains("unchecked neither leg holds a record of the day\n"), "{}", text(&none));
}

/// Promise 3 without a false alarm: the stream orders the chain, so it knows of a rotation while the archive can't be reached.
#[test]
fn keys_that_change_while_the_archive_is_away_are_the_chains() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sealtrail_chain::note::Vkey;
    let dir = tempfile::tempdir().expect("a directory");
    sealed(dir.path());
    let legs = Legs::below(dir.path());
    let words = ["rotate", "--reason", "yearly", "--no-recovery"].map(str::to_owned);
    let place = |path: &Path| path.display().to_string();
    let named = ["--config".to_owned(), place(&legs.config), "--data-dir".to_owned(), place(&legs.data)];
    let arguments: Vec<&str> = ["keys"].into_iter().chain(words.iter().chain(&named).map(String::as_str)).collect();
    let output = sealtrail(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let next = std::fs::read_to_string(legs.data.join("keys/next/log.vkey")).expect("the next keys");
    let next: Vkey = next.lines().next().expect("a key").parse().expect("a key");
    // A signature line's base64 begins with the key's id; of the next character, two bits are the signature's.
    let line = format!("\u{2014} localhost/local {}", &STANDARD.encode(next.id())[..5]);

    // A file where a directory should be.
    let (objects, held) = (legs.data.join("archive/audit-logs/chain=local"), dir.path().join("held"));
    std::fs::rename(&objects, &held).expect("moved away");
    std::fs::write(&objects, "").expect("written");
    let collector = Collector::start(dir.path(), CONFIG);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(collector.client());
    let mut payments = Payments::new(13, 1_800_000_000_000_000_000);
    let signed = || {
        files(&legs.data.join("stream/audit-checkpoints")).iter().any(|file| {
            let bytes = std::fs::read(file).expect("readable");
            bytes.windows(line.len()).any(|window| window == line.as_bytes())
        })
    };
    crate::harness::until("the next keys sign", || {
        runtime.block_on(export(&mut client, &payments.request(10).0));
        signed()
    });
    collector.kill();
    std::fs::remove_file(&objects).expect("removed");
    std::fs::rename(&held, &objects).expect("moved back");

    let verified = legs.verify();
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));
    for day in days(&legs.data.join("archive")) {
        let output = legs.reconcile(&day, &[]);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output));
        assert!(!text(&output).contains("contradiction"), "{}", text(&output));
    }
}

/// Beside a running collector something is always on its way; it is never called missing.
#[test]
fn a_running_collector_is_never_called_wrong() {
    let dir = tempfile::tempdir().expect("a directory");
    let collector = Collector::start(dir.path(), CONFIG);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(collector.client());
    let sender = runtime.spawn(async move {
        let mut payments = Payments::new(12, 1_800_000_000_000_000_000);
        while client.export(payments.request(50).0).await.is_ok() {}
    });
    let legs = Legs::below(dir.path());
    crate::harness::until("something is archived", || !days(&legs.data.join("archive")).is_empty());
    for _ in 0..5 {
        for day in days(&legs.data.join("archive")) {
            let output = legs.reconcile(&day, &[]);
            assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output));
        }
    }
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    runtime.block_on(sender).expect("no panic");
    legs.agree(&days(&legs.data.join("archive")));
}

fn repair(legs: &Legs, days: &[String]) -> String {
    let repaired = |day: &String| text(&legs.reconcile(day, &["--repair", "--reason", "a test took it away"]));
    days.iter().map(repaired).collect()
}

/// Objects that were deleted come back from the stream under their keys; the collector seals that they did.
#[test]
fn objects_that_were_lost_are_built_again() {
    let dir = tempfile::tempdir().expect("a directory");
    sealed(dir.path());
    let legs = Legs::below(dir.path());
    let days = days(&legs.data.join("archive"));
    let all = objects(&legs.data);
    // The first, two that touch, and the last.
    let gone = [&all[0], &all[2], &all[3], &all[all.len() - 1]];
    let whole: Vec<_> = gone.iter().map(|object| std::fs::read(object).expect("readable")).collect();
    gone.iter().for_each(|object| std::fs::remove_file(object).expect("removed"));
    let said = repair(&legs, &days);
    assert_eq!(objects(&legs.data), all, "{said}");
    for (object, whole) in gone.iter().zip(whole) {
        let (first, last) = span(object);
        assert!(said.contains(&format!("records {first} to {last} copied into the archive\n")), "{said}");
        assert!(std::fs::read(object).expect("there") == whole, "{} is as it was", object.display());
    }
    legs.agree(&days);
    let verified = legs.verify();
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));
    assert!(files(&legs.data.join("archive/.tmp")).is_empty(), "nothing is left over");

    let collector = Collector::start(dir.path(), CONFIG);
    let archive = collector.archive();
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    let sealed: Vec<_> =
        archived(&archive).into_iter().filter(|(_, content)| content.contains("\"sealtrail.repaired\"")).collect();
    assert_eq!(sealed.len(), gone.len(), "{sealed:?}");
    assert!(sealed.iter().all(|(_, content)| content.contains("a test took it away")), "{sealed:?}");
    assert!(files(&legs.data.join("own")).is_empty(), "sealed once");
}

/// What the stream lost at its end comes back from the archive, and behind that from the log; then its collector goes on.
#[test]
fn a_stream_that_lost_its_end_gets_it_back() {
    let dir = tempfile::tempdir().expect("a directory");
    sealed(dir.path());
    let legs = Legs::below(dir.path());
    let (days, stream) = (days(&legs.data.join("archive")), legs.data.join("stream"));
    let whole = streamed(&stream);
    let file = one(&legs.data, "stream/audit-logs", "messages");
    let bytes = std::fs::read(&file).expect("readable");
    let mut at = 0;
    let mut begins = Vec::new();
    while let Some(length) = bytes.get(at..at + 4) {
        begins.push(at);
        at += 8 + u32::from_le_bytes(length.try_into().expect("four")) as usize;
    }
    std::fs::write(&file, &bytes[..begins[begins.len() / 2]]).expect("written");
    let refused = Collector::try_start(dir.path(), CONFIG, &[]).err().expect("a stream that lost records");
    assert!(refused.contains("reconcile --day DAY --repair"), "{refused}");
    let said = repair(&legs, &days);
    assert!(said.contains(" copied into the stream\n"), "{said}");
    assert!(streamed(&stream) == whole, "{said}");
    legs.agree(&days);
    let collector = Collector::start(dir.path(), CONFIG);
    assert!(collector.stop().0.success());
    let verified = legs.verify();
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));

    // A hole in its middle stays, and is said.
    cut_out(&stream.join("audit-logs/0"), 3);
    let said = repair(&legs, &days);
    assert!(said.contains("Kafka takes records at its stream's end alone"), "{said}");
}

/// `--watch` says how both days stand, keeps it, and ends when it is told to.
#[test]
fn a_watch_keeps_its_statements() {
    let dir = tempfile::tempdir().expect("a directory");
    sealed(dir.path());
    let legs = Legs::below(dir.path());
    let days = days(&legs.data.join("archive"));
    let mut line = std::process::Command::new(env!("CARGO_BIN_EXE_sealtrail"));
    line.arg("reconcile").arg("--watch").arg("--config").arg(&legs.config).arg("--data-dir").arg(&legs.data);
    let mut watch = line.stdout(std::process::Stdio::null()).spawn().expect("the binary runs");
    let note = legs.data.join(format!("statements/local/{}.note", days[0]));
    crate::harness::until("the first statement is kept", || note.exists());
    let kill = std::process::Command::new("kill").args(["-TERM", &watch.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
    assert_eq!(watch.wait().expect("it ends").code(), Some(0));
    let note = std::fs::read_to_string(note).expect("a note");
    assert!(note.starts_with("sealtrail reconcile v1\n") && note.contains("\nverdict the legs agree\n"), "{note}");
}

/// The file in which something is.
fn one(data: &Path, below: &str, kind: &str) -> PathBuf {
    let found = files(&data.join(below)).into_iter().find(|file| file.extension().is_some_and(|found| found == kind));
    found.unwrap_or_else(|| panic!("a {kind} below {below}"))
}

/// Cuts the message `at` out of the first file of a partition; says which records are gone.
fn cut_out(partition: &Path, at: usize) -> (u64, u64) {
    use sealtrail::stream::reader::{self, Messages};
    let file = reader::files(partition).expect("a partition").remove(0);
    let mut messages = Messages::open(&file).expect("a file");
    for _ in 0..at {
        messages.next().expect("sound").expect("there");
    }
    let begin = messages.at();
    let span = messages.next().expect("sound").expect("there").span().expect("headers");
    let end = messages.at();
    let mut bytes = std::fs::read(&file.path).expect("readable");
    bytes.drain(begin as usize..end as usize);
    std::fs::write(&file.path, bytes).expect("written");
    (span.first.get(), span.last.get())
}

#[test]
fn wrong_use_is_an_error_and_no_verdict() {
    for arguments in [&["reconcile"][..], &["reconcile", "--day", "yesterday"], &["verify", "--leg", "stream"]] {
        assert_eq!(sealtrail(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
