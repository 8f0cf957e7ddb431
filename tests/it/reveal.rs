//! Who holds the keys can read what `encrypt` has closed, and that it was read stands in the chain.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::harness::{Collector, archived, http, sealtrail, text, until};

const RULE: &str = "\
version: 1
rules:
- id: card
  class: cardholder.pan
  detect: {validator: pan, brands: all}
  action: {encrypt: k1}
  tests: {must_mask: ['card 4242424242424242'], must_keep: ['order 17']}
";
const PAN: &str = "4242424242424242";
const REASON: &str = "chargeback 4711";

fn config(key: &str) -> String {
    format!("mask: {{ rules: [card.yaml], keys: {{ k1: {key} }} }}\n")
}

fn reveal(dir: &Path, arguments: &[&str], input: &str) -> Output {
    let (config, data) = (dir.join("sealtrail.yaml"), dir.join("data"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
        .args(["reveal", "--reason", REASON, "--config"])
        .arg(config)
        .arg("--data-dir")
        .arg(data)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("written");
    child.wait_with_output().expect("it ends")
}

#[test]
fn what_was_closed_is_opened_and_that_is_sealed() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("card.yaml"), RULE).expect("written");
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let collector = Collector::start(dir.path(), &config(key));
    let record = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"card {PAN}"}}}}]}}]}}]}}"#
    );
    let (status, body) =
        http(&collector.http, "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json", record.as_bytes());
    assert_eq!(status, 200, "{body}");
    let (stream, data) = (collector.stream(), collector.data.clone());
    let envelope = || {
        crate::harness::streamed(&stream).into_iter().find_map(|(_, content)| {
            let from = content.find("enc:1:k1:card:local:")?;
            Some(content[from..].split('"').next()?.to_owned())
        })
    };
    until("the record is streamed", || envelope().is_some());
    let envelope = envelope().expect("it was there");

    let output = reveal(dir.path(), &[&envelope], "");
    assert_eq!((output.status.code(), text(&output).trim()), (Some(0), PAN));
    let sealed = || crate::harness::streamed(&stream).iter().filter(|(_, content)| content.contains(REASON)).count();
    until("the running collector seals it", || sealed() == 1);

    // In a text each envelope is opened where it stands; one that was changed stays.
    let changed = envelope.replace(":local:", ":other:");
    let output = reveal(dir.path(), &[], &format!("a {envelope} b {changed}\n"));
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("a {PAN} b {changed}\n"));
    until("that is sealed too", || sealed() == 2);

    let output = reveal(dir.path(), &[&envelope, &changed], "");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(output.stdout.is_empty() && !text(&output).contains(PAN), "all or nothing: {}", text(&output));
    let output = reveal(dir.path(), &["no envelope"], "");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));

    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    // Nobody runs: the next start seals it.
    let output = reveal(dir.path(), &[&envelope], "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    // Where word can't be left, nothing is shown.
    let nowhere = dir.path().join("card.yaml").display().to_string();
    let config_file = dir.path().join("sealtrail.yaml").display().to_string();
    let blind = sealtrail(&["reveal", "--reason", "x", "--config", &config_file, "--data-dir", &nowhere, &envelope]);
    assert_eq!(blind.status.code(), Some(2), "{}", text(&blind));
    assert!(!text(&blind).contains(PAN), "{}", text(&blind));

    let collector = Collector::start(dir.path(), &config(key));
    let archive = collector.archive();
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    let own = archived(&archive).into_iter().filter(|(_, content)| content.contains("\"sealtrail.revealed\""));
    let own: Vec<_> = own.map(|(_, content)| content).collect();
    assert_eq!(own.len(), 3, "{own:?}");
    assert!(own.iter().all(|content| content.contains("keys k1, rules card") && content.contains("uid ")), "{own:?}");
    assert!(crate::harness::files(&data.join("own")).is_empty(), "what is sealed is not sealed again");
}
