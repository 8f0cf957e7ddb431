//! Promise 5: whatever the owner of the storage does, verification names the first record that is wrong.
#![allow(clippy::disallowed_methods, reason = "tampering writes files as an attacker would, without syncing them")]

mod built;

use std::fs;
use std::path::{Path, PathBuf};

use sealtrail_chain::content::By;

use super::{Code, Options, Report, Trust, Unwatched, Verdict, verify};
use built::{Built, CHAIN, Keys, frame, payments, put, write_messages};

fn judge(built: &Built, paths: &[PathBuf]) -> Report {
    let mut trust = Trust::default();
    trust.add_key(built.keys.ed25519.vkey().clone());
    judge_with(trust, paths)
}

fn judge_with(trust: Trust, paths: &[PathBuf]) -> Report {
    let options = Options { trust, threads: 2, ..Options::default() };
    verify(paths, &options, &Unwatched).expect("there is a chain")
}

/// The first finding: code and record.
fn first(report: &Report) -> (Code, u64) {
    assert_eq!(report.verdict, Verdict::Tampered, "{}", report.text());
    let finding = report.findings.first().expect("tampered with a finding");
    (finding.code, finding.first)
}

fn has(report: &Report, code: Code) -> bool {
    report.findings.iter().any(|finding| finding.code == code)
}

#[test]
fn a_sound_stream_is_intact_under_its_key_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let built = payments();
    let stream = built.write_stream(dir.path());
    let report = judge(&built, &[stream.clone()]);
    assert_eq!(report.verdict, Verdict::Intact, "{}", report.text());
    let leg = &report.chains[0].legs[0];
    assert_eq!(
        (leg.first, leg.last, leg.records, leg.covered, leg.checkpoints_matched),
        (Some(0), Some(59), 60, 60, 6)
    );
    assert_eq!(judge_with(Trust::default(), &[stream]).verdict, Verdict::SignerUnknown);
}
