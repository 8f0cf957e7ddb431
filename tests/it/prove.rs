//! Promise 5, for a stranger: what `prove` hands out is judged alike by us and by the Python in it, and every change to it is
//! named (`tampering`). Promise 6: that it was handed out is sealed.

mod tampering;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sealtrail::cli::payments::Payments;
use sealtrail_chain::checkpoint::Cosigner;
use sealtrail_chain::note::{Ed25519Signer, Vkey};
use sealtrail_chain::proof::{Proof, inclusion};
use sealtrail_chain::{Checkpoint, Checksum, CompactRange, Genesis, Hash, Link};
use sha2::{Digest as _, Sha256};

use crate::harness::{Collector, archived, export, files, python, sealtrail, text, until};

const REASON: &str = "case 12 C 345/26";
/// Many small segments, so that a proof crosses their borders.
const CONFIG: &str = "wal: { segment: { max_mib: 1, max_age: 1s } }\nseal: { checkpoint_interval: 1s }\n";

/// A collector's data after payments and a stop, with the keys that everyone may have.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn sealed(seed: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let collector = Collector::start(dir.path(), CONFIG);
        let archive = collector.archive();
        send(&collector, seed, 4);
        until("a segment is archived", || !objects(&archive).is_empty());
        // Records that come before its end was seen would come under one checkpoint with it.
        until("so is its checkpoint", || !checkpoints(&archive).is_empty());
        send(&collector, seed + 1, 4);
        let (status, log) = collector.stop();
        assert!(status.success(), "{log}");
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn keys(&self) -> String {
        self.path("data/keys/log.vkey").display().to_string()
    }

    fn prove(&self, sequence: u64, out: &Path) -> Output {
        let (config, data) = (self.path("sealtrail.yaml"), self.path("data"));
        let (config, data, out) = (config.display(), data.display(), out.display());
        sealtrail(&[
            "prove",
            "--chain",
            "local",
            "--sequence",
            &sequence.to_string(),
            "--reason",
            REASON,
            "--config",
            &config.to_string(),
            "--data-dir",
            &data.to_string(),
            "--out",
            &out.to_string(),
        ])
    }
}

fn send(collector: &Collector, seed: u64, requests: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(collector.client());
    let mut payments = Payments::new(seed, 1_800_000_000_000_000_000);
    for _ in 0..requests {
        runtime.block_on(export(&mut client, &payments.request(150).0));
    }
}

fn objects(archive: &Path) -> Vec<PathBuf> {
    files(&archive.join("audit-logs"))
        .into_iter()
        .filter(|file| file.extension().is_some_and(|e| e == "parquet"))
        .collect()
}

fn checkpoints(archive: &Path) -> Vec<PathBuf> {
    files(&archive.join("audit-checkpoints"))
        .into_iter()
        .filter(|file| file.extension().is_some_and(|kind| kind == "checkpoint"))
        .collect()
}

/// A verdict, and the codes with the files that they name.
type Judged = (String, BTreeSet<(String, String)>);

fn judged(output: &Output) -> Judged {
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)));
    let findings = report["findings"].as_array().expect("findings").iter().map(|finding| {
        let (code, place) = (finding["code"].as_str().expect("a code"), finding["place"].as_str().expect("a place"));
        (code.to_owned(), Path::new(place).file_name().expect("a name").to_string_lossy().into_owned())
    });
    (report["verdict"].as_str().expect("a verdict").to_owned(), findings.collect())
}

/// Both verifiers' judgement, which must be the same, with the exit code that goes with it.
fn both(bundle: &Path, keys: &str) -> Judged {
    let bundle = bundle.display().to_string();
    let ours = sealtrail(&["verify", "--format", "json", "--public-key", keys, "--bundle", &bundle]);
    let theirs = Command::new(python())
        .args(["src/evidence/texts/verify.py", "--format", "json", "--public-key", keys, &bundle])
        .output()
        .expect("Python runs");
    let (judged_here, judged_there) = (judged(&ours), judged(&theirs));
    assert_eq!(judged_here, judged_there, "{}\n{}", text(&ours), text(&theirs));
    assert_eq!(ours.status.code(), theirs.status.code(), "{}\n{}", text(&ours), text(&theirs));
    let expected = match judged_here.0.as_str() {
        "intact" => 0,
        "tampered" => 1,
        _ => 3,
    };
    assert_eq!(ours.status.code(), Some(expected), "{}", text(&ours));
    judged_here
}

