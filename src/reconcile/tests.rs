use std::convert::Infallible;

use proptest::prelude::*;
use sealtrail_chain::{CompactRange, Hash, Sequence, UnixNanos};

use super::*;

fn record(sequence: u64) -> Record {
    let hash = Hash([sequence as u8; 32]);
    Record { sequence: Sequence::new(sequence), observed: UnixNanos(1_800_000_000_000_000_000 + sequence), hash }
}

fn compare(stream: &[Record], archive: &[Record]) -> Comparison {
    let leg = |records: &[Record]| records.iter().copied().map(Ok::<_, Infallible>).collect::<Vec<_>>();
    let Ok(comparison) = Comparison::of(leg(stream), leg(archive), &Known::default());
    comparison
}

fn records(sequences: impl IntoIterator<Item = u64>) -> Vec<Record> {
    sequences.into_iter().map(record).collect()
}

/// Promise 3: whatever one leg lacks, repeats or changed is named, by leg and range.
#[test]
fn every_difference_is_named() {
    let all = records(10..20);
    let mut changed = all.clone();
    changed[4].hash = Hash([0xff; 32]);
    for (case, stream, archive, expected) in [
        ("the same", all.clone(), all.clone(), vec![]),
        (
            "a run is missing",
            all.clone(),
            records((10..13).chain(16..20)),
            vec!["records 13 to 15 missing in the archive"],
        ),
        ("the end is missing", records(10..18), all.clone(), vec!["records 18 to 19 missing in the stream"]),
        ("the beginning is missing", records(12..20), all.clone(), vec!["records 10 to 11 missing in the stream"]),
        ("all is missing", vec![], all.clone(), vec!["records 10 to 19 missing in the stream"]),
        ("one is changed", changed, all.clone(), vec!["record 14 different in both"]),
        ("one is repeated", records((10..14).chain(13..20)), all.clone(), vec!["record 13 repeated in the stream"]),
        (
            "two runs are swapped",
            all.clone(),
            records((10..12).chain(15..20).chain(12..15)),
            vec!["records 12 to 14 missing in the archive", "records 12 to 14 repeated in the archive"],
        ),
        (
            "neither has them",
            records((10..12).chain(15..20)),
            records((10..12).chain(15..20)),
            vec!["records 12 to 14 missing in both"],
        ),
    ] {
        let comparison = compare(&stream, &archive);
        let named: Vec<_> = comparison.spans.iter().map(ToString::to_string).collect();
        assert_eq!(named, expected, "{case}");
        assert_eq!(comparison.agrees(), expected.is_empty(), "{case}");
    }
}

#[test]
fn a_leg_is_summed_up_by_its_records_alone() {
    let comparison = compare(&records(10..13), &records([10, 10, 11, 12]));
    assert_eq!(comparison.stream, comparison.archive, "what is repeated counts once");
    let mut tree = CompactRange::empty(0);
    records(10..13).iter().for_each(|record| tree.push(&record.hash));
    assert_eq!(comparison.stream.root(), tree.root());
    assert_eq!((comparison.stream.records, comparison.stream.last), (3, Some(record(12))));
    assert_eq!(compare(&[], &[]).stream.first, None);
}

#[test]
fn memory_stays_bounded_and_nothing_goes_uncounted() {
    let (stream, archive) = (records(0..4_000), records((0..4_000).filter(|n| n % 2 == 0)));
    let comparison = compare(&stream, &archive);
    assert_eq!((comparison.spans.len(), comparison.faulty), (Comparison::SPANS, 2_000));
}

#[test]
fn a_reader_that_fails_ends_it() {
    let broken = [Ok(record(1)), Err("broken")];
    assert_eq!(Comparison::of(broken, [Ok(record(1)), Ok(record(2))], &Known::default()), Err("broken"));
    assert_eq!(Comparison::of([Ok(record(1))], broken, &Known::default()), Err("broken"));
}

/// What is on its way, or has passed its retention, is neither missing nor agreed on.
#[test]
fn what_could_not_be_compared_is_set_aside() {
    let leg = |from, to| records(from..to).into_iter().map(Ok::<_, Infallible>);
    let known = Known { stream_from: Sequence::new(13), archive_to: Some(Sequence::new(18)), ..Known::default() };
    let Ok(found) = Comparison::of(leg(13, 20), leg(10, 18), &known);
    assert!(found.agrees() && !found.is_whole());
    let aside =
        |first, last| Some(Aside { records: last + 1 - first, first: Sequence::new(first), last: Sequence::new(last) });
    assert_eq!((found.expired, found.pending), (aside(10, 12), aside(18, 19)));
    // Within what both must hold, a hole is a hole.
    let Ok(found) = Comparison::of(leg(14, 20), leg(10, 17), &known);
    let named: Vec<_> = found.spans.iter().map(ToString::to_string).collect();
    assert_eq!(named, ["record 13 missing in the stream", "record 17 missing in the archive"]);
}

