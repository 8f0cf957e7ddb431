//! A stream whose beginning has passed its retention: never tampering, never intact, and its rest is proven all the same.

use std::sync::Arc;

use sealtrail_chain::segment::Ranges;
use sealtrail_chain::{ChainName, CompactRange};

use super::built::{CHAIN, RECORDS, payments};
use crate::verify::checkpoints::Beside;
use crate::verify::fold::{Anchor, Fold, Folded, Unit};
use crate::verify::judge::{Judge, Seen};
use crate::verify::store::Local;

/// Folds the records from `first` on; the checkpoints of sizes 20 and 40 have their ranges beside them. `change`: the record
/// of which another hash is held.
fn fold(first: u64, cut: bool, change: Option<u64>) -> Folded {
    let dir = tempfile::tempdir().expect("a directory");
    let chain: ChainName = CHAIN.parse().expect("a name");
    let built = payments();
    let place: Arc<str> = "kafka://audit-logs/0".into();
    let mut tree = CompactRange::empty(0);
    let mut anchors = Vec::new();
    for (link, _) in &built.records {
        tree.push(&link.hash);
        let size = tree.end();
        if [10, 20, 35, 40, 60].contains(&size) {
            let path = dir.path().join(size.to_string());
            let ranges = Ranges { whole: tree.clone(), since: CompactRange::empty(size) };
            std::fs::write(&path, ranges.to_text()).expect("written");
            let range = [20, 40].contains(&size).then(|| Beside::at(Arc::new(Local), &path));
            anchors.push(Anchor {
                size,
                root: tree.root(),
                trusted: true,
                binding: true,
                place: place.clone(),
                epoch: None,
                range,
                kept: false,
                cosigned: None,
            });
        }
    }
    let cuts: Vec<u64> = anchors.iter().map(|anchor| anchor.size).collect();
    let mut judge = Judge::new(&chain, &place, &cuts, u64::MAX);
    for (row, (link, content)) in built.records.iter().enumerate().skip(first as usize) {
        let mut hash = link.hash;
        if change == Some(row as u64) {
            hash.0[0] ^= 1;
        }
        judge.record(&Seen {
            sequence: link.sequence,
            observed: link.observed,
            previous: Some(link.previous),
            checksum: link.checksum,
            hash,
            computed: sealtrail_chain::Checksum::of(content.as_bytes()),
            row: row as u64,
            own: None,
        });
    }
    let mut fold = Fold::new(&chain, &anchors, &[], u64::MAX, cut);
    fold.add(Unit { place: place.clone(), judged: judge.finish(), claims: None, unread: None, frozen: None });
    fold.finish(&place)
}

#[test]
fn what_is_left_is_proven_from_the_first_stored_tree_on() {
    let folded = fold(13, true, None);
    assert_eq!((folded.findings.total(), folded.expired), (0, Some(13)));
    // From 20 on the tree is known; 35, 40 and 60 prove the records.
    assert_eq!((folded.checkpoints, folded.covered, folded.unreached), (3, RECORDS, 0));
    // Without a sign that retention took them, records that are not there are missing.
    assert!(fold(13, false, None).findings.iter().any(|finding| finding.code == super::Code::Missing));
    assert_eq!(fold(0, true, None).expired, None, "nothing is gone");
}

#[test]
fn what_was_changed_shows_all_the_same() {
    for changed in [15, 25, 50] {
        let folded = fold(13, true, Some(changed));
        assert!(folded.findings.iter().any(|finding| finding.first == changed), "{changed}");
    }
    assert!(fold(13, true, Some(25)).findings.iter().any(|finding| finding.code == super::Code::Root));
}
