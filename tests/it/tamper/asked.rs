//! What shows only to those who ask for more than a public key: a witness, a checkpoint that was kept, the other leg, how many
//! chains there are, how old an end may be; and who changed the keys. The codes stand here before anything runs, and
//! `docs/tampering.md` shows this table.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealtrail::verify::{Code, Options, Report, Trust, TrustError, Unwatched, Verdict, verify};
use sealtrail_chain::checkpoint::Cosigner;
use sealtrail_chain::content::By;
use sealtrail_chain::note::{Ed25519Signer, Vkey};
use sealtrail_chain::rotation::Cause;
use sealtrail_chain::segment::{checkpoint_key, cosigned_key, rotation_key};
use sealtrail_chain::{Checksum, KeySet, Rotation, UnixNanos};

use super::attacks::Said;
use super::built::{Built, CHAIN, Keys, RECORDS, built, own, payment, put};
use Said::{Is, Open, Sound};

/// A chain that a witness has cosigned at the end of each segment; record 22 names the first of its words.
pub(super) struct World {
    dir: tempfile::TempDir,
    built: Built,
    witness: Witness,
}

/// Ends of the segments.
const ENDS: [u64; 3] = [20, 40, 60];
/// When all of it was signed.
const SIGNED: u64 = 1_795_478_400;
const NAMED: u64 = 22;
/// From here on there are two histories.
const FORK: u64 = 25;

/// A witness's Ed25519 key (type 0x04): it signs a time with the checkpoint, written down here from FORMAT.md.
struct Witness {
    signer: Ed25519Signer,
    vkey: Vkey,
}

impl Witness {
    fn of(seed: u8) -> Self {
        Self::named("witness.example/w", seed)
    }

    fn named(name: &str, seed: u8) -> Self {
        let signer = Ed25519Signer::new(name, &[seed; 32]);
        let text = signer.vkey().to_string();
        let mut key = STANDARD.decode(text.rsplit('+').next().expect("a key")).expect("base64");
        key[0] = 0x04;
        let id = Checksum::of(&[name.as_bytes(), b"\n", &key].concat()).0;
        let vkey = format!("{name}+{}+{}", const_hex::encode(&id[..4]), STANDARD.encode(key));
        Self { signer, vkey: vkey.parse().expect("a witness's key") }
    }

    /// The note with this witness's word behind it, in the name of `named`.
    fn cosigned(&self, note: &str, named: &Vkey) -> String {
        self.cosigned_at(note, named, SIGNED)
    }

    fn cosigned_at(&self, note: &str, named: &Vkey, time: u64) -> String {
        let text = note.split_once("\n\n").expect("a note").0;
        let line = self.signer.sign(&format!("cosignature/v1\ntime {time}\n{text}\n"));
        let signature = STANDARD.decode(line.trim_end().rsplit(' ').next().expect("base64")).expect("base64");
        let word = [&named.id()[..], &time.to_be_bytes(), &signature[4..]].concat();
        format!("{note}\u{2014} {} {}\n", named.name(), STANDARD.encode(word))
    }
}

impl World {
    pub(super) fn new() -> Self {
        let witness = Witness::of(3);
        let named = cosigned_key(&CHAIN.parse().expect("a name"), ENDS[0], SIGNED, witness.vkey.id());
        let built = built(CHAIN, 7, |n, content| match n {
            NAMED => own("sealtrail.witnessed", &[("sealtrail.resource", &named)]),
            _ => content,
        });
        let world = Self { dir: tempfile::tempdir().expect("a directory"), built, witness };
        world.built.write_archive(world.dir.path());
        world.built.write_stream(world.dir.path());
        world.cosign(&world.built);
        world
    }

    /// The log's own Ed25519 key, given out as a witness's.
    fn itself(&self) -> Witness {
        Witness::named(&self.built.genesis.statement().origin, 7)
    }

    fn archive(&self) -> PathBuf {
        self.dir.path().join("archive")
    }

