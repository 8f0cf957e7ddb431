//! Every file of `chain/vectors`, judged by the crate: what must come out comes out, what must be refused is refused with
//! its word. The files are made by `tests/vectors.py` from FORMAT.md alone; sealer and verifier here share code, and this is
//! where their shared mistakes would show.

use std::path::Path;

use sealtrail_chain::checkpoint::{Checkpoint, Cosigner};
use sealtrail_chain::content::otlp::{StreamError, read_stream};
use sealtrail_chain::content::{Content, LogRecord, Tail, is_reserved};
use sealtrail_chain::link::{Break, ChainName, Hash, Head, Link, Sequence, UnixNanos};
use sealtrail_chain::note::{Algorithm, Ed25519Signer, Note, NoteError, Vkey};
use sealtrail_chain::proof::{self, Proof, ProofError};
use sealtrail_chain::rotation::{Cause, KeySet, Rotation};
use sealtrail_chain::segment::{self, Ranges};
use sealtrail_chain::tree::{CompactRange, RangeError, Root, leaf};
use sealtrail_chain::{Genesis, genesis};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

mod record;

/// What came out, or the words of the refusal.
type Verdict = Result<Value, Vec<Value>>;
type Judge = fn(&Value) -> Verdict;

/// Kinds of the format that this crate has no code for: the program's own tests read them.
const ELSEWHERE: [&str; 3] = ["cipher", "frame", "token"];

macro_rules! kinds {
    ($($kind:ident)*) => {
        const KINDS: &[&str] = &[$(stringify!($kind)),*];
        $(#[test] fn $kind() { every_case_of(stringify!($kind), judge::$kind); })*
    };
}
kinds! {
    checkpoint consistency content genesis inclusion key link name names note number proof range ranges reserved rotation stream tree
}

/// A file of a kind that nothing reads would prove nothing.
#[test]
fn every_file_is_read() {
    for (name, case) in files() {
        let kind = text(&case["kind"]);
        assert!(KINDS.contains(&kind) || ELSEWHERE.contains(&kind), "{name}: unknown kind {kind}");
        assert!(case["expected"].is_null() != case["refused"].is_null(), "{name}: either expected or refused");
    }
}

fn every_case_of(kind: &str, judge: Judge) {
    let cases: Vec<_> = files().into_iter().filter(|(_, case)| case["kind"] == kind).collect();
    assert!(!cases.is_empty(), "no vectors of kind {kind}");
    for (name, case) in cases {
        let expected =
            case["refused"].as_array().map_or_else(|| Ok(case["expected"].clone()), |words| Err(words.clone()));
        assert_eq!(judge(&case["given"]), expected, "{name}: {}", case["proves"]);
    }
}

fn files() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let entries = std::fs::read_dir(&folder).expect("chain/vectors is there").map(|entry| entry.unwrap().path());
    let json = entries.filter(|path| path.extension().is_some_and(|suffix| suffix == "json"));
    let read = |path: &Path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    json.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(&path))).collect()
}

/// One function a kind: from what is given to what comes out.
mod judge {
    use super::*;

    pub(super) fn content(given: &Value) -> Verdict {
        if let Some(text) = given["text"].as_str() {
            return Content::parse(text.to_owned()).map(|_| json!({})).map_err(|_| words("content"));
        }
        let record = record::read(&given["record"]);
        let content = Content::write(&record.log, &Tail::write(&record.context));
        assert_eq!(Content::parse(content.as_str().to_owned()).unwrap().as_str(), content.as_str());
        let back = content.record();
        assert_eq!(Content::write(&back.log, &Tail::write(&back.context)).as_str(), content.as_str());
        Ok(json!({"content": content.as_str(), "checksum": content.checksum().to_string()}))
    }