fn intact() -> Judged {
    ("intact".to_owned(), BTreeSet::new())
}

#[test]
fn a_record_is_proved_to_a_stranger() {
    let place = Place::sealed(1);
    let records = archived(&place.path("data/archive"));
    let segments = objects(&place.path("data/archive")).len();
    assert!(segments > 1, "a proof crosses no border: {segments}");
    let last = records.len() as u64 - 1;
    for sequence in [0, 1, 255, 256, last / 2, last - 1, last] {
        let bundle = place.path(&format!("{sequence}.tar"));
        let output = place.prove(sequence, &bundle);
        assert_eq!(output.status.code(), Some(0), "record {sequence}: {}", text(&output));
        assert_eq!(both(&bundle, &place.keys()), intact(), "record {sequence}");
        // Another tool unpacks it, and what comes out is the same bundle and the record byte for byte.
        let dir = place.path(&format!("{sequence}"));
        fs::create_dir(&dir).expect("made");
        let tar = Command::new("tar").arg("-xf").arg(&bundle).arg("-C").arg(&dir).output().expect("tar runs");
        assert!(tar.status.success(), "{}", text(&tar));
        assert_eq!(both(&dir, &place.keys()), intact(), "record {sequence}, unpacked");
        let record = fs::read_to_string(dir.join("record.json")).expect("the record");
        assert!(record == records[usize::try_from(sequence).expect("small")].1, "record {sequence}");
        let sums = Command::new("sha256sum").args(["-c", "SHA256SUMS"]).current_dir(&dir).output().expect("it runs");
        assert!(sums.status.success(), "{}", text(&sums));
    }

    // The Python in it is the one that was asked.
    let carried = fs::read(place.path("0/verify.py")).expect("the verifier");
    assert!(carried == fs::read("src/evidence/texts/verify.py").expect("the source"));
    let readme = fs::read_to_string(place.path("256/README.txt")).expect("the text");
    assert!(readme.contains("Record 256 of the audit chain \"local\"") && !readme.contains('{'), "{readme}");
    for form in ["certification-us.txt", "certification-cn.txt"] {
        let form = fs::read_to_string(place.path("256").join(form)).expect("the form");
        assert!(form.contains("256") && form.contains("uid ") && !form.contains('{'), "{form}");
    }

    // Without a key nothing is called proved; with another's, it is said whose it is not.
    let bundle = place.path("1.tar").display().to_string();
    let unknown = sealtrail(&["verify", "--bundle", &bundle]);
    assert_eq!(unknown.status.code(), Some(3), "{}", text(&unknown));
    assert!(text(&unknown).starts_with("CONSISTENT, SIGNER UNKNOWN"), "{}", text(&unknown));
    assert!(!text(&unknown).contains("this release"), "all of it is this release's: {}", text(&unknown));
    let other = Place::sealed(3);
    let foreign = both(&place.path("1.tar"), &other.keys());
    assert_eq!(foreign, tampered(&[("SEAL-032", "genesis.note")]));

    // What isn't there is said, and nothing is written.
    let absent = place.prove(last + 1, &place.path("absent.tar"));
    assert_eq!(absent.status.code(), Some(2), "{}", text(&absent));
    assert!(text(&absent).contains(&format!("ends with record {last}")), "{}", text(&absent));
    let again = place.prove(1, &place.path("1.tar"));
    assert_eq!(again.status.code(), Some(2), "{}", text(&again));
    assert!(!place.path("absent.tar").exists());
}

