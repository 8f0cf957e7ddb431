//! The call and the proofs, against an archive of real objects; a real witness stands in `tests/it/witness.rs`.

use std::path::Path;

use proptest::prelude::*;
use sealtrail_chain::checkpoint::Cosigner;
use sealtrail_chain::note::{Ed25519Signer, Vkey};
use sealtrail_chain::segment::{Ranges, checkpoint_key, range_key};
use sealtrail_chain::{ChainName, Checkpoint, CompactRange, Hash, Root, proof};

use super::history::{Due, Error, History, Known, Next};
use super::protocol::{Outcome, Refusal, read, request};
use crate::archive::{ArchiveLeg as _, DirectoryArchive};
use crate::client::Answer;

const ORIGIN: &str = "audit.example.com/payments";
/// What litewitness answered to `vector("checkpoint-litewitness")`.
const LITEWITNESS: &str = "witness.example/w1+3b709c12+BHAEVoYUr/j4WpbnllexqIaSX8G2Q3q6mnGdPLvv2RnC";

fn chain() -> ChainName {
    "payments".parse().expect("a chain's name")
}

fn hash(n: u64) -> Hash {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    Hash(bytes)
}

fn range(begin: u64, end: u64) -> CompactRange {
    let mut range = CompactRange::empty(begin);
    (begin..end).for_each(|n| range.push(&hash(n)));
    range
}

fn root(size: u64) -> Root {
    range(0, size).root()
}

/// An archive that stores checkpoints of these sizes.
async fn stored(dir: &Path, sizes: &[u64]) -> DirectoryArchive {
    let archive = DirectoryArchive::open(dir).expect("a directory");
    let signer = Ed25519Signer::new(ORIGIN, &[1; 32]);
    let mut previous = 0;
    for (at, size) in sizes.iter().copied().enumerate() {
        let ranges = Ranges { whole: range(0, size), since: range(previous, size) };
        let note = Checkpoint { origin: ORIGIN.into(), size, root: root(size) }.sign(&signer, None);
        let seconds = 1_800_000_000 + at as u64;
        archive.put_note(&range_key(&chain(), size, seconds), ranges.to_text().as_bytes()).await.expect("stored");
        archive.put_note(&checkpoint_key(&chain(), size, seconds), note.note().as_bytes()).await.expect("stored");
        previous = size;
    }
    archive
}

async fn asked(archive: &DirectoryArchive, known: Known) -> Result<Next, Error> {
    let mut history = History::new(chain());
    history.refresh(archive, known.size).await.expect("it can be listed");
    history.next(archive, known).await
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever sizes are stored and whichever of them a witness has, what it is sent leads from its tree to ours.
    #[test]
    fn every_proof_leads_from_what_a_witness_has(mut steps in proptest::collection::vec(1u64..40, 1..12), at in any::<proptest::sample::Index>()) {
        let mut size = 0;
        steps.iter_mut().for_each(|step| { size += *step; *step = size; });
        let old = *at.get(&steps);
        let dir = tempfile::tempdir().expect("a directory");
        let next = runtime().block_on(async {
            let archive = stored(dir.path(), &steps).await;
            asked(&archive, Known { size: old, ours: false }).await
        });
        let Ok(Next::Due(due)) = next else { return Err(TestCaseError::fail("nothing due")) };
        let Due { at, note, proof } = *due;
        prop_assert_eq!(at.0, size);
        prop_assert_eq!(Checkpoint::parse(&note).expect("a checkpoint").root, root(size));
        prop_assert_eq!(proof::verify_consistency((old, &root(old)), (size, &root(size)), &proof), Ok(()));
    }
}

#[test]
fn what_is_asked_follows_from_what_is_stored() {
    let dir = tempfile::tempdir().expect("a directory");
    runtime().block_on(async {
        let archive = stored(dir.path(), &[5, 9, 12]).await;
        let ask = async |size, ours| asked(&archive, Known { size, ours }).await;
        assert!(matches!(ask(12, true).await, Ok(Next::Nothing)), "it has our newest");
        let Ok(Next::Due(due)) = ask(12, false).await else { panic!("whether it is ours must be asked") };
        assert!(due.at.0 == 12 && due.proof.is_empty());
        let Ok(Next::Due(due)) = ask(0, true).await else { panic!("it has nothing yet") };
        assert!(due.at.0 == 12 && due.proof.is_empty());
        assert!(matches!(ask(7, false).await, Ok(Next::Stranger)), "nobody stored a checkpoint of 7");
        assert!(matches!(ask(13, true).await, Err(Error::Shorter { cosigned: 13 })));
    });
    let empty = tempfile::tempdir().expect("a directory");
    runtime().block_on(async {
        let archive = stored(empty.path(), &[]).await;
        assert!(matches!(asked(&archive, Known { size: 0, ours: true }).await, Ok(Next::Nothing)));
    });
}