    pub(super) fn number(given: &Value) -> Verdict {
        let written = |bits: &Value| {
            let bits = u64::from_str_radix(text(bits), 16).unwrap();
            let body = sealtrail_chain::content::Value::Double(f64::from_bits(bits));
            let content = Content::write(&LogRecord { body, ..LogRecord::default() }, &record::least());
            let (_, behind) = content.as_str().split_once("\"doubleValue\":").unwrap();
            behind.split_once('}').unwrap().0.to_owned()
        };
        Ok(json!({"texts": list(&given["bits"]).iter().map(written).collect::<Vec<_>>()}))
    }

    pub(super) fn reserved(given: &Value) -> Verdict {
        let escape = |name: &str| if is_reserved(name) { format!("sender.{name}") } else { name.to_owned() };
        Ok(json!({"sealed": list(&given["names"]).iter().map(|name| escape(text(name))).collect::<Vec<_>>()}))
    }

    pub(super) fn link(given: &Value) -> Verdict {
        let (chain, head) = (text(&given["chain"]).parse().unwrap(), &given["head"]);
        let next = number_of(&head["next"]);
        let tree = CompactRange::from_nodes(0, next, vec![[0; 32]; CompactRange::places(0, next).len()]).unwrap();
        let observed = UnixNanos(text(&head["observed"]).parse().unwrap());
        let mut head = Head::resume(chain, Sequence::new(next), observed, hash(&head["hash"]), tree);
        for (at, record) in list(&given["records"]).iter().enumerate() {
            let link = Link {
                sequence: Sequence::new(number_of(&record["sequence"])),
                observed: UnixNanos(text(&record["observed"]).parse().unwrap()),
                previous: hash(&record["previous"]),
                checksum: text(&record["checksum"]).parse().unwrap(),
                hash: hash(&record["hash"]),
            };
            let mut sealer = head.clone();
            if let Err(broken) = head.follow(&link, text(&record["content"])) {
                return Err(vec![word(&broken).into(), at.into()]);
            }
            assert_eq!(sealer.seal(link.observed, link.checksum), link, "the sealer makes the link that follows");
        }
        let hash = head.hash().to_string();
        if next != 0 {
            return Ok(json!({ "hash": hash }));
        }
        Ok(json!({"hash": hash, "root": hex(&head.root()), "size": head.next().get()}))
    }

    pub(super) fn tree(given: &Value) -> Verdict {
        let mut range = CompactRange::empty(0);
        let mut roots = vec![hex(&range.root())];
        for entry in list(&given["entries"]) {
            let bytes = const_hex::decode(text(entry)).unwrap();
            let node = Sha256::new().chain_update([0]).chain_update(&bytes).finalize().into();
            let end = range.end();
            let mut pushed = range.clone();
            range.join(&CompactRange::from_nodes(end, end + 1, vec![node]).unwrap()).unwrap();
            if let Ok(bytes) = bytes.try_into() {
                pushed.push(&Hash(bytes));
                assert_eq!(pushed, range);
            }
            roots.push(hex(&range.root()));
        }
        Ok(json!({ "roots": roots }))
    }

    pub(super) fn range(given: &Value) -> Verdict {
        let (begin, end) = (number_of(&given["begin"]), number_of(&given["end"]));
        let read =
            CompactRange::from_text(begin, end, text(&given["text"])).map_err(|error| words(range_word(&error)))?;
        let mut pushed = CompactRange::empty(begin);
        (begin..end).for_each(|n| pushed.push(&Hash(Sha256::digest(n.to_string()).into())));
        assert_eq!(read.to_text(), text(&given["text"]));
        let same = read == pushed;
        Ok(if begin == 0 { json!({"same": same, "root": hex(&read.root())}) } else { json!({ "same": same }) })
    }

    pub(super) fn ranges(given: &Value) -> Verdict {
        let read = Ranges::from_text(number_of(&given["size"]), text(&given["text"]));
        let read = read.map_err(|error| words(range_word(&error)))?;
        assert_eq!(read.to_text(), text(&given["text"]));
        Ok(json!({"previous": read.since.begin()}))
    }

