//! docs/verify-yourself.md, run from the page as it stands: what other people's tools say of an archive is what `verify` says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, export, files, python, sealtrail, text, until};

/// Several segments, and checkpoints at their ends.
fn sealed(dir: &Path) -> (std::path::PathBuf, String) {
    let collector = Collector::start(dir, "wal: { segment: { max_mib: 1, max_age: 1s } }\n");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(collector.client());
    let mut payments = Payments::new(41, 1_800_000_000_000_000_000);
    let objects = || {
        let found = files(&collector.archive().join("audit-logs"));
        found.iter().filter(|file| file.extension().is_some_and(|kind| kind == "parquet")).count()
    };
    for segment in 1..=3 {
        runtime.block_on(export(&mut client, &payments.request(200).0));
        until("a segment is archived", || objects() >= segment);
    }
    let data = collector.data.clone();
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    let keys = data.join("keys/log.vkey").display().to_string();
    (data, keys)
}

/// What a form of the page found: by place, the numbers of the records in its findings.
fn page(language: &str, places: &[std::path::PathBuf]) -> BTreeMap<String, Vec<Option<u64>>> {
    let output =
        Command::new(python()).args(["tests/verify_yourself.py", language]).args(places).output().expect("Python runs");
    assert!(output.status.success(), "{}", text(&output));
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let said: BTreeMap<_, _> = lines
        .lines()
        .map(|line| {
            let said: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
            let findings = said["findings"].as_array().expect("findings").iter().map(|finding| finding[1].as_u64());
            (said["place"].as_str().expect("a place").to_owned(), findings.collect())
        })
        .collect();
    assert_eq!(said.len(), places.len(), "{lines}");
    said
}

fn edit(arguments: &[&str]) -> String {
    let output = Command::new(python()).arg("tests/archive_edit.py").args(arguments).output().expect("Python runs");
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// Bar: DuckDB and Spark agree with `verify` on intact archives and on every tampered one: whether, and with which record.
#[test]
fn the_pages_forms_agree_with_verify_on_archives() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, keys) = sealed(dir.path());
    let archive = data.join("archive").display().to_string();
    let mut expected: BTreeMap<String, (bool, Option<u64>)> = BTreeMap::new();
    let mut places = Vec::new();
    for name in edit(&["--list"]).lines() {
        let place = dir.path().join(name);
        fs::create_dir(&place).expect("made");
        let copy = place.join("archive").display().to_string();
        let first = edit(&[name, &archive, &copy]).parse().ok();
        let output = sealtrail(&["verify", "--format", "json", "--public-key", &keys, &copy]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let tampered = report["verdict"] == "tampered";
        assert!(tampered || report["verdict"] == "intact", "{name}: {}", text(&output));
        assert_eq!(tampered, name != "nothing", "{name}: {}", text(&output));
        if first.is_some() {
            assert_eq!(report["findings"][0]["first"].as_u64(), first, "{name}: {}", text(&output));
        }
        expected.insert(name.to_owned(), (tampered, first));
        places.push(place);
    }
    assert!(expected.values().filter(|(tampered, _)| *tampered).count() >= 10);
    // The page says that its forms judge the records and not the files they lie in, and that the Spark form doesn't look at
    // the columns for queries.
    let forms = [("sql", &["rewritten"][..]), ("python", &["rewritten", "column-edited"])];
    let java = Command::new("java").arg("-version").output().is_ok();
    for (language, blind) in forms {
        if language == "python" && !java {
            eprintln!("NOT PROVED: Spark needs a Java runtime");
            continue;
        }
        for (name, found) in page(language, &places) {
            let (tampered, first) = expected[&name];
            let sees = !blind.contains(&name.as_str());
            assert_eq!(!found.is_empty(), tampered && sees, "{language}, {name}: {found:?}");
            if first.is_some() && sees {
                assert_eq!(found.iter().copied().flatten().min(), first, "{language}, {name}: {found:?}");
            }
        }
    }
}

