//! Promise 2, measured: the corpus of `tests/corpus`, masked by the binary with its embedded rules and scored by a program that
//! shares nothing with it.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::harness::python;

/// Rows of each batch: enough for a miss of one form in a thousand to show.
const ROWS: &str = "8000";

#[test]
fn first_batch() {
    meets_its_bars("first");
}

#[test]
fn second_batch() {
    meets_its_bars("second");
}

#[test]
fn third_batch() {
    meets_its_bars("third");
}

#[test]
fn fourth_batch() {
    meets_its_bars("fourth");
}

#[test]
fn fifth_batch() {
    meets_its_bars("fifth");
}

#[test]
fn sixth_batch() {
    meets_its_bars("sixth");
}

/// What must be found is found, what must stay stays, by class and over all; and masking what came out changes nothing.
fn meets_its_bars(batch: &str) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let [corpus, masked, again] = ["corpus", "masked", "again"].map(|name| dir.path().join(name));
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let made = Command::new(python())
        .arg(scripts.join("generate.py"))
        .args(["--batch", batch, "--seed", "1", "--rows", ROWS])
        .stdout(File::create(&corpus).expect("a file"))
        .status()
        .expect("Python runs");
    assert!(made.success(), "the corpus is made");
    mask(&corpus, &masked);
    let score = Command::new(python())
        .arg(scripts.join("score.py"))
        .args(["--show", "5", "--corpus"])
        .arg(&corpus)
        .stdin(File::open(&masked).expect("what was masked"))
        .output()
        .expect("Python runs");
    assert!(
        score.status.success(),
        "{}{}",
        String::from_utf8_lossy(&score.stdout),
        String::from_utf8_lossy(&score.stderr)
    );
    mask(&masked, &again);
    let [masked, again] = [masked, again].map(|file| fs::read_to_string(file).expect("UTF-8"));
    for (once, twice) in masked.lines().zip(again.lines()) {
        assert_eq!(once, twice, "masked again");
    }
    assert_eq!(masked.len(), again.len());
}

fn mask(from: &Path, to: &Path) {
    let masked = Command::new(env!("CARGO_BIN_EXE_sealtrail"))
        .args(["rules", "test", "--jsonl"])
        .stdin(File::open(from).expect("rows"))
        .stdout(File::create(to).expect("a file"))
        .status()
        .expect("the binary runs");
    assert!(masked.success(), "every row is masked");
}