    pub(super) fn key(given: &Value) -> Verdict {
        let vkey: Vkey = text(&given["vkey"]).parse().map_err(|error| words(note_word(&error)))?;
        assert_eq!(vkey.to_string(), text(&given["vkey"]));
        let kind = match vkey.algorithm() {
            Algorithm::Ed25519 => 1,
            Algorithm::MlDsa44 => 6,
            Algorithm::Ed25519Cosignature => 4,
        };
        Ok(json!({"name": vkey.name(), "id": const_hex::encode(vkey.id()), "type": kind}))
    }

    pub(super) fn note(given: &Value) -> Verdict {
        let refused = |error: NoteError| words(note_word(&error));
        let note = Note::parse(text(&given["note"])).map_err(refused)?;
        let mut held = Vec::new();
        for key in keys(given) {
            if note.verified_by(&key).map_err(refused)? {
                held.push(key);
            }
        }
        Ok(json!({"held": strings(&held)}))
    }

    pub(super) fn genesis(given: &Value) -> Verdict {
        let read = Genesis::read(text(&given["note"])).map_err(|error| words(note_word(&error)))?;
        let statement: &genesis::Genesis = read.statement();
        let signer = Ed25519Signer::new(&statement.origin, &seed(&given["seed"]));
        assert_eq!(statement.clone().sign(&signer), read, "our signature is the same");
        assert_eq!(Head::genesis(&read).hash(), statement.digest());
        Ok(json!({"digest": statement.digest().to_string()}))
    }

    pub(super) fn rotation(given: &Value) -> Verdict {
        let refused = |error: NoteError| words(note_word(&error));
        let read = Rotation::read(text(&given["note"])).map_err(refused)?;
        let key = |name: &str| text(&given["before"][name]).parse::<Vkey>().expect("a key of the case");
        let recovery = (!given["before"]["recovery"].is_null()).then(|| key("recovery"));
        let before = KeySet { ed25519: key("ed25519"), ml_dsa_44: key("ml_dsa_44"), recovery };
        read.follows(text(&given["origin"]), &before).map_err(refused)?;
        let statement = read.statement();
        let signer = |name: &str, of: &str| Ed25519Signer::new(name, &seed(&given["seeds"][of]));
        let vouches = match (statement.cause, &before.recovery) {
            (Cause::Planned, _) | (_, None) => signer(&statement.origin, "before"),
            (_, Some(recovery)) => signer(recovery.name(), "before"),
        };
        let ours = statement.clone().sign(&vouches, &signer(&statement.origin, "new")).expect("the keys are here");
        assert_eq!(ours, read, "our signatures are the same");
        let keys = [&statement.keys.ed25519, &statement.keys.ml_dsa_44].map(ToString::to_string);
        Ok(json!({
            "cause": statement.cause.as_str(), "size": statement.size, "root": hex(&statement.root), "keys": keys,
            "recovery": statement.keys.recovery.as_ref().map(ToString::to_string),
        }))
    }

    pub(super) fn checkpoint(given: &Value) -> Verdict {
        let note = text(&given["note"]);
        let (signed, signatures) = Checkpoint::verify(note, &keys(given)).map_err(|error| words(note_word(&error)))?;
        let statement = signed.statement();
        assert_eq!(&Checkpoint::parse(note).unwrap(), statement);
        if let (Some(ed25519), Some(ml_dsa)) =
            (given["seeds"]["ed25519"].as_str(), given["seeds"]["ml_dsa_44"].as_str())
        {
            let signer = Ed25519Signer::new(&statement.origin, &seed(&ed25519.into()));
            let cosigner = Cosigner::new(&statement.origin, &seed(&ml_dsa.into()));
            let time = given["time"].as_u64();
            let ours = statement.clone().sign(&signer, time.map(|time| (&cosigner, time)));
            assert_eq!(ours, signed, "our signatures are the same");
        }
        Ok(json!({
            "origin": statement.origin, "size": statement.size, "root": hex(&statement.root),
            "held": strings(&signatures.held),
            "witnessed": signatures.witnessed.iter().map(|word| word.key.to_string()).collect::<Vec<_>>(),
            "witnessed_at": signatures.witnessed.iter().map(|word| word.unix_seconds).collect::<Vec<_>>(),
            "cosigned": signatures.cosigned, "unknown": signatures.unknown,
        }))
    }