/// The chain's own roots come out at the sizes that are asked for, and none behind a gap.
#[test]
fn roots_are_those_of_the_chain() {
    let mut tree = CompactRange::empty(0);
    records(0..10).iter().for_each(|record| tree.push(&record.hash));
    let known = Known { before: Some(tree.clone()), marks: vec![5, 10, 12, 15], ..Known::default() };
    let leg = |sequences: Vec<u64>| records(sequences).into_iter().map(Ok::<_, Infallible>);
    let Ok(found) = Comparison::of(leg((10..16).collect()), leg((10..13).chain(14..16).collect()), &known);
    records(10..12).iter().for_each(|record| tree.push(&record.hash));
    let at_12 = (12, tree.root());
    records(12..15).iter().for_each(|record| tree.push(&record.hash));
    assert_eq!(found.stream.roots, [at_12, (15, tree.root())]);
    assert_eq!(found.archive.roots, [at_12]);
}

fn statement(found: &Comparison, recomputed: u64, contradictions: Vec<Contradiction>) -> Statement {
    let counted = Counted { checkpoints: 1, first: Some(12), last: Some(12), recomputed };
    Statement::new(statement::Parts {
        chain: &"payments-eu-1".parse().expect("a name"),
        log: "audit.example.com/payments-eu-1".to_owned(),
        day: "2026-11-25".parse().expect("a day"),
        now: UnixNanos(1_795_600_000_123_000_000),
        places: &["kafka://audit-logs/0".to_owned(), "s3://audit/".to_owned()],
        found,
        checkpoints: [counted; 2],
        contradictions,
        ends: true,
    })
}

#[test]
fn a_statement_reads_and_parses() {
    let differ = statement(&compare(&records(10..13), &records(10..12)), 1, vec![]);
    let text = differ.to_string();
    let expected = "sealtrail reconcile v1\nchain payments-eu-1\nlog audit.example.com/payments-eu-1\n\
                    day 2026-11-25\nmade 2026-11-25T09:46:40Z\nstream kafka://audit-logs/0\n\
                    stream 3 records, 10 to 12\n";
    assert!(text.starts_with(expected), "{text}");
    let end = "fault record 12 missing in the archive\nverdict the legs differ in 1 record\n";
    assert!(text.ends_with(end), "{text}");
    let signer = sealtrail_chain::note::Ed25519Signer::new("audit.example.com/payments-eu-1/statements", &[7; 32]);
    let note = differ.sign(&signer);
    let parsed = sealtrail_chain::note::Note::parse(&note).expect("a note");
    assert_eq!((parsed.text, parsed.verified_by(signer.vkey())), (text.as_str(), Ok(true)));
    let json: serde_json::Value = serde_json::from_str(&differ.json(&note)).expect("JSON");
    assert_eq!(json["spans"][0], serde_json::json!({"fault": "missing", "leg": "archive", "first": 12, "last": 12}));
    assert_eq!((&json["verdict"], &json["archive"]["records"]), (&"differ".into(), &2.into()));
    assert_eq!(json["note"], note.as_str());
}

/// Agreement is said only where something was compared, and no checkpoint denies it.
#[test]
fn agreement_is_not_said_lightly() {
    let same = compare(&records(10..13), &records(10..13));
    assert_eq!(statement(&same, 1, vec![]).verdict, Verdict::Agree);
    assert_eq!(statement(&same, 1, vec![Contradiction::Legs { size: 12 }]).verdict, Verdict::Differ);
    assert_eq!(statement(&same, 0, vec![]).verdict, Verdict::NotAllCompared);
    assert_eq!(statement(&compare(&[], &[]), 0, vec![]).verdict, Verdict::NotAllCompared);
}

proptest! {
    /// Whatever two legs hold, in whatever order: they agree only where both hold each record once, in order, without a gap.
    #[test]
    fn legs_agree_only_when_they_hold_the_same(
        stream in prop::collection::vec(0_u64..12, 0..12), archive in prop::collection::vec(0_u64..12, 0..12),
    ) {
        let comparison = compare(&records(stream.iter().copied()), &records(archive.iter().copied()));
        let gapless = stream.windows(2).all(|pair| pair[1] == pair[0] + 1);
        prop_assert_eq!(comparison.agrees(), stream == archive && gapless);
        let of_stream = stream.iter().fold(None, |highest, n| highest.max(Some(*n)));
        prop_assert_eq!(comparison.stream.last.map(|record| record.sequence.get()), of_stream);
    }
}
