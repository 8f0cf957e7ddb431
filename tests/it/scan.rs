//! Promise 2, by a second opinion: what the collector stored is clean to detectors that share no code with its masking, and they
//! do find the values in what it was sent.

use std::path::Path;
use std::process::Output;

use sealtrail::cli::payments::{Payments, Planted};

use crate::harness::{Collector, export, sealtrail, text};

fn scan(arguments: &[&str]) -> (Output, serde_json::Value) {
    let output = sealtrail(&[&["scan", "--format", "json"], arguments].concat());
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
    (output, report)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_clean_and_what_was_sent_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut payments = Payments::new(71, 1_800_000_000_000_000_000);
    let requests: Vec<_> = (0..20).map(|_| payments.request(100)).collect();
    let planted: Vec<Planted> = requests.iter().flat_map(|(_, planted)| planted.clone()).collect();

    let collector = Collector::start(dir.path(), "");
    let mut client = collector.client().await;
    for (request, _) in &requests {
        export(&mut client, request).await;
    }
    let data = collector.data.display().to_string();
    // Killed: both legs and the log hold records.
    collector.kill();
    let (output, report) = scan(&[&data]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(report["verdict"], "clean");
    assert!(report["rows_looked_at"].as_u64() >= Some(2_000), "{report}");

    let sent = dir.path().join("sent.jsonl");
    let lines: Vec<_> = requests.iter().map(|(request, _)| serde_json::to_string(request).expect("JSON")).collect();
    std::fs::write(&sent, lines.join("\n")).expect("written");
    let (output, report) = scan(&[path(&sent)]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    for class in ["cardholder.pan", "sad.cvv", "pii.id", "pii.phone", "pii.email"] {
        let found = report["by_class"]["likely"][class].as_u64();
        // Each stands in an attribute of its record, and most in the body too.
        assert!(found >= Some(planted.len() as u64), "{class}: {found:?} of {}", planted.len());
    }
    let said = text(&output);
    for Planted { pan, id_card, phone, email, .. } in &planted {
        assert!(![pan, id_card, phone, email].iter().any(|value| said.contains(*value)), "a value is shown");
    }

    let (_, sampled) = scan(&["--sample", "0.2", "--seed", "3", &data]);
    let (_, again) = scan(&["--sample", "0.2", "--seed", "3", &data]);
    assert_eq!(sampled["rows_looked_at"], again["rows_looked_at"], "a seed takes the same rows");
    let (looked_at, rows) = (sampled["rows_looked_at"].as_u64(), sampled["rows"].as_u64());
    assert!(looked_at > Some(0) && looked_at < rows, "{looked_at:?} of {rows:?}");
}

#[test]
fn nothing_and_what_cannot_be_read_are_not_clean() {
    let dir = tempfile::tempdir().expect("a directory");
    let (output, report) = scan(&[path(dir.path())]);
    assert_eq!((output.status.code(), &report["verdict"]), (Some(3), &"nothing".into()), "{}", text(&output));

    std::fs::write(dir.path().join("broken.parquet"), "PAR1 and no more").expect("written");
    let (output, report) = scan(&[path(dir.path())]);
    assert_eq!((output.status.code(), &report["verdict"]), (Some(3), &"not-all-read".into()), "{}", text(&output));

    // Nor is a packed file that only looks like a text.
    std::fs::write(dir.path().join("broken.parquet"), "no Parquet at all").expect("written");
    let (output, report) = scan(&[path(dir.path())]);
    assert_eq!((output.status.code(), &report["verdict"]), (Some(3), &"not-all-read".into()), "{}", text(&output));

    std::fs::remove_file(dir.path().join("broken.parquet")).expect("removed");
    let noise: Vec<u8> = (0..20_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(dir.path().join("packed"), noise).expect("written");
    let (output, report) = scan(&[path(dir.path())]);
    assert_eq!((output.status.code(), &report["verdict"]), (Some(3), &"not-all-read".into()), "{}", text(&output));

    let absent = sealtrail(&["scan", path(&dir.path().join("absent"))]);
    assert_eq!(absent.status.code(), Some(2), "{}", text(&absent));
    let without = sealtrail(&["scan", "--release", path(dir.path())]);
    assert_eq!(without.status.code(), Some(2), "{}", text(&without));
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