/// Promise 6: a running collector seals the export, with the digest by which the bundle is known again.
#[test]
fn an_export_is_sealed() {
    let dir = tempfile::tempdir().expect("a directory");
    let collector = Collector::start(dir.path(), CONFIG);
    send(&collector, 5, 1);
    let (stream, data) = (collector.stream(), collector.data.display().to_string());
    let config = dir.path().join("sealtrail.yaml").display().to_string();
    let out = dir.path().join("evidence.tar");
    let prove = |reason: &str, data: &str| {
        let out = out.display().to_string();
        let arguments = ["prove", "--chain", "local", "--sequence", "7", "--config", &config, "--data-dir", data];
        sealtrail(&[&arguments[..], &["--reason", reason, "--out", &out]].concat())
    };
    // Whoever can't have it sealed gets nothing.
    let nowhere = dir.path().display().to_string();
    for refused in [prove(" ", &data), prove(REASON, &nowhere)] {
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
        assert!(!out.exists());
    }
    // Until its segment is closed and under a stored checkpoint, there is nothing to prove it with.
    let mut said = String::new();
    until("the record is provable", || {
        let output = prove(REASON, &data);
        said = text(&output);
        assert!(output.status.code() == Some(0) || !out.exists(), "{said}");
        output.status.success()
    });
    let digest = said.split("bundle ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a digest").to_owned();
    let sealed = || {
        let mine = |content: &&(u64, String)| content.1.contains(REASON) && content.1.contains(&digest);
        crate::harness::streamed(&stream).iter().find(mine).map(|(_, content)| content.clone())
    };
    until("the running collector seals it", || sealed().is_some());
    let sealed = sealed().expect("it was there");
    for word in ["\"sealtrail.read\"", "chain local, record 7, evidence bundle ", "uid ", "\"by\":\"self\""] {
        assert!(sealed.contains(word), "no {word} in {sealed}");
    }
    assert!(collector.stop().0.success());
}

/// Cosignatures and time stamps that lie beside a checkpoint come along, and the checkpoint that has them is preferred.
#[test]
fn what_others_said_of_a_checkpoint_comes_along() {
    let place = Place::sealed(7);
    let checkpoints = checkpoints(&place.path("data/archive"));
    let newest = checkpoints.last().expect("a checkpoint");
    assert!(checkpoints.len() > 1, "nothing to prefer: {:?}", files(&place.path("data/archive")));
    let note = fs::read_to_string(newest).expect("a note");
    let body = &note[..=note.find("\n\n").expect("a note")];
    let mut words = Vec::new();
    for (name, seed) in [("witness.example/w1", 9), ("witness.example/w2", 10)] {
        let witness = Ed25519Signer::new(name, &[seed; 32]);
        let (file, line) = (format!("{}.cosigned", const_hex::encode(witness.vkey().id())), witness.sign(body));
        fs::write(newest.with_extension(&file), note.clone() + &line).expect("written");
        words.push((file, line));
    }
    // In the order of their objects' names.
    words.sort();
    let lines: String = words.into_iter().map(|(_, line)| line).collect();
    fs::write(newest.with_extension("tsr"), b"an opaque answer").expect("written");
    fs::write(newest.with_extension("crl"), b"an opaque list").expect("written");
    let bundle = place.path("evidence");
    let output = place.prove(0, &bundle);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(fs::read_to_string(bundle.join("checkpoint.note")).expect("a note"), note);
    assert_eq!(fs::read(bundle.join("checkpoint.tsr")).expect("a stamp"), b"an opaque answer");
    assert_eq!(fs::read(bundle.join("checkpoint.crl")).expect("a list"), b"an opaque list");
    let cosigned = fs::read_to_string(bundle.join("checkpoint.cosigned")).expect("their words");
    assert_eq!(cosigned, note.clone() + &lines);
    let proof = fs::read_to_string(bundle.join("record.tlog-proof")).expect("a proof");
    assert!(proof.ends_with(&(note + &lines)), "{proof}");
    assert_eq!(both(&bundle, &place.keys()), intact());
    let output = sealtrail(&["verify", "--public-key", &place.keys(), "--bundle", &bundle.display().to_string()]);
    assert!(text(&output).contains("checkpoint.tsr: a time stamp, not looked at here"), "{}", text(&output));
}

fn tampered(findings: &[(&str, &str)]) -> Judged {
    let findings = findings.iter().map(|(code, file)| ((*code).to_owned(), (*file).to_owned()));
    ("tampered".to_owned(), findings.collect())
}