    fn cosign(&self, built: &Built) {
        for size in ENDS {
            let note = self.witness.cosigned(&built.checkpoint(size, &built.keys, true), &self.witness.vkey);
            put(&self.word(size), note.as_bytes());
        }
    }

    /// Where the witness's word of a size lies.
    fn word(&self, size: u64) -> PathBuf {
        self.archive().join(cosigned_key(self.built.chain(), size, SIGNED, self.witness.vkey.id()))
    }

    /// Writes another history in both legs, sealed and signed with the true keys; the witness's words stay as they are.
    fn fork(&self, from: u64) -> Built {
        let mut fork = built(CHAIN, 7, |_, content| content);
        fork.records.clone_from(&self.built.records);
        fork.reseal(from, |content| *content = content.replace("\"ok\"", "\"no\""));
        fork.write_archive(self.dir.path());
        fork.write_stream(self.dir.path());
        fork
    }

    fn judge(&self, asked: &Asked) -> Report {
        let (archive, stream) = (self.archive(), self.dir.path().join("stream"));
        let mut paths = if asked.stream { vec![archive, stream] } else { vec![archive] };
        paths.extend(Some(self.dir.path().join("backup")).filter(|backup| backup.is_dir()));
        let mut trust = Trust::default();
        trust.add_key(self.built.keys.ed25519.vkey().clone());
        let mut options = Options { trust, threads: 2, ..Options::default() };
        (asked.with.ask)(self, &mut options);
        verify(&paths, &options, &Unwatched).expect("there is a chain")
    }
}

/// What is given beside the public key.
pub(super) struct With {
    pub(super) name: &'static str,
    ask: fn(&World, &mut Options),
}

const KEY: With = With { name: "the key alone", ask: |_, _| {} };
const WITNESS: With = With {
    name: "a witness",
    ask: |world, options| options.trust.add_witnesses(&world.witness.vkey.to_string()).expect("a witness's key"),
};
const KEPT: With = With {
    name: "a kept checkpoint",
    ask: |world, options| {
        let path = world.dir.path().join("kept");
        put(&path, world.built.checkpoint(RECORDS, &world.built.keys, true).as_bytes());
        options.trust.add_checkpoint(&path).expect("a checkpoint");
    },
};
const OWN: With = With {
    name: "the log itself as a witness",
    ask: |world, options| options.trust.add_witnesses(&world.itself().vkey.to_string()).expect("a witness's key"),
};
const BACKUP: With = With { name: "a backup", ask: |_, _| {} };
const OLD_BACKUP: With = With {
    name: "a backup, two days later",
    ask: |_, options| options.now = UnixNanos((SIGNED + 172_800) * 1_000_000_000),
};
const CHAINS: With =
    With { name: "which chains there are", ask: |_, options| options.chains = vec![CHAIN.parse().expect("a name")] };
const TWO_CHAINS: With = With {
    name: "which chains there are",
    ask: |_, options| options.chains = [CHAIN, "other"].map(|name| name.parse().expect("a name")).to_vec(),
};
const AGE: With = With {
    name: "how old an end may be",
    ask: |_, options| {
        options.max_age = Some(Duration::from_secs(900));
        options.now = UnixNanos((SIGNED + 7_200) * 1_000_000_000);
    },
};

pub(super) struct Asked {
    pub(super) name: &'static str,
    apply: fn(&World),
    /// The stream is read too.
    pub(super) stream: bool,
    pub(super) with: With,
    pub(super) said: Said,
}

fn archive(name: &'static str, apply: fn(&World), with: With, said: Said) -> Asked {
    Asked { name, apply, stream: false, with, said }
}

fn both(name: &'static str, apply: fn(&World), with: With, said: Said) -> Asked {
    Asked { name, apply, stream: true, with, said }
}

