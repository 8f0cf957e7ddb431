//! Promise 5 across a change of keys: what follows from the keys before is intact under either, and nothing else is.

use std::path::{Path, PathBuf};

use sealtrail_chain::note::{Ed25519Signer, NoteSigner};
use sealtrail_chain::rotation::{Cause, KeySet, Rotation};
use sealtrail_chain::segment::{genesis_key, rotation_key};

use super::built::{self, Built, CHAIN, Keys, own, put, recoverable};
use super::{Code, Report, Trust, Verdict, directory, judge, judge_with, payments};

/// The record that carries the rotation, the last one of the second segment; its note names a size below it.
const RECORD: u64 = 39;
const GOOD: u64 = 20;

fn origin() -> String {
    payments().genesis.statement().origin.clone()
}

fn next() -> Keys {
    Keys::of(&origin(), 8)
}

fn thief() -> Keys {
    Keys::of(&origin(), 66)
}

fn recovery() -> Ed25519Signer {
    Ed25519Signer::new(&format!("{}/recovery", origin()), &[55; 32])
}

/// The note of a rotation to `to`.
fn note(cause: Cause, vouches: &dyn NoteSigner, to: &Keys) -> String {
    let keys = KeySet {
        ed25519: to.ed25519.vkey().clone(),
        ml_dsa_44: to.ml_dsa_44.vkey().clone(),
        recovery: Some(recovery().vkey().clone()),
    };
    // The genesis with a recovery key is another one, and so are all links behind it.
    let root = sound(None).head(GOOD).root();
    let rotation = Rotation { origin: origin(), created: 1_795_478_500, cause, size: GOOD, root, keys };
    rotation.sign(vouches, &to.ed25519).expect("the keys are here").note().to_owned()
}

/// The chain with a recovery key, whose record 39 carries this note.
fn sound(carried: Option<&str>) -> Built {
    recoverable(CHAIN, 7, Some(recovery().vkey().clone()), |n, content| match carried {
        Some(note) if n == RECORD => own("sealtrail.key.rotated", &[("sealtrail.rotation", note)]),
        _ => content,
    })
}

fn planned() -> String {
    note(Cause::Planned, &payments().keys.ed25519, &next())
}

/// Both legs, each checkpoint by the keys that `of` says; the note beside the objects.
struct Legs {
    archive: PathBuf,
    stream: PathBuf,
}

impl Legs {
    fn write(root: &Path, built: &Built, beside: Option<&str>, of: impl Fn(u64) -> Keys) -> Self {
        let archive = root.join("archive");
        let mut previous = 0;
        for (first, end) in built.segments.iter().copied().zip(built.ends()) {
            built.write_object(&archive, first, end);
            built.write_checkpoint(&archive, previous, end, &of(end));
            previous = end;
        }
        put(&archive.join(genesis_key(built.chain())), built.genesis.note().as_bytes());
        if let Some(note) = beside {
            put(&archive.join(rotation_key(built.chain(), GOOD)), note.as_bytes());
        }
        let notes = built.checkpoints.iter().map(|size| (*size, built.checkpoint(*size, &of(*size), false)));
        let stream = built.write_stream_with(root, &notes.collect::<Vec<_>>());
        Self { archive, stream }
    }

    /// Alone and together.
    fn each(&self, name: &str, check: impl Fn(&str, &Report)) {
        for paths in [&[self.archive.as_path(), &self.stream][..], &[&self.archive], &[&self.stream]] {
            check(&format!("{name} {paths:?}"), &judge(paths));
        }
    }
}

/// The keys before up to the record's own checkpoint, then the next ones.
fn by_turns(size: u64) -> Keys {
    if size > RECORD + 1 { next() } else { payments().keys }
}

fn finds(report: &Report, code: Code, record: u64) -> bool {
    report.verdict == Verdict::Tampered
        && report.findings.iter().any(|finding| finding.code == code && finding.first == record)
}