    pub(super) fn inclusion(given: &Value) -> Verdict {
        let (index, size) = (number_of(&given["index"]), number_of(&given["size"]));
        let root = root(&given["root"]);
        proof::verify_inclusion(&hash(&given["hash"]), index, size, &path(given), &root)
            .map_err(|error| proof_words(&error))?;
        let leaves = |from, to| leaves(from, to);
        assert_eq!(
            proof::inclusion(&leaves(0, index), &leaves(index + 1, size)).unwrap(),
            path(given),
            "our path is the same"
        );
        Ok(json!({}))
    }

    pub(super) fn consistency(given: &Value) -> Verdict {
        let (old, size) = (number_of(&given["old"]), number_of(&given["size"]));
        let (old_root, new_root) = (root(&given["old_root"]), root(&given["root"]));
        let verdict = proof::verify_consistency((old, &old_root), (size, &new_root), &path(given));
        verdict.map_err(|error| proof_words(&error))?;
        assert_eq!(
            proof::consistency(&leaves(0, old), &leaves(old, size)).unwrap(),
            path(given),
            "our path is the same"
        );
        Ok(json!({}))
    }

    pub(super) fn proof(given: &Value) -> Verdict {
        let read = Proof::from_text(text(&given["text"])).map_err(|error| proof_words(&error))?;
        let (checkpoint, signatures) =
            read.verify(&hash(&given["hash"]), &keys(given)).map_err(|error| proof_words(&error))?;
        assert_eq!(read.to_text(), text(&given["text"]));
        Ok(json!({"index": read.index, "size": checkpoint.statement().size, "held": strings(&signatures.held)}))
    }

    pub(super) fn names(given: &Value) -> Verdict {
        let chain: ChainName = text(&given["chain"]).parse().unwrap();
        let (first, size) = (Sequence::new(number_of(&given["sequence"])), number_of(&given["size"]));
        let (observed, seconds) = (UnixNanos(text(&given["observed"]).parse().unwrap()), number_of(&given["seconds"]));
        let key = segment::object_key(&chain, observed, first);
        let parsed = segment::parse_object_key(&key).unwrap();
        assert_eq!((&parsed.chain, parsed.date, parsed.first), (&chain, segment::day(observed).as_str(), first));
        let checkpoint = segment::checkpoint_key(&chain, size, seconds);
        assert_eq!(segment::parse_checkpoint_key(&checkpoint), Some((chain.clone(), size, seconds)));
        let range = segment::range_key(&chain, size, seconds);
        let (stamp, revocation) =
            (segment::stamp_key(&chain, size, seconds), segment::revocation_key(&chain, size, seconds));
        let witness = [0xb5, 0xa4, 0x3f, 0xfb];
        let cosigned = segment::cosigned_key(&chain, size, seconds, witness);
        Ok(json!({
            "segment": key, "genesis": segment::genesis_key(&chain), "checkpoint": checkpoint, "range": range,
            "cosigned": cosigned, "stamp": stamp, "revocation": revocation,
        }))
    }

    pub(super) fn name(given: &Value) -> Verdict {
        let name = text(&given["text"]);
        let taken = match text(&given["what"]) {
            "chain" => name.parse::<ChainName>().is_ok(),
            "segment" => segment::parse_object_key(name).is_some(),
            "checkpoint" => segment::parse_checkpoint_key(name).is_some(),
            other => panic!("unknown name {other}"),
        };
        if taken { Ok(json!({})) } else { Err(words("name")) }
    }