pub(super) fn all() -> Vec<Asked> {
    use Code::{
        ChainMissing, ChainUnexpected, Cosignature, Fork, Root, Rotation, Shorter, Stale, Unsealed, VouchMissing,
    };
    vec![
        both("nothing", |_| {}, KEY, Sound),
        both("nothing", |_| {}, WITNESS, Sound),
        // A split view: one history is shown to some, another to others.
        both(
            "a fork, and the witness's words taken away",
            |w| unsaid(w, FORK, &ENDS[1..]),
            KEPT,
            Is(Fork, RECORDS - 1),
        ),
        // The stream has a checkpoint of 35 records, too.
        both("a fork of the archive, and the witness's words taken away", forked_archive, KEY, Is(Root, 20)),
        archive("a fork of the archive, and the witness's words taken away", forked_archive, KEY, Sound),
        both("a fork with the true keys, both legs", |w| drop(w.fork(FORK)), WITNESS, Is(Fork, 39)),
        both("a fork, and the witness's words taken away", |w| unsaid(w, FORK, &ENDS[1..]), WITNESS, Open),
        both(
            "a fork of the last segment, and the witness's word taken away",
            |w| unsaid(w, 45, &ENDS[2..]),
            WITNESS,
            Sound,
        ),
        both("a fork, and the witness's words forged", forged_words, WITNESS, Is(Cosignature, 39)),
        // The witness's word itself.
        archive(
            "a witness's word edited",
            |w| edit(&w.word(40), |note| note.replacen("40\n", "41\n", 1)),
            WITNESS,
            Is(Cosignature, 39),
        ),
        archive("a witness's word forged with another key", |w| forge(w, &w.built, 40), WITNESS, Is(Cosignature, 39)),
        archive(
            "a witness's line stripped",
            |w| edit(&w.word(40), |note| without_last_line(&note)),
            WITNESS,
            Is(Cosignature, 39),
        ),
        archive(
            "a witness's word of another checkpoint",
            |w| copy(&w.word(20), &w.word(40)),
            WITNESS,
            Is(Cosignature, 39),
        ),
        archive(
            "a witness's word that the chain names taken away",
            |w| remove(&w.word(20)),
            KEY,
            Is(VouchMissing, NAMED),
        ),
        archive(
            "all of a witness's words taken away",
            |w| ENDS.iter().for_each(|size| remove(&w.word(*size))),
            WITNESS,
            Is(VouchMissing, NAMED),
        ),
        archive("the log's own words beside its checkpoints", own_words, OWN, Open),
        // A copy of the same leg.
        archive("an archive cut off", cut_beside_its_backup, OLD_BACKUP, Is(Shorter, 40)),
        archive("an archive cut off", cut_beside_its_backup, BACKUP, Open),
        // The keys.
        archive("a rotation of the keys by a stranger", |w| rotated(w, &thief(), &thief()), KEY, Is(Rotation, 20)),
        archive(
            "a rotation to true keys' successors in a stranger's name",
            |w| rotated(w, &thief(), &next()),
            KEY,
            Is(Rotation, 20),
        ),
        archive("a rotation with the true keys that no record tells of", unsealed, KEY, Is(Unsealed, RECORDS - 1)),
        archive("a rotation's note cut short", half_a_note, KEY, Is(Rotation, 20)),
        both("a rotation that a sender tells of", told_by_a_sender, KEY, Sound),
        // What only whoever knows it can miss.
        archive(
            "a chain too many",
            |w| drop(built("other", 9, |_, c| c).write_archive(w.dir.path())),
            CHAINS,
            Is(ChainUnexpected, 0),
        ),
        archive("a chain that is missing", |_| {}, TWO_CHAINS, Is(ChainMissing, 0)),
        both("both legs cut off, without their stop", cut, AGE, Is(Stale, 49)),
        both("both legs cut off, without their stop", cut, KEY, Sound),
    ]
}

fn forked_archive(world: &World) {
    world.fork(FORK);
    world.built.write_stream(world.dir.path());
    ENDS.iter().for_each(|size| {
        if *size > NAMED {
            remove(&world.word(*size))
        }
    });
}

fn unsaid(world: &World, from: u64, sizes: &[u64]) {
    world.fork(from);
    sizes.iter().for_each(|size| remove(&world.word(*size)));
}

fn forge(world: &World, built: &Built, size: u64) {
    let note = built.checkpoint(size, &built.keys, true);
    put(&world.word(size), Witness::of(4).cosigned(&note, &world.witness.vkey).as_bytes());
}