fn assert_finds(name: &str, report: &Report, code: Code, record: u64) {
    assert!(finds(report, code, record), "{name}: {} at {record} is not found\n{}", code.id(), report.text());
}

#[test]
fn a_rotation_is_intact_under_the_keys_before_and_under_the_next_ones() {
    let dir = directory();
    let note = planned();
    let legs = Legs::write(dir.path(), &sound(Some(&note)), Some(&note), by_turns);
    legs.each("before", |name, report| {
        assert_eq!(report.verdict, Verdict::Intact, "{name}: {}", report.text());
        assert!(report.text().contains("its keys changed with record 39 (planned)"), "{name}: {}", report.text());
        assert!(report.chains[0].legs.iter().all(|leg| leg.covered == 60), "{name}");
    });
    for paths in [&[legs.archive.as_path(), &legs.stream][..], &[&legs.archive], &[&legs.stream]] {
        let mut trust = Trust::default();
        trust.add_key(next().ed25519.vkey().clone());
        let report = judge_with(trust, paths);
        assert_eq!(report.verdict, Verdict::Intact, "next, {paths:?}: {}", report.text());
        let mut trust = Trust::default();
        trust.add_key(thief().ed25519.vkey().clone());
        assert_finds("a stranger's key", &judge_with(trust, paths), Code::Key, 0);
    }
    // The record carries the note too, so that nothing is lost with the object; but it is missed.
    let path = legs.archive.join(rotation_key(&CHAIN.parse().expect("a name"), GOOD));
    std::fs::remove_file(&path).expect("removed");
    for (paths, verdict) in [
        (&[legs.archive.as_path(), &legs.stream][..], Verdict::NotAllChecked),
        (&[&legs.archive], Verdict::NotAllChecked),
        (&[&legs.stream], Verdict::Intact),
    ] {
        let report = judge(paths);
        assert_eq!((report.verdict, report.findings_total), (verdict, 0), "without the note: {}", report.text());
    }
    // A line more breaks no signature.
    put(&path, format!("{note}\u{2014} somebody AAAAAAAAAAAA\n").as_bytes());
    for paths in [&[legs.archive.as_path(), &legs.stream][..], &[&legs.archive]] {
        let report = judge(paths);
        let found: Vec<_> = report.findings.iter().map(|finding| (finding.code, finding.place.to_string())).collect();
        assert_eq!(found, [(Code::Rotation, path.display().to_string())], "{}", report.text());
    }
}

#[test]
fn behind_a_loss_or_a_compromise_the_recovery_key_decides() {
    for cause in [Cause::Lost, Cause::Compromised] {
        let dir = directory();
        let note = note(cause, &recovery(), &next());
        let after = |size: u64| if size > GOOD { next() } else { payments().keys };
        let legs = Legs::write(dir.path(), &sound(Some(&note)), Some(&note), after);
        legs.each(cause.as_str(), |name, report| {
            assert_eq!(report.verdict, Verdict::Intact, "{name}: {}", report.text());
        });
        // What the thief of the keys had signed by then is no proof of anything.
        let dir = directory();
        let mut built = sound(Some(&note));
        built.checkpoints = vec![10, 20, 35];
        let legs = Legs::write(dir.path(), &built, Some(&note), |_| payments().keys);
        let report = judge(&[&legs.stream]);
        assert!(report.chains[0].legs[0].covered <= GOOD, "{}", report.text());
    }
}