    pub(super) fn stream(given: &Value) -> Verdict {
        let value = const_hex::decode(text(&given["value"])).unwrap();
        let mut records = Vec::new();
        let read = read_stream(&value, &mut |streamed| {
            let content = Content::write(&streamed.record.log, &Tail::write(&streamed.record.context));
            let link = streamed.link;
            assert_eq!(content.checksum(), link.checksum, "without the seven attributes the content is back");
            let received = record::received(&streamed.record.context);
            records.push(json!({
                "chain": streamed.chain, "sequence": link.sequence.get(), "observed": link.observed.0.to_string(),
                "prev_hash": link.previous.to_string(), "checksum": link.checksum.to_string(),
                "hash": link.hash.to_string(), "received": received,
            }));
        });
        match read {
            Ok(()) => Ok(json!({ "records": records })),
            Err(StreamError::Attribute { attribute, .. }) => Err(vec!["attribute".into(), attribute.into()]),
            Err(StreamError::Malformed(_)) => Err(words("malformed")),
            Err(other) => panic!("no vector asks for {other}"),
        }
    }
}

fn words(word: &str) -> Vec<Value> {
    vec![word.into()]
}

fn word(broken: &Break) -> &'static str {
    match broken {
        Break::Sequence { .. } => "sequence",
        Break::Previous { .. } => "previous",
        Break::Content { .. } => "content",
        Break::Time { .. } => "time",
        Break::Hash { .. } => "hash",
    }
}

fn range_word(error: &RangeError) -> &'static str {
    match error {
        RangeError::Bounds { .. } => "bounds",
        RangeError::Nodes { .. } => "nodes",
        RangeError::Apart { .. } => "apart",
        RangeError::Line { .. } => "line",
    }
}

fn note_word(error: &NoteError) -> &'static str {
    match error {
        NoteError::Form(_) => "form",
        NoteError::Vkey(_) => "vkey",
        NoteError::Forged { .. } => "forged",
        NoteError::Unsigned { .. } => "unsigned",
        NoteError::Statement { .. } => "statement",
    }
}

fn proof_words(error: &ProofError) -> Vec<Value> {
    words(match error {
        ProofError::Outside { .. } => "outside",
        ProofError::Backwards { .. } => "backwards",
        ProofError::Length { .. } => "length",
        ProofError::Root { .. } => "root",
        ProofError::Ranges(error) => range_word(error),
        ProofError::Form(_) => "form",
        ProofError::Note(error) => note_word(error),
    })
}

/// The range `[begin, end)` over the vectors' hashes, SHA-256 of the decimal of n.
fn leaves(begin: u64, end: u64) -> CompactRange {
    let mut range = CompactRange::empty(begin);
    for n in begin..end {
        let hash = Hash(Sha256::digest(n.to_string()).into());
        range.join(&CompactRange::from_nodes(n, n + 1, vec![leaf(&hash)]).unwrap()).unwrap();
    }
    range
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}
fn number_of(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}
fn hash(value: &Value) -> Hash {
    text(value).parse().expect("a hash")
}
fn root(value: &Value) -> Root {
    Root(hash(value).0)
}
fn hex(root: &Root) -> String {
    const_hex::encode(root.0)
}
fn path(given: &Value) -> Vec<[u8; 32]> {
    list(&given["path"]).iter().map(|step| hash(step).0).collect()
}
fn keys(given: &Value) -> Vec<Vkey> {
    list(&given["keys"]).iter().map(|key| text(key).parse().expect("a key")).collect()
}
fn strings(keys: &[Vkey]) -> Vec<String> {
    keys.iter().map(Vkey::to_string).collect()
}
fn seed(value: &Value) -> [u8; 32] {
    hash(value).0
}