fn forged_words(world: &World) {
    let fork = world.fork(FORK);
    ENDS[1..].iter().for_each(|size| forge(world, &fork, *size));
}

fn thief() -> Keys {
    Keys::of(&origin(), 66)
}

fn next() -> Keys {
    Keys::of(&origin(), 8)
}

fn origin() -> String {
    built(CHAIN, 7, |_, content| content).genesis.statement().origin.clone()
}

fn note(world: &World, vouches: &Keys, to: &Keys) -> String {
    let (ed25519, ml_dsa_44) = (to.ed25519.vkey().clone(), to.ml_dsa_44.vkey().clone());
    let keys = KeySet { ed25519, ml_dsa_44, recovery: None };
    let root = world.built.head(20).root();
    let rotation = Rotation { origin: origin(), created: SIGNED, cause: Cause::Planned, size: 20, root, keys };
    rotation.sign(&vouches.ed25519, &to.ed25519).expect("the keys are here").note().to_owned()
}

fn rotated(world: &World, vouches: &Keys, to: &Keys) {
    let path = world.archive().join(rotation_key(world.built.chain(), 20));
    put(&path, note(world, vouches, to).as_bytes());
}

/// Whoever holds the keys makes others of his own in secret, and signs with them.
fn unsealed(world: &World) {
    rotated(world, &world.built.keys, &next());
    world.built.write_checkpoint(&world.archive(), 40, RECORDS, &next());
    remove(&world.word(RECORDS));
}

fn half_a_note(world: &World) {
    let note = note(world, &world.built.keys, &next());
    put(&world.archive().join(rotation_key(world.built.chain(), 20)), &note.as_bytes()[..note.len() / 2]);
}

/// A sender's record that looks like the collector's own.
fn told_by_a_sender(world: &World) {
    let forged = built(CHAIN, 7, |n, content| match n {
        30 => payment(n, By::Sender, "sealtrail.key.rotated"),
        _ => content,
    });
    forged.write_archive(world.dir.path());
    forged.write_stream(world.dir.path());
    ENDS.iter().for_each(|size| remove(&world.word(*size)));
}

fn own_words(world: &World) {
    let own = world.itself();
    for size in ENDS {
        let note = own.cosigned(&world.built.checkpoint(size, &world.built.keys, true), &own.vkey);
        put(&world.archive().join(cosigned_key(world.built.chain(), size, SIGNED, own.vkey.id())), note.as_bytes());
    }
}

/// The last segment is gone from the archive with its checkpoint and the witness's word; the backup has it.
fn cut_beside_its_backup(world: &World) {
    let backup = world.dir.path().join("backup");
    super::copy_all(&world.archive(), &backup);
    let gone = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        name == format!("{:020}.parquet", ENDS[1]) || name.starts_with(&format!("{RECORDS:020}-"))
    };
    let gone: Vec<PathBuf> = crate::harness::files(&world.archive()).into_iter().filter(gone).collect();
    assert_eq!(gone.len(), 4, "object, checkpoint, range, cosignature");
    gone.iter().for_each(|path| remove(path));
}

/// Record 59 says that the collector stopped: it is cut off with nine others, and the checkpoints over them.
fn cut(world: &World) {
    let mut cut = built(CHAIN, 7, |_, content| content);
    cut.records.clone_from(&world.built.records);
    cut.records.truncate(50);
    cut.checkpoints = vec![10, 20, 35, 40, 50];
    for leg in ["archive", "stream"] {
        std::fs::remove_dir_all(world.dir.path().join(leg)).expect("it is there");
    }
    cut.write_archive(world.dir.path());
    cut.write_stream(world.dir.path());
    let note = world.witness.cosigned(&cut.checkpoint(20, &cut.keys, true), &world.witness.vkey);
    put(&world.word(20), note.as_bytes());
}

fn remove(path: &Path) {
    std::fs::remove_file(path).expect("it is there");
}

