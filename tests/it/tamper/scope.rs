//! What was asked for: ranges, chains that must be there, ends that must be young.

use std::time::Duration;

use sealtrail::verify::{Bound, Code, Note, Options, Report, Unchecked, Verdict};
use sealtrail_chain::UnixNanos;

use super::rewrite::object;
use super::scene::{END, Legs, RUN, Scene, named, spread, trusted};

fn seen(report: &Report) -> Vec<(Option<u64>, Option<u64>)> {
    report.chains.iter().flat_map(|chain| &chain.legs).map(|leg| (leg.first, leg.last)).collect()
}

fn outside(report: &Report) -> bool {
    report.notes.iter().any(|note| matches!(note, Note::Outside { .. }))
}

/// A range is read with what proves it, and nothing else: what is tampered with outside of it is not seen, and the report says so.
#[test]
fn a_range_is_proved_and_the_rest_is_not_read() {
    let scene = Scene::new();
    scene.replace(&spread());
    let time = |record: u64| Bound::Time(UnixNanos(spread().records[record as usize].0.observed.0));
    let ranges = [
        (Some(Bound::Sequence(RUN + 8)), Some(Bound::Sequence(RUN + 20))),
        (Some(time(RUN + 8)), Some(time(RUN + 20))),
    ];
    object(&scene.archive, 0).rows(|rows| rows.swap(3, 4));
    for (from, to) in ranges {
        let options = || Options { from, to, ..trusted() };
        let report = scene.judge(Legs::Archive, options());
        assert_eq!(report.verdict, Verdict::Intact, "{}", report.text());
        assert!(outside(&report), "{}", report.text());
        let [(Some(first), Some(last))] = seen(&report)[..] else { panic!("{}", report.text()) };
        assert!(first <= RUN + 8 && last >= RUN + 20 && (first, last) != (0, END - 1), "{first} to {last}");
        // Alone, a stream does not hold the tree before the range.
        let stream = scene.judge(Legs::Stream, options());
        assert!(matches!(stream.verdict, Verdict::Intact | Verdict::NotAllChecked), "{}", stream.text());
        assert_eq!(stream.findings_total, 0, "{}", stream.text());
    }
    scene.replace(&spread());
    for (from, to) in ranges {
        let both = scene.judge(Legs::Both, Options { from, to, ..trusted() });
        assert_eq!(both.verdict, Verdict::Intact, "{}", both.text());
    }
    object(&scene.archive, RUN).rows(|rows| _ = rows.remove(9));
    for (from, to) in ranges {
        let report = scene.judge(Legs::Archive, Options { from, to, ..trusted() });
        let first = report.findings.first().map(|finding| (finding.code, finding.first));
        assert_eq!(first, Some((Code::Missing, RUN + 9)), "{}", report.text());
    }
}

/// Nothing is said of a range that holds no record, whatever lies around it.
#[test]
fn a_range_without_a_record_is_not_intact() {
    let scene = Scene::new();
    scene.replace(&spread());
    let time = |record: u64| spread().records[record as usize].0.observed.0;
    let empty = [
        (Some(Bound::Sequence(END)), None),
        (Some(Bound::Sequence(99_999)), Some(Bound::Sequence(999_999))),
        (Some(Bound::Time(UnixNanos(time(END - 1) + 1))), None),
        (None, Some(Bound::Time(UnixNanos(time(0) - 1)))),
        (Some(Bound::Time(UnixNanos(time(RUN) + 1))), Some(Bound::Time(UnixNanos(time(RUN + 1) - 1)))),
    ];
    for legs in [Legs::Archive, Legs::Both] {
        for (from, to) in empty {
            let report = scene.judge(legs, Options { from, to, ..trusted() });
            let said = report.unchecked.iter().any(|item| matches!(item, Unchecked::NothingInRange { .. }));
            assert!(said && report.findings_total == 0, "{from:?} to {to:?}: {}", report.text());
            assert_eq!(report.verdict, Verdict::NotAllChecked, "{from:?} to {to:?}: {}", report.text());
        }
        let one = Some(Bound::Sequence(RUN));
        let report = scene.judge(legs, Options { from: one, to: one, ..trusted() });
        assert_eq!(report.verdict, Verdict::Intact, "{}", report.text());
    }
}

#[test]
fn chains_that_must_be_there_are_missed() {
    let scene = Scene::new();
    let asked = |chains: &[&str]| {
        let chains = chains.iter().map(|chain| chain.parse().expect("a name")).collect();
        let report = scene.judge(Legs::Both, Options { chains, ..trusted() });
        report.findings.iter().map(|finding| (finding.code, finding.chain.clone())).collect::<Vec<_>>()
    };
    let ours = super::built::CHAIN;
    assert!(asked(&[ours]).is_empty());
    let missing = (Code::ChainMissing, "other".to_owned());
    assert_eq!(asked(&[ours, "other"]), [missing.clone(), missing.clone()], "in each leg");
    assert_eq!(asked(&["other"])[2..], [(Code::ChainUnexpected, ours.to_owned())]);
    named("other").write_archive(scene.root());
    assert_eq!(asked(&[ours]), [(Code::ChainUnexpected, "other".to_owned())]);
    assert_eq!(asked(&[ours, "other"]), [missing], "it has an archive, and no stream as ours has");
}

/// An old end without a sealed stop: the collector is down, or the end was cut off.
#[test]
fn an_old_end_is_found() {
    let scene = Scene::new();
    let sound = spread();
    scene.replace(&sound);
    let last = |n: u64| sound.records[n as usize - 1].0.observed.0;
    let asked = |now: u64| {
        let (max_age, now) = (Some(Duration::from_secs(900)), UnixNanos(now));
        scene.judge(Legs::Both, Options { max_age, now, ..trusted() })
    };
    let later = last(END) + 3_600_000_000_000;
    assert_eq!(asked(later).verdict, Verdict::Intact, "its stop is sealed and signed");

    let mut cut = spread();
    cut.records.truncate(80);
    (cut.checkpoints, cut.segments) = (vec![RUN, 2 * RUN, 80], vec![0, RUN, 2 * RUN]);
    scene.replace(&cut);
    assert_eq!(asked(last(80) + 60_000_000_000).verdict, Verdict::Intact, "young enough");
    let report = asked(later);
    let first = report.findings.first().map(|finding| (finding.code, finding.first));
    assert_eq!(first, Some((Code::Stale, 79)), "{}", report.text());
}
