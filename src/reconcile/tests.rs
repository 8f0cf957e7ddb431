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
    let Ok(comparison) = Comparison::of(leg(stream), leg(archive));
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
    assert_eq!(Comparison::of(broken, [Ok(record(1)), Ok(record(2))]), Err("broken"));
    assert_eq!(Comparison::of([Ok(record(1))], broken), Err("broken"));
}

#[test]
fn a_statement_reads_and_parses() {
    let chain = "payments-eu-1".parse().expect("a name");
    let statement = Statement::new(&chain, "2026-11-25", &compare(&records(10..13), &records(10..12)));
    let text = statement.to_string();
    assert!(
        text.starts_with(
            "sealtrail reconcile v1\nchain payments-eu-1\nday 2026-11-25\nstream 3 records, 10 to 12, head 0c0c"
        ),
        "{text}"
    );
    assert!(text.ends_with("record 12 missing in the archive\nverdict the legs differ in 1 record\n"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&statement.json()).expect("JSON");
    assert_eq!(json["spans"][0], serde_json::json!({"fault": "missing", "leg": "archive", "first": 12, "last": 12}));
    assert_eq!((&json["agrees"], &json["archive"]["records"]), (&false.into(), &2.into()));
    let agreed = Statement::new(&chain, "2026-11-25", &compare(&[], &[])).to_string();
    assert!(agreed.contains("stream no records\n") && agreed.ends_with("verdict the legs agree\n"), "{agreed}");
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
