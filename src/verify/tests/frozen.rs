//! Objects that have to be restored before anyone can read them: their links are compared with what lies around them, and the
//! next checkpoint binds their records.

use std::sync::Arc;

use sealtrail_chain::{ChainName, Sequence};

use super::Code;
use super::built::{CHAIN, payments};
use crate::archive::Links;
use crate::verify::fold::{Anchor, Claims, Fold, Folded, Unit};
use crate::verify::judge::{Judge, Judged, Seen};

/// Folds three segments, of which the middle one lies frozen and claims these links.
fn fold(change: impl FnOnce(&mut Links)) -> Folded {
    let chain: ChainName = CHAIN.parse().expect("a name");
    let built = payments();
    let place: Arc<str> = "s3://bucket/key".into();
    let anchor = |size| Anchor {
        size,
        root: built.head(size).root(),
        trusted: true,
        binding: true,
        place: place.clone(),
        range: None,
        epoch: None,
        kept: false,
        cosigned: None,
    };
    let anchors = [anchor(20), anchor(40), anchor(60)];
    let unit = |first: u64, end: u64| {
        let mut judge = Judge::new(&chain, &place, &[20, 40, 60], u64::MAX);
        for (row, (link, content)) in built.records[first as usize..end as usize].iter().enumerate() {
            judge.record(&Seen {
                sequence: link.sequence,
                observed: link.observed,
                previous: (row == 0).then_some(link.previous),
                checksum: link.checksum,
                hash: link.hash,
                computed: sealtrail_chain::Checksum::of(content.as_bytes()),
                row: row as u64,
                own: None,
            });
        }
        let claims = Claims {
            first: Sequence::new(first),
            last: Sequence::new(end - 1),
            before: built.records[first as usize].0.previous,
            after: built.records[end as usize - 1].0.hash,
            range_before: built.head(first).tree().clone(),
            range_after: built.head(end).tree().clone(),
        };
        Unit { place: place.clone(), judged: judge.finish(), claims: Some(claims), unread: None, frozen: None }
    };
    let mut links = Links {
        first: Sequence::new(20),
        last: Sequence::new(39),
        before: built.records[19].0.hash,
        after: built.records[39].0.hash,
    };
    change(&mut links);
    let frozen =
        Unit { place: place.clone(), judged: Judged::default(), claims: None, unread: None, frozen: Some(links) };
    let mut fold = Fold::new(&chain, &anchors, &[], u64::MAX, false);
    [unit(0, 20), frozen, unit(40, 60)].into_iter().for_each(|unit| fold.add(unit));
    fold.finish(&place)
}

#[test]
fn frozen_records_are_bound_by_the_next_checkpoint() {
    let folded = fold(|_| {});
    assert_eq!((folded.findings.total(), folded.frozen.as_slice()), (0, [(20, 39)].as_slice()));
    assert_eq!((folded.covered, folded.unreached, folded.records), (60, 0, 40));
}

#[test]
fn a_frozen_object_that_fits_nothing_is_named() {
    type Change = fn(&mut Links);
    let cases: [(Change, Code, u64); 4] = [
        (|links| links.before.0[0] ^= 1, Code::Previous, 20),
        (|links| links.after.0[0] ^= 1, Code::Previous, 40),
        (|links| links.last = Sequence::new(38), Code::Missing, 39),
        (|links| links.first = Sequence::new(19), Code::Overlap, 19),
    ];
    for (change, code, at) in cases {
        let folded = fold(change);
        let first = folded.findings.iter().next().map(|finding| (finding.code, finding.first));
        assert_eq!(first, Some((code, at)));
    }
}
