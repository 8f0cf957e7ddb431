//! The attack matrix of a bundle: what is done to one, and the codes and files that both verifiers must name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use sealtrail_chain::{Checksum, Link};

use super::{Place, both, change, copy, intact, resum, tampered};
use crate::harness::{python, sealtrail, text};

/// A name, what is done to an unpacked bundle, and the codes and files that must be named.
type Case = (&'static str, fn(&Path), &'static [(&'static str, &'static str)]);

#[test]
fn every_tampering_with_a_bundle_is_named_by_both() {
    const RECORD: &str = "record.json";
    const LINK: &str = "link.txt";
    const PROOF: &str = "record.tlog-proof";
    const NOTE: &str = "checkpoint.note";
    const STATED: &str = "statement.json";
    let place = Place::sealed(9);
    let sound = place.path("sound");
    let output = place.prove(300, &sound);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));

    // The digests are made anew behind each, as a forger would.
    let resummed: &[Case] = &[
        ("nothing", |_| {}, &[]),
        ("the content", |dir| change(dir, RECORD, "\"by\":\"sender\"", "\"by\":\"access\""), &[("SEAL-001", RECORD)]),
        ("content and link", forge, &[("SEAL-081", PROOF), ("SEAL-080", STATED)]),
        ("blanked", |dir| relink(dir, "{}"), &[("SEAL-007", RECORD), ("SEAL-081", PROOF), ("SEAL-080", STATED)]),
        ("a key twice", double_key, &[("SEAL-007", RECORD), ("SEAL-081", PROOF), ("SEAL-080", STATED)]),
        ("the time", |dir| change(dir, LINK, "\n300\n1", "\n300\n2"), &[("SEAL-081", PROOF), ("SEAL-080", STATED)]),
        ("the sequence", |dir| change(dir, LINK, "\n300\n", "\n301\n"), &[("SEAL-081", PROOF), ("SEAL-080", STATED)]),
        ("no number", |dir| change(dir, LINK, "\n300\n", "\n0300\n"), &[("SEAL-002", LINK)]),
        (
            "the chain's name",
            |dir| change(dir, LINK, "\nlocal\n", "\nother\n"),
            &[("SEAL-008", LINK), ("SEAL-081", PROOF), ("SEAL-080", STATED)],
        ),
        ("the index", |dir| change(dir, PROOF, "index 300\n", "index 301\n"), &[("SEAL-081", PROOF)]),
        ("a node less", drop_node, &[("SEAL-081", PROOF)]),
        ("no proof", |dir| change(dir, PROOF, "tlog-proof@v1", "tlog-proof@v2"), &[("SEAL-081", PROOF)]),
        (
            "the size",
            |dir| [PROOF, NOTE].iter().for_each(|file| resize(dir, file)),
            &[("SEAL-022", PROOF), ("SEAL-022", NOTE), ("SEAL-081", PROOF), ("SEAL-080", STATED)],
        ),
        ("another checkpoint", |dir| resize(dir, NOTE), &[("SEAL-022", NOTE), ("SEAL-081", NOTE)]),
        (
            "a signature stripped",
            |dir| [PROOF, NOTE].iter().for_each(|file| strip(dir, file)),
            &[("SEAL-023", PROOF), ("SEAL-023", NOTE)],
        ),
        ("a bit of a signature", |dir| flip_last(dir, NOTE), &[("SEAL-022", NOTE)]),
        (
            "the genesis",
            |dir| change(dir, "genesis.note", "partition 0", "partition 1"),
            &[("SEAL-030", "genesis.note")],
        ),
        ("the statement", |dir| change(dir, STATED, "\"sequence\": 300", "\"sequence\": 301"), &[("SEAL-080", STATED)]),
        ("a field more", |dir| change(dir, STATED, "{\n", "{\n\"more\": 1,\n"), &[("SEAL-080", STATED)]),
        ("no statement", |dir| fs::remove_file(dir.join(STATED)).expect("there"), &[("SEAL-080", STATED)]),
        ("a name more", |dir| fs::write(dir.join("more.txt"), "").expect("written"), &[("SEAL-080", "more.txt")]),
        (
            "a rotation's note of no size",
            |dir| fs::write(dir.join("keys-last.note"), "").expect("written"),
            &[("SEAL-033", "keys-last.note"), ("SEAL-080", "keys-last.note")],
        ),
        ("no words", |dir| fs::remove_file(dir.join("README.txt")).expect("there"), &[("SEAL-080", "README.txt")]),
        (
            "no form",
            |dir| fs::remove_file(dir.join("certification-us.txt")).expect("there"),
            &[("SEAL-080", "certification-us.txt")],
        ),
        ("no verifier", |dir| fs::remove_file(dir.join("verify.py")).expect("there"), &[("SEAL-080", "verify.py")]),
        // The exporter's words are nobody's signature: README.txt says so.
        ("words", |dir| change(dir, STATED, "uid ", "UID "), &[]),
    ];
    for (number, (name, tamper, expected)) in resummed.iter().enumerate() {
        let dir = copy(&sound, &place.path(&format!("resummed-{number}")));
        tamper(&dir);
        resum(&dir);
        let expected = if expected.is_empty() { intact() } else { tampered(expected) };
        assert_eq!(both(&dir, &place.keys()), expected, "{name}");
    }

    // What no key signs may be changed with its digest: it is disowned, and the verifier that lies there is not to be run.
    for (file, from, to, said) in [
        ("README.txt", "EVIDENCE", "PROOF", "README.txt is not what this release writes"),
        ("certification-us.txt", "record", "document", "certification-us.txt is not what this release writes"),
        (
            "verify.py",
            "import argparse",
            "print('PROVED')\nimport argparse",
            "verify.py is not the verifier of this release",
        ),
    ] {
        let dir = copy(&sound, &place.path(&format!("disowned-{file}")));
        change(&dir, file, from, to);
        resum(&dir);
        assert_eq!(both(&dir, &place.keys()), intact(), "{file}");
        let output = sealtrail(&["verify", "--public-key", &place.keys(), "--bundle", &dir.display().to_string()]);
        assert!(text(&output).contains(said), "{}", text(&output));
    }
    let mut theirs = Command::new(python());
    theirs.arg("src/evidence/texts/verify.py").args(["--public-key", &place.keys()]);
    let theirs = theirs.arg(place.path("disowned-verify.py")).output().expect("Python runs");
    assert!(text(&theirs).contains("verify.py there is not this one"), "{}", text(&theirs));

    // The digests as they were.
    let careless: &[Case] = &[
        (
            "the content",
            |dir| change(dir, RECORD, "\"by\":\"sender\"", "\"by\":\"access\""),
            &[("SEAL-001", RECORD), ("SEAL-080", RECORD)],
        ),
        ("the text", |dir| change(dir, "README.txt", "EVIDENCE", "Evidence"), &[("SEAL-080", "README.txt")]),
        ("a file more", |dir| fs::write(dir.join("more.txt"), "").expect("written"), &[("SEAL-080", "more.txt")]),
        ("a file less", |dir| fs::remove_file(dir.join(PROOF)).expect("there"), &[("SEAL-080", PROOF)]),
        ("no digests", |dir| fs::remove_file(dir.join("SHA256SUMS")).expect("there"), &[("SEAL-080", "SHA256SUMS")]),
        ("a directory", |dir| fs::create_dir(dir.join("inner")).expect("made"), &[("SEAL-080", "careless-5")]),
    ];
    for (number, (name, tamper, expected)) in careless.iter().enumerate() {
        let dir = copy(&sound, &place.path(&format!("careless-{number}")));
        tamper(&dir);
        assert_eq!(both(&dir, &place.keys()), tampered(expected), "{name}");
    }

    // A version that nobody knows is named, not called damage.
    let dir = copy(&sound, &place.path("version"));
    change(&dir, STATED, "sealtrail evidence 1", "sealtrail evidence 2");
    resum(&dir);
    assert_eq!(both(&dir, &place.keys()), ("not-all-checked".to_owned(), BTreeSet::new()));

    // One file: bits anywhere, and cut anywhere. Nothing but the padding's own rules decides, and both read it alike.
    let bundle = place.path("sound.tar");
    assert_eq!(place.prove(300, &bundle).status.code(), Some(0));
    let bytes = fs::read(&bundle).expect("there");
    let damaged = place.path("damaged.tar");
    for part in 0..24 {
        let at = bytes.len() * part / 24 + 7 * part;
        let mut other = bytes.clone();
        other[at] ^= 1 << (part % 8);
        fs::write(&damaged, &other).expect("written");
        assert_eq!(both(&damaged, &place.keys()).0, "tampered", "byte {at}");
    }
    for length in [0, 100, 512, bytes.len() / 2, bytes.len() - 512, bytes.len() - 1] {
        fs::write(&damaged, &bytes[..length]).expect("written");
        assert_eq!(both(&damaged, &place.keys()), tampered(&[("SEAL-080", "damaged.tar")]), "cut to {length}");
    }
}