/// A witness that lags far is brought up in steps: a proof reads a bounded number of objects.
#[test]
fn a_witness_far_behind_is_brought_up_in_steps() {
    let sizes: Vec<u64> = (1..=600).collect();
    let dir = tempfile::tempdir().expect("a directory");
    runtime().block_on(async {
        let archive = stored(dir.path(), &sizes).await;
        let (mut size, mut steps) = (1, Vec::new());
        while let Ok(Next::Due(due)) = asked(&archive, Known { size, ours: true }).await {
            let (from, to) = ((size, &root(size)), (due.at.0, &root(due.at.0)));
            assert_eq!(proof::verify_consistency(from, to, &due.proof), Ok(()));
            size = due.at.0;
            steps.push(size);
        }
        assert_eq!(steps, [257, 513, 600]);
    });
}

/// Objects of ours that were changed are our trouble: no witness is asked about them, so none can take them for a fork.
#[test]
#[allow(clippy::disallowed_methods, reason = "a test changes what it likes")]
fn a_changed_range_is_found_before_a_witness_is_asked() {
    for (size, seconds) in [(5, 1_800_000_000), (9, 1_800_000_001), (12, 1_800_000_002)] {
        let dir = tempfile::tempdir().expect("a directory");
        runtime().block_on(async {
            let archive = stored(dir.path(), &[5, 9, 12]).await;
            let path = archive.path(&range_key(&chain(), size, seconds)).expect("a key");
            let text = std::fs::read_to_string(&path).expect("there");
            let flipped = if text.ends_with("0\n") { "1\n" } else { "0\n" };
            std::fs::write(&path, format!("{}{flipped}", &text[..text.len() - 2])).expect("written");
            let next = asked(&archive, Known { size: 5, ours: true }).await;
            // The last line is one of the second part, which the first checkpoint's proof doesn't take.
            assert!(
                if size == 5 { next.is_ok() } else { matches!(next, Err(Error::Range { .. })) },
                "{size}: {next:?}"
            );
        });
    }
}

fn vector() -> (String, String) {
    let text = include_str!("../../chain/vectors/checkpoint-litewitness.json");
    let vector: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let note = vector["given"]["note"].as_str().expect("a note");
    let line = note[..note.len() - 1].rfind('\n').expect("several lines") + 1;
    (note[..line].to_owned(), note[line..].to_owned())
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, body: body.as_bytes().to_vec() }
}

#[test]
fn a_request_is_as_the_standard_writes_it() {
    assert_eq!(request(0, &[], "a\n1\nb\n\n\u{2014} a c\n"), "old 0\n\na\n1\nb\n\n\u{2014} a c\n");
    let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_eq!(request(20_852_014, &[[0; 32]; 2], "note\n"), format!("old 20852014\n{zeros}\n{zeros}\n\nnote\n"));
}

#[test]
fn every_answer_means_one_thing() {
    let (note, line) = vector();
    let key: Vkey = LITEWITNESS.parse().expect("a vkey");
    let other: Vkey = Cosigner::new("witness.example/w1", &[3; 32]).vkey().clone();
    let outcome = |status, body: &str| read(&answer(status, body), &note, &key);
    let refused = |refusal| Outcome::Refused(refusal);

    let Outcome::Cosigned(cosigned) = outcome(200, &line) else { panic!("it is cosigned") };
    assert_eq!((cosigned.note, cosigned.unix_seconds), (format!("{note}{line}"), 1_795_672_018));
    let Outcome::Cosigned(more) = outcome(200, &format!("noise\n{line}\u{2014} other.example AAAAAAAA\n")) else {
        panic!("lines of others are passed over")
    };
    assert_eq!(more.note, format!("{note}{line}"));
    assert_eq!(read(&answer(200, &line), &note, &other), refused(Refusal::NotIts));
    assert_eq!(outcome(200, &line.replace("w1 O3C", "w1 O3D")), refused(Refusal::NotIts), "another key id");
    let forged = format!("{}AAAAA==\n", &line[..line.len() - 8]);
    assert_eq!(outcome(200, &forged), refused(Refusal::NotIts));
    assert_eq!(outcome(200, ""), refused(Refusal::NotIts));

    assert_eq!(outcome(409, "40\n"), Outcome::Known(40));
    assert_eq!(outcome(409, "0\n"), Outcome::Known(0));
    for body in ["", "\n", "-1\n", "040\n", "4 0\n", "9223372036854775808\n"] {
        assert_eq!(outcome(409, body), refused(Refusal::Malformed(409)), "{body:?}");
    }
    assert_eq!(outcome(422, "bad consistency proof\n"), Outcome::Inconsistent);
    assert_eq!(outcome(404, ""), refused(Refusal::UnknownLog));
    assert_eq!(outcome(403, ""), refused(Refusal::UnknownKey));
    assert_eq!(outcome(301, ""), refused(Refusal::Status(301)));
    assert!(
        Refusal::Status(503).is_passing() && Refusal::Status(429).is_passing() && !Refusal::Status(400).is_passing()
    );
}
