//! A chain's keys change, by the keys before and by the recovery key, through crashes, into a token; `verify` follows.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::harness::{Collector, archived, files, http, sealtrail_with, text, until};
use crate::hsm::Token;

/// A chain, and the commands about its keys.
struct Chain {
    dir: tempfile::TempDir,
    /// What stands in the configuration.
    config: String,
    environment: Vec<(String, String)>,
}

impl Chain {
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self { dir, config: config.to_owned(), environment: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn data(&self, name: &str) -> PathBuf {
        self.path("data").join(name)
    }

    fn keys(&self, words: &[&str]) -> Output {
        let (config, data) = (self.path("sealtrail.yaml"), self.path("data"));
        if !config.exists() {
            std::fs::write(&config, &self.config).expect("written");
        }
        let (config, data) = (config.display().to_string(), data.display().to_string());
        let (command, rest) = words.split_first().expect("a command");
        let words = [&["keys", command, "--config", &config, "--data-dir", &data], rest].concat();
        sealtrail_with(&words, &self.environment)
    }

    fn start(&self) -> Result<Collector, String> {
        Collector::try_start_with(self.dir.path(), &self.config, &[], &self.environment)
    }

    /// Takes a record and stops.
    fn run(&self) {
        let collector = self.start().unwrap_or_else(|log| panic!("{log}"));
        let record = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"paid"}}]}]}]}"#;
        let head = "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json";
        assert_eq!(http(&collector.http, head, record.as_bytes()).0, 200);
        let (status, log) = collector.stop();
        assert!(status.success() && log.contains("\"complete\":true"), "{status}: {log}");
    }

    /// Archive and stream, alone and together, are intact under these keys.
    fn assert_intact(&self, keys: &Path) {
        let path = |name: &str| self.data(name).display().to_string();
        let (archive, stream) = (path("archive"), path("stream"));
        for legs in [vec![&archive, &stream], vec![&archive], vec![&stream]] {
            let mut words = vec!["verify", "--public-key", keys.to_str().expect("a path")];
            words.extend(legs.iter().map(|leg| leg.as_str()));
            let output = sealtrail_with(&words, &[]);
            assert_eq!(output.status.code(), Some(0), "{legs:?} under {}: {}", keys.display(), text(&output));
        }
    }

    fn rotations(&self) -> usize {
        let records = archived(&self.data("archive"));
        records.iter().filter(|(_, content)| content.contains("\"sealtrail.key.rotated\"")).count()
    }

    fn copy(&self, from: &str, to: &str) -> PathBuf {
        let to = self.path(to);
        std::fs::copy(self.data(from), &to).expect("copied");
        to
    }
}