/// The link that this content would have had in the same place.
fn relink(dir: &Path, content: &str) {
    let (chain, link) = Link::from_text(&fs::read_to_string(dir.join("link.txt")).expect("text")).expect("a link");
    let link = Link { checksum: Checksum::of(content.as_bytes()), ..link };
    fs::write(dir.join("record.json"), content).expect("written");
    fs::write(dir.join("link.txt"), link.text(&chain)).expect("written");
}

fn forge(dir: &Path) {
    let content = fs::read_to_string(dir.join("record.json")).expect("text");
    relink(dir, &content.replacen("\"by\":\"sender\"", "\"by\":\"access\"", 1));
}

fn double_key(dir: &Path) {
    let content = fs::read_to_string(dir.join("record.json")).expect("text");
    relink(dir, &content.replacen("{\"logRecord\":{", "{\"logRecord\":{},\"logRecord\":{", 1));
}

fn drop_node(dir: &Path) {
    let proof = fs::read_to_string(dir.join("record.tlog-proof")).expect("text");
    let lines: Vec<&str> = proof.split_inclusive('\n').collect();
    fs::write(dir.join("record.tlog-proof"), [&lines[..2], &lines[3..]].concat().concat()).expect("written");
}

/// The checkpoint's second line, whatever it was.
fn resize(dir: &Path, file: &str) {
    let text = fs::read_to_string(dir.join(file)).expect("text");
    let (before, behind) = text.split_once("localhost/local\n").expect("an origin");
    fs::write(dir.join(file), format!("{before}localhost/local\n9{behind}")).expect("written");
}

/// The ML-DSA-44 line, which is the last.
fn strip(dir: &Path, file: &str) {
    let text = fs::read_to_string(dir.join(file)).expect("text");
    let kept = text.trim_end().rsplit_once('\n').expect("lines").0;
    fs::write(dir.join(file), format!("{kept}\n")).expect("written");
}

/// A bit of the last line's signature, in the middle of its base64.
fn flip_last(dir: &Path, file: &str) {
    let text = fs::read_to_string(dir.join(file)).expect("text");
    let (kept, last) = text.split_at(text.len() - 1000);
    let changed = if last.starts_with('A') { "B" } else { "A" };
    fs::write(dir.join(file), format!("{kept}{changed}{}", &last[1..])).expect("written");
}
