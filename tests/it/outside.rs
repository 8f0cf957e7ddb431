//! Promise 5, with libraries that are not ours: Go's signed notes, torchwood's proofs, tessera's check of the whole tree.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, cache, export, files, python, sealtrail, text};

/// A tool that `make outside` builds.
fn tool(name: &str) -> PathBuf {
    let tool = cache().join("go/bin").join(name);
    assert!(tool.exists(), "{} is missing: run the tests with `make test`, which builds it", tool.display());
    tool
}

/// More than two tiles of records, and their Ed25519 key as people hand it out.
fn sealed(dir: &Path) -> (PathBuf, String) {
    let collector = Collector::start(dir, "wal: { segment: { max_mib: 1 } }\n");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(collector.client());
    let mut payments = Payments::new(31, 1_800_000_000_000_000_000);
    for _ in 0..4 {
        runtime.block_on(export(&mut client, &payments.request(200).0));
    }
    let data = collector.data.clone();
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    let keys = fs::read_to_string(data.join("keys/log.vkey")).expect("keys");
    let ed25519 = keys.lines().find(|line| !line.starts_with('#')).expect("a key").to_owned();
    (data, ed25519)
}

fn newest(data: &Path) -> PathBuf {
    let mut found = files(&data.join("archive/audit-checkpoints"));
    found.retain(|file| file.extension().is_some_and(|kind| kind == "checkpoint"));
    found.pop().expect("a checkpoint")
}

#[test]
fn gos_notes_open_a_checkpoint() {
    let outside = tool("outside");
    let dir = tempfile::tempdir().expect("a directory");
    let (data, key) = sealed(dir.path());
    let checkpoint = newest(&data);
    let open = |path: &Path| Command::new(&outside).args(["note", &key]).arg(path).output().expect("it runs");
    let output = open(&checkpoint);
    assert!(output.status.success(), "{}", text(&output));
    let note = fs::read_to_string(&checkpoint).expect("a note");
    assert!(
        note.starts_with(&*String::from_utf8_lossy(&output.stdout)) && output.stdout.len() > 60,
        "{}",
        text(&output)
    );
    let changed = dir.path().join("changed");
    fs::write(&changed, note.replacen("localhost/local\n", "localhost/local\n1", 1)).expect("written");
    assert!(!open(&changed).status.success(), "another size was taken");
}

#[test]
fn torchwood_verifies_a_proof() {
    let outside = tool("outside");
    let dir = tempfile::tempdir().expect("a directory");
    let (data, key) = sealed(dir.path());
    let prove = |sequence: &str, out: &Path| {
        let (data, out) = (data.display().to_string(), out.display().to_string());
        let arguments = ["prove", "--chain", "local", "--reason", "a test", "--data-dir", &data, "--out", &out];
        let output = sealtrail(&[&arguments[..], &["--sequence", sequence]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    };
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    prove("0", &one);
    prove("500", &two);
    let verify = |link: &Path, proof: &Path| {
        let command = &mut Command::new(&outside);
        command.args(["proof", &key]).arg(link.join("link.txt")).arg(proof.join("record.tlog-proof"));
        command.output().expect("it runs")
    };
    for bundle in [&one, &two] {
        let output = verify(bundle, bundle);
        assert!(output.status.success(), "{}", text(&output));
    }
    let crossed = verify(&one, &two);
    assert_eq!(crossed.status.code(), Some(1), "{}", text(&crossed));
    assert!(text(&crossed).contains("inclusion proof verification failed for index 500"), "{}", text(&crossed));
}

/// A web server that knows nothing of logs, ended with the test.
struct Server(Child, String);

impl Server {
    fn of(dir: &Path) -> Self {
        let mut command = Command::new(python());
        command.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"]).arg(dir);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it says where it serves");
        let url = line.split(['(', ')']).nth(1).unwrap_or_else(|| panic!("no address in {line}")).to_owned();
        Self(child, url)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn tessera_checks_the_whole_tree() {
    let fsck = tool("fsck");
    let dir = tempfile::tempdir().expect("a directory");
    let (data, key) = sealed(dir.path());
    let key_file = dir.path().join("ed25519.vkey");
    fs::write(&key_file, &key).expect("written");
    let fsck = |tiles: &Path| {
        let server = Server::of(tiles);
        let mut command = Command::new(&fsck);
        command.args(["--ui=false", "--storage_url", &server.1, "--public_key"]).arg(&key_file);
        command.output().expect("it runs")
    };
    let export = |source: &Path, name: &str| {
        let tiles = dir.path().join(name);
        let (source, out) = (source.display().to_string(), tiles.display().to_string());
        (sealtrail(&["export-tiles", "--chain", "local", &source, &out]), tiles)
    };
    let (output, tiles) = export(&data, "tiles");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let checked = fsck(&tiles);
    assert!(holds(&checked), "{}", text(&checked));
    assert!(files(&tiles.join("tile/0")).len() >= 4, "more than one tile");
    let (again, _) = export(&data, "tiles");
    assert_eq!(again.status.code(), Some(2), "what is there is not mixed with: {}", text(&again));

    // A tile or an entry changed where it is served.
    for below in ["tile/0", "tile/1", "tile/entries", "checkpoint"] {
        let file = files(&tiles.join(below)).pop().unwrap_or_else(|| tiles.join(below));
        let sound = fs::read(&file).expect("there");
        let mut changed = sound.clone();
        // In a checkpoint the root begins there; its last line is of a kind that fsck passes over.
        changed[22] ^= 1;
        fs::write(&file, &changed).expect("written");
        refused(&fsck(&tiles), below);
        fs::write(&file, sound).expect("written");
    }

    // A record changed in the archive: the tree over what lies there is not the signed one.
    let archive = data.join("archive");
    for (name, tamper) in TAMPERED {
        let output = Command::new(python())
            .args(["tests/archive_edit.py", tamper])
            .arg(&archive)
            .arg(dir.path().join(name))
            .output()
            .expect("Python runs");
        assert!(output.status.success(), "{name}: {}", text(&output));
        let (output, tiles) = export(&dir.path().join(name), &format!("tiles-{name}"));
        assert_eq!(output.status.code(), Some(1), "{name}: {}", text(&output));
        refused(&fsck(&tiles), name);
    }
}

/// What is done to a copy of the archive, by `tests/archive_edit.py`.
const TAMPERED: [(&str, &str); 3] =
    [("content", "content-edited"), ("time", "time-set-back"), ("removed", "row-removed")];

/// Version 1.0.4 exits with 0 whatever it finds: what it says last counts.
fn holds(output: &Output) -> bool {
    text(output).contains("Successfully fsck'd log with size 802") && !text(output).contains("fsck failed")
}

fn refused(output: &Output, what: &str) {
    assert!(!holds(output) && text(output).contains("fsck failed"), "{what}: {}", text(output));
}