#[test]
fn a_rotation_that_the_keys_before_did_not_let_happen_is_found() {
    let (old, new) = (payments().keys, next());
    let by_nobody = note(Cause::Planned, &thief().ed25519, &thief());
    let lost_by_old = note(Cause::Lost, &old.ed25519, &new);
    let compromised_by_old = note(Cause::Compromised, &old.ed25519, &new);
    let planned_by_recovery = note(Cause::Planned, &recovery(), &new);
    let changed = planned().replace("cause planned", "cause compromised");
    let stolen = |size: u64| if size > RECORD + 1 { thief() } else { payments().keys };
    for (name, note, of) in [
        ("by nobody", &by_nobody, stolen as fn(u64) -> Keys),
        ("lost, by the old key", &lost_by_old, by_turns),
        ("compromised, by the old key", &compromised_by_old, by_turns),
        ("planned, by the recovery key", &planned_by_recovery, by_turns),
        ("changed", &changed, by_turns),
    ] {
        // Sealed, as whoever holds the log's machine can; in the record alone; and beside the objects alone.
        for (how, built, beside, record) in [
            ("sealed", sound(Some(note)), Some(note.as_str()), GOOD),
            ("in the record", sound(Some(note)), None, RECORD),
            ("beside", sound(None), Some(note.as_str()), GOOD),
        ] {
            let dir = directory();
            let legs = Legs::write(dir.path(), &built, beside, of);
            assert_finds(&format!("{name}, {how}"), &judge(&[&legs.archive]), Code::Rotation, record);
            let report = judge(&[&legs.stream]);
            assert_eq!(report.verdict, Verdict::Tampered, "{name}, {how}: {}", report.text());
        }
    }
}

#[test]
fn keys_out_of_their_time_are_found() {
    let note = planned();
    let built = sound(Some(&note));
    for (name, of, code, record) in [
        ("the old key after its rotation", (|_| payments().keys) as fn(u64) -> Keys, Code::Epoch, 59),
        ("the next key before it", |size| if size == 20 { next() } else { by_turns(size) }, Code::Epoch, 19),
    ] {
        let dir = directory();
        let legs = Legs::write(dir.path(), &built, Some(&note), of);
        legs.each(name, |name, report| assert_finds(name, report, code, record));
    }
    // The old ML-DSA-44 key vouches for the next one by its last checkpoint alone.
    let dir = directory();
    let early = |size: u64| if size > GOOD { next() } else { payments().keys };
    let legs = Legs::write(dir.path(), &built, Some(&note), early);
    assert_finds("no last word", &judge(&[&legs.archive]), Code::CheckpointMissing, RECORD);
}

/// Whoever has stolen the old key can write a sound note, but the chain does not say that its keys changed.
#[test]
fn a_rotation_that_is_not_sealed_is_found() {
    let dir = directory();
    let stolen = note(Cause::Planned, &payments().keys.ed25519, &thief());
    let of = |size: u64| if size > RECORD + 1 { thief() } else { payments().keys };
    let legs = Legs::write(dir.path(), &sound(None), Some(&stolen), of);
    for paths in [&[legs.archive.as_path()][..], &[&legs.archive, &legs.stream]] {
        assert_finds("unsealed", &judge(paths), Code::Unsealed, 59);
    }
    // A note of which nobody makes use may be on its way: that is said, and is no damage.
    let dir = directory();
    let legs = Legs::write(dir.path(), &sound(None), Some(&stolen), |_| payments().keys);
    let report = judge(&[&legs.archive]);
    assert_eq!(report.verdict, Verdict::NotAllChecked, "{}", report.text());
    assert!(report.text().contains("no record that is here carries it"), "{}", report.text());
}

/// A sender's record changes no keys, whatever it is called.
#[test]
fn a_sender_changes_no_keys() {
    let dir = directory();
    let note = note(Cause::Planned, &thief().ed25519, &thief());
    let forged = recoverable(CHAIN, 7, Some(recovery().vkey().clone()), |n, content| match n {
        RECORD => built::payment(n, sealtrail_chain::content::By::Sender, "sealtrail.key.rotated")
            .replace("till 4", &note.replace('\n', " ")),
        _ => content,
    });
    let stream = forged.write_stream(dir.path());
    assert_eq!(judge(&[&stream]).verdict, Verdict::Intact);
}