fn ok(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn keys_change_by_the_keys_before_and_then_by_the_recovery_key() {
    let mut chain = Chain::new("");
    let recovery = chain.path("recovery.key").display().to_string();
    let vkey = ok(&chain.keys(&["generate", "--recovery", &recovery]));
    std::fs::write(chain.path("recovery.vkey"), &vkey).expect("written");
    let line = vkey.lines().find(|line| !line.starts_with('#')).expect("a key").to_owned();
    std::fs::write(chain.path("one.vkey"), format!("{line}\n")).expect("written");
    chain.config = format!("seal: {{ recovery_key: {} }}\n", chain.path("one.vkey").display());
    chain.run();
    let first = chain.copy("keys/log.vkey", "first.vkey");
    chain.assert_intact(&first);

    // Planned: prepared while nothing runs, sealed at a start that is killed, settled in the end.
    let said = chain.keys(&["rotate", "--reason", ""]);
    assert_eq!(said.status.code(), Some(2), "{}", text(&said));
    let said = ok(&chain.keys(&["rotate", "--reason", "yearly, CHG-1"]));
    assert!(said.contains("# sealtrail key rotation v1") && said.contains("# cause planned"), "{said}");
    let again = chain.keys(&["rotate", "--reason", "twice"]);
    assert!(again.status.code() == Some(2) && text(&again).contains("under way already"), "{}", text(&again));
    assert!(ok(&chain.keys(&["show"])).contains("# the next keys, sealed at the next start:"));
    chain.start().unwrap_or_else(|log| panic!("{log}")).kill();
    chain.run();
    assert_eq!(chain.rotations(), 1, "a crash does not seal it twice");
    chain.assert_intact(&first);
    chain.run();
    let second = chain.copy("keys/log.vkey", "second.vkey");
    assert_ne!(std::fs::read(&first).expect("read"), std::fs::read(&second).expect("read"));
    chain.assert_intact(&first);
    chain.assert_intact(&second);
    let notes = files(&chain.data("archive/audit-keys"));
    assert_eq!(notes.len(), 1, "{notes:?}");
    let shown = ok(&chain.keys(&["show", notes[0].to_str().expect("a path")]));
    assert!(shown.contains("rotation (planned)") && shown.contains(&line), "{shown}");
    let retired = files(&chain.data("keys")).into_iter().filter(|path| path.to_string_lossy().contains("retired-"));
    assert_eq!(retired.count(), 3, "both keys of before, and what was handed out");

    // Compromised: the recovery key vouches, for a checkpoint that somebody kept.
    let checkpoints = files(&chain.data("archive/audit-checkpoints"));
    let good = checkpoints.iter().rfind(|path| path.extension() == Some("checkpoint".as_ref())).expect("one");
    let good = good.display().to_string();
    let words = ["rotate", "--reason", "INC-42", "--cause", "compromised", "--last-good", &good, "--recovery-key"];
    let wrong = chain.data("keys/ed25519.key").display().to_string();
    let refused = chain.keys(&[&words[..], &[&wrong]].concat());
    assert!(text(&refused).contains("is not the chain's recovery key"), "{}", text(&refused));
    ok(&chain.keys(&[&words[..], &[&recovery]].concat()));
    chain.run();
    chain.assert_intact(&first);
    chain.run();
    let third = chain.copy("keys/log.vkey", "third.vkey");
    for keys in [&first, &second, &third] {
        chain.assert_intact(keys);
    }
    assert_eq!(chain.rotations(), 2);
    let records = archived(&chain.data("archive"));
    let sealed: Vec<_> = records.iter().filter(|(_, content)| content.contains("key.rotated\"")).collect();
    assert!(sealed[0].1.contains("yearly, CHG-1") && sealed[0].1.contains("uid ") && sealed[1].1.contains("INC-42"));

    // The keys are gone altogether.
    std::fs::remove_file(chain.data("keys/ed25519.key")).expect("removed");
    std::fs::remove_file(chain.data("keys/ml-dsa-44.key")).expect("removed");
    assert!(chain.start().err().expect("refused").contains("holds no signing keys"));
    let checkpoints = files(&chain.data("archive/audit-checkpoints"));
    let good = checkpoints.iter().rfind(|path| path.extension() == Some("checkpoint".as_ref())).expect("one");
    let good = good.display().to_string();
    let lost = ["rotate", "--reason", "disk", "--cause", "lost", "--last-good", &good, "--recovery-key", &recovery];
    ok(&chain.keys(&lost));
    chain.run();
    chain.run();
    let fourth = chain.copy("keys/log.vkey", "fourth.vkey");
    for keys in [&first, &third, &fourth] {
        chain.assert_intact(keys);
    }
}

/// The key is in the token alone: the files hold no Ed25519 seed, and without the token nothing is signed.
#[test]
fn a_token_signs_and_a_chain_moves_into_it() {
    let mut chain = Chain::new("");
    let Some(token) = Token::make(chain.dir.path()) else { return };
    chain.environment.clone_from(&token.environment);
    let plain = chain.config.clone();
    chain.config = format!("seal: {{ pkcs11: {} }}\n", token.section("signing-1"));
    let made = chain.keys(&["generate"]);
    let said = ok(&made);
    assert!(said.contains("# Ed25519, key `signing-1` of token `audit`"), "{said}");
    assert!(said.contains("# ML-DSA-44, in a file: the token knows no ML-DSA"), "{said}");
    assert!(!chain.data("keys/ed25519.key").exists());
    chain.run();
    let first = chain.copy("keys/log.vkey", "first.vkey");
    assert_eq!(
        said.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n") + "\n",
        std::fs::read_to_string(&first).expect("read")
    );
    chain.assert_intact(&first);
    let gone = chain.environment.clone();
    chain.environment.clear();
    assert!(chain.start().err().expect("refused").contains("`seal.pkcs11`"));
    chain.environment = gone;

    // To another key of the token.
    let same = chain.keys(&["rotate", "--reason", "x", "--no-recovery"]);
    assert!(text(&same).contains("the next key is the one before"), "{}", text(&same));
    ok(&chain.keys(&["rotate", "--reason", "x", "--no-recovery", "--next-key", "signing-2"]));
    chain.run();
    chain.run();
    assert!(ok(&chain.keys(&["show"])).contains("key `signing-2` of token `audit`"));
    chain.assert_intact(&first);
    chain.assert_intact(&chain.copy("keys/log.vkey", "second.vkey"));

    // A chain whose key is a file moves into the token by a rotation.
    let mut other = Chain::new(&plain);
    other.environment.clone_from(&chain.environment);
    other.run();
    let first = other.copy("keys/log.vkey", "first.vkey");
    other.config = format!("seal: {{ pkcs11: {} }}\n", token.section("moved"));
    std::fs::remove_file(other.path("sealtrail.yaml")).expect("removed");
    assert!(ok(&other.keys(&["show"])).contains("counts from the next rotation on"));
    ok(&other.keys(&["rotate", "--reason", "into the token", "--no-recovery"]));
    other.run();
    until("both legs have all", || other.rotations() == 1);
    other.run();
    assert!(ok(&other.keys(&["show"])).contains("key `moved` of token `audit`"));
    assert!(!other.data("keys/ed25519.key").exists());
    other.assert_intact(&first);
    other.assert_intact(&other.copy("keys/log.vkey", "second.vkey"));
}