fn copy(from: &Path, to: &Path) {
    put(to, &std::fs::read(from).expect("it is there"));
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    put(path, change(std::fs::read_to_string(path).expect("it is there")).as_bytes());
}

fn without_last_line(note: &str) -> String {
    let end = note.trim_end().rfind('\n').expect("several lines") + 1;
    note[..end].to_owned()
}

#[test]
fn what_is_asked_for_is_found_under_its_code_and_at_its_place() {
    let mut wrong = Vec::new();
    for asked in all() {
        let world = World::new();
        // What the archive holds is what its names say.
        assert!(world.archive().join(checkpoint_key(world.built.chain(), RECORDS, SIGNED)).is_file());
        (asked.apply)(&world);
        let report = world.judge(&asked);
        if super::matrix::said(&report) != asked.said {
            let head = report.text().lines().take(6).collect::<Vec<_>>().join("\n    ");
            wrong.push(format!("{}, {}: expected {:?}, said\n    {head}", asked.name, asked.with.name, asked.said));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// A quorum is one of witnesses, whatever they are called and however many keys they have; and a log is no witness of itself.
#[test]
fn who_vouches_is_counted_once_and_is_not_the_log() {
    let trusting = |keys: &[String]| {
        let mut trust = Trust::default();
        keys.iter().for_each(|key| trust.add_witnesses(key).expect("a witness's key"));
        trust
    };
    let key = |name: &str, seed: u8| Witness::named(name, seed).vkey.to_string();
    let post_quantum = |name: &str| Cosigner::new(name, &[3; 32]).vkey().to_string();
    let (one, other) = ("witness.example/w", "other.example/w");
    for (name, keys, witnesses) in [
        ("one key twice", vec![key(one, 3), key(one, 3)], 1),
        ("one key under two names", vec![key(one, 3), key(other, 3)], 1),
        ("two keys of one name", vec![key(one, 3), post_quantum(one)], 1),
        ("joined by a third", vec![key(one, 3), key(other, 4), key(other, 3)], 1),
        ("two witnesses", vec![key(one, 3), key(other, 4)], 2),
    ] {
        let mut trust = trusting(&keys);
        let enough = trust.set_quorum(Some(2));
        assert_eq!(enough.is_ok(), witnesses == 2, "{name}");
        if let Err(error) = enough {
            assert!(matches!(error, TrustError::Quorum { quorum: 2, witnesses: 1 }), "{name}: {error}");
        }
    }
    let world = World::new();
    for own in [world.itself().vkey.to_string(), world.built.keys.ml_dsa_44.vkey().to_string(), key(other, 7)] {
        let mut trust = trusting(&[key(one, 3), own.clone()]);
        trust.add_key(world.built.keys.ed25519.vkey().clone());
        let error = trust.set_quorum(Some(1)).expect_err(&own);
        assert!(matches!(error, TrustError::OwnWitness { .. }) && error.to_string().contains("remedy"), "{error}");
    }
}

/// A witness's word holds whatever its clock says; what its clock says is held against the log's, and ours.
#[test]
fn a_time_at_which_no_witness_can_have_cosigned_is_said() {
    for (time, said) in [(SIGNED, None), (1, Some("1970-01-01T00:00:01Z")), (1 << 62, Some("Unix second 46116"))] {
        let world = World::new();
        for size in ENDS {
            let note = world.built.checkpoint(size, &world.built.keys, true);
            let word = world.witness.cosigned_at(&note, &world.witness.vkey, time);
            put(&world.word(size), word.as_bytes());
        }
        let ask = |world: &World, options: &mut Options| {
            (WITNESS.ask)(world, options);
            options.now = UnixNanos(SIGNED * 1_000_000_000);
        };
        let report = world.judge(&archive("a time", |_| {}, With { name: "a witness", ask }, Sound));
        assert_eq!(report.verdict, Verdict::Intact, "{}", report.text());
        let noted = report.text().contains("says nothing of the time");
        assert_eq!(
            (noted, said.is_none_or(|said| report.text().contains(said))),
            (said.is_some(), true),
            "{}",
            report.text()
        );
    }
}