/// A record that does not hold is not handed out as evidence.
#[test]
fn of_a_tampered_archive_there_is_no_evidence() {
    let place = Place::sealed(11);
    let archive = place.path("data/archive");
    let stored = files(&archive.join("audit-checkpoints"));
    for checkpoint in stored.iter().filter(|file| file.extension().is_some_and(|kind| kind == "checkpoint")) {
        let note = fs::read_to_string(checkpoint).expect("a note");
        let text = note.split('\n').next().expect("an origin").to_owned();
        let signer = Ed25519Signer::new(&text, &[5; 32]);
        let body = &note[..=note.find("\n\n").expect("a note")];
        fs::write(checkpoint, format!("{body}\n{}", signer.sign(body))).expect("written");
    }
    let out = place.path("evidence.tar");
    let output = place.prove(5, &out);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("SEAL-023") && !out.exists(), "{}", text(&output));
    assert!(files(&place.path("data/own")).is_empty(), "nothing was read, so nothing is sealed");
}

/// The keys of a chain change; what they signed before and what the next ones sign is proved under the keys of the genesis.
#[test]
fn a_bundle_follows_a_rotation_of_keys() {
    const NOTE: &str = "checkpoint.note";
    const PROOF: &str = "record.tlog-proof";
    let place = Place::sealed(13);
    let first = place.path("first.vkey");
    fs::copy(place.keys(), &first).expect("copied");
    let first = first.display().to_string();
    let (config, data) = (place.path("sealtrail.yaml"), place.path("data"));
    let (config, data) = (config.display().to_string(), data.display().to_string());
    let words = ["keys", "rotate", "--config", &config, "--data-dir", &data, "--reason", "yearly", "--no-recovery"];
    let output = sealtrail(&words);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    for seed in [14, 15] {
        let collector = Collector::start(place.dir.path(), CONFIG);
        send(&collector, seed, 2);
        let (status, log) = collector.stop();
        assert!(status.success(), "{log}");
    }
    let second = place.keys();
    let last = archived(&place.path("data/archive")).len() as u64 - 1;
    let (before, behind) = (place.path("before"), place.path("behind"));
    for (sequence, bundle) in [(5, &before), (last, &behind)] {
        let output = place.prove(sequence, bundle);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert_eq!(both(bundle, &first), intact(), "record {sequence}");
    }
    assert_eq!(both(&behind, &second), intact());
    // Trust does not reach back: who has the next keys alone has nobody's word for the keys before, and is told whose he needs.
    let unknown = ("signer-unknown".to_owned(), BTreeSet::new());
    assert_eq!(both(&before, &second), unknown);
    let said = sealtrail(&["verify", "--public-key", &second, "--bundle", &before.display().to_string()]);
    let older: Vkey = fs::read_to_string(&first).expect("keys").lines().next().expect("a key").parse().expect("a key");
    let older = format!("localhost/local+{}", const_hex::encode(older.id()));
    assert!(text(&said).contains("from before a rotation") && text(&said).contains(&older), "{}", text(&said));
    assert_eq!(both(&stranger(&before, &place.path("stranger")), &second), unknown);

    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    let note = files(&behind).iter().map(name).find(|name| name.starts_with("keys-")).expect("a note");
    // But the note names a size and root itself, and the next key has signed that.
    let size: u64 = note["keys-".len()..note.len() - ".note".len()].parse().expect("a size");
    let named = place.path("named");
    assert_eq!(place.prove(size - 1, &named).status.code(), Some(0));
    assert_eq!(both(&named, &second), intact());
    let said = sealtrail(&["verify", "--public-key", &second, "--bundle", &named.display().to_string()]);
    assert!(text(&said).contains("names the same size and root"), "{}", text(&said));

    let gone = copy(&behind, &place.path("gone"));
    fs::remove_file(gone.join(&note)).expect("there");
    resum(&gone);
    let unknown = [("SEAL-023", PROOF), ("SEAL-023", NOTE), ("SEAL-022", NOTE)];
    assert_eq!(both(&gone, &first), tampered(&unknown));
    for (from, to) in [("cause planned", "cause lost"), ("rotation v1", "rotation v2")] {
        let forged = copy(&behind, &place.path(to));
        change(&forged, &note, from, to);
        resum(&forged);
        assert_eq!(both(&forged, &first), tampered(&[&unknown[..], &[("SEAL-033", &note)]].concat()), "{to}");
    }
}