/// What is done to an unpacked bundle: a file, what stands there, what shall stand there.
const TAMPERED: [(&str, &str, &str, &str); 10] = [
    ("content", "record.json", "\"by\":\"sender\"", "\"by\":\"access\""),
    ("content longer", "record.json", "{", "{ "),
    ("sequence", "link.txt", "\n250\n", "\n251\n"),
    ("time", "link.txt", "\n250\n1", "\n250\n2"),
    ("chain", "link.txt", "\nlocal\n", "\nother\n"),
    ("version", "link.txt", "sealtrail/1", "sealtrail/2"),
    ("index", "record.tlog-proof", "index 250\n", "index 251\n"),
    ("size", "record.tlog-proof", "localhost/local\n", "localhost/local\n1"),
    ("origin", "record.tlog-proof", "\nlocalhost/local\n", "\nlocalhost/other\n"),
    ("path", "record.tlog-proof", "index 250\n", "index 250\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"),
];

/// … and `sha256sum` with `verify --bundle`, on one record.
#[test]
fn the_pages_script_agrees_with_verify_on_a_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, keys) = sealed(dir.path());
    let data = data.display().to_string();
    let mut places = Vec::new();
    let mut expected = BTreeMap::new();
    let mut judge = |place: std::path::PathBuf, what: &str| {
        fs::copy(&keys, place.join("log.vkey")).expect("copied");
        let bundle = place.join("bundle").display().to_string();
        let output = sealtrail(&["verify", "--public-key", &keys, "--bundle", &bundle]);
        let proved = output.status.code() == Some(0);
        assert!(proved || output.status.code() == Some(1), "{what}: {}", text(&output));
        expected.insert(place.file_name().expect("a name").to_string_lossy().into_owned(), (proved, what.to_owned()));
        places.push(place);
    };
    let prove = |sequence: u64, out: &Path| -> Output {
        let (sequence, out) = (sequence.to_string(), out.display().to_string());
        let arguments = ["prove", "--chain", "local", "--reason", "a test", "--data-dir", &data];
        sealtrail(&[&arguments[..], &["--sequence", &sequence, "--out", &out]].concat())
    };
    // At the edges of the tree, and of a segment.
    for sequence in [0, 1, 200, 250, 255, 256, 600, 601] {
        let place = dir.path().join(format!("sound-{sequence}"));
        let output = prove(sequence, &place.join("bundle"));
        assert_eq!(output.status.code(), Some(0), "record {sequence}: {}", text(&output));
        judge(place, "sound");
    }
    for (number, (what, file, from, to)) in TAMPERED.iter().enumerate() {
        let place = dir.path().join(format!("tampered-{number}"));
        assert_eq!(prove(250, &place.join("bundle")).status.code(), Some(0));
        let path = place.join("bundle").join(file);
        let sound = fs::read_to_string(&path).expect("text");
        assert!(sound.contains(from), "{what}: no {from:?} in {sound}");
        fs::write(&path, sound.replacen(from, to, 1)).expect("written");
        judge(place, what);
    }
    // Another signer's key: everything fits but the signature.
    let other = tempfile::tempdir().expect("a directory");
    let (_, others) = sealed(other.path());
    let place = dir.path().join("foreign");
    assert_eq!(prove(250, &place.join("bundle")).status.code(), Some(0));
    fs::copy(&others, place.join("log.vkey")).expect("copied");
    places.push(place);
    expected.insert("foreign".to_owned(), (false, "another key".to_owned()));

    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("NOT PROVED: the page's script needs the `openssl` command");
        return;
    }
    for (name, found) in page("bash", &places) {
        let (proved, what) = &expected[&name];
        assert_eq!(found.is_empty(), *proved, "{name} ({what}): {found:?}");
    }
    assert!(expected.values().filter(|(proved, _)| !proved).count() > 10);
}
