//! An archive that ends before the stream: how long it may, and that a sealed outage excuses no more than its own time.

use std::fs;
use std::path::Path;

use sealtrail_chain::segment::checkpoint_key;
use sealtrail_chain::{Checksum, Head, UnixNanos};

use super::built::{Built, CHAIN, built, own};
use super::rewrite::object;
use super::{Code, Report, Verdict, assert_first, directory, judge};
use crate::verify::Unchecked;

const DAY: u64 = 86_400_000_000_000;
/// The archive is cut here, one segment ends here that it lacks, and so much later the collector seals on.
const CUT: u64 = 40;
const ENDED: u64 = 50;

/// What the collector said in the segment that is missing, and from when on its records are a month younger.
fn chain(said: &[(u64, &str)], later: u64) -> Built {
    let attributes = [("sealtrail.resource", "archive")];
    let mut chain = built(CHAIN, 7, |n, content| match said.iter().find(|(at, _)| *at == n) {
        Some((_, event)) => own(event, &attributes),
        None if n == 59 => own("sealtrail.alive", &[]),
        None => content,
    });
    let mut head = Head::genesis(&chain.genesis);
    for (n, (link, content)) in chain.records.iter_mut().enumerate() {
        let moved = if n as u64 >= later { 30 * DAY } else { 0 };
        *link = head.seal(UnixNanos(link.observed.0 + moved), Checksum::of(content.as_bytes()));
    }
    chain.segments = vec![0, 20, CUT, ENDED];
    chain.signed = None;
    chain
}

fn judge_cut(chain: &Built, from: u64) -> Report {
    let dir = directory();
    let (archive, stream) = (chain.write_archive(dir.path()), chain.write_stream(dir.path()));
    for (first, end) in [(CUT, ENDED), (ENDED, 60)].into_iter().filter(|(first, _)| *first >= from) {
        remove(&object(&archive, first).0);
        let checkpoint = archive.join(checkpoint_key(chain.chain(), end, chain.seconds(end)));
        remove(&checkpoint.with_extension("range"));
        remove(&checkpoint);
    }
    judge(&[&archive, &stream])
}

fn remove(path: &Path) {
    fs::remove_file(path).expect("it is there");
}

/// The end of an archive is cut off just before a start that found the archive down for a moment.
#[test]
fn an_outage_in_what_is_missing_does_not_excuse_a_month() {
    let said = [(41, "sealtrail.started"), (42, "sealtrail.leg.down"), (43, "sealtrail.leg.up")];
    assert_first("a month behind", &judge_cut(&chain(&said, ENDED), CUT), Code::Shorter, CUT);
    assert_first("without an outage", &judge_cut(&chain(&[], ENDED), CUT), Code::Shorter, CUT);
}

#[test]
fn an_outage_that_lasts_or_a_collector_that_did_not_run_excuses_its_time() {
    let sound = |said: &[(u64, &str)], later| {
        let report = judge_cut(&chain(said, later), CUT);
        assert_eq!((report.verdict, report.findings_total), (Verdict::Intact, 0), "{said:?}: {}", report.text());
    };
    sound(&[], u64::MAX);
    sound(&[(42, "sealtrail.leg.down")], ENDED);
    sound(&[(42, "sealtrail.leg.down"), (55, "sealtrail.leg.up")], ENDED);
    sound(&[(ENDED, "sealtrail.started")], ENDED);
    sound(&[(42, "sealtrail.leg.down"), (ENDED, "sealtrail.started")], ENDED);
}

/// A stop ends the segment, and time stands still behind it: without its object not all is checked.
#[test]
fn an_archive_without_the_segment_of_a_stop_is_not_all_checked() {
    let report = judge_cut(&chain(&[(59, "sealtrail.stopped")], u64::MAX), ENDED);
    assert_eq!((report.verdict, report.findings_total), (Verdict::NotAllChecked, 0), "{}", report.text());
    let open = |item: &Unchecked| matches!(item, Unchecked::StoppedUnarchived { first: ENDED, last: 59, .. });
    assert!(report.unchecked.iter().any(open), "{}", report.text());
}