/// The same bundle with another record, under keys of a stranger's: his own genesis, and his own line under the note of the rotation,
/// which does not name the keys before. The line of the next key is the true one.
fn stranger(bundle: &Path, to: &Path) -> PathBuf {
    let dir = copy(bundle, to);
    let read = |file: &str| fs::read_to_string(dir.join(file)).expect("text");
    let origin = "localhost/local";
    let (ed25519, ml_dsa_44) = (Ed25519Signer::new(origin, &[66; 32]), Cosigner::new(origin, &[66; 32]));
    let mut genesis = Genesis::read(&read("genesis.note")).expect("a genesis").statement().clone();
    (genesis.ed25519, genesis.ml_dsa_44) = (ed25519.vkey().clone(), ml_dsa_44.vkey().clone());
    fs::write(dir.join("genesis.note"), genesis.sign(&ed25519).note()).expect("written");
    let note = files(&dir).into_iter().find(|path| path.display().to_string().contains("/keys-")).expect("a note");
    let rotation = fs::read_to_string(&note).expect("text");
    let (statement, lines) = rotation.split_once("\n\n").expect("a note");
    let next = lines.lines().last().expect("the next key's line");
    let statement = format!("{statement}\n");
    fs::write(&note, format!("{statement}\n{}{next}\n", ed25519.sign(&statement))).expect("written");

    let content = read("record.json").replacen("\"by\":\"sender\"", "\"by\":\"access\"", 1);
    let (chain, link) = Link::from_text(&read("link.txt")).expect("a link");
    let link = Link { checksum: Checksum::of(content.as_bytes()), ..link };
    let (index, hash) = (link.sequence.get(), Hash(Checksum::of(link.text(&chain).as_bytes()).0));
    let mut before = CompactRange::empty(0);
    (0..index).for_each(|n| before.push(&Hash([n as u8; 32])));
    let path = inclusion(&before, &CompactRange::empty(index + 1)).expect("a path");
    before.push(&hash);
    let checkpoint = Checkpoint { origin: origin.to_owned(), size: index + 1, root: before.root() };
    let checkpoint = checkpoint.sign(&ed25519, Some((&ml_dsa_44, 1_795_478_400))).note().to_owned();
    let proof = Proof { extra: None, index, path, checkpoint: checkpoint.clone() };
    let mut said: serde_json::Value = serde_json::from_str(&read("statement.json")).expect("a statement");
    said["checksum"] = link.checksum.to_string().into();
    said["hash"] = hash.to_string().into();
    said["checkpoint_size"] = (index + 1).into();
    for (file, text) in [
        ("record.json", content),
        ("link.txt", link.text(&chain)),
        ("checkpoint.note", checkpoint),
        ("record.tlog-proof", proof.to_text()),
        ("statement.json", said.to_string()),
    ] {
        fs::write(dir.join(file), text).expect("written");
    }
    resum(&dir);
    dir
}

fn change(dir: &Path, file: &str, from: &str, to: &str) {
    let path = dir.join(file);
    let text = fs::read_to_string(&path).expect("text");
    assert!(text.contains(from), "no {from:?} in {file}: {text}");
    fs::write(path, text.replacen(from, to, 1)).expect("written");
}

fn resum(dir: &Path) {
    let path = dir.join("SHA256SUMS");
    let names = files(dir).into_iter().filter(|file| *file != path);
    let sums = names.map(|file| {
        let digest = Sha256::digest(fs::read(&file).expect("there"));
        format!("{}  {}\n", const_hex::encode(digest), file.file_name().expect("a name").to_string_lossy())
    });
    fs::write(&path, sums.collect::<String>()).expect("written");
}

fn copy(from: &Path, to: &Path) -> PathBuf {
    fs::create_dir(to).expect("made");
    for file in files(from) {
        fs::copy(&file, to.join(file.file_name().expect("a name"))).expect("copied");
    }
    to.to_owned()
}
